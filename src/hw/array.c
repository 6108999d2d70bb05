/* The template spatial-array: from a few parameters to levels, map rules and energies. Eyeriss is a
 * point of it (hw/eyeriss.yaml).
 *
 *     DRAM -- [buffer_x by buffer_y: buffer] -- [mesh_x by mesh_y PEs: three register files, a MAC]
 *
 * Energies are those of a technology table for a memory's size, as in Timeloop's model of a buffer
 * (repository NVlabs/timeloop, model/buffer.cpp): an access of the buffer is of `block` words;
 * `cluster` instances stand side by side in one physical memory, which is as wide as theirs
 * together (word_bits x block x cluster) and as high as one of them in blocks, rounded up; an
 * access of an instance has its share of an access of that memory. What is left of the formula is
 * the block's energy in a memory `cluster` times the size of an instance. So where energies per
 * word depend on size only (the table pat), neither blocks nor clusters save anything: blocks that
 * are not full cost, clusters make the memory larger. They are there because the paper varies them.
 *
 * What a mapping may do. R and S stand in one place only, whole (a dim that is allowed in one place
 * must be there): in time in the register files, or along Y of the array, where what they make is
 * added up; together if both are spread. A layer whose filter is too large for it has no mapping.
 *
 *     free             the register files of a PE are one place for loops in time, PsumRF: the
 *                      paper's "local buffer", of which each file has its tensor's part. N, K, C,
 *                      P, Q, G may stand there, along X and Y, at the buffer and at DRAM
 *     row_stationary   as Timeloop's description of Eyeriss has it (hw/eyeriss-256.yaml): K, G at
 *                      PsumRF, C at WeightRF; X: Q, K, G; Y: C, K, G; the buffer: P, N, K, G; DRAM:
 *                      all but P
 *
 * Instances of the buffer differ in any of the dims of `free`, or in K, G, P, N. They have no
 * words of each other; weights pass them by. */
#include <stdio.h>

#include "array.h"

enum { PSUM_RF, WEIGHT_RF, INPUT_RF, BUFFER, DRAM, N_LEVELS };

static void set_energy(td_level *l, const td_tech *t, td_memory kind, double capacity_bits) {
    double pj = td_tech_access_pj(t, kind, capacity_bits, l->block_bits);
    l->read_pj = l->fill_pj = l->update_pj = pj;
}

static void register_file(td_level *l, const char *name, td_tensor tensor, int32_t words,
                          const td_array *p, const td_tech *t) {
    snprintf(l->name, sizeof l->name, "%s", name);
    l->may_keep = l->must_keep = (uint8_t)TD_BIT(tensor);
    l->instances = p->pes;
    l->mesh_x = p->mesh_x;
    l->capacity_bits = (int64_t)words * p->word_bits;
    set_energy(l, t, TD_REGFILE, (double)l->capacity_bits);
}

static void build_levels(const td_array *p, const td_tech *t, td_hw *hw) {
    for (int i = 0; i < N_LEVELS; i++)
        hw->level[i] = (td_level){.may_keep = TD_ALL_TENSORS,
                                  .multicast = TD_ALL_TENSORS,
                                  .reduce = TD_BIT(TD_O),
                                  .shares = -1,
                                  .capacity_bits = -1,
                                  .instances = 1,
                                  .mesh_x = 1,
                                  .word_bits = p->word_bits,
                                  .block_bits = p->word_bits,
                                  .buffering = 1,
                                  .read_bw = INFINITY,
                                  .write_bw = INFINITY,
                                  .shared_bw = INFINITY};
    register_file(&hw->level[PSUM_RF], "PsumRF", TD_O,
                  p->pe_words - p->input_words - p->weight_words, p, t);
    register_file(&hw->level[WEIGHT_RF], "WeightRF", TD_W, p->weight_words, p, t);
    register_file(&hw->level[INPUT_RF], "InputRF", TD_I, p->input_words, p, t);

    td_level *l = &hw->level[BUFFER];
    int64_t words = td__array_buffer_words(p), blocks = (words + p->block - 1) / p->block;
    snprintf(l->name, sizeof l->name, "Buffer");
    l->may_keep = l->must_keep = TD_BIT(TD_I) | TD_BIT(TD_O);
    l->instances = p->buffer_x * p->buffer_y;
    l->mesh_x = p->buffer_x;
    l->capacity_bits = words * p->word_bits;
    l->block_bits = p->word_bits * p->block;
    l->read_bw = l->write_bw = p->buffer_words_per_cycle * p->word_bits;
    set_energy(l, t, TD_SRAM, (double)blocks * l->block_bits * p->cluster);

    l = &hw->level[DRAM];
    snprintf(l->name, sizeof l->name, "DRAM");
    if (p->dram_words_per_cycle > 0)
        l->read_bw = l->write_bw = p->dram_words_per_cycle * p->word_bits;
    set_energy(l, t, TD_DRAM, 0);
}

