/* What the description says of itself: fan-outs, peak, names, hash. */
#include "tandem/hw.h"

#include <assert.h>
#include <string.h>

/* Mesh extents of level l, or of the MACs for l = -1. */
static void extents(const td_hw *hw, int l, int *x, int *y) {
    int instances = l < 0 ? hw->mac.instances : hw->level[l].instances;
    *x = l < 0 ? hw->mac.mesh_x : hw->level[l].mesh_x;
    *y = instances / *x;
}

int td_hw_fanout(const td_hw *hw, int l, int axis) {
    assert(l >= 0 && l < hw->n);
    int x, y, inner_x, inner_y;
    extents(hw, l, &x, &y);
    extents(hw, l - 1, &inner_x, &inner_y);
    if (axis == TD_AXIS_X) return inner_x / x;
    return axis == TD_AXIS_Y ? inner_y / y : 1;
}

int64_t td_hw_peak_macs(const td_hw *hw) {
    return hw->mac.instances;
}

void td_hw_problem(const td_hw *hw, const td_problem *p, td_problem *out) {
    if (hw->rules.im2col)
        td_problem_product(p, out);
    else
        *out = *p;
}

void td_hw_layer_bits(const td_hw *hw, td_problem *p) {
    if (hw->mac.bits < 1 || hw->mac.bits > 64) return;
    for (int t = 0; t < TD_NTENSOR; t++) p->bits[t] = (uint8_t)hw->mac.bits;
    p->acc_bits = (uint8_t)(hw->mac.bits <= 8 ? 32 : hw->mac.bits);
}

td_status td_hw_takes(const td_hw *hw, const td_problem *p, td_error *err) {
    const int most = hw->mac.bits;
    if (most < 1 || (p->bits[TD_W] <= most && p->bits[TD_I] <= most)) return TD_OK;
    return td_fail(err, TD_E_INFEASIBLE,
                   "weights of %d and activations of %d bits, and the MACs of %s are built for %d "
                   "x %d",
                   p->bits[TD_W], p->bits[TD_I], hw->name, most, most);
}

int td_hw_level_find(const td_hw *hw, const char *name) {
    for (int l = 0; l < hw->n; l++)
        if (strcmp(hw->level[l].name, name) == 0) return l;
    return -1;
}

/* The hash is taken over a row of 64-bit values, one per field, so that neither struct padding nor
 * the order of fields in memory has a say. A new field goes to the end of its group; HASH_VERSION
 * counts changes of meaning. */
enum { HASH_VERSION = 1, MAX_FIELDS = 32 + TD_MAX_LEVELS * 40 };
/* Before what not every level has. */
#define RELOAD_MARK (INT64_C(0x72656c6f61) << 8)
#define TIMING_MARK (INT64_C(0x74696d65) << 8)

typedef struct {
    uint64_t v[MAX_FIELDS];
    int n;
} row;

static void put_int(row *r, int64_t v) {
    assert(r->n < MAX_FIELDS);
    r->v[r->n++] = (uint64_t)v;
}

/* One pattern for each value: -0 is 0, any NaN is the same NaN. */
static void put_real(row *r, double v) {
    uint64_t bits = UINT64_MAX;
    if (v == 0) v = 0;
    if (!isnan(v)) memcpy(&bits, &v, sizeof bits);
    put_int(r, (int64_t)bits);
}

static void put_level(row *r, const td_level *l) {
    put_int(r, l->may_keep | l->must_keep << 8 | l->multicast << 16 | l->reduce << 24);
    put_int(r, l->capacity_bits);
    put_int(r, l->instances);
    put_int(r, l->mesh_x);
    put_int(r, l->word_bits);
    put_int(r, l->block_bits);
    put_int(r, l->shares);
    put_real(r, l->buffering);
    put_real(r, l->read_bw);
    put_real(r, l->write_bw);
    put_real(r, l->shared_bw);
    put_real(r, l->read_pj);
    put_real(r, l->fill_pj);
    put_real(r, l->update_pj);
    put_real(r, l->leak_w);
    put_real(r, l->area_mm2);
    if (l->reload != 0) put_int(r, RELOAD_MARK | l->reload); /* absent: as it always was */
    const td_level_timing *t = &l->timing;
    if (td_timing_ideal(t) && t->fold == 0) return; /* absent: as it always was */
    put_int(r, TIMING_MARK | t->fold);
    put_int(r, t->hop_x);
    put_int(r, t->hop_y);
    put_int(r, t->shift_x);
    put_int(r, t->shift_y);
    if (t->burst_bits == 0 && t->start == 0 && t->command == 0 && t->latency == 0 && !t->ramp)
        return;
    put_int(r, t->burst_bits | (int64_t)t->ramp << 32);
    put_real(r, t->start);
    put_real(r, t->command);
    put_real(r, t->latency);
}

uint64_t td_hw_hash(const td_hw *hw) {
    row r = {.n = 0};
    put_int(&r, HASH_VERSION);
    put_int(&r, hw->n);
    put_int(&r, hw->mac.instances);
    put_int(&r, hw->mac.mesh_x);
    put_int(&r, hw->mac.bits);
    put_real(&r, hw->mac.energy_pj);
    put_real(&r, hw->mac.area_mm2);
    put_real(&r, hw->mac.leak_w);
    if (hw->mac.gated_pj != 0) put_real(&r, hw->mac.gated_pj); /* absent: as it always was */
    put_int(&r, hw->vec.lanes);
    put_real(&r, hw->vec.energy_pj);
    put_real(&r, hw->vec.bw);
    put_real(&r, hw->clock_hz);
    put_int(&r, hw->rules.pad | hw->rules.one_axis << 1 | hw->rules.im2col << 2);
    put_real(&r, hw->area_mm2);
    put_real(&r, hw->leak_w);
    put_real(&r, hw->clock_tree);
    for (int l = 0; l < hw->n; l++) {
        put_level(&r, &hw->level[l]);
        for (int axis = 0; axis < TD_NAXIS; axis++)
            put_int(&r, hw->rules.allowed[l][axis] | (hw->rules.single[l][axis] != 0) << 8);
        int64_t order = 0;
        for (int i = 0; i < TD_NDIM; i++) order = order << 4 | hw->rules.place[l][i];
        if (order != 0) put_int(&r, order ^ (int64_t)(l + 1) << 40); /* absent: as it always was */
    }
    return td_hash(r.v, sizeof r.v[0] * (size_t)r.n, 0);
}
