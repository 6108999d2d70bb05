/* Each index once, on several threads, under the affinity mask. */
#include "common.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tandem/base.h"

enum { N = 20000 };

typedef struct {
    atomic_int count[N];
    atomic_int inside, most;
} work;

static void visit(void *self, int i) {
    work *w = self;
    int now = atomic_fetch_add(&w->inside, 1) + 1, most = atomic_load(&w->most);
    while (now > most && !atomic_compare_exchange_weak(&w->most, &most, now)) {
    }
    atomic_fetch_add(&w->count[i], 1);
    if (i % 1000 == 0) usleep(200);
    atomic_fetch_sub(&w->inside, 1);
}

static void each_index_once(void **state) {
    (void)state;
    static const int threads[] = {0, 1, 2, 3, 16}, counts[] = {0, 1, 2, 5, N};
    work *w = malloc(sizeof *w);
    assert_non_null(w);
    for (int t = 0; t < 5; t++) {
        for (int c = 0; c < 5; c++) {
            memset(w, 0, sizeof *w);
            assert_int_equal(td_parallel_for(threads[t], counts[c], visit, w), TD_OK);
            for (int i = 0; i < N; i++) assert_int_equal(w->count[i], i < counts[c]);
            int limit = threads[t] > 0 ? threads[t] : td_cpu_count();
            assert_true(w->most <= limit);
            if (threads[t] == 16 && counts[c] == N) assert_true(w->most > 1);
        }
    }
    assert_int_equal(td_parallel_for(2, -5, visit, w), TD_OK);
    assert_int_equal(td_parallel_for(-1, 5, visit, w), TD_E_USAGE);
    assert_int_equal(td_parallel_for(1, 5, NULL, w), TD_E_USAGE);
    free(w);
}

static void note_thread(void *self, int i) {
    pthread_t *t = self;
    t[i] = pthread_self();
}

static void one_thread_is_the_caller(void **state) {
    (void)state;
    pthread_t t[10];
    td_parallel_for(1, 10, note_thread, t);
    for (int i = 0; i < 10; i++) assert_true(pthread_equal(t[i], pthread_self()));
}

static void inner(void *self, int i) {
    (void)i;
    atomic_fetch_add((atomic_int *)self, 1);
}

static void outer(void *self, int i) {
    (void)i;
    td_parallel_for(2, 50, inner, self);
}

static void loops_may_nest(void **state) {
    (void)state;
    atomic_int n = 0;
    td_parallel_for(3, 20, outer, &n);
    assert_int_equal(n, 1000);
}

static void affinity_is_honoured(void **state) {
    (void)state;
    cpu_set_t old, one;
    assert_int_equal(sched_getaffinity(0, sizeof old, &old), 0);
    assert_int_equal(td_cpu_count(), CPU_COUNT(&old));
    size_t cpu = 0;
    while (!CPU_ISSET(cpu, &old)) cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    int count = td_cpu_count();
    sched_setaffinity(0, sizeof old, &old);
    assert_int_equal(count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_index_once),
        cmocka_unit_test(one_thread_is_the_caller),
        cmocka_unit_test(loops_may_nest),
        cmocka_unit_test(affinity_is_honoured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
