/* Neutral cases ("neutral-case-1"): reading. */
#include <stdio.h>
#include <string.h>

#include "tandem/cost.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        td_status try_ = (call);                                                                   \
        if (try_ != TD_OK) return try_;                                                            \
    } while (0)

static const double most_bits = 0x1p61;

/* ---- problem --------------------------------------------------------------------------------- */

static td_status read_pair(const td_node *map, const char *key, int n, int64_t least, int32_t *out,
                           td_error *err) {
    const td_node *list = NULL;
    TRY(td_node_opt_list(map, key, &list, err));
    if (list == NULL) return TD_OK;
    if (list->count != n)
        return td_node_fail(list, err, "expected a list of %d integers, found %d items", n,
                            list->count);
    for (int i = 0; i < n; i++) {
        const td_node *v = list->item[i];
        if (v->kind != TD_INT || v->integer < least || v->integer > INT32_MAX)
            return td_node_fail(v, err, "expected an integer >= %lld", (long long)least);
        out[i] = (int32_t)v->integer;
    }
    return TD_OK;
}

/* word_bits: width of words whose bits are not given. */
static td_status read_problem(const td_node *n, int word_bits, td_problem *p, td_error *err) {
    static const char *const keys[] = {"dims", "stride", "dilation", "bits", "pad", NULL};
    static const char *const dim_keys[] = {"N", "K", "C", "P", "Q", "R", "S", "G", NULL};
    static const char *const bit_keys[] = {"W", "I", "O", "acc", NULL};
    memset(p, 0, sizeof *p);
    TRY(td_node_only(n, keys, err));
    const td_node *dims;
    TRY(td_node_get_map(n, "dims", &dims, err));
    TRY(td_node_only(dims, dim_keys, err));
    for (int d = 0; d < TD_NDIM; d++) {
        int64_t v = 1;
        TRY(td_node_opt_int(dims, dim_keys[d], 1, INT32_MAX, &v, err));
        p->dim[d] = (int32_t)v;
    }
    p->stride[0] = p->stride[1] = p->dilation[0] = p->dilation[1] = 1;
    TRY(read_pair(n, "stride", 2, 1, p->stride, err));
    TRY(read_pair(n, "dilation", 2, 1, p->dilation, err));
    TRY(read_pair(n, "pad", 4, 0, p->pad, err));

    int64_t bits[4] = {word_bits, word_bits, word_bits, 0};
    const td_node *map = NULL;
    TRY(td_node_opt_map(n, "bits", &map, err));
    TRY(td_node_only(map, bit_keys, err));
    for (int i = 0; i < 4; i++)
        if (map != NULL) TRY(td_node_opt_int(map, bit_keys[i], 1, 64, &bits[i], err));
    for (int t = 0; t < TD_NTENSOR; t++) p->bits[t] = (uint8_t)bits[t];
    p->acc_bits = (uint8_t)(bits[3] != 0 ? bits[3] : bits[TD_O]);

    td_error fault;
    if (td_problem_check(p, &fault) != TD_OK) return td_node_fail(n, err, "%s", fault.message);
    return TD_OK;
}

/* ---- accelerator ----------------------------------------------------------------------------- */

static td_status read_mesh(const td_node *n, int32_t *instances, int32_t *mesh_x, td_error *err) {
    int64_t all, x;
    TRY(td_node_get_int(n, "instances", 1, INT32_MAX, &all, err));
    x = all;
    TRY(td_node_opt_int(n, "mesh_x", 1, INT32_MAX, &x, err));
    if (all % x != 0)
        return td_node_fail(n, err, "mesh_x is %lld, expected a divisor of instances (%lld)",
                            (long long)x, (long long)all);
    *instances = (int32_t)all;
    *mesh_x = (int32_t)x;
    return TD_OK;
}

/* A number of words as whole bits. */
static td_status read_bits(const td_node *n, const char *key, int unit, double least, double most,
                           double *bits, td_error *err) {
    double words = *bits / unit;
    TRY(td_node_opt_real(n, key, least / unit, most / unit, &words, err));
    double exact = words * unit;
    *bits = round(exact);
    if (fabs(exact - *bits) > 1e-6 * (1 + exact))
        return td_node_fail(n, err, "%s: %.17g words of %d bits are no whole number of bits", key,
                            words, unit);
    return TD_OK;
}

static td_status read_bandwidth(const td_node *n, const char *key, int unit, double *out,
                                td_error *err) {
    double words = INFINITY;
    TRY(td_node_opt_real(n, key, 1e-12, 1e18, &words, err));
    *out = words * unit;
    return TD_OK;
}

