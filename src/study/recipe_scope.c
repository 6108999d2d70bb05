/* recipe_scope.c - the fixed sides of a recipe (`compare`) and its rows (`scope`). */
#include <string.h>

#include "recipe.h"

/* One side of `compare`: a fixed space, or one point of the side that is searched. */
static td_status read_fixed(const td_node *n, const char *what, td_space *searched,
                            td_status (*read)(const td_node *, td_arena *, td_space **, td_error *),
                            td_arena *a, td_space **out, td_error *err) {
    static const char *const keys[] = {"choices", NULL};
    const td_node *at = td_node_find(n, "choices");
    if (at != NULL) {
        td_choices c = {.n = searched->n, .v = TD_NEW(a, double, searched->n + 1)};
        if (c.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        td_status s = td_node_only(n, keys, err);
        if (s == TD_OK) s = td_choices_from_node(searched, at, &c, err);
        return s == TD_OK ? td_space_pin(searched, &c, a, out, err) : s;
    }
    td_status s = read(n, a, out, err);
    if (s == TD_OK && ((*out)->n != 0 || td__is_workload(n)))
        s = td_node_fail(n, err, "expected one %s (space: fixed, or choices), found a space", what);
    return s;
}

td_status td__recipe_compare(td_recipe *r, const td_node *n, td_error *err) {
    if (n == NULL) return TD_OK;
    static const char *const keys[] = {"network", "accelerator", NULL};
    const td_node *net, *hw;
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_get_map(n, "network", &net, err);
    if (s == TD_OK) s = td_node_get_map(n, "accelerator", &hw, err);
    if (s == TD_OK)
        s = read_fixed(net, "network", r->net, td_space_net_from_node, r->arena, &r->fixed_net,
                       err);
    if (s == TD_OK)
        s = read_fixed(hw, "accelerator", r->hw, td_space_hw_from_node, r->arena, &r->fixed_hw,
                       err);
    return s;
}

static td_status add_scope(td_recipe *r, const td_node *n, td_error *err) {
    int count;
    const td_scope *all = td_scope_list(&count), *scope = NULL;
    if (n->kind == TD_STRING) scope = td_scope_find(n->text);
    if (scope == NULL) {
        td_text text = {0};
        for (int i = 0; i < count; i++) td_text_addf(&text, "%s%s", i > 0 ? ", " : "", all[i].name);
        td_status s =
            n->kind == TD_STRING
                ? td_node_fail(n, err, "there is no scope \"%.64s\"; there are %s", n->text,
                               text.data != NULL ? text.data : "")
                : td_node_fail(n, err, "expected a scope: %s", text.data != NULL ? text.data : "");
        td_text_free(&text);
        return s;
    }
    if (strcmp(scope->name, "workload") == 0)
        return td_node_fail(n, err, "scope workload is that of `network: {space: workload}`");
    if (strcmp(scope->name, "solve") == 0 && r->objective.kind == TD_REWARD_NONE)
        return td_node_fail(n, err,
                            "not in Pareto mode: there is no best accelerator for a network");
    if (td_scope_needs_fixed(scope) && r->fixed_net == NULL)
        return td_node_fail(n, err, "scope %s needs `compare`: a fixed network and accelerator",
                            scope->name);
    if (r->trials < scope->n || r->trained < scope->n)
        return td_node_fail(n, err,
                            "scope %s has %d phases: budget.trials and budget.trained have to be "
                            "at least as many",
                            scope->name, scope->n);
    for (int i = 0; i < r->n_scope; i++)
        if (r->scope[i] == scope)
            return td_node_fail(n, err, "scope %s stands here twice", scope->name);
    if (r->n_scope == TD_MAX_ROWS) return td_node_fail(n, err, "at most %d scopes", TD_MAX_ROWS);
    r->scope[r->n_scope++] = scope;
    return TD_OK;
}

/* `scope`: a name or a list of names; without it joint, with `compare` what it is compared with. */
td_status td__recipe_scopes(td_recipe *r, const td_node *n, td_error *err) {
    static const char *const usual[] = {"hand-made", "accelerator", "network", "joint"};
    td_status s = TD_OK;
    if (r->is_workload) {
        if (n != NULL)
            return td_node_fail(n, err,
                                "a workload has no scopes: only the accelerator is searched");
        r->scope[r->n_scope++] = td_scope_find("workload");
        return TD_OK;
    }
    if (n == NULL) {
        for (int i = r->fixed_net != NULL ? 0 : 3; i < 4; i++)
            r->scope[r->n_scope++] = td_scope_find(usual[i]);
        return TD_OK;
    }
    if (n->kind != TD_LIST) return add_scope(r, n, err);
    if (n->count == 0) return td_node_fail(n, err, "expected at least one scope");
    for (int i = 0; i < n->count && s == TD_OK; i++) s = add_scope(r, n->item[i], err);
    return s;
}
