/* beat.h - the heartbeat of a worker: a thread with a store handle of its own prolongs the leases
 * of all that the worker has, so that others know it from one that hangs. */
#ifndef TANDEM_BEAT_H
#define TANDEM_BEAT_H

#include "store.h"

/* Seconds between two beats if nothing else is said; a lease is so many beats long. */
enum { TD__BEAT_S = 10, TD__LEASE_BEATS = 3 };

typedef struct td__beat td__beat;
/* For the worker of a handle that has joined, on one study, until it is stopped. */
td_status td__beat_start(td_store *s, int64_t study, double beat_s, td__beat **out, td_error *err);
void td__beat_stop(td__beat *b); /* NULL is fine */

#endif
