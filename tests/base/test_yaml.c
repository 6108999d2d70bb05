/* YAML: scalars of the core schema, refusals with lines, writing and reading back. */
#include "common.h"

#include "random_node.h"
#include "tandem/base.h"

static td_arena *arena;
static td_error err;

static int create(void **state) {
    (void)state;
    arena = td_arena_create();
    return arena != NULL ? 0 : -1;
}

static int destroy(void **state) {
    (void)state;
    td_arena_destroy(arena);
    return 0;
}

static const td_node *parse(const char *text) {
    const td_node *doc = NULL;
    assert_ok(td_yaml_parse(arena, text, strlen(text), "t.yaml", &doc, &err), &err);
    return doc;
}

static void core_scalars(void **state) {
    (void)state;
    static const struct {
        const char *text;
        td_node_kind kind;
        double value;
    } cases[] = {{"null", TD_NULL, 0},
                 {"~", TD_NULL, 0},
                 {"Null", TD_NULL, 0},
                 {"true", TD_BOOL, 1},
                 {"False", TD_BOOL, 0},
                 {"yes", TD_STRING, 0},
                 {"no", TD_STRING, 0},
                 {"off", TD_STRING, 0},
                 {"tRue", TD_STRING, 0},
                 {"0", TD_INT, 0},
                 {"-12", TD_INT, -12},
                 {"+12", TD_INT, 12},
                 {"012", TD_INT, 12},
                 {"0x1F", TD_INT, 31},
                 {"0o17", TD_INT, 15},
                 {"0x", TD_STRING, 0},
                 {"-0x1", TD_STRING, 0},
                 {"0o8", TD_STRING, 0},
                 {"1_000", TD_STRING, 0},
                 {"1e3", TD_REAL, 1000},
                 {"1.", TD_REAL, 1},
                 {".5", TD_REAL, 0.5},
                 {"-.5e-1", TD_REAL, -0.05},
                 {"+1.5E+2", TD_REAL, 150},
                 {".", TD_STRING, 0},
                 {"-", TD_STRING, 0},
                 {"1e", TD_STRING, 0},
                 {"e3", TD_STRING, 0},
                 {".inf", TD_REAL, INFINITY},
                 {"-.INF", TD_REAL, -INFINITY},
                 {"inf", TD_STRING, 0},
                 {"nan", TD_STRING, 0},
                 {"1.2.3", TD_STRING, 0},
                 {"9223372036854775807", TD_INT, 9223372036854775807.0},
                 {"-9223372036854775808", TD_INT, -9223372036854775808.0},
                 {"9223372036854775808", TD_REAL, 9223372036854775808.0},
                 {"0xffffffffffffffff", TD_REAL, 18446744073709551615.0},
                 {"\"5\"", TD_STRING, 0},
                 {"'true'", TD_STRING, 0},
                 {"!!str 5", TD_STRING, 0},
                 {"12:30", TD_STRING, 0},
                 {"2024-01-01", TD_STRING, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        snprintf(text, sizeof text, "a: %s\n", cases[i].text);
        if (strcmp(cases[i].text, "-") == 0) strcpy(text, "a: '-'\n");
        const td_node *n = parse(text)->item[0];
        if (n->kind != cases[i].kind) fail_msg("%s is of kind %d", cases[i].text, (int)n->kind);
        if (n->kind == TD_BOOL) assert_int_equal(n->boolean, cases[i].value != 0);
        if (n->kind == TD_INT || n->kind == TD_REAL) assert_true(n->real == cases[i].value);
        if (n->kind == TD_INT) assert_true((double)n->integer == cases[i].value);
    }
    assert_true(isnan(parse("a: .NaN")->item[0]->real));
    assert_string_equal(parse("a: 1.50")->item[0]->text, "1.50"); /* as written */
}

static void structure_and_lines(void **state) {
    (void)state;
    const td_node *doc = parse("# comment\n"
                               "\n"
                               "a: 1\n"
                               "b:\n"
                               "  - x\n"
                               "  - {c: 2,\n"
                               "     d: [3, 4]}\n"
                               "e: |\n"
                               "  two\n"
                               "  lines\n"
                               "\"f g\": >-\n"
                               "  folded\n"
                               "  text\n");
    assert_int_equal(doc->kind, TD_MAP);
    assert_int_equal(doc->line, 3);
    assert_int_equal(doc->count, 4);
    const td_node *b = td_node_find(doc, "b");
    assert_int_equal(b->line, 4); /* the line of the key */
    assert_int_equal(b->item[0]->line, 5);
    assert_int_equal(td_node_find(b->item[1], "d")->line, 7);
    assert_ptr_equal(td_node_find(b->item[1], "d")->parent, b->item[1]);
    assert_string_equal(td_node_find(doc, "e")->text, "two\nlines\n");
    assert_string_equal(td_node_find(doc, "f g")->text, "folded text");
    assert_string_equal(b->item[0]->file, "t.yaml");
    assert_int_equal(parse("")->kind, TD_NULL);
    assert_int_equal(parse("# only a comment\n")->kind, TD_NULL);
    assert_int_equal(parse("---\na: 1\n...\n")->kind, TD_MAP);
    assert_int_equal(parse("\xef\xbb\xbf"
                           "a: 1\r\n")
                         ->count,
                     1); /* byte order mark, CR LF */
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "t.yaml:3: duplicate key \"a\", first at line 1"},
        {"m:\n  k: 1\n  k: 2\n", "t.yaml:3: m: duplicate key \"k\", first at line 2"},
        {"a: &x 1\nb: 2\n", "t.yaml:1: anchors (&name) are not supported"},
        {"a: &x [1]\n", "t.yaml:1: anchors (&name) are not supported"},
        {"a: 1\nb: *x\n", "t.yaml:2: aliases (*name) are not supported"},
        {"*x : 1\n", "t.yaml:1: aliases (*name) are not supported"},
        {"b:\n  <<: {c: 1}\n", "t.yaml:2: merge keys (<<) are not supported"},
        {"a: !!int 5\n", "t.yaml:1: tags (!name) are not supported"},
        {"a: !thing {b: 1}\n", "t.yaml:1: tags (!name) are not supported"},
        {"? [1, 2]\n: 3\n", "t.yaml:1: keys must be plain or quoted text"},
        {"a: 1\n---\nb: 2\n", "t.yaml:2: expected one document, found a second"},
        {"a: \"x\\0y\"\n", "t.yaml:1: NUL characters are not allowed in text"},
        {"\"x\\0y\": 1\n", "t.yaml:1: NUL characters are not allowed in text"},
        {"a: 1e999\n", "t.yaml:1: a: number out of range: 1e999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const td_node *doc;
        td_status s =
            td_yaml_parse(arena, cases[i].text, strlen(cases[i].text), "t.yaml", &doc, &err);
        assert_int_equal(s, TD_E_INPUT);
        assert_null(doc);
        assert_string_equal(err.message, cases[i].message);
    }
    static const struct {
        const char *text;
        int line;
    } syntax[] = {{"a: [1, 2\nb: 3\n", 2}, {"a:\n\t- 1\n", 2}, {"a: 'open\n", 2},
                  {"a: 1\n b: 2\n", 2},    {"a: @x\n", 1},     {"x\xff\n", 1},
                  {"a: b\n{\n", 3}};
    for (size_t i = 0; i < sizeof syntax / sizeof syntax[0]; i++) {
        const td_node *doc;
        td_status s =
            td_yaml_parse(arena, syntax[i].text, strlen(syntax[i].text), "t.yaml", &doc, &err);
        assert_int_equal(s, TD_E_INPUT);
        char where[32];
        snprintf(where, sizeof where, "t.yaml:%d", syntax[i].line);
        if (strcmp(err.where, where) != 0) fail_msg("%s: %s", where, err.message);
    }
}

