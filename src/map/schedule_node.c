/* A schedule as a document: every figure of every interval, down to level and tensor. */
#include "schedule.h"

#include <stdio.h>
#include <string.h>

static const char *const place_names[] = {"dram", "chip", "staged", "bands"};

static td_node *put_energy(const td_hw *hw, const td_interval *t, td_arena *a, td_node *to) {
    td_node *e = td_node_put(a, to, "energy_pj", td_node_map(a));
    double dynamic_pj = (t->energy_j - hw->leak_w * t->latency_s) * 1e12, known = 0;
    if (t->mapped) {
        const td_cost *c = &t->cost;
        td_node_put_real(a, e, "mac", t->bands * c->mac_pj);
        td_node *levels = td_node_put(a, e, "levels", td_node_map(a));
        for (int l = 0; l < hw->n; l++) {
            td_node *level = td_node_put(a, levels, hw->level[l].name, td_node_map(a));
            for (int k = 0; k < TD_NTENSOR; k++) {
                if (!(t->mapping.keep[l] & TD_BIT(k))) continue;
                const char letter[2] = {td_tensor_letter[k], 0};
                td_node_put_real(a, level, letter, t->bands * c->at[l][k].energy_pj);
            }
        }
        known = t->bands * td__mapped_pj(hw, c);
        td_node_put_real(a, e, "clock_tree", known - t->bands * c->total_pj);
        /* What the mapping does not know of. */
        const char *rest = t->joined >= 0 ? "joined_and_loading_weights" : "loading_weights";
        td_node_put_real(a, e, rest, dynamic_pj > known ? dynamic_pj - known : 0);
    } else {
        td_node_put_real(a, e, "vector_unit_and_memories", dynamic_pj);
    }
    td_node_put_real(a, e, "leakage", hw->leak_w * t->latency_s * 1e12);
    return e;
}

static td_node *interval_node(const td_net *net, const td_hw *hw, const td_interval *t,
                              td_arena *a) {
    const td_layer *l = td_net_layer(net, t->layer);
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "layer", l->name);
    td_node_put_string(a, n, "op", td_op_name(l->op));
    if (t->joined >= 0) td_node_put_string(a, n, "joined", td_net_layer(net, t->joined)->name);
    td_node *p = td_node_put(a, n, "places", td_node_map(a));
    td_node_put_string(a, p, "input", place_names[t->input]);
    if (l->n_inputs > 1 || t->joined >= 0)
        td_node_put_string(a, p, "input2", place_names[t->input2]);
    td_node_put_string(a, p, "output", place_names[t->output]);
    if (t->mapped) td_node_put_string(a, p, "weights", place_names[t->weights]);
    td_node_put_int(a, n, "macs", t->macs);
    if (t->mapped) {
        td_node_put_int(a, n, "bands", t->bands);
        td_node_put_int(a, n, "rows", t->rows);
    }
    td_node_put_real(a, n, "cycles", t->cycles);
    td_node_put_real(a, n, "compute_cycles", t->compute_cycles);
    td_node_put_real(a, n, "dram_cycles", t->dram_cycles);
    td_node_put_string(a, n, "limit", t->limit);
    td_node_put_real(a, n, "utilization", t->utilization);
    td_node_put_real(a, n, "latency_s", t->latency_s);
    td_node_put_real(a, n, "energy_j", t->energy_j);
    put_energy(hw, t, a, n);
    td_node *d = td_node_put(a, n, "dram_bytes", td_node_map(a));
    td_node_put_real(a, d, "W", t->dram_bytes[TD_W]);
    td_node_put_real(a, d, "I", t->dram_bytes[TD_I]);
    td_node_put_real(a, d, "O", t->dram_bytes[TD_O]);
    td_node_put_real(a, d, "prefetch", t->prefetch_bytes);
    td_node_put_int(a, n, "chip_bytes", t->chip_bytes);
    if (t->mapped) {
        td_node_put_int(a, n, "mapping_cycles", t->cost.cycles);
        td_node_put_real(a, n, "mapping_pj", t->cost.total_pj);
        td_text text = {0};
        td_case c;
        td_mapping_print(&t->problem, &t->hw, &t->mapping, &text);
        td_node_put_string(a, n, "mapping", text.data != NULL && !text.failed ? text.data : "");
        td_text_free(&text);
        td_interval_case(net, t, &c);
        td_node_put(a, n, "case", td_case_to_node(&c, a));
    }
    return n;
}

td_node *td_schedule_to_node(const td_net *net, const td_hw *hw, const td_schedule *s,
                             td_arena *a) {
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "network", td_net_name(net));
    td_node_put_string(a, n, "accelerator", hw->name);
    td_node_put_string(a, n, "objective", td_map_objective_name(s->objective));
    td_node_put_string(a, n, "counting", s->counting == TD_COUNT_EXACT ? "exact" : "timeloop");
    td_node_put_bool(a, n, "cold", s->cold);
    td_node_put_bool(a, n, "depth_first", !s->layer_by_layer);
    td_node_put_int(a, n, "batch", s->batch);
    td_node_put_int(a, n, "max_nodes", (int64_t)s->max_nodes);
    td_node_put_real(a, n, "latency_s", s->latency_s);
    td_node_put_real(a, n, "bound_latency_s", s->bound_latency_s);
    td_node_put_bool(a, n, "places_proved", s->proved);
    td_node_put_real(a, n, "energy_j", s->energy_j);
    td_node_put_real(a, n, "dynamic_j", s->dynamic_j);
    td_node_put_real(a, n, "leak_j", s->leak_j);
    td_node_put_real(a, n, "power_w", s->power_w);
    td_node_put_real(a, n, "utilization", s->utilization);
    td_node_put_real(a, n, "dram_bytes", s->dram_bytes);
    td_node_put_int(a, n, "resident_weight_bytes", s->resident_weight_bytes);
    td_node_put_int(a, n, "peak_chip_bytes", s->peak_chip_bytes);
    td_node *list = td_node_put(a, n, "intervals", td_node_list(a));
    for (int i = 0; i < s->n; i++)
        if (td_node_push(a, list, interval_node(net, hw, &s->interval[i], a)) == NULL) return NULL;
    return n;
}

void td_interval_case(const td_net *net, const td_interval *i, td_case *out) {
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "%.60s/%s", td_net_name(net),
             td_net_layer(net, i->layer)->name);
    out->problem = i->problem;
    out->hw = i->hw;
    out->mapping = i->mapping;
    out->has_mapping = i->mapped;
}
