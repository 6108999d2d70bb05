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
#include "tandem/model.h"
#include "tandem/quant.h"
#include "tandem/search.h"
#include "tandem/space.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- objective ------------------------------------------------------------------------------- */

/* power: mean over back-to-back inferences, energy / latency, leakage included. */
typedef enum {
    TD_METRIC_LATENCY,
    TD_METRIC_ENERGY,
    TD_METRIC_AREA,
    TD_METRIC_POWER,
    TD_NMETRIC
} td_metric;
/* How metrics are named and told to people: value in SI units (mm2 for areas) x scale = value in
 * `unit`. key: of recipes and CSV files ("latency_us"); si_key: of JSON files ("latency_s"). */
typedef struct {
    const char *name, *unit, *key, *si_key;
    double scale;
} td_metric_entry;
const td_metric_entry *td_metric_list(void); /* TD_NMETRIC of them */
/* none: Pareto mode, several objectives in place of one reward. */
typedef enum { TD_REWARD_NAHAS, TD_REWARD_TUNAS, TD_REWARD_NONE } td_reward_kind;
/* What can be an objective of Pareto mode: the metrics, and the accuracy. */
enum { TD_OBJECTIVE_ACCURACY = TD_NMETRIC, TD_NOBJECTIVE };
#define TD_OBJECTIVE(k) (1u << (k))
/* "accuracy", or the metric's name. */
const char *td_objective_key(int objective);
/* The front that is looked for, and the point up to which its hypervolume is measured: the worst
 * values that count, in SI units; of a metric 0: not given (yet). */
typedef struct {
    unsigned objectives; /* sum of TD_OBJECTIVE(k), two to four of them; 0: not in Pareto mode */
    double reference[TD_NOBJECTIVE];
} td_front;
typedef struct {
    bool set;
    double p, q;
} td_exponents;
/* NAHAS (section "Objective" of the paper): acc * prod_m (metric_m / target_m)^w, w = p where the
 * target is met, q where it is not; hard: p = 0, q = -1; soft: p = q = -0.07 (MnasNet). TuNAS
 * absolute: acc + beta * sum_m |metric_m / target_m - 1|, beta = -0.10. Targets of INFINITY are
 * off, and those of 0. */
typedef struct {
    td_reward_kind kind;
    double p, q, beta;
    td_exponents own[TD_NMETRIC]; /* of single metrics, in place of p and q */
    double target[TD_NMETRIC];    /* s, J, mm2, W; INFINITY or 0: none */
    td_front front;               /* of TD_REWARD_NONE */
    bool train_violating; /* false: a design that misses a target is not trained (screened) */
} td_objective;
bool td_objective_has_target(const td_objective *o, int metric);
/* "targets: latency <= 100 us, area <= 2 mm2", "targets: none". */
void td_objective_describe(const td_objective *o, td_text *out);
/* NAN for TD_REWARD_NONE. */
double td_objective_reward(const td_objective *o, double accuracy, const double metric[TD_NMETRIC]);
/* metric / target - 1 per target that is on, in metric order; returns their number. */
int td_objective_violations(const td_objective *o, const double metric[TD_NMETRIC], double out[]);

/* ---- problems of one's own (docs/optimize.md) -------------------------------------------------
 */

/* What a problem is after: objectives, and constraints that are met where the answer is at most (or
 * at least) the bound. Names live as long as what they were read from. */
enum { TD_MOST_OBJECTIVES = 4, TD_MOST_CONSTRAINTS = 8 }; /* as many as td_outcome has room for */
typedef struct {
    int nobj, ncon;
    struct {
        const char *name;
        bool maximise;
        double reference; /* of the hypervolume; NAN: none */
    } objective[TD_MOST_OBJECTIVES];
    struct {
        const char *name;
        bool least; /* the bound is the least that meets it, not the most */
        double bound;
    } constraint[TD_MOST_CONSTRAINTS];
} td_goals;
/* An objective as it was answered, of a value that is minimised. */
double td_goals_value(const td_goals *g, int objective, double minimised);

typedef struct td_blackbox td_blackbox; /* a checked problem file */

/* ---- scopes ---------------------------------------------------------------------------------- */

