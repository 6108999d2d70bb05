/* The parameters of somebody else's problem: a space out of a document, with nothing to build. */
#include <string.h>

#include "space_known.h"

enum { MOST_LISTED = 4096, MOST_STEPS = 100000, MOST_PARAMETERS = 10000, LONGEST_NAME = 100 };
static const double most_integer = 9007199254740992; /* 2^53: beyond it doubles skip integers */

/* self: the known constraints; NULL: none. */
static td_status build_nothing(const void *self, const td_choices *c, td_arena *a, td_design *d,
                               td_error *err) {
    (void)a;
    *d = (td_design){0};
    const char *missed = self != NULL ? td__known_missed(self, c) : NULL;
    return missed != NULL ? td_fail(err, TD_E_INFEASIBLE, "known: not %.200s", missed) : TD_OK;
}

static bool allows(const void *self, const td_choices *c) {
    return td__known_missed(self, c) == NULL;
}

/* [lo, hi] */
static td_status read_range(const td_node *n, bool integer, td_decision *d, td_error *err) {
    const char *what = integer ? "[LOWEST, HIGHEST], two integers" : "[LOWEST, HIGHEST]";
    if (n->kind != TD_LIST || n->count != 2) return td_node_fail(n, err, "expected %s", what);
    double v[2];
    for (int i = 0; i < 2; i++) {
        const td_node *item = n->item[i];
        bool fits = item->kind == TD_INT ? fabs(item->real) <= most_integer
                                         : item->kind == TD_REAL && !integer;
        if (!fits || !isfinite(item->real))
            return td_node_fail(item, err, "expected %s", integer ? "an integer" : "a number");
        v[i] = item->real;
    }
    if (!(v[0] <= v[1]) || !isfinite(v[1] - v[0]))
        return td_node_fail(n, err, "expected [LOWEST, HIGHEST], found [%.12g, %.12g]", v[0], v[1]);
    d->lo = v[0];
    d->hi = v[1];
    return TD_OK;
}

static td_status read_log(const td_node *map, td_decision *d, td_error *err) {
    td_status s = td_node_opt_bool(map, "log", &d->log, err);
    if (s != TD_OK || !d->log || d->lo > 0) return s;
    return td_node_fail(td_node_find(map, "log"), err,
                        "a log scale needs a lowest value above 0, found %.12g", d->lo);
}

/* Every step-th integer of a range, as an ordered list. */
static td_status take_steps(const td_node *map, td_arena *a, td_decision *d, td_error *err) {
    int64_t step = 1;
    td_status s = td_node_opt_int(map, "step", 1, (int64_t)most_integer, &step, err);
    if (s != TD_OK || step == 1) return s;
    const td_node *at = td_node_find(map, "step");
    if (d->log) return td_node_fail(at, err, "steps and a log scale exclude each other");
    double n = floor((d->hi - d->lo) / (double)step) + 1;
    if (n > MOST_STEPS)
        return td_node_fail(at, err, "expected at most %d values, found %.0f", MOST_STEPS, n);
    double *v = TD_NEW(a, double, n);
    if (v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < (int)n; i++) v[i] = d->lo + (double)i * (double)step;
    *d = (td_decision){.kind = TD_ORDERED, .n = (int)n, .value = v, .parent = -1};
    return TD_OK;
}

static bool is_number(const td_node *n) {
    return n->kind == TD_INT || n->kind == TD_REAL;
}

/* A name, or true or false; NULL: neither. The texts "true" and "false" would come back as booleans
 * (td_choices_to_node). */
static const char *label_of(const td_node *n) {
    if (n->kind == TD_BOOL) return n->boolean ? "true" : "false";
    if (n->kind != TD_STRING || n->text[0] == '\0') return NULL;
    return strcmp(n->text, "true") != 0 && strcmp(n->text, "false") != 0 ? n->text : NULL;
}

/* [A, B, ...]: all numbers, or all names. */
static td_status read_values(const td_node *n, td_arena *a, td_decision *d, td_error *err) {
    if (n->kind != TD_LIST || n->count < 1 || n->count > MOST_LISTED)
        return td_node_fail(n, err, "expected a list of 1 to %d values", MOST_LISTED);
    bool numbers = is_number(n->item[0]);
    double *value = TD_NEW(a, double, n->count);
    const char **label = TD_NEW(a, const char *, n->count);
    if (value == NULL || label == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n->count; i++) {
        const td_node *item = n->item[i];
        label[i] = label_of(item);
        value[i] = item->real;
        if (numbers ? !is_number(item) || !isfinite(item->real) : label[i] == NULL)
            return td_node_fail(item, err,
                                numbers ? "expected a number as the values before it"
                                        : "expected a name, a number, true or false; numbers do "
                                          "not stand among names, but in quotes");
        for (int k = 0; k < i; k++)
            if (numbers ? value[k] == value[i] : strcmp(label[k], label[i]) == 0)
                return td_node_fail(item, err, "this value is there twice");
    }
    d->n = n->count;
    d->value = numbers ? value : NULL;
    d->label = numbers ? NULL : label;
    return TD_OK;
}

