#include "search_run.h"

#include <stdio.h>

#include "cli_option.h"
#include "cli_progress.h"
#include "tandem/report.h"
#include "worker_processes.h"

enum { OPT_THREADS = 2000, OPT_WORKERS, OPT_TRIALS, OPT_HOURS };

static const struct argp_option search_options[] = {
    {"workers", OPT_WORKERS, "N", 0,
     "processes that search (default 1); more can join with `tandem worker`", 0},
    {"threads", OPT_THREADS, "N", 0,
     "candidates at a time of each process (default: one per core, shared by the workers)", 0},
    {"trials", OPT_TRIALS, "N", 0, "trials per row in place of the recipe's", 0},
    {"hours", OPT_HOURS, "X", 0, "active time per row in place of the recipe's", 0},
    {"format", 'f', "FORMAT", 0, "table (default) or json; of explore also csv", 0},
    {"quiet", 'q', 0, 0, "no progress", 0},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
    cli_search *o = state->input;
    switch (key) {
    case 'q': o->quiet = true; return 0;
    case OPT_THREADS: o->threads = (int)cli_option_int(state, "threads", arg, 1, 1024); return 0;
    case OPT_WORKERS:
        o->workers = (int)cli_option_int(state, "workers", arg, 1, CLI_MOST_WORKERS);
        return 0;
    case OPT_TRIALS: o->trials = cli_option_int(state, "trials", arg, 1, 10000000); return 0;
    case OPT_HOURS: o->hours = cli_option_real(state, "hours", arg, 1e-6, 1e6); return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format) || (o->format == CLI_CSV && !o->csv))
            argp_error(state, "--format: expected table%s json, found \"%s\"",
                       o->csv ? ", csv or" : " or", arg);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cli_search_argp = {search_options, parse, NULL, NULL, NULL, NULL, NULL};

int cli_search_overrides(const cli_search *o, td_arena *a, td_override out[CLI_SEARCH_OVERRIDES]) {
    int n = 0;
    if (o->trials > 0)
        out[n++] = (td_override){"budget.trials", td_arena_printf(a, "%lld", (long long)o->trials),
                                 "--trials"};
    if (o->hours > 0)
        out[n++] = (td_override){"budget.hours", td_arena_printf(a, "%.17g", o->hours), "--hours"};
    return n;
}

/* `self` of the run's options: the bar first, which is what cli_bar_show takes it for. */
typedef struct {
    cli_bar bar;
    const cli_search *o;
    int threads;
} run;

static void start_workers(void *self) {
    const run *r = self;
    cli_workers_start(r->o->out, r->o->workers - 1, r->threads);
}

static int print_results(const td_recipe *r, const td_run_summary *sum, const cli_search *o,
                         td_arena *a) {
    td_text text = {0};
    if (o->format == CLI_JSON) {
        td_node_to_json(td_report_summary_node(r, sum, a), 2, &text);
        td_text_add(&text, "\n");
    } else {
        td_report_summary(r, sum, &text);
        td_text_addf(&text, "\nresults in %s", o->out);
        const td_workload *w = sum->best >= 0 ? sum->row[sum->best].design.workload : NULL;
        if (sum->best >= 0)
            td_text_addf(&text, "   (tandem eval %s/best%s%s)", o->out,
                         w != NULL ? "/networks/" : "", w != NULL ? w->name[0] : "");
        td_text_add(&text, "\n");
    }
    int code = cli_print(&text);
    td_text_free(&text);
    return code;
}

td_status cli_search_go(const td_recipe *r, const cli_search *o, td_run_summary *sum,
                        td_error *err) {
    int share = td_cpu_count() / (o->workers > 1 ? o->workers : 1);
    run job = {.o = o, .threads = o->threads > 0 ? o->threads : share > 1 ? share : 1};
    cli_stop_on_signals();
    job.bar = cli_bar_begin();
    const td_run_options options = {.out = o->out,
                                    .threads = job.threads,
                                    .progress = o->quiet ? NULL : cli_bar_show,
                                    .cancelled = cli_stop_asked,
                                    .abandoned = cli_abandon_asked,
                                    .joinable = o->workers > 1 ? start_workers : NULL,
                                    .self = &job,
                                    .log = &cli_warnings};
    td_status s = td_recipe_run(r, &options, sum, err);
    cli_bar_end(&job.bar);
    if (s == TD_OK) s = td_report_write(r, sum, o->out, err);
    cli_workers_wait(s != TD_OK);
    if (s == TD_E_INTERRUPTED)
        td_fail(err, s, "interrupted; finished trials are in %s; the same command goes on", o->out);
    return s;
}

int cli_search_run(const td_recipe *r, const cli_search *o) {
    td_error err = {0};
    td_run_summary sum = {0};
    int code = 0;
    td_arena *a = td_arena_create();
    td_status s =
        a != NULL ? cli_search_go(r, o, &sum, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) {
        code = print_results(r, &sum, o, a);
        /* A hand-made row that misses the targets is a finding; a search that does is a failure. */
        if (code == 0 && (sum.best < 0 || !sum.row[sum.best].meets)) {
            td_fail(&err, TD_E_INFEASIBLE, "no design met the targets; the nearest ones are in %s",
                    o->out);
            code = cli_fail(&err);
        }
    } else {
        code = cli_fail(&err);
    }
    td_run_summary_free(&sum);
    td_arena_destroy(a);
    return code;
}
