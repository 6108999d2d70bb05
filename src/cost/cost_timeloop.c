/* Counting by Timeloop's rules (its nest analysis as of 2025, with the approximations), in closed
 * form. The rules in our words, and how they differ from exact counting: docs/cost-model.md. */
#include "cost_nest.h"
#include "cost_offsets.h"

/* Rows (axis 0) or columns (1) of the input that a tile of P x R (Q x S) spans. */
static inline int64_t span(const td_problem *p, const int32_t *tile, int axis) {
    return (int64_t)(tile[TD_P + axis] - 1) * p->stride[axis] +
           (int64_t)(tile[TD_R + axis] - 1) * p->dilation[axis] + 1;
}

/* How far the input box moves when loop x advances. */
static inline void move_of(const td_problem *p, const td__loop *x, int64_t *h, int64_t *w) {
    *h = *w = 0;
    switch (x->dim) {
    case TD_P: *h = (int64_t)x->step * p->stride[0]; break;
    case TD_R: *h = (int64_t)x->step * p->dilation[0]; break;
    case TD_Q: *w = (int64_t)x->step * p->stride[1]; break;
    case TD_S: *w = (int64_t)x->step * p->dilation[1]; break;
    default: break;
    }
}

/* Timeloop samples each loop at its iterations 0 and 1 and remembers one move of the box: a step
 * costs nothing if the box stays, what is new if it moves as before (or for the first time), and
 * the whole box if it moves in another way. When loop k advances, the inner loops j go back from
 * index 1, so the move is v_k - (v_1 + .. + v_{k-1}). Leaving out the innermost loops that do not
 * move the box, the remembered move is v_1 whenever an outer loop advances: the recursion of the
 * rule collapses to one pass (proved against it in tests/cost/test_timeloop_rules.c). */
static double input_traffic(const td__nest *z, int child) {
    const td_problem *p = z->p;
    const int32_t *tile = z->tile[child + 1];
    const int64_t e_h = span(p, tile, 0), e_w = span(p, tile, 1);
    const double planes = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];
    const double full = planes * (double)e_h * (double)e_w;
    const unsigned far =
        TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_C); /* such a move leaves the box */

    int k = z->t0[child + 1];
    while (k < z->nt && !(TD__DIMS_I & TD_BIT(z->t[k].dim))) k++;
    if (k == z->nt) return full;
    if (far & TD_BIT(z->t[k].dim)) return full * z->outer[k];

    int64_t h1, w1;
    move_of(p, &z->t[k], &h1, &w1);
    double left = full;
    if (h1 < e_h && w1 < e_w) left -= planes * (double)(e_h - h1) * (double)(e_w - w1);
    double n = full + z->outer[k + 1] * (z->t[k].bound - 1) * left;
    int64_t h_sum = h1, w_sum = w1;
    for (k++; k < z->nt; k++) {
        if (far & TD_BIT(z->t[k].dim)) return n + full * (z->outer[k] - 1);
        int64_t h, w;
        move_of(p, &z->t[k], &h, &w);
        int64_t d_h = h - h_sum, d_w = w - w_sum;
        if (d_h != 0 || d_w != 0)
            n += (z->t[k].bound - 1) * z->outer[k + 1] * (d_h == h1 && d_w == w1 ? left : full);
        h_sum += h;
        w_sum += w;
    }
    return n;
}

double td__timeloop_traffic(const td__nest *z, int child, td_tensor t) {
    if (child < 0) return z->outer[0];
    if (t == TD_I) return input_traffic(z, child);
    int k = z->t0[child + 1];
    while (k < z->nt && !(td__dims_of[t] & TD_BIT(z->t[k].dim))) k++;
    return td__tile_words(z, child, t, false) * z->outer[k];
}

/* Offsets of the children of one level along a rank of the input (axis 0: h, 1: w). */
static void child_offsets(const td__nest *z, int level, int axis, td__offsets *a) {
    td__offsets_clear(a);
    for (int k = z->s0[level]; k < z->s0[level + 1]; k++) {
        const td__loop *x = &z->s[k];
        if (x->dim == TD_P + axis)
            td__offsets_add(a, (int64_t)x->step * z->p->stride[axis], x->bound);
        else if (x->dim == TD_R + axis)
            td__offsets_add(a, (int64_t)x->step * z->p->dilation[axis], x->bound);
    }
    td__offsets_normalize(a);
}

/* Children with different words, of those that share a read; all of them without multicast. */
static double distinct_children(const td__nest *z, int level, td_tensor t) {
    const td_level *l = &z->hw->level[level];
    if (z->fan[level] <= 1) return 1;
    if (!((t == TD_O ? l->reduce : l->multicast) & TD_BIT(t))) return z->fan[level];
    if (t != TD_I) return z->distinct[level][t];
    double distinct = 1;
    int halo[2] = {0, 0};
    for (int k = z->s0[level]; k < z->s0[level + 1]; k++) switch (z->s[k].dim) {
        case TD_K: break;
        case TD_P:
        case TD_R: halo[0]++; goto rank;
        case TD_Q:
        case TD_S: halo[1]++; goto rank;
        default:
        rank:
            distinct *= z->s[k].bound;
        }
    /* Only sums of two loops can coincide. */
    for (int axis = 0; axis < 2; axis++)
        if (halo[axis] > 1) {
            td__offsets a;
            double all = 1;
            child_offsets(z, level, axis, &a);
            for (int k = z->s0[level]; k < z->s0[level + 1]; k++)
                if (z->s[k].dim == TD_P + axis || z->s[k].dim == TD_R + axis) all *= z->s[k].bound;
            distinct *= td__offsets_count(&a) / all;
        }
    return distinct;
}

