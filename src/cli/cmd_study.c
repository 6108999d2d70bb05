/* tandem study - the trials of a search: list, show, best, pareto, export. importance is in
 * study_importance.c, resume, enqueue and reap, which change a folder, in study_write.c. */
#include "cli.h"

#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study_importance.h"
#include "study_layers.h"
#include "study_open.h"
#include "study_problem.h"
#include "study_write.h"
#include "tandem/report.h"
#include "tandem/study.h"

typedef struct {
    const char *verb, *where, *row;
    int limit;
    cli_format format;
} options;

enum { OPT_ROW = 1000, OPT_LIMIT };

static const char *const verbs[] = {"list", "show", "best", "pareto", "export"};

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    char *end;
    long limit;
    switch (key) {
    case OPT_ROW: o->row = arg; return 0;
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
                argp_error(state,
                           "expected list, show, best, pareto, export, importance, layers, resume, "
                           "enqueue or reap, found \"%s\"",
                           arg);
        } else if (o->where == NULL) {
            o->where = arg;
        } else {
            argp_error(state, "unexpected argument \"%s\"", arg);
        }
        return 0;
    case ARGP_KEY_END:
        if (o->verb == NULL)
            argp_error(state, "expected list, show, best, pareto, export, importance, layers, "
                              "resume, enqueue or reap");
        if (o->where == NULL) argp_error(state, "expected a results folder or a study.db");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* What trials are counted by: the words of td_result_text as keys, and short ones as headings. */
typedef struct {
    td_result result;
    const char *key, *heading;
} counted_as;
static const counted_as counted_designs[] = {{TD_RESULT_MEETS, "meets_targets", "meet"},
                                             {TD_RESULT_MISSES, "misses_targets", "miss"},
                                             {TD_RESULT_UNBUILT, "cannot_be_built", "not built"},
                                             {TD_RESULT_PRUNED, "costs_only", "costs"},
                                             {TD_RESULT_STOPPED, "stopped_early", "stopped"},
                                             {TD_RESULT_DIVERGES, "no_accuracy", "no acc"},
                                             {TD_RESULT_FAILED, "failed", "failed"},
                                             {TD_RESULT_RUNNING, "running", "running"}};
enum { N_COUNTED = sizeof counted_designs / sizeof counted_designs[0] };
/* The same of a problem of one's own; the last one is none. */
static const counted_as counted_points[N_COUNTED] = {
    {TD_RESULT_MEETS, "done", "done"},
    {TD_RESULT_MISSES, "misses_constraints", "miss"},
    {TD_RESULT_UNBUILT, "infeasible", "infeas."},
    {TD_RESULT_STOPPED, "stopped_early", "stopped"},
    {TD_RESULT_FAILED, "failed", "failed"},
    {TD_RESULT_READY, "ready", "ready"},
    {TD_RESULT_RUNNING, "running", "running"}};

static void list_header(cli_format format, const counted_as *counted, const char *steps,
                        td_text *out) {
    bool csv = format == CLI_CSV;
    td_text_addf(out, csv ? "%s,%s,%s" : "%-14s %-7s %9s", "row", "state", "trials");
    if (csv) td_text_add(out, ",max_trials");
    for (int k = 0; k < N_COUNTED && counted[k].key != NULL; k++)
        td_text_addf(out, csv ? ",%s" : " %9s", csv ? counted[k].key : counted[k].heading);
    td_text_addf(out, csv ? ",%s" : " %7s", steps);
    td_text_addf(out, csv ? ",%s\r\n" : " %20s\n", "seed");
}

/* From here on a number of trials is no budget: it says that there is none. */
enum { NO_LIMIT = 1000000 };

static void list_rows(const options *o, const td_study_info *s, int n, bool problem, td_arena *a,
                      td_text *out) {
    const counted_as *counted = problem ? counted_points : counted_designs;
    const char *steps = problem ? "steps" : "epochs";
    static const char *const states[] = {"active", "paused", "done"};
    bool csv = o->format == CLI_CSV;
    if (o->format != CLI_JSON) list_header(o->format, counted, steps, out);
    td_node *list = td_node_list(a);
    for (int i = 0; i < n; i++) {
        const char *state = s[i].state >= 0 && s[i].state < 3 ? states[s[i].state] : "?";
        if (o->format != CLI_JSON) {
            if (!csv && s[i].max_trials >= NO_LIMIT)
                td_text_addf(out, "%-14s %-7s %9lld", s[i].name, state, (long long)s[i].trials);
            else
                td_text_addf(out, csv ? "%s,%s,%lld,%lld" : "%-14s %-7s %4lld/%-4lld", s[i].name,
                             state, (long long)s[i].trials, (long long)s[i].max_trials);
            for (int k = 0; k < N_COUNTED && counted[k].key != NULL; k++)
                td_text_addf(out, csv ? ",%lld" : " %9lld",
                             (long long)s[i].count[counted[k].result]);
            if (s[i].steps > 0)
                td_text_addf(out, csv ? ",%lld" : " %7lld", (long long)s[i].steps);
            else
                td_text_addf(out, csv ? "," : " %7s", "-");
            td_text_addf(out, csv ? ",%llu\r\n" : " %20llu\n", (unsigned long long)s[i].seed);
        }
        td_node *m = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, m, "name", s[i].name);
        td_node_put_string(a, m, "state", state);
        td_node_put_int(a, m, "trials", s[i].trials);
        td_node_put_int(a, m, "max_trials", s[i].max_trials);
        for (int k = 0; k < N_COUNTED && counted[k].key != NULL; k++)
            td_node_put_int(a, m, counted[k].key, s[i].count[counted[k].result]);
        td_node_put(a, m, steps, s[i].steps > 0 ? td_node_int(a, s[i].steps) : td_node_null(a));
        td_node_put_int(a, m, "seed", (int64_t)s[i].seed);
    }
    if (o->format == CLI_JSON) {
        td_node_to_json(list, 2, out);
        td_text_add(out, "\n");
    }
}

