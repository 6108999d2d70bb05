/* tandem map, run as a program: layers, networks and cases in, mappings out that `tandem cost`
 * confirms. */
#include "common.h"

#include "program.h"
#include "tandem/map.h"

/* Two levels, 4 MACs; P = 4 and R = 3 slide. Rows of the buffer: 3 W, 3 to 6 I, 1 to 4 O. */
#define ARCH(capacity)                                                                             \
    "\"arch\": {\"name\": \"toy\", \"mac\": {\"instances\": 4, \"mesh_x\": 2, \"energy_pj\": 1}, " \
    "\"levels\": [{\"name\": \"B\", \"capacity_words\": " capacity ", \"instances\": 1, "          \
    "\"read_pj\": 1, \"fill_pj\": 1, \"update_pj\": 1}, {\"name\": \"D\", \"capacity_words\": "    \
    "null, \"instances\": 1, \"read_pj\": 10, \"fill_pj\": 10, \"update_pj\": 10}]}"
#define CASE(name, dims, capacity, more)                                                           \
    "{\"name\": \"" name "\", \"problem\": {\"dims\": {" dims "}}, " ARCH(capacity) more "}"
#define SLIDE "\"P\": 4, \"R\": 3"

static void write_file(fixture *f, const char *name, const char *text) {
    scratch_write(f->folder, name, text, strlen(text));
}

/* Line `number` of a text as a document. */
static const td_node *line(fixture *f, const char *text, int number) {
    for (; number > 0; number--) {
        text = strchr(text, '\n');
        assert_non_null(text);
        text++;
    }
    const td_node *doc;
    td_error err = {0};
    assert_ok(td_json_parse(f->arena, text, strcspn(text, "\n"), "stdout", 1, &doc, &err), &err);
    return doc;
}

static int lines(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++) n += *text == '\n';
    return n;
}

static const char *text_of(fixture *f, const td_node *n) {
    td_text t = {0};
    assert_non_null(n);
    td_node_to_json(n, 0, &t);
    char *s = td_arena_strdup(f->arena, t.data);
    td_text_free(&t);
    return s;
}

static double real(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    if (v == NULL || (v->kind != TD_REAL && v->kind != TD_INT)) fail_msg("no number \"%s\"", key);
    return v->real;
}

static const char *string(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    if (v == NULL || v->kind != TD_STRING) fail_msg("no string \"%s\"", key);
    return v->text;
}

/* Every line of the last run costs what it says, bit for bit; and its figures agree. */
static void confirm(fixture *f, int count) {
    char *mapped = td_arena_strdup(f->arena, f->out);
    assert_int_equal(lines(mapped), count);
    write_file(f, "mapped.jsonl", mapped);
    expect(f, "cost mapped.jsonl --format json", 0);
    assert_int_equal(lines(f->out), count);
    for (int i = 0; i < count; i++) {
        const td_node *x = line(f, mapped, i), *result = td_node_find(x, "result");
        assert_string_equal(text_of(f, result),
                            text_of(f, td_node_find(line(f, f->out, i), "result")));
        double value = real(x, "value"), bound = real(x, "bound");
        double pj = real(result, "energy_total_pj"), cycles = real(result, "cycles");
        const char *objective = string(x, "objective");
        double want = strcmp(objective, "latency") == 0  ? cycles
                      : strcmp(objective, "energy") == 0 ? pj
                                                         : pj * cycles;
        if (strcmp(objective, "weighted") != 0) assert_true(value == want);
        assert_true(bound > 0 && bound <= value * (1 + 1e-12));
        assert_true(real(x, "gap") == value / bound - 1);
        assert_true(real(x, "seconds") >= 0 && real(x, "nodes") >= 0);
        if (strcmp(string(x, "stop"), "proved") == 0) assert_near(real(x, "gap"), 0, 1e-9);
    }
}

static void expect_usage(fixture *f, const char *arguments, const char *part) {
    expect(f, arguments, 2);
    if (strstr(f->err, part) == NULL) fail_msg("\"%s\" is not in \"%s\"", part, f->err);
    assert_string_equal(f->out, "");
}

