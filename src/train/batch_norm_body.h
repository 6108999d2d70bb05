/* batch_norm_body.h - the four passes of batch_norm.h for one instruction set and number type. No
 * include guard. Every pass walks stretches of `period` words; the last one may be shorter. */

/* act(z) */
TD__INLINE td__vf TD__NAME(act)(td__vf z, int act) {
    td__vf zero = {0};
    switch (act) {
    case TD_OP_RELU: return TD__NAME(where)(z > zero, z, zero);
    case TD_OP_RELU6: {
        td__vf six = zero + 6.0F;
        z = TD__NAME(where)(z > zero, z, zero);
        return TD__NAME(where)(z < six, z, six);
    }
    case TD_OP_HSWISH: {
        td__vf six = zero + 6.0F, g = z + 3.0F;
        g = TD__NAME(where)(g > zero, g, zero);
        g = TD__NAME(where)(g < six, g, six);
        return z * g * (1.0F / 6);
    }
    default: return z;
    }
}

/* d act'(z) */
TD__INLINE td__vf TD__NAME(slope)(td__vf z, td__vf d, int act) {
    td__vf zero = {0};
    switch (act) {
    case TD_OP_RELU: return (td__vf)((td__vi)d & (z > zero));
    case TD_OP_RELU6: return (td__vf)((td__vi)d & (z > zero) & (z < zero + 6.0F));
    case TD_OP_HSWISH: {
        td__vf s = (z + 1.5F) * (1.0F / 3);
        s = TD__NAME(where)(z >= zero + 3.0F, zero + 1.0F, s);
        return (td__vf)((td__vi)(d * s) & (z > zero - 3.0F));
    }
    default: return d;
    }
}

/* part1 += sum(x - pivot), part2 += sum((x - pivot)^2) over `groups` stretches. */
static void TD__NAME(stats)(const td__bn *bn, const void *px, int64_t groups) {
    const TD__ELEM *x = px;
    int64_t period = bn->period;
    for (int64_t j = 0; j < period; j += TD__LANES) {
        td__vf p = TD__NAME(loadf)(bn->pivot + j);
        td__vf s0 = {0}, s1 = {0}, q0 = {0}, q1 = {0};
        const TD__ELEM *at = x + j;
        int64_t g = 0;
        for (; g + 2 <= groups; g += 2, at += 2 * period) {
            td__vf u = TD__NAME(load)(at) - p, v = TD__NAME(load)(at + period) - p;
            s0 += u;
            s1 += v;
            q0 = TD__NAME(fma)(u, u, q0);
            q1 = TD__NAME(fma)(v, v, q1);
        }
        if (g < groups) {
            td__vf u = TD__NAME(load)(at) - p;
            s0 += u;
            q0 = TD__NAME(fma)(u, u, q0);
        }
        TD__NAME(storef)(bn->part1 + j, TD__NAME(loadf)(bn->part1 + j) + (s0 + s1));
        TD__NAME(storef)(bn->part2 + j, TD__NAME(loadf)(bn->part2 + j) + (q0 + q1));
    }
}

TD__INLINE void TD__NAME(apply_as)(const td__bn *bn, const TD__ELEM *x, TD__ELEM *y, int64_t groups,
                                   int act) {
    int64_t period = bn->period;
    for (int64_t g = 0; g < groups; g++, x += period, y += period)
        for (int64_t j = 0; j < period; j += TD__LANES) {
            td__vf z = TD__NAME(fma)(TD__NAME(load)(x + j), TD__NAME(loadf)(bn->a + j),
                                     TD__NAME(loadf)(bn->b + j));
            TD__NAME(store)(y + j, TD__NAME(act)(z, act));
        }
}

static void TD__NAME(apply)(const td__bn *bn, const void *x, void *y, int64_t groups) {
    switch (bn->act) {
    case TD_OP_RELU: TD__NAME(apply_as)(bn, x, y, groups, TD_OP_RELU); break;
    case TD_OP_RELU6: TD__NAME(apply_as)(bn, x, y, groups, TD_OP_RELU6); break;
    case TD_OP_HSWISH: TD__NAME(apply_as)(bn, x, y, groups, TD_OP_HSWISH); break;
    default: TD__NAME(apply_as)(bn, x, y, groups, TD_OP_BN);
    }
}

