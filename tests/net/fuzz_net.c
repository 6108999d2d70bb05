/* libFuzzer: any bytes as a network file. What is accepted can be counted, hashed, folded and
 * written, and reads back as the same network. */
#include "tandem/net.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const td_net *net, td_arena *a) {
    if (td_net_check(net, NULL) != TD_OK) abort();
    td_net_totals t;
    td_net_count(net, &t);
    if (t.macs < 0 || t.params < 0 || t.weight_bytes < 0 || t.macs >= INT64_C(1) << 62) abort();
    if (t.activation_bytes_peak > t.activation_bytes_sum) abort();
    for (int i = 0; i < td_net_size(net); i++) {
        td_problem p;
        char text[128];
        if (!td_layer_problem(net, i, 1, &p)) continue;
        if (td_problem_macs(&p) != td_layer_macs(net, i)) abort();
        if (td_problem_check(&p, NULL) == TD_OK && td_problem_words(&p, TD_I) < 0) abort();
        td_problem_text(&p, text, sizeof text);
    }
    td_net *folded = NULL;
    if (td_net_fold_bn(net, NULL, &folded, NULL, NULL) != TD_OK) abort();
    td_net_destroy(folded);
    td_node *out = td_net_to_node(net, a);
    if (out == NULL) abort();
    td_net *back = NULL;
    if (td_net_from_node(out, &back, NULL) != TD_OK) abort();
    if (td_net_hash(back) != td_net_hash(net)) abort();
    td_net_destroy(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_arena *a = td_arena_create();
    const td_node *doc = NULL;
    td_error err;
    td_net *net = NULL;
    if (td_yaml_parse(a, (const char *)data, size, "fuzz", &doc, &err) == TD_OK &&
        td_net_from_node(doc, &net, &err) == TD_OK)
        use(net, a);
    td_net_destroy(net);
    td_arena_destroy(a);
    return 0;
}
