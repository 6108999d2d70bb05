/* tandem/quant.h - trained networks in integers, as an accelerator of few bits runs them:
 * calibration of ranges, quantised parameters, and inference in integers.
 *
 *     td_calibration c; td_calibration_default(&c);
 *     td_quantised *q;
 *     td_quantise(net, weights, &data, &c, &q, &err);        // of the layers' own bits
 *     td_quantised_test(q, &data, TD_SPLIT_TEST, 0, &accuracy, NULL, &err);
 *     td_onnx_write_qdq(q, data.mean, data.std, "network.qdq.onnx", &err);
 *     td_quantised_destroy(q);
 *
 * The scheme is that of Jacob et al. (1712.05877) and of QDQ graphs in ONNX: batch norms folded;
 * weights symmetric with a scale per output channel; a value affine with one scale and zero point,
 * 0 is one of its words; sums and biases in 32 bits. The activation behind a convolution, fc or sum
 * that nothing else reads is a bound of its words if it is a ReLU or ReLU6; all other functions of
 * one word (hard swish, sigmoid, batch norms that cannot be folded, ...) are tables of their words.
 */
#ifndef TANDEM_QUANT_H
#define TANDEM_QUANT_H

#include "tandem/base.h"
#include "tandem/net.h"
#include "tandem/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- calibration ----------------------------------------------------------------------------- */

/* How the range of a value is chosen from what it was on the calibration images. */
typedef enum {
    TD_RANGE_MINMAX,     /* all that was seen */
    TD_RANGE_PERCENTILE, /* without the outermost words, as many on either side */
    TD_RANGE_MSE         /* of least squared error of what was seen, bounds and rounding together */
} td_range_rule;
const char *td_range_rule_name(td_range_rule r);             /* "minmax", "percentile", "mse" */
bool td_range_rule_parse(const char *s, td_range_rule *out); /* false: none of them */

typedef struct {
    td_range_rule rule; /* mse */
    double percentile;  /* 99.99: of the words that stay within the range */
    int images;         /* 1000: the first so many of the training split, all if it has fewer */
} td_calibration;
void td_calibration_default(td_calibration *c);

/* The range of a value in words of b bits, at[b]. */
typedef struct {
    struct {
        float lo, hi;
    } at[TD_QUANT_MOST_BITS + 1];
} td_range;
/* range[td_net_size(net)] of a network without batch norms that td_net_fold_bn would fold, on
 * training images, in the bits that its layers make and read: by the rule, of the image all that
 * was seen. {0} of what is not needed. TD_E_INFEASIBLE: values that are not finite. */
td_status td_calibrate(const td_net *net, const td_weights *w, const td_dataset *d,
                       const td_calibration *c, td_range *range, td_error *err);

/* ---- quantising ------------------------------------------------------------------------------ */

/* Folds, calibrates and quantises; caller destroys *q. Bits are those of the layers (td_layer.bits,
 * acc_bits). TD_E_UNSUPPORTED names the layer: words of less than 2 or more than 8 bits; partial
 * sums that could overflow. */
td_status td_quantise(const td_net *net, const td_weights *w, const td_dataset *d,
                      const td_calibration *c, td_quantised **q, td_error *err);
/* The same with given ranges, of the values of td_net_fold_bn(net). */
td_status td_quantise_ranges(const td_net *net, const td_weights *w, const td_range *range,
                             td_quantised **q, td_error *err);

/* ---- inference in integers ------------------------------------------------------------------- */

/* input [batch][c][h][w], normalised; output [batch][out]: the reals that the words of the result
 * stand for. A sum becomes a word by a multiplier of 31 bits and a shift, rounded to the nearest,
 * ties to even, then bounded: what QuantizeLinear means, but where the multiplier's own rounding
 * (2^-31) decides a tie. */
td_status td_quantised_forward(const td_quantised *q, const float *input, int batch, float *output,
                               td_error *err);
/* Fraction of a split classified right, the first of equal scores taken; on `threads` threads (0:
 * all cores). predicted: n labels or NULL. */
td_status td_quantised_test(const td_quantised *q, const td_dataset *d, int split, int threads,
                            double *accuracy, uint8_t *predicted, td_error *err);

/* How far the words of each value are from its reals on the first `images` calibration images (all
 * its words are kept for that): signal over noise, 10 log10(sum x^2 / sum (x - word)^2) in dB, with
 * all that the layers before it have made of the noise. snr_db[td_net_size(q->net)]; INFINITY:
 * equal; NAN: the image, and values that are not there. */
td_status td_quantised_noise(const td_quantised *q, const td_dataset *d, int images, double *snr_db,
                             td_error *err);

#ifdef __cplusplus
}
#endif
#endif
