/* schedule.h - what the files of the network schedule share. The whole, from the inside out:
 *
 *     schedule_plan.c   the network as intervals and the values between them
 *     schedule_home.c   where on the chip things can stay, and what that leaves to a layer
 *     schedule_stack.c  layers that can run depth first, in bands of rows
 *     schedule_ways.c   ways to run a layer, and which of them are of use
 *     schedule_table.c  ways to run each distinct layer: what the mapper is asked for
 *     schedule_turns.c  the same for turns of stacks
 *     layer_memo.c      such ways, remembered for other networks
 *     schedule_view.c   what the dynamic program needs to know of intervals and stacks
 *     schedule_dp.c     best places for all values and staged weights, given the resident weights
 *     schedule_pick.c   which weights are resident
 *     schedule_refine.c the layers of a schedule asked for again, as they stand there
 *     schedule_sieve.c  which stacks are worth the questions to the mapper
 *     schedule_bound.c  what no schedule can beat
 *     scheduler.c       all of these, for one network on many accelerators: figures
 *     schedule.c        the same with all that is told of it: intervals with their costs
 *     schedule_check.c  independent of all of these, with what schedule_facts.c knows
 *     schedule_node.c   export
 *     timeline.c        the answer as events in time (timeline_check.c, timeline_node.c)
 *
 * Sizes are in bits here, times in cycles, energies in pJ; "pool" is the storage on the chip that
 * resident data and the tiles of a running layer share. */
#ifndef TANDEM_MAP_SCHEDULE_H
#define TANDEM_MAP_SCHEDULE_H

#include <string.h>

#include "tandem/map.h"

/* ---- plan ------------------------------------------------------------------------------------ */

/* A value that an interval makes (or the input image: maker -1). last: the last interval that reads
 * it, -1 for none. stay: it may stand on chip; pinned: it does, whatever else. Layers inside a
 * fused chain make none: maker -2. */
typedef struct {
    int maker, last, word; /* word: bits of one, of its maker or its widest reader */
    int64_t bits;
    bool stay, pinned;
    bool streamed; /* a product's second operand, which comes from DRAM as weights */
} td__value;

/* One interval's work. value, in: numbers of layers of the network (= values). shape: index of its
 * layer problem, -1 on the vector unit. joined: the element-wise layer whose one operand are a
 * mapped layer's results, and which is done while they are drained; in[1] is the other operand. -1:
 * none. */
typedef struct {
    int layer, value, shape, joined, n_in, in[TD_MAX_INPUTS];
    bool flows; /* a convolution whose value goes to the next interval's alone, as its input */
    int64_t macs, weight_bits;
    double ops;   /* of the vector unit */
    bool product; /* weight_bits are a value's: made in this inference, so never there before it */
} td__step;

typedef struct {
    const td_net *net;
    int n, n_value, n_shape, batch;
    td__step *step;
    td__value *value;  /* by layer of the network */
    td_problem *shape; /* the distinct layer problems (by sizes of the values, too) */
    int64_t (*shape_value)[TD_NTENSOR]; /* bits of weights, input and output as values */
    int *shape_step;                    /* an interval that has it, for messages */
    int64_t *pinned; /* bits of pinned values at the boundary before each interval */
    bool beam;       /* some value was pinned or sent to DRAM to bound the state of the DP */
    bool loose;      /* nothing may be pinned: with it there was no schedule */
    bool bands;      /* values that flow may be handed on in bands of rows */
} td__sched_plan;

/* At most so many values of which it is open where they stand cross a boundary between two
 * intervals: the state of the dynamic program is a subset of them. Plain chains have 1, residual
 * networks 2. */
enum { TD__MAX_LIVE = 8 };

/* Memory from the arena. TD_E_INPUT: the network has a fault, or no layer. */
td_status td__sched_plan_build(const td_net *net, int batch, td_arena *a, td__sched_plan *out,
                               td_error *err);
/* Decides td__value.stay and pinned for a pool of `pool_bits` whose home level keeps the tensors
 * `may`. */
void td__sched_plan_limit(td__sched_plan *p, int64_t pool_bits, unsigned may);
/* Bits of all weights and of the values that can be on chip during the fullest interval. */
int64_t td__sched_plan_demand(const td__sched_plan *p, unsigned may);

