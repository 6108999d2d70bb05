/* accuracy.c - the table of accuracy sources, and the choice of one from a recipe. */
#include "tandem/accuracy.h"

#include <string.h>

#include "accuracy_sources.h"

/* A new source is one line here and one in `makers`, in the same order. */
static const td_accuracy_entry sources[] = {
    {"train", "trains each network from scratch for a few epochs (proxy)", true},
    {"table", "looks each network up in a file of accuracies (CSV or JSON)", false},
};
static const struct {
    td__accuracy_check_fn *check;
    td__accuracy_make_fn *make;
    td__accuracy_steps_fn *steps;
} makers[] = {
    {td__accuracy_train_check, td__accuracy_train, td__accuracy_train_steps},
    {td__accuracy_table_check, td__accuracy_table, NULL},
};
enum { N_SOURCES = sizeof sources / sizeof sources[0] };
_Static_assert(N_SOURCES == sizeof makers / sizeof makers[0], "one maker per source");

const td_accuracy_entry *td_accuracy_list(int *n) {
    *n = N_SOURCES;
    return sources;
}

/* Index of the source that a map names; the first one if it names none. */
static td_status find(const td_node *n, int *index, td_error *err) {
    const char *name = sources[0].name;
    td_status s = td_node_opt_string(n, "source", &name, err);
    if (s != TD_OK) return s;
    for (*index = 0; *index < N_SOURCES; ++*index)
        if (strcmp(sources[*index].name, name) == 0) return TD_OK;
    td_text known = {0};
    for (int i = 0; i < N_SOURCES; i++)
        td_text_addf(&known, "%s%s", i > 0 ? ", " : "", sources[i].name);
    s = td_node_fail(td_node_find(n, "source"), err, "expected %s%s, found \"%s\"",
                     N_SOURCES > 1 ? "one of " : "", known.data != NULL ? known.data : "", name);
    td_text_free(&known);
    return s;
}

td_status td_accuracy_entry_from_node(const td_node *n, const td_accuracy_entry **out,
                                      td_error *err) {
    int i;
    td_status s = find(n, &i, err);
    *out = s == TD_OK ? &sources[i] : NULL;
    return s;
}

td_status td_accuracy_check(const td_node *n, const td_space *nets, td_error *err) {
    int i;
    td_status s = find(n, &i, err);
    return s == TD_OK ? makers[i].check(n, nets, err) : s;
}

td_status td_accuracy_from_node(const td_node *n, const td_space *nets, uint64_t seed,
                                td_accuracy *out, td_error *err) {
    int i;
    memset(out, 0, sizeof *out);
    td_status s = find(n, &i, err);
    if (s == TD_OK) s = makers[i].check(n, nets, err);
    return s == TD_OK ? makers[i].make(n, nets, seed, out, err) : s;
}

td_status td_accuracy_steps(const td_node *n, int *steps, td_error *err) {
    int i;
    *steps = 0;
    td_status s = find(n, &i, err);
    return s == TD_OK && makers[i].steps != NULL ? makers[i].steps(n, steps, err) : s;
}

void td_accuracy_free(td_accuracy *a) {
    if (a != NULL && a->destroy != NULL) a->destroy(a->self);
    if (a != NULL) memset(a, 0, sizeof *a);
}
