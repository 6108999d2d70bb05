/* Plain scalars by the core schema of YAML 1.2 (section 10.3.2). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"
#include "real.h"

static bool one_of(const char *s, const char *const *words) {
    for (; *words != NULL; words++)
        if (strcmp(s, *words) == 0) return true;
    return false;
}

static const char *digits(const char *s) {
    return s + strspn(s, "0123456789");
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_real(const char *s) {
    if (*s == '-' || *s == '+') s++;
    const char *whole = s, *p = digits(s);
    bool any = p > whole;
    if (*p == '.') {
        const char *fraction = p + 1;
        p = digits(fraction);
        any = any || p > fraction;
    }
    if (!any) return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+') p++;
        const char *exponent = p;
        p = digits(p);
        if (p == exponent) return false;
    }
    return *p == '\0';
}

static bool is_int(const char *s) {
    if (*s == '-' || *s == '+') s++;
    return *s != '\0' && *digits(s) == '\0';
}

static bool set_real(td_node *n, double v) {
    n->kind = TD_REAL;
    n->real = v;
    return isfinite(v);
}

/* An integer that does not fit is a real, as in JSON. */
static bool set_int(td_node *n, const char *s, int base) {
    errno = 0;
    long long v = strtoll(s, NULL, base);
    if (errno == ERANGE) {
        if (base == 10) return set_real(n, td__real_parse(s));
        double big = 0;
        for (; *s != '\0'; s++) {
            int digit = *s <= '9' ? *s - '0' : (*s | 0x20) - 'a' + 10;
            big = big * base + digit;
        }
        return set_real(n, big);
    }
    n->kind = TD_INT;
    n->integer = v;
    n->real = (double)v;
    return true;
}

bool td__yaml_resolve(td_node *n) {
    static const char *const null_words[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const true_words[] = {"true", "True", "TRUE", NULL};
    static const char *const false_words[] = {"false", "False", "FALSE", NULL};
    static const char *const inf_words[] = {".inf", ".Inf", ".INF", NULL};
    static const char *const nan_words[] = {".nan", ".NaN", ".NAN", NULL};
    const char *s = n->text, *unsigned_part = s + (*s == '-' || *s == '+');
    n->kind = TD_STRING;
    if (one_of(s, null_words)) {
        n->kind = TD_NULL;
    } else if (one_of(s, true_words) || one_of(s, false_words)) {
        n->kind = TD_BOOL;
        n->boolean = *s == 't' || *s == 'T';
    } else if (one_of(unsigned_part, inf_words)) {
        set_real(n, *s == '-' ? -INFINITY : INFINITY);
    } else if (one_of(s, nan_words)) {
        set_real(n, NAN);
    } else if (strncmp(s, "0x", 2) == 0 && s[2] != '\0' &&
               s[2 + strspn(s + 2, "0123456789abcdefABCDEF")] == '\0') {
        return set_int(n, s + 2, 16);
    } else if (strncmp(s, "0o", 2) == 0 && s[2] != '\0' &&
               s[2 + strspn(s + 2, "01234567")] == '\0') {
        return set_int(n, s + 2, 8);
    } else if (is_int(s)) {
        return set_int(n, s, 10);
    } else if (is_real(s)) {
        return set_real(n, td__real_parse(s));
    }
    return true;
}
