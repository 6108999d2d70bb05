#include "cli_progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli_cell.h"
#include "worker_processes.h"

static volatile sig_atomic_t stop_asked; /* signals so far */
static bool silent;

static void end_now(int sig) {
    (void)sig;
    _exit(td_status_exit_code(TD_E_INTERRUPTED));
}

/* Worker processes drain and break off with this one. What cannot be broken off in two seconds (the
 * mapping of a network) is left to be taken back. */
static void on_signal(int sig) {
    static const char text[] =
        "\ntandem: stopping when the running trials are finished (again: at once)\n";
    (void)sig;
    stop_asked = stop_asked + 1;
    cli_workers_signal(SIGTERM);
    if (stop_asked > 2) end_now(0);
    if (stop_asked == 2) alarm(2);
    if (stop_asked > 1 || silent) return;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) return; /* nobody there to tell */
}

void cli_stop_on_signals(void) {
    struct sigaction act = {.sa_handler = on_signal}, end = {.sa_handler = end_now};
    sigemptyset(&act.sa_mask);
    sigemptyset(&end.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGALRM, &end, NULL);
}

void cli_stop_with_parent(long parent) {
    silent = true;
    signal(SIGINT, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if ((long)getppid() != parent) raise(SIGTERM); /* it ended before */
}

bool cli_stop_asked(void *self) {
    (void)self;
    return stop_asked != 0;
}

bool cli_abandon_asked(void *self) {
    (void)self;
    return stop_asked > 1;
}

static void write_log(void *self, int level, const char *message) {
    (void)self;
    if (level <= 1) fprintf(stderr, "tandem: warning: %s\n", message);
}

const td_log cli_warnings = {.write = write_log};

cli_bar cli_bar_begin(void) {
    return (cli_bar){.terminal = isatty(STDERR_FILENO) != 0};
}

void cli_bar_end(const cli_bar *b) {
    if (b->terminal && b->shown) fputc('\n', stderr);
}

/* Share of the work that is done: a search ends by one budget or the other. */
static double share_of(const td_progress *p) {
    double trials = p->total > 0 ? (double)p->done / (double)p->total : 0;
    bool counted = p->max_trained > 0 && p->max_trained < INT64_MAX;
    return fmax(trials, counted ? (double)p->trained / (double)p->max_trained : 0);
}

/* "  12.3 trials/min  4 m left". */
static void add_speed(td_text *t, const cli_bar *b, const td_progress *p) {
    int64_t n = p->done - b->first;
    double share = share_of(p), rate = 60 * (double)n / p->elapsed_s;
    if (n < 2 || p->elapsed_s < 1) return;
    if (strcmp(p->phase, "search") == 0)
        td_text_addf(t, rate < 100 ? "  %.3g trials/min" : "  %.0f trials/min", rate);
    if (share < 1 && share > b->first_share) {
        double left = p->elapsed_s * (1 - share) / (share - b->first_share);
        bool minutes = left >= 90;
        td_text_addf(t, "  %.0f %s left", ceil(minutes ? left / 60 : left), minutes ? "m" : "s");
    }
}

static void add_state(td_text *t, const cli_bar *b, const td_progress *p) {
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
    if (p->objective != NULL) {
        if (p->has_best) td_text_addf(t, "  best %s %.6g", p->objective, p->best_objective);
    } else if (p->has_best) {
        td_text_add(t, "  best");
        if (isfinite(p->best_accuracy)) td_text_addf(t, " %.2f %% val", 100 * p->best_accuracy);
        td_text_addf(t, " %.1f us %.2f uJ", p->best_metric[TD_METRIC_LATENCY] * 1e6,
                     p->best_metric[TD_METRIC_ENERGY] * 1e6);
        if (isfinite(p->best_metric[TD_METRIC_AREA]))
            td_text_addf(t, " %.2f mm2", p->best_metric[TD_METRIC_AREA]);
        td_text_addf(t, " %s", cli_small(p->best_metric[TD_METRIC_POWER], "W").s);
    }
    static const struct {
        td_result result;
        const char *one, *many, *problem; /* problem: of one's own; NULL: is none there */
    } other[] = {{TD_RESULT_MISSES, "misses targets", "miss targets", "miss constraints"},
                 {TD_RESULT_UNBUILT, "cannot be built", "cannot be built", "infeasible"},
                 {TD_RESULT_PRUNED, "costs only", "costs only", NULL},
                 {TD_RESULT_STOPPED, "stopped early", "stopped early", "stopped early"},
                 {TD_RESULT_DIVERGES, "without accuracy", "without accuracy", NULL},
                 {TD_RESULT_FAILED, NULL, NULL, "failed"}};
    const char *before = "  (";
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        long long n = p->count[other[i].result];
        const char *word = p->objective != NULL ? other[i].problem
                           : n == 1             ? other[i].one
                                                : other[i].many;
        if (word == NULL) continue;
        if (n > 0) td_text_addf(t, "%s%lld %s", before, n, word);
        if (n > 0) before = ", ";
    }
    if (before[0] == ',') td_text_add(t, ")");
}

/* Columns of the terminal: a line that wraps could not be replaced by the next. */
static int columns(void) {
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col - 1 : 79;
}

void cli_bar_show(void *self, const td_progress *p) {
    cli_bar *b = self;
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

td_status cli_add_estimate(const td_recipe *r, const td_work *w, td_text *out, td_error *err) {
    td_timing t;
    td_status s = td_recipe_time(r, w, &t, err);
    if (s == TD_OK || s == TD_E_INFEASIBLE) td_text_add(out, "time: ");
    if (s == TD_OK) td_work_describe(w, &t, out);
    if (s == TD_E_INFEASIBLE) td_text_addf(out, "not known: %s\n", err->message);
    return s == TD_E_INFEASIBLE ? TD_OK : s;
}
