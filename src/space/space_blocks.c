/* Network spaces of layers that choose an operator: stem, a list of layers with their channels and
 * strides, head. The operators are named once, and each layer chooses among some of them, as in
 * the macro spaces of ProxylessNAS, FBNet and NAS-Bench-Macro (Su et al. 2021, arXiv 2103.11922).
 *
 * The shapes between the layers do not depend on the choices, so what one layer chooses cannot make
 * another one impossible. An identity where a layer changes the shape is a 1x1 convolution with
 * batch norm and no activation, as in NAS-Bench-Macro; elsewhere it is no layer at all, so two
 * vectors are one network where they leave out different ones of equal neighbours: such twins are
 * found by the design's hash. */
#include <stdio.h>
#include <string.h>

#include "space_bits.h"

typedef enum { IDENTITY, CONV, IBN, FUSED } op_kind;

typedef struct {
    const char *name;
    op_kind kind;
    int kernel, expansion, groups;
    double se;
    td_op act;
} op;

typedef struct {
    int channels, stride, n, decision; /* decision -1: choice[0] it is */
    const op **choice;
} layer;

typedef struct {
    td_shape input;
    int classes, head, n_ops, n_layers, n_decisions;
    td__stem stem;
    td_op act;
    op *ops;
    layer *layers;
} blocks;

enum { MAX_OPS = 64, MAX_LAYERS = 512, MAX_REPEAT = 64 };

/* ---- building -------------------------------------------------------------------------------- */

static int add_layer(td_net *net, int x, const layer *l, const op *o) {
    const td_layer *in = td_net_layer(net, x);
    bool same = l->stride == 1 && in != NULL && in->c == l->channels;
    td_block b = {.kernel = o->kernel,
                  .expansion = o->expansion,
                  .out_c = l->channels,
                  .stride = l->stride,
                  .groups = o->groups,
                  .fused = o->kind == FUSED,
                  .residual = true,
                  .se = o->se,
                  .act = o->act};
    switch (o->kind) {
    case IDENTITY:
        return same ? x : td_net_bn(net, td_net_conv(net, x, l->channels, 1, l->stride, 1, 1));
    case CONV: return td_net_conv_bn_act(net, x, l->channels, o->kernel, l->stride, 1, o->act);
    case IBN:
    case FUSED: break;
    }
    return td_net_block(net, x, &b);
}

/* The network where layer i has operator at(i) of its choices. */
static td_net *make(const blocks *p, const int *at) {
    td_net *net = td_net_create("blocks", p->input);
    if (net == NULL) return NULL;
    int x = td_net_conv_bn_act(net, 0, p->stem.channels, p->stem.kernel, p->stem.stride, 1, p->act);
    for (int i = 0; i < p->n_layers; i++)
        x = add_layer(net, x, &p->layers[i], p->layers[i].choice[at[i]]);
    if (p->head > 0) x = td_net_conv_bn_act(net, x, p->head, 1, 1, 1, p->act);
    td_net_fc(net, td_net_global_pool(net, x), p->classes);
    return net;
}

