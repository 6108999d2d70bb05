/* blackbox.c - reading and checking a problem's file; what its studies depend on. Keys:
 * docs/optimize.md. */
#include "blackbox.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "enqueue.h"
#include "inner.h"
#include "recipe.h"
#include "run.h"
#include "stop.h"

/* Trials of a budget of hours only: the loop makes room for all of them. */
enum { MOST_BY_TIME = 1000000 };

/* A list of words, or a line for the shell. */
static td_status read_command(td_blackbox *b, td_error *err) {
    const td_node *n = td_node_find(b->doc, "command");
    if (n == NULL) return TD_OK;
    bool shell = n->kind == TD_STRING;
    if ((!shell && n->kind != TD_LIST) || (!shell && n->count < 1) || (shell && n->text[0] == '\0'))
        return td_node_fail(n, err, "expected a program with its arguments: [python3, cost.py]");
    const char **word = TD_NEW(b->arena, const char *, shell ? 4 : n->count + 1);
    if (word == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; !shell && i < n->count; i++) {
        word[i] = n->item[i]->text;
        if (word[i] == NULL || n->item[i]->kind >= TD_LIST || (i == 0 && word[i][0] == '\0'))
            return td_node_fail(n->item[i], err, "expected a text");
    }
    if (shell) {
        word[0] = "/bin/sh";
        word[1] = "-c";
        word[2] = n->text;
    }
    b->command = word;
    return TD_OK;
}

static td_status read_budget(td_blackbox *b, td_error *err) {
    static const char *const keys[] = {"trials", "hours", NULL};
    const td_node *n = NULL;
    td_status s = td_node_opt_map(b->doc, "budget", &n, err);
    if (s != TD_OK || n == NULL) return s;
    s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_opt_int(n, "trials", 1, TD__MAX_TRIALS, &b->trials, err);
    if (s == TD_OK) s = td_node_opt_real(n, "hours", 1e-6, 1e6, &b->hours, err);
    return s;
}

static td_status read_strategy(td_blackbox *b, td_error *err) {
    const td_node *n = NULL;
    td_status s = td__named_map(b->arena, b->doc, "strategy", &n, err);
    if (s == TD_OK)
        s = td__strategy_read(b->arena, n, b->space, b->seed, &b->strategy, &b->params, err);
    if (s != TD_OK || b->goals.nobj == 1 || b->strategy->fronts) return s;
    int count;
    td_text others = {0};
    const td_strategy *const *all = td_strategy_list(&count);
    for (int i = 0; i < count; i++)
        if (all[i]->fronts)
            td_text_addf(&others, "%s%s", others.size > 0 ? ", " : "", all[i]->name);
    s = td_node_fail(n, err, "%s looks at one objective; several go with %s", b->strategy->name,
                     others.data != NULL ? others.data : "another strategy");
    td_text_free(&others);
    return s;
}

static td_status read_stopping(td_blackbox *b, td_error *err) {
    const td_node *n = NULL;
    td__stopping *stopping = &b->stopping;
    td_status s = td__named_map(b->arena, b->doc, "early_stopping", &n, err);
    if (s != TD_OK || n == NULL) return s;
    stopping->step = "step";
    s = td__stopping_read(b->arena, n, 0, &stopping->rule, &b->stopper_params, err);
    return s == TD_OK ? stopping->rule->create(&stopping->self, 0, b->stopper_params, err) : s;
}

static td_status read_enqueue(td_blackbox *b, td_error *err) {
    td__designs designs = {0};
    td_status s = td_node_opt_list(b->doc, "enqueue", &b->enqueue, err);
    if (s == TD_OK)
        s = td__designs_read(b->space, TD__STUDY_OPTIMIZE, b->enqueue, b->arena, &designs, err);
    if (s == TD_OK && b->trials > 0 && designs.n > b->trials)
        s = td_node_fail(b->enqueue, err, "%d designs, but budget.trials is %lld", designs.n,
                         (long long)b->trials);
    return s;
}

/* What a program evaluates. */
static td_status read_program(td_blackbox *b, td_error *err) {
    static const char *const keys[] = {"name",      "seed",        "parameters",     "objectives",
                                       "reference", "constraints", "command",        "timeout_s",
                                       "retries",   "strategy",    "parallel",       "budget",
                                       "enqueue",   "known",       "early_stopping", NULL};
    const td_node *d = b->doc, *parameters = NULL;
    td_status s = td_node_only(d, keys, err);
    if (s == TD_OK) s = td_node_get_map(d, "parameters", &parameters, err);
    b->known = td_node_find(d, "known");
    if (s == TD_OK) s = td_space_parameters(parameters, b->known, b->arena, &b->space, err);
    if (s == TD_OK) s = td__goals_read(d, &b->goals, err);
    if (s == TD_OK) s = read_command(b, err);
    if (s == TD_OK) s = td_node_opt_real(d, "timeout_s", 1e-3, 1e9, &b->timeout_s, err);
    if (s == TD_OK) s = td_node_opt_int(d, "retries", 0, 100, &b->retries, err);
    return s == TD_OK ? read_stopping(b, err) : s;
}

