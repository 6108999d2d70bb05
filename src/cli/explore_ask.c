#include "explore_ask.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_hw.h"
#include "tandem/space.h"

enum { DEFAULT_TRIALS = 2000 };

/* ---- networks ---------------------------------------------------------------------------------
 */

/* A shipped network as it was asked for: the space of given networks has defaults of its own. */
static void put_shipped(const td_net *net, double width, td_arena *a, td_node *n) {
    const td_layer *in = td_net_layer(net, 0);
    td_node *list = td_node_put(a, n, "input", td_node_list(a));
    td_node_push(a, list, td_node_int(a, in->c));
    td_node_push(a, list, td_node_int(a, in->h));
    td_node_push(a, list, td_node_int(a, in->w));
    td_node_put_int(a, n, "classes", td_net_layer(net, td_net_output(net))->c);
    if (width != 1) td_node_put_real(a, n, "width", width);
}

static void put_onnx(const cli_net *o, td_arena *a, td_node *n) {
    td_node *dims = o->n_dims > 0 ? td_node_put(a, n, "dims", td_node_map(a)) : NULL;
    for (int k = 0; k < o->n_dims; k++) td_node_put_int(a, dims, o->dim[k].name, o->dim[k].size);
    if (o->skip_unknown) td_node_put_bool(a, n, "skip_unknown", true);
}

/* *hash: of what the network is, whatever its file is called. */
static td_status put_network(const explore_ask *q, int i, td_arena *a, td_node *list,
                             uint64_t *hash, td_error *err) {
    cli_net own = q->net;
    double weight;
    const char *path = NULL;
    td_net *net = NULL;
    td_status s = cli_net_weighted(q->nets[i], "NET", a, &own.name, &weight, err);
    if (s == TD_OK) s = cli_net_load(&own, a, &net, NULL, err);
    if (s != TD_OK) return s;
    s = cli_net_path(own.name, a, &path, err);
    const char *dot = path != NULL ? strrchr(path, '.') : NULL;
    td_node *n = td_node_push(a, list, td_node_map(a));
    td_node_put_string(a, n, "net", path != NULL ? path : own.name);
    td_node_put_real(a, n, "weight", weight);
    if (path == NULL)
        put_shipped(net, own.width, a, n);
    else if (dot != NULL && strcmp(dot, ".onnx") == 0)
        put_onnx(&own, a, n);
    const uint64_t h = td_net_hash(net);
    *hash = td_hash(&h, sizeof h, *hash);
    td_net_destroy(net);
    return s;
}

static td_node *networks(const explore_ask *q, td_arena *a, uint64_t *hash, td_error *err) {
    td_node *map = td_node_map(a);
    td_node_put_string(a, map, "space", "workload");
    td_node_put_string(a, map, "combine", q->combine != NULL ? q->combine : "sum");
    td_node *list = td_node_put(a, map, "networks", td_node_list(a));
    for (int i = 0; i < q->n_nets; i++)
        if (put_network(q, i, a, list, hash, err) != TD_OK) return NULL;
    if (list == NULL) td_fail(err, TD_E_MEMORY, "out of memory");
    return list != NULL ? map : NULL;
}

/* ---- accelerator ------------------------------------------------------------------------------
 */

/* What the file's `space:` has for a key, whichever of its names stands there. */
static const td_node *own_list(const td_node *own, const td_node *doc, const char *key,
                               td_arena *a) {
    const char *path = td_space_hw_path(a, doc, key);
    for (int i = 0; path != NULL && own != NULL && i < own->count; i++) {
        const char *other = td_space_hw_path(a, doc, own->item[i]->key);
        if (other != NULL && strcmp(other, path) == 0) return own->item[i];
    }
    return NULL;
}

static td_status no_values(const td_node *own, const char *key, td_error *err) {
    enum { MOST = 64 };
    const char *known[MOST], *guess;
    int n = 0;
    for (int i = 0; own != NULL && i < own->count && n < MOST; i++) known[n++] = own->item[i]->key;
    guess = td_name_nearest(key, known, n);
    return td_fail(err, TD_E_USAGE,
                   "--vary %s: expected KEY=VALUE,VALUE,...; the file has no values of it%s%s%s",
                   key, guess != NULL ? ", did you mean \"" : "", guess != NULL ? guess : "",
                   guess != NULL ? "\"?" : "");
}

