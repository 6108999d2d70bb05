/* Values that are put into an accelerator's document before it is built. A key is a path in the
 * file ("io_gbps", "levels[2].read_bw"), or says what is meant, whatever the form of the file:
 * "DRAM.bandwidth", "Local.capacity", "clock". A value may be so many times what the file has:
 * "2x", or have a unit: "32GB/s", "512KB", "1GHz". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "space_bits.h"

/* What the levels of templates have, by their parameters. */
static const struct {
    td_template_kind of;
    const char *key, *parameter;
} template_keys[] = {{TD_TEMPLATE_EDGE, "DRAM.bandwidth", "io_gbps"},
                     {TD_TEMPLATE_EDGE, "Local.bandwidth", "port_bytes"},
                     {TD_TEMPLATE_EDGE, "Local.capacity", "local_kb"},
                     {TD_TEMPLATE_EDGE, "RF.capacity", "rf_kb"},
                     {TD_TEMPLATE_EDGE, "clock", "clock_ghz"},
                     {TD_TEMPLATE_ARRAY, "DRAM.bandwidth", "dram_bw"},
                     {TD_TEMPLATE_ARRAY, "Buffer.bandwidth", "buffer_bw"},
                     {TD_TEMPLATE_ARRAY, "Buffer.capacity", "buffer_kb"},
                     {TD_TEMPLATE_ARRAY, "WeightRF.capacity", "weight_words"},
                     {TD_TEMPLATE_ARRAY, "InputRF.capacity", "input_words"},
                     {TD_TEMPLATE_ARRAY, "clock", "clock_ghz"}};
enum { N_TEMPLATE_KEYS = sizeof template_keys / sizeof template_keys[0] };

/* And the names of these levels. */
static const char *const template_levels[TD_NTEMPLATE][6] = {
    [TD_TEMPLATE_EDGE] = {"DRAM", "Shared", "Local", "RF"},
    [TD_TEMPLATE_ARRAY] = {"DRAM", "Buffer", "InputRF", "WeightRF", "PsumRF"}};

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

/* What the numbers of files are of the same: so much of theirs in one of ours, or of it per cycle;
 * of words, in bits. */
static const struct {
    const char *name;
    quantity of;
    double per;
    bool per_cycle, words;
} numbers[] = {{"io_gbps", BANDWIDTH, 1e-9, false, false},
               {"port_bytes", BANDWIDTH, 1, true, false},
               {"buffer_bw", BANDWIDTH, 8, true, true},
               {"dram_bw", BANDWIDTH, 8, true, true},
               {"read_bw", BANDWIDTH, 8, true, false},
               {"write_bw", BANDWIDTH, 8, true, false},
               {"shared_bw", BANDWIDTH, 8, true, false},
               {"local_kb", CAPACITY, 1.0 / 1024, false, false},
               {"rf_kb", CAPACITY, 1.0 / 1024, false, false},
               {"buffer_kb", CAPACITY, 1.0 / 1024, false, false},
               {"input_words", CAPACITY, 8, false, true},
               {"weight_words", CAPACITY, 8, false, true},
               {"capacity_kb", CAPACITY, 1.0 / 1024, false, false},
               {"capacity_bits", CAPACITY, 8, false, false},
               {"clock_ghz", CLOCK, 1e-9, false, false},
               {"clock_hz", CLOCK, 1, false, false}};
enum { N_NUMBERS = sizeof numbers / sizeof numbers[0] };

/* Which of `numbers` a key is; N_NUMBERS: none. */
static int number_of(const td__hw_key *k) {
    int n = 0;
    const char *dot = k->n > 0 ? strrchr(k->path[0], '.') : NULL;
    const char *name = dot != NULL ? dot + 1 : k->n > 0 ? k->path[0] : "";
    while (n < N_NUMBERS && strcmp(name, numbers[n].name) != 0) n++;
    return n;
}

bool td__hw_amount(const char *text, const td__hw_key *k, double *out) {
    char *end;
    double v = strtod(text, &end);
    int u = 0, n = number_of(k);
    while (u < N_UNITS && strcmp(end, units[u].name) != 0) u++;
    if (end == text || u == N_UNITS || n == N_NUMBERS || numbers[n].of != units[u].of) return false;
    *out = v * units[u].si * numbers[n].per / (numbers[n].per_cycle ? k->clock_hz : 1) /
           (numbers[n].words ? k->word_bits : 1) / k->ports;
    return v > 0 && isfinite(*out);
}

/* A number with something behind it that is no unit of the key's; false: not so. */
static bool wrong_unit(const char *text, const td__hw_key *k, td_text *known) {
    char *end;
    const int n = number_of(k);
    if (n == N_NUMBERS) return false;
    strtod(text, &end);
    if (end == text || *end == '\0') return false;
    for (int u = 0; u < N_UNITS; u++)
        if (units[u].of == numbers[n].of && strcmp(end, units[u].name) == 0) return false;
    for (int u = 0; u < N_UNITS; u++)
        if (units[u].of == numbers[n].of)
            td_text_addf(known, "%s%s", known->size > 0 ? ", " : "", units[u].name);
    return true;
}

