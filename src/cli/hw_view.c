/* Gathers what there is to tell of an accelerator. */
#include "hw_view.h"

#include <stdio.h>
#include <string.h>

#include "space_sample.h"

/* A 3x3 convolution in the middle of a large network: nothing of it is scarce but MACs. */
static const char LAYER[] = "conv K512 C512 P32 Q32 R3 S3";

static void add_part(hw_view *v, const char *name, double mm2) {
    v->part[v->parts++] = (hw_part){name, mm2};
}

static td_status template_parts(const td_node *doc, hw_view *v, td_arena *a, td_error *err) {
    td_template p;
    td_tech t;
    td_area area;
    td_status s = td_template_from_node(doc, &p, err);
    if (s != TD_OK) return s;
    v->parameters = td_template_to_node(&p, a);
    if (!td_template_has_area(&p)) return TD_OK;
    s = td_tech_load(p.of.edge.tech, &t, err);
    if (s == TD_OK) s = td_edge_area(&p.of.edge, &t, &area, err);
    if (s != TD_OK) return s;
    add_part(v, "MACs", area.mac);
    add_part(v, "register files", area.rf);
    add_part(v, "SRAM", area.sram);
    add_part(v, "PEs and lanes", area.pe_lane);
    add_part(v, "I/O", area.io);
    add_part(v, "fixed", area.fixed);
    add_part(v, "top level", area.overhead);
    return TD_OK;
}

/* What the file tells of its levels and MACs, and what is left of the chip. */
static void general_parts(hw_view *v) {
    const td_hw *hw = &v->hw;
    double sum = hw->mac.area_mm2 * hw->mac.instances;
    if (sum > 0) add_part(v, "MACs", sum);
    for (int l = 0; l < hw->n; l++) {
        double mm2 = hw->level[l].area_mm2 * hw->level[l].instances;
        if (mm2 > 0) add_part(v, hw->level[l].name, mm2);
        sum += mm2;
    }
    if (v->parts > 0 && hw->area_mm2 > sum) add_part(v, "other", hw->area_mm2 - sum);
}

static td_status load_tech(const td_node *doc, td_arena *a, hw_view *v, td_error *err) {
    const char *name = NULL, *path;
    td_status s = td_node_opt_string(doc, "tech", &name, err);
    if (s != TD_OK || name == NULL) return s;
    s = td_tech_find(a, name, &path, err);
    return s == TD_OK ? td_node_load(a, path, &v->tech, err) : s;
}

static td_status walk_space(const td_node *doc, td_arena *a, hw_view *v, td_error *err) {
    td_space *space;
    td_text size = {0};
    const td_node *map = td_node_find(doc, "space");
    if (v->parameters == NULL || map == NULL || map->kind == TD_NULL) return TD_OK;
    td_status s = td_space_hw_from_node(doc, a, &space, err);
    if (s == TD_OK) s = td_space_size(space, &size, err);
    if (s == TD_OK) v->points = td_arena_strdup(a, size.data);
    td_text_free(&size);
    if (s != TD_OK || !cli_points_few(space)) return s;
    cli_draw d = {.space = space};
    cli_points all = {0};
    s = cli_points_draw(&d, &all, err);
    if (s == TD_OK) v->walk = cli_walk_node(&all, "accelerators", a);
    cli_points_free(&all);
    return s;
}

static td_status map_layer(td_arena *a, hw_view *v, td_error *err) {
    td_problem p;
    td_map_query q;
    td_error why = {0};
    td_status s = td_problem_parse(LAYER, &p, err);
    if (s != TD_OK) return s;
    td_hw_layer_bits(&v->hw, &p);
    snprintf(v->layer, sizeof v->layer, "%s", LAYER);
    td_map_query_default(&q, &v->hw);
    q.objective = TD_OBJ_LATENCY;
    s = td_map_best(&p, &v->hw, &q, &v->best, NULL, &why);
    if (s == TD_E_INFEASIBLE) {
        v->no_mapping = td_arena_strdup(a, why.message);
        return TD_OK;
    }
    if (s != TD_OK && err != NULL) *err = why;
    return s;
}

hw_layer_power hw_view_layer(const hw_view *v) {
    const td_hw *hw = &v->hw;
    const td_cost *c = &v->best.cost;
    td_problem p;
    double chip = c->mac_pj, seconds = (double)c->cycles / hw->clock_hz;
    for (int l = 0; l < hw->n - 1; l++) chip += c->level_pj[l];
    chip = chip * (1 + hw->clock_tree) * 1e-12 / seconds + hw->leak_w;
    double macs = td_problem_parse(LAYER, &p, NULL) == TD_OK ? (double)td_problem_macs(&p) : 0;
    return (hw_layer_power){.chip_w = chip,
                            .total_w = chip + c->level_pj[hw->n - 1] * 1e-12 / seconds,
                            .tops = 2 * macs / seconds * 1e-12};
}

td_status hw_view_make(const td_node *doc, td_arena *a, hw_view *out, td_error *err) {
    hw_view v = {0};
    td_status s = td_hw_from_node(doc, &v.hw, err);
    if (s != TD_OK) return s;
    td_hw_power(&v.hw, &v.power);
    if (td_node_find(doc, "template") != NULL)
        s = template_parts(doc, &v, a, err);
    else
        general_parts(&v);
    if (s == TD_OK) s = load_tech(doc, a, &v, err);
    if (s == TD_OK) s = walk_space(doc, a, &v, err);
    if (s == TD_OK) s = map_layer(a, &v, err);
    if (s == TD_OK) *out = v;
    return s;
}