/* ---- home ------------------------------------------------------------------------------------ */

/* The home level is where values and weights stay on chip. If it `shares` the storage of an inner
 * level, that level holds the tiles of the running layer and both split one pool; otherwise home
 * and tiles are the same level. home -1: nothing can stay. */
typedef struct {
    int top, home, tiles;
    unsigned may;   /* tensors that can stay, TD_BIT(tensor) */
    int64_t pool;   /* bits of all instances */
    int64_t stores; /* instances of `tiles` */
} td__home;

void td__home_find(const td_hw *hw, td__home *out);

/* The accelerator as a layer sees it whose tensors `chip` stand at home: home_bits of the pool at
 * the home level, tile_bits per store for tiles (one level: their sum). Levels further out need not
 * keep the tensors of `chip`. */
void td__home_layer_hw(const td_hw *hw, const td__home *h, unsigned chip, int64_t home_bits,
                       int64_t tile_bits, td_hw *out);

/* Bits that a mapped layer needs at home and, per store, for tiles, each with its level's
 * buffering. One level: all in *home. *beyond: what its tensors on chip have more than the boxes
 * that the layer touches of them (strides skip borders, readers may be wider): pool, but not the
 * layer's. */
typedef struct {
    int64_t home, tiles, beyond;
} td__need;
td__need td__home_need(const td_hw *hw, const td__home *h, const td_problem *p, const td_mapping *m,
                       const td_cost *c, unsigned chip, const int64_t value[TD_NTENSOR]);
/* Rooms that the mapper is asked for are multiples of so much of the `whole`: sixteenths are fine
 * enough, and the same rooms come back for other networks, whose answers a cache then has. */
static inline int64_t td__room_step(int64_t whole) {
    return whole / 16 / 8 * 8;
}
/* Bits of the pool that a turn of a stack's layer needs beside its tensors `chip`. band: the turn
 * as it is, p: as it is mapped. */
int64_t td__home_tiles(const td_hw *hw, const td__home *h, const td_problem *band,
                       const td_problem *p, const td_mapping *m, const td_cost *c, unsigned chip);

/* DRAM traffic of a mapped layer, bits per tensor; *read and *write are the sums by direction. */
void td__dram_traffic(const td_hw *hw, const td_problem *p, const td_mapping *m, const td_cost *c,
                      double bits[TD_NTENSOR], double *read, double *write);
/* The same of the home level, by direction; 0 where there is none. */
void td__home_traffic(const td__home *h, const td_problem *p, const td_mapping *m, const td_cost *c,
                      double *read, double *write);
/* Cycles that the outermost level needs for so many bits, rounded up to whole cycles. */
double td__dram_cycles(const td_hw *hw, double read, double write);
/* Cycles of a mapped layer but for the outermost level, and the level that sets them (-1: MACs). */
double td__chip_cycles(const td_cost *c, int top, int *limit);
/* pJ of a mapped layer with the clock's share on what happens on chip. */
double td__mapped_pj(const td_hw *hw, const td_cost *c);
/* pJ to bring weights from DRAM to the home level ahead of their use. */
double td__prefetch_pj(const td_hw *hw, const td__home *h, int64_t words, int bits);

/* The same for the weights of step s. */
double td__load_pj(const td__sched_plan *p, const td_hw *hw, const td__home *h, int s);

/* A layer of the vector unit. chip: bits of operands that stand on chip (read, written) and of
 * those in DRAM. */
typedef struct {
    double ops, chip_read, chip_write, dram_read, dram_write; /* bits but for ops */
    int word_bits;
} td__vector_work;
/* Lanes, the unit's own port, and the home level, which serves what stands on chip: the slowest.
 * *limit (may be NULL): TD__VECTOR_LANES, TD__VECTOR_PORT, or the level. */
enum { TD__VECTOR_PORT = -2, TD__VECTOR_LANES = -3 };
double td__vector_cycles(const td_hw *hw, const td__home *h, const td__vector_work *w, int *limit);
double td__vector_pj(const td_hw *hw, const td__home *h, const td__vector_work *w);
/* Bits of operand k of step s: of a vector layer that sees a part of a value those of the part. */
double td__operand_bits(const td__sched_plan *p, int s, int k);
/* The work of step s under the places on_chip[value]; of a mapped one, that of the layer joined to
 * it: its other operand is read, results come and go with the drain. */
