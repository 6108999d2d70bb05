/* The next step. A step is what --set takes: the file is read again with it, so that areas,
 * energies per access, leakage and rules are those of the step, and the network is scheduled anew.
 *
 * Of a template, every parameter is moved to its neighbours, up and down: the values next to it in
 * the file's `space:`, else twice and half of it. Without a `space:`, clock, width and number of
 * ports are left alone: the template has no price for them, neither area nor voltage. Of a file
 * with `levels:`, whatever can be scarce is doubled, one at a time: capacities, bandwidths,
 * fan-outs with all that stands below them, the vector unit. Its area is a number that does not
 * follow; nor does leakage, or the energy per access of a level that is no memory of a class.
 *
 * Of use is a step that does not cost more of the objective (beyond a rounding) and lowers it, or
 * the product latency x energy x area. */
#include "next_step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_hw.h"
#include "tandem/space.h"

enum { MAX_STEPS = 64 };
#define NOTICED 0.005 /* smaller changes are none */
#define SHOWN 0.0005  /* smaller ones are told as 0 % */

typedef struct {
    const td_net *net;
    const char *hw_name;
    const cli_set *base;
    const td_schedule_options *o;
    td_arena *arena;
    next_steps *out;
    td_hw *hw; /* one for each step, MAX_STEPS */
    td_error *fault;
    bool failed;
} search;

/* ---- which steps ------------------------------------------------------------------------------
 */

static next_step *add(search *x, const char *what, const char *unit, double from, double to) {
    if (x->out->n == MAX_STEPS) x->failed = true;
    if (x->failed) return NULL;
    next_step *t = &x->out->step[x->out->n++];
    *t = (next_step){.what = what, .unit = unit, .from = from, .to = to, .energy_known = true};
    if (what == NULL) x->failed = true;
    return t;
}

static void put(search *x, next_step *t, const char *key, double value) {
    char number[32];
    if (t == NULL) return;
    if (value == rint(value) && fabs(value) < 1e15)
        snprintf(number, sizeof number, "%.0f", value); /* whole ones are read as such */
    else
        td_real_text(value, number);
    const char *set = td_arena_printf(x->arena, "%s=%s", key, number);
    if (set == NULL || !cli_set_add(&t->set, set)) x->failed = true;
}

/* The value next to v among those that the space gives to a parameter; without a space, twice and
 * half of it. NAN: none. */
static double neighbour(const td_space *space, const char *key, double v, bool up) {
    double next = NAN;
    if (space == NULL) return up ? 2 * v : v / 2;
    for (int i = 0; i < space->n; i++) {
        const td_decision *d = &space->d[i];
        for (int k = 0; strcmp(d->name, key) == 0 && k < d->n; k++) {
            double w = d->value[k];
            if (up ? w > v && !(w >= next) : w < v && !(w <= next)) next = w;
        }
    }
    return next;
}

static td_status template_steps(search *x, const td_node *doc, const td_template *now,
                                td_error *err) {
    static const char *const sizes[TD_NTEMPLATE][8] = {
        [TD_TEMPLATE_EDGE] = {"pe_x", "pe_y", "simd", "lanes", "local_kb", "rf_kb", "io_gbps"},
        [TD_TEMPLATE_ARRAY] = {"pes", "mesh_x", "pe_words", "input_words", "weight_words",
                               "buffer_kb", "buffer_bw", "dram_bw"}};
    const td_node *map = td_node_find(doc, "space");
    td_space *space = NULL;
    const char *key;
    td_status s = map != NULL ? td_space_hw_from_node(doc, x->arena, &space, err) : TD_OK;
    if (s != TD_OK) return s;
    for (int k = 0; space != NULL || k < 8; k++) {
        key = space != NULL ? td_template_key(now, k) : sizes[now->kind][k];
        if (key == NULL) break;
        for (int up = 1; up >= 0; up--) {
            td_template p = *now;
            double from = td_template_get(now, key), to = neighbour(space, key, from, up == 1);
            /* half of an odd number of PEs is none */
            if (to > 0 && td_template_set(&p, key, to, NULL) == TD_OK)
                put(x, add(x, key, "", from, to), key, to);
        }
    }
    return TD_OK;
}

/* Leakage of a general description is a number that does not follow its sizes. */
static bool leaks(const td_hw *hw) {
    double w = hw->leak_w + hw->mac.leak_w;
    for (int l = 0; l < hw->n; l++) w += hw->level[l].leak_w;
    return w > 0;
}

/* Energies per access come from the capacity, by the class of the memory. */
static bool energy_follows(const td_node *level) {
    static const char *const given[] = {"energy_pj", "read_pj", "fill_pj", "update_pj"};
    for (int k = 0; k < 4; k++)
        if (td_node_find(level, given[k]) != NULL) return false;
    return td_node_find(level, "class") != NULL;
}

