/* Random points of the edge space x networks on 224-pixel images: each ends in a cost whose
 * schedule holds, or in a reason. 30 points; 2,000 with TANDEM_SLOW=1, which takes minutes. */
#include <pthread.h>

#include "common.h"

#include "tandem/map.h"
#include "tandem/space.h"

enum { N_NETS = 3, SEED = 7, MAX_NODES = 300 };
/* Depthwise, dense with bottlenecks, and fused inverted bottlenecks on large maps. */
static const char *const NET[N_NETS] = {"mobilenetv2", "resnet50", "B"};

typedef struct {
    const td_space *space;
    td_net *net[N_NETS];
    td_schedule_options options;
    pthread_mutex_t lock;
    /* Counts, and the first fault that was seen. */
    int built, refused[TD_NEDGE_RULE], costed[N_NETS], unmapped[N_NETS];
    char fault[700];
} work;

static void note_fault(work *w, int i, const char *what, const char *why) {
    pthread_mutex_lock(&w->lock);
    if (w->fault[0] == '\0') snprintf(w->fault, sizeof w->fault, "point %d: %s: %s", i, what, why);
    pthread_mutex_unlock(&w->lock);
}

static void count(work *w, int *what) {
    pthread_mutex_lock(&w->lock);
    ++*what;
    pthread_mutex_unlock(&w->lock);
}

/* A refusal names the first of the rules that the parameters break. */
static void look_at_refusal(work *w, int i, const td_design *d, const td_error *err) {
    td_edge p;
    char begin[64];
    if (d->hw_node == NULL || td_edge_from_node(d->hw_node, &p, NULL) != TD_OK) {
        note_fault(w, i, "no parameters", err->message);
        return;
    }
    int r = 0;
    unsigned broken = td_edge_broken(&p);
    while (r < TD_NEDGE_RULE && (broken & TD_BIT(r)) == 0) r++;
    if (r == TD_NEDGE_RULE) {
        note_fault(w, i, "no rule is broken", err->message);
        return;
    }
    snprintf(begin, sizeof begin, "rule %s: ", td_edge_rule_name((td_edge_rule)r));
    if (strncmp(err->message, begin, strlen(begin)) != 0)
        note_fault(w, i, begin, err->message);
    else
        count(w, &w->refused[r]);
}

/* A schedule is sound by its own checker, takes time and energy, and draws at most what the ports
 * and MACs can. */
static void look_at_cost(work *w, int i, int n, const td_hw *hw) {
    td_schedule s = {0};
    td_error err = {0};
    td_power peak;
    int64_t missing = 0;
    td_status st = td_schedule_best(w->net[n], hw, &w->options, &s, &missing, &err);
    if (st == TD_E_INFEASIBLE && strstr(err.message, "layer") != NULL && missing > 0) {
        count(w, &w->unmapped[n]);
        return;
    }
    td_hw_power(hw, &peak);
    if (st == TD_OK) st = td_schedule_check(w->net[n], hw, &s, &err);
    if (st != TD_OK)
        note_fault(w, i, NET[n], err.message);
    else if (!(s.latency_s > 0 && s.energy_j > 0 && isfinite(s.latency_s + s.energy_j)))
        note_fault(w, i, NET[n], "no time or no energy");
    else if (!(s.latency_s >= s.bound_latency_s * (1 - 1e-9)))
        note_fault(w, i, NET[n], "faster than its bound");
    else if (!(s.power_w <= peak.total_w * (1 + 1e-9)))
        note_fault(w, i, NET[n], "draws more than the peak");
    else
        count(w, &w->costed[n]);
    td_schedule_free(&s);
}

static void one(void *self, int i) {
    work *w = self;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_design d = {0};
    double v[16];
    td_choices c = {.n = w->space->n, .v = v};
    td_rng r = td_rng_make(SEED, (uint64_t)i, TD_RNG_SPACE_SAMPLE);
    td_space_sample(w->space, &r, &c);
    td_status s = w->space->build(w->space->self, &c, a, &d, &err);
    if (s == TD_OK) {
        count(w, &w->built);
        for (int n = 0; n < N_NETS; n++) look_at_cost(w, i, n, &d.hw);
    } else if (s == TD_E_INFEASIBLE) {
        look_at_refusal(w, i, &d, &err);
    } else {
        note_fault(w, i, "neither a design nor a reason", err.message);
    }
    td_design_free(&d);
    td_arena_destroy(a);
}

static void a_cost_or_a_reason(void **state) {
    (void)state;
    const char *slow = getenv("TANDEM_SLOW");
    const int points = slow != NULL && strcmp(slow, "1") == 0 ? 2000 : 30;
    td_arena *a = td_arena_create();
    td_space *space;
    td_error err = {0};
    assert_ok(td_space_by_name("edge", a, &space, &err), &err);
    assert_true(space->n <= 16);
    work w = {.space = space, .lock = PTHREAD_MUTEX_INITIALIZER};
    td_schedule_options_default(&w.options);
    w.options.max_nodes = MAX_NODES;
    w.options.cache = td_map_cache_create(200000);
    for (int n = 0; n < N_NETS; n++)
        assert_ok(td_net_build(NET[n], (td_shape){3, 224, 224}, 1, 1000, &w.net[n], &err), &err);
    assert_ok(td_parallel_for(0, points, one, &w), &err);
    if (w.fault[0] != '\0') fail_msg("%s", w.fault);

    int refused = 0;
    for (int r = 0; r < TD_NEDGE_RULE; r++) refused += w.refused[r];
    assert_int_equal(w.built + refused, points);
    print_message("%d points: %d built, %d refused", points, w.built, refused);
    for (int n = 0; n < N_NETS; n++) {
        assert_int_equal(w.costed[n] + w.unmapped[n], w.built);
        print_message("; %s: %d costs, %d reasons", NET[n], w.costed[n], w.unmapped[n]);
    }
    print_message("\n");
    /* 54.58 % of the space can be built: within four deviations of a draw. */
    double sigma = sqrt(points * .5458 * (1 - .5458));
    assert_near(w.built, points * .5458, 4 * sigma);
    for (int n = 0; n < N_NETS; n++) td_net_destroy(w.net[n]);
    td_map_cache_destroy(w.options.cache);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_cost_or_a_reason)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
