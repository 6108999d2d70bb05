/* accuracy.c - the table of accuracy sources, and the choice of one from a recipe. */
#include "tandem/accuracy.h"

#include <stdio.h>
#include <string.h>

#include "accuracy_sources.h"

/* A new source is one line here and one in `makers`, in the same order. */
static const td_accuracy_entry sources[] = {
    {"train", "trains each network from scratch for a few epochs (proxy)"},
};
static td__accuracy_make *const makers[] = {td__accuracy_train};
enum { N_SOURCES = sizeof sources / sizeof sources[0] };
_Static_assert(N_SOURCES == sizeof makers / sizeof makers[0], "one maker per source");

const td_accuracy_entry *td_accuracy_list(int *n) {
    *n = N_SOURCES;
    return sources;
}

td_status td_accuracy_from_node(const td_node *n, uint64_t seed, td_accuracy *out, td_error *err) {
    memset(out, 0, sizeof *out);
    const char *name = sources[0].name;
    td_status s = td_node_opt_string(n, "source", &name, err);
    if (s != TD_OK) return s;
    for (int i = 0; i < N_SOURCES; i++)
        if (strcmp(sources[i].name, name) == 0) return makers[i](n, seed, out, err);
    char known[256] = "";
    size_t used = 0;
    for (int i = 0; i < N_SOURCES && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 sources[i].name);
    return td_node_fail(td_node_find(n, "source"), err, "expected one of %s, found \"%s\"", known,
                        name);
}

void td_accuracy_free(td_accuracy *a) {
    if (a != NULL && a->destroy != NULL) a->destroy(a->self);
    if (a != NULL) memset(a, 0, sizeof *a);
}
