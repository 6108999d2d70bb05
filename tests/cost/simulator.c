#include "simulator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Does t's word change when the dim does? */
static bool relevant(int t, int d) {
    switch (t) {
    case TD_W: return d == TD_G || d == TD_K || d == TD_C || d == TD_R || d == TD_S;
    case TD_O: return d == TD_N || d == TD_G || d == TD_K || d == TD_P || d == TD_Q;
    default: return d != TD_K;
    }
}

static bool summed(int d) {
    return d == TD_C || d == TD_R || d == TD_S;
}

/* The nest from outside to inside, with the index at which every loop stands. */
typedef struct {
    int n;
    struct {
        int dim, axis, bound, tail, level, at;
    } loop[TD_MAX_LOOPS];
} nest;

static void build(const td_hw *hw, const td_mapping *m, nest *z) {
    z->n = 0;
    for (int l = hw->n - 1; l >= 0; l--)
        for (int i = m->first[l]; i < m->first[l + 1]; i++) {
            z->loop[z->n].dim = m->loop[i].dim;
            z->loop[z->n].axis = m->loop[i].axis;
            z->loop[z->n].bound = m->loop[i].bound;
            z->loop[z->n].tail = m->loop[i].tail;
            z->loop[z->n].level = l;
            z->loop[z->n++].at = 0;
        }
}

/* Which loops a counter runs over. */
typedef enum { TIME, PARENTS, GROUPS, MEMBERS } role;

typedef struct {
    const td_problem *p;
    const td_hw *hw;
    nest z;
    int t, child, parent;
} walk;

static bool plays(const walk *w, int i, role r) {
    int level = w->z.loop[i].level;
    if (level <= w->child) return false;
    if (w->z.loop[i].axis == TD_AXIS_T) return r == TIME;
    if (level > w->parent) return r == PARENTS;
    const td_level *v = &w->hw->level[level];
    bool shared = (w->t == TD_O ? v->reduce : v->multicast) >> w->t & 1;
    return r == (shared ? MEMBERS : GROUPS);
}

static int size_of(const walk *w, role r) {
    int n = 1;
    for (int i = 0; i < w->z.n; i++)
        if (plays(w, i, r)) n *= w->z.loop[i].bound;
    return n;
}

/* Sets the indices of the loops of a role to the number `at`, innermost loop fastest. */
static void place(walk *w, role r, int at) {
    for (int i = w->z.n - 1; i >= 0; i--)
        if (plays(w, i, r)) {
            w->z.loop[i].at = at % w->z.loop[i].bound;
            at /= w->z.loop[i].bound;
        }
}

/* A loop runs `tail` iterations if all loops of its dim outside of it are in their last ones. False
 * if a loop above `child` stands beyond that: nothing is done there then. */
static bool works(const nest *z, int child) {
    bool last[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) last[d] = true;
    for (int i = 0; i < z->n; i++) {
        if (z->loop[i].level <= child) continue;
        bool *in_last = &last[z->loop[i].dim];
        if (*in_last && z->loop[i].at >= z->loop[i].tail) return false;
        *in_last = *in_last && z->loop[i].at == z->loop[i].tail - 1;
    }
    return true;
}

typedef struct {
    int lo[5], hi[5]; /* inclusive; ranks of the tensor, see sizes() */
} box;

/* Corner of the child's iterations: coordinates by Horner's scheme over the loops of each dim. Its
 * own loops stand at 0, or in the last iteration of their pass, which is shorter if the loops
 * outside are in their last ones. */
static void corner(const walk *w, bool high, int x[TD_NDIM]) {
    bool last[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) {
        x[d] = 0;
        last[d] = true;
    }
    for (int i = 0; i < w->z.n; i++) {
        int d = w->z.loop[i].dim, end = last[d] ? w->z.loop[i].tail : w->z.loop[i].bound;
        int at = w->z.loop[i].level > w->child ? w->z.loop[i].at : (high ? end - 1 : 0);
        if (at != end - 1) last[d] = false;
        x[d] = x[d] * w->z.loop[i].bound + at;
    }
}

static void to_ranks(const walk *w, const int x[TD_NDIM], int r[5]) {
    const td_problem *p = w->p;
    switch (w->t) {
    case TD_W:
        r[0] = x[TD_G], r[1] = x[TD_K], r[2] = x[TD_C], r[3] = x[TD_R], r[4] = x[TD_S];
        break;
    case TD_O:
        r[0] = x[TD_N], r[1] = x[TD_G], r[2] = x[TD_K], r[3] = x[TD_P], r[4] = x[TD_Q];
        break;
    default:
        r[0] = x[TD_N], r[1] = x[TD_G], r[2] = x[TD_C];
        r[3] = x[TD_P] * p->stride[0] + x[TD_R] * p->dilation[0];
        r[4] = x[TD_Q] * p->stride[1] + x[TD_S] * p->dilation[1];
    }
}

