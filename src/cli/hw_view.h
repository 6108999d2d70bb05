/* What `tandem hw` shows of an accelerator: gathered once, then told as a document or as tables. */
#ifndef TANDEM_CLI_HW_VIEW_H
#define TANDEM_CLI_HW_VIEW_H

#include "tandem/map.h"

typedef struct {
    const char *name;
    double mm2;
} hw_part;

/* Nodes and texts live in the arena, or in the document. */
typedef struct {
    td_hw hw;
    td_power power;
    hw_part part[TD_MAX_LEVELS + 8]; /* of the area; none: it is not known by component */
    int parts;
    const td_node *parameters; /* of the template; NULL: a general description */
    const td_node *tech;       /* the technology's table, with sources; NULL: none is named */
    const char *points;        /* of the space, in decimal; NULL: there is none */
    const td_node *walk;       /* its shares, as of cli_walk_node; NULL: none, or too many points */
    td_map_result best;        /* of a dense layer, for latency */
    char layer[80];
    const char *no_mapping; /* why that layer has none; NULL: it has */
} hw_view;

/* doc: the accelerator's file, with its options in place. TD_E_INFEASIBLE: a rule is broken. */
td_status hw_view_make(const td_node *doc, td_arena *a, hw_view *out, td_error *err);
/* The layer's average power (W) with and without the outermost level, its operations (1e12/s). */
typedef struct {
    double chip_w, total_w, tops;
} hw_layer_power;
hw_layer_power hw_view_layer(const hw_view *v);

td_node *hw_view_node(const hw_view *v, td_arena *a);
void hw_view_table(const hw_view *v, td_text *out);
/* DRAM, the levels inside and the MACs from top to bottom, with the fan-outs between them. */
void hw_draw(const td_hw *hw, td_text *out);

#endif
