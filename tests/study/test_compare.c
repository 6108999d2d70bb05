/* Comparisons: overrides of recipes, plans, statistics, how long they take. */
#include "../../src/study/estimate.h"
#include "../../src/study/recipe.h"
#include "compare_helper.h"
#include "tandem/report.h"

/* ---- overrides ------------------------------------------------------------------------------- */

static void overrides(void **state) {
    fixture *f = *state;
    const char *path = write_recipe(f, "");
    td_recipe *r, *again;
    const td_override o[] = {{"seed", "17", "--seeds"},
                             {"budget.trials", "40", "x"},
                             {"budget.trials", "30", "x"}, /* the later one holds */
                             {"final", NULL, "x"},
                             {"compare", NULL, "x"}, /* is not there */
                             {"strategy", "{\"name\": \"random\"}", "x"},
                             {"schedule.batch", "2", "x"},
                             {"objective.targets", "{energy_uj: 7}", "x"}};
    assert_ok(td_recipe_load_with(path, o, sizeof o / sizeof o[0], &r, &f->err), &f->err);
    assert_true(r->seed == 17 && r->trials == 30 && r->trained == 6 && r->final == NULL);
    assert_string_equal(r->strategy->name, "random");
    assert_int_equal(r->schedule.batch, 2);
    assert_true(isinf(r->objective.target[TD_METRIC_LATENCY]));
    assert_near(r->objective.target[TD_METRIC_ENERGY], 7e-6, 1e-20);
    /* Its text is the recipe that was made. */
    assert_ok(td__recipe_parse(r->text, strlen(r->text), path, &again, &f->err), &f->err);
    assert_true(again->seed == 17 && again->trials == 30 && again->final == NULL);
    assert_true(again->hash == r->hash);
    assert_true(td_space_hash(again->net) == td_space_hash(r->net));
    td_recipe_destroy(again);
    td_recipe_destroy(r);

    static const struct {
        td_override o;
        const char *message;
    } wrong[] = {
        {{"seed", "no", "--seeds"}, "--seeds seed: seed: expected an integer"},
        {{"budget.trials", "0", "--budgets"}, "--budgets budget.trials: budget.trials: expected"},
        {{"seed.x", "1", "--set"}, "--set seed.x: seed is no map"},
        {{"objective.targets", "{latency: 1}", "--targets"}, "--targets objective.targets: "},
        {{"lag", "[1", "--set"}, "--set lag:2: did not find"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_true(td_recipe_load_with(path, &wrong[i].o, 1, &r, &f->err) != TD_OK);
        assert_null(r);
        if (strncmp(f->err.message, wrong[i].message, strlen(wrong[i].message)) != 0)
            fail_msg("%s: \"%s\", expected \"%s\"", wrong[i].o.key, f->err.message,
                     wrong[i].message);
    }
}

/* ---- plans ----------------------------------------------------------------------------------- */

static void plans(void **state) {
    fixture *f = *state;
    write_recipe(f, "");
    td_comparison *c = plan(f, (td_compare_spec){0}, "out");
    assert_int_equal(c->nmethod, 2);
    assert_string_equal(c->method[0].label, "random");
    assert_string_equal(c->method[0].strategy, "{\"name\": \"random\"}");
    assert_string_equal(c->method[1].label, "evolution");
    assert_string_equal(c->method[1].strategy,
                        "{\"name\": \"evolution\", \"population\": 4, \"mutations\": 2}");
    assert_string_equal(c->method[1].folder, "joint-evolution-trained-6");
    assert_true(c->nrun == 4 && c->against == 0 && c->nbudget == 1 && c->budget[0] == 12);
    assert_true(c->run[3].seed == 4 && c->run[3].method == 1);
    assert_string_equal(c->run[3].out + strlen(f->folder), "/out/joint-evolution-trained-6/seed-4");
    td_comparison_destroy(c);

    c = plan(f,
             (td_compare_spec){.strategies = "evolution:mutations=1.5:solve=0, random,evolution",
                               .targets = "latency_us=10,area_mm2=1;energy_uj=3",
                               .budgets = "8,4,8",
                               .qualities = "0.5",
                               .against = "random",
                               .seeds = 3},
             "out");
    assert_true(c->nmethod == 3 && c->ntarget == 2 && c->nrun == 18 && c->against == 1);
    assert_string_equal(
        c->method[0].strategy,
        "{\"name\": \"evolution\", \"population\": 4, \"mutations\": 1.5, \"solve\": 0}");
    assert_string_equal(c->method[0].folder, "joint-evolution-mutations=1.5-solve=0-trained-6");
    assert_true(c->nbudget == 2 && c->budget[0] == 4 && c->budget[1] == 8);
    assert_string_equal(c->target[0].value, "{\"latency_us\": 10, \"area_mm2\": 1}");
    assert_string_equal(c->run[17].out + strlen(f->folder),
                        "/out/energy_uj=3/joint-evolution-trained-6/seed-5");
    td_recipe *r;
    assert_ok(td_compare_recipe(c, &r, &f->err), &f->err);
    td_work w = td_compare_work(c, r, 4);
    assert_true(w.costs == 18 * 8 && w.trainings == 18 * 6 && w.at_a_time == 4 && w.finals == 0);
    assert_true(r->final == NULL && r->trials == 8 && r->seed == 3);
    assert_near(r->objective.target[TD_METRIC_LATENCY], 10e-6, 1e-20);
    td_recipe_destroy(r);
    td_comparison_destroy(c);

    /* Scopes of strategies of their own, beside those of all others. */
    c = plan(f,
             (td_compare_spec){.strategies = "random,evolution:scope=solve:population=8",
                               .scopes = "joint,solve"},
             "out");
    assert_int_equal(c->nmethod, 3);
    assert_string_equal(c->method[0].label, "joint random");
    assert_string_equal(c->method[1].label, "evolution:scope=solve:population=8");
    assert_string_equal(c->method[1].scope, "solve");
    assert_null(strstr(c->method[1].strategy, "scope"));
    assert_string_equal(c->method[2].label, "solve random");
    td_comparison_destroy(c);

    /* The recipe's own list, and targets from a file. */
    write_recipe(f, "compare_strategies: [random, \"evolution:solve=0\","
                    " {name: evolution, population: 8}]\n");
    static const char targets[] = "- {latency_us: 20}\n- {area_mm2: 1.5, latency_us: .inf}\n";
    scratch_write(f->folder, "targets.yaml", targets, sizeof targets - 1);
    c = plan(f, (td_compare_spec){.targets = scratch_path(f->folder, "targets.yaml")}, "out");
    assert_int_equal(c->nmethod, 3);
    assert_string_equal(c->method[1].label, "evolution:solve=0");
    assert_string_equal(c->method[2].label, "evolution:population=8");
    assert_string_equal(c->target[1].label, "area_mm2=1.5,latency_us=.inf");
    td_comparison_destroy(c);
}

static void wrong_plans(void **state) {
    fixture *f = *state;
    static const char *const wrong_key[] = {"budget.trails=4"};
    static const struct {
        td_compare_spec spec;
        td_status code;
        const char *part;
    } wrong[] = {
        {{.strategies = "randm"}, TD_E_INPUT, "there is no strategy \"randm\", did you mean"},
        {{.strategies = "random,,random"}, TD_E_USAGE, "--strategies: there is an empty part"},
        {{.strategies = "random,random"}, TD_E_USAGE, "strategy random is named twice"},
        {{.strategies = "evolution:solve"}, TD_E_INPUT, "--strategies: expected NAME or NAME:KEY"},
        {{.strategies = "evolution:solve=x"}, TD_E_INPUT, "--strategies strategy: strategy.solve"},
        {{.strategies = "evolution:sovle=3"}, TD_E_INPUT, "unknown key \"sovle\""},
        {{.strategies = "evolution:solve=3:solve=4"}, TD_E_INPUT, "solve twice"},
        {{.scopes = "solo"}, TD_E_USAGE, "--scopes: there is no scope \"solo\", known are: joint"},
        {{.strategies = "random:scope=solo"}, TD_E_USAGE, "there is no scope \"solo\""},
        {{.against = "evolutoin"}, TD_E_USAGE, "\"evolutoin\" is not compared, did you mean"},
        {{.budgets = "0"}, TD_E_USAGE, "--budgets: expected whole numbers from 1"},
        {{.budgets = "1.5"}, TD_E_USAGE, "--budgets: expected whole numbers from 1"},
        {{.qualities = "90"}, TD_E_USAGE, "--qualities: expected numbers from 0 to 1"},
        {{.targets = "latency_us"}, TD_E_NOT_FOUND, "--targets: no file latency_us, and no list"},
        {{.targets = "latency_us="}, TD_E_USAGE, "--targets: expected KEY=NUMBER"},
        {{.targets = "latency_us=-1"},
         TD_E_INPUT,
         "--targets objective.targets: objective.targets.latency_us"},
        {{.targets = "latency=1"}, TD_E_INPUT, "unknown key \"latency\""},
        {{.targets = "area_mm2=1;area_mm2=1"}, TD_E_USAGE, "area_mm2=1 is named twice"},
        {{.seeds = -1}, TD_E_USAGE, "at least one seed"},
        {{.set = wrong_key, .n_set = 1},
         TD_E_INPUT,
         "--set budget.trails: budget: unknown key \"trails\""},
    };
    write_recipe(f, "");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        td_compare_spec spec = wrong[i].spec;
        td_comparison *c;
        if (spec.seeds == 0) spec.seeds = 1;
        td_status s =
            td_compare_plan(scratch_path(f->folder, "recipe.yaml"), &spec, "out", &c, &f->err);
        if (s != wrong[i].code || strstr(f->err.message, wrong[i].part) == NULL)
            fail_msg("%d: %s \"%s\", expected \"%s\"", (int)i, td_status_name(s), f->err.message,
                     wrong[i].part);
        assert_null(c);
    }
    write_recipe(f, "compare_strategies: [random, {name: evolution, solve: -1}]\n");
    td_recipe *r;
    assert_int_equal(td_recipe_load(scratch_path(f->folder, "recipe.yaml"), &r, &f->err),
                     TD_E_INPUT);
    if (strstr(f->err.message, "recipe.yaml:22: compare_strategies[1].solve") == NULL)
        fail_msg("%s", f->err.message);
    write_recipe(f, "compare_strategies: [\"random:x\"]\n");
    assert_int_equal(td_recipe_load(scratch_path(f->folder, "recipe.yaml"), &r, &f->err),
                     TD_E_INPUT);
    if (strstr(f->err.message, "recipe.yaml:22: compare_strategies[0]: expected NAME") == NULL)
        fail_msg("%s", f->err.message);
}

