/* The network as intervals and the values between them. A convolution or fc takes along the batch
 * norm and the activation behind it, as long as each is the sole reader of what it works on: they
 * are applied while results are drained. So is one layer behind them that joins the results with
 * another value element by element (the sum of a residual), if that value is there by then; its
 * operations are the vector unit's, which works meanwhile. The same holds behind a layer of the
 * vector unit, where operations count but need no pass of their own over the data. */
#include "schedule.h"

#include <string.h>

static bool unary(const td_layer *l) {
    return l->op == TD_OP_BN || l->op >= TD_OP_RELU ||
           (l->op == TD_OP_ELEMENTWISE && l->n_inputs == 1);
}

static int64_t words_of(const td_layer *l, int batch) {
    return (int64_t)l->c * l->h * l->w * batch;
}

static int64_t whole_bytes(int64_t bits) {
    return (bits + 7) / 8 * 8;
}

/* Words that a bilinear resize reads for one of an axis: two, or one where nothing lies between. */
static double taps_of_resize(int in, int out) {
    return in > 1 && in != out ? 2 : 1;
}

/* Operations of a layer on the vector unit: one per tap of a pool or a resize, per element joined,
 * moved or activated (a batch norm is one multiply-add). Five per element of a layer norm (sum;
 * centre; sum of squares; scale by the deviation; scale and shift) and of a softmax (maximum;
 * subtract; exponential; sum; divide). */
static double vector_ops(const td_net *net, int i, int batch) {
    const td_layer *l = td_net_layer(net, i);
    double out = (double)words_of(l, batch);
    switch (l->op) {
    case TD_OP_LAYER_NORM:
    case TD_OP_SOFTMAX: return 5 * out;
    case TD_OP_ELEMENTWISE: return l->n_inputs > 1 ? out * (l->n_inputs - 1) : out;
    case TD_OP_MAX_POOL:
    case TD_OP_AVG_POOL: return out * l->kernel[0] * l->kernel[1];
    case TD_OP_REDUCE:
    case TD_OP_GLOBAL_POOL: {
        td_shape x = td_layer_input(net, i, 0);
        return (double)x.c * x.h * x.w * batch;
    }
    case TD_OP_ADD:
    case TD_OP_MUL: return out * (l->n_inputs - 1);
    case TD_OP_RESIZE: {
        td_shape x = td_layer_input(net, i, 0);
        return out * taps_of_resize(x.h, l->h) * taps_of_resize(x.w, l->w);
    }
    default: return out;
    }
}

static int shape_of(td__sched_plan *p, const td_problem *problem, const int64_t value[TD_NTENSOR],
                    int step) {
    for (int i = 0; i < p->n_shape; i++)
        if (memcmp(&p->shape[i], problem, sizeof *problem) == 0 &&
            memcmp(p->shape_value[i], value, sizeof p->shape_value[i]) == 0)
            return i;
    p->shape[p->n_shape] = *problem;
    memcpy(p->shape_value[p->n_shape], value, sizeof p->shape_value[0]);
    p->shape_step[p->n_shape] = step;
    return p->n_shape++;
}

/* Operand of layer `join` that is not v, if it joins v with a value of the same size that is made
 * before step s; -1: it does not. */
static int other_operand(const td__sched_plan *p, int join, int v, int s) {
    const td_layer *l = td_net_layer(p->net, join), *mine = td_net_layer(p->net, v);
    if ((l->op != TD_OP_ADD && l->op != TD_OP_MUL) || l->n_inputs != 2) return -1;
    if (l->view[0].c > 0 || l->view[1].c > 0) return -1;
    int other = l->input[0] == v ? l->input[1] : l->input[0];
    const td_layer *o = td_net_layer(p->net, other);
    bool made = other == 0 || (p->value[other].maker >= 0 && p->value[other].maker < s);
    bool same =
        o->c == mine->c && o->h == mine->h && o->w == mine->w && l->bits[TD_O] == mine->bits[TD_O];
    return made && same && other != v ? other : -1;
}

/* Follows what is done in passing behind value v of step s, to the value that it hands on. */
static int follow(td__sched_plan *p, td__step *step, int s, int v, const int *only_reader) {
    bool mapped = td_op_mapped(td_net_layer(p->net, step->layer)->op);
    for (int next; (next = only_reader[v]) >= 0; v = next) {
        const td_layer *f = td_net_layer(p->net, next);
        int other = mapped && step->joined < 0 ? other_operand(p, next, v, s) : -1;
        if (other >= 0) {
            step->joined = next;
            step->in[step->n_in++] = other;
            if (p->value[other].last < s) p->value[other].last = s;
        } else if (!unary(f)) {
            break;
        }
        if (!mapped || step->joined >= 0) step->ops += vector_ops(p->net, next, p->batch);
        p->value[v].maker = -2;
    }
    return v;
}

