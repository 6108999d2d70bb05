/* accuracy_train.c - accuracy by training from scratch: every network gets the same data, options
 * and seed, and is scored on the validation split. */
#include <stdlib.h>

#include "accuracy_sources.h"

typedef struct {
    td_dataset data;
    td_train_options options;
    uint64_t seed;
} source;

static td_status evaluate(void *self, const td_design *d, double fidelity,
                          bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                          td_error *err) {
    const source *s = self;
    *out = (td_accuracy_result){.value = NAN, .std = NAN};
    if (d->net == NULL) return td_fail(err, TD_E_USAGE, "the design has no network to train");
    if (!(fidelity > 0 && fidelity <= 1))
        return td_fail(err, TD_E_USAGE, "fidelity: expected a number in (0, 1], found %g",
                       fidelity);
    td_train_options o = s->options;
    o.epochs *= fidelity;
    o.seed = s->seed;
    o.cancelled = cancelled;
    o.self = cancel_self;
    td_weights *w = NULL;
    td_train_result r = {0};
    double start = td_time_thread_s();
    td_status status = td_train(d->net, &s->data, &o, &w, &r, err);
    if (status == TD_OK)
        status = td_test(d->net, w, &s->data, TD_SPLIT_VALID, &out->value, NULL, err);
    td_weights_destroy(w);
    out->cpu_s = td_time_thread_s() - start;
    return status;
}

static uint64_t key(const void *self) {
    const source *s = self;
    uint64_t h = td_hash_text("train", td_hash_text(td_version(), s->seed));
    h = td_hash(&s->data.hash, sizeof s->data.hash, h);
    uint64_t o = td_train_options_hash(&s->options);
    return td_hash(&o, sizeof o, h);
}

static void destroy(void *self) {
    source *s = self;
    if (s == NULL) return;
    td_dataset_free(&s->data);
    free(s);
}

/* The node holds `source`, `data`, `path` and, beside them, the keys of td_train_options_from_node.
 */
td_status td__accuracy_train(const td_node *n, uint64_t seed, td_accuracy *out, td_error *err) {
    source *s = calloc(1, sizeof *s);
    td_arena *a = td_arena_create();
    td_status status = TD_OK;
    if (s == NULL || a == NULL) {
        status = td_fail(err, TD_E_MEMORY, "out of memory");
        goto end;
    }
    const char *data = "fashion-mnist", *path = NULL;
    if ((status = td_node_opt_string(n, "data", &data, err)) != TD_OK) goto end;
    if ((status = td_node_opt_string(n, "path", &path, err)) != TD_OK) goto end;
    /* The training options check their own keys: hand them the map without ours. */
    td_node *rest = td_node_map(a);
    if (rest == NULL) {
        status = td_fail(err, TD_E_MEMORY, "out of memory");
        goto end;
    }
    if (n != NULL) {
        rest->file = n->file;
        rest->line = n->line;
        rest->key = n->key;
        rest->parent = n->parent;
        static const char *const own[] = {"source", "data", "path"};
        td_node **item = TD_NEW(a, td_node *, n->count + 1);
        if (item == NULL) {
            status = td_fail(err, TD_E_MEMORY, "out of memory");
            goto end;
        }
        for (int i = 0; i < n->count; i++) {
            bool mine = false;
            for (size_t k = 0; k < sizeof own / sizeof own[0]; k++)
                mine = mine || n->item[i] == td_node_find(n, own[k]);
            if (!mine) item[rest->count++] = n->item[i];
        }
        rest->item = item;
        rest->capacity = n->count + 1;
    }
    td_train_options_default(&s->options);
    if ((status = td_train_options_from_node(rest, &s->options, err)) != TD_OK) goto end;
    s->seed = seed;
    if ((status = td_dataset_load(data, path, &s->data, err)) != TD_OK) goto end;
    *out = (td_accuracy){
        .name = "train", .self = s, .evaluate = evaluate, .key = key, .destroy = destroy};
    s = NULL;
end:
    free(s);
    td_arena_destroy(a);
    return status;
}
