#include "cli_cost.h"

#include <string.h>

const char *cli_counting_name(td_counting c) {
    return c == TD_COUNT_TIMELOOP ? "timeloop" : "exact";
}

bool cli_counting_parse(const char *s, td_counting *out) {
    for (int c = TD_COUNT_EXACT; c <= TD_COUNT_TIMELOOP; c++)
        if (strcmp(s, cli_counting_name((td_counting)c)) == 0) {
            *out = (td_counting)c;
            return true;
        }
    return false;
}
