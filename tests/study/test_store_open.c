/* Opening a store: what is refused and how, readers that leave no trace, damage, a full disk. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../../src/study/store.h"
#include "scratch.h"

typedef struct {
    char *folder, path[1200];
    td_error err;
} fixture;

static int setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    f.folder = scratch_make();
    snprintf(f.path, sizeof f.path, "%s/study.db", f.folder);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    scratch_remove(((fixture *)*state)->folder);
    return 0;
}

static td__finish done(int64_t number) {
    return (td__finish){.outcome = {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {-(double)number}},
                        .metric = {1, 2, 3},
                        .accuracy = 0.5,
                        .net_hash = (uint64_t)number + 1,
                        .hw_hash = 1};
}

/* Trials [first, last) of study "s", each asked, claimed and told. */
static td_status fill(td_store *s, int first, int last, td_error *err) {
    int64_t study, number, id, token;
    bool made;
    const td__study spec = {.name = "s",
                            .spec = "spec",
                            .spec_hash = 1,
                            .seed = 1,
                            .max_trials = 1000000,
                            .max_trained = INT64_MAX,
                            .max_active_s = INFINITY};
    td_status st = td__store_study(s, &spec, &study, err);
    for (int i = first; st == TD_OK && i < last; i++) {
        char key[32];
        snprintf(key, sizeof key, "0:%d", i);
        st = td__store_ask(s, study, key, i, "{\"decision\": 12345}", 7, 60, &number, &made, err);
        if (st == TD_OK) st = td__store_claim(s, study, number, 60, &id, &token, err);
        td__finish f = done(number);
        if (st == TD_OK) st = td__store_tell(s, id, token, &f, err);
    }
    return st;
}

static void make(fixture *f, int trials) {
    td_store *s;
    assert_ok(td_store_open(f->path, true, &s, &f->err), &f->err);
    assert_ok(fill(s, 0, trials, &f->err), &f->err);
    td_store_close(s);
}

/* Opens for reading or writing and reads all there is: the first fault. */
static td_status read_all(const char *path, bool create, int *n, td_error *err) {
    td_store *s = NULL;
    td_arena *a = td_arena_create();
    td_study_info *info;
    td_trial_row *t;
    int studies = 0;
    *n = 0;
    td_status st = td_store_open(path, create, &s, err);
    if (st == TD_OK) st = td_store_studies(s, a, &info, &studies, err);
    for (int i = 0; st == TD_OK && i < studies; i++)
        st = td_store_trials(s, info[i].name, a, &t, n, err);
    td_store_close(s);
    td_arena_destroy(a);
    return st;
}

