/* The commands of a step, forward and backward. */
#include <string.h>

#include "kernels.h"
#include "plan.h"

/* While commands are written: the first error sticks, as in the network builders. */
typedef struct {
    td__plan *p;
    int *again;       /* per value: its buffer made again in the current backward phase, -1 */
    int *holders;     /* per buffer: values whose gradient it is */
    td__command sink; /* written to once there is no room */
    bool failed;
} writer;

static int new_buffer(writer *w, int value) {
    td__plan *p = w->p;
    if (p->n_buffers == p->buffer_capacity) {
        w->failed = true;
        return 0;
    }
    p->buffer[p->n_buffers] = (td__buffer){.image_bytes = td__shape_words(p->value[value].shape) *
                                                          (int64_t)td__number_bytes(p->number),
                                           .first = -1};
    return p->n_buffers++;
}

static td__command *add_command(writer *w, td__verb verb, int op) {
    td__plan *p = w->p;
    if (p->n_commands == p->command_capacity) {
        w->failed = true;
        return &w->sink;
    }
    td__command *c = &p->command[p->n_commands++];
    *c = (td__command){.verb = verb, .op = op, .out = -1, .d_out = -1};
    for (int i = 0; i < TD_MAX_INPUTS; i++) c->in[i] = c->d_in[i] = -1;
    p->phase[p->n_phases - 1].n++;
    return c;
}

static td__phase *add_phase(writer *w, int stage, bool forward, bool backward) {
    td__phase *ph = &w->p->phase[w->p->n_phases++];
    *ph = (td__phase){
        .stage = stage, .forward = forward, .backward = backward, .first = w->p->n_commands};
    return ph;
}

/* ---- forward --------------------------------------------------------------------------------- */

static void write_forward(writer *w, int stage) {
    td__plan *p = w->p;
    for (int i = 0; i < p->n_ops; i++) {
        const td__op *o = &p->op[i];
        if (o->stage != stage) continue;
        p->value[o->out].buffer = new_buffer(w, o->out);
        td__command *c = add_command(w, TD__FORWARD, i);
        for (int k = 0; k < o->n_in; k++) c->in[k] = p->value[o->in[k]].buffer;
        c->out = p->value[o->out].buffer;
        for (int j = i + 1; j < p->n_ops && p->training; j++)
            if (p->op[j].bn && p->op[j].in[0] == o->out)
                add_command(w, TD__STATS, j)->in[0] = p->value[o->out].buffer;
    }
}

/* Batch norms that read the images themselves. */
static void write_input_stats(writer *w) {
    td__plan *p = w->p;
    for (int j = 0; j < p->n_ops && p->training; j++)
        if (p->op[j].bn && p->op[j].in[0] == 0)
            add_command(w, TD__STATS, j)->in[0] = p->value[0].buffer;
}

/* ---- backward -------------------------------------------------------------------------------- */

/* Cheap to make again, and of no use outside its stage. */
static bool remade(const td__plan *p, int v) {
    const td__value *value = &p->value[v];
    if (value->producer < 0 || value->crosses) return false;
    td_op op = p->op[value->producer].layer->op;
    return op != TD_OP_CONV && op != TD_OP_FC;
}

/* Buffer that holds value v in the current backward phase. */
static int require(writer *w, int v, bool merged) {
    td__plan *p = w->p;
    if (merged || !remade(p, v)) return p->value[v].buffer;
    if (w->again[v] >= 0) return w->again[v];
    const td__op *o = &p->op[p->value[v].producer];
    int in[TD_MAX_INPUTS];
    for (int k = 0; k < o->n_in; k++) in[k] = require(w, o->in[k], merged);
    w->again[v] = new_buffer(w, v);
    td__command *c = add_command(w, TD__FORWARD, p->value[v].producer);
    memcpy(c->in, in, sizeof(int) * (size_t)o->n_in);
    c->out = w->again[v];
    return w->again[v];
}

static void release(writer *w, int v) {
    w->holders[w->p->value[v].gradient]--;
    w->p->value[v].gradient = -1;
}

static void write_sum(writer *w, int a, int b, int out) {
    td__command *c = add_command(w, TD__SUM, -1);
    c->in[0] = a;
    c->in[1] = b;
    c->out = out;
}

/* A gradient of value v that nobody else holds: is it, or is added to, its gradient. */
static void contribute(writer *w, int v, int buffer) {
    td__value *value = &w->p->value[v];
    if (value->gradient >= 0) {
        write_sum(w, buffer, value->gradient, buffer);
        release(w, v);
    }
    value->gradient = buffer;
    w->holders[buffer]++;
}

