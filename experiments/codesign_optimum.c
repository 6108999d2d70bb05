/* The best accelerator of a nested recipe over the template spatial-array, with mappings that are
 * proved: what the searches of experiments/learned-codesign can reach at all.
 *
 *     build/release/experiments/codesign_optimum RECIPE [KEY=VALUE...]
 *     build/release/experiments/codesign_optimum --check COUNT RECIPE [KEY=VALUE...]
 *
 * Blocks and clusters are 1. In this model larger ones are never better: the energy of a word grows
 * with the size of the physical memory, which is `cluster` instances, and blocks that are not full
 * cost (src/hw/array.c); neither allows a mapping that is not allowed without. --check maps COUNT
 * random accelerators with theirs and with 1, and tells how often the former was better.
 *
 * The rest, some 10^5 accelerators, is searched by branch and bound. A node is one array, one
 * division of the buffer and one place of the filter with a range of each register file's sizes.
 * Its bound is what the mapper proves of an accelerator that nobody can build: the register files
 * of the range each as large as its largest and as frugal as its smallest. More room and less
 * energy never make the best mapping worse. Nodes are taken by least bound, a fixed number at a
 * time, so that the search is the same whatever the number of threads. It ends where the best one
 * that was found is proved within 0.01 %.
 *
 * The floor beside it holds for every accelerator with so many PEs and the lists' smallest
 * register files: each MAC costs itself, a read of either operand and a write of a sum; each word
 * of DRAM is moved once; cycles are no fewer than MACs / PEs, or than words / DRAM's bandwidth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tandem/map.h"
#include "tandem/space.h"
#include "tandem/study.h"
#include "tandem/study_nested.h"

enum { BATCH = 32, MOST_OVERRIDES = 16, RF = 3, MOST_LAYERS = 64, SEED = 1 };
enum { MESH, INPUT, WEIGHT, BUFFER_X, BUFFER_Y, BLOCK, CLUSTER, WIDTH, HEIGHT, N_KEYS };
static const double GAP = 1e-4;
static const char *const key[N_KEYS] = {"mesh_x",   "input_words",  "weight_words",
                                        "buffer_x", "buffer_y",     "block",
                                        "cluster",  "filter_width", "filter_height"};

typedef struct {
    double choice[N_KEYS];     /* indices; those of INPUT and WEIGHT are not looked at */
    int i0, i1, w0, w1;        /* range of either, both ends in it */
    double layer[MOST_LAYERS]; /* proved of each layer, from its own or its parent's mapper */
    double bound, value;       /* sums; value NAN: not one accelerator */
} node;

typedef struct {
    td_arena *arena;
    td_blackbox *b;
    const td_nested_layer *layer;
    int n_layers, at[N_KEYS]; /* at: the decision of each key */
    td_space *space;
    td_level *file[RF]; /* [inputs][weights]: the register files of an accelerator */
    bool *fits;         /* [inputs][weights]: of the budget */
    int inputs, weights;
    double best; /* of a real accelerator, before this batch */
    node *batch;
    int64_t calls[BATCH * 2]; /* of the mapper, by node of the batch */
} search;

static void stop(const td_error *err) {
    fprintf(stderr, "codesign_optimum: %s\n", err->message);
    exit(td_status_exit_code(err->code));
}

static void *need(void *p) {
    if (p == NULL) {
        fputs("codesign_optimum: out of memory\n", stderr);
        exit(td_status_exit_code(TD_E_MEMORY));
    }
    return p;
}

static int values(const search *s, int k) {
    return s->space->d[s->at[k]].n;
}

static bool build(const search *s, const double *choice, td_arena *a, td_hw *hw) {
    double v[N_KEYS];
    td_choices c = {N_KEYS, v};
    td_design d = {0};
    for (int k = 0; k < N_KEYS; k++) v[s->at[k]] = choice[k];
    const bool good =
        td_space_allows(s->space, &c) && s->space->build(s->space->self, &c, a, &d, NULL) == TD_OK;
    if (good) *hw = d.hw;
    td_design_free(&d);
    return good;
}

