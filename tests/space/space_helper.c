#include "space_helper.h"

#include "common.h"

static int64_t descend(const td_space *s, td_choices *c, int i, visit *fn, void *self) {
    if (i == s->n) {
        if (fn != NULL) fn(self, c);
        return 1;
    }
    const td_decision *d = &s->d[i];
    bool active = d->parent < 0;
    if (!active && !isnan(c->v[d->parent])) {
        double lo = s->d[d->parent].kind == TD_INTEGER ? s->d[d->parent].lo : 0;
        active = (d->when & (UINT64_C(1) << (int)(c->v[d->parent] - lo))) != 0;
    }
    if (!active) {
        c->v[i] = NAN;
        return descend(s, c, i + 1, fn, self);
    }
    int64_t total = 0;
    double lo = d->kind == TD_INTEGER ? d->lo : 0, hi = d->kind == TD_INTEGER ? d->hi : d->n - 1;
    for (double v = lo; v <= hi; v++) {
        c->v[i] = v;
        total += descend(s, c, i + 1, fn, self);
    }
    return total;
}

int64_t enumerate(const td_space *s, visit *fn, void *self) {
    double v[64];
    assert_true(s->n <= 64);
    return descend(s, &(td_choices){s->n, v}, 0, fn, self);
}

const td_node *yaml(td_arena *a, const char *text) {
    td_error err = {0};
    const td_node *doc;
    assert_ok(td_yaml_parse(a, text, strlen(text), "recipe.yaml", &doc, &err), &err);
    return doc;
}

td_space *net_space(td_arena *a, const char *text) {
    td_error err = {0};
    td_space *s;
    assert_ok(td_space_net_from_node(yaml(a, text), a, &s, &err), &err);
    return s;
}

td_space *hw_space(td_arena *a, const char *text) {
    td_error err = {0};
    td_space *s;
    assert_ok(td_space_hw_from_node(yaml(a, text), a, &s, &err), &err);
    return s;
}

void refused(bool network, const char *text, int line, const char *part) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s;
    char place[32];
    snprintf(place, sizeof place, "recipe.yaml:%d:", line);
    td_status status = network ? td_space_net_from_node(yaml(a, text), a, &s, &err)
                               : td_space_hw_from_node(yaml(a, text), a, &s, &err);
    if (status != TD_E_INPUT || strstr(err.message, place) == NULL ||
        strstr(err.message, part) == NULL)
        fail_msg("%s\nexpected: %s ... %s\nfound (%s): %s", text, place, part,
                 td_status_name(status), err.message);
    td_arena_destroy(a);
}

static int compare_hashes(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int64_t sort_distinct(uint64_t *v, int64_t n) {
    qsort(v, (size_t)n, sizeof *v, compare_hashes);
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (kept == 0 || v[kept - 1] != v[i]) v[kept++] = v[i];
    return kept;
}
