/* The edge template's parameters. */
#include "edge_param.h"

#define F(name) offsetof(td_edge, name)
static const td__parameter PARAMETERS[] = {
    {"pe_x", F(pe_x), TD__I32, 1, 1, 1024, NAN},
    {"pe_y", F(pe_y), TD__I32, 1, 1, 1024, NAN},
    {"simd", F(simd), TD__I32, 1, 1, 65536, NAN},
    {"lanes", F(lanes), TD__I32, 1, 1, 4096, NAN},
    {"local_kb", F(local_bytes), TD__I64, 1024, 1. / 1024, 1 << 22, NAN},
    {"rf_kb", F(rf_bytes), TD__I64, 1024, 1. / 1024, 1 << 22, NAN},
    {"io_gbps", F(io_bytes_per_s), TD__REAL, 1e9, 1e-6, 1e6, NAN},
    {"clock_ghz", F(clock_hz), TD__REAL, 1e9, 1e-6, 1e3, NAN},
    {"port_bytes", F(port_bytes), TD__I32, 1, 1, 65536, NAN},
    {"rf_weight_steps", F(rf_weight_steps), TD__I32, 1, 0, 65536, 0},
    {"rf_accumulators", F(rf_accumulators), TD__I32, 1, 0, 65536, 0},
    {"min_total_kb", F(min_total_bytes), TD__I64, 1024, 0, 1 << 30, 0},
    {"max_rf_share", F(max_rf_share), TD__REAL, 1, 0, 1e3, 0},
    {"max_lane_width", F(max_lane_width), TD__I32, 1, 0, INT32_MAX, 0},
    {"route_extra", F(route_extra), TD__I32, 1, 0, 65536, 0},
    {"min_macs", F(min_macs), TD__I32, 1, 0, INT32_MAX, 0},
    {"max_macs", F(max_macs), TD__I32, 1, 0, INT32_MAX, 0},
    {"fixed_mm2", F(fixed_mm2), TD__REAL, 1, -1, 1e6, -1},
    {"pe_um2", F(pe_um2), TD__REAL, 1, -1, 1e9, -1},
    {"lane_um2", F(lane_um2), TD__REAL, 1, -1, 1e9, -1},
    {"macro_um2", F(macro_um2), TD__REAL, 1, -1, 1e9, -1},
    {"local_ports", F(local_ports), TD__I32, 1, 1, 2, 2},
    {"operand_gating", F(operand_gating), TD__I32, 1, 0, 1, 0},
};
enum { N_PARAMETERS = sizeof PARAMETERS / sizeof PARAMETERS[0] };

/* 2^10 * 2^10 * 2^12 * 2^16 * 4 = 2^50: exact in 64 bits, has to fit the 32 of `instances`. */
static td_status check(const void *self, td_error *err) {
    const td_edge *p = self;
    int64_t macs = (int64_t)p->pe_x * p->pe_y * p->lanes * p->simd * 4;
    if (macs > INT32_MAX)
        return td_fail(err, TD_E_USAGE,
                       "pe_x * pe_y * lanes * simd * 4: expected at most %d MACs, found %lld",
                       INT32_MAX, (long long)macs);
    return TD_OK;
}

static td_status build(const void *p, const td_tech *tech, td_hw *hw, int64_t *missing_bytes,
                       td_error *err) {
    return td_edge_build(p, tech, hw, missing_bytes, err);
}

const td__template td__edge_template = {.name = "edge",
                                        .size = sizeof(td_edge),
                                        .tech = F(tech),
                                        .parameter = PARAMETERS,
                                        .n = N_PARAMETERS,
                                        .check = check,
                                        .rule = td__edge_rules,
                                        .n_rules = TD_NEDGE_RULE,
                                        .build = build};

const char *td_edge_key(int i) {
    return i >= 0 && i < N_PARAMETERS ? PARAMETERS[i].key : NULL;
}

void td_edge_init(td_edge *p) {
    td__template_init(&td__edge_template, p);
}

td_status td_edge_set(td_edge *p, const char *key, double value, td_error *err) {
    return td__template_set(&td__edge_template, p, key, value, err);
}

double td_edge_get(const td_edge *p, const char *key) {
    return td__template_get(&td__edge_template, p, key);
}

td_status td_edge_from_node(const td_node *doc, td_edge *out, td_error *err) {
    return td__template_read(&td__edge_template, doc, out, err);
}

td_node *td_edge_to_node(const td_edge *p, td_arena *a) {
    return td__template_write(&td__edge_template, p, a);
}

const char *td_edge_rule_name(td_edge_rule r) {
    return td__edge_rules[r].name;
}

unsigned td_edge_broken(const td_edge *p) {
    return td__template_broken(&td__edge_template, p);
}
