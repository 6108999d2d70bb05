/* Densities over the vectors of a space, made from some of them: mixtures of kernels, each a
 * product over decisions, as tree-structured Parzen estimators use them (Bergstra et al. 2011;
 * Falkner, Klein, Hutter 2018; Watanabe 2023, arXiv 2304.11127). */
#ifndef TANDEM_PARZEN_H
#define TANDEM_PARZEN_H

#include "tandem/search.h"

/* Integers and ordered choices with more values than this have the density at a value in the place
 * of the mass around it. */
enum { TD_PARZEN_CELLS = 1024 };

/* A mixture of n kernels and the prior, in which choices are uniform. A kernel is a way to make a
 * vector: decisions in order, of those that are active given the earlier ones each drawn from
 *
 *   reals              normal(centre, width) within [0, 1], the decision's range on its own scale
 *   integers, ordered  the same, and the cell of [0, 1] that it falls into, one cell for each value
 *   names              the centre's with 1 - width, else any other (Aitchison, Aitken 1976)
 *   all kinds          where the centre has no value (it is inactive there): the prior's
 *
 * so that its masses sum to 1 over all vectors, whatever hangs on what. Kernels share the width of
 * a decision. */
typedef struct {
    const td_space *space;
    double factor; /* of widths by Scott's rule */
    double prior;  /* its weight, in kernels */
    bool joint;    /* false: a mixture for each decision, which are independent */
    int most, n;
    double *weight, *log_weight, *sum; /* [n + 1], the prior's last; of sum 1. sum: to work on */
    double *width;                     /* [decisions] */
    double *centre, *inverse, *mass;   /* [decisions][most]: place in [0, 1] or index; 1 / width, 0
                                        * without a value; log of what the density is divided by */
    double **table; /* [decisions]: log mass by distance of index; NULL: by the density */
} td__parzen;

/* For up to `most` kernels; p has space, factor, prior, joint, and the rest is 0. TD_E_MEMORY. */
td_status td__parzen_init(td__parzen *p, int most, td_error *err);
void td__parzen_free(td__parzen *p);
/* Kernels at v[n] (canonical vectors; n <= most) with weights > 0 (of any sum; NULL: equal).
 *
 * Width of a numeric decision on [0, 1]: factor * s * m^(-1 / (D + 4)) (Scott 1992), with s the
 * deviation among the m kernels that have it and D the decisions of the mixture; not below `floor`,
 * nor below a third of a cell. Of names with c choices: (c - 1) / (c + m), as if each had been seen
 * once more than it was. */
void td__parzen_fit(td__parzen *p, const double *const *v, const double *weight, int n,
                    double floor);
/* log density of a canonical vector; of decision i at v, among the vectors that have it. p is
 * worked on. */
double td__parzen_log(td__parzen *p, const double *v);
double td__parzen_log_of(td__parzen *p, int i, double v);
/* Draws a canonical vector; a value of decision i. */
void td__parzen_sample(const td__parzen *p, td_rng *r, td_choices *out);
double td__parzen_sample_of(const td__parzen *p, td_rng *r, int i);

#endif
