/* answer.c - what a trial came to, as programs and people say it:
 *
 *     {"trial": 17, "objectives": {"cost": 6059.7}, "constraints": {"g1": -0.1}}
 *     {"cost": 6059.7, "g1": -0.1}                 the same, shorter
 *     6059.7                                       where there is one objective and nothing else
 *     {"infeasible": "why"}, {"failed": "why"}
 *     {"report": {"step": 3, "cost": 7.1}}         on the way
 *     {"stopped": true}                            as it was told to
 *
 * Other keys are nobody's business: programs may say more than is asked. */
#include <string.h>

#include "blackbox.h"

double td_goals_value(const td_goals *g, int objective, double minimised) {
    return g->objective[objective].maximise ? 0.0 - minimised : minimised; /* 0, never -0 */
}

/* Python's json writes NaN, Infinity and -Infinity, C's printf and awk nan and inf, which JSON has
 * no words for: null in their place, outside of texts. */
static char *without_nan(const char *line, size_t size, size_t *length, td_arena *a) {
    static const char *const words[] = {"NaN",  "-Infinity", "Infinity", "-nan", "nan",
                                        "-inf", "inf",       "NAN",      "INF"};
    enum { N = sizeof words / sizeof words[0] };
    char *out = td_arena_alloc(a, size + size / 3 + 2); /* "NaN" becomes longer */
    size_t n = 0;
    bool quoted = false;
    if (out == NULL) return NULL;
    for (size_t i = 0; i < size;) {
        size_t skip = 0;
        for (int w = 0; !quoted && skip == 0 && w < N; w++) {
            size_t k = strlen(words[w]);
            if (size - i >= k && memcmp(line + i, words[w], k) == 0) skip = k;
        }
        if (skip > 0) {
            memcpy(out + n, "null", 4);
            n += 4;
            i += skip;
            continue;
        }
        if (line[i] == '"') quoted = !quoted;
        bool escape = quoted && line[i] == '\\' && i + 1 < size;
        out[n++] = line[i++];
        if (escape) out[n++] = line[i++];
    }
    out[n] = '\0';
    *length = n;
    return out;
}

static const td_node *find_value(const td_node *doc, const char *group, const char *name) {
    const td_node *map = td_node_find(doc, group);
    const td_node *n = map != NULL ? td_node_find(map, name) : NULL;
    return n != NULL ? n : td_node_find(doc, name);
}

