/* Exact counting: the words that move when every loop runs in its true order and every buffer holds
 * its current tile only. Rules and proofs: docs/cost-model.md; tests/cost/ compares with a
 * simulator that walks the steps. */
#include "cost_nest.h"
#include "cost_offsets.h"

/* Children that stand between a keeper and the next inner one, by what they share. */
typedef struct {
    double apart;      /* number of groups whose words never coincide, or are fetched separately */
    int halos;         /* progressions in h and w */
    td__offsets at[2]; /* offsets along h and w within a group */
} children;

static inline int64_t unit_of(const td_problem *p, int dim) {
    switch (dim) {
    case TD_P: return p->stride[0];
    case TD_Q: return p->stride[1];
    case TD_R: return p->dilation[0];
    case TD_S: return p->dilation[1];
    default: return 0;
    }
}

/* Axis of the input plane that a dim moves along: 0 for P and R, 1 for Q and S, -1 for the rest. */
static inline int axis_of(int dim) {
    return dim == TD_P || dim == TD_R ? 0 : dim == TD_Q || dim == TD_S ? 1 : -1;
}

static void input_children(const td__nest *z, int child, int level, children *c) {
    c->apart = 1;
    c->halos = 0;
    td__offsets_clear(&c->at[0]);
    td__offsets_clear(&c->at[1]);
    for (int k = z->s0[child + 1]; k < z->s0[level + 1]; k++) {
        const td__loop *x = &z->s[k];
        int axis = axis_of(x->dim);
        if (!(z->hw->level[x->level].multicast & TD_BIT(TD_I))) {
            c->apart *= x->bound;
        } else if (axis >= 0) {
            td__offsets_add(&c->at[axis], x->step * unit_of(z->p, x->dim), x->bound);
            c->halos++;
        } else if (x->dim != TD_K) {
            c->apart *= x->bound;
        }
    }
    td__offsets_normalize(&c->at[0]);
    td__offsets_normalize(&c->at[1]);
}

/* Words of W or O that go in and out of one tile of `child` over the run. Tiles at different places
 * have no word in common, so every step that moves the tile costs all of it. */
static inline double block_traffic(const td__nest *z, int child, td_tensor t) {
    if (child < 0) return z->outer[0];
    int k = z->t0[child + 1];
    while (k < z->nt && !(td__dims_of[t] & TD_BIT(z->t[k].dim))) k++;
    return td__tile_words(z, child, t, false) * z->outer[k];
}

/* Reads (W) or updates (O) of a keeper for one word moved at each of its children. */
static inline double block_children(const td__nest *z, int child, int level, td_tensor t) {
    double n = 1;
    for (int l = child + 1; l <= level; l++) {
        const td_level *v = &z->hw->level[l];
        bool shared = (t == TD_O ? v->reduce : v->multicast) & TD_BIT(t);
        n *= shared ? z->distinct[l][t] : z->fan[l];
    }
    return n;
}

/* Input words: *own is what one child fetches over the run, *reads what the keeper gives. Step by
 * step the new words are |new| - |new and old|; when loop k advances and the inner ones go back to
 * 0, the box moves by d = v_k - sum_{j<k} (b_j - 1) v_j, whatever the outer indices are. */