/* ---- one layer ------------------------------------------------------------------------------- */

static void layer_as_a_table(void **state) {
    fixture *f = *state;
    expect(f, "map 'conv K64 C64 P56 Q56 R3 S3' --hw eyeriss-168", 0);
    assert_string_equal(f->err, "");
    assert_non_null(strstr(f->out, "conv K64 C64 P56 Q56 R3 S3 on eyeriss-168, 116 M MACs, 16-bit "
                                   "words, exact counting; energies are relative, no joules\n"));
    assert_non_null(strstr(f->out, "DRAM       W I O"));
    assert_non_null(strstr(f->out, "Buffer       I O"));
    assert_non_null(strstr(f->out, "(X)  par "));
    assert_non_null(strstr(f->out, "\nEDP "));
    assert_non_null(strstr(f->out, " cycles   utilisation "));
    assert_non_null(strstr(f->out, "proven within "));
    /* Without quotes the same. */
    char *quoted = td_arena_strdup(f->arena, f->out);
    *strstr(quoted, "   proven") = '\0'; /* the time differs */
    expect(f, "map conv K64 C64 P56 Q56 R3 S3 --hw eyeriss-168", 0);
    assert_int_equal(strncmp(f->out, quoted, strlen(quoted)), 0);
}

static void layer_as_json(void **state) {
    fixture *f = *state;
    expect(f, "map 'dw C144 P28 Q28 R3 S3 s2' --hw eyeriss-168 --objective energy -f json", 0);
    const td_node *x = json(f);
    assert_string_equal(string(x, "name"), "dw C144 P28 Q28 R3 S3 s2");
    assert_string_equal(string(x, "objective"), "energy");
    assert_string_equal(string(x, "counting"), "exact");
    assert_string_equal(string(x, "mode"), "fast");
    assert_null(td_node_find(x, "weights"));
    assert_null(td_node_find(x, "asked"));
    assert_null(td_node_find(x, "layers"));
    const td_node *problem = td_node_find(x, "problem");
    assert_true(real(td_node_find(problem, "dims"), "G") == 144);
    assert_true(real(td_node_find(problem, "bits"), "acc") == 16); /* as the MACs */
    /* The machine leaves no choice of keeps. */
    assert_string_equal(text_of(f, td_node_find(x, "fixed_keep")),
                        "{\"PsumRF\": \"O\", \"WeightRF\": \"W\", \"InputRF\": \"I\", "
                        "\"Buffer\": \"IO\"}");
    confirm(f, 1);

    expect(f,
           "map 'fc K100 C64' --hw micro --objective weighted --weights 1,2 --bits 4,8,8,20 "
           "--counting timeloop --max-nodes 500 --format json",
           0);
    x = json(f);
    assert_string_equal(text_of(f, td_node_find(x, "weights")), "[1.0, 2.0]");
    assert_string_equal(text_of(f, td_node_find(td_node_find(x, "problem"), "bits")),
                        "{\"W\": 4, \"I\": 8, \"O\": 8, \"acc\": 20}");
    const td_node *result = td_node_find(x, "result");
    double cycles = real(result, "cycles");
    assert_near(real(x, "value") / (real(result, "energy_total_pj") * cycles * cycles), 1, 1e-12);
    assert_string_equal(string(x, "counting"), "timeloop");
    confirm(f, 1); /* counted as the line says */
}

/* Dims that are filled up: the written case is what runs, the asked one stands beside. */
static void padding_is_told(void **state) {
    fixture *f = *state;
    expect(f, "map 'conv K61 C61 P53 Q53 R5 S5' --hw micro --objective latency -f json", 0);
    const td_node *x = json(f);
    assert_non_null(td_node_find(x, "asked"));
    const td_node *asked = td_node_find(td_node_find(x, "asked"), "dims");
    const td_node *dims = td_node_find(td_node_find(x, "problem"), "dims");
    assert_true(real(asked, "K") == 61 && real(asked, "C") == 61 && real(asked, "R") == 5);
    double more = 1;
    for (int i = 0; i < asked->count; i++) {
        double larger = real(dims, asked->item[i]->key);
        assert_true(larger >= asked->item[i]->real);
        more *= larger / asked->item[i]->real;
    }
    assert_true(more > 1);
    confirm(f, 1);
    expect(f, "map 'conv K61 C61 P53 Q53 R5 S5' --hw micro --objective latency", 0);
    assert_non_null(strstr(f->out, "zeros fill the array\n"));
    assert_non_null(strstr(f->out, "latency proven within "));
}

