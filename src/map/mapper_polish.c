/* Local search around a mapping: what no dive looks at because it stands under another root.
 *
 * A mapping is a factor for each place (level, axis) and dim, an order for each level, and keep
 * masks. Neighbours move one prime factor of a dim from a place to another, or exchange two between
 * two places (where a capacity or a fan-out is full, one alone does not fit), let a level keep a
 * tensor or not, or change which tensor is stationary at a level. They are tried in turn; the first
 * that is better is taken, until none is. */
#include <string.h>

#include "mapper_search.h"

enum { PLACES = TD_MAX_LEVELS * TD_NAXIS };

typedef struct {
    td__search *s;
    td_problem p;
    int32_t factor[PLACES][TD_NDIM]; /* place: level * TD_NAXIS + axis */
    uint8_t still[TD_MAX_LEVELS];    /* twice the stationary tensor, + 1: turned */
    uint8_t keep[TD_MAX_LEVELS];
    uint64_t end;
    double value[2]; /* of the best so far */
} walk;

/* Loops of a level from the inside out; `turned`: Q inside P or the other way round.
 * The machine's order comes first. */
static void order_loops(unsigned still, const uint8_t place[TD_NDIM], uint8_t out[TD_NDIM]) {
    const bool turned = still & 1;
    uint8_t a = turned ? TD_P : TD_Q, b = turned ? TD_Q : TD_P;
    uint8_t c = turned ? TD_R : TD_S, d = turned ? TD_S : TD_R;
    const uint8_t orders[TD_NTENSOR][TD_NDIM] = {{a, b, TD_N, c, d, TD_K, TD_C, TD_G},
                                                 {TD_K, a, b, c, d, TD_C, TD_N, TD_G},
                                                 {c, d, TD_C, a, b, TD_K, TD_N, TD_G}};
    memcpy(out, orders[still / 2], TD_NDIM);
    if (place[0] > 0) td_map_order_sort(place, out);
}

static void to_mapping(const walk *w, td_mapping *m) {
    m->n = 0;
    for (int l = 0; l < w->s->z->n; l++) {
        uint8_t order[TD_NDIM];
        m->first[l] = m->n;
        m->keep[l] = w->keep[l];
        order_loops(w->still[l], w->s->z->hw->rules.place[l], order);
        for (int axis = 0; axis < TD_NAXIS; axis++)
            for (int i = TD_NDIM - 1; i >= 0; i--) {
                int32_t f = w->factor[l * TD_NAXIS + axis][order[i]];
                if (f > 1) m->loop[m->n++] = (td_loop){order[i], (uint8_t)axis, f, f};
            }
    }
    m->first[w->s->z->n] = m->n;
}

/* Orders are those that the order classes know; others are left as near as they go. */
static void from_mapping(walk *w, const td_problem *p, const td_mapping *m) {
    w->p = *p;
    for (int i = 0; i < PLACES; i++)
        for (int d = 0; d < TD_NDIM; d++) w->factor[i][d] = 1;
    for (int l = 0; l < w->s->z->n; l++) {
        unsigned innermost = TD_NDIM, turned = 0, seen = 0;
        w->keep[l] = m->keep[l];
        for (int i = m->first[l]; i < m->first[l + 1]; i++) {
            const td_loop *x = &m->loop[i];
            w->factor[l * TD_NAXIS + x->axis][x->dim] *= x->bound;
            if (x->axis != TD_AXIS_T || x->bound == 1) continue;
            innermost = x->dim;
            if ((x->dim == TD_P || x->dim == TD_R) && (seen & (TD_BIT(TD_Q) | TD_BIT(TD_S))))
                turned = 1;
            seen |= TD_BIT(x->dim);
        }
        unsigned still = TD_O;
        for (unsigned t = 0; t < TD_NTENSOR; t++)
            if (innermost < TD_NDIM && (td__map_block[t] & TD_BIT(innermost))) still = t;
        w->still[l] = (uint8_t)(2 * still + turned);
    }
}

/* The rules of place i hold for its factors. */
static bool allowed(const walk *w, int i) {
    const td_hw *hw = w->s->z->hw;
    int l = i / TD_NAXIS, axis = i % TD_NAXIS, dims = 0;
    int64_t all = 1;
    unsigned may = axis == TD_AXIS_T ? w->s->z->time[l] : w->s->z->space[l][axis];
    const int32_t *other = w->factor[l * TD_NAXIS + (TD_AXIS_X + TD_AXIS_Y - axis)];
    for (int d = 0; d < TD_NDIM; d++) {
        if (w->factor[i][d] == 1) continue;
        if (!(may & TD_BIT(d))) return false;
        if (axis == TD_AXIS_T) continue;
        if (hw->rules.one_axis && other[d] > 1) return false;
        all *= w->factor[i][d];
        dims++;
    }
    return axis == TD_AXIS_T ||
           (all <= td_hw_fanout(hw, l, axis) && (dims <= 1 || !hw->rules.single[l][axis]));
}

