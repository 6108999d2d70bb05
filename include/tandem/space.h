/* tandem/space.h - decisions, choices, designs. A space is a list of declared decisions and a
 * function that builds a design (network, accelerator) from a vector of choices. Decisions that do
 * not matter for a design are inactive (NAN), so equal designs have one canonical vector.
 */
#ifndef TANDEM_SPACE_H
#define TANDEM_SPACE_H

#include "tandem/base.h"
#include "tandem/cost.h"
#include "tandem/hw.h"
#include "tandem/net.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { TD_CATEGORICAL, TD_ORDERED, TD_INTEGER, TD_REAL_RANGE } td_kind;

/* categorical and ordered: a choice is an index 0..n-1 into value[] (label[] for people; may be
 * NULL). integer: lo..hi; real: [lo, hi], log: searched on a log scale. parent >= 0: active only
 * while the parent (an earlier decision) is active and bit `index of its choice` of `when` is set.
 * An integer may have a log scale, too (lo > 0).
 * costs_only: it changes what a design costs and not its accuracy (those of an accelerator), so
 * that a strategy may try several values for one training. */
typedef struct {
    const char *name;
    td_kind kind;
    int n, parent;
    uint64_t when;
    const double *value;
    const char *const *label;
    double lo, hi;
    bool log, costs_only;
} td_decision;

typedef struct {
    int n;
    double *v; /* index, integer or real per decision; NAN: inactive */
} td_choices;

/* Several networks that one accelerator is for. sum: weights are shares (their sum is 1) and a
 * metric of the workload is the mean, sum_i weight_i x metric_i. worst: the largest weight is 1 and
 * the metric is max_i weight_i x metric_i, for each metric by itself. */
typedef enum { TD_COMBINE_SUM, TD_COMBINE_WORST } td_combine;
typedef struct {
    int n;
    td_combine combine;
    td_net **net;      /* owned by the design; the rest is the arena's */
    const char **name; /* distinct, fit for files */
    double *weight;
} td_workload;
enum { TD_MAX_WORKLOAD = 64 };
double td_workload_combine(const td_workload *w, const double *metric);

/* What a choice vector stands for. Owned by the caller; free with td_design_free. Either side may
 * be absent (net and workload NULL, has_hw false). */
typedef struct {
    td_net *net;
    td_workload *workload; /* several networks in place of `net`, which is NULL then */
    td_hw hw;
    td_node *hw_node; /* the accelerator as its template's YAML (for export); lives in the arena */
    bool has_hw;
    uint64_t net_hash, hw_hash;
} td_design;
void td_design_free(td_design *d);
/* The networks of a design: none, `net`, or those of the workload; i in 0..count-1. */
int td_design_net_count(const td_design *d);
const td_net *td_design_net(const td_design *d, int i);

typedef struct td_space {
    const char *name;
    const td_decision *d;
    int n;
    const void *self;
    /* c is canonical. TD_E_INFEASIBLE: a physical rule is broken, with its reason; d->net and
     * d->hw_node are still there where they can be, so free d in any case. Memory that outlives the
     * call comes from the arena. Thread-safe with an arena per thread. */
    td_status (*build)(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err);
    /* Known constraints: whether build would not refuse c (canonical), at no cost. NULL: nothing is
     * known. Samples and variations below are drawn again until they are allowed, a thousand
     * times at most; walks leave out what is not. */
    bool (*allows)(const void *self, const td_choices *c);
    /* As td_space_draw, where a space can do better than to draw again. NULL: it cannot. */
    bool (*draw)(const void *self, td_rng *r, int64_t most, td_choices *c, int64_t *drawn);
    /* What engineers look at in a vector (c is canonical): finite numbers of any scale for the
     * models of strategies. 0: nothing but the decisions themselves. */
    int n_features;
    void (*features)(const void *self, const td_choices *c, double *out);
} td_space;

/* First fault of a space that was made in C: parents that stand later, masks of values that are not
 * there, empty ranges, names used twice (TD_E_INPUT). The makers below have called it. */
td_status td_space_check(const td_space *s, td_error *err);

