/* Roots: what spatial factors and keep masks decide by themselves, and the tolls of the rest. */
#include "mapper.h"

#include <string.h>

/* ---- factors --------------------------------------------------------------------------------- */

/* Lowers the factors of dim d, level by level, as far as its number of steps allows. all: their
 * product; returns what is left of it. */
static int32_t trim_dim(const td__fan *fan[TD_MAX_LEVELS], td__fan own[TD_MAX_LEVELS], int n, int d,
                        int32_t extent, int32_t all, int32_t steps, int trim) {
    for (int i = 0; i < n && (int64_t)all * steps > extent; i++) {
        int l = trim == TD__TRIM_INNER ? i : n - 1 - i;
        if (!(fan[l]->dims & TD_BIT(d))) continue;
        int32_t f[2] = {fan[l]->y[d], fan[l]->x[d]};
        for (int axis = 0; axis < 2; axis++) {
            if (f[axis] == 1) continue;
            int64_t rest = (int64_t)(all / f[axis]) * steps;
            int32_t need = (int32_t)((extent + rest - 1) / rest);
            if (need >= f[axis]) continue;
            all = all / f[axis] * need;
            f[axis] = need;
        }
        if (f[0] == fan[l]->y[d] && f[1] == fan[l]->x[d]) continue;
        if (fan[l] != &own[l]) {
            own[l] = *fan[l];
            fan[l] = &own[l];
        }
        own[l].y[d] = f[0];
        own[l].x[d] = f[1];
        td__fan_measure(&own[l]);
    }
    return all;
}

/* The next number with small prime factors, at most an eighth larger: 7 is 8, 113 is 120. */
static int32_t smooth(int32_t n) {
    for (int32_t v = n; v <= n + n / 8 + 1; v++) {
        int32_t rest = v;
        for (int p = 2; p <= 5; p++)
            while (rest % p == 0) rest /= p;
        if (rest == 1 && (v % 4 == 0 || v < 8)) return v;
    }
    return n;
}

bool td__pad_fans(const td__space *z, const td__fan *fan[TD_MAX_LEVELS], td__fan own[TD_MAX_LEVELS],
                  const int32_t spread[TD_NDIM], int trim, td_problem *padded,
                  int32_t time[TD_NDIM], bool *wasted) {
    *padded = z->p;
    *wasted = false;
    memcpy(time, z->p.dim, sizeof z->p.dim);
    for (int i = 0; i < z->n_active; i++) {
        int d = z->active[i];
        int32_t extent = z->p.dim[d], all = spread[d];
        if (all == 1 && trim != TD__SMOOTH) continue;
        int32_t steps = (extent + all - 1) / all;
        if (trim == TD__SMOOTH) {
            time[d] = smooth(steps);
            *wasted |= time[d] != steps || extent % all != 0;
            padded->dim[d] = time[d] * all;
            continue;
        }
        time[d] = steps;
        if (extent % all == 0) continue;
        if (z->whole & TD_BIT(d)) return false;
        *wasted = true;
        if (trim != TD__AS_IS) all = trim_dim(fan, own, z->n, d, extent, all, steps, trim);
        padded->dim[d] = steps * all;
        /* The image does not grow: what the new positions touch outside of it are made zeros. */
        int32_t more = padded->dim[d] - extent;
        if (d == TD_P || d == TD_Q) padded->pad[2 + d - TD_P] += more * z->p.stride[d - TD_P];
        if (d == TD_R || d == TD_S) padded->pad[2 + d - TD_R] += more * z->p.dilation[d - TD_R];
    }
    return true;
}

bool td__root_fans(const td__space *z, td__fan fan[TD_MAX_LEVELS], int trim, td_problem *padded,
                   int32_t time[TD_NDIM], bool *wasted) {
    const td__fan *of[TD_MAX_LEVELS];
    int32_t spread[TD_NDIM] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (int l = 0; l < z->n; l++) {
        of[l] = &fan[l];
        for (int d = 0; d < TD_NDIM; d++) spread[d] *= fan[l].f[d];
    }
    return td__pad_fans(z, of, fan, spread, trim, padded, time, wasted);
}

