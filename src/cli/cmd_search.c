/* tandem search - runs a recipe: progress on stderr, the result table on stdout, the results
 * folder. */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tandem/report.h"
#include "tandem/study.h"

typedef struct {
    const char *recipe, *out;
    int threads;
    int64_t trials;
    bool dry_run, quiet;
    cli_format format;
    cli_set set;
} options;

enum { OPT_DRY_RUN = 1000, OPT_THREADS, OPT_TRIALS, OPT_SET };

static int64_t number_arg(struct argp_state *state, const char *name, const char *arg, int64_t hi) {
    char *end;
    errno = 0;
    long long v = strtoll(arg, &end, 10);
    if (*arg == '\0' || *end != '\0' || errno != 0 || v < 1 || v > hi)
        argp_error(state, "--%s: expected an integer from 1 to %lld, found \"%s\"", name,
                   (long long)hi, arg);
    return v;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case 'o': o->out = arg; return 0;
    case 'q': o->quiet = true; return 0;
    case OPT_DRY_RUN: o->dry_run = true; return 0;
    case OPT_THREADS: o->threads = (int)number_arg(state, "threads", arg, 1024); return 0;
    case OPT_TRIALS: o->trials = number_arg(state, "trials", arg, 10000000); return 0;
    case OPT_SET:
        if (!cli_set_add(&o->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format) || o->format == CLI_CSV)
            argp_error(state, "--format: expected table or json, found \"%s\"", arg);
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

/* The first signal asks for a drain, the second ends the program: what is finished is in the store.
 */
static volatile sig_atomic_t stop_asked;

static void on_signal(int sig) {
    static const char text[] =
        "\ntandem: stopping when the running trials are finished (again: at once)\n";
    (void)sig;
    if (stop_asked) _exit(td_status_exit_code(TD_E_INTERRUPTED));
    stop_asked = 1;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) return; /* nobody there to tell */
}

static bool cancelled(void *self) {
    (void)self;
    return stop_asked != 0;
}

static void write_log(void *self, int level, const char *message) {
    (void)self;
    if (level <= 1) fprintf(stderr, "tandem: warning: %s\n", message);
}

typedef struct {
    bool terminal, shown;
    double last;
    char phase[80];
    int64_t first; /* trials done at the first call: stored ones say nothing about the speed */
    double first_share;
} bar;

/* Share of the work that is done: a search ends by one budget or the other. */
static double share_of(const td_progress *p) {
    double trials = p->total > 0 ? (double)p->done / (double)p->total : 0;
    bool counted = p->max_trained > 0 && p->max_trained < INT64_MAX;
    return fmax(trials, counted ? (double)p->trained / (double)p->max_trained : 0);
}

/* "  12.3 trials/min  4 m left". */
static void add_speed(td_text *t, const bar *b, const td_progress *p) {
    int64_t n = p->done - b->first;
    double share = share_of(p);
    if (n < 2 || p->elapsed_s < 1) return;
    if (strcmp(p->phase, "search") == 0)
        td_text_addf(t, "  %.3g trials/min", 60 * (double)n / p->elapsed_s);
    if (share < 1 && share > b->first_share) {
        double left = p->elapsed_s * (1 - share) / (share - b->first_share);
        bool minutes = left >= 90;
        td_text_addf(t, "  %.0f %s left", ceil(minutes ? left / 60 : left), minutes ? "m" : "s");
    }
}

