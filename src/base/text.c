/* Growing text, and UTF-8. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void td_text_free(td_text *t) {
    if (t == NULL) return;
    free(t->data);
    *t = (td_text){0};
}

/* Makes room for n more bytes and the NUL. */
static bool reserve(td_text *t, size_t n) {
    if (t->failed) return false;
    if (t->data != NULL && n < t->capacity - t->size) return true;
    if (n > PTRDIFF_MAX / 2 - t->size) {
        t->failed = true;
        return false;
    }
    size_t capacity = t->capacity > 0 ? t->capacity : 128;
    while (capacity - t->size <= n) capacity *= 2;
    char *data = realloc(t->data, capacity);
    if (data == NULL) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->capacity = capacity;
    return true;
}

void td_text_add_bytes(td_text *t, const void *bytes, size_t n) {
    if (!reserve(t, n)) return;
    if (n > 0) memcpy(t->data + t->size, bytes, n);
    t->size += n;
    t->data[t->size] = '\0';
}

void td_text_add(td_text *t, const char *s) {
    td_text_add_bytes(t, s, strlen(s));
}

void td_text_addf(td_text *t, const char *format, ...) {
    if (!reserve(t, 64)) return;
    size_t room = t->capacity - t->size;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->data + t->size, room, format, args);
    va_end(args);
    if (n < 0) {
        t->data[t->size] = '\0';
        t->failed = true;
        return;
    }
    if ((size_t)n >= room) {
        t->data[t->size] = '\0';
        if (!reserve(t, (size_t)n)) return;
        va_start(args, format);
        vsnprintf(t->data + t->size, (size_t)n + 1, format, args);
        va_end(args);
    }
    t->size += (size_t)n;
}

int td__utf8_decode(const char *s, size_t n, uint32_t *code) {
    const unsigned char *p = (const unsigned char *)s;
    if (p[0] < 0x80) {
        *code = p[0];
        return 1;
    }
    int length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t)length > n) return 0;
    uint32_t c = p[0] & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if ((length == 3 && c < 0x800) || (length == 4 && (c < 0x10000 || c > 0x10ffff))) return 0;
    if (c >= 0xd800 && c < 0xe000) return 0;
    *code = c;
    return length;
}

int td__utf8_encode(uint32_t c, char out[4]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    int length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> length) | c);
    return length;
}