/* "KEY=V,V,..." as a list, or "KEY": the values of the file. */
static td_status put_vary(const char *text, const td_node *doc, td_arena *a, td_node *map,
                          td_error *err) {
    const td_node *own = td_node_find(doc, "space");
    const char *equals = strchr(text, '=');
    char *key = equals != NULL ? td_arena_printf(a, "%.*s", (int)(equals - text), text)
                               : td_arena_strdup(a, text);
    if (key == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (td_node_find(map, key) != NULL)
        return td_fail(err, TD_E_USAGE, "--vary %s: is there twice", key);
    if (equals == NULL) {
        const td_node *list = own_list(own, doc, key, a);
        if (list == NULL) return no_values(own, key, err);
        td_node *copy = TD_NEW(a, td_node, 1);
        if (copy == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        *copy = *list;
        return td_node_put(a, map, key, copy) != NULL ? TD_OK
                                                      : td_fail(err, TD_E_MEMORY, "out of memory");
    }
    td_node *list = td_node_put(a, map, key, td_node_list(a));
    for (const char *at = equals + 1;; at++) {
        size_t n = strcspn(at, ",");
        const char *value = td_arena_printf(a, "%.*s", (int)n, at);
        if (n == 0)
            return td_fail(err, TD_E_USAGE, "--vary %s: expected a value, found none", text);
        td_node_push(a, list, value != NULL ? td_node_scalar(a, value) : NULL);
        at += n;
        if (*at == '\0') break;
    }
    return list != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* A technology's file is named in full, as the recipe stands elsewhere. */
static void name_tech(td_node *doc, td_arena *a) {
    const td_node *tech = td_node_find(doc, "tech");
    char path[PATH_MAX];
    if (tech == NULL || tech->kind != TD_STRING || strpbrk(tech->text, "/.") == NULL) return;
    const char *found = td_file_beside(a, tech->file, tech->text);
    if (found != NULL && realpath(found, path) != NULL) td_node_put_string(a, doc, "tech", path);
}

static td_status accelerator(explore_ask *q, td_arena *a, td_node **out, td_space **space,
                             td_error *err) {
    const td_node *read;
    td_status s = cli_hw_doc(q->hw, &q->set, NULL, a, &read, err);
    if (s != TD_OK) return s;
    td_node *doc = (td_node *)(uintptr_t)read; /* nobody else has it */
    if (q->n_vary > 0) {
        td_node *map = td_node_map(a);
        for (int i = 0; s == TD_OK && i < q->n_vary; i++)
            s = put_vary(q->vary[i], doc, a, map, err);
        if (s == TD_OK) td_node_put(a, doc, "space", map);
    }
    const td_node *map = td_node_find(doc, "space");
    if (s == TD_OK && (map == NULL || map->kind != TD_MAP))
        return td_fail(err, TD_E_USAGE,
                       "expected --vary KEY=VALUE,VALUE,...: %s has no `space:` of its own", q->hw);
    if (s == TD_OK) name_tech(doc, a);
    if (s == TD_OK) s = td_space_hw_from_node(doc, a, space, err);
    if (s == TD_OK && !cli_hw_area_follows(doc) && isfinite(q->limits.most[TD_METRIC_AREA]))
        return td_fail(err, TD_E_USAGE,
                       "--max-area: expected a template that has areas; the area of %s does not "
                       "follow what varies",
                       q->hw);
    *out = doc;
    return s;
}

/* ---- the recipe -------------------------------------------------------------------------------
 */

typedef struct {
    td_override o[8 + CLI_SEARCH_OVERRIDES];
    int n;
    uint64_t hash;
    td_arena *arena;
} changes;

static void change(changes *c, const char *key, const td_node *value) {
    td_text t = {0};
    if (value != NULL) td_node_to_yaml(value, &t);
    const char *text = t.data != NULL && !t.failed ? td_arena_strdup(c->arena, t.data) : "null";
    td_text_free(&t);
    c->hash = td_hash_text(key, td_hash_text(text != NULL ? text : "", c->hash));
    c->o[c->n++] = (td_override){key, text, "explore"};
}

static td_node *objective(const explore_ask *q, const td_node *doc, td_arena *a) {
    const td_metric_entry *metric = td_metric_list();
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "mode", "pareto");
    td_node *list = td_node_put(a, n, "objectives", td_node_list(a));
    td_node_push(a, list, td_node_string(a, "latency"));
    td_node_push(a, list, td_node_string(a, "energy"));
    /* Else it is a number of the file, the same for all, or unknown. */
    if (cli_hw_area_follows(doc)) td_node_push(a, list, td_node_string(a, "area"));
    td_node *targets = td_node_put(a, n, "targets", td_node_map(a));
    for (int m = 0; m < TD_NMETRIC; m++)
        if (isfinite(q->limits.most[m]))
            td_node_put_real(a, targets, metric[m].key, q->limits.most[m] * metric[m].scale);
    return n;
}

static td_status points_of(const td_space *space, double *out, td_error *err) {
    td_text t = {0};
    td_status s = td_space_size(space, &t, err);
    if (s == TD_OK) *out = t.data != NULL ? strtod(t.data, NULL) : 0;
    td_text_free(&t);
    return s;
}

td_status explore_recipe(explore_ask *q, td_arena *a, td_recipe **r, const td_node **doc,
                         td_space **space, td_error *err) {
    changes c = {.arena = a};
    const char *path;
    double points = 0;
    td_node *hw = NULL, *nets = NULL;
    td_status s = accelerator(q, a, &hw, space, err);
    if (s == TD_OK) s = points_of(*space, &points, err);
    if (s == TD_OK && (nets = networks(q, a, &c.hash, err)) == NULL) s = err->code;
    if (s == TD_OK) s = cli_recipe_path("explore", a, &path, err);
    if (s != TD_OK) return s;
    *doc = hw;
    int64_t most = q->search.trials > 0 ? q->search.trials : DEFAULT_TRIALS;
    bool all = points <= (double)most;
    td_node *strategy = td_node_map(a), *schedule = td_node_map(a);
    td_node_put_string(a, strategy, "name", all ? "exhaustive" : "evolution");
    td_node_put_string(a, schedule, "objective", q->energy ? "energy" : "latency");
    if (q->batch > 0) td_node_put_int(a, schedule, "batch", q->batch);
    change(&c, "network", nets);
    change(&c, "accelerator", hw);
    change(&c, "objective", objective(q, hw, a));
    change(&c, "schedule", schedule);
    change(&c, "strategy", strategy);
    /* A walk learns nothing, so any number of points may be under way; a search learns. */
    change(&c, "lag", td_node_int(a, all ? 255 : 8));
    uint64_t hash = c.hash;
    change(&c, "budget.trials", td_node_int(a, all ? (int64_t)points : most));
    if (q->search.hours > 0) change(&c, "budget.hours", td_node_real(a, q->search.hours));
    if (q->search.out == NULL)
        q->search.out = td_arena_printf(a, "results/explore-%08x", (unsigned)(hash >> 32));
    if (q->search.out == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    return td_recipe_load_with(path, c.o, c.n, r, err);
}
