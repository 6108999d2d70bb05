/* Scrambled Sobol' points in any number of coordinates: I. Sobol', "On the distribution of points
 * in a cube and the approximate evaluation of integrals", 1967; nested uniform scrambling: A. Owen,
 * "Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995; groups of few coordinates, each with
 * its indices shuffled: B. Burley, "Practical hash-based Owen scrambling", 2020.
 *
 * Sobol' points of a hundred coordinates say little about pairs of the later ones until there are
 * thousands of them: halves of ranges go together. Four coordinates are good from the first points
 * on; groups of four that do not know of each other are as good in each, and independent. */
#include "tandem/model.h"

enum { GROUP = 4, BITS = 32 };

/* Each bit is flipped or not, as all bits above it say. */
static uint32_t scramble(uint32_t x, uint64_t key) {
    uint32_t flips = 0;
    for (int depth = 0; depth < BITS; depth++) {
        uint64_t above = (uint64_t)1 << depth | (uint64_t)x >> (BITS - depth);
        flips = flips << 1 | (uint32_t)(td_hash(&above, sizeof above, key) >> 63);
    }
    return x ^ flips;
}

/* Coordinate j of four: primitive polynomials 1, x + 1, x^2 + x + 1, x^3 + x + 1. Of the first
 * direction numbers that there can be these give the evenest 4 to 256 points. */
static uint32_t sobol(uint32_t index, int j) {
    static const uint32_t start[GROUP][3] = {{1}, {1}, {1, 3}, {1, 1, 3}};
    uint32_t last[3] = {0}, x = 0; /* direction numbers, the latest first */
    for (int k = 0; k < BITS && index >> k != 0; k++) {
        uint32_t m;
        if (j == 0)
            m = 1;
        else if (k < j)
            m = start[j][k];
        else if (j == 1)
            m = last[0] ^ last[0] << 1;
        else if (j == 2)
            m = last[0] << 1 ^ last[1] << 2 ^ last[1];
        else
            m = last[1] << 2 ^ last[2] << 3 ^ last[2];
        last[2] = last[1];
        last[1] = last[0];
        last[0] = m;
        if (index >> k & 1) x ^= m << (BITS - 1 - k);
    }
    return x;
}

double td_sobol(uint64_t seed, uint32_t index, int coordinate) {
    int32_t group[] = {0, coordinate / GROUP}, own[] = {1, coordinate};
    uint32_t at = scramble(index, td_hash(group, sizeof group, seed));
    uint32_t x = scramble(sobol(at, coordinate % GROUP), td_hash(own, sizeof own, seed));
    return (x + 0.5) * 0x1p-32;
}
