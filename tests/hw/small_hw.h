/* small_hw.h - a description written by hand. */
#ifndef TANDEM_TESTS_SMALL_HW_H
#define TANDEM_TESTS_SMALL_HW_H

#include <stdio.h>

#include "tandem/hw.h"

/* Two levels around 4 x 2 MACs, written by hand. */
static inline td_hw small(void) {
    td_hw hw = {.name = "small",
                .n = 3,
                .clock_hz = 1e9,
                .area_mm2 = 2,
                .leak_w = .01,
                .clock_tree = .2,
                .node = "22nm"};
    hw.mac = (td_mac){
        .instances = 8, .mesh_x = 4, .energy_pj = .5, .bits = 8, .area_mm2 = .01, .leak_w = 1e-4};
    hw.vec = (td_vector_unit){.lanes = 4, .energy_pj = .1, .bw = 64};
    for (int i = 0; i < 3; i++) {
        hw.level[i] = (td_level){.may_keep = 7,
                                 .must_keep = 1,
                                 .multicast = 7,
                                 .reduce = 4,
                                 .capacity_bits = 4096 << i,
                                 .instances = 1,
                                 .mesh_x = 1,
                                 .word_bits = 8,
                                 .block_bits = 16,
                                 .buffering = 2,
                                 .read_bw = 8,
                                 .write_bw = 16,
                                 .shared_bw = INFINITY,
                                 .read_pj = 1,
                                 .fill_pj = 2,
                                 .update_pj = 3,
                                 .leak_w = .001,
                                 .area_mm2 = .1,
                                 .shares = -1};
        snprintf(hw.level[i].name, sizeof hw.level[i].name, "L%d", i);
        for (int axis = 0; axis < TD_NAXIS; axis++) hw.rules.allowed[i][axis] = 0xff;
    }
    hw.level[0].instances = 4;
    hw.level[0].mesh_x = 2;
    hw.level[2].capacity_bits = -1;
    return hw;
}

#endif
