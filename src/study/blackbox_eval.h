/* blackbox_eval.h - trials that somebody's program evaluates. */
#ifndef TANDEM_BLACKBOX_EVAL_H
#define TANDEM_BLACKBOX_EVAL_H

#include "blackbox.h"

typedef struct td__asker td__asker;
/* For a row with so many threads. run: for warnings; all must outlive it. */
td_status td__asker_create(const td_blackbox *b, int threads, const td_run_options *run,
                           td__asker **out, td_error *err);
void td__asker_destroy(td__asker *e); /* NULL is fine */
const td__evaluator *td__asker_evaluator(const td__asker *e);

#endif
