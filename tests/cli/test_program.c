/* The program from outside: help, exit codes, messages; a whole search on a tiny data set,
 * interrupted, killed, on a full disk, and what is told of it. */
#include <dirent.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tandem/base.h"

typedef struct {
    char *folder;
    char *out, *err; /* of the last run */
    td_arena *arena;
} fixture;

static int setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make(), .arena = td_arena_create()};
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    free(f->out);
    free(f->err);
    td_arena_destroy(f->arena);
    scratch_remove(f->folder);
    return 0;
}

static int setup_data(void **state) {
    setup(state);
    scratch_data(scratch_path(((fixture *)*state)->folder, "data"));
    return 0;
}

static char *slurp(const char *path) {
    char *data;
    size_t size;
    td_error err;
    assert_ok(td_file_read(path, 0, &data, &size, &err), &err);
    return data;
}

/* `before; tandem arguments` by the shell, in the scratch folder. The exit code, or -1 after a
 * signal. */
static int run(fixture *f, const char *before, const char *arguments) {
    char command[4096];
    free(f->out);
    free(f->err);
    int n = snprintf(command, sizeof command, "cd '%s' && { %s %s %s; } >stdout.txt 2>stderr.txt",
                     f->folder, before, TD_TEST_PROGRAM, arguments);
    assert_in_range(n, 1, sizeof command - 1);
    int status = system(command);
    f->out = slurp(scratch_path(f->folder, "stdout.txt"));
    f->err = slurp(scratch_path(f->folder, "stderr.txt"));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect(fixture *f, const char *arguments, int code) {
    int got = run(f, "", arguments);
    if (got != code)
        fail_msg("tandem %s: exit code %d, expected %d\n%s%s", arguments, got, code, f->out,
                 f->err);
}

/* A fault: its exit code, and one line that begins with "tandem: ". */
static void expect_fault(fixture *f, const char *arguments, int code, const char *part) {
    expect(f, arguments, code);
    assert_int_equal(strncmp(f->err, "tandem: ", 8), 0);
    assert_true(strchr(f->err, '\n') == f->err + strlen(f->err) - 1);
    if (strstr(f->err, part) == NULL) fail_msg("\"%s\" is not in \"%s\"", part, f->err);
    assert_string_equal(f->out, "");
}

static const td_node *json(fixture *f) {
    const td_node *doc;
    td_error err;
    assert_ok(td_json_parse(f->arena, f->out, strlen(f->out), "stdout", 1, &doc, &err), &err);
    return doc;
}

static bool exists(fixture *f, const char *name) {
    return td_file_exists(scratch_path(f->folder, name));
}

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
    static const char *const commands[] = {"search", "eval", "train", "space",
                                           "study",  "cost", "list"};
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
    expect_fault(f, "optimise", 2, "known are: search, eval, train,");
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

static const char recipe[] = "name: tiny\n"
                             "seed: 3\n"
                             "lag: 3\n"
                             "network:\n"
                             "  space: ibn\n"
                             "  input: [1, 8, 8]\n"
                             "  classes: 10\n"
                             "  stem: {channels: 8, stride: 2}\n"
                             "  stages: [{channels: 8, stride: 1, depth: [1, 2, 3]}]\n"
                             "  kernel: [3, 5]\n"
                             "  expansion: [1, 2]\n"
                             "  width: 1\n"
                             "  head: 0\n"
                             "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8],\n"
                             "  lanes: 1, local_kb: [64, 128], rf_kb: 1, io_gbps: [0.4, 0.8]}\n"
                             "accuracy: {path: data, epochs: 1, train_images: 500, batch: 50,\n"
                             "  rate: 0.05, warmup_steps: 2}\n"
                             "objective: {targets: {latency_us: 5000, area_mm2: 5}}\n"
                             "schedule: {max_nodes: 300}\n"
                             "budget: {trials: 12}\n"
                             "final: {epochs: 1, train_images: 500, batch: 50, rate: 0.05,\n"
                             "  warmup_steps: 2}\n";

/* recipe.yaml with the first `find` replaced (NULL: as it stands). */
static void write_recipe(fixture *f, const char *find, const char *replace) {
    const char *at = find != NULL ? strstr(recipe, find) : NULL;
    char *text = at == NULL ? td_arena_strdup(f->arena, recipe)
                            : td_arena_printf(f->arena, "%.*s%s%s", (int)(at - recipe), recipe,
                                              replace, at + strlen(find));
    assert_true(find == NULL || at != NULL);
    scratch_write(f->folder, "recipe.yaml", text, strlen(text));
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
    expect_fault(f, "eval resnet50 --hw edge", 4, "known are: ");
    expect_fault(f, "eval handmade --hw egde", 4, "did you mean \"edge\"?");
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
    expect(f, "search recipe.yaml --dry-run", 0);
    assert_non_null(strstr(f->out, "tiny: joint search of "));
    assert_non_null(strstr(f->out, "targets: latency <= 5000 us, area <= 5 mm2"));
    assert_non_null(strstr(f->out, "\nfinal training of 1 network per row\n"));
    write_recipe(f, "final: {epochs: 1,", "final: {with_valid: true, candidates: 2, epochs: 1,");
    expect(f, "search recipe.yaml --dry-run", 0);
    assert_non_null(strstr(f->out, "\nfinal training of 2 networks per row, with the validation "
                                   "images: ranked by the proxy's accuracy\n"));
    assert_false(exists(f, "results"));
}

/* ---- a search -------------------------------------------------------------------------------- */

typedef struct {
    int files;
    uint64_t hash;
} trace;

/* Names and contents of the files of a folder. */
static trace trace_of(const char *folder) {
    trace t = {0};
    char here[1200];
    snprintf(here, sizeof here, "%s", folder);
    DIR *d = opendir(here);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        struct stat st;
        const char *path = scratch_path(here, e->d_name);
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) continue;
        char *data;
        size_t size;
        td_error err;
        assert_ok(td_file_read(path, 0, &data, &size, &err), &err);
        t.hash += td_hash(data, size, td_hash_text(e->d_name, 0));
        t.files++;
        free(data);
    }
    closedir(d);
    return t;
}

