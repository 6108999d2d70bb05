/* What overlapping inputs cost at least: words between two levels, whatever the order of the loops.
 */

#include "mapper_level.h"

/* One axis of the input plane, as the children of a link see it. [0]: each for itself (fills), [1]:
 * those that share reads together. */
typedef struct {
    double extent[2], count[2],
        whole[2]; /* lines of a box; boxes; their lines, made ones left out */
    double share; /* children with different boxes of all children, at least */
    double n, step, apart;
    bool nested; /* loops may stand between the fans that spread the children */
} lines;

static inline double positive(double v) {
    return v > 0 ? v : 0;
}

/* Children with different boxes of all children that share reads along an axis, at least; child -1:
 * the MACs. Tiles inside w->level are known. Timeloop looks at each level by itself. */
double td__different_children(const td__level *w, int child, int parent, int axis) {
    const td__space *z = w->s->z;
    const td_problem *p = &w->r->p;
    const int dp = TD_P + axis, dr = TD_R + axis;
    int64_t a = 1, b = 1, step[2] = {0, 0};
    double product = 1;
    int levels = 0;
    for (int l = child + 1; l <= parent; l++) {
        const td__fan *f = &w->r->fan[l];
        if (f->f[dp] * f->f[dr] == 1 || !(z->hw->level[l].multicast & TD_BIT(TD_I))) continue;
        step[0] = step[1] = 0;
        if (l <= w->level) {
            const int32_t *inner = l > w->child ? w->r->inner[w->child + 1] : w->r->inner[l];
            int64_t tile[2] = {w->r->inner[l][dp], w->r->inner[l][dr]};
            if (l > w->child) {
                tile[0] = tile[0] / inner[dp] * w->tile[dp];
                tile[1] = tile[1] / inner[dr] * w->tile[dr];
            }
            step[0] = tile[0] * p->stride[axis];
            step[1] = tile[1] * p->dilation[axis];
        }
        double n = step[0] > 0 ? td__map_sums(f->f[dp], step[0], f->f[dr], step[1])
                               : f->f[dp] + f->f[dr] - 1;
        product *= n / (f->f[dp] * f->f[dr]);
        a *= f->f[dp];
        b *= f->f[dr];
        levels++;
    }
    if (z->counting == TD_COUNT_TIMELOOP || levels <= 1) return product;
    return (double)(a + b - 1) / (double)(a * b);
}

static void measure_lines(const td__level *w, const td__link *k, int axis, lines *x) {
    const td_problem *p = &w->r->p;
    const int32_t *e = w->tile;
    double n = (double)td__lines(p, axis, e), step = (double)e[TD_P + axis] * p->stride[axis];
    double places = (double)p->dim[TD_P + axis] / e[TD_P + axis];
    double taps = (double)p->dim[TD_R + axis] / e[TD_R + axis];
    double lost = 0, apart = k->apart[axis], inside = 1;
    if (w->s->z->counting == TD_COUNT_EXACT)
        for (int side = 0; side < 4; side += 2)
            for (double rest = p->pad[side + axis]; rest > 0; rest -= step)
                lost += rest < n ? rest : n;
    x->n = n;
    x->step = step;
    x->apart = apart;
    x->extent[0] = n;
    x->extent[1] = (apart - 1) * (n < step ? n : step) + n;
    x->count[0] = taps * places;
    x->count[1] = x->count[0] / (k->taps[axis] * apart);
    for (int i = 0; i < 2; i++) {
        x->whole[i] = x->count[i] * x->extent[i] - lost * taps / (i == 1 ? k->taps[axis] : 1);
        if (x->whole[i] < 0) x->whole[i] = 0;
    }
    for (int l = k->child + 1; l <= w->level; l++)
        inside *= (double)w->r->fan[l].f[TD_P + axis] * w->r->fan[l].f[TD_R + axis];
    x->nested = inside != apart * k->taps[axis];
    x->share = td__different_children(w, k->child, k->parent, axis);
}

/* The level's own loops over the plane. */
static int own_loops(const td__level *w, td__plane_loop out[4]) {
    int n = 0;
    for (int d = TD_P; d <= TD_S; d++) {
        if (w->bound[d] == 1) continue;
        double tile = w->tile[d];
        for (int l = w->child + 1; l <= w->level; l++) tile *= w->r->fan[l].f[d];
        tile *= d < TD_R ? w->r->p.stride[d - TD_P] : w->r->p.dilation[d - TD_R];
        out[n++] = (td__plane_loop){(uint8_t)d, w->bound[d], tile};
    }
    return n;
}

void td__add_plane(const td__level *w, td__state *next) {
    next->n_plane += own_loops(w, &next->plane[next->n_plane]);
}