/* ---- constraints ----------------------------------------------------------------------------- */

static const td_node *level(const td_node *x, int l) {
    return td_node_find(td_node_find(x, "mapping"), "levels")->item[l];
}

static void keeps_and_spaces(void **state) {
    fixture *f = *state;
    static const char free_keep[] = CASE("free", "\"K\": 8, \"P\": 4", "64", "");
    write_file(f, "free.json", free_keep);
    expect(f, "map free.json -f json", 0);
    const td_node *x = json(f);
    assert_null(td_node_find(x, "fixed_keep"));
    /* K and P have 4 MACs to stand on, each on one axis. */
    assert_true(real(td_node_find(x, "result"), "mac_instances_used") == 4);
    confirm(f, 1);

    expect(f, "map free.json -f json --keep B=WO --keep D=WIO", 0);
    x = json(f);
    assert_string_equal(text_of(f, td_node_find(level(x, 0), "keep")), "[\"W\", \"O\"]");
    assert_string_equal(text_of(f, td_node_find(x, "fixed_keep")),
                        "{\"B\": \"WO\", \"D\": \"WIO\"}");
    confirm(f, 1);

    /* Outputs that DRAM must not keep end in the buffer. */
    expect(f, "map free.json -f json --keep D=WI", 0);
    x = json(f);
    assert_string_equal(text_of(f, td_node_find(level(x, 1), "keep")), "[\"W\", \"I\"]");
    assert_non_null(strstr(text_of(f, td_node_find(level(x, 0), "keep")), "\"O\""));
    confirm(f, 1);

    expect(f, "map free.json -f json --space B.x=K --space B.y=", 0);
    x = json(f);
    assert_string_equal(text_of(f, td_node_find(level(x, 0), "spatial_x")), "[[\"K\", 2]]");
    assert_null(td_node_find(level(x, 0), "spatial_y"));
    expect(f, "map free.json -f json --forbid B.x=KP --forbid B.y=KP", 0);
    assert_true(real(td_node_find(json(f), "result"), "mac_instances_used") == 1);
    expect(f, "map free.json -f json --space B.t=", 0); /* no loops in time in the buffer */
    assert_string_equal(text_of(f, td_node_find(level(json(f), 0), "temporal")), "[]");
    expect(f, "map free.json -f json --min-utilization 1", 0);
    assert_true(real(td_node_find(json(f), "result"), "mac_instances_used") == 4);
    expect_fault(f, "map free.json --min-utilization 1 --forbid B.x=KP", 6, "free.json:1: free: ");

    expect(f, "map free.json -f json --order D=KP --space B.t= --forbid B.x=KP --forbid B.y=KP", 0);
    assert_string_equal(text_of(f, td_node_find(level(json(f), 1), "temporal")),
                        "[[\"K\", 8], [\"P\", 4]]");
    expect(f, "map free.json -f json --order D=PK --space B.t= --forbid B.x=KP --forbid B.y=KP", 0);
    assert_string_equal(text_of(f, td_node_find(level(json(f), 1), "temporal")),
                        "[[\"P\", 4], [\"K\", 8]]");
    expect_fault(f, "map free.json --keep C=W", 2,
                 "free.json:1: free: --keep: no level \"C\", known are: B, D");
    expect_fault(f, "map free.json --keep B= --keep D=IO", 2, "no level that keeps W");
    expect_fault(f, "map 'fc K8 C8' --hw eyeriss-168 --keep Buffer=W", 2,
                 "level Buffer can keep I O and must keep I O");
    expect_fault(f, "map 'fc K8 C8' --hw micro --keep Shared=W", 2, "Shared is a view of Local");
}

