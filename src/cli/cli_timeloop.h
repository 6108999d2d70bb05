/* cli_timeloop.h - Timeloop's files on the command line. */
#ifndef TANDEM_CLI_TIMELOOP_H
#define TANDEM_CLI_TIMELOOP_H

#include "tandem/cost.h"

enum { CLI_MOST_FILES = 16 };

/* Is the file YAML (.yaml, .yml) with sections of Timeloop's? False also if it cannot be read. */
bool cli_is_timeloop(const char *file);
/* All files are sections of one case, named after the first. */
td_status cli_load_timeloop(const char *const *files, int n, td_case *out, td_error *err);

#endif
