/* `tandem eval` of several networks and accelerators, its limits, and --what-if. */
#include "program.h"

static double real(const td_node *n, const char *name) {
    const td_node *v = td_node_find(n, name);
    return v != NULL && (v->kind == TD_REAL || v->kind == TD_INT) ? v->real : NAN;
}

static const td_node *find(const td_node *list, const char *net, const char *hw) {
    for (int i = 0; i < list->count; i++) {
        const td_node *n = list->item[i], *own = td_node_find(n, "network");
        if (strcmp(td_node_find(n, "accelerator")->text, hw) != 0) continue;
        if (net == NULL || (own != NULL && strcmp(own->text, net) == 0)) return n;
    }
    fail_msg("%s on %s is not there", net != NULL ? net : "all", hw);
    return NULL;
}

static const td_node *single(fixture *f, const char *net, const char *options) {
    expect(f, td_arena_printf(f->arena, "eval %s %s --max-nodes 300 --format json", net, options),
           0);
    return json(f);
}

/* Each pair is what eval of the two alone tells; the whole is their mean, or the worst. */
static void pairs_and_their_mean(void **state) {
    fixture *f = *state;
    static const char *const net[] = {"handmade", "C"}, *const hw[] = {"micro", "micro,simd=8",
                                                                       "eyeriss-168"};
    double v[2][3][2];
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 3; k++) {
            const td_node *n = single(f, net[i], td_arena_printf(f->arena, "--hw %s", hw[k]));
            v[i][k][0] = real(n, "latency_s");
            v[i][k][1] = real(n, "energy_j");
            if (k == 1) { /* a change behind the name is a --set */
                n = single(f, net[i], "--hw micro --set simd=8");
                assert_true(real(n, "latency_s") == v[i][k][0]);
            }
        }
    static const char all[] = "eval handmade:3 C --max-nodes 300 --hw micro --hw micro,simd=8 --hw "
                              "eyeriss-168 --format json";
    expect(f, all, 0);
    const td_node *pairs = td_node_find(json(f), "pairs");
    const td_node *of = td_node_find(json(f), "accelerators");
    assert_int_equal(pairs->count, 6);
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 2; i++) {
            const td_node *n = find(pairs, net[i], hw[k]);
            assert_true(real(n, "latency_s") == v[i][k][0]);
            assert_true(real(n, "energy_j") == v[i][k][1]);
            double share = 0;
            const td_node *limits = td_node_find(n, "limits");
            for (int l = 0; l < limits->count; l++) share += real(limits->item[l], "share");
            assert_near(share, 1, 1e-9);
        }
        const td_node *n = find(of, NULL, hw[k]);
        double latency = 0.75 * v[0][k][0] + 0.25 * v[1][k][0];
        double energy = 0.75 * v[0][k][1] + 0.25 * v[1][k][1];
        assert_near(real(n, "latency_s") / latency, 1, 1e-12);
        assert_near(real(n, "energy_j") / energy, 1, 1e-12);
        assert_near(real(n, "power_w") * latency / energy, 1, 1e-12);
        int rank = 1;
        for (int j = 0; j < 3; j++) rank += 0.75 * v[0][j][0] + 0.25 * v[1][j][0] < latency;
        assert_true(td_node_find(n, "rank")->integer == rank);
    }
    expect(f, td_arena_printf(f->arena, "%s --combine worst", all), 0);
    const td_node *n = find(td_node_find(json(f), "accelerators"), NULL, "micro");
    assert_near(real(n, "latency_s"), fmax(v[0][0][0], v[1][0][0] / 3), 1e-15);
    double power[2] = {v[0][0][1] / v[0][0][0], v[1][0][1] / v[1][0][0]};
    assert_near(real(n, "power_w") / fmax(power[0], power[1] / 3), 1, 1e-12);
    expect(f, td_arena_printf(f->arena, "%s --objective energy", all), 0);
    assert_string_equal(td_node_find(json(f), "objective")->text, "energy");
}

