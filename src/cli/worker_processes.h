/* worker_processes.h - the processes that `tandem search --workers N` starts beside itself: each
 * runs `tandem worker`. One set per program. */
#ifndef TANDEM_WORKER_PROCESSES_H
#define TANDEM_WORKER_PROCESSES_H

#include <stdbool.h>

enum { CLI_MOST_WORKERS = 256 };

/* Starts n of them. One that cannot be started, or that dies later, is told on stderr; the search
 * goes on without it. */
void cli_workers_start(const char *folder, int n, int threads);
/* Waits until they have ended; `drain`: asks them to. None were started: returns at once. */
void cli_workers_wait(bool drain);
/* Passes a signal on. For signal handlers. */
void cli_workers_signal(int sig);

#endif
