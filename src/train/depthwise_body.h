/* depthwise_body.h - depthwise.c for one number type. No include guard. A "block" is 16 channels of
 * one image, copied to floats with zeros around: [rows][columns][16]. */

/* Copies a block: h x w pixels `step` words apart, rows behind `top` rows of zeros and so on. The
 * zeros are there already. */
static void TD__NAME(pack)(const void *from, int64_t step, int32_t h, int32_t w, float *to,
                           int64_t row) {
    const TD__ELEM *p = from;
    for (int32_t y = 0; y < h; y++, to += row)
        for (int32_t x = 0; x < w; x++, p += step)
            TD__NAME(storef)(to + (int64_t)x * TD__LANES, TD__NAME(load)(p));
}

/* n (a constant) neighbouring results: start + sum over taps of weight[k] * in[offset[k]]. */
TD__INLINE void TD__NAME(tile)(const float *in, const taps *t, int64_t step, td__vf start,
                               TD__ELEM *out, int64_t out_step, const int n) {
    td__vf acc[8];
    TD__UNROLL
    for (int i = 0; i < n; i++) acc[i] = start;
    const float *w = t->weight;
    for (int k = 0; k < t->n; k++, w += TD__LANES) {
        td__vf v = TD__NAME(loadf)(w);
        const float *p = in + t->offset[k];
        TD__UNROLL
        for (int i = 0; i < n; i++)
            acc[i] = TD__NAME(fma)(v, TD__NAME(loadf)(p + i * step), acc[i]);
    }
    TD__UNROLL
    for (int i = 0; i < n; i++) TD__NAME(store)(out + i * out_step, acc[i]);
}

/* A row of `count` results. */
static void TD__NAME(row)(const float *in, const taps *t, int64_t step, const float *bias,
                          void *result, int64_t out_step, int32_t count) {
    td__vf start = {0};
    if (bias != 0) start = TD__NAME(loadf)(bias);
    TD__ELEM *out = result;
    int32_t tiles = (count + 7) / 8, width = (count + tiles - 1) / tiles;
    while (count > 0) {
        int32_t n = count < width ? count : width;
        switch (n) {
        case 1: TD__NAME(tile)(in, t, step, start, out, out_step, 1); break;
        case 2: TD__NAME(tile)(in, t, step, start, out, out_step, 2); break;
        case 3: TD__NAME(tile)(in, t, step, start, out, out_step, 3); break;
        case 4: TD__NAME(tile)(in, t, step, start, out, out_step, 4); break;
        case 5: TD__NAME(tile)(in, t, step, start, out, out_step, 5); break;
        case 6: TD__NAME(tile)(in, t, step, start, out, out_step, 6); break;
        case 7: TD__NAME(tile)(in, t, step, start, out, out_step, 7); break;
        default: TD__NAME(tile)(in, t, step, start, out, out_step, 8); break;
        }
        in += n * step;
        out += n * out_step;
        count -= n;
    }
}

#if !TD__BF16
/* sum[k] += sum over pixels of d * in[tap k], all taps of a size x size kernel (a constant) in
 * registers at once. `pixel` and `line`: distance in `in` of neighbouring outputs. */
TD__INLINE void TD__NAME(gradient_square)(const float *in, int64_t pixel, int64_t line, int64_t row,
                                          const float *d, int32_t h, int32_t w, float *sum,
                                          const int size) {
    td__vf acc[25];
    TD__UNROLL
    for (int k = 0; k < size * size; k++) acc[k] = TD__NAME(loadf)(sum + k * TD__LANES);
    for (int32_t y = 0; y < h; y++, in += line) {
        const float *p = in;
        for (int32_t x = 0; x < w; x++, p += pixel, d += TD__LANES) {
            td__vf v = TD__NAME(loadf)(d);
            TD__UNROLL
            for (int r = 0; r < size; r++) {
                TD__UNROLL
                for (int s = 0; s < size; s++)
                    acc[r * size + s] = TD__NAME(fma)(
                        v, TD__NAME(loadf)(p + r * row + s * TD__LANES), acc[r * size + s]);
            }
        }
    }
    TD__UNROLL
    for (int k = 0; k < size * size; k++) TD__NAME(storef)(sum + k * TD__LANES, acc[k]);
}

/* Any kernel: tap by tap. d: [h][w][16]. */
static void TD__NAME(gradient)(const float *in, int64_t pixel, int64_t line, int64_t row,
                               const taps *t, int square, const float *d, int32_t h, int32_t w,
                               float *sum) {
    if (square == 3) {
        TD__NAME(gradient_square)(in, pixel, line, row, d, h, w, sum, 3);
        return;
    }
    if (square == 5) {
        TD__NAME(gradient_square)(in, pixel, line, row, d, h, w, sum, 5);
        return;
    }
    for (int k = 0; k < t->n; k++) {
        td__vf acc[2] = {{0}, {0}};
        const float *from = in + t->offset[k], *at = d;
        for (int32_t y = 0; y < h; y++, from += line)
            for (int32_t x = 0; x < w; x++, at += TD__LANES)
                acc[x & 1] += TD__NAME(loadf)(at) * TD__NAME(loadf)(from + x * pixel);
        float *to = sum + k * TD__LANES;
        TD__NAME(storef)(to, TD__NAME(loadf)(to) + (acc[0] + acc[1]));
    }
}
#endif