static td_status read_tensors(const td_node *map, const char *key, bool required, unsigned *mask,
                              td_error *err) {
    const td_node *list = NULL;
    *mask = 0;
    TRY((required ? td_node_get_list : td_node_opt_list)(map, key, &list, err));
    for (int i = 0; list != NULL && i < list->count; i++) {
        const td_node *v = list->item[i];
        int t = 0;
        if (v->kind == TD_STRING)
            while (t < TD_NTENSOR && (v->text[0] != td_tensor_letter[t] || v->text[1] != '\0')) t++;
        if (v->kind != TD_STRING || t == TD_NTENSOR)
            return td_node_fail(v, err, "expected \"W\", \"I\" or \"O\"");
        *mask |= TD_BIT(t);
    }
    return TD_OK;
}

/* unit: bits of a word here; 0: the level's own word_bits. */
static td_status read_level(const td_node *n, int unit, td_level *l, td_error *err) {
    static const char *const keys[] = {"name",
                                       "word_bits",
                                       "capacity_words",
                                       "instances",
                                       "mesh_x",
                                       "block_words",
                                       "multiple_buffering",
                                       "read_bw",
                                       "write_bw",
                                       "shared_bw",
                                       "read_pj",
                                       "fill_pj",
                                       "update_pj",
                                       "reload",
                                       "timing",
                                       NULL};
    const char *name;
    TRY(td_node_only(n, keys, err));
    TRY(td_node_get_string(n, "name", &name, err));
    if (name[0] == '\0' || strlen(name) >= sizeof l->name)
        return td_node_fail(td_node_find(n, "name"), err,
                            "expected a name of 1 to %zu bytes, found %zu", sizeof l->name - 1,
                            strlen(name));
    if (strcmp(name, "MAC") == 0)
        return td_node_fail(td_node_find(n, "name"), err,
                            "\"MAC\" is taken by the MACs, expected another name");
    snprintf(l->name, sizeof l->name, "%s", name);
    int64_t word_bits = 16;
    TRY(td_node_opt_int(n, "word_bits", 1, 64, &word_bits, err));
    if (unit == 0) unit = (int)word_bits;
    l->word_bits = unit;
    TRY(read_mesh(n, &l->instances, &l->mesh_x, err));

    double capacity = -1, block = unit;
    const td_node *words = td_node_find(n, "capacity_words");
    if (words != NULL && words->kind != TD_NULL)
        TRY(read_bits(n, "capacity_words", unit, 0, most_bits, &capacity, err));
    l->capacity_bits = (int64_t)capacity;
    TRY(read_bits(n, "block_words", unit, 1, 1 << 30, &block, err));
    l->block_bits = (int32_t)block;
    l->buffering = 1;
    TRY(td_node_opt_real(n, "multiple_buffering", 1, 1e6, &l->buffering, err));
    TRY(read_bandwidth(n, "read_bw", unit, &l->read_bw, err));
    TRY(read_bandwidth(n, "write_bw", unit, &l->write_bw, err));
    TRY(read_bandwidth(n, "shared_bw", unit, &l->shared_bw, err));
    TRY(td_node_get_real(n, "read_pj", 0, 1e18, &l->read_pj, err));
    TRY(td_node_get_real(n, "fill_pj", 0, 1e18, &l->fill_pj, err));
    TRY(td_node_get_real(n, "update_pj", 0, 1e18, &l->update_pj, err));
    unsigned reload;
    TRY(read_tensors(n, "reload", false, &reload, err));
    if (reload & TD_BIT(TD_O))
        return td_node_fail(td_node_find(n, "reload"), err, "expected \"W\" and \"I\" at most");
    l->reload = (uint8_t)reload;
    TRY(td_timing_from_node(n, &l->timing, err));
    l->may_keep = l->multicast = TD_ALL_TENSORS;
    l->reduce = TD_BIT(TD_O);
    l->shares = -1;
    return TD_OK;
}

static td_status check_fan(const td_node *n, const char *inner, int32_t in, int32_t in_x,
                           const td_level *l, td_error *err) {
    if (in_x % l->mesh_x == 0 && in / in_x % (l->instances / l->mesh_x) == 0) return TD_OK;
    return td_node_fail(n, err,
                        "%d x %d instances cannot feed %d x %d of %s: expected extents that divide",
                        l->mesh_x, l->instances / l->mesh_x, in_x, in / in_x, inner);
}

/* Width of words where problem.bits does not give it: words are words at every level (Timeloop's
 * view), so one width serves all, that of the outermost level. */
static int common_width(const td_node *levels) {
    const td_node *top = levels->count > 0 ? levels->item[levels->count - 1] : NULL;
    int64_t bits = 16;
    /* A faulty value is reported when its level is read. */
    if (top == NULL || td_node_opt_int(top, "word_bits", 1, 64, &bits, NULL) != TD_OK) bits = 16;
    return (int)bits;
}

