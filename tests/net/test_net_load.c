/* Networks out of other programs' files: SCALE-Sim's topologies, ZigZag's workloads. */
#include "common.h"

#include "tandem/net.h"

static td_net *topology(const char *text, td_error *err) {
    td_net *net = NULL;
    td_status s = td_net_from_scalesim(text, strlen(text), "some/topology.csv", &net, err);
    assert_int_equal(s == TD_OK, net != NULL);
    return net;
}

static void expect_layer(const td_net *net, int i, const char *name, const char *problem) {
    td_problem p;
    char text[96];
    assert_string_equal(td_net_layer(net, i)->name, name);
    assert_true(td_layer_problem(net, i, 1, &p));
    td_problem_text(&p, text, sizeof text);
    assert_string_equal(text, problem);
}

/* Rows as SCALE-Sim counts them: ceil((224 - 7 + 2) / 2) = 110, and not 109. */
static void test_topology(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net = topology("Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, "
                           "Channels, Num Filter, Strides,\n"
                           "Conv1, 224,224, 7, 7,\t3, 64, 2,\r\n"
                           ",,,,,,,,\n"
                           "DP_dw,114,112,3,1,32,2,1,,,2:4,ignored\n"
                           "\n"
                           "Last,1,1,1,1,512,10,1",
                           &err);
    if (net == NULL) fail_msg("%s", err.message);
    assert_string_equal(td_net_name(net), "topology");
    assert_int_equal(td_net_size(net), 4);
    expect_layer(net, 1, "Conv1", "conv K64 C3 P110 Q110 R7 S7 s2");
    expect_layer(net, 2, "DP_dw", "conv G32 K2 C1 P112 Q112 R3 S1");
    expect_layer(net, 3, "Last", "fc K10 C512");
    for (int i = 1; i < 4; i++) assert_int_equal(td_net_layer(net, i)->input[0], 0);
    td_net_destroy(net);
    net = topology("Layer,M,N,K,\nL0,196,192,384,\n", &err);
    assert_non_null(net);
    expect_layer(net, 1, "L0", "gemm K192 C384 P196");
    assert_int_equal(td_layer_macs(net, 1), 196 * 192 * 384);
    td_net_destroy(net);
}

static void test_topology_faults(void **state) {
    (void)state;
    static const char head[] = "Layer name,h,w,fh,fw,c,n,s\n";
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "there is no layer"},
        {"name,h,w,r,s,c,k,s\n", "there is no layer"},
        {"Conv1,224,224,7,7,3,64,2\n", "topology.csv:1: expected the names"},
        {"1\nConv1,8,8,9,3,3,64,2\n", "topology.csv:2: the filter is larger"},
        {"1\nConv1,8,8,3,3,3,64\n", "topology.csv:2: expected a name and seven numbers"},
        {"1\n\nConv1,8,8,3,three,3,64,1\n", "topology.csv:3: expected a name and seven numbers"},
        {"1\nConv1,8,8,3,3,3,0,1\n", "expected a name and seven numbers"},
        {"1\nConv1,8,8,3,3,3,99999999999,1\n", "expected a name and seven numbers"},
        {"L,M,N,K\nL0,1,2\n", "topology.csv:2: expected a name and three numbers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_error err = {0};
        char text[256];
        bool with = cases[i].text[0] == '1';
        snprintf(text, sizeof text, "%s%s", with ? head : "", cases[i].text + (with ? 2 : 0));
        td_net *net = topology(text, &err);
        if (net != NULL || err.code != TD_E_INPUT || strstr(err.message, cases[i].part) == NULL)
            fail_msg("expected '%s', found '%s'", cases[i].part, err.message);
    }
}

static td_net *workload(const char *yaml, td_error *err) {
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_net *net = NULL;
    assert_ok(td_yaml_parse(a, yaml, strlen(yaml), "w.yaml", &doc, err), err);
    td_status s = td_net_from_zigzag(doc, "w", &net, err);
    assert_int_equal(s == TD_OK, net != NULL);
    td_arena_destroy(a);
    return net;
}

