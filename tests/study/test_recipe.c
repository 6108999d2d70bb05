/* Recipes: what is read, and the message of each kind of mistake with its line. */
#include "../../src/study/recipe.h"
#include "scratch.h"

static const char good[] = "name: trial-run\n"                                            /* 1 */
                           "seed: 5\n"                                                    /* 2 */
                           "network:\n"                                                   /* 3 */
                           "  space: ibn-fused\n"                                         /* 4 */
                           "  kernel: [3, 5]\n"                                           /* 5 */
                           "accelerator:\n"                                               /* 6 */
                           "  space: micro\n"                                             /* 7 */
                           "  io_gbps: [0.4, 0.8]\n"                                      /* 8 */
                           "accuracy:\n"                                                  /* 9 */
                           "  source: train\n"                                            /* 10 */
                           "  data: fashion-mnist\n"                                      /* 11 */
                           "  epochs: 1\n"                                                /* 12 */
                           "  train_images: 5000\n"                                       /* 13 */
                           "final: {epochs: 3, candidates: 2}\n"                          /* 14 */
                           "objective:\n"                                                 /* 15 */
                           "  reward: nahas-hard\n"                                       /* 16 */
                           "  targets: {latency_us: 250, energy_uj: .inf, area_mm2: 2}\n" /* 17 */
                           "schedule: {objective: energy, max_nodes: 3000, batch: 2}\n"   /* 18 */
                           "strategy: {name: evolution, population: 16}\n"                /* 19 */
                           "lag: 4\n"                                                     /* 20 */
                           "budget: {trials: 64, trained: 40}\n"                          /* 21 */
                           "compare:\n"                                                   /* 22 */
                           "  network: {space: fixed, net: handmade}\n"                   /* 23 */
                           "  accelerator: {space: fixed, hw: micro}\n";                  /* 24 */

static td_status parse(const char *text, td_recipe **r, td_error *err) {
    memset(err, 0, sizeof *err);
    return td__recipe_parse(text, strlen(text), "my.yaml", r, err);
}

/* The good recipe with the first `find` replaced. Caller frees. */
static char *edited(const char *find, const char *replace) {
    const char *at = strstr(good, find);
    if (at == NULL) fail_msg("\"%s\" is not in the recipe", find);
    size_t n = sizeof good + strlen(replace);
    char *out = malloc(n);
    snprintf(out, n, "%.*s%s%s", (int)(at - good), good, replace, at + strlen(find));
    return out;
}

static void all_keys(void **state) {
    (void)state;
    td_error err;
    td_recipe *r;
    assert_ok(parse(good, &r, &err), &err);
    assert_string_equal(td_recipe_name(r), "trial-run");
    assert_string_equal(td_recipe_text(r), good);
    assert_true(td_recipe_seed(r) == 5);
    const td_objective *o = td_recipe_objective(r);
    assert_int_equal(o->kind, TD_REWARD_NAHAS);
    assert_true(o->p == 0 && o->q == -1 && !o->train_violating);
    assert_near(o->target[TD_METRIC_LATENCY], 250e-6, 1e-18);
    assert_true(isinf(o->target[TD_METRIC_ENERGY]));
    assert_true(o->target[TD_METRIC_AREA] == 2);
    assert_int_equal(r->schedule.objective, TD_OBJ_ENERGY);
    assert_int_equal(r->schedule.max_nodes, 3000);
    assert_int_equal(r->schedule.batch, 2);
    assert_string_equal(r->strategy->name, "evolution");
    assert_int_equal(r->lag, 4);
    assert_int_equal(r->trials, 64);
    assert_int_equal(r->trained, 40);
    assert_int_equal(r->candidates, 2);
    assert_non_null(r->fixed_net);
    assert_int_equal(r->hw->n, 7); /* the file's, io_gbps among them */
    td_text t = {0};
    assert_ok(td_recipe_describe(r, &t, &err), &err);
    assert_non_null(strstr(t.data, "evolution, 64 trials, at most 40 trainings, seed 5"));
    assert_non_null(strstr(t.data, "targets: latency <= 250 us, area <= 2 mm2\n"));
    td_text_free(&t);
    td_recipe_destroy(r);
    td_recipe_destroy(NULL);
}