/* Budgets that make other runs make other folders. */
static void folders(void **state) {
    fixture *f = *state;
    static const char fixed[] = "compare:\n  network: {space: fixed, net: handmade}\n"
                                "  accelerator: {space: fixed, hw: micro}\n";
    static const char *const other[] = {"budget.trained=5"}, *const none[] = {"budget={trials: 9}"};
    static const struct {
        td_compare_spec spec;
        const char *folder[2];
    } cases[] = {
        {{.budgets = "7,30"}, {"joint-random-trained-6", "alternate-random-30-6"}},
        {{.budgets = "7"}, {"joint-random-trained-6", "alternate-random-7-6"}},
        {{.set = other, .n_set = 1}, {"joint-random-trained-5", "alternate-random-12-5"}},
        {{.set = none, .n_set = 1}, {"joint-random", "alternate-random-9"}},
    };
    write_recipe(f, fixed);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_compare_spec spec = cases[i].spec;
        spec.strategies = "random";
        spec.scopes = "joint,alternate";
        td_comparison *c = plan(f, spec, "out");
        for (int m = 0; m < 2; m++) assert_string_equal(c->method[m].folder, cases[i].folder[m]);
        if (i == 0) {
            td_recipe *r;
            assert_ok(td_compare_recipe(c, &r, &f->err), &f->err);
            td_work w = td_compare_work(c, r, 1);
            /* joint: 6 of 30; alternate: 2 of the 6 are of its phases without networks */
            assert_true(w.costs == 2 * (30 + 30) && w.trainings == 2 * (6 + 4));
            td_recipe_destroy(r);
        }
        td_comparison_destroy(c);
    }
}

