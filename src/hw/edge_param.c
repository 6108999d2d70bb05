/* The edge template's parameters. One table drives YAML in, YAML out, set, get and the check of
 * ranges: a new parameter is one field in hw.h and one line here. */
#include "edge_param.h"

#include <stdio.h>
#include <string.h>

typedef enum { I32, I64, REAL } field_type;

/* lo, hi and start are in the key's unit; a field holds value * scale. Parameters without a start
 * (NAN) must be given. */
typedef struct {
    const char *key;
    size_t offset;
    field_type type;
    double scale, lo, hi, start;
} parameter;

#define F(name) offsetof(td_edge, name)
static const parameter PARAMETERS[] = {
    {"pe_x", F(pe_x), I32, 1, 1, 1024, NAN},
    {"pe_y", F(pe_y), I32, 1, 1, 1024, NAN},
    {"simd", F(simd), I32, 1, 1, 65536, NAN},
    {"lanes", F(lanes), I32, 1, 1, 4096, NAN},
    {"local_kb", F(local_bytes), I64, 1024, 1. / 1024, 1 << 22, NAN},
    {"rf_kb", F(rf_bytes), I64, 1024, 1. / 1024, 1 << 22, NAN},
    {"io_gbps", F(io_bytes_per_s), REAL, 1e9, 1e-6, 1e6, NAN},
    {"clock_ghz", F(clock_hz), REAL, 1e9, 1e-6, 1e3, NAN},
    {"port_bytes", F(port_bytes), I32, 1, 1, 65536, NAN},
    {"rf_weight_steps", F(rf_weight_steps), I32, 1, 0, 65536, 0},
    {"rf_accumulators", F(rf_accumulators), I32, 1, 0, 65536, 0},
    {"min_total_kb", F(min_total_bytes), I64, 1024, 0, 1 << 30, 0},
    {"max_rf_share", F(max_rf_share), REAL, 1, 0, 1e3, 0},
    {"max_lane_width", F(max_lane_width), I32, 1, 0, INT32_MAX, 0},
    {"route_extra", F(route_extra), I32, 1, 0, 65536, 0},
    {"min_macs", F(min_macs), I32, 1, 0, INT32_MAX, 0},
    {"max_macs", F(max_macs), I32, 1, 0, INT32_MAX, 0},
    {"fixed_mm2", F(fixed_mm2), REAL, 1, -1, 1e6, -1},
    {"pe_um2", F(pe_um2), REAL, 1, -1, 1e9, -1},
    {"lane_um2", F(lane_um2), REAL, 1, -1, 1e9, -1},
    {"macro_um2", F(macro_um2), REAL, 1, -1, 1e9, -1},
    {"local_ports", F(local_ports), I32, 1, 1, 2, 2},
    {"operand_gating", F(operand_gating), I32, 1, 0, 1, 0},
};
enum { N_PARAMETERS = sizeof PARAMETERS / sizeof PARAMETERS[0] };

static const parameter *find(const char *key) {
    for (int i = 0; i < N_PARAMETERS; i++)
        if (strcmp(PARAMETERS[i].key, key) == 0) return &PARAMETERS[i];
    return NULL;
}

const char *td_edge_key(int i) {
    return i >= 0 && i < N_PARAMETERS ? PARAMETERS[i].key : NULL;
}

static double load(const td_edge *p, const parameter *q) {
    const char *at = (const char *)p + q->offset;
    int32_t i32;
    int64_t i64;
    double real;
    switch (q->type) {
    case I32: memcpy(&i32, at, sizeof i32); return i32;
    case I64: memcpy(&i64, at, sizeof i64); return (double)i64;
    case REAL: break;
    }
    memcpy(&real, at, sizeof real);
    return real;
}

static void store(td_edge *p, const parameter *q, double v) {
    char *at = (char *)p + q->offset;
    int32_t i32;
    int64_t i64;
    switch (q->type) {
    case I32:
        i32 = (int32_t)v;
        memcpy(at, &i32, sizeof i32);
        return;
    case I64:
        i64 = (int64_t)v;
        memcpy(at, &i64, sizeof i64);
        return;
    case REAL: memcpy(at, &v, sizeof v); return;
    }
}

/* In the key's unit. A value that was set or read in that unit comes back as a number that stands
 * for the same field, bit for bit (tests/hw/test_edge.c). */
static double to_unit(const parameter *q, double v) {
    return v / q->scale;
}

void td_edge_init(td_edge *p) {
    *p = (td_edge){.tech = ""};
    for (int i = 0; i < N_PARAMETERS; i++)
        store(p, &PARAMETERS[i], isnan(PARAMETERS[i].start) ? 0 : PARAMETERS[i].start);
}

/* "a whole number in [1, 1024]" */
static void expected(const parameter *q, char *out, size_t size) {
    const char *kind = q->type == REAL ? "a number" : "a whole number";
    if (q->scale == 1024) kind = "a multiple of 1/1024 (whole bytes)";
    snprintf(out, size, "%s in [%.10g, %.10g]", kind, q->lo, q->hi);
}

static bool fits(const parameter *q, double value) {
    if (!(value >= q->lo && value <= q->hi)) return false;
    return q->type == REAL || floor(value * q->scale) == value * q->scale;
}

