/* td_hw_check: whatever comes out of a template, a file or a caller's hands is held to the same
 * rules here, once, so that the rooms below need no defence of their own. */
#include "hw_check.h"

#include <stdio.h>
#include <string.h>

static bool positive(double v) {
    return v > 0;
} /* infinity is fine, NaN is not */
static bool energy(double v) {
    return v >= 0 && isfinite(v);
}

static td_status bad(td_error *err, const char *what, double found) {
    return td_fail(err, TD_E_INPUT, "%s, found %.10g", what, found);
}

/* Tensors that have to stay where they may not. */
static td_status check_keeps(const td_level *l, td_error *err) {
    char found[TD_NTENSOR + 1] = "";
    int n = 0;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (l->must_keep & ~l->may_keep & TD_BIT(t)) found[n++] = td_tensor_letter[t];
    if (n == 0) return TD_OK;
    return td_fail(err, TD_E_INPUT, "must_keep: expected no tensor outside of may_keep, found %s",
                   found);
}

#define REQUIRE(ok, what, found)                                                                   \
    do {                                                                                           \
        if (!(ok)) return bad(err, (what), (double)(found));                                       \
    } while (0)

static bool has_name(const td_level *l) {
    return memchr(l->name, 0, sizeof l->name) != NULL && l->name[0] != 0;
}

static td_status check_level(const td_hw *hw, int i, td_error *err) {
    const td_level *l = &hw->level[i];
    if (!has_name(l))
        return td_fail(err, TD_E_INPUT, "expected a name of 1 to %zu characters",
                       sizeof l->name - 1);
    for (int j = 0; j < i; j++)
        if (strcmp(hw->level[j].name, l->name) == 0)
            return td_fail(err, TD_E_INPUT, "name: level %d has the same name", j);
    REQUIRE(l->may_keep <= TD_ALL_TENSORS, "may_keep: expected a mask of W, I, O", l->may_keep);
    REQUIRE(l->must_keep <= TD_ALL_TENSORS, "must_keep: expected a mask of W, I, O", l->must_keep);
    td_status keeps = check_keeps(l, err);
    if (keeps != TD_OK) return keeps;
    REQUIRE(l->multicast <= TD_ALL_TENSORS, "multicast: expected a mask of W, I, O", l->multicast);
    REQUIRE(l->reduce <= TD_ALL_TENSORS, "reduce: expected a mask of W, I, O", l->reduce);
    if (l->reload & ~(TD_BIT(TD_W) | TD_BIT(TD_I)))
        return td_fail(err, TD_E_INPUT,
                       "reload: expected W and I at most, results are not brought");
    REQUIRE(l->capacity_bits >= -1, "capacity_bits: expected a number >= 0 (or -1: unbounded)",
            l->capacity_bits);
    REQUIRE(l->word_bits >= 1 && l->word_bits <= 64, "word_bits: expected 1 to 64", l->word_bits);
    REQUIRE(l->block_bits >= 1, "block_bits: expected a number >= 1", l->block_bits);
    REQUIRE(l->buffering >= 1 && isfinite(l->buffering), "buffering: expected a number >= 1",
            l->buffering);
    REQUIRE(positive(l->read_bw), "read_bw: expected a number > 0", l->read_bw);
    REQUIRE(positive(l->write_bw), "write_bw: expected a number > 0", l->write_bw);
    REQUIRE(positive(l->shared_bw), "shared_bw: expected a number > 0", l->shared_bw);
    REQUIRE(energy(l->read_pj), "read_pj: expected a finite number >= 0", l->read_pj);
    REQUIRE(energy(l->fill_pj), "fill_pj: expected a finite number >= 0", l->fill_pj);
    REQUIRE(energy(l->update_pj), "update_pj: expected a finite number >= 0", l->update_pj);
    REQUIRE(energy(l->leak_w), "leak_w: expected a finite number >= 0", l->leak_w);
    REQUIRE(energy(l->area_mm2), "area_mm2: expected a finite number >= 0", l->area_mm2);
    REQUIRE(l->shares >= -1 && l->shares < i, "shares: expected an inner level (or -1: none)",
            l->shares);
    if (l->shares >= 0)
        REQUIRE(hw->level[l->shares].shares < 0 && hw->level[l->shares].capacity_bits >= 0,
                "shares: expected a level with a bounded storage of its own", l->shares);
    return TD_OK;
}

