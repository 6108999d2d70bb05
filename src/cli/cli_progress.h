/* cli_progress.h - what commands that run for long share: a line of progress, a drain by signals,
 * warnings. */
#ifndef TANDEM_CLI_PROGRESS_H
#define TANDEM_CLI_PROGRESS_H

#include "tandem/study.h"

/* The first SIGINT or SIGTERM asks for a drain, the second to break off what runs and give it back,
 * within two seconds; the third ends the program. What is finished is in the store. The two
 * questions are for `cancelled` and `abandoned` of options, with any self. */
void cli_stop_on_signals(void);
bool cli_stop_asked(void *self);
bool cli_abandon_asked(void *self);
/* After cli_stop_on_signals, for a process that belongs to another one: drains when that one ends,
 * leaves the terminal's Ctrl-C to it, and says nothing of it. */
void cli_stop_with_parent(long parent);

extern const td_log cli_warnings; /* on stderr */

typedef struct {
    bool terminal, shown;
    double last;
    char phase[80];
    int64_t first; /* trials done at the first call: stored ones say nothing about the speed */
    double first_share;
} cli_bar;
cli_bar cli_bar_begin(void);
/* For `progress` of options; self is the bar. One line in place on a terminal; elsewhere (a log)
 * one line in half a minute, and at the end of each phase. */
void cli_bar_show(void *self, const td_progress *p);
void cli_bar_end(const cli_bar *b); /* ends its line */

/* The line of --dry-run about time. That no design of a sample can be timed is told there and is no
 * fault; what a search would end with, such as data that are not there, is. */
td_status cli_add_estimate(const td_recipe *r, const td_work *w, td_text *out, td_error *err);

#endif
