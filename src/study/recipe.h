/* recipe.h - a checked recipe, for src/study. */
#ifndef TANDEM_RECIPE_H
#define TANDEM_RECIPE_H

#include "tandem/study.h"

/* Most trials of a budget: the loop keeps about 300 bytes of each in memory. */
enum { TD__MAX_TRIALS = 10000000 };

struct td_recipe {
    td_arena *arena;
    const td_node *doc;
    const char *name, *text;
    const char *path; /* of its file; as it was given if there is none */
    uint64_t hash, seed;
    td_space *net, *hw;                 /* the two sides of the search */
    td_space *fixed_net, *fixed_hw;     /* compare: hand-made network, baseline; else NULL */
    const td_scope *scope[TD_MAX_ROWS]; /* the rows */
    int n_scope;
    bool is_workload;        /* `network` is one: accelerators only, without accuracies */
    const td_node *accuracy; /* proxy; NULL of a workload */
    const td_node *final;    /* may be NULL: then nothing is trained fully */
    int64_t candidates;      /* designs of a row that are trained fully */
    td_objective objective;
    td_schedule_options schedule;
    const td_strategy *strategy;
    const td_params *params;
    const td_stopper *stopper; /* early_stopping; NULL: none */
    const td_params *stopper_params;
    const td_node *strategy_map;       /* as it stands in the recipe; may be NULL */
    const td_node *compare_strategies; /* a checked list; NULL: none is given */
    int64_t lag, trials, trained;
    double hours;           /* of active time per row; 0: no limit */
    const td_node *enqueue; /* designs that a new study of the last row begins with; may be NULL */
};

/* td_recipe_load of a text; `name` stands in messages, and files are looked for beside it. */
td_status td__recipe_parse(const char *text, size_t size, const char *name, td_recipe **out,
                           td_error *err);

/* The row that the recipe is about: joint, or else the last one. */
const td_scope *td__default_row(const td_recipe *r);
/* The same with keys overridden. */
td_status td__recipe_parse_with(const char *text, size_t size, const char *name,
                                const td_override *o, int n, td_recipe **out, td_error *err);

/* A map `network` of the kind workload. */
bool td__is_workload(const td_node *network);
/* The maps `compare` and `scope` (either may be NULL), once the spaces are read. */
td_status td__recipe_compare(td_recipe *r, const td_node *n, td_error *err);
td_status td__recipe_scopes(td_recipe *r, const td_node *n, td_error *err);
/* The key `early_stopping`, once `accuracy` is checked. */
td_status td__recipe_stopping(td_recipe *r, td_error *err);
/* A checked rule and its options out of a map {name: NAME, ...}; steps: of an evaluation, 0: not
 * known. */
td_status td__stopping_read(td_arena *a, const td_node *n, int64_t steps, const td_stopper **rule,
                            const td_params **params, td_error *err);
/* For people: "asha, after epochs 1 and 3 of 12". */
td_status td__recipe_stopping_describe(const td_recipe *r, td_text *out, td_error *err);
/* "NAME:KEY=VALUE:..." as the map of a strategy: {name: NAME, KEY: VALUE, ...}. */
td_status td__strategy_spec(td_arena *a, const char *text, td_node **map, td_error *err);

/* A name, which stands at a node, as that of the default results folder. */
td_status td__check_name(const td_node *at, const char *name, td_error *err);
/* The map of a key that has a name, NULL if there is none; `KEY: NAME` is {name: NAME}. */
td_status td__named_map(td_arena *a, const td_node *doc, const char *key, const td_node **map,
                        td_error *err);
/* "there is no WHAT "NAME", did you mean ...", at its node. */
td_status td__fail_name(const td_node *n, const char *what, const char *name,
                        const char *const *known, int count, td_error *err);
/* A strategy and its options, which are its map (may be NULL) without `name`: checked by a trial
 * run of init() for the space. */
td_status td__strategy_read(td_arena *a, const td_node *n, const td_space *space, uint64_t seed,
                            const td_strategy **strategy, const td_params **out, td_error *err);

/* One override of td_recipe_load_with in a document that was read. */
td_status td__recipe_override(td_arena *a, td_node *doc, const td_override *o, td_error *err);

/* Files that overrides name, in full: the changed recipe is read again from other folders (a
 * resume, workers). They are looked for as they stand, then beside the recipe. from: the file of
 * the nodes that are the recipe's own. */
td_status td__recipe_settle(td_arena *a, td_node *doc, const char *from, const char *recipe,
                            td_error *err);

/* The map `objective`, checked. */
td_status td__recipe_objective(const td_node *n, td_objective *o, td_error *err);

#endif
