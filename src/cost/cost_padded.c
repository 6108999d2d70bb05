#include "cost_nest.h"
double td__padded_partition(const td__nest *z, int level) {
    (void)z;
    (void)level;
    return 0;
}
void td__count_padded_input(const td__nest *z, int child, int level, double *reads, double *fills) {
    (void)z;
    (void)child;
    (void)level;
    *reads = *fills = 0;
}