/* What was asked stands in the line, as it was given, and does not disturb who reads it. */
static void options_are_told(void **state) {
    fixture *f = *state;
    write_file(f, "free.json", CASE("free", "\"K\": 8, \"P\": 4", "64", ""));
    expect(f, "map free.json -f json", 0);
    assert_null(td_node_find(json(f), "options"));
    expect(f,
           "map free.json -f json --keep B=WO --space B.x=KP --space B.t=KP --forbid B.y=P "
           "--forbid B.y=Q --order D=KP --min-utilization 0.5 --imperfect --max-nodes 900 --seed 3",
           0);
    assert_string_equal(text_of(f, td_node_find(json(f), "options")),
                        "{\"keep\": [\"B=WO\"], \"space\": [\"B.x=KP\", \"B.t=KP\"], "
                        "\"forbid\": [\"B.y=P\", \"B.y=Q\"], \"order\": [\"D=KP\"], "
                        "\"imperfect\": true, \"min_utilization\": 0.5, \"max_nodes\": 900, "
                        "\"seed\": 3}");
    confirm(f, 1);
    expect(f, "convert mapped.jsonl --to case", 0);
    expect(f, "map mapped.jsonl -f json", 0);
    assert_null(td_node_find(json(f), "options"));
}

/* Options that could only be passed over are faults. */
static void options_without_effect(void **state) {
    fixture *f = *state;
    write_file(f, "free.json", CASE("free", "\"K\": 8, \"P\": 4", "64", ""));
    expect_fault(f, "map 'fc K8 C8' --hw micro --batch 4", 2,
                 "--batch is for networks; a layer has N");
    expect_fault(f, "map free.json --batch 1", 2, "--batch is for networks; cases have their own");
    expect_fault(f, "map 'fc K8 C8' --hw micro --order Shared=KC", 2,
                 "--order: level Shared is a view of Local");
    expect_fault(f, "map free.json --space D.x=K", 2, "level D has no fan-out on its x axis");
    expect_fault(f, "map free.json --forbid D.y=K", 2, "level D has no fan-out on its y axis");
    expect_usage(f, "map free.json --order D=", "--order: expected LEVEL=DIMS");
    expect_usage(f, "map free.json --order D=K --order D=P",
                 "--order D=K and --order D=P: expected one for the same place");
    expect_usage(f, "map free.json --keep B=W --keep D=WIO --keep B=W", "--keep B=W and --keep");
    expect_usage(f, "map free.json --space B.x=K --space B.y=P --space B.x=P",
                 "--space B.x=K and --space B.x=P");
}

/* Another accelerator by --set, or behind the name; a weight-stationary fold of T positions takes
 * T + 2 x rows + columns - 2 cycles. */
static void changed_accelerator(void **state) {
    fixture *f = *state;
    static const char *const how[] = {
        "--hw systolic-ws --set mac.instances=96 --set mac.mesh_x=12 "
        "--set 'levels[1].instances=12'",
        "--hw 'systolic-ws,mac.instances=96,mac.mesh_x=12,levels[1].instances=12'"};
    for (int i = 0; i < 2; i++) {
        expect(f,
               td_arena_printf(f->arena, "map 'gemm M50 N30 K20' --objective latency -f json %s",
                               how[i]),
               0);
        const td_node *result = td_node_find(json(f), "result");
        assert_int_equal(td_node_find(result, "cycles")->integer, 3 * 3 * (50 + 2 * 8 + 12 - 2));
    }
    expect_fault(f, "map 'fc K8 C8' --hw micro --set foo=1", 3, "--set foo");
    expect_fault(f, "map 'fc K8 C8' --hw micro,lanes=8", 6, "micro,lanes=8: cannot be built: ");
    write_file(f, "free.json", CASE("free", "\"K\": 8, \"P\": 4", "64", ""));
    expect_fault(f, "map free.json --set clock_hz=1", 2, "--set: expected --hw beside it");
}

