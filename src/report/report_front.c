/* report_front.c - Pareto mode: what the front is worth, and its designs that were trained fully.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report_bits.h"

/* "accuracy 0 %, latency 100 us": the reference point, or only the names. */
static void add_objectives(const td_front *f, bool reference, td_text *out) {
    const char *before = "";
    for (int i = 0; i < TD_NOBJECTIVE; i++) {
        int k = i == 0 ? TD_OBJECTIVE_ACCURACY : i - 1;
        if (!(f->objectives & TD_OBJECTIVE(k))) continue;
        td_text_addf(out, "%s%s", before, td_objective_key(k));
        before = ", ";
        if (!reference) continue;
        if (k == TD_OBJECTIVE_ACCURACY)
            td_text_addf(out, " %g %%", 100 * f->reference[k]);
        else
            td_text_addf(out, " %g %s", f->reference[k] * td_metric_list()[k].scale,
                         td_metric_list()[k].unit);
    }
}

/* Of the row's own design it stands there. */
static double in_integers(const td_front_design *f, const td_result_row *row) {
    if (f->chosen) return row->quantised != NULL ? row->test_accuracy_quantised : NAN;
    return f->quantised != NULL ? f->test_accuracy_quantised : NAN;
}

static void add_design(const td_front_design *f, const td_result_row *row, td_text *out) {
    char name[96];
    snprintf(name, sizeof name, "%s-%" PRId64, f->study, f->trial);
    td_text_addf(out, "%-42s", name);
    td__report_accuracy(out, f->test_accuracy);
    td__report_accuracy(out, in_integers(f, row));
    td__report_accuracy(out, f->valid_accuracy);
    td_text_addf(out, " %8.1f us %7.2f uJ %5.2f mm2 %7.2f mW%s\n",
                 f->metric[TD_METRIC_LATENCY] * 1e6, f->metric[TD_METRIC_ENERGY] * 1e6,
                 f->metric[TD_METRIC_AREA], f->metric[TD_METRIC_POWER] * 1e3,
                 f->chosen ? "   <- the row's" : "");
}

void td__report_front(const td_result_row *row, td_text *out) {
    td_text_addf(out, "\nfront of %s: %d %s in ", row->name, row->front_size,
                 row->front_size == 1 ? "design" : "designs");
    add_objectives(&row->goal, false, out);
    if (isfinite(row->hypervolume)) {
        td_text_addf(out, "; hypervolume %.4f of the box up to ", row->hypervolume);
        add_objectives(&row->goal, true, out);
    }
    td_text_add(out, " (pareto.csv)\n");
    if (row->n_front > 0)
        td_text_addf(out, "%-42s %9s %9s %9s %11s %10s %9s %10s\n", "front/", "test acc", "int acc",
                     "val acc", "latency", "energy", "area", "power");
    for (int i = 0; i < row->n_front; i++) add_design(&row->front[i], row, out);
}

static void put_known(td_arena *a, td_node *m, const char *key, double v) {
    td_node_put(a, m, key, isfinite(v) ? td_node_real(a, v) : td_node_null(a));
}

td_node *td__report_front_node(const td_result_row *row, td_arena *a) {
    const td_metric_entry *metric = td_metric_list();
    td_node *m = td_node_map(a), *list = td_node_put(a, m, "objectives", td_node_list(a));
    td_node *reference = td_node_put(a, m, "reference", td_node_map(a));
    for (int i = 0; i < TD_NOBJECTIVE; i++) {
        int k = i == 0 ? TD_OBJECTIVE_ACCURACY : i - 1;
        if (!(row->goal.objectives & TD_OBJECTIVE(k))) continue;
        td_node_push(a, list, td_node_string(a, td_objective_key(k)));
        put_known(a, reference, k == TD_OBJECTIVE_ACCURACY ? "accuracy" : metric[k].si_key,
                  row->goal.reference[k]);
    }
    td_node_put_int(a, m, "size", row->front_size);
    put_known(a, m, "hypervolume", row->hypervolume);
    td_node *trained = td_node_put(a, m, "chosen", td_node_list(a));
    for (int i = 0; i < row->n_front; i++) {
        const td_front_design *f = &row->front[i];
        td_node *one = td_node_push(a, trained, td_node_map(a));
        td_node_put_string(a, one, "study", f->study);
        td_node_put_int(a, one, "trial", f->trial);
        td_node_put_bool(a, one, "of_the_row", f->chosen);
        put_known(a, one, "test_accuracy", f->test_accuracy);
        put_known(a, one, "test_accuracy_quantised", in_integers(f, row));
        put_known(a, one, "valid_accuracy", f->valid_accuracy);
        for (int k = 0; k < TD_NMETRIC; k++) put_known(a, one, metric[k].si_key, f->metric[k]);
    }
    return m;
}
