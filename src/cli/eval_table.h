/* eval_table.h - a schedule layer by layer, as a table for a person and as CSV, for `tandem eval`.
 */
#ifndef TANDEM_CLI_EVAL_TABLE_H
#define TANDEM_CLI_EVAL_TABLE_H

#include "tandem/map.h"

void eval_table(const td_net *net, const td_hw *hw, const td_schedule *s, td_text *out);
void eval_csv(const td_net *net, const td_schedule *s, td_text *out);

#endif
