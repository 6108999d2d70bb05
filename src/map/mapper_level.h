/* mapper_level.h - the choices of one level under a root: which loops stand there, for each
 * stationary tensor, and what they cost at least. */
#ifndef TANDEM_MAPPER_LEVEL_H
#define TANDEM_MAPPER_LEVEL_H

#include "mapper_search.h"

/* A loop in time that moves the tile of an input within its plane: by `move` rows or columns. */
typedef struct {
    uint8_t dim;
    int32_t bound;
    double move;
} td__plane_loop;
enum { TD__MAX_PLANE = 4 * TD_MAX_LEVELS };

/* What the levels further out have decided. */
typedef struct {
    int32_t rest[TD_NDIM]; /* temporal extents of this level and those inside */
    td__toll fixed;        /* MACs, and links that are decided */
    double fetch[TD_NTENSOR], all[TD_NTENSOR];
    int link[TD_NTENSOR];                /* first link that is not decided */
    bool sums;                           /* a temporal reduction stands further out */
    uint8_t from;                        /* see td__choice */
    td__plane_loop plane[TD__MAX_PLANE]; /* loops over P, Q, R, S further out, outermost first */
    int n_plane;
    double drain;  /* fetch[TD_O] of the last decided link; 0: none */
    bool finished; /* the last keeper of O was taken to get it finished; if a loop makes that
                    * wrong, its tiles have to fit with partial sums: */
    double kept_bits, kept_outputs, usable; /* bits of W and I, words of O there */
} td__state;

typedef struct {
    td__search *s;
    const td__root *r;
    const td__state *at;
    int i, level, child; /* place in r->level; its level; the next one inside */
    const td__divisors *of[TD_NDIM];
    int n_lead, n; /* dims: those that cost first, then the block's */
    uint8_t dim[TD_NDIM];
    unsigned still;
    uint8_t soft;     /* dims whose tiles overlap: the largest tile need not be the best */
    td__toll base[2]; /* fixed tolls, and what does not depend on this level's loops */
    int32_t bound[TD_NDIM];
    int32_t tile[TD_NDIM]; /* extents of the child's tile, undecided dims at their least */
    /* Links whose children cannot hold all that is inside this level: they move every time a loop
     * here does. Of each tensor: words of the tile beyond which this is so, and the link from which
     * on. */
    int deep[TD_NTENSOR];
    double deep_words[TD_NTENSOR];
    /* Links that end at the next level but one, and how large the block of a tensor can be inside
     * of it: what is more loops at the next level, and only one tensor is stationary there. */
    int next[TD_NTENSOR];
    double next_block[TD_NTENSOR];
    bool look_ahead;
    double sum_block; /* more of C, R and S in the child's tile makes its outputs partial sums */
    bool exact;  /* no level inside has anything to choose, and inputs move as other tensors do: of
                  * what  costs the same here one is enough, and of what costs more nothing is needed
                  */
    bool fitted; /* the last complete choice fits */
    td__choice *list;
    int kept, max;
    uint64_t end;    /* of this level's share of nodes */
    bool whole_taps; /* loops over R and S stay inside */
    /* Dims with loops that have no place between this level's child and r->level[k], k >= i + 2:
     * all of them stands in its tiles. */
    uint8_t forced[TD_MAX_LEVELS];
} td__level;

/* ---- tiles ----------------------------------------------------------------------------------- */

static inline int64_t td__lines(const td_problem *p, int axis, const int32_t *e) {
    return (int64_t)(e[TD_P + axis] - 1) * p->stride[axis] +
           (int64_t)(e[TD_R + axis] - 1) * p->dilation[axis] + 1;
}

static inline double td__weights(const int32_t *e) {
    return (double)((int64_t)e[TD_G] * e[TD_K]) * (double)((int64_t)e[TD_C] * e[TD_R] * e[TD_S]);
}

static inline double td__outputs(const int32_t *e) {
    return (double)((int64_t)e[TD_N] * e[TD_G] * e[TD_K]) * (double)((int64_t)e[TD_P] * e[TD_Q]);
}

/* Lines of a tile that are buffered: at most those of the image. Timeloop knows no made zeros. */
static inline double td__inputs(const td__space *z, const td_problem *p, const int32_t *e) {
    double words = (double)((int64_t)e[TD_N] * e[TD_G] * e[TD_C]);
    for (int axis = 0; axis < 2; axis++) {
        int64_t n = td__lines(p, axis, e);
        int32_t made = p->pad[axis] + p->pad[2 + axis];
        if (made > 0 && z->counting == TD_COUNT_EXACT) {
            int64_t image = td__lines(p, axis, p->dim) - made;
            if (n > image) n = image > 0 ? image : 0;
        }
        words *= (double)n;
    }
    return words;
}

static inline const td__link *td__open_link(const td__level *w, int t) {
    return w->at->link[t] < w->r->links[t] ? &w->r->link[t][w->at->link[t]] : NULL;
}

static inline void td__count_node(td__search *s) {
    s->nodes++;
    if (s->nodes >= s->max_nodes) s->stop = true;
    if ((s->nodes & 255) == 0 && s->deadline < INFINITY && td_time_mono_s() > s->deadline)
        s->stop = s->late = true;
}

/* Fills w->list with the choices of the level, best first: all, or the best few within the level's
 * share of nodes. s, r, at, i, level, child, list and max are set, all else is 0. */
void td__level_choices(td__level *w);

/* Words of an overlapping input over link k, at least, whatever the order of the loops is. from:
 * dims of which one is the innermost that moves the tile.
 *
 * Every step fetches its box but for what it keeps of the one before. The steps of the innermost
 * loop keep the overlap along its axis. When another loop of that axis advances, those inside have
 * jumped back: what is kept depends on the difference, and is most if as many of these steps as
 * possible are made. Steps of all other loops find the innermost one back at its start: both boxes
 * may still share a corner. In Timeloop's counting a step keeps something only if it moves as the
 * innermost loop does, or not at all. Made zeros are taken off once. */
void td__input_words(const td__level *w, const td__link *k, double fetch, unsigned from,
                     double *read, double *fill);

/* The same for a link whose child stands further in, from what fits there; `all`: how often each
 * word passes if not all of the inputs fit. Timeloop's counting only. */
void td__deep_input_words(const td__level *w, const td__link *k, double fetch, double all,
                          double *read, double *fill);

/* Children with different boxes of all children that share reads along an axis, at least, below the
 * levels from child + 1 to parent; child -1: the MACs. */
double td__different_children(const td__level *w, int child, int parent, int axis);

/* Adds the loops over the plane that the level has chosen. */
void td__add_plane(const td__level *w, td__state *next);

#endif
