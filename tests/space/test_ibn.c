/* Network spaces: what a vector builds, which vectors are one network, what a recipe may say. */
#include "common.h"

#include "space_helper.h"

static const char small_text[] = "space: ibn\n"
                                 "input: [1, 12, 12]\n"
                                 "classes: 4\n"
                                 "stem: {channels: 8, stride: 2}\n"
                                 "stages:\n"
                                 "  - {channels: 16, stride: 1, depth: [1, 2], width: [.5, 1]}\n"
                                 "  - {channels: 16, stride: 1, depth: [0, 1], kernel: 5}\n"
                                 "kernel: [3, 5]\n"
                                 "expansion: [1, 3]\n"
                                 "width: 1\n"
                                 "fused: [true, false]\n"
                                 "head: [0, 16]\n";

static double choice(const td_space *s, const td_choices *c, const char *name) {
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->d[i].name, name) == 0)
            return isnan(c->v[i]) ? NAN : s->d[i].value[(int)c->v[i]];
    return -1; /* no decision */
}

static void sample(const td_space *s, uint64_t t, td_choices *c) {
    td_rng r = td_rng_make(11, t, TD_RNG_SPACE_SAMPLE);
    td_space_sample(s, &r, c);
}

static td_design build(const td_space *s, const td_choices *c) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_design d;
    assert_ok(s->build(s->self, c, a, &d, &err), &err);
    assert_non_null(d.net);
    assert_true(!d.has_hw && d.hw_node == NULL && d.hw_hash == 0);
    td_arena_destroy(a);
    return d;
}

/* Names, conditions and the size of the small space, by hand:
 * stage 1: width 2 x (depth 1: one block of 2 kernels x 2 expansions x 2 operators = 8; depth 2:
 * 64); stage 2 (kernel fixed): depth 0: 1; depth 2: 4 x 4; head 2. 2 x 72 x 17 x 2 = 1440. */
static void test_decisions(void **unused) {
    (void)unused;
    static const struct {
        const char *name, *parent;
        uint64_t when;
        int n;
    } expected[] = {{"s1.depth", "", 0, 2},
                    {"s1.width", "", 0, 2},
                    {"s1.b1.kernel", "", 0, 2},
                    {"s1.b1.expansion", "", 0, 2},
                    {"s1.b1.fused", "", 0, 2},
                    {"s1.b2.kernel", "s1.depth", 2, 2},
                    {"s1.b2.expansion", "s1.depth", 2, 2},
                    {"s1.b2.fused", "s1.depth", 2, 2},
                    {"s2.depth", "", 0, 2},
                    {"s2.b1.expansion", "s2.depth", 2, 2},
                    {"s2.b1.fused", "s2.depth", 2, 2},
                    {"head", "", 0, 2}};
    td_arena *a = td_arena_create();
    td_space *s = net_space(a, small_text);
    assert_int_equal(s->n, sizeof expected / sizeof expected[0]);
    for (int i = 0; i < s->n; i++) {
        assert_string_equal(s->d[i].name, expected[i].name);
        assert_int_equal(s->d[i].n, expected[i].n);
        assert_string_equal(s->d[i].parent < 0 ? "" : s->d[s->d[i].parent].name,
                            expected[i].parent);
        if (s->d[i].parent >= 0) assert_int_equal(s->d[i].when, expected[i].when);
    }
    td_text size = {0};
    assert_int_equal(td_space_size(s, &size, NULL), TD_OK);
    assert_string_equal(size.data, "1440");
    assert_int_equal(enumerate(s, NULL, NULL), 1440);
    td_text_free(&size);
    td_arena_destroy(a);
}

/* Groups are decided where they matter. By hand, with g groups: an inverted bottleneck without
 * expansion has none of them, a fused block always has. */