/* Layers on accelerators. */
static td_status read_nested(td_blackbox *b, td_error *err) {
    td_status s = td__nested_keys(b->doc, err);
    if (s == TD_OK) s = td__goals_read(b->doc, &b->goals, err);
    return s == TD_OK ? td__nested_read(b->doc, b->arena, &b->nested, &b->space, err) : s;
}

static td_status read_all(td_blackbox *b, td_error *err) {
    const td_node *d = b->doc;
    int64_t seed = 1;
    b->parallel = 1;
    b->timeout_s = INFINITY;
    td_status s = TD_OK;
    if (d->kind != TD_MAP) s = td_node_fail(d, err, "expected a problem (a map of keys)");
    if (s == TD_OK && td_node_find(d, "network") != NULL && td_node_find(d, "parameters") == NULL &&
        !td__nested_is(d))
        s = td_node_fail(d, err, "this is a recipe of networks and accelerators: `tandem search`");
    if (s == TD_OK) s = td__nested_is(d) ? read_nested(b, err) : read_program(b, err);
    if (s == TD_OK) s = td_node_get_string(d, "name", &b->name, err);
    if (s == TD_OK) s = td__check_name(td_node_find(d, "name"), b->name, err);
    if (s == TD_OK) s = td_node_opt_int(d, "seed", 0, INT64_MAX, &seed, err);
    b->seed = (uint64_t)seed;
    if (s == TD_OK) s = td_node_opt_int(d, "parallel", 1, 4096, &b->parallel, err);
    if (s == TD_OK) s = read_budget(b, err);
    if (s == TD_OK) s = read_strategy(b, err);
    if (s == TD_OK) s = read_enqueue(b, err);
    return s;
}

