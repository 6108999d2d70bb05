/* Fields are numbered as in onnx.proto (onnx/onnx, Apache-2.0), whose comments say what they mean.
 */
#include "onnx_model.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    td_arena *arena;
    td_error *err;
} parser;

static td_status damaged(const parser *p, const char *what) {
    return td_fail(p->err, TD_E_INPUT, "damaged or no ONNX model: %s", what);
}

static td_status no_memory(const parser *p) {
    return td_fail(p->err, TD_E_MEMORY, "out of memory for an ONNX model");
}

/* How often a field stands in a message; -1: damaged. */
static int count(td__wire m, int number) {
    td__wire_field f;
    int n = 0, next;
    while ((next = td__wire_next(&m, &f)) > 0)
        if (f.number == number && f.type == TD__WIRE_BYTES && n < INT32_MAX) n++;
    return next < 0 ? -1 : n;
}

static td_status text(const parser *p, const td__wire_field *f, const char **out) {
    if (f->type != TD__WIRE_BYTES) return damaged(p, "a name is no text");
    *out = td__wire_text(f->bytes, p->arena);
    return *out != NULL ? TD_OK : no_memory(p);
}

/* ---- tensors ----------------------------------------------------------------------------------
 */

static td_status add_dim(const parser *p, td__om_tensor *t, uint64_t v) {
    if (t->rank >= TD__OM_MAX_RANK) return damaged(p, "a tensor of more than 8 dims");
    t->dim[t->rank++] = (int64_t)v;
    return TD_OK;
}

static td_status parse_tensor(const parser *p, td__wire m, td__om_tensor *t) {
    *t = (td__om_tensor){.name = "", .message = m};
    td__wire_field f;
    int next;
    td_status s = TD_OK;
    while (s == TD_OK && (next = td__wire_next(&m, &f)) != 0) {
        if (next < 0) return damaged(p, "a tensor breaks off");
        if (f.number == 1 && f.type == TD__WIRE_VARINT) s = add_dim(p, t, f.value);
        uint64_t v;
        if (f.number == 1 && f.type == TD__WIRE_BYTES)
            while (s == TD_OK && td__wire_varint(&f.bytes, &v)) s = add_dim(p, t, v);
        if (f.number == 2) t->type = (int)(f.value & 0xFF);
        if (f.number == 8) s = text(p, &f, &t->name);
    }
    t->words = 1;
    for (int i = 0; i < t->rank && s == TD_OK; i++)
        if (t->dim[i] < 0 || __builtin_mul_overflow(t->words, t->dim[i], &t->words) ||
            t->words > INT64_C(1) << 48)
            s = damaged(p, "a tensor's dims are negative or too large");
    return s;
}

int td__om_bits(int type) {
    static const int bits[] = {0,  32, 8,  8,   16, 16, 32, 64, 0, 1, 16, 64,
                               32, 64, 64, 128, 16, 8,  8,  8,  8, 4, 4,  4};
    return type >= 0 && type < (int)(sizeof bits / sizeof bits[0]) ? bits[type] : 0;
}

enum { MOST_EXTERNAL = 1 << 20 };

/* Bytes of a tensor in another file: location, offset and length as text. The file must lie in the
 * model's folder or below. malloc'ed. */
static uint8_t *external(const td__om_model *m, td__wire message, size_t *size) {
    td__wire_field f, e;
    char location[512] = "";
    long long offset = 0, length = -1;
    while (td__wire_next(&message, &f) > 0) {
        if (f.number != 13 || f.type != TD__WIRE_BYTES) continue;
        char key[16] = "", value[512] = "";
        td__wire entry = f.bytes;
        while (td__wire_next(&entry, &e) > 0) {
            if (e.type != TD__WIRE_BYTES) continue;
            char *to = e.number == 1 ? key : value;
            size_t room = e.number == 1 ? sizeof key : sizeof value, n = td__wire_size(e.bytes);
            if (n >= room) return NULL;
            memcpy(to, e.bytes.at, n);
            to[n] = '\0';
        }
        if (strcmp(key, "location") == 0) strcpy(location, value);
        if (strcmp(key, "offset") == 0) offset = strtoll(value, NULL, 10);
        if (strcmp(key, "length") == 0) length = strtoll(value, NULL, 10);
    }
    if (m->folder == NULL || location[0] == '\0' || location[0] == '/' ||
        strstr(location, "..") != NULL || offset < 0 || length < 0 || length > MOST_EXTERNAL)
        return NULL;
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", m->folder, location) >= (int)sizeof path) return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *bytes = fd >= 0 ? malloc((size_t)length + 1) : NULL;
    if (bytes != NULL && pread(fd, bytes, (size_t)length, offset) != length) {
        free(bytes);
        bytes = NULL;
    }
    if (fd >= 0) close(fd);
    *size = (size_t)length;
    return bytes;
}

