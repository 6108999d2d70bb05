/* MobileNetV2 and V3. */
#include "zoo.h"

/* Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2. */
const td__row td__mobilenetv2_rows[] = {{TD__IBN, 3, 1, 16, 1, 1},  {TD__IBN, 3, 6, 24, 2, 2},
                                        {TD__IBN, 3, 6, 32, 3, 2},  {TD__IBN, 3, 6, 64, 4, 2},
                                        {TD__IBN, 3, 6, 96, 3, 1},  {TD__IBN, 3, 6, 160, 3, 2},
                                        {TD__IBN, 3, 6, 320, 1, 1}, {0}};

const td__recipe td__mobilenetv2 = {.input = {3, 224, 224},
                                    .classes = 1000,
                                    .stem_c = 32,
                                    .stem_stride = 2,
                                    .rows = td__mobilenetv2_rows,
                                    .head_c = 1280,
                                    .act = TD_OP_RELU6};

/* Howard et al., "Searching for MobileNetV3", ICCV 2019, tables 1 and 2, with the expansions of the
 * authors' definition (tensorflow/models, research/slim/nets/mobilenet/mobilenet_v3.py):
 * squeeze-excite to a quarter of the channels inside, ReLU there, gated by a hard sigmoid. */
#define SE 0.25
#define RELU .act = TD_OP_RELU
static const td__row large[] = {
    {TD__IBN, 3, 1, 16, 1, 1, RELU},    {TD__IBN, 3, 4, 24, 1, 2, RELU},
    {TD__IBN, 3, 3, 24, 1, 1, RELU},    {TD__IBN, 5, 3, 40, 3, 2, SE, RELU},
    {TD__IBN, 3, 6, 80, 1, 2},          {TD__IBN, 3, 2.5, 80, 1, 1},
    {TD__IBN, 3, 184.0 / 80, 80, 2, 1}, {TD__IBN, 3, 6, 112, 2, 1, SE},
    {TD__IBN, 5, 6, 160, 3, 2, SE},     {0}};
static const td__row small[] = {
    {TD__IBN, 3, 1, 16, 1, 2, SE, RELU},     {TD__IBN, 3, 4.5, 24, 1, 2, RELU},
    {TD__IBN, 3, 88.0 / 24, 24, 1, 1, RELU}, {TD__IBN, 5, 4, 40, 1, 2, SE},
    {TD__IBN, 5, 6, 40, 2, 1, SE},           {TD__IBN, 5, 3, 48, 2, 1, SE},
    {TD__IBN, 5, 6, 96, 3, 2, SE},           {0}};
#define MOBILENETV3(table, head, features)                                                         \
    {                                                                                              \
        .input = {3, 224, 224}, .classes = 1000, .stem_c = 16, .stem_stride = 2, .rows = table,    \
        .head_c = head, .head_shrinks = true, .feature_c = features, .act = TD_OP_HSWISH,          \
        .se_of_inside = true, .se_act = TD_OP_RELU, .se_gate = TD_OP_HSIGMOID                      \
    }
const td__recipe td__mobilenetv3_large = MOBILENETV3(large, 960, 1280);
const td__recipe td__mobilenetv3_small = MOBILENETV3(small, 576, 1024);
