/* Exact input traffic of layers with padding: words outside of the image are made, not fetched.
 *
 * The new words of a step are |new| - |new and old|, both cut to the image. Given the loop k that
 * advances, the move is fixed and each rank's position depends on loops of its own dims only, so
 * the sum over all steps in which k advances is a product over ranks of sums over that rank's
 * positions. Summing |new| over all k leaves one sum over all positions. Along h and w, the sums of
 * cut lengths are the uncut ones less what sticks out on either side, and only positions near the
 * border stick out. */
#include "cost_nest.h"
#include "cost_offsets.h"

/* Positions along one rank: sums of progressions, each combination once (they may coincide). all[i]
 * and last[i]: number and largest of the sums of the first i progressions; least[i]: the smallest
 * of their steps. */
typedef struct {
    int n;
    int64_t step[2 * TD_MAX_LOOPS], count[2 * TD_MAX_LOOPS], last[2 * TD_MAX_LOOPS + 1];
    int64_t least[2 * TD_MAX_LOOPS + 1];
    double all[2 * TD_MAX_LOOPS + 1];
} positions;

static inline void clear(positions *x) {
    x->n = 0;
    x->last[0] = 0;
    x->least[0] = INT64_MAX;
    x->all[0] = 1;
}

static inline void push(positions *x, int64_t step, int64_t count) {
    int n = x->n++;
    x->step[n] = step;
    x->count[n] = count;
    x->least[n + 1] = step < x->least[n] ? step : x->least[n];
    x->last[n + 1] = x->last[n] + (count - 1) * step;
    x->all[n + 1] = x->all[n] * (double)count;
}

/* Sum over positions x, of progressions from i on, of min(length, max(0, reach - x)); reach > 0.
 * Few positions are that near to the border: most progressions leave it with their first step. */
static double overhang_from(const positions *x, int i, int64_t reach, int64_t length) {
    while (i < x->n && x->step[i] >= reach) i++;
    if (i == x->n) return (double)(reach < length ? reach : length);
    const int64_t step = x->step[i];
    int last = i + 1;
    while (last < x->n && x->step[last] >= reach) last++;
    double sum = 0;
    if (last < x->n) {
        for (int64_t k = 0; k < x->count[i] && reach > 0; k++, reach -= step)
            sum += overhang_from(x, last, reach, length);
        return sum;
    }
    int64_t n = (reach + step - 1) / step; /* beyond these, reach - x <= 0 */
    if (n > x->count[i]) n = x->count[i];
    int64_t whole = reach > length ? (reach - length) / step + 1 : 0; /* stick out entirely */
    if (whole > n) whole = n;
    double m = (double)(n - whole); /* reach - k step for k = whole .. n - 1 */
    return (double)whole * (double)length + m * (double)reach -
           (double)step * m * (double)(whole + n - 1) / 2;
}

/* The same of all progressions; mostly each leaves the border with its first step. */
static inline double overhang(const positions *x, int64_t reach, int64_t length) {
    if (x->least[x->n] < reach) return overhang_from(x, 0, reach, length);
    return (double)(reach < length ? reach : length);
}

/* One rank of the input (h or w) as seen by the children of one keeper. */
typedef struct {
    int64_t extent, lo, hi; /* of a child's box; image is [lo, hi) */
    double above;           /* instances of the keeper along this rank */
    td__offsets joint;      /* children that share what coincides */
    positions at; /* keepers, children that do not share, temporal loops from the outermost */
} rank;

/* Sum over positions of the part of [base, base + length) that lies in the image. */
static inline double cut_sum(const rank *r, const positions *x, int64_t base, int64_t length) {
    if (length <= 0 || r->hi <= r->lo) return 0;
    double sum = x->all[x->n] * (double)length;
    int64_t low = r->lo - base, high = base + x->last[x->n] + length - r->hi;
    if (low > 0) sum -= overhang(x, low, length);
    if (high > 0) sum -= overhang(x, high, length);
    return sum;
}

static inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* The sum over positions of covered(d) (cost_offsets.h), cut to the image: the run of words whose
 * outermost holder is child a, without the |d| words of it that a did not hold before. The runs
 * start at the right end of the left neighbour's box if d >= 0; if d < 0 they end where the right
 * one's begins. */
static double covered_sum(const rank *r, positions *x, int64_t base, int64_t d) {
    const td__offsets *u = &r->joint;
    const int64_t e = r->extent, m = d < 0 ? -d : d;
    const int n = x->n;
    if (m >= e) return 0;
    double sum = 0;
    if (!u->nested) {
        for (int64_t a = 0, next, before = INT64_MIN; a != INT64_MAX; before = a, a = next) {
            next = td__offsets_next(u, a);
            int64_t gap =
                d < 0 ? (next == INT64_MAX ? e : next - a) : (before == INT64_MIN ? e : a - before);
            gap = least(gap, e);
            sum += cut_sum(r, x, base + a + (d < 0 ? m : e - gap), gap - m);
        }
        return sum;
    }
    int64_t span = 0;
    for (int j = 0; j < u->n; j++) span += (u->count[j] - 1) * u->step[j];
    sum = cut_sum(r, x, base + (d < 0 ? span + m : 0), e - m);
    for (int j = u->n - 1; j >= 0; j--) {
        span -= (u->count[j] - 1) * u->step[j];
        int64_t gap = least(u->step[j] - span, e);
        push(x, u->step[j], u->count[j] - 1);
        sum += cut_sum(r, x, base + (d < 0 ? span + m : u->step[j] + e - gap), gap - m);
        x->n--;
        if (j > 0) push(x, u->step[j], u->count[j]); /* for the finer ones */
    }
    x->n = n;
    return sum;
}