/* What is shifted from child to child is the tile of the children themselves. */
static td_status check_timing(const td_hw *hw, int i, td_error *err) {
    const td_level_timing *t = &hw->level[i].timing;
    REQUIRE(t->hop_x >= 0 && t->hop_y >= 0, "timing: expected hops of 0 cycles or more",
            t->hop_x < 0 ? t->hop_x : t->hop_y);
    REQUIRE(t->shift_x >= 0 && t->shift_y >= 0, "timing: expected shifts of 0 cycles or more",
            t->shift_x < 0 ? t->shift_x : t->shift_y);
    REQUIRE(t->burst_bits >= 0, "timing: expected bursts of 0 bits or more", t->burst_bits);
    REQUIRE(energy(t->start), "timing: expected a start of 0 cycles or more", t->start);
    REQUIRE(energy(t->command), "timing: expected a command of 0 cycles or more", t->command);
    REQUIRE(energy(t->latency), "timing: expected a latency of 0 cycles or more", t->latency);
    const bool shifts = t->shift_x > 0 || t->shift_y > 0;
    if (t->fold == 0)
        return shifts ? td_fail(err, TD_E_INPUT, "timing: a shift needs fold, found none") : TD_OK;
    REQUIRE(t->fold == TD_BIT(TD_W) || t->fold == TD_BIT(TD_I) || t->fold == TD_BIT(TD_O),
            "timing: expected one tensor as fold", t->fold);
    int keeper = i - 1;
    while (keeper >= 0 && !(hw->level[keeper].may_keep & t->fold)) keeper--;
    const char letter = t->fold == TD_BIT(TD_W)   ? td_tensor_letter[TD_W]
                        : t->fold == TD_BIT(TD_I) ? td_tensor_letter[TD_I]
                                                  : td_tensor_letter[TD_O];
    if (keeper < 0)
        return td_fail(err, TD_E_INPUT, "timing: fold %c: expected a level inside that may keep it",
                       letter);
    if (shifts && keeper != i - 1)
        return td_fail(err, TD_E_INPUT,
                       "timing: a shift of %c: expected that the next level inside may keep it",
                       letter);
    return TD_OK;
}

/* Level i (the MACs for i = -1) against the next outer one: both extents divide. */
static td_status check_mesh(const td_hw *hw, int i, td_error *err) {
    int n = i < 0 ? hw->mac.instances : hw->level[i].instances;
    int x = i < 0 ? hw->mac.mesh_x : hw->level[i].mesh_x;
    REQUIRE(n >= 1, "instances: expected a number >= 1", n);
    REQUIRE(x >= 1 && n % x == 0, "mesh_x: expected a divisor of the instances", x);
    if (i + 1 == hw->n) return TD_OK;
    const td_level *outer = &hw->level[i + 1];
    if (outer->instances < 1 || outer->mesh_x < 1 || outer->instances % outer->mesh_x != 0)
        return TD_OK; /* reported when it is that level's turn */
    int outer_y = outer->instances / outer->mesh_x;
    if (x % outer->mesh_x != 0)
        return td_fail(err, TD_E_INPUT,
                       "mesh_x: expected a multiple of %d, that of %s around it, found %d",
                       outer->mesh_x, outer->name, x);
    if (n / x % outer_y != 0)
        return td_fail(err, TD_E_INPUT,
                       "instances / mesh_x: expected a multiple of %d, that of %s around it, found "
                       "%d",
                       outer_y, outer->name, n / x);
    return TD_OK;
}

