/* `tandem hw` as a document for programs and as tables for people. */
#include <stdio.h>
#include <string.h>

#include "cli_cell.h"
#include "hw_view.h"
#include "space_sample.h"

/* Bits per cycle and instance, both directions together. */
static double port_bits(const td_level *v) {
    return fmin(v->shared_bw, v->read_bw + v->write_bw);
}

static double all_mm2(const td_level *v) {
    return v->area_mm2 * v->instances;
}

static double per_byte(const td_level *v, double pj) {
    return pj * 8 / v->block_bits;
}

static const char *letters(const char *alphabet, int n, unsigned mask, char out[16]) {
    int k = 0;
    for (int i = 0; i < n; i++)
        if (mask & TD_BIT(i)) out[k++] = alphabet[i];
    out[k] = '\0';
    return out;
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void put_known(td_arena *a, td_node *m, const char *key, double v) {
    if (isfinite(v)) td_node_put_real(a, m, key, v);
}

static td_node *level_node(const td_hw *hw, int l, const td_power *p, td_arena *a) {
    const td_level *v = &hw->level[l];
    char text[16];
    td_node *m = td_node_map(a);
    td_node_put_string(a, m, "name", v->name);
    td_node_put_int(a, m, "instances", v->instances);
    td_node_put_int(a, m, "columns", v->mesh_x);
    if (v->capacity_bits >= 0)
        td_node_put_real(a, m, "capacity_bytes", (double)v->capacity_bits / 8);
    if (v->shares >= 0) td_node_put_string(a, m, "shares", hw->level[v->shares].name);
    td_node_put_real(a, m, "buffering", v->buffering);
    td_node_put_string(a, m, "keeps", letters(td_tensor_letter, TD_NTENSOR, v->may_keep, text));
    put_known(a, m, "read_bytes_per_cycle", v->read_bw / 8);
    put_known(a, m, "write_bytes_per_cycle", v->write_bw / 8);
    put_known(a, m, "shared_bytes_per_cycle", v->shared_bw / 8);
    put_known(a, m, "bytes_per_s", port_bits(v) / 8 * v->instances * hw->clock_hz);
    td_node_put_real(a, m, "block_bytes", v->block_bits / 8.0);
    td_node_put_real(a, m, "read_pj_per_byte", per_byte(v, v->read_pj));
    td_node_put_real(a, m, "fill_pj_per_byte", per_byte(v, v->fill_pj));
    td_node_put_real(a, m, "update_pj_per_byte", per_byte(v, v->update_pj));
    td_node_put_real(a, m, "area_mm2", all_mm2(v));
    td_node_put_real(a, m, "peak_w", p->level_w[l]);
    td_node *timing = td_timing_to_node(&v->timing, a);
    if (timing != NULL) td_node_put(a, m, "timing", timing);
    if (v->reload != 0)
        td_node_put_string(a, m, "reload", letters(td_tensor_letter, TD_NTENSOR, v->reload, text));
    if (p->unlimited & TD_BIT(l)) td_node_put_bool(a, m, "unlimited", true);
    for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++) {
        td_node *f = td_node_put(a, m, axis == TD_AXIS_X ? "x" : "y", td_node_map(a));
        td_node_put_int(a, f, "fan_out", td_hw_fanout(hw, l, axis));
        td_node_put_string(a, f, "dims",
                           letters(td_dim_letter, TD_NDIM, hw->rules.allowed[l][axis], text));
        if (hw->rules.single[l][axis]) td_node_put_bool(a, f, "single", true);
    }
    return m;
}

static void put_pair(td_node *map, const char *key, double chip, double total, td_arena *a) {
    td_node *m = td_node_put(a, map, key, td_node_map(a));
    td_node_put_real(a, m, "chip", chip);
    td_node_put_real(a, m, "total", total);
}

static td_node *power_node(const td_power *p, td_arena *a) {
    td_node *m = td_node_map(a);
    td_node_put_real(a, m, "tops", p->tops);
    td_node_put_real(a, m, "mac_w", p->mac_w);
    td_node_put_real(a, m, "vector_w", p->vector_w);
    td_node_put_real(a, m, "clock_w", p->clock_w);
    td_node_put_real(a, m, "leak_w", p->leak_w);
    put_pair(m, "power_w", p->chip_w, p->total_w, a);
    put_pair(m, "tops_per_w", p->tops / p->chip_w, p->tops / p->total_w, a);
    return m;
}

