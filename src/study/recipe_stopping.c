/* recipe_stopping.c - the key `early_stopping` of recipes and problems: a rule and its options. */
#include "recipe.h"
#include "stop.h"

td_status td__stopping_read(td_arena *a, const td_node *n, int64_t steps, const td_stopper **rule,
                            const td_params **params, td_error *err) {
    static const char *const own[] = {"name", NULL};
    enum { MOST = 32 };
    const char *name, *known[MOST];
    td_node *rest;
    int count;
    void *self;
    td_status s = td_node_get_string(n, "name", &name, err);
    if (s == TD_OK) s = td_node_without(a, n, own, &rest, err);
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
    int steps = 0;
    td__stopping stopping = {.rule = r->stopper, .step = "epoch"};
    td_status s = td_accuracy_steps(r->accuracy, &steps, err);
    stopping.steps = steps;
    if (s == TD_OK) s = r->stopper->create(&stopping.self, steps, r->stopper_params, err);
    if (s != TD_OK) return s;
    td_text_add(out, "early stopping: ");
    td__stop_describe(&stopping, out);
    td_text_add(out, r->trained != INT64_MAX ? "; trainings count by their epochs\n" : "\n");
    r->stopper->destroy(stopping.self);
    return TD_OK;
}