/* Spaces live in the arena that they are made in, and so must the document.
 *
 * Network spaces, from a recipe's map (unknown keys are errors):
 *   space: ibn | ibn-fused   inverted bottlenecks; each key left out is the shipped space's. So are
 *     ibn-mobilenetv2, ibn-efficientnet and ibn-evolved, over the stages of published networks:
 *     input: [1, 28, 28]      c, h, w; or a side: 160
 *     classes: 10
 *     stem: {channels: 16, stride: 2, kernel: 3}
 *     stages:                 channels, stride of the first block, depths; a stage may have its own
 *       - {channels: 24, stride: 2, depth: [1, 2, 3]}       kernel, expansion, width, fused, groups
 *     min_map: 3              strides become 1, the stem's first, until the last map has so many
 *                             rows and columns; 0: strides are as they stand
 *     kernel: [3, 5, 7]       decisions s2.b1.kernel, ...
 *     expansion: [3, 6]       s2.b1.expansion
 *     fused: [false, true]    s2.b1.fused; IBN or fused IBN
 *     groups: [1, 2, 4]       s2.b1.groups; of the convolution that expands (td_block); they divide
 *                             all channels that it may get
 *     width: [0.5, 0.75, 1]   s2.width; times channels, to multiples of divisor. Widths that
 *     divisor: 8              round to the same channels are one choice (the nearest stays)
 *     head: [64, 128]         1x1 convolution before the classifier; 0: none
 *     act: relu
 *
 *   Lists are sorted; one value (or a list of one) is no decision. Blocks beyond a stage's depth
 *   are inactive. Depth 0 leaves a stage of stride 1 out. Two vectors can still be one network
 *   where neighbouring stages of stride 1 have equal channels: compare net_hash.
 *
 *   space: blocks             layers that choose among named operators; as shipped it is
 *     input, classes, stem, act as above                  NAS-Bench-Macro
 *     operators:              named once, in the order of the choices
 *       skip: {op: identity}                              where a layer changes the shape: a 1x1
 *       mb3: {op: ibn, kernel: 3, expansion: 3}           convolution with batch norm
 *       wide: {op: fused, kernel: 5, expansion: 6, groups: 2, se: 0.25, act: hard_swish}
 *       plain: {op: conv, kernel: 3}
 *     layers:                 decisions l1, l2, ..., or by name; stride: of the first of `repeat`
 *       - {channels: 64, stride: 2, repeat: 3}
 *       - {name: last, channels: 96, operators: [mb3, wide]}     only these; one: no decision
 *     head: 1280
 *
 *   Two vectors can be one network where equal neighbours are left out: compare net_hash.
 *
 *   space: fixed              net: NAME (input, width, classes) or FILE
 *   space: workload           several networks, for a search of accelerators:
 *     networks:               each as of `fixed`, with a weight (1) and a name (the network's own)
 *       - {net: a.json, weight: 0.7}
 *     combine: sum            or worst; see td_workload
 *
 * Accelerator spaces:
 *   space: micro              or edge, eyeriss, a FILE: a template with a `space:` map of parameter
 *     io_gbps: [1, 2]         lists; other keys are the template's, in place of the file's
 *     mesh_x: {divisors: pes, most: 16}     numbers that divide a value of another parameter
 *   space: {pe_x: [1, 2]}     the description in place: template: edge, simd: 16, ...
 *   space: simba              or another description with levels: keys as of td_space_hw_set, with
 *     DRAM.bandwidth: [1x, 2x]      numbers, or multiples of what the file has
 *   space: fixed              hw: NAME or FILE
 *
 * Of a template, too, a key may be DRAM.bandwidth or another one that td_space_hw_set knows, and a
 * value a multiple. Files are looked for as they stand, then beside the document that names them.
 */
td_status td_space_net_from_node(const td_node *n, td_arena *a, td_space **out, td_error *err);
/* The space of one network that nothing is trained of: the keys of `space: fixed`, but a shipped
 * network has its published number of classes unless `classes` says another. */
td_status td_space_given_net(const td_node *n, td_arena *a, td_space **out, td_error *err);
td_status td_space_hw_from_node(const td_node *n, td_arena *a, td_space **out, td_error *err);
/* Puts the value of "KEY=VALUE" into an accelerator's document before it is built. KEY is a path as
 * of td_node_override, or `LEVEL.bandwidth` (every port of the level that the file limits),
 * `LEVEL.capacity` or `clock`, which mean the same in a template and in levels; names of levels in
 * any case. VALUE is YAML, or "2x": so many times what the file has. TD_E_USAGE, TD_E_INPUT. */
td_status td_space_hw_set(td_arena *a, td_node *doc, const char *option, const char *assignment,
                          td_error *err);
/* The path, or the template's parameter, that a key stands for (the first one of several); NULL:
 * none, or memory is out. */
const char *td_space_hw_path(td_arena *a, const td_node *doc, const char *key);
/* Shipped spaces by name, for `tandem space` and tests. */
typedef struct {
    const char *name, *about;
    bool network;
    const char *keys; /* the recipe's map (YAML) that stands in where one leaves keys out; NULL: an
                         accelerator's, which is a file */
} td_space_entry;
const td_space_entry *td_space_list(int *n);
td_status td_space_by_name(const char *name, td_arena *a, td_space **out, td_error *err);
/* The parameters of a problem of one's own (docs/optimize.md), a map by name, in order:
 *   {int: [1, 99]}        and {int: [1, 1024], log: true}, {int: [1, 99], step: 2}
 *   {real: [0.1, 10]}     and log: true
 *   {choice: [A, B]}      names, numbers, true and false, in no order
 *   {ordered: [8, 16]}    the same, in the order as it stands
 * each with when: {EARLIER: [VALUE, ...]} if it matters for these values only. known: a list of
 * conditions that all points keep, "a + b <= 10"; NULL: none. Its designs have neither network nor
 * accelerator. TD_E_INPUT. */
td_status td_space_parameters(const td_node *n, const td_node *known, td_arena *a, td_space **out,
                              td_error *err);