/* ---- words ----------------------------------------------------------------------------------- */

void td__fan_measure(td__fan *f) {
    f->total = 1;
    f->dims = 0;
    for (int d = 0; d < TD_NDIM; d++) {
        f->f[d] = f->x[d] * f->y[d];
        f->total *= f->f[d];
        f->dims |= (uint8_t)((f->f[d] > 1) << d);
    }
    for (int t = 0; t < TD_NTENSOR; t++) f->idle[t] = td__block_of(f->f, t);
}

/* Rows (axis 0) or columns that all used instances of a level hold over the layer, copies in K left
 * out: distinct ones of each instance, less made zeros. An instance has out/spread positions and
 * taps/spread taps; sets of a and b integers have at least a + b - 1 sums. Boxes of `box` positions
 * `stride` apart are (box - 1) stride + taps long, with the lines in between that no tap touches,
 * and overlap by no more than taps - stride. */
double td__held_lines(const td_problem *p, int axis, const int32_t *spread, int32_t box) {
    double here = spread[TD_P + axis], taps_here = spread[TD_R + axis];
    double out = p->dim[TD_P + axis] / here, taps = p->dim[TD_R + axis] / taps_here;
    double lines = out + taps - 1;
    bool gaps = false;
    if (p->dilation[axis] == 1 && taps_here == 1) {
        double s = p->stride[axis], all = (box - 1) * s + taps, step = box * s;
        gaps = box > 1 && taps < s;
        lines = (out / box - 1) * (step < all ? step : all) + all;
    }
    lines *= here;
    int32_t before = p->pad[axis], after = p->pad[2 + axis];
    if (gaps) {
        lines -= here * (before + after);
    } else if (before + after > 0) {
        /* Position i from the border touches at most pad - i * stride made lines. */
        double lost = 0, s = p->stride[axis];
        double span = ((double)p->dim[TD_R + axis] - 1) * p->dilation[axis] + 1;
        for (int side = 0; side < 2; side++)
            for (double rest = side ? after : before; rest > 0; rest -= s)
                lost += rest < span ? rest : span;
        if (lost > here * (before + after)) lost = here * (before + after);
        lines -= lost;
    }
    return lines > 0 ? lines * taps_here : 0;
}

void td__products_init(td__products *w) {
    for (int l = 0; l <= TD_MAX_LEVELS; l++)
        for (int d = 0; d < TD_NDIM; d++) w->out[l][d] = 1;
}

/* Different sums of a places p apart and b places r apart: (i, j) and (i + r / gcd, j - p / gcd)
 * are the same place. */
double td__map_sums(int64_t a, int64_t p, int64_t b, int64_t r) {
    int64_t x = p, y = r;
    while (y != 0) {
        int64_t rest = x % y;
        x = y;
        y = rest;
    }
    int64_t u = a - r / x, v = b - p / x;
    return (double)(a * b) - (u > 0 && v > 0 ? (double)u * (double)v : 0);
}

/* Most children of a fan that can want the same inputs for standing on a diagonal of P and R (Q and
 * S), whatever the tiles of the level inside: they hold a divisor of the steps in time. */
static double most_shared(const td__space *z, const td__products *w, int l, int axis) {
    const int dp = TD_P + axis, dr = TD_R + axis;
    const int64_t a = w->fan[l]->f[dp], b = w->fan[l]->f[dr];
    if (a == 1 || b == 1) return 1;
    const int32_t *out = w->out[0], *e = w->p->dim;
    const int64_t p = (int64_t)out[dp] / w->out[l][dp] * z->p.stride[axis];
    const int64_t r = (int64_t)out[dr] / w->out[l][dr] * z->p.dilation[axis];
    const int64_t steps = e[dp] / out[dp], taps = e[dr] / out[dr];
    double least = (double)(a * b);
    for (int64_t u = 1; u <= taps; u++) {
        if (taps % u != 0) continue;
        for (int64_t t = 1; t <= steps && t * p <= (b - 1) * r * u; t++) {
            if (steps % t != 0) continue;
            double n = td__map_sums(a, t * p, b, u * r);
            if (n < least) least = n;
        }
    }
    return (double)(a * b) / least;
}

