#include "svg_read.h"

void check_xml(const char *s) {
    char open[32][32];
    int depth = 0, elements = 0;
    while (*s != '\0') {
        if (*s == '&') {
            size_t n = strcspn(s, ";");
            assert_true(n <= 5 && s[n] == ';');
        }
        assert_true((unsigned char)*s >= 0x20 || *s == '\n');
        if (*s++ != '<') continue;
        bool closing = *s == '/';
        s += closing;
        char name[32];
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        assert_in_range(n, 1, sizeof name - 1);
        snprintf(name, sizeof name, "%.*s", (int)n, s);
        s += n;
        while (*s == ' ') { /* name="value" */
            s += strcspn(s, "=");
            assert_true(s[0] == '=' && s[1] == '"');
            s += 2;
            size_t value = strcspn(s, "\"<");
            assert_true(s[value] == '"');
            s += value + 1;
        }
        bool single = *s == '/';
        s += single;
        assert_true(*s == '>');
        s++;
        if (closing) {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (!single) {
            assert_true(depth < 32);
            strcpy(open[depth++], name);
        }
        elements++;
        assert_true(depth > 0 || elements > 1);
    }
    assert_int_equal(depth, 0);
    assert_true(elements > 4);
}

int numbers(const char *svg, const char *element, const char *attribute, double *v, int most) {
    int n = 0;
    for (const char *s = svg; (s = strstr(s, element)) != NULL && n < most; s++) {
        const char *end = strchr(s, '>'), *at = strstr(s, attribute);
        if (at == NULL || at > end) continue;
        v[n++] = strtod(at + strlen(attribute), NULL);
    }
    return n;
}
