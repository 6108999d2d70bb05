/* What engineers look at in a mapping, for models of its cost that are linear in them. The kinds
 * are those of Shi et al. (2010.02075): degree of parallelism, use of the buffers by each tensor,
 * blocking factors, orders of loops; and how often data are moved, which is what orders and factors
 * are for. No energy is among them, and no count of a cost: words moved are estimates. All are
 * about 0 to 1: logarithms over that of the number of MACs (or of the dim, of the fan-out), shares
 * of capacities, places over the number of places. docs/mapper.md lists them. */
#include <string.h>

#include "space_mapping.h"

static const uint8_t dims_of[TD_NTENSOR] = {
    [TD_W] = TD_BIT(TD_G) | TD_BIT(TD_K) | TD_BIT(TD_C) | TD_BIT(TD_R) | TD_BIT(TD_S),
    [TD_I] = TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_C) | TD_BIT(TD_P) | TD_BIT(TD_Q) |
             TD_BIT(TD_R) | TD_BIT(TD_S),
    [TD_O] = TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_K) | TD_BIT(TD_P) | TD_BIT(TD_Q)};

/* A mapping taken apart. */
typedef struct {
    int32_t time[TD_MAX_LEVELS][TD_NDIM];     /* factors of the loops in time, 1: none */
    int32_t spread[TD_MAX_LEVELS][TD_NDIM];   /* ... and on the fan-out, along both axes */
    int32_t tile[TD_MAX_LEVELS + 1][TD_NDIM]; /* tile[l + 1]: of level l; tile[0]: of a MAC */
    double steps[TD_MAX_LEVELS + 1]; /* of the loops in time of the level and those outside of it */
    double used[TD_MAX_LEVELS + 1];  /* instances: used[l + 1] of level l, used[0] MACs */
    const uint8_t *order[TD_MAX_LEVELS];
    uint8_t keep[TD_MAX_LEVELS];
} parts;

static void take_apart(const td__mappings *m, const double *v, parts *x) {
    const int n = m->hw.n;
    for (int l = 0; l <= n; l++)
        for (int d = 0; d < TD_NDIM; d++) {
            if (l < n) x->time[l][d] = x->spread[l][d] = 1;
            x->tile[l][d] = 1;
        }
    for (int i = 0; i < m->splits; i++) {
        const td__split *s = &m->split[i];
        const int32_t *row = td__split_row(s, v);
        const int32_t *f = row + td__factors_at(m), *tile = row + td__tiles_at(m);
        for (int k = 0; k < s->places; k++) {
            const int l = s->place[k] / TD_NAXIS;
            if (s->place[k] % TD_NAXIS == TD_AXIS_T)
                x->time[l][s->dim] = f[k];
            else
                x->spread[l][s->dim] *= f[k];
        }
        for (int l = 0; l < n; l++) x->tile[l + 1][s->dim] = tile[l];
    }
    td__keeps_of(m, v, x->keep);
    x->steps[n] = x->used[n] = 1;
    for (int l = n - 1; l >= 0; l--) {
        const td__order *o = &m->order[l];
        x->order[l] = o->order + (o->decision < 0 ? 0 : (int)v[o->decision] * o->dims);
        x->steps[l] = x->steps[l + 1];
        x->used[l] = x->used[l + 1];
        for (int i = 0; i < m->splits; i++) {
            x->steps[l] *= x->time[l][m->split[i].dim];
            x->used[l] *= x->spread[l][m->split[i].dim];
        }
    }
}

/* The innermost loop outside of level `child` that moves the tile of t: its dim and level; -1:
 * there is none. *times is divided by the iterations of those inside of it. */
static int mover(const td__mappings *m, const parts *x, int child, int t, int *level,
                 double *times) {
    for (int l = child + 1; l < m->hw.n; l++)
        for (int i = m->order[l].dims - 1; i >= 0; i--) {
            const int d = x->order[l][i];
            const int32_t f = x->time[l][d];
            *level = l;
            if (f > 1 && (dims_of[t] & TD_BIT(d))) return d;
            *times /= f;
        }
    return -1;
}