/* Who is out, and why; the best of the others; nobody: exit code 6, with the table. */
static void limits(void **state) {
    fixture *f = *state;
    static const char all[] =
        "eval C --max-nodes 300 --hw micro --hw edge --hw gemmini --hw micro,simd=5000";
    expect(f, td_arena_printf(f->arena, "%s --max-area 20mm2", all), 0);
    assert_non_null(strstr(f->out, "out: area 68.2 mm2 > 20.0 mm2"));
    assert_non_null(strstr(f->out, "out: its area is not in the file"));
    assert_non_null(strstr(f->out, "out: cannot be built: "));
    assert_non_null(strstr(f->out, "best by latency: micro\n"));
    expect(f, td_arena_printf(f->arena, "%s --format csv", all), 0);
    assert_int_equal(strncmp(f->out, "network,weight,accelerator,latency_s,", 37), 0);
    int lines = 0;
    for (const char *s = f->out; (s = strstr(s, "\r\n")) != NULL; s++) lines++;
    assert_int_equal(lines, 1 + 4 + 4);
    expect(f, td_arena_printf(f->arena, "%s --max-area 20 --max-latency 1ns", all), 6);
    assert_non_null(strstr(f->out, "none of the 4 is within the limits"));
    expect(f, "eval C --max-nodes 300 --hw micro --max-power 1W --format json", 0);
    assert_true(find(td_node_find(json(f), "accelerators"), NULL, "micro") != NULL);
}

/* Beside the present, what `--set` would give; of a template with its area. */
static void what_if(void **state) {
    fixture *f = *state;
    const td_node *n = single(f, "C",
                              "--hw micro --what-if DRAM.bandwidth=2x "
                              "--what-if simd=8,lanes=1 --what-if simd=3000");
    const td_node *then = td_node_find(n, "what_if");
    double now = real(n, "latency_s");
    assert_int_equal(then->count, 3);
    assert_non_null(td_node_find(then->item[2], "reason"));
    const td_node *set = single(f, "C", "--hw micro --set io_gbps=1.6");
    assert_true(real(set, "latency_s") == real(then->item[0], "latency_s"));
    assert_true(real(set, "energy_j") == real(then->item[0], "energy_j"));
    assert_near(real(then->item[0], "latency_ratio"), real(set, "latency_s") / now, 1e-12);
    set = single(f, "C", "--hw micro --set simd=8 --set lanes=1");
    assert_true(real(set, "latency_s") == real(then->item[1], "latency_s"));
    expect(f, "hw micro --set simd=8 --set lanes=1 --format json", 0);
    assert_near(real(json(f), "area_mm2"), real(then->item[1], "area_mm2"), 1e-12);

    n = single(f, "C", "--hw simba --what-if DRAM.bandwidth=2x");
    then = td_node_find(n, "what_if")->item[0];
    set = single(f, "C", "--hw simba --set 'levels[5].shared_bw=256'");
    assert_true(real(set, "latency_s") == real(then, "latency_s"));
    assert_null(td_node_find(then, "area_mm2")); /* a number of the file: it does not follow */
    expect(f, "eval C --max-nodes 300 --hw simba --what-if DRAM.bandwidth=2x --no-steps", 0);
    assert_non_null(strstr(f->out, " now "));
    assert_non_null(strstr(f->out, " DRAM.bandwidth=2x "));
    /* Nor is what is not known within a limit. */
    expect(f,
           "eval C --max-nodes 300 --hw simba --what-if GlobalBuffer.capacity=8x --max-area 6mm2",
           0);
    assert_non_null(strstr(f->out, "out: its area is not in the file"));
    /* What a template has no price for is no present. */
    expect(f,
           "eval C --max-nodes 300 --hw micro --what-if clock=2x --what-if local_kb=128 --no-steps",
           0);
    assert_non_null(strstr(f->out, "the template has no price for it"));
    expect(f, "eval C --max-nodes 300 --hw micro --what-if local_kb=128 --no-steps", 0);
    assert_null(strstr(f->out, "no price"));
    /* With several networks it is one more accelerator. */
    expect(f,
           "eval C handmade --max-nodes 300 --hw micro --what-if DRAM.bandwidth=2x --format json",
           0);
    find(td_node_find(json(f), "pairs"), "C", "DRAM.bandwidth=2x");
}

