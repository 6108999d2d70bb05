/* The network file: a document tree out and in.
 *
 *     name: toy
 *     input: [1, 28, 28]
 *     layers:
 *       - {op: conv, out: 16, kernel: 3, stride: 2}      # reads the layer before it
 *       - {op: batch_norm, name: norm}
 *       - {op: relu}
 *       - {op: add, inputs: [relu3, norm]}
 *       - {op: resize, size: [28, 28]}
 *       - {op: matmul, inputs: [a, b], views: [null, [1, 784, 8]]}
 *
 * What is not written: inputs [the layer before], name (made from op and number), kernel 1, stride
 * 1, dilation 1, pad "same", groups 1, bias (conv no, fc yes), bits [8, 8, 8, 32]. */
#include "graph.h"
#include "names.h"

#include <stdio.h>
#include <string.h>

/* Which groups of keys an op has. */
enum { WINDOW = 1, CONV = 2, OUT = 4, SIZE = 8, SHAPE = 16 };

static int keys_of(td_op op) {
    switch (op) {
    case TD_OP_CONV: return WINDOW | CONV | OUT;
    case TD_OP_FC: return OUT;
    case TD_OP_MAX_POOL:
    case TD_OP_AVG_POOL: return WINDOW;
    case TD_OP_RESIZE: return SIZE;
    case TD_OP_CONV_TRANSPOSE: return WINDOW | CONV | OUT | SIZE;
    case TD_OP_REDUCE:
    case TD_OP_MOVE: return SHAPE;
    default: return 0;
    }
}

/* ---- out ------------------------------------------------------------------------------------- */

static void put_ints(td_arena *a, td_node *map, const char *key, const int32_t *v, int n) {
    td_node *list = td_node_list(a);
    for (int i = 0; i < n; i++) td_node_push(a, list, td_node_int(a, v[i]));
    td_node_put(a, map, key, list);
}

/* A number where both axes agree, a pair where not, nothing where both are 1. */
static void put_pair(td_arena *a, td_node *map, const char *key, const int32_t v[2]) {
    if (v[0] != v[1])
        put_ints(a, map, key, v, 2);
    else if (v[0] != 1)
        td_node_put_int(a, map, key, v[0]);
}

static void put_bits(td_arena *a, td_node *map, const td_layer *l) {
    const int32_t bits[4] = {l->bits[TD_W], l->bits[TD_I], l->bits[TD_O], l->acc_bits};
    if (bits[0] != 8 || bits[1] != 8 || bits[2] != 8 || bits[3] != 32)
        put_ints(a, map, "bits", bits, 4);
}

static void put_views(td_arena *a, td_node *map, const td_layer *l) {
    td_node *views = td_node_put(a, map, "views", td_node_list(a));
    for (int k = 0; k < 2; k++) {
        const td_shape *v = &l->view[k];
        td_node *shape = v->c > 0 ? td_node_list(a) : td_node_null(a);
        if (v->c > 0) {
            td_node_push(a, shape, td_node_int(a, v->c));
            td_node_push(a, shape, td_node_int(a, v->h));
            td_node_push(a, shape, td_node_int(a, v->w));
        }
        td_node_push(a, views, shape);
    }
}

static td_node *layer_to_node(const td_net *net, int i, const char **names, td_arena *a) {
    const td_layer *l = &net->layer[i];
    int keys = keys_of(l->op);
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "op", td_op_name(l->op));
    char made[sizeof l->name];
    td__layer_made_name(l->op, i, made, sizeof made);
    if (strcmp(made, names[i]) != 0) td_node_put_string(a, n, "name", names[i]);
    if (l->n_inputs != 1 || l->input[0] != i - 1) {
        td_node *list = td_node_list(a);
        for (int k = 0; k < l->n_inputs; k++)
            td_node_push(a, list, td_node_string(a, names[l->input[k]]));
        td_node_put(a, n, "inputs", list);
    }
    if (keys & OUT) td_node_put_int(a, n, "out", l->c);
    if (keys & WINDOW) {
        put_pair(a, n, "kernel", l->kernel);
        put_pair(a, n, "stride", l->stride);
        int32_t same[4];
        td__same_pad(l->kernel, l->dilation, same);
        if (memcmp(same, l->pad, sizeof same) != 0) put_ints(a, n, "pad", l->pad, 4);
    }
    if (keys & SIZE) put_ints(a, n, "size", (const int32_t[]){l->h, l->w}, 2);
    if (keys & SHAPE) put_ints(a, n, "shape", (const int32_t[]){l->c, l->h, l->w}, 3);
    if (keys & CONV) {
        put_pair(a, n, "dilation", l->dilation);
        if (l->groups != 1) td_node_put_int(a, n, "groups", l->groups);
    }
    if ((keys & CONV) && l->bias) td_node_put_bool(a, n, "bias", true);
    if (l->op == TD_OP_FC && !l->bias) td_node_put_bool(a, n, "bias", false);
    if (l->constants > 0) td_node_put_int(a, n, "constants", l->constants);
    if (l->view[0].c > 0 || l->view[1].c > 0) put_views(a, n, l);
    put_bits(a, n, l);
    return n;
}

