/* The general description in full, as YAML or JSON, both ways.
 *
 *     name: eyeriss-168            node: 65nm              clock_hz: 200.0e+6
 *     area_mm2: 12.25              # absent: unknown       leak_w, clock_tree: 0 if absent
 *     pad: false                   # dims may be padded up to fill a fan-out
 *     im2col: false                # layers run as matrix products
 *     relative_energy: false       # pJ stand for another unit; true if absent with tech: pat
 *     tech: pat                    # absent: no table; gives energies that are left out below
 *     mac: {instances: 168, mesh_x: 14, bits: 16, energy_pj: 1}       # area_mm2, leak_w, gated_pj
 *     vector: {lanes: 14, energy_pj: 1, bw: 1024}                     # absent: none
 *     levels:                      # innermost first
 *       - name: RF
 *         instances: 168           # all of them; fan-outs follow from the extents
 *         mesh_x: 14               # innermost level: both as those of the MACs if absent
 *         may_keep: WIO            # letters of tensors; all if absent
 *         must_keep: W             # none if absent; multicast: all; reduce: O; reload: none
 *         capacity_bits: 8192      # or capacity_kb; null: unbounded
 *         word_bits: 16            # 8 if absent; block_bits: word_bits; buffering: 1
 *         read_bw: 16              # bits per cycle and instance; absent: no limit
 *         class: sram              # or regfile, dram: energy of a block from the table
 *         read_pj: 1               # energy_pj: all three of read_pj, fill_pj, update_pj
 *         shares: Local            # the inner level whose storage this one is a view of
 *         temporal: NKCPQRSG       # dims that may stand here in time; all if absent
 *         x: KPQ                   # ... and on the fan-out below, all if absent;
 *         x_single: true           # at most one of them, false if absent; y, y_single
 *         order: KPQ               # fixed order of the loops in time; free if absent
 *         timing: {hop_x: 1}       # of the fan-out below, see hw_timing.c; the ideal if absent
 */
#include <stdio.h>
#include <string.h>

#include "hw_check.h"

static const char *const TOP_KEYS[] = {
    "name", "about",    "node",   "tech", "clock_hz", "area_mm2", "leak_w", "clock_tree",
    "pad",  "one_axis", "im2col", "mac",  "vector",   "levels",   "space",  "relative_energy",
    NULL};
static const char *const MAC_KEYS[] = {"instances", "mesh_x",         "bits",
                                       "energy_pj", "area_mm2",       "leak_w",
                                       "gated_pj",  "operand_gating", NULL};
static const char *const VECTOR_KEYS[] = {"lanes", "energy_pj", "bw", NULL};
static const char *const LEVEL_KEYS[] = {
    "name",    "class",    "instances",     "mesh_x",      "may_keep",  "must_keep",  "multicast",
    "reduce",  "shares",   "capacity_bits", "capacity_kb", "word_bits", "block_bits", "buffering",
    "read_bw", "write_bw", "shared_bw",     "energy_pj",   "read_pj",   "fill_pj",    "update_pj",
    "leak_w",  "area_mm2", "temporal",      "x",           "x_single",  "y",          "y_single",
    "order",   "reload",   "timing",        NULL};

/* ---- reading ---- */

/* Letters of `alphabet` to a mask; an absent key leaves *mask. */
static td_status opt_mask(const td_node *map, const char *key, const char *alphabet, uint8_t *mask,
                          td_error *err) {
    const char *text = NULL;
    td_status s = td_node_opt_string(map, key, &text, err);
    if (s != TD_OK || text == NULL) return s;
    unsigned m = 0;
    for (const char *c = text; *c != 0; c++) {
        const char *at = strchr(alphabet, *c);
        if (at == NULL || (m & TD_BIT(at - alphabet)) != 0)
            return td_node_fail(td_node_find(map, key), err,
                                "expected letters of \"%s\", each at most once, found \"%.20s\"",
                                alphabet, text);
        m |= TD_BIT(at - alphabet);
    }
    *mask = (uint8_t)m;
    return TD_OK;
}

static td_status copy_name(const td_node *map, const char *key, char *out, size_t size,
                           td_error *err) {
    const char *text;
    td_status s = td_node_get_string(map, key, &text, err);
    if (s != TD_OK) return s;
    if (text[0] == 0 || strlen(text) >= size)
        return td_node_fail(td_node_find(map, key), err, "expected a name of 1 to %zu characters",
                            size - 1);
    memcpy(out, text, strlen(text) + 1);
    return TD_OK;
}