/* What a row of a recipe searches, at the same budgets whatever its scope. */
typedef struct {
    const char *name, *about;
    int n;            /* phases */
    uint8_t phase[4]; /* what each searches */
} td_scope;
const td_scope *td_scope_list(int *n);
const td_scope *td_scope_find(const char *name); /* NULL if there is none */
/* Name of a phase's study in the store, "alternate-2"; of a scope of one phase its own name. */
enum { TD_STUDY_NAME = 64 };
void td_scope_study(const td_scope *s, int phase, char out[TD_STUDY_NAME]);
/* It needs the recipe's fixed network or accelerator (`compare`). */
bool td_scope_needs_fixed(const td_scope *s);

/* ---- recipe ---------------------------------------------------------------------------------- */

typedef struct td_recipe td_recipe; /* a checked recipe; docs/recipes.md has its keys */
td_status td_recipe_load(const char *path, td_recipe **out, td_error *err);
/* Whether a document has no keys but those of a recipe, or of a nested one. TD_E_INPUT. */
td_status td_recipe_keys(const td_node *doc, td_error *err);
/* A key of the recipe with another value than its file gives it, before all is checked. */
typedef struct {
    const char *key;   /* its path: "seed", "budget.trials"; NULL: `value` is "PATH=VALUE" */
    const char *value; /* as YAML; NULL: the key is taken out */
    const char *from;  /* what stands in messages about the value in place of the file: "--set" */
} td_override;
/* The same with keys overridden, in order. The recipe's text is then that of the changed document,
 * without comments. */
td_status td_recipe_load_with(const char *path, const td_override *o, int n, td_recipe **out,
                              td_error *err);
void td_recipe_destroy(td_recipe *r);
const char *td_recipe_name(const td_recipe *r);
/* As it was read; with overrides the document that they made, without comments. */
const char *td_recipe_text(const td_recipe *r);
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
    TD_RESULT_DIVERGES, /* meets the targets, but has no accuracy: its training diverges */
    TD_RESULT_PRUNED,   /* asked for its costs only; meets the targets */
    TD_RESULT_STOPPED,  /* its training was stopped early */
    TD_RESULT_FAILED,
    TD_NRESULT
} td_result;
/* "meets targets", "misses targets", "cannot be built", "no accuracy", "running", ... */
const char *td_result_text(td_result r);

