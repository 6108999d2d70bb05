#include "plain_net.h"

#include <stdlib.h>
#include <string.h>

plain_weights plain_from(const td_net *net, const td_weights *w) {
    plain_weights p = {net, w, malloc(sizeof(double) * (size_t)w->count + 8)};
    for (int64_t i = 0; i < w->count; i++) p.data[i] = (double)w->data[i];
    return p;
}

void plain_free(plain_weights *p) {
    free(p->data);
}

static const double *param(const plain_weights *p, const float *f) {
    return f == NULL ? NULL : p->data + (f - p->like->data);
}

typedef struct {
    int c, h, w;
    double *v; /* [batch][c][h][w] */
} tensor;

static double *at(const tensor *t, int n, int c, int y, int x) {
    return &t->v[((n * t->c + c) * t->h + y) * t->w + x];
}

static void conv(const td_layer *l, const tensor *in, const tensor *out, int batch,
                 const double *weight, const double *bias) {
    int kc = in->c / l->groups, per = out->c / l->groups;
    for (int n = 0; n < batch; n++)
        for (int k = 0; k < out->c; k++)
            for (int y = 0; y < out->h; y++)
                for (int x = 0; x < out->w; x++) {
                    double s = bias != NULL ? bias[k] : 0;
                    for (int c = 0; c < kc; c++)
                        for (int r = 0; r < l->kernel[0]; r++)
                            for (int q = 0; q < l->kernel[1]; q++) {
                                int iy = y * l->stride[0] + r * l->dilation[0] - l->pad[0];
                                int ix = x * l->stride[1] + q * l->dilation[1] - l->pad[1];
                                if (iy < 0 || iy >= in->h || ix < 0 || ix >= in->w) continue;
                                s += weight[((k * kc + c) * l->kernel[0] + r) * l->kernel[1] + q] *
                                     *at(in, n, k / per * kc + c, iy, ix);
                            }
                    *at(out, n, k, y, x) = s;
                }
}

static void fc(const tensor *in, const tensor *out, int batch, const double *weight,
               const double *bias) {
    int m = in->c * in->h * in->w;
    for (int n = 0; n < batch; n++)
        for (int k = 0; k < out->c; k++) {
            double s = bias != NULL ? bias[k] : 0;
            for (int i = 0; i < m; i++) s += weight[k * m + i] * in->v[n * m + i];
            out->v[n * out->c + k] = s;
        }
}

static void batch_norm(const tensor *in, const tensor *out, int batch, const double *scale,
                       const double *shift, double eps) {
    int plane = in->h * in->w;
    for (int c = 0; c < in->c; c++) {
        double mean = 0, var = 0, count = (double)batch * plane;
        for (int n = 0; n < batch; n++)
            for (int i = 0; i < plane; i++) mean += in->v[(n * in->c + c) * plane + i] / count;
        for (int n = 0; n < batch; n++)
            for (int i = 0; i < plane; i++) {
                double d = in->v[(n * in->c + c) * plane + i] - mean;
                var += d * d / count;
            }
        for (int n = 0; n < batch; n++)
            for (int i = 0; i < plane; i++) {
                int k = (n * in->c + c) * plane + i;
                out->v[k] = (in->v[k] - mean) / sqrt(var + eps) * scale[c] + shift[c];
            }
    }
}

static void pool(const td_layer *l, const tensor *in, const tensor *out, int batch) {
    bool global = l->op == TD_OP_GLOBAL_POOL, max = l->op == TD_OP_MAX_POOL;
    int kh = global ? in->h : l->kernel[0], kw = global ? in->w : l->kernel[1];
    for (int n = 0; n < batch; n++)
        for (int c = 0; c < out->c; c++)
            for (int y = 0; y < out->h; y++)
                for (int x = 0; x < out->w; x++) {
                    double s = max ? -1e300 : 0;
                    int count = 0;
                    for (int r = 0; r < kh; r++)
                        for (int q = 0; q < kw; q++) {
                            int iy = global ? r : y * l->stride[0] + r - l->pad[0];
                            int ix = global ? q : x * l->stride[1] + q - l->pad[1];
                            if (iy < 0 || iy >= in->h || ix < 0 || ix >= in->w) continue;
                            double v = *at(in, n, c, iy, ix);
                            s = max ? (v > s ? v : s) : s + v;
                            count++;
                        }
                    *at(out, n, c, y, x) = max ? s : s / count;
                }
}