static box where(const walk *w) {
    int x[TD_NDIM];
    box b;
    corner(w, false, x);
    to_ranks(w, x, b.lo);
    corner(w, true, x);
    to_ranks(w, x, b.hi);
    return b;
}

static bool inside(const box *b, const int x[5]) {
    for (int r = 0; r < 5; r++)
        if (x[r] < b->lo[r] || x[r] > b->hi[r]) return false;
    return true;
}

/* Extents of the whole tensor (padded plane), and the part of it that is not made zeros. */
static void sizes(const walk *w, int extent[5], box *image) {
    int x[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) x[d] = w->p->dim[d] - 1;
    to_ranks(w, x, extent);
    for (int r = 0; r < 5; r++) {
        image->lo[r] = 0;
        image->hi[r] = extent[r]++;
    }
    if (w->t == TD_I) {
        image->lo[3] += w->p->pad[0];
        image->lo[4] += w->p->pad[1];
        image->hi[3] -= w->p->pad[2];
        image->hi[4] -= w->p->pad[3];
    }
}

static int number_of(const int x[5], const int extent[5]) {
    int n = 0;
    for (int r = 0; r < 5; r++) n = n * extent[r] + x[r];
    return n;
}

#define EACH_WORD(b, x)                                                                            \
    for (x[0] = (b).lo[0]; x[0] <= (b).hi[0]; x[0]++)                                              \
        for (x[1] = (b).lo[1]; x[1] <= (b).hi[1]; x[1]++)                                          \
            for (x[2] = (b).lo[2]; x[2] <= (b).hi[2]; x[2]++)                                      \
                for (x[3] = (b).lo[3]; x[3] <= (b).hi[3]; x[3]++)                                  \
                    for (x[4] = (b).lo[4]; x[4] <= (b).hi[4]; x[4]++)