static td_status get_i32(const td_node *map, const char *key, int32_t lo, int32_t *out,
                         td_error *err) {
    int64_t v;
    td_status s = td_node_get_int(map, key, lo, INT32_MAX, &v, err);
    if (s == TD_OK) *out = (int32_t)v;
    return s;
}

static td_status opt_i32(const td_node *map, const char *key, int32_t lo, int32_t *out,
                         td_error *err) {
    int64_t v = *out;
    td_status s = td_node_opt_int(map, key, lo, INT32_MAX, &v, err);
    if (s == TD_OK) *out = (int32_t)v;
    return s;
}

/* Energies, areas, watts: finite and not negative. */
static td_status opt_amount(const td_node *map, const char *key, double *out, td_error *err) {
    return td_node_opt_real(map, key, 0, 1e300, out, err);
}

static td_status opt_bandwidth(const td_node *map, const char *key, double *out, td_error *err) {
    *out = INFINITY;
    td_status s = td_node_opt_real(map, key, 0, INFINITY, out, err);
    if (s == TD_OK && *out <= 0)
        s = td_node_fail(td_node_find(map, key), err, "expected a number > 0, found 0");
    return s;
}

/* A capacity has to be said, so that a slip of the pen does not make a memory endless. */
static td_status read_capacity(const td_node *map, td_level *l, td_error *err) {
    enum { KB_BITS = 8192 };
    const td_node *bits = td_node_find(map, "capacity_bits");
    const td_node *kb = td_node_find(map, "capacity_kb");
    l->capacity_bits = -1;
    if ((bits != NULL) == (kb != NULL))
        return td_node_fail(map, err,
                            "expected either capacity_bits or capacity_kb (null: unbounded), found "
                            "%s",
                            bits != NULL ? "both" : "neither");
    if (bits != NULL)
        return td_node_opt_int(map, "capacity_bits", 0, INT64_MAX / 2, &l->capacity_bits, err);
    double v = -1;
    td_status s = td_node_opt_real(map, "capacity_kb", 0, 1e12, &v, err);
    if (s != TD_OK || v < 0) return s;
    if (floor(v * KB_BITS) != v * KB_BITS)
        return td_node_fail(kb, err, "expected a whole number of bits (1 KB: 8192)");
    l->capacity_bits = (int64_t)(v * KB_BITS);
    return TD_OK;
}

/* `shares` is the name of a level that was read before. */
static td_status read_shares(const td_node *map, const td_hw *hw, int i, td_level *l,
                             td_error *err) {
    const char *inner = NULL;
    td_status s = td_node_opt_string(map, "shares", &inner, err);
    l->shares = -1;
    if (s != TD_OK || inner == NULL) return s;
    for (int j = 0; j < i; j++)
        if (strcmp(hw->level[j].name, inner) == 0) l->shares = (int8_t)j;
    if (l->shares < 0)
        return td_node_fail(td_node_find(map, "shares"), err,
                            "expected the name of a level inside of this one, found \"%.40s\"",
                            inner);
    return TD_OK;
}

/* Energy of a block by the table: 0 if the level has no class. */
static td_status derive_energy(const td_node *map, const td_tech *tech, const td_level *l,
                               double *pj, td_error *err) {
    const char *name = NULL;
    td_status s = td_node_opt_string(map, "class", &name, err);
    *pj = 0;
    if (s != TD_OK || name == NULL) return s;
    const td_node *key = td_node_find(map, "class");
    int kind = 0;
    while (kind < TD_NMEMORY && strcmp(td_memory_name[kind], name) != 0) kind++;
    if (kind == TD_NMEMORY)
        return td_node_fail(key, err, "expected regfile, sram or dram, found \"%.40s\"", name);
    if (tech == NULL)
        return td_node_fail(key, err, "expected a technology table (tech: NAME) to go with it");
    if (l->shares >= 0)
        return td_node_fail(key, err, "a view has no storage of its own, expected energy_pj");
    if (kind != TD_DRAM && l->capacity_bits < 0)
        return td_node_fail(key, err,
                            "an unbounded level has no capacity to derive energies from, "
                            "expected dram or energy_pj");
    *pj = td_tech_access_pj(tech, (td_memory)kind, (double)l->capacity_bits, l->block_bits);
    return TD_OK;
}

