#include "map_ask.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_hw.h"
#include "cli_timeloop.h"

/* ---- rules ----------------------------------------------------------------------------------- */

static bool letters(const char *s, const char *known, uint8_t *mask) {
    *mask = 0;
    for (; *s != '\0'; s++) {
        const char *at = strchr(known, *s);
        if (at == NULL || (*mask & TD_BIT(at - known))) return false;
        *mask |= (uint8_t)TD_BIT(at - known);
    }
    return true;
}

bool map_rule_parse(const char *option, const char *text, map_rule *out, td_error *err) {
    static const char axes[] = "txy";
    bool keep = strcmp(option, "--keep") == 0, order = strcmp(option, "--order") == 0;
    const char *equals = strrchr(text, '='), *end = equals;
    *out = (map_rule){.option = option, .text = text};
    bool good = equals != NULL && !(order && equals[1] == '\0');
    if (good && !keep && !order) {
        end = equals - 2; /* ".x" */
        const char *at = end > text ? strchr(axes, tolower((unsigned char)end[1])) : NULL;
        good = at != NULL && *at != '\0' && *end == '.';
        if (good) out->axis = (uint8_t)(at - axes);
    }
    good = good && end > text && (size_t)(end - text) < sizeof out->level &&
           letters(equals + 1, keep ? td_tensor_letter : td_dim_letter, &out->mask);
    if (good) {
        memcpy(out->level, text, (size_t)(end - text));
        snprintf(out->order, sizeof out->order, "%s", equals + 1);
        return true;
    }
    if (keep)
        td_fail(err, TD_E_USAGE,
                "--keep: expected LEVEL=TENSORS with letters of W, I and O, such as GLB=IO, found "
                "\"%.80s\"",
                text);
    else if (order)
        td_fail(err, TD_E_USAGE,
                "--order: expected LEVEL=DIMS with different letters of NKCPQRSG, outermost first, "
                "such as GLB=KPQ, found \"%.80s\"",
                text);
    else
        td_fail(err, TD_E_USAGE,
                "%s: expected LEVEL.AXIS=DIMS with axis x, y or t and letters of NKCPQRSG, such as "
                "GLB.x=KQ, found \"%.80s\"",
                option, text);
    return false;
}

bool map_rule_add(map_options *o, const map_rule *r, td_error *err) {
    if (o->n_rules == MAP_MOST_RULES) {
        td_fail(err, TD_E_USAGE, "more than %d of --keep, --space, --forbid and --order",
                MAP_MOST_RULES);
        return false;
    }
    for (int i = 0; i < o->n_rules && strcmp(r->option, "--forbid") != 0; i++) {
        const map_rule *old = &o->rule[i];
        if (strcmp(old->option, r->option) != 0 || strcmp(old->level, r->level) != 0 ||
            old->axis != r->axis)
            continue;
        td_fail(err, TD_E_USAGE, "%s %.60s and %s %.60s: expected one for the same place",
                old->option, old->text, r->option, r->text);
        return false;
    }
    o->rule[o->n_rules++] = *r;
    return true;
}

/* "I O" */
static const char *tensor_list(unsigned mask, char out[2 * TD_NTENSOR + 1]) {
    int n = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        if (!(mask & TD_BIT(t))) continue;
        if (n > 0) out[n++] = ' ';
        out[n++] = td_tensor_letter[t];
    }
    out[n] = '\0';
    return n > 0 ? out : "nothing";
}

static td_status apply_keep(const map_rule *r, int l, td_case *c, td_error *err) {
    const td_level *v = &c->hw.level[l];
    if ((r->mask & ~(unsigned)v->may_keep) || (v->must_keep & ~(unsigned)r->mask)) {
        char may[2 * TD_NTENSOR + 1] = "", must[2 * TD_NTENSOR + 1] = "";
        return td_fail(err, TD_E_USAGE, "--keep: level %s can keep %s%s%s", r->level,
                       tensor_list(v->may_keep, may), v->must_keep != 0 ? " and must keep " : "",
                       v->must_keep != 0 ? tensor_list(v->must_keep, must) : "");
    }
    c->fixed |= (uint8_t)TD_BIT(l);
    c->fixed_keep[l] = r->mask;
    return TD_OK;
}

