/* What spaces there are. A network space that ships is a recipe's map as text: its keys stand in
 * where a recipe leaves them out. */
#include <string.h>

#include "space_bits.h"

/* Around network C of the training notes (28x28 grey images): C is the point with depths 1, 2, 2,
 * widths of 1 and its kernels and expansions. */
#define IBN(name, kernel, fused)                                                                   \
    "space: " name "\n"                                                                            \
    "input: [1, 28, 28]\n"                                                                         \
    "classes: 10\n"                                                                                \
    "stem: {channels: 16, stride: 2, kernel: 3}\n"                                                 \
    "stages:\n"                                                                                    \
    "  - {channels: 16, stride: 1, depth: [1], expansion: [1]}\n"                                  \
    "  - {channels: 24, stride: 2, depth: [1, 2, 3]}\n"                                            \
    "  - {channels: 32, stride: 1, depth: [1, 2, 3]}\n"                                            \
    "kernel: " kernel "\n"                                                                         \
    "expansion: [3, 6]\n"                                                                          \
    "width: [0.5, 0.75, 1.0, 1.25]\n"                                                              \
    "fused: " fused "\n"                                                                           \
    "groups: 1\n"                                                                                  \
    "head: 128\n"                                                                                  \
    "act: relu\n"                                                                                  \
    "divisor: 8\n"

/* The spaces of NAHAS (Zhou et al., arXiv 2102.08619, section 4) over published skeletons. S1:
 * MobileNetV2's (Sandler et al., CVPR 2018, table 2). S2: EfficientNet-B0's (Tan and Le, ICML 2019,
 * table 1) without squeeze-excite and swish. S3: that of S2 with the operator, groups and filters.
 * The published depths are the deepest; the first block of a stage always stands. */
#define SKELETON(name, stages, all)                                                                \
    "space: " name "\n"                                                                            \
    "input: [3, 224, 224]\n"                                                                       \
    "classes: 1000\n"                                                                              \
    "min_map: 3\n"                                                                                 \
    "stem: {channels: 32, stride: 2, kernel: 3}\n"                                                 \
    "stages:\n" stages "kernel: [3, 5, 7]\n"                                                       \
    "expansion: [3, 6]\n" all "head: 1280\n"                                                       \
    "act: relu6\n"                                                                                 \
    "divisor: 8\n"
#define STAGE(channels, stride, depth)                                                             \
    "  - {channels: " #channels ", stride: " #stride ", depth: " depth "}\n"
#define FIRST_STAGE "  - {channels: 16, stride: 1, depth: [1], expansion: [1]}\n"
#define MOBILENETV2                                                                                \
    FIRST_STAGE                                                                                    \
    STAGE(24, 2, "[1, 2]")                                                                         \
    STAGE(32, 2, "[1, 2, 3]")                                                                      \
    STAGE(64, 2, "[1, 2, 3, 4]")                                                                   \
    STAGE(96, 1, "[1, 2, 3]")                                                                      \
    STAGE(160, 2, "[1, 2, 3]")                                                                     \
    STAGE(320, 1, "[1]")
#define EFFICIENTNET_B0                                                                            \
    FIRST_STAGE                                                                                    \
    STAGE(24, 2, "[1, 2]")                                                                         \
    STAGE(40, 2, "[1, 2]")                                                                         \
    STAGE(80, 2, "[1, 2, 3]")                                                                      \
    STAGE(112, 1, "[1, 2, 3]")                                                                     \
    STAGE(192, 2, "[1, 2, 3, 4]")                                                                  \
    STAGE(320, 1, "[1]")
#define IBN_ONLY "width: 1\nfused: false\ngroups: 1\n"
#define EVOLVED "width: [0.5, 0.75, 1.0, 1.25, 1.5]\nfused: [false, true]\ngroups: [1, 2, 4]\n"

/* NAS-Bench-Macro (Su et al. 2021, arXiv 2103.11922): 3^8 networks for CIFAR-10. */
#define MACRO                                                                                      \
    "space: blocks\n"                                                                              \
    "input: [3, 32, 32]\n"                                                                         \
    "classes: 10\n"                                                                                \
    "stem: {channels: 32, stride: 1, kernel: 3}\n"                                                 \
    "operators:\n"                                                                                 \
    "  identity: {op: identity}\n"                                                                 \
    "  mb3_k3: {op: ibn, kernel: 3, expansion: 3}\n"                                               \
    "  mb6_k5: {op: ibn, kernel: 5, expansion: 6}\n"                                               \
    "layers:\n"                                                                                    \
    "  - {channels: 64, stride: 2, repeat: 2}\n"                                                   \
    "  - {channels: 128, stride: 2, repeat: 3}\n"                                                  \
    "  - {channels: 256, stride: 2, repeat: 3}\n"                                                  \
    "head: 1280\n"                                                                                 \
    "act: relu\n"

/* X(name, is it a network space, its maker, default text, about). A new shipped space is one line
 * here. */
