/* schedule_dp.h - what the dynamic program works on: schedule_view.c prepares it, schedule_dp.c
 * runs on it. */
#ifndef TANDEM_MAP_SCHEDULE_DP_H
#define TANDEM_MAP_SCHEDULE_DP_H

#include "schedule.h"

/* A set of values on chip at the boundary before an interval, as the interval sees it. */
typedef struct {
    int64_t others; /* bits of values on chip that pass by */
    int64_t held;   /* bits of all values on chip at the boundary */
    uint16_t next;  /* the set at the boundary behind, without the interval's own value */
    uint8_t chip;   /* mapped: TD_BIT(TD_I) if the input is on chip */
    double joined_read, joined_pj; /* mapped: of the layer joined to it, DRAM bits and pJ */
    td__vector_work work;          /* ... itself */
    const double *joined;          /* ... and cycles on chip of both by mask and way, or NULL */
    struct {
        double cycles, read, write, dram, pj;
        int64_t bits;
    } vector[2]; /* vector unit: its value in DRAM, on chip */
} td__view;

typedef struct {
    double first, second;
    uint16_t from;
    uint16_t stack; /* number + 1 of the stack that ends there; 0: a single interval */
    uint8_t chip, way, out;
} td__cell;

/* The cheapest of the ways of an interval that fit; way < 0: not looked for yet. */
typedef struct {
    double cycles, pj;
    int way;
} td__cheapest;

struct td__dp {
    const td__sched_plan *plan;
    const td_hw *hw;
    const td__home *home;
    const td__table *table;
    const td__stacks *stacks; /* NULL: none */
    double **timed; /* [(stack * TD__MAX_STACK + layer) * TD__STACK_SIDES + side]: of time_ways */
    td_arena *arena;
    double **rest; /* [boundary][set * 2 + flag]: of td__dp_floor; NULL */
    double limit;  /* what is worse is of no interest */
    bool by_energy;
    bool one_port;   /* DRAM has one rate for both directions together, and no other limit */
    double per_bit;  /* cycles of that rate */
    double leak_pj;  /* per cycle */
    td__view **view; /* [interval][set] */
    int *sets;       /* sets at the boundary before an interval; sets[n] = 1 */
    uint16_t *own; /* bit of the interval's value in the set behind it, 0: it cannot stand there */
    double *load_pj;    /* of an interval's weights */
    td__cell **cell;    /* [boundary][set * 2 + flag] */
    bool *ahead_ok;     /* an interval's weights may be loaded ahead */
    bool *none;         /* no resident weights */
    td__choice *choice; /* of td__dp_priced */
    double **joined;    /* [2 * interval + operand on chip] */
    /* A run differs from another in which ways have room, so that the same are looked for over and
     * over: kept[kept_at[td__kept_slot(...)] + how many fit - 1]. */
    td__cheapest *kept;
    int *kept_at;
    int64_t runs;
};

/* joined: its operand on chip; ahead: weights of the next interval are loaded meanwhile. */
static inline size_t td__kept_slot(int interval, bool joined, unsigned chip, int ahead) {
    return (((size_t)interval * 2 + joined) * TD__MASKS + chip) * 2 + (size_t)ahead;
}

#endif
