/* Technology tables: tech/NODE.yaml. Every coefficient carries its unit, source and confidence, and
 * the reader insists on them: whoever changes a number has to say where the new one comes from. */
#include "tandem/hw.h"

#include <float.h>
#include <string.h>

#include "shipped.h"

typedef struct {
    const char *key;
    size_t offset;
    const char *unit;
    double lo, hi;
} coefficient;

#define FIELD(name) #name, offsetof(td_tech, name)
/* The bounds catch slips of unit (um2 for mm2, J for pJ), not bad numbers. */
static const coefficient COEFFICIENTS[] = {
    {FIELD(mac_um2), "um2", DBL_MIN, 1e6},
    {FIELD(mac_pj), "pJ", DBL_MIN, 1e3},
    {FIELD(sram_mm2_per_mb), "mm2/MB", DBL_MIN, 1e3},
    {FIELD(rf_mm2_per_mb), "mm2/MB", DBL_MIN, 1e3},
    {FIELD(sram_macro_um2), "um2", 0, 1e7},
    {FIELD(pe_um2), "um2", 0, 1e8},
    {FIELD(lane_um2), "um2", 0, 1e8},
    {FIELD(io_mm2_per_gbps), "mm2/(GB/s)", 0, 1e2},
    {FIELD(fixed_mm2), "mm2", 0, 1e4},
    {FIELD(overhead), "1", 0, 10},
    {FIELD(rf_pj_per_byte), "pJ/B", 0, 1e3},
    {FIELD(sram_pj_per_byte), "pJ/B", 0, 1e4},
    {FIELD(sram_ref_bytes), "B", 1, 1e12},
    {FIELD(noc_pj_per_byte_mm), "pJ/(B mm)", 0, 1e3},
    {FIELD(dram_pj_per_byte), "pJ/B", 0, 1e5},
    {FIELD(vector_pj), "pJ", 0, 1e4},
    {FIELD(leak_w_per_mm2), "W/mm2", 0, 10},
    {FIELD(clock_tree), "1", 0, 10},
};
enum { N_COEFFICIENTS = sizeof COEFFICIENTS / sizeof COEFFICIENTS[0] };

static const char *const CONFIDENCES[] = {"verified", "computed", "recalled", "assumed"};

static td_status read_text(const td_node *map, const char *key, const char **out, td_error *err) {
    td_status s = td_node_get_string(map, key, out, err);
    if (s == TD_OK && (*out)[0] == 0)
        return td_node_fail(td_node_find(map, key), err, "expected a text, found none");
    return s;
}

static td_status read_coefficient(const td_node *doc, const coefficient *c, td_tech *out,
                                  td_error *err) {
    static const char *const keys[] = {"value", "unit", "source", "confidence", NULL};
    const td_node *map;
    const char *unit, *source, *confidence;
    double value;
    td_status s = td_node_get_map(doc, c->key, &map, err);
    if (s == TD_OK) s = td_node_only(map, keys, err);
    if (s == TD_OK) s = td_node_get_real(map, "value", c->lo, c->hi, &value, err);
    if (s == TD_OK) s = read_text(map, "unit", &unit, err);
    if (s == TD_OK && strcmp(unit, c->unit) != 0)
        s = td_node_fail(td_node_find(map, "unit"), err, "expected \"%s\", found \"%s\"", c->unit,
                         unit);
    if (s == TD_OK) s = read_text(map, "source", &source, err);
    if (s == TD_OK) s = read_text(map, "confidence", &confidence, err);
    if (s != TD_OK) return s;
    bool known = false;
    for (size_t i = 0; i < sizeof CONFIDENCES / sizeof CONFIDENCES[0]; i++)
        known = known || strcmp(confidence, CONFIDENCES[i]) == 0;
    if (!known)
        return td_node_fail(td_node_find(map, "confidence"), err,
                            "expected verified, computed, recalled or assumed, found \"%s\"",
                            confidence);
    memcpy((char *)out + c->offset, &value, sizeof value);
    return TD_OK;
}

td_status td_tech_from_node(const td_node *doc, td_tech *out, td_error *err) {
    const char *keys[N_COEFFICIENTS + 3] = {"node", "about"};
    for (int i = 0; i < N_COEFFICIENTS; i++) keys[i + 2] = COEFFICIENTS[i].key;
    td_tech t = {.node = ""};
    const char *node;
    if (doc->kind != TD_MAP) return td_node_fail(doc, err, "expected a map of coefficients");
    td_status s = td_node_only(doc, keys, err);
    if (s == TD_OK) s = read_text(doc, "node", &node, err);
    if (s != TD_OK) return s;
    if (strlen(node) >= sizeof t.node)
        return td_node_fail(td_node_find(doc, "node"), err,
                            "expected a name of at most %zu characters", sizeof t.node - 1);
    memcpy(t.node, node, strlen(node) + 1);
    for (int i = 0; s == TD_OK && i < N_COEFFICIENTS; i++)
        s = read_coefficient(doc, &COEFFICIENTS[i], &t, err);
    if (s == TD_OK) *out = t;
    return s;
}

td_status td_tech_load(const char *node_or_path, td_tech *out, td_error *err) {
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    const char *path;
    const td_node *doc;
    td_status s = td__shipped_find(a, "tech", node_or_path, &path, err);
    if (s == TD_OK) s = td_node_load(a, path, &doc, err);
    if (s == TD_OK) s = td_tech_from_node(doc, out, err);
    td_arena_destroy(a);
    return s;
}
