/* Counting by Timeloop's rules (its nest analysis as of 2025, with the approximations), in closed
 * form. The rules in our words, and how they differ from exact counting: docs/cost-model.md. */
#include <string.h>

#include "cost_nest.h"
#include "cost_offsets.h"

/* Timeloop samples each loop at its iterations 0 and 1 and remembers one move of the box: a step
 * costs nothing if the box stays, what is new if it moves as before (or for the first time), and
 * the whole box if it moves in another way. When loop k advances, the inner loops j go back from
 * index 1, so the move is v_k - (v_1 + .. + v_{k-1}). Leaving out the innermost loops that do not
 * move the box, the remembered move is v_1 whenever an outer loop advances: the recursion of the
 * rule collapses to one pass (proved against it in tests/cost/test_timeloop_rules.c). */
static double input_traffic(const td__nest *z, int child) {
    const int32_t *tile = z->tile[child + 1];
    const int32_t e_h = td__span(z, tile, 0), e_w = td__span(z, tile, 1);
    const double planes = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];
    const double full = planes * e_h * e_w;
    const unsigned far =
        TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_C); /* such a move leaves the box */

    int k = z->t0[child + 1];
    if (td__forgets(z, child, TD_I)) return full * z->outer[k];
    while (k < z->nt && z->t[k].dim == TD_K) k++;
    if (k == z->nt) return full;
    if (far & TD_BIT(z->t[k].dim)) return full * z->outer[k];

    int32_t first[2] = {0, 0}, sum[2];
    first[z->t[k].axis] = z->t[k].move;
    double left = full;
    if (first[0] < e_h && first[1] < e_w)
        left -= planes * (double)(e_h - first[0]) * (e_w - first[1]);
    double n = full + z->outer[k + 1] * (z->t[k].bound - 1) * left;
    sum[0] = first[0];
    sum[1] = first[1];
    for (k++; k < z->nt; k++) {
        if (far & TD_BIT(z->t[k].dim)) return n + full * (z->outer[k] - 1);
        int32_t move[2] = {0, 0};
        if (z->t[k].axis >= 0) move[z->t[k].axis] = z->t[k].move;
        int32_t d_h = move[0] - sum[0], d_w = move[1] - sum[1];
        if (d_h != 0 || d_w != 0)
            n += (z->t[k].bound - 1) * z->outer[k + 1] *
                 (d_h == first[0] && d_w == first[1] ? left : full);
        sum[0] += move[0];
        sum[1] += move[1];
    }
    return n;
}

double td__timeloop_traffic(const td__nest *z, int child, int t) {
    return t == TD_I && child >= 0 ? input_traffic(z, child) : td__block_traffic(z, child, t);
}

/* Offsets of the children of one level along a rank of the input (axis 0: h, 1: w). */
static void child_offsets(const td__nest *z, int level, int axis, td__offsets *a) {
    td__offsets_clear(a);
    for (int k = z->s0[level]; k < z->s0[level + 1]; k++) {
        const td__loop *x = &z->s[k];
        if (x->axis == axis) td__offsets_add(a, x->move, x->bound);
    }
    td__offsets_normalize(a);
}

/* Children with different words, of those that share a read; all of them without multicast. */
double td__timeloop_children(const td__nest *z, int level, int t) {
    const td_level *l = &z->hw->level[level];
    if (z->fan[level] <= 1) return 1;
    if (!((t == TD_O ? l->reduce : l->multicast) & TD_BIT(t))) return z->fan[level];
    if (t != TD_I) return z->distinct[level][t];
    double distinct = 1;
    int halos[2] = {0, 0};
    for (int k = z->s0[level]; k < z->s0[level + 1]; k++) {
        const td__loop *x = &z->s[k];
        if (x->axis >= 0)
            halos[x->axis]++;
        else if (x->dim != TD_K)
            distinct *= x->bound;
    }
    if (halos[0] < 2 && halos[1] < 2) return z->distinct[level][TD_I]; /* no sums to coincide */
    for (int axis = 0; axis < 2; axis++) {
        td__offsets a;
        child_offsets(z, level, axis, &a);
        distinct *= td__offsets_count(&a);
    }
    return distinct;
}

/* Words that one instance ever holds: the share of its tile in the box of its siblings, level by
 * level, in whole numbers. */
double td__timeloop_partition(const td__nest *z, int level, int t) {
    /* Ranks of W and O are single dims: no remainders. */
    if (t != TD_I) return z->total[t] / z->above[level][t];
    double part = z->total[TD_I];
    for (int i = z->n - 2; i >= level; i--) {
        if (z->distinct[i + 1][TD_I] <= 1) continue;
        const int32_t *e = z->tile[i + 1];
        int32_t box[TD_NDIM];
        memcpy(box, e, sizeof box);
        for (int k = z->s0[i + 1]; k < z->s0[i + 2]; k++) box[z->s[k].dim] *= z->s[k].bound;
        double whole =
            (double)box[TD_N] * box[TD_G] * box[TD_C] * td__span(z, box, 0) * td__span(z, box, 1);
        double tile = (double)e[TD_N] * e[TD_G] * e[TD_C] * td__span(z, e, 0) * td__span(z, e, 1);
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
        double n = z->outer[0];
        for (int l = 0; l <= z->top[t]; l++) {
            children *= td__timeloop_children(z, l, t);
            if (!(z->m->keep[l] & TD_BIT(t))) continue;
            td_access *a = &c->at[l][t];
            a->partition_words = td__timeloop_partition(z, l, t);
            if (t == TD_O) {
                a->updates = n * children;
                a->reads = a->updates - a->partition_words;
                if (child >= 0) c->at[child][t].fills = n - c->at[child][t].partition_words;
            } else {
                a->reads = n * children;
                if (child >= 0) c->at[child][t].fills = n;
            }
            if (l == z->top[t]) break;
            child = l;
            children = 1;
            n = td__timeloop_traffic(z, child, t);
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
        if (x->axis != axis) continue;
        step[n] = x->move;
        count[n++] = x->bound;
    }
    td__offsets a;
    child_offsets(z, level, axis, &a);
    for (int64_t x = 0; x != INT64_MAX; x = td__offsets_next(&a, x))
        sizes = put(out, sizes, max, ways(step, count, n, x), 1);
    return sizes;
}

int td__timeloop_histogram(const td__nest *z, int level, int t, td_delivery *out, int max) {
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
