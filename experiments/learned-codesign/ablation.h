/* ablation.h - what the parts of `ablation` share: workloads with their accelerators, results that
 * outlive the process, medians as text. */
#ifndef ABLATION_H
#define ABLATION_H

#include <stdio.h>

#include "tandem/model.h"
#include "tandem/study_nested.h"

enum { MOST_LAYERS = 64, MOST_SEEDS = 100, MEMO = 1 << 18 };

typedef struct {
    uint64_t key; /* of choices; 0: free */
    double value;
} memo_entry;

typedef struct {
    td_arena *arena;
    char name[64];        /* of its file, without folder and ending */
    td_blackbox *problem; /* owns the layers */
    const td_nested_layer *layer;
    int n;
    td_hw eyeriss;    /* with the workload's budgets */
    td_space *space;  /* accelerators of the same budgets */
    memo_entry *memo; /* [MEMO] of accelerators whose mappings were proved */
} workload;
/* FILE[,KEY=VALUE...]: a workload file of a nested recipe, and budgets of hw/eyeriss.yaml. Ends the
 * program on faults, as all below. */
void workload_open(const char *arg, workload *w);
void workload_close(workload *w);
/* A layer with the words of an accelerator. */
td_problem workload_problem(const workload *w, int layer, const td_hw *hw);

/* An option map, "{initial: 30}". */
const td_params *params_of(td_arena *a, const char *yaml);
const td_strategy *strategy_of(const char *name);
void stop(const td_error *err);
double cpu_now(void); /* seconds of this thread */

/* Rows of a CSV file: a key (fields up to the first ';') and the rest. Rows are written out one by
 * one; a half row, of a process that was killed, is cut off when the file is opened. */
typedef struct {
    FILE *file;
    td_arena *arena;
    char **row;
    int n, room;
} table;
void table_open(const char *folder, const char *name, const char *header, table *t);
void table_close(table *t);
const char *table_find(const table *t, const char *key); /* the rest; NULL: there is none */
/* Enters it and gives the rest as table_find does. */
const char *table_add(table *t, const char *key, const char *rest);

/* "1.02 (1.01-1.05)": a median and its 95 % interval. */
void median_add(td_text *t, const char *format, const double *v, int n);
double geometric_mean(const double *v, int n);
void write_text(const char *folder, const char *name, td_text *t); /* and frees it */

/* The parts. seeds: 1, 2, ... */
void inner_search(const char *out, const workload *w, int n, int seeds);
void outer_search(const char *out, const workload *w, int n, int seeds);
void feasibility(const char *out, const workload *w, int n, int seeds);

/* One outer search with a mapper inside, or what `inner` says (NULL: the mapper, proved); `told`
 * hears of each trial. value: the least sum of EDP; INFINITY: there is none. */
typedef struct {
    int trials, infeasible, late_infeasible; /* late: after the tenth */
    double value;
} outer_result;
outer_result outer_run(const workload *w, const char *strategy, const char *params,
                       const td_mapping_search *inner, int trials, uint64_t seed,
                       void (*told)(void *self, const td_choices *c, bool feasible), void *self);
/* The sum of EDP on an accelerator; INFINITY: a layer has no mapping. What the mapper has proved is
 * remembered. */
double accelerator_edp(const workload *w, const td_choices *c, const td_mapping_search *inner,
                       uint64_t seed);

#endif
