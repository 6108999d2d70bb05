/* zoo.h - whole networks as data: a stem, rows of blocks, and a head that classifies images or
 * segments them. One file of data per family (zoo_*.c), built by zoo_build.c, named in zoo.c. */
#ifndef TANDEM_NET_ZOO_H
#define TANDEM_NET_ZOO_H

#include "tandem/net.h"

/* IBN, FUSED: td_block. PROJECT: the 1x1 convolution that is left of an inverted bottleneck without
 * expansion and depthwise convolution. BASIC: two convolutions; BOTTLENECK: 1x1, k x k and 1x1 with
 * out_c / expansion channels inside; both with a shortcut in every block, that is a convolution
 * where shapes differ. PLAIN: n convolutions with bias and activation, then a 2x2 max pool. */
typedef enum { TD__IBN, TD__FUSED, TD__PROJECT, TD__BASIC, TD__BOTTLENECK, TD__PLAIN } td__row_kind;

/* n blocks; the stride is the first one's. */
typedef struct {
    td__row_kind kind;
    int kernel;
    double expansion; /* channels inside are rounded to multiples of 8 */
    int out_c, n, stride;
    double se;       /* squeeze-excite, 0: none; the recipe says of what it is a fraction */
    td_op act;       /* 0: the recipe's */
    int group_size;  /* FUSED: channels inside per group; 0: one group */
    int expanded_of; /* the expansion is of so many channels; 0: of those of the input */
    bool no_residual;
} td__row;

/* Semantic segmentation: atrous spatial pyramid pooling (ASPP) on the last rows' features, a
 * decoder that joins it with those of an early row, one score per class and pixel of the image. */
typedef struct {
    int output_stride; /* later strides become dilations */
    int aspp_c, rates[4];
    bool separable; /* k x k convolutions of ASPP are depthwise and pointwise ones */
    int low_row;    /* the decoder takes the features behind so many rows; 0: no decoder */
    int low_c, decoder_c;
} td__segmenter;

typedef struct {
    td_shape input;
    int classes;
    double width, depth; /* of the rows below, 0: 1; blocks are rounded up */
    bool ends_fixed;     /* they leave stem, head, and the blocks of the first and last row alone */
    int stem_c, stem_stride, stem_kernel; /* kernel 0: 3; c 0: no stem */
    bool stem_pool;                       /* 3x3 s2 behind it */
    const td__row *rows;                  /* ends with n = 0 */
    td_op act;
    bool se_of_inside;     /* of the channels inside, to multiples of 8; else of the input's */
    td_op se_act, se_gate; /* 0: as of td_block */
    int head_c;            /* 1x1 convolution before the pool; 0: none */
    bool head_shrinks;     /* false: a width below 1 leaves it as it is */
    int feature_c;         /* fc with activation behind the pool, does not shrink; 0: none */
    int dense_c,
        dense_n; /* so many fc with activation on all positions, in the place of the pool */
    const td__segmenter *segmenter; /* in the place of pool and classifier */
} td__recipe;

/* The network of a recipe; faults stick (td_net_check). NULL: memory. */
td_net *td__zoo_build(const td__recipe *r, const char *name, td_shape input, double width,
                      int classes);

/* Rows that several families build on. */
extern const td__row td__mobilenetv2_rows[];
extern const td__row td__edgetpu_v2_xs_rows[], td__edgetpu_v2_s_rows[], td__edgetpu_v2_m_rows[];

extern const td__recipe td__mobilenetv2, td__mobilenetv3_large, td__mobilenetv3_small;
extern const td__recipe td__resnet18, td__resnet34, td__resnet50;
extern const td__recipe td__vgg16;
extern const td__recipe td__efficientnet[5], td__efficientnet_relu6[5], td__efficientnet_lite[5];
extern const td__recipe td__efficientnet_edgetpu[3];       /* S, M, L */
extern const td__recipe td__edgetpu_v1, td__edgetpu_v2[5]; /* Tiny, XS, S, M, L */
extern const td__recipe td__deeplabv3, td__deeplabv3_aspp;
extern const td__recipe td__deeplabv3plus, td__deeplabv3plus_8; /* output stride 16, 8 */
extern const td__recipe td__deeplabv3plus_edgetpu[3];           /* XS, S, M */
extern const td__recipe td__deeplabv3plus_edgetpu_s_16;
extern const td__recipe td__handmade, td__net_a, td__net_b, td__net_c;

#endif
