/* The search under a root: temporal factors from the outermost level inwards, as told in mapper.h.
 * mapper_level.c says what a level can do; here the choices are followed, and complete ones are
 * evaluated. */
#include "mapper_level.h"

#include <string.h>

/* ---- leaves ---------------------------------------------------------------------------------- */

/* Loops of a level from the inside out. Halos are kept by loops over the plane that stand next to
 * each other; `turned`: Q inside P or the other way round. */
static void order_loops(unsigned still, bool turned, uint8_t out[TD_NDIM]) {
    uint8_t a = turned ? TD_P : TD_Q, b = turned ? TD_Q : TD_P;
    uint8_t c = turned ? TD_R : TD_S, d = turned ? TD_S : TD_R;
    const uint8_t orders[TD_NTENSOR + 1][TD_NDIM] = {{a, b, TD_N, c, d, TD_K, TD_C, TD_G},
                                                     {TD_K, a, b, c, d, TD_C, TD_N, TD_G},
                                                     {c, d, TD_C, a, b, TD_K, TD_N, TD_G},
                                                     {a, b, c, d, TD_K, TD_C, TD_N, TD_G}};
    memcpy(out, orders[still], TD_NDIM);
}

static void put_loop(td_mapping *m, int dim, int axis, int32_t bound) {
    if (bound > 1) m->loop[m->n++] = (td_loop){(uint8_t)dim, (uint8_t)axis, bound, bound};
}

static void build_mapping(const td__root *r, const td__choice *choice, unsigned turned,
                          td_mapping *m) {
    memset(m, 0, sizeof *m);
    const td__choice *of[TD_MAX_LEVELS] = {0};
    for (int i = 0; i < r->m; i++) of[r->level[i]] = &choice[i];
    for (int l = 0; l < r->z->n; l++) {
        m->first[l] = m->n;
        m->keep[l] = r->keep[l];
        if (of[l] != NULL) {
            uint8_t order[TD_NDIM];
            order_loops(of[l]->still, (turned >> l) & 1, order);
            for (int i = TD_NDIM - 1; i >= 0; i--)
                put_loop(m, order[i], TD_AXIS_T, of[l]->bound[order[i]]);
        }
        for (int d = 0; d < TD_NDIM; d++) put_loop(m, d, TD_AXIS_X, r->fan[l].x[d]);
        for (int d = 0; d < TD_NDIM; d++) put_loop(m, d, TD_AXIS_Y, r->fan[l].y[d]);
    }
    m->first[r->z->n] = m->n;
}

double td__try(td__search *s, const td_problem *p, const td_mapping *m) {
    td_cost cost;
    if (td_cost_evaluate(p, s->z->hw, m, s->z->counting, &cost, NULL) != TD_OK) return INFINITY;
    if ((double)cost.compute_cycles > s->z->max_compute) return INFINITY;
    double v[2];
    td__map_objectives(s->z, cost.total_pj, (double)cost.cycles, v);
    if (!s->found || td__map_better(v, s->best)) {
        s->found = true;
        s->best[0] = v[0];
        s->best[1] = v[1];
        s->problem = *p;
        s->mapping = *m;
        s->cost = cost;
        s->has_root = s->now != NULL;
        if (s->has_root) s->best_root = *s->now;
    }
    return v[0];
}

/* Evaluates a complete choice, and what other orders of P and Q give where tiles overlap. */
static void evaluate(td__search *s, const td__root *r, const td__choice *choice,
                     const double least[2]) {
    unsigned both = 0; /* levels with loops over P and Q */
    double got = INFINITY;
    if (!s->z->plain)
        for (int i = 0; i < r->m; i++)
            if (choice[i].bound[TD_P] * (int64_t)choice[i].bound[TD_R] > 1 &&
                choice[i].bound[TD_Q] * (int64_t)choice[i].bound[TD_S] > 1)
                both |= TD_BIT(r->level[i]);
    unsigned turned = 0;
    do {
        td_mapping m;
        build_mapping(r, choice, turned, &m);
        td__count_node(s);
        double v = td__try(s, &r->p, &m);
        if (v < got) got = v;
        turned = (turned - both) & both; /* next subset */
    } while (turned != 0 && !td__hopeless(s, least));
    if (got <= least[0] * (1 + 1e-9)) return;
    if (!s->z->plain)
        td__leave(s, least[0]);
    else if (least[0] < s->rounded)
        s->rounded = least[0];
}

/* ---- descent --------------------------------------------------------------------------------- */

static void add_toll(const td__space *z, td__toll *a, double m, const td__toll *b) {
    a->pj += m * b->pj;
    for (int j = 0; j < z->n_limits; j++) a->cycles[j] += m * b->cycles[j];
}