static td_node *layer_node(const hw_view *v, td_arena *a) {
    td_node *m = td_node_map(a);
    td_node_put_string(a, m, "layer", v->layer);
    if (v->no_mapping != NULL) {
        td_node_put_string(a, m, "no_mapping", v->no_mapping);
        return m;
    }
    hw_layer_power p = hw_view_layer(v);
    td_node_put_int(a, m, "cycles", v->best.cost.cycles);
    td_node_put_real(a, m, "utilization", p.tops / v->power.tops);
    td_node_put_real(a, m, "tops", p.tops);
    put_pair(m, "power_w", p.chip_w, p.total_w, a);
    put_pair(m, "tops_per_w", p.tops / p.chip_w, p.tops / p.total_w, a);
    return m;
}

/* A copy of the maps, so that what was read from a file stays as it is. */
static td_node *tech_node(const td_node *doc, td_arena *a) {
    td_node *m = td_node_map(a), *list = NULL;
    for (int i = 0; i < doc->count; i++) {
        const td_node *c = doc->item[i];
        if (c->kind != TD_MAP) {
            td_node_put_string(a, m, c->key, c->text);
            continue;
        }
        if (list == NULL) list = td_node_put(a, m, "coefficients", td_node_list(a));
        td_node *e = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, e, "name", c->key);
        td_node_put_real(a, e, "value", td_node_find(c, "value")->real);
        static const char *const texts[] = {"unit", "confidence", "source"};
        for (int k = 0; k < 3; k++)
            td_node_put_string(a, e, texts[k], td_node_find(c, texts[k])->text);
    }
    return m;
}

td_node *hw_view_node(const hw_view *v, td_arena *a) {
    const td_hw *hw = &v->hw;
    td_node *m = td_node_map(a);
    td_node_put_string(a, m, "name", hw->name);
    if (hw->node[0] != '\0') td_node_put_string(a, m, "node", hw->node);
    td_node_put_real(a, m, "clock_hz", hw->clock_hz);
    if (hw->relative_energy) td_node_put_bool(a, m, "relative_energy", true);
    td_node *mac = td_node_put(a, m, "mac", td_node_map(a));
    td_node_put_int(a, mac, "instances", hw->mac.instances);
    td_node_put_int(a, mac, "columns", hw->mac.mesh_x);
    td_node_put_int(a, mac, "bits", hw->mac.bits);
    td_node_put_real(a, mac, "energy_pj", hw->mac.energy_pj);
    if (hw->mac.gated_pj > 0) td_node_put_real(a, mac, "gated_pj", hw->mac.gated_pj);
    if (hw->vec.lanes > 0) {
        td_node *vec = td_node_put(a, m, "vector", td_node_map(a));
        td_node_put_int(a, vec, "lanes", hw->vec.lanes);
        td_node_put_real(a, vec, "energy_pj", hw->vec.energy_pj);
        put_known(a, vec, "bytes_per_cycle", hw->vec.bw / 8);
    }
    td_node *list = td_node_put(a, m, "levels", td_node_list(a));
    for (int l = 0; l < hw->n; l++) td_node_push(a, list, level_node(hw, l, &v->power, a));
    td_node_put(a, m, "peak", power_node(&v->power, a));
    td_node_put(a, m, "mapped", layer_node(v, a));
    put_known(a, m, "area_mm2", hw->area_mm2);
    list = td_node_put(a, m, "area_parts", td_node_list(a));
    for (int i = 0; i < v->parts; i++) {
        td_node *part = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, part, "name", v->part[i].name);
        td_node_put_real(a, part, "mm2", v->part[i].mm2);
    }
    if (v->parameters != NULL) td_node_put(a, m, "parameters", (td_node *)v->parameters);
    if (v->tech != NULL) td_node_put(a, m, "technology", tech_node(v->tech, a));
    if (v->points != NULL) td_node_put_string(a, m, "space", v->points);
    if (v->walk != NULL) td_node_put(a, m, "walked", (td_node *)v->walk);
    return m;
}

/* ---- for people ------------------------------------------------------------------------------ */

