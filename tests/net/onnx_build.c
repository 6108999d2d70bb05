#include "onnx_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void varint(td_text *t, uint64_t v) {
    for (; v >= 0x80; v >>= 7) td_text_add_bytes(t, &(char){(char)(v | 0x80)}, 1);
    td_text_add_bytes(t, &(char){(char)v}, 1);
}

static void number(td_text *t, int field, int64_t v) {
    varint(t, (uint64_t)field << 3);
    varint(t, (uint64_t)v);
}

static void single(td_text *t, int field, float v) {
    varint(t, (uint64_t)field << 3 | 5);
    td_text_add_bytes(t, &v, sizeof v);
}

static void bytes(td_text *t, int field, const void *data, size_t n) {
    varint(t, (uint64_t)field << 3 | 2);
    varint(t, n);
    td_text_add_bytes(t, data, n);
}

static void string(td_text *t, int field, const char *s) {
    bytes(t, field, s, strlen(s));
}

/* A message as a field of another; it is freed. */
static void message(td_text *t, int field, td_text *m) {
    bytes(t, field, m->data, m->size);
    td_text_free(m);
}

/* The next part of a list, up to a separator; false at the end. */
static bool next(const char **at, char separator, char out[128]) {
    if (**at == '\0') return false;
    const char *end = strchr(*at, separator);
    size_t n = end != NULL ? (size_t)(end - *at) : strlen(*at);
    memcpy(out, *at, n < 127 ? n : 127);
    out[n < 127 ? n : 127] = '\0';
    *at += n + (end != NULL);
    return true;
}

void onnx_begin(onnx_build *b, int opset) {
    *b = (onnx_build){.opset = opset};
    string(&b->graph, 2, "graph");
}

static void value(onnx_build *b, int field, const char *name, int type, const char *shape) {
    td_text v = {0}, t = {0}, tensor = {0}, dims = {0};
    char part[128];
    while (next(&shape, ',', part)) {
        td_text dim = {0};
        if (part[0] >= '0' && part[0] <= '9')
            number(&dim, 1, atoll(part));
        else if (part[0] != '?')
            string(&dim, 2, part);
        message(&dims, 1, &dim);
    }
    number(&tensor, 1, type);
    message(&tensor, 2, &dims);
    message(&t, 1, &tensor);
    string(&v, 1, name);
    message(&v, 2, &t);
    message(&b->graph, field, &v);
}

void onnx_input(onnx_build *b, const char *name, int type, const char *shape) {
    value(b, 11, name, type, shape);
}

void onnx_declare(onnx_build *b, const char *name, const char *shape) {
    value(b, 13, name, ONNX_FLOAT, shape);
}

void onnx_output(onnx_build *b, const char *name) {
    td_text v = {0};
    string(&v, 1, name);
    message(&b->graph, 12, &v);
}

static int64_t put_dims(td_text *t, const char *shape) {
    char part[128];
    int64_t words = 1;
    while (next(&shape, ',', part)) {
        number(t, 1, atoll(part));
        words *= atoll(part);
    }
    return words;
}

void onnx_weight(onnx_build *b, const char *name, int type, const char *shape) {
    td_text t = {0};
    size_t word = type == ONNX_INT64 ? 8 : type == ONNX_FLOAT || type == ONNX_INT32 ? 4 : 1;
    size_t size = (size_t)put_dims(&t, shape) * word;
    char *zeros = calloc(size > 0 ? size : 1, 1);
    number(&t, 2, type);
    string(&t, 8, name);
    bytes(&t, 9, zeros, size);
    free(zeros);
    message(&b->graph, 5, &t);
}

void onnx_ints(onnx_build *b, const char *name, const char *values) {
    td_text t = {0}, packed = {0};
    char part[128];
    int n = 0;
    for (; next(&values, ',', part); n++) varint(&packed, (uint64_t)atoll(part));
    number(&t, 1, n);
    number(&t, 2, ONNX_INT64);
    message(&t, 7, &packed);
    string(&t, 8, name);
    message(&b->graph, 5, &t);
}

void onnx_reals(onnx_build *b, const char *name, const char *values) {
    td_text t = {0}, packed = {0};
    char part[128];
    int n = 0;
    for (; next(&values, ',', part); n++)
        td_text_add_bytes(&packed, &(float){(float)atof(part)}, sizeof(float));
    number(&t, 1, n);
    number(&t, 2, ONNX_FLOAT);
    message(&t, 4, &packed);
    string(&t, 8, name);
    message(&b->graph, 5, &t);
}

void onnx_real(onnx_build *b, const char *name, float v) {
    td_text t = {0};
    number(&t, 2, ONNX_FLOAT);
    string(&t, 8, name);
    bytes(&t, 9, &v, sizeof v);
    message(&b->graph, 5, &t);
}

void onnx_external(onnx_build *b, const char *name, const char *shape, const char *location,
                   const char *offset, const char *length) {
    td_text t = {0};
    const char *const entry[3][2] = {
        {"location", location}, {"offset", offset}, {"length", length}};
    put_dims(&t, shape);
    number(&t, 2, ONNX_INT64);
    string(&t, 8, name);
    for (int i = 0; i < 3; i++) {
        td_text e = {0};
        string(&e, 1, entry[i][0]);
        string(&e, 2, entry[i][1]);
        message(&t, 13, &e);
    }
    number(&t, 14, 1);
    message(&b->graph, 5, &t);
}

static void attribute(td_text *node, const char *text) {
    size_t name = strcspn(text, ":=~'");
    const char *v = text + name + 1;
    td_text a = {0};
    char part[128];
    bytes(&a, 1, text, name);
    switch (text[name]) {
    case ':':
        number(&a, 3, atoll(v));
        number(&a, 20, 2);
        break;
    case '=':
        while (next(&v, ',', part)) number(&a, 8, atoll(part));
        number(&a, 20, 7);
        break;
    case '~':
        single(&a, 2, (float)atof(v));
        number(&a, 20, 1);
        break;
    default:
        string(&a, 4, v);
        number(&a, 20, 3);
        break;
    }
    message(node, 5, &a);
}

static void node(onnx_build *b, const char *domain, const char *op, const char *in, const char *out,
                 const char *attrs) {
    td_text n = {0};
    char part[128], name[32];
    while (next(&in, ' ', part)) string(&n, 1, strcmp(part, "-") == 0 ? "" : part);
    while (next(&out, ' ', part)) string(&n, 2, strcmp(part, "-") == 0 ? "" : part);
    snprintf(name, sizeof name, "n%d", ++b->nodes);
    string(&n, 3, name);
    string(&n, 4, op);
    while (next(&attrs, ' ', part)) attribute(&n, part);
    if (domain[0] != '\0') string(&n, 7, domain);
    message(&b->graph, 1, &n);
}

void onnx_node(onnx_build *b, const char *op, const char *in, const char *out, const char *attrs) {
    node(b, "", op, in, out, attrs);
}

void onnx_node_of(onnx_build *b, const char *domain, const char *op, const char *in,
                  const char *out) {
    node(b, domain, op, in, out, "");
}

td_text onnx_end(onnx_build *b) {
    td_text m = {0}, set = {0};
    number(&set, 2, b->opset);
    number(&m, 1, 8);
    message(&m, 7, &b->graph);
    message(&m, 8, &set);
    return m;
}
