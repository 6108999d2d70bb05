#include "random_case.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int pick(td_rng *r, int n) {
    return (int)td_rng_below(r, (uint64_t)n);
}

static int among(td_rng *r, const int *v, int n) {
    return v[pick(r, n)];
}

#define AMONG(r, ...)                                                                              \
    among((r), (const int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))

static void random_problem(td_rng *r, random_limits limits, td_problem *p) {
    memset(p, 0, sizeof *p);
    int64_t macs;
    do {
        macs = 1;
        for (int d = 0; d < TD_NDIM; d++) {
            p->dim[d] = pick(r, 2) ? AMONG(r, 1, 2, 3, 4, 6, 8) : AMONG(r, 1, 1, 2, 3, 5);
            if (limits.large && pick(r, 6) == 0) p->dim[d] = 11 + pick(r, 21);
            if ((d == TD_N || d == TD_G) && pick(r, 3)) p->dim[d] = 1;
            macs *= p->dim[d];
        }
    } while (macs > limits.max_macs || macs < 4);
    for (int i = 0; i < 2; i++) {
        p->stride[i] = AMONG(r, 1, 1, 1, 2, 3);
        p->dilation[i] = AMONG(r, 1, 1, 1, 2, 3);
    }
    if (limits.padding && pick(r, 2))
        for (int i = 0; i < 4; i++) {
            int axis = i & 1;
            int whole = (p->dim[TD_P + axis] - 1) * p->stride[axis] +
                        (p->dim[TD_R + axis] - 1) * p->dilation[axis] + 1;
            int most = (p->dim[TD_R + axis] - 1) * p->dilation[axis] + pick(r, 3);
            p->pad[i] = pick(r, most + 1);
            if (i >= 2 && p->pad[i] + p->pad[i - 2] > whole) p->pad[i] = whole - p->pad[i - 2];
            if (p->pad[i] < 0) p->pad[i] = 0;
        }
    for (int t = 0; t < TD_NTENSOR; t++) p->bits[t] = (uint8_t)AMONG(r, 4, 8, 8, 16);
    p->acc_bits = (uint8_t)AMONG(r, 16, 24, 32);
}

static void shuffle(td_rng *r, td_loop *v, int n) {
    for (int i = n - 1; i > 0; i--) {
        int j = pick(r, i + 1);
        td_loop x = v[i];
        v[i] = v[j];
        v[j] = x;
    }
}

typedef struct {
    td_loop at[TD_MAX_LEVELS][TD_NAXIS][32];
    int n[TD_MAX_LEVELS][TD_NAXIS];
} loops;

static void put(loops *z, int level, int axis, int dim, int bound) {
    z->at[level][axis][z->n[level][axis]++] = (td_loop){(uint8_t)dim, (uint8_t)axis, bound, bound};
}

/* Loops of any bounds until their product reaches the dim; tails follow in set_tails. */
static void imperfect_loops(td_rng *r, int dim, int size, int levels, int space, loops *z) {
    for (int product = 1; product < size;) {
        int f = 2 + pick(r, pick(r, 2) ? 3 : size);
        product *= f;
        put(z, pick(r, levels), pick(r, 10) < space ? AMONG(r, TD_AXIS_X, TD_AXIS_Y) : TD_AXIS_T,
            dim, f);
    }
}

/* The last passes of a dim follow from its bounds: digits of its last index. The outermost loops
 * whose digit would be 0 then have one iteration only, their first, in the last pass. */
static void set_tails(const td_problem *p, td_mapping *m, int levels) {
    for (int d = 0; d < TD_NDIM; d++) {
        int rest = p->dim[d] - 1;
        for (int l = 0; l < levels; l++)
            for (int i = m->first[l + 1] - 1; i >= m->first[l]; i--) {
                td_loop *o = &m->loop[i];
                if (o->dim != d) continue;
                o->tail = rest % o->bound + 1;
                rest /= o->bound;
            }
    }
}

