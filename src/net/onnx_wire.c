#include "onnx_wire.h"

#include <string.h>

bool td__wire_varint(td__wire *m, uint64_t *v) {
    *v = 0;
    for (int shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        uint8_t b = *m->at++;
        *v |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80) return true;
    }
    return false;
}

static bool fixed(td__wire *m, size_t n, uint64_t *v) {
    if (td__wire_size(*m) < n) return false;
    *v = 0;
    for (size_t i = 0; i < n; i++) *v |= (uint64_t)m->at[i] << (8 * i);
    m->at += n;
    return true;
}

int td__wire_next(td__wire *m, td__wire_field *f) {
    uint64_t tag, length;
    if (m->at >= m->end) return 0;
    if (!td__wire_varint(m, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) return -1;
    *f = (td__wire_field){.number = (int)(tag >> 3), .type = (td__wire_type)(tag & 7)};
    switch (f->type) {
    case TD__WIRE_VARINT: return td__wire_varint(m, &f->value) ? 1 : -1;
    case TD__WIRE_64: return fixed(m, 8, &f->value) ? 1 : -1;
    case TD__WIRE_32: return fixed(m, 4, &f->value) ? 1 : -1;
    case TD__WIRE_BYTES:
        if (!td__wire_varint(m, &length) || length > td__wire_size(*m)) return -1;
        f->bytes = (td__wire){m->at, m->at + length};
        m->at += length;
        return 1;
    default: return -1; /* groups are no part of ONNX */
    }
}

const char *td__wire_text(td__wire bytes, td_arena *a) {
    size_t n = td__wire_size(bytes);
    char *text = td_arena_alloc(a, n + 1);
    if (text != NULL && n > 0) memcpy(text, bytes.at, n);
    return text; /* the arena's memory is zero, the last byte too */
}