static td_status override_all(td_blackbox *b, const td_override *o, int n, td_error *err) {
    td_status s = TD_OK;
    td_text t = {0};
    for (int i = 0; s == TD_OK && i < n; i++)
        s = td__recipe_override(b->arena, (td_node *)b->doc, &o[i], err);
    if (s == TD_OK && n > 0)
        s = td__recipe_settle(b->arena, (td_node *)b->doc, b->doc->file, b->path, err);
    if (s != TD_OK || n == 0) return s;
    td_node_to_yaml(b->doc, &t);
    b->text = t.failed || t.data == NULL ? NULL : td_arena_strdup(b->arena, t.data);
    td_text_free(&t);
    return b->text != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

td_status td__blackbox_parse(const char *text, size_t size, const char *name, const td_override *o,
                             int n, td_blackbox **out, td_error *err) {
    *out = NULL;
    td_blackbox *b = calloc(1, sizeof *b);
    if (b == NULL || (b->arena = td_arena_create()) == NULL) {
        free(b);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    b->text = td_arena_printf(b->arena, "%.*s", (int)size, text);
    char *whole = realpath(name, NULL);
    b->path = td_arena_strdup(b->arena, whole != NULL ? whole : name);
    free(whole);
    char *of = b->path != NULL ? td_arena_strdup(b->arena, b->path) : NULL;
    if (of != NULL) b->folder = dirname(of);
    td_status s = b->text == NULL || of == NULL
                      ? td_fail(err, TD_E_MEMORY, "out of memory")
                      : td_yaml_parse(b->arena, text, size, name, &b->doc, err);
    if (s == TD_OK) s = override_all(b, o, n, err);
    if (s == TD_OK) s = read_all(b, err);
    if (s == TD_OK)
        *out = b;
    else
        td_blackbox_destroy(b);
    return s;
}

td_status td_blackbox_load_with(const char *path, const td_override *o, int n, td_blackbox **out,
                                td_error *err) {
    *out = NULL;
    char *text = NULL;
    size_t size = 0;
    td_status s = td_file_read(path, 1 << 20, &text, &size, err);
    if (s == TD_OK) s = td__blackbox_parse(text, size, path, o, n, out, err);
    free(text);
    return s;
}

void td_blackbox_destroy(td_blackbox *b) {
    if (b == NULL) return;
    if (b->stopping.rule != NULL) b->stopping.rule->destroy(b->stopping.self);
    td_arena_destroy(b->arena);
    free(b);
}

const char *td_blackbox_name(const td_blackbox *b) {
    return b->name;
}
const char *td_blackbox_text(const td_blackbox *b) {
    return b->text;
}
const td_goals *td_blackbox_goals(const td_blackbox *b) {
    return &b->goals;
}

void td_blackbox_describe(const td_blackbox *b, td_text *out) {
    td_text size = {0};
    const td_goals *g = &b->goals;
    if (td_space_size(b->space, &size, NULL) != TD_OK) td_text_add(&size, "?");
    const char *what = b->nested != NULL ? "decision" : "parameter";
    td_text_addf(out, "%s: %d %s%s", b->name, b->space->n, what, b->space->n == 1 ? "" : "s");
    if (size.data != NULL && strcmp(size.data, "inf") != 0) {
        td_text_add(out, ", ");
        td_text_add_grouped(out, size.data);
        td_text_add(out, " points");
    }
    for (int i = 0; i < g->nobj; i++)
        td_text_addf(out, "%s %s %s", i == 0 ? ";" : ",",
                     g->objective[i].maximise ? "maximise" : "minimise", g->objective[i].name);
    for (int i = 0; i < g->ncon; i++)
        td_text_addf(out, "%s %s %s %.12g", i == 0 ? "; met:" : ",", g->constraint[i].name,
                     g->constraint[i].least ? ">=" : "<=", g->constraint[i].bound);
    if (b->nested != NULL) td__nested_describe(b->nested, out);
    td_text_addf(out, "\n%s, seed %llu", b->strategy->name, (unsigned long long)b->seed);
    if (b->trials > 0) td_text_addf(out, ", %lld trials", (long long)b->trials);
    if (b->hours > 0) td_text_addf(out, ", at most %g hours", b->hours);
    if (b->parallel > 1) td_text_addf(out, ", %lld at a time", (long long)b->parallel);
    if (b->stopping.rule != NULL) {
        td_text_add(out, "\nearly stopping: ");
        td__stop_describe(&b->stopping, out);
    }
    if (b->command != NULL) {
        td_text_add(out, "\nprogram:");
        for (int i = 0; b->command[i] != NULL; i++) td_text_addf(out, " %.200s", b->command[i]);
    }
    td_text_add(out, "\n");
    td_text_free(&size);
}

/* ---- as a row of the store ------------------------------------------------------------------- */

static uint64_t hash_u64(uint64_t v, uint64_t h) {
    return td_hash(&v, sizeof v, h);
}

uint64_t td__blackbox_hash(const td_blackbox *b, bool asked) {
    const td_goals *g = &b->goals;
    uint64_t h = hash_u64(td_space_hash(b->space), td_hash_text(td_version(), 2));
    h = hash_u64(asked ? 0 : (uint64_t)b->parallel, h); /* who asks is told whatever is known */
    for (int i = 0; i < g->nobj; i++)
        h = hash_u64(g->objective[i].maximise, td_hash_text(g->objective[i].name, h));
    for (int i = 0; i < g->ncon; i++) {
        h = hash_u64(g->constraint[i].least, td_hash_text(g->constraint[i].name, h));
        h = td_hash(&g->constraint[i].bound, sizeof g->constraint[i].bound, h);
    }
    if (b->known != NULL) h = hash_u64(td__node_hash(b->known), h);
    if (b->nested != NULL) h = hash_u64(b->nested->hash, h);
    if (b->stopping.rule != NULL)
        h = hash_u64(td__node_hash(b->stopper_params), td_hash_text(b->stopping.rule->name, h));
    return hash_u64(td__node_hash(b->params), td_hash_text(b->strategy->name, h));
}

td_status td__blackbox_row(const td_blackbox *b, bool asked, td_arena *a, td__row *row,
                           td_error *err) {
    td__designs first = {0};
    const char *study = asked ? TD__STUDY_ASK : TD__STUDY_OPTIMIZE;
    const int64_t no_limit = asked ? TD__MAX_TRIALS : MOST_BY_TIME;
    td_status s = td__designs_read(b->space, study, b->enqueue, a, &first, err);
    *row = (td__row){.name = study,
                     .spec = b->text,
                     .path = b->path,
                     .spec_hash = td__blackbox_hash(b, asked),
                     .seed = b->seed,
                     .space = b->space,
                     .strategy = b->strategy,
                     .params = b->params,
                     .stopping = b->stopping.rule != NULL ? &b->stopping : NULL,
                     .lag = b->parallel - 1,
                     .trials = b->trials > 0 ? b->trials : no_limit,
                     .trained = INT64_MAX,
                     .active_s = 3600 * b->hours,
                     .first = first.params,
                     .first_hash = first.hash,
                     .n_first = first.n};
    return s;
}

void td__trial_line(const td_blackbox *b, int64_t number, const char *params, td_text *out) {
    /* A seed per trial that every language's generator takes. */
    const uint64_t both[2] = {b->seed, (uint64_t)number};
    td_text_addf(out, "{\"trial\": %lld, \"parameters\": %s, \"seed\": %llu}\n", (long long)number,
                 params, (unsigned long long)(td_hash(both, sizeof both, 0) & 0x7fffffff));
}

void td__stop_line(int64_t number, td_text *out) {
    td_text_addf(out, "{\"trial\": %lld, \"stop\": true}\n", (long long)number);
}
