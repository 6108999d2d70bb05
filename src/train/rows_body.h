/* rows_body.h - rows.h for one instruction set and number type. No include guard. Loops in whole
 * vectors, then word by word. */

static void TD__NAME(add)(void *po, const void *pa, const void *pb, int64_t n) {
    TD__ELEM *o = po;
    const TD__ELEM *a = pa, *b = pb;
    int64_t i = 0;
    for (; i + TD__LANES <= n; i += TD__LANES)
        TD__NAME(store)(o + i, TD__NAME(load)(a + i) + TD__NAME(load)(b + i));
    for (; i < n; i++) TD__NAME(put)(o + i, TD__NAME(get)(a + i) + TD__NAME(get)(b + i));
}

static void TD__NAME(mul)(void *po, const void *pa, const void *pb, int64_t n) {
    TD__ELEM *o = po;
    const TD__ELEM *a = pa, *b = pb;
    int64_t i = 0;
    for (; i + TD__LANES <= n; i += TD__LANES)
        TD__NAME(store)(o + i, TD__NAME(load)(a + i) * TD__NAME(load)(b + i));
    for (; i < n; i++) TD__NAME(put)(o + i, TD__NAME(get)(a + i) * TD__NAME(get)(b + i));
}

static void TD__NAME(dot)(float *sum, const void *pa, const void *pb, int64_t rows, int32_t c) {
    const TD__ELEM *a = pa, *b = pb;
    for (int32_t i = 0; i < c; i++) sum[i] = 0;
    for (int64_t r = 0; r < rows; r++, a += c, b += c) {
        int32_t i = 0;
        for (; i + TD__LANES <= c; i += TD__LANES) TD__NAME(storef)
        (sum + i, TD__NAME(loadf)(sum + i) + TD__NAME(load)(a + i) * TD__NAME(load)(b + i));
        for (; i < c; i++) sum[i] += TD__NAME(get)(a + i) * TD__NAME(get)(b + i);
    }
}

static void TD__NAME(from_float)(void *po, const float *in, int64_t n) {
    TD__ELEM *o = po;
    int64_t i = 0;
    for (; i + TD__LANES <= n; i += TD__LANES) TD__NAME(store)(o + i, TD__NAME(loadf)(in + i));
    for (; i < n; i++) TD__NAME(put)(o + i, in[i]);
}

static void TD__NAME(to_float)(float *out, const void *pi, int64_t n) {
    const TD__ELEM *in = pi;
    int64_t i = 0;
    for (; i + TD__LANES <= n; i += TD__LANES) TD__NAME(storef)(out + i, TD__NAME(load)(in + i));
    for (; i < n; i++) out[i] = TD__NAME(get)(in + i);
}

#if !TD__BF16
static void TD__NAME(descend)(float *w, float *v, const float *g, int64_t n, float rate,
                              float momentum, float decay) {
    int64_t i = 0;
    for (; i + TD__LANES <= n; i += TD__LANES) {
        td__vf u = TD__NAME(loadf)(w + i);
        td__vf s = momentum * TD__NAME(loadf)(v + i) + (TD__NAME(loadf)(g + i) + decay * u);
        TD__NAME(storef)(v + i, s);
        TD__NAME(storef)(w + i, u - rate * s);
    }
    for (; i < n; i++) {
        v[i] = momentum * v[i] + (g[i] + decay * w[i]);
        w[i] -= rate * v[i];
    }
}
#endif

static const row_functions TD__NAME(functions) = {
    TD__NAME(add),    TD__NAME(mul), TD__NAME(dot), TD__NAME(from_float), TD__NAME(to_float),
#if !TD__BF16
    TD__NAME(descend)
#else
                                                  0
#endif
};
