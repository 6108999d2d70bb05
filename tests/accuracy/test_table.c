/* Accuracies out of a file: forms of tables, which row is which network, repeats and their noise,
 * mistakes with their lines. */
#include "scratch.h"
#include "tandem/accuracy.h"

typedef struct {
    char *folder;
    td_arena *arena;
    td_space *space;
    td_error err;
} fixture;

/* 27 vectors; l2 and l3 may both leave out what the other one has: 3 (1 + 2 + 4) = 21 networks. */
static const char net[] = "space: blocks\n"
                          "input: [1, 8, 8]\n"
                          "stem: {channels: 4}\n"
                          "operators:\n"
                          "  skip: {op: identity}\n"
                          "  mb3: {op: ibn, kernel: 3, expansion: 2}\n"
                          "  mb5: {op: ibn, kernel: 5, expansion: 2}\n"
                          "layers: [{channels: 8, stride: 2, repeat: 3}]\n"
                          "head: 0\n";

static td_space *space_of(fixture *f, const char *text) {
    const td_node *doc;
    td_space *s;
    assert_ok(td_yaml_parse(f->arena, text, strlen(text), "net.yaml", &doc, &f->err), &f->err);
    assert_ok(td_space_net_from_node(doc, f->arena, &s, &f->err), &f->err);
    return s;
}

static int setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make(), .arena = td_arena_create()};
    f.space = space_of(&f, net);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    td_arena_destroy(f->arena);
    scratch_remove(f->folder);
    return 0;
}

/* The recipe's map, in a file beside the tables. */
static const td_node *map_of(fixture *f, const char *text) {
    const td_node *doc;
    const char *name = scratch_path(f->folder, "r.yaml");
    assert_ok(td_yaml_parse(f->arena, text, strlen(text), name, &doc, &f->err), &f->err);
    return doc;
}

static void write_table(fixture *f, const char *name, const char *text) {
    scratch_write(f->folder, name, text, strlen(text));
}

static td_accuracy load(fixture *f, const char *map) {
    td_accuracy a;
    assert_ok(td_accuracy_from_node(map_of(f, map), f->space, 7, &a, &f->err), &f->err);
    assert_string_equal(a.name, "table");
    assert_null(a.data);
    return a;
}

static td_design design(fixture *f, const td_space *s, const char *choices) {
    const td_node *doc;
    double v[64];
    td_choices c = {s->n, v};
    td_design d;
    const char *copy = td_arena_strdup(f->arena, choices);
    assert_ok(td_yaml_parse(f->arena, copy, strlen(copy), "c", &doc, &f->err), &f->err);
    assert_ok(td_choices_from_node(s, doc, &c, &f->err), &f->err);
    assert_ok(s->build(s->self, &c, f->arena, &d, &f->err), &f->err);
    return d;
}

/* Choices of three layers as digits; NAN: not in the table. */
static double value(fixture *f, const td_accuracy *a, const char *digits) {
    static const char *const op[] = {"skip", "mb3", "mb5"};
    td_accuracy_result r;
    td_design d = design(f, f->space,
                         td_arena_printf(f->arena, "{l1: %s, l2: %s, l3: %s}", op[digits[0] - '0'],
                                         op[digits[1] - '0'], op[digits[2] - '0']));
    td_status s = a->evaluate(a->self, &d, 1, NULL, NULL, &r, &f->err);
    if (s != TD_E_INFEASIBLE) assert_ok(s, &f->err);
    assert_int_equal(isnan(r.value), s == TD_E_INFEASIBLE);
    assert_false(r.cached);
    td_design_free(&d);
    return r.value;
}

static td_accuracy_score score(fixture *f, const td_accuracy *a, const char *choices) {
    td_accuracy_score r;
    td_design d = design(f, f->space, choices);
    assert_ok(a->score(a->self, &d, &r, &f->err), &f->err);
    td_design_free(&d);
    return r;
}

