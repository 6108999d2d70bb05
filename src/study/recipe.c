/* recipe.c - reading and checking a recipe. All of it is checked before anything runs. Keys:
 * docs/recipes.md. */
#include "recipe.h"

#include <stdlib.h>
#include <string.h>

#include "enqueue.h"
#include "inner.h"

static td_status read_strategy(const td_recipe *r, const td_node *n, const td_strategy **strategy,
                               const td_params **out, td_error *err) {
    td_space *joint;
    td_status s = td_space_product(r->net, r->hw, r->arena, &joint, err);
    if (s == TD_OK) s = td__strategy_read(r->arena, n, joint, r->seed, strategy, out, err);
    if (s == TD_OK && r->objective.kind == TD_REWARD_NONE && !(*strategy)->fronts)
        s = td_node_fail(n, err, "%s looks for one reward; Pareto mode needs another strategy",
                         (*strategy)->name);
    return s;
}

/* Entries are maps as `strategy` is, or texts as on the command line. */
static td_status read_compare_strategies(td_recipe *r, const td_node *list, td_error *err) {
    const td_strategy *strategy;
    const td_params *params;
    td_status s = TD_OK;
    if (list != NULL && list->count == 0)
        s = td_node_fail(list, err, "expected a list of strategies, found an empty one");
    for (int i = 0; s == TD_OK && list != NULL && i < list->count; i++) {
        td_node *map = list->item[i];
        if (map->kind == TD_STRING) {
            s = td__strategy_spec(r->arena, map->text, &map, err);
            if (s != TD_OK && err != NULL) return td_node_place(list->item[i], err);
            if (s != TD_OK) return s;
            map->file = list->item[i]->file;
            map->line = list->item[i]->line;
        }
        if (map->kind != TD_MAP || td_node_find(map, "name") == NULL)
            return td_node_fail(map, err, "expected a strategy: a map with a name, or a text");
        s = read_strategy(r, map, &strategy, &params, err);
    }
    r->compare_strategies = list;
    return s;
}

static td_status read_budget(const td_node *n, td_recipe *r, td_error *err) {
    static const char *const keys[] = {"trials", "trained", "hours", NULL};
    r->trained = INT64_MAX;
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_get_int(n, "trials", 1, TD__MAX_TRIALS, &r->trials, err);
    if (s == TD_OK) s = td_node_opt_int(n, "trained", 1, TD__MAX_TRIALS, &r->trained, err);
    if (s == TD_OK) s = td_node_opt_real(n, "hours", 1e-6, 1e6, &r->hours, err);
    return s;
}

bool td__is_workload(const td_node *network) {
    const td_node *space = td_node_find(network, "space");
    return space != NULL && space->kind == TD_STRING && strcmp(space->text, "workload") == 0;
}

/* Options of the final training, checked now so that a long search does not end in a typing error.
 */
static td_status read_final(td_recipe *r, td_error *err) {
    if (r->final == NULL) return TD_OK;
    static const char *const own[] = {"candidates", NULL};
    td_train_options o;
    td_train_options_default(&o);
    td_node *rest;
    td_status s = td_node_opt_int(r->final, "candidates", 1, 100, &r->candidates, err);
    if (s == TD_OK) s = td_node_without(r->arena, r->final, own, &rest, err);
    if (s != TD_OK) return s;
    r->final = rest;
    return td_train_options_from_node(rest, &o, err);
}

/* Winners are trained on the data of the accuracies' source. */
static td_status check_trainable(const td_recipe *r, td_error *err) {
    const td_accuracy_entry *source;
    td_status s = td_accuracy_entry_from_node(r->accuracy, &source, err);
    if (s != TD_OK || r->final == NULL || source->data) return s;
    return td_node_fail(r->final, err,
                        "the accuracy source %s has no data to train on: leave it out",
                        source->name);
}