/* All decisions of a, then those of b; the design has both sides. */
td_status td_space_product(const td_space *a, const td_space *b, td_arena *arena, td_space **out,
                           td_error *err);

/* Mappings of one layer on one accelerator; hw has passed td_hw_check and is copied. Categorical
 * decisions:
 *
 *     K, C, ...    for each dim larger than 1, its factors at the places that the rules leave to
 * it: for each level, from the inside, X and Y of its fan-out, then its loops in time;
 *                  "1x14x1x2x2". All ordered factorisations, also those that exceed a fan-out
 *     order LEVEL  of its loops in time over all such dims, outermost first ("KCPQ"), within the
 *                  order that the rules fix
 *     keep LEVEL   what it keeps ("WI"; "-": nothing), where it may keep more than it must; the
 *                  outermost level keeps everything
 *
 * Where there is one way only there is no decision. Allowed is what td_mapping_check passes. Dims
 * are not padded. Its draws are much faster than drawing again, with the same distribution. What it
 * builds is no design (TD_E_USAGE): see td_space_mapping_of. docs/mapper.md lists its features.
 * TD_E_INPUT: the problem is wrong. TD_E_INFEASIBLE: no vector can be allowed, since a dim has no
 * place, or no factorisation that fits with the least that other dims need, or there is none for
 * all of them that fits the fan-outs. Other reasons are not looked for: then draws find nothing.
 * TD_E_UNSUPPORTED: a dim has more than 2^20 factorisations. */
td_status td_space_mapping(const td_problem *p, const td_hw *hw, td_arena *a, td_space **out,
                           td_error *err);
/* Leaves the features of kind 2 out, words that are moved, of which the paper is not known to have
 * any. Nothing happens to other spaces. */
void td_space_mapping_plain(td_space *s);
/* The mapping that a vector of such a space stands for (it need not be allowed), of the layer as
 * the machine runs it (td_hw_problem). TD_E_INPUT: a choice is out of range; TD_E_USAGE: another
 * space. */
td_status td_space_mapping_of(const td_space *s, const td_choices *c, td_mapping *out,
                              td_error *err);

/* The one point `at` of s (copied; need not be canonical), as a space without decisions. s must
 * outlive it. TD_E_INPUT: a choice is out of range. */
td_status td_space_pin(const td_space *s, const td_choices *at, td_arena *arena, td_space **out,
                       td_error *err);

/* Sets inactive decisions to NAN and checks the ranges of the others (TD_E_INPUT). */
td_status td_space_canonical(const td_space *s, td_choices *c, td_error *err);
bool td_space_active(const td_space *s, const td_choices *c, int i);
bool td_space_allows(const td_space *s, const td_choices *c); /* known constraints are met */
/* Uniform over the choices of each active decision, in canonical form. */
void td_space_sample(const td_space *s, td_rng *r, td_choices *c);
/* Rejection sampling: the first of a sequence of such vectors, made without regard to the known
 * constraints, that meets them. *drawn (may be NULL) grows by their number; false: none of `most`
 * does, and c is of no use. */
bool td_space_draw(const td_space *s, td_rng *r, int64_t most, td_choices *c, int64_t *drawn);
/* Redraws one active decision to another value (all equally likely), canonical again: newly active
 * decisions are sampled. Nothing happens where no decision has another value. */
void td_space_mutate(const td_space *s, td_rng *r, td_choices *c);
/* The same among the decisions that are costs_only. */
void td_space_mutate_costs(const td_space *s, td_rng *r, td_choices *c);
/* Per decision from a or b, evenly; what only one of them has is taken from it. Canonical again. */
void td_space_cross(const td_space *s, td_rng *r, const td_choices *a, const td_choices *b,
                    td_choices *c);
/* Canonical again after some values were changed: inactive ones to NAN, newly active ones drawn. */
void td_space_settle(const td_space *s, td_rng *r, td_choices *c);
/* Every canonical vector once: the first, then the next one of each, false after the last. Real
 * decisions cannot be walked (first: false), unless their range is one value. */
bool td_space_first(const td_space *s, td_choices *c);
bool td_space_next(const td_space *s, td_choices *c);
uint64_t td_choices_hash(const td_choices *c);
/* Number of distinct canonical vectors as decimal text (exact, big); "inf" with real decisions. */
td_status td_space_size(const td_space *s, td_text *out, td_error *err);
/* {"decision": label or value, ...}, inactive ones left out; and back. */
td_node *td_choices_to_node(const td_space *s, const td_choices *c, td_arena *a);
td_status td_choices_from_node(const td_space *s, const td_node *n, td_choices *c, td_error *err);
/* The choice that a scalar stands for, as above; TD_E_INPUT with the choices that there are. */
td_status td_choice_from_node(const td_decision *d, const td_node *n, double *v, td_error *err);
/* Names, kinds, values and conditions of all decisions; what is fixed (input, stem, base parameters
 * of an accelerator) is not in it. */
uint64_t td_space_hash(const td_space *s);

#ifdef __cplusplus
}
#endif
#endif
