/* spec_differs.c - why a study does not go on with a recipe: the keys in which it differs from the
 * one that the study was made with. */
#include <stdio.h>
#include <string.h>

#include "store.h"
#include "tandem/study.h"

enum { MOST = 3 };

typedef struct {
    td_text *out;
    int n;
} list;

static void add_value(const td_node *n, td_text *out) {
    td_text t = {0};
    if (n == NULL)
        td_text_add(&t, "nothing");
    else
        td_node_to_json(n, 0, &t);
    td_text_addf(out, "%.40s%s", t.data != NULL ? t.data : "", t.size > 40 ? "..." : "");
    td_text_free(&t);
}

static bool equal(const td_node *a, const td_node *b) {
    const bool numbers =
        (a->kind == TD_INT || a->kind == TD_REAL) && (b->kind == TD_INT || b->kind == TD_REAL);
    if (numbers) return a->real == b->real;
    if (a->kind != b->kind || a->count != b->count) return false;
    if (a->kind == TD_BOOL) return a->boolean == b->boolean;
    if (a->kind == TD_STRING) return strcmp(a->text, b->text) == 0;
    for (int i = 0; i < a->count; i++) {
        const td_node *other = a->kind == TD_MAP ? td_node_find(b, a->item[i]->key) : b->item[i];
        if (other == NULL || !equal(a->item[i], other)) return false;
    }
    return true;
}

static void differ(const char *path, const td_node *before, const td_node *now, list *l) {
    if (before == NULL && now == NULL) return;
    if (before != NULL && now != NULL && equal(before, now)) return;
    if (before != NULL && now != NULL && before->kind == TD_MAP && now->kind == TD_MAP) {
        char below[200];
        for (int side = 0; side < 2; side++) { /* what only one of them has, too */
            const td_node *of = side == 0 ? before : now;
            for (int i = 0; i < of->count; i++) {
                const char *key = of->item[i]->key;
                const td_node *old = td_node_find(before, key);
                if (side == 1 && old != NULL) continue;
                snprintf(below, sizeof below, "%s.%s", path, key);
                differ(below, old, td_node_find(now, key), l);
            }
        }
        return;
    }
    if (l->n++ >= MOST) return;
    td_text_addf(l->out, "%s%s was ", l->n > 1 ? ", " : "", path);
    add_value(before, l->out);
    td_text_add(l->out, " and is ");
    add_value(now, l->out);
}

/* Of networks; others are of problems, nested ones among them. */
static bool of_networks(const td_node *spec) {
    return td_node_find(spec, "network") != NULL;
}

/* Other keys than these change no trial; the last two where the scope says so. */
static void compare_keys(const td_node *before, const td_node *now, const char *study, list *l) {
    static const char *const keys[] = {"network",        "accelerator", "accuracy", "objective",
                                       "schedule",       "strategy",    "lag",      "parameters",
                                       "objectives",     "constraints", "parallel", "known",
                                       "early_stopping", "workload",    "mapping"};
    const td_scope *scope = td_scope_find(study); /* NULL: a phase of one */
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        differ(keys[i], td_node_find(before, keys[i]), td_node_find(now, keys[i]), l);
    if (!of_networks(now)) return;
    if (scope == NULL || td_scope_needs_fixed(scope))
        differ("compare", td_node_find(before, "compare"), td_node_find(now, "compare"), l);
    if (scope == NULL)
        differ("budget", td_node_find(before, "budget"), td_node_find(now, "budget"), l);
}

void td__spec_differs(const td__study *now, const char *spec, uint64_t seed, td_text *out) {
    const td_node *a, *b = NULL;
    list l = {.out = out};
    td_arena *arena = td_arena_create();
    if (seed != now->seed) {
        td_text_addf(out, "seed was %llu and is %llu", (unsigned long long)seed,
                     (unsigned long long)now->seed);
        l.n++;
    }
    if (arena != NULL && td_yaml_parse(arena, spec, strlen(spec), "", &a, NULL) == TD_OK &&
        td_yaml_parse(arena, now->spec, strlen(now->spec), "", &b, NULL) == TD_OK &&
        a->kind == TD_MAP && b->kind == TD_MAP)
        compare_keys(a, b, now->name, &l);
    if (l.n > MOST) td_text_addf(out, " and %d more", l.n - MOST);
    /* What a phase begins with depends on the budgets of all of them. */
    bool phase = b != NULL && of_networks(b) && td_scope_find(now->name) == NULL;
    if (l.n == 0 && b != NULL && td_node_find(b, "parameters") != NULL)
        td_text_add(out, "no key of the problem does, so it is the version of the program");
    else if (l.n == 0)
        td_text_addf(out,
                     "no key of the recipe does, so it is %sa file that it names, the data, or the "
                     "version of the program",
                     phase ? "the number of --trials, " : "");
    td_arena_destroy(arena);
}