/* The innermost level stands at each MAC if nothing else is said. */
static td_status read_mesh(const td_node *map, const td_mac *mac, td_level *l, td_error *err) {
    if (mac != NULL && td_node_find(map, "instances") == NULL) {
        l->instances = mac->instances;
        l->mesh_x = mac->mesh_x;
        return opt_i32(map, "mesh_x", 1, &l->mesh_x, err);
    }
    td_status s = get_i32(map, "instances", 1, &l->instances, err);
    l->mesh_x = l->instances;
    return s == TD_OK ? opt_i32(map, "mesh_x", 1, &l->mesh_x, err) : s;
}

/* tech: NULL if the file names none. */
static td_status read_level(const td_node *map, const td_tech *tech, td_hw *hw, int i,
                            td_error *err) {
    td_level *l = &hw->level[i];
    td_map_rules *r = &hw->rules;
    *l = (td_level){.may_keep = TD_ALL_TENSORS,
                    .multicast = TD_ALL_TENSORS,
                    .reduce = TD_BIT(TD_O),
                    .word_bits = 8,
                    .buffering = 1};
    uint8_t *allowed = r->allowed[i];
    for (int axis = 0; axis < TD_NAXIS; axis++) allowed[axis] = UINT8_MAX;
    bool x_single = false, y_single = false;
    double pj = 0;
    td_status s = TD_OK;
#define STEP(call)                                                                                 \
    if (s == TD_OK) s = (call)
    if (map->kind != TD_MAP) return td_node_fail(map, err, "expected a map that describes a level");
    STEP(td_node_only(map, LEVEL_KEYS, err));
    STEP(copy_name(map, "name", l->name, sizeof l->name, err));
    STEP(read_mesh(map, i == 0 ? &hw->mac : NULL, l, err));
    STEP(opt_mask(map, "may_keep", td_tensor_letter, &l->may_keep, err));
    STEP(opt_mask(map, "must_keep", td_tensor_letter, &l->must_keep, err));
    STEP(opt_mask(map, "multicast", td_tensor_letter, &l->multicast, err));
    STEP(opt_mask(map, "reduce", td_tensor_letter, &l->reduce, err));
    STEP(opt_mask(map, "reload", td_tensor_letter, &l->reload, err));
    STEP(read_shares(map, hw, i, l, err));
    STEP(read_capacity(map, l, err));
    STEP(opt_i32(map, "word_bits", 1, &l->word_bits, err));
    l->block_bits = l->word_bits;
    STEP(opt_i32(map, "block_bits", 1, &l->block_bits, err));
    STEP(td_node_opt_real(map, "buffering", 1, 1e6, &l->buffering, err));
    STEP(opt_bandwidth(map, "read_bw", &l->read_bw, err));
    STEP(opt_bandwidth(map, "write_bw", &l->write_bw, err));
    STEP(opt_bandwidth(map, "shared_bw", &l->shared_bw, err));
    STEP(derive_energy(map, tech, l, &pj, err));
    STEP(opt_amount(map, "energy_pj", &pj, err));
    l->read_pj = l->fill_pj = l->update_pj = pj;
    STEP(opt_amount(map, "read_pj", &l->read_pj, err));
    STEP(opt_amount(map, "fill_pj", &l->fill_pj, err));
    STEP(opt_amount(map, "update_pj", &l->update_pj, err));
    STEP(opt_amount(map, "leak_w", &l->leak_w, err));
    STEP(opt_amount(map, "area_mm2", &l->area_mm2, err));
    STEP(opt_mask(map, "temporal", td_dim_letter, &allowed[TD_AXIS_T], err));
    STEP(opt_mask(map, "x", td_dim_letter, &allowed[TD_AXIS_X], err));
    STEP(opt_mask(map, "y", td_dim_letter, &allowed[TD_AXIS_Y], err));
    const char *order = NULL;
    STEP(td_node_opt_string(map, "order", &order, err));
    if (s == TD_OK && order != NULL) {
        s = td_map_order_set(r, i, order, err);
        if (s != TD_OK) td_node_place(td_node_find(map, "order"), err);
    }
    STEP(td_timing_from_node(map, &l->timing, err));
    STEP(td_node_opt_bool(map, "x_single", &x_single, err));
    STEP(td_node_opt_bool(map, "y_single", &y_single, err));
    r->single[i][TD_AXIS_X] = x_single;
    r->single[i][TD_AXIS_Y] = y_single;
    return s;
}

/* Gated operands: the multiplier's share of the gates is its share of the energy, the sum's stays.
 */
