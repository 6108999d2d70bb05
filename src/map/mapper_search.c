/* The search under a root: temporal factors from the outermost level inwards, as told in mapper.h.
 * mapper_level.c says what a level can do; here the choices are followed, and complete ones are
 * evaluated. */
#include "mapper_level.h"

#include <string.h>

/* ---- leaves ---------------------------------------------------------------------------------- */

enum { ALL_ORDERS = 20000 }; /* of one choice */

static void put_loop(td_mapping *m, int dim, int axis, int32_t bound) {
    if (bound > 1) m->loop[m->n++] = (td_loop){(uint8_t)dim, (uint8_t)axis, bound, bound};
}

/* The loops of the levels as the choices have them, each level's from the inside out as `order` has
 * it. */
static void build_mapping(const td__root *r, const td__choice *choice,
                          uint8_t order[TD_MAX_LEVELS][TD_NDIM], td_mapping *m) {
    const td__choice *of[TD_MAX_LEVELS] = {0};
    for (int i = 0; i < r->m; i++) of[r->level[i]] = &choice[i];
    m->n = 0;
    for (int l = 0; l < r->z->n; l++) {
        m->first[l] = m->n;
        m->keep[l] = r->keep[l];
        if (of[l] != NULL)
            for (int i = TD_NDIM - 1; i >= 0; i--)
                put_loop(m, order[l][i], TD_AXIS_T, of[l]->bound[order[l][i]]);
        for (int d = 0; d < TD_NDIM; d++) put_loop(m, d, TD_AXIS_X, r->fan[l].x[d]);
        for (int d = 0; d < TD_NDIM; d++) put_loop(m, d, TD_AXIS_Y, r->fan[l].y[d]);
    }
    m->first[r->z->n] = m->n;
}

/* The loops of a padded problem with as many iterations in their last passes as the problem has:
 * the digits of its last position. Loops that have one iteration only then are left out. */
static void to_imperfect(const td_problem *p, const td_mapping *padded, int levels, td_mapping *m) {
    int32_t rest[TD_NDIM], step[TD_NDIM], tail[TD_MAX_LOOPS];
    bool outer[TD_NDIM] = {false};
    for (int d = 0; d < TD_NDIM; d++) {
        rest[d] = p->dim[d] - 1;
        step[d] = 1;
    }
    for (int l = 0; l < levels; l++)
        for (int i = padded->first[l + 1] - 1; i >= padded->first[l]; i--) {
            const td_loop *x = &padded->loop[i];
            tail[i] = rest[x->dim] / step[x->dim] % x->bound + 1;
            step[x->dim] *= x->bound;
        }
    int32_t bound[TD_MAX_LOOPS];
    for (int l = levels - 1; l >= 0; l--)
        for (int i = padded->first[l]; i < padded->first[l + 1]; i++) {
            const td_loop *x = &padded->loop[i];
            bound[i] =
                outer[x->dim] ? x->bound : tail[i]; /* the outermost has one pass, the last */
            outer[x->dim] |= tail[i] > 1;
        }
    m->n = 0;
    for (int l = 0; l < levels; l++) {
        m->first[l] = m->n;
        m->keep[l] = padded->keep[l];
        for (int i = padded->first[l]; i < padded->first[l + 1]; i++)
            if (bound[i] > 1)
                m->loop[m->n++] =
                    (td_loop){padded->loop[i].dim, padded->loop[i].axis, bound[i], tail[i]};
    }
    m->first[levels] = m->n;
}

