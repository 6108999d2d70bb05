/* random_case.h - small random cases, for comparisons with the simulator and with rules. */
#ifndef TANDEM_TESTS_RANDOM_CASE_H
#define TANDEM_TESTS_RANDOM_CASE_H

#include "tandem/cost.h"

typedef struct {
    int max_macs;   /* product of the dims */
    bool padding;   /* now and then */
    bool resident;  /* outer levels may leave tensors out */
    bool large;     /* dims of 11 to 31 too, beside the usual 1 to 8 */
    bool imperfect; /* some dims have factors that do not multiply to them */
    bool reload;    /* some levels bring in anew what they hold */
} random_limits;

/* Case number `number`: the same whenever asked for. Capacities are unbounded. */
void random_case(uint64_t seed, uint64_t number, random_limits limits, td_case *out);

#endif
