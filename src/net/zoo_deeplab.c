/* DeepLabV3 and V3+ on mobile networks. */
#include "zoo.h"

#define ON_MOBILENETV2(size, n, head)                                                              \
    {                                                                                              \
        .input = {3, size, size}, .classes = n, .stem_c = 32, .stem_stride = 2,                    \
        .rows = td__mobilenetv2_rows, .act = TD_OP_RELU6, .segmenter = &(head)                     \
    }

/* The MobileNetV2 paper's own (section 6.3, table 7): 513 pixels, 21 classes of PASCAL VOC, output
 * stride 16, no decoder, with and without dilated convolutions. */
static const td__segmenter v3 = {.output_stride = 16, .aspp_c = 256};
static const td__segmenter v3_aspp = {.output_stride = 16, .aspp_c = 256, .rates = {6, 12, 18}};
const td__recipe td__deeplabv3 = ON_MOBILENETV2(513, 21, v3);
const td__recipe td__deeplabv3_aspp = ON_MOBILENETV2(513, 21, v3_aspp);

/* Chen et al., "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation"
 * (DeepLabV3+), ECCV 2018, with the channels and rates of its version for 512 pixels and the 32
 * classes of ADE20K: tensorflow/models, official/projects/edgetpu/vision/configs/
 * semantic_segmentation_config.py. On MobileNetEdgeTPU v2 that takes the features at strides 32 and
 * 16. The others take them dilated, and those of stride 4 for the decoder, as the paper does; at
 * output stride 8 the rates are doubled, as there. */
#define V3PLUS(stride, low, a, b, c)                                                               \
    {                                                                                              \
        .output_stride = stride, .aspp_c = 128, .rates = {a, b, c}, .separable = true,             \
        .low_row = low, .low_c = 48, .decoder_c = 256                                              \
    }
static const td__segmenter v3plus = V3PLUS(16, 2, 5, 10, 15);
static const td__segmenter v3plus_8 = V3PLUS(8, 2, 10, 20, 30);
const td__recipe td__deeplabv3plus = ON_MOBILENETV2(512, 32, v3plus);
const td__recipe td__deeplabv3plus_8 = ON_MOBILENETV2(512, 32, v3plus_8);

#define ON_EDGETPU(table, stem, head)                                                              \
    {                                                                                              \
        .input = {3, 512, 512}, .classes = 32, .stem_c = stem, .stem_stride = 2, .stem_kernel = 5, \
        .rows = table, .act = TD_OP_RELU, .segmenter = &(head)                                     \
    }
static const td__segmenter edgetpu = V3PLUS(32, 11, 5, 10, 15);
static const td__segmenter edgetpu_16 = V3PLUS(16, 3, 5, 10, 15);
const td__recipe td__deeplabv3plus_edgetpu[3] = {ON_EDGETPU(td__edgetpu_v2_xs_rows, 32, edgetpu),
                                                 ON_EDGETPU(td__edgetpu_v2_s_rows, 64, edgetpu),
                                                 ON_EDGETPU(td__edgetpu_v2_m_rows, 64, edgetpu)};
const td__recipe td__deeplabv3plus_edgetpu_s_16 = ON_EDGETPU(td__edgetpu_v2_s_rows, 64, edgetpu_16);
