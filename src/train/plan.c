#include "plan.h"

#include <stdlib.h>

#include "batch_norm.h"
#include "kernels.h"

/* Layers that the output depends on. */
static void mark_live(const td_net *net, bool *live) {
    for (int i = td_net_size(net) - 1; i >= 0; i--) {
        if (i == td_net_output(net)) live[i] = true;
        const td_layer *l = td_net_layer(net, i);
        for (int k = 0; live[i] && k < l->n_inputs; k++) live[l->input[k]] = true;
    }
}

/* The activation that reads value v and nothing else does, if a batch norm can take it in; else -1.
 */
static int fused_reader(const td_net *net, const bool *live, int v) {
    int reader = -1;
    if (v == td_net_output(net)) return -1;
    for (int i = v + 1; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        for (int k = 0; live[i] && k < l->n_inputs; k++)
            if (l->input[k] == v) {
                if (reader >= 0) return -1;
                reader = i;
            }
    }
    return reader >= 0 && td__bn_fuses(td_net_layer(net, reader)->op) ? reader : -1;
}

static void make_ops(td__plan *p, const bool *live, bool *taken) {
    for (int i = 1; i < p->n_values; i++) {
        const td_layer *l = td_net_layer(p->net, i);
        if (!live[i] || taken[i]) continue;
        td__op *o = &p->op[p->n_ops];
        *o = (td__op){.layer = l, .index = i, .act = TD_OP_BN, .n_in = l->n_inputs, .out = i};
        o->bn = l->op == TD_OP_BN;
        o->has_params = o->bn || l->op == TD_OP_CONV || l->op == TD_OP_FC;
        for (int k = 0; k < l->n_inputs; k++) o->in[k] = l->input[k];
        int reader = o->bn ? fused_reader(p->net, live, i) : -1;
        if (reader >= 0) {
            o->act = td_net_layer(p->net, reader)->op;
            o->out = reader;
            taken[reader] = true;
        }
        p->value[o->out].producer = p->n_ops++;
    }
}

/* Stages, readers in other stages, and where gradients are wanted. Operations are in topological
 * order, because layers are. */
static void make_stages(td__plan *p) {
    for (int i = 0; i < p->n_ops; i++) {
        td__op *o = &p->op[i];
        bool wants = o->has_params;
        for (int k = 0; k < o->n_in; k++) {
            const td__value *v = &p->value[o->in[k]];
            int stage = v->stage + (o->bn && p->training ? 1 : 0);
            if (stage > o->stage) o->stage = stage;
            o->want_d_in[k] = p->training && v->wants_gradient;
            wants = wants || v->wants_gradient;
        }
        p->value[o->out].stage = o->stage;
        p->value[o->out].wants_gradient = wants;
        if (o->stage + 1 > p->n_stages) p->n_stages = o->stage + 1;
    }
    for (int i = 0; i < p->n_ops; i++)
        for (int k = 0; k < p->op[i].n_in; k++) {
            td__value *v = &p->value[p->op[i].in[k]];
            if (v->stage != p->op[i].stage) v->crosses = true;
        }
}

td_status td__plan_create(const td_net *net, int batch, td_number number, bool training,
                          int64_t cache_bytes, td__plan **out, td_error *err) {
    *out = NULL;
    td_status st = td_net_check(net, err);
    if (st == TD_OK) st = td_net_runs(net, err);
    if (st != TD_OK) return st;
    const td_layer *last = td_net_layer(net, td_net_output(net));
    if (last->h != 1 || last->w != 1 || last->op == TD_OP_INPUT)
        return td_fail(err, TD_E_UNSUPPORTED,
                       "network %s ends in %s of %d x %d x %d: expected one score per class",
                       td_net_name(net), last->name, last->c, last->h, last->w);
    if (batch < 1 || batch > 65536)
        return td_fail(err, TD_E_USAGE, "batch %d: expected 1 to 65536", batch);
    td__plan *p = calloc(1, sizeof *p);
    td_arena *arena = td_arena_create();
    if (p == NULL || arena == NULL) {
        free(p);
        td_arena_destroy(arena);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    p->arena = arena;
    p->net = td_net_clone(net);
    p->batch = batch;
    p->number = number;
    p->training = training;
    p->n_stages = 1;
    p->n_values = td_net_size(net);
    p->op = TD_NEW(arena, td__op, p->n_values);
    p->value = TD_NEW(arena, td__value, p->n_values);
    bool *live = TD_NEW(arena, bool, p->n_values), *taken = TD_NEW(arena, bool, p->n_values);
    if (p->net == NULL || p->op == NULL || p->value == NULL || live == NULL || taken == NULL) {
        td__plan_destroy(p);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    for (int i = 0; i < p->n_values; i++) {
        const td_layer *l = td_net_layer(p->net, i);
        p->value[i] =
            (td__value){.shape = {l->c, l->h, l->w}, .producer = -1, .buffer = -1, .gradient = -1};
    }
    mark_live(p->net, live);
    make_ops(p, live, taken);
    make_stages(p);
    st = td__plan_commands(p, err);
    if (st == TD_OK) st = td__plan_memory(p, cache_bytes, err);
    if (st != TD_OK) {
        td__plan_destroy(p);
        return st;
    }
    *out = p;
    return TD_OK;
}

void td__plan_destroy(td__plan *p) {
    if (p == NULL) return;
    td_net_destroy(p->net);
    td_arena_destroy(p->arena);
    free(p);
}
