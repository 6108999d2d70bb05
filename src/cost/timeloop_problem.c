/* Timeloop's problem section: a shape (dims, coefficients, data spaces as projections) and an
 * instance. A shape says by the tensors that a dim indexes what the dim is:
 *
 *     weights and outputs    K              all three                              G
 *     weights and inputs     C, R, S        inputs and outputs                     N, P, Q
 *
 * and a rank of the inputs that is a sum, p * stride + r * dilation, pairs a row (or column) of the
 * outputs with one of the kernel. Names decide what is left open: P or Q, N or P. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "timeloop.h"

enum { MOST_RANKS = 8 };

typedef struct {
    int dim, coefficient; /* coefficient: -1 if there is none */
} term;

typedef struct {
    const char *name;
    const td_node *node;
    bool read_write;
    term rank[MOST_RANKS][2];
    int terms[MOST_RANKS], ranks;
    unsigned dims; /* those of all ranks */
} space;

typedef struct {
    const char *dim[TD_NDIM];
    int dims;
    const char *coefficient[TD_NDIM];
    int64_t value[TD_NDIM];
    int coefficients;
    space space[TD_NTENSOR]; /* W, I, O once they are told apart */
} shape;

/* The shapes that Timeloop knows by name, in its own format. */
static const char CNN[] =
    "{dimensions: [R, S, P, Q, C, K, N],"
    " coefficients: [{name: Wstride, default: 1}, {name: Hstride, default: 1},"
    "  {name: Wdilation, default: 1}, {name: Hdilation, default: 1}],"
    " data_spaces: [{name: Weights, projection: [[[C]], [[K]], [[R]], [[S]]]},"
    "  {name: Inputs, projection: [[[N]], [[C]], [[R, Wdilation], [P, Wstride]],"
    "   [[S, Hdilation], [Q, Hstride]]]},"
    "  {name: Outputs, projection: [[[N]], [[K]], [[Q]], [[P]]], read_write: true}]}";
static const char GEMM[] =
    "{dimensions: [M, N, K], data_spaces: [{name: A, projection: [[[M]], [[K]]]},"
    " {name: B, projection: [[[N]], [[K]]]},"
    " {name: Z, projection: [[[M]], [[N]]], read_write: true}]}";

const td_node *td__tl_find(const td_node *map, const char *key) {
    const td_node *n = td_node_find(map, key);
    if (n != NULL || strchr(key, '_') == NULL) return n;
    char other[64];
    snprintf(other, sizeof other, "%s", key);
    for (char *c = other; *c != '\0'; c++)
        if (*c == '_') *c = '-';
    return td_node_find(map, other);
}

static int index_of(const char *name, const char *const *names, int n) {
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0) return i;
    return -1;
}

static td_status required(const td_node *map, const char *key, td_node_kind kind,
                          const td_node **out, td_error *err) {
    *out = td__tl_find(map, key);
    if (*out != NULL && (*out)->kind == kind) return TD_OK;
    const char *what = kind == TD_LIST ? "a list" : "a text";
    if (*out == NULL) return td_node_fail(map, err, "missing key \"%s\", expected %s", key, what);
    return td_node_fail(*out, err, "expected %s", what);
}

/* ---- shape ----------------------------------------------------------------------------------- */

static td_status read_term(const td_node *n, const shape *s, term *out, td_error *err) {
    if (n->kind != TD_LIST || n->count < 1 || n->count > 2)
        return td_node_fail(n, err, "expected [dimension] or [dimension, coefficient]");
    for (int i = 0; i < n->count; i++)
        if (n->item[i]->kind != TD_STRING)
            return td_node_fail(n->item[i], err, "expected the name of a %s",
                                i == 0 ? "dimension" : "coefficient");
    out->dim = index_of(n->item[0]->text, s->dim, s->dims);
    out->coefficient = -1;
    if (out->dim < 0)
        return td_node_fail(n->item[0], err, "\"%.40s\" is none of the dimensions",
                            n->item[0]->text);
    if (n->count == 1) return TD_OK;
    out->coefficient = index_of(n->item[1]->text, s->coefficient, s->coefficients);
    if (out->coefficient < 0)
        return td_node_fail(n->item[1], err, "\"%.40s\" is none of the coefficients",
                            n->item[1]->text);
    return TD_OK;
}

