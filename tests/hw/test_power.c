/* Peak power: by hand for two machines, and what has to hold for all that are shipped. */
#include "common.h"

#include "tandem/hw.h"

static td_hw load(const char *name) {
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load(name, &hw, &err), &err);
    return hw;
}

/* micro, every figure from docs/hardware.md: 512 MACs, 8 register files that read 144 and write 80
 * bytes a cycle, 4 memories of 32 and 32, the pool 64 and 64, DRAM 2. */
static void micro_by_hand(void **state) {
    (void)state;
    td_hw hw = load("micro");
    td_power p;
    td_hw_power(&hw, &p);
    const double w = .4e9 * 1e-12;
    assert_near(p.mac_w, 512 * .17 * w, 1e-12);
    assert_near(p.level_w[0], 8 * (144 + 80) * .35 * w, 1e-12);
    assert_near(p.level_w[1], 4 * (32 + 32) * 2.9 * sqrt(1. / 32) * w, 1e-12);
    assert_near(p.level_w[2], (64 + 64) * 13.29 / 16 * w, 1e-5);
    assert_near(p.level_w[3], 2 * 40 * w, 1e-12);
    assert_near(p.vector_w, 128 * .2 * w, 1e-12);
    double dynamic = p.mac_w + p.vector_w + p.level_w[0] + p.level_w[1] + p.level_w[2];
    assert_near(p.clock_w, .25 * dynamic, 1e-12);
    assert_near(p.leak_w, .008 * hw.area_mm2, 1e-12);
    assert_near(p.chip_w, 1.25 * dynamic + p.leak_w, 1e-12);
    assert_near(p.total_w, p.chip_w + p.level_w[3], 1e-12);
    assert_near(p.tops, .4096, 1e-12);
    assert_int_equal(p.unlimited, 0);
}

/* tpu-v1: 65,536 weights stand at their MACs and cost nothing to read, one row of 256 is filled per
 * cycle; each column makes one sum of 32 bits, since rows only sum; the FIFO's fill has no limit.
 */
static void no_limits_by_hand(void **state) {
    (void)state;
    td_hw hw = load("tpu-v1");
    td_power p;
    td_hw_power(&hw, &p);
    const double w = 700e6 * 1e-12;
    assert_near(p.level_w[0] / w, 65536 * .03125 / 8 * .405, 1e-6);
    const double sram_pj = 3.36; /* a byte, of 2 MB at 28 nm */
    double sum_pj = sram_pj * sqrt(16. / 2048) * 4;
    assert_near(p.level_w[1] / w, 256 * 2 * sum_pj, 1e-6);
    assert_near(p.level_w[2] / w, 256 * sram_pj * sqrt(256. / 2048), 1e-6);
    assert_near(p.level_w[3] / w, 512 * sram_pj * sqrt(24576. / 2048), 1e-6);
    assert_near(p.level_w[4], 30e9 * 40e-12, 1e-9);
    assert_int_equal(p.unlimited, TD_BIT(2));
    assert_near(p.tops, 91.750400, 1e-9);
}

/* nvdla: in each of 32 cells 64 weights are read, a block of them, and 16 bits of the next filled;
 * a cell makes one sum. */
static void fan_outs_by_hand(void **state) {
    (void)state;
    td_hw hw = load("nvdla");
    td_power p;
    td_hw_power(&hw, &p);
    const double w = 1e9 * 1e-12, block_pj = 64 * .35;
    assert_near(p.level_w[0] / w, 32 * block_pj * (1 + 16. / 512), 1e-9);
    assert_near(p.level_w[1] / w, 32 * 2 * 4 * .35, 1e-9);
    assert_int_equal(p.unlimited, 0);
}

/* One port for both directions: the dearer one has it all, and what is left goes to the other. */
static void shared_port(void **state) {
    (void)state;
    td_hw hw = load("micro");
    td_power p;
    td_level *dram = &hw.level[3];
    dram->fill_pj = 2 * dram->read_pj; /* bursts of 32 bytes, 2 bytes per cycle */
    dram->update_pj = dram->read_pj;
    td_hw_power(&hw, &p);
    assert_near(p.level_w[3], .4e9 * 1e-12 * 2 * 80, 1e-12);
    dram->write_bw = 4; /* half a byte of the two */
    td_hw_power(&hw, &p);
    assert_near(p.level_w[3], .4e9 * 1e-12 * (.5 * 80 + 1.5 * 40), 1e-12);
    dram->shared_bw = INFINITY;
    dram->read_bw = 8;
    td_hw_power(&hw, &p);
    assert_near(p.level_w[3], .4e9 * 1e-12 * (.5 * 80 + 1 * 40), 1e-12);
    assert_int_equal(p.unlimited, 0);
    dram->read_bw = INFINITY; /* MACs are fed by what is inside: nothing bounds it */
    td_hw_power(&hw, &p);
    assert_int_equal(p.unlimited, TD_BIT(3));
    assert_near(p.level_w[3], .4e9 * 1e-12 * .5 * 80, 1e-12);
}

/* The vector unit draws its own, with the MACs; none is none. */
static void vector_unit(void **state) {
    (void)state;
    td_hw hw = load("micro");
    td_power p;
    hw.vec.energy_pj = 100;
    td_hw_power(&hw, &p);
    assert_near(p.vector_w, hw.vec.lanes * 100 * .4e9 * 1e-12, 1e-12);
    assert_near(p.mac_w, 512 * .17 * .4e9 * 1e-12, 1e-12);
    hw.vec.lanes = 0;
    td_hw_power(&hw, &p);
    assert_near(p.vector_w, 0, 0);
}

/* For all: finite, sums add up, the clock is a factor of all that is not leakage. */
static void every_shipped_one(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    enum { MOST = 64 };
    const char *name[MOST];
    int n = td_data_names(a, "hw", name, MOST);
    assert_true(n >= 12);
    for (int i = 0; i < n; i++) {
        td_hw hw = load(name[i]);
        td_power p, twice;
        td_hw_power(&hw, &p);
        double sum = p.mac_w + p.vector_w;
        for (int l = 0; l < hw.n; l++) {
            assert_true(isfinite(p.level_w[l]) && p.level_w[l] >= 0);
            if (l < hw.n - 1) sum += p.level_w[l];
        }
        assert_near(p.chip_w, sum * (1 + hw.clock_tree) + hw.leak_w, 1e-9 * p.chip_w);
        assert_near(p.total_w, p.chip_w + p.level_w[hw.n - 1], 1e-9 * p.total_w);
        assert_true(p.mac_w > 0 && p.tops > 0);
        hw.clock_hz *= 2;
        td_hw_power(&hw, &twice);
        assert_near(twice.total_w - hw.leak_w, 2 * (p.total_w - hw.leak_w), 1e-9 * p.total_w);
        assert_near(twice.tops, 2 * p.tops, 1e-12 * p.tops);
    }
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(micro_by_hand),    cmocka_unit_test(no_limits_by_hand),
        cmocka_unit_test(fan_outs_by_hand), cmocka_unit_test(shared_port),
        cmocka_unit_test(vector_unit),      cmocka_unit_test(every_shipped_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
