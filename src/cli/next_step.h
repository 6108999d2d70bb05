/* next_step.h - what one step of one parameter of the accelerator would change, for `tandem eval`.
 */
#ifndef TANDEM_CLI_NEXT_STEP_H
#define TANDEM_CLI_NEXT_STEP_H

#include "cli.h"
#include "tandem/map.h"

/* Another accelerator, in the words of --set. Figures are those of `tandem eval` with these values;
 * NAN: the file does not say. */
typedef struct {
    const char *what, *unit;
    double from, to;
    cli_set set;
    const char *reason; /* why it cannot be built, or cannot run the network; NULL: it runs */
    const char *rule;   /* of the template, the first that is broken; NULL: none */
    bool energy_known;  /* of a general description: what it costs in energy is in the file */
    double latency_s, energy_j, area_mm2;
    int rank; /* among the steps that are of use, 1 for the best; 0: of none */
} next_step;

typedef struct {
    next_step *step; /* those that run first, from the largest gain on */
    int n;
    bool template;
    bool gains;                           /* the first one does, of the objective */
    double latency_s, energy_j, area_mm2; /* now */
    td_map_objective objective;
} next_steps;

/* Steps of the accelerator hw_name with `set` in place, which is hw; s: the schedule of net on it.
 * Each step is built anew, with its areas and energies, and scheduled anew, on all cores. Memory
 * from the arena. */
td_status next_steps_find(const td_net *net, const char *hw_name, const cli_set *set,
                          const td_hw *hw, const td_schedule_options *o, const td_schedule *s,
                          td_arena *a, next_steps *out, td_error *err);

void next_steps_table(const next_steps *x, td_text *out);
td_node *next_steps_node(const next_steps *x, td_arena *a);

#endif
