/* ZigZag's workloads: layers as loops, with the layers that their operands come from. */
#include "graph.h"

#include <stdio.h>
#include <string.h>

/* In the order of `sizes`. */
static const char *const loop_name[] = {"B", "G", "K", "C", "OY", "OX", "FY", "FX"};
enum { B, G, K, C, OY, OX, FY, FX, N_LOOPS };

typedef struct {
    int64_t id;
    int32_t size[N_LOOPS], stride[2], dilation[2], bits[3], acc_bits;
    int64_t source[2]; /* of I and W; its own id: from outside, or constant */
    bool add, pool;
    const td_node *node;
} loops;

static td_status read_loops(const td_node *n, loops *l, td_error *err) {
    const td_node *dims, *sizes;
    td_status s = td_node_get_list(n, "loop_dims", &dims, err);
    if (s == TD_OK) s = td_node_get_list(n, "loop_sizes", &sizes, err);
    if (s != TD_OK) return s;
    if (dims->count != sizes->count)
        return td_node_fail(sizes, err, "%d sizes of %d loops", sizes->count, dims->count);
    for (int i = 0; i < N_LOOPS; i++) l->size[i] = 1;
    for (int i = 0; i < dims->count; i++) {
        const td_node *d = dims->item[i], *v = sizes->item[i];
        int k = 0;
        while (k < N_LOOPS && (d->kind != TD_STRING || strcmp(d->text, loop_name[k]) != 0)) k++;
        if (k == N_LOOPS) return td_node_fail(d, err, "expected one of B, G, K, C, OY, OX, FY, FX");
        if (v->kind != TD_INT || v->integer < 1 || v->integer > TD__MAX_CHANNELS)
            return td_node_fail(v, err, "expected an integer in 1..%d", TD__MAX_CHANNELS);
        l->size[k] = (int32_t)v->integer;
    }
    if (l->size[B] != 1) return td_node_fail(sizes, err, "expected one sample (B is 1)");
    return TD_OK;
}

/* "ix=2*ox+1*fx": stride and dilation; a factor of 1 may be left out. */
static td_status read_relations(const td_node *n, loops *l, td_error *err) {
    const td_node *list = NULL;
    for (int a = 0; a < 2; a++) l->stride[a] = l->dilation[a] = 1;
    td_status s = td_node_opt_list(n, "dimension_relations", &list, err);
    for (int i = 0; s == TD_OK && list != NULL && i < list->count; i++) {
        const td_node *r = list->item[i];
        char axis, o, f, spare;
        int stride = 1, dilation = 1;
        const char *t = r->kind == TD_STRING ? r->text : "";
        bool fits = sscanf(t, " i%c = %d * o%c + %d * f%c %c", &axis, &stride, &o, &dilation, &f,
                           &spare) == 5 ||
                    sscanf(t, " i%c = %d * o%c + f%c %c", &axis, &stride, &o, &f, &spare) == 4 ||
                    sscanf(t, " i%c = o%c + f%c %c", &axis, &o, &f, &spare) == 3;
        if (!fits || axis != o || axis != f || (axis != 'x' && axis != 'y') || stride < 1 ||
            dilation < 1 || stride > TD__MAX_SIDE || dilation > TD__MAX_SIDE)
            return td_node_fail(r, err, "expected a relation such as ix=2*ox+1*fx");
        l->stride[axis == 'x'] = stride;
        l->dilation[axis == 'x'] = dilation;
    }
    return s;
}

static td_status read_layer(const td_node *n, loops *l, td_error *err) {
    static const char *const operand[] = {"I", "W"};
    const char *type;
    const td_node *bits = NULL, *source = NULL;
    *l = (loops){.node = n, .bits = {8, 8, 8}, .acc_bits = 32};
    if (n->kind != TD_MAP) return td_node_fail(n, err, "expected a layer of a workload (a map)");
    td_status s = td_node_get_int(n, "id", 0, INT32_MAX, &l->id, err);
    if (s == TD_OK) s = td_node_get_string(n, "operator_type", &type, err);
    if (s == TD_OK) s = read_loops(n, l, err);
    if (s == TD_OK) s = read_relations(n, l, err);
    if (s == TD_OK) s = td_node_opt_map(n, "operand_precision", &bits, err);
    if (s == TD_OK) s = td_node_opt_map(n, "operand_source", &source, err);
    if (s != TD_OK) return s;
    l->add = strstr(type, "Add") != NULL;
    l->pool = strstr(type, "Pool") != NULL;
    /* The result as it is kept, and as sums. */
    static const char *const precision[] = {"W", "I", "O_final"};
    int64_t v = 32;
    s = bits != NULL ? td_node_opt_int(bits, "O", 0, 64, &v, err) : TD_OK;
    l->acc_bits = v > 0 ? (int32_t)v : 32;
    for (int i = 0; i < 3 && s == TD_OK && bits != NULL; i++) {
        v = i < 2 ? 8 : l->acc_bits;
        s = td_node_opt_int(bits, precision[i], 0, 64, &v, err);
        l->bits[i] = v > 0 ? (int32_t)v : 8; /* no such operand: 0 */
    }
    for (int i = 0; i < 2 && s == TD_OK; i++) {
        l->source[i] = l->id;
        if (source != NULL)
            s = td_node_opt_int(source, operand[i], -1, INT32_MAX, &l->source[i], err);
    }
    return s;
}

