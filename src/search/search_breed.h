/* Crossover and mutation of numbers on a scale of [0, 1], and of whole vectors, as genetic
 * algorithms have them. */
#ifndef TANDEM_SEARCH_BREED_H
#define TANDEM_SEARCH_BREED_H

#include "tandem/search.h"

/* Simulated binary crossover (Deb, Agrawal 1995): child[0] + child[1] = a + b, the closer to them
 * the larger eta. The spread's distribution ends where one of the children would leave [0, 1]. u in
 * [0, 1) is the draw. */
void td__sbx(double a, double b, double eta, double u, double child[2]);
/* Polynomial mutation (Deb, Goyal 1996) of a place in [0, 1], the smaller the larger eta. */
double td__polynomial(double place, double eta, double u);

typedef struct {
    double crossover; /* probability that a child has two parents */
    double blend;     /* of its numbers: to lie about both parents', not to be that of one */
    double mutations; /* so many active decisions change on average */
    double eta_crossover, eta_mutation; /* >= 0 */
} td__breeding;

/* out: a child of a and b, canonical; decisions that become active are drawn. raw[space->n]: to
 * work on. What is taken over is so from either parent, evenly; names that change are redrawn;
 * whole numbers that change do so by one step at least. */
void td__breed(const td_space *space, const td_choices *a, const td_choices *b,
               const td__breeding *by, td_rng *r, double *raw, td_choices *out);

#endif