/* Inputs that are on their way to MACs at a time and stand in the image: equal positions on
 * diagonals are one read. Over several levels a and b places have a + b - 1 sums at least (Timeloop
 * looks at each level by itself); and no sum occurs more often than the lesser of the two,
 * whichever lie in the image. */
static double share_diagonals(const td__space *z, const td__products *w, int level, bool made) {
    double share = 1;
    for (int axis = 0; axis < 2; axis++) {
        double a = 1, b = 1, product = 1;
        int levels = 0;
        for (int l = 0; l <= level; l++) {
            const td__fan *f = w->fan[l];
            if (!(z->hw->level[l].multicast & TD_BIT(TD_I))) continue;
            a *= f->f[TD_P + axis];
            b *= f->f[TD_R + axis];
            levels += f->f[TD_P + axis] * f->f[TD_R + axis] > 1;
            if (!made) product *= most_shared(z, w, l, axis);
        }
        if (made)
            share *= a < b ? a : b;
        else
            share *=
                levels <= 1 || z->counting == TD_COUNT_TIMELOOP ? product : a * b / (a + b - 1);
    }
    return share;
}

/* Made zeros are words of the image in Timeloop's counting. */
static bool made_zeros(const td__space *z, const td_problem *p) {
    return z->counting == TD_COUNT_EXACT && (p->pad[0] | p->pad[1] | p->pad[2] | p->pad[3]) != 0;
}

/* Words of overlapping inputs that a level holds over the layer at least, in boxes as the fans
 * inside of level `child` want them. Timeloop has no lines in between. */
static double held_words(const td__space *z, const td__products *w, int level, int child) {
    double words = w->planes * w->copies[level][TD_I];
    for (int axis = 0; axis < 2; axis++) {
        const int d = TD_P + axis;
        int32_t box = z->gaps ? w->out[0][d] / w->out[child + 1][d] : 1;
        words *= td__held_lines(w->p, axis, w->out[level + 1], box);
    }
    return words;
}

void td__multiply(const td__space *z, td__products *w) {
    const int32_t *e = w->p->dim;
    double used = 1, copies[TD_NTENSOR] = {1, 1, 1}, shared[TD_NTENSOR] = {1, 1, 1};
    bool sums = false;
    w->sums_above[z->n] = false;
    for (int l = z->n - 1; l >= 0; l--) {
        const td__fan *f = w->fan[l];
        w->used[l] = used;
        used *= f->total;
        for (int t = 0; t < TD_NTENSOR; t++) {
            w->copies[l][t] = copies[t];
            copies[t] *= f->idle[t];
        }
        sums |= f->idle[TD_O] > 1;
        w->sums_above[l] = sums;
        for (int d = 0; d < TD_NDIM; d++) w->out[l][d] = w->out[l + 1][d] * f->f[d];
    }
    for (int l = 0; l < z->n; l++) {
        const td_level *v = &z->hw->level[l];
        for (int t = 0; t < TD_NTENSOR; t++) {
            w->shared[l][t] = shared[t];
            if ((t == TD_O ? v->reduce : v->multicast) & TD_BIT(t)) shared[t] *= w->fan[l]->idle[t];
        }
    }
    for (int t = 0; t < TD_NTENSOR; t++) w->shared[z->n][t] = shared[t];
    w->sums = e[TD_C] > 1 || e[TD_R] > 1 || e[TD_S] > 1;
    w->macs = w->compute * used;
    w->planes = (double)e[TD_N] * e[TD_G] * e[TD_C];
    w->words[TD_W] = (double)e[TD_G] * e[TD_K] * e[TD_C] * e[TD_R] * e[TD_S];
    w->words[TD_O] = (double)e[TD_N] * e[TD_G] * e[TD_K] * e[TD_P] * e[TD_Q];
    w->words[TD_I] = w->planes * z->inside; /* if plain: every position is a word of the image */
    w->fed = w->macs;
    if (made_zeros(z, w->p)) w->fed *= z->inside / ((double)e[TD_P] * e[TD_Q] * e[TD_R] * e[TD_S]);
    for (int i = 0; i < z->n_limits; i++) {
        const td__limit *v = &z->limit[i];
        const double per = v->per_bit / w->used[v->level];
        w->read[i] = v->read * per;
        w->write[i] = v->write * per;
    }
    if (z->plain) return;
    for (int l = 0; l < z->n; l++)
        if (z->may[l] & TD_BIT(TD_I)) w->held[l] = held_words(z, w, l, l);
}

