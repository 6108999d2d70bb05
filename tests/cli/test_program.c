/* The program from outside: help, exit codes, messages. */
#include "program.h"

/* ---- help and wrong use ---------------------------------------------------------------------- */

static void version_and_help(void **state) {
    fixture *f = *state;
    expect(f, "--version", 0);
    assert_int_equal(strncmp(f->out, "tandem ", 7), 0);
    assert_int_equal(strncmp(f->out + 7, td_version(), strlen(td_version())), 0);
    expect(f, "--help", 0);
    assert_non_null(strstr(f->out, "commands:\n"));
    assert_string_equal(f->err, "");
    const char *codes = strstr(f->out, "exit codes");
    assert_non_null(codes);
    static const td_status told[] = {
        TD_OK,           TD_E_USAGE,       TD_E_INPUT, TD_E_NOT_FOUND,  TD_E_IO,
        TD_E_INFEASIBLE, TD_E_UNSUPPORTED, TD_E_STORE, TD_E_INTERRUPTED};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        assert_non_null(
            strstr(codes, td_arena_printf(f->arena, " %d ", td_status_exit_code(told[i]))));
    expect(f, "", 2);
    assert_non_null(strstr(f->err, "commands:\n"));
}

/* As `tandem --help` lists them: each has a usage line and examples. */
static void every_command_has_examples(void **state) {
    fixture *f = *state;
    expect(f, "--help", 0);
    char *list = td_arena_strdup(f->arena, strstr(f->out, "commands:\n") + 10), *save = NULL;
    int commands = 0;
    *strstr(list, "\n\n") = '\0';
    for (char *line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char name[32], arguments[64], usage[64];
        assert_int_equal(sscanf(line, " %31s", name), 1);
        snprintf(arguments, sizeof arguments, "%s --help", name);
        snprintf(usage, sizeof usage, "Usage: tandem %s", name);
        expect(f, arguments, 0);
        if (strstr(f->out, "Examples:") == NULL || strstr(f->out, usage) == NULL)
            fail_msg("tandem %s --help:\n%s", name, f->out);
        snprintf(usage, sizeof usage, "  tandem %s ", name);
        if (strstr(f->out, usage) == NULL) fail_msg("no example of tandem %s", name);
        snprintf(arguments, sizeof arguments, "%s --no-such-option", name);
        expect(f, arguments, 2);
        commands++;
    }
    assert_true(commands >= 5);
}

/* A short option means the same in every command: -f, -o and -q, all else has a long name only. */
static void short_options_mean_one_thing(void **state) {
    fixture *f = *state;
    static const char *const commands[] = {"search", "eval",  "hcm",  "train",
                                           "space",  "study", "cost", "list"};
    int seen = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        expect(f, td_arena_printf(f->arena, "%s --help", commands[i]), 0);
        for (const char *at = f->out; (at = strstr(at, "\n  -")) != NULL; at += 5) {
            char letter, name[32];
            if (sscanf(at, " -%c, --%31[a-z-]", &letter, name) != 2) fail_msg("%.80s", at);
            const char *want = letter == 'f'   ? "format"
                               : letter == 'o' ? "out"
                               : letter == 'q' ? "quiet"
                               : letter == '?' ? "help"
                                               : "no short option";
            if (strcmp(name, want) != 0) fail_msg("%s: -%c is --%s", commands[i], letter, name);
            seen += letter != '?';
        }
    }
    assert_true(seen >= 11);
}

static void wrong_use(void **state) {
    fixture *f = *state;
    expect_fault(f, "sarch", 2, "no command \"sarch\", did you mean \"search\"?");
    expect_fault(f, "wander", 2, "known are: search, optimize, ask, tell, eval, explore, net,");
    static const char *const wrong[] = {"search",
                                        "search a b",
                                        "search a --threads 0",
                                        "search a --threads 99999999999999999999",
                                        "search a --trials -5",
                                        "search a --trials 5x",
                                        "search a --format csv",
                                        "study",
                                        "study list",
                                        "study shw .",
                                        "study list . .",
                                        "study list . --limit 0",
                                        "study list . --format yaml"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect(f, wrong[i], 2);
        assert_true(f->err[0] != '\0');
        assert_string_equal(f->out, "");
    }
    expect_fault(f, "list gadgets", 2, "no kind \"gadgets\", known are: networks, ");
}

