#include "search_workload.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char option[] = "--workload";

/* "a.json:0.7": the part behind the last colon is a weight if it is a number. */
static td_status read_net(const char *text, td_arena *a, td_node *to, td_error *err) {
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    double weight = colon != NULL ? strtod(colon + 1, &end) : NAN;
    bool weighted = colon != NULL && end != colon + 1 && *end == '\0';
    if (weighted && !(weight > 0 && weight < INFINITY))
        return td_fail(err, TD_E_USAGE, "%s %s: expected a weight > 0", option, text);
    const char *name = weighted ? td_arena_printf(a, "%.*s", (int)(colon - text), text) : text;
    if (name == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    /* In full: the recipe that is kept with the results is read from anywhere. */
    char path[PATH_MAX];
    if (strpbrk(name, "/.") != NULL && realpath(name, path) == NULL)
        return td_fail(err, TD_E_NOT_FOUND, "%s: no such file", name);
    td_node_put_string(a, to, "net", strpbrk(name, "/.") != NULL ? path : name);
    if (weighted) td_node_put_real(a, to, "weight", weight);
    return TD_OK;
}

static td_status network(const search_workload *w, td_arena *a, const char **value, td_error *err) {
    td_text t = {0};
    td_node *map = td_node_map(a);
    td_node_put_string(a, map, "space", "workload");
    if (w->combine != NULL) td_node_put_string(a, map, "combine", w->combine);
    td_node *list = td_node_put(a, map, "networks", td_node_list(a));
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < w->n; i++)
        s = read_net(w->net[i], a, td_node_push(a, list, td_node_map(a)), err);
    td_node_to_json(map, 0, &t);
    *value = t.data != NULL && !t.failed ? td_arena_strdup(a, t.data) : NULL;
    td_text_free(&t);
    return s == TD_OK && *value == NULL ? td_fail(err, TD_E_MEMORY, "out of memory") : s;
}

td_status search_workload_overrides(const search_workload *w, td_arena *a, td_override *o,
                                    int *count, td_error *err) {
    static const char *const idle[] = {"accuracy", "final", "compare", "budget.trained"};
    td_status s = TD_OK;
    if (w->n == 0 && w->combine != NULL)
        o[(*count)++] = (td_override){"network.combine", w->combine, "--combine"};
    if (w->n == 0) return TD_OK;
    td_override *net = &o[(*count)++];
    *net = (td_override){.key = "network", .from = option};
    s = network(w, a, &net->value, err);
    for (int i = 0; i < SEARCH_WORKLOAD_OVERRIDES - 1; i++)
        o[(*count)++] = (td_override){.key = idle[i], .from = option};
    return s;
}
