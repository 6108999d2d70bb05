/* tandem hcm, run as a program: the anchors, formats that agree, the plot, faults. */
#include <math.h>

#include "program.h"
#include "tandem/cost.h"
#include "tandem/net.h"

static const td_node *show(fixture *f, const char *arguments) {
    expect(f, td_arena_printf(f->arena, "hcm %s --format json", arguments), 0);
    return json(f);
}

static const td_node *at(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    if (v == NULL) fail_msg("no key %s", key);
    return v;
}

/* What fits in 1 mm2, with the defaults. */
static void anchors(void **state) {
    fixture *f = *state;
    const td_node *doc = show(f, "resnet18 --area 1mm2 --bits 32,16,8 --dram ddr4-2400");
    static const int side[] = {7, 14, 26};
    static const double gops[] = {392, 1568, 5408};
    assert_near(at(doc, "dram_bits_per_s")->real, 153.6e9, 0);
    const td_node *list = at(doc, "precisions");
    assert_int_equal(list->count, 3);
    for (int i = 0; i < 3; i++) {
        assert_near(at(list->item[i], "side")->real, side[i], 0);
        assert_near(at(list->item[i], "peak_ops_per_s")->real, gops[i] * 1e9, 1);
        assert_int_equal(at(list->item[i], "layers")->count, 21);
    }
    const td_node *again = show(f, "resnet18 --bits 32,16,8");
    assert_near(at(at(again, "precisions")->item[2], "side")->real, 26, 0);
}

/* BOPS of VGG-16 from its table of layers: 13 convolutions of 3x3 and three fc. */
static void vgg_by_hand(void **state) {
    fixture *f = *state;
    static const int conv[][3] = {{3, 64, 224},   {64, 64, 224},  {64, 128, 112}, {128, 128, 112},
                                  {128, 256, 56}, {256, 256, 56}, {256, 256, 56}, {256, 512, 28},
                                  {512, 512, 28}, {512, 512, 28}, {512, 512, 14}, {512, 512, 14},
                                  {512, 512, 14}};
    static const int fc[][2] = {{25088, 4096}, {4096, 4096}, {4096, 1000}};
    const td_node *net = at(at(show(f, "vgg16 --bits w2a4"), "precisions")->item[0], "network");
    double macs = 0, bops = 0, bits = 0;
    for (int i = 0; i < 13; i++) {
        double n = conv[i][0], m = conv[i][1], plane = 1. * conv[i][2] * conv[i][2];
        macs += n * m * 9 * plane;
        bops += n * m * 9 * plane * (8 + 6 + log2(9 * n));
        bits += n * plane * 4 + m * plane * 4 + n * m * 9 * 2;
    }
    for (int i = 0; i < 3; i++) {
        double n = fc[i][0], m = fc[i][1];
        macs += n * m;
        bops += n * m * (8 + 6 + log2(n));
        bits += 4 * n + 4 * m + 2 * n * m;
    }
    assert_near(at(net, "macs")->real, macs, 0);
    assert_near(at(net, "bops")->real, bops, 1e-9 * bops);
    assert_near(at(net, "traffic_bits")->real, bits, 0);
}

static void formats_agree(void **state) {
    fixture *f = *state;
    const td_node *doc = show(f, "handmade --bits 8,w2a4 --local 16KB");
    expect(f, "hcm handmade --bits 8,w2a4 --local 16KB --format csv", 0);
    char *save, *line = strtok_r(f->out, "\r\n", &save);
    assert_non_null(strstr(line, "bits,layer,shape,w,a,sum_bits,macs,bops,traffic_bits"));
    const td_node *list = at(doc, "precisions");
    for (int k = 0; k < 2; k++) {
        const td_node *layers = at(list->item[k], "layers");
        double seconds = 0, bops = 0;
        for (int i = 0; i < layers->count; i++) {
            char want[128];
            line = strtok_r(NULL, "\r\n", &save);
            assert_non_null(line);
            snprintf(want, sizeof want, "%s,%s,", k == 0 ? "8" : "w2a4",
                     at(layers->item[i], "layer")->text);
            assert_int_equal(strncmp(line, want, strlen(want)), 0);
            seconds += at(layers->item[i], "seconds")->real;
            bops += at(layers->item[i], "bops")->real;
        }
        const td_node *net = at(list->item[k], "network");
        assert_near(at(net, "seconds")->real, seconds, 1e-12);
        assert_near(at(net, "bops")->real, bops, 1e-9 * bops);
    }
    assert_null(strtok_r(NULL, "\r\n", &save));
    expect(f, "hcm handmade --bits 8,w2a4 --local 16KB", 0);
    assert_non_null(strstr(f->out, "what fits"));
    assert_non_null(strstr(f->out, "weights stay"));
}

