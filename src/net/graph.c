/* The graph: layers are added one by one, shapes are inferred at once, the first fault sticks. */
#include "graph.h"
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *td_op_name(td_op op) {
    static const char *const names[] = {
#define TD_X(e, n) n,
        TD_OP_MAP(TD_X)
#undef TD_X
    };
    return (int)op >= 0 && op < TD_NOP ? names[op] : "?";
}

bool td_op_mapped(td_op op) {
    return op == TD_OP_CONV || op == TD_OP_FC || op == TD_OP_CONV_TRANSPOSE || op == TD_OP_MATMUL;
}

bool td_op_cost_only(td_op op) {
    return (op >= TD_OP_CONV_TRANSPOSE && op <= TD_OP_MOVE) || op > TD_OP_HSIGMOID;
}

/* ---- faults ---------------------------------------------------------------------------------- */

/* Keeps the first fault; l is the layer being added, or NULL. */
static void fault_v(td_net *net, td_status code, const td_layer *l, const char *format,
                    va_list args) {
    if (net->fault.code != TD_OK) return;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    if (l != NULL)
        td_fail(&net->fault, code, "network '%.64s', layer %d (%s): %s", net->name, net->n,
                td_op_name(l->op), text);
    else
        td_fail(&net->fault, code, "network '%.64s': %s", net->name, text);
}

/* What a function that adds a layer returns: -1. */
TD_PRINTF(4, 5)
static int fault(td_net *net, td_status code, const td_layer *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fault_v(net, code, l, format, args);
    va_end(args);
    return -1;
}

/* What a test returns: false. */
TD_PRINTF(3, 4)
static bool refuse(td_net *net, const td_layer *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fault_v(net, TD_E_USAGE, l, format, args);
    va_end(args);
    return false;
}

