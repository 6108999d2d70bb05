/* run.h - parts of a run, for src/study: its rows, and the final trainings. */
#ifndef TANDEM_RUN_H
#define TANDEM_RUN_H

#include "enqueue.h"
#include "lock.h"
#include "recipe.h"
#include "row.h"
#include "store.h"
#include "tandem/study.h"

/* A design that is trained fully: the row it belongs to and what comes of it. */
typedef struct {
    int row;
    char study[64]; /* and the trial of it: where the design is from */
    int64_t trial;
    td_design design;
    td_weights *weights; /* owned */
    double valid_accuracy;
    td_accuracy_score score; /* repeats 0: the source has none */
    double metric[TD_NMETRIC];
    double violation;
    bool feasible; /* as td_trial_row says: with an accuracy, where one was asked for */
} td__candidate;

enum { TD__MAX_CANDIDATES = TD_MAX_ROWS * 100 };

typedef struct {
    const td_recipe *r;
    const td_run_options *o;
    td_run_summary *sum;
    td_store *store;
    td_accuracy accuracy;
    td__stopping stopping; /* rule NULL: none */
    td_schedule_options schedule;
    const char *stop_file;
    td__candidate *candidate; /* TD__MAX_CANDIDATES, of which n are there */
    int n;
} td__run;

/* One process per results folder leads: it trains the winners and writes the results. TD_E_STORE:
 * another one does. */
td_status td__lead(const char *out, td_arena *a, td__lock *lock, td_error *err);

/* Of a map's keys and values, whatever their order. */
uint64_t td__node_hash(const td_node *n);
/* Adds a space to a hash: its decisions and what is built of them. Some samples stand for all that
 * is fixed in it (input, stem, the accelerator's other parameters, technology), wherever that was
 * read from. */
td_status td__space_built_hash(const td_space *space, uint64_t *h, td_error *err);
/* All that a study's trials depend on, beside the seed: it goes on with the same only. Name,
 * budgets, final training and other rows are free to change; of a scope of several phases the
 * budgets are not (`phases` > 1): what the first finds is what the next begins with. solve:
 * accelerators are found for each network. */
td_status td__spec_hash(const td__run *u, const td_space *space, bool trains, bool area_is_hard,
                        bool solve, int phases, uint64_t *out, td_error *err);

/* Searches all rows of the recipe, and adds the best designs of each to the candidates. */
td_status td__rows_search(td__run *u, td_error *err);
/* Helps in the search of those of the rows that stand in the store, until they are over. */
td_status td__rows_help(td__run *u, td_error *err);
/* Designs for a row (NULL: td__default_row's) as choices of its first study, which is entered in
 * the store if it is not there. TD_E_NOT_FOUND: no such row. */
td_status td__rows_enqueue(td__run *u, const char *row, const td_node *designs, td__designs *out,
                           int64_t *study, const char **name, td_error *err);

/* Trains the candidates on all cores (each distinct network once), keeps their weights in
 * out/final/, and fills valid_accuracy. One whose training diverges stays without weights and with
 * NAN. data: loaded by the caller. */
td_status td__final_train(const td_recipe *r, const td_run_options *run, const td_dataset *data,
                          td__candidate *c, int n, td_error *err);

#endif
