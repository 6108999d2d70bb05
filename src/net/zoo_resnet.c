/* He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, table 1; of a bottleneck
 * that halves the sides the 3x3 has the stride, as everybody's weights have it ("v1.5"). */
#include "zoo.h"

#define RESNET(block, wider, n1, n2, n3, n4)                                                       \
    {                                                                                              \
        .input = {3, 224, 224}, .classes = 1000, .stem_c = 64, .stem_stride = 2, .stem_kernel = 7, \
        .stem_pool = true,                                                                         \
        .rows = (const td__row[]){{block, 3, wider, 64 * wider, n1, 1},                            \
                                  {block, 3, wider, 128 * wider, n2, 2},                           \
                                  {block, 3, wider, 256 * wider, n3, 2},                           \
                                  {block, 3, wider, 512 * wider, n4, 2},                           \
                                  {0}},                                                            \
        .act = TD_OP_RELU                                                                          \
    }

const td__recipe td__resnet18 = RESNET(TD__BASIC, 1, 2, 2, 2, 2);
const td__recipe td__resnet34 = RESNET(TD__BASIC, 1, 3, 4, 6, 3);
const td__recipe td__resnet50 = RESNET(TD__BOTTLENECK, 4, 3, 4, 6, 3);
