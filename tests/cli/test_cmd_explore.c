/* `tandem explore` from outside: its front is that of a loop over `tandem eval`. */
#include "program.h"
#include "tandem/net.h"

/* A network's file. */
static void write_net(fixture *f, const char *name, int side, const char *file) {
    td_error err;
    td_net *net;
    td_text t = {0};
    assert_ok(td_net_build(name, TD_DIM(1, side, side), 1, 10, &net, &err), &err);
    td_node_to_json(td_net_to_node(net, f->arena), 1, &t);
    td_net_destroy(net);
    scratch_write(f->folder, file, t.data, t.size);
    td_text_free(&t);
}

static int two_nets(void **state) {
    setup(state);
    write_net(*state, "A", 8, "a.json");
    write_net(*state, "handmade", 16, "b.json");
    return 0;
}

typedef struct {
    double v[3]; /* latency, energy, area */
    int io, local, pe;
    bool in, front;
} point;

static const char *const io[] = {"0.2", "0.8", "3.2"}, *const local[] = {"64", "128"},
                         *const pe[] = {"1", "2"};
static const char *const key[] = {"latency_s", "energy_j", "area_mm2"};
enum { N_IO = 3, N_LOCAL = 2, N_PE = 2, N = N_IO * N_LOCAL * N_PE };

static double real(const td_node *n, const char *name) {
    const td_node *v = td_node_find(n, name);
    return v != NULL && (v->kind == TD_REAL || v->kind == TD_INT) ? v->real : NAN;
}

/* One call of eval for all points, and the front of those with area up to `most`. */
static void by_eval(fixture *f, const char *options, double most, point p[N]) {
    td_text t = {0};
    td_text_addf(&t, "eval a.json:3 b.json:1 %s --format json", options);
    int n = 0;
    for (int i = 0; i < N_IO; i++)
        for (int k = 0; k < N_LOCAL; k++)
            for (int j = 0; j < N_PE; j++) {
                p[n++] = (point){.io = i, .local = k, .pe = j};
                td_text_addf(&t, " --hw micro,io_gbps=%s,local_kb=%s,pe_x=%s", io[i], local[k],
                             pe[j]);
            }
    expect(f, t.data, 0);
    td_text_free(&t);
    const td_node *all = td_node_find(json(f), "accelerators");
    assert_int_equal(all->count, N);
    for (int i = 0; i < N; i++) {
        for (int m = 0; m < 3; m++) p[i].v[m] = real(all->item[i], key[m]);
        p[i].in = p[i].front = p[i].v[2] <= most;
    }
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            bool no_worse = true, less = false;
            for (int m = 0; m < 3; m++) {
                no_worse = no_worse && p[k].v[m] <= p[i].v[m];
                less = less || p[k].v[m] < p[i].v[m];
            }
            if (p[k].in && no_worse && less) p[i].front = false;
        }
}

/* The front of explore is that of the points; each heat map's cell is the least of its points. */
static void compare(fixture *f, const td_node *found, const point p[N]) {
    const td_node *front = td_node_find(found, "front"), *maps = td_node_find(found, "heat_maps");
    int expected = 0, in = 0;
    for (int i = 0; i < N; i++) expected += p[i].front;
    for (int i = 0; i < N; i++) in += p[i].in;
    assert_true(expected > 1 && expected < N);
    assert_int_equal(front->count, expected);
    assert_true(td_node_find(found, "within_limits")->integer == in);
    assert_true(td_node_find(found, "beyond_limits")->integer == N - in);
    assert_true(td_node_find(found, "all")->boolean);
    for (int k = 0; k < front->count; k++) {
        int same = 0;
        for (int i = 0; i < N; i++)
            same += p[i].front && real(front->item[k], key[0]) == p[i].v[0] &&
                    real(front->item[k], key[1]) == p[i].v[1] &&
                    real(front->item[k], key[2]) == p[i].v[2];
        assert_int_equal(same, 1);
    }
    assert_int_equal(maps->count, 3);
    for (int m = 0; m < 3; m++) {
        const td_node *cells = td_node_find(maps->item[m], "cells");
        assert_string_equal(td_node_find(maps->item[m], "metric")->text, key[m]);
        assert_int_equal(cells->count, N_IO * N_LOCAL);
        for (int c = 0; c < cells->count; c++) {
            double least = INFINITY;
            for (int i = 0; i < N; i++)
                if (p[i].in && strtod(io[p[i].io], NULL) == real(cells->item[c], "x") &&
                    strtod(local[p[i].local], NULL) == real(cells->item[c], "y"))
                    least = fmin(least, p[i].v[m]);
            double v = real(cells->item[c], "value");
            assert_true(isfinite(least) ? v == least : isnan(v));
        }
    }
    (void)f;
}

