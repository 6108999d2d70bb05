#include "program.h"

#include <sys/wait.h>

int setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make(), .arena = td_arena_create()};
    *state = &f;
    return 0;
}

int teardown(void **state) {
    fixture *f = *state;
    free(f->out);
    free(f->err);
    td_arena_destroy(f->arena);
    scratch_remove(f->folder);
    return 0;
}

int setup_data(void **state) {
    setup(state);
    scratch_data(scratch_path(((fixture *)*state)->folder, "data"));
    return 0;
}

char *slurp(const char *path) {
    char *data;
    size_t size;
    td_error err;
    assert_ok(td_file_read(path, 0, &data, &size, &err), &err);
    return data;
}

/* `before; tandem arguments` by the shell, in the scratch folder. The exit code, or -1 after a
 * signal. */
int run(fixture *f, const char *before, const char *arguments) {
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

void expect(fixture *f, const char *arguments, int code) {
    int got = run(f, "", arguments);
    if (got != code)
        fail_msg("tandem %s: exit code %d, expected %d\n%s%s", arguments, got, code, f->out,
                 f->err);
}

/* A fault: its exit code, and one line that begins with "tandem: ". */
void expect_fault(fixture *f, const char *arguments, int code, const char *part) {
    expect(f, arguments, code);
    assert_int_equal(strncmp(f->err, "tandem: ", 8), 0);
    assert_true(strchr(f->err, '\n') == f->err + strlen(f->err) - 1);
    if (strstr(f->err, part) == NULL) fail_msg("\"%s\" is not in \"%s\"", part, f->err);
    assert_string_equal(f->out, "");
}

const td_node *json(fixture *f) {
    const td_node *doc;
    td_error err;
    assert_ok(td_json_parse(f->arena, f->out, strlen(f->out), "stdout", 1, &doc, &err), &err);
    return doc;
}

bool exists(fixture *f, const char *name) {
    return td_file_exists(scratch_path(f->folder, name));
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
void write_recipe(fixture *f, const char *find, const char *replace) {
    const char *at = find != NULL ? strstr(recipe, find) : NULL;
    char *text = at == NULL ? td_arena_strdup(f->arena, recipe)
                            : td_arena_printf(f->arena, "%.*s%s%s", (int)(at - recipe), recipe,
                                              replace, at + strlen(find));
    assert_true(find == NULL || at != NULL);
    scratch_write(f->folder, "recipe.yaml", text, strlen(text));
}

int have_program(void **state) {
    (void)state;
    return access(TD_TEST_PROGRAM, X_OK);
}
