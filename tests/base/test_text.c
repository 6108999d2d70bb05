/* Messages about mistyped names, and the names of shipped files. */
#include "common.h"

#include "tandem/base.h"

static void expect(const char *name, const char *const *known, int n, const char *want) {
    td_text t = {0};
    td_text_add_known(&t, name, known, n);
    if (strcmp(t.data, want) != 0) fail_msg("%s: \"%s\", expected \"%s\"", name, t.data, want);
    td_text_free(&t);
}

static void a_near_name_or_all(void **state) {
    (void)state;
    static const char *const k[] = {"mobilenetv2", "handmade", "A", "edge"};
    expect("mobilnetv2", k, 4, ", did you mean \"mobilenetv2\"?");  /* one is missing */
    expect("mobileentv2", k, 4, ", did you mean \"mobilenetv2\"?"); /* two are swapped */
    expect("MobileNetV2", k, 4, ", did you mean \"mobilenetv2\"?"); /* case is free */
    expect("egde", k, 4, ", did you mean \"edge\"?");
    expect("hand-made", k, 4, ", did you mean \"handmade\"?");
    expect("resnet50", k, 4, ", known are: mobilenetv2, handmade, A, edge");
    expect("x", k, 4, ", known are: mobilenetv2, handmade, A, edge"); /* no letter in common */
    expect("", k, 4, ", known are: mobilenetv2, handmade, A, edge");
    static const char *const nm[] = {"22nm", "7nm"};
    expect("14nm", nm, 2, ", known are: 22nm, 7nm");
    expect("anything", NULL, 0, ", none are known here");
    /* What does not fit into a message is counted. */
    static const char *many[100];
    for (int i = 0; i < 100; i++) many[i] = "a-name-of-20-letters";
    td_text t = {0};
    td_text_add_known(&t, "zz", many, 100);
    assert_in_range(strlen(t.data), 256, 320);
    assert_string_equal(strrchr(t.data, ',') + 2, "a-name-of-20-letters and 88 more");
    td_text_free(&t);
    char longer[200];
    memset(longer, 'm', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    expect(longer, k, 2, ", known are: mobilenetv2, handmade");
}

static void groups_of_digits(void **state) {
    (void)state;
    static const char *const t[][2] = {{"1", "1"},
                                       {"123", "123"},
                                       {"1234", "1,234"},
                                       {"23040", "23,040"},
                                       {"0", "0"},
                                       {"123456", "123,456"},
                                       {"infinite", "infinite"},
                                       {"-1234", "-1234"},
                                       {"340282366920938463463", "340,282,366,920,938,463,463"}};
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        td_text out = {0};
        td_text_add_grouped(&out, t[i][0]);
        assert_string_equal(out.data, t[i][1]);
        td_text_free(&out);
    }
}

/* Every one is there under its name; too little room is respected; no folder is no name. */
static void shipped_names(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    const char *name[32], *one[1], *path;
    int n = td_data_names(a, "hw", name, 32);
    assert_in_range(n, 2, 31);
    for (int i = 0; i < n; i++) {
        assert_true(i == 0 || strcmp(name[i - 1], name[i]) < 0);
        assert_int_equal(td_data_find(a, td_arena_printf(a, "hw/%s.yaml", name[i]), &path, NULL),
                         TD_OK);
    }
    assert_int_equal(td_data_names(a, "hw", one, 1), 1);
    assert_int_equal(td_data_names(a, "no-such-folder", name, 32), 0);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_near_name_or_all),
        cmocka_unit_test(groups_of_digits),
        cmocka_unit_test(shipped_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
