/* Every topology of SCALE-Sim and every workload of ZigZag beside the checkout, read as a network:
 * MACs are those that the other program counts. */
#include "common.h"

#include "tandem/net.h"

static td_net *load(const char *path) {
    td_net *net = NULL;
    td_error err = {0};
    assert_ok(td_net_load(path, NULL, &net, &err), &err);
    return net;
}

static void topologies(void **state) {
    (void)state;
    static const char *const name[] = {"Resnet18",  "alexnet",         "mini",
                                       "mobilenet", "resnet18_padded", "vit_s"};
    const char *totals = shared_path("reference/peers/scalesim/network_totals.json");
    if (totals == NULL) skip();
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_error err = {0};
    assert_ok(td_node_load(a, totals, &doc, &err), &err);
    int seen = 0;
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        char file[128];
        snprintf(file, sizeof file, "reference/peers/scalesim/topologies/%s.csv", name[i]);
        const char *path = shared_path(file);
        const td_node *of = td_node_find(doc, name[i]);
        if (path == NULL || of == NULL || of->count == 0) continue;
        td_net *net = load(path);
        td_net_totals t;
        td_net_count(net, &t);
        if (t.macs != td_node_find(of->item[0], "macs")->integer)
            fail_msg("%s: %lld MACs", name[i], (long long)t.macs);
        td_net_destroy(net);
        seen++;
    }
    td_arena_destroy(a);
    assert_true(seen >= 4);
}

/* The loops of ZigZag's own file, multiplied. */
static void workload(void **state) {
    (void)state;
    const char *path = shared_path("reference/peers/zigzag/workload/resnet18.yaml");
    if (path == NULL) skip();
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_error err = {0};
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    td_net *net = load(path);
    assert_string_equal(td_net_name(net), "resnet18");
    assert_int_equal(td_net_size(net), doc->count + 1);
    for (int i = 0; i < doc->count; i++) {
        const td_node *sizes = td_node_find(doc->item[i], "loop_sizes");
        int64_t product = 1;
        for (int k = 0; k < sizes->count; k++) product *= sizes->item[k]->integer;
        if (strncmp(td_node_find(doc->item[i], "operator_type")->text, "Conv", 4) != 0) product = 0;
        assert_int_equal(td_layer_macs(net, i + 1), product);
    }
    td_net_destroy(net);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(topologies), cmocka_unit_test(workload)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