static void one_line(const td_error *err) {
    assert_true(err->message[0] != '\0');
    assert_null(strchr(err->message, '\n'));
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void absent_store(void **state) {
    fixture *f = *state;
    int n;
    assert_int_equal(read_all(f->path, false, &n, &f->err), TD_E_NOT_FOUND);
    assert_false(td_file_exists(f->path));
    assert_int_equal(read_all(scratch_path(f->folder, "no/folder/study.db"), true, &n, &f->err),
                     TD_E_IO);
    assert_int_equal(read_all(f->folder, true, &n, &f->err), TD_E_IO);
}

static void text_is_not_a_store(void **state) {
    fixture *f = *state;
    int n;
    static const char text[] = "trial,accuracy\n1,0.5\n";
    scratch_write(f->folder, "study.db", text, sizeof text - 1);
    for (int create = 0; create < 2; create++) {
        assert_int_equal(read_all(f->path, create, &n, &f->err), TD_E_STORE);
        one_line(&f->err);
    }
    char *data;
    size_t size;
    assert_ok(td_file_read(f->path, 0, &data, &size, &f->err), &f->err);
    assert_int_equal(size, sizeof text - 1);
    assert_memory_equal(data, text, size);
    free(data);
}

/* The database of another program is refused, and not a byte of it changes. */
static void foreign_database(void **state) {
    fixture *f = *state;
    sqlite3 *db;
    int n;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    char *before, *after;
    size_t size, size_after;
    assert_ok(td_file_read(f->path, 0, &before, &size, &f->err), &f->err);
    for (int create = 0; create < 2; create++) {
        assert_int_equal(read_all(f->path, create, &n, &f->err), TD_E_STORE);
        assert_non_null(strstr(f->err.message, "not a study store"));
    }
    assert_ok(td_file_read(f->path, 0, &after, &size_after, &f->err), &f->err);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

static void newer_schema(void **state) {
    fixture *f = *state;
    sqlite3 *db;
    int n;
    make(f, 1);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE meta SET value = '4'", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(read_all(f->path, false, &n, &f->err), TD_E_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, "schema version 4"));
}

static void odd_names_are_names(void **state) {
    fixture *f = *state;
    static const char *const names[] = {"a b?mode=memory", "100%25", "x#y", "\xc3\xa4;'\"&c=1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(f->path, sizeof f->path, "%s/%s", f->folder, names[i]);
        make(f, 3);
        assert_true(td_file_exists(f->path));
        int n;
        assert_ok(read_all(f->path, false, &n, &f->err), &f->err);
        assert_int_equal(n, 3);
    }
}

/* ---- readers --------------------------------------------------------------------------------- */

typedef struct {
    int files;
    uint64_t hash;
} trace;

/* All files of a folder: names, sizes, contents. Order does not matter. */
static trace trace_of(const char *folder) {
    trace t = {0};
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        char *data;
        size_t size;
        td_error err;
        assert_ok(td_file_read(scratch_path(folder, e->d_name), 0, &data, &size, &err), &err);
        t.hash += td_hash(data, size, td_hash_text(e->d_name, 0));
        t.files++;
        free(data);
    }
    closedir(d);
    return t;
}

static void reading_leaves_no_trace(void **state) {
    fixture *f = *state;
    int n;
    make(f, 50);
    trace before = trace_of(f->folder);
    assert_int_equal(before.files, 1);
    td_store *s;
    assert_ok(td_store_open(f->path, false, &s, &f->err), &f->err);
    assert_int_equal(trace_of(f->folder).files, 1); /* nor while it reads */
    td_store_close(s);
    assert_ok(read_all(f->path, false, &n, &f->err), &f->err);
    assert_int_equal(n, 50);
    trace after = trace_of(f->folder);
    assert_int_equal(after.files, 1);
    assert_true(after.hash == before.hash);
}

/* A reader cannot write, whatever it is asked. */
static void readers_cannot_write(void **state) {
    fixture *f = *state;
    make(f, 1);
    td_store *s;
    assert_ok(td_store_open(f->path, false, &s, &f->err), &f->err);
    assert_int_equal(fill(s, 1, 2, &f->err), TD_E_IO);
    td_store_close(s);
}

/* What stands in the log of a killed process is read, and left for its resume. */
static void reading_after_a_kill(void **state) {
    fixture *f = *state;
    int n, status;
    pid_t child = fork();
    if (child == 0) {
        td_store *s;
        td_error err;
        if (td_store_open(f->path, true, &s, &err) == TD_OK && fill(s, 0, 50, &err) == TD_OK)
            raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    trace before = trace_of(f->folder);
    assert_int_equal(before.files, 3);
    for (int i = 0; i < 2; i++) {
        assert_ok(read_all(f->path, false, &n, &f->err), &f->err);
        assert_int_equal(n, 50);
        trace after = trace_of(f->folder);
        assert_int_equal(after.files, 3);
        assert_true(after.hash == before.hash);
    }
    /* A copy of the two files that hold the data is read as well. */
    unlink(scratch_path(f->folder, "study.db-shm"));
    assert_ok(read_all(f->path, false, &n, &f->err), &f->err);
    assert_int_equal(n, 50);
    assert_ok(read_all(f->path, true, &n, &f->err), &f->err);
    assert_int_equal(n, 50);
}

static void reading_where_writing_is_forbidden(void **state) {
    fixture *f = *state;
    int n;
    make(f, 5);
    chmod(f->path, 0444);
    chmod(f->folder, 0555);
    td_status s = read_all(f->path, false, &n, &f->err);
    chmod(f->folder, 0755);
    assert_ok(s, &f->err);
    assert_int_equal(n, 5);
}

typedef struct {
    const char *path;
    atomic_bool stop;
    atomic_int written;
    td_status status;
    td_error err;
} writer;

static void *write_on(void *arg) {
    writer *w = arg;
    td_store *s;
    w->status = td_store_open(w->path, true, &s, &w->err);
    for (int i = 0; w->status == TD_OK && !atomic_load(&w->stop); i++) {
        w->status = fill(s, i, i + 1, &w->err);
        if (w->status == TD_OK) atomic_store(&w->written, i + 1);
    }
    td_store_close(s);
    return NULL;
}

/* Readers see the trials that were told before, in full, while the writer passes over several
 * checkpoints; neither waits for the other. */
static void reading_beside_a_writer(void **state) {
    fixture *f = *state;
    writer w = {.path = f->path};
    pthread_t t;
    make(f, 0);
    assert_int_equal(pthread_create(&t, NULL, write_on, &w), 0);
    double slowest = 0;
    int last = 0, reads = 0;
    double end = td_time_mono_s() + 1.5;
    td_status s = TD_OK;
    while (s == TD_OK && td_time_mono_s() < end) {
        int before = atomic_load(&w.written), n;
        double start = td_time_mono_s();
        s = read_all(f->path, false, &n, &f->err);
        double took = td_time_mono_s() - start;
        if (took > slowest) slowest = took;
        if (s != TD_OK) break;
        reads++;
        if (n < before || n < last) s = td_fail(&f->err, TD_E_INTERNAL, "trials are missing");
        last = n;
    }
    atomic_store(&w.stop, true);
    pthread_join(t, NULL);
    assert_ok(s, &f->err);
    assert_ok(w.status, &w.err);
    assert_true(reads > 3 && last > 10);
    assert_true(slowest < 5); /* a reader that waits for a lock would wait ten seconds */
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Whatever is done to the file, it is told in one line or the trials are all there: no crash, no
 * silent loss. */
static void random_damage(void **state) {
    fixture *f = *state;
    make(f, 120);
    char *good;
    size_t size;
    int refused = 0, n;
    assert_ok(td_file_read(f->path, 0, &good, &size, &f->err), &f->err);
    char *bad = malloc(size);
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    for (int round = 0; round < 60; round++) {
        memcpy(bad, good, size);
        size_t length = (size_t)(8u << td_rng_below(&r, 11));
        size_t at = td_rng_below(&r, size);
        for (size_t i = at; i < at + length && i < size; i++) bad[i] = (char)td_rng_u32(&r);
        for (int create = 0; create < 2; create++) {
            scratch_write(f->folder, "study.db", bad, size);
            td_status s = read_all(f->path, create, &n, &f->err);
            if (s == TD_OK) {
                assert_int_equal(n, 120);
            } else {
                assert_true(s == TD_E_STORE || s == TD_E_UNSUPPORTED);
                one_line(&f->err);
                refused++;
            }
            unlink(scratch_path(f->folder, "study.db-wal"));
            unlink(scratch_path(f->folder, "study.db-shm"));
        }
    }
    assert_true(refused > 40); /* most damage of this size hits the structure */
    free(bad);
    free(good);
}

/* Damage where no query of a reader looks: in the cache of accuracies. */
static void damage_aside(void **state) {
    fixture *f = *state;
    make(f, 120);
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT rootpage, (SELECT page_size FROM "
                                        "pragma_page_size) FROM sqlite_master WHERE name = "
                                        "'eval_cache'",
                                        -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    long at = (sqlite3_column_int(st, 0) - 1) * sqlite3_column_int(st, 1);
    sqlite3_finalize(st);
    sqlite3_close(db);
    FILE *file = fopen(f->path, "r+b");
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    for (int i = 0; i < 64; i++) fputc(0xa5, file);
    fclose(file);
    for (int create = 0; create < 2; create++) {
        int n;
        assert_int_equal(read_all(f->path, create, &n, &f->err), TD_E_STORE);
        assert_non_null(strstr(f->err.message, "damaged"));
        one_line(&f->err);
    }
}

static void truncated(void **state) {
    fixture *f = *state;
    make(f, 120);
    char *good;
    size_t size;
    int n;
    assert_ok(td_file_read(f->path, 0, &good, &size, &f->err), &f->err);
    /* From two bytes on: SQLite takes files of none or one as new. */
    for (size_t keep = 2; keep < size; keep += keep < 200 ? 33 : 3333) {
        for (int create = 0; create < 2; create++) {
            scratch_write(f->folder, "study.db", good, keep);
            assert_int_equal(read_all(f->path, create, &n, &f->err), TD_E_STORE);
            one_line(&f->err);
        }
    }
    free(good);
}

static void impossible_rows(void **state) {
    static const char *const sql[] = {
        "UPDATE trial SET number = 77 WHERE number = 3", "UPDATE trial SET state = 9",
        "UPDATE trial SET seen = number + 1", "UPDATE trial SET seen = -1",
        "DELETE FROM trial WHERE number = 2"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
        sqlite3 *db;
        int n;
        unlink(f->path);
        make(f, 5);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        assert_int_equal(read_all(f->path, false, &n, &f->err), TD_E_STORE);
        assert_non_null(strstr(f->err.message, "damaged (trial "));
    }
}

/* ---- a full disk ----------------------------------------------------------------------------- */

static void full_disk(void **state) {
    fixture *f = *state;
    make(f, 10);
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low = (struct rlimit){.rlim_cur = (rlim_t)st.st_size + 60000, .rlim_max = old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    td_store *s = NULL;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    td_status status = td_store_open(f->path, true, &s, &f->err);
    if (status == TD_OK) status = fill(s, 10, 5000, &f->err);
    td_store_close(s);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, TD_E_IO);
    assert_non_null(strstr(f->err.message, "no space left on device"));
    one_line(&f->err);
    /* Nothing that was told is lost, and there is more after the disk has room again. */
    int before, n;
    assert_ok(read_all(f->path, false, &before, &f->err), &f->err);
    assert_true(before >= 10);
    assert_ok(td_store_open(f->path, true, &s, &f->err), &f->err);
    int64_t study, reaped;
    assert_ok(td__store_find(s, "s", &study, &f->err), &f->err);
    assert_ok(td__store_reap(s, study, 5, &reaped, &f->err), &f->err);
    assert_ok(fill(s, before, before + 20, &f->err), &f->err);
    td_store_close(s);
    assert_ok(read_all(f->path, false, &n, &f->err), &f->err);
    assert_int_equal(n, before + 20);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(absent_store),
        CASE(text_is_not_a_store),
        CASE(foreign_database),
        CASE(newer_schema),
        CASE(odd_names_are_names),
        CASE(reading_leaves_no_trace),
        CASE(readers_cannot_write),
        CASE(reading_after_a_kill),
        CASE(reading_where_writing_is_forbidden),
        CASE(reading_beside_a_writer),
        CASE(random_damage),
        CASE(damage_aside),
        CASE(truncated),
        CASE(impossible_rows),
        CASE(full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
