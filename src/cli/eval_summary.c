#include "eval_summary.h"

#include <string.h>

#include "cli_cell.h"

int eval_limits(const td_schedule *s, eval_limit out[EVAL_MAX_LIMITS]) {
    int n = 0;
    double all = 0;
    for (int i = 0; i < s->n; i++) {
        const td_interval *t = &s->interval[i];
        const char *name = t->limit;
        int k = 0;
        while (k < n && strcmp(out[k].name, name) != 0) k++;
        if (k == EVAL_MAX_LIMITS) continue; /* there are not so many names */
        if (k == n) out[n++] = (eval_limit){.name = name};
        out[k].cycles += t->cycles;
        all += t->cycles;
    }
    for (int i = 0; i < n; i++) {
        eval_limit l = out[i];
        int k = i;
        for (; k > 0 && out[k - 1].cycles < l.cycles; k--) out[k] = out[k - 1];
        out[k] = l;
    }
    for (int i = 0; i < n; i++) out[i].share = all > 0 ? out[i].cycles / all : 0;
    return n;
}

/* Inferences follow each other in the steady state only. */
static double per_second(const td_schedule *steady) {
    return steady->latency_s > 0 ? steady->batch / steady->latency_s : 0;
}

static void tell_asked(const td_schedule *s, td_text *out) {
    td_text_addf(out, "latency %s", cli_small(s->latency_s, "s").s);
    if (s->batch > 1) td_text_addf(out, " for %d", s->batch);
    td_text_addf(out, " (bound %s), energy %s (", cli_small(s->bound_latency_s, "s").s,
                 cli_small(s->energy_j, "J").s);
    if (s->leak_j > 0) /* most files with levels tell none */
        td_text_addf(out, "leakage %s), ", cli_small(s->leak_j, "J").s);
    else
        td_text_add(out, "without leakage), ");
    td_text_addf(out, "%s\n", cli_small(s->power_w, "W").s);
}

static void tell_rate(const td_schedule *steady, td_text *out) {
    double rate = per_second(steady);
    if (rate < 99.95)
        td_text_addf(out, "throughput %.3g inferences/s", rate);
    else
        td_text_addf(out, "throughput %s inferences/s", cli_thousands(rate).s);
    if (steady->batch > 1)
        td_text_addf(out, " in batches of %d: %s and %s each", steady->batch,
                     cli_small(steady->latency_s / steady->batch, "s").s,
                     cli_small(steady->energy_j / steady->batch, "J").s);
    td_text_add(out, "\n");
}

/* The other inference beside the one that the table shows. */
static void tell_other(const eval_pair *e, td_text *out) {
    const td_schedule *f = e->first, *s = e->steady;
    if (e->asked == s)
        td_text_addf(out, "first inference (cold) %s, %s", cli_small(f->latency_s, "s").s,
                     cli_small(f->energy_j, "J").s);
    else
        td_text_addf(out, "later inferences %s, %s", cli_small(s->latency_s, "s").s,
                     cli_small(s->energy_j, "J").s);
    if (s->resident_weight_bytes > 0)
        td_text_addf(out, ": the first loads %s of weights that then stay\n",
                     cli_bytes((double)s->resident_weight_bytes).s);
    else
        td_text_add(out, ": no weights stay on chip\n");
}

/* Shares of the time in which arrays fill, drain or shift (skew), and in which they wait (stall),
 * where they are what limits. */
static void beyond_steps(const td_schedule *s, double *skew, double *stall) {
    double all = 0;
    *skew = *stall = 0;
    for (int i = 0; i < s->n; i++) {
        const td_interval *t = &s->interval[i];
        all += t->cycles;
        if (!t->mapped || strcmp(t->limit, "compute") != 0) continue;
        *skew += t->bands * (double)t->cost.skew_cycles;
        *stall += t->bands * (double)t->cost.stall_cycles;
    }
    *skew /= all > 0 ? all : 1;
    *stall /= all > 0 ? all : 1;
}

void eval_summary(const eval_pair *e, td_text *out) {
    const td_schedule *s = e->asked;
    eval_limit limit[EVAL_MAX_LIMITS];
    int n = eval_limits(s, limit);
    tell_asked(s, out);
    tell_rate(e->steady, out);
    tell_other(e, out);
    td_text_addf(out, "on chip: %s of weights resident, at most %s in use; %s over the I/O%s\n",
                 cli_bytes((double)s->resident_weight_bytes).s,
                 cli_bytes((double)s->peak_chip_bytes).s, cli_bytes(s->dram_bytes).s,
                 s->proved ? "" : " (places found by search, not proved)");
    double skew, stall;
    beyond_steps(s, &skew, &stall);
    td_text_add(out, "limits: ");
    for (int i = 0; i < n && limit[i].share >= 0.005; i++) {
        td_text_addf(out, "%s%s %.0f %%", i > 0 ? ", " : "", limit[i].name, 100 * limit[i].share);
        if (skew >= 0.005 && strcmp(limit[i].name, "compute") == 0)
            td_text_addf(out, " (filling and draining: %.0f %%)", 100 * skew);
        if (stall >= 0.005 && strcmp(limit[i].name, "compute") == 0)
            td_text_addf(out, " (starts, commands, first and last tiles: %.0f %%)", 100 * stall);
    }
    td_text_add(out, "\n");
}

static void put_inference(td_arena *a, td_node *n, const char *key, const td_schedule *s) {
    td_node *m = td_node_put(a, n, key, td_node_map(a));
    td_node_put_real(a, m, "latency_s", s->latency_s);
    td_node_put_real(a, m, "energy_j", s->energy_j);
}

td_node *eval_node(const eval_pair *e, td_arena *a) {
    td_node *n = td_schedule_to_node(e->net, e->hw, e->asked, a);
    eval_limit limit[EVAL_MAX_LIMITS];
    int count = eval_limits(e->asked, limit);
    td_net_totals total;
    td_net_count(e->net, &total);
    if (e->hw->relative_energy) td_node_put_bool(a, n, "relative_energy", true);
    td_node_put_int(a, n, "macs", total.macs);
    td_node_put_int(a, n, "parameters", total.params);
    td_node_put_real(a, n, "inferences_per_s", per_second(e->steady));
    put_inference(a, n, "first_inference", e->first);
    put_inference(a, n, "steady_state", e->steady);
    td_node *list = td_node_put(a, n, "limits", td_node_list(a));
    for (int i = 0; i < count; i++) {
        td_node *l = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, l, "limit", limit[i].name);
        td_node_put_real(a, l, "cycles", limit[i].cycles);
        td_node_put_real(a, l, "share", limit[i].share);
    }
    return n;
}
