/* Points of a space as a document, as a table, as CSV. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "space_sample.h"
#include "tandem/report.h"

/* ---- the document ---------------------------------------------------------------------------- */

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Least, median and most of one field, over the points that have it. */
static void put_spread(td_node *map, const char *key, const cli_points *p, size_t field,
                       td_arena *a) {
    double *v = malloc(sizeof *v * (size_t)(p->n + 1));
    size_t n = 0;
    for (int64_t i = 0; v != NULL && i < p->n; i++) {
        double x;
        memcpy(&x, (const char *)&p->point[i] + field, sizeof x);
        if (!isnan(x)) v[n++] = x;
    }
    if (n > 0) {
        qsort(v, n, sizeof *v, compare_reals);
        td_node *m = td_node_put(a, map, key, td_node_map(a));
        td_node_put_real(a, m, "least", v[0]);
        td_node_put_real(a, m, "median", v[n / 2]);
        td_node_put_real(a, m, "most", v[n - 1]);
    }
    free(v);
}

static void put_refused(td_node *map, const cli_points *p, td_arena *a) {
    td_node *list = td_node_put(a, map, "refused", td_node_list(a));
    for (int i = 0; i < p->n_refused; i++) {
        td_node *r = td_node_push(a, list, td_node_map(a));
        td_node_put_int(a, r, "points", p->refused[i].points);
        td_node_put_string(a, r, "by", p->refused[i].scheduling ? "schedule" : "build");
        td_node_put_string(a, r, "reason", p->refused[i].reason);
        td_node_put_string(a, r, "example", p->refused[i].example);
    }
}

td_node *cli_points_node(const cli_points *p, const cli_draw *d, td_arena *a) {
    td_node *m = td_node_map(a);
    td_node_put_int(a, m, "points", p->n);
    td_node_put_int(a, m, "seed", (int64_t)d->seed);
    td_node_put_int(a, m, "different", p->different);
    if (d->space->allows != NULL || d->space->draw != NULL)
        td_node_put_int(a, m, "drawn", p->drawn);
    td_node_put_int(a, m, "built", p->built);
    if (d->cost != NULL) td_node_put_int(a, m, "costed", p->costed);
    put_spread(m, "macs", p, offsetof(cli_point, macs), a);
    put_spread(m, "params", p, offsetof(cli_point, params), a);
    put_spread(m, "area_mm2", p, offsetof(cli_point, area), a);
    put_spread(m, "latency_s", p, offsetof(cli_point, latency_s), a);
    put_spread(m, "energy_j", p, offsetof(cli_point, energy_j), a);
    put_refused(m, p, a);
    return m;
}

enum { MASKS = 1 << TD_MAX_RULES };

/* A set of rules that are broken together. */
typedef struct {
    unsigned rules;
    int64_t points;
} combination;

static int compare_combinations(const void *a, const void *b) {
    const combination *x = a, *y = b;
    if (x->points != y->points) return x->points < y->points ? 1 : -1;
    return (x->rules > y->rules) - (x->rules < y->rules);
}

static void put_together(td_node *map, const cli_points *p, td_arena *a) {
    combination c[MASKS];
    int n = 0;
    for (unsigned m = 1; m < MASKS; m++)
        if ((m & (m - 1)) != 0 && p->broken[m] > 0) c[n++] = (combination){m, p->broken[m]};
    if (n > 1) qsort(c, (size_t)n, sizeof *c, compare_combinations);
    td_node *list = td_node_put(a, map, "together", td_node_list(a));
    for (int i = 0; i < n; i++) {
        td_node *e = td_node_push(a, list, td_node_map(a));
        td_node *rules = td_node_put(a, e, "rules", td_node_list(a));
        for (int r = 0; r < TD_MAX_RULES; r++)
            if (c[i].rules & TD_BIT(r))
                td_node_push(a, rules, td_node_string(a, td_template_rule_name(&p->template, r)));
        td_node_put_int(a, e, "points", c[i].points);
    }
}

