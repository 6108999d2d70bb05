/* What a network costs, layer by layer, before any accelerator is looked at; and its file.
 *
 *     cc count_net.c -o count_net $(pkg-config --cflags --libs tandem)
 *     ./count_net mobilenetv2 > mobilenetv2.yaml
 */
#include <stdio.h>

#include "tandem/net.h"

int main(int argc, char **argv) {
    td_error err = {0};
    td_net *net = NULL;
    const char *name = argc > 1 ? argv[1] : "handmade";
    if (td_net_build(name, TD_DIM(0, 0, 0), 1.0, 0, &net, &err) != TD_OK) {
        fprintf(stderr, "%s\n", err.message);
        return td_status_exit_code(err.code);
    }
    for (int i = 0; i < td_net_size(net); i++) {
        td_problem p;
        char text[96];
        if (!td_layer_problem(net, i, 1, &p)) continue;
        td_problem_text(&p, text, sizeof text);
        fprintf(stderr, "%-24s %-44s %12lld MACs %9lld weights %9lld words in %9lld out\n",
                td_net_layer(net, i)->name, text, (long long)td_problem_macs(&p),
                (long long)td_problem_words(&p, TD_W), (long long)td_problem_words(&p, TD_I),
                (long long)td_problem_words(&p, TD_O));
    }
    td_net_totals t;
    td_net_count(net, &t);
    fprintf(stderr, "%s: %lld MACs, %lld parameters, %d layers, activations at most %lld bytes\n",
            name, (long long)t.macs, (long long)t.params, t.layers,
            (long long)t.activation_bytes_peak);

    td_arena *a = td_arena_create();
    td_text yaml = {0};
    td_node_to_yaml(td_net_to_node(net, a), &yaml);
    if (yaml.data != NULL) fputs(yaml.data, stdout);
    td_text_free(&yaml);
    td_arena_destroy(a);
    td_net_destroy(net);
    return 0;
}
