/* Status table, error messages, log, version. */
#include "common.h"

#include "tandem/base.h"

static void status_table(void **state) {
    (void)state;
    assert_string_equal(td_status_name(TD_E_INPUT), "TD_E_INPUT");
    assert_string_equal(td_status_text(TD_OK), "ok");
    assert_int_equal(td_status_exit_code(TD_OK), 0);
    assert_int_equal(td_status_exit_code(TD_E_USAGE), 2);
    assert_int_equal(td_status_exit_code(TD_E_INTERRUPTED), 130);
    assert_string_equal(td_status_name((td_status)9999), "TD_E_INTERNAL");
    /* Programs tell failures apart by the code, so no two share one and only success is 0. */
    int seen[256] = {0};
#define TD_X(name, code, text)                                                                     \
    assert_int_equal(td_status_exit_code(name), code);                                             \
    assert_in_range(code, 0, 255);                                                                 \
    assert_int_equal(seen[code]++, 0);
    TD_STATUS_MAP(TD_X)
#undef TD_X
}

static void fail_fills_and_returns(void **state) {
    (void)state;
    td_error err = {0};
    assert_int_equal(td_fail(&err, TD_E_IO, "disk %d\nfull", 3), TD_E_IO);
    assert_int_equal(err.code, TD_E_IO);
    assert_string_equal(err.message, "disk 3 full");
    assert_string_equal(err.where, "");
    assert_int_equal(td_fail(NULL, TD_E_IO, "x"), TD_E_IO);
    assert_int_equal(td_fail_at(NULL, TD_E_INPUT, "f:1", "x"), TD_E_INPUT);
    assert_int_equal(td_error_prefix(NULL, "x"), TD_E_INTERNAL);

    td_fail_at(&err, TD_E_INPUT, "net.yaml:7", "no %s", "shape");
    assert_string_equal(err.message, "net.yaml:7: no shape");
    assert_string_equal(err.where, "net.yaml:7");
    assert_int_equal(td_error_prefix(&err, "recipe \"%s\"", "a"), TD_E_INPUT);
    assert_string_equal(err.message, "recipe \"a\": net.yaml:7: no shape");
    td_fail(&err, TD_E_STORE, "again: %s",
            err.message); /* an argument that is the message itself */
    assert_string_equal(err.message, "again: recipe \"a\": net.yaml:7: no shape");
}

static void long_messages_are_cut_whole(void **state) {
    (void)state;
    td_error err = {0};
    char longer[2000];
    for (size_t i = 0; i + 2 < sizeof longer; i += 2) memcpy(longer + i, "\xc3\xa9", 3);
    for (int shift = 0; shift < 2; shift++) {
        td_fail(&err, TD_E_INPUT, "%s%s", shift ? "x" : "", longer);
        size_t n = strlen(err.message);
        assert_true(n < sizeof err.message && n >= sizeof err.message - 6);
        assert_string_equal(err.message + n - 3, "...");
        assert_int_equal((unsigned char)err.message[n - 4], 0xa9); /* a whole character before */
    }
    td_fail_at(&err, TD_E_INPUT, longer, "x");
    td_error_prefix(&err, "%s", longer);
    assert_true(strlen(err.message) < sizeof err.message);
    char place[400];
    memset(place, 'd', sizeof place);
    strcpy(place + 300, "/net.yaml:12");
    td_fail_at(&err, TD_E_INPUT, place, "x");
    size_t n = strlen(err.where);
    assert_true(n < sizeof err.where);
    assert_string_equal(err.where + n - 12, "/net.yaml:12");
}

static void count_log(void *self, int level, const char *message) {
    char *out = self;
    snprintf(out, 4000, "%d %s", level, message);
}

static void log_goes_to_the_sink(void **state) {
    (void)state;
    char out[4000] = "";
    td_log sink = {count_log, out};
    td_log_write(NULL, 0, "nobody %d", 1);
    td_log_write(&(td_log){0}, 0, "nobody");
    td_log_write(&sink, 2, "epoch %d", 3);
    assert_string_equal(out, "2 epoch 3");
    td_log_write(&sink, 1, "%03000d", 7); /* longer than any buffer on the stack */
    assert_int_equal(strlen(out), 3002);
}

static void clocks_and_machine(void **state) {
    (void)state;
    assert_string_equal(td_version(), "0.1.0");
    assert_true(td_time_wall_s() > 1.6e9);
    double mono = td_time_mono_s(), cpu = td_time_thread_s();
    while (td_time_thread_s() - cpu < 2e-3) {
    }
    assert_true(td_time_mono_s() - mono >= 1.9e-3);
    char text[200];
    td_machine_text(text, sizeof text);
    char count[16];
    snprintf(count, sizeof count, "%d x ", td_cpu_count());
    assert_memory_equal(text, count, strlen(count));
    assert_non_null(strstr(text, " GiB, Linux "));
    td_machine_text(text, 8);
    assert_true(strlen(text) < 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_table),
        cmocka_unit_test(fail_fills_and_returns),
        cmocka_unit_test(long_messages_are_cut_whole),
        cmocka_unit_test(log_goes_to_the_sink),
        cmocka_unit_test(clocks_and_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