/* fixed_keep of the case; one axis per dim; the key within arch. */
static void fixed_keep_of_a_case(void **state) {
    fixture *f = *state;
    write_file(
        f, "fixed.jsonl",
        CASE("a", "\"K\": 4", "64", ", \"fixed_keep\": {\"B\": \"I\", \"D\": \"OIW\"}") "\n" //
        CASE("b", "\"K\": 4", "64", ", \"fixed_keep\": null") "\n");
    expect(f, "map fixed.jsonl -f json", 0);
    const td_node *x = line(f, f->out, 0);
    assert_string_equal(text_of(f, td_node_find(level(x, 0), "keep")), "[\"I\"]");
    assert_string_equal(text_of(f, td_node_find(x, "fixed_keep")),
                        "{\"B\": \"I\", \"D\": \"WIO\"}");
    /* K = 4 would fill 2 x 2 MACs, were it not for the one axis. */
    for (int i = 0; i < 2; i++)
        assert_true(real(td_node_find(line(f, f->out, i), "result"), "mac_instances_used") == 2);
    confirm(f, 2);
    /* The options come after the case; another accelerator has its own keeps. */
    expect(f, "map fixed.jsonl -f json --keep B=WIO", 0);
    assert_string_equal(text_of(f, td_node_find(level(line(f, f->out, 0), 0), "keep")),
                        "[\"W\", \"I\", \"O\"]");
    expect(f, "map fixed.jsonl -f json --hw eyeriss-168", 0);
    assert_string_equal(string(td_node_find(line(f, f->out, 0), "arch"), "name"), "eyeriss-168");
    confirm(f, 2);
}

/* ---- files of cases -------------------------------------------------------------------------- */

static void cases_go_on_after_faults(void **state) {
    fixture *f = *state;
    write_file(f, "cases.jsonl",
               CASE("a", SLIDE, "9", "") "\n\n"                                                //
               CASE("b", SLIDE, "0", ", \"fixed_keep\": {\"B\": \"WIO\"}") "\n{\"name\": 1}\n" //
               CASE("c", SLIDE, "null", "") "\n");
    static const char *const how[] = {"map cases.jsonl -f json", "map - -f json <cases.jsonl",
                                      "map cases.jsonl -f json --threads 1"};
    for (int i = 0; i < 3; i++) {
        expect(f, how[i], td_status_exit_code(TD_E_INFEASIBLE));
        const char *name = i == 1 ? "standard input" : "cases.jsonl", *want;
        want =
            td_arena_printf(f->arena,
                            "tandem: %s:3: b: needs at least 6 bytes of B per instance, has 0: 6 "
                            "bytes are missing\ntandem: %s:4: ",
                            name, name);
        if (strncmp(f->err, want, strlen(want)) != 0) fail_msg("%s", f->err);
        assert_string_equal(string(line(f, f->out, 0), "name"), "a");
        assert_string_equal(string(line(f, f->out, 1), "name"), "c");
        confirm(f, 2);
    }
    expect(f, "map cases.jsonl", td_status_exit_code(TD_E_INFEASIBLE));
    assert_non_null(strstr(f->out, "cases.jsonl: 4 cases, exact counting, least EDP\n"));
    assert_non_null(strstr(f->out, " no mapping "));
    assert_non_null(strstr(f->out, "\n2 of 3 mapped, ")); /* one is no case at all */
}

