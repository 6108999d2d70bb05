/* tandem/accuracy.h - one interface, several sources of a design's accuracy: training from scratch,
 * and tables of accuracies; supernet, surrogate and external trainer join as entries of
 * td_accuracy_list().
 */
#ifndef TANDEM_ACCURACY_H
#define TANDEM_ACCURACY_H

#include "tandem/base.h"
#include "tandem/space.h"
#include "tandem/train.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    double value, std; /* fraction right on the validation split; std NAN if unknown */
    double cpu_s;
    bool cached; /* looked up, not evaluated */
    int steps;   /* of a watched evaluation: after so many it ended, or was stopped */
} td_accuracy_result;

/* Somebody who watches an evaluation that goes by steps 1, 2, ..., and may stop it after any but
 * the last. */
typedef struct {
    bool (*looks)(void *self, int step); /* false: the value there is of no use, and not measured */
    bool (*goes_on)(void *self, int step, double value); /* false: it is stopped here */
    void *self;
} td_accuracy_watch;

/* What a chosen network is worth, better known than by one evaluation: means over repeats. NAN:
 * unknown; a deviation (of one repeat, n - 1) is so for one repeat. */
typedef struct {
    double valid, valid_std, test, test_std;
    int repeats; /* behind `valid` */
} td_accuracy_score;

/* A source. evaluate() may be called from several threads at once. fidelity in (0, 1]: share of the
 * proxy's epochs. TD_E_INFEASIBLE: the network has no accuracy, whenever it is asked for. key():
 * hash of everything the value depends on but the network (data, options, version, seed): with the
 * network's hash the key of the evaluation cache. cancelled may be NULL.
 */
typedef struct td_accuracy {
    const char *name;
    void *self;
    td_status (*evaluate)(void *self, const td_design *d, double fidelity,
                          bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                          td_error *err);
    uint64_t (*key)(const void *self);
    /* The steps of a whole evaluation (epochs of a training, the last one may be a part), and one
     * that is watched: out->value is that of its last step, and if this is `steps`, that of
     * evaluate() with fidelity 1. 0 and NULL: values are known at once. */
    int steps;
    td_status (*watched)(void *self, const td_design *d, const td_accuracy_watch *w,
                         bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                         td_error *err);
    /* The final score of a chosen design; NULL: the source knows no more than evaluate() tells.
     * TD_E_INFEASIBLE as there. */
    td_status (*score)(void *self, const td_design *d, td_accuracy_score *out, td_error *err);
    const char *no_value;   /* why a network has no accuracy; NULL: its training diverges */
    const td_dataset *data; /* what it is measured on; owned by the source, NULL: none is loaded */
    const char *file;       /* where it is looked up, and the hash of its content; NULL: nowhere */
    uint64_t file_hash;
    void (*destroy)(void *self);
} td_accuracy;

/* The entry `source` (default "train") of a recipe's `accuracy` map:
 *
 *   {source: train, data: fashion-mnist, epochs, batch, rate, ...}   see train.h; the data set is
 *                                                                    loaded once and shared
 *   {source: table, file: FILE, columns, values, valid, test, ...}   docs/recipes.md
 *
 * `nets` is the space of the networks that will be asked for: a table tells its networks by their
 * decisions. (Networks that are one by their hash are one to the source, however they are chosen.)
 * Not needed any more after the call; NULL: there is none, which the table refuses. Destroy with
 * td_accuracy_free. */
td_status td_accuracy_from_node(const td_node *n, const td_space *nets, uint64_t seed,
                                td_accuracy *out, td_error *err);
/* What td_accuracy_from_node would refuse, without reading any data (TD_E_INPUT). */
td_status td_accuracy_check(const td_node *n, const td_space *nets, td_error *err);
void td_accuracy_free(td_accuracy *a);
/* The `steps` of the source that a recipe's `accuracy` map describes, without reading any data. */
td_status td_accuracy_steps(const td_node *n, int *steps, td_error *err);
typedef struct {
    const char *name, *about;
    bool data; /* it has images, on which the chosen networks can be trained in full */
} td_accuracy_entry;
const td_accuracy_entry *td_accuracy_list(int *n);
/* The entry that a recipe's `accuracy` map names (TD_E_INPUT: none). */
td_status td_accuracy_entry_from_node(const td_node *n, const td_accuracy_entry **out,
                                      td_error *err);

#ifdef __cplusplus
}
#endif
#endif