/* The same three networks in each form that a table may have. */
static void forms_of_tables(void **state) {
    fixture *f = *state;
    static const struct {
        const char *file, *text, *map;
    } forms[] = {
        {"a.csv", "l1,l2,l3,accuracy\nskip,mb3,mb5,0.5\nmb3,mb3,mb3,0.625\nmb5,skip,skip,.75\n",
         "{source: table, file: a.csv}"},
        {"b.csv",
         "note;\"l3\";l1;l2;accuracy\r\n\"a;b\";mb5;\"skip\";mb3;\"0.5\"\r\n\r\n"
         "c;mb3;mb3;mb3;0.625\r\nd; skip ;mb5;skip;0.75",
         "{source: table, file: b.csv}"},
        {"c.csv", "ops,top1\n012,50\n111,62.5\n200,75\n",
         "{source: table, file: c.csv, columns: {ops: '*'}, values: {0: skip, 1: mb3, 2: mb5},"
         " valid: top1, scale: percent}"},
        {"d.csv", "first,rest,top1\ns,3|5,50\n3,3 | 3,62.5\n5,s|s,75\n",
         "{source: table, file: d.csv, columns: {first: l1, rest: [l2, l3]}, separator: '|',"
         " values: {s: skip, 3: mb3, 5: mb5}, valid: top1, scale: percent}"},
        {"e.csv", "x,y,accuracy\n0,12,0.5\n1,22,0.625\n2,11,0.75\n",
         "{source: table, file: e.csv, columns: {x: l1, y: 'l[23]'},"
         " values: {x: {0: skip, 1: mb3, 2: mb5}, y: {1: skip, 2: mb5}, 1: mb3}}"},
        {"f.json",
         "{\"012\": {\"acc\": 50, \"n\": 1}, \"111\": {\"acc\": 62.5}, \"200\":\n"
         "{\"acc\": \"75\"}}",
         "{source: table, file: f.json, columns: {key: '*'}, values: {0: skip, 1: mb3, 2: mb5},"
         " valid: acc, scale: percent}"},
        {"g.json", "{\"012\": 0.5, \"111\": [0.625], \"200\": 0.75}",
         "{source: table, file: g.json, columns: {key: '*'}, values: {0: skip, 1: mb3, 2: mb5}}"},
        {"h.json",
         "[{\"l1\": \"skip\", \"l2\": \"mb3\", \"l3\": \"mb5\", \"accuracy\": 0.5},\n"
         " {\"accuracy\": 0.625, \"l3\": \"mb3\", \"l2\": \"mb3\", \"l1\": \"mb3\"},\n"
         " {\"l1\": \"mb5\", \"l2\": \"skip\", \"l3\": \"skip\", \"accuracy\": 0.75}]",
         "{source: table, file: h.json}"},
        {"i.yaml",
         "- {l1: skip, l2: mb3, l3: mb5, accuracy: 0.5}\n"
         "- {l1: mb3, l2: mb3, l3: mb3, accuracy: 0.625}\n"
         "- {l1: mb5, l2: skip, l3: skip, accuracy: 0.75}\n",
         "{source: table, file: i.yaml}"},
    };
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        write_table(f, forms[i].file, forms[i].text);
        td_accuracy a = load(f, forms[i].map);
        bool other = strcmp(forms[i].file, "e.csv") == 0; /* another network for its first rows */
        if (!other) {
            assert_true(value(f, &a, "012") == 0.5);
            assert_true(value(f, &a, "111") == 0.625);
            assert_true(value(f, &a, "021") != 0.5); /* the order of layers matters */
        } else {
            assert_true(value(f, &a, "002") == 0.5);
            assert_true(value(f, &a, "122") == 0.625);
        }
        assert_true(value(f, &a, "200") == 0.75);
        assert_true(isnan(value(f, &a, "000")));
        assert_non_null(strstr(f->err.message, "its network is not in "));
        assert_string_equal(a.no_value, f->err.message);
        assert_string_equal(a.file, forms[i].file);
        /* the key is that of what the table says, not of how */
        if (i == 0) key = a.key(a.self);
        assert_int_equal(a.key(a.self) == key, !other);
        td_accuracy_free(&a);
    }
}

/* Vectors that make one network have one value, also where the table has it under one of them
 * only, or under all. */
