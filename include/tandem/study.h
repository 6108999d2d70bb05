/* tandem/study.h - objective and constraints, recipes, the store, the trial loop.
 *
 *     td_recipe *r;  td_recipe_load("recipes/quickstart.yaml", &r, &err);
 *     td_run_options o = {.out = "results/quickstart", .threads = 0};
 *     td_run_summary s;  td_recipe_run(r, &o, &s, &err);
 */
#ifndef TANDEM_STUDY_H
#define TANDEM_STUDY_H

#include "tandem/accuracy.h"
#include "tandem/base.h"
#include "tandem/map.h"
#include "tandem/search.h"
#include "tandem/space.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- objective ------------------------------------------------------------------------------- */

typedef enum { TD_METRIC_LATENCY, TD_METRIC_ENERGY, TD_METRIC_AREA, TD_NMETRIC } td_metric;
typedef enum { TD_REWARD_NAHAS, TD_REWARD_TUNAS } td_reward_kind;
/* NAHAS (section "Objective" of the paper): acc * prod_m (metric_m / target_m)^w, w = p where the
 * target is met, q where it is not; hard: p = 0, q = -1; soft: p = q = -0.07 (MnasNet). TuNAS
 * absolute: acc + beta * sum_m |metric_m / target_m - 1|, beta = -0.10. Targets of INFINITY are
 * off. */
typedef struct {
    td_reward_kind kind;
    double p, q, beta;
    double target[TD_NMETRIC]; /* s, J, mm2; INFINITY: none */
    bool train_violating;      /* false: a design that misses a target is not trained (screened) */
} td_objective;
double td_objective_reward(const td_objective *o, double accuracy, const double metric[TD_NMETRIC]);
/* metric / target - 1 per finite target, in metric order; returns their number. */
int td_objective_violations(const td_objective *o, const double metric[TD_NMETRIC], double out[]);

/* ---- recipe ---------------------------------------------------------------------------------- */

typedef struct td_recipe td_recipe; /* a checked recipe; docs/recipes.md has its keys */
td_status td_recipe_load(const char *path, td_recipe **out, td_error *err);
void td_recipe_destroy(td_recipe *r);
const char *td_recipe_name(const td_recipe *r);
const char *td_recipe_text(const td_recipe *r); /* as it was read */
uint64_t td_recipe_hash(const td_recipe *r);
uint64_t td_recipe_seed(const td_recipe *r);
const td_objective *td_recipe_objective(const td_recipe *r);
/* What the recipe would do, for people: spaces with sizes, rows, budgets, targets. */
td_status td_recipe_describe(const td_recipe *r, td_text *out, td_error *err);

/* ---- store ----------------------------------------------------------------------------------- */

/* SQLite now; the schema and rules of docs/store.md. One handle per thread. */
typedef struct td_store td_store;
/* create: for writing, made if absent. Otherwise for reading only: no file is made or changed, and
 * a search that runs in the folder is not held up. TD_E_NOT_FOUND, TD_E_STORE (damaged, not a
 * store, on a network file system), TD_E_IO. */
td_status td_store_open(const char *path, bool create, td_store **out, td_error *err);
void td_store_close(td_store *s);

/* What has come of a trial. The words of td_result_text stand in all tables and files. */
typedef enum {
    TD_RESULT_READY,
    TD_RESULT_RUNNING,
    TD_RESULT_MEETS,    /* all targets */
    TD_RESULT_MISSES,   /* built and mapped, but misses a target, trained or not */
    TD_RESULT_UNBUILT,  /* cannot be built or mapped: it has no cost */
    TD_RESULT_DIVERGES, /* meets the targets, but its training diverges */
    TD_RESULT_PRUNED,
    TD_RESULT_FAILED,
    TD_NRESULT
} td_result;
/* "meets targets", "misses targets", "cannot be built", "training diverges", "running", ... */
const char *td_result_text(td_result r);

typedef struct {
    int64_t id, trials, max_trials;
    int64_t count[TD_NRESULT]; /* of the trials, by result */
    uint64_t seed;
    char name[96];
    int state; /* 0 active, 1 paused, 2 done */
    double created;
} td_study_info;
td_status td_store_studies(td_store *s, td_arena *a, td_study_info **out, int *n, td_error *err);

/* One trial as it stands in the store; memory from the arena. */
typedef struct {
    int64_t number, rev;
    td_state state;
    const char *params;        /* JSON of the choices */
    double metric[TD_NMETRIC]; /* NAN if unknown */
    double accuracy, reward;
    double violation;       /* sum of what the targets are missed by, relative; NAN: unknown */
    bool feasible, trained; /* all targets met; this trial paid for a training (not cached) */
    bool enqueued;          /* a user's design, not the strategy's */
    const char *error;      /* reason of infeasible and failed ones */
    double started, finished;
} td_trial_row;
td_result td_trial_result(const td_trial_row *t);
td_status td_store_trials(td_store *s, const char *study, td_arena *a, td_trial_row **out, int *n,
                          td_error *err);
/* The one function that decides what is best. A design that meets all targets beats one that does
 * not; among those that do not the smaller violation; then the higher accuracy; then the smaller
 * product latency x energy x area; then the earlier one. Trials that could not be built are never
 * best: -1 if there are no others. */