bool td__try(td__search *s, const td_problem *p, const td_mapping *m, double value[2]) {
    double pj;
    int64_t cycles, steps;
    const td_problem *padded = p;
    const td_mapping *as_is = m;
    td_mapping imperfect;
    if (s->z->imperfect) {
        to_imperfect(&s->z->p, m, s->z->n, &imperfect);
        m = &imperfect;
        p = &s->z->p;
    }
    if (s->costing.hw == NULL || memcmp(&s->costing.p, p, sizeof *p) != 0)
        if (td_costing_init(&s->costing, p, s->z->hw, s->z->counting, NULL) != TD_OK) return false;
    if (!td_costing_run(&s->costing, m, &pj, &cycles, &steps)) return false;
    if ((double)steps > s->z->max_compute) return false;
    td__map_objectives(s->z, pj, (double)cycles, value);
    if (s->now != NULL && td__map_better(value, s->dive.value)) {
        memcpy(s->dive.value, value, sizeof s->dive.value);
        s->dive.problem = *padded;
        s->dive.mapping = *as_is;
    }
    if (!s->found || td__map_better(value, s->best)) {
        if (!s->found || value[0] < s->best[0]) s->gain = s->nodes;
        s->found = true;
        memcpy(s->best, value, sizeof s->best);
        s->problem = *p;
        s->mapping = *m;
        s->has_root = s->now != NULL;
        if (s->has_root) s->best_root = *s->now;
    }
    return true;
}

/* Orders of the loops of a complete choice. W and O cost what the choice says if the block of each
 * level's stationary tensor stands innermost, whole. Inputs that overlap also depend on the order
 * of the loops that move them within their plane, of those over K among these, and of what stands
 * inside. For inputs it never helps to have a loop over N, G or C further in: nothing is kept once
 * it has started. So of all orders with an innermost loop of the block these are enough: the
 * block's own loops over N or C next to it or outermost, others over N, G or C outermost, all else
 * in any order, and no choice any more once N, G or C has started. */
typedef struct {
    td__search *s;
    const td__root *r;
    const td__choice *choice;
    const double *least;
    bool all;   /* these orders; else two for each level: blocks whole, P or Q innermost */
    int inner;  /* order matters at levels further out than this one */
    double got; /* least that was found */
    uint64_t tries, most;
    uint8_t order[TD_MAX_LEVELS][TD_NDIM];
} leaf;

/* What is placed of a level's loops: n of them; pure: all of the block; dead: one over N, G or C;
 * turned: the first in the plane was over P or R. */
typedef struct {
    int i, n;
    unsigned open;
    bool pure, dead, plane, turned;
} placed;

enum {
    ALONG_P = TD_BIT(TD_P) | TD_BIT(TD_R),
    PLANE = ALONG_P | TD_BIT(TD_Q) | TD_BIT(TD_S),
    FAR = TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_C)
};

static bool had_enough(const leaf *f) {
    return f->s->stop || f->tries >= f->most || td__hopeless(f->s, f->least);
}

/* The first of a set as far as the usual order goes: outputs, kernel, K, the rest. */
static unsigned usual(unsigned set, bool turned) {
    static const uint8_t order[2][TD_NDIM] = {{TD_Q, TD_P, TD_S, TD_R, TD_K, TD_N, TD_C, TD_G},
                                              {TD_P, TD_Q, TD_R, TD_S, TD_K, TD_N, TD_C, TD_G}};
    for (int i = 0; i < TD_NDIM; i++)
        if (set & TD_BIT(order[turned][i])) return TD_BIT(order[turned][i]);
    return 0;
}

/* The loops that may stand next. */
static unsigned next_loops(const leaf *f, const placed *at) {
    const uint8_t *place = f->s->z->hw->rules.place[f->r->level[at->i]];
    unsigned open = at->open, least = TD_NDIM + 1;
    for (unsigned d = 0; d < TD_NDIM; d++) /* of a fixed order those that are next */
        if ((at->open & TD_BIT(d)) && place[d] <= least) {
            open = place[d] < least ? TD_BIT(d) : open | TD_BIT(d);
            least = place[d];
        }
    if (!(open & (open - 1))) return open;
    unsigned still = f->choice[at->i].still;
    unsigned block = still < TD_NTENSOR ? td__map_block[still] : 0;
    bool matters = f->r->level[at->i] > f->inner && !at->dead;
    if (at->pure && (open & block) && (!matters || !f->all || at->n == 0)) open &= block;
    if (!matters) return usual(open, false);
    unsigned out = open & FAR & ~(at->pure ? block : 0);
    if (open & ~out) open &= ~out;
    if (f->all) return out == open ? usual(open, false) : open;
    if (at->plane || !(open & PLANE)) return usual(open, at->turned);
    unsigned a = usual(open & PLANE, false), b = usual(open & PLANE, true);
    return a | b;
}

