/* Exact counting of mappings with imperfect factors. Whether a child works in a step, where its
 * box stands then and where it stood in its step before are decided dim by dim, so every sum over
 * steps and children is a product over ranks (docs/cost-model.md). */
#include "cost_chain.h"
#include "cost_rank.h"

/* Levels between a child and its keeper that serve their children of a tensor together, as bits. */
static unsigned sharing(const td__nest *z, int child, int level, int t) {
    unsigned merged = 0;
    for (int l = child + 1; l <= level; l++) {
        const td_level *v = &z->hw->level[l];
        if ((t == TD_O ? v->reduce : v->multicast) & TD_BIT(t)) merged |= TD_BIT(l);
    }
    return merged;
}

/* A product of folds: over dims of the tensor, and over the others. */
static double fold_dims(const td__chain *c, unsigned dims, int child, int k, td__fold_what what,
                        unsigned merged) {
    double n = 1;
    for (int d = 0; d < TD_NDIM && n != 0; d++)
        if (dims & TD_BIT(d)) n *= td__fold(c, d, child, k, what, merged);
    return n;
}

/* Words of W or O that go in or out of the tiles of `child` over the run, those that several
 * children share counted once: in every step the tiles of the children that work, but for those
 * that have not moved since their step before. */
static double block_traffic(const td__chain *c, int child, int t, unsigned merged) {
    const td__nest *z = c->z;
    const unsigned own = td__dims_of[t], others = ~own;
    double sum = fold_dims(c, own, child, -1, TD__FOLD_WORDS, 0) *
                 fold_dims(c, others, child, -1, TD__FOLD_CHILDREN, merged);
    if (td__forgets(z, child, t)) return sum;
    for (int k = z->t0[child + 1]; k < z->nt; k++) {
        if (own & TD_BIT(z->t[k].dim)) continue;
        double same = fold_dims(c, own, child, k, TD__FOLD_SAME, 0);
        if (same == 0) break; /* nor with more loops that go back */
        sum -= same * fold_dims(c, others, child, k, TD__FOLD_CHILDREN, merged);
    }
    return sum;
}

static double partition(const td__chain *c, int level, int t) {
    return c->z->total[t] *
           fold_dims(c, ~(unsigned)td__dims_of[t], level, c->z->nt, TD__FOLD_CHILDREN, 0);
}

enum { DIMS_APART = TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_C), DIM_K = TD_BIT(TD_K) };

/* The same for inputs. In one step and one group of children, a word is fetched if some child
 * holds it that did not have it before; held and kept words (cost_rank.h) are products over ranks,
 * and so is their sum over the steps in which loop k advances. */
static double input_traffic(const td__chain *c, int child, unsigned merged, bool clip) {
    const td__nest *z = c->z;
    td__rank_view h = {.axis = 0, .child = child, .k = -1, .merged = merged, .clip = clip}, w = h;
    w.axis = 1;
    double held[2], kept[2];
    td__rank_sums(c, &h, &held[0], &kept[0]);
    td__rank_sums(c, &w, &held[1], &kept[1]);
    double sum = fold_dims(c, DIMS_APART, child, -1, TD__FOLD_WORDS, 0) *
                 fold_dims(c, DIM_K, child, -1, TD__FOLD_CHILDREN, merged) * held[0] * held[1];
    if (td__forgets(z, child, TD_I)) return sum;
    for (int k = z->t0[child + 1]; k < z->nt; k++) {
        if (DIMS_APART & TD_BIT(z->t[k].dim)) continue;
        double same = fold_dims(c, DIMS_APART, child, k, TD__FOLD_SAME, 0);
        if (same == 0) break;
        h.k = w.k = k;
        td__rank_sums(c, &h, &held[0], &kept[0]);
        if (kept[0] == 0) continue;
        td__rank_sums(c, &w, &held[1], &kept[1]);
        sum -= same * fold_dims(c, DIM_K, child, k, TD__FOLD_CHILDREN, merged) * kept[0] * kept[1];
    }
    return sum;
}

static double input_partition(const td__chain *c, int level, bool clip) {
    double n = fold_dims(c, DIMS_APART, level, -1, TD__FOLD_WORDS, 0) *
               fold_dims(c, DIM_K, level, c->z->nt, TD__FOLD_CHILDREN, 0);
    for (int axis = 0; axis < 2; axis++) {
        double held, kept;
        td__rank_sums(c,
                      &(td__rank_view){.axis = axis, .child = level, .forever = true, .clip = clip},
                      &held, &kept);
        n *= held;
    }
    return n;
}

void td__count_exact_imperfect(const td__nest *z, td_cost *c) {
    const td_problem *p = z->p;
    const bool clip = (p->pad[0] | p->pad[1] | p->pad[2] | p->pad[3]) != 0;
    td__chain chain;
    td__chain_build(z, &chain);
    const double steps = fold_dims(&chain, ~0u, -1, -1, TD__FOLD_CHILDREN, ~0u);
    c->macs = td_problem_macs(p);
    c->compute_cycles = (int64_t)steps;
    c->mac_used = (int32_t)td__chain_used(&chain, -1);
    for (int l = 0; l < z->n; l++) c->used[l] = td__chain_used(&chain, l);
    for (int l = 0; l < z->n; l++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (!(z->m->keep[l] & TD_BIT(t))) continue;
            const int child = z->child[l][t];
            const unsigned merged = sharing(z, child, l, t);
            td_access *a = &c->at[l][t], *b = child >= 0 ? &c->at[child][t] : NULL;
            double in, own;
            if (t == TD_I) {
                a->partition_words = input_partition(&chain, l, clip);
                in = input_traffic(&chain, child, merged, clip);
                own = child >= 0 ? input_traffic(&chain, child, 0, clip) : 0;
            } else {
                a->partition_words = partition(&chain, l, t);
                in = block_traffic(&chain, child, t, merged);
                own = child >= 0 ? block_traffic(&chain, child, t, 0) : 0;
            }
            if (t != TD_O) {
                a->reads = in;
                if (b != NULL) b->fills = own;
            } else {
                a->updates = in;
                a->reads = in - a->partition_words;
                if (b != NULL) { /* drained; partial sums come back */
                    b->reads += own;
                    b->fills = own - b->partition_words;
                }
            }
        }
    /* Totals of all instances so far. */
    for (int l = 0; l < z->n; l++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            td_access *a = &c->at[l][t];
            a->partition_words /= c->used[l];
            a->reads /= c->used[l];
            a->fills /= c->used[l];
            a->updates /= c->used[l];
        }
}