td_status td_net_check(const td_net *net, td_error *err) {
    if (net == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for a network");
    if (net->fault.code == TD_OK) return TD_OK;
    if (err != NULL) *err = net->fault;
    return net->fault.code;
}

/* ---- life ------------------------------------------------------------------------------------ */

td_layer td__layer_make(td_op op) {
    td_layer l;
    memset(&l, 0, sizeof l);
    l.op = op;
    for (int i = 0; i < 2; i++) l.kernel[i] = l.stride[i] = l.dilation[i] = 1;
    l.groups = 1;
    return l;
}

td_net *td_net_create(const char *name, td_shape input) {
    td_net *net = calloc(1, sizeof *net);
    if (net == NULL) return NULL;
    net->name = strdup(name != NULL ? name : "network");
    if (net->name == NULL) {
        free(net);
        return NULL;
    }
    td_layer l = td__layer_make(TD_OP_INPUT);
    l.c = input.c;
    l.h = input.h;
    l.w = input.w;
    td__net_add_layer(net, &l);
    if (net->fault.code == TD_E_MEMORY) {
        td_net_destroy(net);
        return NULL;
    }
    return net;
}

void td_net_destroy(td_net *net) {
    if (net == NULL) return;
    free(net->layer);
    free(net->name);
    free(net);
}

td_net *td_net_clone(const td_net *net) {
    if (net == NULL) return NULL;
    td_net *copy = malloc(sizeof *copy);
    if (copy == NULL) return NULL;
    *copy = *net;
    copy->capacity = net->n > 0 ? net->n : 1;
    copy->name = strdup(net->name);
    copy->layer = calloc((size_t)copy->capacity, sizeof *copy->layer);
    if (copy->name == NULL || copy->layer == NULL) {
        td_net_destroy(copy);
        return NULL;
    }
    if (net->n > 0) memcpy(copy->layer, net->layer, (size_t)net->n * sizeof *net->layer);
    return copy;
}

const char *td_net_name(const td_net *net) {
    return net->name;
}

int td_net_size(const td_net *net) {
    return net->n;
}

const td_layer *td_net_layer(const td_net *net, int i) {
    return i >= 0 && i < net->n ? &net->layer[i] : NULL;
}

int td_net_output(const td_net *net) {
    return net->n - 1;
}

td_shape td__layer_input(const td_net *net, const td_layer *l, int k) {
    if (k < 2 && l->view[k].c > 0) return l->view[k];
    const td_layer *x = &net->layer[l->input[k]];
    return TD_DIM(x->c, x->h, x->w);
}

td_shape td_layer_input(const td_net *net, int i, int k) {
    return td__layer_input(net, &net->layer[i], k);
}

double td_layer_input_share(const td_net *net, int i, int k) {
    const td_layer *l = &net->layer[i];
    if (k >= 2 || l->view[k].c == 0) return 1;
    return (double)td__shape_words(l->view[k]) / (double)td__layer_words(&net->layer[l->input[k]]);
}

td_status td_net_runs(const td_net *net, td_error *err) {
    for (int i = 0; i < net->n; i++) {
        const td_layer *l = &net->layer[i];
        if (td_op_cost_only(l->op) || l->view[0].c > 0 || l->view[1].c > 0 || l->constants > 0)
            return td_fail(err, TD_E_UNSUPPORTED,
                           "network '%.64s', layer %s (%s): is known by its cost only, and cannot "
                           "be run, trained or written as ONNX",
                           net->name, l->name, td_op_name(l->op));
    }
    return TD_OK;
}

void td__net_readers(const td_net *net, int32_t *readers) {
    memset(readers, 0, (size_t)net->n * sizeof *readers);
    for (int i = 0; i < net->n; i++)
        for (int k = 0; k < net->layer[i].n_inputs; k++) readers[net->layer[i].input[k]]++;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

void td__same_pad(const int32_t kernel[2], const int32_t dilation[2], int32_t pad[4]) {
    for (int i = 0; i < 2; i++) {
        int64_t total = (int64_t)dilation[i] * (kernel[i] - 1);
        pad[i] = (int32_t)(total / 2);
        pad[i + 2] = (int32_t)(total - total / 2);
    }
}

td_shape td__shape_of_words(int64_t words) {
    if (words <= TD__MAX_CHANNELS) return TD_DIM((int32_t)words, 1, 1);
    for (int32_t w = TD__MAX_SIDE; w > 1; w--) { /* the largest side that divides */
        if (words % w != 0) continue;
        int64_t rest = words / w;
        if (rest <= TD__MAX_CHANNELS) return TD_DIM((int32_t)rest, 1, w);
        for (int32_t h = TD__MAX_SIDE; h > 1; h--)
            if (rest % h == 0 && rest / h <= TD__MAX_CHANNELS)
                return TD_DIM((int32_t)(rest / h), h, w);
        break;
    }
    /* A prime or the like: a few more words than there are. */
    int64_t w = 4096, h = 1;
    while ((words + w * h - 1) / (w * h) > TD__MAX_CHANNELS) h *= 2;
    return TD_DIM((int32_t)((words + w * h - 1) / (w * h)), (int32_t)h, (int32_t)w);
}

/* Window attributes in their ranges. */
static bool window_attributes(td_net *net, const td_layer *l) {
    for (int i = 0; i < 2; i++) {
        if (l->kernel[i] < 1 || l->kernel[i] > TD__MAX_SIDE)
            return refuse(net, l, "kernel %d is not in 1..%d", l->kernel[i], TD__MAX_SIDE);
        if (l->stride[i] < 1 || l->stride[i] > TD__MAX_SIDE)
            return refuse(net, l, "stride %d is not in 1..%d", l->stride[i], TD__MAX_SIDE);
        if (l->dilation[i] < 1 || l->dilation[i] > TD__MAX_SIDE)
            return refuse(net, l, "dilation %d is not in 1..%d", l->dilation[i], TD__MAX_SIDE);
        for (int side = i; side < 4; side += 2)
            if (l->pad[side] < 0 || l->pad[side] > TD__MAX_SIDE)
                return refuse(net, l, "padding %d is not in 0..%d", l->pad[side], TD__MAX_SIDE);
    }
    return true;
}

/* The same, and the output's height and width. */
static bool window_shape(td_net *net, td_layer *l, td_shape x) {
    const int32_t size[2] = {x.h, x.w};
    int64_t out[2];
    if (!window_attributes(net, l)) return false;
    for (int i = 0; i < 2; i++) {
        /* A pool window that lies wholly in the padding has no maximum and no mean. */
        if (l->op != TD_OP_CONV && (l->pad[i] >= l->kernel[i] || l->pad[i + 2] >= l->kernel[i]))
            return refuse(net, l, "padding of a pool must be less than its kernel");
        int64_t reach = (int64_t)l->dilation[i] * (l->kernel[i] - 1) + 1;
        int64_t room = (int64_t)size[i] + l->pad[i] + l->pad[i + 2] - reach;
        if (room < 0)
            return refuse(net, l, "kernel reaches over %lld %s, the padded input has %lld",
                          (long long)reach, i == 0 ? "rows" : "columns", (long long)(room + reach));
        out[i] = room / l->stride[i] + 1;
        if (out[i] > TD__MAX_SIDE)
            return refuse(net, l, "output side %lld exceeds %d", (long long)out[i], TD__MAX_SIDE);
    }
    l->h = (int32_t)out[0];
    l->w = (int32_t)out[1];
    return true;
}

/* The sides of a transposed convolution are given, since several of them lead back to those of its
 * input: they differ by less than a stride. */
static bool transposed_shape(td_net *net, const td_layer *l, td_shape x) {
    const int32_t size[2] = {x.h, x.w}, out[2] = {l->h, l->w};
    if (!window_attributes(net, l)) return false;
    for (int i = 0; i < 2; i++) {
        int64_t least = (int64_t)(size[i] - 1) * l->stride[i] +
                        (int64_t)l->dilation[i] * (l->kernel[i] - 1) + 1 - l->pad[i] -
                        l->pad[i + 2];
        int64_t most = l->stride[i] > l->dilation[i] ? l->stride[i] : l->dilation[i];
        if (out[i] < least || out[i] >= least + most)
            return refuse(net, l, "%d %s, expected %lld..%lld", out[i], i == 0 ? "rows" : "columns",
                          (long long)least, (long long)(least + most - 1));
    }
    return true;
}

static bool matmul_shape(td_net *net, td_layer *l, td_shape a, td_shape b) {
    if (a.w != b.h || a.c != b.c)
        return refuse(net, l, "matrices of %dx%dx%d and %dx%dx%d have no product", a.c, a.h, a.w,
                      b.c, b.h, b.w);
    l->c = a.c;
    l->h = a.h;
    l->w = b.w;
    return true;
}

static bool views_fit(td_net *net, const td_layer *l) {
    for (int k = 0; k < 2; k++) {
        const td_shape *v = &l->view[k];
        if (v->c == 0) continue;
        if (k >= l->n_inputs) return refuse(net, l, "a view of an input that it has not");
        if (v->c < 1 || v->c > TD__MAX_CHANNELS || v->h < 1 || v->h > TD__MAX_SIDE || v->w < 1 ||
            v->w > TD__MAX_SIDE || td__shape_words(*v) > td__layer_words(&net->layer[l->input[k]]))
            return refuse(net, l, "a view of %dx%dx%d is no part of its input", v->c, v->h, v->w);
    }
    return true;
}

static void take_shape(td_layer *l, td_shape x) {
    l->c = x.c;
    l->h = x.h;
    l->w = x.w;
}

static bool same_shape(td_shape a, td_shape b) {
    return a.c == b.c && a.h == b.h && a.w == b.w;
}

/* Output shape of *l, whose inputs are known to exist. */
static bool infer(td_net *net, td_layer *l) {
    if (!views_fit(net, l)) return false;
    td_shape x = {0}, y = {0};
    if (l->n_inputs > 0) x = td__layer_input(net, l, 0);
    if (l->n_inputs > 1) y = td__layer_input(net, l, 1);
    switch (l->op) {
    case TD_OP_INPUT: return true;
    case TD_OP_CONV:
        if (l->groups < 1 || x.c % l->groups != 0 || l->c % l->groups != 0)
            return refuse(net, l, "%d groups do not divide %d input and %d output channels",
                          l->groups, x.c, l->c);
        return window_shape(net, l, x);
    case TD_OP_CONV_TRANSPOSE:
        if (l->groups < 1 || x.c % l->groups != 0 || l->c % l->groups != 0)
            return refuse(net, l, "%d groups do not divide %d input and %d output channels",
                          l->groups, x.c, l->c);
        return transposed_shape(net, l, x);
    case TD_OP_MATMUL: return matmul_shape(net, l, x, y);
    case TD_OP_REDUCE:
        if (td__layer_words(l) > td__shape_words(x))
            return refuse(net, l, "makes more words than it reads");
        return true;
    case TD_OP_MOVE: return true; /* the shape is the caller's, checked below */
    case TD_OP_FC:
        if (td__shape_words(x) > INT32_MAX)
            return refuse(net, l, "input of %lld words is too large",
                          (long long)td__shape_words(x));
        l->h = l->w = 1;
        return true;
    case TD_OP_MAX_POOL:
    case TD_OP_AVG_POOL: l->c = x.c; return window_shape(net, l, x);
    case TD_OP_GLOBAL_POOL:
        l->c = x.c;
        l->h = l->w = 1;
        return true;
    case TD_OP_ADD:
        if (!same_shape(x, y))
            return refuse(net, l, "shapes %dx%dx%d and %dx%dx%d differ", x.c, x.h, x.w, y.c, y.h,
                          y.w);
        take_shape(l, x);
        return true;
    case TD_OP_MUL:
        if (!same_shape(x, y) && !(y.c == x.c && y.h == 1 && y.w == 1))
            return refuse(net, l, "shapes %dx%dx%d and %dx%dx%d do not go together", x.c, x.h, x.w,
                          y.c, y.h, y.w);
        take_shape(l, x);
        return true;
    case TD_OP_CONCAT: {
        int64_t channels = 0;
        for (int k = 0; k < l->n_inputs; k++) {
            td_shape v = td__layer_input(net, l, k);
            if (v.h != x.h || v.w != x.w)
                return refuse(net, l, "sides %dx%d and %dx%d differ", x.h, x.w, v.h, v.w);
            channels += v.c;
        }
        if (channels > TD__MAX_CHANNELS) channels = TD__MAX_CHANNELS + 1; /* refused below */
        take_shape(l, x);
        l->c = (int32_t)channels;
        return true;
    }
    case TD_OP_RESIZE: l->c = x.c; return true; /* h and w are the caller's, checked below */
    default: take_shape(l, x); return true;
    }
}

/* Fewest and most inputs of an op. */
static void arity(td_op op, int *lo, int *hi) {
    *lo = *hi = 1;
    if (op == TD_OP_INPUT) *lo = *hi = 0;
    if (op == TD_OP_ADD || op == TD_OP_MUL || op == TD_OP_MATMUL) *lo = *hi = 2;
    if (op == TD_OP_CONCAT || op == TD_OP_ELEMENTWISE || op == TD_OP_MOVE) *hi = TD_MAX_INPUTS;
}

/* MACs and parameters of a layer that is being added; false beyond the limits. */
static bool within_limits(td_net *net, const td_layer *l) {
    int64_t params = 0, macs = 0, stored = 0;
    if (td_op_mapped(l->op)) {
        td_shape x = td__layer_input(net, l, 0);
        /* Weights, and how often each is used. */
        int64_t reduced = x.c / l->groups, uses = (int64_t)l->h * l->w;
        if (l->op == TD_OP_FC) reduced = td__shape_words(x);
        if (l->op == TD_OP_CONV_TRANSPOSE) uses = (int64_t)x.h * x.w;
        if (l->op == TD_OP_MATMUL) reduced = x.w;
        if (__builtin_mul_overflow(reduced, (int64_t)l->kernel[0] * l->kernel[1], &reduced) ||
            __builtin_mul_overflow(reduced, (int64_t)l->c, &params) ||
            __builtin_mul_overflow(params, uses, &macs) || macs > TD__MAX_MACS)
            return false;
        stored = l->op == TD_OP_MATMUL ? 0 : params;
        if (stored > TD__MAX_PARAMS - l->c) return false;
        if (l->bias) stored += l->c;
    } else if (l->op == TD_OP_BN) {
        stored = 4 * (int64_t)l->c; /* stored words; counts say 2 */
    }
    if (l->constants < 0 || l->constants > TD__MAX_PARAMS) return false;
    net->params += stored + l->constants;
    net->macs += macs;
    return net->params <= TD__MAX_PARAMS && net->macs <= TD__MAX_MACS;
}

static bool grow(td_net *net) {
    if (net->n < net->capacity) return true;
    int capacity = net->capacity > 0 ? 2 * net->capacity : 32;
    td_layer *grown = realloc(net->layer, (size_t)capacity * sizeof *grown);
    if (grown == NULL) return false;
    net->layer = grown;
    net->capacity = capacity;
    return true;
}

int td__net_add_layer(td_net *net, const td_layer *spec) {
    if (net == NULL || net->fault.code != TD_OK) return -1;
    td_layer l = *spec;
    int lo, hi;
    arity(l.op, &lo, &hi);
    if (l.n_inputs < lo || l.n_inputs > hi)
        return lo == hi
                   ? fault(net, TD_E_USAGE, &l, "inputs: expected %d, found %d", lo, l.n_inputs)
                   : fault(net, TD_E_USAGE, &l, "inputs: expected %d to %d, found %d", lo, hi,
                           l.n_inputs);
    for (int k = 0; k < l.n_inputs; k++)
        if (l.input[k] < 0 || l.input[k] >= net->n)
            return fault(net, TD_E_USAGE, &l, "there is no value %d", l.input[k]);
    for (int k = l.n_inputs; k < TD_MAX_INPUTS; k++) l.input[k] = 0;
    if (net->n >= TD__MAX_LAYERS)
        return fault(net, TD_E_USAGE, &l, "more than %d layers", TD__MAX_LAYERS);
    if (!infer(net, &l)) return -1;
    if (l.c < 1 || l.c > TD__MAX_CHANNELS)
        return fault(net, TD_E_USAGE, &l, "output channels are not in 1..%d", TD__MAX_CHANNELS);
    if (l.h < 1 || l.h > TD__MAX_SIDE || l.w < 1 || l.w > TD__MAX_SIDE)
        return fault(net, TD_E_USAGE, &l, "height or width is not in 1..%d", TD__MAX_SIDE);
    if (td__layer_words(&l) > TD__MAX_VALUE_WORDS)
        return fault(net, TD_E_USAGE, &l, "output of %dx%dx%d is too large", l.c, l.h, l.w);
    if (!within_limits(net, &l))
        return fault(net, TD_E_USAGE, &l, "its parameters or MACs exceed what can be counted");
    for (int t = 0; t < TD_NTENSOR; t++)
        if (l.bits[t] == 0) l.bits[t] = 8;
    if (l.acc_bits == 0) l.acc_bits = 32;
    if (l.name[0] == '\0') td__layer_made_name(l.op, net->n, l.name, sizeof l.name);
    if (!grow(net)) return fault(net, TD_E_MEMORY, &l, "out of memory");
    net->layer[net->n] = l;
    return net->n++;
}

/* ---- adding layers --------------------------------------------------------------------------- */

static int add_unary(td_net *net, int x, td_layer l) {
    l.n_inputs = 1;
    l.input[0] = x;
    return td__net_add_layer(net, &l);
}

int td_net_conv_spec(td_net *net, int x, const td_conv_spec *spec) {
    td_layer l = td__layer_make(TD_OP_CONV);
    memcpy(l.kernel, spec->kernel, sizeof l.kernel);
    memcpy(l.stride, spec->stride, sizeof l.stride);
    memcpy(l.dilation, spec->dilation, sizeof l.dilation);
    memcpy(l.pad, spec->pad, sizeof l.pad);
    l.c = spec->out_c;
    l.groups = spec->groups;
    l.bias = spec->bias;
    return add_unary(net, x, l);
}

/* Kernel and dilation in their ranges, so that their product fits. */
static bool sane_window(td_net *net, const td_layer *l, int kernel, int dilation) {
    if (net == NULL || net->fault.code != TD_OK) return false;
    if (kernel < 1 || kernel > TD__MAX_SIDE)
        return refuse(net, l, "kernel %d is not in 1..%d", kernel, TD__MAX_SIDE);
    if (dilation < 1 || dilation > TD__MAX_SIDE)
        return refuse(net, l, "dilation %d is not in 1..%d", dilation, TD__MAX_SIDE);
    return true;
}

int td_net_conv(td_net *net, int x, int out_c, int kernel, int stride, int groups, int dilation) {
    td_layer l = td__layer_make(TD_OP_CONV);
    if (!sane_window(net, &l, kernel, dilation)) return -1;
    l.c = out_c;
    l.groups = groups;
    for (int i = 0; i < 2; i++) {
        l.kernel[i] = kernel;
        l.stride[i] = stride;
        l.dilation[i] = dilation;
    }
    td__same_pad(l.kernel, l.dilation, l.pad);
    return add_unary(net, x, l);
}

int td_net_fc(td_net *net, int x, int out_c) {
    td_layer l = td__layer_make(TD_OP_FC);
    l.c = out_c;
    l.bias = true;
    return add_unary(net, x, l);
}

int td_net_bn(td_net *net, int x) {
    return add_unary(net, x, td__layer_make(TD_OP_BN));
}

int td_net_pool(td_net *net, int x, td_op kind, int kernel, int stride) {
    td_layer l = td__layer_make(kind);
    if (!sane_window(net, &l, kernel, 1)) return -1;
    if (kind != TD_OP_MAX_POOL && kind != TD_OP_AVG_POOL)
        return fault(net, TD_E_USAGE, &l, "is not a pool");
    for (int i = 0; i < 2; i++) {
        l.kernel[i] = kernel;
        l.stride[i] = stride;
    }
    td__same_pad(l.kernel, l.dilation, l.pad);
    return add_unary(net, x, l);
}

int td_net_global_pool(td_net *net, int x) {
    return add_unary(net, x, td__layer_make(TD_OP_GLOBAL_POOL));
}

static int add_binary(td_net *net, td_op op, int a, int b) {
    td_layer l = td__layer_make(op);
    l.n_inputs = 2;
    l.input[0] = a;
    l.input[1] = b;
    return td__net_add_layer(net, &l);
}

int td_net_add(td_net *net, int a, int b) {
    return add_binary(net, TD_OP_ADD, a, b);
}

int td_net_mul(td_net *net, int a, int b) {
    return add_binary(net, TD_OP_MUL, a, b);
}

int td_net_concat(td_net *net, const int *x, int n) {
    td_layer l = td__layer_make(TD_OP_CONCAT);
    l.n_inputs = n;
    for (int k = 0; k < n && k < TD_MAX_INPUTS; k++) l.input[k] = x[k];
    return td__net_add_layer(net, &l);
}

int td_net_resize(td_net *net, int x, int h, int w) {
    td_layer l = td__layer_make(TD_OP_RESIZE);
    l.h = h;
    l.w = w;
    return add_unary(net, x, l);
}

int td_net_act(td_net *net, int x, td_op kind) {
    td_layer l = td__layer_make(kind);
    if (net == NULL || net->fault.code != TD_OK) return -1;
    if (!td__op_is_act(kind)) return fault(net, TD_E_USAGE, &l, "is not an activation");
    return add_unary(net, x, l);
}

int td_net_matmul(td_net *net, int a, int b) {
    return add_binary(net, TD_OP_MATMUL, a, b);
}

void td_net_name_last(td_net *net, const char *format, ...) {
    if (net == NULL || net->fault.code != TD_OK) return;
    td_layer *l = &net->layer[net->n - 1];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->name, sizeof l->name, format, args);
    va_end(args);
    /* Cut at a character's start, so that UTF-8 stays UTF-8. */
    if (n >= (int)sizeof l->name) {
        size_t end = sizeof l->name - 1;
        while (end > 0 && ((unsigned char)l->name[end - 1] & 0xC0) == 0x80) end--;
        if (end > 0 && (unsigned char)l->name[end - 1] >= 0xC0) end--;
        l->name[end] = '\0';
    }
}

void td_net_set_bits(td_net *net, int layer, int w, int i, int o, int acc) {
    if (net == NULL || net->fault.code != TD_OK) return;
    const int bits[4] = {w, i, o, acc};
    if (layer < 0 || layer >= net->n) {
        fault(net, TD_E_USAGE, NULL, "bits of layer %d, which does not exist", layer);
        return;
    }
    for (int k = 0; k < 4; k++)
        if (bits[k] < 1 || bits[k] > 64) {
            fault(net, TD_E_USAGE, NULL, "layer %d: %d bits, expected 1..64", layer, bits[k]);
            return;
        }
    td_layer *l = &net->layer[layer];
    for (int t = 0; t < TD_NTENSOR; t++) l->bits[t] = (uint8_t)bits[t];
    l->acc_bits = (uint8_t)acc;
}
