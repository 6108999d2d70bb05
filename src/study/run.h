/* run.h - parts of a run, for src/study: the final trainings. */
#ifndef TANDEM_RUN_H
#define TANDEM_RUN_H

#include "recipe.h"
#include "tandem/study.h"

/* A design that is trained fully: the row it belongs to and what comes of it. */
typedef struct {
    int row;
    int64_t trial;
    td_design design;
    td_weights *weights; /* owned */
    double valid_accuracy;
    double metric[TD_NMETRIC];
    double violation;
} td__candidate;

/* Trains the candidates on all cores (each distinct network once), keeps their weights in
 * out/final/, and fills valid_accuracy. One whose training diverges stays without weights and with
 * NAN. data: loaded by the caller. */
td_status td__final_train(const td_recipe *r, const td_run_options *run, const td_dataset *data,
                          td__candidate *c, int n, td_error *err);

#endif
