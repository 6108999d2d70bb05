/* From quantised parameters to steps. */
#include "int_net.h"

#include <stdlib.h>

typedef struct {
    td__int_net *n;
    const td_quantised *q;
    td_arena *arena;
    td_error *err;
} maker;

static td_status no_memory(const maker *m) {
    return td_fail(m->err, TD_E_MEMORY, "out of memory for an integer network");
}

static td_shape shape_of(const td_layer *l) {
    return TD_DIM(l->c, l->h, l->w);
}

static int64_t words_of(td_shape s) {
    return (int64_t)s.c * s.h * s.w;
}

static int64_t multiple(int64_t x, int64_t of) {
    return (x + of - 1) / of * of;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* The word for every word that `read` has: of x what the op makes of factor x + term. */
static void fill_table(const td_quant *read, const td_quant *made, td_op op, double factor,
                       double term, int16_t *table) {
    for (int32_t word = td__quant_least(read); word <= td__quant_most(read); word++) {
        double x = factor * (double)td__quant_real(read, word) + term;
        table[word + 128] = (int16_t)td__quant_word(made, (float)td_op_activate(op, x));
    }
}

static td_status add_table(maker *m, td__step *s, td_op op) {
    int16_t *table = TD_NEW(m->arena, int16_t, 256);
    if (table == NULL) return no_memory(m);
    fill_table(s->read, &s->made, op, 1, 0, table);
    s->table = table;
    return TD_OK;
}

static td_status add_norm_table(maker *m, td__step *s, const td_layer_params_t *p, double eps) {
    int16_t *table = TD_NEW(m->arena, int16_t, 256 * (int64_t)s->in.c);
    if (table == NULL) return no_memory(m);
    for (int32_t c = 0; c < s->in.c; c++) {
        double f = p->scale[c] / sqrt(p->var[c] + eps);
        fill_table(s->read, &s->made, TD_OP_BN, f, p->shift[c] - f * p->mean[c], table + 256 * c);
    }
    s->table = table;
    s->per_channel = true;
    return TD_OK;
}

/* ---- weights --------------------------------------------------------------------------------- */

/* Word of the weights [k][c][r][t] of a convolution, [k][c][h][w] of an fc, whose input stands as
 * rows x columns x channels here: `j` counts these. */
static int8_t weight_at(const int8_t *row, td_shape window, int64_t j) {
    int64_t c = j % window.c, at = j / window.c;
    return row[c * window.h * window.w + at];
}

static td_status add_weights(maker *m, td__step *s, int i) {
    const td_quantised_layer *p = &m->q->layer[i];
    const td_layer *l = s->layer;
    bool fc = l->op == TD_OP_FC;
    int32_t groups = fc ? 1 : l->groups, channels = l->c / groups;
    td_shape window = fc ? s->in : TD_DIM(s->in.c / groups, l->kernel[0], l->kernel[1]);
    int64_t n = words_of(window);
    bool depthwise = !fc && window.c == 1 && channels == 1;
    s->kind = depthwise ? TD__DEPTHWISE : TD__DENSE;
    s->terms = multiple(n, TD__TERMS);
    int64_t padded = multiple(channels, 4);
    int64_t weights = depthwise ? n * l->c : padded * groups * s->terms;
    int16_t *w = TD_NEW(m->arena, int16_t, weights + TD__TERMS);
    uint32_t *offset = TD_NEW(m->arena, uint32_t, l->c + TD__TERMS);
    int32_t *multiplier = TD_NEW(m->arena, int32_t, l->c + TD__TERMS);
    int32_t *shift = TD_NEW(m->arena, int32_t, l->c + TD__TERMS);
    if (w == NULL || offset == NULL || multiplier == NULL || shift == NULL) return no_memory(m);
    for (int32_t k = l->c; k < l->c + TD__TERMS; k++) shift[k] = 1; /* that nothing comes of */
    for (int32_t k = 0; k < l->c; k++) {
        const int8_t *row = p->weight + k * n;
        int64_t first = depthwise ? k : (k / channels * padded + k % channels) * s->terms;
        int64_t sum = 0;
        for (int64_t j = 0; j < n; j++) {
            int8_t word = weight_at(row, window, j);
            w[first + (depthwise ? j * l->c : j)] = word;
            sum += word;
        }
        td__scale scale = td__scale_of((double)s->read[0].scale * (double)p->weight_scale[k] /
                                       (double)s->made.scale);
        if (scale.shift > 61) scale = td__scale_of(0); /* a sum of 32 bits is 0 */
        offset[k] = (uint32_t)((p->bias != NULL ? p->bias[k] : 0) - s->read[0].zero * sum);
        multiplier[k] = scale.multiplier;
        shift[k] = scale.shift;
    }
    s->weight = w;
    s->offset = offset;
    s->multiplier = multiplier;
    s->shift = shift;
    int64_t row = depthwise ? l->c + TD__TERMS : s->terms;
    if (row > m->n->row_words) m->n->row_words = row;
    return TD_OK;
}

/* One shift for both inputs of a sum: that of the larger factor. */
static void add_sum_scales(td__step *s) {
    double factor[2];
    for (int k = 0; k < 2; k++) factor[k] = (double)s->read[k].scale / (double)s->made.scale;
    int shift = td__scale_of(fmax(factor[0], factor[1])).shift;
    for (int k = 0; k < 2; k++)
        s->scale[k] =
            (td__scale){(int32_t)fmin(nearbyint(ldexp(factor[k], shift)), INT32_MAX), shift};
}

/* ---- steps ----------------------------------------------------------------------------------- */

static td__step *add_step(maker *m, td__step_kind kind, const td_layer *l, td_shape in,
                          td_shape out, const int *from, int n_in, int to, const td_quant *read,
                          const td_quant *made) {
    td__step *s = &m->n->step[m->n->n_steps++];
    *s = (td__step){.kind = kind,
                    .layer = l,
                    .in = in,
                    .out = out,
                    .from = from,
                    .n_in = n_in,
                    .to = to,
                    .read = read,
                    .made = *made,
                    .least = td__quant_least(made),
                    .most = td__quant_most(made)};
    m->n->words[to] = words_of(out);
    return s;
}

/* from[k]: the value that input k of layer i is read from. One that is read in fewer bits than it
 * has is a value of its own, behind those of the layers. */
static td_status find_inputs(maker *m, int i, int *from) {
    const td_layer *l = td_net_layer(m->q->net, i);
    td_status st = TD_OK;
    for (int k = 0; st == TD_OK && k < l->n_inputs; k++) {
        const td_quant *value = &m->q->layer[l->input[k]].out, *read = &m->q->layer[i].in[k];
        from[k] = l->input[k];
        if (value->bits == read->bits) continue;
        const td_layer *source = td_net_layer(m->q->net, l->input[k]);
        int *whole = TD_NEW(m->arena, int, 1);
        if (whole == NULL) return no_memory(m);
        *whole = l->input[k];
        td__step *s = add_step(m, TD__TABLE, source, shape_of(source), shape_of(source), whole, 1,
                               m->n->n_values, value, read);
        st = add_table(m, s, TD_OP_INPUT);
        from[k] = m->n->n_values++;
    }
    return st;
}

static td_status add_joined(maker *m, int i, const int *from) {
    const td_layer *l = td_net_layer(m->q->net, i);
    const td_quantised_layer *p = &m->q->layer[i];
    td_status st = TD_OK;
    int32_t first = 0;
    for (int k = 0; st == TD_OK && k < l->n_inputs; k++) {
        td_shape in = td_layer_input(m->q->net, i, k);
        td__step *s =
            add_step(m, TD__TABLE, l, in, shape_of(l), from + k, 1, i, &p->in[k], &p->out);
        s->first = first;
        first += in.c;
        st = add_table(m, s, TD_OP_INPUT);
    }
    return st;
}

static const td__step_kind kind_of[TD_NOP] = {
    [TD_OP_CONV] = TD__DENSE,   [TD_OP_FC] = TD__DENSE,      [TD_OP_BN] = TD__TABLE,
    [TD_OP_MAX_POOL] = TD__MAX, [TD_OP_AVG_POOL] = TD__MEAN, [TD_OP_GLOBAL_POOL] = TD__MEAN,
    [TD_OP_ADD] = TD__SUM,      [TD_OP_MUL] = TD__PRODUCT,   [TD_OP_RESIZE] = TD__BILINEAR,
    [TD_OP_RELU] = TD__TABLE,   [TD_OP_RELU6] = TD__TABLE,   [TD_OP_HSWISH] = TD__TABLE,
    [TD_OP_SWISH] = TD__TABLE,  [TD_OP_SIGMOID] = TD__TABLE, [TD_OP_HSIGMOID] = TD__TABLE,
};

/* The activation that is a part of layer i, whose value is not there: the one that reads it. */
static int activation_of(const td_quantised *q, int i) {
    for (int j = i + 1; j < td_net_size(q->net); j++)
        if (q->layer[j].runs && td_net_layer(q->net, j)->n_inputs == 1 &&
            td_net_layer(q->net, j)->input[0] == i)
            return j;
    return i;
}

static td_status add_layer(maker *m, int i) {
    const td_net *net = m->q->net;
    const td_layer *l = td_net_layer(net, i);
    const td_quantised_layer *p = &m->q->layer[i];
    if (l->op != TD_OP_INPUT && m->q->layer[l->input[0]].out.bits == 0) return TD_OK; /* a part */
    int *from = TD_NEW(m->arena, int, l->n_inputs + 1);
    if (from == NULL) return no_memory(m);
    td_status st = find_inputs(m, i, from);
    if (st != TD_OK) return st;
    if (l->op == TD_OP_CONCAT) return add_joined(m, i, from);
    int to = p->out.bits == 0 ? activation_of(m->q, i) : i;
    td__step *s = add_step(m, kind_of[l->op], l, td_layer_input(net, i, 0), shape_of(l), from,
                           l->n_inputs, to, p->in, &m->q->layer[to].out);
    if (to != i) { /* the least word of a ReLU is that of 0 */
        bool six = td_net_layer(net, to)->op == TD_OP_RELU6;
        s->least = td__quant_word(&s->made, 0);
        if (six) s->most = td__quant_word(&s->made, 6);
    }
    double factor = (double)p->in[0].scale / (double)s->made.scale;
    switch (s->kind) {
    case TD__DENSE:
    case TD__DEPTHWISE: return add_weights(m, s, i);
    case TD__TABLE:
        return l->op == TD_OP_BN
                   ? add_norm_table(m, s, &m->q->weights->layer[i], (double)m->q->weights->bn_eps)
                   : add_table(m, s, l->op);
    case TD__MAX:
        return p->in[0].scale != s->made.scale || p->in[0].zero != s->made.zero
                   ? add_table(m, s, TD_OP_INPUT)
                   : TD_OK;
    case TD__MEAN: return TD_OK;
    case TD__SUM: add_sum_scales(s); return TD_OK;
    case TD__PRODUCT: {
        td_shape other = td_layer_input(net, i, 1);
        s->per_channel = other.h != s->out.h || other.w != s->out.w;
        factor *= (double)p->in[1].scale;
        s->scale[0] = td__scale_of(factor);
        return TD_OK;
    }
    case TD__BILINEAR:
        s->scale[0] = td__scale_of(factor / (4 * (double)s->out.h * (double)s->out.w));
        return TD_OK;
    }
    return TD_E_INTERNAL;
}

td_status td__int_net_create(const td_quantised *q, td__int_net **out, td_error *err) {
    *out = NULL;
    int n = td_net_size(q->net), inputs = 0;
    for (int i = 0; i < n; i++) inputs += td_net_layer(q->net, i)->n_inputs;
    td_arena *a = td_arena_create();
    td__int_net *made = a != NULL ? TD_NEW(a, td__int_net, 1) : NULL;
    maker m = {made, q, a, err};
    if (made == NULL) {
        td_arena_destroy(a);
        return no_memory(&m);
    }
    const td_layer *first = td_net_layer(q->net, 0), *last = td_net_layer(q->net, n - 1);
    *made = (td__int_net){.arena = a, .q = q, .n_values = n, .result = shape_of(last)};
    made->words = TD_NEW(a, int64_t, n + inputs);
    made->step = TD_NEW(a, td__step, n + 2 * inputs);
    td_status st = made->words != NULL && made->step != NULL ? TD_OK : no_memory(&m);
    if (st == TD_OK) made->words[0] = words_of(shape_of(first));
    for (int i = 1; st == TD_OK && i < n; i++)
        if (q->layer[i].runs) st = add_layer(&m, i);
    if (st == TD_OK)
        *out = made;
    else
        td_arena_destroy(a);
    return st;
}

void td__int_net_destroy(td__int_net *n) {
    if (n != NULL) td_arena_destroy(n->arena); /* n itself lives in it */
}
