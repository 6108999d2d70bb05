/* Layer problems: seven loops and a group loop. */
#include "tandem/net.h"

#include <stdio.h>

const char td_dim_letter[TD_NDIM + 1] = "NKCPQRSG";
const char td_tensor_letter[TD_NTENSOR + 1] = "WIO";

int td_dim_from_letter(char c) {
    for (int i = 0; i < TD_NDIM; i++)
        if (td_dim_letter[i] == c) return i;
    return -1;
}

/* Rows (axis 0) or columns (1) of the padded image that the outputs span, as a dense box. */
static int64_t extent(const td_problem *p, int axis) {
    int64_t out = p->dim[TD_P + axis], taps = p->dim[TD_R + axis];
    return (out - 1) * p->stride[axis] + (taps - 1) * p->dilation[axis] + 1;
}

int64_t td_problem_macs(const td_problem *p) {
    int64_t macs = 1;
    for (int i = 0; i < TD_NDIM; i++) macs *= p->dim[i];
    return macs;
}

int64_t td_problem_words(const td_problem *p, td_tensor t) {
    const int32_t *d = p->dim;
    switch (t) {
    case TD_W: return (int64_t)d[TD_G] * d[TD_K] * d[TD_C] * d[TD_R] * d[TD_S];
    case TD_O: return (int64_t)d[TD_N] * d[TD_G] * d[TD_K] * d[TD_P] * d[TD_Q];
    case TD_I: {
        int64_t rows = extent(p, 0) - p->pad[0] - p->pad[2];
        int64_t columns = extent(p, 1) - p->pad[1] - p->pad[3];
        if (rows <= 0 || columns <= 0) return 0; /* every tap falls on made zeros */
        return (int64_t)d[TD_N] * d[TD_G] * d[TD_C] * rows * columns;
    }
    default: return 0;
    }
}

/* One dim for several, unless there are too many. */
static bool join(int32_t dim[TD_NDIM], td_dim into, td_dim a, td_dim b) {
    int64_t n = (int64_t)dim[into] * dim[a];
    if (n > INT32_MAX || n * dim[b] > INT32_MAX) return false;
    dim[into] = (int32_t)(n * dim[b]);
    dim[a] = dim[b] = 1;
    return true;
}

void td_problem_product(const td_problem *p, td_problem *out) {
    *out = *p;
    if (!join(out->dim, TD_C, TD_R, TD_S)) return;
    join(out->dim, TD_P, TD_N, TD_Q);
    for (int i = 0; i < 2; i++) out->stride[i] = out->dilation[i] = 1;
    for (int i = 0; i < 4; i++) out->pad[i] = 0;
}

/* Multiplies *product, unless the result would reach 2^62. */
static bool times(int64_t *product, int64_t factor) {
    return !__builtin_mul_overflow(*product, factor, product) && *product < INT64_C(1) << 62;
}

td_status td_problem_check(const td_problem *p, td_error *err) {
    for (int i = 0; i < TD_NDIM; i++)
        if (p->dim[i] < 1)
            return td_fail(err, TD_E_INPUT, "layer problem: %c is %d, expected at least 1",
                           td_dim_letter[i], p->dim[i]);
    for (int i = 0; i < 2; i++) {
        if (p->stride[i] < 1)
            return td_fail(err, TD_E_INPUT, "layer problem: stride is %d, expected at least 1",
                           p->stride[i]);
        if (p->dilation[i] < 1)
            return td_fail(err, TD_E_INPUT, "layer problem: dilation is %d, expected at least 1",
                           p->dilation[i]);
    }
    for (int i = 0; i < 4; i++)
        if (p->pad[i] < 0)
            return td_fail(err, TD_E_INPUT, "layer problem: padding is %d, expected at least 0",
                           p->pad[i]);
    for (int t = 0; t < TD_NTENSOR; t++)
        if (p->bits[t] < 1 || p->bits[t] > 64)
            return td_fail(err, TD_E_INPUT,
                           "layer problem: words of %c have %d bits, expected 1..64",
                           td_tensor_letter[t], p->bits[t]);
    if (p->acc_bits < 1 || p->acc_bits > 64)
        return td_fail(err, TD_E_INPUT, "layer problem: partial sums have %d bits, expected 1..64",
                       p->acc_bits);

    /* With both extents below 2^31 the rest of the library can count rows in 32 bits. */
    for (int i = 0; i < 2; i++)
        if (extent(p, i) > INT32_MAX)
            return td_fail(err, TD_E_INPUT, "layer problem: input %s exceed 2^31 - 1",
                           i == 0 ? "rows" : "columns");
    int64_t macs = 1, input = p->bits[TD_I], widest = p->acc_bits;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (p->bits[t] > widest) widest = p->bits[t];
    bool fits = true;
    for (int i = 0; i < TD_NDIM && fits; i++) fits = times(&macs, p->dim[i]);
    /* W and O have no more words than there are MACs. */
    int64_t weight = widest, output = widest;
    static const td_dim of_w[] = {TD_G, TD_K, TD_C, TD_R, TD_S};
    static const td_dim of_o[] = {TD_N, TD_G, TD_K, TD_P, TD_Q};
    for (int i = 0; i < 5 && fits; i++)
        fits = times(&weight, p->dim[of_w[i]]) && times(&output, p->dim[of_o[i]]);
    fits = fits && times(&input, p->dim[TD_N]) && times(&input, p->dim[TD_G]) &&
           times(&input, p->dim[TD_C]) && times(&input, extent(p, 0)) &&
           times(&input, extent(p, 1));
    if (!fits) return td_fail(err, TD_E_INPUT, "layer problem: its products exceed 2^62");
    return TD_OK;
}
