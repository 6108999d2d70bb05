/* Growing text, names that were mistyped, and UTF-8. */
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
        td__memory_out();
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

void td_text_add_grouped(td_text *t, const char *digits) {
    size_t n = strlen(digits);
    bool whole = n > 0 && strspn(digits, "0123456789") == n;
    for (size_t i = 0; i < n; i++) {
        if (whole && i > 0 && (n - i) % 3 == 0) td_text_add(t, ",");
        td_text_add_bytes(t, &digits[i], 1);
    }
}

/* ---- mistyped names -------------------------------------------------------------------------- */

enum { LONGEST = 63 }; /* names beyond this are not compared */

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) that turn a into b; letters' case is free. */
static int edit_distance(const char *a, const char *b) {
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n > LONGEST || m > LONGEST) return n + m;
    int row[3][LONGEST + 1]; /* rows i - 2, i - 1 and i of the table, in turn */
    for (int j = 0; j <= m; j++) row[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3], *last = row[(i - 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int differ = (a[i - 1] | 0x20) != (b[j - 1] | 0x20);
            now[j] = least(least(now[j - 1], last[j]) + 1, last[j - 1] + differ);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], row[(i - 2) % 3][j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

const char *td_name_nearest(const char *name, const char *const *known, int n) {
    const char *best = NULL;
    int length = (int)strlen(name), best_distance = length < 3 ? 2 : least(4, length / 3) + 1;
    for (int i = 0; i < n; i++) {
        int d = edit_distance(name, known[i]);
        if (d < best_distance && d < length) best = known[i], best_distance = d;
    }
    return best;
}

void td_text_add_known(td_text *t, const char *name, const char *const *known, int n) {
    const char *guess = td_name_nearest(name, known, n);
    if (guess != NULL) {
        td_text_addf(t, ", did you mean \"%s\"?", guess);
        return;
    }
    td_text_add(t, n > 0 ? ", known are: " : ", none are known here");
    size_t room = t->size + 256; /* a message has 512 bytes in all, and says where it is from */
    for (int i = 0; i < n; i++) {
        if (t->size > room) {
            td_text_addf(t, " and %d more", n - i);
            return;
        }
        td_text_addf(t, "%s%s", i > 0 ? ", " : "", known[i]);
    }
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

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
