/* report_summary.c - the result table of a run, why the best pair is good, and both as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report_bits.h"

static const char *title(const char *row) {
    static const char *const t[][2] = {
        {"hand-made", "hand-made network on baseline"},
        {"accelerator", "hand-made network on its best accelerator"},
        {"network", "best network for the baseline"},
        {"joint", "joint"},
        {"workload", "best accelerator for the workload"},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        if (strcmp(t[i][0], row) == 0) return t[i][1];
    return row;
}

/* ---- why ------------------------------------------------------------------------------------- */

double td__report_limit(const td_schedule *s, const char **name) {
    double best = 0, total = 0;
    *name = "";
    for (int i = 0; i < s->n; i++) {
        double sum = 0;
        total += s->interval[i].latency_s;
        for (int k = 0; k < s->n; k++)
            if (strcmp(s->interval[k].limit, s->interval[i].limit) == 0)
                sum += s->interval[k].latency_s;
        if (sum > best) {
            best = sum;
            *name = s->interval[i].limit;
        }
    }
    return total > 0 ? best / total : 0;
}

static double scalar(const td_node *n) {
    return n->kind == TD_INT || n->kind == TD_REAL ? n->real : NAN;
}

static void add_change(int *n, const char *key, double from, double to, td_text *out) {
    if (isfinite(from) && isfinite(to) && from != to)
        td_text_addf(out, "%s%s %g -> %g", (*n)++ ? ", " : "", key, from, to);
}

/* "io_gbps 0.8 -> 1.6, lanes 2 -> 1": parameters of the accelerators that differ. A template's file
 * does not hold what has the template's own value, so it is read, not compared as text. */
static void changes(const td_design *from, const td_design *to, td_text *out) {
    td_template p, q;
    const char *key;
    int n = 0;
    const td_node *x = from->hw_node, *y = to->hw_node;
    if (x != NULL && y != NULL && td_node_find(x, "template") != NULL &&
        td_node_find(y, "template") != NULL && td_template_from_node(x, &p, NULL) == TD_OK &&
        td_template_from_node(y, &q, NULL) == TD_OK && p.kind == q.kind) {
        for (int k = 0; (key = td_template_key(&p, k)) != NULL; k++)
            add_change(&n, key, td_template_get(&p, key), td_template_get(&q, key), out);
        if (strcmp(td_template_tech(&p), td_template_tech(&q)) != 0)
            td_text_addf(out, "%stech %s -> %s", n++ ? ", " : "", td_template_tech(&p),
                         td_template_tech(&q));
    } else {
        for (int i = 0; x != NULL && y != NULL && i < y->count; i++) {
            const td_node *a = td_node_find(x, y->item[i]->key);
            if (a != NULL) add_change(&n, a->key, scalar(a), scalar(y->item[i]), out);
        }
    }
    if (n == 0)
        td_text_add(out, td_hw_hash(&from->hw) == td_hw_hash(&to->hw) ? "the same accelerator"
                                                                      : "another accelerator");
}

static double resident_share(const td_schedule *s, const td_net_totals *n) {
    return n->weight_bytes > 0 ? (double)s->resident_weight_bytes / (double)n->weight_bytes : 0;
}

static int64_t asked_for_costs(const td_run_summary *s) {
    int64_t n = 0;
    for (int i = 0; i < s->n; i++) n += s->row[i].count[TD_RESULT_PRUNED];
    return n;
}

void td_report_why(const td_run_summary *s, td_text *out) {
    if (s->best < 0) {
        td_text_add(out, asked_for_costs(s) > 0
                             ? "the trials ended before the first was asked in full"
                             : "no design could be built");
        return;
    }
    const td_result_row *b = &s->row[s->best];
    if (b->part != NULL) {
        td__report_workload_why(b, out);
        return;
    }
    const char *limit;
    double share = td__report_limit(&b->schedule, &limit);
    td_net_totals nb;
    td_net_count(b->design.net, &nb);
    if (s->n < 2 || !s->row[0].found || s->best == 0) {
        td_text_addf(out,
                     "%.0f %% of the time of %s is limited by %s; %.1f of %.1f KB of weights stay "
                     "on chip",
                     100 * share, title(b->name), limit,
                     (double)b->schedule.resident_weight_bytes / 1024,
                     (double)nb.weight_bytes / 1024);
        return;
    }
    const td_result_row *h = &s->row[0];
    const char *limit0;
    double share0 = td__report_limit(&h->schedule, &limit0);
    td_net_totals nh;
    td_net_count(h->design.net, &nh);
    td_text_addf(out,
                 "%.0f %% of the time of the %s is limited by %s; the best pair takes %.1f "
                 "instead of %.1f us for %.2f instead of %.2f M MACs (utilisation %.0f instead "
                 "of %.0f %%) with ",
                 100 * share0, title(h->name), limit0, b->schedule.latency_s * 1e6,
                 h->schedule.latency_s * 1e6, (double)nb.macs / 1e6, (double)nh.macs / 1e6,
                 100 * b->schedule.utilization, 100 * h->schedule.utilization);
    changes(&h->design, &b->design, out);
    /* What did not change is not worth a word. */
    double kept_b = resident_share(&b->schedule, &nb), kept_h = resident_share(&h->schedule, &nh);
    if (fabs(kept_b - kept_h) >= 0.05)
        td_text_addf(out, "; %.0f instead of %.0f %% of the weights stay on chip", 100 * kept_b,
                     100 * kept_h);
    if (fabs(b->schedule.dram_bytes - h->schedule.dram_bytes) >= 0.1 * h->schedule.dram_bytes)
        td_text_addf(out, "; %.1f instead of %.1f KB cross the DRAM link",
                     b->schedule.dram_bytes / 1024, h->schedule.dram_bytes / 1024);
    td_text_addf(out, "; %.0f %% of its time is limited by %s", 100 * share, limit);
}