/* Bytes per cycle; "-": no limit. */
static const char *bytes_cell(double bits, char out[24]) {
    if (isfinite(bits))
        snprintf(out, 24, "%.6g", bits / 8);
    else
        snprintf(out, 24, "-");
    return out;
}

static void add_head(const td_hw *hw, const td_power *p, td_text *t) {
    td_text_addf(t, "%s: %s MACs of %d bits, %.4g pJ each, at %.4g GHz: peak %.4g TOPS", hw->name,
                 cli_thousands(hw->mac.instances).s, hw->mac.bits,
                 hw->mac.energy_pj + hw->mac.gated_pj, hw->clock_hz * 1e-9, p->tops);
    if (hw->mac.gated_pj > 0)
        td_text_addf(t, "; operands are gated: %.4g pJ fall with their width", hw->mac.gated_pj);
    if (isfinite(hw->area_mm2)) td_text_addf(t, "; %.4g mm2", hw->area_mm2);
    td_text_addf(t, "%s%s\n\n", hw->node[0] != '\0' ? "; " : "", hw->node);
}

static void add_levels(const hw_view *v, td_text *t) {
    const td_hw *hw = &v->hw;
    td_text_addf(t, "\n  %-14s %9s %10s %-5s %9s %9s %9s %9s %6s %8s %8s %8s %8s\n", "",
                 "instances", "capacity", "keeps", "B/cycle:r", "write", "both", "all, GB/s",
                 "block", "pJ/B: r", "fill", "update", "mm2");
    for (int l = hw->n - 1; l >= 0; l--) {
        const td_level *s = &hw->level[l];
        char r[24], w[24], b[24], all[24], cap[40] = "-", keeps[16], mm2[24] = "-";
        if (s->capacity_bits >= 0)
            snprintf(cap, sizeof cap, "%s", cli_bytes((double)s->capacity_bits / 8).s);
        if (s->area_mm2 > 0) snprintf(mm2, sizeof mm2, "%.4g", all_mm2(s));
        td_text_addf(
            t, "  %-14s %9s %10s %-5s %9s %9s %9s %9s %6.4g %8.4g %8.4g %8.4g %8s\n", s->name,
            cli_thousands(s->instances).s, cap,
            letters(td_tensor_letter, TD_NTENSOR, s->may_keep, keeps), bytes_cell(s->read_bw, r),
            bytes_cell(s->write_bw, w), bytes_cell(s->shared_bw, b),
            bytes_cell(port_bits(s) * s->instances * hw->clock_hz * 1e-9, all), s->block_bits / 8.0,
            per_byte(s, s->read_pj), per_byte(s, s->fill_pj), per_byte(s, s->update_pj), mm2);
    }
    if (hw->vec.lanes > 0)
        td_text_addf(t, "  vector unit: %s operations per cycle, %.4g pJ each%s%s%s\n",
                     cli_thousands(hw->vec.lanes).s, hw->vec.energy_pj,
                     isfinite(hw->vec.bw) ? ", " : "",
                     isfinite(hw->vec.bw) ? cli_thousands(hw->vec.bw / 8).s : "",
                     isfinite(hw->vec.bw) ? " B/cycle" : "");
}

/* Time beyond the ideal, in the words of the file. */
static void add_timing(const td_hw *hw, td_text *t) {
    td_arena *a = td_arena_create();
    for (int l = hw->n - 1; l >= 0; l--) {
        const td_node *m = td_timing_to_node(&hw->level[l].timing, a);
        char text[16];
        if (hw->level[l].reload != 0)
            td_text_addf(t, "  %s brings in anew what it holds of %s\n", hw->level[l].name,
                         letters(td_tensor_letter, TD_NTENSOR, hw->level[l].reload, text));
        if (m == NULL) continue;
        td_text_addf(t, "  timing of %s: ", hw->level[l].name);
        td_node_to_json(m, 0, t);
        td_text_add(t, "\n");
    }
    td_arena_destroy(a);
    if (hw->rules.im2col) td_text_add(t, "  layers run as matrix products (im2col)\n");
}

