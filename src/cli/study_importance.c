/* tandem study importance - which decisions make the trials of a search good ones. */
#include "study_importance.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "study_open.h"
#include "tandem/report.h"

enum { OPT_ROW = 1000, OPT_OBJECTIVE, OPT_QUANTILE };
/* Fewer good trials than this, and what chance adds or takes is as large as most of what is told.
 */
enum { ENOUGH = 10 };

typedef struct {
    const char *where, *row, *objective; /* objective NULL: the order */
    double quantile;
    cli_format format;
} options;

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    char *end;
    switch (key) {
    case OPT_ROW: o->row = arg; return 0;
    case OPT_OBJECTIVE: o->objective = arg; return 0;
    case OPT_QUANTILE:
        o->quantile = strtod(arg, &end);
        if (*arg == '\0' || *end != '\0' || !(o->quantile > 0 && o->quantile < 1))
            argp_error(state, "--quantile: expected a number between 0 and 1, found \"%s\"", arg);
        return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->where != NULL) argp_error(state, "unexpected argument \"%s\"", arg);
        o->where = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->where == NULL) argp_error(state, "expected a results folder or a study.db");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* What trials are judged by: the goals of a problem, or (NULL) what all designs have. */
typedef struct {
    const td_goals *goals;
    int objective; /* < 0: the order */
} criterion;

static int count_objectives(const td_goals *g) {
    return g != NULL ? g->nobj : TD_NOBJECTIVE;
}

static const char *objective_key(const td_goals *g, int k) {
    return g != NULL ? g->objective[k].name : td_objective_key(k);
}

static td_status find_objective(const options *o, criterion *c, td_error *err) {
    const int n = count_objectives(c->goals);
    c->objective = -1;
    if (o->objective == NULL) return TD_OK;
    for (int k = 0; k < n; k++)
        if (strcmp(o->objective, objective_key(c->goals, k)) == 0) c->objective = k;
    if (c->objective >= 0) return TD_OK;
    td_text known = {0};
    for (int k = 0; k < n; k++)
        td_text_addf(&known, "%s%s",
                     k == 0      ? ""
                     : k + 1 < n ? ", "
                                 : " or ",
                     objective_key(c->goals, k));
    td_status s = td_fail(err, TD_E_USAGE, "--objective: expected %s, found \"%.100s\"",
                          known.data != NULL ? known.data : "another", o->objective);
    td_text_free(&known);
    return s;
}

/* What the good ones are good in. */
static void measure(const criterion *c, const td_front *f, td_text *out) {
    const td_goals *g = c->goals;
    if (c->objective >= 0)
        td_text_addf(out, "by %s alone", objective_key(g, c->objective));
    else if (g != NULL)
        td_text_addf(out, "by %s%s", g->ncon > 0 ? "constraints, then by " : "",
                     g->nobj > 1 ? "front" : g->objective[0].name);
    else
        td_text_add(out, f->objectives != 0 ? "by targets, then by front"
                                            : "by targets, then by reward");
}

/* Empty where there is nothing to be warned of. */
static void warning(const criterion *c, const td_trials_importance *i, td_text *out) {
    if (i->trials == 0)
        td_text_add(out, c->objective >= 0 ? "the objective is not known of any trial"
                                           : "no trial has an outcome");
    else if (i->good == i->trials)
        td_text_addf(out, "all of the %d trials are equally good", i->trials);
    else if (i->good < ENOUGH)
        td_text_addf(out,
                     "%d of %d trials are among the best: with fewer than %d shares are mostly "
                     "chance (a larger --quantile, or more trials)",
                     i->good, i->trials, ENOUGH);
}

static td_node *as_node(const options *o, const td_trials_importance *m, const char *by,
                        const char *warn, td_arena *a) {
    td_node *row = td_node_map(a), *list = td_node_list(a);
    td_node_put_string(a, row, "good", by);
    td_node_put_real(a, row, "quantile", o->quantile);
    td_node_put_int(a, row, "trials", m->trials);
    td_node_put_int(a, row, "best", m->good);
    if (warn != NULL) td_node_put_string(a, row, "warning", warn);
    for (int i = 0; i < m->n; i++) {
        const td_decision_importance *d = &m->decision[i];
        td_node *item = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, item, "decision", d->name);
        td_node_put_real(a, item, "share", d->of.share);
        td_node_put_real(a, item, "explained", d->of.explained);
        td_node_put_int(a, item, "trials", d->of.rows);
        td_node_put_int(a, item, "best", d->of.good);
    }
    td_node_put(a, row, "decisions", list);
    return row;
}

static void add_table(const options *o, const char *name, const td_trials_importance *m,
                      const char *by, td_text *out) {
    td_text_addf(out, "%s: the best %g %% of %d trials, %s\n", name, 100 * o->quantile, m->trials,
                 by);
    if (m->n == 0) return;
    td_text_addf(out, "  %-24s %7s %10s %7s %6s\n", "decision", "share", "explained", "trials",
                 "best");
    for (int i = 0; i < m->n; i++) {
        const td_decision_importance *d = &m->decision[i];
        td_text_addf(out, "  %-24s %7.3f %10.3f %7d %6d\n", d->name, d->of.share, d->of.explained,
                     d->of.rows, d->of.good);
    }
}

