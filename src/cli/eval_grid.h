/* eval_grid.h - several networks on several accelerators, for `tandem eval`: what each pair costs,
 * what the accelerators cost for all networks together, which of them are within the limits, and
 * which is best. */
#ifndef TANDEM_CLI_EVAL_GRID_H
#define TANDEM_CLI_EVAL_GRID_H

#include "cli.h"
#include "cli_limit.h"
#include "eval_summary.h"

typedef struct {
    const char *name;
    td_net *net;
    double weight; /* as of td_workload: shares, or the largest is 1 */
} eval_model;

/* One network on one accelerator, or all of them together (no limits then). */
typedef struct {
    double metric[TD_NMETRIC]; /* NAN: not known */
    double utilization;
    eval_limit limit[EVAL_MAX_LIMITS];
    int n_limits;
    const char *reason; /* why it does not run; NULL: it does */
} eval_cell;

typedef struct {
    const char *name; /* as the command line has it */
    td_hw hw;
    const char *reason; /* why it cannot be built; NULL: it can */
    bool area_follows;  /* what is changed: of a template it does, elsewhere it is a number */
    eval_cell all;      /* for all networks; reason: why it is out of the choice */
    int rank;           /* 1: the best; 0: out */
    const char *beaten; /* by this one in latency, energy and area; NULL: on the front, or out */
} eval_machine;

typedef struct {
    eval_model *model;
    eval_machine *machine;
    eval_cell *cell; /* [machine * n_models + model] */
    int n_models, n_machines;
    td_combine combine;
    cli_limits limits;
    const td_schedule_options *schedule;
} eval_grid;

/* Builds the accelerators: each of hw[n] (a name with changes, as of cli_hw_split) with `set` in
 * it, as it is, and then with each of what_if[m] ("KEY=VALUE,..."). One that breaks a rule stays,
 * with the reason. TD_E_INPUT, TD_E_USAGE, TD_E_NOT_FOUND. */
td_status eval_grid_machines(eval_grid *g, const char *const *hw, int n, const cli_set *set,
                             const char *const *what_if, int m, td_arena *a, td_error *err);
/* Costs all pairs, on all cores; weights are scaled by the combination. Memory from the arena. */
td_status eval_grid_run(eval_grid *g, td_arena *a, td_error *err);

void eval_grid_table(const eval_grid *g, td_text *out);
void eval_grid_csv(const eval_grid *g, td_text *out);
td_node *eval_grid_node(const eval_grid *g, td_arena *a);

/* "Shared 79 %, compute 13 %": what limits at least 0.5 % of the time; at most `most` of them. */
void eval_limits_text(const eval_limit *limit, int n, int most, td_text *out);

/* One network on machine 0, which is the present, and on the others: how figures change. */
void eval_what_if_table(const eval_grid *g, td_text *out);
td_node *eval_what_if_node(const eval_grid *g, td_arena *a);

#endif
