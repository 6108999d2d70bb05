/* MobileNetEdgeTPU: fused blocks where sides are long, no squeeze-excite, ReLU (tensorflow/models,
 * official/projects/edgetpu/vision/modeling). */
#include "zoo.h"

/* mobilenet_edgetpu_v1_model_blocks.py. Its blocks without a depthwise convolution expand by a 3x3
 * one, which makes them fused. */
static const td__row v1[] = {{TD__PROJECT, 1, 1, 16, 1, 1},
                             {TD__FUSED, 3, 8, 32, 1, 2},
                             {TD__FUSED, 3, 4, 32, 3, 1},
                             {TD__FUSED, 3, 8, 48, 1, 2},
                             {TD__FUSED, 3, 4, 48, 3, 1},
                             {TD__IBN, 3, 8, 96, 1, 2},
                             {TD__IBN, 3, 4, 96, 3, 1},
                             {TD__IBN, 3, 8, 96, 1, 1, .no_residual = true},
                             {TD__IBN, 3, 4, 96, 3, 1},
                             {TD__IBN, 5, 8, 160, 1, 2},
                             {TD__IBN, 5, 4, 160, 3, 1},
                             {TD__IBN, 3, 8, 192, 1, 1},
                             {0}};
const td__recipe td__edgetpu_v1 = {.input = {3, 224, 224},
                                   .classes = 1001,
                                   .stem_c = 32,
                                   .stem_stride = 2,
                                   .rows = v1,
                                   .head_c = 1280,
                                   .act = TD_OP_RELU};

/* mobilenet_edgetpu_v2_model_blocks.py: seven groups of blocks by their channels; `size` channels
 * to a group of the grouped convolutions, which the Tiny network has at three more places. */
#define ROWS(c1, c2, c3, c4, c5, c6, c7, size, size3a, size3c, size4a)                             \
    {                                                                                              \
        {TD__PROJECT, 1, 1, c1, 1, 1}, {TD__FUSED, 3, 8, c2, 1, 2},                                \
            {TD__FUSED, 3, 4, c2, 1, 1, .group_size = size},                                       \
            {TD__FUSED, 3, 8, c3, 1, 2, .group_size = size3a},                                     \
            {TD__FUSED, 3, 4, c3, 1, 1, .group_size = size},                                       \
            {TD__FUSED, 3, 4, c3, 1, 1, .group_size = size3c},                                     \
            {TD__FUSED, 3, 4, c3, 1, 1, .group_size = size},                                       \
            {TD__FUSED, 3, 8, c4, 1, 2, .group_size = size4a}, {TD__IBN, 3, 4, c4, 3, 1},          \
            {TD__IBN, 3, 8, c5, 1, 1}, {TD__IBN, 3, 4, c5, 3, 1}, {TD__IBN, 3, 8, c6, 1, 2},       \
            {TD__IBN, 3, 4, c6, 3, 1}, {TD__IBN, 3, 8, c7, 1, 1}, {                                \
            0                                                                                      \
        }                                                                                          \
    }
static const td__row tiny[] = ROWS(16, 32, 48, 80, 112, 160, 192, 64, 64, 64, 64);
const td__row td__edgetpu_v2_xs_rows[] = ROWS(16, 32, 48, 96, 144, 160, 192, 64, 0, 0, 0);
const td__row td__edgetpu_v2_s_rows[] = ROWS(24, 48, 64, 128, 160, 192, 256, 64, 0, 0, 0);
const td__row td__edgetpu_v2_m_rows[] = ROWS(32, 64, 80, 160, 192, 240, 320, 64, 0, 0, 0);
static const td__row l[] = ROWS(32, 64, 96, 192, 240, 256, 384, 128, 0, 0, 0);

#define V2(table, stem, kernel, head)                                                              \
    {                                                                                              \
        .input = {3, 224, 224}, .classes = 1001, .stem_c = stem, .stem_stride = 2,                 \
        .stem_kernel = kernel, .rows = table, .head_c = head, .head_shrinks = true,                \
        .act = TD_OP_RELU                                                                          \
    }
const td__recipe td__edgetpu_v2[5] = {V2(tiny, 32, 5, 1280),
                                      V2(td__edgetpu_v2_xs_rows, 32, 5, 1280),
                                      V2(td__edgetpu_v2_s_rows, 64, 5, 1280),
                                      V2(td__edgetpu_v2_m_rows, 64, 5, 1344), V2(l, 64, 7, 1408)};
