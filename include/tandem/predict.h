/* tandem/predict.h - estimates in place of the real thing. For now: latency look-up tables with a
 * bias (HSCoNAS, Luo et al. 2021, section III-A: latency(network) = sum of per-layer table entries
 * + B, the bias fitted to measured whole networks). Learned cost models and surrogates join here.
 */
#ifndef TANDEM_PREDICT_H
#define TANDEM_PREDICT_H

#include "tandem/base.h"
#include "tandem/map.h"
#include "tandem/net.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct td_lut td_lut; /* per accelerator: latency of each distinct layer problem, alone */
td_lut *td_lut_create(const td_hw *hw, td_map_cache *cache);
void td_lut_destroy(td_lut *l);
/* Sum of the entries of a network's conv and fc layers, each mapped alone with all data in DRAM,
 * plus the bias. TD_E_INFEASIBLE as td_map_best. Not thread-safe. */
td_status td_lut_latency(td_lut *l, const td_net *net, double *latency_s, td_error *err);
/* Bias = mean of measured - predicted over n networks; returns the mean absolute relative error
 * after the fit (NAN on failure). */
td_status td_lut_fit(td_lut *l, const td_net *const *net, const double *measured_s, int n,
                     double *error, td_error *err);

#ifdef __cplusplus
}
#endif
#endif
