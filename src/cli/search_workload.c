#include "search_workload.h"

#include <stdlib.h>
#include <string.h>

#include "cli_net.h"

static const char option[] = "--workload";

static td_status read_net(const char *text, td_arena *a, td_node *to, td_error *err) {
    const char *name;
    double weight;
    td_status s = cli_net_weighted(text, option, a, &name, &weight, err);
    if (s != TD_OK) return s;
    const char *path = NULL;
    s = cli_net_path(name, a, &path, err);
    if (s != TD_OK) return s;
    td_node_put_string(a, to, "net", path != NULL ? path : name);
    if (name != text) td_node_put_real(a, to, "weight", weight);
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
