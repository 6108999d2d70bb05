/* Exact counting: the words that move when every loop runs in its true order and every buffer holds
 * its current tile only. Rules and proofs: docs/cost-model.md; tests/cost/ compares with a
 * simulator that walks the steps. */
#include "cost_nest.h"
#include "cost_offsets.h"

/* Children that stand between a keeper and the next inner one, by what they share. */
typedef struct {
    double apart;      /* groups whose words never coincide, or are fetched separately */
    bool halos;        /* some children of a group are offset along h or w */
    td__offsets at[2]; /* along h and w within a group */
} children;

static inline void input_children(const td__nest *z, int child, int level, children *c) {
    c->apart = 1;
    c->halos = false;
    td__offsets_clear(&c->at[0]);
    td__offsets_clear(&c->at[1]);
    for (int k = z->s0[child + 1]; k < z->s0[level + 1]; k++) {
        const td__loop *x = &z->s[k];
        if (!(z->hw->level[x->level].multicast & TD_BIT(TD_I))) {
            c->apart *= x->bound;
        } else if (x->axis >= 0) {
            td__offsets_add(&c->at[x->axis], x->move, x->bound);
            c->halos = true;
        } else if (x->dim != TD_K) {
            c->apart *= x->bound;
        }
    }
    if (!c->halos) return;
    td__offsets_normalize(&c->at[0]);
    td__offsets_normalize(&c->at[1]);
}

/* Reads (W) or updates (O) of a keeper for one word moved at each of its children. */
static inline double block_children(const td__nest *z, int child, int level, int t) {
    double n = 1;
    for (int l = child + 1; l <= level; l++) {
        const td_level *v = &z->hw->level[l];
        bool shared = (t == TD_O ? v->reduce : v->multicast) & TD_BIT(t);
        n *= shared ? z->distinct[l][t] : z->fan[l];
    }
    return n;
}

static inline int32_t magnitude(int32_t x) {
    return x < 0 ? -x : x;
}

/* How far a child's box moves when a loop advances and the ones inside of it go back to 0. */
typedef struct {
    int32_t back[2], d[2];
} moves;

static inline void advance(moves *m, const td__loop *x) {
    for (int axis = 0; axis < 2; axis++) {
        const int32_t move = x->axis == axis ? x->move : 0;
        m->d[axis] = magnitude(move - m->back[axis]);
        m->back[axis] += (x->bound - 1) * move;
    }
}

/* Input words: *own is what one child fetches over the run, *reads what the keeper gives. Step by
 * step the new words are |new| - |new and old|; when loop k advances and the inner ones go back to
 * 0, the box moves by d = v_k - sum_{j<k} (b_j - 1) v_j, whatever the outer indices are. */
void td__exact_input(const td__nest *z, int child, int level, double *own, double *reads) {
    children c;
    input_children(z, child, level, &c);
    if (child < 0) { /* MACs hold nothing: everything is new in every step */
        *own = z->outer[0];
        *reads = z->outer[0] * c.apart;
        if (c.halos) *reads *= td__offsets_count(&c.at[0]) * td__offsets_count(&c.at[1]);
        return;
    }
    const int32_t *tile = z->tile[child + 1];
    const int32_t e[2] = {td__span(z, tile, 0), td__span(z, tile, 1)};
    const double planes = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];

    /* Steps before the first loop that moves the box cost nothing; all others cost the box less
     * what it keeps. Nothing is kept once a loop over N, G or C has started. */
    enum { RESTART = TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_C) };
    const bool forgets = td__forgets(z, child, TD_I);
    int k = z->t0[child + 1];
    while (k < z->nt && z->t[k].dim == TD_K && !forgets) k++;
    const int end = forgets ? k : z->nt;
    double sum = (double)e[0] * e[1] * z->outer[k];
    moves m = {{0}, {0}};
    if (!c.halos) {
        for (; k < end && !(z->t[k].bit & RESTART); k++) {
            advance(&m, &z->t[k]);
            const int32_t h = e[0] - m.d[0], w = e[1] - m.d[1];
            const double kept = (double)(h > 0 ? h : 0) * (w > 0 ? w : 0);
            sum -= (z->t[k].bound - 1) * z->outer[k + 1] * kept;
        }
        *own = planes * sum;
        *reads = planes * c.apart * sum;
        return;
    }
    double joint = td__offsets_covered(&c.at[0], e[0], 0) * td__offsets_covered(&c.at[1], e[1], 0) *
                   z->outer[k];
    for (; k < end && !(z->t[k].bit & RESTART); k++) {
        advance(&m, &z->t[k]);
        if (m.d[0] >= e[0] || m.d[1] >= e[1]) continue;
        const double steps = (z->t[k].bound - 1) * z->outer[k + 1];
        sum -= steps * ((double)(e[0] - m.d[0]) * (e[1] - m.d[1]));
        joint -= steps * (td__offsets_covered(&c.at[0], e[0], m.d[0]) *
                          td__offsets_covered(&c.at[1], e[1], m.d[1]));
    }
    *own = planes * sum;
    *reads = planes * c.apart * joint;
}

