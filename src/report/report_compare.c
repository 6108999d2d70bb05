/* report_compare.c - a comparison as tables, JSON and CSV. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/report.h"

static td_status no_memory(td_error *err) {
    return td_fail(err, TD_E_MEMORY, "out of memory");
}

/* ---- table ----------------------------------------------------------------------------------- */

/* "89.31 %"; "none" where there is no design that meets the targets; "-": not known. */
static const char *percent(double v, char out[16]) {
    if (isnan(v))
        snprintf(out, 16, "-");
    else if (v == -INFINITY)
        snprintf(out, 16, "none");
    else
        snprintf(out, 16, "%.2f %%", 100 * v);
    return out;
}

static const char *range(double low, double high, char out[40]) {
    char a[16], b[16];
    if (isnan(low))
        snprintf(out, 40, "-");
    else
        snprintf(out, 40, "%s .. %s", percent(low, a), percent(high, b));
    return out;
}

static const char *p_value(double p, char out[16]) {
    if (isnan(p))
        snprintf(out, 16, "-");
    else if (p < 1e-4)
        snprintf(out, 16, "%.1e", p);
    else
        snprintf(out, 16, "%.4f", p);
    return out;
}

static const char *number(double v, int decimals, char out[32]) {
    if (isnan(v))
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, "%.*f", decimals, v);
    return out;
}

static int label_width(const td_comparison *c) {
    int w = 8;
    for (int m = 0; m < c->nmethod; m++) {
        int n = (int)strlen(c->method[m].label);
        if (n > w) w = n;
    }
    return w;
}