static td_status read_space(const td_node *n, const shape *s, space *out, td_error *err) {
    const td_node *name, *projection, *rw;
    if (n->kind != TD_MAP)
        return td_node_fail(n, err, "expected a data space: {name, projection, read_write}");
    TRY(required(n, "name", TD_STRING, &name, err));
    TRY(required(n, "projection", TD_LIST, &projection, err));
    *out = (space){.name = name->text, .node = n};
    rw = td__tl_find(n, "read_write");
    if (rw != NULL && rw->kind != TD_BOOL) return td_node_fail(rw, err, "expected true or false");
    out->read_write = rw != NULL && rw->boolean;
    if (projection->count > MOST_RANKS)
        return td_node_fail(projection, err, "expected at most %d ranks, found %d", MOST_RANKS,
                            projection->count);
    for (int i = 0; i < projection->count; i++) {
        const td_node *rank = projection->item[i];
        const td_node *one[1] = {rank};
        td_node wrapped = {.kind = TD_LIST, .count = 1, .item = (td_node **)one};
        int k = out->ranks++;
        if (rank->kind == TD_STRING) { /* [M, K]: one dim each */
            wrapped.file = rank->file;
            wrapped.line = rank->line;
            TRY(read_term(&wrapped, s, &out->rank[k][0], err));
            out->terms[k] = 1;
        } else {
            if (rank->kind != TD_LIST || rank->count < 1 || rank->count > 2)
                return td_node_fail(rank, err,
                                    "expected a rank: [[dimension]], or a sum of two terms "
                                    "[[dimension, coefficient], [dimension, coefficient]]");
            out->terms[k] = rank->count;
            for (int j = 0; j < rank->count; j++)
                TRY(read_term(rank->item[j], s, &out->rank[k][j], err));
        }
        for (int j = 0; j < out->terms[k]; j++) {
            unsigned bit = TD_BIT(out->rank[k][j].dim);
            if (out->dims & bit)
                return td_node_fail(rank, err, "dimension %s stands in \"%s\" twice",
                                    s->dim[out->rank[k][j].dim], out->name);
            out->dims |= bit;
        }
    }
    return TD_OK;
}

/* A sum among the ranks: the mark of the inputs of a convolution. */
static bool has_sum(const space *s) {
    for (int i = 0; i < s->ranks; i++)
        if (s->terms[i] > 1) return true;
    return false;
}

static bool starts(const char *name, const char *const *words) {
    for (; *words != NULL; words++)
        if (strncasecmp(name, *words, strlen(*words)) == 0) return true;
    return false;
}

/* Puts the data spaces in the order W, I, O. */
static td_status order_spaces(const td_node *list, shape *s, td_error *err) {
    static const char *const weights[] = {"weight", "filter", "kernel", NULL};
    space *o = NULL, *first = NULL, *second = NULL, in, out, w;
    for (int i = 0; i < TD_NTENSOR; i++) {
        space *x = &s->space[i];
        if (x->read_write) {
            if (o != NULL) return td_node_fail(x->node, err, "a second read_write data space");
            o = x;
        } else if (first == NULL) {
            first = x;
        } else {
            second = x;
        }
    }
    if (o == NULL || second == NULL)
        return td_node_fail(list, err, "expected two data spaces to read and one read_write");
    bool swap = has_sum(second) || (!has_sum(first) && starts(first->name, weights));
    in = swap ? *second : *first;
    w = swap ? *first : *second;
    out = *o;
    for (int i = 0; i < w.ranks; i++)
        if (w.terms[i] > 1)
            return td_node_fail(w.node, err, "a sum of dimensions stands in both inputs");
    for (int i = 0; i < out.ranks; i++)
        if (out.terms[i] > 1)
            return td_node_fail(out.node, err, "a sum of dimensions stands in the outputs");
    s->space[TD_W] = w;
    s->space[TD_I] = in;
    s->space[TD_O] = out;
    return TD_OK;
}

static td_status read_names(const td_node *list, const char *what, const char **names, int *n,
                            td_error *err) {
    *n = 0;
    if (list->count > TD_NDIM)
        return td_node_fail(list, err, "expected at most %d %s, found %d", TD_NDIM, what,
                            list->count);
    for (int i = 0; i < list->count; i++) {
        const td_node *v = list->item[i];
        if (v->kind != TD_STRING || v->text[0] == '\0' || strlen(v->text) > 32)
            return td_node_fail(v, err, "expected a name");
        if (index_of(v->text, names, *n) >= 0)
            return td_node_fail(v, err, "\"%.40s\" stands in the list twice", v->text);
        names[(*n)++] = v->text;
    }
    return TD_OK;
}

