/* schedule_dp.h - what the dynamic program works on: schedule_view.c prepares it, schedule_dp.c
 * runs on it. */
#ifndef TANDEM_MAP_SCHEDULE_DP_H
#define TANDEM_MAP_SCHEDULE_DP_H

#include "schedule.h"

/* The cheapest of a list's ways up to one of `bits`; way < 0: not looked for yet. The last one of a
 * list has more bits than there ever are. */
typedef struct {
    int64_t bits;
    double first, second;
    int16_t way;
    uint8_t chip; /* tensors on chip */
} td__cheapest;
#define TD__UNBOUNDED (INT64_MAX / 2)

/* A set of values on chip at the boundary before an interval, as the interval sees it. */
typedef struct {
    int64_t others; /* bits of values on chip that pass by */
    int64_t held;   /* bits of all values on chip at the boundary */
    uint16_t to[2]; /* the set at the boundary behind, without and with the interval's own value */
    uint8_t chip;   /* mapped: TD_BIT(TD_I) if the input is on chip */
    /* Mapped: its ways by whether its value and its weights are on chip and weights are loaded for
     * the next interval. A run differs from another in which of them have room. */
    td__cheapest *kept[2][2][2];
    double joined_read, joined_pj; /* mapped: of the layer joined to it, DRAM bits and pJ */
    td__vector_work work;          /* ... itself */
    const double *joined;          /* ... and cycles on chip of both by mask and way, or NULL */
    struct {
        double cycles, read, write, dram, pj;
        int64_t bits;
    } vector[2]; /* vector unit: its value in DRAM, on chip */
} td__view;

/* A stack as the program sees it. */
typedef struct {
    const td__way *way[TD__MAX_STACK][TD__STACK_SIDES]; /* the ways that had these */
    double *cycles[TD__MAX_STACK][TD__STACK_SIDES];     /* of time_ways */
    double *rest; /* [set]: as td__dp.rest, of what begins with it; NULL: not known */
} td__stack_view;

typedef struct {
    double first, second;
    uint16_t from;
    uint16_t stack; /* number + 1 of the stack that ends there; 0: a single interval */
    uint8_t chip, way, out;
} td__cell;

struct td__dp {
    const td__sched_plan *plan;
    const td_hw *hw;
    const td__home *home;
    const td__table *table;
    const td__stacks *stacks; /* NULL: none */
    int *stack_at;            /* the first one that begins with an interval; of n + 1 */
    td__stack_view *stack_view;
    const td__stack *floored; /* those of the last td__dp_relaxed, and how it saw them */
    td__stack_view *floored_view;
    int n_floored;
    td_arena *arena;
    double **rest; /* [boundary][set * 2 + flag]: of td__dp_relaxed; NULL */
    double limit;  /* what is worse is of no interest */
    bool by_energy;
    bool one_port;   /* DRAM has one rate for both directions together, and no other limit */
    double per_bit;  /* cycles of that rate */
    double leak_pj;  /* per cycle */
    td__view **view; /* [interval][set] */
    int *sets;       /* sets at the boundary before an interval; sets[n] = 1 */
    uint16_t *own; /* bit of the interval's value in the set behind it, 0: it cannot stand there */
    double *load_pj;    /* of an interval's weights */
    td__cell *no_cell;  /* of all boundaries, none reached */
    td__cell **cell[2]; /* [wrap][boundary][set * 2 + flag]; wrap: the first interval's weights are
                           loaded during the last one */
    int n_cell;         /* of all boundaries */
    bool *ahead_ok;     /* an interval's weights may be loaded ahead */
    bool *none;         /* no resident weights */
    td__choice *choice; /* of td__dp_priced */
    double **joined;    /* [2 * interval + operand on chip] */
    int64_t runs;
};

/* Fills the list behind `bare`, of td__stack_view.cycles: with the wait for weights. */
void td__time_late(const td__dp *d, const td__stack *k, int j, const td__ways *list, double *bare);

#endif
