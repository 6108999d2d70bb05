/* The next step. Of a template, every parameter is moved to its neighbours, up and down: the values
 * next to it in the file's `space:`, else twice and half of it. The accelerator is built anew, so
 * that its area, its energies per access, its leakage and its rules are those of the step, and the
 * network is scheduled anew. Steps that break a rule, or on which the network cannot run, are no
 * steps. Without a `space:`, clock, width and number of ports are left alone: the template has no
 * price for them, neither area nor voltage.
 *
 * Useful is a step that does not cost more of the objective (beyond a rounding) and lowers it, or
 * the product latency x energy x area; the two with the lowest product are told. */
#include "next_step.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 64, TOLD = 2 };
#define NOTICED 0.005 /* smaller changes are none */

typedef struct {
    const char *key; /* of the template; "io" or "memory" of a general description */
    double from, to; /* in its units */
    td_hw hw;
    bool runs;
    double latency, energy, area; /* ratios: step / now */
} step;

typedef struct {
    const td_net *net;
    const td_hw *hw;
    const td_schedule_options *o;
    const td_schedule *now;
    step *step;
    int n;
} search;

/* ---- steps ------------------------------------------------------------------------------------
 */

static void try_step(void *self, int i) {
    search *x = self;
    step *t = &x->step[i];
    td_schedule s;
    t->runs = td_schedule_best(x->net, &t->hw, x->o, &s, NULL, NULL) == TD_OK;
    if (!t->runs) return;
    t->latency = s.latency_s / x->now->latency_s;
    t->energy = s.energy_j / x->now->energy_j;
    t->area = t->hw.area_mm2 / x->hw->area_mm2;
    td_schedule_free(&s);
}

/* The value next to v among those of the list, or twice and half of it. NAN: none. */
static double neighbour(const td_node *list, double v, bool up) {
    double next = NAN;
    if (list == NULL) return up ? 2 * v : v / 2;
    if (list->kind != TD_LIST) return NAN; /* one value: not to be moved */
    for (int i = 0; i < list->count; i++) {
        double w = list->item[i]->real;
        if (list->item[i]->kind != TD_INT && list->item[i]->kind != TD_REAL) return NAN;
        if (up ? w > v && !(w >= next) : w < v && !(w <= next)) next = w;
    }
    return next;
}

static void template_steps(search *x, const td_edge *now, const td_tech *tech,
                           const td_node *space) {
    static const char *const sizes[] = {"pe_x",     "pe_y",  "simd",    "lanes",
                                        "local_kb", "rf_kb", "io_gbps", NULL};
    const char *key;
    for (int k = 0; (key = space != NULL ? td_edge_key(k) : sizes[k]) != NULL; k++) {
        const td_node *list = space != NULL ? td_node_find(space, key) : NULL;
        if (space != NULL && list == NULL) continue;
        for (int up = 1; up >= 0 && x->n < MAX_STEPS; up--) {
            td_edge p = *now;
            step *t = &x->step[x->n];
            *t = (step){.key = key, .from = td_edge_get(now, key)};
            t->to = neighbour(list, t->from, up == 1);
            if (!(t->to > 0) || td_edge_set(&p, key, t->to, NULL) != TD_OK) continue;
            if (td_edge_build(&p, tech, &t->hw, NULL, NULL) == TD_OK) x->n++;
        }
    }
}

/* Bits per cycle of the outermost level, both directions. */
static double io_bits(const td_hw *hw) {
    const td_level *top = &hw->level[hw->n - 1];
    return fmin(top->shared_bw, top->read_bw + top->write_bw);
}

static void general_steps(search *x) {
    const td_hw *hw = x->hw;
    double io = io_bits(hw) / 8 * hw->clock_hz * 1e-9;
    if (io < INFINITY) {
        step *t = &x->step[x->n++];
        *t = (step){.key = "io", .from = io, .to = 2 * io, .hw = *hw};
        td_level *top = &t->hw.level[hw->n - 1];
        top->read_bw *= 2;
        top->write_bw *= 2;
        top->shared_bw *= 2;
    }
    /* The storage whose tiles and residents compete: the outermost of its own on the chip. */
    int l = hw->n - 2;
    while (l >= 0 && (hw->level[l].shares >= 0 || hw->level[l].capacity_bits <= 0)) l--;
    if (l < 0 || hw->level[l].capacity_bits > INT64_MAX / 4) return;
    double kb = (double)hw->level[l].capacity_bits / 8192;
    step *t = &x->step[x->n++];
    *t = (step){.key = hw->level[l].name, .from = kb, .to = 2 * kb, .hw = *hw};
    t->hw.level[l].capacity_bits *= 2;
}