static uint64_t little_endian(const uint8_t *at, int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v |= (uint64_t)at[i] << (8 * i);
    return v;
}

/* The words of a tensor as bit patterns: raw, in another file, or in the list of its type. */
static bool patterns(const td__om_model *m, const td__om_tensor *t, int list, uint64_t *out) {
    int bytes = td__om_bits(t->type) / 8;
    if (t->type == TD__OM_BOOL) bytes = 1;
    td__wire message = t->message, raw = {0};
    td__wire_field f;
    int64_t n = 0;
    bool elsewhere = false;
    while (td__wire_next(&message, &f) > 0) {
        if (f.number == 9 && f.type == TD__WIRE_BYTES) raw = f.bytes;
        if (f.number == 14) elsewhere = f.value == 1;
        if (f.number != list) continue;
        bool fixed = list == 4 || list == 10; /* float_data, double_data */
        if (f.type != TD__WIRE_BYTES) {
            if (n < t->words) out[n] = f.value;
            n++;
            continue;
        }
        uint64_t v;
        while (f.bytes.at < f.bytes.end) {
            if (!fixed && !td__wire_varint(&f.bytes, &v)) return false;
            if (fixed) {
                if (td__wire_size(f.bytes) < (size_t)bytes) return false;
                v = little_endian(f.bytes.at, bytes);
                f.bytes.at += bytes;
            }
            if (n < t->words) out[n] = v;
            n++;
        }
    }
    if (n > 0 || t->words == 0) return n == t->words;
    size_t size = td__wire_size(raw);
    uint8_t *read = elsewhere ? external(m, t->message, &size) : NULL;
    const uint8_t *at = elsewhere ? read : raw.at;
    bool fits = at != NULL && bytes > 0 && size == (size_t)t->words * (size_t)bytes;
    for (int64_t i = 0; fits && i < t->words; i++) out[i] = little_endian(at + i * bytes, bytes);
    free(read);
    return fits;
}

bool td__om_ints(const td__om_model *m, const td__om_tensor *t, int64_t *out) {
    int list = t->type == TD__OM_INT64 ? 7 : 5;
    if (t->type != TD__OM_INT64 && t->type != TD__OM_INT32 && t->type != TD__OM_BOOL &&
        !(t->type >= TD__OM_UINT8 && t->type <= TD__OM_INT16))
        return false;
    if (!patterns(m, t, list, (uint64_t *)out)) return false;
    for (int64_t i = 0; i < t->words; i++) {
        if (t->type == TD__OM_INT32) out[i] = (int32_t)out[i];
        if (t->type == TD__OM_INT8) out[i] = (int8_t)out[i];
        if (t->type == TD__OM_INT16) out[i] = (int16_t)out[i];
    }
    return true;
}

