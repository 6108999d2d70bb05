/* Would the comparison with the simulator notice a wrong analysis? Faults are sown into copies of
 * src/cost, one at a time; each copy is compiled, loaded, and compared on the random cases of
 * test_cost_simulator.c. Every fault must be noticed, and the copy without one must not. */
#include "common.h"

#include <dlfcn.h>
#include <unistd.h>

#include "compare.h"
#include "random_case.h"

typedef struct {
    const char *name, *file, *right, *wrong; /* the one place with the text `right` */
} fault;

static const fault faults[] = {
    {"drain read left out", "cost_exact.c", "b->reads += own;", ""},
    {"halo off by one", "cost_exact.c", "const int32_t h = e[0] - m.d[0]",
     "const int32_t h = e[0] - m.d[0] + 1"},
    {"halo of children off by one", "cost_exact.c", "sum -= steps * ((double)(e[0] - m.d[0])",
     "sum -= steps * ((double)(e[0] - m.d[0] + 1)"},
    {"multicast counted per child", "cost_exact.c", "shared ? z->distinct[l][t] : z->fan[l]",
     "shared ? z->fan[l] : z->fan[l]"},
    {"first update reads", "cost_exact.c", "a->reads = a->updates - a->partition_words;",
     "a->reads = a->updates;"},
    {"partial sums that come back are forgotten", "cost_exact.c",
     "b->fills = own - b->partition_words;", "b->fills = 0;"},
    {"inner loops go back from 1", "cost_exact.c", "m->back[axis] += (x->bound - 1) * move;",
     "m->back[axis] += move;"},
    {"words that children overlap in are read twice", "cost_offsets.c",
     "(gap < extent ? gap : extent) - d", "extent - d"},
    {"padded rows fetched", "cost_padded.c", "if (low > 0) sum -=", "if (low > 1) sum -="},
    {"wrong loop order", "cost_nest.c",
     "s = take(z, level, TD_AXIS_T, &i, z->t, &z->nt, &t, imperfect, err);",
     "s = take(z, level, TD_AXIS_T, &i, z->t, &z->nt, &t, imperfect, err);"
     "if (z->nt - z->t0[level] > 1) {"
     "td__loop first = z->t[z->nt - 1];"
     "z->t[z->nt - 1] = z->t[z->nt - 2];"
     "z->t[z->nt - 2] = first; }"},
    {"last tile taken full", "cost_chain.c", "words ? c->z->last[child + 1][dim] : 1", "extent"},
    {"last pass taken whole", "cost_chain.c", "last += (x->tail - 1) * whole;",
     "last += (x->bound - 1) * whole;"},
    {"idle children thought to move", "cost_chain.c", "if (x->tail == 2 && *whole > 0)",
     "if (x->tail < 2 && *whole > 0)"},
    {"idle children go back from the last iteration", "cost_rank.c", "(reaches(s, j) ? 1 : 2)",
     "1"},
    {"no bandwidth for updates", "cost_evaluate.c", "out = a->fills + a->updates;",
     "out = a->fills;"},
};

/* Sources of src/cost that td_cost_evaluate needs, and their objects in the folder of the test. */
static const char *const sources[] = {
    "cost_evaluate.c", "cost_exact.c",   "cost_imperfect.c", "cost_nest.c",  "cost_offsets.c",
    "cost_padded.c",   "cost_sampled.c", "cost_timeloop.c",  "cost_chain.c", "cost_rank.c",
};
enum { SOURCES = sizeof sources / sizeof sources[0] };

static char folder[64];