/* What is proved of a layer, and what was found; both infinite where it has no mapping. */
static double map_layer(const td_nested_layer *l, const td_hw *hw, td_map_result *r,
                        double *found) {
    td_map_query q;
    td_error err = {0};
    td_problem p = l->problem;
    td_hw_layer_bits(hw, &p);
    td_map_query_default(&q, hw);
    q.mode = TD_MAP_EXACT;
    q.objective = TD_OBJ_EDP;
    td_status status = td_map_best(&p, hw, &q, r, NULL, &err);
    if (status == TD_E_INFEASIBLE) return *found = INFINITY;
    if (status != TD_OK) stop(&err);
    *found = r->objective * (double)l->count;
    return fmin(r->bound, r->objective) * (double)l->count;
}

/* The accelerator that stands for a node: false: none of its own fits the budget. */
static bool relax(const search *s, const node *n, td_arena *a, td_hw *hw) {
    double c[N_KEYS];
    bool any = false;
    memcpy(c, n->choice, sizeof c);
    for (int i = n->i0; i <= n->i1; i++)
        for (int w = n->w0; w <= n->w1; w++) {
            const int at = i * s->weights + w;
            if (!s->fits[at]) continue;
            if (!any) {
                c[INPUT] = i;
                c[WEIGHT] = w;
                if (!build(s, c, a, hw)) return false;
            }
            any = true;
            for (int l = 0; l < RF; l++) {
                td_level *to = &hw->level[l];
                const td_level *from = &s->file[l][at];
                if (from->capacity_bits > to->capacity_bits)
                    to->capacity_bits = from->capacity_bits;
                to->read_pj = fmin(to->read_pj, from->read_pj);
                to->fill_pj = fmin(to->fill_pj, from->fill_pj);
                to->update_pj = fmin(to->update_pj, from->update_pj);
            }
        }
    return any;
}

static double sum(const double *v, int n) {
    double all = 0;
    for (int i = 0; i < n; i++) all += v[i];
    return all;
}

/* Bounds of node k of the batch, layer by layer, for as long as it may be better than the best. */
static void evaluate(void *self, int k) {
    search *s = self;
    node *n = &s->batch[k];
    td_arena *a = need(td_arena_create());
    td_hw *hw = need(TD_NEW(a, td_hw, 1));
    td_map_result *r = need(TD_NEW(a, td_map_result, 1));
    const bool one = n->i0 == n->i1 && n->w0 == n->w1;
    double value = 0;
    n->value = NAN;
    if (!relax(s, n, a, hw)) n->layer[0] = INFINITY;
    for (int i = 0; i < s->n_layers && sum(n->layer, s->n_layers) < s->best; i++) {
        double found, proved = map_layer(&s->layer[i], hw, r, &found);
        s->calls[k]++;
        n->layer[i] = fmax(n->layer[i], proved);
        value += found;
        if (one && i == s->n_layers - 1) n->value = value;
    }
    n->bound = sum(n->layer, s->n_layers);
    td_arena_destroy(a);
}

/* ---- a heap of nodes by bound ---------------------------------------------------------------- */

typedef struct {
    node *v;
    int n, room;
} heap;

static void push(heap *h, const node *x) {
    if (h->n == h->room) {
        h->room = h->room > 0 ? 2 * h->room : 1024;
        h->v = need(realloc(h->v, sizeof *h->v * (size_t)h->room));
    }
    int i = h->n++;
    for (; i > 0 && h->v[(i - 1) / 2].bound > x->bound; i = (i - 1) / 2)
        h->v[i] = h->v[(i - 1) / 2];
    h->v[i] = *x;
}

static node pop(heap *h) {
    const node top = h->v[0], last = h->v[--h->n];
    int i = 0;
    for (int c; (c = 2 * i + 1) < h->n; i = c) {
        if (c + 1 < h->n && h->v[c + 1].bound < h->v[c].bound) c++;
        if (h->v[c].bound >= last.bound) break;
        h->v[i] = h->v[c];
    }
    h->v[i] = last;
    return top;
}

/* ---- the search ------------------------------------------------------------------------------ */