static void add_methods(const td_comparison *c, int budget, const td_compare_stat *st,
                        td_text *out) {
    int w = label_width(c);
    char a[16], b[40], d[40], p[16], q[16], met[24], n[32], k[32];
    td_text_addf(out, "%-*s %9s  %-20s %-20s %7s %7s %7s %6s %8s %8s\n", w, "method", "median",
                 "95 % interval", "quartiles", "met", "trials", "trained", "A12", "p", "p Holm");
    for (int m = 0; m < c->nmethod; m++) {
        const td_compare_stat *s = &st[m];
        bool reference = m == c->against;
        snprintf(met, sizeof met, "%d/%d", s->feasible, s->n);
        td_text_addf(out, "%-*s %9s  %-20s %-20s %7s %7s %7s", w, c->method[m].label,
                     percent(s->quality.median, a), range(s->quality.low, s->quality.high, b),
                     range(s->q1, s->q3, d), td_compare_tells(c, m, budget) ? met : "-",
                     number(s->trials, 0, n), number(s->trained, 0, k));
        if (reference)
            td_text_addf(out, " %6s %8s %8s\n", "-", "-", "-");
        else
            td_text_addf(out, " %6s %8s %8s\n", number(s->against.a12, 2, n),
                         p_value(s->against.p, p), p_value(s->p_holm, q));
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Lower median of the trials to a quality, over all runs: by then half of them have reached it.
 * Those that never do count as later than any. */
static void median_reached(const td_comparison *c, int method, int target, double quality,
                           double *median, int *reached) {
    double *v = malloc(sizeof *v * (size_t)c->nseed);
    *reached = 0;
    *median = NAN;
    if (v == NULL) return;
    for (int k = 0; k < c->nseed; k++) {
        v[k] =
            td_compare_reached(&c->run[(k * c->ntarget + target) * c->nmethod + method], quality);
        *reached += isfinite(v[k]);
    }
    qsort(v, (size_t)c->nseed, sizeof *v, by_value);
    *median = v[(c->nseed - 1) / 2];
    free(v);
}

/* In the end; else there is a run whose quality is not known. */
static bool is_known(const td_comparison *c, int method, int target) {
    for (int k = 0; k < c->nseed; k++) {
        const td_compare_run *r = &c->run[(k * c->ntarget + target) * c->nmethod + method];
        if (isnan(r->score[c->nbudget - 1].quality)) return false;
    }
    return true;
}

static void add_reached(const td_comparison *c, int target, double quality, td_text *out) {
    int w = label_width(c);
    char text[16];
    td_text_addf(out, "\ntrials to reach %s%s\n", percent(quality, text),
                 c->nquality == 0 ? ", the median of the reference in the end" : "");
    td_text_addf(out, "%-*s %9s %9s\n", w, "method", "median", "reached");
    for (int m = 0; m < c->nmethod; m++) {
        double median;
        int reached;
        char trials[16] = "-", share[24] = "-";
        median_reached(c, m, target, quality, &median, &reached);
        if (is_known(c, m, target)) {
            if (isfinite(median)) snprintf(trials, sizeof trials, "%.0f", median);
            snprintf(share, sizeof share, "%d/%d", reached, c->nseed);
        }
        td_text_addf(out, "%-*s %9s %9s\n", w, c->method[m].label, trials, share);
    }
}

/* Why a method has no figures. */
static void add_gaps(const td_comparison *c, td_text *out) {
    bool whole = false, unknown = false;
    for (int m = 0; m < c->nmethod; m++) {
        whole = whole || !td_compare_tells(c, m, 0);
        for (int t = 0; t < c->ntarget; t++) unknown = unknown || !is_known(c, m, t);
    }
    if (whole)
        td_text_addf(out,
                     "-: the phases of a scope share the budget, so that its runs of %" PRId64
                     " trials do not begin with those of fewer: run compare with that budget\n",
                     c->budget[c->nbudget - 1]);
    if (unknown)
        td_text_add(out, "-: a run's fixed network has no accuracy, so that its quality is not "
                         "known\n");
    if ((whole || unknown) && c->nmethod > 1)
        td_text_add(out, "methods with - are in no test and not counted in p Holm\n");
}

static void add_notes(const td_comparison *c, const td_compare_stat *st, td_text *out) {
    td_text_addf(out,
                 "\nmedian: of %d runs, accuracy of the best design that meets all targets; a run "
                 "without one ranks lowest (met: runs with one)\n",
                 c->nseed);
    double coverage = NAN;
    bool exact = true;
    int tests = 0;
    for (int m = 0; m < c->nmethod; m++) {
        if (st[m].known) coverage = st[m].quality.coverage; /* of so many runs: all the same */
        if (m == c->against || isnan(st[m].against.p)) continue;
        exact = exact && st[m].against.exact;
        tests++;
    }
    if (!isnan(coverage))
        td_text_addf(
            out, "95 %% interval: of the median, by order statistics; covers it in %.1f %%%s\n",
            100 * coverage, coverage < 0.95 ? ", less than asked: there are too few seeds" : "");
    add_gaps(c, out);
    if (tests == 0) return;
    td_text_addf(out,
                 "A12: chance that a run is better than one of %s (equal: half)\n"
                 "p: two-sided rank-sum test against %s, %s; p Holm: corrected for %d comparison%s "
                 "in a table\n",
                 c->method[c->against].label, c->method[c->against].label,
                 exact ? "exact" : "normal approximation", tests, tests > 1 ? "s" : "");
}

td_status td_report_comparison(const td_comparison *c, td_text *out, td_error *err) {
    td_compare_stat *st = calloc((size_t)c->nmethod, sizeof *st);
    double *quality = calloc((size_t)c->nquality + 1, sizeof *quality);
    td_status s = st != NULL && quality != NULL ? TD_OK : no_memory(err);
    for (int t = 0; s == TD_OK && t < c->ntarget; t++) {
        if (t > 0) td_text_add(out, "\n");
        if (c->target[t].label[0] != '\0') td_text_addf(out, "targets %s\n\n", c->target[t].label);
        for (int b = 0; s == TD_OK && b < c->nbudget; b++) {
            s = td_compare_statistics(c, t, b, st, err);
            if (s != TD_OK) break;
            td_text_addf(out, "%s%" PRId64 " trials", b > 0 ? "\n" : "", c->budget[b]);
            if (c->trained != INT64_MAX)
                td_text_addf(out, ", at most %" PRId64 " trained networks", c->trained);
            td_text_add(out, "\n");
            add_methods(c, b, st, out);
        }
        int n = s == TD_OK ? td_compare_qualities(c, t, quality) : 0;
        for (int i = 0; i < n; i++) add_reached(c, t, quality[i], out);
    }
    if (s == TD_OK) add_notes(c, st, out);
    free(quality);
    free(st);
    return s == TD_OK && out->failed ? no_memory(err) : s;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_known(td_arena *a, td_node *m, const char *key, double v) {
    td_node_put(a, m, key, isfinite(v) ? td_node_real(a, v) : td_node_null(a));
}

static void put_count(td_arena *a, td_node *m, const char *key, int n, bool known) {
    td_node_put(a, m, key, known ? td_node_int(a, n) : td_node_null(a));
}

static void put_stat(const td_comparison *c, int m, int budget, const td_compare_stat *s,
                     td_arena *a, td_node *list) {
    td_node *o = td_node_push(a, list, td_node_map(a));
    td_node_put_string(a, o, "method", c->method[m].label);
    td_node_put_int(a, o, "runs", s->n);
    put_count(a, o, "runs_that_meet_targets", s->feasible, td_compare_tells(c, m, budget));
    put_known(a, o, "median", s->quality.median);
    put_known(a, o, "low", s->quality.low);
    put_known(a, o, "high", s->quality.high);
    put_known(a, o, "coverage", s->quality.coverage);
    put_known(a, o, "quartile_1", s->q1);
    put_known(a, o, "quartile_3", s->q3);
    put_known(a, o, "median_trials", s->trials);
    put_known(a, o, "median_trained", s->trained);
    if (m == c->against) return;
    put_known(a, o, "a12", s->against.a12);
    put_known(a, o, "u", s->against.u);
    put_known(a, o, "p", s->against.p);
    put_known(a, o, "p_greater", s->against.p_greater);
    put_known(a, o, "p_less", s->against.p_less);
    if (isnan(s->against.p))
        td_node_put(a, o, "exact", td_node_null(a));
    else
        td_node_put_bool(a, o, "exact", s->against.exact);
    put_known(a, o, "p_holm", s->p_holm);
}

static td_status put_target(const td_comparison *c, int t, td_arena *a, td_node *list,
                            td_error *err) {
    td_compare_stat *st = TD_NEW(a, td_compare_stat, c->nmethod);
    double *quality = TD_NEW(a, double, c->nquality + 1);
    if (st == NULL || quality == NULL) return no_memory(err);
    td_node *o = td_node_push(a, list, td_node_map(a));
    td_node_put_string(a, o, "targets", c->target[t].label);
    td_node *budgets = td_node_put(a, o, "budgets", td_node_list(a));
    for (int b = 0; b < c->nbudget; b++) {
        td_status s = td_compare_statistics(c, t, b, st, err);
        if (s != TD_OK) return s;
        td_node *at = td_node_push(a, budgets, td_node_map(a));
        td_node_put_int(a, at, "trials", c->budget[b]);
        td_node *methods = td_node_put(a, at, "methods", td_node_list(a));
        for (int m = 0; m < c->nmethod; m++) put_stat(c, m, b, &st[m], a, methods);
    }
    td_node *reached = td_node_put(a, o, "reached", td_node_list(a));
    int n = td_compare_qualities(c, t, quality);
    for (int i = 0; i < n; i++)
        for (int m = 0; m < c->nmethod; m++) {
            double median;
            int runs;
            median_reached(c, m, t, quality[i], &median, &runs);
            td_node *e = td_node_push(a, reached, td_node_map(a));
            td_node_put_string(a, e, "method", c->method[m].label);
            put_known(a, e, "quality", quality[i]);
            put_known(a, e, "median_trials", is_known(c, m, t) ? median : NAN);
            put_count(a, e, "runs", runs, is_known(c, m, t));
        }
    return TD_OK;
}

td_status td_report_comparison_node(const td_comparison *c, td_arena *a, td_node **out,
                                    td_error *err) {
    td_node *root = td_node_map(a);
    char machine[256];
    td_machine_text(machine, sizeof machine);
    td_node_put_string(a, root, "recipe", c->name);
    td_node_put_string(a, root, "version", td_version());
    td_node_put_string(a, root, "machine", machine);
    td_node_put_int(a, root, "first_seed", (int64_t)c->seed);
    td_node_put_int(a, root, "seeds", c->nseed);
    if (c->trained != INT64_MAX) td_node_put_int(a, root, "trained", c->trained);
    td_node_put_string(a, root, "reference", c->method[c->against].label);
    td_node *methods = td_node_put(a, root, "methods", td_node_list(a));
    for (int m = 0; m < c->nmethod; m++) {
        td_node *o = td_node_push(a, methods, td_node_map(a));
        td_node_put_string(a, o, "label", c->method[m].label);
        td_node_put_string(a, o, "scope", c->method[m].scope);
        td_node_put_string(a, o, "strategy", c->method[m].strategy);
        td_node_put_string(a, o, "folder", c->method[m].folder);
    }
    td_node *targets = td_node_put(a, root, "results", td_node_list(a));
    td_status s = TD_OK;
    for (int t = 0; s == TD_OK && t < c->ntarget; t++) s = put_target(c, t, a, targets, err);
    *out = root;
    return s == TD_OK && targets == NULL ? no_memory(err) : s;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void field(td_text *t, double v) {
    char text[32];
    td_text_add(t, ",");
    if (!isfinite(v)) return; /* unknown: an empty field */
    td_real_text(v, text);
    td_text_add(t, text);
}

static void add_run(const td_comparison *c, const td_compare_run *r, td_text *csv) {
    td_report_csv_field(csv, c->target[r->target].label);
    td_text_add(csv, ",");
    td_report_csv_field(csv, c->method[r->method].scope);
    td_text_add(csv, ",");
    td_report_csv_field(csv, c->method[r->method].label);
    td_text_addf(csv, ",%" PRIu64, r->seed);
}

void td_report_comparison_runs(const td_comparison *c, td_text *csv) {
    td_text_add(csv, "targets,scope,method,seed,budget,trials,trained,meets_targets,quality,trial");
    for (int m = 0; m < TD_NMETRIC; m++) td_text_addf(csv, ",%s", td_metric_list()[m].key);
    td_text_add(csv, "\r\n");
    for (int i = 0; i < c->nrun; i++)
        for (int b = 0; b < c->nbudget; b++) {
            const td_compare_score *s = &c->run[i].score[b];
            if (!td_compare_tells(c, c->run[i].method, b)) continue;
            add_run(c, &c->run[i], csv);
            td_text_addf(csv, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%d", c->budget[b], s->trials,
                         s->trained, s->quality != -INFINITY);
            field(csv, s->quality);
            field(csv, s->best >= 0 ? (double)s->best : NAN);
            for (int m = 0; m < TD_NMETRIC; m++)
                field(csv, s->metric[m] * td_metric_list()[m].scale);
            td_text_add(csv, "\r\n");
        }
}

void td_report_comparison_curves(const td_comparison *c, td_text *csv) {
    td_text_add(csv, "targets,scope,method,seed,trials,trained,quality\r\n");
    for (int i = 0; i < c->nrun; i++)
        for (int k = 0; k < c->run[i].nstep; k++) {
            const td_compare_step *s = &c->run[i].step[k];
            add_run(c, &c->run[i], csv);
            td_text_addf(csv, ",%" PRId64 ",%" PRId64, s->trials, s->trained);
            field(csv, s->quality);
            td_text_add(csv, "\r\n");
        }
}