/* Each prime factor of each dim goes to a random level and axis. */
static void random_loops(td_rng *r, const td_problem *p, int levels, bool imperfect, td_mapping *m,
                         int fan[TD_MAX_LEVELS][TD_NAXIS]) {
    loops z;
    memset(z.n, 0, sizeof z.n);
    const int space = AMONG(r, 0, 2, 4, 6); /* tenths of the factors */
    for (int d = 0; d < TD_NDIM; d++) {
        if (imperfect && p->dim[d] > 1 && pick(r, 2)) {
            imperfect_loops(r, d, p->dim[d], levels, space, &z);
            continue;
        }
        for (int rest = p->dim[d], f = 2; rest > 1; f++)
            for (; rest % f == 0; rest /= f) {
                int l = pick(r, levels);
                put(&z, l, pick(r, 10) < space ? AMONG(r, TD_AXIS_X, TD_AXIS_Y) : TD_AXIS_T, d, f);
            }
    }
    m->n = 0;
    for (int l = 0; l < levels; l++) {
        m->first[l] = m->n;
        for (int a = 0; a < TD_NAXIS; a++) {
            if (pick(r, 8) == 0) put(&z, l, a, TD_K, 1);
            shuffle(r, z.at[l][a], z.n[l][a]);
            fan[l][a] = 1;
            for (int i = 0; i < z.n[l][a]; i++) {
                fan[l][a] *= z.at[l][a][i].bound;
                m->loop[m->n++] = z.at[l][a][i];
            }
        }
    }
    m->first[levels] = m->n;
    if (imperfect) set_tails(p, m, levels);
}

static uint8_t random_mask(td_rng *r) {
    return pick(r, 2) ? (uint8_t)TD_ALL_TENSORS : (uint8_t)pick(r, 8);
}

static double bandwidth(td_rng *r) {
    return pick(r, 3) ? INFINITY : 0.5 * (1 + pick(r, 200));
}

void random_case(uint64_t seed, uint64_t number, random_limits limits, td_case *out) {
    td_rng rng = td_rng_make(seed, number, TD_RNG_TEST), *r = &rng;
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "random %llu", (unsigned long long)number);
    random_problem(r, limits, &out->problem);
    td_hw *hw = &out->hw;
    const int n = 2 + pick(r, 4);
    hw->n = n;
    int fan[TD_MAX_LEVELS][TD_NAXIS];
    random_loops(r, &out->problem, n, limits.imperfect, &out->mapping, fan);

    int x = 1, y = 1;
    for (int l = n - 1; l >= 0; l--) {
        td_level *v = &hw->level[l];
        snprintf(v->name, sizeof v->name, "L%d", l);
        v->may_keep = TD_ALL_TENSORS;
        v->multicast = random_mask(r);
        v->reduce = pick(r, 2) ? TD_BIT(TD_O) : 0;
        v->capacity_bits = -1;
        v->instances = x * y;
        v->mesh_x = x;
        v->word_bits = AMONG(r, 8, 16);
        v->block_bits = AMONG(r, 4, 8, 32, 48, 128);
        v->buffering = 1;
        v->read_bw = bandwidth(r);
        v->write_bw = bandwidth(r);
        v->shared_bw = bandwidth(r);
        v->read_pj = 0.5 + pick(r, 100);
        v->fill_pj = 0.25 + pick(r, 100);
        v->update_pj = 0.75 + pick(r, 100);
        v->shares = -1;
        x *= fan[l][TD_AXIS_X] * AMONG(r, 1, 1, 1, 2); /* sometimes more than is used */
        y *= fan[l][TD_AXIS_Y];
    }
    hw->mac.instances = x * y;
    hw->mac.mesh_x = x;
    hw->mac.energy_pj = 0.5;
    hw->mac.gated_pj = x % 2 == 0 ? 0.75 : 0;
    hw->mac.bits = 8;
    memset(hw->rules.allowed, 0xff, sizeof hw->rules.allowed);
    hw->clock_hz = 1e9;

    bool all_at_top = !limits.resident || pick(r, 2);
    for (int l = 0; l < n; l++)
        out->mapping.keep[l] = l == n - 1 && all_at_top ? TD_ALL_TENSORS : random_mask(r);
    for (int t = 0; t < TD_NTENSOR; t++) {
        bool kept = false;
        for (int l = 0; l < n; l++) kept |= out->mapping.keep[l] >> t & 1;
        if (!kept) out->mapping.keep[pick(r, n)] |= (uint8_t)TD_BIT(t);
    }
    if (limits.reload)
        for (int l = 0; l < n; l++)
            hw->level[l].reload =
                (uint8_t)AMONG(r, 0, TD_BIT(TD_W), TD_BIT(TD_I), TD_BIT(TD_W) | TD_BIT(TD_I));
    out->has_mapping = true;
}
