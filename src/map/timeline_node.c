/* A timeline as documents: with all its figures, and in Chrome's trace event format ("Trace Event
 * Format", Google, 2016), which Perfetto and chrome://tracing show. */
#include <stdio.h>
#include <stdlib.h>

#include "tandem/map.h"

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Moments at which what is moved or held changes, ascending, each once. NULL: memory. */
static double *moments(const td_timeline *t, bool transfers, td_arena *a, int *n) {
    int most = 2 * (transfers ? t->n_transfers : t->n_holdings) + 1, kept = 0;
    double *at = TD_NEW(a, double, most);
    if (at == NULL) return NULL;
    *n = 0;
    at[(*n)++] = 0;
    for (int i = 0; transfers && i < t->n_transfers; i++) {
        at[(*n)++] = t->transfer[i].start;
        at[(*n)++] = t->transfer[i].end;
    }
    for (int i = 0; !transfers && i < t->n_holdings; i++) {
        at[(*n)++] = t->holding[i].start;
        at[(*n)++] = t->holding[i].end;
    }
    qsort(at, (size_t)*n, sizeof *at, compare);
    for (int i = 0; i < *n; i++)
        if (i == 0 || at[i] != at[kept - 1]) at[kept++] = at[i];
    *n = kept;
    return at;
}

static const char *layer_name(const td_net *net, int layer) {
    return td_net_layer(net, layer)->name;
}

/* ---- our own ----------------------------------------------------------------------------------
 */

static void put_rate(td_arena *a, td_node *to, const char *key, double bits) {
    td_node_put(a, to, key, isfinite(bits) ? td_node_real(a, bits / 8) : td_node_null(a));
}

static void put_times(td_arena *a, td_node *n, double start, double end) {
    td_node_put_real(a, n, "start", start);
    td_node_put_real(a, n, "end", end);
}

static td_node *slot_node(const td_net *net, const td_slot *s, td_arena *a) {
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "layer", layer_name(net, s->layer));
    td_node_put_string(a, n, "op", td_op_name(td_net_layer(net, s->layer)->op));
    put_times(a, n, s->start, s->end);
    td_node_put_real(a, n, "compute", s->compute);
    td_node_put_string(a, n, "limit", s->limit);
    if (s->mapped) td_node_put_int(a, n, "bands", s->bands);
    return n;
}

static td_node *transfer_node(const td_net *net, const td_transfer *x, td_arena *a) {
    const char letter[2] = {td_tensor_letter[x->tensor], 0};
    td_node *n = td_node_map(a);
    td_node_put_int(a, n, "interval", x->interval);
    td_node_put_int(a, n, "user", x->user);
    td_node_put_bool(a, n, "ahead", x->ahead);
    td_node_put_string(a, n, "tensor", letter);
    td_node_put_string(a, n, "layer", layer_name(net, x->layer));
    td_node_put_string(a, n, "direction", x->write ? "out" : "in");
    td_node_put_real(a, n, "bytes", x->bytes);
    put_times(a, n, x->start, x->end);
    return n;
}

td_node *td_timeline_to_node(const td_net *net, const td_hw *hw, const td_timeline *t,
                             td_arena *a) {
    const td_level *top = &hw->level[hw->n - 1];
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "format", "tandem-timeline-1");
    td_node_put_string(a, n, "network", td_net_name(net));
    td_node_put_string(a, n, "accelerator", hw->name);
    td_node_put_bool(a, n, "cold", t->cold);
    td_node_put_int(a, n, "batch", t->batch);
    td_node_put_real(a, n, "clock_hz", t->clock_hz);
    td_node_put_real(a, n, "cycles", t->cycles);
    td_node_put_real(a, n, "latency_s", t->cycles / t->clock_hz);
    td_node *rate = td_node_put(a, n, "bytes_per_cycle", td_node_map(a));
    put_rate(a, rate, "in", top->read_bw);
    put_rate(a, rate, "out", top->write_bw);
    put_rate(a, rate, "both", top->shared_bw);
    td_node_put(a, n, "chip_bytes",
                t->pool_bytes < 0 ? td_node_null(a) : td_node_int(a, t->pool_bytes));
    td_node *list = td_node_put(a, n, "intervals", td_node_list(a));
    for (int i = 0; i < t->n_slots; i++) td_node_push(a, list, slot_node(net, &t->slot[i], a));
    list = td_node_put(a, n, "transfers", td_node_list(a));
    for (int i = 0; i < t->n_transfers; i++)
        td_node_push(a, list, transfer_node(net, &t->transfer[i], a));
    list = td_node_put(a, n, "on_chip", td_node_list(a));
    for (int i = 0; i < t->n_holdings; i++) {
        const td_holding *h = &t->holding[i];
        td_node *x = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, x, "kind", td_hold_name(h->kind));
        td_node_put_string(a, x, "layer", layer_name(net, h->layer));
        td_node_put_int(a, x, "bytes", h->bytes);
        put_times(a, x, h->start, h->end);
    }
    list = td_node_put(a, n, "occupancy", td_node_list(a));
    int count = 0;
    const double *at = moments(t, false, a, &count);
    for (int i = 0; at != NULL && i < count; i++) {
        int64_t bytes[TD_NHOLD], sum = td_timeline_occupancy(t, at[i], bytes);
        td_node *x = td_node_push(a, list, td_node_map(a));
        td_node_put_real(a, x, "from", at[i]);
        for (int k = 0; k < TD_NHOLD; k++)
            td_node_put_int(a, x, td_hold_name((td_hold)k), bytes[k]);
        td_node_put_int(a, x, "sum", sum);
    }
    return at != NULL ? n : NULL;
}

