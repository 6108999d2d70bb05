/* Options of a schedule, from a recipe's map. */
#include <string.h>

#include "schedule.h"

td_status td_schedule_options_from_node(const td_node *n, td_schedule_options *o, td_error *err) {
    td_schedule_options_default(o);
    if (n == NULL) return TD_OK;
    static const char *const keys[] = {"objective", "max_nodes", "batch", "depth_first", NULL};
    const char *objective = td_map_objective_name(o->objective);
    int64_t nodes = (int64_t)o->max_nodes, batch = o->batch;
    bool depth_first = !o->layer_by_layer;
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_opt_string(n, "objective", &objective, err);
    if (s == TD_OK) s = td_node_opt_int(n, "max_nodes", 1, INT64_MAX, &nodes, err);
    if (s == TD_OK) s = td_node_opt_int(n, "batch", 1, 4096, &batch, err);
    if (s == TD_OK) s = td_node_opt_bool(n, "depth_first", &depth_first, err);
    if (s != TD_OK) return s;
    if (strcmp(objective, "latency") == 0)
        o->objective = TD_OBJ_LATENCY;
    else if (strcmp(objective, "energy") == 0)
        o->objective = TD_OBJ_ENERGY;
    else
        return td_node_fail(td_node_find(n, "objective"), err,
                            "expected latency or energy, found \"%s\"", objective);
    o->max_nodes = (uint64_t)nodes;
    o->batch = (int)batch;
    o->layer_by_layer = !depth_first;
    return TD_OK;
}