static void front_is_that_of_a_loop(void **state) {
    fixture *f = *state;
    point p[N];
    static const char explore[] =
        "explore a.json:3 b.json:1 --hw micro --vary io_gbps=0.2,0.8,3.2 --vary local_kb=64,128 "
        "--vary pe_x=1,2 --heat io_gbps,Local.capacity --quiet --format json %s --out %s";
    by_eval(f, "", INFINITY, p);
    expect(f, td_arena_printf(f->arena, explore, "", "sum"), 0);
    compare(f, json(f), p);
    /* Again: what is there is read, nothing is searched. */
    char *first = td_arena_strdup(f->arena, f->out);
    expect(f, td_arena_printf(f->arena, explore, "", "sum"), 0);
    assert_string_equal(f->out, first);
    /* The worst case, and a limit between the areas. */
    double least = INFINITY, most = 0;
    for (int i = 0; i < N; i++) least = fmin(least, p[i].v[2]);
    for (int i = 0; i < N; i++) most = fmax(most, p[i].v[2]);
    double limit = 0.4 * least + 0.6 * most;
    const char *options = td_arena_printf(f->arena, "--combine worst --max-area %.17gmm2", limit);
    by_eval(f, options, limit, p);
    expect(f, td_arena_printf(f->arena, explore, options, "worst"), 0);
    compare(f, json(f), p);
}

/* Two things vary, all others are at the baseline: each cell is one evaluation. */
static void cells_are_single_evaluations(void **state) {
    fixture *f = *state;
    expect(f,
           "explore a.json --hw simba --vary DRAM.bandwidth=0.25x,1x --vary "
           "GlobalBuffer.capacity=1x,2x --quiet --format json",
           0);
    const td_node *maps = td_node_find(json(f), "heat_maps");
    assert_int_equal(maps->count, 2); /* no areas: a number of the file */
    for (int m = 0; m < 2; m++) {
        const td_node *cells = td_node_find(maps->item[m], "cells");
        assert_int_equal(cells->count, 4);
        for (int c = 0; c < 4; c++) {
            double bits = real(cells->item[c], "x"), kb = real(cells->item[c], "y");
            assert_true(bits == (c % 2 == 0 ? 32 : 128) && kb == (c < 2 ? 64 : 128));
            expect(f,
                   td_arena_printf(f->arena,
                                   "eval a.json --hw simba --set levels[5].shared_bw=%g "
                                   "--set levels[4].capacity_kb=%g --format json",
                                   bits, kb),
                   0);
            assert_true(real(cells->item[c], "value") == real(json(f), key[m]));
        }
    }
}

static void files(void **state) {
    fixture *f = *state;
    expect(f,
           "explore a.json --hw simba --vary DRAM.bandwidth=1x,4x --vary "
           "GlobalBuffer.capacity=0.5x,1x --quiet --format csv --out out",
           0);
    assert_int_equal(strncmp(f->out, "trial,DRAM.bandwidth,GlobalBuffer.capacity,latency_s,", 53),
                     0);
    char *front = slurp(scratch_path(f->folder, "out/front.csv"));
    assert_string_equal(f->out, front);
    free(front);
    static const char *const stem[] = {"front", "heat-DRAM.bandwidth-GlobalBuffer.capacity-latency",
                                       "heat-DRAM.bandwidth-GlobalBuffer.capacity-energy"};
    for (int i = 0; i < 3; i++) { /* the picture has twice as many pixels as the drawing */
        double width, height;
        char *svg =
            slurp(scratch_path(f->folder, td_arena_printf(f->arena, "out/%s.svg", stem[i])));
        assert_int_equal(
            sscanf(strstr(svg, "width="), "width=\"%lf\" height=\"%lf\"", &width, &height), 2);
        unsigned char *png = (unsigned char *)slurp(
            scratch_path(f->folder, td_arena_printf(f->arena, "out/%s.png", stem[i])));
        assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
        assert_int_equal(png[18] << 8 | png[19], 2 * width);
        assert_int_equal(png[22] << 8 | png[23], 2 * height);
        free(svg);
        free(png);
    }
    assert_true(exists(f, "out/heat-DRAM.bandwidth-GlobalBuffer.capacity-latency.csv"));
    assert_false(exists(f, "out/heat-DRAM.bandwidth-GlobalBuffer.capacity-area.csv"));
    assert_true(exists(f, "out/best/accelerator.yaml"));
    /* The least latency, by a line that eval takes. */
    expect(f,
           "explore a.json --hw simba --vary DRAM.bandwidth=1x,4x --vary "
           "GlobalBuffer.capacity=0.5x,1x --quiet --out out",
           0);
    char hw[256];
    double latency;
    const char *line = strstr(f->out, "least latency: --hw '");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "least latency: --hw '%255[^']'", hw), 1);
    expect(f, td_arena_printf(f->arena, "eval a.json --hw '%s' --format json", hw), 0);
    latency = real(json(f), "latency_s");
    char *csv = slurp(scratch_path(f->folder, "out/front.csv"));
    double found;
    assert_int_equal(sscanf(strchr(csv, '\n') + 1, "%*d,%*d,%*d,%lf", &found), 1);
    assert_true(found == latency);
    free(csv);
    /* Values in full, however many digits they have. */
    expect(
        f,
        "explore a.json --hw simba --vary clock=933333331,700000001.5 "
        "--vary DRAM.bandwidth=64.0000001,64 --vary GlobalBuffer.capacity=2x --quiet --out digits",
        0);
    assert_non_null(strstr(f->out, "least latency: --hw 'simba,GlobalBuffer.capacity=2x,"
                                   "clock=933333331,DRAM.bandwidth=64"));
    csv = slurp(scratch_path(f->folder, "digits/heat-clock-DRAM.bandwidth-latency.csv"));
    assert_non_null(strstr(csv, "\n700000001.5,64.0000001,"));
    free(csv);
}