/* Where there is no one best design. */
static void not_compared(void **state) {
    fixture *f = *state;
    static const char reward[] = "objective: {targets: {latency_us: 5000, area_mm2: 5}}",
                      pareto[] =
                          "objective: {mode: pareto, objectives: [accuracy, latency], targets: {}}";
    const char *at = strstr(recipe, reward);
    td_text t = {0};
    td_text_addf(&t, "%.*s%s%s", (int)(at - recipe), recipe, pareto, at + sizeof reward - 1);
    scratch_write(f->folder, "recipe.yaml", t.data, t.size);
    td_text_free(&t);
    td_comparison *c;
    td_compare_spec spec = {.seeds = 1};
    td_status s =
        td_compare_plan(scratch_path(f->folder, "recipe.yaml"), &spec, "out", &c, &f->err);
    if (s != TD_E_UNSUPPORTED) fail_msg("%s", f->err.message);
    assert_null(c);
}

/* ---- statistics ------------------------------------------------------------------------------ */

static void statistics(void **state) {
    fixture *f = *state;
    enum { METHODS = 3, SEEDS = 4 };
    static const double quality[METHODS][SEEDS] = {
        {0.5, -INFINITY, 0.7, 0.6}, {0.8, 0.9, 0.85, 0.95}, {0.6, 0.5, 0.6, -INFINITY}};
    td_compare_run run[METHODS * SEEDS];
    td_compare_score score[METHODS * SEEDS];
    const int64_t budget = 10;
    const td_compare_method method[METHODS] = {{.label = "a"}, {.label = "b"}, {.label = "c"}};
    const td_compare_target no_target = {.label = ""};
    for (int i = 0; i < METHODS * SEEDS; i++) {
        score[i] = (td_compare_score){
            .quality = quality[i % METHODS][i / METHODS], .trials = 10, .trained = i / METHODS};
        run[i] = (td_compare_run){.method = i % METHODS, .score = &score[i]};
    }
    const td_comparison c = {.nmethod = METHODS,
                             .ntarget = 1,
                             .nbudget = 1,
                             .nseed = SEEDS,
                             .nrun = METHODS * SEEDS,
                             .budget = &budget,
                             .method = method,
                             .target = &no_target,
                             .run = run};
    td_compare_stat st[METHODS];
    assert_ok(td_compare_statistics(&c, 0, 0, st, &f->err), &f->err);
    assert_true(st[0].feasible == 3 && st[1].feasible == 4 && st[2].feasible == 3);
    assert_near(st[0].quality.median, 0.55, 1e-15);
    assert_true(st[0].quality.low == -INFINITY && st[0].quality.high == 0.7);
    assert_near(st[0].q3, 0.625, 1e-15);
    assert_near(st[1].q1, 0.8375, 1e-15);
    assert_near(st[0].trained, 1.5, 0);
    assert_true(isnan(st[0].p_holm));
    /* All of 4 above all of 4: 2 of C(8, 4) ways. */
    assert_near(st[1].against.p, 2.0 / 70, 1e-15);
    assert_near(st[1].against.a12, 1, 0);
    assert_near(st[1].p_holm, 4.0 / 70, 1e-15);
    /* .6 .5 .6 -inf against .5 -inf .7 .6: two times 2.5, 1.5 and .5 pairs: 7 of 16. */
    assert_near(st[2].against.a12, 7.0 / 16, 1e-15);
    assert_near(st[2].p_holm, st[2].against.p, 0);
    double q[1];
    assert_int_equal(td_compare_qualities(&c, 0, q), 1);
    assert_near(q[0], 0.55, 1e-15);

    /* One run of b is not known: neither is b, and only c against a is left to correct. */
    score[1 + METHODS].quality = NAN;
    assert_ok(td_compare_statistics(&c, 0, 0, st, &f->err), &f->err);
    assert_true(st[0].known && !st[1].known && st[2].known && st[1].feasible == 4);
    assert_true(isnan(st[1].quality.median) && isnan(st[1].against.p) && isnan(st[1].p_holm));
    assert_near(st[2].against.a12, 7.0 / 16, 1e-15);
    assert_near(st[2].p_holm, st[2].against.p, 0);
    /* One of the reference: nothing is tested, and there is no median to be reached. */
    score[METHODS].quality = NAN;
    assert_ok(td_compare_statistics(&c, 0, 0, st, &f->err), &f->err);
    assert_true(!st[0].known && st[2].known && isnan(st[2].against.p) && isnan(st[2].p_holm));
    assert_near(st[2].quality.median, 0.55, 1e-15);
    assert_int_equal(td_compare_qualities(&c, 0, q), 0);
}