static bool moves_plane(const td__products *w, int child, int parent) {
    for (int d = TD_P; d <= TD_S; d++)
        if (w->out[child + 1][d] != w->out[parent + 1][d]) return true;
    return false;
}

/* Words that the children of a link get at least (M = 1), and words that the parent gives for them.
 * Child -1: what the MACs take. */
static inline void link_words(const td__space *z, const td__products *w, int child, int parent,
                              int t, double *in, double *out) {
    double share = w->shared[parent + 1][t] / w->shared[child + 1][t];
    if (child < 0) {
        *in = t == TD_I ? w->fed : w->macs;
        *out = *in / share;
        if (t == TD_I && !z->plain && (w->out[0][TD_P] > 1 || w->out[0][TD_Q] > 1) &&
            (w->out[0][TD_R] > 1 || w->out[0][TD_S] > 1))
            *out /= share_diagonals(z, w, parent, made_zeros(z, w->p));
        return;
    }
    if (t == TD_I && !z->plain) {
        *in = w->held[child];
        *out = z->gaps ? held_words(z, w, parent, child) : w->held[parent];
        if (*in / share > *out && !moves_plane(w, child, parent)) *out = *in / share;
        return;
    }
    *in = w->words[t] * w->copies[child][t];
    *out = *in / share;
}

/* ---- tolls ----------------------------------------------------------------------------------- */

static inline void charge(const td__space *z, const td__products *w, int level, double read_bits,
                          double write_bits, td__toll *t) {
    for (int i = z->limit_of[level]; i < z->limit_of[level + 1]; i++)
        t->cycles[i] += read_bits * w->read[i] + write_bits * w->write[i];
}

static inline void charge_read(const td__space *z, const td__products *w, int level, int kind,
                               double words, td__toll *t) {
    const double bits = words * z->bits[kind];
    t->pj += words * z->rd[level][kind];
    for (int i = z->limit_of[level]; i < z->limit_of[level + 1]; i++)
        t->cycles[i] += bits * w->read[i];
}

static inline void charge_fill(const td__space *z, const td__products *w, int level, int kind,
                               double words, td__toll *t) {
    const double bits = words * z->bits[kind];
    t->pj += words * z->fl[level][kind];
    for (int i = z->limit_of[level]; i < z->limit_of[level + 1]; i++)
        t->cycles[i] += bits * w->write[i];
}

/* An update of an output, which reads what stood there. */
static inline void charge_update(const td__space *z, const td__products *w, int level, int kind,
                                 double words, td__toll *t) {
    t->pj += words * (z->up[level][kind] + z->rd[level][kind]);
    charge(z, w, level, words * z->bits[kind], words * z->bits[kind], t);
}

/* An output that goes to the parent and, unless it was the last time, comes back. Timeloop does not
 * count the read. */
static inline void charge_drain(const td__space *z, const td__products *w, int level, int kind,
                                double words, td__toll *t) {
    bool read = z->counting == TD_COUNT_EXACT;
    t->pj += words * (z->fl[level][kind] + (read ? z->rd[level][kind] : 0));
    charge(z, w, level, read ? words * z->bits[kind] : 0, words * z->bits[kind], t);
}