/* A mapping that is there is not looked at; the output is input again; YAML is read. */
static void mapped_cases_are_mapped_again(void **state) {
    fixture *f = *state;
    write_file(f, "one.yaml",
               "name: one\nproblem: {dims: {K: 6, C: 4, P: 5}}\narch:\n  name: toy\n"
               "  mac: {instances: 1, energy_pj: 1}\n  levels:\n"
               "    - {name: B, capacity_words: 12, instances: 1, read_pj: 1, fill_pj: 1, "
               "update_pj: 1}\n"
               "    - {name: D, instances: 1, read_pj: 10, fill_pj: 10, update_pj: 10}\n"
               "mapping: {levels: [{keep: [], temporal: []}, {keep: [W, I, O], temporal: [[K, 7]], "
               "no_multicast: [W]}]}\n");
    expect(f, "map one.yaml -f json", 0);
    confirm(f, 1);
    expect(f, "map one.yaml -f json", 0);
    const td_node *x = json(f);
    assert_string_equal(text_of(f, td_node_find(level(x, 1), "no_multicast")), "[\"W\"]");
    char *first = td_arena_strdup(f->arena, text_of(f, td_node_find(x, "mapping")));
    write_file(f, "again.json", f->out);
    expect(f, "map again.json -f json -o again.jsonl", 0);
    assert_string_equal(f->out, "");
    char *again = slurp(scratch_path(f->folder, "again.jsonl"));
    assert_string_equal(text_of(f, td_node_find(line(f, again, 0), "mapping")), first);
    free(again);
    expect(f, "map one.yaml", 0);
    assert_int_equal(
        strncmp(f->out, "one: gemm K6 C4 P5 on toy, 120 MACs, 16-bit words, exact", 56), 0);
}

/* ---- networks -------------------------------------------------------------------------------- */

/* The text without what a clock put there. */
static char *without_times(fixture *f, const char *text) {
    char *copy = td_arena_strdup(f->arena, text), *to = copy;
    for (const char *from = text; *from != '\0';) {
        if (strncmp(from, "\"seconds\": ", 11) == 0) from += 11 + strcspn(from + 11, ",");
        *to++ = *from++;
    }
    *to = '\0';
    return copy;
}

static void network(void **state) {
    fixture *f = *state;
    expect(f, "map handmade --hw micro -f json --threads 1", 0);
    char *one = without_times(f, f->out);
    int count = lines(f->out), layers = 0;
    double macs = 0, cycles = 0, pj = 0;
    td_net *net;
    td_error err = {0};
    td_net_totals t;
    assert_ok(td_net_build("handmade", TD_DIM(0, 0, 0), 1, 0, &net, &err), &err);
    td_net_count(net, &t);
    td_net_destroy(net);
    for (int i = 0; i < count; i++) {
        const td_node *x = line(f, f->out, i), *problem = td_node_find(x, "asked");
        const td_node *names = td_node_find(x, "layers");
        assert_int_equal(names->count, (int)real(x, "count"));
        layers += names->count;
        if (problem == NULL) problem = td_node_find(x, "problem");
        double product = 1;
        const td_node *dims = td_node_find(problem, "dims");
        for (int d = 0; d < dims->count; d++) product *= dims->item[d]->real;
        macs += names->count * product;
        cycles += names->count * real(td_node_find(x, "result"), "cycles");
        pj += names->count * real(td_node_find(x, "result"), "energy_total_pj");
        for (int k = 0; k < i; k++) /* each problem once */
            assert_string_not_equal(text_of(f, td_node_find(line(f, f->out, k), "problem")),
                                    td_node_find(x, "asked") != NULL ? "" : text_of(f, problem));
    }
    assert_int_equal(layers, t.layers);
    assert_true(count < layers);
    assert_true(macs == (double)t.macs);
    confirm(f, count);
    expect(f, "map handmade --hw micro -f json --threads 5", 0);
    assert_string_equal(without_times(f, f->out), one);

    expect(f, "map handmade --hw micro", 0);
    const char *head =
        td_arena_printf(f->arena,
                        "handmade on micro: %d layers, %d of them different, 8-bit words with "
                        "32-bit sums, exact counting, least EDP\n\n layer",
                        layers, count);
    assert_int_equal(strncmp(f->out, head, strlen(head)), 0);
    assert_non_null(strstr(f->out, td_arena_printf(f->arena, "\n total %*s", 1, "")));
    assert_non_null(strstr(f->out, td_arena_printf(f->arena, " x %d ", layers)));
    /* The network's EDP is that of its totals. */
    assert_non_null(
        strstr(strstr(f->out, "\n total "), td_arena_printf(f->arena, " %.3g ", pj * cycles)));
    assert_non_null(strstr(f->out, td_arena_printf(f->arena, "\n%d of %d mapped, ", count, count)));
    assert_null(strstr(f->out, "for "));
    expect(f, "map handmade --hw micro --nest --batch 2", 0);
    assert_non_null(strstr(f->out, "handmade/conv1: conv N2 K16 C1 P14 Q14 R3 S3 s2 on micro"));
    assert_non_null(strstr(f->out, "for "));
    assert_non_null(strstr(f->out, "\n layer"));
}