/* Two of four runs reach .7: after 9 trials half of them have. Of c one does: never. */
static void lower_median_of_trials(void **state) {
    fixture *f = *state;
    enum { METHODS = 3, SEEDS = 4 };
    static const int64_t at[METHODS][SEEDS] = {{9, 0, 4, 0}, {3, 8, 5, 7}, {0, 0, 6, 0}};
    static const double quality = 0.7;
    const int64_t budget = 10;
    const td_compare_method method[METHODS] = {{.label = "a"}, {.label = "b"}, {.label = "c"}};
    const td_compare_target no_target = {.label = ""};
    td_compare_run run[METHODS * SEEDS];
    td_compare_score score[METHODS * SEEDS];
    td_compare_step step[METHODS * SEEDS];
    for (int i = 0; i < METHODS * SEEDS; i++) {
        int64_t trials = at[i % METHODS][i / METHODS];
        score[i] = (td_compare_score){.quality = trials > 0 ? 0.75 : 0.6, .trials = 10};
        step[i] = (td_compare_step){trials > 0 ? trials : 1, 1, score[i].quality};
        run[i] = (td_compare_run){
            .method = i % METHODS, .score = &score[i], .step = &step[i], .nstep = 1};
    }
    const td_comparison c = {.nmethod = METHODS,
                             .ntarget = 1,
                             .nbudget = 1,
                             .nquality = 1,
                             .nseed = SEEDS,
                             .nrun = METHODS * SEEDS,
                             .budget = &budget,
                             .quality = &quality,
                             .method = method,
                             .target = &no_target,
                             .trained = INT64_MAX,
                             .run = run};
    td_text t = {0};
    assert_ok(td_report_comparison(&c, &t, &f->err), &f->err);
    const char *expected = "method      median   reached\n"
                           "a                9       2/4\n"
                           "b                5       4/4\n"
                           "c                -       1/4\n";
    if (strstr(t.data, expected) == NULL) fail_msg("%s", t.data);
    td_text_free(&t);
}