static void try_orders(leaf *f, int i);

static void place(leaf *f, const placed *at) {
    uint8_t *order = f->order[f->r->level[at->i]];
    if (at->open == 0) {
        try_orders(f, at->i + 1);
        return;
    }
    unsigned still = f->choice[at->i].still, next = next_loops(f, at);
    unsigned block = still < TD_NTENSOR ? td__map_block[still] : 0;
    for (unsigned d = 0; d < TD_NDIM; d++) {
        if (!(next & TD_BIT(d))) continue;
        placed after = *at;
        order[after.n++] = (uint8_t)d;
        after.open &= ~TD_BIT(d);
        after.pure &= (block & TD_BIT(d)) != 0;
        after.dead |= (FAR & TD_BIT(d)) != 0;
        if (!at->plane && (PLANE & TD_BIT(d))) {
            after.plane = true;
            after.turned = (ALONG_P & TD_BIT(d)) != 0;
        }
        place(f, &after);
        if (had_enough(f)) return;
    }
}

static void try_orders(leaf *f, int i) {
    const td__root *r = f->r;
    if (i < r->m) {
        placed at = {.i = i, .pure = true};
        int n = TD_NDIM; /* loops of bound 1 are left out: outermost */
        for (unsigned d = 0; d < TD_NDIM; d++)
            if (f->choice[i].bound[d] > 1)
                at.open |= TD_BIT(d);
            else
                f->order[r->level[i]][--n] = (uint8_t)d;
        place(f, &at);
        return;
    }
    td_mapping m;
    build_mapping(r, f->choice, f->order, &m);
    td__count_node(f->s);
    f->tries++;
    double v[2];
    if (td__try(f->s, &r->p, &m, v) && v[0] < f->got) f->got = v[0];
}

/* Evaluates a complete choice. */
static void evaluate(td__search *s, const td__root *r, const td__choice *choice,
                     const double least[2]) {
    leaf f = {.s = s, .r = r, .choice = choice, .least = least, .got = INFINITY};
    f.most = UINT64_MAX;
    f.inner = TD_MAX_LEVELS;
    if (!s->z->plain)
        for (int l = s->z->n - 1; l >= 0; l--)
            if (r->keep[l] & TD_BIT(TD_I)) f.inner = l;
    try_orders(&f, 0);
    if (f.got > least[0] * (1 + 1e-9) && s->thorough && !s->z->plain && !had_enough(&f)) {
        f.all = true;
        f.tries = 0;
        f.most = ALL_ORDERS;
        try_orders(&f, 0);
        if (f.tries < f.most && !s->stop) return; /* the choice costs what was found */
    }
    if (f.got <= least[0] * (1 + 1e-9)) return;
    if (!s->z->plain)
        td__leave(s, least[0]);
    else if (!s->strict && least[0] < s->rounded)
        s->rounded = least[0];
}

/* ---- descent --------------------------------------------------------------------------------- */

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
            td__toll_add(z, &next->fixed, c->fetch[t], &k->own[v]);
            td__toll_add(z, &next->fixed, -1, &k->off_own[v]);
            td__toll_add(z, &next->fixed, at->drain, &k->drain[v]);
            next->drain = c->fetch[t];
        } else if (t == TD_W || z->plain) {
            td__toll_add(z, &next->fixed, c->fetch[t], &k->own[0]);
        } else {
            double read, fill;
            td__input_words(w, k, c->fetch[t], c->from, &read, &fill);
            td__toll_add(z, &next->fixed, read, &k->read);
            td__toll_add(z, &next->fixed, fill, &k->fill);
        }
    }
    if (!z->plain) td__add_plane(w, next);
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
        /* Narrow where there is something; where there is nothing yet, on to the next. */
        if (s->stop || (k >= width && (s->thorough || s->dive.value[0] < INFINITY))) {
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