static void test_groups(void **unused) {
    (void)unused;
    static const struct {
        const char *expansion, *fused, *parent;
        uint64_t when;
        int64_t vectors, networks;
    } of[] = {
        {"3", "false", "", 0, 3, 3},
        {"[3, 6]", "[false, true]", "", 0, 12, 12},
        {"1", "true", "", 0, 3, 3},
        {"1", "false", NULL, 0, 1, 1},
        {"1", "[false, true]", "s1.b1.fused", 2, 4, 4},
        {"[1, 3, 6]", "false", "s1.b1.expansion", 6, 7, 7},
        {"[1, 3]", "true", "", 0, 6, 6},
        {"[1, 3]", "[false, true]", "", 0, 12, 10}, /* twins where both are decided */
    };
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        td_arena *a = td_arena_create();
        char text[256];
        snprintf(text, sizeof text,
                 "space: ibn\nkernel: 3\nwidth: 1\ngroups: [1, 2, 4]\nexpansion: %s\nfused: %s\n"
                 "stages: [{channels: 16}]\n",
                 of[i].expansion, of[i].fused);
        td_space *s = net_space(a, text);
        const td_decision *groups = NULL;
        for (int k = 0; k < s->n; k++)
            if (strcmp(s->d[k].name, "s1.b1.groups") == 0) groups = &s->d[k];
        assert_int_equal(groups != NULL, of[i].parent != NULL);
        if (groups != NULL) {
            assert_string_equal(groups->parent < 0 ? "" : s->d[groups->parent].name, of[i].parent);
            assert_int_equal(groups->when, of[i].when);
        }
        double v[8];
        td_choices c = {s->n, v};
        uint64_t nets[16];
        int64_t n = 0;
        for (bool more = td_space_first(s, &c); more; more = td_space_next(s, &c)) {
            td_design d = build(s, &c);
            nets[n++] = d.net_hash;
            td_design_free(&d);
        }
        assert_int_equal(n, of[i].vectors);
        assert_int_equal(sort_distinct(nets, n), of[i].networks);
        td_arena_destroy(a);
    }
}

/* ---- which vectors are one network -------------------------------------------------------------
 */

/* The small space's network as a string of blocks, written from the recipe alone. */
static void describe(const td_space *s, const td_choices *c, char *out, size_t size) {
    static const int stage_kernel[] = {0, 5};
    size_t used = 0;
    int in_c = 8;
    for (int st = 0; st < 2; st++) {
        char name[32];
        snprintf(name, sizeof name, "s%d.depth", st + 1);
        int depth = (int)choice(s, c, name);
        int out_c = st == 0 ? (int)(16 * choice(s, c, "s1.width")) : 16;
        for (int b = 1; b <= depth; b++) {
            snprintf(name, sizeof name, "s%d.b%d.kernel", st + 1, b);
            int k = stage_kernel[st] > 0 ? stage_kernel[st] : (int)choice(s, c, name);
            snprintf(name, sizeof name, "s%d.b%d.expansion", st + 1, b);
            int e = (int)choice(s, c, name);
            snprintf(name, sizeof name, "s%d.b%d.fused", st + 1, b);
            int f = (int)choice(s, c, name);
            used += (size_t)snprintf(out + used, size - used, "%d>%d k%d e%d f%d;", in_c, out_c, k,
                                     e, f);
            in_c = out_c;
        }
    }
    snprintf(out + used, size - used, "head %d", (int)choice(s, c, "head"));
}

typedef struct {
    const td_space *s;
    uint64_t *vector, *text, *net;
    int64_t n;
} census;

static void count(void *self, const td_choices *c) {
    census *k = self;
    char text[256];
    describe(k->s, c, text, sizeof text);
    td_design d = build(k->s, c);
    k->vector[k->n] = td_choices_hash(c);
    k->text[k->n] = td_hash_text(text, 0);
    k->net[k->n++] = d.net_hash;
    td_design_free(&d);
}

/* Every vector of the small space: as many different networks as block lists, the same ones equal.
 * A list has twins only where a block can belong to either of two stages of equal channels. */
static void test_one_network_one_vector(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_space *s = net_space(a, small_text);
    const int64_t n = 1440;
    census k = {s, TD_NEW(a, uint64_t, n), TD_NEW(a, uint64_t, n), TD_NEW(a, uint64_t, n), 0};
    enumerate(s, count, &k);
    uint64_t *pairs = TD_NEW(a, uint64_t, n);
    for (int64_t i = 0; i < n; i++) pairs[i] = td_hash(&k.net[i], sizeof k.net[i], k.text[i]);
    int64_t texts = sort_distinct(k.text, n), nets = sort_distinct(k.net, n);
    assert_int_equal(sort_distinct(k.vector, n), n);
    assert_int_equal(texts, nets);
    assert_int_equal(sort_distinct(pairs, n), nets);
    printf("    %lld vectors, %lld networks\n", (long long)n, (long long)nets);
    assert_true(nets < n); /* there are some, or this test would show nothing */
    td_arena_destroy(a);
}

/* In the shipped spaces different vectors are different networks but for the traded blocks; there
 * are few of these. */
