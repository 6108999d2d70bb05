/* A distribution over the canonical vectors of a space, with its gradient: the controller that a
 * policy gradient moves.
 *
 * The decisions are settled one by one in the space's order, each with a softmax over its choices
 * given those before it; inactive ones are skipped. With H hidden units
 *
 *     h_i = tanh(c + sum over active j < i of W[choice of j])        NADE: Larochelle and Murray,
 *     P(choice of i is k) = softmax_k(b[k] + V[k] . h_i)             AISTATS 2011, equations 1 to 4
 *
 * where b, V and W have a row for every choice of every decision. W is one matrix for all i, so
 * that a vector costs (decisions x H) and not its square. Without hidden units only b is left: the
 * decisions are independent (the factorised controller of MNAS and TuNAS).
 *
 * Up to 64 values of an integer are choices; larger ranges and reals are split into 32 parts of
 * equal length on their scale, and within a part all values are equally likely. Its density is a
 * constant that cancels in ratios of probabilities, and is left out. */
#ifndef TANDEM_POLICY_H
#define TANDEM_POLICY_H

#include "tandem/search.h"

typedef struct {
    const td_space *space;
    int hidden, choices;   /* choices: of all decisions */
    int *first;            /* [decisions + 1] first choice of each, of all choices */
    size_t n;              /* number of parameters */
    double *theta;         /* [n] c[hidden], b[choices], V[choices][hidden], W[choices][hidden] */
    double *h, *p;         /* [decisions][hidden], [choices]: of the vector looked at last */
    double *entropy;       /* [decisions]: of each decision's softmax, given those before it */
    double *sum, *d_logit; /* [hidden], [most choices of a decision]: room */
} td__policy;

/* All vectors are as likely as td_space_sample makes them: V is 0, W small and random. */
td_status td__policy_init(td__policy *p, const td_space *space, int hidden, uint64_t seed);
void td__policy_free(td__policy *p);
void td__policy_sample(td__policy *p, td_rng *r, td_choices *out);
/* log P(c), with c canonical. */
double td__policy_log(td__policy *p, const td_choices *c);
/* Adds to gradient[n] the derivative of
 *     weight * log P(c) + entropy_weight * (sum of the entropies of c's active decisions),
 * c being the vector of the last td__policy_log(). */
void td__policy_gradient(td__policy *p, const td_choices *c, double weight, double entropy_weight,
                         double *gradient);

#endif
