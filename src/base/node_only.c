/* Unknown keys, with the nearest known one. */
#include <string.h>

#include "node.h"

enum { LONGEST = 63 }; /* names beyond this are not compared */

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) that turn a into b; letters' case is free. */
static int edit_distance(const char *a, const char *b) {
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n > LONGEST || m > LONGEST) return n + m;
    int row[3][LONGEST + 1]; /* rows i - 2, i - 1 and i of the table, in turn */
    for (int j = 0; j <= m; j++) row[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3], *last = row[(i - 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int differ = (a[i - 1] | 0x20) != (b[j - 1] | 0x20);
            now[j] = least(least(now[j - 1], last[j]) + 1, last[j - 1] + differ);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], row[(i - 2) % 3][j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

static bool known(const char *key, const char *const *keys) {
    for (; *keys != NULL; keys++)
        if (strcmp(key, *keys) == 0) return true;
    return false;
}

static const char *nearest(const char *key, const char *const *keys) {
    const char *best = NULL;
    int best_distance = least(4, 1 + (int)strlen(key) / 3) + 1;
    for (; *keys != NULL; keys++) {
        int d = edit_distance(key, *keys);
        if (d < best_distance) best = *keys, best_distance = d;
    }
    return best;
}

static td_status fail_unknown(const td_node *map, const td_node *item, const char *const *keys,
                              td_error *err) {
    const char *guess = nearest(item->key, keys);
    td_text text = {0};
    td_text_addf(&text, "unknown key \"%.80s\", ", item->key);
    if (guess != NULL) {
        td_text_addf(&text, "did you mean \"%s\"?", guess);
    } else {
        td_text_add(&text, keys[0] != NULL ? "known are: " : "no keys are known here");
        for (int i = 0; keys[i] != NULL; i++)
            td_text_addf(&text, "%s%s", i > 0 ? ", " : "", keys[i]);
    }
    /* The path is that of the map, the line that of the key. */
    td_status s =
        td__node_fail_line(map, item->line, err, text.data != NULL ? text.data : "unknown key");
    td_text_free(&text);
    return s;
}

td_status td_node_only(const td_node *map, const char *const *keys, td_error *err) {
    if (map == NULL || map->kind == TD_NULL) return TD_OK;
    if (map->kind != TD_MAP) return td__node_fail_kind(map, "a map", err);
    for (int i = 0; i < map->count; i++)
        if (!known(map->item[i]->key, keys)) return fail_unknown(map, map->item[i], keys, err);
    return TD_OK;
}
