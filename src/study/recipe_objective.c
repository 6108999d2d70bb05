/* recipe_objective.c - the `objective:` of a recipe. */
#include <float.h>
#include <string.h>

#include "recipe.h"

/* A key that the chosen reward does not have is a misunderstanding, not a detail. */
static td_status refuse(const td_node *n, const char *key, const char *whose, const char *reward,
                        td_error *err) {
    const td_node *found = td_node_find(n, key);
    if (found == NULL) return TD_OK;
    return td_node_fail(found, err, "only %s it, not %s", whose, reward);
}

static td_status refuse_foreign(const td_node *n, const td_objective *o, const char *reward,
                                td_error *err) {
    static const char nahas[] = "the nahas rewards have", tunas[] = "tunas has";
    td_status s = TD_OK;
    if (o->kind != TD_REWARD_NAHAS) s = refuse(n, "p", nahas, reward, err);
    if (s == TD_OK && o->kind != TD_REWARD_NAHAS) s = refuse(n, "q", nahas, reward, err);
    if (s == TD_OK && o->kind != TD_REWARD_TUNAS) s = refuse(n, "beta", tunas, reward, err);
    return s;
}

static td_status read_reward(const td_node *n, td_objective *o, td_error *err) {
    const char *reward = "nahas-hard";
    td_status s = td_node_opt_string(n, "reward", &reward, err);
    if (s != TD_OK) return s;
    if (strcmp(reward, "nahas-soft") == 0)
        o->p = o->q = -0.07;
    else if (strcmp(reward, "tunas") == 0)
        o->kind = TD_REWARD_TUNAS;
    else if (strcmp(reward, "nahas-hard") != 0)
        return td_node_fail(td_node_find(n, "reward"), err,
                            "expected nahas-hard, nahas-soft or tunas, found \"%s\"", reward);
    /* Screening is what a hard constraint means; a soft one is there to be traded. */
    o->train_violating = strcmp(reward, "nahas-hard") != 0;
    return refuse_foreign(n, o, reward, err);
}

/* Exponents of single metrics, by name; what the map does not name keeps that of all. */
static td_status read_own(const td_node *map, bool is_q, td_objective *o, td_error *err) {
    const char *names[TD_NMETRIC + 1] = {NULL};
    for (int m = 0; m < TD_NMETRIC; m++) names[m] = td_metric_list()[m].name;
    td_status s = td_node_only(map, names, err);
    for (int m = 0; s == TD_OK && m < TD_NMETRIC; m++) {
        if (td_node_find(map, names[m]) == NULL) continue;
        td_exponents *e = &o->own[m];
        if (!e->set) *e = (td_exponents){true, o->p, o->q};
        s = td_node_get_real(map, names[m], -10, 10, is_q ? &e->q : &e->p, err);
    }
    return s;
}

static td_status read_exponents(const td_node *n, td_objective *o, td_error *err) {
    static const char *const key[] = {"p", "q"};
    double *all[] = {&o->p, &o->q};
    const td_node *map[2] = {NULL};
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < 2; i++) {
        const td_node *found = td_node_find(n, key[i]);
        if (found != NULL && found->kind == TD_MAP)
            map[i] = found;
        else
            s = td_node_opt_real(n, key[i], -10, 10, all[i], err);
    }
    for (int i = 0; s == TD_OK && i < 2; i++)
        if (map[i] != NULL) s = read_own(map[i], i == 1, o, err);
    return s;
}

/* {latency_us: 100, ...} in the units of people -> SI; what is not there stays. */
static td_status read_metrics(const td_node *t, double out[TD_NMETRIC], td_error *err) {
    const td_metric_entry *metric = td_metric_list();
    td_status s = TD_OK;
    for (int m = 0; s == TD_OK && m < TD_NMETRIC; m++) {
        const td_node *n = td_node_find(t, metric[m].key);
        double v = INFINITY;
        if (n == NULL) continue;
        s = td_node_opt_real(t, metric[m].key, DBL_MIN, INFINITY, &v, err);
        out[m] = v / metric[m].scale;
        if (s == TD_OK && out[m] < DBL_MIN) s = td_node_fail(n, err, "too small: %g", v);
    }
    return s;
}