static td_status read_arch(const td_node *n, const td_node *levels, int unit, td_hw *hw,
                           td_error *err) {
    static const char *const keys[] = {"name", "mac", "levels", "fixed_keep", NULL};
    static const char *const mac_keys[] = {"instances", "mesh_x", "energy_pj", NULL};
    memset(hw, 0, sizeof *hw);
    TRY(td_node_only(n, keys, err));
    const char *name = "";
    TRY(td_node_opt_string(n, "name", &name, err));
    snprintf(hw->name, sizeof hw->name, "%s", name);
    const td_node *mac;
    TRY(td_node_get_map(n, "mac", &mac, err));
    TRY(td_node_only(mac, mac_keys, err));
    TRY(read_mesh(mac, &hw->mac.instances, &hw->mac.mesh_x, err));
    TRY(td_node_get_real(mac, "energy_pj", 0, 1e18, &hw->mac.energy_pj, err));
    hw->mac.bits = common_width(levels);

    if (levels->count < 1 || levels->count > TD_MAX_LEVELS)
        return td_node_fail(levels, err, "expected 1 to %d levels, found %d", TD_MAX_LEVELS,
                            levels->count);
    hw->n = levels->count;
    int32_t in = hw->mac.instances, in_x = hw->mac.mesh_x;
    const char *inner = "MACs";
    for (int i = 0; i < hw->n; i++) {
        td_level *l = &hw->level[i];
        TRY(read_level(levels->item[i], unit, l, err));
        TRY(check_fan(levels->item[i], inner, in, in_x, l, err));
        for (int j = 0; j < i; j++)
            if (strcmp(hw->level[j].name, l->name) == 0)
                return td_node_fail(levels->item[i], err, "the name \"%s\" is taken by level %d",
                                    l->name, j);
        in = l->instances;
        in_x = l->mesh_x;
        inner = l->name;
    }
    memset(hw->rules.allowed, 0xff, sizeof hw->rules.allowed);
    hw->clock_hz = 1e9;
    hw->area_mm2 = NAN;
    return TD_OK;
}

/* ---- mapping --------------------------------------------------------------------------------- */

static td_status read_loops(const td_node *map, const char *key, int axis, td_mapping *m,
                            td_error *err) {
    const td_node *list = NULL;
    TRY(td_node_opt_list(map, key, &list, err));
    for (int i = 0; list != NULL && i < list->count; i++) {
        const td_node *v = list->item[i];
        if (v->kind != TD_LIST || v->count < 2 || v->count > 3)
            return td_node_fail(v, err, "expected [dim, bound] or [dim, bound, last bound]");
        const td_node *dim = v->item[0];
        int d = dim->kind == TD_STRING && dim->text[0] != '\0' && dim->text[1] == '\0'
                    ? td_dim_from_letter(dim->text[0])
                    : -1;
        if (d < 0) return td_node_fail(dim, err, "expected one of the dims G, N, K, C, P, Q, R, S");
        int32_t bound[2] = {1, 0};
        for (int j = 1; j < v->count; j++) {
            const td_node *b = v->item[j];
            int64_t most = j == 1 ? INT32_MAX : bound[0];
            if (b->kind != TD_INT || b->integer < 1 || b->integer > most)
                return td_node_fail(b, err, "expected a loop bound in [1, %lld]", (long long)most);
            bound[j - 1] = (int32_t)b->integer;
        }
        if (m->n == TD_MAX_LOOPS)
            return td_node_fail(v, err, "more than %d loops in the mapping", TD_MAX_LOOPS);
        m->loop[m->n++] =
            (td_loop){(uint8_t)d, (uint8_t)axis, bound[0], v->count == 3 ? bound[1] : bound[0]};
    }
    return TD_OK;
}

static td_status read_mapping(const td_node *n, td_hw *hw, td_mapping *m, td_error *err) {
    static const char *const keys[] = {"levels", NULL};
    static const char *const level_keys[] = {"level",     "keep",         "temporal", "spatial_x",
                                             "spatial_y", "no_multicast", NULL};
    const td_node *levels;
    TRY(td_node_only(n, keys, err));
    TRY(td_node_get_list(n, "levels", &levels, err));
    if (levels->count != hw->n)
        return td_node_fail(levels, err, "expected the %d levels of the arch, found %d", hw->n,
                            levels->count);
    for (int i = 0; i < hw->n; i++) {
        const td_node *v = levels->item[i];
        const char *name = hw->level[i].name;
        unsigned keep, apart;
        TRY(td_node_only(v, level_keys, err));
        TRY(td_node_opt_string(v, "level", &name, err));
        if (strcmp(name, hw->level[i].name) != 0)
            return td_node_fail(v, err,
                                "expected level \"%s\", found \"%.40s\": mapping and arch list the "
                                "levels in one order, innermost first",
                                hw->level[i].name, name);
        TRY(read_tensors(v, "keep", true, &keep, err));
        TRY(read_tensors(v, "no_multicast", false, &apart, err));
        m->first[i] = m->n;
        m->keep[i] = (uint8_t)keep;
        hw->level[i].multicast = (uint8_t)(TD_ALL_TENSORS & ~apart);
        hw->level[i].reduce = (uint8_t)(TD_BIT(TD_O) & ~apart);
        TRY(read_loops(v, "temporal", TD_AXIS_T, m, err));
        TRY(read_loops(v, "spatial_x", TD_AXIS_X, m, err));
        TRY(read_loops(v, "spatial_y", TD_AXIS_Y, m, err));
    }
    m->first[hw->n] = m->n;
    return TD_OK;
}