/* part1 += sum(dz), part2 += sum(dz (x - mean)) */
TD__INLINE void TD__NAME(reduce_as)(const td__bn *bn, const TD__ELEM *x, const TD__ELEM *dy,
                                    int64_t groups, int act) {
    int64_t period = bn->period;
    for (int64_t j = 0; j < period; j += TD__LANES) {
        td__vf a = TD__NAME(loadf)(bn->a + j), b = TD__NAME(loadf)(bn->b + j);
        td__vf m = TD__NAME(loadf)(bn->mean + j);
        td__vf s0 = {0}, s1 = {0}, q0 = {0}, q1 = {0};
        const TD__ELEM *px = x + j, *pd = dy + j;
        int64_t g = 0;
        for (; g + 2 <= groups; g += 2, px += 2 * period, pd += 2 * period) {
            td__vf u = TD__NAME(load)(px), v = TD__NAME(load)(px + period);
            td__vf du = TD__NAME(slope)(TD__NAME(fma)(u, a, b), TD__NAME(load)(pd), act);
            td__vf dv = TD__NAME(slope)(TD__NAME(fma)(v, a, b), TD__NAME(load)(pd + period), act);
            s0 += du;
            s1 += dv;
            q0 = TD__NAME(fma)(du, u - m, q0);
            q1 = TD__NAME(fma)(dv, v - m, q1);
        }
        if (g < groups) {
            td__vf u = TD__NAME(load)(px);
            td__vf du = TD__NAME(slope)(TD__NAME(fma)(u, a, b), TD__NAME(load)(pd), act);
            s0 += du;
            q0 = TD__NAME(fma)(du, u - m, q0);
        }
        TD__NAME(storef)(bn->part1 + j, TD__NAME(loadf)(bn->part1 + j) + (s0 + s1));
        TD__NAME(storef)(bn->part2 + j, TD__NAME(loadf)(bn->part2 + j) + (q0 + q1));
    }
}

static void TD__NAME(reduce)(const td__bn *bn, const void *x, const void *dy, int64_t groups) {
    switch (bn->act) {
    case TD_OP_RELU: TD__NAME(reduce_as)(bn, x, dy, groups, TD_OP_RELU); break;
    case TD_OP_RELU6: TD__NAME(reduce_as)(bn, x, dy, groups, TD_OP_RELU6); break;
    case TD_OP_HSWISH: TD__NAME(reduce_as)(bn, x, dy, groups, TD_OP_HSWISH); break;
    default: TD__NAME(reduce_as)(bn, x, dy, groups, TD_OP_BN);
    }
}

/* dx = a dz + c1 x + c0 */
TD__INLINE void TD__NAME(input_as)(const td__bn *bn, const TD__ELEM *x, const TD__ELEM *dy,
                                   TD__ELEM *dx, int64_t groups, int act) {
    int64_t period = bn->period;
    for (int64_t g = 0; g < groups; g++, x += period, dy += period, dx += period)
        for (int64_t j = 0; j < period; j += TD__LANES) {
            td__vf a = TD__NAME(loadf)(bn->a + j), u = TD__NAME(load)(x + j);
            td__vf d = TD__NAME(slope)(TD__NAME(fma)(u, a, TD__NAME(loadf)(bn->b + j)),
                                       TD__NAME(load)(dy + j), act);
            TD__NAME(store)
            (dx + j,
             TD__NAME(fma)(
                 a, d, TD__NAME(fma)(TD__NAME(loadf)(bn->c1 + j), u, TD__NAME(loadf)(bn->c0 + j))));
        }
}

static void TD__NAME(input)(const td__bn *bn, const void *x, const void *dy, void *dx,
                            int64_t groups) {
    switch (bn->act) {
    case TD_OP_RELU: TD__NAME(input_as)(bn, x, dy, dx, groups, TD_OP_RELU); break;
    case TD_OP_RELU6: TD__NAME(input_as)(bn, x, dy, dx, groups, TD_OP_RELU6); break;
    case TD_OP_HSWISH: TD__NAME(input_as)(bn, x, dy, dx, groups, TD_OP_HSWISH); break;
    default: TD__NAME(input_as)(bn, x, dy, dx, groups, TD_OP_BN);
    }
}

static const struct td__bn_functions TD__NAME(functions) = {TD__NAME(stats), TD__NAME(apply),
                                                            TD__NAME(reduce), TD__NAME(input)};
