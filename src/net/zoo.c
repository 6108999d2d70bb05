/* Whole networks by name. */
#include "zoo.h"

#include <string.h>

/* X(name, recipe, about). A new network is a recipe in a file of its family and one line here. The
 * counts are tested. */
#define NETWORKS(X)                                                                                \
    X("mobilenetv2", td__mobilenetv2,                                                              \
      "MobileNetV2, 3x224x224, 1000 classes: 300.8 M MACs, 3.50 M parameters")                     \
    X("mobilenetv3-large", td__mobilenetv3_large,                                                  \
      "MobileNetV3-Large, 3x224x224, 1000 classes: 216.6 M MACs, 5.48 M parameters")               \
    X("mobilenetv3-small", td__mobilenetv3_small,                                                  \
      "MobileNetV3-Small, 3x224x224, 1000 classes: 56.5 M MACs, 2.54 M parameters")                \
    X("resnet18", td__resnet18,                                                                    \
      "ResNet-18, 3x224x224, 1000 classes: 1.81 G MACs, 11.69 M parameters")                       \
    X("resnet34", td__resnet34,                                                                    \
      "ResNet-34, 3x224x224, 1000 classes: 3.66 G MACs, 21.80 M parameters")                       \
    X("resnet50", td__resnet50,                                                                    \
      "ResNet-50, 3x224x224, 1000 classes: 4.09 G MACs, 25.56 M parameters")                       \
    X("vgg16", td__vgg16, "VGG-16, 3x224x224, 1000 classes: 15.47 G MACs, 138.36 M parameters")    \
    X("efficientnet-b0", td__efficientnet[0],                                                      \
      "EfficientNet-B0, 3x224x224, 1000 classes: 385.8 M MACs, 5.29 M parameters")                 \
    X("efficientnet-b1", td__efficientnet[1],                                                      \
      "EfficientNet-B1, 3x240x240, 1000 classes: 686.8 M MACs, 7.79 M parameters")                 \
    X("efficientnet-b2", td__efficientnet[2],                                                      \
      "EfficientNet-B2, 3x260x260, 1000 classes: 993.6 M MACs, 9.11 M parameters")                 \
    X("efficientnet-b3", td__efficientnet[3],                                                      \
      "EfficientNet-B3, 3x300x300, 1000 classes: 1.83 G MACs, 12.23 M parameters")                 \
    X("efficientnet-b4", td__efficientnet[4],                                                      \
      "EfficientNet-B4, 3x380x380, 1000 classes: 4.39 G MACs, 19.34 M parameters")                 \
    X("efficientnet-b0-relu6", td__efficientnet_relu6[0],                                          \
      "EfficientNet-B0 without squeeze-excite, ReLU6, 3x224x224, 1000 classes: 385.2 M MACs, "     \
      "4.65 M parameters")                                                                         \
    X("efficientnet-b1-relu6", td__efficientnet_relu6[1],                                          \
      "EfficientNet-B1 without squeeze-excite, ReLU6, 3x240x240, 1000 classes: 685.7 M MACs, "     \
      "6.67 M parameters")                                                                         \
    X("efficientnet-b2-relu6", td__efficientnet_relu6[2],                                          \
      "EfficientNet-B2 without squeeze-excite, ReLU6, 3x260x260, 1000 classes: 992.2 M MACs, "     \
      "7.78 M parameters")                                                                         \
    X("efficientnet-b3-relu6", td__efficientnet_relu6[3],                                          \
      "EfficientNet-B3 without squeeze-excite, ReLU6, 3x300x300, 1000 classes: 1.83 G MACs, "      \
      "10.35 M parameters")                                                                        \
    X("efficientnet-b4-relu6", td__efficientnet_relu6[4],                                          \
      "EfficientNet-B4 without squeeze-excite, ReLU6, 3x380x380, 1000 classes: 4.39 G MACs, "      \
      "16.20 M parameters")                                                                        \
    X("efficientnet-lite0", td__efficientnet_lite[0],                                              \
      "EfficientNet-lite0, 3x224x224, 1000 classes: 385.2 M MACs, 4.65 M parameters")              \
    X("efficientnet-lite1", td__efficientnet_lite[1],                                              \
      "EfficientNet-lite1, 3x240x240, 1000 classes: 600.2 M MACs, 5.42 M parameters")              \
    X("efficientnet-lite2", td__efficientnet_lite[2],                                              \
      "EfficientNet-lite2, 3x260x260, 1000 classes: 859.7 M MACs, 6.09 M parameters")              \
    X("efficientnet-lite3", td__efficientnet_lite[3],                                              \
      "EfficientNet-lite3, 3x280x280, 1000 classes: 1.38 G MACs, 8.20 M parameters")               \
    X("efficientnet-lite4", td__efficientnet_lite[4],                                              \
      "EfficientNet-lite4, 3x300x300, 1000 classes: 2.55 G MACs, 13.01 M parameters")              \
    X("efficientnet-edgetpu-s", td__efficientnet_edgetpu[0],                                       \
      "EfficientNet-EdgeTPU-S, 3x224x224, 1001 classes: 1.79 G MACs, 5.44 M parameters")           \
    X("efficientnet-edgetpu-m", td__efficientnet_edgetpu[1],                                       \
      "EfficientNet-EdgeTPU-M, 3x240x240, 1001 classes: 3.01 G MACs, 6.90 M parameters")           \
    X("efficientnet-edgetpu-l", td__efficientnet_edgetpu[2],                                       \
      "EfficientNet-EdgeTPU-L, 3x300x300, 1001 classes: 7.94 G MACs, 10.59 M parameters")          \
    X("mobilenet-edgetpu", td__edgetpu_v1,                                                         \
      "MobileNetEdgeTPU, 3x224x224, 1001 classes: 990.7 M MACs, 4.09 M parameters")                \
    X("mobilenet-edgetpu-v2-tiny", td__edgetpu_v2[0],                                              \
      "MobileNetEdgeTPU v2 Tiny, 3x224x224, 1001 classes: 512.5 M MACs, 3.76 M parameters")        \
    X("mobilenet-edgetpu-v2-xs", td__edgetpu_v2[1],                                                \
      "MobileNetEdgeTPU v2 XS, 3x224x224, 1001 classes: 707.5 M MACs, 4.46 M parameters")          \
    X("mobilenet-edgetpu-v2-s", td__edgetpu_v2[2],                                                 \
      "MobileNetEdgeTPU v2 S, 3x224x224, 1001 classes: 1.20 G MACs, 5.99 M parameters")            \
    X("mobilenet-edgetpu-v2-m", td__edgetpu_v2[3],                                                 \
      "MobileNetEdgeTPU v2 M, 3x224x224, 1001 classes: 1.84 G MACs, 8.46 M parameters")            \
    X("mobilenet-edgetpu-v2-l", td__edgetpu_v2[4],                                                 \
      "MobileNetEdgeTPU v2 L, 3x224x224, 1001 classes: 2.53 G MACs, 10.92 M parameters")           \
    X("deeplabv3-mobilenetv2", td__deeplabv3,                                                      \
      "DeepLabV3 without ASPP, MobileNetV2, 3x513x513, 21 classes: 2.74 G MACs, 2.11 M "           \
      "parameters")                                                                                \
    X("deeplabv3-aspp-mobilenetv2", td__deeplabv3_aspp,                                            \
      "DeepLabV3, MobileNetV2, 3x513x513, 21 classes: 5.36 G MACs, 4.52 M parameters")             \
    X("deeplabv3plus-mobilenetv2", td__deeplabv3plus,                                              \
      "DeepLabV3+, MobileNetV2, output stride 16, 3x512x512, 32 classes: 4.67 G MACs, 2.23 M "     \
      "parameters")                                                                                \
    X("deeplabv3plus-mobilenetv2-os8", td__deeplabv3plus_8,                                        \
      "DeepLabV3+, MobileNetV2, output stride 8, 3x512x512, 32 classes: 10.74 G MACs, 2.23 M "     \
      "parameters")                                                                                \
    X("deeplabv3plus-edgetpu-v2-xs", td__deeplabv3plus_edgetpu[0],                                 \
      "DeepLabV3+, MobileNetEdgeTPU v2 XS, 3x512x512, 32 classes: 3.81 G MACs, 3.28 M parameters") \
    X("deeplabv3plus-edgetpu-v2-s", td__deeplabv3plus_edgetpu[1],                                  \
      "DeepLabV3+, MobileNetEdgeTPU v2 S, 3x512x512, 32 classes: 6.36 G MACs, 4.76 M parameters")  \
    X("deeplabv3plus-edgetpu-v2-m", td__deeplabv3plus_edgetpu[2],                                  \
      "DeepLabV3+, MobileNetEdgeTPU v2 M, 3x512x512, 32 classes: 9.67 G MACs, 7.12 M parameters")  \
    X("deeplabv3plus-edgetpu-v2-s-os16", td__deeplabv3plus_edgetpu_s_16,                           \
      "DeepLabV3+, MobileNetEdgeTPU v2 S, output stride 16, 3x512x512, 32 classes: 9.87 G MACs, "  \
      "4.76 M parameters")                                                                         \
    X("handmade", td__handmade, "MobileNetV2-like by hand for 28x28 and 32x32 images: 2.7 M MACs") \
    X("A", td__net_a, "inverted bottlenecks for 1x28x28, stem stride 1: 7.5 M MACs")               \
    X("B", td__net_b, "fused inverted bottlenecks for 1x28x28, stem stride 1: 12.8 M MACs")        \
    X("C", td__net_c, "inverted bottlenecks for 1x28x28, stem stride 2: 2.0 M MACs")

