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
    td_space *net, *hw;             /* the two sides of the search */
    td_space *fixed_net, *fixed_hw; /* compare: hand-made network, baseline; else NULL */
    const td_node *accuracy;        /* proxy */
    const td_node *final;           /* may be NULL: then nothing is trained fully */
    int64_t candidates;             /* designs of a row that are trained fully */
    td_objective objective;
    td_schedule_options schedule;
    const td_strategy *strategy;
    const td_params *params;
    int64_t lag, trials, trained;
    double hours;           /* of active time per row; 0: no limit */
    const td_node *enqueue; /* designs that a new study of the last row begins with; may be NULL */
};

/* td_recipe_load of a text; `name` stands in messages, and files are looked for beside it. */
td_status td__recipe_parse(const char *text, size_t size, const char *name, td_recipe **out,
                           td_error *err);

#endif