/* ---- trace events -----------------------------------------------------------------------------
 */

/* Rows of the viewer: processes group threads, and a thread's events nest or do not overlap. */
enum { P_CHIP = 1, P_DRAM, P_VALUES, P_WEIGHTS };
enum { T_INTERVALS = 1, T_ARRAY, T_VECTOR };
enum { T_W = 1, T_AHEAD, T_OUT, T_BACK, T_IN }; /* T_IN + k: operand k */

typedef struct {
    td_arena *a;
    td_node *list;
    double us;             /* of a cycle */
    const char *outermost; /* name of the level */
} trace;

/* Events other than names are made in any order and sorted by time. */
typedef struct {
    double ts;
    int order;
    td_node *node;
} event;

static td_node *new_event(const trace *t, const char *phase, const char *name, int pid, int tid) {
    td_node *n = td_node_push(t->a, t->list, td_node_map(t->a));
    td_node_put_string(t->a, n, "name", name);
    td_node_put_string(t->a, n, "ph", phase);
    td_node_put_int(t->a, n, "pid", pid);
    td_node_put_int(t->a, n, "tid", tid);
    return n;
}

static void name_row(const trace *t, int pid, int tid, const char *name) {
    td_node *n = new_event(t, "M", tid == 0 ? "process_name" : "thread_name", pid, tid);
    td_node_put_string(t->a, td_node_put(t->a, n, "args", td_node_map(t->a)), "name", name);
    if (tid != 0) return;
    n = new_event(t, "M", "process_sort_index", pid, 0);
    td_node_put_int(t->a, td_node_put(t->a, n, "args", td_node_map(t->a)), "sort_index", pid);
}

/* Returns the map of its arguments. */
static td_node *span(const trace *t, const char *name, int pid, int tid, double start, double end) {
    td_node *n = new_event(t, "X", name, pid, tid);
    td_node_put_real(t->a, n, "ts", start * t->us);
    td_node_put_real(t->a, n, "dur", end * t->us - start * t->us);
    return td_node_put(t->a, n, "args", td_node_map(t->a));
}

static td_node *counter(const trace *t, const char *name, int pid, double at) {
    td_node *n = new_event(t, "C", name, pid, 0);
    td_node_put_real(t->a, n, "ts", at * t->us);
    return td_node_put(t->a, n, "args", td_node_map(t->a));
}

static void trace_slots(const trace *t, const td_net *net, const td_timeline *of) {
    name_row(t, P_CHIP, 0, "accelerator");
    name_row(t, P_CHIP, T_INTERVALS, "intervals");
    name_row(t, P_CHIP, T_ARRAY, "MAC array computes");
    name_row(t, P_CHIP, T_VECTOR, "vector unit computes");
    for (int i = 0; i < of->n_slots; i++) {
        const td_slot *s = &of->slot[i];
        const char *name = layer_name(net, s->layer);
        td_node *args = span(t, name, P_CHIP, T_INTERVALS, s->start, s->end);
        td_node_put_string(t->a, args, "op", td_op_name(td_net_layer(net, s->layer)->op));
        td_node_put_string(t->a, args, "limit", s->limit);
        if (s->bands > 1) td_node_put_int(t->a, args, "bands", s->bands);
        td_node_put_real(t->a, args, "cycles", s->end - s->start);
        td_node_put_real(t->a, args, "compute_cycles", s->compute);
        span(t, name, P_CHIP, s->mapped ? T_ARRAY : T_VECTOR, s->start, s->start + s->compute);
    }
}

static void trace_transfers(const trace *t, const td_net *net, const td_timeline *of) {
    name_row(t, P_DRAM, 0, t->outermost);
    name_row(t, P_DRAM, T_W, "weights in");
    name_row(t, P_DRAM, T_AHEAD, "weights in, ahead");
    name_row(t, P_DRAM, T_OUT, "outputs out");
    name_row(t, P_DRAM, T_BACK, "partial sums in");
    int operand = 0, most = 0;
    for (int i = 0; i < of->n_transfers; i++) {
        const td_transfer *x = &of->transfer[i];
        operand = i > 0 && of->transfer[i - 1].interval == x->interval ? operand : 0;
        int row = x->ahead            ? T_AHEAD
                  : x->tensor == TD_W ? T_W
                  : x->tensor == TD_I ? T_IN + operand++
                  : x->write          ? T_OUT
                                      : T_BACK;
        if (operand > most) most = operand;
        td_node *args = span(t, layer_name(net, x->layer), P_DRAM, row, x->start, x->end);
        td_node_put_real(t->a, args, "bytes", x->bytes);
        td_node_put_string(t->a, args, "for", layer_name(net, of->slot[x->user].layer));
    }
    for (int k = 0; k < most; k++)
        name_row(t, P_DRAM, T_IN + k, k == 0 ? "inputs in" : "further operands in");
}

