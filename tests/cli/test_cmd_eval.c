/* tandem eval, run as a program: formats agree, cases reproduce costs in `tandem cost`, faults have
 * their exit codes. */
#include "common.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tandem/base.h"
#include "tandem/hw.h"
#include "tandem/net.h"

static char out[1 << 20];

/* Runs `tandem command`; standard output in out, or standard error if `errors`. The exit code. */
static int run(const char *command, bool errors) {
    char line[1024];
    snprintf(line, sizeof line, "%s %s %s", TD_TEST_PROGRAM, command,
             errors ? "2>&1 >/dev/null" : "2>/dev/null");
    FILE *f = popen(line, "r");
    assert_non_null(f);
    size_t n = fread(out, 1, sizeof out - 1, f);
    out[n] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int program(void **unused) {
    (void)unused;
    return access(TD_TEST_PROGRAM, X_OK);
}

static double real_at(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    if (v == NULL) fail_msg("no %s", key);
    return v->real;
}

static void formats_agree(void **unused) {
    (void)unused;
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *doc;
    assert_int_equal(run("eval handmade --hw micro --format json", false), 0);
    assert_ok(td_json_parse(a, out, strlen(out), "stdout", 1, &doc, &err), &err);
    const td_node *list = td_node_find(doc, "intervals");
    assert_in_range(list->count, 20, 60);

    assert_int_equal(run("eval handmade --hw micro --format csv", false), 0);
    char *line = strtok(out, "\r\n");
    assert_non_null(strstr(line, "layer,op,shape,macs,cycles"));
    double cycles = 0;
    for (int i = 0; i < list->count; i++) {
        line = strtok(NULL, "\r\n");
        assert_non_null(line);
        const char *name = td_node_find(list->item[i], "layer")->text;
        assert_int_equal(strncmp(line, name, strlen(name)), 0);
        int commas = 0;
        for (const char *s = line; *s != '\0'; s++) commas += *s == ',';
        assert_int_equal(commas, 22);
        cycles += real_at(list->item[i], "cycles");
    }
    assert_null(strtok(NULL, "\r\n"));
    assert_near(cycles / 0.4e9, real_at(doc, "latency_s"), 1e-9 * real_at(doc, "latency_s"));

    assert_int_equal(run("eval handmade --hw micro", false), 0);
    char total[32];
    snprintf(total, sizeof total, "%d,%03d", (int)cycles / 1000, (int)cycles % 1000);
    assert_non_null(strstr(out, total));
    assert_non_null(strstr(out, "512 MACs"));
    assert_non_null(strstr(out, "next step: "));
    assert_non_null(strstr(out, "(leakage "));
    td_arena_destroy(a);
}

/* A figure of both, equal in each bit; that of `turns` together in eval. */
static void expect_same(const td_node *a, const char *key_a, const td_node *b, const char *key_b,
                        double turns, const char *layer) {
    double x = real_at(a, key_a), y = turns * real_at(b, key_b);
    if (memcmp(&x, &y, sizeof x) != 0)
        fail_msg("%s: %s: eval %.17g, cost %.17g", layer, key_b, x, y);
}

/* Each figure of an interval that its mapping decides. Returns how many. */
static int same_cost(const td_node *interval, const td_node *cost) {
    const char *layer = td_node_find(interval, "layer")->text;
    const td_node *parts = td_node_find(interval, "energy_pj"),
                  *levels = td_node_find(parts, "levels"), *costed = td_node_find(cost, "levels");
    const double turns = real_at(interval, "bands"); /* the case is one of them */
    int n = 4;
    expect_same(interval, "mapping_cycles", cost, "cycles", 1, layer);
    expect_same(interval, "mapping_pj", cost, "energy_total_pj", 1, layer);
    expect_same(parts, "mac", td_node_find(cost, "energy_pj"), "MAC", turns, layer);
    assert_int_equal(levels->count, costed->count);
    double on_chip = real_at(cost, "compute_cycles");
    for (int l = 0; l < levels->count; l++) {
        const td_node *level = levels->item[l], *other = costed->item[l];
        assert_string_equal(level->key, other->key);
        if (l < levels->count - 1) on_chip = fmax(on_chip, real_at(other, "cycles"));
        /* beside its tensors, a level of the cost has cycles and slowdown */
        assert_int_equal(level->count + 2, other->count);
        for (int t = 0; t < level->count; t++, n++)
            expect_same(level, level->item[t]->key, td_node_find(other, level->item[t]->key),
                        "energy_pj", turns, layer);
    }
    if (td_node_find(interval, "joined") == NULL)
        assert_true(real_at(interval, "compute_cycles") == turns * on_chip);
    else
        assert_true(real_at(interval, "compute_cycles") >= turns * on_chip);
    return n;
}

static void cases_give_the_same_cost(const char *design, int layers) {
    char path[] = "/tmp/tandem-eval-XXXXXX", command[256];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *doc, *one;
    snprintf(command, sizeof command, "eval %s --format json --cases %s", design, path);
    assert_int_equal(run(command, false), 0);
    assert_ok(td_json_parse(a, out, strlen(out), "stdout", 1, &doc, &err), &err);
    const td_node *list = td_node_find(doc, "intervals");
    snprintf(command, sizeof command, "cost %s --counting exact --format json", path);
    assert_int_equal(run(command, false), 0);
    char *line = strtok(out, "\n");
    int mapped = 0, figures = 0;
    for (int i = 0; i < list->count; i++) {
        if (td_node_find(list->item[i], "case") == NULL) continue;
        assert_non_null(line);
        assert_ok(td_json_parse(a, line, strlen(line), "cost", 1, &one, &err), &err);
        figures += same_cost(list->item[i], td_node_find(one, "result"));
        line = strtok(NULL, "\n");
        mapped++;
    }
    assert_null(line);
    assert_int_equal(mapped, layers);
    assert_true(figures >= 8 * layers);
    unlink(path);
    td_arena_destroy(a);
}

static void cases_go_to_cost(void **unused) {
    (void)unused;
    cases_give_the_same_cost("handmade --hw micro", 23);
    if (!TEST_SANITIZED) cases_give_the_same_cost("mobilenetv2 --hw edge", 53);
    cases_give_the_same_cost(
        "handmade --hw micro --max-nodes 300 --objective energy --batch 3 --cold", 23);
}

/* The folder that a search leaves behind needs no --hw. */
static void folder_of_a_design(void **unused) {
    (void)unused;
    char folder[] = "/tmp/tandem-eval-XXXXXX", path[128], command[256];
    assert_non_null(mkdtemp(folder));
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_net *net;
    td_text text = {0};
    assert_ok(td_net_build("handmade", TD_DIM(0, 0, 0), 1, 10, &net, &err), &err);
    td_node_to_yaml(td_net_to_node(net, a), &text);
    snprintf(path, sizeof path, "%s/network.yaml", folder);
    assert_ok(td_file_write(path, text.data, text.size, &err), &err);
    snprintf(command, sizeof command, "eval %s --no-steps", folder);
    assert_int_equal(run(command, true), td_status_exit_code(TD_E_USAGE)); /* on what? */
    assert_non_null(strstr(out, "--hw"));

    td_hw hw;
    td_text_free(&text);
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    td_node_to_yaml(td_hw_to_node(&hw, a), &text);
    char own[128];
    snprintf(own, sizeof own, "%s/accelerator.yaml", folder);
    assert_ok(td_file_write(own, text.data, text.size, &err), &err);
    assert_int_equal(run("eval handmade --hw micro --no-steps", false), 0);
    char *direct = td_arena_strdup(a, out);
    assert_int_equal(run(command, false), 0);
    /* (Of single steps, levels in full know fewer than a template.) */
    assert_string_equal(out, direct);
    unlink(path);
    unlink(own);
    rmdir(folder);
    td_text_free(&text);
    td_net_destroy(net);
    td_arena_destroy(a);
}

static const td_node *evaluate(td_arena *a, const char *what) {
    char command[256];
    const td_node *doc;
    td_error err = {0};
    snprintf(command, sizeof command, "eval %s --format json", what);
    assert_int_equal(run(command, false), 0);
    const char *text = td_arena_strdup(a, out);
    assert_ok(td_json_parse(a, text, strlen(text), "stdout", 1, &doc, &err), &err);
    return doc;
}

/* What is below one percent is not told as none, and leakage that no file tells not as a figure. */
static void small_figures(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    const td_node *list = td_node_find(evaluate(a, "handmade --hw nvdla"), "intervals");
    assert_int_equal(run("eval handmade --hw nvdla --no-steps", false), 0);
    assert_non_null(strstr(out, "(without leakage)"));
    int small = 0;
    for (int i = 0; i < list->count; i++) {
        double u = real_at(list->item[i], "utilization");
        if (td_node_find(list->item[i], "case") == NULL || u >= .0099) continue;
        char cell[32];
        snprintf(cell, sizeof cell, " %.1f %%  ", 100 * u);
        assert_non_null(strstr(out, cell));
        small++;
    }
    assert_true(small > 0);
    double rate =
        real_at(evaluate(a, "handmade --hw micro --set clock_ghz=0.0001"), "inferences_per_s");
    char told[64];
    snprintf(told, sizeof told, "throughput %.3g inferences/s\n", rate);
    assert_true(rate > 1 && rate < 99);
    assert_int_equal(run("eval handmade --hw micro --no-steps --set clock_ghz=0.0001", false), 0);
    assert_non_null(strstr(out, told));
    td_arena_destroy(a);
}

/* The share of each limit is the sum of the intervals that have it; lanes of the vector unit are
 * told apart from MACs. */
static void limits_are_sums(void **unused) {
    (void)unused;
    static const char *const what[] = {"handmade --hw micro", "handmade --hw micro --cold",
                                       "mobilenetv2 --hw edge", "handmade --hw eyeriss-168"};
    td_arena *a = td_arena_create();
    bool vector = false, dram = false;
    for (int k = 0; k < 4; k++) {
        const td_node *doc = evaluate(a, what[k]), *limits = td_node_find(doc, "limits"),
                      *list = td_node_find(doc, "intervals");
        double shares = 0, all = 0, last = INFINITY;
        for (int i = 0; i < list->count; i++) all += real_at(list->item[i], "cycles");
        for (int l = 0; l < limits->count; l++) {
            const char *name = td_node_find(limits->item[l], "limit")->text;
            double cycles = 0, told = real_at(limits->item[l], "cycles");
            bool lanes = strcmp(name, "vector lanes") == 0;
            for (int i = 0; i < list->count; i++) {
                const td_node *t = list->item[i];
                const char *limit = td_node_find(t, "limit")->text;
                bool mapped = td_node_find(t, "case") != NULL;
                assert_true(mapped || strcmp(limit, "compute") != 0);
                if (strcmp(limit, name) == 0) cycles += real_at(t, "cycles");
            }
            assert_near(told, cycles, 1e-9 * all);
            assert_near(real_at(limits->item[l], "share"), cycles / all, 1e-12);
            assert_true(told > 0 && told <= last);
            last = told;
            shares += told / all;
            vector = vector || lanes;
            dram = dram || strcmp(name, "DRAM weights") == 0;
        }
        assert_near(shares, 1, 1e-9);
    }
    assert_true(vector && dram);
    td_arena_destroy(a);
}

/* Both inferences stand in both answers, each as `tandem eval` tells it by itself; batches count by
 * the sample. */
static void cold_and_batch(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    for (int batch = 1; batch <= 4; batch += 3) {
        char what[96];
        snprintf(what, sizeof what, "handmade --hw micro --batch %d", batch);
        const td_node *steady = evaluate(a, what);
        snprintf(what, sizeof what, "handmade --hw micro --batch %d --cold", batch);
        const td_node *cold = evaluate(a, what), *both[] = {steady, cold};
        for (int k = 0; k < 2; k++) {
            const td_node *first = td_node_find(both[k], "first_inference"),
                          *later = td_node_find(both[k], "steady_state");
            expect_same(first, "latency_s", cold, "latency_s", 1, "first");
            expect_same(first, "energy_j", cold, "energy_j", 1, "first");
            expect_same(later, "latency_s", steady, "latency_s", 1, "later");
            expect_same(later, "energy_j", steady, "energy_j", 1, "later");
            assert_near(real_at(both[k], "inferences_per_s") * real_at(steady, "latency_s"), batch,
                        1e-9);
        }
        /* All of the weights that stay are loaded once, and nothing else changes but places. */
        double loaded = real_at(cold, "dram_bytes") - real_at(steady, "dram_bytes");
        assert_true(real_at(steady, "resident_weight_bytes") > 0);
        assert_true(loaded >= real_at(steady, "resident_weight_bytes"));
        assert_true(real_at(cold, "latency_s") > real_at(steady, "latency_s"));
        assert_near(real_at(steady, "macs"), real_at(cold, "macs"), 0); /* of one sample */
    }
    assert_int_equal(run("eval handmade --hw micro --batch 4 --no-steps", false), 0);
    assert_non_null(strstr(out, "inferences/s in batches of 4: "));
    assert_non_null(strstr(out, "\nfirst inference (cold) "));
    assert_int_equal(run("eval handmade --hw micro --cold --no-steps", false), 0);
    assert_non_null(strstr(out, "\nlater inferences 17.0 us, "));
    td_arena_destroy(a);
}

/* Values of --set are the accelerator's. */
static void set_is_of_the_accelerator(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    double now = real_at(evaluate(a, "handmade --hw micro"), "latency_s"),
           twice = real_at(evaluate(a, "handmade --hw micro --set clock_ghz=0.8 --set io_gbps=1.6"),
                           "latency_s");
    assert_near(twice, now / 2, 1e-12 * now); /* the same cycles at twice the clock */
    td_arena_destroy(a);
}

/* Both files are of the schedule that is told. */
static void timeline_and_trace(void **unused) {
    (void)unused;
    char folder[] = "/tmp/tandem-eval-XXXXXX", path[2][128], command[512];
    assert_non_null(mkdtemp(folder));
    snprintf(path[0], sizeof path[0], "%s/timeline.json", folder);
    snprintf(path[1], sizeof path[1], "%s/trace.json", folder);
    snprintf(
        command, sizeof command,
        "eval handmade --hw micro --max-nodes 300 --cold --format json --timeline %s --trace %s",
        path[0], path[1]);
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *schedule, *timeline, *trace;
    assert_int_equal(run(command, false), 0);
    assert_ok(td_json_parse(a, out, strlen(out), "stdout", 1, &schedule, &err), &err);
    assert_ok(td_node_load(a, path[0], &timeline, &err), &err);
    assert_ok(td_node_load(a, path[1], &trace, &err), &err);
    const td_node *told = td_node_find(schedule, "intervals"),
                  *shown = td_node_find(timeline, "intervals"),
                  *events = td_node_find(trace, "traceEvents");
    double bytes = 0, end = 0;
    assert_int_equal(told->count, shown->count);
    for (int i = 0; i < told->count; i++) {
        assert_string_equal(td_node_find(told->item[i], "layer")->text,
                            td_node_find(shown->item[i], "layer")->text);
        assert_true(real_at(told->item[i], "cycles") ==
                    real_at(shown->item[i], "end") - real_at(shown->item[i], "start"));
    }
    const td_node *moved = td_node_find(timeline, "transfers");
    for (int i = 0; i < moved->count; i++) bytes += real_at(moved->item[i], "bytes");
    assert_near(bytes, real_at(schedule, "dram_bytes"), 1e-6);
    for (int i = 0; i < events->count; i++)
        if (strcmp(td_node_find(events->item[i], "ph")->text, "X") == 0)
            end = fmax(end, real_at(events->item[i], "ts") + real_at(events->item[i], "dur"));
    assert_near(end * 1e-6, real_at(schedule, "latency_s"), 1e-9 * end * 1e-6);
    unlink(path[0]);
    unlink(path[1]);
    rmdir(folder);
    td_arena_destroy(a);
}

static double energy_at(const char *command) {
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *doc;
    assert_int_equal(run(command, false), 0);
    assert_ok(td_json_parse(a, out, strlen(out), "stdout", 1, &doc, &err), &err);
    double e = real_at(doc, "energy_j");
    td_arena_destroy(a);
    return e;
}

/* Bits by a text and by a file, on MACs that gate their operands and on those that do not. */
static void bits(void **unused) {
    (void)unused;
#define EVAL "eval handmade --hw micro --max-nodes 300 --objective energy --format json "
    double own = energy_at(EVAL), e8 = energy_at(EVAL "--bits 8");
    assert_near(e8, own, 0);
    double e4 = energy_at(EVAL "--bits 4"), w4 = energy_at(EVAL "--bits w4a8");
    assert_true(e4 < w4 && w4 < e8);
    double gated = energy_at(EVAL "--bits 4 --set operand_gating=1");
    assert_true(gated < e4);
    char path[] = "/tmp/tandem-bits-XXXXXX.yaml", command[256];
    int fd = mkstemps(path, 5);
    static const char text[] = "default: 4\nlayers: {conv1: 8}\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    snprintf(command, sizeof command, EVAL "--bits %s", path);
    double file = energy_at(command);
    unlink(path);
    assert_true(e4 < file && file < e8);
}

static void wrong_use(void **unused) {
    (void)unused;
    static const struct {
        const char *command, *part;
        td_status status;
    } wrong[] = {
        {"eval", "expected a NET", TD_E_USAGE},
        {"eval handmade", "--hw", TD_E_USAGE},
        {"eval handmade --hw micro --format xml", "table, json or csv", TD_E_USAGE},
        {"eval handmade --hw micro --objective edp", "latency or energy", TD_E_USAGE},
        {"eval handmade --hw micro --batch 0", "--batch", TD_E_USAGE},
        {"eval handmade --hw micro --size 0", "CxHxW", TD_E_USAGE},
        {"eval handmade --hw micro --size 28x", "CxHxW", TD_E_USAGE},
        {"eval handmade --hw micro --size 1x28x28x28", "CxHxW", TD_E_USAGE},
        {"eval handmade --hw micro --size 28x-28", "CxHxW", TD_E_USAGE},
        {"eval handmade --hw micro --size large", "CxHxW", TD_E_USAGE},
        {"eval handmade --hw micro --steps --format csv", "table or json", TD_E_USAGE},
        {"eval handmade --hw micro --set lanes", "KEY=VALUE", TD_E_USAGE},
        {"eval handmade --hw micro --set lanes=0", "lanes", TD_E_INPUT},
        {"eval handmade --hw micro --set nosuch=1", "nosuch", TD_E_INPUT},
        {"eval handmade --hw micro --set rf_kb=0.5", "cannot be built", TD_E_INFEASIBLE},
        {"eval handmade --hw micro --bits 4x4", "expected bits such as 8, w4a8", TD_E_USAGE},
        {"eval handmade --hw micro --bits 33", "expected bits", TD_E_USAGE},
        {"eval handmade --hw micro --bits no/such.yaml", "no/such.yaml", TD_E_NOT_FOUND},
        {"eval handmade --hw micro --bits w4a16", "built for 8 x 8", TD_E_INFEASIBLE},
        {"explore handmade --hw micro --vary io_gbps --bits w4a16", "bits", TD_E_USAGE},
        {"map 'conv K8 C8 P8' --hw micro --bits 16", "built for 8 x 8", TD_E_INFEASIBLE},
        {"map handmade --hw micro --bits 16", "built for 8 x 8", TD_E_INFEASIBLE},
        {"eval nosuchnet --hw micro", "nosuchnet", TD_E_NOT_FOUND},
        {"eval handmade --hw nosuchhw", "nosuchhw", TD_E_NOT_FOUND},
        {"eval no/such/file.yaml --hw micro", "no/such/file.yaml", TD_E_NOT_FOUND},
        {"eval some.onnx --hw micro", "some.onnx: no such file", TD_E_NOT_FOUND},
        {"eval handmade --hw micro --dim batch=1", "--dim is for ONNX models", TD_E_USAGE},
        {"eval handmade --hw micro --skip-unknown", "--skip-unknown is for ONNX", TD_E_USAGE},
        {"eval handmade --hw micro --dim batch", "expected NAME=SIZE", TD_E_USAGE},
        {"eval handmade --hw micro --no-steps --cases /nonexistent/x.jsonl", "/nonexistent",
         TD_E_IO},
        {"eval handmade --hw micro --no-steps --timeline /nonexistent/x.json", "/nonexistent",
         TD_E_IO},
        {"eval handmade --hw micro --no-steps --trace /nonexistent/x.json", "/nonexistent",
         TD_E_IO},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int code = run(wrong[i].command, true);
        if (code != td_status_exit_code(wrong[i].status) || strstr(out, wrong[i].part) == NULL)
            fail_msg("%s: exit code %d, \"%s\"", wrong[i].command, code, out);
        assert_non_null(strstr(out, "tandem"));
    }
    assert_int_equal(run("eval --help", false), 0);
    assert_non_null(strstr(out, "Examples:"));
}

/* The command of docs/validation.md: an array of 12 x 20, the layers of a topology. Products of 147
 * to sum, 64 filters, 110 x 110 positions; of 64, 40 and 1. */
static void systolic_arrays(void **unused) {
    (void)unused;
    static const struct {
        const char *set;
        int64_t cycles[2];
    } flow[] = {
        {"ws --set 'levels[1].instances=20'",
         {13 * 4 * (12100 + 2 * 12 + 20 - 2), 6 * 2 * (1 + 2 * 12 + 20 - 2)}},
        {"os", {1009 * 4 * (147 + 12 + 20 - 2), 1 * 2 * (64 + 12 + 20 - 2)}},
        {"is --set 'levels[1].instances=20'",
         {13 * 605 * (64 + 2 * 12 + 20 - 2), 6 * 1 * (40 + 2 * 12 + 20 - 2)}},
    };
    char file[] = "/tmp/tandem-topology-XXXXXX.csv", command[512];
    int fd = mkstemps(file, 4);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs("Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num "
          "Filter, Strides,\nConv1,224,224,7,7,3,64,2,\nfc,1,1,1,1,64,40,1,\n",
          f);
    fclose(f);
    for (int i = 0; i < 3; i++) {
        snprintf(command, sizeof command,
                 "eval %s --hw systolic-%s --set mac.instances=240 --set mac.mesh_x=20 --format "
                 "json",
                 file, flow[i].set);
        assert_int_equal(run(command, false), 0);
        td_arena *a = td_arena_create();
        const td_node *doc;
        td_error err = {0};
        assert_ok(td_json_parse(a, out, strlen(out), "stdout", 1, &doc, &err), &err);
        const td_node *list = td_node_find(doc, "intervals");
        assert_int_equal(list->count, 2);
        for (int k = 0; k < 2; k++)
            assert_near(real_at(list->item[k], "compute_cycles"), flow[i].cycles[k], 0);
        td_arena_destroy(a);
    }
    /* What of the time is not computing is told where there is enough of it: not 42 of 12,142. */
    snprintf(command, sizeof command,
             "eval %s --hw systolic-ws --set mac.instances=240 --set mac.mesh_x=20 --set "
             "'levels[1].instances=20' --no-steps",
             file);
    assert_int_equal(run(command, false), 0);
    assert_non_null(strstr(out, "limits: compute 100 %\n"));
    assert_int_equal(run("eval handmade --hw systolic-ws --no-steps", false), 0);
    assert_non_null(strstr(out, " (filling and draining: "));
    unlink(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(systolic_arrays),
        cmocka_unit_test(formats_agree),
        cmocka_unit_test(cases_go_to_cost),
        cmocka_unit_test(folder_of_a_design),
        cmocka_unit_test(limits_are_sums),
        cmocka_unit_test(cold_and_batch),
        cmocka_unit_test(set_is_of_the_accelerator),
        cmocka_unit_test(timeline_and_trace),
        cmocka_unit_test(bits),
        cmocka_unit_test(small_figures),
        cmocka_unit_test(wrong_use),
    };
    return cmocka_run_group_tests(tests, program, NULL);
}
