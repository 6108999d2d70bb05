#include "qdq_plain.h"

#include <math.h>
#include <stdlib.h>

/* As QuantizeLinear of floats divides. */
double plain_words(const td_quant *q, double x) {
    double least = -ldexp(1, q->bits - 1), most = ldexp(1, q->bits - 1) - 1;
    double word = rint((double)((float)x / q->scale)) + q->zero;
    word = word < least ? least : word > most ? most : word;
    return (word - q->zero) * (double)q->scale;
}

typedef struct {
    td_shape shape;
    double *v;
} value;

static double at(const value *x, int c, int64_t h, int64_t w) {
    if (h < 0 || w < 0 || h >= x->shape.h || w >= x->shape.w) return 0;
    return x->v[((int64_t)c * x->shape.h + h) * x->shape.w + w];
}

static double weight_of(const td_weights *w, const td_quantised *q, int i, int k, int64_t per_k,
                        int64_t j) {
    if (q == NULL) return (double)w->layer[i].weight[k * per_k + j];
    return (double)q->layer[i].weight_scale[k] * q->layer[i].weight[k * per_k + j];
}

static double bias_of(const td_net *net, const td_weights *w, const td_quantised *q, int i, int k) {
    if (!td_net_layer(net, i)->bias) return 0;
    if (q == NULL) return (double)w->layer[i].bias[k];
    return (double)q->layer[i].in[0].scale * (double)q->layer[i].weight_scale[k] *
           q->layer[i].bias[k];
}

static double source(int i, int in, int out) {
    double x = (i + 0.5) * in / out - 0.5;
    return x < 0 ? 0 : x > in - 1 ? in - 1 : x;
}

static double bilinear(const value *x, int c, int h, int w, const td_layer *l) {
    double y = source(h, x->shape.h, l->h), z = source(w, x->shape.w, l->w);
    int r = (int)y, s = (int)z;
    int r1 = r + 1 < x->shape.h ? r + 1 : r, s1 = s + 1 < x->shape.w ? s + 1 : s;
    return (1 - y + r) * ((1 - z + s) * at(x, c, r, s) + (z - s) * at(x, c, r, s1)) +
           (y - r) * ((1 - z + s) * at(x, c, r1, s) + (z - s) * at(x, c, r1, s1));
}

static double word_at(const td_net *net, const td_weights *w, const td_quantised *q, int i,
                      const value *in, int c, int h, int x) {
    const td_layer *l = td_net_layer(net, i);
    switch (l->op) {
    case TD_OP_CONV: {
        double sum = bias_of(net, w, q, i, c);
        int per_group = in->shape.c / l->groups, first = c / (l->c / l->groups) * per_group;
        int64_t n = (int64_t)per_group * l->kernel[0] * l->kernel[1], j = 0;
        for (int k = 0; k < per_group; k++)
            for (int r = 0; r < l->kernel[0]; r++)
                for (int s = 0; s < l->kernel[1]; s++, j++)
                    sum += weight_of(w, q, i, c, n, j) *
                           at(in, first + k, h * l->stride[0] - l->pad[0] + r * l->dilation[0],
                              x * l->stride[1] - l->pad[1] + s * l->dilation[1]);
        return sum;
    }
    case TD_OP_FC: {
        double sum = bias_of(net, w, q, i, c);
        int64_t n = (int64_t)in->shape.c * in->shape.h * in->shape.w;
        for (int64_t j = 0; j < n; j++) sum += weight_of(w, q, i, c, n, j) * in->v[j];
        return sum;
    }
    case TD_OP_BN: {
        const td_layer_params_t *p = &w->layer[i];
        double f = (double)p->scale[c] / sqrt((double)p->var[c] + (double)w->bn_eps);
        return f * (at(in, c, h, x) - (double)p->mean[c]) + (double)p->shift[c];
    }
    case TD_OP_MAX_POOL:
    case TD_OP_AVG_POOL:
    case TD_OP_GLOBAL_POOL: {
        bool all = l->op == TD_OP_GLOBAL_POOL;
        int top = all ? 0 : h * l->stride[0] - l->pad[0], n = 0;
        int left = all ? 0 : x * l->stride[1] - l->pad[1];
        double sum = 0, best = -INFINITY;
        for (int r = top; r < top + (all ? in->shape.h : l->kernel[0]); r++)
            for (int s = left; s < left + (all ? in->shape.w : l->kernel[1]); s++) {
                if (r < 0 || s < 0 || r >= in->shape.h || s >= in->shape.w) continue;
                sum += at(in, c, r, s);
                best = fmax(best, at(in, c, r, s));
                n++;
            }
        return l->op == TD_OP_MAX_POOL ? best : sum / n;
    }
    case TD_OP_ADD: return at(&in[0], c, h, x) + at(&in[1], c, h, x);
    case TD_OP_MUL: {
        bool one = in[1].shape.h == 1 && in[1].shape.w == 1;
        return at(&in[0], c, h, x) * at(&in[1], c, one ? 0 : h, one ? 0 : x);
    }
    case TD_OP_CONCAT: {
        int k = 0;
        while (c >= in[k].shape.c) c -= in[k++].shape.c;
        return at(&in[k], c, h, x);
    }
    case TD_OP_RESIZE: return bilinear(in, c, h, x, l);
    default: return td_op_activate(l->op, at(in, c, h, x));
    }
}

