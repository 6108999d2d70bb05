/* libFuzzer: any bytes as an ONNX model. What is accepted can be counted and hashed, and written as
 * a network file that reads back as the same network. */
#include "tandem/net.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const td_net *net, td_arena *a) {
    if (td_net_check(net, NULL) != TD_OK) abort();
    td_net_totals t;
    td_net_count(net, &t);
    if (t.macs < 0 || t.params < 0 || t.weight_bytes < 0 || t.macs >= INT64_C(1) << 62) abort();
    for (int i = 0; i < td_net_size(net); i++) {
        td_problem p;
        char text[128];
        for (int k = 0; k < td_net_layer(net, i)->n_inputs; k++) {
            double share = td_layer_input_share(net, i, k);
            if (!(share > 0 && share <= 1)) abort();
        }
        if (!td_layer_problem(net, i, 1, &p)) continue;
        if (td_problem_macs(&p) != td_layer_macs(net, i)) abort();
        td_problem_text(&p, text, sizeof text);
    }
    td_node *out = td_net_to_node(net, a);
    if (out == NULL) abort();
    td_net *back = NULL;
    if (td_net_from_node(out, &back, NULL) != TD_OK) abort();
    if (td_net_hash(back) != td_net_hash(net)) abort();
    td_net_destroy(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_arena *a = td_arena_create();
    td_error err;
    td_net *net = NULL;
    td_text told = {0};
    td_onnx_options o = {.skip_unknown = size % 2 == 0, .told = &told};
    td_status s = td_onnx_parse(data, size, "fuzz.onnx", &o, &net, &err);
    if ((s == TD_OK) != (net != NULL)) abort();
    if (net != NULL) use(net, a);
    td_text_free(&told);
    td_net_destroy(net);
    td_arena_destroy(a);
    return 0;
}