/* What is counted too much by the two: first updates need no read, first drains are not followed by
 * a fill. */
static inline void charge_off(const td__space *z, const td__products *w, int level, int kind,
                              bool top, double words, td__toll *t) {
    charge_read(z, w, level, kind, words, t);
    if (!top) charge_fill(z, w, level, kind, words, t);
}

static inline int inside(unsigned keepers, int level) {
    keepers &= TD_BIT(level) - 1;
    return keepers != 0 ? 31 - __builtin_clz(keepers) : -1;
}

/* What reaches the parent of an output link: sums, unless nothing is summed outside of the child.
 */
static inline int updates(const td__products *w, unsigned sums, int child) {
    bool wide = child < 0 ? w->sums : w->sums_above[child + 1] || (sums & TD_BIT(child + 1));
    return wide ? TD__SUMS : TD_O;
}

void td__chain_toll(const td__space *z, const td__products *w, int t, unsigned keepers,
                    unsigned sums, td__toll *sum) {
    for (int l = z->top[t], child; l >= 0; l = child) {
        double in, out;
        child = inside(keepers, l);
        link_words(z, w, child, l, t, &in, &out);
        if (z->skewed) sum->skew += td__link_skew(z, w, t, l, child);
        if (t != TD_O) {
            charge_read(z, w, l, t, out, sum);
            if (child >= 0) charge_fill(z, w, child, t, in, sum);
            continue;
        }
        int kind = updates(w, sums, child);
        charge_update(z, w, l, kind, out, sum);
        if (l == z->top[t] || z->counting != TD_COUNT_EXACT)
            charge_read(z, w, l, kind, -w->words[TD_O] * w->copies[l][TD_O], sum);
    }
}

void td__last_toll(const td__space *z, const td__products *w, int t, unsigned keepers,
                   unsigned sums, td__toll *last) {
    td__toll_set(z, last, 0);
    int child = __builtin_ctz(keepers), parent = child + 1;
    if (child == z->top[t]) return;
    while (!(keepers & TD_BIT(parent))) parent++;
    double in, out;
    link_words(z, w, child, parent, t, &in, &out);
    if (z->skewed) last->skew = td__link_skew(z, w, t, parent, child);
    if (t != TD_O) {
        charge_read(z, w, parent, t, out, last);
        charge_fill(z, w, child, t, in, last);
    } else {
        charge_update(z, w, parent, updates(w, sums, child), out, last);
        charge_drain(z, w, child, w->sums ? TD__SUMS : TD_O, in, last);
    }
}

/* ---- building -------------------------------------------------------------------------------- */

static void build_plain(const td__space *z, const td__products *w, int t, td__link *k, double out) {
    td__toll_set(z, &k->own[0], 0);
    charge_read(z, w, k->parent, t, out, &k->own[0]);
    charge_fill(z, w, k->child, t, k->base_fill, &k->own[0]);
}

static void build_overlapping(const td__space *z, const td__products *w, td__link *k) {
    td__toll_set(z, &k->read, 0);
    td__toll_set(z, &k->fill, 0);
    charge_read(z, w, k->parent, TD_I, 1, &k->read);
    charge_fill(z, w, k->child, TD_I, 1, &k->fill);
    k->planes = w->planes * w->copies[k->child][TD_I];
    k->distinct = 1;
    for (int axis = 0; axis < 2; axis++) {
        for (int l = k->child + 1; l <= k->parent; l++)
            if (z->hw->level[l].multicast & TD_BIT(TD_I)) k->distinct /= most_shared(z, w, l, axis);
        k->held[0][axis] = td__held_lines(w->p, axis, w->out[k->child + 1], 1);
        k->held[1][axis] = td__held_lines(w->p, axis, w->out[k->parent + 1], 1);
    }
    k->copies = w->shared[k->parent + 1][TD_I] / w->shared[k->child + 1][TD_I];
    for (int axis = 0; axis < 2; axis++) {
        k->apart[axis] = k->taps[axis] = 1;
        for (int l = k->child + 1; l <= k->parent; l++) {
            const td__fan *f = w->fan[l];
            k->apart[axis] *= f->f[TD_P + axis];
            k->taps[axis] *= f->f[TD_R + axis];
        }
    }
}