/* ---- how long it takes ----------------------------------------------------------------------- */

typedef struct {
    double fixed, slope, most;
    int calls;
    double fail_above;
} clockwork;

static double timed(void *self, double fraction) {
    clockwork *c = self;
    c->calls++;
    c->most = fraction;
    if (fraction > c->fail_above) return NAN;
    return c->calls == 1 ? 100 : c->fixed + c->slope * fraction; /* the first call sets up */
}

static void extrapolation(void **state) {
    (void)state;
    double part;
    /* 1 s whatever the part, 40 s for the whole: a sixteenth takes 2.5 s more. */
    clockwork c = {.fixed = 1, .slope = 40, .fail_above = 1};
    assert_near(td__extrapolate(timed, &c, 0.5, &part), 41, 1e-9);
    assert_near(part, 1.0 / 64, 0); /* .62 s: enough */
    c = (clockwork){.fixed = 2e-6, .slope = 0, .fail_above = 1};
    assert_near(td__extrapolate(timed, &c, 0.5, &part), 2e-6, 1e-15);
    assert_near(part, 1.0 / 16, 0);
    c = (clockwork){.fixed = 3, .slope = 1e4, .fail_above = 1};
    assert_near(td__extrapolate(timed, &c, 0.5, &part), 10003, 1e-6);
    assert_near(part, 1.0 / 256, 0);
    c = (clockwork){.fixed = 1, .slope = 1, .fail_above = 0.01};
    assert_true(isnan(td__extrapolate(timed, &c, 0.5, &part)));
    c = (clockwork){.fixed = 1, .slope = 1};
    assert_true(isnan(td__extrapolate(timed, &c, 0.5, &part)));
}

