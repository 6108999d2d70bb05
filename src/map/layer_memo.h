/* layer_memo.h - ways to run layers on accelerators, remembered: networks of one space share most
 * of their layers, and finding a layer's ways is nearly all of the time of a schedule. Figures
 * only: who wants the mappings asks the mapper. Thread-safe; it never forgets, so that what it
 * gives out stays, and takes in no more once it is full. */
#ifndef TANDEM_MAP_LAYER_MEMO_H
#define TANDEM_MAP_LAYER_MEMO_H

#include "schedule.h"

typedef struct td__layer_memo td__layer_memo;
td__layer_memo *td__layer_memo_create(size_t max_layers); /* 0: unbounded; NULL: memory */
void td__layer_memo_destroy(td__layer_memo *m);

/* What the ways of a layer depend on. Between the demands that they were found for they are the
 * same. asked: td__maker.asked, and in its high bits what else the questions depend on. home,
 * tiles: of a question that is asked again, else 0. */
typedef struct {
    uint64_t hw;
    const td_problem *problem;
    const int64_t *value; /* TD_NTENSOR */
    uint64_t asked;
    int64_t home, tiles, demand;
} td__layer_key;

/* Number of an accelerator, asked with these options; 0: memory is out. */
uint64_t td__layer_memo_hw(td__layer_memo *m, const td_hw *hw, const td_schedule_options *o);
/* The ways, by mask, *status what finding them ended with (TD_OK, or TD_E_INFEASIBLE with its
 * message and the missing bytes). NULL: not known. */
td__ways *td__layer_memo_find(td__layer_memo *m, const td__layer_key *k, td_status *status,
                              int64_t *missing_bytes, td_error *err);
/* Copies what was found for the demands least..most. */
void td__layer_memo_put(td__layer_memo *m, const td__layer_key *k, int64_t least, int64_t most,
                        const td__ways *ways, td_status status, int64_t missing_bytes,
                        const td_error *err);

#endif
