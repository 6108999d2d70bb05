/* store_open.c - opening a store: schema, pragmas, and what is refused. Rules: docs/store.md. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store_sql.h"

/* A new store is made as version 1 and goes the way of old ones from there: so both are the same.
 */
static const char schema_1[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE study (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, spec TEXT NOT NULL,"
    " spec_hash TEXT NOT NULL, seed BIGINT NOT NULL, state INT NOT NULL DEFAULT 0,"
    " max_trials BIGINT, next_number BIGINT NOT NULL DEFAULT 0, rev BIGINT NOT NULL DEFAULT 0,"
    " created BIGINT NOT NULL);"
    "CREATE TABLE trial (id INTEGER PRIMARY KEY,"
    " study_id BIGINT NOT NULL REFERENCES study(id) ON DELETE CASCADE, number BIGINT NOT NULL,"
    " state INT NOT NULL, params BLOB NOT NULL, params_hash TEXT NOT NULL, ask_key TEXT NOT NULL,"
    " seen BIGINT NOT NULL, attempt INT NOT NULL DEFAULT 0, worker TEXT,"
    " token BIGINT NOT NULL DEFAULT 0, lease_until BIGINT, created BIGINT NOT NULL, started BIGINT,"
    " finished BIGINT, rev BIGINT NOT NULL DEFAULT 0, error TEXT, net_hash TEXT, hw_hash TEXT,"
    " UNIQUE (study_id, number), UNIQUE (study_id, ask_key));"
    "CREATE INDEX trial_ready ON trial (study_id, number) WHERE state = 0;"
    "CREATE INDEX trial_lease ON trial (study_id, lease_until) WHERE state = 1;"
    "CREATE INDEX trial_rev ON trial (study_id, rev);"
    "CREATE INDEX trial_hash ON trial (study_id, params_hash);"
    "CREATE TABLE trial_value (trial_id BIGINT NOT NULL REFERENCES trial(id) ON DELETE CASCADE,"
    " kind INT NOT NULL, idx INT NOT NULL, value DOUBLE PRECISION, code INT NOT NULL DEFAULT 0,"
    " PRIMARY KEY (trial_id, kind, idx));"
    "CREATE TABLE trial_report (trial_id BIGINT NOT NULL REFERENCES trial(id) ON DELETE CASCADE,"
    " step BIGINT NOT NULL, idx INT NOT NULL, value DOUBLE PRECISION, code INT NOT NULL DEFAULT 0,"
    " PRIMARY KEY (trial_id, step, idx));"
    "CREATE TABLE eval_cache (problem_hash TEXT NOT NULL, config_hash TEXT NOT NULL,"
    " fidelity BIGINT NOT NULL, result BLOB NOT NULL,"
    " PRIMARY KEY (problem_hash, config_hash, fidelity));"
    "CREATE TABLE snapshot (study_id BIGINT NOT NULL REFERENCES study(id) ON DELETE CASCADE,"
    " algo TEXT NOT NULL, rev BIGINT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (study_id, algo));"
    "CREATE TABLE worker (id TEXT PRIMARY KEY, host TEXT, pid INT, job TEXT, started BIGINT,"
    " last_seen BIGINT);"
    "INSERT INTO meta VALUES ('schema', '1');";

/* Version 2: workers. Leases of version 1 are over: its process held the folder alone. Where the
 * recipe is (`path`), further budgets, and the active time so far; who made a trial's choices
 * (`origin`); claims of networks under training. */
static const char schema_2[] =
    "ALTER TABLE study ADD COLUMN path TEXT;"
    "ALTER TABLE study ADD COLUMN max_trained BIGINT;"
    "ALTER TABLE study ADD COLUMN max_active BIGINT;"
    "ALTER TABLE study ADD COLUMN active BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE study ADD COLUMN active_at BIGINT;"
    "ALTER TABLE study ADD COLUMN active_boot TEXT;"
    "ALTER TABLE trial DROP COLUMN worker;"
    "ALTER TABLE trial ADD COLUMN worker BIGINT;"
    "UPDATE trial SET worker = 0, lease_until = 0 WHERE state = 1;"
    "DROP INDEX trial_lease;"
    "ALTER TABLE trial ADD COLUMN origin INT NOT NULL DEFAULT 0;"
    "CREATE INDEX trial_worker ON trial (worker) WHERE state = 1;"
    "DROP TABLE worker;"
    "CREATE TABLE worker (id INTEGER PRIMARY KEY AUTOINCREMENT, pid INT NOT NULL,"
    " host TEXT NOT NULL, boot TEXT NOT NULL, started BIGINT NOT NULL, last_seen BIGINT NOT NULL,"
    " ended BIGINT);"
    "CREATE TABLE eval_claim (problem_hash TEXT NOT NULL, config_hash TEXT NOT NULL,"
    " fidelity BIGINT NOT NULL, worker BIGINT NOT NULL, lease_until BIGINT NOT NULL,"
    " PRIMARY KEY (problem_hash, config_hash, fidelity));"
    "UPDATE meta SET value = '2' WHERE key = 'schema';";
/* Version 3: the second level of nested searches. */
static const char schema_3[] =
    "CREATE TABLE inner_search (trial_id BIGINT NOT NULL REFERENCES trial(id) ON DELETE CASCADE,"
    " layer INT NOT NULL, value DOUBLE PRECISION, bound DOUBLE PRECISION, pj DOUBLE PRECISION,"
    " cycles BIGINT NOT NULL, trials BIGINT NOT NULL, drawn BIGINT NOT NULL, mapping TEXT,"
    " curve TEXT, error TEXT, PRIMARY KEY (trial_id, layer));"
    "UPDATE meta SET value = '3' WHERE key = 'schema';";
/* from version [i] to i + 1 */
static const char *const migrate[TD__SCHEMA] = {schema_1, schema_2, schema_3};

/* The folder that a path stands in. */
static void folder_of(const char *path, char *out, size_t size) {
    snprintf(out, size, "%s", path);
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        snprintf(out, size, ".");
    else
        slash[slash == out ? 1 : 0] = '\0';
}

/* WAL needs shared memory between processes: not on a network file system (rule 11). */
static td_status refuse_network(const char *path, td_error *err) {
    static const unsigned long types[] = {0x6969 /* NFS */, 0x517B /* SMB */, 0xFF534D42 /* CIFS */,
                                          0xFE534D42 /* SMB2 */, 0x01021997 /* 9P */};
    char dir[PATH_MAX];
    folder_of(path, dir, sizeof dir);
    struct statfs f;
    if (statfs(dir, &f) != 0) return TD_OK; /* opening will tell */
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (((unsigned long)f.f_type & 0xffffffffUL) == types[i])
            return td_fail(err, TD_E_STORE,
                           "%s: a study store cannot stand on a network file system; give a "
                           "local folder with --out",
                           path);
    return TD_OK;
}

/* First cell of a statement's first row as text; "" if there is none. */
static td_status one_text(td_store *s, const char *sql, char *out, size_t size, td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    out[0] = '\0';
    td_status status = td__sql_prepare(s, &st, err, sql, "");
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) snprintf(out, size, "%s", td__sql_text(st, 0));
    sqlite3_finalize(st);
    return status;
}

/* The structure of all pages. SQLite has no checksums: what is wrong within a value is not seen. */
static td_status check_pages(td_store *s, td_error *err) {
    char text[256];
    td_status status = one_text(s, "PRAGMA quick_check(1)", text, sizeof text, err);
    if (status != TD_OK || strcmp(text, "ok") == 0) return status;
    return td_fail(err, TD_E_STORE,
                   "%s: damaged (%s); restore a copy, or move it away to begin anew", s->path,
                   text);
}

/* 0: an empty file. Any but a number of a version is not a store of ours. */
static td_status read_version(td_store *s, td_error *err) {
    char text[64], *end;
    s->schema = 0;
    td_status status = one_text(s, "SELECT count(*) FROM sqlite_master", text, sizeof text, err);
    if (status != TD_OK || strcmp(text, "0") == 0) return status;
    status = one_text(s, "SELECT value FROM meta WHERE key = 'schema'", text, sizeof text, err);
    if (status != TD_OK)
        return (sqlite3_errcode(s->db) & 0xff) == SQLITE_ERROR
                   ? td_fail(err, TD_E_STORE, "%s: not a study store", s->path)
                   : status;
    long version = strtol(text, &end, 10);
    if (text[0] == '\0' || *end != '\0' || version < 1 || version > TD__SCHEMA)
        return td_fail(err, TD_E_UNSUPPORTED,
                       "%s: schema version %s; this program knows versions 1 to %d", s->path,
                       text[0] != '\0' ? text : "missing", TD__SCHEMA);
    s->schema = (int)version;
    return TD_OK;
}

/* In one transaction, which looks at the version again: others may open the store meanwhile. */
static td_status bring_up(td_store *s, td_error *err) {
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = read_version(s, err);
    for (int v = s->schema; status == TD_OK && v < TD__SCHEMA; v++)
        status = td__sql_exec(s, migrate[v], err);
    status = td__sql_end(s, status, err);
    if (status == TD_OK) s->schema = TD__SCHEMA;
    return status;
}

static td_status check_schema(td_store *s, bool create, td_error *err) {
    td_status status = read_version(s, err);
    if (status == TD_OK && s->schema == 0 && !create)
        return td_fail(err, TD_E_STORE, "%s: not a study store (empty)", s->path);
    if (status == TD_OK && s->schema > 0) status = check_pages(s, err);
    if (status == TD_OK && create && s->schema < TD__SCHEMA) status = bring_up(s, err);
    return status;
}

/* "file:" name of a path, with what would have a meaning there escaped. Caller frees. */
static char *uri_of(const char *path, const char *options) {
    td_text t = {0};
    td_text_add(&t, path[0] == '/' ? "file://" : "file:");
    for (; *path != '\0'; path++) {
        if (strchr("%?#", *path) != NULL)
            td_text_addf(&t, "%%%02x", (unsigned)*path);
        else
            td_text_add_bytes(&t, path, 1);
    }
    td_text_addf(&t, "?%s", options);
    if (t.failed) td_text_free(&t);
    return t.data;
}

static bool file_size(const char *path, const char *ending, int64_t *size) {
    char name[PATH_MAX];
    struct stat st;
    snprintf(name, sizeof name, "%s%s", path, ending);
    if (stat(name, &st) != 0) return false;
    *size = st.st_size;
    return true;
}

/* How a reader opens a store so that no file is made or changed:
 *
 *     files there         meaning                        opened as
 *     db                  nobody writes                  immutable: no lock, no other file
 *     db, -wal, -shm      a search runs, or was killed   the shared index is only read; where its
 *                                                        maker is dead, SQLite makes one in memory
 *     db, -wal            copied without the index       plainly: the index is made again
 */
static const char *reader_options(const char *path) {
    int64_t wal = 0, shm;
    if (file_size(path, "-shm", &shm)) return "mode=ro&readonly_shm=1";
    return file_size(path, "-wal", &wal) && wal > 0 ? "mode=ro" : "immutable=1&mode=ro";
}

static td_status open_file(td_store *s, const char *path, const char *options, td_error *err) {
    char *uri = uri_of(path, options);
    if (uri == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    int rc = sqlite3_open_v2(
        uri, &s->db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    free(uri);
    if (s->db == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, 60000);
    return rc == SQLITE_OK ? TD_OK : td__sql_fail(s, err);
}

static const char writer_pragmas[] =
    "PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";

/* A new store appears at once and whole: made under another name and then linked to its own, unless
 * somebody else was first. So nobody ever meets one that is half made, or not in WAL mode yet, in
 * which openings are refused where waiting would be right. What cannot be linked (a file system
 * without links) is made in place by the opening. */
static td_status make_whole(const td_store *s, td_error *err) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s.%ld-%llx", s->path, (long)getpid(),
             (unsigned long long)(td_time_mono_s() * 1e9));
    td_store fresh = {.path = s->path};
    td_status status = open_file(&fresh, name, "mode=rwc", err);
    if (status == TD_OK) status = bring_up(&fresh, err);
    if (status == TD_OK) status = td__sql_exec(&fresh, writer_pragmas, err);
    td__sql_close(&fresh);
    if (status == TD_OK && link(name, s->path) != 0) errno = 0; /* there, or made in place */
    unlink(name);
    return status;
}

/* The file is looked at before anything is written to it: it may be somebody else's. */
static td_status open_writer(td_store *s, td_error *err) {
    td_status status = td_file_exists(s->path) ? TD_OK : make_whole(s, err);
    if (status == TD_OK) status = open_file(s, s->path, "mode=rwc", err);
    if (status == TD_OK) status = check_schema(s, true, err);
    return status == TD_OK ? td__sql_exec(s, writer_pragmas, err) : status;
}

/* When the machine's monotonic clock began, as a name. */
static void read_boot(char *out, size_t size) {
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    out[0] = '\0';
    if (f == NULL) return;
    if (fgets(out, (int)size, f) != NULL) out[strcspn(out, "\n")] = '\0';
    fclose(f);
}

static td_store *new_handle(const char *path) {
    td_store *s = calloc(1, sizeof *s);
    if (s == NULL || (s->path = strdup(path)) == NULL) {
        free(s);
        return NULL;
    }
    s->lock.fd = -1;
    s->reads = -1;
    read_boot(s->boot, sizeof s->boot);
    return s;
}

/* Whoever asks or tells by hand opens and closes the store, and its files with it, within
 * milliseconds: not while somebody finds out which there are and reads them. */
static td_status open_reader(td_store *s, td_error *err) {
    char path[PATH_MAX];
    folder_of(s->path, path, sizeof path - sizeof "/study.lock");
    strcat(path, "/study.lock");
    s->reads = td__lock_share(path, TD__HAND_BYTE, 10);
    td_status status = open_file(s, s->path, reader_options(s->path), err);
    return status == TD_OK ? check_schema(s, false, err) : status;
}

td_status td_store_open(const char *path, bool create, td_store **out, td_error *err) {
    *out = NULL;
    if (strlen(path) + 64 > PATH_MAX)
        return td_fail(err, TD_E_USAGE, "%.40s...: the path is too long", path);
    if (!create && !td_file_exists(path))
        return td_fail(err, TD_E_NOT_FOUND, "%s: no study store there", path);
    td_status status = refuse_network(path, err);
    if (status != TD_OK) return status;
    td_store *s = new_handle(path);
    if (s == NULL)
        status = td_fail(err, TD_E_MEMORY, "out of memory");
    else
        status = create ? open_writer(s, err) : open_reader(s, err);
    if (status == TD_OK)
        *out = s;
    else
        td_store_close(s);
    return status;
}

td_status td__store_again(const td_store *s, td_store **out, td_error *err) {
    td_store *other = new_handle(s->path);
    *out = other;
    if (other == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    other->worker = s->worker;
    other->schema = s->schema;
    td_status status = open_file(other, other->path, "mode=rw", err);
    if (status == TD_OK) status = td__sql_exec(other, writer_pragmas, err);
    if (status == TD_OK) return TD_OK;
    td_store_close(other);
    *out = NULL;
    return status;
}

void td_store_close(td_store *s) {
    if (s == NULL) return;
    td__sql_close(s);
    td__lock_close(&s->lock);
    if (s->reads >= 0) close(s->reads);
    free(s->path);
    free(s);
}