static td_status fail_unknown(const char *key, td_error *err) {
    const char *known[N_PARAMETERS];
    for (int i = 0; i < N_PARAMETERS; i++) known[i] = PARAMETERS[i].key;
    td_text text = {0};
    td_text_addf(&text, "the edge template has no parameter \"%.60s\"", key);
    td_text_add_known(&text, key, known, N_PARAMETERS);
    td_fail(err, TD_E_NOT_FOUND, "%s", text.data != NULL ? text.data : "no such parameter");
    td_text_free(&text);
    return TD_E_NOT_FOUND;
}

td_status td_edge_set(td_edge *p, const char *key, double value, td_error *err) {
    const parameter *q = find(key);
    if (q == NULL) return fail_unknown(key, err);
    if (!fits(q, value)) {
        char want[128];
        expected(q, want, sizeof want);
        return td_fail(err, TD_E_USAGE, "%s: expected %s, found %.10g", key, want, value);
    }
    store(p, q, value * q->scale);
    return TD_OK;
}

double td_edge_get(const td_edge *p, const char *key) {
    const parameter *q = find(key);
    return q != NULL ? to_unit(q, load(p, q)) : NAN;
}

td_status td__edge_check(const td_edge *p, td_error *err) {
    for (int i = 0; i < N_PARAMETERS; i++) {
        const parameter *q = &PARAMETERS[i];
        double value = to_unit(q, load(p, q));
        if (value >= q->lo && value <= q->hi) continue;
        char want[128];
        expected(q, want, sizeof want);
        return td_fail(err, TD_E_USAGE, "%s: expected %s, found %.10g", q->key, want, value);
    }
    /* 2^10 * 2^10 * 2^12 * 2^16 * 4 = 2^50: exact in 64 bits, has to fit the 32 of `instances`. */
    int64_t macs = (int64_t)p->pe_x * p->pe_y * p->lanes * p->simd * 4;
    if (macs > INT32_MAX)
        return td_fail(err, TD_E_USAGE,
                       "pe_x * pe_y * lanes * simd * 4: expected at most %d MACs, found %lld",
                       INT32_MAX, (long long)macs);
    return TD_OK;
}

/* ---- YAML ---- */

td_status td_edge_from_node(const td_node *doc, td_edge *out, td_error *err) {
    static const char *const others[] = {"template", "name", "about", "tech", "space"};
    enum { N_OTHERS = sizeof others / sizeof others[0] };
    const char *keys[N_PARAMETERS + N_OTHERS + 1] = {NULL};
    for (int i = 0; i < N_OTHERS; i++) keys[i] = others[i];
    for (int i = 0; i < N_PARAMETERS; i++) keys[N_OTHERS + i] = PARAMETERS[i].key;
    const char *template, *tech;
    td_edge p;
    td_edge_init(&p);
    if (doc->kind != TD_MAP) return td_node_fail(doc, err, "expected a map of parameters");
    td_status s = td_node_get_string(doc, "template", &template, err);
    if (s == TD_OK && strcmp(template, "edge") != 0)
        s = td_node_fail(td_node_find(doc, "template"), err,
                         "expected the name of a template (edge), found \"%.60s\"", template);
    if (s == TD_OK) s = td_node_only(doc, keys, err);
    if (s == TD_OK) s = td_node_get_string(doc, "tech", &tech, err);
    if (s == TD_OK && (tech[0] == 0 || strlen(tech) >= sizeof p.tech))
        s = td_node_fail(td_node_find(doc, "tech"), err,
                         "expected a node or a path of 1 to %zu characters", sizeof p.tech - 1);
    if (s == TD_OK) memcpy(p.tech, tech, strlen(tech) + 1);
    for (int i = 0; s == TD_OK && i < N_PARAMETERS; i++) {
        const parameter *q = &PARAMETERS[i];
        double value = q->start;
        s = isnan(q->start) ? td_node_get_real(doc, q->key, q->lo, q->hi, &value, err)
                            : td_node_opt_real(doc, q->key, q->lo, q->hi, &value, err);
        if (s == TD_OK && !fits(q, value)) {
            char want[128];
            expected(q, want, sizeof want);
            s = td_node_fail(td_node_find(doc, q->key), err, "expected %s, found %.10g", want,
                             value);
        }
        if (s == TD_OK) store(&p, q, value * q->scale);
    }
    if (s == TD_OK && td__edge_check(&p, err) != TD_OK)
        s = td_node_fail(doc, err, "%s", err != NULL ? err->message : "");
    if (s == TD_OK) *out = p;
    return s;
}

/* A whole number without a point, so that the file reads as a person would write it. */
static td_node *number(td_arena *a, double v) {
    bool whole = floor(v) == v && fabs(v) < 1e15;
    return whole ? td_node_int(a, (int64_t)v) : td_node_real(a, v);
}

td_node *td_edge_to_node(const td_edge *p, td_arena *a) {
    td_node *map = td_node_map(a);
    td_node_put_string(a, map, "template", "edge");
    td_node_put_string(a, map, "tech", p->tech);
    for (int i = 0; i < N_PARAMETERS; i++) {
        const parameter *q = &PARAMETERS[i];
        double v = to_unit(q, load(p, q));
        if (v != q->start) td_node_put(a, map, q->key, number(a, v));
    }
    return map;
}
