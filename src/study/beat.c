/* beat.c - the thread of a worker's heartbeat. */
#include "beat.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "store_sql.h"

struct td__beat {
    td_store *store;
    int64_t study;
    double beat_s;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop;
};

/* A beat that fails is made up by the next one, or the lease ends: the worker itself meets the same
 * fault and tells it. */
static void *beat(void *self) {
    td__beat *b = self;
    pthread_mutex_lock(&b->lock);
    for (struct timespec until; !b->stop;) {
        pthread_mutex_unlock(&b->lock);
        td__store_beat(b->store, b->study, TD__LEASE_BEATS * b->beat_s, NULL);
        double whole = floor(b->beat_s);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t)whole;
        until.tv_nsec += (long)(1e9 * (b->beat_s - whole));
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&b->lock);
        for (int rc = 0; !b->stop && rc == 0;)
            rc = pthread_cond_timedwait(&b->stopped, &b->lock, &until);
    }
    pthread_mutex_unlock(&b->lock);
    td__store_beat(b->store, b->study, TD__LEASE_BEATS * b->beat_s, NULL); /* the time since */
    return NULL;
}

td_status td__beat_start(td_store *s, int64_t study, double beat_s, td__beat **out, td_error *err) {
    td__beat *b = *out = calloc(1, sizeof *b);
    if (b == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status status = td__store_again(s, &b->store, err);
    if (status != TD_OK) {
        free(b);
        *out = NULL;
        return status;
    }
    b->study = study;
    b->beat_s = beat_s;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->stopped, &clock);
    pthread_condattr_destroy(&clock);
    /* Signals are for the caller's threads. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int rc = pthread_create(&b->thread, NULL, beat, b);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0) return TD_OK;
    td_store_close(b->store);
    free(b);
    *out = NULL;
    return td_fail(err, TD_E_MEMORY, "no thread for the heartbeat");
}

void td__beat_stop(td__beat *b) {
    if (b == NULL) return;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->stopped);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->stopped);
    pthread_mutex_destroy(&b->lock);
    td_store_close(b->store);
    free(b);
}
