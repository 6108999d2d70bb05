/* enqueue.h - designs that a user gives a search, known good ones mostly, as the choices of trials.
 */
#ifndef TANDEM_ENQUEUE_H
#define TANDEM_ENQUEUE_H

#include "tandem/base.h"
#include "tandem/space.h"

/* Choices as the store keeps them. All memory is the arena's. */
typedef struct {
    const char **params; /* JSON */
    uint64_t *hash;
    int n, capacity;
    const td_space *joint; /* whose first decisions are those of the space: choices of its other
                            * ones may stand there, and are left out. NULL: none may */
} td__designs;

/* Adds the designs of a node to out, each checked against the space (TD_E_INPUT). A node is
 *   {decision: label or value, ...}    the choices of one design
 *   {choices: {...}, ...}              a trial, as `tandem study` prints it; of a problem
 *   {parameters: {...}, ...}           this
 *   {ROW: [...], ...}                  the answer of `tandem study ... --format json`
 *   [...]                              a list of any of these
 *   "FILE"                             a file with any of these: as it stands, then beside the
 *                                      document; not within files */
td_status td__designs_read(const td_space *space, const char *row, const td_node *n, td_arena *a,
                           td__designs *out, td_error *err);

#endif
