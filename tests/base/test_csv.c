/* CSV: the forms of RFC 4180 by hand, written tables read back, faults with their lines. */
#include "common.h"
#include "tandem/base.h"

static td_error err;

static const td_node *parse(td_arena *a, const char *text) {
    const td_node *doc;
    assert_ok(td_csv_parse(a, text, strlen(text), "t.csv", &doc, &err), &err);
    assert_int_equal(doc->kind, TD_LIST);
    return doc;
}

static void scalars_and_quotes(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    const td_node *t = parse(a, "\xef\xbb\xbfname, x ,\"a \"\"b\"\", c\",empty\r\n"
                                "one, 00012 ,\"1.5\",\r\n"
                                "\r\n"
                                "\"two\nlines\" ,-2.5e1, true ,  \r\n"
                                "three,.inf,x\"y,\"\"");
    assert_int_equal(t->count, 3);
    static const char *const key[] = {"name", "x", "a \"b\", c", "empty"};
    static const int line[] = {2, 4, 6};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t->item[i]->count, 4);
        assert_int_equal(t->item[i]->line, line[i]);
        for (int k = 0; k < 4; k++) assert_string_equal(t->item[i]->item[k]->key, key[k]);
    }
    const td_node *x = td_node_find(t->item[0], "x");
    assert_int_equal(x->kind, TD_INT);
    assert_int_equal(x->integer, 12);
    assert_string_equal(x->text, "00012");
    const td_node *quoted = t->item[0]->item[2];
    assert_int_equal(quoted->kind, TD_STRING);
    assert_string_equal(quoted->text, "1.5");
    assert_int_equal(t->item[0]->item[3]->kind, TD_NULL);
    assert_string_equal(t->item[1]->item[0]->text, "two\nlines");
    assert_true(t->item[1]->item[1]->real == -25 && t->item[1]->item[1]->line == 5);
    assert_true(t->item[1]->item[2]->kind == TD_BOOL && t->item[1]->item[2]->boolean);
    assert_int_equal(t->item[1]->item[3]->kind, TD_NULL);
    assert_true(isinf(t->item[2]->item[1]->real));
    assert_string_equal(t->item[2]->item[2]->text, "x\"y");
    assert_int_equal(t->item[2]->item[3]->kind, TD_STRING);
    assert_string_equal(t->item[2]->item[3]->text, "");
    td_arena_destroy(a);
}

static void separators_and_line_ends(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    static const char *const same[] = {"a,b\n1,2\n3,4\n",        "a,b\r\n1,2\r\n3,4",
                                       "a,b\r1,2\r3,4\r",        "a;b\n1;2\n3;4\n",
                                       "a\tb\n1\t2\n3\t4\n",     "\"a\",\"b\"\n1,2\n\n\n3,4\n\n",
                                       "\"a\";b\n\"1\"\n;2\n3;4"};
    for (size_t i = 0; i < 6; i++) {
        const td_node *t = parse(a, same[i]);
        assert_int_equal(t->count, 2);
        for (int k = 0; k < 4; k++) {
            const td_node *n = t->item[k / 2]->item[k % 2];
            assert_string_equal(n->key, k % 2 ? "b" : "a");
            assert_int_equal(n->integer, k + 1);
        }
    }
    /* a comma in quotes is no separator; with a comma in the first line a semicolon is text */
    assert_string_equal(parse(a, "\"a,b\";c\n1;2\n")->item[0]->item[1]->key, "c");
    assert_string_equal(parse(a, "a,b\n1;2,3\n")->item[0]->item[0]->text, "1;2");
    /* tabs separate: they are not blanks, and fields may be empty */
    const td_node *t = parse(a, "a\tb\n\t2\n");
    assert_int_equal(t->item[0]->item[0]->kind, TD_NULL);
    assert_int_equal(t->item[0]->item[1]->integer, 2);
    assert_int_equal(parse(a, "only\n1\n2\n")->count, 2);
    assert_int_equal(parse(a, "a,b\n")->count, 0);
    td_arena_destroy(a);
}

/* Any text as fields, quoted where it must be. */
static void what_is_written_is_read(void **state) {
    (void)state;
    enum { COLUMNS = 4, ROWS = 6 };
    static const char letters[] = "ab\",;\n\r\t 1.";
    for (uint64_t trial = 0; trial < 300; trial++) {
        td_rng r = td_rng_make(1, trial, TD_RNG_TEST);
        td_arena *a = td_arena_create();
        td_text text = {0};
        char field[ROWS][COLUMNS][8];
        td_text_add(&text, "a,b,c,d\n");
        for (int i = 0; i < ROWS; i++)
            for (int k = 0; k < COLUMNS; k++) {
                int n = (int)td_rng_below(&r, 7);
                for (int j = 0; j < n; j++)
                    field[i][k][j] = letters[td_rng_below(&r, sizeof letters - 1)];
                field[i][k][n] = '\0';
                td_text_add(&text, "\"");
                for (const char *p = field[i][k]; *p != '\0'; p++)
                    td_text_addf(&text, *p == '"' ? "\"\"" : "%c", *p);
                td_text_add(&text, k < COLUMNS - 1 ? "\"," : i % 2 ? "\"\r\n" : "\"\n");
            }
        const td_node *t = parse(a, text.data);
        assert_int_equal(t->count, ROWS);
        for (int i = 0; i < ROWS; i++)
            for (int k = 0; k < COLUMNS; k++)
                assert_string_equal(t->item[i]->item[k]->text, field[i][k]);
        td_text_free(&text);
        td_arena_destroy(a);
    }
}

static void faults(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "t.csv:1: expected a first line"},
        {"a,b\n1\n", "t.csv:2: expected 2 fields as in the first line, found 1"},
        {"a,b\n1,2\n\n1,2,3\n", "t.csv:4: expected 2 fields as in the first line, found more"},
        {"a,a\n1,2\n", "t.csv:1: duplicate key \"a\", first at line 1"},
        {"a,\n1,2\n", "t.csv:1: a column has no name"},
        {"a,b\n\"1,2\n3,4\n", "t.csv:2: a quoted field has no closing quote"},
        {"a,b\n\"1\" x,2\n", "t.csv:2: expected the next field after the closing quote"},
        {"a,b\n1,1e999\n", "t.csv:2: [0].b: number out of range: 1e999"},
        {"a,b\n1,\xff\n", "t.csv:2: expected text in UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_arena *a = td_arena_create();
        const td_node *doc;
        td_status s = td_csv_parse(a, cases[i].text, strlen(cases[i].text), "t.csv", &doc, &err);
        const char *m = cases[i].message;
        if (s != TD_E_INPUT || doc != NULL || strncmp(err.message, m, strlen(m)) != 0)
            fail_msg("%s\nexpected %s\nfound (%s) %s", cases[i].text, m, td_status_name(s),
                     err.message);
        td_arena_destroy(a);
    }
    td_arena *a = td_arena_create();
    const td_node *doc;
    assert_int_equal(td_csv_parse(a, "a\n\0\n", 4, "t.csv", &doc, &err), TD_E_INPUT);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_and_quotes),
        cmocka_unit_test(separators_and_line_ends),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