td_node *td_net_to_node(const td_net *net, td_arena *a) {
    if (net == NULL || net->fault.code != TD_OK) return NULL;
    const char **names = td__net_unique_names(net, a);
    if (names == NULL) return NULL;
    td_node *doc = td_node_map(a);
    td_node_put_string(a, doc, "name", net->name);
    const td_layer *in = &net->layer[0];
    put_ints(a, doc, "input", (const int32_t[]){in->c, in->h, in->w}, 3);
    put_bits(a, doc, in);
    td_node *layers = td_node_put(a, doc, "layers", td_node_list(a));
    for (int i = 1; i < net->n; i++)
        if (td_node_push(a, layers, layer_to_node(net, i, names, a)) == NULL) return NULL;
    return layers != NULL ? doc : NULL;
}

/* ---- in -------------------------------------------------------------------------------------- */

/* A list of exactly n integers in lo..hi. */
static td_status read_ints(const td_node *list, int n, int64_t lo, int64_t hi, int32_t *out,
                           td_error *err) {
    if (list->kind != TD_LIST || list->count != n)
        return td_node_fail(list, err, "expected a list of %d integers", n);
    for (int i = 0; i < n; i++) {
        const td_node *v = list->item[i];
        if (v->kind != TD_INT || v->integer < lo || v->integer > hi)
            return td_node_fail(v, err, "expected an integer in %lld..%lld", (long long)lo,
                                (long long)hi);
        out[i] = (int32_t)v->integer;
    }
    return TD_OK;
}

/* One integer for both axes, or a list of two; absent: as it is. */
static td_status read_pair(const td_node *map, const char *key, int32_t out[2], td_error *err) {
    const td_node *v = td_node_find(map, key);
    if (v == NULL || v->kind == TD_NULL) return TD_OK;
    if (v->kind == TD_LIST) return read_ints(v, 2, 1, TD__MAX_SIDE, out, err);
    if (v->kind != TD_INT || v->integer < 1 || v->integer > TD__MAX_SIDE)
        return td_node_fail(v, err, "expected an integer in 1..%d or a list of two", TD__MAX_SIDE);
    out[0] = out[1] = (int32_t)v->integer;
    return TD_OK;
}

/* One integer for all sides, a list of four (top, left, bottom, right), or "same". */
static td_status read_pad(const td_node *map, td_layer *l, td_error *err) {
    const td_node *v = td_node_find(map, "pad");
    bool same =
        v == NULL || v->kind == TD_NULL || (v->kind == TD_STRING && strcmp(v->text, "same") == 0);
    if (same) {
        for (int i = 0; i < 2; i++)
            if ((int64_t)l->dilation[i] * (l->kernel[i] - 1) > 2 * TD__MAX_SIDE)
                return td_node_fail(map, err, "kernel and dilation reach too far");
        td__same_pad(l->kernel, l->dilation, l->pad);
        return TD_OK;
    }
    if (v->kind == TD_LIST) return read_ints(v, 4, 0, TD__MAX_SIDE, l->pad, err);
    if (v->kind != TD_INT || v->integer < 0 || v->integer > TD__MAX_SIDE)
        return td_node_fail(v, err,
                            "expected \"same\", an integer in 0..%d or a list of four "
                            "(top, left, bottom, right)",
                            TD__MAX_SIDE);
    for (int i = 0; i < 4; i++) l->pad[i] = (int32_t)v->integer;
    return TD_OK;
}

static td_status read_bits(const td_node *map, td_layer *l, td_error *err) {
    const td_node *v = td_node_find(map, "bits");
    if (v == NULL || v->kind == TD_NULL) return TD_OK;
    int32_t bits[4];
    td_status status = read_ints(v, 4, 1, 64, bits, err);
    if (status != TD_OK) return status;
    for (int t = 0; t < TD_NTENSOR; t++) l->bits[t] = (uint8_t)bits[t];
    l->acc_bits = (uint8_t)bits[3];
    return TD_OK;
}

