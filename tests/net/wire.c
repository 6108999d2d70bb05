#include "wire.h"

#include <string.h>

static bool varint(wire_bytes *m, uint64_t *v) {
    *v = 0;
    for (int shift = 0; shift < 64 && m->size > 0; shift += 7) {
        uint8_t b = *m->data++;
        m->size--;
        *v |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80) return true;
    }
    return false;
}

static bool fixed(wire_bytes *m, size_t n, uint64_t *v) {
    if (m->size < n) return false;
    *v = 0;
    memcpy(v, m->data, n);
    m->data += n;
    m->size -= n;
    return true;
}

bool wire_next(wire_bytes *m, wire_field *f, bool *damaged) {
    *damaged = false;
    if (m->size == 0) return false;
    *damaged = true;
    uint64_t tag, length;
    if (!varint(m, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) return false;
    *f = (wire_field){.number = (int)(tag >> 3), .type = (int)(tag & 7)};
    switch (f->type) {
    case 0:
        if (!varint(m, &f->value)) return false;
        break;
    case 1:
        if (!fixed(m, 8, &f->value)) return false;
        break;
    case 5:
        if (!fixed(m, 4, &f->value)) return false;
        break;
    case 2:
        if (!varint(m, &length) || length > m->size) return false;
        f->bytes = (wire_bytes){m->data, (size_t)length};
        m->data += length;
        m->size -= (size_t)length;
        break;
    default: return false;
    }
    *damaged = false;
    return true;
}

bool wire_find(wire_bytes message, int number, int index, wire_field *field) {
    bool damaged;
    while (wire_next(&message, field, &damaged))
        if (field->number == number && index-- == 0) return true;
    return false;
}

int wire_count(wire_bytes message, int number) {
    wire_field f;
    bool damaged;
    int n = 0;
    while (wire_next(&message, &f, &damaged)) n += f.number == number;
    return damaged ? -1 : n;
}

uint64_t wire_varint(wire_bytes message, int number) {
    wire_field f;
    return wire_find(message, number, 0, &f) && f.type == 0 ? f.value : 0;
}

float wire_float(wire_bytes message, int number) {
    wire_field f;
    float v = 0;
    if (wire_find(message, number, 0, &f) && f.type == 5) {
        uint32_t bits = (uint32_t)f.value;
        memcpy(&v, &bits, sizeof v);
    }
    return v;
}

wire_bytes wire_message(wire_bytes message, int number, int index) {
    wire_field f;
    if (wire_find(message, number, index, &f) && f.type == 2) return f.bytes;
    return (wire_bytes){NULL, 0};
}

bool wire_is_text(wire_bytes b, const char *text) {
    return b.size == strlen(text) && (b.size == 0 || memcmp(b.data, text, b.size) == 0);
}

int wire_ints(wire_bytes message, int number, int64_t *out, int max) {
    wire_field f;
    bool damaged;
    int n = 0;
    while (wire_next(&message, &f, &damaged)) {
        if (f.number != number) continue;
        if (f.type == 0) {
            if (n < max) out[n] = (int64_t)f.value;
            n++;
            continue;
        }
        uint64_t v;
        while (f.bytes.size > 0 && varint(&f.bytes, &v)) {
            if (n < max) out[n] = (int64_t)v;
            n++;
        }
    }
    return n;
}