/* Sets up both ranks for tiles of `child` below keepers at `level`, without loops in time. */
static void make_ranks(const td__nest *z, int child, int level, rank r[2]) {
    for (int axis = 0; axis < 2; axis++) {
        r[axis].extent = td__span(z, z->tile[child + 1], axis);
        r[axis].lo = z->p->pad[axis];
        r[axis].hi = (int64_t)(axis == 0 ? z->rows : z->columns) - z->p->pad[2 + axis];
        r[axis].above = 1;
        clear(&r[axis].at);
        td__offsets_clear(&r[axis].joint);
    }
    for (int k = z->ns - 1; k >= z->s0[child + 1]; k--) {
        const td__loop *x = &z->s[k];
        if (x->axis < 0) continue;
        rank *q = &r[x->axis];
        if (x->level <= level && (z->hw->level[x->level].multicast & TD_BIT(TD_I))) {
            td__offsets_add(&q->joint, x->move, x->bound);
            continue;
        }
        push(&q->at, x->move, x->bound);
        if (x->level > level) q->above *= x->bound;
    }
    for (int axis = 0; axis < 2; axis++) td__offsets_normalize(&r[axis].joint);
}

/* Words that all keepers give to all tiles of `child`, in planes: along h and w only. r is set up
 * for the two levels (for one tile's view: for child twice). */
static double traffic(const td__nest *z, int child, rank r[2]) {
    /* Loops from the first one that moves the box (all of them where nothing is taken over) up to
     * the first over N, G or C, after which nothing is kept. */
    const bool forgets = td__forgets(z, child, TD_I);
    int first = z->t0[child + 1], end;
    if (!forgets)
        while (first < z->nt && z->t[first].dim == TD_K) first++;
    for (end = first; end < z->nt; end++)
        if (z->t[end].axis < 0 && z->t[end].dim != TD_K) break;
    if (forgets) end = first;

    double others = 1; /* steps of the loops that move neither h nor w */
    for (int k = z->nt - 1; k >= first; k--) {
        const td__loop *x = &z->t[k];
        if (x->axis < 0)
            others *= x->bound;
        else
            push(&r[x->axis].at, x->move, x->bound);
    }
    double sum = others;
    for (int axis = 0; axis < 2; axis++) sum *= covered_sum(&r[axis], &r[axis].at, 0, 0);

    int64_t back[2] = {0, 0};
    for (int k = first; k < end; k++) {
        const td__loop *x = &z->t[k];
        int64_t d[2] = {-back[0], -back[1]}, base[2] = {0, 0};
        double steps;
        if (x->axis >= 0) {
            d[x->axis] += x->move;
            back[x->axis] += (x->bound - 1) * (int64_t)x->move;
            r[x->axis].at.n--; /* only loops outside of this one, which is at 1 .. bound - 1 */
            base[x->axis] = x->move;
            steps = others;
        } else {
            others /= x->bound;
            steps = (x->bound - 1) * others;
        }
        if ((d[0] < 0 ? -d[0] : d[0]) >= r[0].extent || (d[1] < 0 ? -d[1] : d[1]) >= r[1].extent)
            continue;
        for (int axis = 0; axis < 2; axis++) {
            positions *at = &r[axis].at;
            const int n = at->n;
            if (axis == x->axis) push(at, x->move, x->bound - 1);
            steps *= covered_sum(&r[axis], at, base[axis], d[axis]);
            at->n = n;
        }
        sum -= steps;
    }
    return sum;
}

void td__count_padded_input(const td__nest *z, int child, int level, double *reads, double *fills) {
    /* Children in dims other than h and w; children at different places of h and w without sharing.
     */
    double apart = 1, offset = 1;
    bool shared = false; /* some children are offset along h or w and share */
    for (int k = z->s0[child + 1]; k < z->s0[level + 1]; k++) {
        const td__loop *x = &z->s[k];
        bool multicast = z->hw->level[x->level].multicast & TD_BIT(TD_I);
        if (x->axis < 0 && (x->dim != TD_K || !multicast)) apart *= x->bound;
        if (x->axis >= 0 && !multicast) offset *= x->bound;
        shared |= x->axis >= 0 && multicast;
    }
    const int32_t *tile = z->tile[child + 1];
    const double planes = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];
    rank r[2];
    double own = 0;
    make_ranks(z, child, child, r);
    if (child >= 0 || !shared) {
        own = planes * traffic(z, child, r);
    }
    /* Whole numbers up to the division, so that averages that are whole stay so. */
    *fills = own / (r[0].above * r[1].above);
    if (!shared) {
        *reads = own * apart * offset / (r[0].above * r[1].above);
        return;
    }
    make_ranks(z, child, level, r);
    *reads = planes * apart * traffic(z, child, r) / (r[0].above * r[1].above);
}

double td__padded_partition(const td__nest *z, int level) {
    const int32_t *tile = z->tile[level + 1];
    double words = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];
    rank r[2];
    make_ranks(z, level, level, r);
    for (int k = z->t0[level + 1]; k < z->nt; k++) {
        const td__loop *x = &z->t[k];
        int axis = x->axis;
        if (axis >= 0)
            td__offsets_add(&r[axis].joint, x->move, x->bound);
        else if (x->dim != TD_K)
            words *= x->bound;
    }
    for (int axis = 0; axis < 2; axis++) {
        td__offsets_normalize(&r[axis].joint);
        words *= covered_sum(&r[axis], &r[axis].at, 0, 0);
    }
    return words / (r[0].above * r[1].above);
}