void td__vector_step(const td__sched_plan *p, int s, const bool *on_chip, td__vector_work *out);

/* ---- table ----------------------------------------------------------------------------------- */

/* One way to run a layer problem: what the DP needs of it, and the mapping (NULL where it was not
 * asked for). */
typedef struct {
    const td_problem *problem;
    const td_mapping *mapping;
    double cycles, read, write;   /* on chip; DRAM bits */
    double home_read, home_write; /* bits at the home level */
    double dram;                  /* cycles of these bits */
    double pj;                    /* dynamic, with the clock's share */
    int64_t bits;                 /* of the pool, its own tensors on chip included */
    int64_t home, tiles;          /* td__need of the mapping */
} td__way;

/* Cycles on chip of a mapped layer to which another one is joined: MACs, levels, where the home
 * level serves both, and the vector unit work at the same time. limit: of the mapped layer, may be
 * changed; NULL if it does not matter. */
double td__joined_cycles(const td_hw *hw, const td__home *h, const td__way *way,
                         const td__vector_work *w, int *limit);
enum { TD__MAX_WAYS = 12, TD__MASKS = TD_ALL_TENSORS + 1 };
enum { TD__ALL_WAYS = TD__MAX_WAYS + 4 }; /* with those that were asked for again */
typedef struct {
    int n;
    td__way
        *way; /* by bits; of those asked for at first none is worse than another in everything */
} td__ways;

/* Where layers of an accelerator are remembered, and its number there; memo NULL: nowhere. */
typedef struct {
    struct td__layer_memo *memo;
    uint64_t number;
} td__memory;

/* of[shape][tensors that stand on chip, as a TD_BIT mask]. */
typedef struct {
    td__ways **of;
    int64_t calls, evaluations;
    td__memory memory;
} td__table;

/* ---- stacks ---------------------------------------------------------------------------------- */

/* Layers of consecutive intervals that run depth first, for one choice of rows. */
enum { TD__MAX_STACK = 4, TD__STACK_SIDES = 2 };
typedef struct {
    int first, n;
    int rows[TD__MAX_STACK];            /* of each layer's output in a turn */
    int passes[TD__MAX_STACK];          /* turns that the layer takes */
    int64_t between[TD__MAX_STACK - 1]; /* bits of rows that stand on chip of each inner value */
    int64_t buffer;                     /* their sum */
    /* Ways of all turns together; bits are those of the tiles only. [1]: of the first layer with
     * its input on chip, of the last one with its output there; of others both are the same. */
    td__ways ways[TD__MAX_STACK][TD__STACK_SIDES];
    bool found[TD__MAX_STACK][TD__STACK_SIDES]; /* not only hoped for */
} td__stack;

typedef struct {
    int n;
    td__stack *stack; /* by their first intervals */
} td__stacks;

/* All layers that can run as stacks, with all rows, from few to many; without ways. Memory from the
 * arena. */
td_status td__stacks_find(const td__sched_plan *p, td_arena *a, td__stacks *out);
/* Those that there is room for, few: one for all rows of the same layers, with the rows of the
 * smallest and the turns of the largest, which needs no more of either; none if !p->bands. Memory
 * from the arena. */
td_status td__stacks_in(const td__sched_plan *p, const td__home *h, const td__stacks *all, bool few,
                        td_arena *a, td__stacks *out);
/* Cycles that a turn of layer `at` hardly beats: MACs, words that leave and reach home, and inputs
 * that come and go at all levels that may keep them, as small tiles make them. */
double td__turn_cycles(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                       const td__stack *s, int at);
/* passes, between and buffer from first, n and rows. False: some layer never can go on. */
bool td__stack_turns(const td__sched_plan *p, td__stack *s);
/* The layer problem of a turn of its layer at `at`. */
td_problem td__stack_turn(const td__sched_plan *p, const td__stack *s, int at);
/* Tensors on chip of the layer at `at` of a stack: weights, what is handed on, and on `side` 1 the
 * stack's own input or output. */