/* {"LEVEL": "WIO", ...}: what a mapper has to keep there; null, or a level that is not named: free.
 */
static td_status read_fixed_keep(const td_node *map, const td_hw *hw, td_case *out, td_error *err) {
    const char *known[TD_MAX_LEVELS + 1] = {NULL};
    for (int l = 0; l < hw->n; l++) known[l] = hw->level[l].name;
    TRY(td_node_only(map, known, err));
    for (int l = 0; l < hw->n; l++) {
        const td_node *v = td_node_find(map, hw->level[l].name);
        if (v == NULL || v->kind == TD_NULL) continue;
        unsigned keep = 0;
        bool good = v->kind == TD_STRING;
        for (const char *s = good ? v->text : ""; *s != '\0' && good; s++) {
            const char *at = strchr(td_tensor_letter, *s);
            good = at != NULL && !(keep & TD_BIT(at - td_tensor_letter));
            if (good) keep |= TD_BIT(at - td_tensor_letter);
        }
        if (!good)
            return td_node_fail(v, err,
                                "expected letters of W, I and O, each once, such as \"IO\"");
        out->fixed |= (uint8_t)TD_BIT(l);
        out->fixed_keep[l] = (uint8_t)keep;
    }
    return TD_OK;
}

/* What is carried along: notes, results of others, and what `tandem map` tells beside a mapping. */
#define CARRIED                                                                                    \
    "tags", "note", "expected", "expected_link_transfers", "second_evaluator_agrees", "asked",     \
        "count", "layers", "result", "objective", "weights", "value", "bound", "gap", "stop",      \
        "nodes", "seconds", "counting", "mode", "options"

td_status td_case_from_node(const td_node *n, td_case *out, td_error *err) {
    static const char *const keys[] = {"format",  "name",       "problem", "arch",
                                       "mapping", "fixed_keep", CARRIED,   NULL};
    memset(out, 0, sizeof *out);
    if (n == NULL || n->kind != TD_MAP) return td_node_fail(n, err, "expected a case (a map)");
    TRY(td_node_only(n, keys, err));
    const char *format = "neutral-case-1", *name = "";
    TRY(td_node_opt_string(n, "format", &format, err));
    if (strcmp(format, "neutral-case-1") != 0)
        return td_node_fail(td_node_find(n, "format"), err,
                            "expected \"neutral-case-1\", found \"%.40s\"", format);
    TRY(td_node_opt_string(n, "name", &name, err));
    if (strlen(name) >= sizeof out->name)
        return td_node_fail(td_node_find(n, "name"), err,
                            "expected a name of at most %zu bytes, found %zu", sizeof out->name - 1,
                            strlen(name));
    snprintf(out->name, sizeof out->name, "%s", name);

    const td_node *problem, *arch, *levels, *mapping = NULL, *keep = NULL;
    TRY(td_node_get_map(n, "problem", &problem, err));
    TRY(td_node_get_map(n, "arch", &arch, err));
    TRY(td_node_get_list(arch, "levels", &levels, err));
    const td_node *bits = td_node_find(problem, "bits");
    int unit = bits != NULL && bits->kind != TD_NULL ? 0 : common_width(levels);
    TRY(read_problem(problem, common_width(levels), &out->problem, err));
    TRY(read_arch(arch, levels, unit, &out->hw, err));
    TRY(td_node_opt_map(arch, "fixed_keep", &keep, err)); /* some write it there */
    TRY(td_node_opt_map(n, "fixed_keep", &keep, err));
    if (keep != NULL) TRY(read_fixed_keep(keep, &out->hw, out, err));
    TRY(td_node_opt_map(n, "mapping", &mapping, err));
    if (mapping == NULL) return TD_OK;
    out->has_mapping = true;
    return read_mapping(mapping, &out->hw, &out->mapping, err);
}
