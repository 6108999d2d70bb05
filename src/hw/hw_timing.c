/* `timing:` of a level, both ways:
 *
 *     timing:
 *       hop_x: 1     # cycles that a child is behind its neighbour along X; 0 if absent
 *       hop_y: 1
 *       shift_y: 1   # cycles for each child along Y and word of its tile before a fold; shift_x
 *       fold: W      # the tensor that stays during a fold; absent: folds follow without a gap
 *       start: 350        # cycles before each pass; 0 if absent
 *       command: 7.5      # cycles that a pass takes at least
 *       latency: 100      # cycles until the first word of a transfer comes
 *       burst_bits: 512   # what is moved at least
 *       ramp: true        # the first tiles and the last results are moved while nothing computes
 */
#include <string.h>

#include "tandem/hw.h"

enum { MOST = 1 << 20 };

/* Whole numbers first, then reals. */
enum { WHOLE = 5, REAL = 3 };
static const char *const KEYS[] = {"hop_x",      "hop_y", "shift_x", "shift_y",
                                   "burst_bits", "start", "command", "latency",
                                   "fold",       "ramp",  NULL};

bool td_timing_ideal(const td_level_timing *t) {
    return (t->hop_x | t->hop_y | t->shift_x | t->shift_y | t->burst_bits) == 0 && t->start == 0 &&
           t->command == 0 && t->latency == 0 && !t->ramp;
}

static int32_t *whole_of(td_level_timing *t, int key) {
    int32_t *const at[] = {&t->hop_x, &t->hop_y, &t->shift_x, &t->shift_y, &t->burst_bits};
    return at[key];
}

static double *real_of(td_level_timing *t, int key) {
    double *const at[] = {&t->start, &t->command, &t->latency};
    return at[key];
}

td_status td_timing_from_node(const td_node *level, td_level_timing *out, td_error *err) {
    *out = (td_level_timing){.fold = 0};
    const td_node *map = NULL;
    td_status s = td_node_opt_map(level, "timing", &map, err);
    if (s != TD_OK || map == NULL) return s;
    s = td_node_only(map, KEYS, err);
    for (int i = 0; i < WHOLE && s == TD_OK; i++) {
        int64_t v = 0;
        s = td_node_opt_int(map, KEYS[i], 0, MOST, &v, err);
        *whole_of(out, i) = (int32_t)v;
    }
    for (int i = 0; i < REAL && s == TD_OK; i++)
        s = td_node_opt_real(map, KEYS[WHOLE + i], 0, MOST, real_of(out, i), err);
    if (s == TD_OK) s = td_node_opt_bool(map, "ramp", &out->ramp, err);
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
    for (int i = 0; i < WHOLE; i++)
        if (*whole_of(&copy, i) != 0) td_node_put_int(a, map, KEYS[i], *whole_of(&copy, i));
    for (int i = 0; i < REAL; i++)
        if (*real_of(&copy, i) > 0) td_node_put_real(a, map, KEYS[WHOLE + i], *real_of(&copy, i));
    if (t->ramp) td_node_put_bool(a, map, "ramp", true);
    for (int k = 0; k < TD_NTENSOR; k++) {
        const char letter[2] = {td_tensor_letter[k], '\0'};
        if (t->fold == TD_BIT(k)) td_node_put_string(a, map, "fold", letter);
    }
    return map;
}