/* More points than trials: a search, and it says so. */
static void by_search(void **state) {
    fixture *f = *state;
    expect(f, "explore a.json --hw micro --trials 12 --heat io_gbps,simd --quiet --format json", 0);
    assert_false(td_node_find(json(f), "all")->boolean);
    assert_true(td_node_find(json(f), "accelerators")->integer == 12);
    expect(f, "explore a.json --hw micro --trials 12 --dry-run", 0);
    assert_non_null(strstr(f->out, "23,040 accelerators"));
}

static void mistakes(void **state) {
    fixture *f = *state;
    expect_fault(f, "explore a.json --hw simba", 2, "expected --vary KEY=VALUE");
    expect_fault(f, "explore a.json --hw micro --vary simd=", 2, "expected a value");
    expect_fault(f, "explore a.json --hw micro --vary local_kb=many", 3,
                 "expected a number, found \"many\"");
    expect_fault(f, "explore a.json --hw simba --vary clock", 2, "the file has no values of it");
    expect_fault(f, "explore a.json --hw micro --vary simd --vary lanes --heat simd,pe_x", 2,
                 "no parameter that varies \"pe_x\"");
    expect_fault(f, "explore a.json --hw micro --vary simd --vary lanes --heat simd", 2,
                 "expected two parameters X,Y");
    expect_fault(f, "explore a.json:0 --hw micro", 2, "expected a weight > 0");
    expect_fault(f, "explore none.json --hw micro", 4, "none.json: cannot open");
    expect_fault(f, "explore nonesuch --hw micro", 4, "nonesuch");
    expect_fault(f, "explore a.json --hw micro --size 32", 2, "--size is for shipped networks");
    expect_fault(f, "explore a.json --hw simba --vary Buffer.capacity=1x,2x", 3, "no level of");
    expect_fault(
        f, "explore a.json --hw nvdla --vary clock=1x,2x --max-area 3mm2", 2,
        "--max-area: expected a template that has areas; the area of nvdla does not follow");
    expect_fault(f,
                 "explore a.json --hw simba --vary DRAM.bandwidth=1x,2x "
                 "--vary 'levels[5].shared_bw=128,256'",
                 3, "levels[5].shared_bw stands there twice");
    scratch_write(f->folder, "bad.yaml", "clock_hz: 1\nlevels: 3\n", 22);
    expect_fault(f, "explore a.json --hw bad.yaml --vary clock_hz=1,2", 3, "bad.yaml:1: ");
    expect(f, "explore a.json --hw micro --hw edge", 2);
    expect(f, "explore a.json --hw micro --vary simd=512,1024 --quiet", 6);
    assert_non_null(strstr(f->err, "none of 2 accelerators can be built; the first one: rule "));
    expect(f, "explore a.json --hw micro --max-area 20mm", 2);
    assert_non_null(strstr(f->err, "expected an amount such as 20mm2"));
    /* All are beyond the limits: told, and the table is there. */
    expect(f, "explore a.json --hw micro --vary simd=4,8 --max-area 0.01mm2 --quiet", 6);
    assert_non_null(strstr(f->out, "0 within the limits, 2 beyond them"));
    assert_non_null(strstr(f->err, "no accelerator is within the limits"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(front_is_that_of_a_loop, two_nets, teardown),
        cmocka_unit_test_setup_teardown(cells_are_single_evaluations, two_nets, teardown),
        cmocka_unit_test_setup_teardown(files, two_nets, teardown),
        cmocka_unit_test_setup_teardown(by_search, two_nets, teardown),
        cmocka_unit_test_setup_teardown(mistakes, two_nets, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}