static void add_csv(const char *name, const td_trials_importance *m, td_text *out) {
    for (int i = 0; i < m->n; i++) {
        const td_decision_importance *d = &m->decision[i];
        char share[32], explained[32];
        td_real_text(d->of.share, share);
        td_real_text(d->of.explained, explained);
        td_report_csv_field(out, name);
        td_text_add(out, ",");
        td_report_csv_field(out, d->name);
        td_text_addf(out, ",%s,%s,%d,%d\r\n", share, explained, d->of.rows, d->of.good);
    }
}

/* One row into the format's output, by its name; what is to be warned of also on stderr. */
static td_status add_row(const options *o, const criterion *c, td_store *store, const char *study,
                         const char *name, td_arena *a, td_node *all, td_text *out, td_error *err) {
    td_trial_row *t;
    td_front f = {0};
    td_trials_importance m;
    td_text by = {0}, warn = {0};
    int n;
    td_status s = td_store_trials(store, study, a, &t, &n, err);
    if (s == TD_OK) s = td_store_front(store, study, &f, err);
    if (s == TD_OK)
        s = td_trials_importance_of(t, n, f.objectives, c->objective, o->quantile, a, &m, err);
    if (s == TD_OK) {
        measure(c, &f, &by);
        warning(c, &m, &warn);
        if (by.failed || warn.failed) s = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (s == TD_OK && o->format == CLI_JSON)
        td_node_put(a, all, name, as_node(o, &m, by.data, warn.data, a));
    if (s == TD_OK && o->format == CLI_CSV) add_csv(name, &m, out);
    if (s == TD_OK && o->format == CLI_TABLE) add_table(o, name, &m, by.data, out);
    if (s == TD_OK && warn.data != NULL)
        fprintf(stderr, "tandem: warning: %s: %s\n", name, warn.data);
    td_text_free(&by);
    td_text_free(&warn);
    return s;
}

static td_status show(const options *o, td_arena *a, td_text *out, td_error *err) {
    td_store *store = NULL;
    td_study_info *info = NULL;
    td_node *all = td_node_map(a);
    int n = 0, shown = 0;
    const char *problem = NULL, *name = NULL;
    td_goals goals;
    criterion c = {0};
    if (o->format == CLI_CSV) td_text_add(out, "row,decision,share,explained,trials,best\r\n");
    td_status s = study_open(o->where, a, &store, &info, &n, err);
    if (s == TD_OK) s = td_store_problem(store, a, &problem, &name, &goals, err);
    if (s == TD_OK && problem != NULL) c.goals = &goals;
    if (s == TD_OK) s = find_objective(o, &c, err);
    for (int i = 0; s == TD_OK && i < n; i++) {
        if (!study_is_of_row(info[i].name, o->row)) continue;
        if (shown++ > 0 && o->format == CLI_TABLE) td_text_add(out, "\n");
        bool own = problem != NULL && strcmp(info[i].name, problem) == 0;
        s = add_row(o, &c, store, info[i].name, own ? name : info[i].name, a, all, out, err);
    }
    if (s == TD_OK && o->row != NULL && shown == 0)
        s = study_no_row(o->where, o->row, info, n, a, err);
    if (s == TD_OK && o->format == CLI_JSON) {
        td_node_to_json(all, 1, out);
        td_text_add(out, "\n");
    }
    td_store_close(store);
    return s;
}

int study_importance(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"row", OPT_ROW, "NAME", 0, "one row of the recipe, or a phase of one (default: all)", 0},
        {"objective", OPT_OBJECTIVE, "NAME", 0,
         "good are the best in this alone: latency, energy, area, power or accuracy, or an "
         "objective of "
         "a problem (default: what meets the targets first, by reward or by front)",
         0},
        {"quantile", OPT_QUANTILE, "Q", 0, "the best share of the trials that is good (0.1)", 0},
        {"format", 'f', "FORMAT", 0, "table, json or csv (default: table)", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "importance DIR|FILE.db",
        "Tells which decisions (of a problem: parameters) make trials good ones (PED-ANOVA, "
        "Watanabe et al. 2023): the share "
        "of each in what all of them explain of being among the best, and how much that is. It "
        "looks at the trials that there are: a decision on which the search has settled early "
        "shows little.\v"
        "Examples:\n"
        "  tandem study importance results/quickstart\n"
        "  tandem study importance results/quickstart --row joint --objective latency",
        0,
        0,
        0};
    options o = {.quantile = 0.1, .format = CLI_TABLE};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    td_error err = {0};
    td_text out = {0};
    td_arena *a = td_arena_create();
    if (a == NULL) {
        td_fail(&err, TD_E_MEMORY, "out of memory");
        return cli_fail(&err);
    }
    td_status s = show(&o, a, &out, &err);
    int code = s == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_arena_destroy(a);
    return code;
}
