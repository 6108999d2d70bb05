/* Tables of accuracies: whatever is read is told in one line with its place, or is a table whose
 * networks have accuracies in [0, 1]. The first byte chooses the format and how it is read. */
#include <stdlib.h>
#include <string.h>

#include "../../src/accuracy/table_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char net[] =
    "space: blocks\n"
    "input: [1, 4, 4]\n"
    "stem: {channels: 2}\n"
    "operators: {a: {op: identity}, b: {op: conv}, 3: {op: conv, kernel: 5}}\n"
    "layers: [{channels: 2, repeat: 2}, {channels: 3}]\n"
    "head: 0\n";
static const char *const maps[] = {
    "{file: t}",
    "{file: t, columns: {key: '*'}, valid: [v, w], test: t, scale: percent, duplicates: repeats}",
    "{file: t, columns: {x: 'l[12]', y: l3}, separator: '|', outside: skip, values: {0: a, 1: b}}",
    "{file: t, columns: {x: [l3, l1]}, values: {x: {0: a}, l2: {0: b}}, duplicates: repeats}"};

static void check(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    td_arena *a = td_arena_create();
    td_error err = {0};
    const td_node *doc, *map, *of;
    const char *how = maps[data[0] >> 1 & 3];
    td_space *space;
    td__table_options o;
    td__table t;
    check(td_yaml_parse(a, net, strlen(net), "net", &of, &err) == TD_OK &&
          td_space_net_from_node(of, a, &space, &err) == TD_OK);
    check(td_yaml_parse(a, how, strlen(how), "map", &map, &err) == TD_OK &&
          td__table_options_read(map, space, a, &o, &err) == TD_OK);
    const char *text = (const char *)data + 1;
    td_status s = (data[0] & 1) != 0 ? td_json_parse(a, text, size - 1, "t.json", 1, &doc, &err)
                                     : td_csv_parse(a, text, size - 1, "t.csv", &doc, &err);
    if (s == TD_OK) s = td__table_read(doc, &o, space, &t, &err);
    if (s != TD_OK) {
        check(err.code == s && err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
        check(s != TD_E_INPUT || err.where[0] != '\0');
        td_arena_destroy(a);
        return 0;
    }
    check(t.n > 0);
    for (int i = 0; i < t.n; i++) {
        const td__table_net *n = &t.net[i];
        check(n->n_valid > 0 && n->n_test >= 0 && td__table_find(&t, n->hash) == n);
        check(n->valid >= 0 && n->valid + n->n_valid <= t.n_values);
        check(n->test >= 0 && n->test + n->n_test <= t.n_values);
        check(i == 0 || t.net[i - 1].hash < n->hash);
    }
    for (int i = 0; i < t.n_values; i++) check(t.value[i] >= 0 && t.value[i] <= 1);
    td__table_free(&t);
    td_arena_destroy(a);
    return 0;
}