int td_trials_best(const td_trial_row *t, int n);
/* Indices of the Pareto front (accuracy, latency, energy, area) of the done trials: out has room
 * for n, *count are filled, in order of number. Targets play no part. Of equal designs the first.
 */
td_status td_trials_pareto(const td_trial_row *t, int n, int *out, int *count, td_error *err);

/* ---- running --------------------------------------------------------------------------------- */

typedef struct {
    const char *row;   /* "joint", "accelerator", ... */
    const char *phase; /* "search", "final training" */
    int64_t done, total;
    int64_t count[TD_NRESULT];    /* of those that are done */
    int64_t trained, max_trained; /* max_trained: INT64_MAX: no limit; 0: nothing is trained */
    bool has_best;                /* a design that meets all targets was found */
    double best_accuracy, best_metric[TD_NMETRIC], elapsed_s;
} td_progress;

typedef struct {
    const char *out;    /* results folder; made if absent; a study in it is resumed */
    int threads;        /* 0: one per core */
    int64_t max_trials; /* > 0 overrides the recipe's */
    void (*progress)(void *self, const td_progress *p); /* never from two threads at once */
    /* True: drain. Trials that run are finished (a final training is broken off), no new one
     * begins. May be called from several threads at once. */
    bool (*cancelled)(void *self);
    /* True: stop at once. What runs is broken off and given back. Called as `cancelled`. */
    bool (*abandoned)(void *self);
    void (*joinable)(void *self); /* called once: from now on other workers can join */
    void *self;
    const td_log *log;
    double max_hours; /* > 0 overrides the recipe's */
    double beat_s;    /* > 0: seconds between heartbeats, 10 if not; a lease is three of them */
} td_run_options;

/* One row of the result table, with what it stands for. */
typedef struct {
    char name[64];
    bool found;       /* false: no design could be built (the rest is empty) */
    bool meets;       /* all targets */
    double violation; /* sum of what the targets are missed by, relative */
    double test_accuracy, valid_accuracy, metric[TD_NMETRIC];
    int64_t trials, trained;
    int64_t count[TD_NRESULT]; /* of the trials */
    td_design design;
    td_weights *weights;
    td_schedule schedule;
} td_result_row;

enum { TD_MAX_ROWS = 8 };
typedef struct {
    td_arena *arena; /* owns what the designs point to */
    td_result_row row[TD_MAX_ROWS];
    int n, best; /* best: the row that is exported; -1: none was found */
    double wall_s, cpu_s, started;
    /* The data that the final trainings saw; empty name: none was loaded. */
    char data_name[48];
    uint64_t data_hash;
    int data_n[TD_NSPLIT];
    float mean[4], std[4]; /* normalisation of the input, per channel */
} td_run_summary;
void td_run_summary_free(td_run_summary *s); /* {0} is fine */

/* Runs (or resumes) all that a recipe asks for: the joint search; with `compare:` also the
 * hand-made network on the baseline, the accelerator search for it and the network search for the
 * baseline; then the final trainings and the one look at the test split. Trials stand in
 * out/study.db. Deterministic for a seed whatever the number of threads and interruptions: trial n
 * is asked when the strategy has been told exactly the trials below n - lag (more near the end of a
 * budget of trainings, which is never exceeded). TD_E_INTERRUPTED after a drain (also by a file
 * "stop" in the folder, which is removed at the start); TD_E_USAGE if the folder's studies were
 * made with other things than the recipe's; TD_E_STORE if another process runs this for the folder.
 * The summary holds what there is after a fault, too: free it in any case. */
td_status td_recipe_run(const td_recipe *r, const td_run_options *o, td_run_summary *out,
                        td_error *err);

/* ---- several processes ------------------------------------------------------------------------
 *
 * Any number of processes may work on the rows of one results folder; they may come, go and die at
 * any time. The trials are the same as those of one process. */

/* The recipe that a results folder was searched with last, as its store keeps it, with the budgets
 * of that search; files that it names are looked for as ever, beside the place where it stood.
 * TD_E_NOT_FOUND: no study. */
td_status td_recipe_stored(const char *folder, td_recipe **out, td_error *err);
/* Joins the search in o->out: returns when the searches of all rows that stand there are over. The
 * budgets are those that the search was begun with; the final trainings are not for those who join.
 * TD_E_NOT_FOUND: no search was begun; TD_E_USAGE: trials here would not be those of the search;
 * TD_E_INTERRUPTED as above. */
td_status td_recipe_work(const td_recipe *r, const td_run_options *o, td_error *err);
/* Gives designs the next free numbers of a row (NULL: "joint"), whether it was begun or not. They
 * count in its budget of trials; TD_E_DONE: that is used up. designs: a map of choices, a trial as
 * td_report_trials_node makes it, the name of a file, or a list of those. *count were enqueued,
 * from number *first on. */
td_status td_recipe_enqueue(const td_recipe *r, const char *folder, const char *row,
                            const td_node *designs, int64_t *first, int *count, td_error *err);

typedef struct {
    char row[96];
    int64_t reaped;
} td_reaped;
/* Takes back the trials of dead or hanging workers of a folder's studies, at once; a search does so
 * by itself. *workers: how many are alive. */
td_status td_study_reap(const char *folder, td_arena *a, td_reaped **out, int *n, int64_t *workers,
                        td_error *err);

#ifdef __cplusplus
}
#endif
#endif
