/* lock.h - who works in a results folder: locks on single bytes of its study.lock.
 *
 * A worker holds the byte of its number for as long as it lives. The kernel frees it when the
 * process ends, however it ends, so whether a worker is alive is known at once and without a clock.
 * The locks belong to the open file (F_OFD_SETLK), not to the process: two workers in one process
 * are told apart. */
#ifndef TANDEM_LOCK_H
#define TANDEM_LOCK_H

#include "tandem/base.h"

enum { TD__LEADER_BYTE = 0 }; /* of the one that trains the winners and writes the results */

/* Of whoever asks, tells or enqueues by hand: short visits, which readers wait for. */
#define TD__HAND_BYTE (INT64_C(1) << 62)

typedef struct {
    int fd;     /* -1: not open */
    char *path; /* owned */
} td__lock;

/* Opens, or makes, a lock file. TD_E_STORE if a version of the program that knew no workers holds
 * it. */
td_status td__lock_open(const char *path, td__lock *out, td_error *err);
void td__lock_close(td__lock *l); /* frees the bytes that were taken through it */
/* TD_E_STORE: somebody else has it; TD_E_IO: the file system has no such locks. */
td_status td__lock_take(const td__lock *l, int64_t byte, td_error *err);
/* Takes it together with others who do so, of a lock file that is there and stays as it is: a file
 * descriptor for as long as it is open; -1: there is none, or it was not free for so long. */
int td__lock_share(const char *path, int64_t byte, double patience_s);
/* By another open file than this one. */
bool td__lock_held(const td__lock *l, int64_t byte);
/* Is the file still at its place? */
bool td__lock_kept(const td__lock *l);

#endif