/* Tiles of a level, if its outputs were taken to be finished. */
static void note_outputs(const td__space *z, const td__root *r, int level, const int32_t *tile,
                         td__state *n) {
    unsigned keep = r->keep[level];
    if (!(keep & TD_BIT(TD_O))) return;
    n->kept_bits = (keep & TD_BIT(TD_W) ? td__weights(tile) * z->bits[TD_W] : 0) +
                   (keep & TD_BIT(TD_I) ? td__inputs(z, &r->p, tile) * z->bits[TD_I] : 0);
    n->kept_outputs = td__outputs(tile);
    n->usable = z->usable[level];
    n->finished = !n->sums && !r->sums[level] && n->usable < INFINITY;
}

/* The state after a choice: links that end at the child are decided. */
static void step(td__level *w, const td__choice *c, td__state *next) {
    const td__space *z = w->s->z;
    const td__state *at = w->at;
    *next = *at;
    const int32_t *inner = w->r->inner[w->child + 1];
    for (int d = 0; d < TD_NDIM; d++) {
        next->rest[d] = at->rest[d] / c->bound[d];
        if (c->bound[d] > 1) {
            next->seen |= (uint8_t)TD_BIT(d);
            if (TD__REDUCED & TD_BIT(d)) next->sums = true;
        }
        w->tile[d] = inner[d] * next->rest[d];
        w->bound[d] = c->bound[d];
    }
    next->from = c->from;
    w->still = c->still;
    for (int t = 0; t < TD_NTENSOR; t++) {
        next->fetch[t] = c->fetch[t];
        next->all[t] = c->all[t];
        const td__link *k = td__open_link(w, t);
        if (k == NULL || k->child != w->child) continue;
        next->link[t]++;
        if (t == TD_O) {
            int v = next->sums;
            add_toll(z, &next->fixed, c->fetch[t], &k->own[v]);
            add_toll(z, &next->fixed, -1, &k->off_own[v]);
            add_toll(z, &next->fixed, at->drain, &k->drain[v]);
            next->drain = c->fetch[t];
        } else if (t == TD_W || z->plain) {
            add_toll(z, &next->fixed, c->fetch[t], &k->own[0]);
        } else {
            double read, fill;
            td__state shadow = *at;
            shadow.seen = next->seen;
            w->at = &shadow;
            td__input_words(w, k, c->fetch[t], c->from, &read, &fill);
            w->at = at;
            add_toll(z, &next->fixed, read, &k->read);
            add_toll(z, &next->fixed, fill, &k->fill);
        }
    }
    note_outputs(w->s->z, w->r, w->child, w->tile, next);
}

static void descend(td__search *s, const td__root *r, int i, const td__state *at,
                    td__choice *chosen, int used) {
    if (i + 1 == r->m) { /* the innermost level takes what is left; nothing stands inside of it */
        memcpy(chosen[i].bound, at->rest, sizeof chosen[i].bound);
        chosen[i].still = TD_O;
        evaluate(s, r, chosen, i > 0 ? chosen[i - 1].least : r->least);
        return;
    }
    int room = s->pool_size - used;
    td__level w = {.s = s, .r = r, .at = at, .i = i, .level = r->level[i], .list = s->pool + used};
    w.child = r->level[i + 1];
    w.max = s->thorough || s->keep > room ? room : s->keep;
    td__level_choices(&w);
    int width = s->thorough ? w.kept : i == 0 ? s->width : s->width_inside;
    for (int k = 0; k < w.kept; k++) {
        if (td__hopeless(s, w.list[k].least)) break;
        if (k >= width || s->stop) {
            td__leave(s, w.list[k].least[0]);
            break;
        }
        td__state next;
        step(&w, &w.list[k], &next);
        chosen[i] = w.list[k];
        descend(s, r, i + 1, &next, chosen, used + w.kept);
    }
}

void td__search_root(td__search *s, const td__root *r) {
    td__state at = {.fixed = r->mac};
    memcpy(at.rest, r->time, sizeof at.rest);
    for (int t = 0; t < TD_NTENSOR; t++) at.fetch[t] = at.all[t] = 1;
    /* The outermost level with loops can be bounded: that of resident tensors. */
    int32_t tile[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) tile[d] = r->inner[r->level[0] + 1][d] * r->time[d];
    note_outputs(r->z, r, r->level[0], tile, &at);
    td__choice chosen[TD_MAX_LEVELS];
    descend(s, r, 0, &at, chosen, 0);
    if (s->stop) td__leave(s, r->least[0]);
}