static td_status read_gating(const td_node *map, td_mac *m, td_error *err) {
    bool gating = false;
    td_status s = td_node_opt_bool(map, "operand_gating", &gating, err);
    STEP(opt_amount(map, "gated_pj", &m->gated_pj, err));
    if (s != TD_OK || !gating) return s;
    const td_node *given = td_node_find(map, "gated_pj");
    if (given != NULL)
        return td_node_fail(given, err, "expected operand_gating or gated_pj, found both");
    if (m->bits > 64) return TD_OK; /* refused soon */
    double sums = m->bits <= 16 ? 32 : 2.0 * m->bits;
    double share = td_multiplier_gates(m->bits, m->bits) / td_mac_gates(m->bits, m->bits, sums);
    m->gated_pj = m->energy_pj * share;
    m->energy_pj -= m->gated_pj;
    return TD_OK;
}

static td_status read_mac(const td_node *map, const td_tech *tech, td_mac *m, td_error *err) {
    *m = (td_mac){.bits = 8};
    td_status s = td_node_only(map, MAC_KEYS, err);
    STEP(get_i32(map, "instances", 1, &m->instances, err));
    m->mesh_x = m->instances;
    STEP(opt_i32(map, "mesh_x", 1, &m->mesh_x, err));
    STEP(opt_i32(map, "bits", 1, &m->bits, err));
    if (tech != NULL) m->energy_pj = td_tech_mac_pj(tech, m->bits, m->bits);
    STEP(opt_amount(map, "energy_pj", &m->energy_pj, err));
    STEP(read_gating(map, m, err));
    STEP(opt_amount(map, "area_mm2", &m->area_mm2, err));
    STEP(opt_amount(map, "leak_w", &m->leak_w, err));
    return s;
}

static td_status read_vector(const td_node *map, td_vector_unit *v, td_error *err) {
    *v = (td_vector_unit){0};
    if (map == NULL) return TD_OK;
    td_status s = td_node_only(map, VECTOR_KEYS, err);
    STEP(get_i32(map, "lanes", 0, &v->lanes, err));
    STEP(opt_amount(map, "energy_pj", &v->energy_pj, err));
    STEP(opt_bandwidth(map, "bw", &v->bw, err));
    if (s == TD_OK && v->lanes == 0) *v = (td_vector_unit){0}; /* one way to have none */
    return s;
}

/* *tech is `table` if the file names one, else NULL. */
static td_status read_tech(const td_node *doc, td_tech *table, const td_tech **tech,
                           td_error *err) {
    const char *name = NULL;
    td_status s = td_node_opt_string(doc, "tech", &name, err);
    if (s != TD_OK || name == NULL) return s;
    s = td_tech_load(name, table, err);
    if (s == TD_E_NOT_FOUND && err != NULL) td_node_place(td_node_find(doc, "tech"), err);
    if (s == TD_OK) *tech = table;
    return s;
}

/* In the words of the file, where td_hw_check has only numbers. */
static td_status check_top(const td_node *map, const td_level *top, td_error *err) {
    const td_node *n = td_node_find(map, "capacity_bits");
    if (n == NULL) n = td_node_find(map, "capacity_kb");
    if (top->capacity_bits < 0) return TD_OK;
    return td_node_fail(n, err,
                        "the outermost level holds everything: expected null (unbounded), "
                        "found %.10g",
                        n->real);
}

/* td_hw_check of what was read, told at the key that is wrong, or at the map where it is missing.
 */
static td_status check_read(const td_node *doc, const td_hw *hw, td_error *err) {
    td_error fault = {.code = TD_OK};
    int at;
    if (td__hw_check(hw, &at, &fault) == TD_OK) return TD_OK;
    const td_node *map = at >= 0               ? td_node_find(doc, "levels")->item[at]
                         : at == TD__AT_MAC    ? td_node_find(doc, "mac")
                         : at == TD__AT_VECTOR ? td_node_find(doc, "vector")
                                               : doc;
    char key[32];
    size_t n = strcspn(fault.message, ":");
    snprintf(key, sizeof key, "%.*s", (int)(n < sizeof key ? n : 0), fault.message);
    const td_node *value = td_node_find(map, key);
    if (value == NULL) return td_node_fail(map, err, "%s", fault.message);
    return td_node_fail(value, err, "%s", fault.message + n + 2);
}

