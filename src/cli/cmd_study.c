/* tandem study - the trials of a search: list, show, best, pareto, export. Reads only. */
#include "cli.h"

#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tandem/report.h"
#include "tandem/study.h"

typedef struct {
    const char *verb, *where, *study;
    int limit;
    cli_format format;
} options;

enum { OPT_STUDY = 1000, OPT_LIMIT };

static const char *const verbs[] = {"list", "show", "best", "pareto", "export"};

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    char *end;
    long limit;
    switch (key) {
    case OPT_STUDY: o->study = arg; return 0;
    case OPT_LIMIT:
        limit = strtol(arg, &end, 10);
        if (*arg == '\0' || *end != '\0' || limit < 1 || limit > INT_MAX)
            argp_error(state, "--limit: expected an integer from 1 to %d, found \"%s\"", INT_MAX,
                       arg);
        o->limit = (int)limit;
        return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->verb == NULL) {
            for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
                if (strcmp(arg, verbs[i]) == 0) o->verb = verbs[i];
            if (o->verb == NULL)
                argp_error(state, "expected list, show, best, pareto or export, found \"%s\"", arg);
        } else if (o->where == NULL) {
            o->where = arg;
        } else {
            argp_error(state, "unexpected argument \"%s\"", arg);
        }
        return 0;
    case ARGP_KEY_END:
        if (o->verb == NULL || o->where == NULL)
            argp_error(state, "expected a verb and a results folder or store");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void list_studies(const options *o, const td_study_info *s, int n, td_arena *a,
                         td_text *out) {
    static const char *const states[] = {"active", "paused", "done"};
    if (o->format == CLI_TABLE)
        td_text_addf(out, "%-14s %-7s %9s %6s %10s %6s %7s %20s\n", "study", "state", "trials",
                     "done", "infeasible", "failed", "running", "seed");
    if (o->format == CLI_CSV)
        td_text_add(out, "study,state,trials,max_trials,done,infeasible,failed,running,seed\r\n");
    td_node *list = td_node_list(a);
    for (int i = 0; i < n; i++) {
        const char *state = s[i].state >= 0 && s[i].state < 3 ? states[s[i].state] : "?";
        if (o->format == CLI_TABLE)
            td_text_addf(out, "%-14s %-7s %4lld/%-4lld %6lld %10lld %6lld %7lld %20llu\n",
                         s[i].name, state, (long long)s[i].trials, (long long)s[i].max_trials,
                         (long long)s[i].done, (long long)s[i].infeasible, (long long)s[i].failed,
                         (long long)s[i].running, (unsigned long long)s[i].seed);
        else if (o->format == CLI_CSV)
            td_text_addf(out, "%s,%s,%lld,%lld,%lld,%lld,%lld,%lld,%llu\r\n", s[i].name, state,
                         (long long)s[i].trials, (long long)s[i].max_trials, (long long)s[i].done,
                         (long long)s[i].infeasible, (long long)s[i].failed,
                         (long long)s[i].running, (unsigned long long)s[i].seed);
        td_node *m = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, m, "name", s[i].name);
        td_node_put_string(a, m, "state", state);
        td_node_put_int(a, m, "trials", s[i].trials);
        td_node_put_int(a, m, "max_trials", s[i].max_trials);
        td_node_put_int(a, m, "done", s[i].done);
        td_node_put_int(a, m, "infeasible", s[i].infeasible);
        td_node_put_int(a, m, "failed", s[i].failed);
        td_node_put_int(a, m, "running", s[i].running);
        td_node_put_int(a, m, "seed", (int64_t)s[i].seed);
    }
    if (o->format == CLI_JSON) {
        td_node_to_json(list, 2, out);
        td_text_add(out, "\n");
    }
}

/* The rows of one study that the verb is about: *count indices. */
static td_status select_trials(const options *o, const td_trial_row *t, int n, int *pick,
                               int *count, td_error *err) {
    *count = 0;
    if (strcmp(o->verb, "best") == 0) {
        int best = td_trials_best(t, n);
        if (best >= 0) pick[(*count)++] = best;
        return TD_OK;
    }
    if (strcmp(o->verb, "pareto") == 0) return td_trials_pareto(t, n, pick, count, err);
    for (int i = 0; i < n; i++) pick[(*count)++] = i;
    return TD_OK;
}

/* Choices of one trial, one per line: what a person wants to see of the best. */
static void print_choices(const td_trial_row *t, td_arena *a, td_text *out) {
    const td_node *doc;
    if (td_json_parse(a, t->params, strlen(t->params), "study.db", 1, &doc, NULL) != TD_OK ||
        doc->kind != TD_MAP)
        return;
    for (int i = 0; i < doc->count; i++)
        td_text_addf(out, "        %-18s %s\n", doc->item[i]->key,
                     doc->item[i]->text != NULL ? doc->item[i]->text : "");
}

