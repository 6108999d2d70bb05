/* The reference forward pass: one sample at a time, the definition of each layer as plain loops,
 * sums in double. Nothing here is shared with the trainer, which is tested against it. */
#include "graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void forward_conv(const td_layer *l, const td_layer *in, const td_layer_params_t *w,
                         const float *x, float *y) {
    int per_group = in->c / l->groups;
    for (int k = 0; k < l->c; k++) {
        int first = k / (l->c / l->groups) * per_group;
        for (int p = 0; p < l->h; p++)
            for (int q = 0; q < l->w; q++) {
                double sum = w->bias != NULL ? (double)w->bias[k] : 0;
                for (int c = 0; c < per_group; c++)
                    for (int r = 0; r < l->kernel[0]; r++) {
                        int64_t row =
                            (int64_t)p * l->stride[0] - l->pad[0] + (int64_t)r * l->dilation[0];
                        if (row < 0 || row >= in->h) continue;
                        const float *line = x + ((int64_t)(first + c) * in->h + row) * in->w;
                        const float *tap =
                            w->weight +
                            (((int64_t)k * per_group + c) * l->kernel[0] + r) * l->kernel[1];
                        for (int s = 0; s < l->kernel[1]; s++) {
                            int64_t column =
                                (int64_t)q * l->stride[1] - l->pad[1] + (int64_t)s * l->dilation[1];
                            if (column >= 0 && column < in->w)
                                sum += (double)tap[s] * (double)line[column];
                        }
                    }
                *y++ = (float)sum;
            }
    }
}

static void forward_fc(const td_layer *l, int64_t words, const td_layer_params_t *w, const float *x,
                       float *y) {
    for (int k = 0; k < l->c; k++) {
        double sum = w->bias != NULL ? (double)w->bias[k] : 0;
        const float *row = w->weight + k * words;
        for (int64_t j = 0; j < words; j++) sum += (double)row[j] * (double)x[j];
        y[k] = (float)sum;
    }
}

static void forward_bn(const td_layer *l, const td_layer_params_t *w, double eps, const float *x,
                       float *y) {
    int64_t pixels = (int64_t)l->h * l->w;
    for (int c = 0; c < l->c; c++) {
        double f = w->scale[c] / sqrt(w->var[c] + eps);
        for (int64_t j = 0; j < pixels; j++)
            *y++ = (float)(f * ((double)*x++ - w->mean[c]) + w->shift[c]);
    }
}

/* Maximum, or mean over the words that lie in the image. */
static void forward_pool(const td_layer *l, const td_layer *in, const float *x, float *y) {
    for (int c = 0; c < l->c; c++)
        for (int p = 0; p < l->h; p++)
            for (int q = 0; q < l->w; q++) {
                double sum = 0, best = -INFINITY;
                int count = 0;
                for (int r = 0; r < l->kernel[0]; r++)
                    for (int s = 0; s < l->kernel[1]; s++) {
                        int64_t row = (int64_t)p * l->stride[0] - l->pad[0] + r;
                        int64_t column = (int64_t)q * l->stride[1] - l->pad[1] + s;
                        if (row < 0 || row >= in->h || column < 0 || column >= in->w) continue;
                        double v = (double)x[((int64_t)c * in->h + row) * in->w + column];
                        sum += v;
                        if (v > best) best = v;
                        count++;
                    }
                *y++ = (float)(l->op == TD_OP_MAX_POOL ? best : sum / count);
            }
}

static void forward_global_pool(const td_layer *in, const float *x, float *y) {
    int64_t pixels = (int64_t)in->h * in->w;
    for (int c = 0; c < in->c; c++) {
        double sum = 0;
        for (int64_t j = 0; j < pixels; j++) sum += (double)*x++;
        *y++ = (float)(sum / (double)pixels);
    }
}

/* Where output i of `out` lies among `in` words: word *lo and the one behind it, which weighs
 * the result. */
static double source(int i, int in, int out, int *lo, int *hi) {
    double at = (i + 0.5) * in / out - 0.5;
    at = at < 0 ? 0 : at > in - 1 ? in - 1 : at;
    *lo = (int)at;
    *hi = *lo + 1 < in ? *lo + 1 : *lo;
    return at - *lo;
}

static void forward_resize(const td_layer *l, const td_layer *in, const float *x, float *y) {
    for (int c = 0; c < l->c; c++, x += (int64_t)in->h * in->w)
        for (int p = 0; p < l->h; p++) {
            int top, bottom, left, right;
            double down = source(p, in->h, l->h, &top, &bottom);
            const float *a = x + (int64_t)top * in->w, *b = x + (int64_t)bottom * in->w;
            for (int q = 0; q < l->w; q++) {
                double across = source(q, in->w, l->w, &left, &right);
                double above = (1 - across) * (double)a[left] + across * (double)a[right];
                double below = (1 - across) * (double)b[left] + across * (double)b[right];
                *y++ = (float)((1 - down) * above + down * below);
            }
        }
}

