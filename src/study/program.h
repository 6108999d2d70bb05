/* program.h - a program of somebody's that answers line by line, in a process group of its own. */
#ifndef TANDEM_PROGRAM_H
#define TANDEM_PROGRAM_H

#include "tandem/base.h"

typedef struct td__program td__program;

/* Starts it in a folder (NULL: this one). argv ends with NULL; its stderr is ours. Whatever ends
 * the thread that started it, SIGKILL included, ends the program and what it has started. TD_E_IO,
 * TD_E_NOT_FOUND: there is no such program, or it cannot be run. */
td_status td__program_start(const char *const *argv, const char *folder, td__program **out,
                            td_error *err);

typedef enum {
    TD__HEARD_LINE,
    TD__HEARD_END,  /* it has closed its side, mostly by ending */
    TD__HEARD_LATE, /* the time is up */
    TD__HEARD_STOP, /* stop() says so */
    TD__HEARD_LONG  /* a line without an end */
} td__heard;

/* How long to wait: until a time of td_time_mono_s (INFINITY: for ever), or until stop(self). */
typedef struct {
    double until;
    bool (*stop)(void *self);
    void *self;
} td__patience;
/* TD__HEARD_LINE: it was written in full. TD__HEARD_END: there is nobody who reads. */
td__heard td__program_send(td__program *p, const char *line, size_t n, const td__patience *w);
/* The next line without its end, which need not be there before the end of all. *line is the
 * program's, until the next call. */
td__heard td__program_hear(td__program *p, const td__patience *w, const char **line, size_t *n);
/* What it has said beyond the last whole line; false: nothing. Memory is the program's, until the
 * next call. */
bool td__program_rest(const td__program *p, const char **text, size_t *n);
/* Has it something to say, or ended? Does not wait. */
bool td__program_stirs(td__program *p);

/* Closes its input, waits for its end for so long, then kills it with all that it has started.
 * Frees p (NULL is fine). *clean: it ended by itself with exit status 0. how: for people, "exit
 * status 3"; both may be NULL. */
void td__program_end(td__program *p, double grace_s, bool *clean, char how[48]);

#endif
