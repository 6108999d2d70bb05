/* Templates by their tables: parameters in and out, rules in order. */
#include "template_bits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef td__parameter parameter;

static const parameter *find(const td__template *t, const char *key) {
    for (int i = 0; i < t->n; i++)
        if (strcmp(t->parameter[i].key, key) == 0) return &t->parameter[i];
    return NULL;
}

static double load(const void *p, const parameter *q) {
    const char *at = (const char *)p + q->offset;
    int32_t i32;
    int64_t i64;
    double real;
    switch (q->type) {
    case TD__I32: memcpy(&i32, at, sizeof i32); return i32;
    case TD__I64: memcpy(&i64, at, sizeof i64); return (double)i64;
    case TD__REAL: break;
    }
    memcpy(&real, at, sizeof real);
    return real;
}

static void store(void *p, const parameter *q, double v) {
    char *at = (char *)p + q->offset;
    int32_t i32;
    int64_t i64;
    switch (q->type) {
    case TD__I32:
        i32 = (int32_t)v;
        memcpy(at, &i32, sizeof i32);
        return;
    case TD__I64:
        i64 = (int64_t)v;
        memcpy(at, &i64, sizeof i64);
        return;
    case TD__REAL: memcpy(at, &v, sizeof v); return;
    }
}

/* In the key's unit. A value that was set or read in that unit comes back as a number that stands
 * for the same field, bit for bit (tests/hw/test_edge_param.c). */
static double to_unit(const parameter *q, double v) {
    return v / q->scale;
}

void td__template_init(const td__template *t, void *p) {
    memset(p, 0, t->size);
    for (int i = 0; i < t->n; i++)
        store(p, &t->parameter[i], isnan(t->parameter[i].start) ? 0 : t->parameter[i].start);
}

/* "a whole number in [1, 1024]" */
static void expected(const parameter *q, char *out, size_t size) {
    const char *kind = q->type == TD__REAL ? "a number" : "a whole number";
    if (q->scale == 1024) kind = "a multiple of 1/1024 (whole bytes)";
    snprintf(out, size, "%s in [%.10g, %.10g]", kind, q->lo, q->hi);
}

static bool fits(const parameter *q, double value) {
    if (!(value >= q->lo && value <= q->hi)) return false;
    return q->type == TD__REAL || floor(value * q->scale) == value * q->scale;
}

static td_status fail_unknown(const td__template *t, const char *key, td_error *err) {
    enum { MOST = 64 };
    const char *known[MOST];
    int n = 0;
    for (; n < t->n && n < MOST; n++) known[n] = t->parameter[n].key;
    td_text text = {0};
    td_text_addf(&text, "the %s template has no parameter \"%.60s\"", t->name, key);
    td_text_add_known(&text, key, known, n);
    td_fail(err, TD_E_NOT_FOUND, "%s", text.data != NULL ? text.data : "no such parameter");
    td_text_free(&text);
    return TD_E_NOT_FOUND;
}

td_status td__template_set(const td__template *t, void *p, const char *key, double value,
                           td_error *err) {
    const parameter *q = find(t, key);
    if (q == NULL) return fail_unknown(t, key, err);
    if (!fits(q, value)) {
        char want[128];
        expected(q, want, sizeof want);
        return td_fail(err, TD_E_USAGE, "%s: expected %s, found %.10g", key, want, value);
    }
    store(p, q, value * q->scale);
    return TD_OK;
}

double td__template_get(const td__template *t, const void *p, const char *key) {
    const parameter *q = find(t, key);
    return q != NULL ? to_unit(q, load(p, q)) : NAN;
}

td_status td__template_check(const td__template *t, const void *p, td_error *err) {
    for (int i = 0; i < t->n; i++) {
        const parameter *q = &t->parameter[i];
        double value = to_unit(q, load(p, q));
        if (value >= q->lo && value <= q->hi) continue;
        char want[128];
        expected(q, want, sizeof want);
        return td_fail(err, TD_E_USAGE, "%s: expected %s, found %.10g", q->key, want, value);
    }
    return t->check != NULL ? t->check(p, err) : TD_OK;
}

/* ---- YAML ---- */

enum { N_OTHERS = 5, MOST_KEYS = 64 };
static const char *const others[N_OTHERS] = {"template", "name", "about", "tech", "space"};