#define SPACES(X)                                                                                  \
    X("ibn", true, td__space_ibn, IBN("ibn", "[3, 5, 7]", "false"),                                \
      "inverted bottlenecks for 28x28 images: width, depth, kernels, expansions")                  \
    X("ibn-fused", true, td__space_ibn, IBN("ibn-fused", "[3, 5]", "[false, true]"),               \
      "ibn with the choice of inverted or fused bottleneck per block")                             \
    X("ibn-mobilenetv2", true, td__space_ibn, SKELETON("ibn-mobilenetv2", MOBILENETV2, IBN_ONLY),  \
      "inverted bottlenecks over MobileNetV2's stages, 224x224: depth, kernels, expansions")       \
    X("ibn-efficientnet", true, td__space_ibn,                                                     \
      SKELETON("ibn-efficientnet", EFFICIENTNET_B0, IBN_ONLY),                                     \
      "the same over EfficientNet-B0's, no squeeze-excite, ReLU6")                                 \
    X("ibn-evolved", true, td__space_ibn, SKELETON("ibn-evolved", EFFICIENTNET_B0, EVOLVED),       \
      "ibn-efficientnet with fused or inverted bottlenecks, groups, width per stage")              \
    X("blocks", true, td__space_blocks, MACRO,                                                     \
      "layers that choose among named operators; as shipped: NAS-Bench-Macro, for CIFAR-10")       \
    X("micro", false, NULL, NULL,                                                                  \
      "small accelerators of the edge template at 22 nm: 32 to 2,048 MACs per cycle")              \
    X("edge", false, NULL, NULL,                                                                   \
      "large ones of the same template: 64 to 65,536, around one like the Edge TPU")               \
    X("eyeriss", false, NULL, NULL,                                                                \
      "arrays of 168 PEs and the storage of Eyeriss, divided otherwise (template spatial-array)")

static const td_space_entry entries[] = {
#define TD_X(name, network, maker, text, about) {name, about, network, text},
    SPACES(TD_X)
#undef TD_X
};
static td_status (*const makers[])(const td_node *n, const td_node *defaults, td_arena *a,
                                   td_space **out, td_error *err) = {
#define TD_X(name, network, maker, text, about) maker,
    SPACES(TD_X)
#undef TD_X
};
enum { N_SPACES = sizeof entries / sizeof entries[0] };

const td_space_entry *td_space_list(int *n) {
    if (n != NULL) *n = N_SPACES;
    return entries;
}

static int find_entry(const char *name) {
    for (int i = 0; i < N_SPACES; i++)
        if (strcmp(entries[i].name, name) == 0) return i;
    return -1;
}

static td_status parse_text(int i, td_arena *a, const td_node **doc, td_error *err) {
    return td_yaml_parse(a, entries[i].keys, strlen(entries[i].keys), entries[i].name, doc, err);
}

/* at: the node of a recipe that has the name; NULL: the command line. */
static td_status fail_unknown(const td_node *at, const char *name, td_error *err) {
    const char *known[N_SPACES + 2];
    int n = 0;
    for (int i = 0; i < N_SPACES; i++)
        if (at == NULL || entries[i].network) known[n++] = entries[i].name;
    if (at != NULL) known[n++] = "fixed";
    if (at != NULL) known[n++] = "workload";
    td_text text = {0};
    td_text_addf(&text, "there is no space \"%.64s\"", name);
    td_text_add_known(&text, name, known, n);
    const char *message = text.data != NULL ? text.data : "no such space";
    td_status s = at != NULL ? td_node_fail(at, err, "%s", message)
                             : td_fail(err, TD_E_NOT_FOUND, "%s", message);
    td_text_free(&text);
    return s;
}

td_status td_space_net_from_node(const td_node *n, td_arena *a, td_space **out, td_error *err) {
    const char *name;
    *out = NULL;
    td_status s = td_node_get_string(n, "space", &name, err);
    if (s != TD_OK) return s;
    if (strcmp(name, "fixed") == 0) return td__space_fixed_net(n, a, out, err);
    if (strcmp(name, "workload") == 0) return td__space_workload(n, a, out, err);
    int i = find_entry(name);
    if (i < 0 || !entries[i].network) return fail_unknown(td_node_find(n, "space"), name, err);
    const td_node *defaults;
    s = parse_text(i, a, &defaults, err);
    return s == TD_OK ? makers[i](n, defaults, a, out, err) : s;
}

td_status td_space_hw_from_node(const td_node *n, td_arena *a, td_space **out, td_error *err) {
    *out = NULL;
    const td_node *name = td_node_find(n, "space");
    bool fixed = name != NULL && name->kind == TD_STRING && strcmp(name->text, "fixed") == 0;
    return fixed ? td__space_fixed_hw(n, a, out, err) : td__space_template(n, a, out, err);
}

td_status td_space_by_name(const char *name, td_arena *a, td_space **out, td_error *err) {
    *out = NULL;
    int i = find_entry(name);
    if (i < 0) return fail_unknown(NULL, name, err);
    if (entries[i].network) {
        const td_node *n;
        td_status s = parse_text(i, a, &n, err);
        return s == TD_OK ? td_space_net_from_node(n, a, out, err) : s;
    }
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "space", name);
    if (n == NULL || n->count != 1) return td_fail(err, TD_E_MEMORY, "out of memory");
    return td_space_hw_from_node(n, a, out, err);
}
