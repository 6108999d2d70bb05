/* tandem space - the decisions of a search space, its exact size, and what random points of it are.
 */
#include "cli.h"

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "space_sample.h"
#include "tandem/space.h"
#include "tandem/study.h"

typedef struct {
    cli_format format;
    int64_t sample;
    uint64_t seed;
    int threads;
    bool cost;
    const char *what;
    cli_set set;
} options;

enum { OPT_SAMPLE = 1000, OPT_SEED, OPT_COST, OPT_THREADS, OPT_SET };

/* A number at the end of an option; false if it is none, or beyond. */
static bool parse_number(const char *s, uint64_t most, uint64_t *out) {
    char *end;
    if (s[0] < '0' || s[0] > '9') return false;
    unsigned long long v = strtoull(s, &end, 10);
    *out = v;
    return *end == '\0' && v <= most && (v < UINT64_MAX || strcmp(s, "18446744073709551615") == 0);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    uint64_t n = 0;
    switch (key) {
    case 'f':
        if (!cli_format_parse(arg, &o->format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case OPT_SAMPLE:
        if (!parse_number(arg, CLI_MOST_POINTS, &n) || n == 0)
            argp_error(state, "--sample: expected an integer in [1, %d], found \"%s\"",
                       CLI_MOST_POINTS, arg);
        o->sample = (int64_t)n;
        return 0;
    case OPT_SEED:
        if (!parse_number(arg, UINT64_MAX, &o->seed))
            argp_error(state, "--seed: expected an integer >= 0, found \"%s\"", arg);
        return 0;
    case OPT_COST: o->cost = true; return 0;
    case OPT_SET:
        if (!cli_set_add(&o->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case OPT_THREADS:
        if (!parse_number(arg, 1024, &n) || n == 0)
            argp_error(state, "--threads: expected an integer in [1, 1024], found \"%s\"", arg);
        o->threads = (int)n;
        return 0;
    case ARGP_KEY_ARG:
        if (o->what != NULL) argp_error(state, "one NAME or RECIPE at most");
        o->what = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->what == NULL && o->sample > 0) argp_error(state, "--sample needs a NAME or RECIPE");
        if (o->cost && o->sample == 0) argp_error(state, "--cost needs --sample N");
        if (o->format == CLI_CSV && o->sample == 0)
            argp_error(state, "--format csv is the points of --sample N");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- finding the space
 * --------------------------------------------------------------------------- */

typedef struct {
    td_space *net, *hw, *all; /* all: the one there is, or the product */
    const char *keys;         /* of a shipped space of networks */
    td_schedule_options schedule;
} sides;

static const td_space_entry *find_shipped(const char *name) {
    int n;
    const td_space_entry *e = td_space_list(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(e[i].name, name) == 0) return &e[i];
    return NULL;
}

/* A recipe (network:, accelerator:), or an accelerator's own file with space:. */
static td_status load_file(const char *path, const cli_set *set, td_arena *a, sides *out,
                           td_error *err) {
    const td_node *doc, *net = NULL, *hw = NULL, *schedule = NULL;
    td_status s = td_node_load(a, path, &doc, err);
    for (int i = 0; s == TD_OK && i < set->n; i++)
        s = td_node_override(a, (td_node *)doc, "--set", set->value[i], err);
    if (s != TD_OK) return s;
    if (td_node_find(doc, "template") != NULL || td_node_find(doc, "levels") != NULL) {
        hw = doc;
    } else {
        s = td_node_opt_map(doc, "network", &net, err);
        if (s == TD_OK) s = td_node_opt_map(doc, "accelerator", &hw, err);
        if (s == TD_OK) s = td_node_opt_map(doc, "schedule", &schedule, err);
    }
    if (s == TD_OK && net == NULL && hw == NULL)
        s = td_node_fail(doc, err,
                         "expected a recipe with network: or accelerator:, or an "
                         "accelerator with template: or levels:, and space:");
    if (s == TD_OK && doc != hw) s = td_recipe_keys(doc, err);
    if (s == TD_OK && net != NULL) s = td_space_net_from_node(net, a, &out->net, err);
    if (s == TD_OK && hw != NULL) s = td_space_hw_from_node(hw, a, &out->hw, err);
    if (s == TD_OK) s = td_schedule_options_from_node(schedule, &out->schedule, err);
    return s;
}

static td_status load(const options *o, td_arena *a, sides *out, td_error *err) {
    const char *what = o->what;
    td_status s;
    const td_space_entry *shipped = find_shipped(what);
    const char *recipe = cli_recipe_find(what, a);
    if (o->set.n > 0 && (shipped != NULL || (recipe == NULL && strpbrk(what, "/.") == NULL)))
        return td_fail(err, TD_E_USAGE, "--set is for a RECIPE or a file");
    if (shipped != NULL) {
        out->keys = shipped->keys;
        s = td_space_by_name(what, a, shipped->network ? &out->net : &out->hw, err);
    } else if (recipe == NULL && strpbrk(what, "/.") == NULL) {
        s = td_space_by_name(what, a, &out->all, err); /* tells the names that there are */
    } else {
        s = load_file(recipe != NULL ? recipe : what, &o->set, a, out, err);
    }
    if (s != TD_OK) return s;
    if (out->net != NULL && out->hw != NULL)
        return td_space_product(out->net, out->hw, a, &out->all, err);
    out->all = out->net != NULL ? out->net : out->hw;
    return TD_OK;
}

/* ---- the document, and the table from it
 * ----------------------------------------------------------- */

static td_node *value_node(const td_decision *d, int k, td_arena *a) {
    if (d->label != NULL) return td_node_string(a, d->label[k]);
    double v = d->value[k];
    return v == floor(v) && fabs(v) < 9e15 ? td_node_int(a, (int64_t)v) : td_node_real(a, v);
}

static td_status put_size(const td_space *s, td_arena *a, td_node *map, const char *key,
                          td_error *err) {
    td_text t = {0};
    td_status status = td_space_size(s, &t, err);
    if (status == TD_OK) td_node_put_string(a, map, key, t.data); /* may be beyond 64 bits */
    td_text_free(&t);
    return status;
}

static void put_decision(const td_space *s, int i, td_arena *a, td_node *list) {
    static const char *const kinds[] = {"categorical", "ordered", "integer", "real"};
    const td_decision *d = &s->d[i];
    td_node *m = td_node_push(a, list, td_node_map(a));
    td_node_put_string(a, m, "name", d->name);
    td_node_put_string(a, m, "kind", kinds[d->kind]);
    if (d->kind == TD_INTEGER || d->kind == TD_REAL_RANGE) {
        td_node_put_real(a, m, "low", d->lo);
        td_node_put_real(a, m, "high", d->hi);
        if (d->log) td_node_put_bool(a, m, "log", true);
    } else {
        td_node *values = td_node_put(a, m, "values", td_node_list(a));
        for (int k = 0; k < d->n; k++) td_node_push(a, values, value_node(d, k, a));
    }
    if (d->parent < 0) return;
    const td_decision *p = &s->d[d->parent];
    td_node_put_string(a, m, "parent", p->name);
    td_node *when = td_node_put(a, m, "when", td_node_list(a));
    for (int k = 0; k < 64; k++) {
        if ((d->when >> k & 1) == 0) continue;
        td_node_push(a, when,
                     p->kind == TD_INTEGER ? td_node_int(a, (int64_t)p->lo + k)
                                           : value_node(p, k, a));
    }
}

static td_status describe(const sides *x, td_arena *a, td_node *root, td_error *err) {
    td_node_put_string(a, root, "name", x->all->name);
    td_status s = put_size(x->all, a, root, "size", err);
    if (s == TD_OK && x->net != NULL) s = put_size(x->net, a, root, "networks", err);
    if (s == TD_OK && x->hw != NULL) s = put_size(x->hw, a, root, "accelerators", err);
    td_node *list = td_node_put(a, root, "decisions", td_node_list(a));
    for (int i = 0; i < x->all->n; i++) put_decision(x->all, i, a, list);
    const td_node *keys;
    if (s != TD_OK || x->keys == NULL) return s;
    s = td_yaml_parse(a, x->keys, strlen(x->keys), x->all->name, &keys, err);
    if (s == TD_OK) td_node_put(a, root, "keys", (td_node *)keys);
    return s;
}

/* What a recipe's map may leave out, as it may be written there. */
static void add_keys(td_text *t, const char *keys) {
    td_text_add(t, "\nin a recipe (what is left out is as here):\n\nnetwork:\n");
    while (*keys != '\0') {
        int length = (int)strcspn(keys, "\n");
        td_text_addf(t, "  %.*s\n", length, keys);
        keys += length + (keys[length] == '\n');
    }
}

static void add_list(td_text *t, const td_node *list, const char *between) {
    for (int i = 0; i < list->count; i++) {
        const td_node *n = list->item[i];
        char number[32];
        if (n->kind == TD_INT) snprintf(number, sizeof number, "%lld", (long long)n->integer);
        if (n->kind == TD_REAL) td_real_text(n->real, number);
        td_text_addf(t, "%s%s", i > 0 ? between : "", n->kind == TD_STRING ? n->text : number);
    }
}

static void add_decisions(td_text *t, const td_node *list) {
    size_t name_w = 8, values_w = 6;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1)
            td_text_addf(t, "\n%-*s  %-*s  active while\n", (int)name_w, "decision", (int)values_w,
                         "values");
        for (int i = 0; i < list->count; i++) {
            const td_node *m = list->item[i], *values = td_node_find(m, "values");
            const char *name = td_node_find(m, "name")->text;
            td_text v = {0};
            if (values != NULL)
                add_list(&v, values, " ");
            else
                td_text_addf(&v, "%s %.10g .. %.10g%s", td_node_find(m, "kind")->text,
                             td_node_find(m, "low")->real, td_node_find(m, "high")->real,
                             td_node_find(m, "log") != NULL ? ", log" : "");
            const char *text = v.data != NULL ? v.data : "";
            if (pass == 0) {
                if (strlen(name) > name_w) name_w = strlen(name);
                if (strlen(text) > values_w) values_w = strlen(text);
            } else if (td_node_find(m, "parent") != NULL) {
                td_text_addf(t, "%-*s  %-*s  %s is ", (int)name_w, name, (int)values_w, text,
                             td_node_find(m, "parent")->text);
                add_list(t, td_node_find(m, "when"), " or ");
                td_text_add(t, "\n");
            } else {
                td_text_addf(t, "%-*s  %s\n", (int)name_w, name, text);
            }
            td_text_free(&v);
        }
    }
}

static void add_table(td_text *t, const td_node *root) {
    const td_node *nets = td_node_find(root, "networks"), *hw = td_node_find(root, "accelerators");
    const td_node *decisions = td_node_find(root, "decisions"),
                  *drawn = td_node_find(root, "sample"), *walks = td_node_find(root, "walked");
    td_text_addf(t, "%s: %d decision%s, ", td_node_find(root, "name")->text, decisions->count,
                 decisions->count == 1 ? "" : "s");
    if (nets != NULL) td_text_add_grouped(t, nets->text);
    if (nets != NULL) td_text_add(t, " networks");
    if (nets != NULL && hw != NULL) td_text_add(t, " x ");
    if (hw != NULL) td_text_add_grouped(t, hw->text);
    if (hw != NULL) td_text_add(t, " accelerators");
    if (nets != NULL && hw != NULL) {
        td_text_add(t, " = ");
        td_text_add_grouped(t, td_node_find(root, "size")->text);
    }
    td_text_add(t, "\n");
    if (decisions->count > 0) add_decisions(t, decisions);
    if (drawn != NULL) cli_points_table(drawn, t);
    for (int i = 0; walks != NULL && i < walks->count; i++) cli_walk_table(walks->item[i], t);
}

/* ---- the list of spaces
 * ---------------------------------------------------------------------------- */

static td_status list_spaces(cli_format format, td_arena *a, td_text *t, td_error *err) {
    int n;
    const td_space_entry *e = td_space_list(&n);
    td_node *list = td_node_list(a);
    if (format == CLI_TABLE)
        td_text_addf(t, "%-16s  %-11s  %9s  %39s  %s\n", "name", "of", "decisions", "points",
                     "about");
    for (int i = 0; i < n; i++) {
        td_space *s;
        td_node *m = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, m, "name", e[i].name);
        td_node_put_string(a, m, "about", e[i].about);
        td_node_put_string(a, m, "of", e[i].network ? "networks" : "accelerators");
        td_status status = td_space_by_name(e[i].name, a, &s, err);
        if (status == TD_OK) td_node_put_int(a, m, "decisions", s->n);
        if (status == TD_OK) status = put_size(s, a, m, "size", err);
        if (status != TD_OK) return status;
        td_text size = {0};
        td_text_add_grouped(&size, td_node_find(m, "size")->text);
        if (format == CLI_TABLE)
            td_text_addf(t, "%-16s  %-12s %9d  %39s  %s\n", e[i].name, td_node_find(m, "of")->text,
                         s->n, size.data, e[i].about);
        td_text_free(&size);
    }
    if (format == CLI_JSON) td_node_to_json(list, 2, t);
    if (format == CLI_JSON) td_text_add(t, "\n");
    return TD_OK;
}

/* ---- points -----------------------------------------------------------------------------------
 */

/* The first Ctrl-C ends the draw after the points that are being looked at, a second one the
 * program. */
static volatile sig_atomic_t stop_asked;

static void on_signal(int sig) {
    (void)sig;
    stop_asked = 1;
}

static bool cancelled(void) {
    return stop_asked != 0;
}

static void show_progress(int64_t done, int64_t points) {
    if (done % 64 != 0 && done != points) return;
    fprintf(stderr, "\r\033[K%lld of %lld points", (long long)done, (long long)points);
    fflush(stderr);
}

/* A side that is small enough is looked at in full, beside the sample. */
static td_status put_walk(const td_space *s, const char *of, const cli_draw *sample, td_arena *a,
                          td_node *list, td_error *err) {
    if (s == NULL || s->n == 0 || !cli_points_few(s)) return TD_OK;
    cli_draw d = {.space = s, .threads = sample->threads, .cancelled = sample->cancelled};
    cli_points all = {0};
    td_status st = cli_points_draw(&d, &all, err);
    if (st == TD_OK) td_node_push(a, list, cli_walk_node(&all, of, a));
    cli_points_free(&all);
    return st;
}

static td_status put_points(const options *o, const sides *x, td_arena *a, td_node *root,
                            td_text *csv, td_error *err) {
    if (o->cost && (x->net == NULL || x->hw == NULL))
        return td_fail(err, TD_E_USAGE,
                       "--cost needs a network and an accelerator: a recipe with network: and "
                       "accelerator:");
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    cli_draw d = {.space = x->all,
                  .points = o->sample,
                  .seed = o->seed,
                  .threads = o->threads,
                  .cost = o->cost ? &x->schedule : NULL,
                  .cancelled = cancelled,
                  .progress = o->cost && isatty(STDERR_FILENO) ? show_progress : NULL};
    cli_points drawn = {0};
    td_status s = cli_points_draw(&d, &drawn, err);
    if (d.progress != NULL) fputs("\r\033[K", stderr);
    if (s == TD_OK && o->format == CLI_CSV) {
        s = cli_points_csv(&drawn, &d, csv, err);
    } else if (s == TD_OK) {
        td_node_put(a, root, "sample", cli_points_node(&drawn, &d, a));
        td_node *list = td_node_put(a, root, "walked", td_node_list(a));
        s = put_walk(x->net, "networks", &d, a, list, err);
        if (s == TD_OK) s = put_walk(x->hw, "accelerators", &d, a, list, err);
    }
    cli_points_free(&drawn);
    return s;
}

static td_status show_space(const options *o, td_arena *a, td_text *t, td_error *err) {
    sides x = {0};
    td_schedule_options_default(&x.schedule);
    td_node *root = td_node_map(a);
    td_status s = root == NULL ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
    if (s == TD_OK) s = load(o, a, &x, err);
    if (s == TD_OK) s = describe(&x, a, root, err);
    if (s == TD_OK && o->sample > 0) s = put_points(o, &x, a, root, t, err);
    if (s == TD_OK && o->format == CLI_JSON) {
        td_node_to_json(root, 2, t);
        td_text_add(t, "\n");
    } else if (s == TD_OK && o->format == CLI_TABLE) {
        add_table(t, root);
        if (x.keys != NULL && o->sample == 0) add_keys(t, x.keys);
    }
    return s;
}

int cmd_space(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"sample", OPT_SAMPLE, "N", 0, "draw N random points: how many can be built, and why not",
         0},
        {"seed", OPT_SEED, "SEED", 0, "seed of the sample (0)", 0},
        {"cost", OPT_COST, 0, 0,
         "also schedule each point that can be built: latency and energy, or why there is none", 0},
        {"threads", OPT_THREADS, "N", 0,
         "points at a time (default: one per core); changes no figure", 0},
        {"set", OPT_SET, "KEY=VALUE", 0, CLI_SET_HELP, 0},
        {"format", 'f', "FORMAT", 0, "table (default), json, or csv: the points themselves", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "[NAME|RECIPE]",
        "Shows the decisions of a search space and its exact size. NAME is a shipped space; RECIPE "
        "is a shipped recipe's name, a YAML file with network: or accelerator: or both, or an "
        "accelerator's file with template: and space:. Without argument: the shipped spaces.\v"
        "Examples:\n  tandem space\n  tandem space micro --sample 2000\n"
        "  tandem space recipes/quickstart.yaml --sample 500 --seed 1 --format json\n"
        "  tandem space quickstart --sample 1000 --cost",
        0,
        0,
        0};
    options o = {.format = CLI_TABLE};
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_arena *a = td_arena_create();
    td_error err = {0};
    td_text t = {0};
    td_status s;
    if (a == NULL)
        s = td_fail(&err, TD_E_MEMORY, "out of memory");
    else
        s = o.what != NULL ? show_space(&o, a, &t, &err) : list_spaces(o.format, a, &t, &err);
    int code = s == TD_OK ? cli_print(&t) : cli_fail(&err);
    td_text_free(&t);
    td_arena_destroy(a);
    return code;
}