static td_status read_levels(const td_node *doc, td_hw *hw, td_error *err) {
    const td_node *levels, *mac, *vector = NULL;
    td_tech table;
    const td_tech *tech = NULL;
    td_status s = td_node_only(doc, TOP_KEYS, err);
    STEP(read_tech(doc, &table, &tech, err));
    snprintf(hw->name, sizeof hw->name, "custom");
    if (td_node_find(doc, "name") != NULL)
        STEP(copy_name(doc, "name", hw->name, sizeof hw->name, err));
    if (td_node_find(doc, "node") != NULL)
        STEP(copy_name(doc, "node", hw->node, sizeof hw->node, err));
    STEP(td_node_get_real(doc, "clock_hz", 1, 1e13, &hw->clock_hz, err));
    hw->area_mm2 = NAN;
    STEP(opt_amount(doc, "area_mm2", &hw->area_mm2, err));
    STEP(opt_amount(doc, "leak_w", &hw->leak_w, err));
    STEP(opt_amount(doc, "clock_tree", &hw->clock_tree, err));
    STEP(td_node_opt_bool(doc, "pad", &hw->rules.pad, err));
    STEP(td_node_opt_bool(doc, "one_axis", &hw->rules.one_axis, err));
    STEP(td_node_opt_bool(doc, "im2col", &hw->rules.im2col, err));
    hw->relative_energy = tech != NULL && !td_tech_whole(tech);
    STEP(td_node_opt_bool(doc, "relative_energy", &hw->relative_energy, err));
    STEP(td_node_get_map(doc, "mac", &mac, err));
    STEP(read_mac(mac, tech, &hw->mac, err));
    STEP(td_node_opt_map(doc, "vector", &vector, err));
    STEP(read_vector(vector, &hw->vec, err));
    STEP(td_node_get_list(doc, "levels", &levels, err));
    if (s == TD_OK && (levels->count < 1 || levels->count > TD_MAX_LEVELS))
        s = td_node_fail(levels, err, "expected 1 to %d levels, found %d", TD_MAX_LEVELS,
                         levels->count);
    for (int i = 0; s == TD_OK && i < levels->count; i++) {
        hw->n = i + 1;
        s = read_level(levels->item[i], tech, hw, i, err);
    }
    if (s == TD_OK) s = check_top(levels->item[hw->n - 1], &hw->level[hw->n - 1], err);
    return s == TD_OK ? check_read(doc, hw, err) : s;
}

static td_status read_template(const td_node *doc, td_hw *hw, td_error *err) {
    td_template p;
    td_tech tech;
    td_status s = td_template_from_node(doc, &p, err);
    if (s == TD_OK && (s = td_tech_load(td_template_tech(&p), &tech, err)) == TD_E_NOT_FOUND &&
        err != NULL)
        td_node_place(td_node_find(doc, "tech"), err);
    STEP(td_template_build(&p, &tech, hw, NULL, err));
    if (td_node_find(doc, "name") != NULL)
        STEP(copy_name(doc, "name", hw->name, sizeof hw->name, err));
    return s;
}

td_status td_hw_from_node(const td_node *doc, td_hw *hw, td_error *err) {
    if (doc->kind != TD_MAP)
        return td_node_fail(doc, err, "expected a map that describes an accelerator");
    td_hw built = {.n = 0};
    bool template = td_node_find(doc, "template") != NULL,
         levels = td_node_find(doc, "levels") != NULL;
    if (template == levels)
        return td_node_fail(doc, err, "expected either \"template\" or \"levels\", found %s",
                            template ? "both" : "neither");
    td_status s = template ? read_template(doc, &built, err) : read_levels(doc, &built, err);
    if (s == TD_OK) *hw = built;
    return s;
}

/* ---- writing: everything that td_hw_hash sees, so that reading gives the same hash ---- */

static void put_mask(td_arena *a, td_node *map, const char *key, const char *alphabet,
                     uint8_t mask) {
    char text[9];
    int n = 0;
    for (int i = 0; alphabet[i] != 0; i++)
        if ((mask & TD_BIT(i)) != 0) text[n++] = alphabet[i];
    text[n] = 0;
    td_node_put_string(a, map, key, text);
}

static void put_bandwidth(td_arena *a, td_node *map, const char *key, double v) {
    if (isfinite(v)) td_node_put_real(a, map, key, v);
}