static void input_traffic(const td__nest *z, int child, int level, double *own, double *reads) {
    const td_problem *p = z->p;
    const int32_t *tile = z->tile[child + 1];
    children c;
    input_children(z, child, level, &c);
    if (child < 0) { /* MACs hold nothing: everything is new in every step */
        *own = z->outer[0];
        *reads = z->outer[0] * c.apart * td__offsets_count(&c.at[0]) * td__offsets_count(&c.at[1]);
        return;
    }
    const int64_t e[2] = {
        (int64_t)(tile[TD_P] - 1) * p->stride[0] + (int64_t)(tile[TD_R] - 1) * p->dilation[0] + 1,
        (int64_t)(tile[TD_Q] - 1) * p->stride[1] + (int64_t)(tile[TD_S] - 1) * p->dilation[1] + 1};
    const double planes = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];
    const double whole = (double)e[0] * (double)e[1];
    const double joint_whole = c.halos == 0 ? whole
                                            : td__offsets_covered(&c.at[0], e[0], 0) *
                                                  td__offsets_covered(&c.at[1], e[1], 0);

    /* Steps before the first loop that moves the box cost nothing; all others cost the box less
     * what it keeps. Nothing is kept once a loop over N, G or C has started. */
    int k = z->t0[child + 1];
    while (k < z->nt && !(TD__DIMS_I & TD_BIT(z->t[k].dim))) k++;
    double sum = whole * z->outer[k], joint = joint_whole * z->outer[k];
    int64_t back[2] = {0, 0};
    for (; k < z->nt; k++) {
        const td__loop *x = &z->t[k];
        int64_t d[2] = {-back[0], -back[1]};
        int axis = axis_of(x->dim);
        if (axis >= 0) {
            int64_t v = x->step * unit_of(p, x->dim);
            d[axis] += v;
            back[axis] += (x->bound - 1) * v;
        } else if (x->dim != TD_K) {
            break;
        }
        int64_t d_h = d[0] < 0 ? -d[0] : d[0], d_w = d[1] < 0 ? -d[1] : d[1];
        if (d_h >= e[0] || d_w >= e[1]) continue;
        double steps = (x->bound - 1) * z->outer[k + 1];
        double kept = (double)(e[0] - d_h) * (double)(e[1] - d_w);
        sum -= steps * kept;
        if (c.halos > 0)
            kept =
                td__offsets_covered(&c.at[0], e[0], d_h) * td__offsets_covered(&c.at[1], e[1], d_w);
        joint -= steps * kept;
    }
    *own = planes * sum;
    *reads = planes * c.apart * joint;
}

/* Distinct input words that an instance of `level` ever holds. */
static double input_partition(const td__nest *z, int level) {
    const td_problem *p = z->p;
    const int32_t *tile = z->tile[level + 1];
    double words = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];
    td__offsets at[2];
    td__offsets_clear(&at[0]);
    td__offsets_clear(&at[1]);
    for (int k = z->t0[level + 1]; k < z->nt; k++) {
        const td__loop *x = &z->t[k];
        int axis = axis_of(x->dim);
        if (axis >= 0)
            td__offsets_add(&at[axis], x->step * unit_of(p, x->dim), x->bound);
        else if (x->dim != TD_K)
            words *= x->bound;
    }
    for (int axis = 0; axis < 2; axis++) {
        int64_t e = (int64_t)(tile[TD_P + axis] - 1) * p->stride[axis] +
                    (int64_t)(tile[TD_R + axis] - 1) * p->dilation[axis] + 1;
        td__offsets_normalize(&at[axis]);
        words *= td__offsets_covered(&at[axis], e, 0);
    }
    return words;
}

/* W and O: dims split over instances without remainder. */
static double block_partition(const td__nest *z, int level, td_tensor t) {
    double words = td__tile_words(z, z->n - 1, t, false);
    for (int l = level + 1; l < z->n; l++) words /= z->distinct[l][t];
    return words;
}

static inline bool has_padding(const td_problem *p) {
    return (p->pad[0] | p->pad[1] | p->pad[2] | p->pad[3]) != 0;
}

void td__count_exact(const td__nest *z, td_cost *c) {
    const bool padded = has_padding(z->p);
    for (int l = 0; l < z->n; l++) {
        const unsigned keep = z->m->keep[l];
        if (keep & TD_BIT(TD_W)) {
            int child = td__child(z, l, TD_W);
            double own = block_traffic(z, child, TD_W);
            c->at[l][TD_W].partition_words = block_partition(z, l, TD_W);
            c->at[l][TD_W].reads = own * block_children(z, child, l, TD_W);
            if (child >= 0) c->at[child][TD_W].fills = own;
        }
        if (keep & TD_BIT(TD_I)) {
            int child = td__child(z, l, TD_I);
            double own, reads;
            if (padded) {
                c->at[l][TD_I].partition_words = td__padded_partition(z, l);
                td__count_padded_input(z, child, l, &reads, &own);
            } else {
                c->at[l][TD_I].partition_words = input_partition(z, l);
                input_traffic(z, child, l, &own, &reads);
            }
            c->at[l][TD_I].reads = reads;
            if (child >= 0) c->at[child][TD_I].fills = own;
        }
        if (keep & TD_BIT(TD_O)) {
            int child = td__child(z, l, TD_O);
            td_access *a = &c->at[l][TD_O];
            double own = block_traffic(z, child, TD_O);
            a->partition_words = block_partition(z, l, TD_O);
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
