#include "eval_timeline.h"

static td_status write_json(const td_node *n, int indent, const char *path, td_error *err) {
    td_text text = {0};
    td_node_to_json(n, indent, &text);
    td_text_add(&text, "\n");
    td_status st = n == NULL || text.failed ? td_fail(err, TD_E_MEMORY, "out of memory")
                                            : td_file_write(path, text.data, text.size, err);
    td_text_free(&text);
    return st;
}

td_status eval_timeline(const td_net *net, const td_hw *hw, const td_schedule *s,
                        const char *timeline, const char *trace, td_arena *a, td_error *err) {
    td_timeline t = {0};
    if (timeline == NULL && trace == NULL) return TD_OK;
    td_status st = td_timeline_build(net, hw, s, &t, err);
    if (st == TD_OK && td_timeline_check(net, hw, s, &t, err) != TD_OK)
        st = err->code = TD_E_INTERNAL; /* our schedule, not the user's input */
    if (st == TD_OK && timeline != NULL)
        st = write_json(td_timeline_to_node(net, hw, &t, a), 1, timeline, err);
    if (st == TD_OK && trace != NULL)
        st = write_json(td_timeline_to_trace(net, hw, &t, a), 0, trace, err);
    td_timeline_free(&t);
    return st;
}
