/* Arena and growing text. */
#include "common.h"

#include "tandem/base.h"

static bool all_zero(const unsigned char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0) return false;
    return true;
}

/* Random sizes, twice with a reset between: aligned, zeroed, apart from each other. */
static void allocations(void **state) {
    (void)state;
    enum { N = 3000 };
    static unsigned char *p[N];
    static size_t size[N];
    td_arena *a = td_arena_create();
    for (int round = 0; round < 3; round++) {
        td_rng r = td_rng_make(1, (uint64_t)round, TD_RNG_TEST);
        for (int i = 0; i < N; i++) {
            size[i] = td_rng_below(&r, i % 100 == 0 ? 300000 : 200);
            p[i] = td_arena_alloc(a, size[i]);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % 16, 0);
            assert_true(all_zero(p[i], size[i]));
            memset(p[i], 1 + i % 255, size[i]);
        }
        for (int i = 0; i < N; i++)
            for (size_t k = 0; k < size[i]; k++)
                if (p[i][k] != 1 + i % 255) fail_msg("allocation %d was overwritten", i);
        td_arena_reset(a);
    }
    td_arena_destroy(a);
    td_arena_destroy(NULL);
    td_arena_reset(NULL);
}

static int told;

static void tell(void) {
    told++;
}

static void impossible_sizes(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_memory_handler(tell);
    assert_null(td_arena_alloc(a, SIZE_MAX / 2));
    assert_int_equal(told, 1);
    td_memory_handler(NULL);
    td_arena_reset(a);
    assert_false(td_arena_failed(a));
    assert_null(td_arena_alloc(a, SIZE_MAX));
    assert_true(td_arena_failed(a));
    td_arena_reset(a);
    assert_false(td_arena_failed(a));
    assert_null(td_arena_alloc(a, SIZE_MAX - 8));
    assert_null(TD_NEW(a, double, -1)); /* a count that went wrong */
    assert_null(td_arena_alloc(NULL, 8));
    assert_non_null(td_arena_alloc(a, 0));
    assert_non_null(TD_NEW(a, double, 3)); /* still usable */
    td_arena_destroy(a);
}

static void strings(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    char *s = td_arena_strdup(a, "abc"), *t = td_arena_printf(a, "%s-%05000d", s, 1);
    assert_string_equal(s, "abc");
    assert_int_equal(strlen(t), 5004);
    assert_null(td_arena_strdup(a, NULL));
    td_arena_destroy(a);
}

static void text_grows(void **state) {
    (void)state;
    td_text t = {0};
    char expected[40000] = "";
    size_t n = 0;
    for (int i = 0; i < 3000; i++) {
        td_text_addf(&t, "%d,", i * i);
        n += (size_t)snprintf(expected + n, sizeof expected - n, "%d,", i * i);
    }
    assert_int_equal(t.size, n);
    assert_string_equal(t.data, expected);
    td_text_addf(&t, "%01000d", 1); /* longer than the room left at any time */
    td_text_add_bytes(&t, "a\0b", 3);
    td_text_add(&t, "");
    assert_int_equal(t.size, n + 1003);
    assert_memory_equal(t.data + n + 1000, "a\0b", 4);
    assert_false(t.failed);
    td_text_free(&t);
    assert_null(t.data);
    td_text_add_bytes(&t, NULL, 0);
    assert_string_equal(t.data, "");
    td_text_add_bytes(&t, "x", SIZE_MAX / 2); /* cannot be had: marked, content kept */
    assert_true(t.failed);
    td_text_add(&t, "more");
    assert_string_equal(t.data, "");
    td_text_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations),
        cmocka_unit_test(impossible_sizes),
        cmocka_unit_test(strings),
        cmocka_unit_test(text_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
