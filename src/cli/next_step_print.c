/* The next steps as a table for a person, and as a node of the JSON. */
#include <stdio.h>

#include "cli_cell.h"
#include "next_step.h"

enum { TOLD = 2 };

static void add_name(const next_step *t, td_text *out) {
    td_text_addf(out, "%s %.6g -> %.6g%s%s", t->what, t->from, t->to, t->unit[0] ? " " : "",
                 t->unit);
}

static bool near(double a, double b) {
    return fabs(a - b) <= 1e-2 * fabs(b) || (isnan(a) && isnan(b));
}

/* Rows and columns of a square grid often come to much the same: the second would tell nothing. */
static bool same_figures(const next_step *a, const next_step *b) {
    return near(a->latency_s, b->latency_s) && near(a->energy_j, b->energy_j) &&
           near(a->area_mm2, b->area_mm2);
}

static const next_step *ranked(const next_steps *x, int rank) {
    for (int i = 0; i < x->n; i++)
        if (x->step[i].rank == rank) return &x->step[i];
    return NULL;
}

static void tell(const next_steps *x, const next_step *t, const char *why, td_text *out) {
    add_name(t, out);
    if (why != NULL) td_text_addf(out, " (%s)", why);
    td_text_addf(out, ": latency %s", cli_change(t->latency_s, x->latency_s).s);
    if (isfinite(t->energy_j))
        td_text_addf(out, ", energy %s", cli_change(t->energy_j, x->energy_j).s);
    if (isfinite(t->area_mm2))
        td_text_addf(out, ", area %s", cli_change(t->area_mm2, x->area_mm2).s);
}

/* The one that gains most, whatever it costs, and those that gain most for what they cost. */
static void tell_best(const next_steps *x, td_text *out) {
    const next_step *last = x->gains ? &x->step[0] : NULL, *best = ranked(x, 1), *t;
    bool both = last != NULL && best != NULL && same_figures(last, best);
    const bool priced = x->template && isfinite(x->area_mm2);
    int told = 0;
    td_text_add(out, "next step: ");
    if (both) last = best;
    if (last != NULL) {
        tell(x, last, both && priced ? "gains most, also for its cost" : "gains most", out);
        told++;
    }
    for (int r = 1; told < TOLD && (t = ranked(x, r)) != NULL; r++) {
        if (last != NULL && (t == last || same_figures(t, last))) continue;
        if (told++ > 0) td_text_add(out, "; ");
        tell(x, t, t == best && priced ? "best for its cost" : NULL, out);
        last = t;
    }
    if (told == 0) td_text_addf(out, "none of %d single steps is of use", x->n);
    if (!priced) td_text_add(out, " (what they cost in area: not in the file)");
    td_text_add(out, "\n");
}

void next_steps_table(const next_steps *x, td_text *out) {
    td_text name = {0};
    size_t width = 20;
    for (int i = 0; i < x->n; i++) {
        name.size = 0;
        add_name(&x->step[i], &name);
        if (name.size > width) width = name.size;
    }
    td_text_addf(out, "\n %-*s %9s %9s %9s\n", (int)width, "single steps", "latency", "energy",
                 "area");
    for (int i = 0; i < x->n; i++) {
        const next_step *t = &x->step[i];
        name.size = 0;
        add_name(t, &name);
        td_text_addf(out, " %-*s ", (int)width, name.data != NULL ? name.data : t->what);
        if (t->rule != NULL)
            td_text_addf(out, "cannot be built: %s\n", t->rule);
        else if (t->reason != NULL)
            td_text_addf(out, "%s\n", t->reason);
        else
            td_text_addf(out, "%9s %9s %9s\n", cli_change(t->latency_s, x->latency_s).s,
                         cli_change(t->energy_j, x->energy_j).s,
                         cli_change(t->area_mm2, x->area_mm2).s);
    }
    td_text_free(&name);
    tell_best(x, out);
}

static void put_known(td_arena *a, td_node *n, const char *key, double v) {
    if (isfinite(v)) td_node_put_real(a, n, key, v);
}

td_node *next_steps_node(const next_steps *x, td_arena *a) {
    td_node *list = td_node_list(a);
    for (int i = 0; i < x->n; i++) {
        const next_step *t = &x->step[i];
        td_node *n = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, n, "parameter", t->what);
        td_node_put_real(a, n, "from", t->from);
        td_node_put_real(a, n, "to", t->to);
        td_node *set = td_node_put(a, n, "set", td_node_list(a));
        for (int k = 0; k < t->set.n; k++) td_node_push(a, set, td_node_string(a, t->set.value[k]));
        if (t->rule != NULL) td_node_put_string(a, n, "rule", t->rule);
        if (t->reason != NULL) {
            td_node_put_string(a, n, "reason", t->reason);
            continue;
        }
        put_known(a, n, "latency_s", t->latency_s);
        put_known(a, n, "energy_j", t->energy_j);
        put_known(a, n, "area_mm2", t->area_mm2);
        put_known(a, n, "latency_ratio", t->latency_s / x->latency_s);
        put_known(a, n, "energy_ratio", t->energy_j / x->energy_j);
        put_known(a, n, "area_ratio", t->area_mm2 / x->area_mm2);
        if (t->rank > 0) td_node_put_int(a, n, "rank", t->rank);
    }
    return list;
}
