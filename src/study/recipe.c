/* recipe.c - reading and checking a recipe. All of it is checked before anything runs. Keys:
 * docs/recipes.md. */
#include "recipe.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

/* An exponent that the chosen reward does not have is a misunderstanding, not a detail. */
static td_status refuse_foreign(const td_node *n, const char *reward, bool tunas, td_error *err) {
    static const char *const nahas_keys[] = {"p", "q"};
    for (int i = 0; i < 2; i++)
        if (tunas && td_node_find(n, nahas_keys[i]) != NULL)
            return td_node_fail(td_node_find(n, nahas_keys[i]), err,
                                "only the nahas rewards have it, not %s", reward);
    if (!tunas && td_node_find(n, "beta") != NULL)
        return td_node_fail(td_node_find(n, "beta"), err, "only tunas has it, not %s", reward);
    return TD_OK;
}

static td_status read_objective(const td_node *n, td_objective *o, td_error *err) {
    *o = (td_objective){.kind = TD_REWARD_NAHAS, .p = 0, .q = -1, .beta = -0.10};
    for (int m = 0; m < TD_NMETRIC; m++) o->target[m] = INFINITY;
    static const char *const keys[] = {"reward",          "p", "q", "beta", "targets",
                                       "train_violating", NULL};
    static const char *const targets[] = {"latency_us", "energy_uj", "area_mm2", NULL};
    static const double per_unit[TD_NMETRIC] = {1e6, 1e6, 1}; /* us per s, uJ per J */
    td_status s = td_node_only(n, keys, err);
    const char *reward = "nahas-hard";
    const td_node *t = NULL;
    if (s == TD_OK) s = td_node_opt_string(n, "reward", &reward, err);
    if (s != TD_OK) return s;
    if (strcmp(reward, "nahas-soft") == 0)
        o->p = o->q = -0.07;
    else if (strcmp(reward, "tunas") == 0)
        o->kind = TD_REWARD_TUNAS;
    else if (strcmp(reward, "nahas-hard") != 0)
        return td_node_fail(td_node_find(n, "reward"), err,
                            "expected nahas-hard, nahas-soft or tunas, found \"%s\"", reward);
    /* Screening is what a hard constraint means; a soft one is there to be traded. */
    o->train_violating = strcmp(reward, "nahas-hard") != 0;
    s = refuse_foreign(n, reward, o->kind == TD_REWARD_TUNAS, err);
    if (s == TD_OK) s = td_node_opt_real(n, "p", -10, 10, &o->p, err);
    if (s == TD_OK) s = td_node_opt_real(n, "q", -10, 10, &o->q, err);
    if (s == TD_OK) s = td_node_opt_real(n, "beta", -10, 0, &o->beta, err);
    if (s == TD_OK) s = td_node_opt_bool(n, "train_violating", &o->train_violating, err);
    if (s == TD_OK) s = td_node_get_map(n, "targets", &t, err);
    if (s == TD_OK) s = td_node_only(t, targets, err);
    for (int m = 0; s == TD_OK && m < TD_NMETRIC; m++) {
        double v = INFINITY;
        s = td_node_opt_real(t, targets[m], DBL_MIN, INFINITY, &v, err);
        o->target[m] = v / per_unit[m];
        if (s == TD_OK && o->target[m] < DBL_MIN)
            s = td_node_fail(td_node_find(t, targets[m]), err, "too small: %g", v);
    }
    return s;
}

static td_status fail_strategy(const td_node *n, const char *name, td_error *err) {
    enum { MOST = 32 };
    int count;
    const char *known[MOST];
    const td_strategy *const *all = td_strategy_list(&count);
    if (count > MOST) count = MOST;
    for (int i = 0; i < count; i++) known[i] = all[i]->name;
    td_text text = {0};
    td_text_addf(&text, "there is no strategy \"%.64s\"", name);
    td_text_add_known(&text, name, known, count);
    td_status s = td_node_fail(n, err, "%s", text.data != NULL ? text.data : "no such strategy");
    td_text_free(&text);
    return s;
}

