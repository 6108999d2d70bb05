/* Black-box problems of the literature that strategies are measured on: a categorical that changes
 * the regime, integers only, mixed integers with constraints, two objectives. */
#ifndef TANDEM_TESTS_BLACKBOX_H
#define TANDEM_TESTS_BLACKBOX_H

#include "tandem/search.h"

enum { BLACKBOX_MOST = 30, BLACKBOX_REFERENCE = 6 }; /* decisions */

typedef struct {
    const char *name;
    int n;
    td_decision decision[BLACKBOX_MOST];
    int nobj;
    double optimum;      /* of one objective */
    double reference[3]; /* point of the hypervolume */
    td_outcome (*evaluate)(const double *x);
} blackbox;

/* NULL at the end. The first six are those of the reference figures. */
const blackbox *blackbox_at(int i);
const blackbox *blackbox_find(const char *name);
/* Into s, which refers to the problem. */
void blackbox_space(const blackbox *b, td_space *s);

#endif
