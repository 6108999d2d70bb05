/* Timeloop's mapping section: a list of directives, each for one level.
 *
 *     - {target: GLB, type: temporal, factors: "C=3 M=4", permutation: "MC"}    innermost first
 *     - {target: GLB, type: spatial, factors: "Q=14 C=3", permutation: "QC", split: 1}
 *     - {target: GLB, type: bypass, keep: [Inputs], bypass: [Weights]}
 *
 * Spatial: the first `split` dims of the permutation stand on X, the others on Y. Dims that a
 * permutation leaves out stand outside of those that it has. A factor of 0 is the whole dim,
 * "P=5,3" has 3 passes in its last round. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "timeloop.h"

/* ---- names ----------------------------------------------------------------------------------- */

static int find_dim(const td__tl_shape *shape, const char *name, size_t n) {
    for (int i = 0; i < shape->n; i++)
        if (strlen(shape->dim[i]) == n && strncmp(shape->dim[i], name, n) == 0) return i;
    return -1;
}

static td_status one_space(const td_node *n, const td__tl_shape *shape, uint8_t *mask,
                           td_error *err) {
    for (int t = 0; n->kind == TD_STRING && t < TD_NTENSOR; t++)
        if (strcmp(shape->space[t], n->text) == 0) {
            *mask |= (uint8_t)TD_BIT(t);
            return TD_OK;
        }
    return td_node_fail(n, err, "expected a data space: %s, %s or %s", shape->space[TD_W],
                        shape->space[TD_I], shape->space[TD_O]);
}

td_status td__tl_spaces(const td_node *where, const td__tl_shape *shape, uint8_t *mask,
                        td_error *err) {
    if (where == NULL || where->kind == TD_NULL) return TD_OK;
    if (where->kind != TD_LIST) return one_space(where, shape, mask, err);
    for (int i = 0; i < where->count; i++) TRY(one_space(where->item[i], shape, mask, err));
    return TD_OK;
}

/* A component with a mesh of its own is two levels, and bears its name once: in space it is the
 * fan-out that feeds it, otherwise what it stores. */
td__tl_level *td__tl_target(const td_node *n, bool spatial, td__tl_arch *arch) {
    td__tl_level *found = NULL;
    for (int i = 0; i < arch->n; i++) {
        td__tl_level *l = &arch->level[i];
        const td_node *name = td_node_find(l->container, "name");
        bool alias = name != NULL && strcmp(name->text, n->text) == 0;
        if (alias && (spatial || td_node_find(l->container, "class") == NULL)) return l;
        if (strcmp(l->name, n->text) == 0) found = l;
    }
    return found;
}

/* ---- factors --------------------------------------------------------------------------------- */

typedef struct {
    int32_t bound[TD_NDIM], tail[TD_NDIM]; /* by dim of the shape; 1 if absent */
    int order[TD_NDIM];                    /* innermost first, all dims */
} nest;

static const char *skip(const char *s) {
    while (isspace((unsigned char)*s) || *s == ',') s++;
    return s;
}

/* A number below 10^9; false if there is none. */
static bool read_number(const char **s, int32_t *out) {
    size_t n = strspn(*s, "0123456789");
    if (n == 0 || n > 9) return false;
    int32_t v = 0;
    for (size_t i = 0; i < n; i++) v = v * 10 + (*s)[i] - '0';
    *s += n;
    *out = v;
    return true;
}