/* ---- table ----------------------------------------------------------------------------------- */

void td__report_accuracy(td_text *t, double v) {
    if (isfinite(v))
        td_text_addf(t, " %7.2f %%", 100 * v);
    else
        td_text_addf(t, " %9s", "-");
}

/* Where accuracies come from a file: what stands behind those of the table. */
static void add_repeats(const td_run_summary *s, td_text *out) {
    if (s->accuracy_file[0] == '\0') return;
    td_text_addf(out, "\naccuracies are looked up in %s", s->accuracy_file);
    for (int i = 0; i < s->n; i++) {
        const td_result_row *row = &s->row[i];
        if (!row->found || row->repeats < 2) continue;
        td_text_addf(out, "; %s: mean of %d measurements", row->name, row->repeats);
        if (isfinite(row->valid_std))
            td_text_addf(out, " (+- %.2f points each)", 100 * row->valid_std);
    }
    td_text_add(out, "\n");
}

void td_report_summary(const td_recipe *r, const td_run_summary *s, td_text *out) {
    td_objective_describe(td_recipe_objective(r), out);
    bool integers = false;
    for (int i = 0; i < s->n; i++) integers = integers || s->row[i].quantised != NULL;
    td_text_addf(out, "\n\n%-42s %9s %s%9s %11s %10s %9s %10s %8s %7s %8s\n", "design", "test acc",
                 integers ? "  int acc " : "", "val acc", "latency", "energy", "area", "power",
                 "targets", "trials", "trained");
    for (int i = 0; i < s->n; i++) {
        const td_result_row *row = &s->row[i];
        td_text_addf(out, "%-42s", title(row->name));
        if (!row->found) {
            int64_t costs_only = row->count[TD_RESULT_PRUNED];
            if (costs_only > 0)
                td_text_addf(out,
                             " %" PRId64 " of %" PRId64 " trials meet the targets by their costs,"
                             " none was asked in full: more trials\n",
                             costs_only, row->trials);
            else
                td_text_addf(out, " no design could be built in %" PRId64 " trials\n", row->trials);
            continue;
        }
        td__report_accuracy(out, row->test_accuracy);
        if (integers)
            td__report_accuracy(out, row->quantised != NULL ? row->test_accuracy_quantised : NAN);
        td__report_accuracy(out, row->valid_accuracy);
        td_text_addf(out, " %8.1f us %7.2f uJ %5.2f mm2 %7.2f mW %8s %7" PRId64 " %8" PRId64 "%s\n",
                     row->metric[TD_METRIC_LATENCY] * 1e6, row->metric[TD_METRIC_ENERGY] * 1e6,
                     row->metric[TD_METRIC_AREA], row->metric[TD_METRIC_POWER] * 1e3,
                     row->meets ? "met" : "missed", row->trials, row->trained,
                     i == s->best ? "   <- best/" : "");
    }
    for (int i = 0; i < s->n; i++)
        if (s->row[i].part != NULL) td__report_workload(&s->row[i], out);
    for (int i = 0; i < s->n; i++)
        if (s->row[i].goal.objectives != 0) td__report_front(&s->row[i], out);
    add_repeats(s, out);
    td_text_add(out, "\nwhy: ");
    td_report_why(s, out);
    td_text_add(out, "\n");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_known(td_arena *a, td_node *m, const char *key, double v) {
    td_node_put(a, m, key, isfinite(v) ? td_node_real(a, v) : td_node_null(a));
}

static void put_metrics(td_arena *a, td_node *m, const double metric[TD_NMETRIC]) {
    for (int k = 0; k < TD_NMETRIC; k++) put_known(a, m, td_metric_list()[k].si_key, metric[k]);
}

static td_node *hex(td_arena *a, uint64_t h) {
    return td_node_string(a, td_arena_printf(a, "%016" PRIx64, h));
}

td_node *td_report_summary_node(const td_recipe *r, const td_run_summary *s, td_arena *a) {
    const td_objective *o = td_recipe_objective(r);
    td_node *root = td_node_map(a);
    td_node *t = td_node_put(a, root, "targets", td_node_map(a));
    for (int m = 0; m < TD_NMETRIC; m++)
        put_known(a, t, td_metric_list()[m].si_key,
                  td_objective_has_target(o, m) ? o->target[m] : INFINITY);
    td_node *rows = td_node_put(a, root, "rows", td_node_list(a));
    for (int i = 0; i < s->n; i++) {
        const td_result_row *row = &s->row[i];
        td_node *m = td_node_push(a, rows, td_node_map(a));
        td_node_put_string(a, m, "name", row->name);
        td_node_put_string(a, m, "title", title(row->name));
        td_node_put_bool(a, m, "found", row->found);
        td_node_put_bool(a, m, "meets_targets", row->found && row->meets);
        td_node_put_bool(a, m, "best", i == s->best);
        td_node_put_int(a, m, "trials", row->trials);
        td_node_put_int(a, m, "trained", row->trained);
        td_node_put_int(a, m, "misses_targets", row->count[TD_RESULT_MISSES]);
        td_node_put_int(a, m, "cannot_be_built", row->count[TD_RESULT_UNBUILT]);
        td_node_put_int(a, m, "costs_only", row->count[TD_RESULT_PRUNED]);
        td_node_put_int(a, m, "stopped_early", row->count[TD_RESULT_STOPPED]);
        td_node_put_int(a, m, "no_accuracy", row->count[TD_RESULT_DIVERGES]);
        td_node_put_int(a, m, "failed", row->count[TD_RESULT_FAILED]);
        if (row->goal.objectives != 0) td_node_put(a, m, "front", td__report_front_node(row, a));
        if (!row->found) continue;
        put_known(a, m, "test_accuracy", row->test_accuracy);
        put_known(a, m, "test_accuracy_quantised",
                  row->quantised != NULL ? row->test_accuracy_quantised : NAN);
        put_known(a, m, "valid_accuracy", row->valid_accuracy);
        if (row->repeats > 0) {
            put_known(a, m, "test_std", row->test_std);
            put_known(a, m, "valid_std", row->valid_std);
            td_node_put_int(a, m, "repeats", row->repeats);
        }
        put_metrics(a, m, row->metric);
        if (row->part != NULL) {
            const td_workload *w = row->design.workload;
            td_node_put_string(a, m, "combine", w->combine == TD_COMBINE_SUM ? "sum" : "worst");
            td_node_put(a, m, "networks", td__report_workload_node(row, a));
            continue;
        }
        td_net_totals n;
        td_net_count(row->design.net, &n);
        td_node_put_int(a, m, "macs", n.macs);
        td_node_put_int(a, m, "params", n.params);
        td_node_put_int(a, m, "resident_weight_bytes", row->schedule.resident_weight_bytes);
        put_known(a, m, "dram_bytes", row->schedule.dram_bytes);
    }
    td_text why = {0};
    td_report_why(s, &why);
    td_node_put_string(a, root, "why", why.data ? why.data : "");
    td_text_free(&why);
    td_node *p = td_node_put(a, root, "provenance", td_node_map(a));
    char machine[256];
    td_machine_text(machine, sizeof machine);
    td_node_put_string(a, p, "version", td_version());
    td_node_put_int(a, p, "seed", (int64_t)td_recipe_seed(r));
    td_node_put_string(a, p, "recipe", td_recipe_name(r));
    td_node_put(a, p, "recipe_hash", hex(a, td_recipe_hash(r)));
    td_node_put_string(a, p, "data", s->data_name);
    td_node_put(a, p, "data_hash", hex(a, s->data_hash));
    if (s->accuracy_file[0] != '\0') {
        td_node_put_string(a, p, "accuracy_file", s->accuracy_file);
        td_node_put(a, p, "accuracy_file_hash", hex(a, s->accuracy_file_hash));
    }
    td_node_put_int(a, p, "train_images", s->data_n[TD_SPLIT_TRAIN]);
    td_node_put_int(a, p, "valid_images", s->data_n[TD_SPLIT_VALID]);
    td_node_put_int(a, p, "test_images", s->data_n[TD_SPLIT_TEST]);
    td_node_put_string(a, p, "machine", machine);
    put_known(a, p, "started", s->started);
    put_known(a, p, "wall_s", s->wall_s);
    put_known(a, p, "cpu_s", s->cpu_s);
    return root;
}
