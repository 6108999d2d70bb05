/* Reading values out of a document, with messages that say where, what was expected and what was
 * found. */
#include "node.h"

#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

td_status td_node_load(td_arena *a, const char *path, const td_node **doc, td_error *err) {
    *doc = NULL;
    char *data;
    size_t size;
    td_status s = td_file_read(path, 0, &data, &size, err);
    if (s != TD_OK) return s;
    size_t n = strlen(path);
    bool json = n >= 5 && strcasecmp(path + n - 5, ".json") == 0;
    bool csv =
        n >= 4 && (strcasecmp(path + n - 4, ".csv") == 0 || strcasecmp(path + n - 4, ".tsv") == 0);
    s = json  ? td_json_parse(a, data, size, path, 1, doc, err)
        : csv ? td_csv_parse(a, data, size, path, doc, err)
              : td_yaml_parse(a, data, size, path, doc, err);
    free(data);
    return s;
}

const td_node *td_node_find(const td_node *map, const char *key) {
    if (map == NULL || map->kind != TD_MAP) return NULL;
    for (int i = 0; i < map->count; i++)
        if (strcmp(map->item[i]->key, key) == 0) return map->item[i];
    return NULL;
}

static int index_in_parent(const td_node *n) {
    if (n->whole != NULL) n = n->whole;
    for (int i = 0; i < n->parent->count; i++)
        if (n->parent->item[i] == n) return i;
    return -1;
}

static size_t append_path(const td_node *n, char *out, size_t size, size_t used) {
    if (n == NULL || n->parent == NULL) return used;
    used = append_path(n->parent, out, size, used);
    if (used >= size) return used;
    int k = n->key != NULL ? snprintf(out + used, size - used, "%s%s", used > 0 ? "." : "", n->key)
                           : snprintf(out + used, size - used, "[%d]", index_in_parent(n));
    return k > 0 ? used + (size_t)k : used;
}

void td_node_path(const td_node *n, char *out, size_t size) {
    if (size == 0) return;
    out[0] = '\0';
    append_path(n, out, size, 0);
}

td_status td__node_fail_line(const td_node *n, const td_node *at, td_error *err,
                             const char *message) {
    const char *file = at != NULL && at->file != NULL ? at->file : n != NULL ? n->file : NULL;
    char path[256], where[512];
    td_node_path(n, path, sizeof path);
    where[0] = '\0';
    if (file != NULL && at != NULL && at->line > 0)
        snprintf(where, sizeof where, "%.300s:%d", file, at->line);
    else if (file != NULL) /* an option of the command line has no lines */
        snprintf(where, sizeof where, "%.300s", file);
    return td_fail_at(err, TD_E_INPUT, where, "%s%s%s", path, path[0] != '\0' ? ": " : "", message);
}