/* ---- the line ---------------------------------------------------------------------------------
 */

static void add_name(const step *t, bool general, td_text *out) {
    static const struct {
        const char *key, *name, *unit;
    } names[] = {{"io", "I/O", " GB/s"},         {"io_gbps", "I/O", " GB/s"},
                 {"local_kb", "Local", " KB"},   {"rf_kb", "RF", " KB"},
                 {"clock_ghz", "clock", " GHz"}, {"port_bytes", "port", " B"}};
    const char *name = t->key, *unit = general ? " KB" : "";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].key, t->key) == 0) {
            name = names[i].name;
            unit = names[i].unit;
        }
    td_text_addf(out, "%s %.6g -> %.6g%s: ", name, t->from, t->to, unit);
}

static void add_change(const char *what, double ratio, td_text *out) {
    double percent = 100 * (ratio - 1);
    if (fabs(percent) < 0.05)
        td_text_addf(out, "%s 0 %%", what);
    else
        td_text_addf(out, fabs(percent) < 9.95 ? "%s %+.1f %%" : "%s %+.0f %%", what, percent);
}

static double product(const step *t) {
    return t->latency * t->energy * t->area;
}

static bool useful(const step *t, td_map_objective objective) {
    double aim = objective == TD_OBJ_ENERGY ? t->energy : t->latency;
    return t->runs && aim <= 1 + NOTICED && (aim < 1 - NOTICED || product(t) < 1 - NOTICED);
}

static void tell_template(search *x, td_text *out) {
    int told = 0;
    for (; told < TOLD; told++) {
        step *best = NULL;
        for (int i = 0; i < x->n; i++)
            if (useful(&x->step[i], x->o->objective) &&
                (best == NULL || product(&x->step[i]) < product(best)))
                best = &x->step[i];
        if (best == NULL) break;
        if (told > 0) td_text_add(out, "; ");
        add_name(best, false, out);
        add_change("latency", best->latency, out);
        add_change(", energy", best->energy, out);
        add_change(", area", best->area, out);
        best->runs = false;
    }
    if (told == 0) td_text_addf(out, "none of %d single steps is of use", x->n);
}

static void tell_general(const search *x, td_text *out) {
    int told = 0;
    for (int i = 0; i < x->n; i++) {
        if (!x->step[i].runs) continue;
        if (told++ > 0) td_text_add(out, "; ");
        add_name(&x->step[i], true, out);
        add_change("latency", x->step[i].latency, out);
    }
    td_text_add(out, told > 0 ? " (their energy and area: not in the file)" : "none known");
}

/* The template's parameters that hw was built from; false: it is a general description. */
static bool find_template(const char *hw_name, const td_hw *hw, td_arena *a, td_edge *p,
                          td_tech *tech, const td_node **space) {
    const char *path;
    const td_node *doc;
    td_hw again;
    if (td_hw_find(a, hw_name, &path, NULL) != TD_OK || td_node_load(a, path, &doc, NULL) != TD_OK)
        return false;
    *space = td_node_find(doc, "space");
    return td_node_find(doc, "template") != NULL && td_edge_from_node(doc, p, NULL) == TD_OK &&
           td_tech_load(p->tech, tech, NULL) == TD_OK &&
           td_edge_build(p, tech, &again, NULL, NULL) == TD_OK &&
           td_hw_hash(&again) == td_hw_hash(hw);
}

td_status next_step(const td_net *net, const char *hw_name, const td_hw *hw,
                    const td_schedule_options *o, const td_schedule *s, td_text *out,
                    td_error *err) {
    td_edge p;
    td_tech tech;
    const td_node *space = NULL;
    search x = {.net = net, .hw = hw, .o = o, .now = s};
    td_arena *a = td_arena_create();
    x.step = malloc(sizeof *x.step * MAX_STEPS);
    td_status st = TD_E_MEMORY;
    if (a != NULL && x.step != NULL) {
        bool template = find_template(hw_name, hw, a, &p, &tech, &space);
        if (template)
            template_steps(&x, &p, &tech, space);
        else
            general_steps(&x);
        st = td_parallel_for(0, x.n, try_step, &x);
        td_text_add(out, "next step: ");
        if (template)
            tell_template(&x, out);
        else
            tell_general(&x, out);
        td_text_add(out, "\n");
    }
    free(x.step);
    td_arena_destroy(a);
    return st == TD_OK ? st : td_fail(err, st, "out of memory for the next step");
}