/* Units of a file's own are told wherever they stand beside joules. */
static void relative_energies(void **state) {
    fixture *f = *state;
    static const char line[] =
        "energies compare with no others: eyeriss-168, array-16x16 (relative";
    expect(f, "eval C --max-nodes 300 --hw eyeriss-168 --hw simba --hw array-16x16", 0);
    assert_non_null(strstr(f->out, line));
    /* no limit in joules */
    expect(f, "eval C --max-nodes 300 --hw eyeriss-168 --hw simba --max-energy 1J", 0);
    assert_non_null(strstr(f->out, "out: its energy is not known: energies are relative"));
    expect(f, "eval C --max-nodes 300 --hw nvdla --hw simba", 0);
    assert_null(strstr(f->out, "relative"));
    assert_null(strstr(f->out, "without leakage"));
    /* Nor are energies alike of which some are without leakage. */
    expect(f, "eval C --max-nodes 300 --hw micro --hw simba", 0);
    assert_non_null(strstr(f->out, "energies without leakage: simba (leak_w is not in the file)"));
    /* Nor a rank by energy, or a ratio of energies, beside joules; among themselves both. */
    expect(f, "eval C --max-nodes 300 --hw eyeriss-168 --hw simba --objective energy", 0);
    assert_non_null(strstr(f->out, "out: its energy is in units of its own, no joules"));
    assert_non_null(strstr(f->out, "best by energy: simba"));
    expect(f, "eval C --max-nodes 300 --hw eyeriss-168 --hw simba", 0);
    assert_non_null(strstr(f->out, "latency x "));
    assert_null(strstr(f->out, "energy x "));
    expect(f, "eval C --max-nodes 300 --hw eyeriss-168 --hw array-16x16 --objective energy", 0);
    assert_non_null(strstr(f->out, "energy x "));
    expect(f, "eval C --max-nodes 300 --hw eyeriss-168 --hw simba --format json", 0);
    const td_node *list = td_node_find(json(f), "accelerators");
    for (int i = 0; i < list->count; i++)
        assert_true((td_node_find(list->item[i], "relative_energy") != NULL) == (i == 0));
    expect(f, "eval C --max-nodes 300 --hw eyeriss-168 --no-steps", 0);
    assert_non_null(strstr(f->out, "(65nm); energies are relative, no joules"));
    expect(f, "map 'conv K8 C8 P8' --hw eyeriss-168", 0);
    assert_non_null(strstr(f->out, "energies are relative"));
}

static void mistakes(void **state) {
    fixture *f = *state;
    expect(f, "eval C A", 2);
    assert_non_null(strstr(f->err, "expected --hw NAME or FILE"));
    expect(f, "eval C A --hw micro --trace t.json", 2);
    assert_non_null(strstr(f->err, "--trace is for one NET on one accelerator"));
    expect(f, "eval C --hw micro --what-if DRAM.bandwidth", 2);
    assert_non_null(strstr(f->err, "--what-if: expected KEY=VALUE"));
    expect(f, "eval C --hw micro --max-latency 10", 2);
    assert_non_null(strstr(f->err, "expected an amount such as 10ms"));
    expect_fault(f, "eval C:-1 A --hw micro", 2, "NET C:-1: expected a weight > 0");
    expect_fault(f, "eval C --hw micro --what-if L2.capacity=2x", 2,
                 "--what-if L2.capacity: expected DRAM.bandwidth");
    expect_fault(f, "eval C --hw micro --hw nonesuch", 4, "nonesuch");
    expect_fault(f, "eval C --hw simba,nonesuch=2x", 2, "no number there to multiply");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pairs_and_their_mean, setup, teardown),
        cmocka_unit_test_setup_teardown(limits, setup, teardown),
        cmocka_unit_test_setup_teardown(what_if, setup, teardown),
        cmocka_unit_test_setup_teardown(relative_energies, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}
