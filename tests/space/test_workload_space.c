/* Several networks as one point of a space: what is read, how metrics are combined, what a design
 * owns. */
#include "scratch.h"
#include "tandem/space.h"

static td_status read_space(td_arena *a, const char *text, td_space **out, td_error *err) {
    const td_node *doc;
    memset(err, 0, sizeof *err);
    assert_ok(td_yaml_parse(a, text, strlen(text), "w.yaml", &doc, err), err);
    return td_space_net_from_node(doc, a, out, err);
}

static const char two[] = "space: workload\n"
                          "networks:\n"
                          "  - {net: A, input: [1, 8, 8], weight: 6}\n"
                          "  - {net: C, input: [1, 8, 8], weight: 2, name: second}\n";

/* Weights of 6 and 2: shares of .75 and .25; of the worst case 1 and 1/3. By hand:
 *     latencies 8, 16: mean .75 x 8 + .25 x 16 = 10, worst max(8, 16 / 3) = 8
 *     energies  3, 27: mean .75 x 3 + .25 x 27 = 9,  worst max(3, 27 / 3) = 9 */
static void combined_by_hand(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err;
    for (int worst = 0; worst < 2; worst++) {
        td_space *s;
        char text[400];
        snprintf(text, sizeof text, "%scombine: %s\n", two, worst ? "worst" : "sum");
        assert_ok(read_space(a, text, &s, &err), &err);
        assert_int_equal(s->n, 0);
        td_design d;
        assert_ok(s->build(s->self, &(td_choices){0}, a, &d, &err), &err);
        const td_workload *w = d.workload;
        assert_null(d.net);
        assert_int_equal(td_design_net_count(&d), 2);
        assert_string_equal(w->name[0], td_net_name(td_design_net(&d, 0)));
        assert_string_equal(w->name[1], "second");
        assert_near(w->weight[0], worst ? 1 : 0.75, 0);
        assert_near(w->weight[1], worst ? 1. / 3 : 0.25, 1e-16);
        assert_near(td_workload_combine(w, (double[]){8, 16}), worst ? 8 : 10, 1e-12);
        assert_near(td_workload_combine(w, (double[]){3, 27}), 9, 1e-12);
        assert_true(isnan(td_workload_combine(w, (double[]){NAN, 27})));
        assert_true(isnan(td_workload_combine(w, (double[]){3, NAN})));
        td_design_free(&d);
        assert_int_equal(td_design_net_count(&d), 0);
    }
    td_arena_destroy(a);
}

static uint64_t hash_of(td_arena *a, const char *text) {
    td_error err;
    td_space *s;
    td_design d;
    assert_ok(read_space(a, text, &s, &err), &err);
    assert_ok(s->build(s->self, &(td_choices){0}, a, &d, &err), &err);
    uint64_t h = d.net_hash;
    td_design_free(&d);
    return h;
}

/* Networks, shares and the way of combining make a workload; the scale of weights and names do not.
 */
static void what_makes_a_workload(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
#define AC(p, q, more) "{space: workload, networks: [{net: A" p "}, {net: C" q "}]" more "}"
    uint64_t h = hash_of(a, AC("", "", ""));
    assert_true(h == hash_of(a, AC(", weight: 5", ", weight: 5", ", combine: sum")));
    assert_true(h == hash_of(a, AC(", name: x", "", "")));
    assert_true(h != hash_of(a, AC(", weight: 5", "", "")));
    assert_true(h != hash_of(a, AC(", width: 2", "", "")));
    assert_true(h != hash_of(a, AC("", "", ", combine: worst")));
    assert_true(h != hash_of(a, "{space: workload, networks: [{net: A}]}"));
    td_arena_destroy(a);
}

/* What eval takes a shipped network for. */
static void published_classes(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    uint64_t h = hash_of(a, "space: workload\nnetworks: [{net: mobilenetv2}]\n");
    assert_true(h ==
                hash_of(a, "space: workload\nnetworks: [{net: mobilenetv2, classes: 1000}]\n"));
    assert_true(h != hash_of(a, "space: workload\nnetworks: [{net: mobilenetv2, classes: 10}]\n"));
    td_arena_destroy(a);
}

