/* Objectives on the scale on which a Gaussian process explains them. */
#ifndef TANDEM_WARP_H
#define TANDEM_WARP_H

#include "tandem/model.h"

/* tail: what is worse than the median counts by its rank only and differences near the best are
 * stretched (Vizier, Song et al. 2024); ranks: normal scores; none: as it is. */
enum { TD_WARP_TAIL, TD_WARP_RANKS, TD_WARP_NONE, TD_N_WARPS };
/* y[n], of mean 0 and variance 1, for v[n], which rise. */
void td__warp(int how, const double *v, int n, double *y);
/* y to mean 0 and variance 1; of a constant only the mean. */
void td__standardise(double *y, int n, double *mean, double *deviation);
/* Where v goes if raw[n] (rising) go to warped[n]: between neighbours along a line, beyond the ends
 * along the last one. */
double td__warp_value(const double *raw, const double *warped, int n, double v);

#endif
