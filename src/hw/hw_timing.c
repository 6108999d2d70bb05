/* `timing:` of a level, both ways:
 *
 *     timing:
 *       hop_x: 1     # cycles that a child is behind its neighbour along X; 0 if absent
 *       hop_y: 1
 *       shift_y: 1   # cycles for each child along Y and word of its tile before a fold; 0 if
 * absent fold: W      # the tensor that stays during a fold; absent: folds follow without a gap
 */
#include <string.h>

#include "tandem/hw.h"

enum { MOST_CYCLES = 1 << 20 };

static const char *const KEYS[] = {"hop_x", "hop_y", "shift_x", "shift_y", "fold", NULL};

bool td_timing_ideal(const td_level_timing *t) {
    return (t->hop_x | t->hop_y | t->shift_x | t->shift_y) == 0;
}

static int32_t *cycles_of(td_level_timing *t, int key) {
    int32_t *const at[] = {&t->hop_x, &t->hop_y, &t->shift_x, &t->shift_y};
    return at[key];
}

td_status td_timing_from_node(const td_node *level, td_level_timing *out, td_error *err) {
    *out = (td_level_timing){.fold = 0};
    const td_node *map = NULL;
    td_status s = td_node_opt_map(level, "timing", &map, err);
    if (s != TD_OK || map == NULL) return s;
    s = td_node_only(map, KEYS, err);
    for (int i = 0; i < 4 && s == TD_OK; i++) {
        int64_t v = 0;
        s = td_node_opt_int(map, KEYS[i], 0, MOST_CYCLES, &v, err);
        *cycles_of(out, i) = (int32_t)v;
    }
    const char *fold = NULL;
    if (s == TD_OK) s = td_node_opt_string(map, "fold", &fold, err);
    if (s != TD_OK || fold == NULL) return s;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (fold[0] == td_tensor_letter[t] && fold[1] == '\0') out->fold = (uint8_t)TD_BIT(t);
    if (out->fold == 0)
        return td_node_fail(td_node_find(map, "fold"), err, "expected W, I or O, found \"%.20s\"",
                            fold);
    return TD_OK;
}

td_node *td_timing_to_node(const td_level_timing *t, td_arena *a) {
    td_level_timing copy = *t;
    if (td_timing_ideal(t) && t->fold == 0) return NULL;
    td_node *map = td_node_map(a);
    for (int i = 0; i < 4; i++)
        if (*cycles_of(&copy, i) != 0) td_node_put_int(a, map, KEYS[i], *cycles_of(&copy, i));
    for (int k = 0; k < TD_NTENSOR; k++) {
        const char letter[2] = {td_tensor_letter[k], '\0'};
        if (t->fold == TD_BIT(k)) td_node_put_string(a, map, "fold", letter);
    }
    return map;
}