/* A network's file, and one with a layer that does not fit: the others go on. */
static void network_files(void **state) {
    fixture *f = *state;
    write_file(f, "net.json",
               "{\"name\": \"mine\", \"input\": [8, 6, 6], \"layers\": ["
               "{\"op\": \"conv\", \"out\": 4, \"name\": \"first\"}, "
               "{\"op\": \"conv\", \"out\": 4, \"kernel\": 5, \"name\": \"big\"}, "
               "{\"op\": \"conv\", \"out\": 6, \"name\": \"last\"}]}");
    write_file(f, "net.yaml",
               "name: mine\ninput: [8, 6, 6]\nlayers:\n"
               "  - {op: conv, out: 4, name: first}\n");
    /* A kernel stays together in 15 bytes: 25 of W, 25 of I and partial sums of 4 do not fit. */
    write_file(f, "hw.yaml",
               "name: tight\nmac: {instances: 1, bits: 8, energy_pj: 1}\n"
               "clock_hz: 1.0e+9\nlevels:\n"
               "  - {name: Local, instances: 1, capacity_bits: 120, must_keep: WIO, "
               "energy_pj: 1}\n"
               "  - {name: DRAM, instances: 1, capacity_bits: null, energy_pj: 9, "
               "temporal: NKCPQG}\n");
    expect(f, "map net.json --hw hw.yaml -f json", td_status_exit_code(TD_E_INFEASIBLE));
    assert_int_equal(lines(f->out), 2);
    assert_string_equal(string(line(f, f->out, 1), "name"), "mine/last");
    assert_non_null(strstr(f->err, "tandem: mine/big on tight: needs at least "));
    assert_non_null(strstr(f->err, " bytes of Local per instance, has 15: "));
    assert_int_equal(lines(f->err), 1);
    expect(f, "map net.json --hw hw.yaml", td_status_exit_code(TD_E_INFEASIBLE));
    assert_non_null(strstr(f->out, " no mapping "));
    assert_non_null(strstr(f->out, " total "));
    assert_non_null(strstr(f->out, "\n2 of 3 mapped, "));
    expect(f, "map net.yaml --hw eyeriss-168 -f json", 0);
    assert_string_equal(string(json(f), "name"), "mine/first");
    expect(f, "map net.json --hw eyeriss-168 -f json", 0);
    assert_int_equal(lines(f->out), 3);
    /* Those of other programs: a topology of SCALE-Sim, a workload of ZigZag. */
    write_file(f, "peer.csv", "Layer,M,N,K,\nfirst,4,8,16,\nsecond,2,8,16,\n");
    expect(f, "map peer.csv --hw eyeriss-168 -f json", 0);
    assert_int_equal(lines(f->out), 2);
    assert_string_equal(string(line(f, f->out, 1), "name"), "peer/second");
    write_file(f, "peer.yaml",
               "- id: 0\n  operator_type: Conv\n  loop_dims: [B, K, C, OY, OX, FY, FX]\n"
               "  loop_sizes: [1, 8, 4, 6, 6, 3, 3]\n  dimension_relations: [ix=1*ox+1*fx, "
               "iy=1*oy+1*fy]\n  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}\n"
               "  operand_source: {I: 0, W: 0}\n");
    expect(f, "map peer.yaml --hw eyeriss-168 -f json", 0);
    assert_int_equal(lines(f->out), 1);
    expect_fault(f, "map net.json --size 3x32x32 --hw micro", 2, "--size is for shipped networks");
    expect_fault(f, "map net.yaml", 2, "expected --hw");
}

/* ---- wrong use ------------------------------------------------------------------------------- */

