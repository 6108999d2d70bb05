#include "dosa_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        td_status s_ = (call);                                                                     \
        if (s_ != TD_OK) return s_;                                                                \
    } while (0)

enum { LEVELS = 4, MOST = 1 << 24 };

static td_status number(const td_node *row, const char *key, int32_t *out, td_error *err) {
    int64_t v;
    TRY(td_node_get_int(row, key, 1, MOST, &v, err));
    *out = (int32_t)v;
    return TD_OK;
}

/* Zeros around the image of stride x output positions; the kernel's middle stands on a position. */
static void pad(td_problem *p) {
    for (int axis = 0; axis < 2; axis++) {
        const int plane = (p->dim[TD_P + axis] - 1) * p->stride[axis] +
                          (p->dim[TD_R + axis] - 1) * p->dilation[axis] + 1;
        const int image = p->dim[TD_P + axis] * p->stride[axis];
        const int before = p->dim[TD_R + axis] / 2, after = plane - before - image;
        p->pad[axis] = before;
        p->pad[axis + 2] = after > 0 ? after : 0;
    }
}

static td_status read_problem(const td_node *row, td_problem *p, td_error *err) {
    char key[16] = "prob.";
    *p = (td_problem){.bits = {8, 8, 8}, .acc_bits = 32};
    for (int d = 0; d < TD_NDIM; d++) {
        p->dim[d] = 1;
        snprintf(key + 5, sizeof key - 5, "%c", td_dim_letter[d]);
        if (d != TD_G) TRY(number(row, key, &p->dim[d], err));
    }
    static const char *const names[][2] = {{"prob.Hstride", "prob.Hdilation"},
                                           {"prob.Wstride", "prob.Wdilation"}};
    for (int axis = 0; axis < 2; axis++) {
        TRY(number(row, names[axis][0], &p->stride[axis], err));
        TRY(number(row, names[axis][1], &p->dilation[axis], err));
    }
    pad(p);
    td_error fault;
    if (td_problem_check(p, &fault) != TD_OK) return td_node_fail(row, err, "%s", fault.message);
    return TD_OK;
}

static td_status read_hw(const td_node *row, td_hw *hw, td_error *err) {
    int32_t pes, columns, sums, bytes;
    TRY(number(row, "arch.pe", &pes, err));
    TRY(number(row, "arch.meshX", &columns, err));
    TRY(number(row, "arch.mem1_entries", &sums, err));
    TRY(number(row, "arch.mem2_entries", &bytes, err));
    if (pes % columns != 0)
        return td_node_fail(row, err, "%d PEs, expected a multiple of arch.meshX (%d)", pes,
                            columns);
    hw->mac.instances = hw->level[0].instances = pes;
    hw->mac.mesh_x = hw->level[0].mesh_x = columns;
    hw->level[1].instances = hw->level[1].mesh_x = columns;
    hw->level[1].capacity_bits = (int64_t)(sums * 32 * hw->level[1].buffering);
    hw->level[2].capacity_bits = (int64_t)(bytes * INT64_C(8) * hw->level[2].buffering);
    td_error fault;
    if (td_hw_check(hw, &fault) != TD_OK) return td_node_fail(row, err, "%s", fault.message);
    return TD_OK;
}

/* Factors of a tile and, outer to inner, of the loops around it. */
typedef struct {
    int32_t tile[TD_NDIM], spatial[LEVELS][TD_NDIM];
    td_loop outer[TD_MAX_LOOPS];
    int n;
} factors;

static td_status read_factors(const td_node *text, factors *f, td_error *err) {
    int level = -1;
    memset(f, 0, sizeof *f);
    for (int d = 0; d < TD_NDIM; d++) {
        f->tile[d] = 1;
        for (int l = 0; l < LEVELS; l++) f->spatial[l][d] = 1;
    }
    for (const char *c = text->text; *c != '\0';) {
        if (*c == ' ' || *c == '-') {
            c++;
            continue;
        }
        char *end;
        const int d = td_dim_from_letter(*c);
        long v = strtol(c + 1, &end, 10);
        const bool x = *end == 'X';
        if (*c == 'L' && end == c + 2 && v < LEVELS && *end == '[') {
            level = (int)v;
            c = end + strcspn(end, " ");
            continue;
        }
        if (d < 0 || end == c + 1 || v < 1 || v > MOST || level < 0 || f->n == TD_MAX_LOOPS)
            return td_node_fail(text, err, "expected \"L3[WIO] K48 - ...\", found \"%.20s\"", c);
        if (x)
            f->spatial[level][d] *= (int32_t)v;
        else if (level < LEVELS - 1)
            f->tile[d] *= (int32_t)v;
        else
            f->outer[f->n++] = (td_loop){(uint8_t)d, TD_AXIS_T, (int32_t)v, (int32_t)v};
        c = end + x;
    }
    return TD_OK;
}