static td_status apply_order(const map_rule *r, int l, td_hw *hw, td_error *err) {
    const td_level *v = &hw->level[l];
    if (v->shares >= 0)
        return td_fail(err, TD_E_USAGE,
                       "--order: level %s is a view of %s: what stays there is for a schedule to "
                       "say (`tandem eval`)",
                       v->name, hw->level[v->shares].name);
    return td_map_order_set(&hw->rules, l, r->order, err);
}

/* --space and --forbid. */
static td_status apply_dims(const map_rule *r, int l, td_hw *hw, td_error *err) {
    if (r->axis != TD_AXIS_T && td_hw_fanout(hw, l, r->axis) < 2)
        return td_fail(err, TD_E_USAGE, "%s: level %s has no fan-out on its %c axis", r->option,
                       r->level, r->axis == TD_AXIS_X ? 'x' : 'y');
    uint8_t *allowed = &hw->rules.allowed[l][r->axis];
    *allowed &= strcmp(r->option, "--forbid") == 0 ? (uint8_t)~r->mask : r->mask;
    return TD_OK;
}

static td_status apply_rule(const map_rule *r, td_case *c, td_error *err) {
    int l = td_hw_level_find(&c->hw, r->level);
    if (l < 0) {
        const char *known[TD_MAX_LEVELS];
        for (int i = 0; i < c->hw.n; i++) known[i] = c->hw.level[i].name;
        cli_unknown(err, TD_E_USAGE, "level", r->level, known, c->hw.n);
        return td_error_prefix(err, "%s", r->option);
    }
    if (strcmp(r->option, "--keep") == 0) return apply_keep(r, l, c, err);
    if (strcmp(r->option, "--order") == 0) return apply_order(r, l, &c->hw, err);
    return apply_dims(r, l, &c->hw, err);
}

/* What the machine leaves no choice about is told in the case too, so that a mapper of the written
 * case has the same. A level that is a view of another one's storage holds what a schedule leaves
 * there (`tandem eval`): a single layer has nothing to leave. */
static void fix_keeps(const td_hw *hw, td_case *c) {
    for (int l = 0; l < hw->n; l++) {
        const td_level *v = &hw->level[l];
        if (v->shares < 0 && (v->may_keep & TD_ALL_TENSORS) != v->must_keep) continue;
        c->fixed |= (uint8_t)TD_BIT(l);
        c->fixed_keep[l] = v->must_keep;
    }
}

