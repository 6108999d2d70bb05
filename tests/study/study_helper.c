#include "study_helper.h"

static const char small_net[] = "space: ibn-fused\n"
                                "input: [1, 8, 8]\n"
                                "classes: 10\n"
                                "stem: {channels: 8, stride: 2}\n"
                                "stages:\n"
                                "  - {channels: 8, stride: 1, depth: [1, 2]}\n"
                                "  - {channels: 16, stride: 2, depth: [1, 2]}\n"
                                "kernel: [3, 5]\n"
                                "expansion: [1, 2]\n"
                                "width: [1]\n"
                                "head: [16]\n";
static const char small_hw[] = "space: micro\n"
                               "pe_x: [1, 2]\n"
                               "pe_y: [1]\n"
                               "simd: [4, 8]\n"
                               "lanes: [1, 2]\n"
                               "local_kb: [16, 64, 128]\n"
                               "rf_kb: [0.5, 1]\n"
                               "io_gbps: [0.2, 0.8]\n";
static const char tiny_net[] = "space: ibn\n"
                               "input: [1, 8, 8]\n"
                               "classes: 10\n"
                               "stem: {channels: 8, stride: 2}\n"
                               "stages: [{channels: 8, stride: 1}]\n"
                               "kernel: [3, 5]\n"
                               "expansion: 1\n"
                               "width: 1\n"
                               "head: 0\n";
static const char tiny_hw[] = "space: micro\n"
                              "pe_x: 2\n"
                              "pe_y: 1\n"
                              "simd: 4\n"
                              "lanes: 1\n"
                              "local_kb: 64\n"
                              "rf_kb: 1\n"
                              "io_gbps: [0.2, 0.8]\n";

static td_space *joint(td_arena *a, const char *net_text, const char *hw_text) {
    td_error err = {0};
    const td_node *doc;
    td_space *net, *hw, *both;
    assert_ok(td_yaml_parse(a, net_text, strlen(net_text), "net.yaml", &doc, &err), &err);
    assert_ok(td_space_net_from_node(doc, a, &net, &err), &err);
    assert_ok(td_yaml_parse(a, hw_text, strlen(hw_text), "hw.yaml", &doc, &err), &err);
    assert_ok(td_space_hw_from_node(doc, a, &hw, &err), &err);
    assert_ok(td_space_product(net, hw, a, &both, &err), &err);
    return both;
}

td_space *small_joint_space(td_arena *a) {
    return joint(a, small_net, small_hw);
}

td_space *small_network_space(td_arena *a) {
    return joint(a, small_net, tiny_hw);
}

td_space *tiny_joint_space(td_arena *a) {
    return joint(a, tiny_net, tiny_hw);
}

static void begin(fake *f, const td_design *d) {
    pthread_mutex_lock(&f->lock);
    for (int i = 0; i < f->evaluations && i < 4096; i++) f->twice += f->net[i] == d->net_hash;
    f->net[f->evaluations++ & 4095] = d->net_hash;
    if (++f->now > f->most_at_once) f->most_at_once = f->now;
    if (f->stop_after > 0 && f->evaluations >= f->stop_after) f->stop = true;
    useconds_t us =
        f->longest_us > 0 ? (useconds_t)(td_time_mono_s() * 1e9) % (useconds_t)f->longest_us : 0;
    pthread_mutex_unlock(&f->lock);
    if (us > 0) usleep(us);
}

static td_status end(fake *f, const td_design *d, int steps, td_error *err) {
    pthread_mutex_lock(&f->lock);
    f->now--;
    f->epochs += steps;
    pthread_mutex_unlock(&f->lock);
    if (f->broken > 0 && d->net_hash % f->broken == 0)
        return td_fail(err, TD_E_IO, "the trainer's disk is gone");
    if (f->infeasible > 0 && d->net_hash % f->infeasible == 0)
        return td_fail(err, TD_E_INFEASIBLE, "the loss is not finite");
    return TD_OK;
}

static double value_of(const td_design *d, double fidelity) {
    td_rng r = td_rng_make(d->net_hash, 0, TD_RNG_TEST);
    return 0.5 + 0.4 * td_rng_uniform(&r) * fidelity;
}

static td_status evaluate(void *self, const td_design *d, double fidelity,
                          bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                          td_error *err) {
    (void)cancelled;
    (void)cancel_self;
    fake *f = self;
    begin(f, d);
    td_status s = end(f, d, f->steps, err);
    if (s == TD_OK) *out = (td_accuracy_result){.value = value_of(d, fidelity), .cpu_s = 1};
    return s;
}

/* A curve that rises to the value, each network's in its own way, with noise before the end. */
static double value_after(const fake *f, const td_design *d, int step) {
    td_rng r = td_rng_make(d->net_hash, 1, TD_RNG_TEST);
    double slow = 0.8 + 0.4 * td_rng_uniform(&r), left = 1 - (double)step / f->steps;
    r = td_rng_make(d->net_hash, 1 + (uint64_t)step, TD_RNG_TEST);
    return value_of(d, 1) - 0.3 * left * slow + 0.02 * left * (td_rng_uniform(&r) - 0.5);
}

static td_status watched(void *self, const td_design *d, const td_accuracy_watch *w,
                         bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                         td_error *err) {
    (void)cancelled;
    (void)cancel_self;
    fake *f = self;
    begin(f, d);
    *out = (td_accuracy_result){.value = NAN, .cpu_s = 1};
    /* One that diverges does so half way. */
    int end_step = f->infeasible > 0 && d->net_hash % f->infeasible == 0 ? f->steps / 2 : f->steps;
    for (int step = 1; step <= end_step; step++) {
        out->steps = step;
        out->value = value_after(f, d, step);
        if (step == f->steps || !w->looks(w->self, step)) continue;
        if (!w->goes_on(w->self, step, out->value)) {
            end(f, d, step, NULL);
            return TD_OK;
        }
    }
    return end(f, d, f->steps, err);
}

