/* JSON against jansson, an independent reader and writer, and the grammar's corners by hand. */
#include "common.h"

#include <jansson.h>

#include "random_node.h"
#include "tandem/base.h"

static td_error err;

static void grammar(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    static const char *const good[] = {"0",
                                       "-0",
                                       "-1.5e+3",
                                       "2E-3",
                                       "\"\"",
                                       " [ ] ",
                                       "{}",
                                       "\r\n\t[1,2]\n",
                                       "\"\\/\\u0041\\ud83d\\uDE00\\\"\"",
                                       "{\"\":{\"\":[]}}",
                                       "true",
                                       "null",
                                       "[[],{}]",
                                       "1e-400",
                                       "\"\x7f\"",
                                       "123456789012345678901234567890"};
    static const char *const bad[] = {"",
                                      " ",
                                      "01",
                                      "-",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "1e+",
                                      "0x1",
                                      "NaN",
                                      "Infinity",
                                      "-Infinity",
                                      "nul",
                                      "True",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "[1",
                                      "{",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{\"a\":1,}",
                                      "{\"a\":1 \"b\":2}",
                                      "\"",
                                      "\"a",
                                      "\"\\",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "\"\n\"",
                                      "\"\t\"",
                                      "\"\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\\udc00\\udc00\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\\ud800x\"",
                                      "\"\\u0000\"",
                                      "\"\xff\"",
                                      "\"\xc0\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xe2\x82\"",
                                      "1 2",
                                      "[] x",
                                      "// c\n1",
                                      "/**/1",
                                      "1e999",
                                      "-1e999",
                                      "\xef\xbb\xbf[]",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":1,\"\\u0061\":2}",
                                      "\f1",
                                      "1\v"};
    const td_node *doc;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        td_status s = td_json_parse(a, good[i], strlen(good[i]), "t", 1, &doc, &err);
        if (s != TD_OK) fail_msg("%s: %s", good[i], err.message);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        td_status s = td_json_parse(a, bad[i], strlen(bad[i]), "t", 1, &doc, &err);
        if (s != TD_E_INPUT) fail_msg("accepted: %s", bad[i]);
        assert_null(doc);
    }
    assert_int_equal(td_json_parse(a, "[01]", 4, "t", 1, &doc, &err), TD_E_INPUT);
    assert_string_equal(err.message, "t:1: numbers must not begin with 0");
    td_status s = td_json_parse(a, "[1]\0", 4, "t", 1, &doc, &err);
    assert_int_equal(s, TD_E_INPUT);
    assert_string_equal(err.message, "t:1: expected the end of the text, found character 0x0");
    td_arena_destroy(a);
}

static void values_and_lines(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    const td_node *doc;
    static const char text[] =
        "{\"i\": -9223372036854775808,\n \"big\": 9223372036854775808,\n"
        " \"r\": 1.0, \"e\": 1e2, \"z\": -0.0,\n\"s\": \"\\ud83d\\ude00\\n\",\n"
        " \"l\":\n [true,\n null]}";
    assert_ok(td_json_parse(a, text, strlen(text), "t.jsonl", 10, &doc, &err), &err);
    assert_int_equal(td_node_find(doc, "i")->integer, INT64_MIN);
    assert_int_equal(td_node_find(doc, "big")->kind, TD_REAL);
    assert_true(td_node_find(doc, "big")->real == 0x1p63);
    assert_int_equal(td_node_find(doc, "r")->kind, TD_REAL);
    assert_int_equal(td_node_find(doc, "e")->kind, TD_REAL);
    assert_true(signbit(td_node_find(doc, "z")->real));
    assert_string_equal(td_node_find(doc, "s")->text, "\U0001f600\n");
    const td_node *list = td_node_find(doc, "l");
    assert_int_equal(list->line, 14); /* of its key */
    assert_int_equal(list->item[1]->line, 16);
    int64_t v;
    assert_int_equal(td_node_get_int(doc, "r", 0, 9, &v, &err), TD_E_INPUT);
    assert_string_equal(err.message, "t.jsonl:12: r: expected an integer in [0, 9], found 1.0");

    static const char broken[] = "{\"a\": [1,\n2,\n{\"b\" 3}]}";
    assert_int_equal(td_json_parse(a, broken, strlen(broken), "t", 1, &doc, &err), TD_E_INPUT);
    assert_string_equal(err.message, "t:3: expected ':' after the key, found '3'");
    static const char twice[] = "{\"m\": {\"k\": 1,\n\"k\": 2}}";
    assert_int_equal(td_json_parse(a, twice, strlen(twice), "t", 1, &doc, &err), TD_E_INPUT);
    assert_string_equal(err.message, "t:2: m: duplicate key \"k\", first at line 1");
    td_arena_destroy(a);
}