static void add_state(td_text *t, const bar *b, const td_progress *p) {
    td_text_addf(t, "%-12s %lld/%lld", p->row, (long long)p->done, (long long)p->total);
    if (b->terminal) {
        char cells[21] = "....................";
        for (int i = 0; i < 20 && i < (int)(20 * share_of(p)); i++) cells[i] = '#';
        td_text_addf(t, " %s", cells);
    }
    if (strcmp(p->phase, "search") != 0) td_text_addf(t, " %s", p->phase);
    if (p->max_trained > 0) td_text_addf(t, "  %lld", (long long)p->trained);
    if (p->max_trained > 0 && p->max_trained < INT64_MAX)
        td_text_addf(t, "/%lld", (long long)p->max_trained);
    if (p->max_trained > 0) td_text_add(t, " trained");
    add_speed(t, b, p);
    if (p->has_best) {
        td_text_add(t, "  best");
        if (isfinite(p->best_accuracy)) td_text_addf(t, " %.2f %% val", 100 * p->best_accuracy);
        td_text_addf(t, " %.1f us %.2f uJ", p->best_metric[TD_METRIC_LATENCY] * 1e6,
                     p->best_metric[TD_METRIC_ENERGY] * 1e6);
        if (isfinite(p->best_metric[TD_METRIC_AREA]))
            td_text_addf(t, " %.2f mm2", p->best_metric[TD_METRIC_AREA]);
    }
    static const struct {
        td_result result;
        const char *one, *many;
    } other[] = {{TD_RESULT_MISSES, "misses targets", "miss targets"},
                 {TD_RESULT_UNBUILT, "cannot be built", "cannot be built"},
                 {TD_RESULT_PRUNED, "costs only", "costs only"},
                 {TD_RESULT_DIVERGES, "without accuracy", "without accuracy"}};
    const char *before = "  (";
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        long long n = p->count[other[i].result];
        if (n > 0) td_text_addf(t, "%s%lld %s", before, n, n == 1 ? other[i].one : other[i].many);
        if (n > 0) before = ", ";
    }
    if (before[0] == ',') td_text_add(t, ")");
}

/* Columns of the terminal: a line that wraps could not be replaced by the next. */
static int columns(void) {
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col - 1 : 79;
}

/* One line in place on a terminal; elsewhere (a log) one line in half a minute, and at the end of
 * each phase. */
static void show_progress(void *self, const td_progress *p) {
    bar *b = self;
    char phase[80];
    snprintf(phase, sizeof phase, "%s %s", p->row, p->phase);
    bool changed = strcmp(phase, b->phase) != 0, last = share_of(p) >= 1;
    double now = td_time_mono_s();
    if (changed) {
        if (b->terminal && b->shown) fputc('\n', stderr);
        snprintf(b->phase, sizeof b->phase, "%s", phase);
        b->shown = false;
        b->first = p->done;
        b->first_share = share_of(p);
        b->last = b->terminal ? 0 : now;
    }
    if (!last && now - b->last < (b->terminal ? 0.1 : 30)) return;
    b->last = now;
    b->shown = true;
    td_text t = {0};
    add_state(&t, b, p);
    const char *line = t.data != NULL ? t.data : "";
    if (b->terminal)
        fprintf(stderr, "\r\033[K%.*s", columns(), line);
    else
        fprintf(stderr, "%s  %.0f s\n", line, p->elapsed_s);
    fflush(stderr);
    td_text_free(&t);
}

/* A name alone may be a mistyped shipped recipe; a path is a file that is not there. */
static td_status fail_recipe(const char *name, td_arena *a, td_error *err) {
    enum { MOST = 64 };
    const char *known[MOST], *base = strncmp(name, "recipes/", 8) == 0 ? name + 8 : name;
    if (strchr(base, '/') != NULL) return td_fail(err, TD_E_NOT_FOUND, "%s: no such file", name);
    int n = td_data_names(a, "recipes", known, MOST);
    return cli_unknown(err, TD_E_NOT_FOUND, "file or shipped recipe", name, known, n);
}

static td_status load_recipe(const options *o, td_arena *a, td_recipe **r, td_error *err) {
    const char *path = cli_recipe_find(o->recipe, a);
    return path != NULL ? td_recipe_load_with(path, o->set.value, o->set.n, r, err)
                        : fail_recipe(o->recipe, a, err);
}