td_status td__template_read(const td__template *t, const td_node *doc, void *out, td_error *err) {
    const char *keys[MOST_KEYS + N_OTHERS + 1] = {NULL};
    for (int i = 0; i < N_OTHERS; i++) keys[i] = others[i];
    for (int i = 0; i < t->n; i++) keys[N_OTHERS + i] = t->parameter[i].key;
    const char *template, *tech;
    union { /* room for any of them */
        td_edge edge;
        td_array array;
    } p;
    td__template_init(t, &p);
    if (doc->kind != TD_MAP) return td_node_fail(doc, err, "expected a map of parameters");
    td_status s = td_node_get_string(doc, "template", &template, err);
    if (s == TD_OK && strcmp(template, t->name) != 0)
        s = td_node_fail(td_node_find(doc, "template"), err,
                         "expected the name of a template (%s), found \"%.60s\"", t->name,
                         template);
    if (s == TD_OK) s = td_node_only(doc, keys, err);
    if (s == TD_OK) s = td_node_get_string(doc, "tech", &tech, err);
    if (s == TD_OK && (tech[0] == 0 || strlen(tech) >= TD_TECH_NAME))
        s = td_node_fail(td_node_find(doc, "tech"), err,
                         "expected a node or a path of 1 to %d characters", TD_TECH_NAME - 1);
    if (s == TD_OK) memcpy((char *)&p + t->tech, tech, strlen(tech) + 1);
    for (int i = 0; s == TD_OK && i < t->n; i++) {
        const parameter *q = &t->parameter[i];
        double value = q->start;
        s = isnan(q->start) ? td_node_get_real(doc, q->key, q->lo, q->hi, &value, err)
                            : td_node_opt_real(doc, q->key, q->lo, q->hi, &value, err);
        if (s == TD_OK && !fits(q, value)) {
            char want[128];
            expected(q, want, sizeof want);
            s = td_node_fail(td_node_find(doc, q->key), err, "expected %s, found %.10g", want,
                             value);
        }
        if (s == TD_OK) store(&p, q, value * q->scale);
    }
    if (s == TD_OK && td__template_check(t, &p, err) != TD_OK)
        s = td_node_fail(doc, err, "%s", err != NULL ? err->message : "");
    if (s == TD_OK) memcpy(out, &p, t->size);
    return s;
}

/* A whole number without a point, so that the file reads as a person would write it. */
static td_node *number(td_arena *a, double v) {
    bool whole = floor(v) == v && fabs(v) < 1e15;
    return whole ? td_node_int(a, (int64_t)v) : td_node_real(a, v);
}

td_node *td__template_write(const td__template *t, const void *p, td_arena *a) {
    td_node *map = td_node_map(a);
    td_node_put_string(a, map, "template", t->name);
    td_node_put_string(a, map, "tech", (const char *)p + t->tech);
    for (int i = 0; i < t->n; i++) {
        const parameter *q = &t->parameter[i];
        double v = to_unit(q, load(p, q));
        if (v != q->start) td_node_put(a, map, q->key, number(a, v));
    }
    return map;
}

/* ---- rules ---- */

td_status td__rule_broken(td_error *err, const char *format, ...) {
    char text[400];
    if (err == NULL) return TD_E_INFEASIBLE;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return td_fail(err, TD_E_INFEASIBLE, "%s", text);
}

unsigned td__template_broken(const td__template *t, const void *p) {
    unsigned mask = 0;
    int64_t missing;
    for (int r = 0; r < t->n_rules; r++)
        if (t->rule[r].test(p, &missing, NULL) != TD_OK) mask |= TD_BIT(r);
    return mask;
}

td_status td__template_rules(const td__template *t, const void *p, int64_t *missing_bytes,
                             td_error *err) {
    int64_t none;
    if (missing_bytes == NULL) missing_bytes = &none;
    *missing_bytes = 0;
    for (int r = 0; r < t->n_rules; r++) {
        td_status s = t->rule[r].test(p, missing_bytes, err);
        if (s == TD_OK) continue;
        if (err != NULL) td_error_prefix(err, "rule %s", t->rule[r].name);
        return s;
    }
    return TD_OK;
}

uint8_t td__dims(const char *letters) {
    unsigned mask = 0;
    for (; *letters != 0; letters++) mask |= TD_BIT(td_dim_from_letter(*letters));
    return (uint8_t)mask;
}
