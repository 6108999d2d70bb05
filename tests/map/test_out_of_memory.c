/* A schedule when memory is out: each allocation fails once, in turn, and what comes of it is the
 * error that says so or the same figures; never a worse schedule, nor another error. */
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"

/* What the library allocates comes by here (--wrap of the linker): also what an arena has a block
 * for. */
static long calls, failing = -1;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_td_arena_alloc(td_arena *a, size_t n);
void *__wrap_td_arena_alloc(td_arena *a, size_t n);

void *__wrap_malloc(size_t n) {
    return calls++ == failing ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size) {
    return calls++ == failing ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n) {
    return calls++ == failing ? NULL : __real_realloc(p, n);
}

void *__wrap_td_arena_alloc(td_arena *a, size_t n) {
    return __real_td_arena_alloc(a, calls++ == failing ? SIZE_MAX : n);
}

typedef struct {
    td_status status;
    td_schedule_figures cost, bound, whole; /* whole: without a cache */
} answers;

static answers ask(const td_net *net, const td_hw *hw, const td_schedule_options *o,
                   double expected) {
    td_error err = {0};
    td_scheduler *s;
    answers x;
    memset(&x, 0, sizeof x); /* compared as bytes */
    x.status = td_scheduler_create(net, o, &s, &err);
    if (x.status != TD_OK) return x;
    x.status = td_scheduler_bound(s, hw, &x.bound, NULL, &err);
    const td_status bounded = x.status; /* costs can be had without the bound */
    x.status = td_scheduler_cost(s, hw, &x.cost, NULL, &err);
    if (bounded != TD_OK && x.status == TD_OK && x.cost.latency_s != expected)
        fail_msg("%a s behind a bound that failed, %a before", x.cost.latency_s, expected);
    if (bounded != TD_OK) x.status = bounded;
    td_scheduler_destroy(s);
    if (x.status != TD_OK || o->cache != NULL) return x;
    td_schedule whole;
    x.status = td_schedule_best(net, hw, o, &whole, NULL, &err);
    if (x.status != TD_OK) return x;
    x.whole = (td_schedule_figures){whole.latency_s, whole.energy_j};
    td_schedule_free(&whole);
    return x;
}

/* The allocations of one network and accelerator, every `step`th of them. Returns how many runs
 * ended in the error. */
static int fail_each(const td_net *net, const td_hw *hw, const td_schedule_options *o, long step) {
    failing = -1;
    calls = 0;
    const answers whole = ask(net, hw, o, 0);
    assert_int_equal(whole.status, TD_OK);
    const long all = calls;
    int failed = 0;
    for (long k = 0; k < all; k += step) {
        calls = 0;
        failing = k;
        const answers x = ask(net, hw, o, whole.cost.latency_s);
        failing = -1;
        failed += x.status == TD_E_MEMORY;
        if (x.status == TD_E_MEMORY) continue;
        if (x.status != TD_OK) fail_msg("allocation %ld of %ld: %d", k, all, (int)x.status);
        assert_memory_equal(&x, &whole, sizeof x);
    }
    return failed;
}

/* Layers that are known leave the allocations of the schedule alone. */
static void known_layers(void **state) {
    (void)state;
    int failed = 0;
    for (uint64_t seed = 0; seed < (TEST_SANITIZED ? 6 : 24); seed++) {
        td_rng r = td_rng_make(seed, 91, TD_RNG_TEST);
        td_net *net = seed % 2 ? random_crowd(&r) : random_schedule_net(&r, 6);
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.max_nodes = seed % 4 < 2 ? 300 : 1200; /* without drafts, with them */
        o.cold = seed % 8 == 5;
        o.cache = td_map_cache_create(0);
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        if (ask(net, &hw, &o, 0).status == TD_OK) failed += fail_each(net, &hw, &o, 1);
        td_map_cache_destroy(o.cache);
        td_net_destroy(net);
    }
    printf("         %d runs out of memory\n", failed);
    assert_true(failed > 30);
}

/* Layers that the mapper is asked for. */
static void new_layers(void **state) {
    (void)state;
    int failed = 0;
    for (uint64_t seed = 0; seed < 6; seed++) {
        td_rng r = td_rng_make(seed, 92, TD_RNG_TEST);
        td_net *net = seed % 2 ? random_crowd(&r) : random_schedule_net(&r, 3);
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.max_nodes = 100;
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        if (ask(net, &hw, &o, 0).status == TD_OK)
            failed += fail_each(net, &hw, &o, TEST_SANITIZED ? 37 : 9);
        td_net_destroy(net);
    }
    printf("         %d runs out of memory\n", failed);
    assert_true(failed > 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_layers),
        cmocka_unit_test(new_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
