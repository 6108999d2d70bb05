/* mapper.h - inside the mapper: the map space of one layer on one accelerator, its roots (what
 * every fan-out does and what every level keeps), and the search for the tiles under a root.
 *
 * A mapping is found in two steps. A root fixes the spatial factors and the keep masks; with them
 * go the padded dims, the compute cycles, everything that the MACs read and write, and the least
 * that has to pass between any two keepers. Under a root the temporal factors are chosen level by
 * level from the outermost inwards: once the loops of a level are known, so are the tiles of the
 * next inner one and with them the traffic between the two, so that partial choices have sharp
 * bounds.
 *
 * Loop orders. A loop that a tensor does not depend on costs it nothing while no loop that it
 * depends on runs inside. The dims that W, I and O do not depend on (N P Q, K, C R S) exclude each
 * other, so among all orders of one level's loops three matter: which of the three blocks stands
 * innermost, whole, i.e. which tensor is stationary there. (Any other order: its innermost loop
 * belongs to one block; moving the rest of the block inwards helps that tensor and leaves the other
 * two as they are, since the innermost loop already moves their tiles.) Inputs with halos are the
 * exception: their bounds hold for every order, and of the orders that differ some are evaluated.
 *
 * Every figure in here is a lower bound of what td_cost_evaluate says in the counting that is asked
 * for, and for W, O and inputs without halo it is equal but for the rounding to blocks. Imperfect
 * factors are looked for with the figures of padded dims, which bound nothing. */
#ifndef TANDEM_MAPPER_H
#define TANDEM_MAPPER_H

#include <math.h>

#include "tandem/map.h"

/* Kinds of words: W, I, finished outputs, partial sums. */
enum { TD__SUMS = TD_NTENSOR, TD__NKIND };

#define TD__REDUCED (TD_BIT(TD_C) | TD_BIT(TD_R) | TD_BIT(TD_S))
/* Dims that a tensor depends on, and the block that it does not depend on. */
extern const uint8_t td__map_dims[TD_NTENSOR], td__map_block[TD_NTENSOR];

/* One way to use the fan-out below a level. */
typedef struct {
    int32_t x[TD_NDIM], y[TD_NDIM]; /* factors along X and Y */
    int32_t f[TD_NDIM];             /* both together */
    int32_t total;
    bool full;               /* no factor could be larger, given the others */
    double idle[TD_NTENSOR]; /* product of the factors in dims that a tensor lacks */
    uint32_t turn;           /* order among those of equal size */
    uint8_t dims;            /* with factors above 1 */
} td__fan;

/* Fractional part of the multiples of the golden ratio, as 32 bits: a first part of the numbers in
 * this order is spread evenly over all of them, however large it is, and a larger one has the same
 * numbers and more. */
static inline uint32_t td__turn(uint32_t i) {
    return i * UINT32_C(0x9e3779b9);
}

/* A limit on cycles: a read, write or shared bandwidth of a level. */
typedef struct {
    int8_t level;
    double read, write; /* 1: counts against it */
    double per_bit;     /* cycles per bit and instance */
} td__limit;
enum { TD__MAX_LIMITS = 3 * TD_MAX_LEVELS };

