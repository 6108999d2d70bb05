#include "rows.h"

#include "simd.h"

typedef struct {
    void (*add)(void *out, const void *a, const void *b, int64_t n);
    void (*mul)(void *out, const void *a, const void *b, int64_t n);
    void (*dot)(float *sum, const void *a, const void *b, int64_t rows, int32_t c);
    void (*from_float)(void *out, const float *in, int64_t n);
    void (*to_float)(float *out, const void *in, int64_t n);
    void (*descend)(float *w, float *v, const float *g, int64_t n, float rate, float momentum,
                    float decay); /* fp32 only */
} row_functions;

#define TD__BODY "rows_body.h"
#include "simd_variants.h"

static const row_functions *pick(td_number number) {
    static const row_functions *const table[TD__SIMD_LEVELS][2] = {
        {&functions_f32_0, &functions_bf16_0},
#if TD__SIMD_LEVELS > 1
        {&functions_f32_1, &functions_bf16_1},
        {&functions_f32_2, &functions_bf16_2},
#endif
    };
    return table[td__simd_level()][number == TD_BF16];
}

void td__rows_add_to(td_number number, void *sum, const void *term, int64_t words) {
    pick(number)->add(sum, sum, term, words);
}

void td__rows_add(td_number number, void *out, const void *a, const void *b, int64_t words) {
    pick(number)->add(out, a, b, words);
}

void td__rows_mul(td_number number, void *out, const void *a, const void *b, int64_t words) {
    pick(number)->mul(out, a, b, words);
}

void td__rows_scale(td_number number, void *out, const void *a, const void *b, int64_t rows,
                    int32_t c) {
    const row_functions *f = pick(number);
    int64_t step = c * (number == TD_BF16 ? 2 : 4);
    for (int64_t r = 0; r < rows; r++)
        f->mul((char *)out + r * step, (const char *)a + r * step, b, c);
}

void td__rows_dot(td_number number, void *out, const void *a, const void *b, int64_t rows,
                  int32_t c, float *buffer) {
    const row_functions *f = pick(number);
    f->dot(buffer, a, b, rows, c);
    f->from_float(out, buffer, c);
}

void td__rows_descend(float *w, float *v, const float *g, int64_t n, float rate, float momentum,
                      float decay) {
    pick(TD_FP32)->descend(w, v, g, n, rate, momentum, decay);
}

void td__rows_from_float(td_number number, void *out, const float *in, int64_t words) {
    pick(number)->from_float(out, in, words);
}

void td__rows_to_float(td_number number, float *out, const void *in, int64_t words) {
    pick(number)->to_float(out, in, words);
}
