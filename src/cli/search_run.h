/* search_run.h - a search from its recipe to its results folder: what `tandem search` and `tandem
 * study resume` share, options included. */
#ifndef TANDEM_SEARCH_RUN_H
#define TANDEM_SEARCH_RUN_H

#include <argp.h>

#include "cli.h"
#include "tandem/study.h"

typedef struct {
    const char *out; /* results folder */
    int threads;     /* of each process; 0: the cores, shared by the workers */
    int workers;     /* processes, this one included */
    int64_t trials;  /* 0: the recipe's */
    double hours;    /* 0: the recipe's */
    bool quiet, csv; /* csv: is a format, too */
    cli_format format;
} cli_search;

/* Their options, for `children` of a command's argp; child_inputs[0] is a cli_search. */
extern const struct argp cli_search_argp;

/* What they change in the recipe, so that the folder keeps it and a resume knows it: at most
 * CLI_SEARCH_OVERRIDES; returns how many. NULL texts: memory is out. */
enum { CLI_SEARCH_OVERRIDES = 2 };
int cli_search_overrides(const cli_search *o, td_arena *a, td_override out[CLI_SEARCH_OVERRIDES]);

/* Runs and writes the results folder. Free *sum in any case. TD_E_INTERRUPTED: with what to do. */
td_status cli_search_go(const td_recipe *r, const cli_search *o, td_run_summary *sum,
                        td_error *err);
/* Runs, prints the table of results on stdout, and returns the exit code. */
int cli_search_run(const td_recipe *r, const cli_search *o);

#endif