typedef struct {
    int64_t id, trials, max_trials;
    int64_t count[TD_NRESULT]; /* of the trials, by result */
    uint64_t seed;
    char name[96];
    int state;     /* 0 active, 1 paused, 2 done */
    int64_t steps; /* epochs spent, each network counted once (of a problem steps that were
                    * reported); 0: not known, none is stopped early */
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
    uint64_t net_hash;      /* 0: unknown */
    bool feasible, trained; /* all targets met; this trial paid for a training (not cached) */
    bool enqueued;          /* a user's design, not the strategy's */
    int64_t steps;          /* epochs of its training, where it may be stopped early; of a
                             * problem the last step that it reported; else 0 */
    const char *error;      /* reason of infeasible, failed and stopped ones */
    double started, finished;
    td_outcome outcome; /* of problems: objectives (minimised), constraints, and these as told */
    double told[TD_MOST_CONSTRAINTS];
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

/* Pareto mode. The front of the chosen objectives among the done trials that meet all targets, as
 * above. */
td_status td_trials_front(const td_trial_row *t, int n, unsigned objectives, int *out, int *count,
                          td_error *err);
/* Share of the box between the best there could be (accuracy 1, metrics 0) and the reference that
 * the front dominates: 0 to 1. An accuracy that is not known counts as 1. TD_E_USAGE: a reference
 * is missing. */
td_status td_trials_hypervolume(const td_trial_row *t, int n, const td_front *f, double *volume,
                                td_error *err);
/* What a study is after; objectives 0: it is not in Pareto mode. The reference stays the same once
 * the study was finished, so that hypervolumes of a study that went on compare. */
td_status td_store_front(td_store *s, const char *study, td_front *out, td_error *err);

/* Which decisions make trials good ones (td_importance_of). Good are the best `quantile` of the
 * trials
 *
 *   objective < 0   by the order of outcomes (td_outcome_compare; td_outcomes_rank with the
 *                   `objectives` of a front): what meets the targets first, by reward or by front,
 *                   then by how much is missed, then what cannot be built. Trials without an
 *                   outcome (running, or asked for their costs only) are not looked at
 *   0 .. TD_NOBJECTIVE - 1   by this metric or the accuracy alone, of all trials of which it is
 *                   known, whether they meet the targets or not; of a problem by the objective of
 *                   this number, of all trials that are done
 *
 * The most important decision first; memory from the arena. TD_E_USAGE: a quantile that is not
 * between 0 and 1; TD_E_STORE: choices cannot be read. */
typedef struct {
    const char *name;
    td_importance of;
} td_decision_importance;
typedef struct {
    int trials, good; /* that were looked at */
    int n;            /* decisions */
    td_decision_importance *decision;
} td_trials_importance;
td_status td_trials_importance_of(const td_trial_row *t, int n, unsigned objectives, int objective,
                                  double quantile, td_arena *a, td_trials_importance *out,
                                  td_error *err);

/* ---- running --------------------------------------------------------------------------------- */

typedef struct {
    const char *row;   /* "joint", "accelerator", ... */
    const char *phase; /* "search", "final training" */
    int64_t done, total;
    int64_t count[TD_NRESULT]; /* of those that are done */
    /* Networks; where trainings are stopped early, whole trainings that these amount to, rounded
     * up. max_trained: INT64_MAX: no limit; 0: nothing is trained. */
    int64_t trained, max_trained;
    bool has_best; /* a design that meets all targets was found */
    double best_accuracy, best_metric[TD_NMETRIC], elapsed_s;
    const char *objective; /* of a problem: the first one; a best one is known of one objective */
    double best_objective;
} td_progress;

/* Costs of pairs of a network and an accelerator that several runs share. Thread-safe; about 100
 * bytes a pair, and no more than max_pairs. */
typedef struct td_costs td_costs;
td_costs *td_costs_create(size_t max_pairs); /* NULL: memory is out */
void td_costs_destroy(td_costs *c);          /* NULL is fine */

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
    /* Lent by the caller, so that several runs at a time share them; NULL: made for this run.
     * accuracy: what td_accuracy_from_node makes of the recipe's map and seed, or stands for it. */
    const td_accuracy *accuracy;
    td_map_cache *maps;
    td_costs *costs; /* of pairs, of the same schedule options */
} td_run_options;

/* A design of the front that was trained fully. */
typedef struct {
    char study[64]; /* in the store, and the trial of it */
    int64_t trial;
    bool chosen; /* it is the row's: design, weights and schedule stand there */
    double test_accuracy, valid_accuracy, metric[TD_NMETRIC];
    td_design design;
    td_weights *weights;
    td_quantised *quantised; /* as of a row */
    double test_accuracy_quantised;
    td_schedule schedule;
} td_front_design;