typedef struct {
    td_problem p; /* as asked */
    const td_hw *hw;
    td_map_objective objective;
    double weight[2];
    double max_compute; /* steps of the MACs that the least utilisation allows */
    td_counting counting;
    int n; /* levels */
    int top[TD_NTENSOR];
    uint8_t may[TD_MAX_LEVELS], must[TD_MAX_LEVELS]; /* keep masks within rules and query */
    uint8_t time[TD_MAX_LEVELS];   /* dims that may loop at a level, residency considered */
    uint8_t inward[TD_MAX_LEVELS]; /* dims that may not loop at any level outside */
    uint8_t whole; /* dims that may not be padded: a resident tensor would no longer fit */
    uint8_t space[TD_MAX_LEVELS][TD_NAXIS];
    double usable[TD_MAX_LEVELS];  /* bits of an instance for tiles; INFINITY */
    int active[TD_NDIM], n_active; /* dims with more than one position */
    int bits[TD__NKIND];
    double rd[TD_MAX_LEVELS][TD__NKIND], fl[TD_MAX_LEVELS][TD__NKIND],
        up[TD_MAX_LEVELS][TD__NKIND];          /* pJ per word */
    int n_limits, limit_of[TD_MAX_LEVELS + 1]; /* limits of level l: limit_of[l] .. limit_of[l+1] */
    td__limit limit[TD__MAX_LIMITS];
    bool plain;    /* input tiles of one layer never overlap and have no gaps */
    uint8_t gaps;  /* dims along which boxes of inputs hold lines that no tap touches */
    bool padded;   /* the plane has rows or columns of made zeros */
    double inside; /* positions (p, q, r, s) that lie in the image */
    td__fan *fan[TD_MAX_LEVELS]; /* full ones first, larger ones first; of equals any first part has
                                  * some of all kinds */
    int n_fan[TD_MAX_LEVELS], n_full[TD_MAX_LEVELS];
    bool cut;        /* some fans were left out: too many */
    bool ordered;    /* some level has a fixed order of loops */
    bool imperfect;  /* padded dims stand for smaller last passes */
    bool skewed;     /* some fan-out takes time of its own, */
    bool loose_skew; /* of which less is known than that of the words that pass */
    bool stalls;     /* levels take time, or fetch words, that no part of the search sees */
    bool narrow;     /* partial sums are narrower than outputs: bounds do not hold */
    double least_pj; /* no mapping needs less */
    double mac_pj;   /* of one MAC */
    double skew;     /* cycles of the fan-outs that know no folds, once in any mapping; */
    double hops[TD_MAX_LEVELS], shift[TD_MAX_LEVELS]; /* of a fold, of a word that is shifted */
} td__space;

/* Checks query and problem, fills *z and lists the fans (at most about `max_fans` per level; memory
 * of `a`). TD_E_INPUT: problem or query is wrong. */
td_status td__space_build(const td_problem *p, const td_hw *hw, const td_map_query *q, int max_fans,
                          td_arena *a, td__space *z, td_error *err);

/* pJ, cycles that come on top of the steps (td_level_timing), and cycles by limit. */
typedef struct {
    double pj, skew, cycles[TD__MAX_LIMITS];
} td__toll;

/* All figures. */
static inline void td__toll_set(const td__space *z, td__toll *t, double v) {
    t->pj = t->skew = v;
    for (int i = 0; i < z->n_limits; i++) t->cycles[i] = v;
}

/* a += m x b. */
static inline void td__toll_add(const td__space *z, td__toll *a, double m, const td__toll *b) {
    a->pj += m * b->pj;
    a->skew += m * b->skew;
    for (int i = 0; i < z->n_limits; i++) a->cycles[i] += m * b->cycles[i];
}

/* Product of the dims of a tensor's block in a tile. */
static inline double td__block_of(const int32_t *e, int t) {
    switch (t) {
    case TD_W: return (double)e[TD_N] * e[TD_P] * e[TD_Q];
    case TD_I: return e[TD_K];
    default: return (double)e[TD_C] * e[TD_R] * e[TD_S];
    }
}

/* Traffic of a tensor between a keeper and the next inner one, all used instances together. M times
 * the toll of link i is the least that it and all links inside of it cost if every word passes M
 * times ([1]: the outputs are partial sums at the parent). own: of this link alone. For outputs a
 * keeper is charged with the link inside it, when it is known whether sums or outputs arrive:
 * `drain` times the M of the link outside is what the parent does towards its own parent, `off`
 * what is subtracted once (the first update of a word needs no read, and nothing comes back before
 * it). Inputs that overlap are counted in words: read and fill per word, rest: the links inside at
 * M = 1. */
typedef struct {
    int8_t parent, child;
    bool sums; /* a spatial reduction stands above the child */
    td__toll toll[2], own[2], drain[2], off[2], off_own[2];
    td__toll read, fill, rest;
    double base_read, base_fill; /* words for M = 1 */
    double planes;               /* N * G * C of the layer, times the copies at the children */
    double copies;               /* of K between parent and child that are one read */
    double distinct;             /* children with different boxes of all that share, at least */
    double held[2][2];           /* lines that a child, the parent gets at least, by axis */
    int32_t apart[2], taps[2];   /* children of the parent along P and R, Q and S */
} td__link;