double td_op_activate(td_op op, double x) {
    switch (op) {
    case TD_OP_RELU: return x > 0 ? x : 0;
    case TD_OP_RELU6: return x > 0 ? (x < 6 ? x : 6) : 0;
    case TD_OP_HSWISH: return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
    case TD_OP_SWISH: return x / (1 + exp(-x));
    case TD_OP_SIGMOID: return 1 / (1 + exp(-x));
    case TD_OP_HSIGMOID: return x <= -3 ? 0 : x >= 3 ? 1 : (x + 3) / 6;
    default: return x;
    }
}

static void forward_layer(const td_net *net, const td_weights *w, int i, float *const *value) {
    const td_layer *l = &net->layer[i], *in = &net->layer[l->input[0]];
    const float *x = value[l->input[0]];
    float *y = value[i];
    int64_t words = td__layer_words(l);
    switch (l->op) {
    case TD_OP_CONV: forward_conv(l, in, &w->layer[i], x, y); break;
    case TD_OP_FC: forward_fc(l, td__layer_words(in), &w->layer[i], x, y); break;
    case TD_OP_BN: forward_bn(l, &w->layer[i], (double)w->bn_eps, x, y); break;
    case TD_OP_MAX_POOL:
    case TD_OP_AVG_POOL: forward_pool(l, in, x, y); break;
    case TD_OP_GLOBAL_POOL: forward_global_pool(in, x, y); break;
    case TD_OP_ADD: {
        const float *b = value[l->input[1]];
        for (int64_t j = 0; j < words; j++) y[j] = (float)((double)x[j] + (double)b[j]);
        break;
    }
    case TD_OP_MUL: {
        const td_layer *other = &net->layer[l->input[1]];
        const float *b = value[l->input[1]];
        bool broadcast = other->h != l->h || other->w != l->w;
        int64_t pixels = (int64_t)l->h * l->w;
        for (int64_t j = 0; j < words; j++)
            y[j] = (float)((double)x[j] * (double)b[broadcast ? j / pixels : j]);
        break;
    }
    case TD_OP_RESIZE: forward_resize(l, in, x, y); break;
    case TD_OP_CONCAT:
        for (int k = 0; k < l->n_inputs; k++) {
            int64_t part = td__layer_words(&net->layer[l->input[k]]);
            memcpy(y, value[l->input[k]], (size_t)part * sizeof *y);
            y += part;
        }
        break;
    default:
        for (int64_t j = 0; j < words; j++) y[j] = (float)td_op_activate(l->op, (double)x[j]);
        break;
    }
}

td_status td_net_forward(const td_net *net, const td_weights *w, const float *input, int batch,
                         float *output, td_error *err) {
    td_status status = td_net_check(net, err);
    if (status == TD_OK) status = td_net_runs(net, err);
    if (status != TD_OK) return status;
    if (w == NULL || w->n != net->n)
        return td_fail(err, TD_E_USAGE, "the weights do not belong to network '%.64s'", net->name);
    if (batch < 0) return td_fail(err, TD_E_USAGE, "batch of %d", batch);

    int64_t total = 0;
    for (int i = 0; i < net->n; i++) total += td__layer_words(&net->layer[i]);
    /* td_net_check: there is a layer. gcc's thread sanitiser wants to see it. */
    size_t n = net->n > 0 ? (size_t)net->n : 1;
    float **value = calloc(n, sizeof *value);
    float *data = malloc((size_t)total * sizeof *data);
    if (value == NULL || data == NULL) {
        free(value);
        free(data);
        return td_fail(err, TD_E_MEMORY, "out of memory for the values of network '%.64s'",
                       net->name);
    }
    float *next = data;
    for (int i = 0; i < net->n; i++) {
        value[i] = next;
        next += td__layer_words(&net->layer[i]);
    }
    int64_t in_words = td__layer_words(&net->layer[0]);
    int64_t out_words = td__layer_words(&net->layer[net->n - 1]);
    for (int b = 0; b < batch; b++) {
        memcpy(value[0], input + b * in_words, (size_t)in_words * sizeof *input);
        for (int i = 1; i < net->n; i++) forward_layer(net, w, i, value);
        memcpy(output + b * out_words, value[net->n - 1], (size_t)out_words * sizeof *output);
    }
    free(value);
    free(data);
    return TD_OK;
}