static void tabulate(search *s) {
    s->inputs = values(s, INPUT);
    s->weights = values(s, WEIGHT);
    const int n = s->inputs * s->weights;
    for (int l = 0; l < RF; l++) s->file[l] = need(TD_NEW(s->arena, td_level, n));
    s->fits = need(TD_NEW(s->arena, bool, n));
    td_hw *hw = need(TD_NEW(s->arena, td_hw, 1));
    double c[N_KEYS] = {0}; /* all else is smallest: what remains are the register files */
    for (int at = 0; at < n; at++) {
        c[INPUT] = at / s->weights;
        c[WEIGHT] = at % s->weights;
        s->fits[at] = build(s, c, s->arena, hw);
        for (int l = 0; s->fits[at] && l < RF; l++) s->file[l][at] = hw->level[l];
    }
}

/* Filters of one column need no place: whether they are spread is all the same. */
static bool has_dim(const search *s, int dim) {
    for (int i = 0; i < s->n_layers; i++)
        if (s->layer[i].problem.dim[dim] > 1) return true;
    return false;
}

static node *roots(const search *s, int *n) {
    const int wide = has_dim(s, TD_R) ? values(s, WIDTH) : 1;
    const int high = has_dim(s, TD_S) ? values(s, HEIGHT) : 1;
    const int most = values(s, MESH) * values(s, BUFFER_X) * values(s, BUFFER_Y) * wide * high;
    node *root = need(TD_NEW(s->arena, node, most));
    td_arena *a = need(td_arena_create());
    td_hw *hw = need(TD_NEW(a, td_hw, 1));
    *n = 0;
    for (int i = 0, rest; i < most; i++) {
        node x = {.i1 = s->inputs - 1, .w1 = s->weights - 1, .value = NAN};
        rest = i;
        static const int order[] = {HEIGHT, WIDTH, BUFFER_Y, BUFFER_X, MESH};
        const int size[] = {high, wide, values(s, BUFFER_Y), values(s, BUFFER_X), values(s, MESH)};
        for (int k = 0; k < 5; k++) {
            x.choice[order[k]] = rest % size[k];
            rest /= size[k];
        }
        if (relax(s, &x, a, hw)) root[(*n)++] = x;
    }
    td_arena_destroy(a);
    return root;
}

/* Halves of the longer range. */
static void split(const node *n, node half[2]) {
    half[0] = half[1] = *n;
    if (n->i1 - n->i0 >= n->w1 - n->w0) {
        half[0].i1 = (n->i0 + n->i1) / 2;
        half[1].i0 = half[0].i1 + 1;
    } else {
        half[0].w1 = (n->w0 + n->w1) / 2;
        half[1].w0 = half[0].w1 + 1;
    }
}

typedef struct {
    node best;
    double bound; /* of all accelerators */
    int64_t accelerators, nodes, calls;
} answer;

static void run_batch(search *s, node *batch, int n, heap *h, answer *out) {
    td_error err;
    s->batch = batch;
    s->best = out->best.value;
    memset(s->calls, 0, sizeof s->calls);
    td_status status = td_parallel_for(td_cpu_count(), n, evaluate, s);
    if (status != TD_OK) {
        td_fail(&err, status, "threads");
        stop(&err);
    }
    for (int k = 0; k < n; k++) {
        const node *x = &batch[k];
        out->nodes++;
        out->calls += s->calls[k];
        if (x->value < out->best.value) out->best = *x;
        if (!isnan(x->value))
            out->bound = fmin(out->bound, x->bound);
        else if (x->bound < s->best)
            push(h, x);
    }
}

/* Splits up to `width` nodes of h, those of least bound. */
static void split_some(search *s, heap *h, int width, answer *out) {
    node batch[2 * BATCH];
    int n = 0;
    for (; n < 2 * width && h->n > 0; n += 2) {
        const node x = pop(h);
        split(&x, batch + n);
    }
    run_batch(s, batch, n, h, out);
}