/* The trials of one row that the verb is about: *count indices. */
static td_status select_trials(const options *o, td_store *store, const char *name,
                               const td_trial_row *t, int n, int *pick, int *count, td_error *err) {
    td_front f = {0};
    *count = 0;
    if (strcmp(o->verb, "best") == 0) {
        int best = td_trials_best(t, n);
        if (best >= 0) pick[(*count)++] = best;
        return TD_OK;
    }
    if (strcmp(o->verb, "pareto") == 0) {
        td_status s = td_store_front(store, name, &f, err);
        if (s != TD_OK) return s;
        return f.objectives != 0 ? td_trials_front(t, n, f.objectives, pick, count, err)
                                 : td_trials_pareto(t, n, pick, count, err);
    }
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

/* The trials of one row, and which of them are shown. */
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
        if (!study_is_of_row(s[i].name, o->row)) continue;
        chosen *one = &c[(*count)++];
        one->name = s[i].name;
        st = td_store_trials(store, s[i].name, a, &one->t, &one->n, err);
        one->pick = TD_NEW(a, int, one->n + 1);
        if (st == TD_OK && one->pick == NULL) st = td_fail(err, TD_E_MEMORY, "out of memory");
        if (st == TD_OK)
            st = select_trials(o, store, one->name, one->t, one->n, one->pick, &one->count, err);
        if (st == TD_OK && o->limit > 0 && one->count > o->limit) {
            one->pick += one->count - o->limit;
            one->count = o->limit;
        }
    }
    if (st == TD_OK && o->row != NULL && *count == 0)
        st = study_no_row(o->where, o->row, s, n, a, err);
    return st;
}

/* One header with the decisions of all rows, then the trials of each. */
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

/* An empty table needs a word. */
static const char *nothing(const options *o, const chosen *c) {
    if (c->n == 0) return "  no trials yet\n";
    if (strcmp(o->verb, "pareto") == 0)
        return "  no design met the targets, so there is no front (`show` has all)\n";
    return "  no design could be built (`show` has the reasons)\n";
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
        if (c[i].count > 0)
            td_report_trials_table(c[i].t, c[i].n, c[i].pick, c[i].count, out);
        else
            td_text_add(out, nothing(o, &c[i]));
        if (strcmp(o->verb, "best") == 0 && c[i].count > 0)
            print_choices(&c[i].t[c[i].pick[0]], a, out);
    }
    if (o->format == CLI_JSON) {
        td_node_to_json(all, 1, out);
        td_text_add(out, "\n");
    }
    return TD_OK;
}

/* Verbs with options of their own. */
static const struct {
    const char *verb;
    int (*run)(int argc, char **argv);
} with_options[] = {{"importance", study_importance},
                    {"layers", study_layers},
                    {"resume", study_resume},
                    {"enqueue", study_enqueue},
                    {"reap", study_reap}};

int cmd_study(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof with_options / sizeof with_options[0]; i++)
        if (strcmp(argv[1], with_options[i].verb) == 0) {
            argv[1] = argv[0];
            return with_options[i].run(argc - 1, argv + 1);
        }
    static const struct argp_option argp_options[] = {
        {"row", OPT_ROW, "NAME", 0,
         "one row of the recipe: joint, network, ..., or a phase of one: alternate-2 (default: "
         "all)",
         0},
        {"limit", OPT_LIMIT, "N", 0, "the last N trials only", 0},
        {"format", 'f', "FORMAT", 0, "table, json or csv (default: table; export: csv)", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "list|show|best|pareto|export DIR|FILE.db\n"
        "importance|layers|resume|enqueue|reap --help",
        "Shows the trials of a results folder (or of a study.db), row by row of its recipe: list "
        "counts them; show has all; best the one best design with its choices; pareto those that "
        "no other one beats in accuracy, latency, energy and area together (of a search in Pareto "
        "mode: in its objectives, of those that meet its targets); export is show as CSV. Of a "
        "problem of tandem optimize or ask all speak in its own names, and best is the front where "
        "it has several objectives. importance tells which decisions matter, layers shows the "
        "second level of a nested search, resume goes on with a search, enqueue gives it designs "
        "to try, reap takes trials back from dead workers; each "
        "of these has a --help of its own.\v"
        "Examples:\n"
        "  tandem study list results/quickstart\n"
        "  tandem study best results/quickstart --row joint\n"
        "  tandem study export results/quickstart --format csv > trials.csv",
        0,
        0,
        0};
    options o = {.format = (cli_format)-1};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    if (strcmp(o.verb, "list") == 0 && (o.row != NULL || o.limit > 0)) {
        td_error wrong = {0};
        td_fail(&wrong, TD_E_USAGE, "--row and --limit are not for list");
        return cli_fail(&wrong);
    }
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
    const char *problem = NULL;
    td_goals goals;
    td_status s = study_open(o.where, a, &store, &info, &n, &err);
    if (s == TD_OK) s = td_store_problem(store, a, &problem, NULL, &goals, &err);
    if (s == TD_OK && strcmp(o.verb, "list") == 0)
        list_rows(&o, info, n, problem != NULL, a, &out);
    else if (s == TD_OK && problem != NULL && (o.row == NULL || strcmp(o.row, problem) == 0))
        s = cli_problem_show(store, problem, &goals, o.verb, o.format, o.limit, &out, &err);
    else if (s == TD_OK)
        s = show(&o, store, info, n, a, &out, &err);
    td_store_close(store); /* a reader of ours may take its time */
    code = s == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_arena_destroy(a);
    return code;
}
