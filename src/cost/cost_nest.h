/* cost_nest.h - a mapping flattened for counting: its loops from the inside out, each with the step
 * that it makes in its dim, and the products that the counters need. Built and checked once per
 * evaluation, on the caller's stack. */
#ifndef TANDEM_COST_NEST_H
#define TANDEM_COST_NEST_H

#include "tandem/cost.h"

/* Dims that a tensor depends on, and dims that outputs are summed over, as bits. */
#define TD__DIMS_W (TD_BIT(TD_G) | TD_BIT(TD_K) | TD_BIT(TD_C) | TD_BIT(TD_R) | TD_BIT(TD_S))
#define TD__DIMS_I                                                                                 \
    (TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_C) | TD_BIT(TD_P) | TD_BIT(TD_Q) | TD_BIT(TD_R) |     \
     TD_BIT(TD_S))
#define TD__DIMS_O (TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_K) | TD_BIT(TD_P) | TD_BIT(TD_Q))
#define TD__DIMS_REDUCED (TD_BIT(TD_C) | TD_BIT(TD_R) | TD_BIT(TD_S))
extern const uint8_t td__dims_of[TD_NTENSOR];

/* A loop with bound > 1. step: how far its dim moves when it advances (product of the bounds of the
 * same dim inside it); move: how far that is in rows (axis 0) or columns (1) of the input; axis -1:
 * it moves neither. */
typedef struct {
    int32_t bound, step, move;
    uint8_t dim, level;
    int8_t axis;
    uint8_t bit; /* TD_BIT(dim) */
} td__loop;

/* Lists run from the innermost loop to the outermost. Loops of levels >= l are t[t0[l]] .. t[nt-1]
 * in time and s[s0[l]] .. s[ns-1] in space. tile[l + 1][d] is the extent of dim d in one tile of
 * level l; tile[0] (all 1) is that of a MAC. */
typedef struct {
    const td_problem *p;
    const td_hw *hw;
    const td_mapping *m;
    int n, nt, ns;
    int t0[TD_MAX_LEVELS + 1], s0[TD_MAX_LEVELS + 1];
    int top[TD_NTENSOR];            /* outermost level that keeps the tensor */
    int reduced;                    /* outermost level that has a loop over C, R or S; -1: none */
    int32_t rows, columns;          /* of the padded input plane */
    int32_t unit[TD_NDIM];          /* rows or columns of the input that a dim moves by */
    double used[TD_MAX_LEVELS + 1]; /* used[l + 1]: instances of level l; used[0]: MACs */
    double fan[TD_MAX_LEVELS];      /* used fan-out below level l ... */
    double distinct[TD_MAX_LEVELS][TD_NTENSOR]; /* ... and its part in dims of the tensor */
    double total[TD_NTENSOR];                   /* words of the tensor, made zeros included */
    double words[TD_MAX_LEVELS][TD_NTENSOR];    /* kept tiles; made zeros left out if `exact` */
    double above[TD_MAX_LEVELS][TD_NTENSOR];    /* instances with different words of the tensor */
    int8_t child[TD_MAX_LEVELS][TD_NTENSOR];    /* next inner keeper, -1: the MACs */
    int32_t tile[TD_MAX_LEVELS + 1][TD_NDIM];
    double outer[TD_MAX_LOOPS + 1]; /* product of the bounds of t[k] and all outside of it */
    td__loop t[TD_MAX_LOOPS], s[TD_MAX_LOOPS];
    /* With imperfect factors; all of the above counts whole passes, but tile[][] and words[][] are
     * the largest that occur. */
    bool imperfect;
    int32_t t_tail[TD_MAX_LOOPS], s_tail[TD_MAX_LOOPS]; /* bounds of the very last passes */
    int32_t full[TD_MAX_LEVELS + 1][TD_NDIM];           /* tiles of whole passes ... */
    int32_t last[TD_MAX_LEVELS + 1][TD_NDIM];           /* ... and of the very last one */
} td__nest;

