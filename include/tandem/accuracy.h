/* tandem/accuracy.h - one interface, several sources of a design's accuracy: training from scratch
 * now; supernet, table, surrogate and external trainer join as entries of td_accuracy_list().
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
} td_accuracy_result;

/* A source. evaluate() may be called from several threads at once. fidelity in (0, 1]: share of the
 * proxy's epochs. key(): hash of everything the value depends on but the network (data, options,
 * version, seed): with the network's hash the key of the evaluation cache. cancelled may be NULL.
 */
typedef struct td_accuracy {
    const char *name;
    void *self;
    td_status (*evaluate)(void *self, const td_design *d, double fidelity,
                          bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                          td_error *err);
    uint64_t (*key)(const void *self);
    const td_dataset *data; /* what it is measured on; owned by the source, NULL: none is loaded */
    void (*destroy)(void *self);
} td_accuracy;

/* The entry `source` (default "train") of a recipe's `accuracy` map:
 *   {source: train, data: fashion-mnist, epochs, batch, rate, images, ...} see train.h
 * The data set is loaded once and shared. Destroy with td_accuracy_free. */
/* What td_accuracy_from_node would refuse, without loading any data (TD_E_INPUT). */
td_status td_accuracy_check(const td_node *n, td_error *err);
td_status td_accuracy_from_node(const td_node *n, uint64_t seed, td_accuracy *out, td_error *err);
void td_accuracy_free(td_accuracy *a);
typedef struct {
    const char *name, *about;
} td_accuracy_entry;
const td_accuracy_entry *td_accuracy_list(int *n);

#ifdef __cplusplus
}
#endif
#endif