/* Looked through now, so that a typing error does not wait for the search. */
static td_status read_enqueue(td_recipe *r, td_error *err) {
    td_space *joint;
    td__designs designs = {0};
    td_status s = td_node_opt_list(r->doc, "enqueue", &r->enqueue, err);
    if (s != TD_OK || r->enqueue == NULL) return s;
    const char *row = td__default_row(r)->name;
    if (!r->is_workload && strcmp(row, "joint") != 0)
        return td_node_fail(r->enqueue, err, "only the scope joint begins with given designs");
    s = td_space_product(r->net, r->hw, r->arena, &joint, err);
    if (s == TD_OK) s = td__designs_read(joint, row, r->enqueue, r->arena, &designs, err);
    if (s == TD_OK && designs.n > r->trials)
        s = td_node_fail(r->enqueue, err, "%d designs, but budget.trials is %lld", designs.n,
                         (long long)r->trials);
    return s;
}

td_status td__check_name(const td_node *at, const char *name, td_error *err) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t n = strlen(name);
    if (n > 0 && n <= 80 && name[0] != '.' && strspn(name, allowed) == n) return TD_OK;
    return td_node_fail(at, err,
                        "expected up to 80 letters, digits, \"-\", \"_\" and \".\", found "
                        "\"%.100s\"",
                        name);
}

/* A search of accelerators for a workload trains nothing. */
static td_status refuse_training(const td_recipe *r, td_error *err) {
    const td_node *objective = td_node_find(r->doc, "objective");
    if (r->objective.front.objectives & TD_OBJECTIVE(TD_OBJECTIVE_ACCURACY))
        return td_node_fail(td_node_find(objective, "objectives"), err,
                            "the networks of a workload are given: no accuracy is known");
    static const char *const keys[] = {"final", "compare", "early_stopping"};
    const td_node *accuracy = td_node_find(r->doc, "accuracy");
    for (int i = 0; i < 3; i++)
        if (td_node_find(r->doc, keys[i]) != NULL)
            return td_node_fail(td_node_find(r->doc, keys[i]), err,
                                "the networks of a workload are given: nothing is trained");
    if (accuracy != NULL && accuracy->count > 0)
        return td_node_fail(accuracy, err,
                            "the networks of a workload are given: nothing is trained; expected "
                            "no such key, or {}");
    if (r->trained != INT64_MAX)
        return td_node_fail(td_node_find(td_node_find(r->doc, "budget"), "trained"), err,
                            "the networks of a workload are given: nothing is trained");
    return TD_OK;
}

td_status td_recipe_keys(const td_node *d, td_error *err) {
    static const char *const keys[] = {"name",
                                       "seed",
                                       "network",
                                       "accelerator",
                                       "accuracy",
                                       "final",
                                       "objective",
                                       "schedule",
                                       "strategy",
                                       "lag",
                                       "budget",
                                       "compare",
                                       "compare_strategies",
                                       "enqueue",
                                       "scope",
                                       "early_stopping",
                                       NULL};
    td_status s = TD_OK;
    if (d->kind != TD_MAP) s = td_node_fail(d, err, "expected a recipe (a map of keys)");
    if (s == TD_OK && td_node_find(d, "parameters") != NULL && td_node_find(d, "network") == NULL)
        s = td_node_fail(d, err, "this is a problem of one's own: `tandem optimize`");
    if (s != TD_OK) return s;
    return td__nested_is(d) ? td__nested_keys(d, err) : td_node_only(d, keys, err);
}

