/* Values that are put into an accelerator's document before it is built. A key is a path in the
 * file ("io_gbps", "levels[2].read_bw"), or says what is meant, whatever the form of the file:
 * "DRAM.bandwidth", "Local.capacity", "clock". A value may be so many times what the file has:
 * "2x", or have a unit: "32GB/s", "512KB", "1GHz". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "space_bits.h"

/* What the levels of the edge template have, by its parameters. */
static const struct {
    const char *key, *parameter;
} edge_keys[] = {{"DRAM.bandwidth", "io_gbps"},
                 {"Local.bandwidth", "port_bytes"},
                 {"Local.capacity", "local_kb"},
                 {"RF.capacity", "rf_kb"},
                 {"clock", "clock_ghz"}};
enum { N_EDGE_KEYS = sizeof edge_keys / sizeof edge_keys[0] };

bool td__hw_factor(const char *text, double *factor) {
    char *end;
    double v = strtod(text, &end);
    if (end == text || strcmp(end, "x") != 0 || !(v > 0 && v < INFINITY)) return false;
    *factor = v;
    return true;
}

/* ---- units ------------------------------------------------------------------------------------
 */

typedef enum { BANDWIDTH, CAPACITY, CLOCK } quantity;

/* Of a unit in bytes a second, bytes, or Hz. */
static const struct {
    const char *name;
    quantity of;
    double si;
} units[] = {{"GB/s", BANDWIDTH, 1e9}, {"MB/s", BANDWIDTH, 1e6},  {"B", CAPACITY, 1},
             {"KB", CAPACITY, 1024},   {"MB", CAPACITY, 1 << 20}, {"GHz", CLOCK, 1e9},
             {"MHz", CLOCK, 1e6}};
enum { N_UNITS = sizeof units / sizeof units[0] };

/* What the numbers of files are of the same: so much of theirs in one of ours, or of it per cycle.
 */
static const struct {
    const char *name;
    quantity of;
    double per;
    bool per_cycle;
} numbers[] = {{"io_gbps", BANDWIDTH, 1e-9, false},    {"port_bytes", BANDWIDTH, 1, true},
               {"read_bw", BANDWIDTH, 8, true},        {"write_bw", BANDWIDTH, 8, true},
               {"shared_bw", BANDWIDTH, 8, true},      {"local_kb", CAPACITY, 1.0 / 1024, false},
               {"rf_kb", CAPACITY, 1.0 / 1024, false}, {"capacity_kb", CAPACITY, 1.0 / 1024, false},
               {"capacity_bits", CAPACITY, 8, false},  {"clock_ghz", CLOCK, 1e-9, false},
               {"clock_hz", CLOCK, 1, false}};
enum { N_NUMBERS = sizeof numbers / sizeof numbers[0] };

bool td__hw_amount(const char *text, const td__hw_key *k, double *out) {
    char *end;
    double v = strtod(text, &end);
    int u = 0, n = 0;
    while (u < N_UNITS && strcmp(end, units[u].name) != 0) u++;
    const char *dot = k->n > 0 ? strrchr(k->path[0], '.') : NULL;
    const char *name = dot != NULL ? dot + 1 : k->n > 0 ? k->path[0] : "";
    while (n < N_NUMBERS && strcmp(name, numbers[n].name) != 0) n++;
    if (end == text || u == N_UNITS || n == N_NUMBERS || numbers[n].of != units[u].of) return false;
    *out = v * units[u].si * numbers[n].per / (numbers[n].per_cycle ? k->clock_hz : 1);
    return v > 0 && isfinite(*out);
}

/* ---- keys -------------------------------------------------------------------------------------
 */

static bool is_edge(const td_node *doc) {
    const td_node *t = td_node_find(doc, "template");
    return t != NULL && t->kind == TD_STRING && strcmp(t->text, "edge") == 0;
}

/* The node at a path, NULL if there is none. */
static const td_node *at_path(const td_node *n, const char *path) {
    while (n != NULL && *path != '\0') {
        if (*path == '[') {
            char *end;
            unsigned long i = strtoul(path + 1, &end, 10);
            if (*end != ']' || n->kind != TD_LIST || i >= (unsigned long)n->count) return NULL;
            n = n->item[i];
            path = end + 1;
        } else {
            size_t size = strcspn(path, ".[");
            const td_node *found = NULL;
            for (int i = 0; n->kind == TD_MAP && i < n->count; i++)
                if (strlen(n->item[i]->key) == size && strncmp(n->item[i]->key, path, size) == 0)
                    found = n->item[i];
            n = found;
            path += size;
        }
        path += *path == '.';
    }
    return n;
}

static double number_at(const td_node *doc, const char *path) {
    const td_node *n = at_path(doc, path);
    return n != NULL && (n->kind == TD_INT || n->kind == TD_REAL) ? n->real : NAN;
}

static void add_path(td__hw_key *k, const td_node *doc, const char *path) {
    if (path == NULL) return;
    k->path[k->n] = path;
    k->now[k->n++] = number_at(doc, path);
}

/* "NAME.bandwidth" and "NAME.capacity" of a description in full: those of its numbers that limit
 * it. */
