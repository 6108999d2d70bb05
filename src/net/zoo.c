/* Whole networks by name; their layers are data. */
#include "graph.h"

#include <string.h>

/* n blocks; the stride is the first one's. */
typedef struct {
    int kernel, expansion, out_c, n, stride;
} row;

/* INVERTED: td_block. BASIC: two convolutions; BOTTLENECK: 1x1, k x k and 1x1 with out_c /
 * expansion channels inside; both with a shortcut in every block, that is a convolution where
 * shapes differ. */
typedef enum { INVERTED, BASIC, BOTTLENECK } block_kind;

typedef struct {
    td_shape input;
    int classes;
    int stem_c, stem_stride, stem_kernel; /* kernel 0: 3 */
    bool stem_pool;                       /* 3x3 s2 behind it */
    block_kind kind;
    row rows[12]; /* ends with n = 0 */
    bool fused;
    int head_c;        /* 0: none */
    bool head_shrinks; /* false: a width below 1 leaves the head as it is */
    td_op act;
} recipe;

/* Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2. */
static const recipe mobilenetv2 = {.input = {3, 224, 224},
                                   .classes = 1000,
                                   .stem_c = 32,
                                   .stem_stride = 2,
                                   .rows = {{3, 1, 16, 1, 1},
                                            {3, 6, 24, 2, 2},
                                            {3, 6, 32, 3, 2},
                                            {3, 6, 64, 4, 2},
                                            {3, 6, 96, 3, 1},
                                            {3, 6, 160, 3, 2},
                                            {3, 6, 320, 1, 1}},
                                   .head_c = 1280,
                                   .act = TD_OP_RELU6};

/* MobileNetV2 cut to images of 28 or 32 pixels: two of its five strides, narrow, 2.8 M MACs. */
static const recipe handmade = {
    .input = {1, 28, 28},
    .classes = 10,
    .stem_c = 16,
    .stem_stride = 2,
    .rows = {{3, 1, 16, 1, 1}, {3, 6, 24, 2, 2}, {3, 6, 32, 2, 2}, {3, 6, 64, 2, 1}},
    .head_c = 128,
    .head_shrinks = true,
    .act = TD_OP_RELU};

/* The three networks that training speed is measured on. */
static const recipe net_a = {.input = {1, 28, 28},
                             .classes = 10,
                             .stem_c = 16,
                             .stem_stride = 1,
                             .rows = {{3, 1, 16, 1, 1},
                                      {3, 3, 24, 1, 2},
                                      {3, 3, 24, 1, 1},
                                      {3, 6, 32, 1, 2},
                                      {5, 6, 32, 1, 1},
                                      {3, 6, 32, 1, 1},
                                      {5, 6, 64, 1, 1},
                                      {3, 3, 64, 1, 1}},
                             .head_c = 128,
                             .head_shrinks = true,
                             .act = TD_OP_RELU};
static const recipe net_b = {.input = {1, 28, 28},
                             .classes = 10,
                             .stem_c = 16,
                             .stem_stride = 1,
                             .fused = true,
                             .rows = {{3, 1, 16, 1, 1},
                                      {3, 3, 24, 1, 2},
                                      {3, 3, 24, 1, 1},
                                      {3, 3, 32, 1, 2},
                                      {3, 3, 32, 1, 1},
                                      {3, 3, 32, 1, 1},
                                      {3, 3, 64, 1, 1}},
                             .head_c = 128,
                             .head_shrinks = true,
                             .act = TD_OP_RELU};
static const recipe net_c = {.input = {1, 28, 28},
                             .classes = 10,
                             .stem_c = 16,
                             .stem_stride = 2,
                             .rows = {{3, 1, 16, 1, 1},
                                      {3, 3, 24, 1, 2},
                                      {3, 3, 24, 1, 1},
                                      {5, 6, 32, 1, 1},
                                      {3, 6, 32, 1, 1}},
                             .head_c = 128,
                             .head_shrinks = true,
                             .act = TD_OP_RELU};

/* He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, table 1; of a bottleneck
 * that halves the sides the 3x3 has the stride, as everybody's weights have it ("v1.5"). */
#define RESNET(block, wider, n1, n2, n3, n4)                                                       \
    {                                                                                              \
        .input = {3, 224, 224}, .classes = 1000, .stem_c = 64, .stem_stride = 2, .stem_kernel = 7, \
        .stem_pool = true, .kind = block,                                                          \
        .rows = {{3, wider, 64 * wider, n1, 1},                                                    \
                 {3, wider, 128 * wider, n2, 2},                                                   \
                 {3, wider, 256 * wider, n3, 2},                                                   \
                 {3, wider, 512 * wider, n4, 2}},                                                  \
        .act = TD_OP_RELU                                                                          \
    }
static const recipe resnet18 = RESNET(BASIC, 1, 2, 2, 2, 2);
static const recipe resnet34 = RESNET(BASIC, 1, 3, 4, 6, 3);
static const recipe resnet50 = RESNET(BOTTLENECK, 4, 3, 4, 6, 3);

