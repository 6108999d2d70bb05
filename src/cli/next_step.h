/* next_step.h - what one step of one parameter of the accelerator would change, for `tandem eval`.
 */
#ifndef TANDEM_CLI_NEXT_STEP_H
#define TANDEM_CLI_NEXT_STEP_H

#include "tandem/map.h"

/* One line. hw_name: as td_hw_load took it to make hw; s: the schedule of net on hw. Each step is
 * an accelerator of its own, built with its areas and energies, and costs a schedule (on all
 * cores). A file with levels in full says nothing of the areas and energies of others: then only
 * latencies are told, of more I/O bandwidth and more memory. */
td_status next_step(const td_net *net, const char *hw_name, const td_hw *hw,
                    const td_schedule_options *o, const td_schedule *s, td_text *out,
                    td_error *err);

#endif