/* One row of the result table, with what it stands for. */
typedef struct {
    char name[64];
    bool found;       /* false: no design could be built (the rest is empty) */
    bool meets;       /* all targets */
    double violation; /* sum of what the targets are missed by, relative */
    /* On the two splits, of the final training; without one the proxy's and none (NAN), or, where
     * the source of accuracies scores chosen designs (a table), its means over repeats with the
     * deviation of one of them (NAN: unknown). */
    double test_accuracy, valid_accuracy, test_std, valid_std;
    int repeats; /* behind valid_accuracy; 0: one training */
    double metric[TD_NMETRIC];
    int64_t trials, trained;
    int64_t count[TD_NRESULT]; /* of the trials */
    td_design design;
    td_weights *weights;
    /* The trained network in integers of its layers' bits, calibrated as td_calibration_default
     * says. NULL: not trained, or of bits that td_quantise refuses. */
    td_quantised *quantised;
    double test_accuracy_quantised;
    td_schedule schedule; /* {0} of a workload, whose networks have one each: */
    td_schedule *part;    /* design.workload->n of them; NULL: one network */
    /* Pareto mode (goal.objectives > 0): size and hypervolume of the front (NAN: no reference), and
     * those of its designs that were chosen for full trainings. */
    td_front goal;
    int front_size, n_front;
    double hypervolume;
    td_front_design *front;
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
    /* The file that accuracies were looked up in, and its hash; empty name: none was. */
    char accuracy_file[96];
    uint64_t accuracy_file_hash;
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

/* A problem's file, with keys overridden, and that of a folder as td_recipe_stored has recipes. */
td_status td_blackbox_load_with(const char *path, const td_override *o, int n, td_blackbox **out,
                                td_error *err);
td_status td_blackbox_stored(const char *folder, const td_override *o, int n, td_blackbox **out,
                             td_error *err);
void td_blackbox_destroy(td_blackbox *b); /* NULL is fine */
const char *td_blackbox_name(const td_blackbox *b);
const char *td_blackbox_text(const td_blackbox *b);
const td_goals *td_blackbox_goals(const td_blackbox *b);
void td_blackbox_describe(const td_blackbox *b, td_text *out);
/* Does a folder (or study.db) hold the trials of a problem? *study: the name of its one study,
 * "optimize", or "ask" where another program asks; NULL: of recipes, or nothing. *name (may be
 * NULL): the problem's own. */
td_status td_store_problem(td_store *s, td_arena *a, const char **study, const char **name,
                           td_goals *goals, td_error *err);
/* Searches (or resumes) with the problem's own program, as many at a time as it says, or as
 * o->threads does if these are fewer; o as of td_recipe_run. join: as td_recipe_join. */
td_status td_blackbox_run(const td_blackbox *b, const td_run_options *o, td_error *err);
td_status td_blackbox_join(const td_blackbox *b, const td_run_options *o, td_error *err);
/* As td_recipe_enqueue. */
td_status td_blackbox_enqueue(const td_blackbox *b, const char *folder, const td_node *designs,
                              int64_t *first, int *count, td_error *err);
/* Lends n trials to the caller for so many seconds and adds a line of JSON for each: {"trial": 0,
 * "parameters": {...}, "seed": 1}. The study is made if it is not there. Trials that are ready, or
 * whose time is over, come first, with the numbers that they have. TD_E_DONE: the budget is used
 * up, or there is nothing left to ask; lines of the others were added. */
td_status td_blackbox_ask(const td_blackbox *b, const char *folder, int n, double lease_s,
                          td_text *out, td_error *err);
/* Outcomes as lines of JSON, {"trial": 0, "cost": 1.5}, or with `parameters` in place of the number
 * for trials that were not asked, or what a trial had come to on its way, {"trial": 0, "report":
 * {"step": 3, "cost": 7.1}}; `name` stands in messages. All are checked before the first one
 * is taken. The same outcome may be told twice; another one is TD_E_STALE. TD_E_NOT_FOUND: no such
 * trial. *told: how many are new; numbers of new trials are added to out, a line each, and
 * {"trial": 0, "stop": true} for reports of trials that are stopped early. */
td_status td_blackbox_tell(const td_blackbox *b, const char *folder, const char *name,
                           const char *lines, size_t size, int64_t *told, td_text *out,
                           td_error *err);
/* The best trial of one objective, as td_outcome_compare has it (-1: none is done), and the front
 * of several among those that meet all constraints, in order of number. */
int td_problem_best(const td_trial_row *t, int n);
td_status td_problem_front(const td_trial_row *t, int n, const td_goals *g, int *out, int *count,
                           td_error *err);
/* What the front dominates up to the references; NAN: a reference is missing. */
td_status td_problem_hypervolume(const td_trial_row *t, int n, const td_goals *g, double *volume,
                                 td_error *err);

/* ---- how long it takes ----------------------------------------------------------------------- */

/* CPU seconds of one evaluation, from a few: random designs of the joint space are built and
 * costed, random networks solved, and parts of the trainings of up to two designs extrapolated. */
typedef struct {
    int designs, meet; /* that were costed; of these, meet the targets */
    int trainings;     /* of which a part was timed */
    bool trains;       /* false: the accuracy comes from elsewhere than a training */
    double fraction;   /* that part of the last one's epochs */
    /* cost_s: the mapper meets most layers for the first time, as at a search's begin;
     * known_cost_s: it knows all of them. */
    double cost_s, known_cost_s, training_s, final_s,
        load_s; /* final_s 0: none; load_s: the data */
    /* Of the scope `solve`: random networks, each with the best of `points` accelerators that can
     * be built; times as of costs. All 0 where nothing is solved. */
    int solved, points;
    double solve_s, known_solve_s;
} td_timing;

/* What a search does when its budgets are used up. solves: networks whose accelerator is solved
 * for. */
typedef struct {
    int64_t costs, solves, trainings, finals;
    int at_a_time, finals_at_a_time; /* at most as many threads, and no more than lag + 1 */
} td_work;
/* threads, max_trials: as in td_run_options. */
td_work td_recipe_work(const td_recipe *r, int threads, int64_t max_trials);
/* Times what the work consists of. Takes some seconds, reads the data. TD_E_INFEASIBLE: no random
 * design can be built, or no accuracy comes of any: there is no figure, but a search may find
 * some. All other errors are those of a search: of reading the data, of a space that cannot be
 * solved, ... */
td_status td_recipe_time(const td_recipe *r, const td_work *w, td_timing *out, td_error *err);
/* Wall time on idle cores; known_layers: if the mapper knew all layers from the start, the least
 * that it can take. */
double td_work_seconds(const td_work *w, const td_timing *t, bool known_layers);
/* "about 12 min on 2 cores if the budgets are used up: 44 trainings of 14 s, 2000 costs of 3.0 ms",
 * and what was timed. */
void td_work_describe(const td_work *w, const td_timing *t, td_text *out);

/* ---- comparison of strategies ---------------------------------------------------------------- */

/* What is compared: each strategy in each scope for each set of targets, with so many seeds and
 * equal budgets. Texts are those of the command line (docs/compare.md); NULL: the default. */
typedef struct {
    const char *strategies; /* "random,evolution:population=16:solve=0"; default: the recipe's
                             * compare_strategies, or random and the recipe's own strategy */
    const char *scopes;     /* "joint,solve": names of td_scope_list; default: joint */
    const char *targets;    /* "latency_us=10,area_mm2=1;latency_us=20", or a YAML file with a list
                             * of such maps; default: the recipe's own targets */
    const char *budgets;    /* "500,2000": trials; the largest is run, the others are its prefixes;
                             * default: the recipe's */
    const char *const *set; /* n_set texts "KEY=VALUE": other values for keys of the recipe */
    int n_set;
    const char *qualities; /* "0.9,0.92": accuracies to reach; default: the median that the method
                            * of reference has in the end, by targets */
    const char *against;   /* the method of reference, by its label; default: the first */
    double optimum; /* the best quality there is, where it is known, in (0, 1]; 0: it is not */
    int seeds;      /* >= 1: the recipe's seed and those that follow it */
} td_compare_spec;

/* A strategy in a scope. The recipe's strategy map is the default of the strategy it names. */
typedef struct {
    const char *label; /* "evolution:solve=0"; of several scopes "joint evolution:solve=0" */
    const char *scope;
    const char *strategy; /* value of the recipe's key, as JSON */
    const char *folder;   /* "joint-evolution-solve=0", with a budget of trainings "...-trained-200"
                           * after it; where phases share the budget "alternate-evolution-2000-200" */
    bool whole;           /* phases share the budget: a smaller one is no prefix of a run */
} td_compare_method;
/* A set of targets. */
typedef struct {
    const char *label; /* "latency_us=10,area_mm2=1"; "" for the recipe's own */
    const char *value; /* of the recipe's key objective.targets, as JSON; NULL: the recipe's */
} td_compare_target;
/* What a run has come to within a budget of trials. */
typedef struct {
    /* Accuracy of the best design (td_trials_best), as the source scores it in the end
     * (td_accuracy.score) where it does; -INFINITY: none meets the targets; NAN: not known, as it
     * is of a network without an accuracy, or not told at this budget (td_compare_tells). */
    double quality;
    int64_t best; /* its trial, counted from 0 through the phases of the scope; -1 */
    double metric[TD_NMETRIC];
    int64_t trials, trained; /* that were spent; trials below the budget: trainings ran out */
} td_compare_score;
/* From `trials` trials (`trained` networks) on, the best design has this quality. */
typedef struct {
    int64_t trials, trained;
    double quality;
} td_compare_step;
typedef struct {
    int method, target;
    uint64_t seed;
    const char *out;         /* results folder */
    td_compare_score *score; /* per budget */
    td_compare_step *step;   /* in order; none before a design meets the targets */
    int nstep;
} td_compare_run;
/* A plan, and after td_compare_search its results. Fields are for reading. */
typedef struct {
    td_arena *arena; /* owns all of it */
    const char *recipe, *name;
    const td_compare_method *method;
    const td_compare_target *target;
    const td_override *set; /* first in each load of the recipe */
    const int64_t *budget;  /* ascending */
    const double *quality;  /* to be reached */
    double optimum;         /* 0: not known */
    td_compare_run *run;    /* seeds first: run[(k * ntarget + t) * nmethod + m] */
    int nmethod, ntarget, nbudget, nquality, nseed, nrun, n_set;
    int against;     /* method of reference */
    uint64_t seed;   /* the first */
    int64_t trained; /* budget of trainings; INT64_MAX: none */
} td_comparison;
/* Reads and checks everything, for each method and set of targets, before anything runs. */
td_status td_compare_plan(const char *recipe, const td_compare_spec *spec, const char *out,
                          td_comparison **c, td_error *err);
void td_comparison_destroy(td_comparison *c); /* NULL is fine */
/* The recipe of the first run, whose times stand for all, and the work of all runs by it. */
td_status td_compare_recipe(const td_comparison *c, td_recipe **out, td_error *err);
td_work td_compare_work(const td_comparison *c, const td_recipe *first, int threads);
/* Whether a method is told at a budget: at a smaller one than the largest it is not where phases
 * share the budget. */
bool td_compare_tells(const td_comparison *c, int method, int budget);

typedef struct {
    int threads; /* runs at a time, each in one thread; 0: one per core */
    void (*progress)(void *self, const td_progress *p); /* of all runs together */
    bool (*cancelled)(void *self);
    /* After each run, from one thread at a time: the caller may write the results folder. NULL:
     * there is the store only. */
    td_status (*finished)(void *self, const td_recipe *r, const td_run_summary *s, const char *out,
                          td_error *err);
    void *self;
    const td_log *log;
} td_compare_options;
/* Runs the recipe's search, without its rows for comparison and its final trainings, in a folder
 * per method and seed: OUT/[TARGETS/]SCOPE-STRATEGY/seed-K. Each goes on where it stopped. Runs of
 * one seed share data and accuracies, all share the cache of mappings; results depend neither on
 * this nor on threads. TD_E_INTERRUPTED after a drain. */
td_status td_compare_search(td_comparison *c, const td_compare_options *o, td_error *err);

/* What the runs of a method say, at one budget. */
typedef struct {
    bool known;             /* false: the quality of a run is NAN. So are then all figures of
                             * quality, and those of tests; of a method that is not told all */
    int n, feasible;        /* runs; those with a design that meets the targets */
    td_median quality;      /* with a 95 % interval by order statistics (td_median_interval) */
    double q1, q3;          /* quartiles; -INFINITY: runs without a design that meets the targets */
    double trials, trained; /* medians */
    td_rank_sum against;    /* of the reference's runs; {0} for itself, all NAN where not known */
    double p_holm;          /* two-sided p, by Holm over the methods of one table; NAN for itself */
} td_compare_stat;
/* stat[nmethod] for one set of targets and one budget. Runs without a design that meets the targets
 * rank lowest. Methods that are not known are in no test; nor are others if it is the reference. */
td_status td_compare_statistics(const td_comparison *c, int target, int budget,
                                td_compare_stat *stat, td_error *err);
/* Trials that a run took to reach a quality; INFINITY: it did not. */
double td_compare_reached(const td_compare_run *r, double quality);
/* The qualities to be reached for a set of targets: the plan's, or the reference's median in the
 * end (none if that is no number). out has room for max(1, c->nquality); returns their number. */
int td_compare_qualities(const td_comparison *c, int target, double *out);

/* ---- several processes ------------------------------------------------------------------------
 *
 * Any number of processes may work on the rows of one results folder; they may come, go and die at
 * any time. The trials are the same as those of one process. */

/* The recipe that a results folder was searched with last, as its store keeps it, with the budgets
 * of that search; files that it names are looked for as ever, beside the place where it stood. With
 * keys overridden. TD_E_NOT_FOUND: no study. */
td_status td_recipe_stored(const char *folder, const td_override *o, int n, td_recipe **out,
                           td_error *err);
/* Joins the search in o->out: returns when the searches of all rows that stand there are over. The
 * budgets are those that the search was begun with; the final trainings are not for those who join.
 * TD_E_NOT_FOUND: no search was begun; TD_E_USAGE: trials here would not be those of the search;
 * TD_E_INTERRUPTED as above. */
td_status td_recipe_join(const td_recipe *r, const td_run_options *o, td_error *err);
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
