/* Random mappings, to compare a search with: no bound, no direction. */
#include <string.h>

#include "mapper_search.h"

/* Prime factors of all dims, each to be put somewhere. */
typedef struct {
    uint8_t dim[TD_NDIM * 31];
    int32_t prime[TD_NDIM * 31];
    int n;
} factors;

static void factorise(const td_problem *p, factors *f) {
    f->n = 0;
    for (int d = 0; d < TD_NDIM; d++) {
        int32_t rest = p->dim[d];
        for (int32_t q = 2; rest > 1; q++) {
            if (q > rest / q) q = rest;
            for (; rest % q == 0; rest /= q) {
                f->dim[f->n] = (uint8_t)d;
                f->prime[f->n++] = q;
            }
        }
    }
}

/* One of the places that the rules leave to dim d: a level in time (all levels that have a place
 * for it are as likely), or an axis of a fan-out. -1: there is none. */
static int draw_place(const td__space *z, td_rng *r, int d) {
    int place[TD_MAX_LEVELS * TD_NAXIS], n = 0;
    for (int l = 0; l < z->n; l++) {
        if (z->time[l] & TD_BIT(d)) place[n++] = l * TD_NAXIS + TD_AXIS_T;
        for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++)
            if ((z->space[l][axis] & TD_BIT(d)) && td_hw_fanout(z->hw, l, axis) > 1)
                place[n++] = l * TD_NAXIS + axis;
    }
    return n > 0 ? place[td_rng_below(r, (uint64_t)n)] : -1;
}

static bool draw(const td__space *z, const factors *f, td_rng *r, td_mapping *m) {
    int32_t bound[TD_MAX_LEVELS * TD_NAXIS][TD_NDIM];
    for (int i = 0; i < z->n * TD_NAXIS; i++)
        for (int d = 0; d < TD_NDIM; d++) bound[i][d] = 1;
    for (int i = 0; i < f->n; i++) {
        int place = draw_place(z, r, f->dim[i]);
        if (place < 0) return false;
        bound[place][f->dim[i]] *= f->prime[i];
    }
    m->n = 0;
    for (int l = 0; l < z->n; l++) {
        int32_t order[TD_NDIM] = {0, 1, 2, 3, 4, 5, 6, 7};
        uint8_t dims[TD_NDIM];
        const unsigned free = (unsigned)(z->may[l] & ~z->must[l]);
        m->first[l] = m->n;
        m->keep[l] = (uint8_t)(z->must[l] | (td_rng_below(r, 8) & free));
        td_rng_shuffle(r, order, TD_NDIM);
        for (int d = 0; d < TD_NDIM; d++) dims[d] = (uint8_t)order[TD_NDIM - 1 - d];
        td_map_order_sort(z->hw->rules.place[l], dims);
        for (int axis = 0; axis < TD_NAXIS; axis++)
            for (int i = TD_NDIM - 1; i >= 0; i--) {
                int d = dims[i];
                int32_t b = bound[l * TD_NAXIS + axis][d];
                if (axis == TD_AXIS_Y && b > 1 && z->hw->rules.one_axis &&
                    bound[l * TD_NAXIS + TD_AXIS_X][d] > 1)
                    return false;
                if (b > 1) m->loop[m->n++] = (td_loop){(uint8_t)d, (uint8_t)axis, b, b};
            }
    }
    m->first[z->n] = m->n;
    return true;
}

/* Dims rounded up to multiples, which stand for smaller last passes. */
static void pad_some(td_rng *r, td_problem *p) {
    for (int d = 0; d < TD_NDIM; d++) {
        if (p->dim[d] < 3 || td_rng_below(r, 2)) continue;
        int32_t f = 2 + (int32_t)td_rng_below(r, 7);
        p->dim[d] = (p->dim[d] + f - 1) / f * f;
    }
}

void td__sample(td__search *s, uint64_t seed, uint64_t max_nodes) {
    factors f;
    td_problem p = s->z->p;
    factorise(&p, &f);
    for (; s->nodes < max_nodes; s->nodes++) {
        td_rng r = td_rng_make(seed, s->nodes, TD_RNG_MAP_SAMPLE);
        td_mapping m;
        double v[2];
        if (s->z->imperfect) {
            p = s->z->p;
            pad_some(&r, &p);
            factorise(&p, &f);
        }
        if (draw(s->z, &f, &r, &m)) td__try(s, &p, &m, v);
        if ((s->nodes & 63) == 0 && s->deadline < INFINITY && td_time_mono_s() > s->deadline) {
            s->late = true;
            return;
        }
    }
}
