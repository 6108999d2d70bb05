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

/* Each prime factor of each dim goes to a random level and axis. */
static void random_loops(td_rng *r, const td_problem *p, int levels, td_mapping *m,
                         int fan[TD_MAX_LEVELS][TD_NAXIS]) {
    td_loop at[TD_MAX_LEVELS][TD_NAXIS][32];
    int n[TD_MAX_LEVELS][TD_NAXIS] = {{0}};
    const int space = AMONG(r, 0, 2, 4, 6); /* tenths of the factors */
    for (int d = 0; d < TD_NDIM; d++)
        for (int rest = p->dim[d], f = 2; rest > 1; f++)
            for (; rest % f == 0; rest /= f) {
                int l = pick(r, levels);
                int axis = pick(r, 10) < space ? AMONG(r, TD_AXIS_X, TD_AXIS_Y) : TD_AXIS_T;
                at[l][axis][n[l][axis]++] = (td_loop){(uint8_t)d, (uint8_t)axis, f, f};
            }
    m->n = 0;
    for (int l = 0; l < levels; l++) {
        m->first[l] = m->n;
        for (int a = 0; a < TD_NAXIS; a++) {
            if (pick(r, 8) == 0) at[l][a][n[l][a]++] = (td_loop){TD_K, (uint8_t)a, 1, 1};
            shuffle(r, at[l][a], n[l][a]);
            fan[l][a] = 1;
            for (int i = 0; i < n[l][a]; i++) {
                fan[l][a] *= at[l][a][i].bound;
                m->loop[m->n++] = at[l][a][i];
            }
        }
    }
    m->first[levels] = m->n;
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
    random_loops(r, &out->problem, n, &out->mapping, fan);

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
    out->has_mapping = true;
}
