/* Accelerator and technology files: whatever the bytes, reading ends with a status; what is
 * accepted passes the check, has positive fan-outs and survives the way through its own text. */
#include <stdlib.h>
#include <string.h>

#include "tandem/hw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(ok)                                                                                   \
    do {                                                                                           \
        if (!(ok)) abort();                                                                        \
    } while (0)

static void accepted(const td_hw *hw, td_arena *a) {
    td_error err = {0};
    MUST(td_hw_check(hw, &err) == TD_OK);
    int64_t macs = 1;
    for (int l = 0; l < hw->n; l++)
        macs *= (int64_t)td_hw_fanout(hw, l, TD_AXIS_X) * td_hw_fanout(hw, l, TD_AXIS_Y);
    MUST(macs == td_hw_peak_macs(hw));
    td_text text = {0};
    const td_node *doc;
    td_hw back;
    td_node_to_yaml(td_hw_to_node(hw, a), &text);
    MUST(!text.failed && td_yaml_parse(a, text.data, text.size, "again", &doc, &err) == TD_OK);
    MUST(td_hw_from_node(doc, &back, &err) == TD_OK);
    MUST(td_hw_hash(&back) == td_hw_hash(hw) && strcmp(back.name, hw->name) == 0);
    td_text_free(&text);
}

static void accepted_template(const td_edge *p, td_arena *a) {
    td_error err = {0};
    td_text text = {0};
    const td_node *doc;
    td_edge back;
    td_node_to_yaml(td_edge_to_node(p, a), &text);
    MUST(!text.failed && td_yaml_parse(a, text.data, text.size, "again", &doc, &err) == TD_OK);
    MUST(td_edge_from_node(doc, &back, &err) == TD_OK);
    MUST(back.rf_bytes == p->rf_bytes && back.local_bytes == p->local_bytes);
    td_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_hw hw;
    td_edge edge;
    td_tech tech;
    MUST(a != NULL);
    if (td_yaml_parse(a, (const char *)data, size, "fuzz", &doc, &err) == TD_OK) {
        if (td_edge_from_node(doc, &edge, &err) == TD_OK) {
            accepted_template(&edge, a);
            td_tech_load("22nm", &tech, &err);
            edge.tech[0] = 0;
            td_status s = td_edge_build(&edge, &tech, &hw, NULL, &err);
            MUST(s == TD_OK || s == TD_E_INFEASIBLE);
            if (s == TD_OK) accepted(&hw, a);
        } else if (td_node_find(doc, "template") == NULL &&
                   td_hw_from_node(doc, &hw, &err) == TD_OK) {
            accepted(&hw, a);
        }
        td_tech_from_node(doc, &tech, &err);
    }
    td_arena_destroy(a);
    return 0;
}