/* Local tags, where they are asked for; what else is refused stays so. */
static void tags(void **state) {
    (void)state;
    static const char text[] = "- !Component {name: x, size: 5}\n- !List [1, 2]\n- !Word 5\n"
                               "- !!str 6\n- plain\n";
    const td_node *doc;
    assert_int_equal(td_yaml_parse(arena, text, sizeof text - 1, "t.yaml", &doc, &err), TD_E_INPUT);
    assert_string_equal(err.message, "t.yaml:1: tags (!name) are not supported");
    assert_ok(td_yaml_parse_tagged(arena, text, sizeof text - 1, "t.yaml", &doc, &err), &err);
    assert_int_equal(doc->count, 5);
    assert_string_equal(doc->item[0]->tag, "Component");
    assert_int_equal(doc->item[0]->kind, TD_MAP);
    assert_int_equal(td_node_find(doc->item[0], "size")->integer, 5);
    assert_null(td_node_find(doc->item[0], "size")->tag);
    assert_string_equal(doc->item[1]->tag, "List");
    assert_string_equal(doc->item[2]->tag, "Word");
    assert_int_equal(doc->item[2]->kind, TD_STRING); /* what it stands for is not known here */
    assert_null(doc->item[3]->tag);
    assert_null(doc->item[4]->tag);
    static const char *const refused[] = {"a: !!int 5\n", "a: !<tag:x.org,2000:y> 5\n",
                                          "!Key a: 5\n", "a: &x !Tag 5\n", "a: !!map {b: 1}\n"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(
            td_yaml_parse_tagged(arena, refused[i], strlen(refused[i]), "t.yaml", &doc, &err),
            TD_E_INPUT);
}

static void depth_is_limited(void **state) {
    (void)state;
    for (int map = 0; map < 2; map++) {
        for (int depth = 63; depth < 67; depth++) {
            td_text t = {0};
            for (int i = 0; i < depth; i++) td_text_add(&t, map ? "{a: " : "[");
            for (int i = 0; i < depth; i++) td_text_add(&t, map ? "}" : "]");
            const td_node *doc;
            td_status s = td_yaml_parse(arena, t.data, t.size, "t", &doc, &err);
            assert_int_equal(s, depth <= 64 ? TD_OK : TD_E_INPUT);
            if (s != TD_OK) assert_string_equal(err.message, "t:1: nested deeper than 64");
            td_text_free(&t);
        }
    }
    td_text bomb = {0};
    for (int i = 0; i < 200000; i++) td_text_add(&bomb, "[");
    const td_node *doc;
    assert_int_equal(td_yaml_parse(arena, bomb.data, bomb.size, "t", &doc, &err), TD_E_INPUT);
    td_text_free(&bomb);
}

/* 100 000 keys: linear but for a sort; the duplicate at the end is found. */
static void large_maps(void **state) {
    (void)state;
    td_text t = {0};
    for (int i = 0; i < 100000; i++) td_text_addf(&t, "k%d: %d\n", i * 7919 % 100003, i);
    double start = td_time_thread_s();
    assert_int_equal(parse(t.data)->count, 100000);
    td_text_add(&t, "k7919: 0\n");
    const td_node *doc;
    assert_int_equal(td_yaml_parse(arena, t.data, t.size, "t", &doc, &err), TD_E_INPUT);
    assert_string_equal(err.message, "t:100001: duplicate key \"k7919\", first at line 2");
    assert_true(td_time_thread_s() - start < 20); /* seconds would be quadratic minutes */
    td_text_free(&t);
}

static void round_trip(void **state) {
    (void)state;
    td_rng r = td_rng_make(11, 0, TD_RNG_TEST);
    for (int i = 0; i < 4000; i++) {
        td_arena *a = td_arena_create();
        td_text out = {0};
        td_node *n = random_node(a, &r, 4, false);
        td_node_to_yaml(n, &out);
        const td_node *back;
        td_status s = td_yaml_parse(a, out.data, out.size, "t", &back, &err);
        if (s != TD_OK) fail_msg("document %d: %s\n%s", i, err.message, out.data);
        if (!same_node(n, back)) fail_msg("document %d changed:\n%s", i, out.data);
        td_text_free(&out);
        td_arena_destroy(a);
    }
}

static void written_form(void **state) {
    (void)state;
    static const char text[] = "name: edge\n"
                               "clock_hz: 8.0e+8\n"
                               "reals: [1.0, 2.5, .inf]\n"
                               "unbounded: null\n"
                               "answer: \"yes\"\n"
                               "note: \"two\\nlines: a\"\n"
                               "levels:\n"
                               "  - name: mac\n"
                               "    loops:\n"
                               "      - [1, 2]\n"
                               "      - - a\n"
                               "        - b: 1\n"
                               "  - {}\n"
                               "empty: []\n";
    td_text out = {0};
    td_node_to_yaml(parse(text), &out);
    static const char expected[] = "clock_hz: 800000000.0\n";
    char *at = strstr(out.data, "clock_hz");
    assert_memory_equal(at, expected, strlen(expected));
    /* the rest is laid out as above */
    td_text wanted = {0};
    td_text_addf(&wanted, "name: edge\n%s%s", expected, strstr(text, "reals"));
    assert_string_equal(out.data, wanted.data);
    td_text_free(&wanted);
    td_text_free(&out);
    td_node_to_yaml(NULL, &out);
    assert_true(out.failed && out.size == 0);
    td_text_free(&out);
    td_node *bad = td_node_string(arena, "a\xff\xc3(");
    td_node_to_yaml(bad, &out);
    assert_string_equal(out.data, "\"a\xef\xbf\xbd\xef\xbf\xbd(\"\n");
    td_text_free(&out);
}

static void load_by_name(void **state) {
    (void)state;
    char folder[] = "/tmp/td_yaml_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    const td_node *doc;
    snprintf(path, sizeof path, "%s/a.yaml", folder);
    assert_ok(td_file_write(path, "a: yes\n", 7, &err), &err);
    assert_ok(td_node_load(arena, path, &doc, &err), &err);
    assert_string_equal(doc->item[0]->text, "yes");
    assert_string_equal(doc->file, path);
    remove(path);
    snprintf(path, sizeof path, "%s/a.JSON", folder);
    assert_ok(td_file_write(path, "{\"a\": yes}", 10, &err), &err);
    assert_int_equal(td_node_load(arena, path, &doc, &err), TD_E_INPUT);
    assert_ok(td_file_write(path, "{\"a\": 1}", 8, &err), &err);
    assert_ok(td_node_load(arena, path, &doc, &err), &err);
    remove(path);
    assert_int_equal(td_node_load(arena, path, &doc, &err), TD_E_NOT_FOUND);
    assert_null(doc);
    remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(core_scalars), cmocka_unit_test(structure_and_lines),
        cmocka_unit_test(refusals),     cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(tags),         cmocka_unit_test(large_maps),
        cmocka_unit_test(round_trip),   cmocka_unit_test(written_form),
        cmocka_unit_test(load_by_name),
    };
    return cmocka_run_group_tests(tests, create, destroy);
}