static td_status read_targets(const td_node *n, td_objective *o, td_error *err) {
    const char *keys[TD_NMETRIC + 1] = {NULL};
    const td_node *t = NULL;
    for (int m = 0; m < TD_NMETRIC; m++) {
        keys[m] = td_metric_list()[m].key;
        o->target[m] = INFINITY;
    }
    td_status s = td_node_get_map(n, "targets", &t, err);
    if (s == TD_OK) s = td_node_only(t, keys, err);
    return s == TD_OK ? read_metrics(t, o->target, err) : s;
}

/* ---- Pareto mode ----------------------------------------------------------------------------- */

static td_status read_objectives(const td_node *n, td_front *f, td_error *err) {
    const td_node *list;
    td_status s = td_node_get_list(n, "objectives", &list, err);
    if (s != TD_OK) return s;
    if (list->count < 2 || list->count > 4)
        return td_node_fail(list, err,
                            "expected two to four of accuracy, latency, energy, area "
                            "and power, found %d",
                            list->count);
    for (int i = 0; i < list->count; i++) {
        const td_node *item = list->item[i];
        int k = 0;
        while (k < TD_NOBJECTIVE &&
               (item->kind != TD_STRING || strcmp(item->text, td_objective_key(k)) != 0))
            k++;
        if (k == TD_NOBJECTIVE)
            return td_node_fail(item, err,
                                "expected accuracy, latency, energy, area or power, found \"%s\"",
                                item->text != NULL ? item->text : "a list or map");
        if (f->objectives & TD_OBJECTIVE(k))
            return td_node_fail(item, err, "%s is there twice", item->text);
        f->objectives |= TD_OBJECTIVE(k);
    }
    return TD_OK;
}

/* Keys as those of targets, and `accuracy`; of objectives only. */
static td_status read_reference(const td_node *n, td_front *f, td_error *err) {
    const char *keys[TD_NOBJECTIVE + 1] = {NULL};
    const td_node *map = NULL;
    td_status s = td_node_opt_map(n, "reference", &map, err);
    if (s != TD_OK || map == NULL) return s;
    int count = 0;
    for (int k = 0; k < TD_NOBJECTIVE; k++)
        if (f->objectives & TD_OBJECTIVE(k))
            keys[count++] = k == TD_OBJECTIVE_ACCURACY ? "accuracy" : td_metric_list()[k].key;
    s = td_node_only(map, keys, err);
    if (s == TD_OK)
        s = td_node_opt_real(map, "accuracy", 0, 0.999999, &f->reference[TD_OBJECTIVE_ACCURACY],
                             err);
    return s == TD_OK ? read_metrics(map, f->reference, err) : s;
}

/* The mode's own keys belong to it alone. */
static td_status read_mode(const td_node *n, bool *pareto, td_error *err) {
    static const char *const of_pareto[] = {"objectives", "reference", NULL};
    static const char *const of_reward[] = {"reward", "p", "q", "beta", NULL};
    const char *mode = "reward";
    td_status s = td_node_opt_string(n, "mode", &mode, err);
    if (s != TD_OK) return s;
    *pareto = strcmp(mode, "pareto") == 0;
    if (!*pareto && strcmp(mode, "reward") != 0)
        return td_node_fail(td_node_find(n, "mode"), err, "expected reward or pareto, found \"%s\"",
                            mode);
    for (const char *const *key = *pareto ? of_reward : of_pareto; *key != NULL; key++)
        if (td_node_find(n, *key) != NULL)
            return td_node_fail(td_node_find(n, *key), err, "not in mode %s", mode);
    return TD_OK;
}

td_status td__recipe_objective(const td_node *n, td_objective *o, td_error *err) {
    static const char *const keys[] = {
        "mode",    "reward",          "p",          "q",         "beta",
        "targets", "train_violating", "objectives", "reference", NULL};
    bool pareto = false;
    *o = (td_objective){.kind = TD_REWARD_NAHAS, .p = 0, .q = -1, .beta = -0.10};
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = read_mode(n, &pareto, err);
    if (s == TD_OK && pareto) {
        o->kind = TD_REWARD_NONE;
        s = read_objectives(n, &o->front, err);
        if (s == TD_OK) s = read_reference(n, &o->front, err);
    } else if (s == TD_OK) {
        s = read_reward(n, o, err);
        if (s == TD_OK) s = read_exponents(n, o, err);
        if (s == TD_OK) s = td_node_opt_real(n, "beta", -10, 0, &o->beta, err);
    }
    if (s == TD_OK) s = td_node_opt_bool(n, "train_violating", &o->train_violating, err);
    return s == TD_OK ? read_targets(n, o, err) : s;
}