static void test_shipped_pairs(void **unused) {
    (void)unused;
    static const char *const names[] = {"ibn", "ibn-fused"};
    for (int k = 0; k < 2; k++) {
        td_arena *a = td_arena_create();
        td_error err = {0};
        td_space *s;
        assert_ok(td_space_by_name(names[k], a, &s, &err), &err);
        double v[64];
        td_choices c = {s->n, v};
        enum { N = 4000 };
        static uint64_t vectors[N], nets[N];
        for (uint64_t t = 0; t < N; t++) {
            sample(s, t, &c);
            td_design d = build(s, &c);
            vectors[t] = td_choices_hash(&c);
            nets[t] = d.net_hash;
            td_design_free(&d);
        }
        int64_t x = sort_distinct(vectors, N), y = sort_distinct(nets, N);
        printf("    %s: %lld different vectors of %d, %lld different networks\n", names[k],
               (long long)x, N, (long long)y);
        assert_true(y <= x && (double)y >= .995 * (double)x);
        td_arena_destroy(a);
    }
}

/* ---- what a vector builds ----------------------------------------------------------------------
 */

/* Network C of the training notes, made by other code, is the point of `ibn` with these choices. */
static void test_network_c(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s;
    assert_ok(td_space_by_name("ibn", a, &s, &err), &err);
    const td_node *doc = yaml(a, "s1.width: 1\ns2.depth: 2\ns3.depth: 2\ns2.width: 1\ns3.width: 1\n"
                                 "s1.b1.kernel: 3\n"
                                 "s2.b1.kernel: 3\ns2.b1.expansion: 3\n"
                                 "s2.b2.kernel: 3\ns2.b2.expansion: 3\n"
                                 "s3.b1.kernel: 5\ns3.b1.expansion: 6\n"
                                 "s3.b2.kernel: 3\ns3.b2.expansion: 6\n");
    double v[64];
    td_choices c = {s->n, v};
    assert_ok(td_choices_from_node(s, doc, &c, &err), &err);
    td_design d = build(s, &c);
    td_net *other;
    assert_ok(td_net_build("C", TD_DIM(1, 28, 28), 1, 10, &other, &err), &err);
    assert_true(d.net_hash == td_net_hash(other));
    assert_true(d.net_hash == td_net_hash(d.net));
    v[0] = v[0] > 0 ? 0 : 1;
    td_design e = build(s, &c);
    assert_false(e.net_hash == d.net_hash);
    td_design_free(&d);
    td_design_free(&e);
    td_design_free(NULL);
    td_net_destroy(other);
    td_arena_destroy(a);
}

/* The layers of random points against the choices: convolutions in order, shapes, activation. */
static void test_layers(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_space *s = net_space(a, "space: ibn\ninput: [3, 33, 32]\nclasses: 7\n"
                               "stem: {channels: 12, stride: 2, kernel: 5}\n"
                               "stages:\n  - {channels: 20, stride: 2, depth: [1, 3]}\n"
                               "width: [.6, 1, 2]\ndivisor: 4\nhead: [32, 64]\nact: hard_swish\n");
    double v[64];
    td_choices c = {s->n, v};
    for (uint64_t t = 0; t < 50; t++) {
        sample(s, t, &c);
        td_design d = build(s, &c);
        int32_t want[16][4], n = 0; /* out channels, kernel, groups, rows of each convolution */
        int out_c = (int)(20 * choice(s, &c, "s1.width")), in_c = 12, rows = 9;
        memcpy(want[n++], (int32_t[]){12, 5, 1, 17}, sizeof want[0]);
        for (int b = 1; b <= (int)choice(s, &c, "s1.depth"); b++) {
            char name[32];
            snprintf(name, sizeof name, "s1.b%d.expansion", b);
            int wide = in_c * (int)choice(s, &c, name);
            snprintf(name, sizeof name, "s1.b%d.kernel", b);
            int kernel = (int)choice(s, &c, name);
            memcpy(want[n++], (int32_t[]){wide, 1, 1, b == 1 ? 17 : rows}, sizeof want[0]);
            memcpy(want[n++], (int32_t[]){wide, kernel, wide, rows}, sizeof want[0]);
            memcpy(want[n++], (int32_t[]){out_c, 1, 1, rows}, sizeof want[0]);
            in_c = out_c;
        }
        memcpy(want[n++], (int32_t[]){(int32_t)choice(s, &c, "head"), 1, 1, rows}, sizeof want[0]);
        int found = 0;
        for (int i = 0; i < td_net_size(d.net); i++) {
            const td_layer *l = td_net_layer(d.net, i);
            assert_true(l->op < TD_OP_RELU || l->op == TD_OP_HSWISH);
            if (l->op != TD_OP_CONV) continue;
            assert_true(found < n);
            assert_int_equal(l->c, want[found][0]);
            assert_int_equal(l->kernel[0], want[found][1]);
            assert_int_equal(l->groups, want[found][2]);
            assert_int_equal(l->h, want[found++][3]);
        }
        assert_int_equal(found, n);
        assert_int_equal(td_net_layer(d.net, td_net_output(d.net))->c, 7);
        td_design_free(&d);
    }
    td_arena_destroy(a);
}