static td_status read_all(td_recipe *r, td_error *err) {
    const td_node *d = r->doc, *net = NULL, *hw = NULL, *part = NULL;
    int64_t seed = 1;
    r->lag = 8;
    r->candidates = 1;
    td_status s = TD_OK;
    if (td__nested_is(d))
        s = td_node_fail(d, err,
                         "this is a nested search of accelerators and mappings (key workload or "
                         "mapping): `tandem search`");
    if (s == TD_OK) s = td_recipe_keys(d, err);
    if (s == TD_OK) s = td_node_get_string(d, "name", &r->name, err);
    if (s == TD_OK) s = td__check_name(td_node_find(d, "name"), r->name, err);
    if (s == TD_OK) s = td_node_opt_int(d, "seed", 0, INT64_MAX, &seed, err);
    if (s == TD_OK) s = td_node_opt_int(d, "lag", 0, 4096, &r->lag, err);
    r->seed = (uint64_t)seed;
    if (s == TD_OK) s = td_node_get_map(d, "network", &net, err);
    if (s == TD_OK) s = td_space_net_from_node(net, r->arena, &r->net, err);
    if (s == TD_OK) r->is_workload = td__is_workload(net);
    if (s == TD_OK) s = td_node_get_map(d, "accelerator", &hw, err);
    if (s == TD_OK) s = td_space_hw_from_node(hw, r->arena, &r->hw, err);
    if (s == TD_OK) s = td_node_get_map(d, "objective", &part, err);
    if (s == TD_OK) s = td__recipe_objective(part, &r->objective, err);
    part = NULL;
    if (s == TD_OK) s = td_node_opt_map(d, "schedule", &part, err);
    if (s == TD_OK) s = td_schedule_options_from_node(part, &r->schedule, err);
    if (s == TD_OK) s = td_node_get_map(d, "budget", &part, err);
    if (s == TD_OK) s = read_budget(part, r, err);
    part = NULL;
    if (s == TD_OK) s = td__named_map(r->arena, d, "strategy", &part, err);
    r->strategy_map = part;
    if (s == TD_OK) s = read_strategy(r, part, &r->strategy, &r->params, err);
    part = NULL;
    if (s == TD_OK) s = td_node_opt_list(d, "compare_strategies", &part, err);
    if (s == TD_OK) s = read_compare_strategies(r, part, err);
    part = NULL;
    if (s == TD_OK) s = td_node_opt_map(d, "compare", &part, err);
    if (s == TD_OK) s = td__recipe_compare(r, part, err);
    if (s == TD_OK) s = td__recipe_scopes(r, td_node_find(d, "scope"), err);
    if (s == TD_OK) s = read_enqueue(r, err);
    if (s == TD_OK && r->is_workload) return refuse_training(r, err);
    if (s == TD_OK) s = td_node_get_map(d, "accuracy", &r->accuracy, err);
    if (s == TD_OK) s = td_accuracy_check(r->accuracy, r->net, err);
    if (s == TD_OK) s = td__recipe_stopping(r, err);
    if (s == TD_OK) s = td_node_opt_map(d, "final", &r->final, err);
    if (s == TD_OK) s = check_trainable(r, err);
    if (s == TD_OK) s = read_final(r, err);
    return s;
}