static bool same_box(const box *a, const box *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* Words of a box inside the image. */
static void clip(box *b, const box *image) {
    for (int r = 0; r < 5; r++) {
        if (b->lo[r] < image->lo[r]) b->lo[r] = image->lo[r];
        if (b->hi[r] > image->hi[r]) b->hi[r] = image->hi[r];
    }
}

/* Totals of one parent and of its children, for W and I. A child that has nothing to do keeps what
 * it holds; one that reloads takes nothing over from the step before. */
static void fetch_one(walk *w, int parent, double *reads, double *fills) {
    int extent[5], x[5];
    box image;
    sizes(w, extent, &image);
    int words = extent[0] * extent[1] * extent[2] * extent[3] * extent[4];
    int steps = size_of(w, TIME), groups = size_of(w, GROUPS), members = size_of(w, MEMBERS);
    int *stamp = calloc((size_t)words, sizeof *stamp), now = 0;
    box *held = malloc((size_t)(groups * members) * sizeof *held);
    for (int i = 0; i < groups * members; i++) held[i] = (box){{0}, {-1, -1, -1, -1, -1}};
    place(w, PARENTS, parent);
    for (int step = 0; step < steps; step++)
        for (int g = 0; g < groups; g++) {
            now++;
            place(w, TIME, step);
            place(w, GROUPS, g);
            for (int k = 0; k < members; k++) {
                box *before = &held[g * members + k];
                place(w, MEMBERS, k);
                if (!works(&w->z, w->child)) continue;
                box after = where(w), inner = after;
                clip(&inner, &image);
                EACH_WORD(inner, x) {
                    if (inside(before, x)) continue;
                    ++*fills;
                    int *s = &stamp[number_of(x, extent)];
                    if (*s != now) ++*reads;
                    *s = now;
                }
                if (w->child >= 0 && !(w->hw->level[w->child].reload >> w->t & 1)) *before = after;
            }
        }
    free(held);
    free(stamp);
}

typedef struct {
    double *updates, *reads, *child_reads, *child_fills;
    char *updated; /* by word of the parent */
    int *stamp, now;
} sums;

/* One word arrives at the parent; `now` tells deliveries apart that are not reduced together. */
static void deliver(sums *s, int word) {
    if (s->stamp[word] == s->now) return;
    s->stamp[word] = s->now;
    ++*s->updates;
    if (s->updated[word])
        ++*s->reads;
    else
        s->updated[word] = 1;
}

/* A tile leaves its child just before the next one enters, or at the end. */
static void sum_one(walk *w, int parent, sums s) {
    int extent[5], x[5];
    box image;
    sizes(w, extent, &image);
    int words = extent[0] * extent[1] * extent[2] * extent[3] * extent[4];
    int steps = size_of(w, TIME), groups = size_of(w, GROUPS), members = size_of(w, MEMBERS);
    s.updated = calloc((size_t)words, 1);
    s.stamp = calloc((size_t)words, sizeof *s.stamp);
    s.now = 0;
    char *ever = calloc((size_t)words * (size_t)groups * (size_t)members, 1);
    char *full = calloc((size_t)(groups * members), 1); /* holds a tile */
    box *held = malloc((size_t)(groups * members) * sizeof *held);
    place(w, PARENTS, parent);
    for (int step = 0; step <= steps; step++)
        for (int g = 0; g < groups; g++) {
            s.now++;
            place(w, TIME, step < steps ? step : 0);
            place(w, GROUPS, g);
            for (int k = 0; k < members; k++) {
                const int child = g * members + k;
                place(w, MEMBERS, k);
                if (step < steps && !works(&w->z, w->child)) continue;
                box b = where(w);
                if (w->child < 0) { /* a MAC's product leaves at once */
                    if (step < steps) EACH_WORD(b, x) deliver(&s, number_of(x, extent));
                    continue;
                }
                if (step < steps && full[child] && same_box(&held[child], &b)) continue;
                if (full[child]) EACH_WORD(held[child], x) {
                        ++*s.child_reads;
                        deliver(&s, number_of(x, extent));
                    }
                if (step == steps) continue;
                full[child] = 1;
                held[child] = b;
                EACH_WORD(b, x) { /* enters: for the first time, or comes back */
                    char *h = &ever[(size_t)words * (size_t)child + (size_t)number_of(x, extent)];
                    if (*h) ++*s.child_fills;
                    *h = 1;
                }
            }
        }
    free(held);
    free(full);
    free(ever);
    free(s.stamp);
    free(s.updated);
}

/* Words that instance `i` of w->child (parent = child here) ever holds, and its largest tile. */
static void held_one(walk *w, int i, double *ever, double *most) {
    int extent[5], x[5];
    box image;
    sizes(w, extent, &image);
    int words = extent[0] * extent[1] * extent[2] * extent[3] * extent[4];
    char *seen = calloc((size_t)words, 1);
    int steps = size_of(w, TIME);
    place(w, PARENTS, i);
    for (int step = 0; step < steps; step++) {
        place(w, TIME, step);
        if (!works(&w->z, w->child)) continue;
        box b = where(w);
        double n = 1;
        for (int r = 0; r < 5; r++) n *= b.hi[r] - b.lo[r] + 1;
        if (n > *most) *most = n;
        clip(&b, &image);
        EACH_WORD(b, x) {
            char *s = &seen[number_of(x, extent)];
            if (!*s) ++*ever;
            *s = 1;
        }
    }
    free(seen);
}

static bool allowed_outside(const nest *z, int t, int top) {
    for (int i = 0; i < z->n; i++) {
        if (z->loop[i].bound == 1 || z->loop[i].level <= top) continue;
        if (z->loop[i].axis == TD_AXIS_T && relevant(t, z->loop[i].dim)) return false;
        if (z->loop[i].axis != TD_AXIS_T && t == TD_O && summed(z->loop[i].dim)) return false;
    }
    return true;
}

static void count_tensor(const td_problem *p, const td_hw *hw, const td_mapping *m, const nest *z,
                         int t, int top, sim_result *out) {
    int child = -1;
    for (int l = 0; l <= top; l++) {
        if (!(m->keep[l] >> t & 1)) continue;
        walk w = {p, hw, *z, t, child, l};
        int parents = size_of(&w, PARENTS);
        double first = 0;
        sim_access *a = &out->at[l][t], below = {0};
        for (int i = 0; i < parents; i++) {
            double reads = 0, updates = 0, drains = 0, fills = 0;
            if (t == TD_O)
                sum_one(&w, i,
                        (sums){.updates = &updates,
                               .reads = &reads,
                               .child_reads = &drains,
                               .child_fills = &fills});
            else
                fetch_one(&w, i, &reads, &fills);
            if (i == 0) first = reads;
            if (reads != first) out->even = false;
            a->reads += reads;
            a->updates += updates;
            below.reads += drains;
            below.fills += fills;
        }
        if (child >= 0) {
            out->at[child][t].reads += below.reads;
            out->at[child][t].fills += below.fills;
        }
        walk own = {p, hw, *z, t, l, l};
        for (int i = 0; i < parents; i++) held_one(&own, i, &a->partition_words, &a->tile_words);
        /* Partial sums stand where a summing loop runs outside of what delivers here. */
        a->bits = p->bits[t];
        for (int i = 0; i < z->n && t == TD_O; i++)
            if (z->loop[i].bound > 1 && summed(z->loop[i].dim) && z->loop[i].level > child)
                a->bits = p->acc_bits;
        out->need_bits[l] += a->tile_words * a->bits;
        child = l;
    }
}

static double blocks(double words, const td_level *v, int bits) {
    double n = floor((double)v->block_bits / bits);
    return n <= 1 ? words : ceil(words / n); /* averages of padded layers need not be whole */
}

/* Every combination of indices that does something: one MAC. Instances and steps are those that
 * occur. */
static void count_work(int levels, const nest *nest_of, sim_result *out) {
    nest z = *nest_of;
    int all = 1;
    for (int i = 0; i < z.n; i++) all *= z.loop[i].bound;
    char *seen[TD_MAX_LEVELS + 2];
    for (int l = 0; l < levels + 2; l++) seen[l] = calloc((size_t)all, 1);
    for (int n = 0; n < all; n++) {
        int rest = n;
        for (int i = z.n - 1; i >= 0; i--) {
            z.loop[i].at = rest % z.loop[i].bound;
            rest /= z.loop[i].bound;
        }
        if (!works(&z, -1)) continue;
        out->macs++;
        int step = 0, instance[TD_MAX_LEVELS + 1] = {0}; /* of level l: [l + 1]; MACs: [0] */
        for (int i = 0; i < z.n; i++) {
            if (z.loop[i].axis == TD_AXIS_T) {
                step = step * z.loop[i].bound + z.loop[i].at;
                continue;
            }
            for (int l = -1; l < z.loop[i].level; l++)
                instance[l + 1] = instance[l + 1] * z.loop[i].bound + z.loop[i].at;
        }
        out->compute_cycles += !seen[levels + 1][step];
        seen[levels + 1][step] = 1;
        for (int l = -1; l < levels; l++) {
            if (!seen[l + 1][instance[l + 1]]) *(l < 0 ? &out->macs_used : &out->used[l]) += 1;
            seen[l + 1][instance[l + 1]] = 1;
        }
    }
    for (int l = 0; l < levels + 2; l++) free(seen[l]);
}

bool simulate(const td_problem *p, const td_hw *hw, const td_mapping *m, sim_result *out) {
    nest z;
    build(hw, m, &z);
    memset(out, 0, sizeof *out);
    out->even = true;
    int top[TD_NTENSOR];
    for (int t = 0; t < TD_NTENSOR; t++) {
        top[t] = -1;
        for (int l = 0; l < hw->n; l++)
            if (m->keep[l] >> t & 1) top[t] = l;
        if (top[t] < 0 || !allowed_outside(&z, t, top[t])) return false;
    }
    count_work(hw->n, &z, out);
    for (int t = 0; t < TD_NTENSOR; t++) count_tensor(p, hw, m, &z, t, top[t], out);
    for (int l = 0; l < hw->n; l++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            sim_access *a = &out->at[l][t];
            a->reads /= out->used[l];
            a->fills /= out->used[l];
            a->updates /= out->used[l];
            a->partition_words /= out->used[l];
        }

    out->cycles = out->compute_cycles;
    double wide = hw->mac.bits, w = fmin(p->bits[TD_W], wide), x = fmin(p->bits[TD_I], wide);
    double switched = hw->mac.gated_pj > 0
                          ? (10.3 * w * x - 1.2 * w - 1.2 * x) / (10.3 * wide * wide - 2.4 * wide)
                          : 0;
    out->energy_pj = out->macs * (hw->mac.energy_pj + switched * hw->mac.gated_pj);
    for (int l = 0; l < hw->n; l++) {
        const td_level *v = &hw->level[l];
        double read_bits = 0, write_bits = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            const sim_access *a = &out->at[l][t];
            if (!(m->keep[l] >> t & 1)) continue;
            out->level_pj[l] += out->used[l] * (blocks(a->reads, v, a->bits) * v->read_pj +
                                                blocks(a->fills, v, a->bits) * v->fill_pj +
                                                blocks(a->updates, v, a->bits) * v->update_pj);
            read_bits += a->reads * a->bits;
            write_bits += (a->fills + a->updates) * a->bits;
        }
        out->energy_pj += out->level_pj[l];
        out->cycles = fmax(out->cycles, ceil(read_bits / v->read_bw - 1e-9));
        out->cycles = fmax(out->cycles, ceil(write_bits / v->write_bw - 1e-9));
        out->cycles = fmax(out->cycles, ceil((read_bits + write_bits) / v->shared_bw - 1e-9));
    }
    return true;
}
