/* map_cache.h - what a cache of mappings holds beside them: the ways of layers (layer_memo.h), and
 * an accelerator as a key. */
#ifndef TANDEM_MAP_CACHE_H
#define TANDEM_MAP_CACHE_H

#include "layer_memo.h"

/* An accelerator without its name, gaps and figures that do not matter for a mapping: td_hw_hash
 * says which these are, but an equal hash is no proof, so the fields themselves are compared as
 * well, as bytes. */
typedef struct {
    uint64_t hw_hash, names; /* names: of the levels, which reasons tell */
    int32_t mac_instances, mac_mesh_x, mac_bits, n;
    double mac_pj[2], clock_tree; /* at any width, gated */
    td_map_rules rules;
    struct {
        int64_t capacity_bits;
        double buffering, bw[3], pj[3];
        double stall[3];
        int32_t instances, mesh_x, block_bits, timing[5];
        uint8_t may_keep, must_keep, multicast, reduce, reload, fold, ramp;
    } level[TD_MAX_LEVELS];
} td__hw_key;
void td__hw_key_make(const td_hw *hw, td__hw_key *k);

td__layer_memo *td__map_cache_layers(td_map_cache *c);

#endif
