/* libFuzzer: any bytes as a topology of SCALE-Sim and as a workload of ZigZag. What is accepted can
 * be counted, and written as a network file that reads back as the same network. */
#include "tandem/net.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(td_net *net, td_arena *a) {
    if (net == NULL) return;
    td_net_totals t;
    td_net_count(net, &t);
    if (t.macs < 0 || t.params < 0) abort();
    for (int i = 0; i < td_net_size(net); i++) {
        td_problem p;
        if (td_layer_problem(net, i, 1, &p) && td_problem_macs(&p) != td_layer_macs(net, i))
            abort();
    }
    td_net *back = NULL;
    if (td_net_from_node(td_net_to_node(net, a), &back, NULL) != TD_OK) abort();
    if (td_net_hash(back) != td_net_hash(net)) abort();
    td_net_destroy(back);
    td_net_destroy(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_arena *a = td_arena_create();
    const td_node *doc = NULL;
    td_error err;
    td_net *net = NULL;
    if (td_net_from_scalesim((const char *)data, size, "fuzz.csv", &net, &err) == TD_OK)
        use(net, a);
    if (td_yaml_parse(a, (const char *)data, size, "fuzz", &doc, &err) == TD_OK &&
        td_net_from_zigzag(doc, "fuzz", &net, &err) == TD_OK)
        use(net, a);
    td_arena_destroy(a);
    return 0;
}