static const char *level_key(search *x, int l, const char *key) {
    return td_arena_printf(x->arena, "levels[%d].%s", l, key);
}

static void level_capacity(search *x, const td_node *doc, const td_hw *hw, int l) {
    const td_level *v = &hw->level[l];
    if (v->shares >= 0 || v->capacity_bits <= 0 || v->capacity_bits > INT64_MAX / 4) return;
    const td_node *level = td_node_find(doc, "levels")->item[l];
    bool kb = td_node_find(level, "capacity_kb") != NULL;
    double now = (double)v->capacity_bits / (kb ? 8192 : 1);
    next_step *t =
        add(x, td_arena_printf(x->arena, "%s capacity", v->name), kb ? "KB" : "bits", now, 2 * now);
    put(x, t, level_key(x, l, kb ? "capacity_kb" : "capacity_bits"), 2 * now);
    if (t != NULL) t->energy_known = !leaks(hw) && energy_follows(level);
}

static void level_bandwidth(search *x, const td_hw *hw, int l) {
    const td_level *v = &hw->level[l];
    const struct {
        const char *key;
        double now;
    } port[] = {{"read_bw", v->read_bw}, {"write_bw", v->write_bw}, {"shared_bw", v->shared_bw}};
    double all = fmin(v->shared_bw, v->read_bw + v->write_bw);
    if (all == INFINITY) all = fmin(v->read_bw, v->write_bw);
    if (all == INFINITY) return;
    next_step *t =
        add(x, td_arena_printf(x->arena, "%s bandwidth", v->name), "bits per cycle", all, 2 * all);
    for (int k = 0; k < 3; k++)
        if (port[k].now < INFINITY) put(x, t, level_key(x, l, port[k].key), 2 * port[k].now);
}

/* Twice as many children along an axis, each with all that it has. */
static void fan_out(search *x, const td_hw *hw, int l, int axis) {
    bool along_x = axis == TD_AXIS_X;
    double now = (double)td_hw_peak_macs(hw);
    next_step *t = add(
        x,
        td_arena_printf(x->arena, "%s below %s", along_x ? "columns" : "rows", hw->level[l].name),
        "MACs", now, 2 * now);
    if (t != NULL) t->energy_known = !leaks(hw);
    put(x, t, "mac.instances", 2.0 * hw->mac.instances);
    put(x, t, "mac.mesh_x", (along_x ? 2.0 : 1.0) * hw->mac.mesh_x);
    for (int j = 0; j < l; j++) {
        put(x, t, level_key(x, j, "instances"), 2.0 * hw->level[j].instances);
        put(x, t, level_key(x, j, "mesh_x"), (along_x ? 2.0 : 1.0) * hw->level[j].mesh_x);
    }
}

static void general_steps(search *x, const td_node *doc, const td_hw *hw) {
    bool array = false;
    for (int l = 0; l < hw->n; l++) {
        level_capacity(x, doc, hw, l);
        level_bandwidth(x, hw, l);
        for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++)
            if (td_hw_fanout(hw, l, axis) > 1) {
                fan_out(x, hw, l, axis);
                array = true;
            }
    }
    if (!array) fan_out(x, hw, 0, TD_AXIS_X);
    if (hw->vec.lanes > 0) {
        next_step *t = add(x, "vector lanes", "", hw->vec.lanes, 2.0 * hw->vec.lanes);
        if (t != NULL) t->energy_known = !leaks(hw);
        put(x, t, "vector.lanes", 2.0 * hw->vec.lanes);
        if (hw->vec.bw < INFINITY)
            put(x, add(x, "vector port", "bits per cycle", hw->vec.bw, 2 * hw->vec.bw), "vector.bw",
                2 * hw->vec.bw);
    }
}

/* ---- their figures ----------------------------------------------------------------------------
 */

/* The rule that a template breaks. */
static const char *broken_rule(const td_node *doc) {
    td_template p;
    if (td_template_from_node(doc, &p, NULL) != TD_OK) return NULL;
    unsigned broken = td_template_broken(&p);
    const char *name;
    for (int r = 0; (name = td_template_rule_name(&p, r)) != NULL; r++)
        if (broken & TD_BIT(r)) return name;
    return NULL;
}

/* The same file with the step in it. A step that breaks a rule stays, with the reason. */
static td_status build(search *x, int i, td_error *err) {
    next_step *t = &x->out->step[i];
    const td_node *doc;
    td_error *why = &x->fault[i];
    td_status s = cli_hw_doc(x->hw_name, x->base, &t->set, x->arena, &doc, err);
    if (s != TD_OK) return s;
    s = td_hw_from_node(doc, &x->hw[i], why);
    if (s == TD_E_MEMORY) return td_fail(err, s, "out of memory");
    if (s != TD_OK && x->out->template) t->rule = broken_rule(doc);
    return TD_OK;
}