static td_status level_key(td_arena *a, const td_node *levels, const char *key, size_t name,
                           td__hw_key *out, td_error *err) {
    static const char *const of_bandwidth[] = {"read_bw", "write_bw", "shared_bw", NULL};
    static const char *const of_capacity[] = {"capacity_kb", "capacity_bits", NULL};
    enum { MOST = 16 };
    const char *known[MOST], *what = key + name + 1, *known_as = NULL;
    int n = 0, level = -1;
    for (int i = 0; i < levels->count && i < MOST; i++) {
        const td_node *own = td_node_find(levels->item[i], "name");
        if (own == NULL || own->kind != TD_STRING) continue;
        known[n++] = own->text;
        if (strlen(own->text) == name && strncasecmp(own->text, key, name) == 0)
            level = i, known_as = own->text;
    }
    if (level < 0) {
        td_text t = {0};
        const char *asked = td_arena_printf(a, "%.*s", (int)name, key);
        td_text_addf(&t, "%.100s: no level of this name", key);
        td_text_add_known(&t, asked != NULL ? asked : key, known, n);
        td_fail(err, TD_E_USAGE, "%s", t.data != NULL ? t.data : key);
        td_text_free(&t);
        return TD_E_USAGE;
    }
    if (strcmp(what, "bandwidth") != 0 && strcmp(what, "capacity") != 0)
        return td_fail(err, TD_E_USAGE, "%.100s: expected %s.bandwidth or %s.capacity", key,
                       known_as, known_as);
    const char *const *of = strcmp(what, "bandwidth") == 0 ? of_bandwidth : of_capacity;
    for (; *of != NULL; of++) {
        const char *path = td_arena_printf(a, "levels[%d].%s", level, *of);
        if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        if (isfinite(number_at(levels->parent, path))) add_path(out, levels->parent, path);
    }
    return out->n > 0 ? TD_OK
                      : td_fail(err, TD_E_USAGE, "%.100s: the file has no limit there", key);
}

/* Whether the first `size` bytes of a key name a level. */
static bool names_level(const td_node *levels, const char *key, size_t size) {
    static const char *const of_edge[] = {"DRAM", "Shared", "Local", "RF"};
    for (int i = 0; levels == NULL && i < 4; i++)
        if (strlen(of_edge[i]) == size && strncasecmp(of_edge[i], key, size) == 0) return true;
    for (int i = 0; levels != NULL && levels->kind == TD_LIST && i < levels->count; i++) {
        const td_node *own = td_node_find(levels->item[i], "name");
        if (own != NULL && own->kind == TD_STRING && strlen(own->text) == size &&
            strncasecmp(own->text, key, size) == 0)
            return true;
    }
    return false;
}

td_status td__hw_key_find(td_arena *a, const td_node *doc, const char *key, td__hw_key *out,
                          td_error *err) {
    *out = (td__hw_key){.clock_hz = number_at(doc, "clock_hz")};
    const char *path = key, *dot = strchr(key, '.');
    bool edge = is_edge(doc);
    for (int i = 0; edge && i < N_EDGE_KEYS; i++)
        if (strcasecmp(key, edge_keys[i].key) == 0) path = edge_keys[i].parameter;
    const td_node *levels = edge ? NULL : td_node_find(doc, "levels");
    bool of_level =
        dot != NULL && (strcmp(dot, ".bandwidth") == 0 || strcmp(dot, ".capacity") == 0 ||
                        names_level(levels, key, (size_t)(dot - key)));
    if (of_level && levels != NULL && levels->kind == TD_LIST)
        return level_key(a, levels, key, (size_t)(dot - key), out, err);
    if (edge && of_level && path == key)
        return td_fail(err, TD_E_USAGE,
                       "%.100s: expected DRAM.bandwidth, Local.bandwidth, Local.capacity or "
                       "RF.capacity of this template",
                       key);
    if (levels != NULL && strcasecmp(key, "clock") == 0) path = "clock_hz";
    add_path(out, doc, path);
    td_edge p; /* parameters that the file leaves out have a default */
    if (edge && td_edge_from_node(doc, &p, NULL) == TD_OK) {
        out->clock_hz = 1e9 * td_edge_get(&p, "clock_ghz");
        if (isnan(out->now[0])) out->now[0] = td_edge_get(&p, path);
    }
    return TD_OK;
}

const char *td__hw_number(td_arena *a, double v) {
    char text[32];
    if (v == rint(v) && fabs(v) < 1e15)
        snprintf(text, sizeof text, "%.0f", v); /* whole ones are read as such */
    else
        td_real_text(v, text);
    return td_arena_strdup(a, text);
}

td_status td_space_hw_set(td_arena *a, td_node *doc, const char *option, const char *assignment,
                          td_error *err) {
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment)
        return td_node_override(a, doc, option, assignment, err);
    td__hw_key k;
    td_error fault = {0};
    double factor = NAN, v = NAN;
    const char *key = td_arena_printf(a, "%.*s", (int)(equals - assignment), assignment);
    if (key == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td__hw_key_find(a, doc, key, &k, &fault);
    if (s != TD_OK) return td_fail(err, s, "%s %s", option, fault.message);
    if (td__hw_amount(equals + 1, &k, &v)) { /* as the file would have it */
        equals = td_arena_printf(a, "=%s", td__hw_number(a, v));
        if (equals == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    bool relative = td__hw_factor(equals + 1, &factor);
    for (int i = 0; s == TD_OK && i < k.n; i++) {
        if (relative && isnan(k.now[i]))
            return td_fail(
                err, TD_E_USAGE,
                "%s %.200s: the file has no number there to multiply; a key is a path in "
                "it, or such as DRAM.bandwidth, Local.capacity or clock",
                option, assignment);
        const char *value = relative ? td__hw_number(a, factor * k.now[i]) : equals + 1;
        const char *one = value != NULL ? td_arena_printf(a, "%s=%s", k.path[i], value) : NULL;
        if (one == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        s = td_node_override(a, doc, option, one, err);
    }
    return s;
}

const char *td_space_hw_path(td_arena *a, const td_node *doc, const char *key) {
    td__hw_key k;
    return td__hw_key_find(a, doc, key, &k, NULL) == TD_OK && k.n > 0 ? k.path[0] : NULL;
}
