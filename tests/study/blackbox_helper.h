/* Problems of one's own in a scratch folder, with programs of sh as the other side. */
#ifndef BLACKBOX_HELPER_H
#define BLACKBOX_HELPER_H

#include <stdatomic.h>

#include "../../src/study/blackbox.h"
#include "scratch.h"

/* A file of the folder. */
void put_file(const char *folder, const char *name, const char *text);
/* The text as "folder/problem.yaml", loaded. */
td_blackbox *load_problem(const char *folder, const char *text);

/* All of a folder's trials that must not depend on threads and interruptions, as text; free it. */
char *trials_of(const char *folder);

/* One trial, of the arena. */
td_trial_row trial_of(const char *folder, int number, td_arena *a);

/* Somebody who watches a run: it may be stopped, and its warnings are kept (td_text_free). */
typedef struct {
    const char *folder;
    atomic_bool stop;
    td_text warnings;
} watcher;
td_status run_problem(const char *folder, const char *text, watcher *w, td_error *err);

#endif
