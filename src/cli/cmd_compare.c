/* tandem compare - the same search by several strategies: runs, tables, plots. */
#include "cli.h"

#include <stdio.h>

#include "cli_option.h"
#include "cli_progress.h"
#include "tandem/report.h"
#include "tandem/study.h"

typedef struct {
    const char *recipe, *out;
    td_compare_spec spec;
    cli_set set;
    int threads;
    bool dry_run, quiet;
    cli_format format;
} options;

enum {
    OPT_STRATEGIES = 1000,
    OPT_SCOPES,
    OPT_TARGETS,
    OPT_BUDGETS,
    OPT_QUALITIES,
    OPT_AGAINST,
    OPT_OPTIMUM,
    OPT_SEEDS,
    OPT_SET,
    OPT_THREADS,
    OPT_DRY_RUN
};

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case 'o': o->out = arg; return 0;
    case 'q': o->quiet = true; return 0;
    case OPT_STRATEGIES: o->spec.strategies = arg; return 0;
    case OPT_SCOPES: o->spec.scopes = arg; return 0;
    case OPT_TARGETS: o->spec.targets = arg; return 0;
    case OPT_BUDGETS: o->spec.budgets = arg; return 0;
    case OPT_QUALITIES: o->spec.qualities = arg; return 0;
    case OPT_AGAINST: o->spec.against = arg; return 0;
    case OPT_OPTIMUM:
        o->spec.optimum = cli_option_real(state, "optimum", arg, 0, 1);
        if (!(o->spec.optimum > 0))
            argp_error(state, "--optimum: expected a number above 0, found \"%s\"", arg);
        return 0;
    case OPT_SET:
        if (!cli_set_add(&o->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case OPT_SEEDS: o->spec.seeds = (int)cli_option_int(state, "seeds", arg, 1, 10000); return 0;
    case OPT_THREADS: o->threads = (int)cli_option_int(state, "threads", arg, 1, 1024); return 0;
    case OPT_DRY_RUN: o->dry_run = true; return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->recipe != NULL) argp_error(state, "one RECIPE at a time");
        o->recipe = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->recipe == NULL) argp_error(state, "expected a RECIPE (a file, or a shipped name)");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The job and its results folders have one `self`: the bar. */
static td_status write_run(void *self, const td_recipe *r, const td_run_summary *s, const char *out,
                           td_error *err) {
    (void)self;
    return td_report_write(r, s, out, err);
}

/* What is going to be run. */
static void describe(const td_comparison *c, td_text *t) {
    td_text_addf(t, "%s: %d %s x %d %s", c->name, c->nmethod,
                 c->nmethod == 1 ? "method" : "methods", c->nseed,
                 c->nseed == 1 ? "seed" : "seeds");
    if (c->ntarget > 1) td_text_addf(t, " x %d sets of targets", c->ntarget);
    long long trials = (long long)c->budget[c->nbudget - 1];
    td_text_addf(t, ": %d runs of %lld trials", c->nrun, trials);
    if (c->trained != INT64_MAX)
        td_text_addf(t, " and at most %lld trained networks", (long long)c->trained);
    td_text_add(t, "\nmethods:");
    for (int m = 0; m < c->nmethod; m++)
        td_text_addf(t, "%s %s%s", m > 0 ? "," : "", c->method[m].label,
                     m == c->against && c->nmethod > 1 ? " (reference)" : "");
    for (int i = 0; i < c->ntarget; i++)
        if (c->target[i].label[0] != '\0')
            td_text_addf(t, "%s%s", i > 0 ? "; " : "\ntargets: ", c->target[i].label);
    td_text_add(t, "\n");
}

static td_status print_results(const td_comparison *c, const options *o, const char *out,
                               td_text *text, td_error *err) {
    if (o->format == CLI_CSV) {
        td_report_comparison_runs(c, text);
        return TD_OK;
    }
    if (o->format == CLI_TABLE) {
        td_status s = td_report_comparison(c, text, err);
        td_text_addf(text, "\nfigures and plots in %s\n", out);
        return s;
    }
    td_arena *a = td_arena_create();
    td_node *root = NULL;
    td_status s = a != NULL ? td_report_comparison_node(c, a, &root, err)
                            : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) td_node_to_json(root, 2, text);
    td_text_add(text, "\n");
    td_arena_destroy(a);
    return s;
}

static td_status load_recipe(const char *path, const cli_set *set, td_recipe **r, td_error *err) {
    td_override o[CLI_MOST_SET];
    for (int i = 0; i < set->n; i++) o[i] = (td_override){NULL, set->value[i], "--set"};
    return td_recipe_load_with(path, o, set->n, r, err);
}