static void twins_have_one_value(void **state) {
    fixture *f = *state;
    write_table(f, "t.csv", "ops,accuracy\n201,0.5\n");
    static const char map[] = "{source: table, file: t.csv, columns: {ops: '*'},"
                              " values: {0: skip, 1: mb3, 2: mb5}}";
    td_accuracy a = load(f, map);
    assert_true(value(f, &a, "201") == 0.5 && value(f, &a, "210") == 0.5);
    td_accuracy_free(&a);
    /* a copy under the other name is the same measurement ... */
    write_table(f, "t.csv", "ops,accuracy\n201,0.5\n210,0.5\n");
    a = load(f, map);
    assert_int_equal(score(f, &a, "{l1: mb5, l2: mb3, l3: skip}").repeats, 1);
    td_accuracy_free(&a);
    /* ... and another figure another one */
    write_table(f, "t.csv", "ops,accuracy\n201,0.5\n210,0.75\n");
    a = load(f, map);
    td_accuracy_score s = score(f, &a, "{l1: mb5, l2: mb3, l3: skip}");
    assert_true(s.repeats == 2 && s.valid == 0.625);
    assert_true(value(f, &a, "201") == value(f, &a, "210"));
    uint64_t key = a.key(a.self);
    td_accuracy_free(&a);
    write_table(f, "t.csv", "ops,accuracy\n210,0.75\n201,0.5\n");
    a = load(f, map);
    assert_true(a.key(a.self) == key); /* whatever stands first */
    td_accuracy_free(&a);
}

/* Mean 0.9, deviation of one repeat by hand: sqrt((1 + 0 + 1) 1e-4 / 2) = 0.01. */
static void repeats_are_averaged_for_the_score(void **state) {
    fixture *f = *state;
    static const char choices[] = "{l1: mb3, l2: mb3, l3: mb3}";
    write_table(f, "r.csv", "ops,a,b,c,t1,t2\n111,89,90,91,80,82\n222,50,,nan,,\n000,,,,1,2\n");
    td_accuracy a = load(f, "{source: table, file: r.csv, columns: {ops: '*'}, valid: [a, b, c],"
                            " test: [t1, t2], scale: percent,"
                            " values: {0: skip, 1: mb3, 2: mb5}}");
    td_accuracy_score s = score(f, &a, choices);
    assert_int_equal(s.repeats, 3);
    assert_near(s.valid, 0.9, 1e-15);
    assert_near(s.valid_std, 0.01, 1e-15);
    assert_near(s.test, 0.81, 1e-15);
    assert_near(s.test_std, 0.02 / sqrt(2), 1e-15);
    s = score(f, &a, "{l1: mb5, l2: mb5, l3: mb5}");
    assert_true(s.repeats == 1 && s.valid == 0.5 && isnan(s.valid_std) && isnan(s.test));
    assert_true(isnan(value(f, &a, "000"))); /* not measured */
    td_accuracy_free(&a);
    write_table(f, "r.json", "{\"111\": {\"acc\": [89, 91], \"more\": 90}}");
    a = load(f, "{source: table, file: r.json, columns: {key: '*'}, valid: [acc, more],"
                " scale: percent, noise: mean, values: {1: mb3}}");
    s = score(f, &a, choices);
    assert_int_equal(s.repeats, 3);
    assert_near(value(f, &a, "111"), 0.9, 1e-15);
    td_accuracy_free(&a);
}

/* A draw is one of the repeats, the same whenever it is asked for, and all are drawn by some seed.
 */
