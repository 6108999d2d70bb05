/* The last line of tandem eval: each step that it tells is built here as a file of its own and
 * evaluated by the program, from the parameter and the value that the line says. */
#include "common.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tandem/base.h"
#include "tandem/hw.h"

static char out[1 << 20];

static int program(void **unused) {
    (void)unused;
    return access(TD_TEST_PROGRAM, X_OK);
}

static void run(const char *command) {
    char line[1024];
    snprintf(line, sizeof line, "%s %s 2>/dev/null", TD_TEST_PROGRAM, command);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    out[fread(out, 1, sizeof out - 1, f)] = '\0';
    assert_int_equal(pclose(f), 0);
}

typedef struct {
    double latency, energy, area;
} figures;

static figures evaluate(const char *net, const char *hw_file, const char *options) {
    char command[512];
    const td_node *doc;
    td_hw hw;
    td_error err = {0};
    td_arena *a = td_arena_create();
    snprintf(command, sizeof command, "eval %s --hw %s %s --format json", net, hw_file, options);
    run(command);
    assert_ok(td_json_parse(a, out, strlen(out), "stdout", 1, &doc, &err), &err);
    assert_ok(td_hw_load(hw_file, &hw, &err), &err);
    figures f = {td_node_find(doc, "latency_s")->real, td_node_find(doc, "energy_j")->real,
                 hw.area_mm2};
    td_arena_destroy(a);
    return f;
}

/* Percents are told with one decimal below ten, none above, "0" below a twentieth. */
static void expect_percent(const char *said, const char *what, double ratio) {
    const char *at = strstr(said, what);
    if (at == NULL) fail_msg("no%s in \"%s\"", what, said);
    double percent = 100 * (ratio - 1), told = strtod(at + strlen(what), NULL);
    assert_near(told, percent, fabs(percent) < 9.95 ? 0.0501 : 0.501);
}

static void write_node(const td_node *n, const char *path) {
    td_text text = {0};
    td_error err = {0};
    td_node_to_yaml(n, &text);
    assert_ok(td_file_write(path, text.data, text.size, &err), &err);
    td_text_free(&text);
}

static char *steps_of(const char *net, const char *hw, const char *options) {
    char command[512];
    snprintf(command, sizeof command, "eval %s --hw %s %s --format table", net, hw, options);
    run(command);
    char *line = strstr(out, "next step: ");
    assert_non_null(line);
    line = strdup(line + strlen("next step: "));
    assert_non_null(line);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* Everything moves with the parameter: time, energies per access and leakage, area. */
static void steps_are_built(void **unused) {
    (void)unused;
    static const struct {
        const char *name, *key;
    } keys[] = {{"I/O", "io_gbps"}, {"Local", "local_kb"}, {"RF", "rf_kb"}};
    static const char *const options[] = {"", "--objective energy"};
    char path[] = "/tmp/tandem-step-XXXXXX.yaml";
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    close(fd);
    const char *micro = TD_TEST_SOURCE "/hw/micro.yaml";
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *doc;
    assert_ok(td_node_load(a, micro, &doc, &err), &err);
    const td_node *space = td_node_find(doc, "space");
    for (int k = 0; k < 2; k++) {
        figures now = evaluate("handmade", micro, options[k]);
        char *line = steps_of("handmade", micro, options[k]);
        int told = 0;
        for (char *rest = line, *said; (said = strtok_r(rest, ";", &rest)) != NULL; told++) {
            char name[32];
            double from, to;
            assert_int_equal(sscanf(said, " %31s %lf -> %lf", name, &from, &to), 3);
            const char *key = name;
            for (int i = 0; i < 3; i++)
                if (strcmp(name, keys[i].name) == 0) key = keys[i].key;
            td_edge e;
            assert_ok(td_edge_from_node(doc, &e, &err), &err);
            assert_near(td_edge_get(&e, key), from, 0);
            /* A neighbour in the space: nothing of it lies between. */
            const td_node *list = td_node_find(space, key);
            bool there = false;
            for (int i = 0; i < list->count; i++) {
                double v = list->item[i]->real;
                there = there || v == to;
                assert_false((v > from && v < to) || (v < from && v > to));
            }
            assert_true(there);
            assert_ok(td_edge_set(&e, key, to, &err), &err);
            write_node(td_edge_to_node(&e, a), path);
            figures then = evaluate("handmade", path, options[k]);
            expect_percent(said, " latency", then.latency / now.latency);
            expect_percent(said, " energy", then.energy / now.energy);
            expect_percent(said, " area", then.area / now.area);
            /* No step costs the objective, and each is of use. */
            double aim = k == 0 ? then.latency / now.latency : then.energy / now.energy;
            assert_true(aim < 1.0051);
        }
        assert_int_equal(told, 2);
        free(line);
    }
    unlink(path);
    td_arena_destroy(a);
}

/* Levels in full do not say what others would cost: latency only, recomputed. */
static void general_description(void **unused) {
    (void)unused;
    char path[] = "/tmp/tandem-step-XXXXXX.yaml";
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    close(fd);
    const char *eyeriss = TD_TEST_SOURCE "/hw/eyeriss-168.yaml";
    td_error err = {0};
    td_arena *a = td_arena_create();
    td_hw hw;
    assert_ok(td_hw_load(eyeriss, &hw, &err), &err);
    hw.level[hw.n - 1].shared_bw *= 2;
    write_node(td_hw_to_node(&hw, a), path);
    figures now = evaluate("handmade", eyeriss, ""), then = evaluate("handmade", path, "");
    char *line = steps_of("handmade", eyeriss, "");
    assert_int_equal(strncmp(line, "I/O 0.48 -> 0.96 GB/s: latency", 30), 0);
    expect_percent(line, " latency", then.latency / now.latency);
    assert_non_null(strstr(line, "Buffer 108 -> 216 KB: latency"));
    assert_null(strstr(line, "area +"));
    assert_null(strstr(line, "energy +"));
    assert_null(strstr(line, "energy -"));
    free(line);
    unlink(path);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_built),
        cmocka_unit_test(general_description),
    };
    return cmocka_run_group_tests(tests, program, NULL);
}
