/* Timeloop's constraints as rules for mappings: where a dim may stand, what a level keeps. A node
 * bears its own, {dataspace, temporal, spatial}; the program itself reads a list of targets. Orders
 * of loops, and hints for its search, are no rules here and are passed over. */
#include <string.h>

#include "timeloop.h"

static td_status read_factors(const td_node *n, bool spatial, const td__tl_shape *shape,
                              td__tl_level *l, td_error *err) {
    return td__tl_fixed_factors(td_node_find(n, "factors"), shape,
                                spatial ? &l->no_space : &l->no_time,
                                spatial ? &l->whole_space : &l->whole_time, err);
}

static td_status read_target(const td_node *n, const td__tl_shape *shape, td__tl_arch *arch,
                             td_error *err) {
    const td_node *target = td_node_find(n, "target");
    const char *type;
    if (target == NULL || target->kind != TD_STRING)
        return td_node_fail(n, err, "expected \"target\", the name of a level");
    TRY(td_node_get_string(n, "type", &type, err));
    bool spatial = strcmp(type, "spatial") == 0;
    td__tl_level *l = td__tl_target(target, spatial, arch);
    if (l == NULL)
        return td_node_fail(target, err, "\"%.60s\" is none of the levels of the architecture",
                            target->text);
    if (spatial || strcmp(type, "temporal") == 0) return read_factors(n, spatial, shape, l, err);
    uint8_t keep = 0, bypass = 0;
    if (strcmp(type, "bypass") != 0 && strcmp(type, "datatype") != 0 &&
        strcmp(type, "dataspace") != 0)
        return TD_OK; /* utilisation, ... */
    TRY(td__tl_spaces(td_node_find(n, "keep"), shape, &keep, err));
    TRY(td__tl_spaces(td_node_find(n, "bypass"), shape, &bypass, err));
    l->keep = (uint8_t)((l->keep & ~bypass) | keep);
    l->must |= keep;
    return TD_OK;
}

td_status td__tl_constraints(const td_node *section, const td__tl_shape *shape, td__tl_arch *arch,
                             td_error *err) {
    for (int i = 0; i < arch->n; i++) {
        td__tl_level *l = &arch->level[i];
        const td_node *own = td_node_find(l->node, "constraints");
        /* A component with a mesh is two levels: its fan-out, and what it stores. */
        bool component = td_node_find(l->node, "class") != NULL;
        if (l->wires || !component) l->no_time = UINT8_MAX;
        if (!l->wires || !component)
            TRY(read_factors(td_node_find(own, "temporal"), false, shape, l, err));
        if (l->wires) TRY(read_factors(td_node_find(own, "spatial"), true, shape, l, err));
    }
    const td_node *targets = td_node_find(section, "targets");
    if (targets == NULL) targets = section;
    if (targets != NULL && targets->kind != TD_LIST)
        return td_node_fail(targets, err, "expected a list of constraints {target, type, ...}");
    for (int i = 0; targets != NULL && i < targets->count; i++)
        TRY(read_target(targets->item[i], shape, arch, err));
    return TD_OK;
}