static void draws_are_those_of_seed_and_network(void **state) {
    fixture *f = *state;
    write_table(f, "n.json",
                "{\"111\": [0.1, 0.2, 0.3], \"222\": [0.1, 0.2, 0.3],"
                " \"112\": [0.1, 0.2, 0.3]}");
    static const char map[] = "{source: table, file: n.json, columns: {key: '*'},"
                              " values: {1: mb3, 2: mb5}}";
    int seen[3] = {0}, apart = 0;
    uint64_t first_key = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        td_accuracy a, b;
        assert_ok(td_accuracy_from_node(map_of(f, map), f->space, seed, &a, &f->err), &f->err);
        assert_ok(td_accuracy_from_node(map_of(f, map), f->space, seed, &b, &f->err), &f->err);
        double v = value(f, &a, "111");
        assert_true(v == 0.1 || v == 0.2 || v == 0.3);
        seen[(int)(v * 10 + 0.5) - 1]++;
        apart += v != value(f, &a, "222");
        assert_true(v == value(f, &a, "111"));
        assert_true(value(f, &b, "222") == value(f, &a, "222"));
        assert_true(v == value(f, &b, "111"));
        if (seed == 0) first_key = a.key(a.self);
        assert_int_equal(a.key(a.self) == first_key, seed == 0);
        assert_true(a.key(a.self) == b.key(b.self));
        td_accuracy_free(&a);
        td_accuracy_free(&b);
    }
    /* 60 draws of 3: each count is 20 +- 3.7 */
    for (int i = 0; i < 3; i++) assert_in_range(seen[i], 8, 32);
    assert_in_range(apart, 25, 55); /* two networks of a seed draw apart: 40 +- 3.7 */
    /* without noise the seed is nothing */
    td_accuracy a = load(f, "{source: table, file: n.json, columns: {key: '*'},"
                            " values: {1: mb3, 2: mb5}, noise: mean, seed: 1}");
    td_accuracy b = load(f, "{source: table, file: n.json, columns: {key: '*'},"
                            " values: {1: mb3, 2: mb5}, noise: mean, seed: 2}");
    assert_true(a.key(a.self) == b.key(b.self) && a.key(a.self) != first_key);
    assert_near(value(f, &a, "111"), 0.2, 1e-15);
    td_accuracy_free(&a);
    td_accuracy_free(&b);
}

/* Fields of what a network does not have say nothing: 20 digits for networks of any depth. */
static void inactive_decisions_have_no_word(void **state) {
    fixture *f = *state;
    td_space *s = space_of(f, "space: ibn\ninput: [1, 8, 8]\nstem: {channels: 4}\n"
                              "stages: [{channels: 4, depth: [1, 2]}, {channels: 8, stride: 2}]\n"
                              "kernel: [3, 5]\nexpansion: 2\nwidth: 1\nhead: 0\n");
    assert_int_equal(s->n, 4); /* s1.depth, s1.b1.kernel, s1.b2.kernel, s2.b1.kernel */
    write_table(f, "i.csv", "depth,kernel,accuracy\n1,375,0.5\n2,353,0.75\n1,3x3,0.625\n");
    td_accuracy a;
    assert_ok(td_accuracy_from_node(map_of(f, "{source: table, file: i.csv, columns:"
                                              " {depth: s1.depth, kernel: '*.kernel'}}"),
                                    s, 1, &a, &f->err),
              &f->err);
    td_accuracy_result r;
    td_design d = design(f, s, "{s1.depth: 1, s1.b1.kernel: 3, s2.b1.kernel: 5}");
    assert_ok(a.evaluate(a.self, &d, 1, NULL, NULL, &r, &f->err), &f->err);
    assert_true(r.value == 0.5);
    td_design_free(&d);
    d = design(f, s, "{s1.depth: 2, s1.b1.kernel: 3, s1.b2.kernel: 5, s2.b1.kernel: 3}");
    assert_ok(a.evaluate(a.self, &d, 1, NULL, NULL, &r, &f->err), &f->err);
    assert_true(r.value == 0.75);
    td_design_free(&d);
    td_accuracy_free(&a);
}

static void rows_that_may_be_left_out_or_joined(void **state) {
    fixture *f = *state;
    write_table(f, "o.csv", "ops,accuracy\n111,0.5\n113,0.625\n111,0.75\n");
    td_accuracy a = load(f, "{source: table, file: o.csv, columns: {ops: '*'}, outside: skip,"
                            " duplicates: repeats, values: {1: mb3}}");
    td_accuracy_score s = score(f, &a, "{l1: mb3, l2: mb3, l3: mb3}");
    assert_true(s.repeats == 2 && s.valid == 0.625);
    td_accuracy_free(&a);
}