static uint64_t key(const void *self) {
    (void)self;
    return 99;
}

static bool cancelled(void *self) {
    fake *f = self;
    pthread_mutex_lock(&f->lock);
    bool stop = f->stop;
    pthread_mutex_unlock(&f->lock);
    return stop;
}

void search_init(search *s, int threads, int64_t trials) {
    memset(s, 0, sizeof *s);
    s->arena = td_arena_create();
    s->space = small_joint_space(s->arena);
    pthread_mutex_init(&s->fake.lock, NULL);
    s->accuracy = (td_accuracy){.name = "fake", .self = &s->fake, .evaluate = evaluate, .key = key};
    s->objective =
        (td_objective){.kind = TD_REWARD_NAHAS, .p = 0, .q = -1, .target = {60e-6, INFINITY, 0.42}};
    td_schedule_options_default(&s->schedule);
    s->schedule.max_nodes = 500;
    /* One for all searches of the program: what is mapped does not depend on who asked first. */
    static td_map_cache *cache;
    if (cache == NULL) cache = td_map_cache_create(0);
    s->schedule.cache = cache;
    s->run = (td_run_options){.threads = threads, .cancelled = cancelled, .self = &s->fake};
    td_node *params = td_node_map(s->arena);
    td_node_put_int(s->arena, params, "population", 8);
    s->row = (td__row){.name = "row",
                       .spec = "spec",
                       .spec_hash = 5,
                       .seed = 11,
                       .space = s->space,
                       .objective = &s->objective,
                       .schedule = &s->schedule,
                       .accuracy = &s->accuracy,
                       .strategy = td_strategy_find("evolution"),
                       .params = params,
                       .lag = 6,
                       .trials = trials,
                       .trained = INT64_MAX,
                       .run = &s->run};
}

void search_stops(search *s, int steps, const char *rule) {
    td_error err = {0};
    const td_node *n;
    const char *name;
    assert_ok(td_yaml_parse(s->arena, rule, strlen(rule), "rule.yaml", &n, &err), &err);
    assert_ok(td_node_get_string(n, "name", &name, &err), &err);
    td_node *params = td_node_map(s->arena);
    for (int i = 0; i < n->count; i++)
        if (strcmp(n->item[i]->key, "name") != 0)
            td_node_put_int(s->arena, params, n->item[i]->key, n->item[i]->integer);
    s->fake.steps = s->accuracy.steps = steps;
    s->accuracy.watched = watched;
    s->stopping = (td__stopping){.rule = td_stopper_find(name), .steps = steps, .step = "epoch"};
    assert_ok(s->stopping.rule->create(&s->stopping.self, steps, params, &err), &err);
    s->row.stopping = &s->stopping;
}

void search_free(search *s) {
    if (s->stopping.rule != NULL) s->stopping.rule->destroy(s->stopping.self);
    pthread_mutex_destroy(&s->fake.lock);
    td_arena_destroy(s->arena);
}

td_status search_run(search *s, const char *db, td_error *err) {
    int64_t study = 0;
    td_status st = td_store_open(db, true, &s->row.store, err);
    if (st == TD_OK) st = td__store_join(s->row.store, err);
    if (st == TD_OK) st = td__row_enter(&s->row, &study, err);
    if (st == TD_OK) st = td__row_search(&s->row, study, err);
    if (s->row.store != NULL) td__store_leave(s->row.store, NULL);
    td_store_close(s->row.store);
    s->row.store = NULL;
    return st;
}

char *trials_text(const char *db) {
    td_store *store;
    td_error err = {0};
    td_arena *a = td_arena_create();
    td__trial *t;
    td_trial_row *row;
    td_text out = {0};
    int64_t id;
    int n, m;
    assert_ok(td_store_open(db, false, &store, &err), &err);
    assert_ok(td__store_find(store, "row", &id, &err), &err);
    assert_ok(td__store_load(store, id, a, &t, &n, &err), &err);
    assert_ok(td_store_trials(store, "row", a, &row, &m, &err), &err);
    assert_int_equal(n, m);
    for (int i = 0; i < n; i++) {
        td_text_addf(&out, "%lld %d seen %lld %s net %llx hw %llx scored %d trained %d",
                     (long long)t[i].number, t[i].state, (long long)t[i].seen, t[i].params,
                     (unsigned long long)t[i].net_hash, (unsigned long long)t[i].hw_hash,
                     t[i].scored, row[i].trained);
        for (int k = 0; k < t[i].outcome.nobj; k++)
            td_text_addf(&out, " obj %a", t[i].outcome.obj[k]);
        for (int k = 0; k < t[i].outcome.ncon; k++)
            td_text_addf(&out, " con %a", t[i].outcome.con[k]);
        for (int k = 0; k < TD_NMETRIC; k++) td_text_addf(&out, " %a", t[i].metric[k]);
        if (t[i].steps > 0) td_text_addf(&out, " steps %lld", (long long)t[i].steps);
        for (int k = 0; k < t[i].curve.n; k++)
            td_text_addf(&out, " after %lld: %a", (long long)t[i].curve.at[k].step,
                         t[i].curve.at[k].value.obj[0]);
        td_text_addf(&out, " acc %a reward %a violation %a %s\n", t[i].accuracy, t[i].reward,
                     t[i].violation, t[i].error != NULL ? t[i].error : "-");
    }
    td_store_close(store);
    td_arena_destroy(a);
    return out.data;
}
