#include "crash.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum { PAGES_PER_CHECKPOINT = 40 };

const char *const crash_text[N_CRASHES] = {
    [CRASH_ANYTIME] = "at a random moment",
    [CRASH_ASK] = "within an ask",
    [CRASH_CLAIM] = "within a claim",
    [CRASH_TELL] = "within a tell, some values written",
    [CRASH_REVISION] = "within a tell, before its revision",
    [CRASH_CACHE] = "before an accuracy is kept",
    [CRASH_LOG] = "half way through a write to the log",
    [CRASH_CHECKPOINT] = "half way through a page of a checkpoint",
    [CRASH_TRAINING] = "while a network is trained",
};

static atomic_int armed = -1, left;

static bool is_due(crash_kind kind) {
    return atomic_load(&armed) == (int)kind && atomic_fetch_sub(&left, 1) == 1;
}

void crash_arm(crash_kind kind, int k) {
    atomic_store(&left, k);
    atomic_store(&armed, (int)kind);
}

void crash_here(void) {
    if (is_due(CRASH_TRAINING)) raise(SIGKILL);
}

/* ---- statements ------------------------------------------------------------------------------ */

static int on_statement(unsigned type, void *self, void *statement, void *text) {
    static const struct {
        crash_kind kind;
        const char *begins;
    } place[] = {{CRASH_ASK, "INSERT INTO trial ("},
                 {CRASH_CLAIM, "UPDATE trial SET state = 1"},
                 {CRASH_TELL, "INSERT INTO trial_value"},
                 {CRASH_REVISION, "UPDATE study SET rev"},
                 {CRASH_CACHE, "INSERT OR REPLACE INTO eval_cache"}};
    (void)type;
    (void)self;
    (void)statement;
    for (size_t i = 0; i < sizeof place / sizeof place[0]; i++)
        if (strncmp(text, place[i].begins, strlen(place[i].begins)) == 0 && is_due(place[i].kind))
            raise(SIGKILL);
    return 0;
}

static int on_open(sqlite3 *db, char **message, const void *api) {
    (void)message;
    (void)api;
    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
    sqlite3_wal_autocheckpoint(db, PAGES_PER_CHECKPOINT);
    return SQLITE_OK;
}

/* ---- writes ---------------------------------------------------------------------------------- */

/* Files of the default VFS keep their methods but for two. Logs have another table of methods there
 * (they are not locked) than databases. */
typedef struct {
    crash_kind kind;
    int flag; /* of xOpen */
    const sqlite3_io_methods *system;
    sqlite3_io_methods methods;
} file_kind;
static file_kind kinds[] = {{.kind = CRASH_LOG, .flag = SQLITE_OPEN_WAL},
                            {.kind = CRASH_CHECKPOINT, .flag = SQLITE_OPEN_MAIN_DB}};
static sqlite3_vfs vfs, *system_vfs;

static int write_half(sqlite3_file *file, const void *data, int n, sqlite3_int64 offset) {
    const file_kind *k = file->pMethods == &kinds[0].methods ? &kinds[0] : &kinds[1];
    if (is_due(k->kind)) {
        k->system->xWrite(file, data, n / 2, offset);
        raise(SIGKILL);
    }
    return k->system->xWrite(file, data, n, offset);
}

static int open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out) {
    (void)self;
    int rc = system_vfs->xOpen(system_vfs, name, file, flags, out);
    for (int i = 0; i < 2 && rc == SQLITE_OK; i++) {
        file_kind *k = &kinds[i];
        if ((flags & k->flag) == 0) continue;
        if (k->system == NULL) {
            k->methods = *file->pMethods;
            k->methods.xWrite = write_half;
            k->system = file->pMethods;
        }
        if (file->pMethods == k->system) file->pMethods = &k->methods;
    }
    return rc;
}

void crash_install(void) {
    system_vfs = sqlite3_vfs_find(NULL);
    vfs = *system_vfs;
    vfs.zName = "crash";
    vfs.xOpen = open_file;
    vfs.pNext = NULL;
    sqlite3_vfs_register(&vfs, 1);
    sqlite3_auto_extension((void (*)(void))on_open);
}