static td_status read_shape(const td_node *v, td_shape *out, td_error *err) {
    int32_t n[3];
    td_status s = read_ints(v, 3, 1, TD__MAX_CHANNELS, n, err);
    if (s == TD_OK) *out = TD_DIM(n[0], n[1], n[2]);
    return s;
}

/* What layers that are known by their cost only may have beside. */
static td_status read_views(const td_node *map, td_layer *l, td_error *err) {
    td_status status = td_node_opt_int(map, "constants", 0, TD__MAX_PARAMS, &l->constants, err);
    const td_node *v = td_node_find(map, "views");
    if (status != TD_OK || v == NULL || v->kind == TD_NULL) return status;
    if (v->kind != TD_LIST || v->count < 1 || v->count > 2)
        return td_node_fail(v, err, "expected a list of one or two shapes [c, h, w] or nulls");
    for (int k = 0; k < v->count && status == TD_OK; k++)
        if (v->item[k]->kind != TD_NULL) status = read_shape(v->item[k], &l->view[k], err);
    return status;
}

static td_status read_op(const td_node *map, td_op *op, td_error *err) {
    const char *name;
    td_status status = td_node_get_string(map, "op", &name, err);
    if (status != TD_OK) return status;
    for (int i = TD_OP_INPUT + 1; i < TD_NOP; i++)
        if (strcmp(td_op_name((td_op)i), name) == 0) {
            *op = (td_op)i;
            return TD_OK;
        }
    char known[448] = "";
    for (int i = TD_OP_INPUT + 1; i < TD_NOP; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "",
                 td_op_name((td_op)i));
    }
    return td_node_fail(td_node_find(map, "op"), err, "no op is called '%.40s'; known: %s", name,
                        known);
}

/* Unknown keys, by the op's groups of keys. */
static td_status only_known_keys(const td_node *map, td_op op, td_error *err) {
    static const struct {
        const char *key;
        int group; /* 0: every op has it */
    } all[] = {{"op", 0},        {"name", 0},        {"inputs", 0},      {"bits", 0},
               {"out", OUT},     {"bias", OUT},      {"kernel", WINDOW}, {"stride", WINDOW},
               {"pad", WINDOW},  {"dilation", CONV}, {"groups", CONV},   {"size", SIZE},
               {"shape", SHAPE}, {"views", 0},       {"constants", 0}};
    enum { N = sizeof all / sizeof all[0] };
    const char *keys[N + 1] = {NULL};
    int n = 0;
    for (int i = 0; i < N; i++)
        if (all[i].group == 0 || (keys_of(op) & all[i].group)) keys[n++] = all[i].key;
    return td_node_only(map, keys, err);
}

static td_status read_inputs(const td_node *map, const td_net *net, const td__names *names,
                             td_layer *l, td_error *err) {
    l->n_inputs = 1;
    l->input[0] = net->n - 1;
    const td_node *list = td_node_find(map, "inputs");
    if (list == NULL || list->kind == TD_NULL) return TD_OK;
    if (list->kind != TD_LIST || list->count < 1 || list->count > TD_MAX_INPUTS)
        return td_node_fail(list, err, "expected a list of 1..%d layer names", TD_MAX_INPUTS);
    l->n_inputs = list->count;
    for (int k = 0; k < list->count; k++) {
        const td_node *v = list->item[k];
        if (v->kind != TD_STRING) return td_node_fail(v, err, "expected the name of a layer");
        l->input[k] = td__names_find(names, v->text);
        if (l->input[k] < 0)
            return td_node_fail(v, err, "no earlier layer is called '%.60s'", v->text);
    }
    return TD_OK;
}