static td_status set_query(const map_options *o, const td_case *c, td_map_query *q, td_error *err) {
    int16_t keep[TD_MAX_LEVELS];
    int8_t top[TD_NTENSOR];
    for (int l = 0; l < TD_MAX_LEVELS; l++)
        keep[l] = c->fixed & TD_BIT(l) ? (int16_t)c->fixed_keep[l] : (int16_t)-1;
    for (int l = 0; l < c->hw.n; l++)
        if (c->hw.level[l].shares >= 0 && keep[l] != c->hw.level[l].must_keep)
            return td_fail(err, TD_E_USAGE,
                           "level %s is a view of %s: what stays there is for a schedule to say "
                           "(`tandem eval`)",
                           c->hw.level[l].name, c->hw.level[c->hw.level[l].shares].name);
    for (int t = 0; t < TD_NTENSOR; t++) {
        int l = c->hw.n - 1; /* outer levels that must not keep the tensor: it stays inside */
        while (l >= 0 && keep[l] >= 0 && !((unsigned)keep[l] & TD_BIT(t))) l--;
        if (l < 0)
            return td_fail(err, TD_E_USAGE, "fixed_keep leaves no level that keeps %c",
                           td_tensor_letter[t]);
        top[t] = (int8_t)l;
    }
    *q = o->query;
    memcpy(q->keep, keep, sizeof keep);
    memcpy(q->top, top, sizeof top);
    return TD_OK;
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* Widths that were asked for; of a layer in text, else the machine's. */
static void set_bits(const map_options *o, const td_hw *hw, bool text, td_problem *p) {
    if (text) td_hw_layer_bits(hw, p);
    if (o->bits[0] == 0) return;
    memcpy(p->bits, o->bits, sizeof p->bits);
    p->acc_bits = o->bits[3];
}

static td_status one_text(const map_options *o, td_arena *a, map_source *s, td_error *err) {
    s->layer = TD_NEW(a, map_layer, 1);
    if (s->layer == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    s->n = 1;
    s->layer->count = 1;
    snprintf(s->layer->name, sizeof s->layer->name, "%s", o->what);
    td_status st = td_problem_parse(o->what, &s->layer->problem, err);
    if (st != TD_OK) return st;
    set_bits(o, &s->hw, true, &s->layer->problem);
    return td_hw_takes(&s->hw, &s->layer->problem, err);
}

/* Each distinct problem once, in the order of the network. */
static td_status of_net(const map_options *o, td_arena *a, map_source *s, td_error *err) {
    int size = td_net_size(s->net);
    s->layer = TD_NEW(a, map_layer, size);
    if (s->layer == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < size; i++) {
        td_problem p;
        if (!td_layer_problem(s->net, i, o->batch > 0 ? o->batch : 1, &p)) continue;
        set_bits(o, &s->hw, false, &p);
        const char *name = td_net_layer(s->net, i)->name;
        td_status st = td_hw_takes(&s->hw, &p, err);
        if (st != TD_OK) return td_error_prefix(err, "layer %s", name);
        int k = 0;
        while (k < s->n && memcmp(&s->layer[k].problem, &p, sizeof p) != 0) k++;
        map_layer *l = &s->layer[k];
        if (k == s->n) {
            s->n++;
            l->problem = p;
            l->layer = TD_NEW(a, const char *, size);
            if (l->layer == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
            snprintf(l->name, sizeof l->name, "%.60s/%s", td_net_name(s->net), name);
        }
        l->layer[l->count++] = name;
    }
    return s->n > 0 ? TD_OK
                    : td_fail(err, TD_E_INPUT, "%s has no conv or fc to map", td_net_name(s->net));
}

/* ---- what the argument is -------------------------------------------------------------------- */

typedef enum { LAYER, MODEL, CASES } kind;

/* A document with layers and no problem is a network, and so is a list (a workload of ZigZag). */
static bool is_network(const map_source *s) {
    td_arena *a = td_arena_create();
    const td_node *doc;
    bool net = a != NULL && s->cases.n == 1 &&
               cli_cases_parse(&s->cases, 0, a, &doc, NULL) == TD_OK &&
               (doc->kind == TD_LIST ||
                (td_node_find(doc, "layers") != NULL && td_node_find(doc, "problem") == NULL));
    td_arena_destroy(a);
    return net;
}

static td_status find_kind(const char *what, map_source *s, kind *out, td_error *err) {
    struct stat st;
    bool there = stat(what, &st) == 0;
    const char *dot = strrchr(what, '.');
    *out = MODEL;
    if (there && (S_ISDIR(st.st_mode) ||
                  (dot != NULL && (strcmp(dot, ".onnx") == 0 || strcmp(dot, ".csv") == 0))))
        return TD_OK;
    if (!there && strcmp(what, "-") != 0) {
        *out = LAYER;
        if (strpbrk(what, " \t") != NULL) return TD_OK;
        *out = MODEL;
        if (strpbrk(what, "/.") == NULL) return TD_OK;
    }
    *out = CASES;
    if (there && cli_is_timeloop(what))
        return td_fail(err, TD_E_INPUT,
                       "%s: Timeloop's YAML, expected a case: `tandem convert FILE... --to case` "
                       "makes one of it",
                       what);
    td_status status = cli_cases_read(what, &s->cases, err);
    if (status == TD_OK && is_network(s)) {
        *out = MODEL;
        cli_cases_free(&s->cases);
    }
    return status;
}

static td_status find_out(const map_options *o, td_arena *a, map_source *s, td_error *err) {
    kind k;
    const char *hw = o->hw;
    td_status st = find_kind(o->what, s, &k, err);
    if (st != TD_OK) return st;
    s->model = k == MODEL;
    if (k == MODEL) {
        cli_net net = o->net;
        net.name = o->what;
        st = cli_net_load(&net, a, &s->net, &hw, err);
        if (st != TD_OK) return st;
    } else if (o->net.shaped != NULL) {
        return td_fail(err, TD_E_USAGE, "%s is for shipped networks", o->net.shaped);
    }
    if (k != MODEL && o->batch > 0)
        return td_fail(err, TD_E_USAGE, "--batch is for networks; %s",
                       k == LAYER ? "a layer has N, such as N4" : "cases have their own N");
    if (k == CASES && o->bits[0] != 0)
        return td_fail(err, TD_E_USAGE,
                       "--bits is for layers and networks; cases have their own (problem.bits)");
    if (k != CASES && hw == NULL)
        return td_fail(err, TD_E_USAGE, "expected --hw NAME or FILE (`tandem list accelerators`)");
    if (hw != NULL) {
        const td_node *doc;
        st = cli_hw_doc(hw, &o->set, NULL, a, &doc, err);
        if (st == TD_OK) st = td_hw_from_node(doc, &s->hw, err);
        if (st == TD_E_INFEASIBLE) td_error_prefix(err, "%s: cannot be built", hw);
        if (st != TD_OK) return st;
        s->has_hw = true;
    } else if (o->set.n > 0) {
        return td_fail(err, TD_E_USAGE, "--set: expected --hw beside it; cases have their own");
    }
    if (k == LAYER) return one_text(o, a, s, err);
    if (k == MODEL) return of_net(o, a, s, err);
    s->n = s->cases.n;
    return TD_OK;
}

td_status map_source_open(const map_options *o, td_arena *a, map_source *out, td_error *err) {
    *out = (map_source){.o = o};
    td_status st = find_out(o, a, out, err);
    if (st != TD_OK) map_source_close(out);
    return st;
}

void map_source_close(map_source *s) {
    cli_cases_free(&s->cases);
    td_net_destroy(s->net);
    s->net = NULL;
}

/* ---- one question ---------------------------------------------------------------------------- */

static td_status get_case(const map_source *s, int i, td_arena *a, map_question *q, td_error *err) {
    const td_node *doc;
    td_status st = cli_cases_parse(&s->cases, i, a, &doc, err);
    if (st == TD_OK) st = td_case_from_node(doc, &q->c, err);
    if (st != TD_OK) return st;
    q->c.has_mapping = false;
    /* As Timeloop's mapper has it: a dim stands along one axis. */
    q->c.hw.rules.one_axis = true;
    snprintf(q->place, sizeof q->place, "%.60s:%d%s%s", s->cases.name, doc->line,
             q->c.name[0] ? ": " : "", q->c.name);
    return TD_OK;
}

td_status map_question_get(const map_source *s, int i, td_arena *a, map_question *out,
                           td_error *err) {
    memset(out, 0, sizeof *out);
    td_status st = TD_OK;
    if (s->layer == NULL) {
        st = get_case(s, i, a, out, err);
        if (st != TD_OK) return st;
    } else {
        out->layer = &s->layer[i];
        out->c.problem = out->layer->problem;
        snprintf(out->c.name, sizeof out->c.name, "%s", out->layer->name);
        snprintf(out->place, sizeof out->place, "%s on %s", out->c.name, s->hw.name);
    }
    if (s->has_hw) {
        out->c.hw = s->hw;
        out->c.fixed = 0;
        fix_keeps(&s->hw, &out->c);
    }
    for (int k = 0; k < s->o->n_rules && st == TD_OK; k++)
        st = apply_rule(&s->o->rule[k], &out->c, err);
    if (st == TD_OK) st = set_query(s->o, &out->c, &out->query, err);
    if (st != TD_OK) td_error_prefix(err, "%s", out->place);
    return st;
}