/* when: {EARLIER: [VALUE, ...]} */
static td_status read_when(const td_node *n, const td__decisions *list, td_decision *d,
                           td_error *err) {
    if (n == NULL) return TD_OK;
    if (n->kind != TD_MAP || n->count != 1)
        return td_node_fail(n, err,
                            "expected one earlier parameter with its values: {NAME: [...]}");
    const td_node *values = n->item[0];
    int p = 0;
    while (p < list->n && strcmp(list->d[p].name, values->key) != 0) p++;
    if (p == list->n) return td_node_fail(values, err, "no parameter of this name stands before");
    const td_decision *parent = &list->d[p];
    uint64_t count = td__decision_count(parent);
    if (count == 0 || count > 64)
        return td_node_fail(values, err, "conditions are on parameters of at most 64 values");
    int n_values = values->kind == TD_LIST ? values->count : 1;
    if (n_values == 0) return td_node_fail(values, err, "expected values of %s", parent->name);
    for (int i = 0; i < n_values; i++) {
        double v;
        td_status s = td_choice_from_node(
            parent, values->kind == TD_LIST ? values->item[i] : values, &v, err);
        if (s != TD_OK) return s;
        d->when |= UINT64_C(1) << td__decision_index(parent, v);
    }
    d->parent = p;
    return TD_OK;
}

static td_status read_parameter(const td_node *n, td__decisions *list, td_error *err) {
    static const struct {
        const char *key;
        td_kind kind;
        const char *keys[5];
    } kinds[] = {{"int", TD_INTEGER, {"int", "log", "step", "when", NULL}},
                 {"real", TD_REAL_RANGE, {"real", "log", "when", NULL}},
                 {"choice", TD_CATEGORICAL, {"choice", "when", NULL}},
                 {"ordered", TD_ORDERED, {"ordered", "when", NULL}}};
    size_t k = 0;
    const td_node *values = NULL;
    while (k < 4 && (values = td_node_find(n, kinds[k].key)) == NULL) k++;
    if (values == NULL)
        return td_node_fail(n, err,
                            "expected {int: [LOWEST, HIGHEST]}, {real: [LOWEST, HIGHEST]}, "
                            "{choice: [...]} or {ordered: [...]}");
    if (n->key[0] == '\0' || strlen(n->key) > LONGEST_NAME)
        return td_node_fail(n, err, "expected a name of up to %d bytes", LONGEST_NAME);
    td_decision d = {.kind = kinds[k].kind, .parent = -1};
    bool range = d.kind == TD_INTEGER || d.kind == TD_REAL_RANGE;
    td_status s = td_node_only(n, kinds[k].keys, err);
    if (s == TD_OK)
        s = range ? read_range(values, d.kind == TD_INTEGER, &d, err)
                  : read_values(values, list->arena, &d, err);
    if (s == TD_OK && range) s = read_log(n, &d, err);
    if (s == TD_OK && d.kind == TD_INTEGER) s = take_steps(n, list->arena, &d, err);
    if (s == TD_OK) s = read_when(td_node_find(n, "when"), list, &d, err);
    if (s == TD_OK) td__decisions_add(list, &d, "%s", n->key);
    return s == TD_OK && list->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : s;
}

td_status td_space_parameters(const td_node *n, const td_node *known, td_arena *a, td_space **out,
                              td_error *err) {
    td__known *k = NULL;
    *out = NULL;
    if (n->kind != TD_MAP || n->count < 1 || n->count > MOST_PARAMETERS)
        return td_node_fail(n, err, "expected a map of parameters, by name");
    td__decisions list = {.arena = a};
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < n->count; i++) s = read_parameter(n->item[i], &list, err);
    if (s == TD_OK && known != NULL) s = td__known_read(known, list.d, list.n, a, &k, err);
    if (s == TD_OK) s = td__space_finish("parameters", &list, k, build_nothing, out, err);
    if (s == TD_OK && k != NULL) (*out)->allows = allows;
    return s;
}