/* Widths that round to the same channels are one choice: 16 x {.5, .75, 1, 1.25} is 8, 16, 16, 24
 * by the rule "multiple of 8, never below 90 %"; 1 is nearer to 16 than .75. */
static void test_widths_merge(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_space *s = net_space(a, "space: ibn\nstages:\n  - {channels: 16, depth: 1}\n"
                               "width: [1.25, .5, .75, 1]\n");
    assert_string_equal(s->d[0].name, "s1.width");
    assert_int_equal(s->d[0].n, 3);
    assert_true(s->d[0].value[0] == .5 && s->d[0].value[1] == 1 && s->d[0].value[2] == 1.25);
    s = net_space(a, "space: ibn\nstages:\n  - {channels: 8, depth: 1, kernel: 3, expansion: 3}\n"
                     "width: [.9, 1, 1.1]\n");
    assert_int_equal(s->n, 0); /* nothing is left to decide */
    double v[1];
    td_choices none = {0, v};
    td_design d = build(s, &none);
    td_design_free(&d);
    td_arena_destroy(a);
}

/* ---- recipes -----------------------------------------------------------------------------------
 */

static void test_refused(void **unused) {
    (void)unused;
#define STAGES "stages:\n  - {channels: 8}\n"
    static const struct {
        const char *text;
        int line;
        const char *part;
    } wrong[] = {
        {"space: inb\n", 1, "ibn"},
        {"input: [1, 2, 3]\n", 1, "\"space\""},
        {"space: micro\n", 1, "micro"},
        {"space: ibn\nkernels: [3]\n", 2, "kernel"},
        {"space: ibn\nkernel: [3, 4]\n", 2, "odd"},
        {"space: ibn\nkernel: []\n", 2, "at least one"},
        {"space: ibn\nkernel: [3, 3]\n", 2, "twice"},
        {"space: ibn\nkernel: [3, five]\n", 2, "kernel[1]"},
        {"space: ibn\nexpansion: 2.5\n", 2, "integer"},
        {"space: ibn\nexpansion: [0]\n", 2, "[1, 64]"},
        {"space: ibn\nwidth: [-1]\n", 2, "width"},
        {"space: ibn\nwidth: [90]\nstages: [{channels: 60000}]\n", 3, "60000"},
        {"space: ibn\nfused: [true, true]\n", 2, "fused"},
        {"space: ibn\nfused: 1\n", 2, "fused"},
        {"space: ibn\nfused: []\n", 2, "fused"},
        {"space: ibn\ngroups: [0]\n", 2, "[1, 4096]"},
        {"space: ibn\ngroups: 1.5\n", 2, "integer"},
        {"space: ibn\ngroups: [1, 3]\n", 2, "3 groups do not divide 16 channels"},
        {"space: ibn\nwidth: 1\nstages:\n  - {channels: 24, depth: [1, 2]}\n"
         "  - {channels: 32, groups: [1, 16]}\n",
         5, "16 groups do not divide 24 channels, which a block of stage 2"},
        {"space: ibn\nwidth: 1\nstem: {channels: 24}\nstages:\n"
         "  - {channels: 16, depth: [0, 1]}\n  - {channels: 32, groups: [16]}\n",
         6, "16 groups do not divide 24 channels"},
        {"space: ibn\nwidth: [1, 1.25]\nstages:\n"
         "  - {channels: 32, depth: 2, groups: [16]}\n",
         4, "16 groups do not divide 40 channels"},
        {"space: ibn\nact: rely\n", 2, "relu"},
        {"space: ibn\nact: conv\n", 2, "relu"},
        {"space: ibn\ninput: [1, 28]\n", 2, "input"},
        {"space: ibn\ninput: [1, 28, 0]\n", 2, "input[2]"},
        {"space: ibn\nclasses: 0\n", 2, "classes"},
        {"space: ibn\nstem: 16\n", 2, "stem"},
        {"space: ibn\nstem: {channels: 8, kernel: 2}\n", 2, "odd"},
        {"space: ibn\nstem: {channels: 8, strides: 2}\n", 2, "stride"},
        {"space: ibn\nstages: []\n", 2, "stages"},
        {"space: ibn\nstages:\n  - {channels: 8, stride: 2, depth: [0, 1]}\n", 3, "depth 0"},
        {"space: ibn\nstages:\n  - {channels: 8}\n  - 12\n", 4, "stages[1]"},
        {"space: ibn\nstages:\n  - {stride: 2}\n", 3, "channels"},
        {"space: ibn\nstages:\n  - {channels: 8, kernel: [2]}\n", 3, "odd"},
        {"space: ibn\nstages:\n  - {channels: 8, depth: [-1]}\n", 3, "depth"},
        {"space: ibn\nhead: -1\n", 2, "head"},
        {"space: fixed\n", 1, "net"},
        {"space: fixed\nnet: C\nkernel: 3\n", 3, "kernel"},
        {"space: fixed\nnet: C\nclasses: ten\n", 3, "classes"},
        {"space: fixed\nnet: C\ninput: 0\n", 3, "input"},
        {"space: fixed\nnet: C\ninput: 3x32x32\n", 3, "input"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refused(true, wrong[i].text, wrong[i].line, wrong[i].part);
}

/* A fixed network by name and by file is the network itself, with nothing to decide. */
static void test_fixed(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_net *net;
    assert_ok(td_net_build("C", TD_DIM(3, 32, 32), 1, 100, &net, &err), &err);
    td_space *s = net_space(a, "space: fixed\nnet: C\ninput: [3, 32, 32]\nclasses: 100\n");
    td_choices none = {0, NULL};
    td_design d = build(s, &none);
    assert_int_equal(s->n, 0);
    assert_true(d.net_hash == td_net_hash(net));
    td_design_free(&d);
    td_net *side;
    assert_ok(td_net_build("C", TD_DIM(1, 40, 40), 1, 10, &side, &err), &err);
    d = build(net_space(a, "space: fixed\nnet: C\ninput: 40\n"), &none);
    assert_true(d.net_hash == td_net_hash(side));
    td_design_free(&d);
    td_net_destroy(side);

    char path[] = "/tmp/td-space-XXXXXX", recipe[64];
    assert_non_null(mkdtemp(path));
    snprintf(recipe, sizeof recipe, "%s/net.yaml", path);
    td_text text = {0};
    td_node_to_yaml(td_net_to_node(net, a), &text);
    assert_ok(td_file_write(recipe, text.data, text.size, &err), &err);
    td_text_free(&text);
    /* Beside the recipe that names it. */
    snprintf(recipe, sizeof recipe, "%s/recipe.yaml", path);
    const char *line = "space: fixed\nnet: net.yaml\n";
    const td_node *doc;
    assert_ok(td_file_write(recipe, line, strlen(line), &err), &err);
    assert_ok(td_node_load(a, recipe, &doc, &err), &err);
    assert_ok(td_space_net_from_node(doc, a, &s, &err), &err);
    d = build(s, &none);
    assert_true(d.net_hash == td_net_hash(net));
    td_design_free(&d);
    td_net_destroy(net);

    assert_int_equal(
        td_space_net_from_node(yaml(a, "space: fixed\nnet: nets/no.yaml"), a, &s, &err),
        TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "recipe.yaml:2: net"));
    assert_int_equal(td_space_net_from_node(yaml(a, "space: fixed\nnet: D"), a, &s, &err),
                     TD_E_NOT_FOUND);
    char command[96];
    snprintf(command, sizeof command, "%s/net.yaml", path);
    remove(command);
    remove(recipe);
    remove(path);
    td_arena_destroy(a);
}

static void test_list(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    int n;
    const td_space_entry *e = td_space_list(&n);
    td_error err = {0};
    td_space *s;
    for (int i = 0; i < n; i++) {
        assert_ok(td_space_by_name(e[i].name, a, &s, &err), &err);
        assert_string_equal(s->name, e[i].name);
        assert_true(s->n > 0);
    }
    assert_int_equal(td_space_by_name("nowhere", a, &s, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "micro"));
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions),     cmocka_unit_test(test_one_network_one_vector),
        cmocka_unit_test(test_shipped_pairs), cmocka_unit_test(test_network_c),
        cmocka_unit_test(test_layers),        cmocka_unit_test(test_widths_merge),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_list),          cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