/* Input k of layer i as it is read. */
static value read_input(const td_net *net, const td_quantised *q, double *const *v, int i, int k) {
    value in = {td_layer_input(net, i, k), NULL};
    int64_t n = (int64_t)in.shape.c * in.shape.h * in.shape.w;
    const double *from = v[td_net_layer(net, i)->input[k]];
    in.v = malloc(sizeof *in.v * (size_t)n);
    for (int64_t j = 0; j < n; j++)
        in.v[j] = q != NULL && q->layer[i].in[k].bits > 0 ? plain_words(&q->layer[i].in[k], from[j])
                                                          : from[j];
    return in;
}

double **plain_values(const td_net *net, const td_weights *w, const td_quantised *q,
                      const float *input) {
    if (q != NULL) net = q->net;
    if (q != NULL) w = q->weights;
    int n = td_net_size(net);
    double **v = calloc((size_t)n, sizeof *v);
    for (int i = 0; i < n; i++) {
        const td_layer *l = td_net_layer(net, i);
        if (q != NULL && !q->layer[i].runs) continue;
        value in[TD_MAX_INPUTS];
        for (int k = 0; k < l->n_inputs; k++) in[k] = read_input(net, q, v, i, k);
        int64_t words = (int64_t)l->c * l->h * l->w;
        v[i] = malloc(sizeof **v * (size_t)words);
        for (int64_t j = 0; j < words; j++) {
            int x = (int)(j % l->w), h = (int)(j / l->w % l->h), c = (int)(j / l->w / l->h);
            v[i][j] = i == 0 ? (double)input[j] : word_at(net, w, q, i, in, c, h, x);
            if (q != NULL && q->layer[i].out.bits > 0)
                v[i][j] = plain_words(&q->layer[i].out, v[i][j]);
        }
        for (int k = 0; k < l->n_inputs; k++) free(in[k].v);
    }
    return v;
}

void plain_free(double **value_of, int n) {
    for (int i = 0; i < n; i++) free(value_of[i]);
    free(value_of);
}

td_range *plain_ranges(const td_net *net, const td_weights *w, const float *input, int images) {
    const td_layer *in = td_net_layer(net, 0);
    int n = td_net_size(net);
    td_range *range = calloc((size_t)n, sizeof *range);
    for (int image = 0; image < images; image++) {
        double **v = plain_values(net, w, NULL, input + (int64_t)image * in->c * in->h * in->w);
        for (int i = 0; i < n; i++) {
            const td_layer *l = td_net_layer(net, i);
            for (int j = 0; j < l->c * l->h * l->w; j++)
                for (int b = TD_QUANT_LEAST_BITS; b <= TD_QUANT_MOST_BITS; b++) {
                    range[i].at[b].lo = fminf(range[i].at[b].lo, (float)v[i][j]);
                    range[i].at[b].hi = fmaxf(range[i].at[b].hi, (float)v[i][j]);
                }
        }
        plain_free(v, n);
    }
    return range;
}
