/* compare_plan.c - what a comparison runs: read and checked as a whole before the first run. */
#include <stdlib.h>
#include <string.h>

#include "compare.h"

enum { MOST = 64 };

typedef struct {
    td_comparison *c;
    td_arena *a; /* of c */
    const td_recipe *r;
    td_compare_method *method;
    td_compare_target *target;
} plan;

static td_status no_memory(td_error *err) {
    return td_fail(err, TD_E_MEMORY, "out of memory");
}

/* Parts of a text between separators: at most MOST, none empty, without blanks around. */
static td_status split(td_arena *a, const char *what, const char *text, const char *separator,
                       char *part[MOST], int *n, td_error *err) {
    char *rest = td_arena_strdup(a, text);
    *n = 0;
    if (rest == NULL) return no_memory(err);
    for (char *one; (one = strsep(&rest, separator)) != NULL;) {
        one += strspn(one, " \t\n");
        for (size_t k = strlen(one); k > 0 && strchr(" \t\n", one[k - 1]) != NULL; k--)
            one[k - 1] = '\0';
        if (*one == '\0')
            return td_fail(err, TD_E_USAGE, "%s: there is an empty part in \"%.200s\"", what, text);
        if (*n == MOST) return td_fail(err, TD_E_USAGE, "%s: more than %d", what, MOST);
        part[(*n)++] = one;
    }
    return TD_OK;
}

/* A name of files: other characters than letters, digits and a few become "-". */
static const char *file_name(td_arena *a, const char *label) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.=,";
    char *name = td_arena_strdup(a, label);
    for (char *p = name; p != NULL && *p != '\0'; p++)
        if (strchr(allowed, *p) == NULL) *p = '-';
    return name;
}

static const char *as_json(td_arena *a, const td_node *n) {
    td_text t = {0};
    td_node_to_json(n, 0, &t);
    const char *text = t.failed || t.data == NULL ? NULL : td_arena_strdup(a, t.data);
    td_text_free(&t);
    return text;
}

/* A copy of a map's entry for another map: td_node_put moves what it is given. */
static void put_copy(td_arena *a, td_node *map, const td_node *entry) {
    td_node *copy = TD_NEW(a, td_node, 1);
    if (copy != NULL) *copy = *entry;
    td_node_put(a, map, entry->key, copy);
}

/* "KEY=VALUE<separator>..." of a map's scalars. */
static void add_values(const td_node *map, const char *skip, const char *separator, td_text *out) {
    const char *before = "";
    for (int i = 0; i < map->count; i++) {
        const td_node *v = map->item[i];
        if (skip != NULL && strcmp(v->key, skip) == 0) continue;
        td_text_addf(out, "%s%s=", before, v->key);
        if (v->text != NULL)
            td_text_add(out, v->text);
        else
            td_node_to_json(v, 0, out);
        before = separator;
    }
}

/* ---- methods --------------------------------------------------------------------------------- */

/* Other budgets give other runs, in another folder, but for trials where they are prefixes. */
static const char *folder_of(const plan *p, const char *name, bool whole) {
    const td_comparison *c = p->c;
    td_text t = {0};
    if (name == NULL) return NULL;
    td_text_add(&t, name);
    if (whole) td_text_addf(&t, "-%lld", (long long)c->budget[c->nbudget - 1]);
    if (c->trained != INT64_MAX)
        td_text_addf(&t, "%s-%lld", whole ? "" : "-trained", (long long)c->trained);
    const char *folder = t.failed ? NULL : td_arena_strdup(p->a, t.data);
    td_text_free(&t);
    return folder;
}

