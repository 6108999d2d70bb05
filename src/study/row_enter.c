/* row_enter.c - the study of a row in the store: made, or found. */
#include <math.h>

#include "row.h"

td_status td__row_enter(const td__row *row, int64_t *study, td_error *err) {
    td__study spec = {.name = row->name,
                      .spec = row->spec,
                      .path = row->path,
                      .spec_hash = row->spec_hash,
                      .seed = row->seed,
                      .max_trials = row->trials,
                      .max_trained = row->trained,
                      .max_active_s = row->active_s > 0 ? row->active_s : INFINITY,
                      .first = row->first,
                      .first_hash = row->first_hash,
                      .n_first = row->n_first};
    return td__store_study(row->store, &spec, study, err);
}

td_status td__row_find(const td__row *row, int64_t *study, int *state, td_error *err) {
    td__study_row there;
    td_error why = {0};
    *state = -1;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td__store_find(row->store, row->name, study, &why);
    if (s == TD_OK) s = td__store_study_row(row->store, *study, a, &there, &why);
    td_arena_destroy(a);
    if (s == TD_E_NOT_FOUND) return TD_OK;
    if (s == TD_OK) *state = there.state;
    if (s != TD_OK && err != NULL) *err = why;
    if (s == TD_OK && (there.spec_hash != row->spec_hash || there.seed != row->seed))
        return td_fail(err, TD_E_USAGE,
                       "row \"%s\" was made with other data or another version of the program "
                       "than this one: its trials would not be the same",
                       row->name);
    return s;
}