td_status td__hw_check(const td_hw *hw, int *at, td_error *err) {
    *at = TD__AT_CHIP;
    REQUIRE(hw->n >= 1 && hw->n <= TD_MAX_LEVELS, "levels: expected 1 to 8", hw->n);
    if (memchr(hw->name, 0, sizeof hw->name) == NULL ||
        memchr(hw->node, 0, sizeof hw->node) == NULL)
        return td_fail(err, TD_E_INPUT, "name or node without an end");
    *at = TD__AT_MAC;
    td_status s = check_mesh(hw, -1, err);
    for (int i = 0; s == TD_OK && i < hw->n; i++) {
        *at = i;
        s = check_level(hw, i, err);
        if (s == TD_OK) s = check_timing(hw, i, err);
        if (s == TD_OK) s = check_mesh(hw, i, err);
    }
    if (s != TD_OK) return s;
    *at = TD__AT_MAC;
    REQUIRE(hw->mac.bits >= 1 && hw->mac.bits <= 64, "bits: expected 1 to 64", hw->mac.bits);
    REQUIRE(energy(hw->mac.energy_pj), "energy_pj: expected a finite number >= 0",
            hw->mac.energy_pj);
    REQUIRE(energy(hw->mac.gated_pj), "gated_pj: expected a finite number >= 0", hw->mac.gated_pj);
    REQUIRE(energy(hw->mac.area_mm2), "area_mm2: expected a finite number >= 0", hw->mac.area_mm2);
    REQUIRE(energy(hw->mac.leak_w), "leak_w: expected a finite number >= 0", hw->mac.leak_w);
    *at = TD__AT_VECTOR;
    REQUIRE(hw->vec.lanes >= 0, "lanes: expected a number >= 0", hw->vec.lanes);
    REQUIRE(energy(hw->vec.energy_pj), "energy_pj: expected a finite number >= 0",
            hw->vec.energy_pj);
    REQUIRE(hw->vec.lanes == 0 || positive(hw->vec.bw), "bw: expected a number > 0", hw->vec.bw);
    *at = TD__AT_CHIP;
    REQUIRE(positive(hw->clock_hz) && isfinite(hw->clock_hz), "clock_hz: expected a number > 0",
            hw->clock_hz);
    REQUIRE(isnan(hw->area_mm2) || energy(hw->area_mm2),
            "area_mm2: expected a finite number >= 0 (or NaN: unknown)", hw->area_mm2);
    REQUIRE(energy(hw->leak_w), "leak_w: expected a finite number >= 0", hw->leak_w);
    REQUIRE(energy(hw->clock_tree), "clock_tree: expected a finite number >= 0", hw->clock_tree);
    const td_level *top = &hw->level[hw->n - 1];
    *at = hw->n - 1;
    REQUIRE(top->capacity_bits == -1, "capacity_bits: expected -1 (null in a file: unbounded)",
            top->capacity_bits);
    REQUIRE(top->instances == 1, "instances: expected 1", top->instances);
    REQUIRE(top->may_keep == TD_ALL_TENSORS, "may_keep: expected all tensors", top->may_keep);
    *at = TD__AT_CHIP;
    unsigned somewhere = 0; /* places in space are places only where there is a fan-out */
    for (int i = 0; i < hw->n; i++)
        for (int axis = 0; axis < TD_NAXIS; axis++)
            if (axis == TD_AXIS_T || td_hw_fanout(hw, i, axis) > 1)
                somewhere |= hw->rules.allowed[i][axis];
    for (int d = 0; d < TD_NDIM; d++)
        if ((somewhere & TD_BIT(d)) == 0)
            return td_fail(err, TD_E_INPUT,
                           "map rules: dimension %c may stand nowhere, in time or on a fan-out",
                           td_dim_letter[d]);
    return TD_OK;
}

td_status td_hw_check(const td_hw *hw, td_error *err) {
    td_error fault = {.code = TD_OK};
    int at;
    td_status s = td__hw_check(hw, &at, &fault);
    if (s == TD_OK) return TD_OK;
    char who[64];
    if (at < 0)
        snprintf(who, sizeof who, "%s",
                 at == TD__AT_MAC      ? "mac"
                 : at == TD__AT_VECTOR ? "vector"
                                       : "accelerator");
    else if (has_name(&hw->level[at]))
        snprintf(who, sizeof who, "level %d (%s%s)", at, hw->level[at].name,
                 at == hw->n - 1 ? ", outermost" : "");
    else
        snprintf(who, sizeof who, "level %d", at);
    return td_fail(err, s, "%s: %s", who, fault.message);
}
