/* study_problem.h - the trials of a problem (tandem optimize, tandem ask) on the command line. */
#ifndef TANDEM_STUDY_PROBLEM_H
#define TANDEM_STUDY_PROBLEM_H

#include "cli.h"
#include "tandem/study.h"

/* show, export, best and pareto of `tandem study`, for a study of td_store_problem. limit 0: none.
 */
td_status cli_problem_show(td_store *store, const char *study, const td_goals *g, const char *verb,
                           cli_format format, int limit, td_text *out, td_error *err);
/* Is a results folder (or study.db) one of a problem? What cannot be read is not; whoever reads it
 * next tells. *asked: by another program. */
bool cli_problem_folder(const char *where, bool *asked);

/* A search: progress, results folder, the best on stdout; returns the exit code. threads 0: as many
 * programs as the problem says. */
typedef struct {
    const char *out;
    int threads;
    bool quiet;
    cli_format format;
} cli_problem;
int cli_problem_run(const td_blackbox *b, const cli_problem *o);

#endif
