/* schedule_solve.h - schedules that the independent checker accepts. */
#ifndef TANDEM_TESTS_SCHEDULE_SOLVE_H
#define TANDEM_TESTS_SCHEDULE_SOLVE_H

#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"

static inline int pick(td_rng *r, int lo, int hi) {
    return lo + (int)td_rng_below(r, (uint64_t)(hi - lo + 1));
}

static inline td_schedule_options options(td_map_cache *cache) {
    td_schedule_options o;
    td_schedule_options_default(&o);
    o.cache = cache;
    o.max_nodes = 1000; /* for speed; the layers are small */
    return o;
}

/* A schedule that the checker accepts, or a failed test. */
static inline void solve(const td_net *net, const td_hw *hw, const td_schedule_options *o,
                         td_schedule *s) {
    td_error err = {0};
    assert_ok(td_schedule_best(net, hw, o, s, NULL, &err), &err);
    assert_ok(td_schedule_check(net, hw, s, &err), &err);
    assert_true(s->bound_latency_s <= s->latency_s * (1 + 1e-12));
}

#endif