static void list_as_json(void **state) {
    fixture *f = *state;
    expect(f, "list --format json", 0);
    const td_node *doc = json(f), *strategies = td_node_find(doc, "strategies");
    assert_int_equal(doc->kind, TD_MAP);
    assert_non_null(strategies);
    bool evolution = false;
    for (int i = 0; i < strategies->count; i++)
        evolution =
            evolution || strcmp(td_node_find(strategies->item[i], "name")->text, "evolution") == 0;
    assert_true(evolution);
    expect(f, "list accelerators --format json", 0);
    assert_true(json(f)->count >= 2);
    expect(f, "list", 0);
    assert_non_null(strstr(f->out, "strategies\n"));
    expect(f, "list spaces --format json", 0);
    const td_node *blocks = NULL, *spaces = json(f);
    for (int i = 0; i < spaces->count; i++)
        if (strcmp(td_node_find(spaces->item[i], "name")->text, "blocks") == 0)
            blocks = spaces->item[i];
    assert_non_null(blocks);
    assert_string_equal(td_node_find(blocks, "points")->text, "6561");
    expect(f, "list spaces", 0);
    assert_non_null(strstr(f->out, "; 20,175,854,061,888 points\n"));
}

/* Every shipped recipe is read; the one whose table is not shipped says so in a dry run. */
static void shipped_recipes(void **state) {
    fixture *f = *state;
    expect(f, "list recipes --format json", 0);
    const td_node *list = json(f);
    assert_true(list->count >= 3);
    for (int i = 0; i < list->count; i++) {
        const char *name = td_node_find(list->item[i], "name")->text;
        expect(f, td_arena_printf(f->arena, "space %s", name), 0);
        assert_non_null(strstr(f->out, " accelerators"));
    }
    expect(f, "search edge-evolved --dry-run", 4);
    assert_non_null(strstr(f->out, "114,349,156,532,545,162,031,308,800,000 networks"));
    assert_non_null(strstr(f->out, "x 50,000 accelerators (edge)"));
    assert_non_null(strstr(f->out, "rows: network, joint\n"));
    assert_non_null(strstr(f->err, "edge-evolved.csv: cannot open"));
}