td_status td_node_fail(const td_node *n, td_error *err, const char *format, ...) {
    char message[sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return td__node_fail_line(n, n, err, message);
}

td_status td_node_place(const td_node *n, td_error *err) {
    td_status code = err->code;
    td_node_fail(n, err, "%s", err->message);
    return err->code = code;
}

/* What a node is, for "found ...". */
static const char *found(const td_node *n, char out[64]) {
    char number[32];
    switch (n->kind) {
    case TD_NULL: return "nothing";
    case TD_BOOL: return n->boolean ? "true" : "false";
    case TD_INT: snprintf(out, 64, "%" PRId64, n->integer); return out;
    case TD_REAL:
        td_real_text(n->real, number);
        snprintf(out, 64, "%s", n->text != NULL && strlen(n->text) < 40 ? n->text : number);
        return out;
    case TD_STRING:
        if (strlen(n->text) <= 40) {
            snprintf(out, 64, "\"%s\"", n->text);
        } else {
            int cut = 37; /* not within a UTF-8 character */
            while (cut > 0 && ((unsigned char)n->text[cut] & 0xc0) == 0x80) cut--;
            snprintf(out, 64, "\"%.*s...\"", cut, n->text);
        }
        return out;
    case TD_LIST: snprintf(out, 64, "a list of %d", n->count); return out;
    case TD_MAP: return "a map";
    }
    return "nothing";
}

td_status td__node_fail_kind(const td_node *n, const char *expected, td_error *err) {
    char buffer[64];
    return td_node_fail(n, err, "expected %s, found %s", expected, found(n, buffer));
}

/* The item of `key`: *out is NULL with TD_OK if it is absent (or null) and not required. */
static td_status lookup(const td_node *map, const char *key, bool required, const char *expected,
                        const td_node **out, td_error *err) {
    *out = NULL;
    if (map != NULL && map->kind != TD_MAP && map->kind != TD_NULL)
        return td__node_fail_kind(map, "a map", err);
    const td_node *n = td_node_find(map, key);
    if (n == NULL && required)
        return td_node_fail(map, err, "missing key \"%s\", expected %s", key, expected);
    if (n == NULL || (n->kind == TD_NULL && !required)) return TD_OK;
    if (n->kind == TD_NULL) return td__node_fail_kind(n, expected, err);
    *out = n;
    return TD_OK;
}

/* "a number >= 0", "a number in [0, 1]". The smallest positive doubles stand for "> 0". */
static void expected_real(double lo, double hi, char out[96]) {
    char low[40], high[40];
    bool above_zero = lo > 0 && lo <= DBL_MIN;
    snprintf(low, sizeof low, above_zero ? "> 0" : ">= %.12g", lo);
    snprintf(high, sizeof high, hi < 0 && hi >= -DBL_MIN ? "< 0" : "<= %.12g", hi);
    bool has_lo = lo > -DBL_MAX, has_hi = hi < DBL_MAX;
    if (has_lo && has_hi && !above_zero)
        snprintf(out, 96, "a number in [%.12g, %.12g]", lo, hi);
    else if (has_lo && has_hi)
        snprintf(out, 96, "a number %s and %s", low, high);
    else if (has_lo || has_hi)
        snprintf(out, 96, "a number %s", has_lo ? low : high);
    else
        snprintf(out, 96, "a number");
}

static td_status read_real(const td_node *map, const char *key, bool required, double lo, double hi,
                           double *out, td_error *err) {
    char expected[96];
    expected_real(lo, hi, expected);
    const td_node *n;
    td_status s = lookup(map, key, required, expected, &n, err);
    if (s != TD_OK || n == NULL) return s;
    bool number = n->kind == TD_REAL || n->kind == TD_INT;
    if (!number || !(n->real >= lo && n->real <= hi)) return td__node_fail_kind(n, expected, err);
    *out = n->real;
    return TD_OK;
}

static void expected_int(int64_t lo, int64_t hi, char out[96]) {
    if (lo > INT64_MIN && hi < INT64_MAX)
        snprintf(out, 96, "an integer in [%" PRId64 ", %" PRId64 "]", lo, hi);
    else if (lo > INT64_MIN)
        snprintf(out, 96, "an integer >= %" PRId64, lo);
    else if (hi < INT64_MAX)
        snprintf(out, 96, "an integer <= %" PRId64, hi);
    else
        snprintf(out, 96, "an integer");
}

static td_status read_int(const td_node *map, const char *key, bool required, int64_t lo,
                          int64_t hi, int64_t *out, td_error *err) {
    char expected[96];
    expected_int(lo, hi, expected);
    const td_node *n;
    td_status s = lookup(map, key, required, expected, &n, err);
    if (s != TD_OK || n == NULL) return s;
    if (n->kind != TD_INT || n->integer < lo || n->integer > hi)
        return td__node_fail_kind(n, expected, err);
    *out = n->integer;
    return TD_OK;
}

static td_status read_kind(const td_node *map, const char *key, bool required, td_node_kind kind,
                           const td_node **out, td_error *err) {
    static const char *const names[] = {
        [TD_NULL] = "nothing",  [TD_BOOL] = "true or false", [TD_INT] = "an integer",
        [TD_REAL] = "a number", [TD_STRING] = "a string",    [TD_LIST] = "a list",
        [TD_MAP] = "a map"};
    td_status s = lookup(map, key, required, names[kind], out, err);
    if (s == TD_OK && *out != NULL && (*out)->kind != kind)
        s = td__node_fail_kind(*out, names[kind], err);
    return s;
}

static td_status read_bool(const td_node *map, const char *key, bool required, bool *out,
                           td_error *err) {
    const td_node *n;
    td_status s = read_kind(map, key, required, TD_BOOL, &n, err);
    if (s == TD_OK && n != NULL) *out = n->boolean;
    return s;
}

static td_status read_string(const td_node *map, const char *key, bool required, const char **out,
                             td_error *err) {
    const td_node *n;
    td_status s = read_kind(map, key, required, TD_STRING, &n, err);
    if (s == TD_OK && n != NULL) *out = n->text;
    return s;
}

static td_status read_node(const td_node *map, const char *key, bool required, td_node_kind kind,
                           const td_node **out, td_error *err) {
    const td_node *n;
    td_status s = read_kind(map, key, required, kind, &n, err);
    if (s == TD_OK && n != NULL) *out = n;
    return s;
}

td_status td_node_get_real(const td_node *map, const char *key, double lo, double hi, double *out,
                           td_error *err) {
    return read_real(map, key, true, lo, hi, out, err);
}

td_status td_node_get_int(const td_node *map, const char *key, int64_t lo, int64_t hi, int64_t *out,
                          td_error *err) {
    return read_int(map, key, true, lo, hi, out, err);
}

td_status td_node_get_bool(const td_node *map, const char *key, bool *out, td_error *err) {
    return read_bool(map, key, true, out, err);
}

td_status td_node_get_string(const td_node *map, const char *key, const char **out, td_error *err) {
    return read_string(map, key, true, out, err);
}

td_status td_node_get_list(const td_node *map, const char *key, const td_node **out,
                           td_error *err) {
    return read_node(map, key, true, TD_LIST, out, err);
}

td_status td_node_get_map(const td_node *map, const char *key, const td_node **out, td_error *err) {
    return read_node(map, key, true, TD_MAP, out, err);
}

td_status td_node_opt_real(const td_node *map, const char *key, double lo, double hi, double *out,
                           td_error *err) {
    return read_real(map, key, false, lo, hi, out, err);
}

td_status td_node_opt_int(const td_node *map, const char *key, int64_t lo, int64_t hi, int64_t *out,
                          td_error *err) {
    return read_int(map, key, false, lo, hi, out, err);
}

td_status td_node_opt_bool(const td_node *map, const char *key, bool *out, td_error *err) {
    return read_bool(map, key, false, out, err);
}

td_status td_node_opt_string(const td_node *map, const char *key, const char **out, td_error *err) {
    return read_string(map, key, false, out, err);
}

td_status td_node_opt_list(const td_node *map, const char *key, const td_node **out,
                           td_error *err) {
    return read_node(map, key, false, TD_LIST, out, err);
}

td_status td_node_opt_map(const td_node *map, const char *key, const td_node **out, td_error *err) {
    return read_node(map, key, false, TD_MAP, out, err);
}