typedef struct {
    const td__space *z;
    td__fan fan[TD_MAX_LEVELS];
    uint8_t keep[TD_MAX_LEVELS];
    int32_t time[TD_NDIM];                     /* extents left for temporal loops */
    td_problem p;                              /* padded */
    int32_t inner[TD_MAX_LEVELS + 1][TD_NDIM]; /* spatial extents inside the tile of level l - 1 */
    double compute;                            /* cycles */
    bool diagonal; /* places along P and R (Q and S) add up to equal positions of an input */
    int m;
    int8_t level[TD_MAX_LEVELS];  /* levels with loops, outermost first */
    uint8_t here[TD_MAX_LEVELS];  /* dims that may loop at level[i] */
    uint8_t later[TD_MAX_LEVELS]; /* dims that may loop at level[i] or inside */
    bool sums[TD_MAX_LEVELS];     /* a keeper of O gets partial sums whatever the loops outside */
    int links[TD_NTENSOR];
    td__link link[TD_NTENSOR][TD_MAX_LEVELS]; /* outermost first */
    td__toll mac;                             /* MACs, their reads and writes */
    /* In these the inputs that the MACs take: from which level, reads there, reads if places along
     * P and R would never coincide, and what one costs. */
    int8_t fed_level;
    double fed, feed;
    td__toll feed_toll;
    double least[2]; /* lower bounds of primary and secondary objective */
} td__root;

/* Factors as they stand, or with what they waste by padding taken off (pad rule: a dim of 40 over
 * 14 x 4 needs 10 x 4 only), from the inner levels or from the outer ones. Smooth: as they stand,
 * and steps in time are rounded up to numbers with more divisors (imperfect factors). */
enum { TD__AS_IS, TD__TRIM_INNER, TD__TRIM_OUTER, TD__SMOOTH };
void td__fan_measure(td__fan *f); /* all the rest from x and y */
/* Padded dims of a set of fans (one per level); trims the copies in `fan`. False: the factors do
 * not divide and must not pad. *wasted: dims were padded. */
bool td__root_fans(const td__space *z, td__fan fan[TD_MAX_LEVELS], int trim, td_problem *padded,
                   int32_t time[TD_NDIM], bool *wasted);
/* The same for fans that are only pointed to, with the products of their factors at hand. One that
 * is trimmed is a copy in `own` from then on. */
bool td__pad_fans(const td__space *z, const td__fan *fan[TD_MAX_LEVELS], td__fan own[TD_MAX_LEVELS],
                  const int32_t spread[TD_NDIM], int trim, td_problem *padded,
                  int32_t time[TD_NDIM], bool *wasted);

/* Products that follow from the fans of a root. */
typedef struct {
    const td__fan *fan[TD_MAX_LEVELS];
    const td_problem *p;                      /* padded */
    double compute, macs;                     /* cycles; MACs with those of the padding */
    double used[TD_MAX_LEVELS];               /* instances */
    double copies[TD_MAX_LEVELS][TD_NTENSOR]; /* product of idle over the fans above a level */
    double shared[TD_MAX_LEVELS + 1]
                 [TD_NTENSOR];               /* product of shared idle over fans of levels < l */
    int32_t out[TD_MAX_LEVELS + 1][TD_NDIM]; /* spatial extents at levels >= l; start as all 1 */
    bool sums_above[TD_MAX_LEVELS + 1];      /* a reduction in the fans of levels >= l */
    bool sums;                               /* or anywhere, in time included */
    double words[TD_NTENSOR], planes;
    double held[TD_MAX_LEVELS]; /* overlapping inputs: words that a level gets at least */
    double fed;                 /* inputs that the MACs take, made zeros left out */
    double read[TD__MAX_LIMITS], write[TD__MAX_LIMITS]; /* cycles per bit, over used instances */
} td__products;
void td__products_init(td__products *w);                /* before the first use */
void td__multiply(const td__space *z, td__products *w); /* the rest from fan, p, compute */
/* Adds the least that tensor t costs (M = 1) if the levels of `keepers` keep it, MACs included.
 * sums: bit l + 1 is set if what leaves level l cannot but be partial sums. */
void td__chain_toll(const td__space *z, const td__products *w, int t, unsigned keepers,
                    unsigned sums, td__toll *sum);