static const td_net_entry entries[] = {
#define TD_X(name, recipe, about) {name, about},
    NETWORKS(TD_X)
#undef TD_X
};
static const td__recipe *const recipes[] = {
#define TD_X(name, recipe, about) &recipe,
    NETWORKS(TD_X)
#undef TD_X
};
enum { N_ENTRIES = sizeof entries / sizeof entries[0] };

const td_net_entry *td_net_list(int *n) {
    if (n != NULL) *n = N_ENTRIES;
    return entries;
}

td_status td_net_build(const char *name, td_shape input, double width, int classes, td_net **net,
                       td_error *err) {
    *net = NULL;
    const td__recipe *r = NULL;
    if (name == NULL) name = "";
    for (int i = 0; i < N_ENTRIES; i++)
        if (strcmp(entries[i].name, name) == 0) r = recipes[i];
    if (r == NULL) {
        const char *known[N_ENTRIES];
        for (int i = 0; i < N_ENTRIES; i++) known[i] = entries[i].name;
        td_text text = {0};
        td_text_addf(&text, "there is no network \"%.64s\"", name);
        td_text_add_known(&text, name, known, N_ENTRIES);
        td_fail(err, TD_E_NOT_FOUND, "%s", text.data != NULL ? text.data : "no such network");
        td_text_free(&text);
        return TD_E_NOT_FOUND;
    }
    if (!(width > 0 && width <= 64))
        return td_fail(err, TD_E_USAGE, "network '%s': width %g is not in (0, 64]", name, width);
    if (classes < 0) return td_fail(err, TD_E_USAGE, "network '%s': %d classes", name, classes);
    if (input.c == 0) input.c = r->input.c;
    if (input.h == 0) input.h = r->input.h;
    if (input.w == 0) input.w = r->input.w;
    td_net *made = td__zoo_build(r, name, input, width, classes > 0 ? classes : r->classes);
    td_status status = td_net_check(made, err);
    if (status != TD_OK) {
        td_net_destroy(made);
        return status;
    }
    *net = made;
    return TD_OK;
}