int cmd_search(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"out", 'o', "DIR", 0, "results folder (default results/NAME); resumes what is there", 0},
        {"threads", OPT_THREADS, "N", 0, "candidates at a time (default: one per core)", 0},
        {"trials", OPT_TRIALS, "N", 0, "trials per row in place of the recipe's", 0},
        {"set", OPT_SET, "KEY=VALUE", 0, CLI_SET_HELP, 0},
        {"dry-run", OPT_DRY_RUN, 0, 0, "check the recipe and say what it would do", 0},
        {"format", 'f', "FORMAT", 0, "table (default) or json", 0},
        {"quiet", 'q', 0, 0, "no progress", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "RECIPE",
        "Searches networks and accelerators together, as the recipe says, trains the best and "
        "writes the results folder. Ctrl-C stops after the running trials, a second one at once; "
        "the same command goes on where it stopped.\v"
        "Examples:\n"
        "  tandem search recipes/quickstart.yaml --out results/quickstart\n"
        "  tandem search my.yaml --dry-run\n"
        "  tandem search my.yaml --set seed=2 --set objective.targets.latency_us=50 --out seed-2",
        0,
        0,
        0};
    options o = {.format = CLI_TABLE};
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_error err = {0};
    td_recipe *r = NULL;
    td_run_summary sum = {0};
    td_text text = {0};
    int code = 0;
    td_arena *a = td_arena_create();
    if (a == NULL) {
        td_fail(&err, TD_E_MEMORY, "out of memory");
        return cli_fail(&err);
    }
    td_status s = load_recipe(&o, a, &r, &err);
    if (s == TD_OK) s = td_recipe_describe(r, &text, &err);
    if (s != TD_OK) goto end;
    if (o.dry_run) {
        code = cli_print(&text);
        goto end;
    }
    if (!o.quiet && text.data != NULL) fputs(text.data, stderr);

    struct sigaction act = {.sa_handler = on_signal};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    bar b = {.terminal = isatty(STDERR_FILENO) != 0};
    const td_log log = {.write = write_log};
    td_run_options run = {
        .out = o.out != NULL ? o.out : td_arena_printf(a, "results/%s", td_recipe_name(r)),
        .threads = o.threads,
        .max_trials = o.trials,
        .progress = o.quiet ? NULL : show_progress,
        .cancelled = cancelled,
        .self = &b,
        .log = &log};
    s = td_recipe_run(r, &run, &sum, &err);
    if (b.terminal && b.shown) fputc('\n', stderr);
    if (s == TD_E_INTERRUPTED) {
        fprintf(stderr,
                "tandem: interrupted; finished trials are in %s; the same command goes on\n",
                run.out);
        code = td_status_exit_code(s);
        s = TD_OK;
        goto end;
    }
    if (s == TD_OK) s = td_report_write(r, &sum, run.out, &err);
    if (s != TD_OK) goto end;
    td_text_free(&text);
    if (o.format == CLI_JSON) {
        td_node_to_json(td_report_summary_node(r, &sum, a), 2, &text);
        td_text_add(&text, "\n");
    } else {
        td_report_summary(r, &sum, &text);
        td_text_addf(&text, "\nresults in %s", run.out);
        if (sum.best >= 0) td_text_addf(&text, "   (tandem eval %s/best)", run.out);
        td_text_add(&text, "\n");
    }
    code = cli_print(&text);
    /* A hand-made row that misses the targets is a finding; a search that does is a failure. */
    if (code == 0 && (sum.best < 0 || !sum.row[sum.best].meets)) {
        td_fail(&err, TD_E_INFEASIBLE, "no design met the targets; the nearest ones are in %s",
                run.out);
        code = cli_fail(&err);
    }
end:
    if (s != TD_OK) code = cli_fail(&err);
    td_text_free(&text);
    td_run_summary_free(&sum);
    td_recipe_destroy(r);
    td_arena_destroy(a);
    return code;
}