static void add_power(const hw_view *v, td_text *t) {
    const td_hw *hw = &v->hw;
    const td_power *p = &v->power;
    if (v->tech != NULL && td_node_find(v->tech, "form") != NULL) {
        td_text_addf(t, "\npower: energies are in units of the table %s: no watts\n",
                     td_node_find(v->tech, "node")->text);
        return;
    }
    if (hw->relative_energy) td_text_add(t, "\nenergies are relative: read the watts as shares");
    /* Where a port has no limit in the file, what is counted is the least, and no efficiency. */
    const char *least = p->unlimited != 0 ? "at least " : "";
    td_text_addf(t, "\npeak power, all MACs and ports busy: %s%s on chip, %s in all", least,
                 cli_small(p->chip_w, "W").s, cli_small(p->total_w, "W").s);
    if (p->unlimited == 0)
        td_text_addf(t, "; by it %.3g and %.3g TOPS/W", p->tops / p->chip_w, p->tops / p->total_w);
    td_text_addf(t, "\n  MACs %s", cli_small(p->mac_w, "W").s);
    if (p->vector_w > 0) td_text_addf(t, ", vector unit %s", cli_small(p->vector_w, "W").s);
    for (int l = 0; l < hw->n; l++)
        td_text_addf(t, ", %s%s %s", p->unlimited & TD_BIT(l) ? "at least " : "", hw->level[l].name,
                     cli_small(p->level_w[l], "W").s);
    if (p->clock_w > 0) td_text_addf(t, ", clock tree %s", cli_small(p->clock_w, "W").s);
    if (p->leak_w > 0) td_text_addf(t, ", leakage %s", cli_small(p->leak_w, "W").s);
    td_text_add(t, "\n");
    if (p->unlimited != 0)
        td_text_add(t, "  at least: a port there has no limit in the file and is not counted\n");
    td_text_addf(t, "a dense layer (%s), mapped for latency: ", v->layer);
    if (v->no_mapping != NULL) {
        td_text_addf(t, "none; %s\n", v->no_mapping);
        return;
    }
    hw_layer_power q = hw_view_layer(v);
    td_text_addf(t, "%.3g TOPS (%.0f %%),\n  %s on chip, %s in all; %.3g and %.3g TOPS/W\n", q.tops,
                 100 * q.tops / p->tops, cli_small(q.chip_w, "W").s, cli_small(q.total_w, "W").s,
                 q.tops / q.chip_w, q.tops / q.total_w);
}

static void add_area(const hw_view *v, td_text *t) {
    if (!isfinite(v->hw.area_mm2)) {
        td_text_add(t, "\narea: not in the file\n");
        return;
    }
    td_text_addf(t, "\narea %.2f mm2%s\n", v->hw.area_mm2,
                 v->parts == 0 ? ", components: not in the file" : "");
    for (int i = 0; i < v->parts; i++)
        td_text_addf(t, "  %-16s %9.4f  %5.1f %%\n", v->part[i].name, v->part[i].mm2,
                     100 * v->part[i].mm2 / v->hw.area_mm2);
}

/* The coefficients, each with how sure it is; their sources are in the file and in the JSON. */
static void add_tech(const td_node *doc, td_text *t) {
    td_text_addf(t, "\ntechnology %s (%s)\n", td_node_find(doc, "node")->text,
                 doc->file != NULL ? doc->file : "");
    for (int i = 0; i < doc->count; i++) {
        const td_node *c = doc->item[i];
        if (c->kind == TD_MAP)
            td_text_addf(t, "  %-20s %10.6g %-14s %s\n", c->key, td_node_find(c, "value")->real,
                         strcmp(c->key, "mac_um2") == 0 ? "um2 per 4 MACs"
                                                        : td_node_find(c, "unit")->text,
                         td_node_find(c, "confidence")->text);
    }
}

void hw_view_table(const hw_view *v, td_text *t) {
    add_head(&v->hw, &v->power, t);
    hw_draw(&v->hw, t);
    add_levels(v, t);
    add_timing(&v->hw, t);
    add_power(v, t);
    add_area(v, t);
    if (v->tech != NULL) add_tech(v->tech, t);
    if (v->points == NULL) return;
    if (v->walk != NULL) {
        cli_walk_table(v->walk, t);
    } else {
        td_text_add(t, "\nspace: ");
        td_text_add_grouped(t, v->points);
        td_text_add(t, " accelerators\n");
    }
}