/* ---- keys -------------------------------------------------------------------------------------
 */

/* The template that a document names; -1: none that is known. */
static int template_of(const td_node *doc) {
    const td_node *t = td_node_find(doc, "template");
    for (int k = 0; t != NULL && t->kind == TD_STRING && k < TD_NTEMPLATE; k++)
        if (strcmp(t->text, td_template_name(&(td_template){.kind = (td_template_kind)k})) == 0)
            return k;
    return -1;
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

static bool is_name(const char *name, const char *key, size_t size) {
    return strlen(name) == size && strncasecmp(name, key, size) == 0;
}

/* Whether the first `size` bytes of a key name a level. */
static bool names_level(int template, const td_node *levels, const char *key, size_t size) {
    for (int i = 0; template >= 0 && template_levels[template][i] != NULL; i++)
        if (is_name(template_levels[template][i], key, size)) return true;
    for (int i = 0; levels != NULL && levels->kind == TD_LIST && i < levels->count; i++) {
        const td_node *own = td_node_find(levels->item[i], "name");
        if (own != NULL && own->kind == TD_STRING && is_name(own->text, key, size)) return true;
    }
    return false;
}

/* "expected DRAM.bandwidth, Local.bandwidth or RF.capacity of this template" */
static td_status fail_template_key(int template, const char *key, td_error *err) {
    td_text t = {0};
    int last = 0, n = 0;
    for (int i = 0; i < N_TEMPLATE_KEYS; i++)
        if ((int)template_keys[i].of == template && strchr(template_keys[i].key, '.') != NULL)
            last = i;
    for (int i = 0; i <= last; i++)
        if ((int)template_keys[i].of == template && strchr(template_keys[i].key, '.') != NULL)
            td_text_addf(&t, "%s%s",
                         n++ == 0    ? ""
                         : i == last ? " or "
                                     : ", ",
                         template_keys[i].key);
    const bool shared = template == TD_TEMPLATE_EDGE && strncasecmp(key, "Shared.", 7) == 0;
    td_fail(err, TD_E_USAGE, "%.100s: expected %s of this template%s", key,
            t.data != NULL ? t.data : "a key",
            shared ? "; Shared is Local of all PEs together, as large" : "");
    td_text_free(&t);
    return TD_E_USAGE;
}

td_status td__hw_key_find(td_arena *a, const td_node *doc, const char *key, td__hw_key *out,
                          td_error *err) {
    *out = (td__hw_key){.clock_hz = number_at(doc, "clock_hz"), .word_bits = NAN, .ports = 1};
    const char *path = key, *dot = strchr(key, '.');
    const int template = template_of(doc);
    for (int i = 0; template >= 0 && i < N_TEMPLATE_KEYS; i++)
        if ((int)template_keys[i].of == template && strcasecmp(key, template_keys[i].key) == 0)
            path = template_keys[i].parameter;
    const td_node *levels = template >= 0 ? NULL : td_node_find(doc, "levels");
    bool of_level =
        dot != NULL && (strcmp(dot, ".bandwidth") == 0 || strcmp(dot, ".capacity") == 0 ||
                        names_level(template, levels, key, (size_t)(dot - key)));
    if (of_level && levels != NULL && levels->kind == TD_LIST)
        return level_key(a, levels, key, (size_t)(dot - key), out, err);
    if (template >= 0 && of_level && path == key) return fail_template_key(template, key, err);
    if (levels != NULL && strcasecmp(key, "clock") == 0) path = "clock_hz";
    add_path(out, doc, path);
    td_template p; /* parameters that the file leaves out have a default */
    if (template >= 0 && td_template_from_node(doc, &p, NULL) == TD_OK) {
        out->clock_hz = 1e9 * td_template_get(&p, "clock_ghz");
        out->word_bits = td_template_get(&p, "word_bits");
        /* Each lane has a port of its own, which the parameter is of. */
        out->of_lanes = template == TD_TEMPLATE_EDGE && strcasecmp(key, "Local.bandwidth") == 0;
        if (out->of_lanes) out->ports = td_template_get(&p, "lanes");
        if (isnan(out->now[0])) out->now[0] = td_template_get(&p, path);
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
    const bool amount = td__hw_amount(equals + 1, &k, &v);
    if (amount) { /* as the file would have it */
        equals = td_arena_printf(a, "=%s", td__hw_number(a, v));
        if (equals == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    bool relative = td__hw_factor(equals + 1, &factor);
    td_text known = {0};
    if (!amount && !relative && wrong_unit(equals + 1, &k, &known))
        s = td_fail(err, TD_E_USAGE,
                    "%s %.200s: expected a number, as the file has it or with a unit (%s), or so "
                    "many times what is there (2x)",
                    option, assignment, known.data != NULL ? known.data : "");
    td_text_free(&known);
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