unsigned td__stack_chip(const td__stack *s, int at, int side);
/* Cycles of a layer whose weights are loaded in its own interval and whose `passes` turns take
 * `cycles` on chip: all weights are needed in the first turn, the others come after it. */
double td__stack_wait(const td_hw *hw, int64_t weight_bits, int passes, double cycles);
/* Bits of the weights of all its layers. */
int64_t td__stack_weights(const td__sched_plan *p, const td__stack *s);

/* What fills a table. */
typedef struct {
    const td__sched_plan *plan;
    const td_problem *shape;            /* of the plan, or of stacks */
    const int64_t (*value)[TD_NTENSOR]; /* likewise */
    const td_hw *hw;
    const td__home *home;
    const td_schedule_options *o;
    td_arena *arena;
    td__table *table;
    int64_t demand; /* bits of the pool that all weights and the most live values could use */
    bool roomy;     /* that is at most half of the pool */
    bool natural;   /* a roomy layer's own question is asked */
    bool doubt;     /* the mapper's last answer is far from its bound */
    double enough;  /* the best answer with more room; 0: none yet */
    bool turn;      /* of a stack */
    unsigned never; /* activations of the layer that cannot be on chip; of a turn 0 */
    /* Roomy: the masks that a layer is asked for, in order, 4 bits each; of a turn, and of a layer
     * that is asked for again, its masks, a bit each; else 0. */
    uint64_t asked;
    const td__need *again; /* NULL, or the room of a layer that is asked for again */
    td__memory memory;
    int64_t least_demand, most_demand; /* between these a layer's ways would be the same */
} td__maker;

/* What a costed mapping of a shape with the tensors `chip` at home is like; false: too large for
 * the pool. */
bool td__way_of(const td__maker *b, int shape, unsigned chip, const td_problem *p,
                const td_mapping *m, const td_cost *c, td__way *out);
/* Puts it into the table if no way there is as good in everything; copies problem and mapping. Only
 * failure: memory. */
td_status td__way_add(td__maker *b, int shape, unsigned chip, const td_problem *p,
                      const td_mapping *m, const td_cost *c);
/* Results count as partial sums where a summing loop runs outside of what delivers them, whatever
 * the order of the loops. If the mapping's results leave so and a level in between, outside of all
 * summing loops, could hold them: the same loops with results kept there, evaluated and added, so
 * that words of their own precision leave. */
td_status td__way_finish(td__maker *b, int shape, unsigned chip, const td_problem *p,
                         const td_mapping *from);
/* The same loops with exactly the tensors `to` at home, evaluated and added; nothing is added if
 * the machine's rules forbid it. */
td_status td__way_spread(td__maker *b, int shape, const td_problem *p, const td_mapping *from,
                         unsigned to);

/* mappings: the ways have their mappings; otherwise only figures, which may come from o->cache. */
td_status td__table_build(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                          const td_schedule_options *o, bool mappings, td_arena *a, td__table *out,
                          int64_t *missing_bytes, td_error *err);
/* The ways of a shape of the maker's, into its table: known, or found by asking and remembered. */
td_status td__table_shape(td__maker *b, int shape, int64_t *missing_bytes, td_error *err);

/* Ways of the layers of stacks. Memory from the arena; NULL: it is out. */
typedef struct td__turns td__turns;
td__turns *td__turns_create(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                            const td_schedule_options *o, td__memory memory, td_arena *a);
/* stack->ways of turns that were asked for before, and of those that are asked for now (sides: of
 * each layer, as bits; NULL: none), without room for its weights and what it hands on; a layer
 * without ways cannot be mapped. TD_E_MEMORY. */
td_status td__turns_find(td__turns *t, td__stack *stack, const uint8_t *sides);
/* What `passes` turns take together, and the room that one needs beside the tensors `chip` of its
 * band, which are the stack's. */
td__way td__turns_way(const td_hw *hw, const td_problem *band, unsigned chip, int passes,
                      const td__way *one);

/* ---- dynamic program ------------------------------------------------------------------------- */

/* How weights get on chip: they are there (steady state), or resident ones are loaded once, in
 * their own interval or in the one before (cold). */
typedef enum { TD__STEADY, TD__COLD } td__regime;

