/* A template with its parameters, whichever it is. A new template is one line here, one in the
 * enumeration and one in the union of hw.h. */
#include <stdio.h>
#include <string.h>

#include "template_bits.h"

static const td__template *const ALL[TD_NTEMPLATE] = {
    [TD_TEMPLATE_EDGE] = &td__edge_template, [TD_TEMPLATE_ARRAY] = &td__array_template};

static const td__template *of(const td_template *t) {
    return ALL[t->kind];
}

td_status td_template_from_node(const td_node *doc, td_template *out, td_error *err) {
    const char *name, *known[TD_NTEMPLATE];
    if (doc->kind != TD_MAP) return td_node_fail(doc, err, "expected a map of parameters");
    td_status s = td_node_get_string(doc, "template", &name, err);
    if (s != TD_OK) return s;
    for (int k = 0; k < TD_NTEMPLATE; k++) {
        known[k] = ALL[k]->name;
        if (strcmp(name, ALL[k]->name) != 0) continue;
        td_template t = {.kind = (td_template_kind)k};
        s = td__template_read(ALL[k], doc, &t.of, err);
        if (s == TD_OK) *out = t;
        return s;
    }
    td_text text = {0};
    td_text_addf(&text, "expected the name of a template, found \"%.60s\"", name);
    td_text_add_known(&text, name, known, TD_NTEMPLATE);
    s = td_node_fail(td_node_find(doc, "template"), err, "%s",
                     text.data != NULL ? text.data : "expected the name of a template");
    td_text_free(&text);
    return s;
}

td_node *td_template_to_node(const td_template *t, td_arena *a) {
    return td__template_write(of(t), &t->of, a);
}

const char *td_template_name(const td_template *t) {
    return of(t)->name;
}

const char *td_template_tech(const td_template *t) {
    return (const char *)&t->of + of(t)->tech;
}

const char *td_template_key(const td_template *t, int i) {
    return i >= 0 && i < of(t)->n ? of(t)->parameter[i].key : NULL;
}

td_status td_template_set(td_template *t, const char *key, double value, td_error *err) {
    return td__template_set(of(t), &t->of, key, value, err);
}

double td_template_get(const td_template *t, const char *key) {
    return td__template_get(of(t), &t->of, key);
}

td_status td_template_build(const td_template *t, const td_tech *tech, td_hw *hw,
                            int64_t *missing_bytes, td_error *err) {
    return of(t)->build(&t->of, tech, hw, missing_bytes, err);
}

const char *td_template_rule_name(const td_template *t, int r) {
    return r >= 0 && r < of(t)->n_rules ? of(t)->rule[r].name : NULL;
}

unsigned td_template_broken(const td_template *t) {
    return td__template_broken(of(t), &t->of);
}

bool td_template_rules_known(const td_template *t) {
    return of(t)->known;
}

bool td_template_has_area(const td_template *t) {
    return t->kind == TD_TEMPLATE_EDGE;
}

int td_template_features(const td_template *t, double out[TD_MAX_FEATURES]) {
    if (out != NULL && of(t)->features != NULL) of(t)->features(&t->of, out);
    return of(t)->n_features;
}