/* The loops over the plane outside of the child, from the inside out. */
static int plane_loops(const td__level *w, td__plane_loop out[2 * TD__MAX_PLANE]) {
    int n = own_loops(w, out);
    for (int i = w->at->n_plane - 1; i >= 0; i--) out[n++] = w->at->plane[i];
    return n;
}

/* Lines that a box keeps, at most, when loop `o` of an axis advances, if loop `s` stands innermost
 * and any of the others in between. */
static double kept_after(const lines *x, int view, bool exact, const td__plane_loop *loop, int n,
                         int axis, int s, int o, double first) {
    if (view == 1 && x->nested) return x->extent[1];
    int other[2 * TD__MAX_PLANE], m = 0;
    for (int i = 0; i < n; i++)
        if (i != s && i != o && ((loop[i].dim - TD_P) & 1) == axis) other[m++] = i;
    double best = 0;
    for (unsigned set = 0; set < TD_BIT(m); set++) {
        double back = exact ? (loop[s].bound - 1) * loop[s].move : loop[s].move, kept;
        for (int i = 0; i < m; i++)
            if (set & TD_BIT(i))
                back +=
                    exact ? (loop[other[i]].bound - 1) * loop[other[i]].move : loop[other[i]].move;
        double d = loop[o].move - back;
        if (!exact) {
            kept = d == 0 ? x->extent[view] : d == loop[s].move ? first : 0;
        } else {
            d = fabs(d);
            if (view == 1 && x->n < x->step) d *= x->n / x->step; /* boxes with gaps in between */
            kept = positive(x->extent[view] - d);
        }
        if (kept > best) best = kept;
    }
    return best;
}

/* Least lines fetched over the run, per line of the other axis, if loop s stands innermost. */
static double fresh_lines(const lines *x, int view, bool exact, const td__plane_loop *loop, int n,
                          int axis, int s) {
    double first = positive(x->extent[view] - loop[s].move);
    /* Boxes with gaps between them, moved along the taps: what one of them meets of the two
     * nearest, at most. */
    if (view == 1 && loop[s].dim >= TD_R && x->n < x->step && x->apart > 1) {
        double m = fmod(loop[s].move, x->step);
        first = x->apart * (positive(x->n - m) + positive(x->n - x->step + m));
    }
    double kept[2 * TD__MAX_PLANE], bound[2 * TD__MAX_PLANE];
    int m = 0;
    for (int o = 0; o < n; o++) {
        if (o == s || ((loop[o].dim - TD_P) & 1) != axis) continue;
        double v = kept_after(x, view, exact, loop, n, axis, s, o, first);
        int i = m++;
        for (; i > 0 && kept[i - 1] < v; i--) kept[i] = kept[i - 1], bound[i] = bound[i - 1];
        kept[i] = v;
        bound[i] = loop[o].bound;
    }
    /* The order that keeps most: the innermost, then those that keep more further in. */
    double rest = 1.0 / loop[s].bound, sum = (1 - rest) * first;
    for (int i = 0; i < m; i++) {
        sum += rest * (1 - 1 / bound[i]) * kept[i];
        rest /= bound[i];
    }
    return x->whole[view] - x->count[view] * sum;
}

void td__input_words(const td__level *w, const td__link *k, double fetch, unsigned from,
                     double *read, double *fill) {
    const bool exact = w->s->z->counting == TD_COUNT_EXACT;
    const unsigned plane = TD_BIT(TD_P) | TD_BIT(TD_Q) | TD_BIT(TD_R) | TD_BIT(TD_S);
    lines x[2];
    td__plane_loop loop[2 * TD__MAX_PLANE];
    int n = plane_loops(w, loop);
    for (int axis = 0; axis < 2; axis++) measure_lines(w, k, axis, &x[axis]);
    double share[2] = {1, k->copies}, words[2];
    for (int i = 0; i < 2; i++) {
        double best = INFINITY;
        if (from == 0 || (from & ~plane)) best = x[0].whole[i] * x[1].whole[i];
        unsigned left = from & plane;
        for (int s = 0; s < n && left != 0; s++) {
            if (!(left & TD_BIT(loop[s].dim))) continue;
            left &= ~TD_BIT(loop[s].dim); /* the innermost loop over this dim */
            const int axis = (loop[s].dim - TD_P) & 1;
            const lines *a = &x[axis], *o = &x[1 - axis];
            double v = fresh_lines(a, i, exact, loop, n, axis, s) * o->whole[i];
            if (exact) { /* the corners that two boxes share after a jump back */
                v -= a->count[i] / loop[s].bound * o->count[i] * o->extent[i] *
                     positive(a->extent[i] - (loop[s].bound - 1) * loop[s].move);
            }
            if (v < best) best = v;
        }
        words[i] = fetch * k->planes / share[i] * best;
    }
    if (!exact) { /* only children with equal boxes share */
        double all = words[0] / share[1] * x[0].share * x[1].share;
        if (all > words[1]) words[1] = all;
    }
    *fill = words[0] > k->base_fill ? words[0] : k->base_fill;
    *read = words[1] > k->base_read ? words[1] : k->base_read;
}