/* scope NULL: the spec's own. */
static td_status add_method(plan *p, const td_node *spec, const char *scope, bool name_scope,
                            td_error *err) {
    const char *name = td_node_find(spec, "name")->text;
    td_compare_method *m = &p->method[p->c->nmethod];
    td_text label = {0};
    td_node *map = td_node_map(p->a);
    if (p->c->nmethod == MOST)
        return td_fail(err, TD_E_USAGE, "more than %d strategies and scopes to compare", MOST);
    /* The recipe's own options hold for the strategy that it names. */
    if (strcmp(p->r->strategy->name, name) == 0 && p->r->strategy_map != NULL)
        for (int i = 0; i < p->r->strategy_map->count; i++)
            put_copy(p->a, map, p->r->strategy_map->item[i]);
    for (int i = 0; i < spec->count; i++)
        if (strcmp(spec->item[i]->key, "scope") != 0) put_copy(p->a, map, spec->item[i]);
    if (scope == NULL) scope = td_node_find(spec, "scope")->text;
    td_text_addf(&label, "%s%s%s", name_scope ? scope : "", name_scope ? " " : "", name);
    if (spec->count > 1) td_text_add(&label, ":");
    add_values(spec, "name", ":", &label);
    *m = (td_compare_method){.scope = scope, .strategy = as_json(p->a, map)};
    if (label.data != NULL) m->label = td_arena_strdup(p->a, label.data);
    td_text_free(&label);
    if (m->label == NULL || m->strategy == NULL) return no_memory(err);
    bool named = name_scope || td_node_find(spec, "scope") != NULL;
    const char *both = named ? m->label : td_arena_printf(p->a, "%s %s", scope, m->label);
    m->whole = td_scope_find(scope)->n > 1;
    m->folder = both != NULL ? folder_of(p, file_name(p->a, both), m->whole) : NULL;
    if (m->folder == NULL) return no_memory(err);
    if (strlen(m->folder) > 200)
        return td_fail(err, TD_E_USAGE, "strategy %.60s...: the options are too long", m->label);
    for (int i = 0; i < p->c->nmethod; i++)
        if (strcmp(p->method[i].folder, m->folder) == 0)
            return td_fail(err, TD_E_USAGE, "strategy %s is named twice", m->label);
    p->c->nmethod++;
    return TD_OK;
}

static td_status list_strategies(plan *p, const char *text, const td_node **list, int *n,
                                 td_error *err) {
    char *part[MOST];
    td_node *map;
    const td_node *own = p->r->compare_strategies;
    td_status s = TD_OK;
    *n = 0;
    if (text == NULL && own == NULL) {
        bool random = strcmp(p->r->strategy->name, "random") == 0;
        text = random ? "random" : td_arena_printf(p->a, "random,%s", p->r->strategy->name);
        if (text == NULL) return no_memory(err);
    }
    if (text == NULL) {
        for (int i = 0; s == TD_OK && i < own->count && i < MOST; i++) {
            list[i] = own->item[i];
            if (list[i]->kind == TD_STRING) s = td__strategy_spec(p->a, list[i]->text, &map, err);
            if (s == TD_OK && list[i]->kind == TD_STRING) list[i] = map;
            *n = i + 1;
        }
        return s;
    }
    s = split(p->a, "--strategies", text, ",", part, n, err);
    for (int i = 0; s == TD_OK && i < *n; i++) {
        s = td__strategy_spec(p->a, part[i], &map, err);
        if (s != TD_OK) return td_error_prefix(err, "--strategies");
        list[i] = map;
    }
    return s;
}

static td_status fail_scope(const char *option, const char *name, td_error *err) {
    int n, m = 0;
    const char *known[MOST];
    const td_scope *all = td_scope_list(&n);
    for (int i = 0; i < n && m < MOST; i++)
        if (strcmp(all[i].name, "workload") != 0) known[m++] = all[i].name;
    td_text t = {0};
    td_text_add_known(&t, name, known, m);
    td_fail(err, TD_E_USAGE, "%s: there is no scope \"%.60s\"%s", option, name,
            t.data != NULL ? t.data : "");
    td_text_free(&t);
    return TD_E_USAGE;
}

static td_status read_methods(plan *p, const td_compare_spec *spec, td_error *err) {
    const td_node *strategy[MOST];
    char *scope[MOST];
    int nscope, n;
    const bool own_scope = p->r->n_scope == 1 && !p->r->is_workload;
    const char *usual = own_scope ? p->r->scope[0]->name : "joint";
    td_status s = split(p->a, "--scopes", spec->scopes != NULL ? spec->scopes : usual, ",", scope,
                        &nscope, err);
    for (int i = 0; s == TD_OK && i < nscope; i++)
        if (td_scope_find(scope[i]) == NULL) s = fail_scope("--scopes", scope[i], err);
    if (s == TD_OK) s = list_strategies(p, spec->strategies, strategy, &n, err);
    for (int k = 0; s == TD_OK && k < n; k++) { /* those with a scope of their own */
        const td_node *own = td_node_find(strategy[k], "scope");
        if (own != NULL && (own->text == NULL || td_scope_find(own->text) == NULL))
            s = fail_scope("--strategies", own->text != NULL ? own->text : "", err);
    }
    for (int i = 0; s == TD_OK && i < nscope; i++)
        for (int k = 0; s == TD_OK && k < n; k++) {
            bool own = td_node_find(strategy[k], "scope") != NULL;
            if (own && i > 0) continue;
            s = add_method(p, strategy[k], own ? NULL : scope[i], !own && nscope > 1, err);
        }
    if (s == TD_OK && p->c->nmethod < 1)
        s = td_fail(err, TD_E_USAGE, "expected strategies to compare");
    if (s != TD_OK || spec->against == NULL) return s;
    const char *known[MOST];
    for (int i = 0; i < p->c->nmethod; i++) {
        known[i] = p->method[i].label;
        if (strcmp(spec->against, known[i]) != 0) continue;
        p->c->against = i;
        return TD_OK;
    }
    td_text t = {0};
    td_text_add_known(&t, spec->against, known, p->c->nmethod);
    s = td_fail(err, TD_E_USAGE, "--against: \"%.100s\" is not compared%s", spec->against,
                t.data != NULL ? t.data : "");
    td_text_free(&t);
    return s;
}

