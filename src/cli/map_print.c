#include "map_print.h"

#include <stdio.h>
#include <string.h>

#include "cli_cell.h"
#include "cli_cost.h"

double map_gap(double value, double bound) {
    return bound > 0 ? value / bound - 1 : INFINITY;
}

/* ---- for programs ---------------------------------------------------------------------------- */

static td_node *problem_node(const map_question *q, const td_problem *p, td_arena *a) {
    td_case c = q->c;
    c.problem = *p;
    return (td_node *)td_node_find(td_case_to_node(&c, a), "problem");
}

static bool padded(const map_question *q, const map_answer *x) {
    return memcmp(&q->c.problem, &x->r.problem, sizeof x->r.problem) != 0;
}

/* What constrains the mapping beside fixed_keep, and budgets: as on the command line, where given.
 */
static td_node *options_node(const map_options *o, td_arena *a) {
    static const char *const rules[] = {"keep", "space", "forbid", "order"};
    td_node *n = td_node_map(a);
    for (int k = 0; k < 4; k++) {
        td_node *list = NULL;
        for (int i = 0; i < o->n_rules; i++) {
            if (strcmp(o->rule[i].option + 2, rules[k]) != 0) continue;
            if (list == NULL) list = td_node_put(a, n, rules[k], td_node_list(a));
            td_node_push(a, list, td_node_string(a, o->rule[i].text));
        }
    }
    const td_map_query *q = &o->query;
    if (q->imperfect) td_node_put_bool(a, n, "imperfect", true);
    if (q->min_utilization > 0) td_node_put_real(a, n, "min_utilization", q->min_utilization);
    if (q->max_nodes > 0) td_node_put_int(a, n, "max_nodes", (int64_t)q->max_nodes);
    if (q->max_seconds > 0) td_node_put_real(a, n, "max_seconds", q->max_seconds);
    if (o->seed) td_node_put_int(a, n, "seed", (int64_t)q->seed);
    return n;
}