/* The parent's share of an output link; the innermost keeper's drains go with the last link. */
static void build_output(const td__space *z, const td__products *w, td__link *k, double out,
                         bool last, int inner_kind) {
    bool top = k->parent == z->top[TD_O];
    for (int v = 0; v < 2; v++) {
        int kind = v == 1 || k->sums ? TD__SUMS : TD_O;
        td__toll_set(z, &k->own[v], 0);
        td__toll_set(z, &k->drain[v], 0);
        td__toll_set(z, &k->off_own[v], 0);
        charge_update(z, w, k->parent, kind, out, &k->own[v]);
        charge_off(z, w, k->parent, kind, top, w->words[TD_O] * w->copies[k->parent][TD_O],
                   &k->off_own[v]);
        if (!top)
            charge_drain(z, w, k->parent, kind, w->words[TD_O] * w->copies[k->parent][TD_O],
                         &k->drain[v]);
        if (!last) continue;
        charge_drain(z, w, k->child, inner_kind, k->base_fill, &k->own[v]);
        charge_off(z, w, k->child, inner_kind, false, k->base_fill, &k->off_own[v]);
    }
}

static void build_links(const td__space *z, const td__products *w, td__root *r, int t) {
    bool any = w->sums;
    unsigned keepers = 0;
    for (int l = 0; l < z->n; l++)
        if (r->keep[l] & TD_BIT(t)) keepers |= TD_BIT(l);
    int n = 0;
    for (int l = z->top[t], child; l >= 0; l = child) {
        double in, out;
        child = inside(keepers, l);
        link_words(z, w, child, l, t, &in, &out);
        if (t == TD_O) r->sums[l] = child < 0 ? any : w->sums_above[child + 1];
        const double skew = z->skewed ? td__link_skew(z, w, t, l, child) : 0;
        if (child < 0 || (t == TD_I && !z->plain)) r->mac.skew += skew;
        if (child >= 0) {
            td__link *k = &r->link[t][n++];
            k->parent = (int8_t)l;
            k->child = (int8_t)child;
            k->base_fill = in;
            k->base_read = out;
            k->sums = t == TD_O && w->sums_above[child + 1];
            if (t == TD_O)
                build_output(z, w, k, out, inside(keepers, child) < 0, any ? TD__SUMS : TD_O);
            else if (t == TD_W || z->plain)
                build_plain(z, w, t, k, out);
            else
                build_overlapping(z, w, k);
            if (t != TD_I || z->plain) k->own[0].skew = k->own[1].skew = skew;
        } else if (t == TD_O) {
            charge_update(z, w, l, any ? TD__SUMS : TD_O, out, &r->mac);
            if (l == z->top[t])
                charge_read(z, w, l, any ? TD__SUMS : TD_O, -w->words[t] * w->copies[l][t],
                            &r->mac);
        } else {
            charge_read(z, w, l, t, out, &r->mac);
            if (t != TD_I) continue;
            r->fed_level = (int8_t)l;
            r->fed = out;
            r->feed = in / (w->shared[l + 1][t] / w->shared[0][t]);
            td__toll_set(z, &r->feed_toll, 0);
            charge_read(z, w, l, t, 1, &r->feed_toll);
        }
    }
    r->links[t] = n;

    /* From one link on inwards. A link inside costs at least as many fetches as one outside. */
    for (int i = n - 1; i >= 0; i--) {
        td__link *k = &r->link[t][i];
        if (t == TD_O) {
            for (int v = 0; v < 2; v++) {
                k->toll[v] = k->own[v];
                k->off[v] = k->off_own[v];
                if (i + 1 == n) continue;
                td__toll_add(z, &k->toll[v], 1, &k[1].toll[v]);
                td__toll_add(z, &k->toll[v], 1, &k[1].drain[v]);
                td__toll_add(z, &k->off[v], 1, &k[1].off[v]);
            }
        } else if (t == TD_W || z->plain) {
            k->toll[0] = k->own[0];
            if (i + 1 < n) td__toll_add(z, &k->toll[0], 1, &k[1].toll[0]);
        } else {
            td__toll_set(z, &k->rest, 0);
            if (i + 1 == n) continue;
            k->rest = k[1].rest;
            k->rest.pj += k[1].base_read * k[1].read.pj + k[1].base_fill * k[1].fill.pj;
            for (int j = 0; j < z->n_limits; j++)
                k->rest.cycles[j] +=
                    k[1].base_read * k[1].read.cycles[j] + k[1].base_fill * k[1].fill.cycles[j];
        }
    }
}