static void run(const char *format, ...) {
    char command[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (system(command) != 0) fail_msg("failed: %s", command);
}

static void compile(const char *path, const char *object) {
    run("%s -std=c17 -D_GNU_SOURCE -O1 -w -fPIC -ffp-contract=off -I%s/include -I%s/src/cost "
        "-c %s -o %s/%s.o",
        TD_TEST_CC, TD_TEST_SOURCE, TD_TEST_SOURCE, path, folder, object);
}

/* A copy of the source with the fault, compiled. */
static void sow(const fault *f) {
    char path[512];
    char *text = NULL;
    size_t size = 0;
    td_error err = {0};
    snprintf(path, sizeof path, "%s/src/cost/%s", TD_TEST_SOURCE, f->file);
    assert_ok(td_file_read(path, 0, &text, &size, &err), &err);
    text = realloc(text, size + 1);
    assert_non_null(text);
    text[size] = '\0';
    char *at = strstr(text, f->right);
    if (at == NULL || strstr(at + 1, f->right) != NULL)
        fail_msg("%s: %s does not have this once: %s", f->name, f->file, f->right);
    td_text t = {0};
    *at = '\0';
    td_text_add(&t, text);
    td_text_add(&t, f->wrong);
    td_text_add(&t, at + strlen(f->right));
    snprintf(path, sizeof path, "%s/wrong.c", folder);
    assert_ok(td_file_write(path, t.data, t.size, &err), &err);
    td_text_free(&t);
    free(text);
    compile(path, "wrong");
}

typedef td_status evaluate(const td_problem *, const td_hw *, const td_mapping *, td_counting,
                           td_cost *, td_error *);

/* Number of the first case at which the evaluator is found wrong, -1 if none. */
static int noticed(evaluate *cost_of, int n, char *why, size_t size) {
    for (int i = 0; i < n; i++) {
        td_case c;
        td_cost cost;
        sim_result sim;
        random_limits limits = {.max_macs = 3000, .resident = true, .padding = i % 3 > 0};
        limits.imperfect = i % 3 == 2;
        random_case(5, (uint64_t)i, limits, &c);
        td_status s = cost_of(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &cost, &(td_error){0});
        if (!simulate(&c.problem, &c.hw, &c.mapping, &sim)) continue;
        snprintf(why, size, "%s: refused", c.name);
        if (s != TD_OK || !agrees(&c, &cost, &sim, why, size)) return i;
    }
    return -1;
}

/* Links the objects, with the wrong one in place of the right one of f, and loads them. */
static int noticed_with(const fault *f, int number, int n, char *why, size_t size) {
    td_text objects = {0};
    for (int i = 0; i < SOURCES; i++)
        td_text_addf(&objects, " %s/%s.o", folder,
                     f != NULL && strcmp(sources[i], f->file) == 0 ? "wrong" : sources[i]);
    char library[128];
    snprintf(library, sizeof library, "%s/cost%d.so", folder, number);
    run("%s -shared -Wl,-Bsymbolic -o %s%s -lm", TD_TEST_CC, library, objects.data);
    td_text_free(&objects);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) fail_msg("%s", dlerror());
    evaluate *cost_of;
    *(void **)&cost_of = dlsym(handle, "td_cost_evaluate");
    assert_true(cost_of != NULL && cost_of != td_cost_evaluate);
    int at = noticed(cost_of, n, why, size);
    dlclose(handle);
    return at;
}

static void test_faults(void **state) {
    (void)state;
    enum { CASES = 2000, FAULTS = sizeof faults / sizeof faults[0] };
    char why[256];
    strcpy(folder, "/tmp/tandem-faults-XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < SOURCES; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/src/cost/%s", TD_TEST_SOURCE, sources[i]);
        compile(path, sources[i]);
    }
    if (noticed_with(NULL, 0, CASES, why, sizeof why) >= 0) fail_msg("without a fault: %s", why);
    for (int i = 0; i < FAULTS; i++) {
        sow(&faults[i]);
        int at = noticed_with(&faults[i], i + 1, CASES, why, sizeof why);
        if (at < 0) fail_msg("not noticed in %d cases: %s", CASES, faults[i].name);
        print_message("%s: case %d, %s\n", faults[i].name, at, why);
    }
    run("rm -r %s", folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