/* docs/cli.md names every command, and every status with its exit code. */
static void the_manual_is_complete(void **state) {
    fixture *f = *state;
    char *manual = slurp(TD_TEST_SOURCE "/docs/cli.md"), *save = NULL;
#define TD_X(name, code, text)                                                                     \
    if (strstr(manual, td_arena_printf(f->arena, "\n| %d | " #name " | ", code)) == NULL)          \
        fail_msg("docs/cli.md: no line for " #name);
    TD_STATUS_MAP(TD_X)
#undef TD_X
    expect(f, "--help", 0);
    char *list = td_arena_strdup(f->arena, strstr(f->out, "commands:\n") + 10);
    *strstr(list, "\n\n") = '\0';
    for (char *line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char name[32];
        assert_int_equal(sscanf(line, " %31s", name), 1);
        if (strstr(manual, td_arena_printf(f->arena, "\n## %s\n", name)) == NULL)
            fail_msg("docs/cli.md: no section on %s", name);
    }
    free(manual);
}

/* ---- recipes that are wrong ------------------------------------------------------------------ */

static void recipes_that_are_not_there(void **state) {
    fixture *f = *state;
    expect_fault(f, "search none.yaml", 4, "no file or shipped recipe \"none.yaml\", known are: ");
    expect_fault(f, "search quickstat", 4, "did you mean \"quickstart\"?");
    /* a folder in the name means a file: no shipped recipe stands in for it */
    expect_fault(f, "search my/quickstart.yaml", 4, "my/quickstart.yaml: no such file");
    expect_fault(f, "search .", 3, "expected a file, found a folder");
    assert_false(exists(f, "results"));
}

static void recipes_that_are_wrong(void **state) {
    fixture *f = *state;
    write_recipe(f, "seed: 3", "seed: [3");
    expect_fault(f, "search recipe.yaml", 3, "tandem: recipe.yaml:");
    write_recipe(f, "latency_us: 5000", "latency_us: fast");
    expect_fault(f, "search recipe.yaml", 3,
                 "tandem: recipe.yaml:18: objective.targets.latency_us: expected a number > 0, "
                 "found \"fast\"");
    write_recipe(f, "seed: 3", "sede: 3");
    expect_fault(f, "search recipe.yaml --dry-run", 3, "recipe.yaml:2: unknown key \"sede\"");
    assert_false(exists(f, "results"));
}

/* Names that are nearly right, wherever they are given. */
static void mistyped_names(void **state) {
    fixture *f = *state;
    expect_fault(f, "eval mobilnetv2 --hw edge", 4, "did you mean \"mobilenetv2\"?");
    expect_fault(f, "eval lenet --hw edge", 4, "known are: ");
    expect_fault(f, "eval handmade --hw egde", 4, "did you mean \"edge\"?");
    expect_fault(f, "space quickstart --set network.kernal=3", 3,
                 "--set network.kernal: network: unknown key");
    expect_fault(f, "space micro --set pe_x=3", 2, "--set is for a RECIPE or a file");
    expect_fault(f, "space micr", 4, "did you mean \"micro\"?");
    expect_fault(f, "list network", 2, "did you mean \"networks\"?");
    expect_fault(f, "train handmade --data fashion_mnist", 4, "did you mean \"fashion-mnist\"?");
    assert_int_equal(run(f,
                         "sed 's/^tech: 22nm/tech: 22mn/' " TD_TEST_SOURCE "/hw/edge.yaml >h.yaml;",
                         "eval handmade --hw h.yaml"),
                     4);
    assert_non_null(strstr(f->err, "tandem: h.yaml:6: tech: 22mn: no such name in tech/, did you "
                                   "mean \"22nm\"?"));
    static const struct {
        const char *find, *replace, *part;
        int code;
    } t[] = {
        {"space: ibn", "space: inb",
         "network.space: there is no space \"inb\", did you mean \"ibn\"?", 3},
        {"space: micro", "space: micor", "did you mean \"micro\"?", 4},
        {"io_gbps", "io_gpbs",
         "accelerator.io_gpbs: the edge template has no parameter \"io_gpbs\", did you mean "
         "\"io_gbps\"?",
         3},
        {"{path: data,", "{path: data, data: mnist,",
         "accuracy.data: unknown data set \"mnist\", known are: fashion-mnist", 4},
        {"lag: 3", "strategy: {name: randon}", "did you mean \"random\"?", 3},
        {"lag: 3", "compare: {network: {space: fixed, net: handmde}, accelerator: {space: micro}}",
         "did you mean \"handmade\"?", 4},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        write_recipe(f, t[i].find, t[i].replace);
        expect_fault(f, "search recipe.yaml --dry-run", t[i].code, t[i].part);
        assert_int_equal(strncmp(f->err, "tandem: recipe.yaml:", 20), 0);
    }
}

/* The place of a missing key is that of the map that should have it. */
static void missing_keys_have_a_place(void **state) {
    fixture *f = *state;
    write_recipe(f, "budget: {trials: 12}", "budget:\n  trained: 3");
    expect_fault(f, "search recipe.yaml --dry-run", 3,
                 "recipe.yaml:20: budget: missing key \"trials\"");
    write_recipe(f, "  space: ibn\n", "");
    expect_fault(f, "search recipe.yaml --dry-run", 3,
                 "recipe.yaml:4: network: missing key \"space\"");
}

static void data_that_are_not_there(void **state) {
    fixture *f = *state;
    write_recipe(f, NULL, NULL);
    expect_fault(f, "search recipe.yaml --quiet", 4, "dataset-fashion-mnist");
    assert_false(exists(f, "results"));
}

static void a_dry_run_makes_nothing(void **state) {
    fixture *f = *state;
    write_recipe(f, NULL, NULL);
    expect(f, "search recipe.yaml --dry-run", 4); /* no data */
    assert_non_null(strstr(f->out, "tiny: search of "));
    assert_non_null(strstr(f->out, "targets: latency <= 5000 us, area <= 5 mm2"));
    assert_non_null(strstr(f->out, "\nfinal training of 1 network per row\n"));
    write_recipe(f, "final: {epochs: 1,", "final: {with_valid: true, candidates: 2, epochs: 1,");
    expect(f, "search recipe.yaml --dry-run", 4); /* no data */
    assert_non_null(strstr(f->out, "\nfinal training of 2 networks per row, with the validation "
                                   "images: ranked by the proxy's accuracy\n"));
    assert_false(exists(f, "results"));
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(version_and_help),
        CASE(every_command_has_examples),
        CASE(short_options_mean_one_thing),
        CASE(wrong_use),
        CASE(list_as_json),
        CASE(shipped_recipes),
        CASE(the_manual_is_complete),
        CASE(recipes_that_are_not_there),
        CASE(recipes_that_are_wrong),
        CASE(mistyped_names),
        CASE(missing_keys_have_a_place),
        CASE(data_that_are_not_there),
        CASE(a_dry_run_makes_nothing),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}