static td_status read_shape(const td_node *n, shape *s, td_error *err) {
    const td_node *list;
    if (n->kind != TD_MAP) return td_node_fail(n, err, "expected a map or the name of a shape");
    TRY(required(n, "dimensions", TD_LIST, &list, err));
    TRY(read_names(list, "dimensions", s->dim, &s->dims, err));
    if (td_node_find(n, "flatten") != NULL)
        return td_node_fail(td_node_find(n, "flatten"), err, "flattened dims are not supported");
    list = td_node_find(n, "coefficients");
    if (list != NULL && list->kind != TD_NULL && (list->kind != TD_LIST || list->count > TD_NDIM))
        return td_node_fail(list, err, "expected a list of at most %d coefficients", TD_NDIM);
    for (int i = 0; list != NULL && i < list->count; i++) {
        const td_node *name;
        TRY(required(list->item[i], "name", TD_STRING, &name, err));
        TRY(td_node_get_int(list->item[i], "default", 1, INT32_MAX, &s->value[i], err));
        s->coefficient[s->coefficients++] = name->text;
    }
    TRY(required(n, "data_spaces", TD_LIST, &list, err));
    if (list->count != TD_NTENSOR)
        return td_node_fail(list, err, "expected %d data spaces, found %d", TD_NTENSOR,
                            list->count);
    for (int i = 0; i < TD_NTENSOR; i++) TRY(read_space(list->item[i], s, &s->space[i], err));
    return order_spaces(list, s, err);
}

/* ---- what the dims are ----------------------------------------------------------------------- */

typedef struct {
    shape *s;
    td_problem *p;
    int place[TD_NDIM]; /* dim of the shape that stands for a td_dim, -1: none */
    bool done[TD_NDIM]; /* dims of the shape that have a meaning */
} meanings;

static bool is_named(const meanings *m, int dim, const char *name) {
    return strcasecmp(m->s->dim[dim], name) == 0;
}

static void mean(meanings *m, int dim, td_dim d) {
    m->place[d] = dim;
    m->done[dim] = true;
}

static int64_t value_of(const meanings *m, int coefficient) {
    return coefficient < 0 ? 1 : m->s->value[coefficient];
}

/* Ranks of the inputs that are sums, or one dim with a coefficient. */
static td_status pair_up(meanings *m, td_error *err) {
    const space *w = &m->s->space[TD_W], *in = &m->s->space[TD_I], *o = &m->s->space[TD_O];
    for (int i = 0; i < in->ranks; i++) {
        if (in->terms[i] == 1 && in->rank[i][0].coefficient < 0) continue;
        const term *out = NULL, *tap = NULL;
        for (int j = 0; j < in->terms[i]; j++) {
            unsigned bit = TD_BIT(in->rank[i][j].dim);
            bool of_w = (w->dims & bit) != 0, of_o = (o->dims & bit) != 0;
            if (of_o && !of_w && out == NULL)
                out = &in->rank[i][j];
            else if (of_w && !of_o && tap == NULL)
                tap = &in->rank[i][j];
            else
                return td_node_fail(in->node, err,
                                    "expected the sum of a dimension of the outputs and one of the "
                                    "weights, found %s",
                                    m->s->dim[in->rank[i][j].dim]);
        }
        int axis = (out != NULL && is_named(m, out->dim, "Q")) ||
                   (tap != NULL && is_named(m, tap->dim, "S"));
        if (m->place[TD_P + axis] >= 0 || m->place[TD_R + axis] >= 0) axis = !axis;
        if (m->place[TD_P + axis] >= 0 || m->place[TD_R + axis] >= 0)
            return td_node_fail(in->node, err, "more than two sums of dimensions");
        if (out != NULL) {
            mean(m, out->dim, (td_dim)(TD_P + axis));
            m->p->stride[axis] = (int32_t)value_of(m, out->coefficient);
        }
        if (tap != NULL) {
            mean(m, tap->dim, (td_dim)(TD_R + axis));
            m->p->dilation[axis] = (int32_t)value_of(m, tap->coefficient);
        }
    }
    return TD_OK;
}

/* The first of the candidates that is free; a row or column only if its kernel dim is free too. */
static td_status first_free(meanings *m, int dim, const td_dim *candidates, td_error *err) {
    for (int pass = 0; pass < 2; pass++) /* names first */
        for (const td_dim *c = candidates; *c != TD_NDIM; c++) {
            const char name[2] = {td_dim_letter[*c], '\0'};
            int partner = *c == TD_P || *c == TD_Q   ? (int)*c + TD_R - TD_P
                          : *c == TD_R || *c == TD_S ? (int)*c + TD_P - TD_R
                                                     : -1;
            if (m->place[*c] >= 0 || (partner >= 0 && m->place[partner] >= 0)) continue;
            if (pass == 0 && !is_named(m, dim, name)) continue;
            mean(m, dim, *c);
            return TD_OK;
        }
    return td_node_fail(m->s->space[TD_O].node, err,
                        "dimension %s: the layer has more dimensions of its kind than a "
                        "convolution with groups",
                        m->s->dim[dim]);
}

