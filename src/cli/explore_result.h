/* explore_result.h - what an exploration found: the front, and heat maps of two parameters. */
#ifndef TANDEM_CLI_EXPLORE_RESULT_H
#define TANDEM_CLI_EXPLORE_RESULT_H

#include "explore_ask.h"

/* The least of a metric, over all other parameters, among the designs within the limits. */
typedef struct {
    int x, y; /* decisions */
    int metric;
    double *v;     /* [y * nx + x]; NAN: none */
    int64_t *best; /* trial of each cell; -1: none */
} explore_heat;

typedef struct {
    const explore_ask *ask;
    const td_node *doc; /* the accelerator */
    const td_space *space;
    td_trial_row *trial;
    td_choices *choice; /* of each trial */
    int n;
    int *front, n_front; /* trials, by latency */
    bool *on_front;      /* of each trial */
    int64_t count[TD_NRESULT];
    bool whole;     /* every point was looked at */
    bool with_area; /* areas follow what varies */
    explore_heat *heat;
    int n_heat;
} explore_result;

/* Reads the trials of the folder. Memory from the arena. TD_E_USAGE: a heat map names what does not
 * vary. */
td_status explore_read(const explore_ask *q, const td_node *doc, const td_space *space, td_arena *a,
                       explore_result *out, td_error *err);
/* Checks the heat maps that are asked for, before anything runs. TD_E_USAGE. */
td_status explore_heat_find(const explore_ask *q, const td_node *doc, const td_space *space,
                            td_arena *a, int pair[EXPLORE_MOST_HEAT][2], int *n, td_error *err);

/* A choice as people write it: "4", "2x". */
const char *explore_choice(const td_decision *d, double v, td_arena *a);

void explore_table(const explore_result *x, td_arena *a, td_text *out);
void explore_csv(const explore_result *x, td_arena *a, td_text *out); /* of the front */
td_node *explore_node(const explore_result *x, td_arena *a);
/* front.csv, front.svg, front.png, and of each heat map X-Y-METRIC.csv, .svg, .png, into the
 * folder.
 */
td_status explore_files(const explore_result *x, td_arena *a, td_error *err);

#endif