/* The strategy's parameters are its map without `name`; init() checks them, here on a trial run. */
static td_status read_strategy(td_recipe *r, const td_node *n, td_error *err) {
    const char *name = "evolution";
    td_node *params = td_node_map(r->arena);
    if (params == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (n != NULL) {
        td_status s = td_node_opt_string(n, "name", &name, err);
        if (s != TD_OK) return s;
        params->file = n->file;
        params->line = n->line;
        params->key = n->key;
        params->parent = n->parent;
        params->item = TD_NEW(r->arena, td_node *, n->count + 1);
        if (params->item == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        params->capacity = n->count + 1;
        for (int i = 0; i < n->count; i++)
            if (n->item[i] != td_node_find(n, "name")) params->item[params->count++] = n->item[i];
    }
    r->strategy = td_strategy_find(name);
    r->params = params;
    if (r->strategy == NULL) return fail_strategy(td_node_find(n, "name"), name, err);
    td_space *joint;
    td_status s = td_space_product(r->net, r->hw, r->arena, &joint, err);
    void *state = NULL;
    if (s == TD_OK) s = r->strategy->init(&state, joint, r->seed, params, err);
    if (s == TD_OK) r->strategy->destroy(state);
    return s;
}

static td_status read_budget(const td_node *n, td_recipe *r, td_error *err) {
    static const char *const keys[] = {"trials", "trained", NULL};
    r->trained = INT64_MAX;
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_get_int(n, "trials", 1, TD__MAX_TRIALS, &r->trials, err);
    if (s == TD_OK) s = td_node_opt_int(n, "trained", 1, TD__MAX_TRIALS, &r->trained, err);
    return s;
}

static td_status read_compare(const td_node *n, td_recipe *r, td_error *err) {
    if (n == NULL) return TD_OK;
    static const char *const keys[] = {"network", "accelerator", NULL};
    const td_node *net, *hw;
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_get_map(n, "network", &net, err);
    if (s == TD_OK) s = td_node_get_map(n, "accelerator", &hw, err);
    if (s == TD_OK) s = td_space_net_from_node(net, r->arena, &r->fixed_net, err);
    if (s == TD_OK) s = td_space_hw_from_node(hw, r->arena, &r->fixed_hw, err);
    if (s == TD_OK && r->fixed_net->n != 0)
        s = td_node_fail(net, err, "expected one network (space: fixed), found a space");
    if (s == TD_OK && r->fixed_hw->n != 0)
        s = td_node_fail(hw, err, "expected one accelerator (space: fixed), found a space");
    return s;
}

/* Options of the final training, checked now so that a long search does not end in a typing error.
 */
static td_status read_final(td_recipe *r, td_error *err) {
    if (r->final == NULL) return TD_OK;
    td_train_options o;
    td_train_options_default(&o);
    td_node *rest = td_node_map(r->arena);
    td_status s = td_node_opt_int(r->final, "candidates", 1, 100, &r->candidates, err);
    if (s != TD_OK) return s;
    if (rest != NULL) rest->item = TD_NEW(r->arena, td_node *, r->final->count + 1);
    if (rest == NULL || rest->item == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    rest->file = r->final->file;
    rest->line = r->final->line;
    rest->key = r->final->key;
    rest->parent = r->final->parent;
    rest->capacity = r->final->count + 1;
    for (int i = 0; i < r->final->count; i++)
        if (r->final->item[i] != td_node_find(r->final, "candidates"))
            rest->item[rest->count++] = r->final->item[i];
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

/* The name is that of the default results folder. */
static td_status check_name(const td_recipe *r, td_error *err) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t n = strlen(r->name);
    if (n > 0 && n <= 80 && r->name[0] != '.' && strspn(r->name, allowed) == n) return TD_OK;
    return td_node_fail(td_node_find(r->doc, "name"), err,
                        "expected up to 80 letters, digits, \"-\", \"_\" and \".\", found "
                        "\"%.100s\"",
                        r->name);
}

static td_status read_all(td_recipe *r, td_error *err) {
    static const char *const keys[] = {"name",   "seed",      "network",  "accelerator", "accuracy",
                                       "final",  "objective", "schedule", "strategy",    "lag",
                                       "budget", "compare",   NULL};
    const td_node *d = r->doc, *net = NULL, *hw = NULL, *part = NULL;
    int64_t seed = 1;
    r->lag = 8;
    r->candidates = 1;
    td_status s = TD_OK;
    if (d->kind != TD_MAP) s = td_node_fail(d, err, "expected a recipe (a map of keys)");
    if (s == TD_OK) s = td_node_only(d, keys, err);
    if (s == TD_OK) s = td_node_get_string(d, "name", &r->name, err);
    if (s == TD_OK) s = check_name(r, err);
    if (s == TD_OK) s = td_node_opt_int(d, "seed", 0, INT64_MAX, &seed, err);
    if (s == TD_OK) s = td_node_opt_int(d, "lag", 0, 4096, &r->lag, err);
    r->seed = (uint64_t)seed;
    if (s == TD_OK) s = td_node_get_map(d, "network", &net, err);
    if (s == TD_OK) s = td_space_net_from_node(net, r->arena, &r->net, err);
    if (s == TD_OK) s = td_node_get_map(d, "accelerator", &hw, err);
    if (s == TD_OK) s = td_space_hw_from_node(hw, r->arena, &r->hw, err);
    if (s == TD_OK) s = td_node_get_map(d, "objective", &part, err);
    if (s == TD_OK) s = read_objective(part, &r->objective, err);
    part = NULL;
    if (s == TD_OK) s = td_node_opt_map(d, "schedule", &part, err);
    if (s == TD_OK) s = td_schedule_options_from_node(part, &r->schedule, err);
    if (s == TD_OK) s = td_node_get_map(d, "budget", &part, err);
    if (s == TD_OK) s = read_budget(part, r, err);
    part = NULL;
    if (s == TD_OK) s = td_node_opt_map(d, "strategy", &part, err);
    if (s == TD_OK) s = read_strategy(r, part, err);
    part = NULL;
    if (s == TD_OK) s = td_node_opt_map(d, "compare", &part, err);
    if (s == TD_OK) s = read_compare(part, r, err);
    if (s == TD_OK) s = td_node_get_map(d, "accuracy", &r->accuracy, err);
    if (s == TD_OK) s = td_accuracy_check(r->accuracy, r->net, err);
    if (s == TD_OK) s = td_node_opt_map(d, "final", &r->final, err);
    if (s == TD_OK) s = check_trainable(r, err);
    if (s == TD_OK) s = read_final(r, err);
    return s;
}

/* Overrides first: what they make of the document is checked, and it is the recipe from then on, so
 * that a results folder tells what was run. */
static td_status override(td_recipe *r, const char *const *set, int n, td_error *err) {
    td_node *doc = (td_node *)r->doc; /* of this recipe's arena, read a moment ago */
    td_status s = TD_OK;
    if (n > 0 && doc->kind != TD_MAP)
        return td_node_fail(doc, err, "expected a recipe (a map of keys)");
    for (int i = 0; s == TD_OK && i < n; i++)
        s = td_node_override(r->arena, doc, "--set", set[i], err);
    if (s != TD_OK || n == 0) return s;
    td_text t = {0};
    td_node_to_yaml(doc, &t);
    r->hash = td_hash(t.data, t.size, 0);
    r->text = t.failed ? NULL : td_arena_strdup(r->arena, t.data);
    td_text_free(&t);
    return r->text != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

static td_status parse_with(const char *text, size_t size, const char *name, const char *const *set,
                            int n, td_recipe **out, td_error *err) {
    *out = NULL;
    td_recipe *r = calloc(1, sizeof *r);
    if (r == NULL || (r->arena = td_arena_create()) == NULL) {
        free(r);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    r->hash = td_hash(text, size, 0);
    r->text = td_arena_printf(r->arena, "%.*s", (int)size, text);
    td_status s = r->text == NULL ? td_fail(err, TD_E_MEMORY, "out of memory")
                                  : td_yaml_parse(r->arena, text, size, name, &r->doc, err);
    if (s == TD_OK) s = override(r, set, n, err);
    if (s == TD_OK) s = read_all(r, err);
    if (s == TD_OK)
        *out = r;
    else
        td_recipe_destroy(r);
    return s;
}

td_status td__recipe_parse(const char *text, size_t size, const char *name, td_recipe **out,
                           td_error *err) {
    return parse_with(text, size, name, NULL, 0, out, err);
}

td_status td_recipe_load_with(const char *path, const char *const *set, int n, td_recipe **out,
                              td_error *err) {
    *out = NULL;
    char *text = NULL;
    size_t size = 0;
    td_status s = td_file_read(path, 1 << 20, &text, &size, err);
    if (s == TD_OK) s = parse_with(text, size, path, set, n, out, err);
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

td_status td_recipe_describe(const td_recipe *r, td_text *out, td_error *err) {
    td_text net = {0}, hw = {0};
    td_status s = td_space_size(r->net, &net, err);
    if (s == TD_OK) s = td_space_size(r->hw, &hw, err);
    if (s == TD_OK) {
        td_text_addf(out, "%s: joint search of ", r->name);
        td_text_add_grouped(out, net.data);
        td_text_addf(out, " networks (%s) x ", r->net->name);
        td_text_add_grouped(out, hw.data);
        td_text_addf(out, " accelerators (%s), %s, %lld trials", r->hw->name, r->strategy->name,
                     (long long)r->trials);
        const td_accuracy_entry *source = NULL;
        s = td_accuracy_entry_from_node(r->accuracy, &source, err);
        bool trains = source != NULL && source->data;
        if (r->trained != INT64_MAX)
            td_text_addf(out, ", at most %lld %s", (long long)r->trained,
                         trains ? "trainings" : "networks looked up");
        td_text_addf(out, ", seed %llu\ntargets:", (unsigned long long)r->seed);
        static const char *const name[TD_NMETRIC] = {"latency", "energy", "area"};
        static const char *const unit[TD_NMETRIC] = {"us", "uJ", "mm2"};
        static const double scale[TD_NMETRIC] = {1e6, 1e6, 1};
        bool some = false;
        for (int m = 0; m < TD_NMETRIC; m++) {
            if (!isfinite(r->objective.target[m])) continue;
            td_text_addf(out, "%s %s <= %g %s", some ? "," : "", name[m],
                         r->objective.target[m] * scale[m], unit[m]);
            some = true;
        }
        if (!some) td_text_add(out, " none");
        const td_node *file = trains ? NULL : td_node_find(r->accuracy, "file");
        if (file != NULL) td_text_addf(out, "\naccuracies: looked up in %s", file->text);
        td_text_addf(out, "\nrows: %sjoint\n",
                     r->fixed_net != NULL ? "hand-made on baseline, accelerator, network, " : "");
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
