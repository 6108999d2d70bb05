/* Lifetimes of buffers, images per chunk, offsets. */
#include <stdlib.h>

#include "plan.h"

static void touch(td__plan *p, int buffer, int command, int phase) {
    if (buffer < 0) return;
    td__buffer *b = &p->buffer[buffer];
    if (b->first < 0) {
        b->first = command;
        b->first_phase = phase;
    }
    b->last = command;
    b->last_phase = phase;
}

static void find_lifetimes(td__plan *p) {
    for (int ph = 0; ph < p->n_phases; ph++)
        for (int i = p->phase[ph].first; i < p->phase[ph].first + p->phase[ph].n; i++) {
            const td__command *c = &p->command[i];
            for (int k = 0; k < TD_MAX_INPUTS; k++) {
                touch(p, c->in[k], i, ph);
                touch(p, c->d_in[k], i, ph);
            }
            touch(p, c->out, i, ph);
            touch(p, c->d_out, i, ph);
        }
    for (int i = 0; i < p->n_buffers; i++) {
        td__buffer *b = &p->buffer[i];
        b->full = b->first >= 0 && b->first_phase != b->last_phase;
    }
    /* The images are there before the first phase, the scores after the last. */
    int ends[] = {p->input, p->output};
    for (int i = 0; i < 2; i++) {
        td__buffer *b = &p->buffer[ends[i]];
        b->full = true;
        b->first_phase = i == 0 ? 0 : b->first_phase;
        b->last_phase = i == 1 ? p->n_phases - 1 : b->last_phase;
    }
}

static int64_t add_distinct(const td__plan *p, int buffer, int *seen, int *n) {
    for (int i = 0; i < *n; i++)
        if (seen[i] == buffer) return 0;
    if (buffer < 0) return 0;
    seen[(*n)++] = buffer;
    return p->buffer[buffer].image_bytes;
}

/* Bytes per image that a command touches. */
static int64_t command_bytes(const td__plan *p, const td__command *c) {
    int seen[2 * TD_MAX_INPUTS + 2], n = 0;
    int64_t bytes = 0;
    for (int k = 0; k < TD_MAX_INPUTS; k++) {
        bytes += add_distinct(p, c->in[k], seen, &n);
        bytes += add_distinct(p, c->d_in[k], seen, &n);
    }
    bytes += add_distinct(p, c->out, seen, &n);
    return bytes + add_distinct(p, c->d_out, seen, &n);
}

/* The largest divisor of the batch that does not exceed `want`; if the batch has none near it, the
 * next larger one, because many tiny chunks cost more than a cache that overflows. */
static int chunk_images(int batch, int64_t want) {
    int below = 1, above = batch;
    for (int d = 1; d <= batch; d++) {
        if (batch % d != 0) continue;
        if (d <= want && d > below) below = d;
        if (d >= want && d < above) above = d;
    }
    return (int64_t)below * 4 < want && above > below ? above : below;
}

static void choose_chunks(td__plan *p, int64_t cache_bytes) {
    for (int s = 0; s < p->n_stages; s++) {
        int64_t most = 1;
        for (int ph = 0; ph < p->n_phases; ph++) {
            if (p->phase[ph].stage != s) continue;
            for (int i = 0; i < p->phase[ph].n; i++) {
                int64_t b = command_bytes(p, &p->command[p->phase[ph].first + i]);
                if (b > most) most = b;
            }
        }
        int64_t want = cache_bytes / most;
        int images = chunk_images(p->batch, want < 1 ? 1 : want);
        for (int ph = 0; ph < p->n_phases; ph++)
            if (p->phase[ph].stage == s) p->phase[ph].images = images;
    }
}

typedef struct {
    int buffer, from, to; /* lifetime, both ends included */
    size_t bytes, offset;
} block;

static int larger_first(const void *a, const void *b) {
    const block *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return (x->buffer > y->buffer) - (x->buffer < y->buffer);
}

/* Largest first, each at the lowest offset that is free during its life. Returns the arena's size.
 */
static size_t place(block *b, int n) {
    qsort(b, (size_t)n, sizeof *b, larger_first);
    size_t top = 0;
    for (int i = 0; i < n; i++) {
        size_t at = 0;
        for (bool moved = true; moved;) {
            moved = false;
            for (int j = 0; j < i; j++) {
                bool together = b[j].from <= b[i].to && b[i].from <= b[j].to;
                if (together && at < b[j].offset + b[j].bytes && b[j].offset < at + b[i].bytes) {
                    at = b[j].offset + b[j].bytes;
                    moved = true;
                }
            }
        }
        b[i].offset = at;
        if (at + b[i].bytes > top) top = at + b[i].bytes;
    }
    return top;
}

td_status td__plan_memory(td__plan *p, int64_t cache_bytes, td_error *err) {
    find_lifetimes(p);
    choose_chunks(p, cache_bytes);
    block *b = calloc((size_t)p->n_buffers, sizeof *b);
    if (b == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int full = 0; full < 2; full++) {
        int n = 0;
        for (int i = 0; i < p->n_buffers; i++) {
            const td__buffer *u = &p->buffer[i];
            if ((u->first < 0 && !u->full) || u->full != (bool)full) continue;
            int images = full ? p->batch : p->phase[u->first_phase].images;
            /* 64 bytes between buffers: their starts do not all fall on the same cache sets. */
            size_t bytes = ((size_t)(u->image_bytes * images) + 127) / 64 * 64;
            b[n++] = (block){.buffer = i,
                             .from = full ? u->first_phase : u->first,
                             .to = full ? u->last_phase : u->last,
                             .bytes = bytes};
        }
        size_t top = place(b, n);
        for (int i = 0; i < n; i++) p->buffer[b[i].buffer].offset = b[i].offset;
        if (full)
            p->full_bytes = top;
        else
            p->chunk_bytes = top;
    }
    free(b);
    return TD_OK;
}