static td_status override_all(td_recipe *r, const td_override *o, int n, td_error *err) {
    td_status s = TD_OK;
    td_text t = {0};
    for (int i = 0; s == TD_OK && i < n; i++)
        s = td__recipe_override(r->arena, (td_node *)r->doc, &o[i], err);
    if (s == TD_OK && n > 0)
        s = td__recipe_settle(r->arena, (td_node *)r->doc, r->doc->file, r->path, err);
    if (s != TD_OK || n == 0) return s;
    td_node_to_yaml(r->doc, &t);
    r->text = t.failed || t.data == NULL ? NULL : td_arena_strdup(r->arena, t.data);
    r->hash = td_hash(t.data, t.size, 0);
    td_text_free(&t);
    return r->text != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

td_status td__recipe_parse_with(const char *text, size_t size, const char *name,
                                const td_override *o, int n, td_recipe **out, td_error *err) {
    *out = NULL;
    td_recipe *r = calloc(1, sizeof *r);
    if (r == NULL || (r->arena = td_arena_create()) == NULL) {
        free(r);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    r->hash = td_hash(text, size, 0);
    r->text = td_arena_printf(r->arena, "%.*s", (int)size, text);
    char *whole = realpath(name, NULL);
    r->path = td_arena_strdup(r->arena, whole != NULL ? whole : name);
    free(whole);
    td_status s = r->text == NULL || r->path == NULL
                      ? td_fail(err, TD_E_MEMORY, "out of memory")
                      : td_yaml_parse(r->arena, text, size, name, &r->doc, err);
    if (s == TD_OK) s = override_all(r, o, n, err);
    if (s == TD_OK) s = read_all(r, err);
    if (s == TD_OK)
        *out = r;
    else
        td_recipe_destroy(r);
    return s;
}

td_status td__recipe_parse(const char *text, size_t size, const char *name, td_recipe **out,
                           td_error *err) {
    return td__recipe_parse_with(text, size, name, NULL, 0, out, err);
}

td_status td_recipe_load_with(const char *path, const td_override *o, int n, td_recipe **out,
                              td_error *err) {
    *out = NULL;
    char *text = NULL;
    size_t size = 0;
    td_status s = td_file_read(path, 1 << 20, &text, &size, err);
    if (s == TD_OK) s = td__recipe_parse_with(text, size, path, o, n, out, err);
    free(text);
    return s;
}

td_status td_recipe_load(const char *path, td_recipe **out, td_error *err) {
    return td_recipe_load_with(path, NULL, 0, out, err);
}

void td_recipe_destroy(td_recipe *r) {
    if (r == NULL) return;
    td_arena_destroy(r->arena);
    free(r);
}

const char *td_recipe_name(const td_recipe *r) {
    return r->name;
}
const char *td_recipe_text(const td_recipe *r) {
    return r->text;
}
uint64_t td_recipe_hash(const td_recipe *r) {
    return r->hash;
}
uint64_t td_recipe_seed(const td_recipe *r) {
    return r->seed;
}
const td_objective *td_recipe_objective(const td_recipe *r) {
    return &r->objective;
}

/* " for 70 % a and 30 % b", " for the worst of 1 x a and 0.5 x b". */
static td_status add_workload(const td_recipe *r, td_text *out, td_error *err) {
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_design d = {0};
    td_status s = r->net->build(r->net->self, &(td_choices){0}, a, &d, err);
    const td_workload *w = d.workload;
    if (s == TD_OK) td_text_add(out, w->combine == TD_COMBINE_SUM ? " for" : " for the worst of");
    for (int i = 0; s == TD_OK && i < w->n; i++) {
        td_text_add(out, i == 0 ? " " : i + 1 < w->n ? ", " : " and ");
        if (w->combine == TD_COMBINE_SUM)
            td_text_addf(out, "%.3g %% %s", 100 * w->weight[i], w->name[i]);
        else
            td_text_addf(out, "%.3g x %s", w->weight[i], w->name[i]);
    }
    td_design_free(&d);
    td_arena_destroy(a);
    return s;
}

td_status td_recipe_describe(const td_recipe *r, td_text *out, td_error *err) {
    td_text net = {0}, hw = {0};
    td_status s = td_space_size(r->net, &net, err);
    if (s == TD_OK) s = td_space_size(r->hw, &hw, err);
    if (s == TD_OK) {
        td_text_addf(out, "%s: search of ", r->name);
        if (!r->is_workload) {
            td_text_add_grouped(out, net.data);
            td_text_addf(out, " networks (%s) x ", r->net->name);
        }
        td_text_add_grouped(out, hw.data);
        td_text_addf(out, " accelerators (%s)", r->hw->name);
        if (r->is_workload) s = add_workload(r, out, err);
        td_text_addf(out, ", %s, %lld trials", r->strategy->name, (long long)r->trials);
        const td_accuracy_entry *source = NULL;
        if (s == TD_OK) s = td_accuracy_entry_from_node(r->accuracy, &source, err);
        bool looked_up = source != NULL && !source->data;
        if (r->trained != INT64_MAX)
            td_text_addf(out, ", at most %lld %s", (long long)r->trained,
                         looked_up ? "networks looked up" : "trainings");
        if (r->hours > 0) td_text_addf(out, ", at most %g hours", r->hours);
        td_text_addf(out, ", seed %llu\n", (unsigned long long)r->seed);
        td_objective_describe(&r->objective, out);
        const td_node *file = looked_up ? td_node_find(r->accuracy, "file") : NULL;
        if (file != NULL) td_text_addf(out, "\naccuracies: looked up in %s", file->text);
        for (int i = 0; i < r->n_scope; i++)
            td_text_addf(out, "%s%s", i == 0 ? "\nrows: " : ", ", r->scope[i]->name);
        td_text_add(out, "\n");
        if (s == TD_OK && r->stopper != NULL) s = td__recipe_stopping_describe(r, out, err);
        const td_node *with_valid = td_node_find(r->final, "with_valid");
        if (r->final != NULL)
            td_text_addf(out, "final training of %lld %s per row%s\n", (long long)r->candidates,
                         r->candidates == 1 ? "network" : "networks",
                         with_valid != NULL && with_valid->boolean
                             ? ", with the validation images: ranked by the proxy's accuracy"
                             : "");
    }
    td_text_free(&net);
    td_text_free(&hw);
    return s;
}