/* GB/s: 1e9 bytes. */
static bool trace_bandwidth(const trace *t, const td_timeline *of) {
    int n = 0;
    const double *at = moments(of, true, t->a, &n);
    for (int i = 0; at != NULL && i < n; i++) {
        double rate[2] = {0, 0};
        for (int k = 0; k < of->n_transfers; k++) {
            const td_transfer *x = &of->transfer[k];
            if (x->start <= at[i] && at[i] < x->end)
                rate[x->write] += x->bytes / (x->end - x->start) * of->clock_hz * 1e-9;
        }
        td_node *args = counter(t, "GB/s", P_DRAM, at[i]);
        td_node_put_real(t->a, args, "in", rate[0]);
        td_node_put_real(t->a, args, "out", rate[1]);
    }
    return at != NULL;
}

/* Each in the first row that is free. */
static bool trace_holdings(const trace *t, const td_net *net, const td_timeline *of) {
    double *until[2] = {TD_NEW(t->a, double, of->n_holdings + 1),
                        TD_NEW(t->a, double, of->n_holdings + 1)};
    int rows[2] = {0, 0}, count = 0;
    if (until[0] == NULL || until[1] == NULL) return false;
    name_row(t, P_VALUES, 0, "values on chip");
    name_row(t, P_WEIGHTS, 0, "weights on chip");
    for (int i = 0; i < of->n_holdings; i++) {
        const td_holding *h = &of->holding[i];
        if (h->kind == TD_HOLD_TILES) continue; /* in the counter */
        int which = h->kind == TD_HOLD_VALUE || h->kind == TD_HOLD_BANDS ? 0 : 1;
        int pid = which == 0 ? P_VALUES : P_WEIGHTS, row = 0;
        while (row < rows[which] && until[which][row] > h->start) row++;
        if (row == rows[which]) {
            char name[32];
            snprintf(name, sizeof name, "place %d", ++rows[which]);
            name_row(t, pid, row + 1, name);
        }
        until[which][row] = h->end;
        td_node *args = span(t, layer_name(net, h->layer), pid, row + 1, h->start, h->end);
        td_node_put_string(t->a, args, "kind", td_hold_name(h->kind));
        td_node_put_int(t->a, args, "bytes", h->bytes);
    }
    const double *at = moments(of, false, t->a, &count);
    for (int i = 0; at != NULL && i < count; i++) {
        int64_t bytes[TD_NHOLD];
        td_timeline_occupancy(of, at[i], bytes);
        td_node *args = counter(t, "bytes on chip", P_VALUES, at[i]);
        for (int k = 0; k < TD_NHOLD; k++)
            td_node_put_int(t->a, args, td_hold_name((td_hold)k), bytes[k]);
    }
    return at != NULL;
}

static int by_time(const void *a, const void *b) {
    const event *x = a, *y = b;
    if (x->ts != y->ts) return x->ts < y->ts ? -1 : 1;
    return x->order - y->order;
}

/* Names first, the others by time. */
static td_node *sorted(const trace *t) {
    int n = t->list->count;
    event *e = TD_NEW(t->a, event, n + 1);
    td_node *list = td_node_list(t->a);
    if (e == NULL || list == NULL) return NULL;
    for (int i = 0; i < n; i++) {
        const td_node *ts = td_node_find(t->list->item[i], "ts");
        e[i] = (event){ts != NULL ? ts->real : -1, i, t->list->item[i]};
    }
    qsort(e, (size_t)n, sizeof *e, by_time);
    for (int i = 0; i < n; i++)
        if (td_node_push(t->a, list, e[i].node) == NULL) return NULL;
    return list;
}

td_node *td_timeline_to_trace(const td_net *net, const td_hw *hw, const td_timeline *t,
                              td_arena *a) {
    trace x = {.a = a,
               .list = td_node_list(a),
               .us = 1e6 / t->clock_hz,
               .outermost = hw->level[hw->n - 1].name};
    td_node *root = td_node_map(a);
    if (x.list == NULL || root == NULL) return NULL;
    trace_slots(&x, net, t);
    trace_transfers(&x, net, t);
    if (!trace_bandwidth(&x, t) || !trace_holdings(&x, net, t)) return NULL;
    td_node *events = sorted(&x);
    if (events == NULL) return NULL;
    td_node_put_string(a, root, "displayTimeUnit", "ns");
    td_node *other = td_node_put(a, root, "otherData", td_node_map(a));
    td_node_put_string(a, other, "network", td_net_name(net));
    td_node_put_string(a, other, "accelerator", hw->name);
    td_node_put(a, root, "traceEvents", events);
    return root;
}