/* Loops stand where something is kept: at a level that keeps nothing they would do what they do at
 * the next outer one. Not so if some dim may not loop there (others may have to stand inside of
 * it), if orders are fixed, and where inputs overlap, for dims that a fan in between spreads: which
 * words its children share depends on whether they are walked through inside of the fan or outside.
 */
static bool place_loops(const td__space *z, td__root *r) {
    unsigned need = 0, outer = 0, all = 0, between = 0;
    for (int d = 0; d < TD_NDIM; d++)
        if (r->time[d] > 1) need |= TD_BIT(d);
    r->m = 0;
    for (int l = z->n - 1; l >= 0; l--) {
        unsigned matter = z->ordered || (need & ~outer) ? 0xffu : ~outer;
        for (int axis = 0; axis < 2; axis++) {
            unsigned dims = (unsigned)(TD_BIT(TD_P + axis) | TD_BIT(TD_R + axis));
            if (between & dims) matter |= dims;
        }
        if (r->keep[l] || (z->time[l] & need & matter)) {
            const unsigned here = z->time[l] & (r->keep[l] ? 0xffu : matter);
            r->level[r->m] = (int8_t)l;
            r->here[r->m++] = (uint8_t)here;
            outer = r->keep[l] ? here : outer | here;
            if (r->keep[l]) between = 0;
            for (int axis = 0; axis < 2; axis++) {
                unsigned dims = (unsigned)(TD_BIT(TD_P + axis) | TD_BIT(TD_R + axis));
                if ((need & dims & ~here) == 0) between &= ~dims;
            }
        }
        for (int d = 0; d < TD_NDIM; d++)
            if (!z->plain && r->fan[l].f[d] > 1) between |= TD_BIT(d);
        all |= between;
    }
    r->diagonal = false;
    for (int axis = 0; axis < 2; axis++)
        r->diagonal |= (all & TD_BIT(TD_P + axis)) && (all & TD_BIT(TD_R + axis));
    unsigned later = 0;
    for (int i = r->m - 1; i >= 0; i--) {
        later |= r->here[i];
        r->later[i] = (uint8_t)later;
    }
    return (need & ~later) == 0;
}

bool td__root_build(const td__space *z, td__root *r) {
    r->z = z;
    r->compute = 1;
    for (int d = 0; d < TD_NDIM; d++) r->compute *= r->time[d];
    if (!place_loops(z, r)) return false;
    td__products w;
    td__products_init(&w);
    w.p = &r->p;
    w.compute = r->compute;
    for (int l = 0; l < z->n; l++) w.fan[l] = &r->fan[l];
    td__multiply(z, &w);
    for (int d = 0; d < TD_NDIM; d++) r->inner[0][d] = 1;
    for (int l = 0; l < z->n; l++)
        for (int d = 0; d < TD_NDIM; d++) r->inner[l + 1][d] = r->inner[l][d] * r->fan[l].f[d];
    td__toll_set(z, &r->mac, 0);
    r->mac.pj = w.macs * z->mac_pj;
    r->mac.skew = z->skew;
    for (int t = 0; t < TD_NTENSOR; t++) build_links(z, &w, r, t);
    return true;
}
