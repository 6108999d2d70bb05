/* nested.c - the part of a problem's file that makes it a nested one: layers, accelerators, and how
 * mappings are looked for. Keys: docs/recipes.md. */
#include <stdlib.h>
#include <string.h>

#include "inner.h"
#include "recipe.h"
#include "run.h"

enum { MOST_LAYERS = 4096 };

bool td__nested_is(const td_node *doc) {
    return td_node_find(doc, "mapping") != NULL || td_node_find(doc, "workload") != NULL;
}

td_status td__nested_keys(const td_node *doc, td_error *err) {
    static const char *const keys[] = {"name",     "seed",     "workload", "accelerator", "mapping",
                                       "strategy", "parallel", "budget",   "enqueue",     NULL};
    return td_node_only(doc, keys, err);
}

bool td_nested_file(const char *path) {
    const td_node *doc;
    td_arena *a = td_arena_create();
    bool is = a != NULL && td_node_load(a, path, &doc, NULL) == TD_OK && td__nested_is(doc);
    td_arena_destroy(a);
    return is;
}

/* ---- layers ---------------------------------------------------------------------------------- */

typedef struct {
    td_arena *arena;
    td_nested_layer *layer;
    int n;
} list;

/* Equal layers are one, under the first one's name. */
static td_status add_layer(list *l, const td_node *at, const char *name, const td_problem *p,
                           int64_t count, td_error *err) {
    for (int i = 0; i < l->n; i++)
        if (memcmp(&l->layer[i].problem, p, sizeof *p) == 0) {
            l->layer[i].count += count;
            return TD_OK;
        }
    if (l->n == MOST_LAYERS)
        return td_node_fail(at, err, "more than %d different layers", MOST_LAYERS);
    l->layer[l->n++] = (td_nested_layer){name, *p, count};
    return name != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

static td_status read_layer(const td_node *n, list *l, td_error *err) {
    static const char *const keys[] = {"layer", "name", "count", NULL};
    const char *text = NULL, *name = NULL;
    int64_t count = 1;
    td_problem p;
    td_error why = {0};
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_get_string(n, "layer", &text, err);
    if (s == TD_OK) s = td_node_opt_string(n, "name", &name, err);
    if (s == TD_OK) s = td_node_opt_int(n, "count", 1, 1000000, &count, err);
    if (s == TD_OK && td_problem_parse(text, &p, &why) != TD_OK)
        s = td_node_fail(td_node_find(n, "layer"), err, "%s", why.message);
    return s == TD_OK ? add_layer(l, n, name != NULL ? name : text, &p, count, err) : s;
}

/* All layers of a network that run on the MACs. */
static td_status read_net(const td_node *n, list *l, td_error *err) {
    static const char *const own[] = {"count", NULL};
    td_space *space;
    td_design d = {0};
    td_node *map;
    int64_t count = 1;
    td_status s = td_node_opt_int(n, "count", 1, 1000000, &count, err);
    if (s == TD_OK) s = td_node_without(l->arena, n, own, &map, err);
    if (s == TD_OK) s = td_space_given_net(map, l->arena, &space, err);
    if (s == TD_OK) s = space->build(space->self, &(td_choices){0}, l->arena, &d, err);
    const int before = l->n;
    for (int i = 0; s == TD_OK && i < td_net_size(d.net); i++) {
        td_problem p;
        if (!td_layer_problem(d.net, i, 1, &p)) continue;
        /* Widths are those of the accelerator (td_hw_layer_bits). */
        p.bits[TD_W] = p.bits[TD_I] = p.bits[TD_O] = 8;
        p.acc_bits = 32;
        s = add_layer(l, n, td_arena_strdup(l->arena, td_net_layer(d.net, i)->name), &p, count,
                      err);
    }
    td_design_free(&d);
    if (s == TD_OK && l->n == before && before == 0)
        s = td_node_fail(n, err, "the network has no layer that runs on the MACs");
    return s;
}

static td_status read_workload(const td_node *doc, td_arena *a, list *l, td_error *err) {
    const td_node *n = td_node_find(doc, "workload");
    if (n == NULL) return td_node_fail(doc, err, "missing key \"workload\", a list of layers");
    if (n->kind == TD_STRING) { /* a file with the list */
        const char *path = td_file_beside(a, n->file, n->text);
        if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        td_error why = {0};
        const td_node *named = n;
        if (td_node_load(a, path, &n, &why) == TD_E_NOT_FOUND)
            return td_node_fail(named, err, "expected a list of layers, or a file with one: %s",
                                why.message);
        if (why.code != TD_OK) {
            if (err != NULL) *err = why;
            return why.code;
        }
    }
    if (n->kind != TD_LIST || n->count < 1)
        return td_node_fail(n, err,
                            "expected a list of {layer: conv K64 C64 P56 Q56 R3 S3, count: "
                            "2} and {net: resnet18}");
    *l = (list){.arena = a, .layer = TD_NEW(a, td_nested_layer, MOST_LAYERS)};
    if (l->layer == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < n->count; i++) {
        const td_node *item = n->item[i];
        if (item->kind != TD_MAP)
            s = td_node_fail(item, err, "expected a map with the key layer, or net");
        else if (td_node_find(item, "net") != NULL && td_node_find(item, "layer") != NULL)
            s = td_node_fail(item, err, "expected the key layer or the key net, found both");
        else
            s = td_node_find(item, "net") != NULL ? read_net(item, l, err)
                                                  : read_layer(item, l, err);
    }
    return s;
}

/* ---- the inner search -------------------------------------------------------------------------
 */

/* Its strategy has options that are checked on a layer of an accelerator: the first of some random
 * ones on which there is a space of mappings, then, since few may have room for its filter, without
 * that. NULL: none was found, *why is of the last. */
static td_space *some_space(const td_space *hw, const list *l, td_arena *a, td_error *why) {
    enum { TRIES = 256 };
    td_choices c = {hw->n, TD_NEW(a, double, hw->n + 1)};
    td_space *space = NULL;
    for (uint64_t i = 0; c.v != NULL && space == NULL && i < TRIES; i++) {
        td_rng r = td_rng_make(0, i, TD_RNG_SPACE_SAMPLE);
        td_design d = {0};
        td_space_sample(hw, &r, &c);
        if (hw->build(hw->self, &c, a, &d, why) == TD_OK) {
            td_problem p = l->layer[0].problem;
            td_hw_layer_bits(&d.hw, &p);
            if (i >= TRIES / 2) p.dim[TD_R] = p.dim[TD_S] = 1;
            if (td_space_mapping(&p, &d.hw, a, &space, why) != TD_OK) space = NULL;
        }
        td_design_free(&d);
    }
    return space;
}

static td_status read_word(const td_node *map, const char *key, const char *const *word, int n,
                           int *out, td_error *err) {
    const char *text = word[*out];
    td_status s = td_node_opt_string(map, key, &text, err);
    if (s != TD_OK) return s;
    for (int i = 0; i < n; i++)
        if (strcmp(text, word[i]) == 0) {
            *out = i;
            return TD_OK;
        }
    return td__fail_name(td_node_find(map, key), key, text, word, n, err);
}

static td_status read_mapper(const td_node *map, td_mapping_search *o, td_error *err) {
    static const char *const keys[] = {"strategy", "objective", "counting",
                                       "mode",     "max_nodes", NULL};
    static const char *const modes[] = {"fast", "exact"};
    static const td_map_mode mode[] = {TD_MAP_FAST, TD_MAP_EXACT};
    int64_t nodes = 0;
    int k = 1;
    td_status s = td_node_only(map, keys, err);
    if (s == TD_OK) s = read_word(map, "mode", modes, 2, &k, err);
    if (s == TD_OK) s = td_node_opt_int(map, "max_nodes", 1, INT64_MAX, &nodes, err);
    if (s != TD_OK) return s;
    o->mode = mode[k];
    o->max_nodes = (uint64_t)nodes;
    return TD_OK;
}

static td_status read_strategy(const td_node *map, const td_space *hw, const list *l, td_arena *a,
                               td_mapping_search *o, td_error *err) {
    static const char *const keys[] = {"strategy", "objective", "counting", "trials",
                                       "draws",    "features",  NULL};
    static const char *const features[] = {"all", "plain"};
    const td_node *strategy;
    int k = 0;
    td_status s = td_node_only(map, keys, err);
    if (s == TD_OK) s = read_word(map, "features", features, 2, &k, err);
    o->plain = k == 1;
    if (s == TD_OK) s = td_node_opt_int(map, "trials", 1, 100000000, &o->trials, err);
    if (s == TD_OK) s = td_node_opt_int(map, "draws", 1, 1000000, &o->draws, err);
    if (s == TD_OK) s = td__named_map(a, map, "strategy", &strategy, err);
    td_error why = {0};
    td_space *space = s == TD_OK ? some_space(hw, l, a, &why) : NULL;
    if (s == TD_OK && space == NULL)
        s = td_node_fail(map, err,
                         "no random accelerator can be built and has a mapping of layer %s; of "
                         "the last one: %s",
                         l->layer[0].name, why.message);
    if (s == TD_OK) s = td__strategy_read(a, strategy, space, 0, &o->strategy, &o->params, err);
    if (s == TD_OK && o->strategy->ends) /* of 1e18 mappings it would try the first ones */
        s = td_node_fail(
            td_node_find(map, "strategy"), err,
            "expected another strategy than %s: what all mappings come to is proved by "
            "strategy: mapper",
            o->strategy->name);
    return s;
}

static bool by_mapper(const td_node *map) {
    const td_node *n = map != NULL ? td_node_find(map, "strategy") : NULL;
    return n == NULL || (n->kind == TD_STRING && strcmp(n->text, "mapper") == 0);
}

static const char *const objectives[] = {"latency", "energy", "edp"};

static td_status read_mapping(const td_node *doc, const td_space *hw, const list *l, td_arena *a,
                              td_mapping_search *o, td_error *err) {
    static const char *const countings[] = {"exact", "timeloop"};
    static const td_counting counting[] = {TD_COUNT_EXACT, TD_COUNT_TIMELOOP};
    const td_node *map = NULL;
    int k = 0, objective = TD_OBJ_EDP;
    td_mapping_search_default(o);
    td_status s = td_node_opt_map(doc, "mapping", &map, err);
    if (s != TD_OK || map == NULL) return s;
    s = read_word(map, "objective", objectives, 3, &objective, err);
    if (s == TD_OK) s = read_word(map, "counting", countings, 2, &k, err);
    if (s != TD_OK) return s;
    o->objective = (td_map_objective)objective;
    o->counting = counting[k];
    return by_mapper(map) ? read_mapper(map, o, err) : read_strategy(map, hw, l, a, o, err);
}

/* ---- all of it --------------------------------------------------------------------------------
 */

td_status td__nested_goals(const td_node *doc, td_goals *out, td_error *err) {
    const td_node *map = NULL;
    int objective = TD_OBJ_EDP;
    *out = (td_goals){.nobj = 1};
    td_status s = td_node_opt_map(doc, "mapping", &map, err);
    if (s == TD_OK && map != NULL) s = read_word(map, "objective", objectives, 3, &objective, err);
    static const char *const names[] = {"cycles", "energy_pj", "edp_pj_cycles"};
    if (s != TD_OK) return s;
    out->objective[0].name = names[objective];
    out->objective[0].reference = NAN;
    return TD_OK;
}

static uint64_t hash_of(const struct td__nested *n, const td_node *doc) {
    const td_node *map = td_node_find(doc, "mapping");
    uint64_t h = map != NULL ? td__node_hash(map) : 0;
    const uint64_t revision = TD_COST_REVISION;
    h = td_hash(&revision, sizeof revision, h);
    for (int i = 0; i < n->n; i++) {
        h = td_hash(&n->layer[i].problem, sizeof n->layer[i].problem, h);
        h = td_hash(&n->layer[i].count, sizeof n->layer[i].count, h);
    }
    return h;
}

td_status td__nested_read(const td_node *doc, td_arena *a, struct td__nested **out, td_space **hw,
                          td_error *err) {
    const td_node *map = NULL;
    list l;
    struct td__nested *n = *out = TD_NEW(a, struct td__nested, 1);
    if (n == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = read_workload(doc, a, &l, err);
    if (s == TD_OK) s = td_node_get_map(doc, "accelerator", &map, err);
    if (s == TD_OK) s = td_space_hw_from_node(map, a, hw, err);
    if (s == TD_OK) s = read_mapping(doc, *hw, &l, a, &n->search, err);
    if (s != TD_OK) return s;
    n->layer = l.layer;
    n->n = l.n;
    n->hash = hash_of(n, doc);
    return td__space_built_hash(*hw, &n->hash, err);
}

void td__nested_describe(const struct td__nested *n, td_text *out) {
    int64_t runs = 0;
    for (int i = 0; i < n->n; i++) runs += n->layer[i].count;
    td_text_addf(out, "\n%d different layers, %lld in all", n->n, (long long)runs);
    if (n->search.strategy != NULL)
        td_text_addf(out, "; mapping of each: %s, %lld trials", n->search.strategy->name,
                     (long long)n->search.trials);
    else
        td_text_addf(out, "; mapping of each: the mapper, %s", td_map_mode_name(n->search.mode));
}