static td_status find_meanings(meanings *m, const td_node *instance, td_error *err) {
    static const td_dim k[] = {TD_K, TD_NDIM}, g[] = {TD_G, TD_NDIM},
                        reduced[] = {TD_C, TD_R, TD_S, TD_NDIM},
                        outer[] = {TD_P, TD_Q, TD_N, TD_NDIM};
    const space *s = m->s->space;
    TRY(pair_up(m, err));
    /* A batch that bears its name leaves rows and columns to the others. */
    for (int i = 0; i < m->s->dims; i++)
        if (!m->done[i] && is_named(m, i, "N") && m->place[TD_N] < 0 &&
            !(s[TD_W].dims & TD_BIT(i)) && (s[TD_I].dims & s[TD_O].dims & TD_BIT(i)))
            mean(m, i, TD_N);
    for (int i = 0; i < m->s->dims; i++) {
        if (m->done[i]) continue;
        unsigned of = 0;
        for (int t = 0; t < TD_NTENSOR; t++)
            if (s[t].dims & TD_BIT(i)) of |= TD_BIT(t);
        const td_dim *candidates = of == TD_ALL_TENSORS                  ? g
                                   : of == (TD_BIT(TD_W) | TD_BIT(TD_O)) ? k
                                   : of == (TD_BIT(TD_W) | TD_BIT(TD_I)) ? reduced
                                   : of == (TD_BIT(TD_I) | TD_BIT(TD_O)) ? outer
                                                                         : NULL;
        const td_node *bound = td_node_find(instance, m->s->dim[i]);
        if (candidates == NULL && bound != NULL && bound->kind == TD_INT && bound->integer == 1)
            continue; /* nothing is looped over */
        if (candidates == NULL)
            return td_node_fail(
                s[TD_O].node, err,
                "dimension %s: expected one of two or all data spaces (or a bound of 1)",
                m->s->dim[i]);
        TRY(first_free(m, i, candidates, err));
    }
    return TD_OK;
}

/* ---- section --------------------------------------------------------------------------------- */

static td_status named_shape(const td_node *n, td_arena *a, const td_node **out, td_error *err) {
    static const char *const cnn[] = {"cnn_layer", "cnn-layer", NULL};
    static const char *const gemm[] = {"gemm_ABZ", "gemm-ABZ", NULL};
    const char *text = NULL;
    if (n == NULL || starts(n->text, cnn)) text = CNN;
    if (n != NULL && starts(n->text, gemm)) text = GEMM;
    if (text == NULL)
        return td_node_fail(n, err,
                            "the shape \"%.40s\" is not known here (known are: cnn_layer, "
                            "gemm_ABZ), expected a map with dimensions and data_spaces",
                            n->text);
    return td_yaml_parse(a, text, strlen(text), "shape", out, err);
}

td_status td__tl_problem(const td_node *section, td_arena *a, td_problem *p, td__tl_shape *out,
                         td_error *err) {
    shape s = {.dims = 0};
    memset(p, 0, sizeof *p);
    for (int d = 0; d < TD_NDIM; d++) p->dim[d] = 1;
    p->stride[0] = p->stride[1] = p->dilation[0] = p->dilation[1] = 1;
    if (section->kind != TD_MAP) return td_node_fail(section, err, "expected a map");
    const td_node *n = td_node_find(section, "shape"),
                  *instance = td_node_find(section, "instance");
    if (n == NULL || n->kind == TD_STRING) TRY(named_shape(n, a, &n, err));
    TRY(read_shape(n, &s, err));
    if (instance == NULL) instance = section; /* bounds beside the shape, as of old */
    if (instance->kind != TD_MAP) return td_node_fail(instance, err, "expected a map of bounds");
    for (int i = 0; i < s.coefficients; i++)
        TRY(td_node_opt_int(instance, s.coefficient[i], 1, INT32_MAX, &s.value[i], err));

    meanings m = {.s = &s, .p = p};
    for (int d = 0; d < TD_NDIM; d++) m.place[d] = -1;
    TRY(find_meanings(&m, instance, err));
    *out = (td__tl_shape){.n = s.dims};
    for (int i = 0; i < s.dims; i++) {
        int64_t bound;
        out->dim[i] = s.dim[i];
        out->meaning[i] = TD_NDIM;
        TRY(td_node_get_int(instance, s.dim[i], 1, INT32_MAX, &bound, err));
        for (int d = 0; d < TD_NDIM; d++) {
            if (m.place[d] != i) continue;
            out->meaning[i] = (uint8_t)d;
            p->dim[d] = (int32_t)bound;
        }
    }
    for (int t = 0; t < TD_NTENSOR; t++) out->space[t] = s.space[t].name;
    return TD_OK;
}