static double activate(td_op op, double z) {
    switch (op) {
    case TD_OP_RELU: return z > 0 ? z : 0;
    case TD_OP_RELU6: return z < 0 ? 0 : z > 6 ? 6 : z;
    case TD_OP_HSWISH: return z * (z < -3 ? 0 : z > 3 ? 6 : z + 3) / 6;
    case TD_OP_SWISH: return z / (1 + exp(-z));
    case TD_OP_HSIGMOID: return (z < -3 ? 0 : z > 3 ? 6 : z + 3) / 6;
    default: return 1 / (1 + exp(-z));
    }
}

static void run_layer(const plain_weights *p, int i, tensor *value, int batch) {
    const td_layer *l = td_net_layer(p->net, i);
    const td_layer_params_t *w = &p->like->layer[i];
    tensor *out = &value[i];
    const tensor *in = &value[l->input[0]];
    int words = batch * l->c * l->h * l->w, plane = l->h * l->w;
    switch (l->op) {
    case TD_OP_CONV: conv(l, in, out, batch, param(p, w->weight), param(p, w->bias)); return;
    case TD_OP_FC: fc(in, out, batch, param(p, w->weight), param(p, w->bias)); return;
    case TD_OP_BN:
        batch_norm(in, out, batch, param(p, w->scale), param(p, w->shift), (double)p->like->bn_eps);
        return;
    case TD_OP_MAX_POOL:
    case TD_OP_AVG_POOL:
    case TD_OP_GLOBAL_POOL: pool(l, in, out, batch); return;
    case TD_OP_ADD:
        for (int k = 0; k < words; k++) out->v[k] = in->v[k] + value[l->input[1]].v[k];
        return;
    case TD_OP_MUL: {
        const tensor *b = &value[l->input[1]];
        for (int k = 0; k < words; k++)
            out->v[k] = in->v[k] * b->v[b->h == l->h && b->w == l->w ? k : k / plane];
        return;
    }
    case TD_OP_CONCAT:
        for (int n = 0; n < batch; n++) {
            double *to = out->v + n * l->c * plane;
            for (int j = 0; j < l->n_inputs; j++) {
                const tensor *b = &value[l->input[j]];
                memcpy(to, b->v + n * b->c * plane, sizeof(double) * (size_t)(b->c * plane));
                to += b->c * plane;
            }
        }
        return;
    default:
        for (int k = 0; k < words; k++) out->v[k] = activate(l->op, in->v[k]);
    }
}

double plain_loss(const plain_weights *p, const float *input, const uint8_t *label, int batch,
                  double smoothing) {
    int n = td_net_size(p->net), o = td_net_output(p->net);
    tensor *value = calloc((size_t)n, sizeof *value);
    for (int i = 0; i < n; i++) {
        const td_layer *l = td_net_layer(p->net, i);
        int words = batch * l->c * l->h * l->w;
        value[i] = (tensor){l->c, l->h, l->w, calloc((size_t)words, sizeof(double))};
        for (int k = 0; i == 0 && k < words; k++) value[0].v[k] = (double)input[k];
        if (i > 0) run_layer(p, i, value, batch);
    }
    double total = 0;
    int classes = value[o].c;
    for (int b = 0; b < batch; b++) {
        const double *z = value[o].v + b * classes;
        double sum = 0;
        for (int c = 0; c < classes; c++) sum += exp(z[c]);
        for (int c = 0; c < classes; c++) {
            double target = smoothing / classes + (c == label[b] ? 1 - smoothing : 0);
            total -= target * (z[c] - log(sum)) / batch;
        }
    }
    for (int i = 0; i < n; i++) free(value[i].v);
    free(value);
    return total;
}