/* Words of tensor t that an instance of level l gives to (O: gets from) the next keepers inside of
 * it: the tiles of all children together, once for each time that they change. MACs hold nothing.
 * An input tile that slides over the plane is fetched whole once, then the new lines. */
static double moved(const td__mappings *m, const parts *x, int l, int t) {
    int child = l - 1, level = 0, slides = -1;
    while (child >= 0 && !(x->keep[child] & TD_BIT(t))) child--;
    double times = x->steps[child + 1];
    if (child >= 0) slides = mover(m, x, child, t, &level, &times);
    int32_t e[TD_NDIM];
    memcpy(e, x->tile[child + 1], sizeof e);
    for (int k = child + 1; k <= l; k++)
        for (int d = 0; d < TD_NDIM; d++) e[d] *= x->spread[k][d];
    if (t == TD_I && slides >= TD_P && slides <= TD_S) {
        const int axis = (slides - TD_P) & 1;
        const double unit = slides < TD_R ? m->p.stride[axis] : m->p.dilation[axis];
        const double new = unit * x->tile[level][slides] * x->spread[level][slides];
        const double lines = (double)(e[TD_P + axis] - 1) * m->p.stride[axis] +
                             (double)(e[TD_R + axis] - 1) * m->p.dilation[axis] + 1;
        const double n = x->time[level][slides];
        if (new < lines) times *= (1 + (n - 1) * new / lines) / n;
    }
    return times * td__tile_words(m, e, t);
}

/* Level l gives tensor t to something that depends on the mapping: not to the MACs one by one. */
static bool gives(const td__mappings *m, int l, int t) {
    if (!(m->hw.level[l].may_keep & TD_BIT(t))) return false;
    for (int k = 0; k < l; k++)
        if (m->hw.level[k].may_keep & TD_BIT(t)) return true;
    for (int a = 0; a < m->axes; a++)
        if (m->axis[a].axis != TD_AXIS_T && m->axis[a].level <= l) return true;
    return false;
}

/* Growing list of features; without a mapping their number only. */
typedef struct {
    const td__mappings *m;
    const parts *x;
    double *out;
    int n;
    double log_macs;
} features;

static void put(features *f, double v) {
    if (f->out != NULL) f->out[f->n] = v;
    f->n++;
}

static double log_of(const td__mappings *m, double v) {
    return v < m->logs ? m->log[(int)v] : log2(v);
}

static void put_fan_outs(features *f) {
    const td__mappings *m = f->m;
    for (int l = 0; l < m->hw.n; l++) {
        double fan = 1;
        for (int a = 0; a < m->axes; a++)
            if (m->axis[a].level == l && m->axis[a].axis != TD_AXIS_T) fan *= m->axis[a].fan;
        if (fan > 1) put(f, f->out ? log_of(m, f->x->used[l] / f->x->used[l + 1]) / log2(fan) : 0);
    }
}

/* Words that each level gives, against those that there are, for each tensor and in all; and the
 * steps of the loops, or of the port that would need more. */
static void put_traffic(features *f) {
    const td__mappings *m = f->m;
    double slowest = f->out ? f->x->steps[0] : 1;
    for (int l = 0; l < m->hw.n; l++) {
        const td_level *v = &m->hw.level[l];
        double all = 0, total = 0, read = 0, write = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (!gives(m, l, t)) continue;
            const double least = td__tile_words(m, m->p.dim, t);
            double out = 0, in = 0;
            if (f->out && (f->x->keep[l] & TD_BIT(t))) {
                out = moved(m, f->x, l, t);
                if (t == TD_O) { /* what is no first update is read, too */
                    in = out;
                    out -= least / f->x->used[l + 1];
                }
            }
            const double words = (out + in) * (f->out ? f->x->used[l + 1] : 1);
            put(f, words > least ? log2(words / least) / f->log_macs : 0);
            read += out * m->p.bits[t];
            write += in * m->p.bits[t];
            all += words;
            total += least;
        }
        if (total > 0) put(f, all > 0 ? log2(all / total) / f->log_macs : 0);
        slowest = fmax(slowest, fmax(read / v->read_bw, write / v->write_bw));
        slowest = fmax(slowest, (read + write) / v->shared_bw);
    }
    put(f, log2(slowest) / f->log_macs);
}