static void look_at_the_study(fixture *f) {
    trace before = trace_of(scratch_path(f->folder, "results/tiny"));
    expect(f, "study list results/tiny --format json", 0);
    const td_node *s = json(f)->item[0];
    assert_string_equal(td_node_find(s, "name")->text, "joint");
    assert_string_equal(td_node_find(s, "state")->text, "done");
    assert_int_equal(td_node_find(s, "trials")->integer, 12);
    assert_int_equal(td_node_find(s, "running")->integer, 0);
    expect(f, "study best results/tiny --row joint --format json", 0);
    const td_node *best = td_node_find(json(f), "joint")->item[0];
    assert_true(td_node_find(best, "meets_targets")->boolean);
    assert_true(td_node_find(td_node_find(best, "choices"), "pe_x")->real >= 1);
    expect(f, "study show results/tiny/study.db --limit 3 --format json", 0);
    assert_int_equal(td_node_find(json(f), "joint")->count, 3);
    expect(f, "study pareto results/tiny", 0);
    assert_non_null(strstr(f->out, "accuracy"));
    expect(f, "study best results/tiny", 0);
    assert_non_null(strstr(f->out, "pe_x"));
    expect(f, "study export results/tiny", 0);
    char *csv = slurp(scratch_path(f->folder, "results/tiny/trials.csv"));
    assert_string_equal(f->out, csv);
    free(csv);
    expect_fault(f, "study show results/tiny --row solo", 4, "no row \"solo\"");
    expect_fault(f, "study list results", 4, "results/study.db: no study store there");
    trace after = trace_of(scratch_path(f->folder, "results/tiny"));
    assert_int_equal(after.files, before.files);
    assert_true(after.hash == before.hash);
}