static int64_t reach(const loops *l, int axis) {
    return (int64_t)(l->size[OY + axis] - 1) * l->stride[axis] +
           (int64_t)(l->size[FY + axis] - 1) * l->dilation[axis] + 1;
}

/* Value that an operand comes from; 0 is the input. */
static td_status value_of(const loops *all, int i, int which, int *out, td_error *err) {
    int64_t id = all[i].source[which];
    *out = 0;
    if (id == all[i].id || id < 0) return TD_OK;
    for (int k = 0; k < i; k++)
        if (all[k].id == id) {
            *out = k + 1;
            return TD_OK;
        }
    return td_node_fail(all[i].node, err, "no earlier layer has id %lld", (long long)id);
}

static td_status add_layer(td_net *net, const loops *all, int i, td_error *err) {
    const loops *l = &all[i];
    td_layer made = td__layer_make(l->add ? TD_OP_ADD : l->pool ? TD_OP_MAX_POOL : TD_OP_CONV);
    int from[2] = {0, 0};
    td_status s = value_of(all, i, 0, &from[0], err);
    if (s == TD_OK && l->add) s = value_of(all, i, 1, &from[1], err);
    if (s != TD_OK) return s;
    const int64_t channels = (int64_t)l->size[G] * (l->add ? 1 : l->size[C]);
    const int64_t out = (int64_t)l->size[G] * l->size[K];
    if (channels > TD__MAX_CHANNELS || out > TD__MAX_CHANNELS)
        return td_node_fail(l->node, err, "more channels than can be counted");
    made.n_inputs = l->add ? 2 : 1;
    for (int k = 0; k < made.n_inputs; k++) made.input[k] = from[k];
    made.c = (int32_t)out;
    if (made.op == TD_OP_CONV) made.groups = l->size[G];
    td_layer *x = &net->layer[from[0]];
    int32_t side[2] = {x->h, x->w};
    for (int a = 0; a < 2 && !l->add; a++) {
        made.kernel[a] = l->size[FY + a];
        made.stride[a] = l->stride[a];
        made.dilation[a] = l->pool ? 1 : l->dilation[a];
        int64_t need = reach(l, a), beyond = need - side[a];
        if (need > TD__MAX_SIDE) return td_node_fail(l->node, err, "an input that is too large");
        made.pad[a] = (int32_t)(beyond > 0 ? beyond / 2 : 0);
        made.pad[a + 2] = (int32_t)(beyond > 0 ? beyond - beyond / 2 : 0);
        if (-beyond >= l->stride[a]) side[a] = (int32_t)need; /* it reads a part */
    }
    if (x->c != channels || x->h != side[0] || x->w != side[1])
        made.view[0] = TD_DIM((int32_t)channels, side[0], side[1]);
    for (int t = 0; t < TD_NTENSOR; t++) made.bits[t] = (uint8_t)l->bits[t];
    made.acc_bits = (uint8_t)l->acc_bits;
    snprintf(made.name, sizeof made.name, "%s%lld", td_op_name(made.op), (long long)l->id);
    if (td__net_add_layer(net, &made) >= 0) return TD_OK;
    td_error own = {0};
    if (td_net_check(net, &own) == TD_E_MEMORY) return td_fail(err, TD_E_MEMORY, "%s", own.message);
    return td_node_fail(l->node, err, "%s", own.message);
}

/* The input is as large as the first layer that reads it says. */
static td_shape input_of(const loops *all, int n) {
    for (int i = 0; i < n; i++) {
        const loops *l = &all[i];
        if (l->source[0] != l->id && l->source[0] >= 0) continue;
        int64_t c = (int64_t)l->size[G] * (l->add ? 1 : l->size[C]), h = reach(l, 0),
                w = reach(l, 1);
        if (c <= TD__MAX_CHANNELS && h <= TD__MAX_SIDE && w <= TD__MAX_SIDE)
            return TD_DIM((int32_t)c, (int32_t)h, (int32_t)w);
    }
    return TD_DIM(1, 1, 1);
}

td_status td_net_from_zigzag(const td_node *list, const char *name, td_net **net, td_error *err) {
    *net = NULL;
    if (list == NULL || list->kind != TD_LIST || list->count < 1)
        return list != NULL ? td_node_fail(list, err, "expected a list of layers")
                            : td_fail(err, TD_E_INPUT, "there is no workload");
    if (list->count >= TD__MAX_LAYERS) return td_node_fail(list, err, "too many layers");
    td_arena *a = td_arena_create();
    loops *all = a != NULL ? TD_NEW(a, loops, list->count) : NULL;
    td_status s = all != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory for a workload");
    for (int i = 0; i < list->count && s == TD_OK; i++) s = read_layer(list->item[i], &all[i], err);
    td_net *made = NULL;
    if (s == TD_OK) {
        made = td_net_create(name, input_of(all, list->count));
        if (made == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory for a workload");
    }
    for (int i = 0; i < list->count && s == TD_OK; i++) s = add_layer(made, all, i, err);
    td_arena_destroy(a);
    if (s == TD_OK)
        *net = made;
    else
        td_net_destroy(made);
    return s;
}
