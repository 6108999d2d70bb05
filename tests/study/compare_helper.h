/* A scratch folder with a tiny recipe and its data, and comparisons planned there. */
#ifndef COMPARE_HELPER_H
#define COMPARE_HELPER_H

#include "scratch.h"
#include "tandem/study.h"

typedef struct {
    char *folder;
    td_error err;
} fixture;

int compare_setup(void **state);
int compare_teardown(void **state);

extern const char recipe[];
/* recipe.yaml of the scratch folder, with more keys at its end. */
const char *write_recipe(fixture *f, const char *more);
/* Of recipe.yaml, into folder `out`; two seeds unless told otherwise. */
td_comparison *plan(fixture *f, td_compare_spec spec, const char *out);

#endif
