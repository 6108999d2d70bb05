/* A small joint space, an accuracy without training, and a row of both: whole searches in
 * milliseconds. */
#ifndef STUDY_HELPER_H
#define STUDY_HELPER_H

#include <pthread.h>

#include "../../src/study/row.h"
#include "scratch.h"

/* Accuracy as a hash of the network, after a random sleep. Counts what was evaluated. */
typedef struct {
    int longest_us;      /* of a sleep; 0: none */
    uint64_t infeasible; /* networks whose hash this divides do not train; 0: all do */
    uint64_t broken;     /* ... fail with TD_E_IO; 0: none does */
    int stop_after;      /* evaluations until `stop` is set; 0: never */
    pthread_mutex_t lock;
    int evaluations, twice, most_at_once, now;
    int steps; /* of a training that is watched, and those of all of them so far */
    int epochs;
    bool stop;
    uint64_t net[4096];
} fake;

/* One search; what it needs beside a store lives in the arena. */
typedef struct {
    td_arena *arena;
    td_space *space;
    fake fake;
    td_accuracy accuracy;
    td_objective objective;
    td_schedule_options schedule;
    td_run_options run;
    td__stopping stopping;
    td__row row;
} search;

void search_init(search *s, int threads, int64_t trials);
void search_free(search *s);
/* Trainings go by so many steps, and a rule of early stopping watches them: "{name: asha}". */
void search_stops(search *s, int steps, const char *rule);
/* Opens the store, searches, closes. */
td_status search_run(search *s, const char *db, td_error *err);

/* All of the trials of study "row" that must not depend on threads and interruptions, as text. */
char *trials_text(const char *db);

td_space *small_joint_space(td_arena *a);
/* Its networks x two accelerators. */
td_space *small_network_space(td_arena *a);
/* Two networks x two accelerators. */
td_space *tiny_joint_space(td_arena *a);

#endif