/* The trials of one study, and which of them are shown. */
typedef struct {
    const char *name;
    td_trial_row *t;
    int n, *pick, count;
} chosen;

static td_status load(const options *o, td_store *store, const td_study_info *s, int n, td_arena *a,
                      chosen *c, int *count, td_error *err) {
    td_status st = TD_OK;
    *count = 0;
    for (int i = 0; st == TD_OK && i < n; i++) {
        if (o->study != NULL && strcmp(o->study, s[i].name) != 0) continue;
        chosen *one = &c[(*count)++];
        one->name = s[i].name;
        st = td_store_trials(store, s[i].name, a, &one->t, &one->n, err);
        one->pick = TD_NEW(a, int, one->n + 1);
        if (st == TD_OK && one->pick == NULL) st = td_fail(err, TD_E_MEMORY, "out of memory");
        if (st == TD_OK) st = select_trials(o, one->t, one->n, one->pick, &one->count, err);
        if (st == TD_OK && o->limit > 0 && one->count > o->limit) {
            one->pick += one->count - o->limit;
            one->count = o->limit;
        }
    }
    if (st == TD_OK && o->study != NULL && *count == 0)
        st = td_fail(err, TD_E_NOT_FOUND, "%s: no study \"%s\"; `tandem study list %s` names them",
                     o->where, o->study, o->where);
    return st;
}

/* One header with the decisions of all the studies, then the rows of each. */
static td_status print_csv(const chosen *c, int n, td_arena *a, td_text *out, td_error *err) {
    int total = 0, at = 0;
    for (int i = 0; i < n; i++) total += c[i].n;
    td_trial_row *all = TD_NEW(a, td_trial_row, total + 1);
    if (all == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c[i].n; k++) all[at++] = c[i].t[k];
    td_node *names;
    td_status st = td_report_decisions(all, total, a, &names, err);
    if (st == TD_OK) td_report_trials_header(names, out);
    for (int i = 0; st == TD_OK && i < n; i++)
        st =
            td_report_trials_csv(c[i].name, c[i].t, c[i].n, c[i].pick, c[i].count, names, out, err);
    return st;
}

static td_status show(const options *o, td_store *store, const td_study_info *s, int n, td_arena *a,
                      td_text *out, td_error *err) {
    int count = 0;
    chosen *c = TD_NEW(a, chosen, n + 1);
    if (c == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status st = load(o, store, s, n, a, c, &count, err);
    if (st != TD_OK) return st;
    if (o->format == CLI_CSV) return print_csv(c, count, a, out, err);
    td_node *all = td_node_map(a);
    for (int i = 0; i < count; i++) {
        if (o->format == CLI_JSON) {
            td_node_put(a, all, c[i].name,
                        td_report_trials_node(c[i].t, c[i].n, c[i].pick, c[i].count, a));
            continue;
        }
        td_text_addf(out, "%s%s\n", i > 0 ? "\n" : "", c[i].name);
        td_report_trials_table(c[i].t, c[i].n, c[i].pick, c[i].count, out);
        if (strcmp(o->verb, "best") == 0 && c[i].count > 0)
            print_choices(&c[i].t[c[i].pick[0]], a, out);
    }
    if (o->format == CLI_JSON) {
        td_node_to_json(all, 1, out);
        td_text_add(out, "\n");
    }
    return TD_OK;
}

int cmd_study(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"study", OPT_STUDY, "NAME", 0, "one study of the store (default: all)", 0},
        {"limit", OPT_LIMIT, "N", 0, "the last N trials only", 0},
        {"format", 'f', "FORMAT", 0, "table, json or csv (default: table; export: csv)", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "list|show|best|pareto|export DIR|FILE.db",
        "Shows the trials of a results folder (or of a study.db).\v"
        "Examples:\n"
        "  tandem study list results/quickstart\n"
        "  tandem study best results/quickstart --study joint\n"
        "  tandem study export results/quickstart --format csv > trials.csv",
        0,
        0,
        0};
    options o = {.format = (cli_format)-1};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    if ((int)o.format == -1) o.format = strcmp(o.verb, "export") == 0 ? CLI_CSV : CLI_TABLE;

    td_error err = {0};
    td_store *store = NULL;
    td_text out = {0};
    td_study_info *info;
    int n, code;
    td_arena *a = td_arena_create();
    if (a == NULL) {
        td_fail(&err, TD_E_MEMORY, "out of memory");
        return cli_fail(&err);
    }
    struct stat sb;
    const char *path = o.where;
    if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode)) path = td_arena_printf(a, "%s/study.db", path);
    td_status s = td_store_open(path, false, &store, &err);
    if (s == TD_OK) s = td_store_studies(store, a, &info, &n, &err);
    if (s == TD_OK && strcmp(o.verb, "list") == 0)
        list_studies(&o, info, n, a, &out);
    else if (s == TD_OK)
        s = show(&o, store, info, n, a, &out, &err);
    code = s == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_store_close(store);
    td_arena_destroy(a);
    return code;
}
