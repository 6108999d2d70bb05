/* inner.h - nested problems: their part of a problem's file, and what evaluates a trial. */
#ifndef TANDEM_INNER_H
#define TANDEM_INNER_H

#include "blackbox.h"
#include "tandem/study_nested.h"

struct td__nested {
    const td_nested_layer *layer;
    int n;
    td_mapping_search search;
    uint64_t hash; /* of all that values depend on, but for the outer strategy */
};

/* Is a problem's document of this kind? */
bool td__nested_is(const td_node *doc);
/* Whether it has no other keys than such a recipe. */
td_status td__nested_keys(const td_node *doc, td_error *err);
/* What is minimised, of such a document. */
td_status td__nested_goals(const td_node *doc, td_goals *out, td_error *err);
/* The keys workload, accelerator and mapping: layers, the space of accelerators, the inner search.
 */
td_status td__nested_read(const td_node *doc, td_arena *a, struct td__nested **out, td_space **hw,
                          td_error *err);
void td__nested_describe(const struct td__nested *n, td_text *out);

/* Trials of a nested problem, each with so many threads for its layers. */
typedef struct td__nester td__nester;
td_status td__nester_create(const td_blackbox *b, int threads, td__nester **out, td_error *err);
void td__nester_destroy(td__nester *e); /* NULL is fine */
const td__evaluator *td__nester_evaluator(const td__nester *e);

/* One row of the second level, at once, for a trial that is this worker's (TD_E_STALE). */
td_status td__store_put_inner(td_store *s, int64_t id, int64_t token, const td_inner_row *r,
                              td_error *err);
td_status td__store_inner(td_store *s, int64_t id, td_arena *a, td_inner_row **out, int *n,
                          td_error *err);

#endif
