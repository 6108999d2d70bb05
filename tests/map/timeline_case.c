#include "timeline_case.h"

#include "common.h"
#include "schedule_random.h"

static int pick(td_rng *r, int lo, int hi) {
    return lo + (int)td_rng_below(r, (uint64_t)(hi - lo + 1));
}

void timeline_case_make(int i, td_map_cache *cache, timeline_case *out) {
    td_rng r = td_rng_make((uint64_t)i, 29, TD_RNG_TEST);
    td_error err = {0};
    td_edge e;
    const bool crowd = i % 8 == 5;
    *out =
        (timeline_case){.net = crowd ? random_crowd(&r) : random_schedule_net(&r, pick(&r, 1, 9))};
    random_micro(&r, &e, &out->hw);
    if (i % 8 == 7) {
        assert_ok(td_hw_load("eyeriss-168", &out->hw, &err), &err);
    } else if (crowd) {
        e.local_bytes = 512 * pick(&r, 4, 16);
        e.pe_x = e.pe_y = 2;
        build_micro(&e, &out->hw);
    } else if (i % 4 != 0) {
        e.local_bytes = 256 * pick(&r, 2, 20);
        build_micro(&e, &out->hw);
    }
    td_schedule_options o;
    td_schedule_options_default(&o);
    o.cache = cache;
    o.max_nodes = i % 3 == 2 ? 1200 : 200; /* with drafts, without */
    o.objective = i % 3 == 0 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
    o.cold = pick(&r, 0, 2) == 0;
    o.batch = pick(&r, 0, 3) == 0 ? 3 : 1;
    td_status st = td_schedule_best(out->net, &out->hw, &o, &out->s, NULL, &err);
    if (st != TD_OK) fail_msg("case %d: %s", i, err.message);
}

void timeline_case_free(timeline_case *c) {
    td_schedule_free(&c->s);
    td_net_destroy(c->net);
    *c = (timeline_case){0};
}