static void put_shares(features *f) {
    const td__mappings *m = f->m;
    for (int b = 0; b < m->bounded; b++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            const int l = m->level[b];
            if (!(m->hw.level[l].may_keep & TD_BIT(t))) continue;
            const bool kept = f->out && (f->x->keep[l] & TD_BIT(t)) && m->usable[b] > 0;
            put(f,
                kept ? td__tile_words(m, f->x->tile[l + 1], t) * m->p.bits[t] / m->usable[b] : 0);
        }
}

/* In time at each level, and on each fan-out. */
static void put_factors(features *f) {
    const td__mappings *m = f->m;
    for (int i = 0; i < m->splits; i++) {
        const td__split *s = &m->split[i];
        unsigned seen = 0;
        if (s->decision < 0) continue;
        for (int k = 0; k < s->places; k++) {
            const int l = s->place[k] / TD_NAXIS, time = s->place[k] % TD_NAXIS == TD_AXIS_T;
            if (!time && (seen & TD_BIT(l))) continue;
            if (!time) seen |= TD_BIT(l);
            put(f, f->out ? log_of(m, time ? f->x->time[l][s->dim] : f->x->spread[l][s->dim]) /
                                log_of(m, m->p.dim[s->dim])
                          : 0);
        }
    }
}

/* Places of the loops of a level, 1: innermost. */
static void put_orders(features *f) {
    const td__mappings *m = f->m;
    for (int k = 0; k < m->orders; k++) {
        const td__order *o = &m->order[k];
        if (o->decision < 0) continue;
        const uint8_t *order = f->out ? f->x->order[o->level] : o->order;
        double at[TD_NDIM];
        for (int d = 0; d < TD_NDIM; d++) at[d] = -1;
        for (int i = 0; i < o->dims; i++) at[order[i]] = (double)i / (o->dims - 1);
        for (int d = 0; d < TD_NDIM; d++)
            if (at[d] >= 0) put(f, at[d]);
    }
}

static void put_keeps(features *f) {
    const td__mappings *m = f->m;
    for (int k = 0; k < m->keeps; k++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            const int l = m->keep[k].level;
            if (m->hw.level[l].may_keep & ~m->fixed_keep[l] & TD_BIT(t))
                put(f, f->out && (f->x->keep[l] & TD_BIT(t)));
        }
}

static int list(const td__mappings *m, const parts *x, bool traffic, double *out) {
    features f = {.m = m, .x = x, .out = out};
    f.log_macs = log2((double)td_problem_macs(&m->p) + 1);
    put(&f, out ? log2(x->steps[0]) / f.log_macs : 0);
    put_fan_outs(&f);
    if (traffic) put_traffic(&f);
    put_shares(&f);
    put_factors(&f);
    put_orders(&f);
    put_keeps(&f);
    return f.n;
}

static void all(const void *self, const td_choices *c, double *out) {
    parts x;
    take_apart(self, c->v, &x);
    list(self, &x, true, out);
}

static void without_traffic(const void *self, const td_choices *c, double *out) {
    parts x;
    take_apart(self, c->v, &x);
    list(self, &x, false, out);
}

void td__mapping_set_features(td_space *s, bool traffic) {
    s->n_features = list(s->self, NULL, traffic, NULL);
    s->features = traffic ? all : without_traffic;
}