/* Nobody but the next interval reads the value of step i, and both are convolutions: it could be
 * handed on in bands of rows. What is joined to i would have to be there in bands as well. */
static bool flows(const td__sched_plan *p, int i) {
    const td__step *s = &p->step[i], *next = s + 1;
    if (s->shape < 0 || next->shape < 0 || s->joined >= 0) return false;
    if (td_net_layer(p->net, s->layer)->op != TD_OP_CONV ||
        td_net_layer(p->net, next->layer)->op != TD_OP_CONV ||
        td_net_layer(p->net, next->layer)->view[0].c > 0) /* its rows are others */
        return false;
    bool other = next->joined >= 0 && next->in[1] == s->value;
    return next->in[0] == s->value && !other && p->value[s->value].last == i + 1 &&
           s->value != td_net_output(p->net);
}

static td_status add_step(td__sched_plan *p, int layer, const int *only_reader, td_error *err) {
    const td_layer *l = td_net_layer(p->net, layer);
    int s = p->n++;
    td__step *step = &p->step[s];
    *step = (td__step){.layer = layer, .shape = -1, .joined = -1, .n_in = l->n_inputs};
    /* The second operand of a product takes the place of weights, and streams as they do. */
    step->product = l->op == TD_OP_MATMUL;
    if (step->product) {
        step->n_in = 1;
        p->value[l->input[1]].streamed = true;
        p->value[l->input[1]].last = s;
    }
    for (int k = 0; k < step->n_in; k++) {
        step->in[k] = l->input[k];
        p->value[l->input[k]].last = s;
    }
    bool mapped = td_op_mapped(l->op);
    if (!mapped) step->ops = vector_ops(p->net, layer, p->batch);
    int v = follow(p, step, s, layer, only_reader);
    step->value = v;
    p->value[v].maker = s;
    td_problem problem;
    memset(&problem, 0, sizeof problem); /* compared as bytes */
    if (!mapped) return TD_OK;
    td_layer_problem(p->net, layer, p->batch, &problem);
    problem.bits[TD_O] = (uint8_t)p->value[v].word; /* of what is written behind all of the chain */
    if (td_problem_check(&problem, err) != TD_OK)   /* a large batch may be too much */
        return td_error_prefix(err, "layer %s", l->name), TD_E_INPUT;
    step->macs = td_problem_macs(&problem);
    step->weight_bits = whole_bytes(td_problem_words(&problem, TD_W) * problem.bits[TD_W]);
    const int64_t value[TD_NTENSOR] = {step->weight_bits, p->value[step->in[0]].bits,
                                       p->value[step->value].bits};
    step->shape = shape_of(p, &problem, value, s);
    return TD_OK;
}

td_status td__sched_plan_build(const td_net *net, int batch, td_arena *a, td__sched_plan *out,
                               td_error *err) {
    td_status s = td_net_check(net, err);
    if (s != TD_OK) return s;
    int n = td_net_size(net);
    if (n < 2) return td_fail(err, TD_E_INPUT, "%s: the network has no layer", td_net_name(net));
    *out = (td__sched_plan){.net = net, .n_value = n, .batch = batch};
    out->step = TD_NEW(a, td__step, n);
    out->value = TD_NEW(a, td__value, n);
    out->shape = TD_NEW(a, td_problem, n);
    out->shape_value = td_arena_alloc(a, sizeof *out->shape_value * (size_t)n);
    out->shape_step = TD_NEW(a, int, n);
    out->pinned = TD_NEW(a, int64_t, n + 1);
    int *readers = TD_NEW(a, int, n), *only_reader = TD_NEW(a, int, n);
    if (!out->step || !out->value || !out->shape || !out->shape_value || !out->shape_step ||
        !out->pinned || !readers || !only_reader)
        return td_fail(err, TD_E_MEMORY, "out of memory for the schedule's plan");

    for (int i = 0; i < n; i++) {
        const td_layer *l = td_net_layer(net, i);
        out->value[i] = (td__value){.maker = -1, .last = -1, .word = l->bits[TD_O]};
        for (int k = 0; k < l->n_inputs; k++) {
            int x = l->input[k];
            readers[x]++;
            only_reader[x] = i;
            /* Words as wide as the widest of maker and readers. */
            if (l->bits[TD_I] > out->value[x].word) out->value[x].word = l->bits[TD_I];
        }
    }
    for (int i = 0; i < n; i++) {
        if (readers[i] != 1) only_reader[i] = -1;
        /* Sums of values must not overflow either. */
        const td_layer *l = td_net_layer(net, i);
        if ((double)l->c * l->h * l->w * batch * out->value[i].word >= 0x1p50)
            return td_fail(err, TD_E_INPUT, "layer %s: its output is too large for batch %d",
                           l->name, batch);
        out->value[i].bits = whole_bytes(words_of(l, batch) * out->value[i].word);
    }
    for (int i = 1; i < n && s == TD_OK; i++) /* makers other than -1: in a chain already */
        if (out->value[i].maker == -1) s = add_step(out, i, only_reader, err);
    for (int i = 0; i + 1 < out->n && s == TD_OK; i++) out->step[i].flows = flows(out, i);
    return s;
}