/* X(name, recipe, about). A new network is one recipe and one line here. */
#define NETWORKS(X)                                                                                \
    X("mobilenetv2", mobilenetv2,                                                                  \
      "MobileNetV2, 3x224x224, 1000 classes: 300.8 M MACs, 3.50 M parameters")                     \
    X("resnet18", resnet18, "ResNet-18, 3x224x224, 1000 classes: 1.81 G MACs, 11.69 M parameters") \
    X("resnet34", resnet34, "ResNet-34, 3x224x224, 1000 classes: 3.66 G MACs, 21.80 M parameters") \
    X("resnet50", resnet50, "ResNet-50, 3x224x224, 1000 classes: 4.09 G MACs, 25.56 M parameters") \
    X("handmade", handmade, "MobileNetV2-like by hand for 28x28 and 32x32 images: 2.7 M MACs")     \
    X("A", net_a, "inverted bottlenecks for 1x28x28, stem stride 1: 7.5 M MACs")                   \
    X("B", net_b, "fused inverted bottlenecks for 1x28x28, stem stride 1: 12.8 M MACs")            \
    X("C", net_c, "inverted bottlenecks for 1x28x28, stem stride 2: 2.0 M MACs")

static const td_net_entry entries[] = {
#define TD_X(name, recipe, about) {name, about},
    NETWORKS(TD_X)
#undef TD_X
};
static const recipe *const recipes[] = {
#define TD_X(name, recipe, about) &recipe,
    NETWORKS(TD_X)
#undef TD_X
};
enum { N_ENTRIES = sizeof entries / sizeof entries[0] };

const td_net_entry *td_net_list(int *n) {
    if (n != NULL) *n = N_ENTRIES;
    return entries;
}

/* out_c and what is inside of it are rounded already. */
static int residual(td_net *net, int x, const row *w, int out_c, int inside, bool first,
                    const recipe *r) {
    int stride = first ? w->stride : 1;
    bool same = stride == 1 && td_net_layer(net, x) != NULL && td_net_layer(net, x)->c == out_c;
    int y = x;
    if (r->kind == BOTTLENECK) y = td_net_conv_bn_act(net, y, inside, 1, 1, 1, r->act);
    y = td_net_conv_bn_act(net, y, inside, w->kernel, stride, 1, r->act);
    int last = r->kind == BOTTLENECK ? 1 : w->kernel;
    y = td_net_bn(net, td_net_conv(net, y, out_c, last, 1, 1, 1));
    if (!same) x = td_net_bn(net, td_net_conv(net, x, out_c, 1, stride, 1, 1));
    return td_net_act(net, td_net_add(net, y, x), r->act);
}

static td_net *cook(const recipe *r, const char *name, td_shape input, double width, int classes) {
    td_net *net = td_net_create(name, input);
    if (net == NULL) return NULL;
    int x = td_net_conv_bn_act(net, 0, td_round_channels(r->stem_c, width, 8),
                               r->stem_kernel > 0 ? r->stem_kernel : 3, r->stem_stride, 1, r->act);
    if (r->stem_pool) x = td_net_pool(net, x, TD_OP_MAX_POOL, 3, 2);
    for (const row *w = r->rows; w->n > 0; w++)
        for (int i = 0; i < w->n; i++) {
            int out_c = td_round_channels(w->out_c, width, 8);
            if (r->kind != INVERTED) {
                int inside = td_round_channels(w->out_c / w->expansion, width, 8);
                x = residual(net, x, w, out_c, inside, i == 0, r);
                continue;
            }
            td_block b = {.kernel = w->kernel,
                          .expansion = w->expansion,
                          .out_c = out_c,
                          .stride = i == 0 ? w->stride : 1,
                          .groups = 1,
                          .fused = r->fused,
                          .residual = true,
                          .act = r->act};
            x = td_net_block(net, x, &b);
        }
    double head_width = r->head_shrinks || width > 1 ? width : 1;
    if (r->head_c > 0)
        x = td_net_conv_bn_act(net, x, td_round_channels(r->head_c, head_width, 8), 1, 1, 1,
                               r->act);
    td_net_fc(net, td_net_global_pool(net, x), classes);
    return net;
}

td_status td_net_build(const char *name, td_shape input, double width, int classes, td_net **net,
                       td_error *err) {
    *net = NULL;
    const recipe *r = NULL;
    if (name == NULL) name = "";
    for (int i = 0; i < N_ENTRIES; i++)
        if (strcmp(entries[i].name, name) == 0) r = recipes[i];
    if (r == NULL) {
        const char *known[N_ENTRIES];
        for (int i = 0; i < N_ENTRIES; i++) known[i] = entries[i].name;
        td_text text = {0};
        td_text_addf(&text, "there is no network \"%.64s\"", name);
        td_text_add_known(&text, name, known, N_ENTRIES);
        td_fail(err, TD_E_NOT_FOUND, "%s", text.data != NULL ? text.data : "no such network");
        td_text_free(&text);
        return TD_E_NOT_FOUND;
    }
    if (!(width > 0 && width <= 64))
        return td_fail(err, TD_E_USAGE, "network '%s': width %g is not in (0, 64]", name, width);
    if (classes < 0) return td_fail(err, TD_E_USAGE, "network '%s': %d classes", name, classes);
    if (input.c == 0) input.c = r->input.c;
    if (input.h == 0) input.h = r->input.h;
    if (input.w == 0) input.w = r->input.w;
    td_net *made = cook(r, name, input, width, classes > 0 ? classes : r->classes);
    td_status status = td_net_check(made, err);
    if (status != TD_OK) {
        td_net_destroy(made);
        return status;
    }
    *net = made;
    return TD_OK;
}
