/* Status codes and the caller-owned error. */
#include <stdio.h>
#include <string.h>

#include "tandem/base.h"

static const struct {
    const char *name, *text;
    int exit_code;
} status_table[] = {
#define TD_X(name, code, text) {#name, text, code},
    TD_STATUS_MAP(TD_X)
#undef TD_X
};

enum { STATUS_COUNT = (int)(sizeof status_table / sizeof status_table[0]) };

static int status_index(td_status s) {
    return (int)s >= 0 && (int)s < STATUS_COUNT ? (int)s : (int)TD_E_INTERNAL;
}

const char *td_status_name(td_status s) {
    return status_table[status_index(s)].name;
}

const char *td_status_text(td_status s) {
    return status_table[status_index(s)].text;
}

int td_status_exit_code(td_status s) {
    return status_table[status_index(s)].exit_code;
}

/* Messages are one line, and a cut one says so and does not end within a UTF-8 character. `wanted`
 * is the length the text would have had. */
static void tidy(char *s, size_t size, int wanted) {
    for (char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
    if (wanted < 0 || (size_t)wanted < size || size < 8) return;
    size_t end = size - 4;
    while (end > 0 && ((unsigned char)s[end] & 0xc0) == 0x80) end--;
    memcpy(s + end, "...", 4);
}

td_status td_fail(td_error *err, td_status code, const char *format, ...) {
    if (err == NULL) return code;
    /* Into a copy: an argument may be err->message itself. */
    char text[sizeof err->message];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tidy(text, sizeof text, n);
    memcpy(err->message, text, strlen(text) + 1);
    err->where[0] = '\0';
    err->code = code;
    return code;
}

td_status td_fail_at(td_error *err, td_status code, const char *where, const char *format, ...) {
    if (err == NULL) return code;
    char body[sizeof err->message], text[sizeof err->message], place[sizeof err->where];
    va_list args;
    va_start(args, format);
    vsnprintf(body, sizeof body, format, args);
    va_end(args);
    if (where == NULL) where = "";
    int n = where[0] != '\0' ? snprintf(text, sizeof text, "%s: %s", where, body)
                             : snprintf(text, sizeof text, "%s", body);
    tidy(text, sizeof text, n);
    /* The end of a place says most (file name and line), so a long one loses its beginning. */
    size_t length = strlen(where);
    if (length < sizeof place)
        memcpy(place, where, length + 1);
    else
        snprintf(place, sizeof place, "...%s", where + length - (sizeof place - 4));
    tidy(place, sizeof place, 0);
    memcpy(err->message, text, strlen(text) + 1);
    memcpy(err->where, place, strlen(place) + 1);
    err->code = code;
    return code;
}

td_status td_error_prefix(td_error *err, const char *format, ...) {
    if (err == NULL) return TD_E_INTERNAL;
    char prefix[sizeof err->message], text[sizeof err->message * 2];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    int n = snprintf(text, sizeof text, "%s: %s", prefix, err->message);
    text[sizeof err->message - 1] = '\0';
    tidy(text, sizeof err->message, n);
    memcpy(err->message, text, strlen(text) + 1);
    return err->code;
}