static td_status read_name(const td_node *map, td_op op, int index, td_arena *a, td__names *names,
                           td_layer *l, td_error *err) {
    td__layer_made_name(op, index, l->name, sizeof l->name);
    const char *name = l->name;
    td_status status = td_node_opt_string(map, "name", &name, err);
    if (status != TD_OK) return status;
    if (name[0] == '\0' || strlen(name) >= sizeof l->name)
        return td_node_fail(map, err, "a layer's name has 1..%zu bytes", sizeof l->name - 1);
    if (name != l->name) snprintf(l->name, sizeof l->name, "%s", name);
    const char *kept = td_arena_strdup(a, name);
    if (kept == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for a network");
    if (!td__names_add(names, kept, index))
        return td_node_fail(map, err, "a layer before this one is called '%s', too", kept);
    return TD_OK;
}

static td_status read_layer(const td_node *map, td_net *net, td_arena *a, td__names *names,
                            td_error *err) {
    if (map->kind != TD_MAP) return td_node_fail(map, err, "expected a layer (a map)");
    td_op op = TD_OP_INPUT;
    td_status status = read_op(map, &op, err);
    if (status == TD_OK) status = only_known_keys(map, op, err);
    if (status != TD_OK) return status;
    td_layer l = td__layer_make(op);
    int keys = keys_of(op);
    status = read_inputs(map, net, names, &l, err);
    if (status == TD_OK) status = read_name(map, op, net->n, a, names, &l, err);
    if (status == TD_OK && (keys & OUT)) {
        int64_t out = 0;
        l.bias = op == TD_OP_FC;
        status = td_node_get_int(map, "out", 1, TD__MAX_CHANNELS, &out, err);
        if (status == TD_OK) status = td_node_opt_bool(map, "bias", &l.bias, err);
        l.c = (int32_t)out;
    }
    if (status == TD_OK && (keys & CONV)) {
        int64_t groups = 1;
        status = td_node_opt_int(map, "groups", 1, TD__MAX_CHANNELS, &groups, err);
        if (status == TD_OK) status = read_pair(map, "dilation", l.dilation, err);
        l.groups = (int32_t)groups;
    }
    if (status == TD_OK && (keys & WINDOW)) {
        status = read_pair(map, "kernel", l.kernel, err);
        if (status == TD_OK) status = read_pair(map, "stride", l.stride, err);
        if (status == TD_OK) status = read_pad(map, &l, err);
    }
    if (status == TD_OK && (keys & SIZE)) {
        const td_node *size = NULL;
        int32_t sides[2] = {0, 0};
        status = td_node_get_list(map, "size", &size, err);
        if (status == TD_OK) status = read_ints(size, 2, 1, TD__MAX_SIDE, sides, err);
        l.h = sides[0];
        l.w = sides[1];
    }
    if (status == TD_OK && (keys & SHAPE)) {
        const td_node *shape = NULL;
        td_shape made = {0};
        status = td_node_get_list(map, "shape", &shape, err);
        if (status == TD_OK) status = read_shape(shape, &made, err);
        l.c = made.c;
        l.h = made.h;
        l.w = made.w;
    }
    if (status == TD_OK) status = read_views(map, &l, err);
    if (status == TD_OK) status = read_bits(map, &l, err);
    if (status != TD_OK) return status;
    if (td__net_add_layer(net, &l) >= 0) return TD_OK;
    if (net->fault.code == TD_E_MEMORY) return td_net_check(net, err);
    return td_node_fail(map, err, "%s", net->fault.message);
}

static td_status read_network(const td_node *n, td_net **out, td_arena *a, td_error *err) {
    static const char *const keys[] = {"name", "input", "bits", "layers", NULL};
    if (n->kind != TD_MAP) return td_node_fail(n, err, "expected a network (a map)");
    td_status status = td_node_only(n, keys, err);
    const char *name = "network";
    const td_node *input = NULL, *layers = NULL;
    if (status == TD_OK) status = td_node_opt_string(n, "name", &name, err);
    if (status == TD_OK) status = td_node_get_list(n, "input", &input, err);
    if (status == TD_OK) status = td_node_get_list(n, "layers", &layers, err);
    td_shape shape = {0};
    if (status == TD_OK) status = read_shape(input, &shape, err);
    if (status != TD_OK) return status;
    if (layers->count >= TD__MAX_LAYERS)
        return td_node_fail(layers, err, "more than %d layers", TD__MAX_LAYERS - 1);

    td__names names;
    td_net *net = td_net_create(name, shape);
    *out = net;
    if (net == NULL || !td__names_init(&names, a, layers->count + 1))
        return td_fail(err, TD_E_MEMORY, "out of memory for a network");
    if (net->fault.code != TD_OK) return td_node_fail(input, err, "%s", net->fault.message);
    td__names_add(&names, "input", 0);
    status = read_bits(n, &net->layer[0], err);
    for (int i = 0; i < layers->count && status == TD_OK; i++)
        status = read_layer(layers->item[i], net, a, &names, err);
    return status;
}

td_status td_net_from_node(const td_node *n, td_net **net, td_error *err) {
    *net = NULL;
    if (n == NULL) return td_fail(err, TD_E_INPUT, "there is no network");
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for a network");
    td_net *made = NULL;
    td_status status = read_network(n, &made, a, err);
    td_arena_destroy(a);
    if (status != TD_OK) {
        td_net_destroy(made);
        return status;
    }
    *net = made;
    return TD_OK;
}
