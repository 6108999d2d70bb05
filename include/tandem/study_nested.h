/* tandem/study_nested.h - nested search: for each accelerator that an outer strategy asks for, the
 * best mapping of each layer by an inner one (Shi et al. 2020, arXiv 2010.02075). Part of study/,
 * as tandem/study.h is.
 */
#ifndef TANDEM_STUDY_NESTED_H
#define TANDEM_STUDY_NESTED_H

#include "tandem/map.h"
#include "tandem/search.h"
#include "tandem/space.h"
#include "tandem/study.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the inner search ------------------------------------------------------------------------ */

/* How the mapping of a layer is looked for. */
typedef struct {
    td_map_objective objective; /* what is minimised: latency, energy or edp */
    td_counting counting;
    const td_strategy *strategy; /* over td_space_mapping; NULL: the mapper */
    const td_params *params;
    bool plain;     /* its models see what the paper's see of a mapping (td_space_mapping_plain) */
    int64_t trials; /* of the strategy */
    int64_t draws;  /* random mappings none of which fits, until a layer is taken to have none */
    td_map_mode mode;
    uint64_t max_nodes; /* of the mapper; 0: the mode's own */
} td_mapping_search;
/* edp, exact counting, the mapper in mode exact; 250 trials and 1,000,000 draws of a strategy. */
void td_mapping_search_default(td_mapping_search *o);

/* After so many trials the best value was this. */
typedef struct {
    int64_t trials;
    double value;
} td_mapping_step;
/* value: pJ x cycles, pJ, or cycles. bound: proven by the mapper; NAN of a strategy. drawn: random
 * vectors in all (td_space_draw), those that do not fit included. */
typedef struct {
    td_problem problem; /* as mapped */
    td_mapping mapping;
    double value, bound, pj;
    int64_t cycles, trials, drawn;
    const td_mapping_step *step; /* rising by trials, falling by value; the arena's */
    int n_steps;
} td_mapping_found;

/* Looks for the best mapping of a layer. hw has passed td_hw_check. With a strategy it is a
 * function of the seed. TD_E_INFEASIBLE: there is none (the mapper), or none was drawn. */
td_status td_mapping_search_run(const td_problem *p, const td_hw *hw, const td_mapping_search *o,
                                uint64_t seed, td_arena *a, td_mapping_found *out, td_error *err);

/* ---- the second level in the store ----------------------------------------------------------- */

/* What the inner search of a trial came to for one layer: a row of its study's second level. */
typedef struct {
    int layer;        /* of the workload */
    bool found;       /* false: there is no mapping, for the reason `error` */
    double value;     /* of one run of the layer: pJ x cycles, pJ, or cycles */
    double bound, pj; /* bound NAN: none is known */
    int64_t cycles, trials, drawn;
    const char *mapping; /* {"problem": ..., "mapping": ...} of a neutral case, as JSON */
    const char *curve;   /* [[trials, value], ...], as JSON */
    const char *error;
} td_inner_row;
/* Those of a trial, in order of layer, up to the first that has no mapping; memory from the arena.
 * None in a store of an older version, or where nothing is nested. */
td_status td_store_inner(td_store *s, const char *study, int64_t trial, td_arena *a,
                         td_inner_row **out, int *n, td_error *err);

/* ---- layers of a nested problem ---------------------------------------------------------------
 */

typedef struct {
    const char *name;
    td_problem problem; /* with words as wide as 8-bit layers have them: td_hw_layer_bits */
    int64_t count;      /* equal layers of the workload */
} td_nested_layer;
/* Is this the file of a nested recipe? What cannot be read is not; whoever loads it tells. */
bool td_nested_file(const char *path);
/* NULL, n 0: the problem is not a nested one. */
const td_nested_layer *td_blackbox_layers(const td_blackbox *b, int *n);
/* The accelerator of a trial, with its description (may be NULL), from the arena. */
td_status td_blackbox_accelerator(const td_blackbox *b, const char *params, td_arena *a, td_hw *hw,
                                  td_node **description, td_error *err);

#ifdef __cplusplus
}
#endif
#endif