/* A residual block with a pool before it, and a depthwise layer that sees every other pixel. */
static const char block[] =
    "- {id: 0, operator_type: Pooling, loop_dims: [B, G, OY, OX, FX, FY],\n"
    "   loop_sizes: [1, 8, 6, 6, 3, 3], dimension_relations: [ix=2*ox+1*fx, iy=2*oy+1*fy],\n"
    "   operand_precision: {W: 0, I: 8, O: 16, O_final: 8}, operand_source: {I: 0, W: 0}}\n"
    "- {id: 3, operator_type: Conv, loop_dims: [B, K, C, OY, OX, FY, FX],\n"
    "   loop_sizes: [1, 8, 8, 6, 6, 3, 3], dimension_relations: [ix=1*ox+1*fx, iy=oy+fy],\n"
    "   operand_precision: {W: 4, I: 8, O: 24, O_final: 8}, operand_source: {I: 0, W: 3}}\n"
    "- {id: 4, operator_type: Add, loop_dims: [B, G, OY, OX], loop_sizes: [1, 8, 6, 6],\n"
    "   operand_source: {I: 3, W: 0}}\n"
    "- {id: 5, operator_type: Conv, loop_dims: [B, G, OY, OX, FY, FX],\n"
    "   loop_sizes: [1, 8, 3, 3, 1, 1], dimension_relations: [ix=2*ox+1*fx, iy=2*oy+1*fy],\n"
    "   operand_source: {I: 4, W: 5}}\n";

static void test_workload(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net = workload(block, &err);
    if (net == NULL) fail_msg("%s", err.message);
    const td_layer *in = td_net_layer(net, 0), *conv = td_net_layer(net, 2),
                   *add = td_net_layer(net, 3);
    assert_true(in->c == 8 && in->h == 13 && in->w == 13);
    assert_int_equal(td_net_layer(net, 1)->op, TD_OP_MAX_POOL);
    expect_layer(net, 2, "conv3", "conv K8 C8 P6 Q6 R3 S3");
    assert_int_equal(conv->pad[0] + conv->pad[2], 2); /* what windows reach beyond 6 rows */
    assert_int_equal(conv->bits[TD_W], 4);
    assert_int_equal(conv->bits[TD_O], 8);
    assert_int_equal(conv->acc_bits, 24);
    assert_int_equal(add->op, TD_OP_ADD);
    assert_true(add->input[0] == 2 && add->input[1] == 1);
    expect_layer(net, 4, "conv5", "dwconv G8 P3 Q3 s2");
    td_arena *a = td_arena_create(); /* it is a network as any other */
    td_net *back = NULL;
    assert_ok(td_net_from_node(td_net_to_node(net, a), &back, &err), &err);
    assert_true(td_net_hash(back) == td_net_hash(net));
    td_net_destroy(back);
    td_arena_destroy(a);
    td_net_destroy(net);
}

static void test_workload_faults(void **state) {
    (void)state;
    static const struct {
        const char *find, *replace, *part;
    } cases[] = {
        {"{I: 3, W: 0}", "{I: 7, W: 0}", "no earlier layer has id 7"},
        {"[1, 8, 8, 6, 6, 3, 3]", "[2, 8, 8, 6, 6, 3, 3]", "one sample (B is 1)"},
        {"[1, 8, 8, 6, 6, 3, 3]", "[1, 8, 8, 6, 6, 3]", "6 sizes of 7 loops"},
        {"[B, K, C, OY,", "[B, K, Z, OY,", "expected one of B, G, K"},
        {"ix=1*ox+1*fx", "ix=1*oy+1*fx", "expected a relation such as"},
        {"[1, 8, 6, 6],", "[1, 9, 6, 6],", "is no part of its input"},
        {"id: 4", "number: 4", "id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_error err = {0};
        char yaml[2048];
        const char *at = strstr(block, cases[i].find);
        assert_non_null(at);
        snprintf(yaml, sizeof yaml, "%.*s%s%s", (int)(at - block), block, cases[i].replace,
                 at + strlen(cases[i].find));
        td_net *net = workload(yaml, &err);
        if (net != NULL || err.code != TD_E_INPUT || strstr(err.message, cases[i].part) == NULL)
            fail_msg("expected '%s', found '%s'", cases[i].part, err.message);
        assert_non_null(strstr(err.message, "w.yaml:"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topology),
        cmocka_unit_test(test_topology_faults),
        cmocka_unit_test(test_workload),
        cmocka_unit_test(test_workload_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
