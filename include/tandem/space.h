/* tandem/space.h - decisions, choices, designs. A space is a list of declared decisions and a function
 * that builds a design (network, accelerator) from a vector of choices. Decisions that do not matter
 * for a design are inactive (NAN), so equal designs have one canonical vector.
 */
#ifndef TANDEM_SPACE_H
#define TANDEM_SPACE_H

#include "tandem/base.h"
#include "tandem/hw.h"
#include "tandem/net.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { TD_CATEGORICAL, TD_ORDERED, TD_INTEGER, TD_REAL_RANGE } td_kind;

/* categorical and ordered: a choice is an index 0..n-1 into value[] (label[] for people; may be NULL).
 * integer: lo..hi; real: [lo, hi], log: searched on a log scale. parent >= 0: active only while the
 * parent (an earlier decision) is active and bit `index of its choice` of `when` is set. */
typedef struct {
    const char *name;
    td_kind kind;
    int n, parent;
    uint64_t when;
    const double *value;
    const char *const *label;
    double lo, hi;
    bool log;
} td_decision;

typedef struct {
    int n;
    double *v; /* index, integer or real per decision; NAN: inactive */
} td_choices;

/* What a choice vector stands for. Owned by the caller; free with td_design_free. Either side may be
 * absent (net NULL, has_hw false). */
typedef struct {
    td_net *net;
    td_hw hw;
    td_node *hw_node; /* the accelerator as its template's YAML (for export); lives in the arena */
    bool has_hw;
    uint64_t net_hash, hw_hash;
} td_design;
void td_design_free(td_design *d);

typedef struct td_space {
    const char *name;
    const td_decision *d;
    int n;
    const void *self;
    /* TD_E_INFEASIBLE: a physical rule is broken, with its reason; d->net is still built where it
     * can be. Memory that outlives the call comes from the arena. */
    td_status (*build)(const void *self, const td_choices *c, td_arena *a, td_design *d, td_error *err);
} td_space;

/* Spaces live in the arena that they are made in.
 *
 * Network spaces, from a recipe's map (unknown keys are errors):
 *   space: ibn          inverted bottlenecks: per stage depth and width, per block kernel, expansion
 *   space: fixed        net: NAME or FILE
 * Accelerator spaces:
 *   space: micro | edge | FILE   a template with a `space:` map of parameter lists
 *   space: fixed        hw: NAME or FILE                                                            */
td_status td_space_net_from_node(const td_node *n, td_arena *a, td_space **out, td_error *err);
td_status td_space_hw_from_node(const td_node *n, td_arena *a, td_space **out, td_error *err);
/* Shipped spaces by name, for `tandem space` and tests. */
typedef struct {
    const char *name, *about;
    bool network;
} td_space_entry;
const td_space_entry *td_space_list(int *n);
td_status td_space_by_name(const char *name, td_arena *a, td_space **out, td_error *err);
/* All decisions of a, then those of b; the design has both sides. */
td_status td_space_product(const td_space *a, const td_space *b, td_arena *arena, td_space **out,
                           td_error *err);

/* Sets inactive decisions to NAN and checks the ranges of the others (TD_E_INPUT). */
td_status td_space_canonical(const td_space *s, td_choices *c, td_error *err);
bool td_space_active(const td_space *s, const td_choices *c, int i);
/* Uniform over the choices of each active decision, in canonical form. */
void td_space_sample(const td_space *s, td_rng *r, td_choices *c);
/* Redraws one active decision to another value (all values equally likely), canonical again: newly
 * active decisions are sampled. */
void td_space_mutate(const td_space *s, td_rng *r, td_choices *c);
/* Per decision from a or b, canonical again. */
void td_space_cross(const td_space *s, td_rng *r, const td_choices *a, const td_choices *b, td_choices *c);
uint64_t td_choices_hash(const td_choices *c);
/* Number of distinct canonical vectors as decimal text (exact, big); "inf" with real decisions. */
td_status td_space_size(const td_space *s, td_text *out, td_error *err);
/* {"decision": label or value, ...}, inactive ones left out; and back. */
td_node *td_choices_to_node(const td_space *s, const td_choices *c, td_arena *a);
td_status td_choices_from_node(const td_space *s, const td_node *n, td_choices *c, td_error *err);
uint64_t td_space_hash(const td_space *s); /* names, kinds, values of all decisions */

#ifdef __cplusplus
}
#endif
#endif