static td_status read_factors(const td_node *n, const char *s, const td_problem *p,
                              const td__tl_shape *shape, nest *out, td_error *err) {
    for (s = skip(s); *s != '\0' && *s != '#'; s = skip(s)) {
        size_t length = 0;
        while (isalpha((unsigned char)s[length]) || s[length] == '_') length++;
        int dim = find_dim(shape, s, length);
        if (dim < 0)
            return td_node_fail(n, err,
                                "expected factors like \"C=3 M=4\" of the problem's "
                                "dimensions, found \"%.40s\"",
                                s);
        s += length;
        while (isspace((unsigned char)*s)) s++;
        if (*s == '=') s++;
        while (isspace((unsigned char)*s)) s++;
        int32_t bound, tail;
        if (!read_number(&s, &bound))
            return td_node_fail(n, err, "expected a factor of %s, found \"%.40s\"", shape->dim[dim],
                                s);
        const int meaning = shape->meaning[dim];
        const int32_t whole = meaning < TD_NDIM ? p->dim[meaning] : 1;
        if (bound == 0) bound = whole;
        if (meaning == TD_NDIM && bound != 1)
            return td_node_fail(n, err, "expected a factor of 1 for %s, found %d", shape->dim[dim],
                                bound);
        tail = bound;
        if (*s == ',' && isdigit((unsigned char)s[1])) {
            s++;
            if (!read_number(&s, &tail) || tail < 1 || tail > bound)
                return td_node_fail(n, err, "%s: expected a last pass of 1 to %d", shape->dim[dim],
                                    bound);
        }
        out->bound[dim] = bound;
        out->tail[dim] = tail;
    }
    return TD_OK;
}

/* A text, or a list of texts: each goes to `each`. */
typedef td_status (*each_text)(const td_node *n, const char *text, const td_problem *p,
                               const td__tl_shape *shape, nest *out, td_error *err);

static td_status for_each(const td_node *n, each_text each, const td_problem *p,
                          const td__tl_shape *shape, nest *out, td_error *err) {
    if (n == NULL || n->kind == TD_NULL) return TD_OK;
    if (n->kind == TD_STRING) return each(n, n->text, p, shape, out, err);
    if (n->kind != TD_LIST) return td_node_fail(n, err, "expected a text or a list of texts");
    for (int i = 0; i < n->count; i++) {
        if (n->item[i]->kind != TD_STRING) return td_node_fail(n->item[i], err, "expected a text");
        TRY(each(n->item[i], n->item[i]->text, p, shape, out, err));
    }
    return TD_OK;
}

td_status td__tl_fixed_factors(const td_node *factors, const td__tl_shape *shape, uint8_t *ones,
                               uint8_t *wholes, td_error *err) {
    nest x;
    const td_problem whole = {.dim = {0}}; /* so that the whole dim is 0 */
    for (int i = 0; i < TD_NDIM; i++) x.bound[i] = x.tail[i] = -1;
    TRY(for_each(factors, read_factors, &whole, shape, &x, err));
    for (int i = 0; i < shape->n; i++) {
        if (x.bound[i] < 0) continue;
        if (x.bound[i] > 1)
            return td_node_fail(factors, err,
                                "%s=%d: only factors of 1 and 0 (the whole dimension) are rules "
                                "for mappings here",
                                shape->dim[i], x.bound[i]);
        *(x.bound[i] == 1 ? ones : wholes) |= (uint8_t)TD_BIT(shape->meaning[i]);
    }
    return TD_OK;
}

/* Names one after the other ("QCM"), or apart ("Q, C, M"). out->order is filled from its front; the
 * first -1 ends it. */
static td_status read_order(const td_node *n, const char *s, const td_problem *p,
                            const td__tl_shape *shape, nest *out, td_error *err) {
    (void)p;
    int count = 0;
    while (count < shape->n && out->order[count] >= 0) count++;
    for (s = skip(s); *s != '\0'; s = skip(s)) {
        size_t length = strcspn(s, " \t\n,");
        int dim = find_dim(shape, s, length);
        if (dim < 0) dim = find_dim(shape, s, length = 1);
        if (dim < 0)
            return td_node_fail(n, err, "expected the problem's dimensions, found \"%.40s\"", s);
        for (int i = 0; i < count; i++)
            if (out->order[i] == dim)
                return td_node_fail(n, err, "%s stands in the permutation twice", shape->dim[dim]);
        out->order[count++] = dim;
        s += length;
    }
    return TD_OK;
}

static void fill_order(const td__tl_shape *shape, nest *out) {
    int count = 0;
    while (count < shape->n && out->order[count] >= 0) count++;
    for (int d = 0; d < shape->n; d++) {
        bool there = false;
        for (int i = 0; i < count; i++) there = there || out->order[i] == d;
        if (!there) out->order[count++] = d;
    }
}