static void schedule(void *self, int i) {
    search *x = self;
    next_step *t = &x->out->step[i];
    td_schedule s;
    if (x->fault[i].code != TD_OK) return;
    if (td_schedule_best(x->net, &x->hw[i], x->o, &s, NULL, &x->fault[i]) != TD_OK) return;
    t->latency_s = s.latency_s;
    t->energy_j = s.energy_j;
    t->area_mm2 = x->hw[i].area_mm2;
    td_schedule_free(&s);
}

/* ---- their order ------------------------------------------------------------------------------
 */

static double ratio(double then, double now) {
    double r = then / now;
    return isfinite(r) ? r : 1; /* not known: of no account */
}

typedef struct {
    double aim, product;
} worth;

static worth worth_of(const next_steps *x, const next_step *t) {
    double latency = ratio(t->latency_s, x->latency_s), energy = ratio(t->energy_j, x->energy_j);
    return (worth){x->objective == TD_OBJ_ENERGY ? energy : latency,
                   latency * energy * ratio(t->area_mm2, x->area_mm2)};
}

/* Insertion: a few dozen, and the order of equals stays. */
static void sort(next_steps *x) {
    for (int i = 1; i < x->n; i++) {
        next_step t = x->step[i];
        worth w = worth_of(x, &t);
        int k = i;
        for (; k > 0; k--) {
            const next_step *o = &x->step[k - 1];
            worth v = worth_of(x, o);
            bool before = t.reason == NULL && (o->reason != NULL || w.aim < v.aim ||
                                               (w.aim == v.aim && w.product < v.product));
            if (!before) break;
            x->step[k] = *o;
        }
        x->step[k] = t;
    }
}

static void rank(next_steps *x) {
    for (int r = 1; r <= x->n; r++) {
        next_step *best = NULL;
        for (int i = 0; i < x->n; i++) {
            next_step *t = &x->step[i];
            worth w = worth_of(x, t);
            bool useful = t->reason == NULL && t->rank == 0 && w.aim <= 1 + SHOWN &&
                          (w.aim < 1 - NOTICED || w.product < 1 - NOTICED);
            if (useful && (best == NULL || w.product < worth_of(x, best).product)) best = t;
        }
        if (best == NULL) return;
        best->rank = r;
    }
}

static td_status find(search *x, const td_hw *hw, td_error *err) {
    next_steps *out = x->out;
    const td_node *doc;
    td_template p;
    td_status s = cli_hw_doc(x->hw_name, x->base, NULL, x->arena, &doc, err);
    if (s != TD_OK) return s;
    out->template = td_node_find(doc, "template") != NULL;
    if (!out->template)
        general_steps(x, doc, hw);
    else if ((s = td_template_from_node(doc, &p, err)) != TD_OK ||
             (s = template_steps(x, doc, &p, err)) != TD_OK)
        return s;
    if (x->failed) return td_fail(err, TD_E_MEMORY, "out of memory for the next step");
    for (int i = 0; s == TD_OK && i < out->n; i++) s = build(x, i, err);
    if (s != TD_OK) return s;
    s = td_parallel_for(0, out->n, schedule, x);
    if (s != TD_OK) return td_fail(err, s, "out of memory for the next step");
    for (int i = 0; i < out->n; i++) {
        next_step *t = &out->step[i];
        if (x->fault[i].code != TD_OK) {
            t->reason = td_arena_strdup(x->arena, x->fault[i].message);
            if (t->reason == NULL || x->fault[i].code == TD_E_MEMORY)
                return td_fail(err, TD_E_MEMORY, "out of memory for the next step");
            t->latency_s = t->energy_j = t->area_mm2 = NAN;
        } else if (!out->template) {
            t->area_mm2 = NAN;
            if (!t->energy_known) t->energy_j = NAN;
        }
    }
    sort(out);
    out->gains =
        out->n > 0 && out->step[0].reason == NULL && worth_of(out, &out->step[0]).aim < 1 - NOTICED;
    rank(out);
    return TD_OK;
}

td_status next_steps_find(const td_net *net, const char *hw_name, const cli_set *set,
                          const td_hw *hw, const td_schedule_options *o, const td_schedule *s,
                          td_arena *a, next_steps *out, td_error *err) {
    *out = (next_steps){.step = TD_NEW(a, next_step, MAX_STEPS),
                        .latency_s = s->latency_s,
                        .energy_j = s->energy_j,
                        .area_mm2 = hw->area_mm2,
                        .objective = o->objective};
    search x = {.net = net,
                .hw_name = hw_name,
                .base = set,
                .o = o,
                .arena = a,
                .out = out,
                .hw = TD_NEW(a, td_hw, MAX_STEPS),
                .fault = TD_NEW(a, td_error, MAX_STEPS)};
    if (out->step == NULL || x.hw == NULL || x.fault == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory for the next step");
    return find(&x, hw, err);
}