/* ---- targets --------------------------------------------------------------------------------- */

static td_status add_target(plan *p, const td_node *map, td_error *err) {
    td_compare_target *t = &p->target[p->c->ntarget];
    td_text label = {0};
    if (map->kind != TD_MAP)
        return td_node_fail(map, err, "expected targets: a map of latency_us, energy_uj, area_mm2");
    if (p->c->ntarget == MOST) return td_fail(err, TD_E_USAGE, "--targets: more than %d", MOST);
    add_values(map, NULL, ",", &label);
    t->label = td_arena_strdup(p->a, label.data != NULL && label.size > 0 ? label.data : "none");
    t->value = as_json(p->a, map);
    td_text_free(&label);
    if (t->label == NULL || t->value == NULL) return no_memory(err);
    for (int i = 0; i < p->c->ntarget; i++)
        if (strcmp(p->target[i].label, t->label) == 0)
            return td_fail(err, TD_E_USAGE, "--targets: %s is named twice", t->label);
    p->c->ntarget++;
    return TD_OK;
}

/* "latency_us=10,area_mm2=1" as a map. */
static td_status read_target(plan *p, const char *text, td_error *err) {
    char *part[MOST];
    int n;
    td_node *map = td_node_map(p->a);
    td_status s = split(p->a, "--targets", text, ",", part, &n, err);
    for (int i = 0; s == TD_OK && i < n; i++) {
        const td_node *value;
        char *equals = strchr(part[i], '=');
        if (equals == NULL || equals == part[i] || equals[1] == '\0')
            return td_fail(err, TD_E_USAGE, "--targets: expected KEY=NUMBER, found \"%.100s\"",
                           part[i]);
        *equals = '\0';
        s = td_yaml_parse(p->a, equals + 1, strlen(equals + 1), "--targets", &value, err);
        if (s == TD_OK && td_node_put(p->a, map, part[i], (td_node *)value) == NULL)
            s = no_memory(err);
    }
    return s == TD_OK ? add_target(p, map, err) : s;
}

static td_status read_targets(plan *p, const char *text, td_error *err) {
    char *part[MOST];
    int n;
    const td_node *doc;
    td_status s = TD_OK;
    if (text == NULL) {
        p->target[p->c->ntarget++] = (td_compare_target){.label = ""};
    } else if (td_file_exists(text)) {
        s = td_node_load(p->a, text, &doc, err);
        if (s == TD_OK && (doc->kind != TD_LIST || doc->count == 0))
            s = td_node_fail(doc, err, "expected a list of targets");
        for (int i = 0; s == TD_OK && i < doc->count; i++) s = add_target(p, doc->item[i], err);
    } else if (strchr(text, '=') == NULL) {
        s = td_fail(err, TD_E_NOT_FOUND,
                    "--targets: no file %.200s, and no list such as latency_us=10,area_mm2=1",
                    text);
    } else {
        s = split(p->a, "--targets", text, ";", part, &n, err);
        for (int i = 0; s == TD_OK && i < n; i++) s = read_target(p, part[i], err);
    }
    return s;
}

/* ---- budgets, qualities ---------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Distinct numbers in [lo, hi], ascending. */
static td_status read_numbers(plan *p, const char *what, const char *text, bool whole, double lo,
                              double hi, double v[MOST], int *n, td_error *err) {
    char *part[MOST], *end;
    int count = 0;
    td_status s = split(p->a, what, text, ",", part, n, err);
    if (s != TD_OK) return s;
    for (int i = 0; i < *n; i++) {
        v[i] = strtod(part[i], &end);
        if (*end != '\0' || !(v[i] >= lo && v[i] <= hi) || (whole && v[i] != floor(v[i])))
            return td_fail(err, TD_E_USAGE, "%s: expected %s from %.10g to %.10g, found \"%.60s\"",
                           what, whole ? "whole numbers" : "numbers", lo, hi, part[i]);
    }
    qsort(v, (size_t)*n, sizeof *v, by_value);
    for (int i = 0; i < *n; i++)
        if (i == 0 || v[i] != v[count - 1]) v[count++] = v[i];
    *n = count;
    return TD_OK;
}