static answer optimum(search *s) {
    int n_roots, n, per_root = 0;
    node *root = roots(s, &n_roots);
    heap h = {0}, first = {0};
    answer out = {.best = {.value = INFINITY}, .bound = INFINITY};
    for (int i = 0; i < s->inputs * s->weights; i++) per_root += s->fits[i];
    out.accelerators = (int64_t)n_roots * per_root;
    for (int i = 0; i < n_roots; i += n) {
        n = n_roots - i < 2 * BATCH ? n_roots - i : 2 * BATCH;
        run_batch(s, root + i, n, &h, &out);
    }
    /* A first accelerator, below the best root. */
    while (h.n > 0 && isinf(out.best.value)) {
        const node x = pop(&h);
        push(&first, &x);
        while (first.n > 0 && isinf(out.best.value)) split_some(s, &first, 1, &out);
    }
    for (int i = 0; i < first.n; i++) push(&h, &first.v[i]);
    while (h.n > 0 && h.v[0].bound < out.best.value * (1 - GAP)) {
        split_some(s, &h, BATCH, &out);
        fprintf(stderr, "\r%lld nodes, %d open, %.6g proved, %.6g found ", (long long)out.nodes,
                h.n, h.n > 0 ? h.v[0].bound : out.best.value, out.best.value);
    }
    fputc('\n', stderr);
    out.bound = fmin(out.bound, out.best.value);
    if (h.n > 0) out.bound = fmin(out.bound, h.v[0].bound);
    free(h.v);
    free(first.v);
    return out;
}

static double floor_of(const search *s, const td_hw *hw) {
    double all = 0, rf = 0;
    const td_level *dram = &hw->level[hw->n - 1];
    for (int l = 0; l < RF; l++) {
        double least = INFINITY;
        for (int at = 0; at < s->inputs * s->weights; at++)
            if (s->fits[at]) least = fmin(least, s->file[l][at].read_pj);
        rf += least;
    }
    for (int i = 0; i < s->n_layers; i++) {
        td_problem p = s->layer[i].problem;
        td_hw_layer_bits(hw, &p);
        const double macs = (double)td_problem_macs(&p), word = hw->level[0].word_bits;
        const double in = (double)td_problem_words(&p, TD_W) + (double)td_problem_words(&p, TD_I);
        const double out = (double)td_problem_words(&p, TD_O);
        const double cycles = fmax(ceil(macs / hw->mac.instances),
                                   fmax(in * word / dram->read_bw, out * word / dram->write_bw));
        all += (double)s->layer[i].count * cycles *
               (macs * (hw->mac.energy_pj + rf) + (in + out) * dram->read_pj);
    }
    return all;
}

static void print(const search *s, const answer *x, double least) {
    printf("{\"edp_pj_cycles\": %.17g, \"bound\": %.17g, \"floor\": %.17g, \"accelerators\": %lld, "
           "\"nodes\": %lld, \"mapped\": %lld, \"cpu_s\": %.2f, \"parameters\": {",
           x->best.value, x->bound, least, (long long)x->accelerators, (long long)x->nodes,
           (long long)x->calls, (double)clock() / CLOCKS_PER_SEC);
    for (int k = 0; k < N_KEYS; k++) {
        const int i = k == INPUT ? x->best.i0 : k == WEIGHT ? x->best.w0 : (int)x->best.choice[k];
        printf("%s\"%s\": %g", k > 0 ? ", " : "", key[k], s->space->d[s->at[k]].value[i]);
    }
    printf("}}\n");
}

/* ---- are blocks and clusters never of use? --------------------------------------------------- */

static void check(search *s, int64_t count) {
    td_map_result *r = need(TD_NEW(s->arena, td_map_result, 1));
    int64_t better = 0, compared = 0, equal = 0;
    double most = 0;
    for (int64_t i = 0; compared < count && i < 100 * count; i++) {
        td_rng rng = td_rng_make(SEED, (uint64_t)i, TD_RNG_SPACE_SAMPLE);
        double v[N_KEYS], c[N_KEYS], one, with = 0, without = 0;
        td_choices x = {N_KEYS, v};
        td_arena *a = need(td_arena_create());
        td_hw *hw = need(TD_NEW(a, td_hw, 2));
        bool good = td_space_draw(s->space, &rng, 1000000, &x, NULL);
        for (int k = 0; k < N_KEYS; k++) c[k] = v[s->at[k]];
        good = good && (c[BLOCK] > 0 || c[CLUSTER] > 0) && build(s, c, a, &hw[0]);
        c[BLOCK] = c[CLUSTER] = 0;
        good = good && build(s, c, a, &hw[1]);
        for (int l = 0; good && l < s->n_layers; l++) {
            map_layer(&s->layer[l], &hw[0], r, &one);
            with += one;
            map_layer(&s->layer[l], &hw[1], r, &one);
            without += one;
        }
        td_arena_destroy(a);
        if (!good || (isinf(with) && isinf(without))) continue;
        compared++;
        if (with < without * (1 - 1e-12)) better++;
        if (with == without) equal++;
        if (isfinite(with)) most = fmax(most, with / without);
    }
    printf("{\"compared\": %lld, \"better\": %lld, \"equal\": %lld, \"most_worse\": %.4g}\n",
           (long long)compared, (long long)better, (long long)equal, most);
}

