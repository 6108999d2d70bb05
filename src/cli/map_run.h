/* map_run.h - maps the layers of a source, on several threads, in order. */
#ifndef TANDEM_CLI_MAP_RUN_H
#define TANDEM_CLI_MAP_RUN_H

#include "map_ask.h"

/* Prints answers on standard output (or into o->out) and faults on standard error, both in the
 * order of the source whatever the number of threads. Exit code of the first fault, or 0. */
int map_run(const map_source *s);

#endif
