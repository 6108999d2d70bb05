/* tandem worker - joins the search of a results folder, for as long as it lasts. */
#include "cli.h"

#include <stdio.h>

#include "cli_option.h"
#include "cli_progress.h"
#include "study_problem.h"
#include "tandem/study.h"

typedef struct {
    const char *folder;
    int threads;
    int64_t parent;
    bool quiet;
} options;

enum { OPT_THREADS = 1000, OPT_PARENT };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case 'q': o->quiet = true; return 0;
    case OPT_THREADS: o->threads = (int)cli_option_int(state, "threads", arg, 1, 1024); return 0;
    case OPT_PARENT: o->parent = cli_option_int(state, "parent", arg, 1, INT32_MAX); return 0;
    case ARGP_KEY_ARG:
        if (o->folder != NULL) argp_error(state, "one DIR at a time");
        o->folder = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->folder == NULL) argp_error(state, "expected a results folder");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void tell_interrupted(const options *o, td_arena *a) {
    const char *stop = td_arena_printf(a, "%s/stop", o->folder);
    if (stop != NULL && td_file_exists(stop))
        fprintf(stderr, "tandem: %s is there: no worker runs until `tandem study resume %s`\n",
                stop, o->folder);
    else
        fprintf(stderr, "tandem: interrupted; the search goes on without this worker\n");
}

int cmd_worker(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"threads", OPT_THREADS, "N", 0, "candidates at a time (default: one per core)", 0},
        {"quiet", 'q', 0, 0, "no progress", 0},
        {"parent", OPT_PARENT, "PID", OPTION_HIDDEN, "stop when that process ends", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "DIR",
        "Joins the search of a results folder as one more worker, whether `tandem search` runs "
        "there or not, and ends when the searches of all rows are over; the final trainings and "
        "the results are left to `tandem search` or `tandem study resume`. Workers may be started, "
        "stopped and killed at any time: the trials stay the same. Ctrl-C stops after the running "
        "trials, a second one at once. All processes have to be on one machine.\v"
        "Examples:\n"
        "  tandem worker results/quickstart --threads 2\n"
        "  touch results/quickstart/stop     # all workers of the folder stop",
        0,
        0,
        0};
    options o = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_error err = {0};
    td_recipe *r = NULL;
    td_blackbox *b = NULL;
    bool asked;
    td_arena *a = td_arena_create();
    td_status s = a == NULL ? td_fail(&err, TD_E_MEMORY, "out of memory")
                  : cli_problem_folder(o.folder, &asked)
                      ? td_blackbox_stored(o.folder, NULL, 0, &b, &err)
                      : td_recipe_stored(o.folder, NULL, 0, &r, &err);
    int code = 0;
    if (s == TD_OK) {
        cli_stop_on_signals();
        if (o.parent > 0) cli_stop_with_parent((long)o.parent);
        cli_bar bar = cli_bar_begin();
        const td_run_options run = {.out = o.folder,
                                    .threads = o.threads,
                                    .progress = o.quiet ? NULL : cli_bar_show,
                                    .cancelled = cli_stop_asked,
                                    .abandoned = cli_abandon_asked,
                                    .self = &bar,
                                    .log = &cli_warnings};
        s = b != NULL ? td_blackbox_join(b, &run, &err) : td_recipe_join(r, &run, &err);
        cli_bar_end(&bar);
    }
    if (s == TD_OK && o.parent == 0 && !o.quiet)
        fprintf(stderr,
                "tandem: the searches of all rows are over; results are written by the search that "
                "runs there, or else by `tandem study resume %s`\n",
                o.folder);
    if (s == TD_E_INTERRUPTED && o.parent == 0) tell_interrupted(&o, a);
    if (s == TD_E_INTERRUPTED)
        code = td_status_exit_code(s);
    else if (s != TD_OK)
        code = cli_fail(&err);
    td_blackbox_destroy(b);
    td_recipe_destroy(r);
    td_arena_destroy(a);
    return code;
}