static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err) {
    (void)a;
    const blocks *p = self;
    int at[MAX_LAYERS] = {0};
    *d = (td_design){0};
    if (c->n != p->n_decisions)
        return td_fail(err, TD_E_USAGE, "expected %d choices, found %d", p->n_decisions, c->n);
    for (int i = 0; i < p->n_layers; i++) {
        const layer *l = &p->layers[i];
        if (l->decision < 0) continue;
        double v = c->v[l->decision];
        if (!(v >= 0 && v < l->n)) return td_fail(err, TD_E_USAGE, "the choices are not canonical");
        at[i] = (int)v;
    }
    td_net *net = make(p, at);
    if (net == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_net_check(net, err);
    if (s != TD_OK) {
        td_net_destroy(net);
        return s;
    }
    d->net = net;
    d->net_hash = td_net_hash(net);
    return TD_OK;
}

/* Shapes do not depend on the choices, so each operator of each layer is tried once: what cannot be
 * added is told now, not at some trial. */
static td_status try_all(const blocks *p, const td_node *n, td_error *err) {
    int most = 1;
    for (int i = 0; i < p->n_layers; i++)
        if (p->layers[i].n > most) most = p->layers[i].n;
    for (int k = 0; k < most; k++) {
        int at[MAX_LAYERS];
        td_error why = {0};
        for (int i = 0; i < p->n_layers; i++) at[i] = k < p->layers[i].n ? k : p->layers[i].n - 1;
        td_net *net = make(p, at);
        if (net == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        td_status s = td_net_check(net, &why);
        td_net_destroy(net);
        if (s != TD_OK) return td_node_fail(n, err, "%s", why.message);
    }
    return TD_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static td_status read_kind(const td_node *n, op_kind *out, td_error *err) {
    static const char *const kinds[] = {"identity", "conv", "ibn", "fused"};
    const char *name;
    td_status s = td_node_get_string(n, "op", &name, err);
    if (s != TD_OK) return s;
    for (int i = 0; i < 4; i++) {
        *out = (op_kind)i;
        if (strcmp(kinds[i], name) == 0) return TD_OK;
    }
    return td_node_fail(td_node_find(n, "op"), err,
                        "expected identity, conv, ibn or fused, found \"%s\"", name);
}

/* {op: ibn, kernel: 3, expansion: 6, se: 0.25, act: relu}; only what the kind has. */
static td_status read_op(const td_node *n, td_op act, op *out, td_error *err) {
    static const char *const of_identity[] = {"op", NULL};
    static const char *const of_conv[] = {"op", "kernel", "act", NULL};
    static const char *const of_block[] = {"op", "kernel", "expansion", "groups",
                                           "se", "act",    NULL};
    int64_t kernel = 3, expansion = 1, groups = 1;
    if (n->kind != TD_MAP) return td_node_fail(n, err, "expected a map (op, kernel, ...)");
    *out = (op){.name = n->key, .act = act};
    td_status s = read_kind(n, &out->kind, err);
    if (s != TD_OK) return s;
    bool block = out->kind == IBN || out->kind == FUSED;
    s = td_node_only(n, block ? of_block : out->kind == CONV ? of_conv : of_identity, err);
    if (s == TD_OK) s = td_node_opt_int(n, "kernel", 1, TD__SPACE_KERNEL, &kernel, err);
    if (s == TD_OK && kernel % 2 == 0)
        s = td_node_fail(td_node_find(n, "kernel"), err, "expected an odd size");
    if (s == TD_OK && block) s = td_node_get_int(n, "expansion", 1, 64, &expansion, err);
    if (s == TD_OK) s = td_node_opt_int(n, "groups", 1, TD__SPACE_GROUPS, &groups, err);
    if (s == TD_OK) s = td_node_opt_real(n, "se", 0, 1, &out->se, err);
    if (s == TD_OK && td_node_find(n, "act") != NULL) s = td__act_read(n, &out->act, err);
    out->kernel = (int)kernel;
    out->expansion = (int)expansion;
    out->groups = (int)groups;
    return s;
}

static td_status read_ops(const td_node *n, blocks *p, td_arena *a, td_error *err) {
    const td_node *map;
    td_status s = td_node_get_map(n, "operators", &map, err);
    if (s != TD_OK) return s;
    if (map->count < 1 || map->count > MAX_OPS)
        return td_node_fail(map, err, "expected 1 to %d operators, found %d", MAX_OPS, map->count);
    p->n_ops = map->count;
    p->ops = TD_NEW(a, op, map->count);
    if (p->ops == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < map->count; i++)
        s = read_op(map->item[i], p->act, &p->ops[i], err);
    return s;
}

static td_status fail_op(const blocks *p, const td_node *n, td_error *err) {
    const char *known[MAX_OPS];
    td_text text = {0};
    for (int i = 0; i < p->n_ops; i++) known[i] = p->ops[i].name;
    td_text_addf(&text, "there is no operator \"%.64s\"", n->text != NULL ? n->text : "");
    td_text_add_known(&text, n->text != NULL ? n->text : "", known, p->n_ops);
    td_status s = td_node_fail(n, err, "%s", text.data != NULL ? text.data : "no such operator");
    td_text_free(&text);
    return s;
}

/* `operators: [identity, mb3]` of a layer, or one name; left out: all, in their order. */
static td_status read_choice(const td_node *n, const blocks *p, layer *l, td_arena *a,
                             td_error *err) {
    const td_node *list = td_node_find(n, "operators");
    l->decision = -1;
    l->choice = TD_NEW(a, const op *, p->n_ops);
    if (l->choice == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (list == NULL) {
        l->n = p->n_ops;
        for (int i = 0; i < p->n_ops; i++) l->choice[i] = &p->ops[i];
        return TD_OK;
    }
    bool many = list->kind == TD_LIST;
    int count = many ? list->count : 1;
    if (count < 1) return td_node_fail(list, err, "expected at least one operator");
    for (int k = 0; k < count; k++) {
        const td_node *item = many ? list->item[k] : list;
        int i = 0;
        while (i < p->n_ops && (item->text == NULL || strcmp(p->ops[i].name, item->text) != 0)) i++;
        if (i == p->n_ops) return fail_op(p, item, err);
        for (int j = 0; j < k; j++)
            if (l->choice[j] == &p->ops[i])
                return td_node_fail(item, err, "%s is there twice", item->text);
        l->choice[l->n++] = &p->ops[i];
    }
    return TD_OK;
}

static td_status declare(td__decisions *list, layer *l, const char *name) {
    if (l->n < 2) return TD_OK;
    const char **label = TD_NEW(list->arena, const char *, l->n);
    if (label == NULL) return TD_E_MEMORY;
    for (int i = 0; i < l->n; i++) label[i] = l->choice[i]->name;
    td_decision d = {.kind = TD_CATEGORICAL, .parent = -1, .n = l->n, .label = label};
    l->decision = td__decisions_add(list, &d, "%s", name);
    return list->failed ? TD_E_MEMORY : TD_OK;
}

/* One entry of `layers`: `repeat` layers, each with a decision of its own; the stride is that of
 * the first. They are called l1, l2, ... through the network, or NAME, or NAME.1, NAME.2, ... */
static td_status read_layers(const td_node *n, blocks *p, td__decisions *list, td_error *err) {
    static const char *const keys[] = {"channels", "stride", "repeat", "name", "operators", NULL};
    int64_t channels, stride = 1, repeat = 1;
    const char *name = NULL;
    layer one = {0};
    if (n->kind != TD_MAP) return td_node_fail(n, err, "expected a map (channels, stride, ...)");
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_get_int(n, "channels", 1, TD__SPACE_CHANNELS, &channels, err);
    if (s == TD_OK) s = td_node_opt_int(n, "stride", 1, 8, &stride, err);
    if (s == TD_OK) s = td_node_opt_int(n, "repeat", 1, MAX_REPEAT, &repeat, err);
    if (s == TD_OK) s = td_node_opt_string(n, "name", &name, err);
    if (s == TD_OK) s = read_choice(n, p, &one, list->arena, err);
    if (s != TD_OK) return s;
    if (name != NULL && (name[0] == '\0' || strlen(name) > 64))
        return td_node_fail(td_node_find(n, "name"), err, "expected 1 to 64 characters");
    if (p->n_layers + repeat > MAX_LAYERS)
        return td_node_fail(n, err, "expected at most %d layers", MAX_LAYERS);
    one.channels = (int)channels;
    for (int k = 0; s == TD_OK && k < repeat; k++) {
        char text[96];
        layer *l = &p->layers[p->n_layers++];
        *l = one;
        l->stride = k == 0 ? (int)stride : 1;
        if (name == NULL)
            snprintf(text, sizeof text, "l%d", p->n_layers);
        else
            snprintf(text, sizeof text, repeat > 1 ? "%s.%d" : "%s", name, k + 1);
        s = declare(list, l, text);
    }
    return s == TD_E_MEMORY ? td_fail(err, s, "out of memory") : s;
}

td_status td__space_blocks(const td_node *recipe, const td_node *defaults, td_arena *a,
                           td_space **out, td_error *err) {
    static const char *const keys[] = {"space",  "input", "classes", "stem", "operators",
                                       "layers", "head",  "act",     NULL};
    td_status s = td_node_only(recipe, keys, err);
    if (s != TD_OK) return s;
    const td_node *n = td__with_defaults(recipe, defaults, a), *layers = NULL;
    blocks *p = TD_NEW(a, blocks, 1);
    if (n == NULL || p == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    p->layers = TD_NEW(a, layer, MAX_LAYERS);
    if (p->layers == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    int64_t classes = 0, head = 0;
    s = td__shape_read(defaults, &p->input, err);
    if (s == TD_OK) s = td__shape_read(n, &p->input, err);
    if (s == TD_OK) s = td_node_get_int(n, "classes", 1, 1000000, &classes, err);
    if (s == TD_OK) s = td_node_get_int(n, "head", 0, TD__SPACE_CHANNELS, &head, err);
    if (s == TD_OK) s = td__stem_read(n, &p->stem, err);
    if (s == TD_OK) s = td__act_read(n, &p->act, err);
    if (s == TD_OK) s = read_ops(n, p, a, err);
    if (s == TD_OK) s = td_node_get_list(n, "layers", &layers, err);
    if (s == TD_OK && layers->count < 1)
        s = td_node_fail(layers, err, "expected at least one layer");
    p->classes = (int)classes;
    p->head = (int)head;
    td__decisions list = {.arena = a};
    for (int i = 0; s == TD_OK && i < layers->count; i++)
        s = read_layers(layers->item[i], p, &list, err);
    if (s == TD_OK) s = try_all(p, recipe, err);
    if (s != TD_OK) return s;
    p->n_decisions = list.n;
    return td__space_finish("blocks", &list, p, build, out, err);
}