static void wrong_use(void **state) {
    fixture *f = *state;
    write_table(f, "u.csv", "l1,l2,l3,accuracy\nmb3,mb3,mb3,0.5\n");
    td_accuracy a = load(f, "{source: table, file: u.csv}"), none;
    td_accuracy_result r;
    td_design d = design(f, f->space, "{l1: mb3, l2: mb3, l3: mb3}"), empty = {0};
    static const double wrong[] = {0, -1, 1.5, NAN};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(a.evaluate(a.self, &d, wrong[i], NULL, NULL, &r, &f->err), TD_E_USAGE);
    assert_int_equal(a.evaluate(a.self, &empty, 1, NULL, NULL, &r, &f->err), TD_E_USAGE);
    td_design_free(&d);
    td_accuracy_free(&a);
    const td_node *map = map_of(f, "{source: table, file: u.csv}");
    assert_int_equal(td_accuracy_from_node(map, NULL, 1, &none, &f->err), TD_E_USAGE);
    assert_int_equal(td_accuracy_check(map, NULL, &f->err), TD_E_USAGE);
}

/* In the recipe: found by the check, which reads no file. */
static void mistakes_in_the_recipe(void **state) {
    fixture *f = *state;
    static const struct {
        const char *map, *message;
    } cases[] = {
        {"{source: table}", "missing key \"file\""},
        {"{source: table, file: a.csv, epochs: 3}", "unknown key \"epochs\""},
        {"{source: table, file: a.csv,\n scale: percents}",
         "r.yaml:2: scale: expected fraction or percent, found \"percents\""},
        {"{source: table, file: a.csv, noise: none}", "noise: expected draw or mean"},
        {"{source: table, file: a.csv, separator: ', '}", "separator: expected one character"},
        {"{source: table, file: a.csv, columns: {x: l4}}",
         "columns.x: space blocks has no decision \"l4\", did you mean"},
        {"{source: table, file: a.csv, columns: {x: 'm*'}}", "no decision \"m*\""},
        {"{source: table, file: a.csv, columns: {x: [l1, l1]}}",
         "columns.x[1]: decision l1 has a column already: x"},
        {"{source: table, file: a.csv, columns: {x: l1, y: '*'}}", "decision l1 has a column"},
        {"{source: table, file: a.csv, columns: {x: []}}", "x: expected at least one decision"},
        {"{source: table, file: a.csv, columns: {x: {a: b}}}", "x: expected a decision, a pattern"},
        {"{source: table, file: a.csv, values: {x: [1]}}", "values.x: expected a choice"},
        {"{source: table, file: a.csv, values: {x: {y: [1]}}}", "values.x.y: expected a choice"},
        {"{source: table, file: a.csv, valid: []}", "valid: expected the name of a column"},
        {"{source: table, file: a.csv, test: [[a]]}", "test[0]: expected the name of a column"},
        {"{source: table, file: a.csv, valid: [a, a]}", "valid[1]: a is there twice"},
        {"{source: table, file: a.csv, duplicates: yes}", "duplicates: expected refuse or repeats"},
        {"{source: table, file: a.csv, outside: drop}", "outside: expected refuse or skip"},
        {"{source: table, file: a.csv, seed: -1}", "seed: expected an integer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_status s = td_accuracy_check(map_of(f, cases[i].map), f->space, &f->err);
        if (s != TD_E_INPUT || strstr(f->err.message, cases[i].message) == NULL)
            fail_msg("%s\nexpected %s\nfound (%s) %s", cases[i].map, cases[i].message,
                     td_status_name(s), f->err.message);
    }
}

static void mistakes_in_the_table(void **state) {
    fixture *f = *state;
    static const struct {
        const char *file, *text, *map, *message;
    } cases[] = {
        {"m.csv", "l1,l2,accuracy\nmb3,mb3,1\n", "", "m.csv:2: [0]: there is no column \"l3\""},
        {"m.csv", "l1,l2,l3,acuracy\nmb3,mb3,mb3,1\n", "",
         "there is no column \"accuracy\", did you mean \"acuracy\"?"},
        {"m.csv", "l1,l2,l3,accuracy\nmb3,mb3,mb3,1\nmb3,mb3,mb7,1\n", "",
         "m.csv:3: [1].l3: decision l3: expected one of: skip, mb3, mb5, found \"mb7\""},
        {"m.csv", "l1,l2,l3,accuracy\nmb3,mb3,,1\n", "",
         "m.csv:2: [0].l3: expected the choice of decision l3"},
        {"m.csv", "l1,l2,l3,accuracy\nmb3,mb3,mb3,high\n", "",
         "m.csv:2: [0].accuracy: expected an accuracy, found \"high\""},
        {"m.csv", "l1,l2,l3,accuracy\nmb3,mb3,mb3,91.5\n", "",
         "expected an accuracy in [0, 1], found 91.5 (scale: percent?)"},
        {"m.csv", "l1,l2,l3,accuracy\nmb3,mb3,mb3,-1\n", "", "[0, 1], found -1"},
        {"m.csv", "l1,l2,l3,accuracy\nmb3,mb3,mb3,.inf\n", ", scale: percent",
         "[0, 100], found inf"},
        {"m.csv", "l1,l2,l3,accuracy\nmb3,mb3,mb3,1\nmb3,mb5,mb3,1\n\nmb3,mb3,mb3,1\n", "",
         "m.csv:5: the same choices as in line 2"},
        {"m.csv", "l1,l2,l3,accuracy\nmb3,mb3,mb3,1,2\n", "", "m.csv:2: expected 4 fields"},
        {"m.csv", "l1,l2,l3,accuracy\nmb3,mb3,mb3,\n", "", "m.csv:1: no row is a measured"},
        {"m.csv", "ops,accuracy\nab,1\n", ", columns: {ops: '*'}",
         "m.csv:2: [0].ops: expected 3 characters, found 2 in \"ab\""},
        {"m.csv", "ops,accuracy\na-b-c-,1\n", ", columns: {ops: '*'}, separator: '-'",
         "expected 3 words, found 4 in \"a-b-c-\""},
        {"m.csv", "ops,accuracy\n111,1\n", ",\n columns: {ops: '*'},\n values: {1: mb4}",
         "r.yaml:3: values.1: decision l1: expected one of: skip, mb3, mb5, found \"mb4\""},
        {"m.csv", "ops,accuracy\n111,1\n", ", outside: skip, columns: {ops: '*'}",
         "no row is a measured network of the space"},
        {"m.json", "[1, 2]", "", "m.json:1: [0]: expected a record (a map)"},
        {"m.json", "\"text\"", "", "m.json:1: expected a list of records, or a map"},
        {"m.json", "{\"111\": 1,\n\"111\": 1}", "", "m.json:2: duplicate key \"111\""},
        {"m.json", "{\n\"mmm\": 1}", ", columns: {key: '*'}",
         "m.json:2: mmm: decision l1: expected one of"},
        {"m.json", "{\n\"mmm\":\n{\"a\": {}}}", ", valid: a, columns: {key: '*'}, values: {m: mb3}",
         "mmm.a: expected an accuracy, found no number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char map[256];
        td_accuracy a;
        write_table(f, cases[i].file, cases[i].text);
        snprintf(map, sizeof map, "{source: table, file: %s%s}", cases[i].file, cases[i].map);
        td_status s = td_accuracy_from_node(map_of(f, map), f->space, 1, &a, &f->err);
        if (s != TD_E_INPUT || strstr(f->err.message, cases[i].message) == NULL)
            fail_msg("%s\nexpected %s\nfound (%s) %s", cases[i].text, cases[i].message,
                     td_status_name(s), f->err.message);
        assert_null(a.self);
    }
    td_accuracy a;
    assert_int_equal(td_accuracy_from_node(map_of(f, "{source: table,\n file: none.csv}"), f->space,
                                           1, &a, &f->err),
                     TD_E_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "r.yaml:2: file: "));
    assert_non_null(strstr(f->err.message, "none.csv"));
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(forms_of_tables),
        CASE(twins_have_one_value),
        CASE(repeats_are_averaged_for_the_score),
        CASE(draws_are_those_of_seed_and_network),
        CASE(inactive_decisions_have_no_word),
        CASE(rows_that_may_be_left_out_or_joined),
        CASE(wrong_use),
        CASE(mistakes_in_the_recipe),
        CASE(mistakes_in_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
