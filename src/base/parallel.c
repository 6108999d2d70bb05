/* Threads that take indices from one counter. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tandem/base.h"

int td_cpu_count(void) {
    /* The mask must be as large as the kernel's, or the call fails with EINVAL. */
    for (int cpus = 1024; cpus <= 1 << 18; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (set == NULL) break;
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        int failed = sched_getaffinity(0, size, set) != 0 ? errno : 0;
        int count = failed == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0) return count;
        if (failed != EINVAL) break;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

typedef struct {
    atomic_int next;
    int n;
    void (*fn)(void *self, int i);
    void *self;
} work;

static void *run(void *arg) {
    work *w = arg;
    for (;;) {
        /* Compare before adding, so that the counter cannot run past INT_MAX. */
        int i = atomic_load_explicit(&w->next, memory_order_relaxed);
        do {
            if (i >= w->n) return NULL;
        } while (!atomic_compare_exchange_weak_explicit(&w->next, &i, i + 1, memory_order_relaxed,
                                                        memory_order_relaxed));
        w->fn(w->self, i);
    }
}

td_status td_parallel_for(int threads, int n, void (*fn)(void *self, int i), void *self) {
    if (fn == NULL || threads < 0) return TD_E_USAGE;
    if (threads == 0) threads = td_cpu_count();
    if (threads > n) threads = n;
    if (threads <= 1) {
        for (int i = 0; i < n; i++) fn(self, i);
        return TD_OK;
    }
    work w = {.n = n, .fn = fn, .self = self};
    atomic_init(&w.next, 0);
    pthread_t *thread = malloc(sizeof *thread * (size_t)(threads - 1));
    int started = 0;
    if (thread != NULL) {
        /* Signals are for the caller's threads: Ctrl-C must not land in a helper. */
        sigset_t all, old;
        sigfillset(&all);
        bool masked = pthread_sigmask(SIG_BLOCK, &all, &old) == 0;
        while (started < threads - 1 && pthread_create(&thread[started], NULL, run, &w) == 0)
            started++;
        if (masked) pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    /* Fewer threads than asked, or none, is slower but right. */
    run(&w);
    for (int i = 0; i < started; i++) pthread_join(thread[i], NULL);
    free(thread);
    return TD_OK;
}
