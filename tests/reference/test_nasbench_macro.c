/* The shipped `blocks` space is NAS-Bench-Macro: parameters and multiply-adds of all 6,561 networks
 * are those that were published with their accuracies. */
#include "common.h"

#include "tandem/space.h"

static int compare_hashes(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void parameters_and_macs_of_all_networks(void **state) {
    (void)state;
    enum { NETS = 6561 };
    const char *path = shared_path("data/nasbench_macro/nas-bench-macro_cifar10.json");
    if (path == NULL) {
        print_message("no ../shared/data/nasbench_macro: skipped\n");
        skip();
    }
    td_error err = {0};
    td_arena *a = td_arena_create(), *scratch = td_arena_create();
    td_space *s;
    const td_node *table;
    assert_ok(td_space_by_name("blocks", a, &s, &err), &err);
    assert_ok(td_node_load(a, path, &table, &err), &err);
    assert_int_equal(s->n, 8);
    assert_int_equal(table->count, NETS);
    static uint64_t hash[NETS];
    int64_t params = 0, flops = 0;
    for (int i = 0; i < NETS; i++) {
        const td_node *e = table->item[i];
        double v[8];
        td_choices c = {8, v};
        td_design d;
        assert_int_equal(strlen(e->key), 8);
        for (int k = 0; k < 8; k++) v[k] = e->key[k] - '0';
        assert_ok(s->build(s->self, &c, scratch, &d, &err), &err);
        td_net_totals t;
        td_net_count(d.net, &t);
        if (t.params != td_node_find(e, "params")->integer ||
            t.macs != td_node_find(e, "flops")->integer)
            fail_msg("%s: %lld parameters, %lld MACs", e->key, (long long)t.params,
                     (long long)t.macs);
        params += t.params;
        flops += t.macs;
        hash[i] = d.net_hash;
        td_design_free(&d);
        td_arena_reset(scratch);
    }
    /* 9 first stages; in the others one of 3 and up to two of 2: 3 (1 + 2 + 4) = 21 each. */
    qsort(hash, NETS, sizeof hash[0], compare_hashes);
    int distinct = 1;
    for (int i = 1; i < NETS; i++) distinct += hash[i] != hash[i - 1];
    assert_int_equal(distinct, 9 * 21 * 21);
    print_message("%d networks (%d distinct): %lld parameters and %lld MACs in all, none differs\n",
                  NETS, distinct, (long long)params, (long long)flops);
    td_arena_destroy(scratch);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parameters_and_macs_of_all_networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