/* ---- main ------------------------------------------------------------------------------------ */

static void find_keys(search *s) {
    td_error err;
    for (int k = 0; k < N_KEYS; k++) {
        s->at[k] = -1;
        for (int i = 0; i < s->space->n; i++)
            if (strcmp(s->space->d[i].name, key[k]) == 0) s->at[k] = i;
        if (s->at[k] < 0 || s->space->n != N_KEYS) {
            td_fail(&err, TD_E_INPUT,
                    "expected a space of the %d decisions of spatial-array, no %s", N_KEYS, key[k]);
            stop(&err);
        }
        const td_decision *d = &s->space->d[s->at[k]];
        if ((k == BLOCK || k == CLUSTER || k == WIDTH || k == HEIGHT) && d->value[0] != 1) {
            td_fail(&err, TD_E_INPUT, "%s: expected 1 among the values", key[k]);
            stop(&err);
        }
    }
}

int main(int argc, char **argv) {
    td_error err = {0};
    td_override set[MOST_OVERRIDES];
    const td_node *doc, *map;
    search s = {.arena = need(td_arena_create())};
    int64_t count = 0;
    int first = 1;
    if (argc > 2 && strcmp(argv[1], "--check") == 0) {
        count = atoll(argv[2]);
        first = 3;
    }
    const int n = argc - first - 1;
    if (n < 0 || n > MOST_OVERRIDES || (first == 3 && count < 1)) {
        fputs("usage: codesign_optimum [--check COUNT] RECIPE [KEY=VALUE...]\n", stderr);
        return 2;
    }
    for (int i = 0; i < n; i++)
        set[i] = (td_override){NULL, argv[first + 1 + i], argv[first + 1 + i]};
    td_status st = td_blackbox_load_with(argv[first], set, n, &s.b, &err);
    if (st == TD_OK) {
        s.layer = td_blackbox_layers(s.b, &s.n_layers);
        if (s.n_layers < 1 || s.n_layers > MOST_LAYERS)
            st = td_fail(&err, TD_E_INPUT, "expected a nested recipe of 1 to %d different layers",
                         MOST_LAYERS);
    }
    /* The accelerator of the recipe once more, as the space that it is. */
    const char *text = st == TD_OK ? td_blackbox_text(s.b) : "";
    if (st == TD_OK) st = td_yaml_parse(s.arena, text, strlen(text), argv[first], &doc, &err);
    if (st == TD_OK) st = td_node_get_map(doc, "accelerator", &map, &err);
    if (st == TD_OK) st = td_space_hw_from_node(map, s.arena, &s.space, &err);
    if (st != TD_OK) stop(&err);
    find_keys(&s);
    if (count > 0) {
        check(&s, count);
    } else {
        tabulate(&s);
        const answer x = optimum(&s);
        td_hw *hw = need(TD_NEW(s.arena, td_hw, 1));
        double c[N_KEYS];
        memcpy(c, x.best.choice, sizeof c);
        c[INPUT] = x.best.i0;
        c[WEIGHT] = x.best.w0;
        if (isfinite(x.best.value) && build(&s, c, s.arena, hw)) print(&s, &x, floor_of(&s, hw));
    }
    td_blackbox_destroy(s.b);
    td_arena_destroy(s.arena);
    return 0;
}
