/* store_front.c - what a study in Pareto mode is after, in `meta` under "front:STUDY":
 *     {"objectives": ["accuracy", "area"], "reference": {"accuracy": 0, "area": 2}}
 * in SI units (mm2); a reference that is not known yet is left out. */
#include <string.h>

#include "front.h"
#include "store_sql.h"

static td_status read_front(const td_node *doc, td_front *out, td_error *err) {
    const td_node *list, *reference;
    td_status s = td_node_get_list(doc, "objectives", &list, err);
    if (s == TD_OK) s = td_node_get_map(doc, "reference", &reference, err);
    for (int k = 0; s == TD_OK && k < TD_NOBJECTIVE; k++) {
        for (int i = 0; i < list->count; i++)
            if (list->item[i]->kind == TD_STRING &&
                strcmp(list->item[i]->text, td_objective_key(k)) == 0)
                out->objectives |= TD_OBJECTIVE(k);
        s = td_node_opt_real(reference, td_objective_key(k), 0, INFINITY, &out->reference[k], err);
    }
    return s;
}

td_status td_store_front(td_store *s, const char *study, td_front *out, td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = false;
    *out = (td_front){0};
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status status = td__sql_prepare(
        s, &st, err, "SELECT value FROM meta WHERE key = 'front:' || ?", "s", study);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) {
        const char *text = td__sql_text(st, 0);
        const td_node *doc;
        status = td_json_parse(a, text, strlen(text), s->path, 1, &doc, err);
        if (status == TD_OK) status = read_front(doc, out, err);
        if (status != TD_OK && status != TD_E_MEMORY)
            status =
                td_fail(err, TD_E_STORE, "%s: damaged (objectives of row \"%s\")", s->path, study);
    }
    sqlite3_finalize(st);
    td_arena_destroy(a);
    return status;
}

td_status td__store_front_put(td_store *s, const char *study, const td_front *f, td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row;
    td_text text = {0};
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_node *doc = td_node_map(a), *list = td_node_put(a, doc, "objectives", td_node_list(a));
    td_node *reference = td_node_put(a, doc, "reference", td_node_map(a));
    for (int k = 0; k < TD_NOBJECTIVE; k++) {
        if (!(f->objectives & TD_OBJECTIVE(k))) continue;
        td_node_push(a, list, td_node_string(a, td_objective_key(k)));
        if (k == TD_OBJECTIVE_ACCURACY || f->reference[k] > 0)
            td_node_put_real(a, reference, td_objective_key(k), f->reference[k]);
    }
    td_node_to_json(doc, 0, &text);
    td_status status = text.data == NULL || text.failed ? td_fail(err, TD_E_MEMORY, "out of memory")
                                                        : td__sql_begin(s, err);
    if (status == TD_OK) {
        status =
            td__sql_prepare(s, &st, err, "INSERT OR REPLACE INTO meta VALUES ('front:' || ?, ?)",
                            "ss", study, text.data);
        if (status == TD_OK) status = td__sql_step(s, st, &row, err);
        sqlite3_finalize(st);
        status = td__sql_end(s, status, err);
    }
    td_text_free(&text);
    td_arena_destroy(a);
    return status;
}