/* What a search leaves can be evaluated and trained by the name of its folder. */
static void use_the_best(fixture *f) {
    static const char *const folders[] = {"results/tiny", "results/tiny/best",
                                          "results/tiny/best/"};
    for (int i = 0; i < 3; i++) {
        expect(f, td_arena_printf(f->arena, "eval %s --format csv", folders[i]), 0);
        assert_int_equal(strncmp(f->out, "layer,op,", 9), 0);
        expect(f,
               td_arena_printf(f->arena,
                               "train %s --data-path data --epochs 0.02 --quiet --out again/%d "
                               "--format json",
                               folders[i], i),
               0);
        assert_non_null(td_node_find(json(f), "test_accuracy"));
        assert_true(exists(f, td_arena_printf(f->arena, "again/%d/network.onnx", i)));
    }
    expect_fault(f, "train results --data-path data", 4, "results: there is no network.yaml");
    expect_fault(f, "train results/tiny --width 2 --data-path data", 2, "--width is for shipped");
    /* The folder is tried before the training, which would take days. */
    expect_fault(f, "train results/tiny --data-path data --epochs 1e6 --out recipe.yaml/x", 5,
                 "recipe.yaml: cannot make folder: a file has this name");
    expect_fault(f, "train results/tiny --data-path data --epochs 1e6 --out /proc/self", 5,
                 "/proc");
}

static void search_from_end_to_end(void **state) {
    fixture *f = *state;
    write_recipe(f, NULL, NULL);
    expect(f, "search recipe.yaml", 0);
    static const char *const files[] = {
        "best/network.onnx",  "best/network.yaml", "best/weights.bin", "best/accelerator.yaml",
        "best/schedule.json", "trials.csv",        "pareto.csv",       "summary.json",
        "recipe.yaml",        "study.db"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "results/tiny/%s", files[i]);
        if (!exists(f, name)) fail_msg("no %s", name);
    }
    assert_non_null(strstr(f->out, "<- best/"));
    assert_non_null(strstr(f->out, "why: "));
    assert_non_null(strstr(f->out, "results in results/tiny"));
    /* standard error is no terminal: lines, no bar */
    assert_non_null(strstr(f->err, "joint        12/12"));
    assert_null(strchr(f->err, '\r'));
    assert_null(strchr(f->err, '\033'));
    look_at_the_study(f);
    /* The one row is the best one, and brings its accelerator along as best/ does. */
    expect(f, "eval results/tiny/best --format json", 0);
    char *best = td_arena_strdup(f->arena, f->out);
    expect(f, "eval results/tiny/rows/joint --format json", 0);
    assert_string_equal(f->out, best);
    use_the_best(f);
    /* The same again: nothing is left to do, and the answer is the same. */
    char *first = slurp(scratch_path(f->folder, "results/tiny/trials.csv"));
    expect(f, "search recipe.yaml --quiet --format json --threads 1", 0);
    assert_string_equal(f->err, "");
    const td_node *row = td_node_find(json(f), "rows")->item[0];
    assert_true(td_node_find(row, "meets_targets")->boolean);
    assert_true(td_node_find(row, "test_accuracy")->real > 0);
    char *second = slurp(scratch_path(f->folder, "results/tiny/trials.csv"));
    assert_string_equal(first, second);
    free(first);
    free(second);
    /* Another recipe for the same folder is refused before anything is done. */
    write_recipe(f, "latency_us: 5000", "latency_us: 4000");
    expect_fault(f, "search recipe.yaml --quiet", 2, "made with another recipe");
    /* The table goes nowhere. */
    write_recipe(f, NULL, NULL);
    assert_int_equal(run(f, "", "search recipe.yaml --quiet >/dev/full"), 5);
}