/* What the link into the innermost keeper adds for each further M; 0 if there is one keeper. */
void td__last_toll(const td__space *z, const td__products *w, int t, unsigned keepers,
                   unsigned sums, td__toll *last);
/* Cycles of filling and draining with the folds of tensor t that the link from parent to child (-1:
 * the MACs) decides, at least, for M = 1: they grow with M as words do. mapper_skew.c */
double td__link_skew(const td__space *z, const td__products *w, int t, int parent, int child);
/* What fan-outs take, whatever the mapping: skewed, skew, hops and shift of the space. */
void td__skew_constants(td__space *z);
/* Of all mappings: as many folds as it takes to bring every word of the tensors (`words`: at least)
 * into their keepers once. */
double td__least_skew(const td__space *z, const double words[TD_NTENSOR]);
/* All that the search needs; r->fan and r->keep are set, fans trimmed. False: its loops have no
 * place. */
bool td__root_build(const td__space *z, td__root *r);

/* Different sums of a places p apart and b places r apart. */
double td__map_sums(int64_t a, int64_t p, int64_t b, int64_t r);

/* Rows (axis 0) or columns of input that all used instances of a level hold at least, copies in K
 * left out; spread: spatial extents outside of the level; box: positions side by side that it gets
 * at a time at least. */
double td__held_lines(const td_problem *p, int axis, const int32_t *spread, int32_t box);

/* Lines of a box of positions and taps along an axis; of the image, which has no made zeros. */
static inline int64_t td__box_lines(const td_problem *p, const int32_t *e, int axis) {
    return ((int64_t)e[TD_P + axis] - 1) * p->stride[axis] +
           ((int64_t)e[TD_R + axis] - 1) * p->dilation[axis] + 1;
}
static inline int64_t td__image_lines(const td_problem *p, int axis) {
    return td__box_lines(p, p->dim, axis) - p->pad[axis] - p->pad[2 + axis];
}

/* Bits of a tile of tensor t with extents e; sums: outputs are partial sums. */
static inline double td__tile_bits(const td__space *z, const td_problem *p, const int32_t *e, int t,
                                   bool sums) {
    switch (t) {
    case TD_W: return (double)e[TD_G] * e[TD_K] * e[TD_C] * e[TD_R] * e[TD_S] * z->bits[TD_W];
    case TD_O:
        return (double)e[TD_N] * e[TD_G] * e[TD_K] * e[TD_P] * e[TD_Q] *
               z->bits[sums ? TD__SUMS : TD_O];
    default: break;
    }
    double bits = (double)e[TD_N] * e[TD_G] * e[TD_C] * z->bits[TD_I];
    for (int axis = 0; axis < 2; axis++) {
        int64_t lines = td__box_lines(p, e, axis), image = td__image_lines(p, axis);
        /* Made zeros are not stored; Timeloop knows none. */
        if (z->counting == TD_COUNT_EXACT && lines > image) lines = image > 0 ? image : 0;
        bits *= (double)lines;
    }
    return bits;
}

/* The objectives (primary, secondary) of a bound or a cost. */
static inline void td__map_objectives(const td__space *z, double pj, double cycles, double out[2]) {
    cycles = ceil(cycles * (1 - 1e-12));
    switch (z->objective) {
    case TD_OBJ_LATENCY:
        out[0] = cycles;
        out[1] = pj;
        break;
    case TD_OBJ_ENERGY:
        out[0] = pj;
        out[1] = cycles;
        break;
    case TD_OBJ_WEIGHTED:
        out[0] = pow(pj, z->weight[0]) * pow(cycles, z->weight[1]);
        out[1] = z->weight[0] > 0 ? cycles : pj;
        break;
    default:
        out[0] = pj * cycles;
        out[1] = cycles;
        break;
    }
}

/* Lower bounds of both from a sum of tolls. */
static inline void td__toll_least(const td__space *z, double compute, const td__toll *sum,
                                  double least[2]) {
    double cycles = compute + sum->skew;
    for (int i = 0; i < z->n_limits; i++)
        if (sum->cycles[i] > cycles) cycles = sum->cycles[i];
    td__map_objectives(z, sum->pj, cycles, least);
}

static inline bool td__map_better(const double a[2], const double b[2]) {
    return a[0] != b[0] ? a[0] < b[0] : a[1] < b[1];
}

#endif