static void depth_is_limited(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    const td_node *doc;
    for (int depth = 63; depth < 67; depth++) {
        td_text t = {0};
        for (int i = 0; i < depth; i++) td_text_add(&t, i % 2 ? "[" : "{\"a\":");
        td_text_add(&t, "1");
        for (int i = depth - 1; i >= 0; i--) td_text_add(&t, i % 2 ? "]" : "}");
        td_status s = td_json_parse(a, t.data, t.size, "t", 1, &doc, &err);
        assert_int_equal(s, depth <= 64 ? TD_OK : TD_E_INPUT);
        td_text_free(&t);
    }
    td_arena_destroy(a);
}

/* The same value in jansson's tree. */
static bool same_json(const td_node *n, const json_t *j) {
    switch (n->kind) {
    case TD_NULL: return json_is_null(j);
    case TD_BOOL: return json_is_boolean(j) && json_is_true(j) == n->boolean;
    case TD_INT: return json_is_integer(j) && json_integer_value(j) == n->integer;
    case TD_REAL: {
        double v = json_real_value(j), w = n->real;
        return json_is_real(j) && memcmp(&v, &w, sizeof v) == 0;
    }
    case TD_STRING:
        return json_is_string(j) && json_string_length(j) == strlen(n->text) &&
               strcmp(json_string_value(j), n->text) == 0;
    case TD_LIST:
        if (!json_is_array(j) || json_array_size(j) != (size_t)n->count) return false;
        for (int i = 0; i < n->count; i++)
            if (!same_json(n->item[i], json_array_get(j, (size_t)i))) return false;
        return true;
    case TD_MAP:
        if (!json_is_object(j) || json_object_size(j) != (size_t)n->count) return false;
        for (int i = 0; i < n->count; i++)
            if (!same_json(n->item[i], json_object_get(j, n->item[i]->key))) return false;
        return true;
    }
    return false;
}

enum { FLAGS = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES };

