/* Network spaces of inverted bottlenecks: stem, stages of blocks, head. Per stage a width and a
 * depth are decided, per block the kernel, the expansion, the operator (IBN or fused IBN) and the
 * groups of the convolution that expands, as in the spaces of NAHAS (arXiv 2102.08619, section 4)
 * and of TuNAS.
 *
 * Widths that give the same channels after rounding are one choice, and a parameter with a single
 * value is none, so that different vectors are different networks as far as one stage goes. (Two
 * neighbouring stages of stride 1 can still trade a block when their channels are equal; such twins
 * are found by the design's hash. So are those of groups where an expansion of 1 and the operator
 * are both decided: a decision hangs on one other, and groups would on two.)
 *
 * Small images need fewer strides. The rule is `min_map`: strides become 1 from the stem on, one
 * after the other, until the last map has so many rows and columns. Networks for ImageNet are made
 * so for CIFAR, whose 32 x 32 pixels then end in 4 x 4. */
#include <stdio.h>
#include <string.h>

#include "space_bits.h"

typedef struct {
    td__values kernel, expansion, fused, groups;
} block;

typedef struct {
    int channels, stride, blocks;
    td__values width, depth;
    block *block;
} stage;

typedef struct {
    const char *name;
    td_shape input;
    int classes, divisor, n_stages, n_decisions;
    td__stem stem;
    td_op act;
    stage *stage;
    td__values head;
} ibn;

enum {
    MAX_CHANNELS = TD__SPACE_CHANNELS,
    MAX_STAGES = 64,
    MAX_DEPTH = 64,
    MAX_KERNEL = TD__SPACE_KERNEL
};

/* ---- building -------------------------------------------------------------------------------- */

static int whole(const td__values *p, const td_choices *c, bool *good) {
    double v = td__values_get(p, c);
    if (isnan(v)) *good = false;
    return isnan(v) ? 1 : (int)v;
}

/* Without expansion an inverted bottleneck has no convolution that could have groups. */
static bool has_groups(int expansion, bool fused) {
    return fused || expansion != 1;
}

static int add_stage(const ibn *p, const stage *st, const td_choices *c, td_net *net, int x,
                     bool *good) {
    int depth = whole(&st->depth, c, good);
    if (depth == 0) return x;
    double width = td__values_get(&st->width, c);
    if (isnan(width)) *good = false;
    int out_c = td_round_channels(st->channels, isnan(width) ? 1 : width, p->divisor);
    for (int i = 0; i < depth && *good; i++) {
        const block *b = &st->block[i];
        td_block spec = {.kernel = whole(&b->kernel, c, good),
                         .expansion = whole(&b->expansion, c, good),
                         .fused = whole(&b->fused, c, good) != 0,
                         .out_c = out_c,
                         .stride = i == 0 ? st->stride : 1,
                         .residual = true,
                         .act = p->act};
        if (has_groups(spec.expansion, spec.fused)) spec.groups = whole(&b->groups, c, good);
        x = td_net_block(net, x, &spec);
    }
    return x;
}

