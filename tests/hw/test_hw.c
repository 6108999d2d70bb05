/* The general description: fan-outs, hash, check. */
#include "common.h"
#include "small_hw.h"

static void fanouts(void **state) {
    (void)state;
    td_hw hw = small();
    assert_int_equal(td_hw_fanout(&hw, 0, TD_AXIS_X), 2);
    assert_int_equal(td_hw_fanout(&hw, 0, TD_AXIS_Y), 1);
    assert_int_equal(td_hw_fanout(&hw, 1, TD_AXIS_X), 2);
    assert_int_equal(td_hw_fanout(&hw, 1, TD_AXIS_Y), 2);
    assert_int_equal(td_hw_fanout(&hw, 2, TD_AXIS_X), 1);
    assert_int_equal(td_hw_peak_macs(&hw), 8);
    int64_t product = 1;
    for (int l = 0; l < hw.n; l++)
        product *= td_hw_fanout(&hw, l, TD_AXIS_X) * td_hw_fanout(&hw, l, TD_AXIS_Y);
    assert_int_equal(product, td_hw_peak_macs(&hw));
}

/* ---- hash ---- */

typedef struct {
    const char *name;
    size_t offset, size;
    bool counts;
} field;

#define FIELD(type, name, counts)                                                                  \
    { #name, offsetof(type, name), sizeof(((type *)0)->name), counts }
static const field LEVEL_FIELDS[] = {
    FIELD(td_level, name, false),          FIELD(td_level, may_keep, true),
    FIELD(td_level, must_keep, true),      FIELD(td_level, multicast, true),
    FIELD(td_level, reduce, true),         FIELD(td_level, capacity_bits, true),
    FIELD(td_level, instances, true),      FIELD(td_level, mesh_x, true),
    FIELD(td_level, word_bits, true),      FIELD(td_level, block_bits, true),
    FIELD(td_level, buffering, true),      FIELD(td_level, read_bw, true),
    FIELD(td_level, write_bw, true),       FIELD(td_level, shared_bw, true),
    FIELD(td_level, read_pj, true),        FIELD(td_level, fill_pj, true),
    FIELD(td_level, update_pj, true),      FIELD(td_level, leak_w, true),
    FIELD(td_level, area_mm2, true),       FIELD(td_level, shares, true),
    FIELD(td_level, timing.hop_x, true),   FIELD(td_level, timing.hop_y, true),
    FIELD(td_level, timing.shift_x, true), FIELD(td_level, timing.shift_y, true),
    FIELD(td_level, timing.fold, true),    FIELD(td_level, timing.burst_bits, true),
    FIELD(td_level, timing.start, true),   FIELD(td_level, timing.command, true),
    FIELD(td_level, timing.latency, true), FIELD(td_level, timing.ramp, true),
    FIELD(td_level, reload, true),
};
static const field TOP_FIELDS[] = {
    FIELD(td_hw, name, false),
    FIELD(td_hw, n, true),
    FIELD(td_hw, mac.instances, true),
    FIELD(td_hw, mac.mesh_x, true),
    FIELD(td_hw, mac.energy_pj, true),
    FIELD(td_hw, mac.area_mm2, true),
    FIELD(td_hw, mac.leak_w, true),
    FIELD(td_hw, mac.bits, true),
    FIELD(td_hw, vec.lanes, true),
    FIELD(td_hw, vec.energy_pj, true),
    FIELD(td_hw, vec.bw, true),
    FIELD(td_hw, clock_hz, true),
    FIELD(td_hw, rules.pad, true),
    FIELD(td_hw, rules.im2col, true),
    FIELD(td_hw, area_mm2, true),
    FIELD(td_hw, leak_w, true),
    FIELD(td_hw, clock_tree, true),
    FIELD(td_hw, node, false),
    FIELD(td_hw, relative_energy, false),
};
enum {
    N_LEVEL_FIELDS = sizeof LEVEL_FIELDS / sizeof(field),
    N_TOP_FIELDS = sizeof TOP_FIELDS / sizeof(field)
};

/* Flips one bit of each byte of a field: the hash follows if and only if the field counts. */
static void flip(const char *who, size_t at, size_t size, bool counts) {
    td_hw hw = small();
    const uint64_t before = td_hw_hash(&hw);
    for (size_t i = 0; i < size; i++) {
        uint8_t *byte = (uint8_t *)&hw + at + i;
        *byte ^= 1;
        bool differs = td_hw_hash(&hw) != before;
        *byte ^= 1;
        if (differs != counts)
            fail_msg("%s, byte %zu: hash %s", who, i, differs ? "differs" : "stays");
    }
}

static void hash_of_every_field(void **state) {
    (void)state;
    size_t listed = 0;
    for (int i = 0; i < N_LEVEL_FIELDS; i++) {
        const field *f = &LEVEL_FIELDS[i];
        listed += f->size;
        for (size_t l = 0; l < 3; l++)
            flip(f->name, offsetof(td_hw, level) + l * sizeof(td_level) + f->offset, f->size,
                 f->counts);
        flip(f->name, offsetof(td_hw, level) + 3 * sizeof(td_level) + f->offset, f->size,
             false); /* unused level */
    }
    /* A new field of a level has to be listed here, and then in the hash: nothing but padding is
     * left. */
    assert_true(sizeof(td_level) - listed < 2 * _Alignof(td_level));
    for (int i = 0; i < N_TOP_FIELDS; i++) {
        if (strcmp(TOP_FIELDS[i].name, "n") == 0) continue; /* below */
        flip(TOP_FIELDS[i].name, TOP_FIELDS[i].offset, TOP_FIELDS[i].size, TOP_FIELDS[i].counts);
    }
    td_hw hw = small(), fewer = small();
    fewer.n--;
    assert_int_not_equal(td_hw_hash(&hw), td_hw_hash(&fewer));
    for (size_t l = 0; l < 4; l++)
        for (size_t axis = 0; axis < TD_NAXIS; axis++) {
            flip("allowed", offsetof(td_hw, rules.allowed) + l * TD_NAXIS + axis, 1, l < 3);
            flip("single", offsetof(td_hw, rules.single) + l * TD_NAXIS + axis, 1, l < 3);
        }
    for (size_t l = 0; l < 4; l++)
        for (size_t d = 0; d < TD_NDIM; d++)
            flip("place", offsetof(td_hw, rules.place) + l * TD_NDIM + d, 1, l < 3);
}

static void hash_of_equal_values(void **state) {
    (void)state;
    td_hw a = small(), b = small();
    a.level[0].fill_pj = 0;
    b.level[0].fill_pj = -0.0;
    a.area_mm2 = NAN;
    b.area_mm2 = -NAN;
    a.rules.single[0][1] = 1;
    b.rules.single[0][1] = 255;
    assert_int_equal(td_hw_hash(&a), td_hw_hash(&b));
    /* Stores hold this number: it must not move from one release to the next without a reason. */
    td_hw hw = small();
    assert_int_equal(td_hw_hash(&hw), 0x99f81d5acbcccb57);
}

/* ---- check ---- */

static void check_faults(void **state) {
    (void)state;
    td_error err = {0};
    td_hw ok = small();
    assert_ok(td_hw_check(&ok, &err), &err);
    assert_int_equal(td_hw_check(&ok, NULL), TD_OK);
#define FAULT(change, text)                                                                        \
    do {                                                                                           \
        td_hw hw = small();                                                                        \
        change;                                                                                    \
        assert_int_equal(td_hw_check(&hw, NULL), TD_E_INPUT);                                      \
        assert_int_equal(td_hw_check(&hw, &err), TD_E_INPUT);                                      \
        if (strstr(err.message, text) == NULL)                                                     \
            fail_msg("\"%s\" does not hold \"%s\"", err.message, text);                            \
    } while (0)
    FAULT(hw.n = 0, "levels");
    FAULT(hw.n = 9, "levels");
    FAULT(hw.n = -1, "levels");
    FAULT(hw.level[1].name[0] = 0, "level 1: expected a name");
    FAULT(memset(hw.level[1].name, 'x', sizeof hw.level[1].name), "level 1: expected a name");
    FAULT(memset(hw.name, 'x', sizeof hw.name), "name");
    FAULT(memset(hw.node, 'x', sizeof hw.node), "node");
    FAULT(strcpy(hw.level[1].name, "L0"), "same name");
    FAULT(hw.level[0].may_keep = 8, "level 0 (L0): may_keep");
    FAULT(hw.level[0].may_keep = 6, "must_keep");
    FAULT(hw.level[0].multicast = 9, "multicast");
    FAULT(hw.level[0].reduce = 16, "reduce");
    FAULT(hw.level[0].capacity_bits = -2, "capacity_bits");
    FAULT(hw.level[0].word_bits = 0, "word_bits");
    FAULT(hw.level[0].block_bits = 0, "block_bits");
    FAULT(hw.level[0].buffering = .5, "buffering");
    FAULT(hw.level[0].buffering = INFINITY, "buffering");
    FAULT(hw.level[0].read_bw = 0, "read_bw");
    FAULT(hw.level[0].write_bw = NAN, "write_bw");
    FAULT(hw.level[0].shared_bw = -1, "shared_bw");
    FAULT(hw.level[0].read_pj = -1, "read_pj");
    FAULT(hw.level[0].fill_pj = NAN, "fill_pj");
    FAULT(hw.level[0].update_pj = INFINITY, "update_pj");
    FAULT(hw.level[0].leak_w = -1, "leak_w");
    FAULT(hw.level[0].area_mm2 = -1, "area_mm2");
    FAULT(hw.level[0].shares = 0, "shares");
    FAULT(hw.level[1].shares = 2, "shares");
    FAULT(hw.level[1].shares = -2, "shares");
    FAULT((hw.level[1].shares = 0, hw.level[2].shares = 1), "shares");
    FAULT(hw.level[1].timing.hop_x = -1, "level 1 (L1): timing: expected hops of 0 cycles or more");
    FAULT(hw.level[1].timing.shift_y = -1, "timing: expected shifts of 0 cycles or more");
    FAULT(hw.level[1].timing.start = -1, "level 1 (L1): timing: expected a start of 0 cycles");
    FAULT(hw.level[1].timing.command = NAN, "timing: expected a command of 0 cycles or more");
    FAULT(hw.level[1].timing.latency = INFINITY, "timing: expected a latency of 0 cycles");
    FAULT(hw.level[1].timing.burst_bits = -8, "timing: expected bursts of 0 bits or more");
    FAULT(hw.level[1].reload = TD_BIT(TD_O), "level 1 (L1): reload: expected W and I at most");
    FAULT(hw.level[1].timing.shift_y = 1, "timing: a shift needs fold, found none");
    FAULT(hw.level[1].timing.fold = 3, "timing: expected one tensor as fold");
    FAULT(hw.level[0].timing.fold = 1, "timing: fold W: expected a level inside that may keep it");
    FAULT((hw.level[1].may_keep = 5,
           hw.level[2].timing = (td_level_timing){.shift_x = 1, .fold = TD_BIT(TD_I)}),
          "timing: a shift of I: expected that the next level inside may keep it");
    FAULT(hw.level[0].instances = 0, "instances");
    FAULT(hw.level[0].instances = 3, "mesh_x: expected a divisor");
    FAULT(hw.level[0].mesh_x = 0, "mesh_x");
    FAULT(hw.level[0].mesh_x = -2, "mesh_x");
    FAULT((hw.level[0].instances = 3, hw.level[0].mesh_x = 3), "mac: mesh_x: expected a multiple");
    FAULT((hw.level[0].instances = 6, hw.level[0].mesh_x = 2),
          "mac: instances / mesh_x: expected a multiple");
    FAULT((hw.mac.instances = 16, hw.level[1].instances = hw.level[1].mesh_x = 2,
           hw.level[0].mesh_x = 1),
          "level 0 (L0): mesh_x: expected a multiple");
    FAULT(hw.mac.instances = 0, "mac: instances");
    FAULT(hw.mac.mesh_x = 3, "mac: mesh_x");
    FAULT(hw.mac.bits = 0, "mac: bits");
    FAULT(hw.mac.energy_pj = -1, "mac: energy_pj");
    FAULT(hw.mac.area_mm2 = NAN, "mac: area_mm2");
    FAULT(hw.mac.leak_w = -1, "mac: leak_w");
    FAULT(hw.vec.lanes = -1, "vector: lanes");
    FAULT(hw.vec.energy_pj = -1, "vector: energy_pj");
    FAULT(hw.vec.bw = 0, "vector: bw");
    FAULT(hw.clock_hz = 0, "clock_hz");
    FAULT(hw.clock_hz = INFINITY, "clock_hz");
    FAULT(hw.area_mm2 = -1, "area_mm2");
    FAULT(hw.leak_w = NAN, "leak_w");
    FAULT(hw.clock_tree = -1, "clock_tree");
    FAULT(hw.level[2].capacity_bits = 1, "outermost): capacity_bits");
    FAULT((hw.level[2].instances = 2, hw.level[1].instances = 2, hw.level[2].mesh_x = 1,
           hw.level[1].mesh_x = 1),
          "outermost): instances");
    FAULT(hw.level[2].may_keep = 3, "outermost): may_keep");
    /* Small has fan-outs along X at levels 0 and 1 and along Y at level 1: what is allowed
     * elsewhere in space has no place. */
    FAULT(
        for (int i = 0; i < 3; i++) {
            hw.rules.allowed[i][TD_AXIS_T] = 0x7f;
            if (i < 2) hw.rules.allowed[i][TD_AXIS_X] = 0x7f;
            if (i == 1) hw.rules.allowed[i][TD_AXIS_Y] = 0x7f;
        },
        "dimension G may stand nowhere");
    /* What is allowed: no vector unit, unknown area, a level without storage. */
    ok.vec = (td_vector_unit){0};
    ok.area_mm2 = NAN;
    ok.level[1].capacity_bits = 0;
    /* ... and a dimension that stands in space only. */
    for (int i = 0; i < 3; i++) ok.rules.allowed[i][TD_AXIS_T] = 0x7f;
    assert_ok(td_hw_check(&ok, &err), &err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fanouts),
        cmocka_unit_test(hash_of_every_field),
        cmocka_unit_test(hash_of_equal_values),
        cmocka_unit_test(check_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