int cmd_compare(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"strategies", OPT_STRATEGIES, "LIST", 0,
         "NAME or NAME:KEY=VALUE:..., with commas between (default: compare_strategies of the "
         "recipe, or random and its own strategy)",
         0},
        {"scopes", OPT_SCOPES, "LIST", 0,
         "what is searched: joint, network, accelerator, solve, phase-network, ... (default: the "
         "one that the recipe names, else joint)",
         0},
        {"set", OPT_SET, "KEY=VALUE", 0, CLI_SET_HELP, 0},
        {"seeds", OPT_SEEDS, "N", 0, "runs per strategy, from the recipe's seed on (default 10)",
         0},
        {"targets", OPT_TARGETS, "FILE|LIST", 0,
         "sets of targets in place of the recipe's: latency_us=10,area_mm2=1;latency_us=20", 0},
        {"budgets", OPT_BUDGETS, "LIST", 0,
         "trials at which qualities are told; the largest is run (default: the recipe's). Scopes "
         "of several phases are told at the largest only",
         0},
        {"qualities", OPT_QUALITIES, "LIST", 0,
         "accuracies (0.9,0.92) whose first trial is told (default: the reference's median)", 0},
        {"against", OPT_AGAINST, "METHOD", 0, "the method of reference (default: the first)", 0},
        {"optimum", OPT_OPTIMUM, "ACCURACY", 0,
         "the best there is, where it is known: curves show the regret", 0},
        {"out", 'o', "DIR", 0, "folder (default results/NAME-compare); goes on with what is there",
         0},
        {"threads", OPT_THREADS, "N", 0, "runs at a time (default: one per core)", 0},
        {"dry-run", OPT_DRY_RUN, 0, 0, "check all, say what would run and about how long", 0},
        {"format", 'f', "FORMAT", 0, "table (default), json, or csv: one row per run and budget",
         0},
        {"quiet", 'q', 0, 0, "no progress", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "RECIPE",
        "Runs the search of a recipe with several strategies and seeds at equal budgets, without "
        "final trainings, and compares what they find: medians with intervals, rank-sum tests, "
        "effect sizes, plots. Ctrl-C stops after the running trials, a second one at once; the "
        "same command goes on where it stopped.\v"
        "Examples:\n"
        "  tandem compare quickstart --strategies random,evolution --seeds 10 --dry-run\n"
        "  tandem compare my.yaml --strategies \"random,evolution:solve=0,evolution:solve=32\"\n"
        "  tandem compare my.yaml --seeds 20 --budgets 500,2000 \\\n"
        "    --targets \"latency_us=100,area_mm2=2;latency_us=200,area_mm2=2\"",
        0,
        0,
        0};
    options o = {.format = CLI_TABLE, .spec = {.seeds = 10}};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    o.spec.set = o.set.value;
    o.spec.n_set = o.set.n;

    td_error err = {0};
    td_comparison *c = NULL;
    td_recipe *r = NULL;
    td_text text = {0};
    const char *path = NULL, *out = o.out;
    int code = 0;
    td_arena *a = td_arena_create();
    td_status s = a != NULL ? cli_recipe_path(o.recipe, a, &path, &err)
                            : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK && out == NULL) {
        s = load_recipe(path, &o.set, &r, &err);
        if (s == TD_OK) out = td_arena_printf(a, "results/%s-compare", td_recipe_name(r));
        td_recipe_destroy(r);
    }
    if (s == TD_OK) s = td_compare_plan(path, &o.spec, out, &c, &err);
    if (s != TD_OK) goto end;
    describe(c, &text);
    if (o.dry_run) {
        s = td_compare_recipe(c, &r, &err);
        if (s == TD_OK) {
            td_work work = td_compare_work(c, r, o.threads);
            s = cli_add_estimate(r, &work, &text, &err);
        }
        td_recipe_destroy(r);
        code = cli_print(&text); /* what would run, even if it could not */
        goto end;
    }
    if (!o.quiet && text.data != NULL) fputs(text.data, stderr);
    td_text_free(&text);
    cli_stop_on_signals();
    cli_bar b = cli_bar_begin();
    const td_compare_options run = {.threads = o.threads,
                                    .progress = o.quiet ? NULL : cli_bar_show,
                                    .cancelled = cli_stop_asked,
                                    .finished = write_run,
                                    .self = &b,
                                    .log = &cli_warnings};
    s = td_compare_search(c, &run, &err);
    cli_bar_end(&b);
    if (s == TD_E_INTERRUPTED) {
        fprintf(stderr,
                "tandem: interrupted; finished trials are in %s; the same command goes on\n", out);
        code = td_status_exit_code(s);
        s = TD_OK;
        goto end;
    }
    if (s == TD_OK) s = td_report_comparison_write(c, out, &err);
    if (s == TD_OK) s = print_results(c, &o, out, &text, &err);
    if (s == TD_OK) code = cli_print(&text);
end:
    if (s != TD_OK) code = cli_fail(&err);
    td_text_free(&text);
    td_comparison_destroy(c);
    td_arena_destroy(a);
    return code;
}