/* On a terminal there is a bar: one line that is written over. */
static void bar_on_a_terminal(void **state) {
    fixture *f = *state;
    write_recipe(f, "trials: 12", "trials: 4");
    struct winsize size = {.ws_row = 24, .ws_col = 60};
    int master, status;
    pid_t child = forkpty(&master, NULL, NULL, &size);
    if (child == 0) {
        if (chdir(f->folder) == 0)
            execl(TD_TEST_PROGRAM, "tandem", "search", "recipe.yaml", (char *)NULL);
        _exit(99);
    }
    assert_true(child > 0);
    td_text t = {0};
    char part[512];
    for (ssize_t n; (n = read(master, part, sizeof part)) > 0;)
        td_text_add_bytes(&t, part, (size_t)n);
    close(master);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    char *bar = strstr(t.data, "\r\033[Kjoint        4/4 ####");
    assert_non_null(bar);
    /* No line of the bar is longer than the terminal is wide. */
    for (char *line = strstr(t.data, "\r\033[K"); line != NULL; line = strstr(line + 1, "\r\033[K"))
        assert_true(strcspn(line + 4, "\r\n") < 60);
    td_text_free(&t);
}

static pid_t start(fixture *f, const char *option) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(f->folder) != 0 || freopen("stdout.txt", "w", stdout) == NULL ||
            freopen("stderr.txt", "w", stderr) == NULL)
            _exit(99);
        execl(TD_TEST_PROGRAM, "tandem", "search", "recipe.yaml", "--quiet", option, (char *)NULL);
        _exit(99);
    }
    assert_true(child > 0);
    return child;
}

/* Trials that are over, by the program itself, while the search runs. */
static int64_t finished_trials(fixture *f) {
    if (!exists(f, "results/tiny/study.db")) return 0;
    if (run(f, "", "study list results/tiny --format json") != 0) return 0; /* just being made */
    const td_node *doc = json(f);
    if (doc->count == 0) return 0;
    return td_node_find(doc->item[0], "meets_targets")->integer +
           td_node_find(doc->item[0], "misses_targets")->integer +
           td_node_find(doc->item[0], "cannot_be_built")->integer;
}