int64_t td__sched_plan_demand(const td__sched_plan *p, unsigned may) {
    int64_t weights = 0, live = 0;
    if (may & TD_BIT(TD_W))
        for (int i = 0; i < p->n; i++) weights += p->step[i].weight_bits;
    for (int i = 0; i < p->n; i++) {
        int64_t sum = 0;
        for (int v = 0; v < p->n_value; v++)
            if (p->value[v].stay && p->value[v].maker <= i && p->value[v].last >= i)
                sum += p->value[v].bits;
        if (sum > live) live = sum;
    }
    return weights + live;
}

/* Pins v if what is pinned takes at most `most` bits then, at all boundaries. */
static bool pin(td__sched_plan *p, td__value *v, int64_t most) {
    for (int b = v->maker + 1; b <= v->last; b++)
        if (p->pinned[b] + v->bits > most) return false;
    for (int b = v->maker + 1; b <= v->last; b++) p->pinned[b] += v->bits;
    return v->pinned = true;
}

/* Values that cross a boundary and whose place is open. *small: the smallest that crosses others,
 * too, of equals the one that lasts; *large: that with the most room x time. */
static int open_values(td__sched_plan *p, int boundary, td__value **small, td__value **large) {
    int n = 0;
    *small = *large = NULL;
    for (int i = 0; i < p->n_value; i++) {
        td__value *v = &p->value[i];
        if (!v->stay || v->pinned || v->maker >= boundary || v->last < boundary) continue;
        const int time = v->last - v->maker;
        n++;
        if (*large == NULL ||
            (double)v->bits * time > (double)(*large)->bits * ((*large)->last - (*large)->maker))
            *large = v;
        if (time < 2) continue;
        if (*small == NULL || v->bits < (*small)->bits ||
            (v->bits == (*small)->bits && time > (*small)->last - (*small)->maker))
            *small = v;
    }
    return n;
}

void td__sched_plan_limit(td__sched_plan *p, int64_t pool_bits, unsigned may) {
    const unsigned both = TD_BIT(TD_I) | TD_BIT(TD_O);
    for (int i = 0; i < p->n_value; i++) { /* nobody reads the output: last is -1 */
        td__value *v = &p->value[i];
        v->stay = v->maker >= 0 && v->last > v->maker && !v->streamed && v->bits <= pool_bits &&
                  (may & both) == both;
        v->pinned = false;
    }
    memset(p->pinned, 0, sizeof *p->pinned * (size_t)(p->n + 1));
    p->beam = false;
    /* Where there is room for everything, all may be pinned; else small ones (heuristic). */
    const bool roomy = td__sched_plan_demand(p, may) <= pool_bits / 2;
    const int64_t most = p->loose ? -1 : roomy ? pool_bits / 2 : pool_bits / 8;
    for (int boundary = 1; boundary < p->n; boundary++) {
        td__value *small, *large;
        while (open_values(p, boundary, &small, &large) > TD__MAX_LIVE) {
            p->beam = true;
            if (small == NULL || !pin(p, small, most)) large->stay = false;
        }
    }
}

double td__operand_bits(const td__sched_plan *p, int s, int k) {
    const td__step *step = &p->step[s];
    double share = step->shape < 0 ? td_layer_input_share(p->net, step->layer, k) : 1;
    return (double)p->value[step->in[k]].bits * share;
}

void td__vector_step(const td__sched_plan *p, int s, const bool *on_chip, td__vector_work *out) {
    const td__step *step = &p->step[s];
    const td_layer *l = td_net_layer(p->net, step->layer);
    *out = (td__vector_work){.ops = step->ops, .word_bits = l->bits[TD_O]};
    for (int k = step->shape >= 0 ? 1 : 0; k < step->n_in; k++) {
        double bits = td__operand_bits(p, s, k);
        if (on_chip[step->in[k]])
            out->chip_read += bits;
        else
            out->dram_read += bits;
    }
    if (step->shape >= 0) return;
    double bits = (double)p->value[step->value].bits;
    if (on_chip[step->value])
        out->chip_write += bits;
    else
        out->dram_write += bits;
}