static td_status read_limits(plan *p, const td_compare_spec *spec, td_error *err) {
    td_comparison *c = p->c;
    double v[MOST] = {(double)p->r->trials};
    td_status s = TD_OK;
    c->nbudget = 1;
    c->trained = p->r->trained;
    if (spec->budgets != NULL)
        s = read_numbers(p, "--budgets", spec->budgets, true, 1, TD__MAX_TRIALS, v, &c->nbudget,
                         err);
    int64_t *budget = TD_NEW(p->a, int64_t, MOST);
    double *quality = TD_NEW(p->a, double, MOST);
    if (budget == NULL || quality == NULL) return no_memory(err);
    for (int i = 0; s == TD_OK && i < c->nbudget; i++) budget[i] = (int64_t)v[i];
    if (s == TD_OK && spec->qualities != NULL)
        s = read_numbers(p, "--qualities", spec->qualities, false, 0, 1, quality, &c->nquality,
                         err);
    c->budget = budget;
    c->quality = quality;
    return s;
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* Hours end a run by how busy the machine is, and given designs would be in all runs. */
td_override *td__compare_overrides(const td_comparison *c, int method, int target, uint64_t seed,
                                   td_arena *a, int *count) {
    static const char *const out[] = {"compare_strategies", "final", "budget.hours", "enqueue"};
    enum { OUT = sizeof out / sizeof out[0], OTHERS = 5 };
    td_override *o = TD_NEW(a, td_override, c->n_set + OUT + OTHERS);
    const char *number = td_arena_printf(a, "%llu", (unsigned long long)seed);
    const char *trials = td_arena_printf(a, "%lld", (long long)c->budget[c->nbudget - 1]);
    if (o == NULL || number == NULL || trials == NULL) return NULL;
    int n = 0;
    for (int i = 0; i < c->n_set; i++) o[n++] = c->set[i];
    for (int i = 0; i < OUT; i++) o[n++] = (td_override){out[i], NULL, ""};
    o[n++] = (td_override){"seed", number, "--seeds"};
    o[n++] = (td_override){"budget.trials", trials, "--budgets"};
    o[n++] = (td_override){"strategy", c->method[method].strategy, "--strategies"};
    if (c->target[target].value != NULL)
        o[n++] = (td_override){"objective.targets", c->target[target].value, "--targets"};
    o[n++] = (td_override){"scope", c->method[method].scope, "--scopes"};
    *count = n;
    return o;
}

td_status td__compare_load(const td_comparison *c, uint64_t seed, td_recipe **r, td_error *err) {
    *r = NULL;
    td_arena *a = td_arena_create();
    if (a == NULL) return no_memory(err);
    td_override *o = TD_NEW(a, td_override, c->n_set + 1);
    const char *number = td_arena_printf(a, "%llu", (unsigned long long)seed);
    td_status s = o != NULL && number != NULL ? TD_OK : no_memory(err);
    for (int i = 0; s == TD_OK && i < c->n_set; i++) o[i] = c->set[i];
    if (s == TD_OK) o[c->n_set] = (td_override){"seed", number, "--seeds"};
    if (s == TD_OK) s = td_recipe_load_with(c->recipe, o, c->n_set + 1, r, err);
    td_arena_destroy(a);
    return s;
}

bool td_compare_tells(const td_comparison *c, int method, int budget) {
    return !c->method[method].whole || budget == c->nbudget - 1;
}

static td_status list_runs(plan *p, const char *out, td_error *err) {
    td_comparison *c = p->c;
    c->nrun = c->nseed * c->ntarget * c->nmethod;
    c->run = TD_NEW(p->a, td_compare_run, c->nrun);
    if (c->run == NULL) return no_memory(err);
    for (int i = 0; i < c->nrun; i++) {
        td_compare_run *run = &c->run[i];
        *run = (td_compare_run){.method = i % c->nmethod,
                                .target = i / c->nmethod % c->ntarget,
                                .seed = c->seed + (uint64_t)(i / c->nmethod / c->ntarget),
                                .score = TD_NEW(p->a, td_compare_score, c->nbudget)};
        const td_compare_target *t = &c->target[run->target];
        const char *folder = t->value != NULL ? file_name(p->a, t->label) : "";
        if (folder != NULL)
            run->out = td_arena_printf(p->a, "%s/%s%s%s/seed-%llu", out, folder,
                                       t->value != NULL ? "/" : "", c->method[run->method].folder,
                                       (unsigned long long)run->seed);
        if (run->out == NULL || run->score == NULL) return no_memory(err);
    }
    return TD_OK;
}

static td_status recipe_of(const td_comparison *c, int method, int target, td_recipe **r,
                           td_error *err) {
    td_arena *a = td_arena_create();
    *r = NULL;
    if (a == NULL) return no_memory(err);
    int n;
    td_override *o = td__compare_overrides(c, method, target, c->seed, a, &n);
    td_status s = o != NULL ? td_recipe_load_with(c->recipe, o, n, r, err) : no_memory(err);
    td_arena_destroy(a);
    return s;
}

td_status td_compare_recipe(const td_comparison *c, td_recipe **out, td_error *err) {
    return recipe_of(c, 0, 0, out, err);
}

/* Each recipe that will be run, but for the seed. */
static td_status check_runs(const td_comparison *c, td_error *err) {
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < c->nmethod * c->ntarget; i++) {
        td_recipe *r;
        s = recipe_of(c, c->run[i].method, c->run[i].target, &r, err);
        td_recipe_destroy(r);
    }
    return s;
}

