/* recipe_stopping.c - the key `early_stopping` of a recipe: a rule and its options. */
#include "recipe.h"

static td_status create(const td_recipe *r, int *steps, void **self, td_error *err) {
    td_status s = td_accuracy_steps(r->accuracy, steps, err);
    return s == TD_OK ? r->stopper->create(self, *steps, r->stopper_params, err) : s;
}

td_status td__stopping_read(td_arena *a, const td_node *n, int64_t steps, const td_stopper **rule,
                            const td_params **params, td_error *err) {
    enum { MOST = 32 };
    const char *name, *known[MOST];
    td_node *rest;
    int count;
    void *self;
    td_status s = td_node_get_string(n, "name", &name, err);
    if (s == TD_OK) s = td__map_without(a, n, "name", &rest, err);
    if (s != TD_OK) return s;
    const td_stopper *const *all = td_stopper_list(&count);
    for (int i = 0; i < count && i < MOST; i++) known[i] = all[i]->name;
    *rule = td_stopper_find(name);
    *params = rest;
    if (*rule == NULL)
        return td__fail_name(td_node_find(n, "name"), "early stopping", name, known, count, err);
    s = (*rule)->create(&self, steps, rest, err);
    if (s == TD_OK) (*rule)->destroy(self);
    return s;
}

td_status td__recipe_stopping(td_recipe *r, td_error *err) {
    const td_node *n;
    const td_accuracy_entry *source;
    int steps;
    td_status s = td__named_map(r->arena, r->doc, "early_stopping", &n, err);
    if (s != TD_OK || n == NULL) return s;
    s = td_accuracy_entry_from_node(r->accuracy, &source, err);
    if (s == TD_OK) s = td_accuracy_steps(r->accuracy, &steps, err);
    if (s == TD_OK && steps == 0)
        return td_node_fail(n, err,
                            "the accuracy source %s tells accuracies at once: there is nothing to "
                            "stop",
                            source->name);
    return s == TD_OK ? td__stopping_read(r->arena, n, steps, &r->stopper, &r->stopper_params, err)
                      : s;
}

td_status td__recipe_stopping_describe(const td_recipe *r, td_text *out, td_error *err) {
    enum { MOST = 8 };
    void *self = NULL;
    int steps = 0, all = 0, told = 0;
    td_status s = create(r, &steps, &self, err);
    if (s != TD_OK) return s;
    for (int step = 1; step < steps; step++) all += r->stopper->looks(self, step);
    td_text_addf(out, "early stopping: %s, after %s", r->stopper->name,
                 all == steps - 1 ? "each epoch"
                 : all == 1       ? "epoch"
                                  : "epochs");
    for (int step = 1; step < steps && all < steps - 1 && told < MOST; step++) {
        if (!r->stopper->looks(self, step)) continue;
        told++;
        td_text_addf(out, "%s %d", told == 1 ? "" : told == all ? " and" : ",", step);
    }
    td_text_addf(out, "%s of %d%s\n", told == MOST && all > MOST ? ", ..." : "", steps,
                 r->trained != INT64_MAX ? "; trainings count by their epochs" : "");
    r->stopper->destroy(self);
    return TD_OK;
}