static void wrong_use(void **state) {
    fixture *f = *state;
    expect_usage(f, "map 'fc K8 C8' --hw eyeriss-168 --order Buffer=KX",
                 "--order: expected LEVEL=");
    expect_usage(f, "map", "expected a LAYER, a MODEL or a FILE");
    expect_usage(f, "map 'fc K8' --mode best", "--mode: expected fast, exact or sample");
    expect_usage(f, "map 'fc K8' --objective best",
                 "--objective: expected latency, energy, edp or weighted");
    expect_usage(f, "map 'fc K8' --counting both", "--counting: expected exact or timeloop");
    expect_usage(f, "map 'fc K8' --objective weighted", "expected --weights E,D beside it");
    expect_usage(f, "map 'fc K8' --weights 1,2", "expected --objective weighted beside it");
    expect_usage(f, "map 'fc K8' --objective weighted --weights 0,0", "--weights: expected");
    expect_usage(f, "map 'fc K8' --objective weighted --weights 1", "--weights: expected");
    expect_usage(f, "map 'fc K8' --bits 8,8", "--bits: expected");
    expect_usage(f, "map 'fc K8' --bits 65", "--bits: expected");
    expect_usage(f, "map 'fc K8' --bits 8x", "--bits: expected");
    expect_usage(f, "map 'fc K8' --max-nodes 0", "--max-nodes: expected a whole number");
    expect_usage(f, "map 'fc K8' --min-utilization 2", "--min-utilization: expected a number");
    expect_usage(f, "map 'fc K8' --keep B", "--keep: expected LEVEL=TENSORS");
    expect_usage(f, "map 'fc K8' --keep B=WW", "--keep: expected LEVEL=TENSORS");
    expect_usage(f, "map 'fc K8' --keep =W", "--keep: expected LEVEL=TENSORS");
    expect_usage(f, "map 'fc K8' --space B=K", "--space: expected LEVEL.AXIS=DIMS");
    expect_usage(f, "map 'fc K8' --space B.z=K", "--space: expected LEVEL.AXIS=DIMS");
    expect_usage(f, "map 'fc K8' --forbid B.x=KX", "--forbid: expected LEVEL.AXIS=DIMS");
    expect_usage(f, "map 'fc K8' --forbid =", "--forbid: expected LEVEL.AXIS=DIMS");
    expect_usage(f, "map 'fc K8' -f csv", "--format: expected table or json");
    expect_fault(f, "map 'fc K8'", 2, "expected --hw NAME or FILE");
    expect_fault(f, "map 'fc K8 X3' --hw micro", 3, "\"X3\": expected one of N, G, K, C");
    expect_fault(f, "map 'cnv K8' --hw micro", 3, "no kind \"cnv\", did you mean \"conv\"?");
    expect_fault(f, "map mobilenet --hw micro", 4, "did you mean \"mobilenetv2\"?");
    expect_fault(f, "map nothing.json", 4, "nothing.json");
    expect_fault(f, "map 'fc K8' --hw nothing", 4, "nothing");
    expect_fault(f, "map 'fc K8' --hw micro --width 2", 2, "--width is for shipped networks");
    expect_fault(f, "map 'fc K8' --hw micro -o no/such/file", 5, "no/such/file: cannot write");
    write_file(f, "free.json", CASE("free", "\"K\": 8, \"P\": 4", "64", ""));
    expect_fault(f, "map free.json --bits 8", 2, "--bits is for layers and networks");
    expect(f, "map --help", 0);
    assert_non_null(strstr(f->out, "Examples:"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(layer_as_a_table, setup, teardown),
        cmocka_unit_test_setup_teardown(layer_as_json, setup, teardown),
        cmocka_unit_test_setup_teardown(padding_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_and_spaces, setup, teardown),
        cmocka_unit_test_setup_teardown(options_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(options_without_effect, setup, teardown),
        cmocka_unit_test_setup_teardown(changed_accelerator, setup, teardown),
        cmocka_unit_test_setup_teardown(fixed_keep_of_a_case, setup, teardown),
        cmocka_unit_test_setup_teardown(cases_go_on_after_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(mapped_cases_are_mapped_again, setup, teardown),
        cmocka_unit_test_setup_teardown(network, setup, teardown),
        cmocka_unit_test_setup_teardown(network_files, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_use, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}
