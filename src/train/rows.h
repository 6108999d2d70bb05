/* rows.h - sums and products of tensors stored [rows][channels], in fp32 or bf16 (arithmetic in
 * fp32 always). */
#ifndef TANDEM_TRAIN_ROWS_H
#define TANDEM_TRAIN_ROWS_H

#include "tandem/train.h"

/* sum += term */
void td__rows_add_to(td_number number, void *sum, const void *term, int64_t words);
/* out = a + b */
void td__rows_add(td_number number, void *out, const void *a, const void *b, int64_t words);
/* out = a * b */
void td__rows_mul(td_number number, void *out, const void *a, const void *b, int64_t words);
/* out[r][c] = a[r][c] * b[c] */
void td__rows_scale(td_number number, void *out, const void *a, const void *b, int64_t rows,
                    int32_t c);
/* out[c] = sum over r of a[r][c] * b[r][c]; buffer holds c floats */
void td__rows_dot(td_number number, void *out, const void *a, const void *b, int64_t rows,
                  int32_t c, float *buffer);
/* One step of gradient descent with momentum: v = momentum v + g + decay w, w -= rate v. */
void td__rows_descend(float *w, float *v, const float *g, int64_t n, float rate, float momentum,
                      float decay);
/* fp32 -> number */
void td__rows_from_float(td_number number, void *out, const float *in, int64_t words);
void td__rows_to_float(td_number number, float *out, const void *in, int64_t words);

#endif