static void put_rules(td_node *map, const cli_points *p, td_arena *a) {
    td_node *list = td_node_list(a);
    for (int r = 0; r < TD_MAX_RULES; r++) {
        int64_t broken = 0, first = 0;
        for (unsigned m = 1; m < MASKS; m++) {
            if (m & TD_BIT(r)) broken += p->broken[m];
            if ((m & (2 * TD_BIT(r) - 1)) == TD_BIT(r)) first += p->broken[m];
        }
        if (broken == 0) continue;
        td_node *e = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, e, "rule", td_template_rule_name(&p->template, r));
        td_node_put_int(a, e, "first", first);
        td_node_put_int(a, e, "broken", broken);
        td_node_put_int(a, e, "only", p->broken[TD_BIT(r)]);
    }
    if (list == NULL || list->count == 0) return;
    td_node_put(a, map, "rules", list);
    put_together(map, p, a);
}

td_node *cli_walk_node(const cli_points *p, const char *of, td_arena *a) {
    td_node *m = td_node_map(a);
    td_node_put_string(a, m, "of", of);
    td_node_put_int(a, m, "points", p->n);
    td_node_put_int(a, m, "built", p->built);
    put_refused(m, p, a);
    put_rules(m, p, a);
    return m;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void add_count(td_text *t, const td_node *m, const char *key) {
    td_text digits = {0};
    td_text_addf(&digits, "%.0f", td_node_find(m, key)->real);
    td_text_add_grouped(t, digits.data != NULL ? digits.data : "?");
    td_text_free(&digits);
}

static double percent(const td_node *m, const char *key, const td_node *all) {
    return 100 * td_node_find(m, key)->real / td_node_find(all, "points")->real;
}

static void add_spread(td_text *t, const td_node *map, const char *key, const char *text,
                       double unit) {
    const td_node *m = td_node_find(map, key);
    if (m == NULL) return;
    td_text_addf(t, "  %-14s %10.3f %10.3f %10.3f\n", text, td_node_find(m, "least")->real / unit,
                 td_node_find(m, "median")->real / unit, td_node_find(m, "most")->real / unit);
}

static void add_refused(td_text *t, const td_node *m, bool examples) {
    const td_node *list = td_node_find(m, "refused");
    for (int i = 0; i < list->count; i++) {
        const td_node *r = list->item[i];
        bool scheduling = strcmp(td_node_find(r, "by")->text, "schedule") == 0;
        td_text_addf(t, "%7.1f %%  %s%s\n", percent(r, "points", m), scheduling ? "schedule: " : "",
                     td_node_find(r, "reason")->text);
        if (examples) td_text_addf(t, "             %s\n", td_node_find(r, "example")->text);
    }
}

void cli_points_table(const td_node *m, td_text *t) {
    td_text_add(t, "\n");
    add_count(t, m, "points");
    td_text_add(t, " points drawn (");
    add_count(t, m, "different");
    td_text_add(t, " different), ");
    add_count(t, m, "built");
    td_text_addf(t, " can be built: %.1f %%", percent(m, "built", m));
    if (td_node_find(m, "costed") != NULL) {
        td_text_add(t, "; ");
        add_count(t, m, "costed");
        td_text_addf(t, " have a schedule: %.1f %%", percent(m, "costed", m));
    }
    td_text_add(t, "\n");
    if (td_node_find(m, "drawn") != NULL) {
        td_text_add(t, "  out of ");
        add_count(t, m, "drawn");
        td_text_addf(t, " vectors: %.3g %% meet the known constraints\n",
                     100 * td_node_find(m, "points")->real / td_node_find(m, "drawn")->real);
    }
    static const char *const spreads[] = {"macs", "params", "area_mm2", "latency_s", "energy_j"};
    bool any = false;
    for (int i = 0; i < 5; i++) any = any || td_node_find(m, spreads[i]) != NULL;
    if (any) td_text_addf(t, "  %-14s %10s %10s %10s\n", "", "least", "median", "most");
    add_spread(t, m, "macs", "MACs, M", 1e6);
    add_spread(t, m, "params", "parameters, M", 1e6);
    add_spread(t, m, "area_mm2", "area, mm2", 1);
    add_spread(t, m, "latency_s", "latency, us", 1e-6);
    add_spread(t, m, "energy_j", "energy, uJ", 1e-6);
    if (td_node_find(m, "refused")->count > 0)
        td_text_add(t, "refused (the first rule that is broken), with an example each:\n");
    add_refused(t, m, true);
}

static void add_share(td_text *t, const td_node *e, const char *key, const td_node *walk) {
    td_text digits = {0}, cell = {0};
    td_text_addf(&digits, "%.0f", td_node_find(e, key)->real);
    td_text_add_grouped(&cell, digits.data != NULL ? digits.data : "?");
    td_text_addf(t, " %9s %5.1f %%", cell.data != NULL ? cell.data : "?", percent(e, key, walk));
    td_text_free(&digits);
    td_text_free(&cell);
}

/* Rule by rule, alone and together. */
static void add_rules(td_text *t, const td_node *m) {
    const td_node *rules = td_node_find(m, "rules"), *together = td_node_find(m, "together");
    td_text_addf(t, "  %-20s %17s %17s %17s\n", "broken rules", "the first one", "at all",
                 "the only one");
    for (int i = 0; i < rules->count; i++) {
        const td_node *e = rules->item[i];
        td_text_addf(t, "  %-20s", td_node_find(e, "rule")->text);
        add_share(t, e, "first", m);
        add_share(t, e, "broken", m);
        add_share(t, e, "only", m);
        td_text_add(t, "\n");
    }
    for (int i = 0; i < together->count; i++) {
        const td_node *e = together->item[i], *names = td_node_find(e, "rules");
        if (i == 0) td_text_add(t, "  together:\n");
        add_share(t, e, "points", m);
        for (int k = 0; k < names->count; k++)
            td_text_addf(t, "%s%s", k > 0 ? " + " : "  ", names->item[k]->text);
        td_text_add(t, "\n");
    }
}

void cli_walk_table(const td_node *m, td_text *t) {
    td_text_add(t, "\nof all ");
    add_count(t, m, "points");
    td_text_addf(t, " %s ", td_node_find(m, "of")->text);
    add_count(t, m, "built");
    td_text_addf(t, " can be built: %.2f %%\n", percent(m, "built", m));
    if (td_node_find(m, "rules") != NULL)
        add_rules(t, m);
    else
        add_refused(t, m, false);
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static const char *state_text(cli_point_state s) {
    static const char *const text[] = {[CLI_POINT_OPEN] = "open",
                                       [CLI_POINT_REFUSED] = "cannot be built",
                                       [CLI_POINT_BUILT] = "built",
                                       [CLI_POINT_UNSCHEDULED] = "no schedule",
                                       [CLI_POINT_COSTED] = "costed"};
    return text[s];
}

/* What is unknown is an empty field. */
static void add_real(td_text *t, double v) {
    char text[32];
    if (isfinite(v)) td_text_add_bytes(t, text, (size_t)td_real_text(v, text));
    td_text_add(t, ",");
}

static td_status add_point(const cli_draw *d, const cli_points *p, int64_t i, td_arena *a,
                           td_text *out, td_error *err) {
    const cli_point *at = &p->point[i];
    const td_space *s = d->space;
    td_choices c = {.n = s->n, .v = TD_NEW(a, double, s->n + 1)};
    if (c.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    cli_point_choices(d, i, &c, NULL);
    const td_node *choices = td_choices_to_node(s, &c, a);
    if (choices == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_text_addf(out, "%lld,%s,", (long long)i, state_text(at->state));
    add_real(out, at->latency_s * 1e6);
    add_real(out, at->energy_j * 1e6);
    add_real(out, at->area);
    add_real(out, at->macs);
    add_real(out, at->params);
    for (int k = 0; k < s->n; k++) {
        const td_node *v = td_node_find(choices, s->d[k].name);
        if (v != NULL && v->kind == TD_STRING)
            td_report_csv_field(out, v->text);
        else if (v != NULL)
            td_node_to_json(v, 0, out);
        td_text_add(out, ",");
    }
    td_report_csv_field(out, at->message != NULL ? at->message : "");
    td_text_add(out, "\r\n");
    return TD_OK;
}

td_status cli_points_csv(const cli_points *p, const cli_draw *d, td_text *out, td_error *err) {
    td_arena *a = td_arena_create();
    td_status s = a != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    td_text_add(out, "point,state,latency_us,energy_uj,area_mm2,macs,params");
    for (int i = 0; i < d->space->n; i++) {
        td_text_add(out, ",");
        td_report_csv_field(out, d->space->d[i].name);
    }
    td_text_add(out, ",reason\r\n");
    for (int64_t i = 0; s == TD_OK && i < p->n; i++) {
        td_arena_reset(a);
        s = add_point(d, p, i, a, out, err);
    }
    td_arena_destroy(a);
    return s;
}