/* A finite number; *why: what is there in its place. TD_E_INPUT: neither number nor null. */
static td_status read_value(const td_node *n, const char *what, const char *name, double *v,
                            td_arena *a, const char **why, td_error *err) {
    *v = NAN;
    if (n != NULL && (n->kind == TD_INT || n->kind == TD_REAL)) *v = n->real;
    if (isfinite(*v)) return TD_OK;
    if (n != NULL && n->kind != TD_NULL && n->kind != TD_INT && n->kind != TD_REAL)
        return td_node_fail(n, err, "expected a number");
    if (*why == NULL)
        *why = td_arena_printf(a, "%s %s is %s", what, name,
                               n == NULL ? "missing" : "null, NaN or infinite");
    return *why != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

static td_status fail_because(const char *why, td_state state, td__finish *f, td_error *err) {
    f->outcome.state = state;
    f->outcome.nobj = f->outcome.ncon = 0;
    f->violation = NAN;
    f->reason = why;
    return why != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* How much a value misses its bound by, relative to the bound if it has a size; <= 0: it is met. */
static double excess(double v, double bound, bool least) {
    double size = bound != 0 ? fabs(bound) : 1;
    return (least ? bound - v : v - bound) / size;
}

static td_status read_values(const td_goals *g, const td_node *doc, td_arena *a, td__answer *out,
                             td_error *err) {
    td__finish *f = &out->finish;
    const char *why = NULL;
    td_status s = TD_OK;
    td_outcome *o = &f->outcome;
    double v;
    o->nobj = g->nobj;
    o->ncon = g->ncon;
    for (int i = 0; s == TD_OK && i < g->nobj; i++) {
        const char *name = g->objective[i].name;
        const td_node *n = find_value(doc, "objectives", name);
        const td_node *all = td_node_find(doc, "objectives");
        if (n == NULL && g->nobj == 1 && all != NULL && all->kind != TD_MAP) n = all;
        if (n == NULL && out->missing == NULL) out->missing = name;
        s = read_value(n, "objective", name, &v, a, &why, err);
        o->obj[i] = td_goals_value(g, i, v);
    }
    f->violation = 0;
    for (int i = 0; s == TD_OK && i < g->ncon; i++) {
        const char *name = g->constraint[i].name;
        const td_node *n = find_value(doc, "constraints", name);
        if (n == NULL && out->missing == NULL) out->missing = name;
        s = read_value(n, "constraint", name, &v, a, &why, err);
        f->told[i] = v;
        o->con[i] = excess(v, g->constraint[i].bound, g->constraint[i].least);
        f->violation += fmax(o->con[i], 0);
    }
    if (s != TD_OK) return s;
    if (why == NULL && !isfinite(f->violation))
        why = td_arena_strdup(a, "the constraints are missed by more than can be counted");
    if (why != NULL) return fail_because(why, TD_TRIAL_FAILED, f, err);
    o->state = TD_TRIAL_DONE;
    return TD_OK;
}

/* {"failed": "why"}, or true; NULL: false, null, or nothing. */
static const td_node *find_reason(const td_node *doc, const char *key) {
    const td_node *n = td_node_find(doc, key);
    return n == NULL || n->kind == TD_NULL || (n->kind == TD_BOOL && !n->boolean) ? NULL : n;
}

/* As one line of some length; NULL: memory is out. */
static const char *reason_of(const td_node *n, td_arena *a) {
    bool given = n->kind == TD_STRING && n->text[0] != '\0';
    char *text = td_arena_printf(a, "%.300s", given ? n->text : "no reason was given");
    for (char *c = text; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
    return text;
}

/* Constraints count where the report has all of them: then they come before the objectives. */
static void read_report_constraints(const td_goals *g, const td_node *n, td__finish *f) {
    td_outcome *o = &f->outcome;
    f->violation = 0;
    for (o->ncon = 0; o->ncon < g->ncon; o->ncon++) {
        const int i = o->ncon;
        const td_node *v = find_value(n, "constraints", g->constraint[i].name);
        if (v == NULL || (v->kind != TD_INT && v->kind != TD_REAL) || !isfinite(v->real)) break;
        f->told[i] = v->real;
        o->con[i] = excess(v->real, g->constraint[i].bound, g->constraint[i].least);
        f->violation += fmax(o->con[i], 0);
    }
    if (o->ncon == g->ncon && g->ncon > 0 && isfinite(f->violation)) return;
    o->ncon = 0;
    f->violation = NAN;
}

static td_status read_report(const td_goals *g, const td_node *n, td__answer *out, td_error *err) {
    td_outcome *o = &out->finish.outcome;
    out->is_report = true;
    o->state = TD_TRIAL_DONE;
    o->nobj = g->nobj;
    if (n->kind != TD_MAP) return td_node_fail(n, err, "expected {\"step\": 1, ...}");
    td_status s = td_node_get_int(n, "step", 0, INT64_MAX, &out->step, err);
    for (int i = 0; s == TD_OK && i < g->nobj; i++) {
        const td_node *v = find_value(n, "objectives", g->objective[i].name);
        double x = NAN;
        if (v != NULL && (v->kind == TD_INT || v->kind == TD_REAL)) x = v->real;
        if (v == NULL && i == 0)
            s = td_node_fail(n, err, "missing key \"%s\"", g->objective[i].name);
        o->obj[i] = td_goals_value(g, i, isfinite(x) ? x : NAN);
    }
    if (s == TD_OK) read_report_constraints(g, n, &out->finish);
    return s;
}

td_status td__answer_read(const td_goals *g, const td_node *doc, td_arena *a, td__answer *out,
                          td_error *err) {
    *out = (td__answer){.trial = -1};
    td__finish *f = &out->finish;
    *f = (td__finish){.accuracy = NAN, .reward = NAN, .violation = NAN, .of_problem = true};
    f->outcome.fidelity = 1;
    for (int m = 0; m < TD_NMETRIC; m++) f->metric[m] = NAN;
    if (doc->kind == TD_INT || doc->kind == TD_REAL || doc->kind == TD_NULL) {
        if (g->nobj > 1 || g->ncon > 0)
            return td_node_fail(doc, err,
                                "expected a map: the problem has more values than a number");
        td_node *map = td_node_map(a);
        if (td_node_put(a, map, g->objective[0].name,
                        doc->kind == TD_NULL ? td_node_null(a) : td_node_real(a, doc->real)) ==
            NULL)
            return td_fail(err, TD_E_MEMORY, "out of memory");
        return read_values(g, map, a, out, err);
    }
    if (doc->kind != TD_MAP) return td_node_fail(doc, err, "expected a map of values");
    const td_node *n;
    td_status s = TD_OK;
    if (td_node_find(doc, "trial") != NULL)
        s = td_node_get_int(doc, "trial", 0, INT64_MAX, &out->trial, err);
    if (s == TD_OK) s = td_node_opt_map(doc, "parameters", &out->parameters, err);
    if (s != TD_OK) return s;
    if ((n = td_node_find(doc, "report")) != NULL) return read_report(g, n, out, err);
    if (find_reason(doc, "stopped") != NULL) {
        out->is_stopped = true;
        return TD_OK;
    }
    if ((n = find_reason(doc, "infeasible")) != NULL)
        return fail_because(reason_of(n, a), TD_TRIAL_INFEASIBLE, f, err);
    if ((n = find_reason(doc, "failed")) != NULL)
        return fail_because(reason_of(n, a), TD_TRIAL_FAILED, f, err);
    return read_values(g, doc, a, out, err);
}

td_status td__answer_parse(const td_goals *g, const char *line, size_t size, const char *name,
                           int first_line, td_arena *a, td__answer *out, td_error *err) {
    const td_node *doc;
    size_t length = 0;
    const char *text = without_nan(line, size, &length, a);
    *out = (td__answer){.trial = -1};
    if (text == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_json_parse(a, text, length, name, first_line, &doc, err);
    return s == TD_OK ? td__answer_read(g, doc, a, out, err) : s;
}
