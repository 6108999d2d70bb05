/* A process that kills itself at a chosen place of its work with the store: the k-th time that a
 * statement begins, or half way through the k-th write to the log or to the database file (which
 * only checkpoints write). SQLite is told through its own interfaces, a VFS and a trace of
 * statements; nothing in the library knows of it. */
#ifndef TANDEM_TESTS_CRASH_H
#define TANDEM_TESTS_CRASH_H

typedef enum {
    CRASH_ANYTIME,    /* by the parent, after a time */
    CRASH_ASK,        /* the number is taken, its row not yet written */
    CRASH_CLAIM,      /* before the statement of a claim */
    CRASH_TELL,       /* the state is written, of the values some */
    CRASH_REVISION,   /* all but the revision is written */
    CRASH_CACHE,      /* an accuracy is trained, and not yet kept */
    CRASH_LOG,        /* half of a write to the log */
    CRASH_CHECKPOINT, /* half of a page of the database */
    CRASH_TRAINING,   /* in crash_here() */
    N_CRASHES
} crash_kind;
extern const char *const crash_text[N_CRASHES];

/* Once per process, before the first store is opened. Checkpoints come often from then on. */
void crash_install(void);
/* SIGKILL at the k-th time (k >= 1) from now on. */
void crash_arm(crash_kind kind, int k);
void crash_here(void);

#endif