/* Distinct input words that an instance of `level` ever holds. */
static double input_partition(const td__nest *z, int level) {
    const int32_t *tile = z->tile[level + 1];
    double words = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];
    const int32_t e[2] = {td__span(z, tile, 0), td__span(z, tile, 1)};
    if (z->t0[level + 1] == z->nt) return words * e[0] * e[1];
    td__offsets at[2];
    td__offsets_clear(&at[0]);
    td__offsets_clear(&at[1]);
    for (int k = z->t0[level + 1]; k < z->nt; k++) {
        const td__loop *x = &z->t[k];
        if (x->axis >= 0)
            td__offsets_add(&at[x->axis], x->move, x->bound);
        else if (x->dim != TD_K)
            words *= x->bound;
    }
    for (int axis = 0; axis < 2; axis++) {
        td__offsets_normalize(&at[axis]);
        words *= td__offsets_covered(&at[axis], e[axis], 0);
    }
    return words;
}

void td__count_exact(const td__nest *z, td_cost *c) {
    const td_problem *p = z->p;
    const bool padded = (p->pad[0] | p->pad[1] | p->pad[2] | p->pad[3]) != 0;
    for (int l = 0; l < z->n; l++) {
        const unsigned keep = z->m->keep[l];
        if (keep & TD_BIT(TD_W)) {
            int child = z->child[l][TD_W];
            double own = td__block_traffic(z, child, TD_W);
            c->at[l][TD_W].partition_words = z->total[TD_W] / z->above[l][TD_W];
            c->at[l][TD_W].reads = own * block_children(z, child, l, TD_W);
            if (child >= 0) c->at[child][TD_W].fills = own;
        }
        if (keep & TD_BIT(TD_I)) {
            int child = z->child[l][TD_I];
            double own, reads;
            if (padded) {
                c->at[l][TD_I].partition_words = td__padded_partition(z, l);
                td__count_padded_input(z, child, l, &reads, &own);
            } else {
                c->at[l][TD_I].partition_words = input_partition(z, l);
                td__exact_input(z, child, l, &own, &reads);
            }
            c->at[l][TD_I].reads = reads;
            if (child >= 0) c->at[child][TD_I].fills = own;
        }
        if (keep & TD_BIT(TD_O)) {
            int child = z->child[l][TD_O];
            td_access *a = &c->at[l][TD_O];
            double own = td__block_traffic(z, child, TD_O);
            a->partition_words = z->total[TD_O] / z->above[l][TD_O];
            a->updates = own * block_children(z, child, l, TD_O);
            a->reads = a->updates - a->partition_words;
            if (child >= 0) { /* the child is read to drain; partial sums come back to it */
                td_access *b = &c->at[child][TD_O];
                b->reads += own;
                b->fills = own - b->partition_words;
            }
        }
    }
}