static void build_rules(const td_array *p, td_map_rules *r) {
    const uint8_t filter = td__dims("RS");
    uint8_t spread = 0;
    if (p->filter_width == 2) spread |= td__dims("R");
    if (p->filter_height == 2) spread |= td__dims("S");
    const uint8_t inside = (uint8_t)(filter & ~spread);
    *r = (td_map_rules){.pad = false};
#define ALLOW(level, axis, set) r->allowed[level][axis] = (uint8_t)(set)
    if (p->row_stationary) {
        ALLOW(PSUM_RF, TD_AXIS_T, td__dims("KG"));
        ALLOW(WEIGHT_RF, TD_AXIS_T, td__dims("C") | inside);
        ALLOW(BUFFER, TD_AXIS_X, td__dims("QKG"));
        ALLOW(BUFFER, TD_AXIS_Y, td__dims("CKG") | spread);
        ALLOW(BUFFER, TD_AXIS_T, td__dims("PNKG"));
        ALLOW(DRAM, TD_AXIS_X, td__dims("KGPN"));
        ALLOW(DRAM, TD_AXIS_Y, td__dims("KGPN"));
        ALLOW(DRAM, TD_AXIS_T, td__dims("CKNQG"));
        return;
    }
    const uint8_t others = td__dims("NKCPQG");
    ALLOW(PSUM_RF, TD_AXIS_T, others | inside);
    ALLOW(BUFFER, TD_AXIS_X, others);
    ALLOW(BUFFER, TD_AXIS_Y, others | spread);
    ALLOW(BUFFER, TD_AXIS_T, others);
    for (int axis = 0; axis < TD_NAXIS; axis++) ALLOW(DRAM, axis, others);
#undef ALLOW
}

td_status td_array_build(const td_array *p, const td_tech *tech, td_hw *hw, int64_t *missing_bytes,
                         td_error *err) {
    if (missing_bytes != NULL) *missing_bytes = 0;
    td_status s = td__template_check(&td__array_template, p, err);
    if (s == TD_OK) s = td__template_rules(&td__array_template, p, missing_bytes, err);
    if (s != TD_OK) return s;
    *hw = (td_hw){.name = "spatial-array",
                  .n = N_LEVELS,
                  .clock_hz = p->clock_hz,
                  .area_mm2 = NAN,
                  .relative_energy = !td_tech_whole(tech)};
    if (td_tech_whole(tech)) snprintf(hw->node, sizeof hw->node, "%s", tech->node);
    build_levels(p, tech, hw);
    build_rules(p, &hw->rules);
    hw->mac = (td_mac){.instances = p->pes,
                       .mesh_x = p->mesh_x,
                       .bits = p->word_bits,
                       .energy_pj = td_tech_mac_pj(tech, p->word_bits, p->word_bits)};
    /* Pools and additions at the buffer: a result for each word that a port moves in a cycle. */
    int32_t lanes = (int32_t)ceil(p->buffer_words_per_cycle);
    hw->vec = (td_vector_unit){.lanes = lanes,
                               .energy_pj = td_tech_whole(tech) ? tech->vector_pj : 0,
                               .bw = p->buffer_words_per_cycle * p->word_bits};
    return TD_OK;
}