td_status map_json(const map_options *o, const map_question *q, const map_answer *x, td_arena *a,
                   td_text *out, td_error *err) {
    td_case c = q->c;
    const td_map_query *ask = &q->query;
    c.problem = x->r.problem;
    c.mapping = x->r.mapping;
    c.has_mapping = true;
    td_node *n = td_case_to_node(&c, a);
    if (padded(q, x)) td_node_put(a, n, "asked", problem_node(q, &q->c.problem, a));
    if (q->layer != NULL && q->layer->layer != NULL) {
        td_node_put_int(a, n, "count", q->layer->count);
        td_node *names = td_node_put(a, n, "layers", td_node_list(a));
        for (int i = 0; i < q->layer->count; i++)
            td_node_push(a, names, td_node_string(a, q->layer->layer[i]));
    }
    td_node_put_string(a, n, "objective", td_map_objective_name(ask->objective));
    if (ask->objective == TD_OBJ_WEIGHTED) {
        td_node *w = td_node_put(a, n, "weights", td_node_list(a));
        for (int i = 0; i < 2; i++) td_node_push(a, w, td_node_real(a, ask->weight[i]));
    }
    td_node_put_string(a, n, "counting", cli_counting_name(ask->counting));
    td_node_put_string(a, n, "mode", td_map_mode_name(ask->mode));
    td_node *options = options_node(o, a);
    if (options == NULL || options->count > 0) td_node_put(a, n, "options", options);
    td_node_put_real(a, n, "value", x->r.objective);
    td_node_put_real(a, n, "bound", x->r.bound);
    td_node_put_real(a, n, "gap", map_gap(x->r.objective, x->r.bound));
    td_node_put_string(a, n, "stop", td_stop_name(x->r.stop));
    td_node_put_int(a, n, "nodes", (int64_t)x->r.nodes);
    td_node_put_real(a, n, "seconds", x->seconds);
    td_node *result = td_cost_to_node(&c, ask->counting, &x->r.cost, a);
    if (td_node_put(a, n, "result", result) == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    td_node_to_json(n, 0, out);
    td_text_add(out, "\n");
    return TD_OK;
}

/* ---- for people ------------------------------------------------------------------------------ */

static double utilization(const map_question *q, const map_answer *x) {
    return (double)td_problem_macs(&q->c.problem) / q->c.hw.mac.instances /
           (double)x->r.cost.cycles;
}

static double edp(const map_answer *x) {
    return x->r.cost.total_pj * (double)x->r.cost.cycles;
}

static cli_cell time_cell(double s) {
    cli_cell c;
    snprintf(c.s, sizeof c.s, s < 0.9995 ? "%.1f ms" : "%.2f s", s < 0.9995 ? 1e3 * s : s);
    return c;
}

static cli_cell percent(double share) {
    cli_cell c;
    snprintf(c.s, sizeof c.s, share < 0.0995 ? "%.1f %%" : "%.0f %%", 100 * share);
    return c;
}

static cli_cell gap_cell(double gap) {
    cli_cell c = {"no bound"};
    if (gap < 9.995)
        c = percent(gap > 0 ? gap : 0); /* rounding may leave -0.0 */
    else if (gap < INFINITY)
        snprintf(c.s, sizeof c.s, "x %.3g", gap + 1);
    return c;
}

static void add_widths(const td_problem *p, td_text *out) {
    if (p->bits[TD_W] == p->bits[TD_I] && p->bits[TD_I] == p->bits[TD_O])
        td_text_addf(out, "%d-bit words", p->bits[TD_W]);
    else
        td_text_addf(out, "words of %d (W), %d (I) and %d (O) bits", p->bits[TD_W], p->bits[TD_I],
                     p->bits[TD_O]);
    if (p->acc_bits != p->bits[TD_O]) td_text_addf(out, " with %d-bit sums", p->acc_bits);
}

static void add_proof(const map_question *q, const map_answer *x, td_text *out) {
    const td_map_query *ask = &q->query;
    double gap = map_gap(x->r.objective, x->r.bound);
    if (ask->objective == TD_OBJ_WEIGHTED)
        td_text_addf(out, "energy^%g x cycles^%g ", ask->weight[0], ask->weight[1]);
    else if (ask->objective != TD_OBJ_EDP)
        td_text_addf(out, "%s ", td_map_objective_name(ask->objective));
    if (gap < 9.995)
        td_text_addf(out, "proven within %s of the optimum", gap_cell(gap).s);
    else if (gap < INFINITY)
        td_text_addf(out, "proven to be at most %.3g times the optimum", gap + 1);
    else
        td_text_add(out, "not bounded");
    if (x->r.stop == TD_STOP_NODES)
        td_text_addf(out, " (stopped after %s nodes)", cli_thousands((double)x->r.nodes).s);
    else if (x->r.stop == TD_STOP_TIME)
        td_text_add(out, " (stopped by time: another run may differ)");
    else if (x->r.stop == TD_STOP_HEURISTIC)
        td_text_add(out, ask->imperfect
                             ? " (imperfect factors: the bound is only what no mapping can "
                               "avoid)"
                             : " (nothing is left to search, but the bound is not closed)");
}

void map_block(const map_question *q, const map_answer *x, td_text *out) {
    const td_case *c = &q->c;
    char shape[160], mapped[160];
    td_problem_text(&c->problem, shape, sizeof shape);
    if (c->name[0] != '\0' && strcmp(c->name, shape) != 0) td_text_addf(out, "%s: ", c->name);
    td_text_addf(out, "%s", shape);
    if (q->layer != NULL && q->layer->count > 1) td_text_addf(out, ", %d times", q->layer->count);
    td_text_addf(out, " on %s, %s MACs, ", c->hw.name[0] ? c->hw.name : "the accelerator",
                 cli_count((double)td_problem_macs(&c->problem)).s);
    add_widths(&c->problem, out);
    td_text_addf(out, ", %s counting%s\n", cli_counting_name(q->query.counting),
                 c->hw.relative_energy ? "; energies are relative, no joules" : "");
    if (padded(q, x)) {
        td_problem_text(&x->r.problem, mapped, sizeof mapped);
        td_text_addf(out, "as %s: zeros fill the array\n", mapped);
    }
    td_mapping_print(&x->r.problem, &c->hw, &x->r.mapping, out);
    td_text_addf(out, "EDP %.3g pJ.cycles   energy %s   %s cycles   utilisation %s   ", edp(x),
                 cli_small(x->r.cost.total_pj * 1e-12, "J").s,
                 cli_thousands((double)x->r.cost.cycles).s, percent(utilization(q, x)).s);
    add_proof(q, x, out);
    td_text_addf(out, "   %s\n", time_cell(x->seconds).s);
}

/* ---- several layers -------------------------------------------------------------------------- */

/* Latency and energy have their columns in any case. */
static const char *value_title(const map_options *o) {
    if (o->query.objective == TD_OBJ_EDP) return "EDP";
    return o->query.objective == TD_OBJ_WEIGHTED ? "value" : "";
}

static cli_cell value_cell(const td_map_query *q, double v) {
    cli_cell c = {""};
    if (q->objective == TD_OBJ_EDP || q->objective == TD_OBJ_WEIGHTED)
        snprintf(c.s, sizeof c.s, "%.3g", v);
    return c;
}

static const char row_format[] = " %-*.60s %-34s %5s %8s %15s %7s %9s %10s %9s  %-9s %9s\n";

/* Names of cases are not known before they are read. */
static int name_width(const map_source *s) {
    int width = s->layer != NULL ? 12 : 34;
    for (int i = 0; s->layer != NULL && s->model && i < s->n; i++) {
        int n = (int)strlen(s->layer[i].layer[0]);
        if (n > width) width = n;
    }
    return width;
}

static const char *plain_name(const map_question *q) {
    const char *name = q->c.name;
    if (q->layer != NULL && q->layer->layer != NULL) return q->layer->layer[0];
    return name[0] != '\0' ? name : q->place;
}

void map_head(const map_source *s, td_text *out) {
    bool same = true;
    int layers = 0;
    for (int i = 0; s->layer != NULL && i < s->n; i++) {
        const td_problem *p = &s->layer[i].problem, *first = &s->layer[0].problem;
        same = same && memcmp(p->bits, first->bits, sizeof p->bits) == 0 &&
               p->acc_bits == first->acc_bits;
        layers += s->layer[i].count;
    }
    if (s->model)
        td_text_addf(out, "%s on %s: %d layers, %d of them different", td_net_name(s->net),
                     s->hw.name, layers, s->n);
    else
        td_text_addf(out, "%s: %d cases", s->cases.name, s->n);
    if (s->has_hw && !s->model) td_text_addf(out, " on %s", s->hw.name);
    if (s->layer != NULL && same) {
        td_text_add(out, ", ");
        add_widths(&s->layer[0].problem, out);
    }
    td_text_addf(out, ", %s counting, least ", cli_counting_name(s->o->query.counting));
    if (s->o->query.objective == TD_OBJ_WEIGHTED)
        td_text_addf(out, "energy^%g x cycles^%g", s->o->query.weight[0], s->o->query.weight[1]);
    else
        td_text_addf(out, "%s",
                     value_title(s->o)[0] != '\0' ? value_title(s->o)
                                                  : td_map_objective_name(s->o->query.objective));
    if (s->has_hw && s->hw.relative_energy) td_text_add(out, "; energies are relative, no joules");
    td_text_add(out, "\n\n");
    td_text_addf(out, row_format, name_width(s), "layer", "shape", "count", "MACs", "cycles",
                 "util", "energy", value_title(s->o), "gap", "stop", "time");
}

void map_row(const map_source *s, const map_question *q, const map_answer *x, td_text *out) {
    char shape[160], count[16] = "";
    td_problem_text(&q->c.problem, shape, sizeof shape);
    if (q->layer != NULL) snprintf(count, sizeof count, "x %d", q->layer->count);
    cli_cell macs = cli_count((double)td_problem_macs(&q->c.problem));
    if (x == NULL) {
        td_text_addf(out, row_format, name_width(s), plain_name(q), shape, count, macs.s,
                     "no mapping", "", "", "", "", "", "");
        return;
    }
    td_text_addf(out, row_format, name_width(s), plain_name(q), shape, count, macs.s,
                 cli_thousands((double)x->r.cost.cycles).s, percent(utilization(q, x)).s,
                 cli_small(x->r.cost.total_pj * 1e-12, "J").s,
                 value_cell(&q->query, x->r.objective).s,
                 gap_cell(map_gap(x->r.objective, x->r.bound)).s, td_stop_name(x->r.stop),
                 time_cell(x->seconds).s);
}

void map_add(map_totals *t, const map_question *q, const map_answer *x) {
    double count = q->layer != NULL ? q->layer->count : 1;
    t->asked++;
    if (x == NULL) return;
    double gap = map_gap(x->r.objective, x->r.bound);
    t->mapped++;
    t->proved += x->r.stop == TD_STOP_PROVED;
    t->layers += (int)count;
    t->macs += count * (double)td_problem_macs(&q->c.problem);
    t->cycles += count * (double)x->r.cost.cycles;
    t->pj += count * x->r.cost.total_pj;
    t->value += count * x->r.objective;
    t->bound += count * x->r.bound;
    t->seconds += x->seconds;
    if (gap > t->worst) t->worst = gap;
}

/* A network's EDP is its energy times its cycles, not the sum of its layers'. */
static double total_value(const td_map_query *q, const map_totals *t) {
    if (q->objective == TD_OBJ_EDP) return t->pj * t->cycles;
    if (q->objective == TD_OBJ_WEIGHTED)
        return pow(t->pj, q->weight[0]) * pow(t->cycles, q->weight[1]);
    return t->value;
}

/* Bounds of layers add up to one of the network only where their values do. */
static cli_cell total_gap(const td_map_query *q, const map_totals *t) {
    if (q->objective == TD_OBJ_EDP || q->objective == TD_OBJ_WEIGHTED) return (cli_cell){""};
    return gap_cell(map_gap(t->value, t->bound));
}

void map_foot(const map_source *s, const map_totals *t, td_text *out) {
    const td_map_query *q = &s->o->query;
    if (s->model && t->mapped > 0) {
        char count[16];
        snprintf(count, sizeof count, "x %d", t->layers);
        td_text_addf(out, row_format, name_width(s), "total", "", count, cli_count(t->macs).s,
                     cli_thousands(t->cycles).s,
                     percent(t->macs / t->cycles / s->hw.mac.instances).s,
                     cli_small(t->pj * 1e-12, "J").s, value_cell(q, total_value(q, t)).s,
                     total_gap(q, t).s, "", time_cell(t->seconds).s);
    }
    td_text_addf(out, "\n%d of %d mapped, %d of them proved, largest gap %s, %s of CPU time\n",
                 t->mapped, t->asked, t->proved, gap_cell(t->worst).s, time_cell(t->seconds).s);
}