static void what_may_be_left_out(void **state) {
    (void)state;
    static const char text[] = "name: a\n"
                               "network: {space: ibn}\n"
                               "accelerator: {space: micro}\n"
                               "accuracy: {}\n"
                               "objective: {targets: {}}\n"
                               "budget: {trials: 8}\n";
    td_error err;
    td_recipe *r;
    assert_ok(parse(text, &r, &err), &err);
    assert_true(r->seed == 1 && r->lag == 8 && r->candidates == 1 && r->trained == INT64_MAX);
    assert_true(r->final == NULL && r->fixed_net == NULL && r->fixed_hw == NULL);
    assert_string_equal(r->strategy->name, "auto");
    for (int m = 0; m < TD_NMETRIC; m++) assert_true(isinf(r->objective.target[m]));
    td_text t = {0};
    assert_ok(td_recipe_describe(r, &t, &err), &err);
    assert_non_null(strstr(t.data, "targets: none\n"));
    assert_null(strstr(t.data, "trainings"));
    td_text_free(&t);
    td_recipe_destroy(r);
}

static void rewards(void **state) {
    (void)state;
    static const struct {
        const char *text;
        td_reward_kind kind;
        double p, q, beta;
        bool train_violating;
    } cases[] = {
        {"reward: nahas-soft", TD_REWARD_NAHAS, -0.07, -0.07, -0.1, true},
        {"reward: nahas-soft\n  p: -0.1\n  q: -0.2", TD_REWARD_NAHAS, -0.1, -0.2, -0.1, true},
        {"reward: tunas", TD_REWARD_TUNAS, 0, -1, -0.1, true},
        {"reward: tunas\n  beta: -0.5\n  train_violating: false", TD_REWARD_TUNAS, 0, -1, -0.5,
         false},
        {"reward: nahas-hard\n  q: -2\n  train_violating: true", TD_REWARD_NAHAS, 0, -2, -0.1,
         true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = edited("reward: nahas-hard", cases[i].text);
        td_error err;
        td_recipe *r;
        assert_ok(parse(text, &r, &err), &err);
        const td_objective *o = td_recipe_objective(r);
        assert_int_equal(o->kind, cases[i].kind);
        assert_true(o->train_violating == cases[i].train_violating);
        assert_true(o->p == cases[i].p && o->q == cases[i].q && o->beta == cases[i].beta);
        td_recipe_destroy(r);
        free(text);
    }
}

/* One mistake each; `message` is what the program tells, from its beginning. */
static void exponents_of_single_metrics(void **state) {
    (void)state;
    char *text = edited("reward: nahas-hard", "p: {area: -0.07}\n  q: {area: -0.07, power: -2}");
    td_error err;
    td_recipe *r;
    assert_ok(parse(text, &r, &err), &err);
    const td_objective *o = td_recipe_objective(r);
    assert_true(o->p == 0 && o->q == -1);
    assert_false(o->own[TD_METRIC_LATENCY].set || o->own[TD_METRIC_ENERGY].set);
    assert_true(o->own[TD_METRIC_AREA].p == -0.07 && o->own[TD_METRIC_AREA].q == -0.07);
    assert_true(o->own[TD_METRIC_POWER].p == 0 && o->own[TD_METRIC_POWER].q == -2);
    td_recipe_destroy(r);
    free(text);
    /* A number and a map: the number is of all that the map does not name. */
    text = edited("reward: nahas-hard", "p: {area: -0.5}\n  q: -3");
    assert_ok(parse(text, &r, &err), &err);
    o = td_recipe_objective(r);
    assert_true(o->q == -3 && o->own[TD_METRIC_AREA].p == -0.5 && o->own[TD_METRIC_AREA].q == -3);
    td_recipe_destroy(r);
    free(text);
}

static void mistakes(void **state) {
    (void)state;
    static const struct {
        const char *find, *replace;
        td_status code;
        const char *message;
    } cases[] = {
        /* syntax */
        {"seed: 5", "seed: [5", TD_E_INPUT, "my.yaml:"},
        {"seed: 5", "seed: 5\nseed: 6", TD_E_INPUT, "my.yaml:3: "},
        {"seed: 5", "seed: &a 5", TD_E_INPUT, "my.yaml:2: "},
        /* top level */
        {"seed: 5", "sede: 5", TD_E_INPUT,
         "my.yaml:2: unknown key \"sede\", did you mean \"seed\"?"},
        {"seed: 5", "seed: -1", TD_E_INPUT, "my.yaml:2: seed: expected an integer >= 0, found -1"},
        {"seed: 5", "seed: 1.5", TD_E_INPUT, "my.yaml:2: seed: expected an integer"},
        {"name: trial-run\n", "", TD_E_INPUT, "my.yaml:1: missing key \"name\""},
        {"name: trial-run", "name: ../up", TD_E_INPUT, "my.yaml:1: name: expected up to 80"},
        {"name: trial-run", "name: .hidden", TD_E_INPUT, "my.yaml:1: name: expected up to 80"},
        {"name: trial-run", "name: 'a b'", TD_E_INPUT, "my.yaml:1: name: expected up to 80"},
        {"name: trial-run", "name: ''", TD_E_INPUT, "my.yaml:1: name: expected up to 80"},
        {"name: trial-run", "name: [a]", TD_E_INPUT, "my.yaml:1: name: expected a string"},
        {"lag: 4", "lag: 5000", TD_E_INPUT, "my.yaml:20: lag: expected an integer in [0, 4096]"},
        /* spaces */
        {"space: ibn-fused", "space: ibm", TD_E_INPUT, "my.yaml:4: network.space: "},
        {"kernel: [3, 5]", "kernel: [3, 4]", TD_E_INPUT, "my.yaml:5: network.kernel"},
        {"kernel: [3, 5]", "kernels: [3, 5]", TD_E_INPUT, "my.yaml:5: network: unknown key"},
        {"space: micro", "space: nano", TD_E_NOT_FOUND, "my.yaml:7: accelerator.space: "},
        {"io_gbps: [0.4, 0.8]", "io_gbs: [1]", TD_E_INPUT, "my.yaml:8: accelerator"},
        {"io_gbps: [0.4, 0.8]", "io_gbps: [fast]", TD_E_INPUT, "my.yaml:8: accelerator.io_gbps"},
        /* accuracy: without any data being there */
        {"source: train", "source: guess", TD_E_INPUT,
         "my.yaml:10: accuracy.source: expected one of train, table, found \"guess\""},
        {"epochs: 1\n", "epochs: fast\n", TD_E_INPUT,
         "my.yaml:12: accuracy.epochs: expected a number"},
        {"epochs: 1\n", "epoch: 1\n", TD_E_INPUT,
         "my.yaml:12: accuracy: unknown key \"epoch\", did you mean \"epochs\"?"},
        {"data: fashion-mnist", "data: 3", TD_E_INPUT, "my.yaml:11: accuracy.data: expected a str"},
        {"epochs: 1\n", "with_valid: true\n", TD_E_INPUT, "my.yaml:12: accuracy.with_valid: "},
        {"accuracy:\n", "accuracies:\n", TD_E_INPUT, "my.yaml:9: unknown key \"accuracies\""},
        /* early stopping */
        {"lag: 4", "lag: 4\nearly_stopping: ashe", TD_E_INPUT,
         "my.yaml:21: early_stopping.name: there is no early stopping \"ashe\", did you mean "
         "\"asha\"?"},
        {"lag: 4", "lag: 4\nearly_stopping: {eta: 3}", TD_E_INPUT,
         "my.yaml:21: early_stopping: missing key \"name\""},
        {"lag: 4", "lag: 4\nearly_stopping: 3", TD_E_INPUT,
         "my.yaml:21: early_stopping: expected a map"},
        {"lag: 4", "lag: 4\nearly_stopping: asha", TD_E_INPUT,
         "my.yaml:21: early_stopping: an evaluation of one step (epoch) cannot be stopped"},
        {"  epochs: 1\n  train_images: 5000\n",
         "  epochs: 4.5\nearly_stopping: {name: asha, min: 5}\n", TD_E_INPUT,
         "my.yaml:13: early_stopping.min: expected an integer in [1, 4], found 5"},
        /* final */
        {"candidates: 2", "candidates: 0", TD_E_INPUT,
         "my.yaml:14: final.candidates: expected an integer in [1, 100], found 0"},
        {"{epochs: 3,", "{epohcs: 3,", TD_E_INPUT, "my.yaml:14: final: unknown key \"epohcs\""},
        {"{epochs: 3, candidates: 2}", "3", TD_E_INPUT, "my.yaml:14: final: expected a map"},
        /* objective */
        {"nahas-hard", "nahas", TD_E_INPUT,
         "my.yaml:16: objective.reward: expected nahas-hard, nahas-soft or tunas, found \"nahas\""},
        {"latency_us: 250", "latency_us: fast", TD_E_INPUT,
         "my.yaml:17: objective.targets.latency_us: expected a number > 0, found \"fast\""},
        {"latency_us: 250", "latency_us: 0", TD_E_INPUT,
         "my.yaml:17: objective.targets.latency_us: expected a number > 0, found 0"},
        {"latency_us: 250", "latency_us: -3", TD_E_INPUT,
         "my.yaml:17: objective.targets.latency_us: expected a number > 0, found -3"},
        {"latency_us: 250", "latency_us: .nan", TD_E_INPUT,
         "my.yaml:17: objective.targets.latency_us: expected a number > 0"},
        {"latency_us: 250", "latency_us: 1e-305", TD_E_INPUT,
         "my.yaml:17: objective.targets.latency_us: too small"},
        {"latency_us: 250", "latency_ms: 250", TD_E_INPUT,
         "my.yaml:17: objective.targets: unknown key \"latency_ms\", did you mean \"latency_us\"?"},
        {"reward: nahas-hard", "reward: tunas\n  p: 0", TD_E_INPUT,
         "my.yaml:17: objective.p: only the nahas rewards have it, not tunas"},
        {"reward: nahas-hard", "beta: -0.1", TD_E_INPUT,
         "my.yaml:16: objective.beta: only tunas has it, not nahas-hard"},
        {"reward: nahas-hard", "q: 11", TD_E_INPUT, "my.yaml:16: objective.q: expected a number"},
        {"  targets: {latency_us: 250, energy_uj: .inf, area_mm2: 2}\n", "", TD_E_INPUT,
         "my.yaml:15: objective: missing key \"targets\""},
        {"reward: nahas-hard", "p: {latency_us: 0}", TD_E_INPUT,
         "my.yaml:16: objective.p: unknown key \"latency_us\""},
        {"reward: nahas-hard", "q: {latency: -11}", TD_E_INPUT,
         "my.yaml:16: objective.q.latency: expected a number"},
        /* schedule, strategy, budget, compare */
        {"objective: energy", "objective: edp", TD_E_INPUT,
         "my.yaml:18: schedule.objective: expected latency or energy, found \"edp\""},
        {"max_nodes: 3000", "max_nodes: 0", TD_E_INPUT, "my.yaml:18: schedule.max_nodes: "},
        {"batch: 2", "batch: two", TD_E_INPUT, "my.yaml:18: schedule.batch: expected an integer"},
        {"name: evolution", "name: evolve", TD_E_INPUT,
         "my.yaml:19: strategy.name: there is no strategy \"evolve\", known are: auto, gp, tpe, "
         "evolution"},
        {"population: 16", "population: 0", TD_E_INPUT, "my.yaml:19: strategy.population: "},
        {"population: 16", "populace: 16", TD_E_INPUT, "my.yaml:19: strategy: unknown key"},
        {"population: 16", "nam: 16", TD_E_INPUT,
         "my.yaml:19: strategy: unknown key \"nam\", did you mean \"name\"?"},
        {"trials: 64", "trials: 0", TD_E_INPUT, "my.yaml:21: budget.trials: expected an integer"},
        {"trials: 64", "trials: 20000000", TD_E_INPUT, "my.yaml:21: budget.trials: expected"},
        {"trials: 64, ", "", TD_E_INPUT, "my.yaml:21: budget: missing key \"trials\""},
        {"trained: 40", "trained: -1", TD_E_INPUT, "my.yaml:21: budget.trained: expected"},
        {"net: handmade", "net: homemade", TD_E_NOT_FOUND, "my.yaml:23: compare.network.net: "},
        {"{space: fixed, net: handmade}", "{space: ibn}", TD_E_INPUT,
         "my.yaml:23: compare.network: expected one network (space: fixed, or choices), found a "
         "space"},
        {"{space: fixed, hw: micro}", "{space: micro}", TD_E_INPUT,
         "my.yaml:24: compare.accelerator: expected one accelerator (space: fixed, or choices), "
         "found a space"},
        {"  accelerator: {space: fixed, hw: micro}\n", "", TD_E_INPUT,
         "my.yaml:22: compare: missing key \"accelerator\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = edited(cases[i].find, cases[i].replace);
        td_error err;
        td_recipe *r = (td_recipe *)1;
        td_status s = parse(text, &r, &err);
        if (s != cases[i].code || strncmp(err.message, cases[i].message, strlen(cases[i].message)))
            fail_msg("\"%s\" -> \"%s\": %s \"%s\", expected \"%s\"", cases[i].find,
                     cases[i].replace, td_status_name(s), err.message, cases[i].message);
        assert_null(r);
        assert_null(strchr(err.message, '\n'));
        free(text);
    }
}

static void early_stopping(void **state) {
    (void)state;
    static const struct {
        const char *rule, *says;
    } cases[] = {
        {"asha", "early stopping: asha, after epochs 1, 3 and 9 of 12; trainings count by"},
        {"{name: asha, max: 9, eta: 9}", "early stopping: asha, after epoch 1 of 12;"},
        {"{name: median, trials: 9}", "early stopping: median, after each epoch of 12;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_error err;
        td_recipe *r;
        td_text t = {0};
        char more[100];
        snprintf(more, sizeof more, "  epochs: 12\n  train_images: 5000\nearly_stopping: %s\n",
                 cases[i].rule);
        char *text = edited("  epochs: 1\n  train_images: 5000\n", more);
        assert_ok(parse(text, &r, &err), &err);
        assert_non_null(r->stopper);
        assert_ok(td_recipe_describe(r, &t, &err), &err);
        assert_non_null(strstr(t.data, cases[i].says));
        td_text_free(&t);
        td_recipe_destroy(r);
        free(text);
    }
}

static void not_a_recipe(void **state) {
    (void)state;
    static const char *const texts[] = {"", "\n", "3", "[1, 2]", "just text", "name: a"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        td_error err;
        td_recipe *r;
        assert_int_equal(parse(texts[i], &r, &err), TD_E_INPUT);
        assert_int_equal(strncmp(err.message, "my.yaml:1: ", 11), 0);
    }
}

/* Files are looked for beside the recipe. */
static void files_beside_the_recipe(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_error err;
    td_recipe *r;
    static const char hw[] = "name: mine\ntemplate: edge\ntech: 22nm\npe_x: 2\npe_y: 2\nsimd: 16\n"
                             "lanes: 2\nlocal_kb: 64\nrf_kb: 1\nio_gbps: 0.8\nclock_ghz: 0.4\n"
                             "port_bytes: 16\nspace:\n  pe_x: [1, 2, 3]\n";
    scratch_write(folder, "mine.yaml", hw, sizeof hw - 1);
    char *text = edited("  space: micro\n  io_gbps: [0.4, 0.8]\n", "  space: mine.yaml\n");
    scratch_write(folder, "recipe.yaml", text, strlen(text));
    free(text);
    assert_ok(td_recipe_load(scratch_path(folder, "recipe.yaml"), &r, &err), &err);
    assert_int_equal(r->hw->n, 1);
    td_recipe_destroy(r);
    assert_int_equal(td_recipe_load(scratch_path(folder, "other.yaml"), &r, &err), TD_E_NOT_FOUND);
    assert_int_equal(td_recipe_load(folder, &r, &err), TD_E_INPUT);
    scratch_remove(folder);
}

/* Other values for keys are checked as if they stood in the file, and are the recipe's text. */
static void keys_with_other_values(void **state) {
    (void)state;
    char *folder = scratch_make();
    const char *path = scratch_path(folder, "recipe.yaml");
    scratch_write(folder, "recipe.yaml", good, sizeof good - 1);
    td_error err;
    td_recipe *plain, *r, *again;
    static const td_override set[] = {{"seed", "9", "--set"},
                                      {"budget.trained", NULL, "--set"},
                                      {NULL, "strategy={name: random}", "--set"},
                                      {"network.kernel", "[3, 5, 7]", "--set"},
                                      {NULL, "objective.targets.area_mm2=3.5", "--set"}};
    assert_ok(td_recipe_load_with(path, NULL, 0, &plain, &err), &err);
    assert_string_equal(td_recipe_text(plain), good);
    assert_ok(td_recipe_load_with(path, set, 5, &r, &err), &err);
    assert_true(td_recipe_seed(r) == 9 && r->trained == INT64_MAX && r->trials == 64);
    assert_string_equal(r->strategy->name, "random");
    assert_true(r->objective.target[TD_METRIC_AREA] == 3.5);
    assert_true(td_recipe_hash(r) != td_recipe_hash(plain));
    assert_true(td_space_hash(r->net) != td_space_hash(plain->net));
    assert_ok(parse(td_recipe_text(r), &again, &err), &err);
    assert_true(td_recipe_hash(again) == td_recipe_hash(r) && td_recipe_seed(again) == 9);
    assert_true(td_space_hash(again->net) == td_space_hash(r->net));
    td_recipe_destroy(again);
    td_recipe_destroy(r);
    td_recipe_destroy(plain);
    static const struct {
        const char *set, *message;
        td_status code;
    } wrong[] = {
        {"seed=-1", "--set seed: seed: expected an integer", TD_E_INPUT},
        {"network.kernal=3", "--set network.kernal: network: unknown key \"kernal\"", TD_E_INPUT},
        {"sede=3", "--set sede: unknown key \"sede\"", TD_E_INPUT},
        {"name.x=3", "--set name.x: name is no map", TD_E_USAGE},
        {"seed", "--set: expected KEY=VALUE, found \"seed\"", TD_E_USAGE},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        td_override o = {NULL, wrong[i].set, "--set"};
        td_status s = td_recipe_load_with(path, &o, 1, &r, &err);
        if (s != wrong[i].code ||
            strncmp(err.message, wrong[i].message, strlen(wrong[i].message)) != 0)
            fail_msg("%s: %s", wrong[i].set, err.message);
        assert_null(r);
    }
    scratch_write(folder, "list.yaml", "[1]", 3);
    assert_int_equal(td_recipe_load_with(scratch_path(folder, "list.yaml"), set, 1, &r, &err),
                     TD_E_INPUT);
    scratch_remove(folder);
}

/* The example of docs/recipes.md is a recipe. */
static void the_example_of_the_manual(void **state) {
    (void)state;
    char *text;
    size_t size;
    td_error err = {0};
    td_recipe *r;
    assert_ok(td_file_read(TD_TEST_SOURCE "/docs/recipes.md", 0, &text, &size, &err), &err);
    char *begin = strstr(text, "```yaml\n");
    assert_non_null(begin);
    begin += strlen("```yaml\n");
    char *end = strstr(begin, "```");
    assert_non_null(end);
    *end = '\0';
    assert_ok(parse(begin, &r, &err), &err);
    td_recipe_destroy(r);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_keys),
        cmocka_unit_test(what_may_be_left_out),
        cmocka_unit_test(rewards),
        cmocka_unit_test(exponents_of_single_metrics),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(early_stopping),
        cmocka_unit_test(not_a_recipe),
        cmocka_unit_test(files_beside_the_recipe),
        cmocka_unit_test(keys_with_other_values),
        cmocka_unit_test(the_example_of_the_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
