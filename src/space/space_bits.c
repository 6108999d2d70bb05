/* Making spaces: lists of decisions, lists of numbers out of documents, the check of what was made.
 */
#include "space_bits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- decisions ------------------------------------------------------------------------------- */

int td__decisions_add(td__decisions *list, const td_decision *d, const char *format, ...) {
    if (list->failed) return -1;
    if (list->n == list->capacity) {
        int capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        td_decision *grown = TD_NEW(list->arena, td_decision, capacity);
        list->failed = grown == NULL;
        if (list->failed) return -1;
        if (list->n > 0) memcpy(grown, list->d, sizeof *grown * (size_t)list->n);
        list->d = grown;
        list->capacity = capacity;
    }
    char name[128];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    td_decision *to = &list->d[list->n];
    *to = *d;
    to->name = td_arena_strdup(list->arena, name);
    list->failed = to->name == NULL;
    return list->failed ? -1 : list->n++;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static td_status check_names(const td_space *s, td_error *err) {
    const char **name = malloc(sizeof *name * (size_t)(s->n + 1));
    if (name == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < s->n; i++) name[i] = s->d[i].name;
    qsort(name, (size_t)s->n, sizeof *name, compare_names);
    td_status status = TD_OK;
    for (int i = 1; i < s->n && status == TD_OK; i++)
        if (strcmp(name[i - 1], name[i]) == 0)
            status = td_fail(err, TD_E_INPUT, "space %s: two decisions are named \"%s\"", s->name,
                             name[i]);
    free(name);
    return status;
}

static td_status check_values(const td_space *s, const td_decision *d, td_error *err) {
    const double whole = 9007199254740992.0; /* 2^53: integers beyond are not exact */
    switch (d->kind) {
    case TD_CATEGORICAL:
    case TD_ORDERED:
        if (d->n >= 1 && (d->value != NULL || d->label != NULL)) return TD_OK;
        return td_fail(err, TD_E_INPUT, "space %s: %s has no values", s->name, d->name);
    case TD_INTEGER:
        if (d->lo <= d->hi && d->lo == floor(d->lo) && d->hi == floor(d->hi) && d->lo >= -whole &&
            d->hi <= whole && (!d->log || d->lo > 0))
            return TD_OK;
        break;
    case TD_REAL_RANGE:
        if (d->lo <= d->hi && isfinite(d->lo) && isfinite(d->hi) && (!d->log || d->lo > 0))
            return TD_OK;
        break;
    }
    return td_fail(err, TD_E_INPUT, "space %s: %s cannot range over [%g, %g]%s", s->name, d->name,
                   d->lo, d->hi, d->log ? " on a log scale" : "");
}

td_status td_space_check(const td_space *s, td_error *err) {
    for (int i = 0; i < s->n; i++) {
        const td_decision *d = &s->d[i];
        if (d->name == NULL)
            return td_fail(err, TD_E_INPUT, "space %s: a decision has no name", s->name);
        td_status status = check_values(s, d, err);
        if (status != TD_OK) return status;
        if (d->parent < 0) continue;
        if (d->parent >= i)
            return td_fail(err, TD_E_INPUT, "space %s: %s hangs on a later decision", s->name,
                           d->name);
        const td_decision *p = &s->d[d->parent];
        uint64_t n = td__decision_count(p);
        if (p->kind == TD_REAL_RANGE || n > 64)
            return td_fail(err, TD_E_INPUT,
                           "space %s: %s hangs on %s, which has more than 64 values", s->name,
                           d->name, p->name);
        if (d->when == 0 || (n < 64 && d->when >> n != 0))
            return td_fail(err, TD_E_INPUT, "space %s: %s hangs on values that %s does not have",
                           s->name, d->name, p->name);
    }
    return check_names(s, err);
}

td_status td__space_finish(const char *name, const td__decisions *list, const void *self,
                           td_status (*build)(const void *, const td_choices *, td_arena *,
                                              td_design *, td_error *),
                           td_space **out, td_error *err) {
    td_space *s = list->failed ? NULL : TD_NEW(list->arena, td_space, 1);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *s = (td_space){.name = name, .d = list->d, .n = list->n, .self = self, .build = build};
    td_status status = td_space_check(s, err);
    if (status == TD_OK) *out = s;
    return status;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int compare_values(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

td_status td__values_from_node(const td_node *n, double lo, double hi, bool integer, td_arena *a,
                               td__values *out, td_error *err) {
    const char *kind = integer ? "an integer" : "a number";
    bool list = n->kind == TD_LIST;
    int count = list ? n->count : 1;
    if (count < 1 || (!list && n->kind != TD_INT && n->kind != TD_REAL))
        return td_node_fail(n, err, "expected %s or a list of at least one", kind);
    /* Conditions are masks of 64 bits. */
    if (count > 64) return td_node_fail(n, err, "expected at most 64 values, found %d", count);
    double *v = TD_NEW(a, double, count);
    if (v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < count; i++) {
        const td_node *item = list ? n->item[i] : n;
        if ((item->kind != TD_INT && (integer || item->kind != TD_REAL)) || !(item->real >= lo) ||
            !(item->real <= hi))
            return item->kind == TD_STRING
                       ? td_node_fail(item, err, "expected %s, found \"%.60s\"", kind, item->text)
                       : td_node_fail(item, err, "expected %s in [%g, %g]", kind, lo, hi);
        v[i] = item->real;
    }
    qsort(v, (size_t)count, sizeof *v, compare_values);
    for (int i = 1; i < count; i++)
        if (v[i - 1] == v[i]) return td_node_fail(n, err, "%g is there twice", v[i]);
    *out = (td__values){.v = v, .n = count, .decision = -1};
    return TD_OK;
}

td_status td__values_read(const td_node *map, const char *key, double lo, double hi, bool integer,
                          td_arena *a, td__values *out, td_error *err) {
    const td_node *n = td_node_find(map, key);
    if (n == NULL)
        return td_node_fail(map, err, "missing key \"%s\", expected a number or a list", key);
    return td__values_from_node(n, lo, hi, integer, a, out, err);
}

double td__values_get(const td__values *p, const td_choices *c) {
    if (p->decision < 0) return p->v[0];
    double k = p->decision < c->n ? c->v[p->decision] : NAN;
    return k >= 0 && k < p->n ? p->v[(int)k] : NAN;
}

/* ---- files, and what networks share ---------------------------------------------------------- */

const char *td__space_file(const td_node *named, td_arena *a) {
    const char *name = named->text;
    if (strpbrk(name, "/.") == NULL) return NULL;
    const char *path = td_file_beside(a, named->file, name);
    return path != NULL && td_file_exists(path) ? path : NULL;
}

td_status td__space_hw_doc(const td_node *named, td_arena *a, const td_node **doc, td_error *err) {
    const char *path = td__space_file(named, a);
    td_error why = {0};
    td_status s = path == NULL ? td_hw_find(a, named->text, &path, &why) : TD_OK;
    if (s == TD_OK) s = td_node_load(a, path, doc, &why);
    if (s == TD_OK && (*doc)->kind != TD_MAP)
        return td_node_fail(*doc, err, "expected an accelerator, a map with its template");
    if (s == TD_OK || err == NULL) return s;
    *err = why; /* faults within the file have their own place */
    return s == TD_E_NOT_FOUND ? td_node_place(named, err) : s;
}

td_status td__shape_read(const td_node *map, td_shape *out, td_error *err) {
    const td_node *n = td_node_find(map, "input");
    if (n == NULL || n->kind == TD_NULL) return TD_OK;
    if (n->kind == TD_INT && n->integer >= 1 && n->integer <= 65536) {
        out->h = out->w = (int32_t)n->integer;
        return TD_OK;
    }
    int32_t v[3];
    if (n->kind != TD_LIST || n->count != 3)
        return td_node_fail(n, err,
                            "expected an integer in [1, 65536] or [channels, height, width]");
    for (int i = 0; i < 3; i++) {
        const td_node *item = n->item[i];
        if (item->kind != TD_INT || item->integer < 1 || item->integer > 65536)
            return td_node_fail(item, err, "expected an integer in [1, 65536]");
        v[i] = (int32_t)item->integer;
    }
    *out = TD_DIM(v[0], v[1], v[2]);
    return TD_OK;
}

td_status td__act_read(const td_node *n, td_op *out, td_error *err) {
    const char *name;
    td_status s = td_node_get_string(n, "act", &name, err);
    if (s != TD_OK) return s;
    td_text known = {0};
    for (int op = TD_OP_RELU; op < TD_NOP; op++) {
        if (td_op_cost_only((td_op)op)) continue; /* can be trained */
        if (strcmp(td_op_name((td_op)op), name) == 0) {
            td_text_free(&known);
            *out = (td_op)op;
            return TD_OK;
        }
        td_text_addf(&known, "%s%s", known.size > 0 ? ", " : "", td_op_name((td_op)op));
    }
    s = td_node_fail(td_node_find(n, "act"), err, "expected one of %s, found \"%s\"",
                     known.data != NULL ? known.data : "", name);
    td_text_free(&known);
    return s;
}

td_status td__stem_read(const td_node *map, td__stem *out, td_error *err) {
    static const char *const keys[] = {"channels", "stride", "kernel", NULL};
    const td_node *stem;
    int64_t channels = 0, stride = 1, kernel = 3;
    td_status s = td_node_get_map(map, "stem", &stem, err);
    if (s == TD_OK) s = td_node_only(stem, keys, err);
    if (s == TD_OK) s = td_node_get_int(stem, "channels", 1, TD__SPACE_CHANNELS, &channels, err);
    if (s == TD_OK) s = td_node_opt_int(stem, "stride", 1, 8, &stride, err);
    if (s == TD_OK) s = td_node_opt_int(stem, "kernel", 1, TD__SPACE_KERNEL, &kernel, err);
    if (s == TD_OK && kernel % 2 == 0)
        s = td_node_fail(td_node_find(stem, "kernel"), err, "expected an odd size");
    *out = (td__stem){(int)channels, (int)stride, (int)kernel};
    return s;
}

td_node *td__with_defaults(const td_node *n, const td_node *defaults, td_arena *a) {
    td_node *all = TD_NEW(a, td_node, 1);
    td_node **item = TD_NEW(a, td_node *, n->count + defaults->count + 1);
    if (all == NULL || item == NULL) return NULL;
    *all = *n;
    all->whole = n;
    all->item = item;
    all->count = all->capacity = 0;
    for (int i = 0; i < n->count; i++)
        if (n->item[i]->kind != TD_NULL) item[all->count++] = n->item[i];
    for (int i = 0; i < defaults->count; i++)
        if (td_node_find(all, defaults->item[i]->key) == NULL)
            item[all->count++] = defaults->item[i];
    return all;
}