static void estimates(void **state) {
    fixture *f = *state;
    td_recipe *r;
    td_timing t;
    write_recipe(f, "");
    assert_ok(td_recipe_load(scratch_path(f->folder, "recipe.yaml"), &r, &f->err), &f->err);
    td_work w = td_recipe_work(r, 8, 0);
    assert_true(w.costs == 12 && w.trainings == 6 && w.finals == 1 && w.at_a_time == 3);
    assert_true(w.finals_at_a_time == 1);
    assert_true(td_recipe_work(r, 1, 4).trainings == 4);
    assert_ok(td_recipe_time(r, &w, &t, &f->err), &f->err);
    assert_true(t.designs > 0 && t.trainings > 0 && t.trains && t.solved == 0);
    assert_true(t.cost_s > 0 && t.known_cost_s > 0 && t.training_s > 0 && t.final_s > 0 &&
                t.load_s > 0);
    td_recipe_destroy(r);
    write_recipe(f, "compare:\n  network: {space: fixed, net: handmade}\n"
                    "  accelerator: {space: fixed, hw: micro}\n");
    assert_ok(td_recipe_load(scratch_path(f->folder, "recipe.yaml"), &r, &f->err), &f->err);
    w = td_recipe_work(r, 2, 0);
    assert_true(w.costs == 37 && w.trainings == 12 && w.finals == 3 && w.at_a_time == 2);
    td_recipe_destroy(r);
    /* 4 + (600 * .01 + 20 * 30) / 2 + 6 * 100 / 3 */
    w = (td_work){
        .costs = 600, .trainings = 20, .finals = 6, .at_a_time = 2, .finals_at_a_time = 3};
    t = (td_timing){.cost_s = 0.01,
                    .known_cost_s = 0.0095,
                    .training_s = 30,
                    .final_s = 100,
                    .load_s = 4,
                    .trains = true,
                    .designs = 48,
                    .meet = 5,
                    .trainings = 2,
                    .fraction = 0.0625};
    assert_near(td_work_seconds(&w, &t, false), 507, 1e-9);
    td_text text = {0};
    td_work_describe(&w, &t, &text);
    assert_string_equal(
        text.data, "about 8.4 min on 2 cores if the budgets are used up: 20 trainings of 30 s,"
                   " 600 costs of 10 ms, 6 final trainings of 100 s\n(timed: 48 random designs,"
                   " 5 of which meet the targets; 6.2 % of the training of 2 of them)\n");
    /* 4 + (60000 * (.03 or .001) + 900 * (12 or 2)) / 2 */
    w = (td_work){.costs = 60000, .solves = 900, .at_a_time = 2};
    t = (td_timing){.cost_s = 0.03,
                    .known_cost_s = 0.001,
                    .load_s = 4,
                    .designs = 48,
                    .trainings = 2,
                    .solved = 5,
                    .points = 14922,
                    .solve_s = 12,
                    .known_solve_s = 2};
    assert_near(td_work_seconds(&w, &t, false), 6304, 1e-9);
    assert_near(td_work_seconds(&w, &t, true), 934, 1e-9);
    text.size = 0;
    td_work_describe(&w, &t, &text);
    assert_string_equal(
        text.data,
        "between 16 min and 105 min on 2 cores if the budgets are used up: 900 networks"
        " solved over 14922 accelerators, each 12 s at first and 2.0 s once their layers"
        " are known, 60000 costs of 30 ms at first and 1.0 ms once their layers are known"
        "\n(timed: 48 random designs, 0 of which meet the targets; 5 random networks"
        " solved; the accuracy of 2 of them)\n");
    td_text_free(&text);
}

/* What `solve` looks at is counted in networks, and no network twice for a set of targets. */
static void estimates_of_solve(void **state) {
    fixture *f = *state;
    td_recipe *r;
    td_timing t;
    write_recipe(f, "scope: [joint, solve]\n");
    assert_ok(td_recipe_load(scratch_path(f->folder, "recipe.yaml"), &r, &f->err), &f->err);
    td_work w = td_recipe_work(r, 1, 0);
    assert_true(w.costs == 12 && w.solves == 6 && w.trainings == 12);
    assert_ok(td_recipe_time(r, &w, &t, &f->err), &f->err);
    assert_true(t.solved >= 1 && t.solved < 16 && t.points == 3); /* of 8; the rules break 5 */
    assert_true(t.solve_s > 0 && t.known_solve_s > 0);
    td_recipe_destroy(r);

    /* 2 methods x 3 seeds x 6 networks, of 20 that there are, for 2 sets of targets */
    td_comparison *c = plan(f,
                            (td_compare_spec){.strategies = "random,evolution",
                                              .scopes = "solve",
                                              .targets = "latency_us=10;latency_us=20",
                                              .seeds = 3},
                            "out");
    assert_ok(td_compare_recipe(c, &r, &f->err), &f->err);
    w = td_compare_work(c, r, 1);
    assert_true(w.costs == 0 && w.solves == 2 * 20 && w.trainings == 12 * 6);
    td_recipe_destroy(r);
    td_comparison_destroy(c);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, compare_setup, compare_teardown)
    const struct CMUnitTest tests[] = {
        TEST(overrides),
        TEST(plans),
        TEST(wrong_plans),
        TEST(folders),
        TEST(not_compared),
        TEST(statistics),
        TEST(lower_median_of_trials),
        TEST(extrapolation),
        TEST(estimates),
        TEST(estimates_of_solve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