static td_node *level_node(const td_hw *hw, int i, td_arena *a) {
    const td_level *l = &hw->level[i];
    const td_map_rules *r = &hw->rules;
    td_node *m = td_node_map(a);
    td_node_put_string(a, m, "name", l->name);
    td_node_put_int(a, m, "instances", l->instances);
    td_node_put_int(a, m, "mesh_x", l->mesh_x);
    put_mask(a, m, "may_keep", td_tensor_letter, l->may_keep);
    put_mask(a, m, "must_keep", td_tensor_letter, l->must_keep);
    put_mask(a, m, "multicast", td_tensor_letter, l->multicast);
    put_mask(a, m, "reduce", td_tensor_letter, l->reduce);
    if (l->reload != 0) put_mask(a, m, "reload", td_tensor_letter, l->reload);
    if (l->shares >= 0) td_node_put_string(a, m, "shares", hw->level[l->shares].name);
    td_node_put(a, m, "capacity_bits",
                l->capacity_bits < 0 ? td_node_null(a) : td_node_int(a, l->capacity_bits));
    td_node_put_int(a, m, "word_bits", l->word_bits);
    td_node_put_int(a, m, "block_bits", l->block_bits);
    td_node_put_real(a, m, "buffering", l->buffering);
    put_bandwidth(a, m, "read_bw", l->read_bw);
    put_bandwidth(a, m, "write_bw", l->write_bw);
    put_bandwidth(a, m, "shared_bw", l->shared_bw);
    td_node_put_real(a, m, "read_pj", l->read_pj);
    td_node_put_real(a, m, "fill_pj", l->fill_pj);
    td_node_put_real(a, m, "update_pj", l->update_pj);
    td_node_put_real(a, m, "leak_w", l->leak_w);
    td_node_put_real(a, m, "area_mm2", l->area_mm2);
    put_mask(a, m, "temporal", td_dim_letter, r->allowed[i][TD_AXIS_T]);
    put_mask(a, m, "x", td_dim_letter, r->allowed[i][TD_AXIS_X]);
    td_node_put_bool(a, m, "x_single", r->single[i][TD_AXIS_X] != 0);
    put_mask(a, m, "y", td_dim_letter, r->allowed[i][TD_AXIS_Y]);
    td_node_put_bool(a, m, "y_single", r->single[i][TD_AXIS_Y] != 0);
    char order[TD_NDIM + 1];
    if (td_map_order_text(r, i, order)[0] != '\0') td_node_put_string(a, m, "order", order);
    td_node *timing = td_timing_to_node(&l->timing, a);
    if (timing != NULL) td_node_put(a, m, "timing", timing);
    return m;
}

td_node *td_hw_to_node(const td_hw *hw, td_arena *a) {
    td_node *m = td_node_map(a);
    td_node_put_string(a, m, "name", hw->name);
    if (hw->node[0] != 0) td_node_put_string(a, m, "node", hw->node);
    td_node_put_real(a, m, "clock_hz", hw->clock_hz);
    if (!isnan(hw->area_mm2)) td_node_put_real(a, m, "area_mm2", hw->area_mm2);
    td_node_put_real(a, m, "leak_w", hw->leak_w);
    td_node_put_real(a, m, "clock_tree", hw->clock_tree);
    td_node_put_bool(a, m, "pad", hw->rules.pad);
    if (hw->rules.one_axis) td_node_put_bool(a, m, "one_axis", true);
    if (hw->rules.im2col) td_node_put_bool(a, m, "im2col", true);
    if (hw->relative_energy) td_node_put_bool(a, m, "relative_energy", true);
    td_node *mac = td_node_put(a, m, "mac", td_node_map(a));
    td_node_put_int(a, mac, "instances", hw->mac.instances);
    td_node_put_int(a, mac, "mesh_x", hw->mac.mesh_x);
    td_node_put_int(a, mac, "bits", hw->mac.bits);
    td_node_put_real(a, mac, "energy_pj", hw->mac.energy_pj);
    if (hw->mac.gated_pj > 0) td_node_put_real(a, mac, "gated_pj", hw->mac.gated_pj);
    td_node_put_real(a, mac, "area_mm2", hw->mac.area_mm2);
    td_node_put_real(a, mac, "leak_w", hw->mac.leak_w);
    if (hw->vec.lanes > 0) {
        td_node *vector = td_node_put(a, m, "vector", td_node_map(a));
        td_node_put_int(a, vector, "lanes", hw->vec.lanes);
        td_node_put_real(a, vector, "energy_pj", hw->vec.energy_pj);
        put_bandwidth(a, vector, "bw", hw->vec.bw);
    }
    td_node *levels = td_node_put(a, m, "levels", td_node_list(a));
    for (int i = 0; i < hw->n; i++) td_node_push(a, levels, level_node(hw, i, a));
    return m;
}
