/* Text of doubles: reads back to the same bits, and is the shortest that does. */
#include "common.h"

#include <locale.h>

#include "tandem/base.h"

static const char *text(double v) {
    static char out[32];
    int n = td_real_text(v, out);
    assert_int_equal(n, strlen(out));
    assert_true(n < 32);
    return out;
}

static void examples(void **state) {
    (void)state;
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0, "0.0"},
                 {-0.0, "-0.0"},
                 {5, "5.0"},
                 {-1200, "-1200.0"},
                 {0.1, "0.1"},
                 {1e-5, "0.00001"},
                 {1.5e-6, "1.5e-6"},
                 {1.0 / 3, "0.3333333333333333"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1e16, "10000000000000000.0"},
                 {1e20, "1e+20"},
                 {123456789012345680.0, "1.2345678901234568e+17"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {-2.2250738585072014e-308, "-2.2250738585072014e-308"},
                 {INFINITY, "inf"},
                 {-INFINITY, "-inf"},
                 {NAN, "nan"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(text(cases[i].v), cases[i].text);
}

static int significant_digits(const char *s) {
    int n = 0, zeros = 0;
    for (; *s != '\0' && *s != 'e'; s++) {
        if (*s < '0' || *s > '9' || (n == 0 && *s == '0')) continue;
        n++;
        zeros = *s == '0' ? zeros + 1 : 0;
    }
    return n - zeros;
}

static void round_trip(void **state) {
    (void)state;
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = td_rng_u64(&r);
        if (i % 8 == 0) bits &= 0x800fffffffffffffu; /* subnormal */
        double v, back;
        memcpy(&v, &bits, 8);
        if (i % 3 == 1) v = (double)td_rng_below(&r, 100000) / 1000;
        if (!isfinite(v)) continue;
        const char *s = text(v);
        back = strtod(s, NULL);
        if (memcmp(&v, &back, 8) != 0) fail_msg("%a is written %s", v, s);
        /* no shorter form by printf reads back */
        int digits = significant_digits(s);
        char shorter[40];
        if (digits > 1 && i % 4 == 0) {
            snprintf(shorter, sizeof shorter, "%.*e", digits - 2, v);
            if (strtod(shorter, NULL) == v) fail_msg("%s is longer than %s", s, shorter);
        }
    }
}

/* Sets a locale with a decimal comma, making one in `folder` if none is installed. */
static bool set_comma_locale(const char *folder) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    for (int i = 0; i < 4; i++)
        if (setlocale(LC_NUMERIC, names[i]) != NULL) return true;
    char command[600];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >'%s/log' 2>&1",
             folder, folder);
    if (system(command) < 0) return false;
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
}

/* A host program with a decimal comma must not change documents. */
static void locale_is_ignored(void **state) {
    (void)state;
    char folder[] = "/tmp/td_locale_XXXXXX", command[100];
    assert_non_null(mkdtemp(folder));
    bool set = set_comma_locale(folder);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
    if (!set) {
        print_message("no locale with a decimal comma can be had\n");
        skip();
    }
    char comma[8];
    snprintf(comma, sizeof comma, "%.1f", 2.5);
    assert_string_equal(comma, "2,5");
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *doc;
    assert_string_equal(text(2.5), "2.5");
    td_status y = td_yaml_parse(a, "2.5", 3, "t", &doc, &err);
    double yaml = doc->real;
    td_status j = td_json_parse(a, "2.5", 3, "t", 1, &doc, &err);
    setlocale(LC_NUMERIC, "C");
    assert_int_equal(y, TD_OK);
    assert_int_equal(j, TD_OK);
    assert_true(yaml == 2.5 && doc->real == 2.5);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(locale_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