static td_status copy_set(plan *p, const td_compare_spec *spec, td_error *err) {
    td_override *o = TD_NEW(p->a, td_override, spec->n_set + 1);
    if (o == NULL) return no_memory(err);
    for (int i = 0; i < spec->n_set; i++) {
        o[i] = (td_override){NULL, td_arena_strdup(p->a, spec->set[i]), "--set"};
        if (o[i].value == NULL) return no_memory(err);
    }
    p->c->set = o;
    p->c->n_set = spec->n_set;
    return TD_OK;
}

td_status td_compare_plan(const char *recipe, const td_compare_spec *spec, const char *out,
                          td_comparison **result, td_error *err) {
    *result = NULL;
    td_recipe *r = NULL;
    td_arena *a = td_arena_create();
    plan p = {.a = a, .c = a != NULL ? TD_NEW(a, td_comparison, 1) : NULL};
    if (p.c == NULL) {
        td_arena_destroy(a);
        return no_memory(err);
    }
    p.c->arena = a;
    p.method = TD_NEW(a, td_compare_method, MOST);
    p.target = TD_NEW(a, td_compare_target, MOST);
    p.c->recipe = td_arena_strdup(a, recipe);
    td_status s =
        p.method != NULL && p.target != NULL && p.c->recipe != NULL ? TD_OK : no_memory(err);
    if (s == TD_OK && !(spec->optimum >= 0 && spec->optimum <= 1))
        s = td_fail(err, TD_E_USAGE, "optimum: expected a number in (0, 1], found %g",
                    spec->optimum);
    p.c->optimum = spec->optimum;
    if (s == TD_OK && spec->seeds < 1) s = td_fail(err, TD_E_USAGE, "expected at least one seed");
    if (s == TD_OK) s = copy_set(&p, spec, err);
    if (s == TD_OK) s = td_recipe_load_with(recipe, p.c->set, p.c->n_set, &r, err);
    if (s == TD_OK) {
        p.r = r;
        if (r->is_workload)
            s = td_fail(err, TD_E_UNSUPPORTED,
                        "%s: a workload has no accuracies, which is what is compared", recipe);
        else if (r->objective.kind == TD_REWARD_NONE)
            s = td_fail(err, TD_E_UNSUPPORTED,
                        "%s: the best accuracy is compared, not fronts: Pareto mode is not "
                        "supported",
                        recipe);
        p.c->name = td_arena_strdup(a, r->name);
        p.c->seed = r->seed;
        p.c->nseed = spec->seeds;
        p.c->method = p.method;
        p.c->target = p.target;
        if (s == TD_OK && p.c->name == NULL) s = no_memory(err);
    }
    if (s == TD_OK)
        s = read_limits(&p, spec, err); /* folders of methods have them in their names */
    if (s == TD_OK) s = read_methods(&p, spec, err);
    if (s == TD_OK) s = read_targets(&p, spec->targets, err);
    if (s == TD_OK && (int64_t)p.c->nseed * p.c->ntarget * p.c->nmethod > 100000)
        s = td_fail(err, TD_E_USAGE, "more than 100,000 runs");
    if (s == TD_OK) s = list_runs(&p, out, err);
    if (s == TD_OK) s = check_runs(p.c, err);
    td_recipe_destroy(r);
    if (s == TD_OK)
        *result = p.c;
    else
        td_arena_destroy(a);
    return s;
}

void td_comparison_destroy(td_comparison *c) {
    if (c != NULL) td_arena_destroy(c->arena);
}