/* Flattens and checks everything but capacities. exact: for exact counting, so that a resident
 * tensor must not be needed by loops outside of its outermost keeper (Timeloop accepts that). */
td_status td__nest_build(const td_problem *p, const td_hw *hw, const td_mapping *m, bool exact,
                         td__nest *z, td_error *err);

/* td_word_bits for a built nest. */
static inline int td__word_bits(const td__nest *z, int level, int t) {
    return t == TD_O && z->reduced > z->child[level][t] ? z->p->acc_bits : z->p->bits[t];
}

/* Sum of the kept tiles against the usable capacity of every level. */
td_status td__capacity_check(const td__nest *z, int64_t *missing_bits, td_error *err);

/* Rows (axis 0) or columns (1) of the input that a tile spans. */
static inline int32_t td__span(const td__nest *z, const int32_t tile[TD_NDIM], int axis) {
    return (tile[TD_P + axis] - 1) * z->unit[TD_P + axis] +
           (tile[TD_R + axis] - 1) * z->unit[TD_R + axis] + 1;
}

/* Nothing of a tile is taken over from the step before: MACs hold nothing, and some levels fetch
 * what they hold all the same (td_level.reload). */
static inline bool td__forgets(const td__nest *z, int child, int t) {
    return child < 0 || (z->hw->level[child].reload & TD_BIT(t));
}

/* Words of W or O that go in or out of one tile of `child` over the run. Tiles at different places
 * have no word in common, so every step that moves the tile costs all of it; the innermost loops
 * that do not move it cost nothing, unless it is fetched all the same. MACs hold nothing: each step
 * costs a word. */
static inline double td__block_traffic(const td__nest *z, int child, int t) {
    if (child < 0) return z->outer[0];
    int k = z->t0[child + 1];
    if (!td__forgets(z, child, t))
        while (k < z->nt && !(td__dims_of[t] & z->t[k].bit)) k++;
    return z->words[child][t] * z->outer[k];
}

/* Cycles that the fan-outs take beyond the steps of the MACs (td_level_timing); whole. exact: exact
 * counting. Looks at the loops in time, keeps and words of the nest only. cost_skew.c */
double td__skew_cycles(const td__nest *z, bool exact);
/* Cycles in which the array waits for what no bandwidth tells; whole. Looks at the same, and at the
 * fan-outs. cost_stall.c */
double td__stall_cycles(const td__nest *z);
/* Bits that the ports of `level` move for each bit of tensor t that is wanted; 1 without bursts. */
double td__moved(const td__nest *z, int level, int t);

/* The counters fill reads, fills, updates and partition_words of c->at[][]; those for imperfect
 * factors also macs, compute_cycles, mac_used and used. */
void td__count_timeloop(const td__nest *z, td_cost *c);
void td__count_exact(const td__nest *z, td_cost *c);
void td__count_timeloop_imperfect(const td__nest *z, td_cost *c);
void td__count_exact_imperfect(const td__nest *z, td_cost *c);
/* Input traffic of a layer with padding: reads of `level` and fills of `child`, averages over the
 * used instances. */
void td__count_padded_input(const td__nest *z, int child, int level, double *reads, double *fills);
/* Distinct input words of the image that an instance of `level` ever holds, averaged. */
double td__padded_partition(const td__nest *z, int level);

/* Input words without padding: *own is what one child fetches over the run, *reads what the keeper
 * at `level` gives. */
void td__exact_input(const td__nest *z, int child, int level, double *own, double *reads);
/* Children below a level with different words, of those that share a read in Timeloop's counting.
 */
double td__timeloop_children(const td__nest *z, int level, int t);
/* Timeloop's numbers of distinct children below `level` by how many share each word: fills `out`
 * (multicast, targets; words left 0) and returns how many there are, at most `max`. */
int td__timeloop_histogram(const td__nest *z, int level, int t, td_delivery *out, int max);
/* Words that Timeloop counts from level child + 1 to one tile of t at `child` (rule of one
 * remembered move). */
double td__timeloop_traffic(const td__nest *z, int child, int t);
double td__timeloop_partition(const td__nest *z, int level, int t);

#endif