/* Bits of a network's own, of a file, and another node. */
static void sources_of_bits(void **state) {
    fixture *f = *state;
    assert_int_equal(run(f, "printf 'default: 4\nlayers: {conv1: 8}\n' > b.yaml;",
                         "hcm resnet18 --bits own,./b.yaml --format json"),
                     0);
    const td_node *list = at(json(f), "precisions");
    assert_near(at(list->item[0], "w")->real, 8, 0);
    const td_node *mixed = list->item[1];
    assert_near(at(mixed, "w")->real, 8, 0); /* PEs are for the widest layer */
    assert_near(at(at(mixed, "layers")->item[0], "w")->real, 8, 0);
    assert_near(at(at(mixed, "layers")->item[1], "w")->real, 4, 0);
    const td_node *doc = show(f, "resnet18 --tech 7nm --fit synthesis");
    const td_node *um2 = at(at(doc, "precisions")->item[0], "pe_um2");
    assert_int_equal(at(um2, "bops")->kind, TD_NULL);
    assert_near(at(um2, "synthesis")->real, td_pe_gates(8, 8) * 215 / 3224, 1e-6);
}

static void plot(void **state) {
    fixture *f = *state;
    expect(f, "hcm resnet18 --bits 8,4 --plot roof.svg", 0);
    char *svg = slurp(td_arena_printf(f->arena, "%s/roof.svg", f->folder));
    assert_non_null(strstr(svg, "8 bits: 676 PEs"));
    assert_non_null(strstr(svg, "resnet18 on 1 mm2 with ddr4-2400"));
    int points = 0;
    for (const char *s = svg; (s = strstr(s, "<circle")) != NULL; s++) points++;
    assert_int_equal(points, 2 * 21);
    free(svg);
}

static void faults(void **state) {
    fixture *f = *state;
    static const struct {
        const char *arguments, *part;
        int code;
    } table[] = {
        {"resnet18 --dram ddr4", "expected an interface such as ddr4-2400", 2},
        {"resnet18 --bits 99", "expected bits such as 8", 2},
        {"resnet18 --bits no/file.yaml", "no/file.yaml", 4},
        {"resnet18 --fit bits --bits w4a8", "the fit \"bits\" has no area", 2},
        {"resnet18 --tech 22nm", "expected --fit synthesis", 2},
        {"resnet18 --tech pat --fit synthesis", "energies only", 2},
        {"resnet18 --tech nosuch", "nosuch", 4},
        {"resnet18 --area 100um2", "takes 1421 um2", 6},
        {"resnet18 --local 1MB", "are left for PEs", 6},
        {"nosuch", "no network \"nosuch\"", 4},
        {"resnet18 --plot roof.pdf", "ends in .svg or .png", 2},
        {"resnet18 --plot /nonexistent/x.svg", "/nonexistent", 5},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        expect_fault(f, td_arena_printf(f->arena, "hcm %s", table[i].arguments), table[i].code,
                     table[i].part);
    static const char *const usage[] = {"resnet18 --area none", "resnet18 --area -1",
                                        "resnet18 --bits 8,,4", "resnet18 --fit best",
                                        "resnet18 --local 3",   "resnet18 --pe-gops 0",
                                        "resnet18 vgg16",       ""};
    for (size_t i = 0; i < sizeof usage / sizeof usage[0]; i++) {
        expect(f, td_arena_printf(f->arena, "hcm %s", usage[i]), 2);
        assert_non_null(strstr(f->err, "expected"));
    }
    expect(f, "hcm --help", 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(anchors, setup, teardown),
        cmocka_unit_test_setup_teardown(vgg_by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(formats_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(sources_of_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(plot, setup, teardown),
        cmocka_unit_test_setup_teardown(faults, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}