static void random_documents_both_ways(void **state) {
    (void)state;
    td_rng r = td_rng_make(12, 0, TD_RNG_TEST);
    for (int i = 0; i < 4000; i++) {
        td_arena *a = td_arena_create();
        td_text out = {0};
        td_node *n = random_node(a, &r, 4, true);
        td_node_to_json(n, (int)td_rng_below(&r, 4), &out);
        json_error_t je;
        json_t *j = json_loadb(out.data, out.size, FLAGS, &je);
        if (j == NULL) fail_msg("jansson: %s\n%s", je.text, out.data);
        if (!same_json(n, j)) fail_msg("jansson reads another value\n%s", out.data);
        const td_node *back;
        assert_ok(td_json_parse(a, out.data, out.size, "t", 1, &back, &err), &err);
        if (!same_node(n, back)) fail_msg("changed:\n%s", out.data);

        size_t flags[] = {0, JSON_INDENT(3), JSON_ENSURE_ASCII | JSON_COMPACT, JSON_ESCAPE_SLASH};
        char *text = json_dumps(j, flags[i % 4] | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
        assert_ok(td_json_parse(a, text, strlen(text), "t", 1, &back, &err), &err);
        if (!same_json(back, j)) fail_msg("read another value\n%s", text);
        free(text);
        json_decref(j);
        td_text_free(&out);
        td_arena_destroy(a);
    }
}

static void mutate(td_rng *r, td_text *t) {
    static const char bytes[] = "{}[]\",:\\u0019eE+-./tfn \n\t\xc3\xa9\xed\xff";
    for (uint64_t n = 1 + td_rng_below(r, 3); n > 0 && t->size > 0; n--) {
        size_t at = td_rng_below(r, t->size);
        char c = bytes[td_rng_below(r, sizeof bytes - 1)];
        switch (td_rng_below(r, 3)) {
        case 0: t->data[at] = c; break;
        case 1: /* out */
            memmove(t->data + at, t->data + at + 1, t->size - at);
            t->size--;
            break;
        default: /* in */
            td_text_add_bytes(t, "x", 1);
            memmove(t->data + at + 1, t->data + at, t->size - at - 1);
            t->data[at] = c;
        }
    }
}

static int depth_of(const json_t *j) {
    int deepest = 0;
    const char *key;
    json_t *v;
    size_t i;
    if (json_is_object(j)) {
        json_object_foreach((json_t *)(uintptr_t)j, key, v) {
            int d = depth_of(v);
            if (d > deepest) deepest = d;
        }
    } else if (json_is_array(j)) {
        json_array_foreach(j, i, v) {
            int d = depth_of(v);
            if (d > deepest) deepest = d;
        }
    } else {
        return 0;
    }
    return deepest + 1;
}

/* Damaged documents: both readers take or refuse the same, and read the same. jansson refuses
 * integers beyond 64 bits, which become reals here. */
static void damaged_documents(void **state) {
    (void)state;
    td_rng r = td_rng_make(13, 0, TD_RNG_TEST);
    int taken = 0, refused = 0;
    for (int i = 0; i < 60000; i++) {
        td_arena *a = td_arena_create();
        td_text out = {0};
        td_node_to_json(random_node(a, &r, 2, true), 0, &out);
        mutate(&r, &out);
        json_error_t je;
        json_t *j = json_loadb(out.data, out.size, FLAGS, &je);
        const td_node *n;
        td_status s = td_json_parse(a, out.data, out.size, "t", 1, &n, &err);
        bool big =
            j == NULL && strstr(je.text, "too big") != NULL && strstr(je.text, "integer") != NULL;
        if (!big && (s == TD_OK) != (j != NULL))
            fail_msg("tandem: %s\njansson: %s\n%s", s == TD_OK ? "taken" : err.message,
                     j != NULL ? "taken" : je.text, out.data);
        if (s == TD_OK && j != NULL && !same_json(n, j)) fail_msg("differ: %s", out.data);
        if (j != NULL) assert_true(depth_of(j) <= 64);
        taken += s == TD_OK;
        refused += s != TD_OK;
        json_decref(j);
        td_text_free(&out);
        td_arena_destroy(a);
    }
    assert_true(taken > 5000 && refused > 5000); /* the comparison saw both */
}

static void written_form(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_node *m = td_node_map(a), *list = td_node_put(a, m, "levels", td_node_list(a));
    td_node *level = td_node_push(a, list, td_node_map(a));
    td_node_put_string(a, level, "name", "a\"\\\n\x01\x7f\u00e9");
    td_node *sizes = td_node_put(a, level, "sizes", td_node_list(a));
    td_node_push(a, sizes, td_node_int(a, 1));
    td_node_push(a, sizes, td_node_real(a, 2));
    td_node_push(a, sizes, td_node_real(a, INFINITY));
    td_node_put(a, m, "none", td_node_map(a));
    td_text out = {0};
    td_node_to_json(m, 0, &out);
    assert_string_equal(out.data, "{\"levels\": [{\"name\": \"a\\\"\\\\\\n\\u0001\\u007f\u00e9\", "
                                  "\"sizes\": [1, 2.0, null]}], \"none\": {}}");
    td_text_free(&out);
    td_node_to_json(m, 2, &out);
    assert_string_equal(out.data, "{\n"
                                  "  \"levels\": [\n"
                                  "    {\n"
                                  "      \"name\": \"a\\\"\\\\\\n\\u0001\\u007f\u00e9\",\n"
                                  "      \"sizes\": [1, 2.0, null]\n"
                                  "    }\n"
                                  "  ],\n"
                                  "  \"none\": {}\n"
                                  "}");
    td_text_free(&out);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar),           cmocka_unit_test(values_and_lines),
        cmocka_unit_test(depth_is_limited),  cmocka_unit_test(random_documents_both_ways),
        cmocka_unit_test(damaged_documents), cmocka_unit_test(written_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
