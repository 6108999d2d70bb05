/* EfficientNet, and what was made of it for accelerators. */
#include "zoo.h"

/* Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML
 * 2019, table 1. Widths, depths and sizes of B1 to B4: the authors' efficientnet_builder.py
 * (tensorflow/tpu, models/official/efficientnet). */
#define ROWS(se)                                                                                   \
    {                                                                                              \
        {TD__IBN, 3, 1, 16, 1, 1, se}, {TD__IBN, 3, 6, 24, 2, 2, se},                              \
            {TD__IBN, 5, 6, 40, 2, 2, se}, {TD__IBN, 3, 6, 80, 3, 2, se},                          \
            {TD__IBN, 5, 6, 112, 3, 1, se}, {TD__IBN, 5, 6, 192, 4, 2, se},                        \
            {TD__IBN, 3, 6, 320, 1, 1, se}, {                                                      \
            0                                                                                      \
        }                                                                                          \
    }
static const td__row with_se[] = ROWS(0.25), without_se[] = ROWS(0);

#define EFFICIENTNET(table, size, w, d, op, fixed)                                                 \
    {                                                                                              \
        .input = {3, size, size}, .classes = 1000, .width = w, .depth = d, .ends_fixed = fixed,    \
        .stem_c = 32, .stem_stride = 2, .rows = table, .head_c = 1280, .head_shrinks = true,       \
        .act = op                                                                                  \
    }
#define B(size, w, d) EFFICIENTNET(with_se, size, w, d, TD_OP_SWISH, false)
const td__recipe td__efficientnet[5] = {B(224, 1, 1), B(240, 1, 1.1), B(260, 1.1, 1.2),
                                        B(300, 1.2, 1.4), B(380, 1.4, 1.8)};

/* Without squeeze-excite and with ReLU6 for swish, all else as it was. */
#define RELU6(size, w, d) EFFICIENTNET(without_se, size, w, d, TD_OP_RELU6, false)
const td__recipe td__efficientnet_relu6[5] = {RELU6(224, 1, 1), RELU6(240, 1, 1.1),
                                              RELU6(260, 1.1, 1.2), RELU6(300, 1.2, 1.4),
                                              RELU6(380, 1.4, 1.8)};

/* EfficientNet-lite (the same repository, lite/efficientnet_lite_builder.py): so, and the ends are
 * not scaled, at smaller images. */
#define LITE(size, w, d) EFFICIENTNET(without_se, size, w, d, TD_OP_RELU6, true)
const td__recipe td__efficientnet_lite[5] = {LITE(224, 1, 1), LITE(240, 1, 1.1),
                                             LITE(260, 1.1, 1.2), LITE(280, 1.2, 1.4),
                                             LITE(300, 1.4, 1.8)};

/* EfficientNet-EdgeTPU (the same repository, edgetpu/efficientnet_edgetpu_builder.py): fused blocks
 * where sides are long. The first one expands the 24 channels that it makes, not the stem's. */
static const td__row edgetpu[] = {
    {TD__FUSED, 3, 4, 24, 1, 1, .expanded_of = 24, .no_residual = true},
    {TD__FUSED, 3, 8, 32, 2, 2},
    {TD__FUSED, 3, 8, 48, 4, 2},
    {TD__IBN, 5, 8, 96, 5, 2},
    {TD__IBN, 5, 8, 144, 4, 1},
    {TD__IBN, 5, 8, 192, 2, 2},
    {0}};
#define EDGETPU(size, w, d)                                                                        \
    {                                                                                              \
        .input = {3, size, size}, .classes = 1001, .width = w, .depth = d, .stem_c = 32,           \
        .stem_stride = 2, .rows = edgetpu, .head_c = 1280, .head_shrinks = true, .act = TD_OP_RELU \
    }
const td__recipe td__efficientnet_edgetpu[3] = {EDGETPU(224, 1, 1), EDGETPU(240, 1, 1.1),
                                                EDGETPU(300, 1.2, 1.4)};