/* What the DP decides for an interval. */
typedef struct {
    const td__way *way;     /* NULL on the vector unit */
    bool out_chip;          /* its value stands on chip */
    bool ahead;             /* its weights are loaded in the interval before */
    bool resident;          /* of td__dp_priced: its weights are worth their price */
    const td__stack *stack; /* it is layer `at` of; NULL */
    int at;
} td__choice;

typedef struct {
    double first, second; /* objective and tie-break: cycles and pJ, or the other way round */
    td__choice *choice;   /* n; owned by the caller; NULL: only the figures are wanted */
} td__answer;

/* Sums of the same in another order differ by less. */
#define TD__SLACK (1 + 1e-12)

typedef struct td__dp td__dp;
/* Prepares all that does not depend on the resident weights. Memory from the arena; NULL: memory.
 */
td__dp *td__dp_create(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                      const td__table *t, const td__stacks *stacks, td_map_objective objective,
                      td_arena *a);
/* Best places for the given resident weights (resident[step]). Exact: no other choice of places,
 * staged weights and ways of the table has a smaller (first, second). False: none is feasible. */
bool td__dp_run(td__dp *dp, const bool *resident, td__regime regime, td__answer *out);
/* The same where every weight may be used from the chip for nothing and takes no room but its own
 * layer's: a lower bound for all sets of resident weights. Runs with the same stacks, or fewer, and
 * no cheaper ways may stop early from here on: where the relaxed rest of a choice makes its figure
 * (first) more than the limit. (The sieve's stacks turn out cheaper than was hoped now and then; it
 * leaves some room.) */
bool td__dp_relaxed(td__dp *dp, td__answer *out);
/* Changes the stacks that there are; NULL: none. Ways are known by their addresses: changed ones
 * need others. False: memory is out. */
bool td__dp_stacks(td__dp *dp, const td__stacks *stacks);
/* What is worse than the limit is of no interest: runs may find it, or nothing, or what is worse
 * than its best. INFINITY, as at first: none. */
void td__dp_limit(td__dp *dp, double limit);
/* The set of resident weights that is worth most where `reserve` bits are set aside for them and
 * each bit costs `price` (of the objective): into resident[step]; returns its bits. It may need
 * more than the reserve: dearer bits make it smaller. -1: nothing is feasible. */
int64_t td__dp_priced(td__dp *dp, int64_t reserve, double price, bool *resident);
/* Lower bound of the figure (first) of all schedules whose resident weights take at most `room`
 * bits; not less than that of td__dp_relaxed. 0: nothing is feasible. */
double td__dp_least(td__dp *dp, double room);
/* How often the program was run. */
int64_t td__dp_runs(const td__dp *dp);

/* ---- resident weights ------------------------------------------------------------------------ */

/* Chooses resident[step] for the steady state; what it is before is one of those tried. *proved: no
 * other set is better (given the table).
 */
bool td__pick_resident(td__dp *dp, const td__sched_plan *p, const td_hw *hw, const td__home *h,
                       const td__table *t, td_map_objective objective, td_arena *a, bool *resident,
                       td__answer *best, bool *proved);

/* The figure (first) of the best of few sets; INFINITY: memory is out, none is feasible, or no set
 * could be better than `bar`. tried: NULL, or gets these sets, one of plan->n behind the other, and
 * what they are not better than. */
enum { TD__MAX_SETS = 80 };
typedef struct {
    int n;
    bool *set;
    double first[TD__MAX_SETS];
} td__sets;
double td__pick_quick(td__dp *dp, const td__sched_plan *p, const td_hw *hw, const td__home *h,
                      const td__table *t, td_map_objective objective, td_arena *a, double bar,
                      td__sets *tried);

/* The stacks that could be part of a better schedule than what there is without them, with their
 * ways. dp: without stacks, of the same table; has them then. Memory from the arena. */
typedef struct {
    const td__sched_plan *plan;
    const td_hw *hw;
    const td__home *home;
    const td_schedule_options *o;
    const td__table *table;
    const td__stacks *stacks; /* all that there are */
    td__dp *dp;
    td_arena *arena;
} td__sieve;
/* resident: of plan->n, gets the best set of resident weights that was seen with them, or none.
 * *plain: the figure (first) of a good schedule without stacks; 0: it was not looked for. */