/* The same with a buffer that others read later: it is never written. */
static void share(writer *w, int v, int buffer) {
    td__value *value = &w->p->value[v];
    if (value->gradient < 0) {
        value->gradient = buffer;
        w->holders[buffer]++;
        return;
    }
    int sum = new_buffer(w, v);
    write_sum(w, value->gradient, buffer, sum);
    release(w, v);
    value->gradient = sum;
    w->holders[sum]++;
}

/* What an operation's backward pass reads of its inputs. */
static bool reads_inputs(td_op op) {
    return op != TD_OP_AVG_POOL && op != TD_OP_GLOBAL_POOL && op != TD_OP_CONCAT;
}

static void write_backward_op(writer *w, int i, bool merged) {
    td__plan *p = w->p;
    const td__op *o = &p->op[i];
    int d_out = p->value[o->out].gradient;
    if (d_out < 0 || !p->value[o->out].wants_gradient) return;
    if (o->bn) { /* the other half follows in the phase of its input's stage */
        td__command *c = add_command(w, TD__REDUCE, i);
        c->in[0] = p->value[o->in[0]].buffer;
        c->d_out = d_out;
        return;
    }
    if (o->layer->op == TD_OP_ADD) {
        for (int k = 0; k < o->n_in; k++)
            if (o->want_d_in[k]) share(w, o->in[k], d_out);
        release(w, o->out);
        return;
    }
    int in[TD_MAX_INPUTS], d_in[TD_MAX_INPUTS];
    for (int k = 0; k < o->n_in; k++) {
        in[k] = reads_inputs(o->layer->op) ? require(w, o->in[k], merged) : -1;
        d_in[k] = o->want_d_in[k] ? new_buffer(w, o->in[k]) : -1;
    }
    td__command *c = add_command(w, TD__BACKWARD, i);
    c->d_out = d_out;
    memcpy(c->in, in, sizeof(int) * (size_t)o->n_in);
    memcpy(c->d_in, d_in, sizeof(int) * (size_t)o->n_in);
    release(w, o->out);
    for (int k = 0; k < o->n_in; k++)
        if (d_in[k] >= 0) contribute(w, o->in[k], d_in[k]);
}

static void write_backward(writer *w, int stage, bool merged) {
    td__plan *p = w->p;
    for (int v = 0; v < p->n_values; v++) w->again[v] = -1;
    for (int i = p->n_ops - 1; i >= 0; i--) {
        const td__op *o = &p->op[i];
        if (!o->bn || p->value[o->in[0]].stage != stage || p->value[o->out].gradient < 0) continue;
        if (o->want_d_in[0]) {
            int d_in = new_buffer(w, o->in[0]);
            td__command *c = add_command(w, TD__INPUT, i);
            c->in[0] = p->value[o->in[0]].buffer;
            c->d_out = p->value[o->out].gradient;
            c->d_in[0] = d_in;
            release(w, o->out);
            contribute(w, o->in[0], d_in);
        } else {
            release(w, o->out);
        }
    }
    for (int i = p->n_ops - 1; i >= 0; i--)
        if (p->op[i].stage == stage) write_backward_op(w, i, merged);
}

/* ---- all ------------------------------------------------------------------------------------- */

td_status td__plan_commands(td__plan *p, td_error *err) {
    /* Each operation is run forward at most twice and backward once, with a sum per input. */
    int per_op = 6 + 2 * TD_MAX_INPUTS;
    p->command_capacity = per_op * (p->n_ops + 1);
    p->buffer_capacity = per_op * (p->n_ops + 1);
    p->phase = TD_NEW(p->arena, td__phase, 2 * p->n_stages);
    p->command = TD_NEW(p->arena, td__command, p->command_capacity);
    p->buffer = TD_NEW(p->arena, td__buffer, p->buffer_capacity);
    writer w = {.p = p};
    w.again = TD_NEW(p->arena, int, p->n_values);
    w.holders = TD_NEW(p->arena, int, p->buffer_capacity);
    if (p->phase == NULL || p->command == NULL || p->buffer == NULL || w.again == NULL ||
        w.holders == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");

    int output = td_net_output(p->net), last = p->n_stages - 1;
    p->value[0].buffer = p->input = new_buffer(&w, 0);
    for (int s = 0; s <= last; s++) {
        add_phase(&w, s, true, p->training && s == last);
        if (s == 0) write_input_stats(&w);
        write_forward(&w, s);
    }
    p->output = p->value[output].buffer;
    if (p->training) {
        int d = new_buffer(&w, output);
        td__command *c = add_command(&w, TD__LOSS, -1);
        c->in[0] = p->output;
        c->out = d;
        contribute(&w, output, d);
        write_backward(&w, last, true);
        for (int s = last - 1; s >= 0; s--) {
            add_phase(&w, s, false, true);
            write_backward(&w, s, false);
        }
    }
    if (w.failed) return td_fail(err, TD_E_INTERNAL, "plan of %s is too long", td_net_name(p->net));
    return TD_OK;
}
