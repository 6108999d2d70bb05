/* What the files of the space of mappings share: its tables (space_mapping.c makes them), the draws
 * (space_mapping_draw.c) and the features (space_mapping_features.c). */
#ifndef TANDEM_SPACE_MAPPING_H
#define TANDEM_SPACE_MAPPING_H

#include "space_bits.h"

enum { TD__PLACES = TD_MAX_LEVELS * TD_NAXIS };

/* A fan-out that some dim may be spread over; or the loops in time of a level that takes one dim
 * only, with no limit to it. */
typedef struct {
    int level, axis;
    int32_t fan;
    bool single; /* takes one dim */
} td__axis;

/* The splits of a dim: ordered factorisations over the places that the rules leave to it. Each is a
 * row of numbers, in the order of these fields:
 *
 *     bad             it never fits, whatever the other dims do
 *     one per axis    its factor there
 *     reduced         C, R, S: outermost level with a factor, else -1
 *     one per level   its extent in a tile of the level
 *     one per place   its factor there
 *
 * Rows are sorted, so that those that may fit come first, and those alike in space together. */
typedef struct {
    int dim, n, places, width, good; /* good: rows that are not bad */
    int decision;                    /* -1: there is one split only */
    uint8_t place[TD__PLACES];       /* level x TD_NAXIS + axis, from the inside out */
    int32_t *row;                    /* n x width */
} td__split;

/* Orders of the loops in time of a level, outermost first. */
typedef struct {
    int level, dims, n, decision;
    uint8_t *order; /* n x dims */
} td__order;

/* Sets of tensors that a level may keep. */
typedef struct {
    int level, n, decision;
    uint8_t mask[8];
} td__keep;

typedef struct td__spread td__spread;

typedef struct {
    td_problem p; /* as the machine runs it */
    td_hw hw;
    int32_t image[2]; /* rows and columns that are there, without made zeros */
    int splits, axes, orders, keeps, bounded;
    td__split split[TD_NDIM];
    td__axis axis[TD__PLACES];
    td__order order[TD_MAX_LEVELS];
    td__keep keep[TD_MAX_LEVELS];      /* levels with a choice */
    uint8_t fixed_keep[TD_MAX_LEVELS]; /* the others' masks; what levels with a choice must keep */
    uint8_t level[TD_MAX_LEVELS];      /* those with a capacity ... */
    double usable[TD_MAX_LEVELS];      /* ... and their bits */
    const td__spread *spread;
    int logs; /* log[k]: log2(k) for 0 < k < logs */
    double *log;
} td__mappings;

/* Where the parts of a row begin. */
enum { TD__BAD = 0, TD__AXES = 1 };
static inline int td__reduced_at(const td__mappings *m) {
    return TD__AXES + m->axes;
}
static inline int td__tiles_at(const td__mappings *m) {
    return TD__AXES + m->axes + 1;
}
static inline int td__factors_at(const td__mappings *m) {
    return td__tiles_at(m) + m->hw.n;
}
static inline const int32_t *td__split_row(const td__split *s, const double *v) {
    return s->row + (s->decision < 0 ? 0 : (size_t)v[s->decision] * (size_t)s->width);
}
/* Keep masks of all levels. */
static inline void td__keeps_of(const td__mappings *m, const double *v,
                                uint8_t keep[TD_MAX_LEVELS]) {
    for (int l = 0; l < m->hw.n; l++) keep[l] = m->fixed_keep[l];
    for (int k = 0; k < m->keeps; k++)
        keep[m->keep[k].level] = m->keep[k].mask[(int)v[m->keep[k].decision]];
}
/* Whether splits with these rows, and these keeps, fit the fan-outs and the capacities. */
bool td__rows_fit(const td__mappings *m, const int32_t *const row[], const uint8_t keep[]);
/* Words of tensor t in a tile of these extents, without made zeros. */
double td__tile_words(const td__mappings *m, const int32_t e[TD_NDIM], int t);

/* Tables for draws. NULL: memory is out. TD_E_INFEASIBLE: no splits fit the fan-outs. */
td_status td__spread_make(const td__mappings *m, td_arena *a, const td__spread **out,
                          td_error *err);
/* td_space.draw of spaces of mappings; self is a td__mappings. */
bool td__mapping_draw(const void *self, td_rng *r, int64_t most, td_choices *c, int64_t *drawn);

/* Sets td_space.n_features and td_space.features; traffic: with words moved. */
void td__mapping_set_features(td_space *s, bool traffic);

#endif
