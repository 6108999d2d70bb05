/* Technology tables: tech/NODE.yaml. Every coefficient carries its unit, source and confidence, and
 * the reader insists on them: whoever changes a number has to say where the new one comes from. */
#include "tandem/hw.h"

#include <float.h>
#include <math.h>
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
/* The form with energies only. */
static const coefficient LINE_COEFFICIENTS[] = {
    {FIELD(mac_bits), "bit", 1, 64},      {FIELD(mac_pj), "pJ", DBL_MIN, 1e3},
    {FIELD(word_bits), "bit", 1, 1024},   {FIELD(small_kb), "KB", 0, 1e6},
    {FIELD(small_word_pj), "pJ", 0, 1e6}, {FIELD(large_kb), "KB", DBL_MIN, 1e6},
    {FIELD(large_word_pj), "pJ", 0, 1e6}, {FIELD(dram_word_pj), "pJ", 0, 1e6},
};
#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])
enum { MOST_COEFFICIENTS = COUNT(COEFFICIENTS), FIXED_KEYS = 3 };
_Static_assert(MOST_COEFFICIENTS >= COUNT(LINE_COEFFICIENTS), "the longer list");

const char *const td_memory_name[TD_NMEMORY] = {"regfile", "sram", "dram"};

static const char *const CONFIDENCES[] = {"verified", "computed", "recalled", "interpolated",
                                          "assumed"};

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
                            "expected verified, computed, recalled, interpolated or assumed, found "
                            "\"%s\"",
                            confidence);
    memcpy((char *)out + c->offset, &value, sizeof value);
    return TD_OK;
}

/* Word in a memory of kb KB, along the line. */
static double line_pj(const td_tech *t, double kb) {
    return (t->large_word_pj - t->small_word_pj) / (t->large_kb - t->small_kb) *
               (kb - t->small_kb) +
           t->small_word_pj;
}

static td_status check_line(const td_node *doc, const td_tech *t, td_error *err) {
    if (t->small_kb >= t->large_kb)
        return td_node_fail(td_node_find(doc, "large_kb"), err,
                            "expected more than small_kb (%g), found %g", t->small_kb, t->large_kb);
    if (t->large_word_pj < t->small_word_pj || line_pj(t, 0) < 0)
        return td_node_fail(td_node_find(doc, "large_word_pj"), err,
                            "expected a line that rises with the capacity and is >= 0 at 0 KB");
    return TD_OK;
}

td_status td_tech_from_node(const td_node *doc, td_tech *out, td_error *err) {
    td_tech t = {.mac_bits = 8};
    const char *node, *form = NULL;
    if (doc->kind != TD_MAP) return td_node_fail(doc, err, "expected a map of coefficients");
    td_status s = td_node_opt_string(doc, "form", &form, err);
    if (s == TD_OK && form != NULL && strcmp(form, "line") != 0)
        s = td_node_fail(td_node_find(doc, "form"), err, "expected \"line\", found \"%.40s\"",
                         form);
    const coefficient *c = form != NULL ? LINE_COEFFICIENTS : COEFFICIENTS;
    const int n = form != NULL ? COUNT(LINE_COEFFICIENTS) : COUNT(COEFFICIENTS);
    const char *keys[MOST_COEFFICIENTS + FIXED_KEYS + 1] = {"node", "about", "form"};
    for (int i = 0; i < n; i++) keys[i + FIXED_KEYS] = c[i].key;
    if (s == TD_OK) s = td_node_only(doc, keys, err);
    if (s == TD_OK) s = read_text(doc, "node", &node, err);
    if (s != TD_OK) return s;
    if (strlen(node) >= sizeof t.node)
        return td_node_fail(td_node_find(doc, "node"), err,
                            "expected a name of at most %zu characters", sizeof t.node - 1);
    memcpy(t.node, node, strlen(node) + 1);
    for (int i = 0; s == TD_OK && i < n; i++) s = read_coefficient(doc, &c[i], &t, err);
    if (s == TD_OK && form != NULL) s = check_line(doc, &t, err);
    if (s == TD_OK) *out = t;
    return s;
}

bool td_tech_whole(const td_tech *t) {
    return t->word_bits == 0;
}

double td_tech_access_pj(const td_tech *t, td_memory kind, double capacity_bits,
                         double width_bits) {
    if (!td_tech_whole(t)) {
        double words = width_bits / t->word_bits;
        return words * (kind == TD_DRAM ? t->dram_word_pj : line_pj(t, capacity_bits / 8 / 1024));
    }
    double pj_per_byte = kind == TD_DRAM ? t->dram_pj_per_byte
                         : kind == TD_REGFILE
                             ? t->rf_pj_per_byte
                             : t->sram_pj_per_byte * sqrt(capacity_bits / 8 / t->sram_ref_bytes);
    return pj_per_byte * width_bits / 8;
}

double td_tech_mac_pj(const td_tech *t, double a, double b) {
    return t->mac_pj * (a / t->mac_bits) * (b / t->mac_bits);
}

td_status td_tech_find(td_arena *a, const char *node_or_path, const char **path, td_error *err) {
    return td__shipped_find(a, "tech", node_or_path, path, err);
}

td_status td_tech_load(const char *node_or_path, td_tech *out, td_error *err) {
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    const char *path;
    const td_node *doc;
    td_status s = td_tech_find(a, node_or_path, &path, err);
    if (s == TD_OK) s = td_node_load(a, path, &doc, err);
    if (s == TD_OK) s = td_tech_from_node(doc, out, err);
    td_arena_destroy(a);
    return s;
}