/* Lines of one axis over all boxes, at least, if a child further in holds no more than `most` lines
 * at a time, of a tile of at most `p` places and `r` taps; [0] fills, [1] reads. */
static void tight_lines(const td__level *w, const td__link *k, int axis, double most, double p,
                        double r, double out[2]) {
    const td_problem *q = &w->r->p;
    const int32_t *least = w->r->inner[k->child + 1];
    const double s = q->stride[axis], d = q->dilation[axis], apart = k->apart[axis];
    const double places = q->dim[TD_P + axis], taps = q->dim[TD_R + axis];
    out[0] = out[1] = INFINITY;
    for (double in = least[TD_R + axis]; in <= r; in++) {
        if (fmod(taps, in) != 0) continue;
        double e[2] = {least[TD_P + axis], floor((most - (in - 1) * d - 1) / s) + 1};
        if (e[1] > p) e[1] = p;
        if (e[1] < e[0]) continue;
        for (int i = 0; i < 2; i++) { /* lines per place fall or rise with the places of a box */
            double n = (e[i] - 1) * s + (in - 1) * d + 1, step = e[i] * s;
            double fill = taps / in * places / e[i] * n;
            double read = taps / in / k->taps[axis] * places / e[i] / apart *
                          ((apart - 1) * (n < step ? n : step) + n);
            if (fill < out[0]) out[0] = fill;
            if (read < out[1]) out[1] = read;
        }
    }
}

/* The same as td__input_words for a link whose child stands further in: its tile is not known, but
 * it fits, and is a part of this level's. Whatever loop stands innermost, the lines of the other
 * axis are fetched for each of its boxes. In Timeloop's counting only, which knows no corners. */
void td__deep_input_words(const td__level *w, const td__link *k, double fetch, double all,
                          double *read, double *fill) {
    const td__space *z = w->s->z;
    const int c = k->child;
    if (z->usable[c] == INFINITY) return;
    const int32_t *inner = w->r->inner[c + 1], *outer = w->r->inner[w->child + 1];
    double room = z->usable[c], bits = z->bits[TD_I], line[2], most[TD_NDIM], held = 1;
    if (w->r->keep[c] & TD_BIT(TD_W)) room -= td__weights(inner) * z->bits[TD_W];
    if (w->r->keep[c] & TD_BIT(TD_O)) {
        int narrow = z->bits[TD__SUMS] < z->bits[TD_O] ? z->bits[TD__SUMS] : z->bits[TD_O];
        room -= td__outputs(inner) * (w->r->sums[c] ? z->bits[TD__SUMS] : narrow);
    }
    for (int d = 0; d < TD_NDIM; d++) most[d] = (double)w->tile[d] / outer[d] * inner[d];
    for (int axis = 0; axis < 2; axis++) line[axis] = (double)td__lines(&w->r->p, axis, inner);
    room /= bits * (double)inner[TD_N] * inner[TD_G] * inner[TD_C];
    double tight[2][2];
    for (int axis = 0; axis < 2; axis++) {
        const td_problem *p = &w->r->p;
        tight_lines(w, k, axis, floor(room / line[1 - axis] * (1 + 1e-12)), most[TD_P + axis],
                    most[TD_R + axis], tight[axis]);
        held *= (most[TD_P + axis] - 1) * p->stride[axis] +
                (most[TD_R + axis] - 1) * p->dilation[axis] + 1;
    }
    /* If not all of the inputs fit, loops that move them stand inside of this level. */
    held *=
        most[TD_N] * most[TD_G] * most[TD_C] / ((double)inner[TD_N] * inner[TD_G] * inner[TD_C]);
    double times = held > room ? all : fetch, share[2] = {1, k->copies}, words[2];
    for (int i = 0; i < 2; i++) {
        double a = k->held[i][0] * tight[1][i], b = k->held[i][1] * tight[0][i];
        words[i] = times * k->planes / share[i] * (a < b ? a : b);
        if (!(words[i] < INFINITY)) words[i] = 0; /* it does not fit at all */
    }
    if (words[0] > *fill) *fill = words[0];
    words[0] *= k->distinct / k->copies; /* only children with equal boxes share */
    if (words[1] < words[0]) words[1] = words[0];
    if (words[1] > *read) *read = words[1];
}