bool td__om_reals(const td__om_model *m, const td__om_tensor *t, double *out) {
    if (t->type != TD__OM_FLOAT && t->type != TD__OM_DOUBLE) return false;
    uint64_t *bits = (uint64_t *)(void *)out; /* words of the same size, replaced one by one */
    if (!patterns(m, t, t->type == TD__OM_FLOAT ? 4 : 10, bits)) return false;
    for (int64_t i = 0; i < t->words; i++) {
        uint64_t pattern;
        memcpy(&pattern, (const char *)out + 8 * i, sizeof pattern);
        double v;
        if (t->type == TD__OM_FLOAT) {
            uint32_t low = (uint32_t)pattern;
            float single;
            memcpy(&single, &low, sizeof single);
            v = (double)single;
        } else {
            memcpy(&v, &pattern, sizeof v);
        }
        memcpy((char *)out + 8 * i, &v, sizeof v);
    }
    return true;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

static double single(uint64_t bits) {
    uint32_t low = (uint32_t)bits;
    float v;
    memcpy(&v, &low, sizeof v);
    return (double)v;
}

/* Lists are packed or not; both at once is allowed. Room is for what the bytes could hold. */
static td_status parse_lists(const parser *p, td__wire m, td__om_attr *a) {
    td__wire_field f;
    size_t ints = 0, floats = 0;
    for (td__wire w = m; td__wire_next(&w, &f) > 0;) {
        size_t n = f.type == TD__WIRE_BYTES ? td__wire_size(f.bytes) : 1;
        if (f.number == 8) ints += n;
        if (f.number == 7) floats += f.type == TD__WIRE_BYTES ? n / 4 : 1;
    }
    if (ints + floats == 0) return TD_OK;
    a->ints = TD_NEW(p->arena, int64_t, ints);
    a->floats = TD_NEW(p->arena, double, floats);
    if (a->ints == NULL || a->floats == NULL) return no_memory(p);
    while (td__wire_next(&m, &f) > 0) {
        uint64_t v;
        if (f.number == 8 && f.type == TD__WIRE_VARINT) a->ints[a->n_ints++] = (int64_t)f.value;
        if (f.number == 8 && f.type == TD__WIRE_BYTES)
            while (td__wire_varint(&f.bytes, &v)) a->ints[a->n_ints++] = (int64_t)v;
        if (f.number == 7 && f.type == TD__WIRE_32) a->floats[a->n_floats++] = single(f.value);
        if (f.number == 7 && f.type == TD__WIRE_BYTES)
            for (; td__wire_size(f.bytes) >= 4; f.bytes.at += 4)
                a->floats[a->n_floats++] = single(little_endian(f.bytes.at, 4));
    }
    return TD_OK;
}

static td_status parse_attr(const parser *p, td__wire m, td__om_attr *a) {
    *a = (td__om_attr){.name = "", .s = ""};
    td__wire_field f;
    td__wire whole = m;
    int next;
    td_status s = TD_OK;
    while (s == TD_OK && (next = td__wire_next(&m, &f)) != 0) {
        if (next < 0) return damaged(p, "an attribute breaks off");
        if (f.number == 1) s = text(p, &f, &a->name);
        if (f.number == 2 && f.type == TD__WIRE_32) a->f = single(f.value);
        if (f.number == 3 && f.type == TD__WIRE_VARINT) a->i = (int64_t)f.value;
        if (f.number == 4) s = text(p, &f, &a->s);
        if (f.number == 5 && f.type == TD__WIRE_BYTES) {
            a->tensor = TD_NEW(p->arena, td__om_tensor, 1);
            s = a->tensor != NULL ? parse_tensor(p, f.bytes, a->tensor) : no_memory(p);
        }
    }
    return s == TD_OK ? parse_lists(p, whole, a) : s;
}

static td_status parse_node(const parser *p, td__wire m, td__om_node *n) {
    int in = count(m, 1), out = count(m, 2), attrs = count(m, 5);
    if (in < 0 || out < 0 || attrs < 0) return damaged(p, "a node breaks off");
    *n = (td__om_node){.op = "", .domain = "", .name = ""};
    n->input = TD_NEW(p->arena, const char *, in);
    n->output = TD_NEW(p->arena, const char *, out);
    n->attr = TD_NEW(p->arena, td__om_attr, attrs);
    if (n->input == NULL || n->output == NULL || n->attr == NULL) return no_memory(p);
    td__wire_field f;
    td_status s = TD_OK;
    while (s == TD_OK && td__wire_next(&m, &f) > 0) {
        if (f.type != TD__WIRE_BYTES) continue;
        if (f.number == 1) s = text(p, &f, &n->input[n->n_in++]);
        if (f.number == 2) s = text(p, &f, &n->output[n->n_out++]);
        if (f.number == 3) s = text(p, &f, &n->name);
        if (f.number == 4) s = text(p, &f, &n->op);
        if (f.number == 5) s = parse_attr(p, f.bytes, &n->attr[n->n_attr++]);
        if (f.number == 7) s = text(p, &f, &n->domain);
    }
    return s;
}

const td__om_attr *td__om_find(const td__om_node *n, const char *attr) {
    for (int i = 0; i < n->n_attr; i++)
        if (strcmp(n->attr[i].name, attr) == 0) return &n->attr[i];
    return NULL;
}

/* ---- declared values --------------------------------------------------------------------------
 */

static td_status parse_dim(const parser *p, td__wire m, td__om_info *v) {
    if (v->rank >= TD__OM_MAX_RANK) return damaged(p, "a value of more than 8 dims");
    int i = v->rank++;
    v->dim[i] = -1;
    td__wire_field f;
    int next;
    td_status s = TD_OK;
    while (s == TD_OK && (next = td__wire_next(&m, &f)) != 0) {
        if (next < 0) return damaged(p, "a dim breaks off");
        if (f.number == 1 && f.type == TD__WIRE_VARINT) v->dim[i] = (int64_t)f.value;
        if (f.number == 2) s = text(p, &f, &v->symbol[i]);
    }
    if (v->dim[i] < -1) return damaged(p, "a value of negative size");
    return s;
}

/* Goes down type, tensor type, shape: `level` 0, 1, 2. */
static td_status parse_type(const parser *p, td__wire m, int level, td__om_info *v) {
    td__wire_field f;
    int next;
    td_status s = TD_OK;
    while (s == TD_OK && (next = td__wire_next(&m, &f)) != 0) {
        if (next < 0) return damaged(p, "a type breaks off");
        if (level == 1 && f.number == 1 && f.type == TD__WIRE_VARINT)
            v->type = (int)(f.value & 0xFF);
        if (f.type != TD__WIRE_BYTES) continue;
        if (level == 0 && f.number == 1) s = parse_type(p, f.bytes, 1, v);
        if (level == 1 && f.number == 2) {
            v->rank = 0;
            s = parse_type(p, f.bytes, 2, v);
        }
        if (level == 2 && f.number == 1) s = parse_dim(p, f.bytes, v);
    }
    return s;
}

static td_status parse_info(const parser *p, td__wire m, td__om_info *v) {
    *v = (td__om_info){.name = "", .rank = -1};
    td__wire_field f;
    int next;
    td_status s = TD_OK;
    while (s == TD_OK && (next = td__wire_next(&m, &f)) != 0) {
        if (next < 0) return damaged(p, "a value's declaration breaks off");
        if (f.number == 1) s = text(p, &f, &v->name);
        if (f.number == 2 && f.type == TD__WIRE_BYTES) s = parse_type(p, f.bytes, 0, v);
    }
    return s;
}

/* ---- graph ------------------------------------------------------------------------------------
 */

static td_status parse_graph(const parser *p, td__wire m, td__om_model *out) {
    int n[16] = {0};
    static const int lists[] = {1, 5, 11, 12, 13};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if ((n[lists[i]] = count(m, lists[i])) < 0) return damaged(p, "the graph breaks off");
    out->node = TD_NEW(p->arena, td__om_node, n[1]);
    out->tensor = TD_NEW(p->arena, td__om_tensor, n[5]);
    out->input = TD_NEW(p->arena, td__om_info, n[11]);
    out->output = TD_NEW(p->arena, td__om_info, n[12]);
    out->info = TD_NEW(p->arena, td__om_info, n[13]);
    if (!out->node || !out->tensor || !out->input || !out->output || !out->info)
        return no_memory(p);
    td__wire_field f;
    td_status s = TD_OK;
    while (s == TD_OK && td__wire_next(&m, &f) > 0) {
        if (f.type != TD__WIRE_BYTES) continue;
        if (f.number == 1) s = parse_node(p, f.bytes, &out->node[out->n_nodes++]);
        if (f.number == 5) s = parse_tensor(p, f.bytes, &out->tensor[out->n_tensors++]);
        if (f.number == 11) s = parse_info(p, f.bytes, &out->input[out->n_inputs++]);
        if (f.number == 12) s = parse_info(p, f.bytes, &out->output[out->n_outputs++]);
        if (f.number == 13) s = parse_info(p, f.bytes, &out->info[out->n_infos++]);
    }
    return s;
}

static td_status parse_opset(const parser *p, td__wire m, td__om_model *out) {
    td__wire_field f;
    const char *domain = "";
    int64_t version = 0;
    int next;
    while ((next = td__wire_next(&m, &f)) != 0) {
        if (next < 0) return damaged(p, "an operator set breaks off");
        if (f.number == 1 && text(p, &f, &domain) != TD_OK) return TD_E_INPUT;
        if (f.number == 2 && f.type == TD__WIRE_VARINT) version = (int64_t)f.value;
    }
    if (domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0) out->opset = version;
    return TD_OK;
}

td_status td__om_parse(td__wire bytes, td_arena *a, td__om_model *out, td_error *err) {
    parser p = {a, err};
    td__wire_field f;
    bool graph = false;
    int next;
    td_status s = TD_OK;
    *out = (td__om_model){0};
    while (s == TD_OK && (next = td__wire_next(&bytes, &f)) != 0) {
        if (next < 0) return damaged(&p, graph ? "it breaks off" : "no fields of a model");
        if (f.type != TD__WIRE_BYTES) continue;
        if (f.number == 7 && graph) return damaged(&p, "two graphs");
        if (f.number == 7) s = parse_graph(&p, f.bytes, out);
        if (f.number == 8) s = parse_opset(&p, f.bytes, out);
        graph = graph || f.number == 7;
    }
    if (s == TD_OK && !graph) return damaged(&p, "there is no graph");
    return s;
}