/* With an accelerator; two sides with networks are no product. */
static void in_a_product(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err;
    td_space *nets, *hw, *both;
    assert_ok(read_space(a, two, &nets, &err), &err);
    assert_ok(td_space_by_name("micro", a, &hw, &err), &err);
    assert_ok(td_space_product(nets, hw, a, &both, &err), &err);
    assert_int_equal(both->n, hw->n);
    double v[64];
    td_choices c = {both->n, v};
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    td_design d;
    td_space_sample(both, &r, &c);
    td_status s = both->build(both->self, &c, a, &d, &err);
    assert_true(s == TD_OK || s == TD_E_INFEASIBLE);
    assert_int_equal(td_design_net_count(&d), 2);
    assert_true(d.net_hash == hash_of(a, two));
    assert_non_null(d.hw_node);
    td_design_free(&d);
    assert_ok(td_space_product(nets, nets, a, &both, &err), &err);
    assert_int_equal(both->build(both->self, &c, a, &d, &err), TD_E_USAGE);
    td_arena_destroy(a);
}

/* A file beside the document, under the name that it has itself, made fit for a folder. */
static void networks_of_files(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_arena *a = td_arena_create();
    td_error err;
    td_text t = {0};
    td_net *net;
    assert_ok(td_net_build("A", TD_DIM(1, 8, 8), 1, 10, &net, &err), &err);
    td_node *doc = td_net_to_node(net, a);
    td_node_put_string(a, doc, "name", "../my net");
    td_node_to_yaml(doc, &t);
    scratch_write(folder, "a.yaml", t.data, t.size);
    static const char text[] = "{space: workload, networks: [{net: a.yaml, weight: 0.7}]}";
    scratch_write(folder, "w.yaml", text, sizeof text - 1);
    const td_node *w;
    td_space *s;
    td_design d;
    assert_ok(td_node_load(a, scratch_path(folder, "w.yaml"), &w, &err), &err);
    assert_ok(td_space_net_from_node(w, a, &s, &err), &err);
    assert_ok(s->build(s->self, &(td_choices){0}, a, &d, &err), &err);
    assert_true(td_net_hash(d.workload->net[0]) == td_net_hash(net));
    assert_string_equal(d.workload->name[0], "_._my_net");
    assert_near(d.workload->weight[0], 1, 0);
    td_design_free(&d);
    td_net_destroy(net);
    td_text_free(&t);
    td_arena_destroy(a);
    scratch_remove(folder);
}

static void mistakes(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
        td_status code;
    } t[] = {
        {"{space: workload}", "w.yaml:1: missing key \"networks\"", TD_E_INPUT},
        {"{space: workload, networks: []}", "w.yaml:1: networks: expected 1 to 64", TD_E_INPUT},
        {"{space: workload, networks: [A]}", "w.yaml:1: networks[0]: expected a map", TD_E_INPUT},
        {"{space: workload, networks: [{net: A, weight: 0}]}",
         "w.yaml:1: networks[0].weight: expected a number", TD_E_INPUT},
        {"{space: workload, networks: [{net: A, wait: 0}]}",
         "w.yaml:1: networks[0]: unknown key \"wait\"", TD_E_INPUT},
        {"{space: workload, networks: [{weight: 1}]}", "w.yaml:1: networks[0]: missing key \"net\"",
         TD_E_INPUT},
        {"{space: workload, networks: [{net: A}, {net: AA}]}",
         "w.yaml:1: networks[1].net: there is no network \"AA\"", TD_E_NOT_FOUND},
        {"{space: workload, networks: [{net: A}, {net: A}]}",
         "w.yaml:1: networks[1]: two networks are named \"A\"", TD_E_INPUT},
        {"{space: workload, networks: [{net: A, name: a/b}]}",
         "w.yaml:1: networks[0].name: expected up to 80 letters", TD_E_INPUT},
        {"{space: workload, networks: [{net: A, space: ibn}]}",
         "w.yaml:1: networks[0]: unknown key \"space\"", TD_E_INPUT},
        {"{space: workload, networks: [{net: A}], combine: mean}",
         "w.yaml:1: combine: expected sum or worst, found \"mean\"", TD_E_INPUT},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        td_arena *a = td_arena_create();
        td_space *s;
        td_error err;
        assert_int_equal(read_space(a, t[i].text, &s, &err), t[i].code);
        if (strncmp(err.message, t[i].message, strlen(t[i].message)) != 0)
            fail_msg("%s: %s", t[i].text, err.message);
        td_arena_destroy(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(combined_by_hand),  cmocka_unit_test(what_makes_a_workload),
        cmocka_unit_test(published_classes), cmocka_unit_test(in_a_product),
        cmocka_unit_test(networks_of_files), cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
