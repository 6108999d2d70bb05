/* blackbox.h - a problem of somebody's own: its file, what is sent to a program, and what comes
 * back. Format and protocol: docs/optimize.md. */
#ifndef TANDEM_BLACKBOX_H
#define TANDEM_BLACKBOX_H

#include "lock.h"
#include "row.h"
#include "tandem/study.h"

/* The studies of a folder with a problem: asked for in order, or by another program. */
#define TD__STUDY_OPTIMIZE "optimize"
#define TD__STUDY_ASK "ask"

struct td_blackbox {
    td_arena *arena;
    const td_node *doc;
    const char *name, *text;
    const char *path;   /* of its file; as it was given if there is none */
    const char *folder; /* of its file: where the program runs */
    uint64_t seed;
    td_space *space;
    const td_node *known; /* of the space; may be NULL */
    td_goals goals;
    struct td__nested *nested;  /* inner.h: layers on accelerators, not parameters for a program */
    const char *const *command; /* ends with NULL; NULL: none, there is only ask and tell */
    double timeout_s;           /* of a trial; INFINITY: none */
    int64_t retries;            /* of a trial whose program fails */
    const td_strategy *strategy;
    const td_params *params;
    int64_t parallel; /* trials at a time: each is chosen without the outcomes of so many - 1 */
    int64_t trials;   /* 0: no budget is given */
    td__stopping stopping; /* rule NULL: none */
    const td_params *stopper_params;
    double hours;           /* of active time; 0: no limit */
    const td_node *enqueue; /* what a new study begins with; may be NULL */
};

/* td_blackbox_load_with of a text; `name` stands in messages. */
td_status td__blackbox_parse(const char *text, size_t size, const char *name, const td_override *o,
                             int n, td_blackbox **out, td_error *err);
/* Objectives, constraints and references of a problem's document. */
td_status td__goals_read(const td_node *doc, td_goals *out, td_error *err);
/* What its trials depend on beside the seed: asked: by another program (ask and tell). The command
 * is not in it: a program may move, or be mended. */
uint64_t td__blackbox_hash(const td_blackbox *b, bool asked);
/* The problem as a row of the store, without its store and options. Designs that it begins with
 * live in the arena. */
td_status td__blackbox_row(const td_blackbox *b, bool asked, td_arena *a, td__row *row,
                           td_error *err);
/* Opens (or makes) the store of a folder for one of the two studies. TD_E_USAGE: there is another
 * one in it. */
td_status td__blackbox_open(const char *folder, const char *study, td_store **out, td_error *err);

/* All that is done by hand in one folder (ask, tell, enqueue) takes turns: waits until it is this
 * process's, for as long as the lock is open. TD_E_STORE after a minute. */
td_status td__take_turn(const char *folder, td_arena *a, td__lock *lock, td_error *err);

/* A line that asks for a trial, with its end: {"trial": 0, "parameters": {...}, "seed": 1}. params:
 * the choices as JSON. */
void td__trial_line(const td_blackbox *b, int64_t number, const char *params, td_text *out);

/* And one that tells a program that its trial is over: {"trial": 0, "stop": true}. */
void td__stop_line(int64_t number, td_text *out);

/* What a program, or somebody who tells, has to say. */
typedef struct {
    bool is_report, is_stopped;
    int64_t step;              /* of a report: outcome.con and `told` are there if it has all */
    int64_t trial;             /* -1: it does not say which */
    const td_node *parameters; /* of a trial that was not asked; NULL: none */
    const char *missing;       /* an objective or constraint; NULL: all are there */
    td__finish finish;         /* reasons are of the arena */
} td__answer;
/* One line of JSON, in which NaN and Infinity may stand for numbers. NaN, null and what is missing
 * of objectives and constraints make a failed trial. TD_E_INPUT: it is no answer. */
td_status td__answer_parse(const td_goals *g, const char *line, size_t size, const char *name,
                           int first_line, td_arena *a, td__answer *out, td_error *err);
/* The same of a document that was read, or built. */
td_status td__answer_read(const td_goals *g, const td_node *doc, td_arena *a, td__answer *out,
                          td_error *err);

#endif