/* Evaluates the mapping as it stands; true: it is the best of this walk. */
static bool attempt(walk *w) {
    td_mapping m;
    double v[2];
    to_mapping(w, &m);
    w->s->nodes++;
    if (!td__try(w->s, &w->p, &m, v) || !td__map_better(v, w->value)) return false;
    memcpy(w->value, v, sizeof v);
    return true;
}

static bool used_up(const walk *w) {
    return w->s->nodes >= w->end ||
           (w->s->deadline < INFINITY && td_time_mono_s() > w->s->deadline);
}

static bool move(walk *w, int from, int to, int d, int32_t prime) {
    w->factor[from][d] /= prime;
    w->factor[to][d] *= prime;
    return allowed(w, to);
}

/* The mapping, and the other stationary tensors at up to two levels. */
static bool attempt_orders(walk *w, int a, int b) {
    if (attempt(w)) return true;
    for (int k = 0; k < 2; k++) {
        int i = k == 0 ? b : a, l = i / TD_NAXIS;
        if (i % TD_NAXIS != TD_AXIS_T) continue;
        const uint8_t still = w->still[l];
        for (unsigned t = 0; t < TD_NTENSOR; t++) {
            if (t == still / 2u) continue;
            w->still[l] = (uint8_t)(2 * t + (still & 1));
            if (attempt(w)) return true;
        }
        w->still[l] = still;
    }
    return false;
}

static const int32_t primes[] = {2, 3, 5, 7, 11, 13};
enum { N_PRIMES = sizeof primes / sizeof primes[0] };

/* Prime i that divides f; f itself if no small one does and it is asked for as the last. */
static int32_t prime_of(int32_t f, int i) {
    if (i < N_PRIMES) return f % primes[i] == 0 ? primes[i] : 0;
    for (int k = 0; k < N_PRIMES; k++)
        while (f % primes[k] == 0) f /= primes[k];
    return f > 1 ? f : 0;
}

static bool shift(walk *w, int from, int to) {
    for (int d = 0; d < TD_NDIM; d++)
        for (int k = 0; k <= N_PRIMES && w->factor[from][d] > 1; k++) {
            int32_t f = prime_of(w->factor[from][d], k);
            if (f == 0 || used_up(w)) continue;
            if (move(w, from, to, d, f) && attempt_orders(w, from, to)) return true;
            move(w, to, from, d, f);
        }
    return false;
}

static bool exchange(walk *w, int a, int b) {
    for (int d = 0; d < TD_NDIM; d++)
        for (int k = 0; k <= N_PRIMES && w->factor[a][d] > 1; k++) {
            int32_t f = prime_of(w->factor[a][d], k);
            if (f == 0) continue;
            for (int e = 0; e < TD_NDIM; e++)
                for (int j = 0; j <= N_PRIMES && w->factor[b][e] > 1; j++) {
                    int32_t g = prime_of(w->factor[b][e], j);
                    if (g == 0 || (d == e && f == g) || used_up(w)) continue;
                    move(w, a, b, d, f);
                    if (move(w, b, a, e, g) && allowed(w, b) && attempt(w)) return true;
                    move(w, a, b, e, g);
                    move(w, b, a, d, f);
                }
        }
    return false;
}

static bool change_keep(walk *w) {
    const td__space *z = w->s->z;
    for (int l = 0; l < z->n; l++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            unsigned bit = TD_BIT(t);
            if (!(z->may[l] & bit) || (z->must[l] & bit) || used_up(w)) continue;
            w->keep[l] ^= (uint8_t)bit;
            if (attempt(w)) return true;
            w->keep[l] ^= (uint8_t)bit;
        }
    return false;
}

static bool change_order(walk *w) {
    for (int l = 0; l < w->s->z->n; l++) {
        const uint8_t still = w->still[l];
        for (uint8_t t = 0; t < 2 * TD_NTENSOR && !used_up(w); t++) {
            if (t == still) continue;
            w->still[l] = t;
            if (attempt(w)) return true;
        }
        w->still[l] = still;
    }
    return false;
}

/* One better neighbour; false: there is none. */
static bool improve(walk *w) {
    const int n = w->s->z->n * TD_NAXIS;
    if (change_order(w) || change_keep(w)) return true;
    for (int from = n - 1; from >= 0; from--)
        for (int to = 0; to < n; to++)
            if (from != to && shift(w, from, to)) return true;
    for (int a = n - 1; a > 0; a--)
        for (int b = 0; b < a; b++)
            if (exchange(w, a, b)) return true;
    return false;
}

void td__polish(td__search *s, const td__start *from, uint64_t max_nodes) {
    walk w = {.s = s, .end = max_nodes};
    memcpy(w.value, from->value, sizeof w.value);
    from_mapping(&w, &from->problem, &from->mapping);
    while (!used_up(&w) && improve(&w)) {
    }
}
