/* All shipped networks at their own sizes on random accelerators of the `edge` and `micro` spaces:
 * no timeline breaks a rule of its checker. Each network on one accelerator; with TANDEM_SLOW=1 on
 * 200 of edge and 30 of micro, which takes a quarter of an hour. */
#include <pthread.h>

#include "common.h"

#include "tandem/map.h"
#include "tandem/space.h"

enum { SEED = 11, MAX_NODES = 300, MOST = 240 };
enum { EACH = TEST_SANITIZED ? 3 : 1 }; /* of three networks one */

typedef struct {
    const td_net_entry *entry;
    td_net **net;
    int n_nets, n_hw;
    bool all; /* pairs, or half of them: every network on one of two accelerators */
    td_hw hw[MOST];
    td_map_cache *cache;
    pthread_mutex_t lock;
    int checked, unmapped, cold, staged, wrapped, values;
    long transfers, holdings;
    char fault[900];
} work;

/* Latency in the steady state for half of the pairs; the others: the first inference, a batch, the
 * least energy. Every network and every accelerator meets all of them. */
static td_schedule_options options_of(const work *w, int n, int h) {
    td_schedule_options o;
    td_schedule_options_default(&o);
    o.max_nodes = MAX_NODES;
    o.cache = w->cache;
    switch ((n + h) % 6) {
    case 1: o.cold = true; break;
    case 3: o.batch = 3; break;
    case 5: o.objective = TD_OBJ_ENERGY; break;
    default: break;
    }
    return o;
}

static void one(void *self, int i) {
    work *w = self;
    int n = i % w->n_nets, h = i / w->n_nets;
    if (!w->all && (h != n / 2 % 2 || n % EACH != 0)) return;
    td_schedule_options o = options_of(w, n, h);
    td_schedule s = {0};
    td_timeline t = {0};
    td_error err = {0};
    int64_t missing = 0;
    td_status st = td_schedule_best(w->net[n], &w->hw[h], &o, &s, &missing, &err);
    bool unmapped = st == TD_E_INFEASIBLE && missing > 0;
    if (st == TD_OK) st = td_schedule_check(w->net[n], &w->hw[h], &s, &err);
    if (st == TD_OK) st = td_timeline_build(w->net[n], &w->hw[h], &s, &t, &err);
    if (st == TD_OK) st = td_timeline_check(w->net[n], &w->hw[h], &s, &t, &err);
    pthread_mutex_lock(&w->lock);
    if (st == TD_OK) {
        w->checked++;
        w->cold += o.cold;
        w->transfers += t.n_transfers;
        w->holdings += t.n_holdings;
        for (int k = 0; k < t.n_holdings; k++) w->values += t.holding[k].kind == TD_HOLD_VALUE;
        for (int k = 0; k < s.n; k++) w->staged += s.interval[k].weights == TD_AT_STAGED;
        w->wrapped += s.interval[0].weights == TD_AT_STAGED;
    } else if (unmapped) {
        w->unmapped++;
    } else if (w->fault[0] == '\0') {
        snprintf(w->fault, sizeof w->fault, "%s on %s %d%s, batch %d: %s", w->entry[n].name,
                 w->hw[h].name, h, o.cold ? ", cold" : "", o.batch, err.message);
    }
    pthread_mutex_unlock(&w->lock);
    td_timeline_free(&t);
    td_schedule_free(&s);
}

/* `count` points of a space that can be built. */
static void draw(work *w, const char *name, int count) {
    td_arena *a = td_arena_create();
    td_space *space;
    td_error err = {0};
    assert_ok(td_space_by_name(name, a, &space, &err), &err);
    for (int found = 0, i = 0; found < count; i++) {
        td_design d = {0};
        double v[16];
        assert_true(space->n <= 16);
        td_choices c = {.n = space->n, .v = v};
        td_rng r = td_rng_make(SEED, (uint64_t)i, TD_RNG_SPACE_SAMPLE);
        td_space_sample(space, &r, &c);
        td_status s = space->build(space->self, &c, a, &d, &err);
        if (s == TD_OK) {
            w->hw[w->n_hw++] = d.hw;
            found++;
        } else if (s != TD_E_INFEASIBLE) {
            fail_msg("%s: %s", name, err.message);
        }
        td_design_free(&d);
    }
    td_arena_destroy(a);
}

static void no_violation(void **state) {
    (void)state;
    const char *slow = getenv("TANDEM_SLOW");
    static work w = {.lock = PTHREAD_MUTEX_INITIALIZER};
    w.all = slow != NULL && strcmp(slow, "1") == 0;
    td_error err = {0};
    w.entry = td_net_list(&w.n_nets);
    w.net = calloc((size_t)w.n_nets, sizeof *w.net);
    assert_non_null(w.net);
    w.cache = td_map_cache_create(400000);
    draw(&w, "edge", w.all ? 200 : 1);
    draw(&w, "micro", w.all ? 30 : 1);
    for (int n = 0; n < w.n_nets; n++)
        assert_ok(td_net_build(w.entry[n].name, TD_DIM(0, 0, 0), 1, 0, &w.net[n], &err), &err);
    assert_ok(td_parallel_for(0, w.n_nets * w.n_hw, one, &w), &err);
    print_message("%d networks on %d accelerators: %d timelines checked (%d cold), %d without a "
                  "mapping; %ld transfers, %ld holdings (%d values), %d layers with staged "
                  "weights, %d times the first\n",
                  w.n_nets, w.n_hw, w.checked, w.cold, w.unmapped, w.transfers, w.holdings,
                  w.values, w.staged, w.wrapped);
    if (w.fault[0] != '\0') fail_msg("%s", w.fault);
    const int pairs = w.all ? w.n_nets * w.n_hw : (w.n_nets + EACH - 1) / EACH;
    assert_int_equal(w.checked + w.unmapped, pairs);
    assert_true(w.checked > pairs * 9 / 10);
    assert_true(w.cold > 0 && w.staged > 0 && w.values > 0);
    for (int n = 0; n < w.n_nets; n++) td_net_destroy(w.net[n]);
    free(w.net);
    td_map_cache_destroy(w.cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_violation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
