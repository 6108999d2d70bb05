/* accuracy_table.c - accuracies out of a file: published benchmarks, or what somebody has measured.
 *
 * Where a network was measured several times, an evaluation is one draw among the repeats, as a
 * training would be: always the same one for a seed and a network, so that searches repeat. Whoever
 * is chosen in the end is scored by the mean. */
#include <stdlib.h>
#include <string.h>

#include "accuracy_sources.h"
#include "table_rows.h"

typedef struct {
    td__table table;
    uint64_t seed;
    bool mean; /* noise: mean */
    char *file, *no_value;
} source;

typedef struct {
    td__table_options table;
    uint64_t seed;
    bool mean;
} options;

static td_status read(const td_node *n, const td_space *nets, td_arena *a, options *o,
                      td_error *err) {
    static const char *const keys[] = {"source", "file", "columns", "values",     "separator",
                                       "valid",  "test", "scale",   "duplicates", "outside",
                                       "noise",  "seed", NULL};
    const char *noise = "draw";
    int64_t seed = (int64_t)o->seed;
    if (nets == NULL) return td_fail(err, TD_E_USAGE, "a table needs the space of its networks");
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td__table_options_read(n, nets, a, &o->table, err);
    if (s == TD_OK) s = td_node_opt_int(n, "seed", 0, INT64_MAX, &seed, err);
    if (s == TD_OK) s = td_node_opt_string(n, "noise", &noise, err);
    if (s != TD_OK) return s;
    o->seed = (uint64_t)seed;
    o->mean = strcmp(noise, "mean") == 0;
    if (o->mean || strcmp(noise, "draw") == 0) return TD_OK;
    return td_node_fail(td_node_find(n, "noise"), err, "expected draw or mean, found \"%s\"",
                        noise);
}

td_status td__accuracy_table_check(const td_node *n, const td_space *nets, td_error *err) {
    options o = {0};
    td_arena *a = td_arena_create();
    td_status s =
        a != NULL ? read(n, nets, a, &o, err) : td_fail(err, TD_E_MEMORY, "out of memory");
    td_arena_destroy(a);
    return s;
}

/* Mean, and the deviation of one value (n - 1); NAN where there are too few. */
static void describe(const double *v, int n, double *mean, double *std) {
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) sum += v[i];
    *mean = n > 0 ? sum / n : NAN;
    for (int i = 0; i < n; i++) squares += (v[i] - *mean) * (v[i] - *mean);
    *std = n > 1 ? sqrt(squares / (n - 1)) : NAN;
}

static td_status find(const source *s, const td_design *d, const td__table_net **out,
                      td_error *err) {
    if (d->net == NULL) return td_fail(err, TD_E_USAGE, "the design has no network to look up");
    *out = td__table_find(&s->table, d->net_hash);
    return *out != NULL ? TD_OK : td_fail(err, TD_E_INFEASIBLE, "%s", s->no_value);
}

static td_status evaluate(void *self, const td_design *d, double fidelity,
                          bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                          td_error *err) {
    const source *s = self;
    const td__table_net *net;
    (void)cancelled;
    (void)cancel_self;
    *out = (td_accuracy_result){.value = NAN, .std = NAN};
    if (!(fidelity > 0 && fidelity <= 1))
        return td_fail(err, TD_E_USAGE, "fidelity: expected a number in (0, 1], found %g",
                       fidelity);
    td_status status = find(s, d, &net, err);
    if (status != TD_OK) return status;
    const double *v = s->table.value + net->valid;
    if (s->mean) {
        describe(v, net->n_valid, &out->value, &out->std);
    } else {
        td_rng r = td_rng_make(s->seed, net->hash, TD_RNG_NOISE);
        out->value = v[td_rng_below(&r, (uint64_t)net->n_valid)];
    }
    return TD_OK;
}

static td_status score(void *self, const td_design *d, td_accuracy_score *out, td_error *err) {
    const source *s = self;
    const td__table_net *net;
    *out = (td_accuracy_score){.valid = NAN, .valid_std = NAN, .test = NAN, .test_std = NAN};
    td_status status = find(s, d, &net, err);
    if (status != TD_OK) return status;
    describe(s->table.value + net->valid, net->n_valid, &out->valid, &out->valid_std);
    describe(s->table.value + net->test, net->n_test, &out->test, &out->test_std);
    out->repeats = net->n_valid;
    return TD_OK;
}

/* All networks with their values, whatever file and columns they came from. Test accuracies steer
 * nothing. */
static uint64_t key(const void *self) {
    const source *s = self;
    uint64_t h = td_hash_text("table", s->mean);
    if (!s->mean) h = td_hash(&s->seed, sizeof s->seed, h);
    for (int i = 0; i < s->table.n; i++) {
        const td__table_net *net = &s->table.net[i];
        h = td_hash(&net->hash, sizeof net->hash, h);
        h = td_hash(s->table.value + net->valid, sizeof(double) * (size_t)net->n_valid, h);
    }
    return h;
}

static void destroy(void *self) {
    source *s = self;
    if (s == NULL) return;
    td__table_free(&s->table);
    free(s->no_value);
    free(s->file);
    free(s);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* The document that a node names, and the hash of the file's bytes. */
static td_status load(const td_node *named, td_arena *a, const td_node **doc, uint64_t *hash,
                      td_error *err) {
    char *data = NULL;
    size_t size = 0;
    td_error why = {0};
    const char *path = td_file_beside(a, named->file, named->text);
    if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_file_read(path, 0, &data, &size, &why);
    if (s == TD_OK) *hash = td_hash(data, size, 0);
    free(data);
    if (s == TD_OK) s = td_node_load(a, path, doc, &why);
    if (s != TD_OK && err != NULL) *err = why;
    return s == TD_E_NOT_FOUND && err != NULL ? td_node_place(named, err) : s;
}

td_status td__accuracy_table(const td_node *n, const td_space *nets, uint64_t seed,
                             td_accuracy *out, td_error *err) {
    options o = {.seed = seed};
    const td_node *doc = NULL;
    uint64_t file_hash = 0;
    td_arena *a = td_arena_create();
    source *s = calloc(1, sizeof *s);
    td_status status = a != NULL && s != NULL ? read(n, nets, a, &o, err)
                                              : td_fail(err, TD_E_MEMORY, "out of memory");
    if (status == TD_OK) {
        s->seed = o.seed;
        s->mean = o.mean;
        s->file = strdup(base_name(o.table.file));
        td_text text = {0};
        td_text_addf(&text, "its network is not in %s", base_name(o.table.file));
        s->no_value = text.data;
        if (s->file == NULL || s->no_value == NULL)
            status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status == TD_OK) status = load(td_node_find(n, "file"), a, &doc, &file_hash, err);
    if (status == TD_OK) status = td__table_read(doc, &o.table, nets, &s->table, err);
    td_arena_destroy(a);
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    *out = (td_accuracy){.name = "table",
                         .self = s,
                         .evaluate = evaluate,
                         .key = key,
                         .score = score,
                         .no_value = s->no_value,
                         .file = s->file,
                         .file_hash = file_hash,
                         .destroy = destroy};
    return TD_OK;
}