static void add(td_mapping *m, int d, int axis, int32_t bound) {
    if (bound > 1) m->loop[m->n++] = (td_loop){(uint8_t)d, (uint8_t)axis, bound, bound};
}

/* A tile's loops stand as far inside as the machine's rules let them, in its order. */
static void make_mapping(const td_hw *hw, const factors *f, td_mapping *m) {
    static const uint8_t keep[LEVELS] = {TD_BIT(TD_W), TD_BIT(TD_O), TD_BIT(TD_W) | TD_BIT(TD_I),
                                         TD_ALL_TENSORS};
    unsigned placed = 0;
    memset(m, 0, sizeof *m);
    for (int l = 0; l < LEVELS; l++) {
        m->keep[l] = keep[l];
        m->first[l] = m->n;
        uint8_t dims[TD_NDIM] = {0, 1, 2, 3, 4, 5, 6, 7};
        td_map_order_sort(hw->rules.place[l], dims);
        for (int i = TD_NDIM - 1; i >= 0 && l < LEVELS - 1; i--) { /* outermost first */
            const int d = dims[i];
            if ((placed & TD_BIT(d)) || !(hw->rules.allowed[l][TD_AXIS_T] & TD_BIT(d))) continue;
            placed |= TD_BIT(d);
            add(m, d, TD_AXIS_T, f->tile[d]);
        }
        for (int i = 0; i < f->n && l == LEVELS - 1; i++)
            add(m, f->outer[i].dim, TD_AXIS_T, f->outer[i].bound);
        const int axis = td_hw_fanout(hw, l, TD_AXIS_X) > 1 ? TD_AXIS_X : TD_AXIS_Y;
        for (int d = 0; d < TD_NDIM; d++) add(m, d, axis, f->spatial[l][d]);
    }
    for (int l = LEVELS; l <= TD_MAX_LEVELS; l++) m->first[l] = m->n;
}

static td_status read_row(const td_node *row, const td_hw *gemmini, dosa_row *out, td_error *err) {
    const char *text;
    factors f;
    *out = (dosa_row){.hw = *gemmini, .line = row->line};
    TRY(read_problem(row, &out->problem, err));
    TRY(read_hw(row, &out->hw, err));
    TRY(td_node_get_string(row, "mapping.mapping", &text, err));
    TRY(read_factors(td_node_find(row, "mapping.mapping"), &f, err));
    make_mapping(&out->hw, &f, &out->mapping);
    TRY(td_node_get_real(row, "target.gemmini_cycle", 1, 1e18, &out->rtl, err));
    return td_node_get_real(row, "target.cycle", 1, 1e18, &out->analytic, err);
}

td_status dosa_rows_read(td_arena *a, const char *path, const td_hw *gemmini, dosa_row **rows,
                         int *n, td_error *err) {
    static const char *const names[LEVELS] = {"WeightReg", "Accumulator", "Scratchpad", "DRAM"};
    const td_node *doc;
    for (int l = 0; l < LEVELS; l++)
        if (gemmini->n != LEVELS || strcmp(gemmini->level[l].name, names[l]) != 0)
            return td_fail(err, TD_E_INPUT, "%s: expected the levels of gemmini", gemmini->name);
    TRY(td_node_load(a, path, &doc, err));
    *n = doc->count;
    *rows = td_arena_alloc(a, sizeof **rows * (size_t)(*n > 0 ? *n : 1));
    if (*rows == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    int layers = 0;
    for (int i = 0; i < *n; i++) {
        dosa_row *r = &(*rows)[i];
        TRY(read_row(doc->item[i], gemmini, r, err));
        r->layer = layers;
        for (int j = 0; j < i && r->layer == layers; j++)
            if (memcmp(&(*rows)[j].problem, &r->problem, sizeof r->problem) == 0)
                r->layer = (*rows)[j].layer;
        layers += r->layer == layers;
    }
    return TD_OK;
}

dosa_fit dosa_compare(td_arena *a, const dosa_row *rows, const double *estimate, int n) {
    double *rtl = td_arena_alloc(a, sizeof *rtl * (size_t)n);
    double *error = td_arena_alloc(a, sizeof *error * (size_t)n);
    double *ratio = td_arena_alloc(a, sizeof *ratio * (size_t)n);
    dosa_fit f = {.worst_ratio = 1};
    if (rtl == NULL || error == NULL || ratio == NULL) return f;
    for (int i = 0; i < n; i++) {
        rtl[i] = rows[i].rtl;
        error[i] = fabs(estimate[i] - rtl[i]) / rtl[i];
        ratio[i] = rtl[i] / estimate[i];
        f.worst_ratio = fmax(f.worst_ratio, fmax(ratio[i], 1 / ratio[i]));
    }
    f.spearman = td_spearman_rho(estimate, rtl, n);
    f.kendall = td_kendall_tau(estimate, rtl, n);
    f.median_error = td_quantile(error, n, 0.5);
    f.error_90 = td_quantile(error, n, 0.9);
    f.median_ratio = td_quantile(ratio, n, 0.5);
    return f;
}