/* Words that one instance ever holds: the share of its tile in the box of its siblings, level by
 * level, in whole numbers. */
double td__timeloop_partition(const td__nest *z, int level, td_tensor t) {
    double part = td__tile_words(z, z->n - 1, t, false);
    for (int i = z->n - 2; i >= level; i--) {
        if (z->distinct[i + 1][t] <= 1) continue;
        if (t != TD_I) {
            part /= z->distinct[i + 1][t]; /* no remainder: ranks are single dims */
            continue;
        }
        int32_t box[TD_NDIM];
        for (int d = 0; d < TD_NDIM; d++) box[d] = z->tile[i + 1][d];
        for (int k = z->s0[i + 1]; k < z->s0[i + 2]; k++) box[z->s[k].dim] *= z->s[k].bound;
        double whole = (double)box[TD_N] * box[TD_G] * box[TD_C] * (double)span(z->p, box, 0) *
                       (double)span(z->p, box, 1);
        double tile = td__tile_words(z, i, t, false);
        if (part * tile < 0x1p52)
            part = floor(part * tile / whole);
        else
            part = (double)(int64_t)((__int128)part * (__int128)tile / (__int128)whole);
    }
    return part;
}

void td__count_timeloop(const td__nest *z, td_cost *c) {
    for (int t = 0; t < TD_NTENSOR; t++) {
        int child = -1;
        double children = 1; /* that are fetched for separately, over the levels since the child */
        double n = td__timeloop_traffic(z, child, (td_tensor)t);
        double part[TD_MAX_LEVELS];
        for (int l = 0; l <= z->top[t]; l++) {
            children *= distinct_children(z, l, (td_tensor)t);
            if (!(z->m->keep[l] & TD_BIT(t))) continue;
            td_access *a = &c->at[l][t];
            part[l] = a->partition_words = td__timeloop_partition(z, l, (td_tensor)t);
            if (t == TD_O) {
                a->updates = n * children;
                a->reads = a->updates - part[l];
                if (child >= 0) c->at[child][t].fills = n - part[child];
            } else {
                a->reads = n * children;
                if (child >= 0) c->at[child][t].fills = n;
            }
            if (l == z->top[t]) break;
            child = l;
            children = 1;
            n = td__timeloop_traffic(z, child, (td_tensor)t);
        }
    }
}

/* ---- statistics of the networks between levels ------------------------------------------------
 */

/* Adds `targets` children groups of `m` each. */
static int put(td_delivery *out, int n, int max, int32_t m, int32_t targets) {
    int i = 0;
    while (i < n && out[i].multicast < m) i++;
    if (i < n && out[i].multicast == m) {
        out[i].targets += targets;
        return n;
    }
    if (n == max) return n;
    for (int j = n; j > i; j--) out[j] = out[j - 1];
    out[i] = (td_delivery){m, targets, 0};
    return n + 1;
}

/* Number of ways to reach sum x with the progressions of one rank, from loop k on. */
static int32_t ways(const int64_t *step, const int32_t *count, int n, int64_t x) {
    if (n == 0) return x == 0;
    int32_t sum = 0;
    for (int64_t i = 0; i < count[0] && i * step[0] <= x; i++)
        sum += ways(step + 1, count + 1, n - 1, x - i * step[0]);
    return sum;
}

static int rank_histogram(const td__nest *z, int level, int axis, td_delivery *out, int max) {
    int64_t step[TD_MAX_LOOPS];
    int32_t count[TD_MAX_LOOPS];
    int n = 0, sizes = 0;
    for (int k = z->s0[level]; k < z->s0[level + 1]; k++) {
        const td__loop *x = &z->s[k];
        if (x->dim != TD_P + axis && x->dim != TD_R + axis) continue;
        int32_t unit = x->dim == TD_P + axis ? z->p->stride[axis] : z->p->dilation[axis];
        step[n] = (int64_t)x->step * unit;
        count[n++] = x->bound;
    }
    td__offsets a;
    child_offsets(z, level, axis, &a);
    for (int64_t x = 0; x != INT64_MAX; x = td__offsets_next(&a, x))
        sizes = put(out, sizes, max, ways(step, count, n, x), 1);
    return sizes;
}

int td__timeloop_histogram(const td__nest *z, int level, td_tensor t, td_delivery *out, int max) {
    const td_level *v = &z->hw->level[level];
    if (max < 1) return 0;
    if (!((t == TD_O ? v->reduce : v->multicast) & TD_BIT(t))) {
        out[0] = (td_delivery){1, (int32_t)z->fan[level], 0};
        return 1;
    }
    if (t != TD_I) {
        double distinct = z->distinct[level][t];
        out[0] = (td_delivery){(int32_t)(z->fan[level] / distinct), (int32_t)distinct, 0};
        return 1;
    }
    int32_t same = 1, apart = 1; /* K shares everything; N, G and C nothing */
    for (int k = z->s0[level]; k < z->s0[level + 1]; k++) {
        if (z->s[k].dim == TD_K) same *= z->s[k].bound;
        if (z->s[k].dim == TD_N || z->s[k].dim == TD_G || z->s[k].dim == TD_C)
            apart *= z->s[k].bound;
    }
    td_delivery h[TD_MAX_DELIVERIES], w[TD_MAX_DELIVERIES];
    int n_h = rank_histogram(z, level, 0, h, TD_MAX_DELIVERIES);
    int n_w = rank_histogram(z, level, 1, w, TD_MAX_DELIVERIES);
    int n = 0;
    for (int i = 0; i < n_h; i++)
        for (int j = 0; j < n_w; j++)
            n = put(out, n, max, h[i].multicast * w[j].multicast * same,
                    h[i].targets * w[j].targets * apart);
    return n;
}
