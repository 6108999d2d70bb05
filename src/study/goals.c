/* goals.c - objectives and constraints of a problem's file. */
#include <string.h>

#include "blackbox.h"
#include "inner.h"

/* Keys of answers and of lines that ask: a value of such a name could not be told apart. */
static const char *const taken[] = {"trial",      "parameters", "objectives", "constraints",
                                    "infeasible", "failed",     "report",     "step",
                                    "seed",       "stop",       "stopped"};

/* A name, or a map with a name; NULL: memory is not out, it is wrong, and err says so. */
static const char *name_of(const td_node *n, const td_goals *g, td_error *err) {
    const char *name = NULL;
    if (n->kind == TD_STRING)
        name = n->text;
    else if (n->kind != TD_MAP)
        td_node_fail(n, err, "expected a name, or a map with a name");
    else if (td_node_get_string(n, "name", &name, err) != TD_OK)
        name = NULL;
    if (name == NULL) return NULL;
    bool used = false;
    for (int i = 0; i < g->nobj; i++) used = used || strcmp(g->objective[i].name, name) == 0;
    for (int i = 0; i < g->ncon; i++) used = used || strcmp(g->constraint[i].name, name) == 0;
    if (used) td_node_fail(n, err, "\"%.60s\" is there twice", name);
    for (size_t i = 0; !used && i < sizeof taken / sizeof taken[0]; i++)
        if ((used = strcmp(name, taken[i]) == 0))
            td_node_fail(n, err, "\"%s\" is a word of the protocol; expected another name", name);
    if (!used && (name[0] == '\0' || strlen(name) > 60)) {
        td_node_fail(n, err, "expected a name of 1 to 60 bytes");
        return NULL;
    }
    if (!used && strpbrk(name, "<>=") != NULL) {
        td_node_fail(n, err, "expected a name without < > =; bounds are {name: mass, max: 20}");
        return NULL;
    }
    return used ? NULL : name;
}

static td_status read_objective(const td_node *n, td_goals *g, td_error *err) {
    static const char *const keys[] = {"name", "goal", NULL};
    const char *name = name_of(n, g, err), *goal = "minimise";
    if (name == NULL) return TD_E_INPUT;
    if (n->kind == TD_MAP) {
        td_status s = td_node_only(n, keys, err);
        if (s == TD_OK) s = td_node_opt_string(n, "goal", &goal, err);
        if (s != TD_OK) return s;
    }
    bool least = strcmp(goal, "minimise") == 0 || strcmp(goal, "minimize") == 0;
    bool most = strcmp(goal, "maximise") == 0 || strcmp(goal, "maximize") == 0;
    if (!least && !most)
        return td_node_fail(td_node_find(n, "goal"), err, "expected minimise or maximise");
    g->objective[g->nobj].name = name;
    g->objective[g->nobj].maximise = most;
    g->objective[g->nobj++].reference = NAN;
    return TD_OK;
}

static td_status read_constraint(const td_node *n, td_goals *g, td_error *err) {
    static const char *const keys[] = {"name", "max", "min", NULL};
    const char *name = name_of(n, g, err);
    if (name == NULL) return TD_E_INPUT;
    bool least = td_node_find(n, "min") != NULL;
    double bound = 0;
    td_status s = n->kind == TD_MAP ? td_node_only(n, keys, err) : TD_OK;
    if (s == TD_OK && least && td_node_find(n, "max") != NULL)
        s = td_node_fail(n, err, "expected max or min: a range is two constraints");
    if (s == TD_OK && n->kind == TD_MAP)
        s = td_node_opt_real(n, least ? "min" : "max", -1e300, 1e300, &bound, err);
    if (s != TD_OK) return s;
    g->constraint[g->ncon].name = name;
    g->constraint[g->ncon].least = least;
    g->constraint[g->ncon++].bound = bound;
    return TD_OK;
}

static td_status read_reference(const td_node *n, td_goals *g, td_error *err) {
    const char *keys[TD_MOST_OBJECTIVES + 1] = {NULL};
    if (n == NULL) return TD_OK;
    if (g->nobj == 1)
        return td_node_fail(n, err, "one objective has no hypervolume: leave the reference out");
    for (int i = 0; i < g->nobj; i++) keys[i] = g->objective[i].name;
    td_status s = td_node_only(n, keys, err);
    for (int i = 0; s == TD_OK && i < g->nobj; i++)
        s = td_node_get_real(n, keys[i], -1e300, 1e300, &g->objective[i].reference, err);
    return s;
}

td_status td__goals_read(const td_node *doc, td_goals *out, td_error *err) {
    const td_node *objectives = NULL, *constraints = NULL, *reference = NULL;
    *out = (td_goals){.nobj = 0};
    if (td__nested_is(doc)) return td__nested_goals(doc, out, err);
    td_status s = td_node_get_list(doc, "objectives", &objectives, err);
    if (s == TD_OK) s = td_node_opt_list(doc, "constraints", &constraints, err);
    if (s == TD_OK) s = td_node_opt_map(doc, "reference", &reference, err);
    if (s == TD_OK && (objectives->count < 1 || objectives->count > TD_MOST_OBJECTIVES))
        s = td_node_fail(objectives, err, "expected 1 to %d objectives, found %d",
                         TD_MOST_OBJECTIVES, objectives->count);
    if (s == TD_OK && constraints != NULL && constraints->count > TD_MOST_CONSTRAINTS)
        s = td_node_fail(constraints, err, "expected at most %d constraints, found %d",
                         TD_MOST_CONSTRAINTS, constraints->count);
    for (int i = 0; s == TD_OK && i < objectives->count; i++)
        s = read_objective(objectives->item[i], out, err);
    for (int i = 0; s == TD_OK && constraints != NULL && i < constraints->count; i++)
        s = read_constraint(constraints->item[i], out, err);
    return s == TD_OK ? read_reference(reference, out, err) : s;
}