static int stop_after(fixture *f, pid_t child, int64_t trials, int sig) {
    int status;
    for (int i = 0; i < 3000 && finished_trials(f) < trials; i++) {
        if (waitpid(child, &status, WNOHANG) == child) return status;
        usleep(2000);
    }
    kill(child, sig);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* Ctrl-C drains; kill -9 does not ask. Both times the same command ends as if nothing had been. */
static void interrupted_killed_and_resumed(void **state) {
    fixture *f = *state;
    write_recipe(f, "trials: 12", "trials: 40");
    expect(f, "search recipe.yaml --quiet --out whole", 0);
    pid_t child = start(f, "--threads=2");
    int status = stop_after(f, child, 3, SIGINT);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    free(f->err);
    f->err = slurp(scratch_path(f->folder, "stderr.txt"));
    expect(f, "study list results/tiny --format json", 0);
    assert_int_equal(td_node_find(json(f)->item[0], "running")->integer, 0);
    child = start(f, "--threads=1");
    status = stop_after(f, child, finished_trials(f) + 3, SIGKILL);
    assert_true(WIFSIGNALED(status));
    expect(f, "search recipe.yaml --quiet", 0);
    char *whole = slurp(scratch_path(f->folder, "whole/trials.csv"));
    char *parts = slurp(scratch_path(f->folder, "results/tiny/trials.csv"));
    assert_string_equal(whole, parts);
    free(whole);
    free(parts);
}

static void impossible_targets(void **state) {
    fixture *f = *state;
    write_recipe(f, "latency_us: 5000", "latency_us: 0.001");
    expect(f, "search recipe.yaml --quiet", 6);
    assert_non_null(strstr(f->err, "no design met the targets"));
    /* told before the final trainings, once for the one row */
    static const char warning[] = "tandem: warning: row joint: no design meets the targets; the "
                                  "nearest is trained all the same (latency ";
    assert_int_equal(strncmp(f->err, warning, strlen(warning)), 0);
    assert_null(strstr(f->err + 1, "tandem: warning"));
    assert_non_null(strstr(f->out, "missed"));
    assert_null(strstr(f->out, "infeasible"));
    assert_null(strstr(f->err, "infeasible"));
    expect(f, "study show results/tiny", 0);
    assert_non_null(strstr(f->out, "  misses targets "));
    assert_non_null(strstr(f->out, "x the target"));
    assert_null(strstr(f->out, "e+0"));
    assert_null(strstr(f->out, "infeasible"));
    assert_true(exists(f, "results/tiny/summary.json"));
    expect(f, "study pareto results/tiny", 0);
    assert_string_equal(f->out, "joint\n  no design met the targets, so there is no front "
                                "(`show` has all)\n");
}

static void damaged_store(void **state) {
    fixture *f = *state;
    write_recipe(f, NULL, NULL);
    mkdir(scratch_path(f->folder, "results"), 0777);
    mkdir(scratch_path(f->folder, "results/tiny"), 0777);
    char noise[4096];
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (char)td_rng_u32(&r);
    scratch_write(f->folder, "results/tiny/study.db", noise, sizeof noise);
    expect_fault(f, "search recipe.yaml --quiet", 8, "results/tiny/study.db: damaged");
    expect_fault(f, "study list results/tiny", 8, "results/tiny/study.db: damaged");
}

/* Files may grow to 600 blocks of 512 bytes, as dash counts them: enough for the store to begin
 * with, not for all of its log. What was finished is kept, and the search goes on from it. */
static void full_disk(void **state) {
    fixture *f = *state;
    write_recipe(f, "trials: 12", "trials: 60");
    assert_int_equal(run(f, "trap '' XFSZ; ulimit -f 600;", "search recipe.yaml --quiet"), 5);
    assert_non_null(strstr(f->err, "no space left on device"));
    assert_non_null(strstr(f->err, "finished trials are kept"));
    int64_t kept = finished_trials(f);
    assert_in_range(kept, 1, 59);
    struct stat before, after;
    assert_int_equal(stat(scratch_path(f->folder, "results/tiny/study.db"), &before), 0);
    expect(f, "study export results/tiny", 0);
    char *lines = td_arena_strdup(f->arena, f->out), *save = NULL;
    expect(f, "search recipe.yaml --quiet", 0);
    expect(f, "study list results/tiny --format json", 0);
    assert_int_equal(td_node_find(json(f)->item[0], "trials")->integer, 60);
    assert_int_equal(finished_trials(f), 60);
    /* The same store, with what was in it. */
    assert_int_equal(stat(scratch_path(f->folder, "results/tiny/study.db"), &after), 0);
    assert_true(before.st_ino == after.st_ino);
    expect(f, "study export results/tiny", 0);
    int found = 0;
    for (char *line = strtok_r(lines, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
        found += strstr(f->out, line) != NULL && strstr(line, ",ready,") == NULL &&
                 strstr(line, ",running,") == NULL;
    assert_int_equal(found, kept + 1); /* and the header */
}

static int have_program(void **state) {
    (void)state;
    return access(TD_TEST_PROGRAM, X_OK);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define WITH_DATA(f) cmocka_unit_test_setup_teardown(f, setup_data, teardown)
    const struct CMUnitTest tests[] = {
        CASE(version_and_help),
        CASE(every_command_has_examples),
        CASE(short_options_mean_one_thing),
        CASE(wrong_use),
        CASE(list_as_json),
        CASE(the_manual_is_complete),
        CASE(recipes_that_are_not_there),
        CASE(recipes_that_are_wrong),
        CASE(mistyped_names),
        CASE(missing_keys_have_a_place),
        CASE(data_that_are_not_there),
        CASE(a_dry_run_makes_nothing),
        WITH_DATA(search_from_end_to_end),
        WITH_DATA(bar_on_a_terminal),
        WITH_DATA(interrupted_killed_and_resumed),
        WITH_DATA(impossible_targets),
        WITH_DATA(damaged_store),
        WITH_DATA(full_disk),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}