td_status td__stacks_sieve(const td__sieve *v, td__stacks *out, bool *resident, double *plain);

/* ---- asking again ---------------------------------------------------------------------------- */

/* The layers of the schedule that has been chosen, each asked for again with the tensors on chip
 * and the room that is left to it there (in a stack: that it has); what is better takes its place,
 * and is in the table then. TD_E_MEMORY. */
td_status td__refine(td_scheduler *s);

/* ---- bound ----------------------------------------------------------------------------------- */

/* MACs per cycle that the fan-outs can use for a layer; for each shape. */
double td__parallel(const td_hw *hw, const td_problem *p);
void td__most_parallel(const td__sched_plan *p, const td_hw *hw, double *out);
/* Bits of its input that some output of a layer needs. */
double td__needed_bits(const td_problem *q);
/* Cycles that no schedule of this form can beat. parallel: of td__most_parallel. */
double td__bound_cycles(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                        const double *parallel, bool cold);
/* pJ of the MACs alone. */
double td__bound_pj(const td__sched_plan *p, const td_hw *hw);
/* Cycles that DRAM needs at least for what no choice of ways and resident weights avoids, the
 * dynamic pJ of the cheapest ways, and the most bits that resident weights can take. Memory from
 * the arena; 0, 0 and all of the pool where it is out. */
typedef struct {
    double dram_cycles, pj, room;
} td__least;
/* Gives stacks ways that no turns beat: MACs, and what comes from DRAM and goes there. Memory from
 * the arena. */
td_status td__stacks_floor(const td__sched_plan *p, const td_hw *hw, const double *parallel,
                           td_arena *a, td__stacks *stacks);
td__least td__bound_table(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                          const td__table *t, const td__stacks *stacks, td_arena *a);

/* ---- one network, an accelerator at a time -----------------------------------------------------
 */

struct td_scheduler {
    td_schedule_options o;
    td_arena *own, *arena; /* of the network; of the accelerator at hand */
    td__sched_plan plan;
    const td_hw *hw;
    td__home home;
    double *parallel; /* MACs per cycle that a shape can use */
    struct {          /* what these were found for: neighbours in a space have much in common */
        int n;
        td_map_rules rules;
        int32_t instances[TD_MAX_LEVELS + 1], mesh_x[TD_MAX_LEVELS + 1];
    } fans;
    td__table table;
    td__stacks every, stacks; /* of the network; of the accelerator, once it is solved */
    td__dp *dp;
    td_schedule_figures least; /* of the accelerator at hand, once its ways are known */
    bool *resident, *on_chip;  /* by interval, by value */
    td__choice *choice;
    int64_t resident_bits;
    double plain; /* of td__stacks_sieve */
    bool opened, solved, proved;
};

/* Ways of all layers on hw, with their mappings or without. */
td_status td__scheduler_open(td_scheduler *s, const td_hw *hw, bool mappings,
                             int64_t *missing_bytes, td_error *err);
/* Best places, resident weights and ways of the table, with stacks or without; then also refined,
 * if these are drafts. */
td_status td__scheduler_choose(td_scheduler *s, bool stacks, td_error *err);
td_status td__scheduler_solve(td_scheduler *s, td_error *err);
/* Its weights are loaded in its own interval, to stay for as long as its stack runs or, in the
 * first inference, for good. */
bool td__loads_own(const td_scheduler *s, int i);
/* Interval whose weights are loaded during interval i, -1: none. */
int td__loads_for(const td_scheduler *s, int i);
/* Bits of the pool in interval i that are not its own: resident weights of the others, values that
 * pass by, what is loaded for the next interval. */
int64_t td__others_bits(const td_scheduler *s, int i);
/* What interval i takes as decided: cycles on chip, DRAM bits and dynamic pJ, prefetch for the next
 * one included; *limit as of td__vector_cycles, -1 of a mapped layer. late: the turns that wait for
 * weights (td__stack_wait) set `dram`. */
typedef struct {
    double compute, read, write, dram, pj;
    int limit;
    bool late;
} td__spent;
td__spent td__scheduler_spent(const td_scheduler *s, int i);

#endif