static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err) {
    (void)a;
    const ibn *p = self;
    *d = (td_design){0};
    if (c->n != p->n_decisions)
        return td_fail(err, TD_E_USAGE, "expected %d choices, found %d", p->n_decisions, c->n);
    td_net *net = td_net_create(p->name, p->input);
    if (net == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    bool good = true;
    int x = td_net_conv_bn_act(net, 0, p->stem.channels, p->stem.kernel, p->stem.stride, 1, p->act);
    for (int i = 0; i < p->n_stages; i++) x = add_stage(p, &p->stage[i], c, net, x, &good);
    int head = whole(&p->head, c, &good);
    if (head > 0) x = td_net_conv_bn_act(net, x, head, 1, 1, 1, p->act);
    td_net_fc(net, td_net_global_pool(net, x), p->classes);
    td_status s =
        good ? td_net_check(net, err) : td_fail(err, TD_E_USAGE, "the choices are not canonical");
    if (s != TD_OK) {
        td_net_destroy(net);
        return s;
    }
    d->net = net;
    d->net_hash = td_net_hash(net);
    return TD_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static td_status check_odd(const td_node *map, const td__values *kernel, td_error *err) {
    for (int i = 0; i < kernel->n; i++)
        if (fmod(kernel->v[i], 2) == 0)
            return td_node_fail(td_node_find(map, "kernel"), err, "expected odd sizes, found %g",
                                kernel->v[i]);
    return TD_OK;
}

/* `fused: true`, `fused: [false, true]`. */
static td_status read_fused(const td_node *map, td_arena *a, td__values *out, td_error *err) {
    const td_node *n = td_node_find(map, "fused");
    bool list = n->kind == TD_LIST, has[2] = {false, false};
    int count = list ? n->count : 1;
    for (int i = 0; i < count; i++) {
        const td_node *item = list ? n->item[i] : n;
        if (item->kind != TD_BOOL || has[item->boolean])
            return td_node_fail(item, err, "expected true, false or both of them in a list");
        has[item->boolean] = true;
    }
    if (count < 1) return td_node_fail(n, err, "expected true, false or both of them in a list");
    double *v = TD_NEW(a, double, 2);
    if (v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *out = (td__values){.v = v, .n = count, .decision = -1};
    v[0] = has[0] ? 0 : 1;
    v[1] = 1;
    return TD_OK;
}

/* Of widths that round to the same channels the one nearest to them stays. */
static td_status merge_widths(const td_node *at, stage *st, int divisor, td_error *err) {
    td__values *w = &st->width;
    int kept = 0, last = 0;
    for (int i = 0; i < w->n; i++) {
        int c = td_round_channels(st->channels, w->v[i], divisor);
        if (c < 1 || c > MAX_CHANNELS)
            return td_node_fail(at, err, "%d channels times %g are beyond %d", st->channels,
                                w->v[i], MAX_CHANNELS);
        bool same = kept > 0 && c == last;
        if (!same)
            w->v[kept++] = w->v[i];
        else if (fabs(st->channels * w->v[i] - c) < fabs(st->channels * w->v[kept - 1] - c))
            w->v[kept - 1] = w->v[i];
        last = c;
    }
    w->n = kept;
    return TD_OK;
}

/* The map that has `key`: the stage's own, or the network's. */
static const td_node *owner(const td_node *own, const td_node *all, const char *key) {
    return td_node_find(own, key) != NULL ? own : all;
}

static td_status read_blocks(const td_node *n, const td_node *all, stage *st, td_arena *a,
                             td_error *err) {
    block one;
    const td_node *m = owner(n, all, "kernel");
    td_status s = td__values_read(m, "kernel", 1, MAX_KERNEL, true, a, &one.kernel, err);
    if (s == TD_OK) s = check_odd(m, &one.kernel, err);
    if (s == TD_OK)
        s = td__values_read(owner(n, all, "expansion"), "expansion", 1, 64, true, a, &one.expansion,
                            err);
    if (s == TD_OK) s = read_fused(owner(n, all, "fused"), a, &one.fused, err);
    if (s == TD_OK)
        s = td__values_read(owner(n, all, "groups"), "groups", 1, TD__SPACE_GROUPS, true, a,
                            &one.groups, err);
    if (s != TD_OK) return s;
    st->blocks = (int)st->depth.v[st->depth.n - 1];
    st->block = TD_NEW(a, block, st->blocks + 1);
    if (st->block == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < st->blocks; i++) st->block[i] = one;
    return TD_OK;
}

static td_status read_stage(const td_node *n, const td_node *all, int divisor, stage *st,
                            td_arena *a, td_error *err) {
    static const char *const keys[] = {"channels", "stride", "depth",  "kernel", "expansion",
                                       "width",    "fused",  "groups", NULL};
    if (n->kind != TD_MAP) return td_node_fail(n, err, "expected a map (channels, stride, ...)");
    int64_t channels, stride = 1;
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_get_int(n, "channels", 1, MAX_CHANNELS, &channels, err);
    if (s == TD_OK) s = td_node_opt_int(n, "stride", 1, 8, &stride, err);
    if (s != TD_OK) return s;
    st->channels = (int)channels;
    st->stride = (int)stride;
    st->depth = (td__values){.v = TD_NEW(a, double, 1), .n = 1, .decision = -1};
    if (st->depth.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    st->depth.v[0] = 1;
    if (td_node_find(n, "depth") != NULL)
        s = td__values_read(n, "depth", 0, MAX_DEPTH, true, a, &st->depth, err);
    if (s == TD_OK && st->stride > 1 && st->depth.v[0] == 0)
        s = td_node_fail(td_node_find(n, "depth"), err,
                         "a stage with stride %d cannot be left out (depth 0)", st->stride);
    if (s == TD_OK)
        s = td__values_read(owner(n, all, "width"), "width", 0.01, 100, false, a, &st->width, err);
    if (s == TD_OK) s = merge_widths(n, st, divisor, err);
    return s == TD_OK ? read_blocks(n, all, st, a, err) : s;
}

/* ---- strides and groups ---------------------------------------------------------------------- */

/* Rows (or columns, where there are fewer) of the last map. */
static int last_side(const ibn *p) {
    int side = p->input.h < p->input.w ? p->input.h : p->input.w;
    side = (side + p->stem.stride - 1) / p->stem.stride;
    for (int i = 0; i < p->n_stages; i++)
        side = (side + p->stage[i].stride - 1) / p->stage[i].stride;
    return side;
}

static td_status fit_strides(const td_node *recipe, const td_node *n, ibn *p, td_error *err) {
    int64_t least = 0;
    td_status s = td_node_opt_int(n, "min_map", 0, 65536, &least, err);
    if (s != TD_OK) return s;
    if (last_side(p) < least) p->stem.stride = 1;
    for (int i = 0; i < p->n_stages && last_side(p) < least; i++) p->stage[i].stride = 1;
    if (last_side(p) >= least) return TD_OK;
    const td_node *input = td_node_find(recipe, "input");
    return td_node_fail(input != NULL ? input : td_node_find(n, "min_map"), err,
                        "an image of %d x %d has fewer than min_map %d rows or columns", p->input.h,
                        p->input.w, (int)least);
}

static td_status check_divides(const td_node *at, const td__values *groups, int channels,
                               int number, td_error *err) {
    for (int k = 0; k < groups->n; k++)
        if (channels % (int)groups->v[k] != 0)
            return td_node_fail(at, err,
                                "%g groups do not divide %d channels, which a block of stage %d "
                                "may have",
                                groups->v[k], channels, number);
    return TD_OK;
}

static td_status check_widths(const td_node *at, const td__values *groups, const ibn *p,
                              const stage *of, int number, td_error *err) {
    td_status s = TD_OK;
    for (int k = 0; s == TD_OK && k < of->width.n; k++)
        s = check_divides(at, groups, td_round_channels(of->channels, of->width.v[k], p->divisor),
                          number, err);
    return s;
}

/* Groups divide whatever channels their blocks may have, so that no choice makes another one
 * impossible. */
static td_status check_groups(const td_node *map, const ibn *p, int i, td_error *err) {
    const stage *st = &p->stage[i];
    if (st->blocks == 0) return TD_OK;
    const block *b = &st->block[0];
    bool fused = b->fused.v[b->fused.n - 1] != 0, one = b->expansion.v[0] == 1;
    if (!fused && one && b->expansion.n == 1) return TD_OK; /* nothing has groups */
    const td_node *at = td_node_find(map, "groups");
    td_status s = TD_OK;
    int from = i - 1;
    /* Channels inside are a multiple of the input's; a fused block without expansion has its own.
     */
    if (st->blocks > 1 || (fused && one)) s = check_widths(at, &b->groups, p, st, i + 1, err);
    for (; s == TD_OK && from >= 0; from--) {
        s = check_widths(at, &b->groups, p, &p->stage[from], i + 1, err);
        if (p->stage[from].depth.v[0] > 0) return s;
    }
    return s == TD_OK ? check_divides(at, &b->groups, p->stem.channels, i + 1, err) : s;
}

/* ---- decisions ------------------------------------------------------------------------------- */

/* A decision if there is more than one value. */
static void decide(td__decisions *list, td__values *p, td_decision d, const char *name) {
    if (p->n < 2) return;
    d.n = p->n;
    d.value = p->v;
    p->decision = td__decisions_add(list, &d, "%s", name);
}

/* Depths by which block i (from 0) is there. */
static uint64_t depths_with(const td__values *depth, int i) {
    uint64_t mask = 0;
    for (int k = 0; k < depth->n; k++)
        if (depth->v[k] > i) mask |= UINT64_C(1) << k;
    return mask;
}

/* Active while block i is there: with all depths always, else it hangs on the depth. */
static td_decision on_block(const td__values *depth, int i) {
    td_decision d = {.kind = TD_ORDERED, .parent = -1};
    if (depth->decision >= 0 && depth->v[0] <= i) {
        d.parent = depth->decision;
        d.when = depths_with(depth, i);
    }
    return d;
}

/* Groups are there where they matter: without expansion only in fused blocks. */
static void declare_groups(td__decisions *list, block *b, td_decision d, const char *name) {
    const td__values *e = &b->expansion, *f = &b->fused;
    bool one = e->v[0] == 1, all_one = one && e->n == 1;
    if (one && f->v[0] == 0) {
        if (all_one && f->n == 1) return;
        if (all_one) {
            d.parent = f->decision;
            d.when = 1 << 1; /* true */
        } else if (f->n == 1) {
            d.parent = e->decision;
            d.when = (UINT64_MAX >> (64 - e->n)) - 1; /* all but the first, which is 1 */
        }
    }
    decide(list, &b->groups, d, name);
}

static void declare_stage(td__decisions *list, stage *st, int number) {
    static const char *const yes_no[] = {"false", "true"};
    char name[64];
    snprintf(name, sizeof name, "s%d.depth", number);
    decide(list, &st->depth, (td_decision){.kind = TD_ORDERED, .parent = -1}, name);
    if (st->blocks == 0) return;
    snprintf(name, sizeof name, "s%d.width", number);
    decide(list, &st->width, on_block(&st->depth, 0), name);
    for (int i = 0; i < st->blocks; i++) {
        block *b = &st->block[i];
        td_decision d = on_block(&st->depth, i);
        snprintf(name, sizeof name, "s%d.b%d.kernel", number, i + 1);
        decide(list, &b->kernel, d, name);
        snprintf(name, sizeof name, "s%d.b%d.expansion", number, i + 1);
        decide(list, &b->expansion, d, name);
        d.kind = TD_CATEGORICAL;
        d.label = yes_no;
        snprintf(name, sizeof name, "s%d.b%d.fused", number, i + 1);
        decide(list, &b->fused, d, name);
        snprintf(name, sizeof name, "s%d.b%d.groups", number, i + 1);
        declare_groups(list, b, on_block(&st->depth, i), name);
    }
}

td_status td__space_ibn(const td_node *recipe, const td_node *defaults, td_arena *a, td_space **out,
                        td_error *err) {
    static const char *const keys[] = {"space",   "input",  "classes",   "stem",    "stages",
                                       "min_map", "kernel", "expansion", "width",   "fused",
                                       "groups",  "head",   "act",       "divisor", NULL};
    td_status s = td_node_only(recipe, keys, err);
    if (s != TD_OK) return s;
    const td_node *n = td__with_defaults(recipe, defaults, a), *stages = NULL;
    ibn *p = TD_NEW(a, ibn, 1);
    if (n == NULL || p == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    int64_t classes = 0, divisor = 8;
    s = td__shape_read(defaults, &p->input, err);
    if (s == TD_OK) s = td__shape_read(n, &p->input, err);
    if (s == TD_OK) s = td_node_get_int(n, "classes", 1, 1000000, &classes, err);
    if (s == TD_OK) s = td_node_opt_int(n, "divisor", 1, 1024, &divisor, err);
    if (s == TD_OK) s = td__stem_read(n, &p->stem, err);
    if (s == TD_OK) s = td__act_read(n, &p->act, err);
    if (s == TD_OK) s = td__values_read(n, "head", 0, MAX_CHANNELS, true, a, &p->head, err);
    if (s == TD_OK) s = td_node_get_list(n, "stages", &stages, err);
    if (s != TD_OK) return s;
    if (stages->count < 1 || stages->count > MAX_STAGES)
        return td_node_fail(stages, err, "expected 1 to %d stages, found %d", MAX_STAGES,
                            stages->count);
    p->classes = (int)classes;
    p->divisor = (int)divisor;
    p->n_stages = stages->count;
    p->stage = TD_NEW(a, stage, stages->count);
    if (p->stage == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td__decisions list = {.arena = a};
    for (int i = 0; i < p->n_stages; i++) {
        s = read_stage(stages->item[i], n, p->divisor, &p->stage[i], a, err);
        if (s == TD_OK) s = check_groups(owner(stages->item[i], n, "groups"), p, i, err);
        if (s != TD_OK) return s;
        declare_stage(&list, &p->stage[i], i + 1);
    }
    s = fit_strides(recipe, n, p, err);
    if (s != TD_OK) return s;
    decide(&list, &p->head, (td_decision){.kind = TD_ORDERED, .parent = -1}, "head");
    p->n_decisions = list.n;
    p->name = td_node_find(n, "space")->text;
    return td__space_finish(p->name, &list, p, build, out, err);
}