/* Loops of one axis, outermost first: the order's places [from, to) backwards. */
static void add_loops(const td__tl_shape *shape, const nest *x, int from, int to, int axis,
                      td__tl_level *l) {
    for (int i = to - 1; i >= from; i--) {
        int d = x->order[i];
        if (x->bound[d] > 1)
            l->loop[l->loops++] =
                (td_loop){shape->meaning[d], (uint8_t)axis, x->bound[d], x->tail[d]};
    }
}

static td_status read_loops(const td_node *n, bool spatial, const td_problem *p,
                            const td__tl_shape *shape, td__tl_level *l, td_error *err) {
    nest x;
    for (int i = 0; i < TD_NDIM; i++) {
        x.bound[i] = x.tail[i] = 1;
        x.order[i] = -1;
    }
    for (int i = 0; i < l->loops; i++)
        if ((l->loop[i].axis != TD_AXIS_T) == spatial)
            return td_node_fail(n, err, "a second %s directive for \"%s\"",
                                spatial ? "spatial" : "temporal", l->name);
    TRY(for_each(td_node_find(n, "factors"), read_factors, p, shape, &x, err));
    TRY(for_each(td_node_find(n, "permutation"), read_order, p, shape, &x, err));
    fill_order(shape, &x);
    if (!spatial) {
        add_loops(shape, &x, 0, shape->n, TD_AXIS_T, l);
        return TD_OK;
    }
    int64_t split = shape->n;
    TRY(td_node_opt_int(n, "split", 0, INT32_MAX, &split, err));
    int at = split < shape->n ? (int)split : shape->n;
    add_loops(shape, &x, 0, at, TD_AXIS_X, l);
    add_loops(shape, &x, at, shape->n, TD_AXIS_Y, l);
    static const char *const keys[] = {"no_reuse", "no_multicast_no_reduction", "no_multicast"};
    for (int i = 0; i < 3; i++) TRY(td__tl_spaces(td__tl_find(n, keys[i]), shape, &l->apart, err));
    return TD_OK;
}

/* ---- section --------------------------------------------------------------------------------- */

static td_status read_directive(const td_node *n, const td_problem *p, const td__tl_shape *shape,
                                td__tl_arch *arch, td_error *err) {
    const td_node *target = td_node_find(n, "target");
    const char *type;
    if (n->kind != TD_MAP) return td_node_fail(n, err, "expected {target, type, ...}");
    if (target == NULL || target->kind != TD_STRING)
        return td_node_fail(n, err, "expected \"target\", the name of a level");
    TRY(td_node_get_string(n, "type", &type, err));
    bool spatial = strcmp(type, "spatial") == 0;
    td__tl_level *l = td__tl_target(target, spatial, arch);
    if (l == NULL)
        return td_node_fail(target, err, "\"%.60s\" is none of the levels of the architecture",
                            target->text);
    if (spatial || strcmp(type, "temporal") == 0) return read_loops(n, spatial, p, shape, l, err);
    if (strcmp(type, "bypass") != 0 && strcmp(type, "datatype") != 0 &&
        strcmp(type, "dataspace") != 0)
        return td_node_fail(td_node_find(n, "type"), err,
                            "expected temporal, spatial or bypass (datatype, dataspace), found "
                            "\"%.40s\"",
                            type);
    uint8_t keep = 0, bypass = 0;
    TRY(td__tl_spaces(td_node_find(n, "keep"), shape, &keep, err));
    TRY(td__tl_spaces(td_node_find(n, "bypass"), shape, &bypass, err));
    l->keep = (uint8_t)((l->keep | keep) & ~bypass);
    return TD_OK;
}

td_status td__tl_mapping(const td_node *section, const td_problem *p, const td__tl_shape *shape,
                         td__tl_arch *arch, td_error *err) {
    if (section->kind != TD_LIST)
        return td_node_fail(section, err, "expected a list of directives {target, type, ...}");
    for (int i = 0; i < section->count; i++)
        TRY(read_directive(section->item[i], p, shape, arch, err));
    return TD_OK;
}
