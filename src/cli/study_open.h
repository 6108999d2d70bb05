/* study_open.h - what the reading verbs of `tandem study` share. */
#ifndef TANDEM_STUDY_OPEN_H
#define TANDEM_STUDY_OPEN_H

#include "tandem/study.h"

/* The store of a results folder, or of a study.db, for reading, and the studies in it (in the
 * arena). Close it also after an error. */
td_status study_open(const char *where, td_arena *a, td_store **store, td_study_info **info, int *n,
                     td_error *err);
/* Is a study of this row: of the scope's name, or one phase of it? NULL: any is. */
bool study_is_of_row(const char *study, const char *row);
/* TD_E_NOT_FOUND: no study is of the row; names what there is. */
td_status study_no_row(const char *where, const char *row, const td_study_info *info, int n,
                       td_arena *a, td_error *err);

#endif
