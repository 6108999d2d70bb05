/* eval_plot.h - the drawings of `tandem eval --plot`. */
#ifndef TANDEM_CLI_EVAL_PLOT_H
#define TANDEM_CLI_EVAL_PLOT_H

#include "tandem/map.h"

/* What the time or the energy of an interval are made of; the parts of a row add up to it. */
enum { EVAL_MAX_PARTS = TD_MAX_LEVELS + 4 };
typedef struct {
    const char *part[EVAL_MAX_PARTS];
    int n_parts, n;
    double *v; /* n rows of n_parts */
} eval_parts;
/* Time, s: MACs at their peak; MACs that are not all in use; waits for a level's ports on chip; the
 * vector unit; waits for DRAM. Energy, J: MACs, each level, clock tree, vector unit and loading of
 * weights (with their traffic), leakage. Memory from the arena; false: it is out. */
bool eval_time_parts(const td_hw *hw, const td_schedule *s, td_arena *a, eval_parts *out);
bool eval_energy_parts(const td_hw *hw, const td_schedule *s, td_arena *a, eval_parts *out);

/* Makes the folder if it is not there and writes roofline, latency and energy into it, each as SVG
 * and PNG, and the parts of the latter two as CSV. TD_E_IO. */
td_status eval_plot(const td_net *net, const td_hw *hw, const td_schedule *s, const char *folder,
                    td_arena *a, td_error *err);

#endif
