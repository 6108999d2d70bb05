/* cli_cost.h - what commands about mappings share. */
#ifndef TANDEM_CLI_COST_H
#define TANDEM_CLI_COST_H

#include "tandem/cost.h"

const char *cli_counting_name(td_counting c); /* "exact", "timeloop" */
bool cli_counting_parse(const char *s, td_counting *out);

#endif
