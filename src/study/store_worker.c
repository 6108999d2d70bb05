/* store_worker.c - who works on the studies of a store: joining, heartbeats, and what is taken back
 * from workers that died or hang. Rules: docs/store.md. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store_sql.h"

/* "study.lock" of "study.db". */
static td_status open_lock(td_store *s, td_error *err) {
    char path[PATH_MAX];
    size_t n = strlen(s->path);
    if (s->lock.fd >= 0) return TD_OK;
    if (n > 3 && strcmp(s->path + n - 3, ".db") == 0) n -= 3;
    if (snprintf(path, sizeof path, "%.*s.lock", (int)n, s->path) >= (int)sizeof path)
        return td_fail(err, TD_E_USAGE, "%.40s...: the path is too long", s->path);
    return td__lock_open(path, &s->lock, err);
}

int64_t td__store_worker(const td_store *s) {
    return s->worker;
}

static int64_t wall_ms(void) {
    return (int64_t)(td_time_wall_s() * 1000);
}

int64_t td__store_now(void) {
    return (int64_t)(td_time_mono_s() * 1000);
}

/* The byte is taken before the row can be seen, so a row without its byte is a dead worker. A byte
 * that somebody holds is that of a worker of another database in this place. */
td_status td__store_join(td_store *s, td_error *err) {
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    td_status status = open_lock(s, err);
    if (status == TD_OK) status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    td_status taken;
    do {
        taken = TD_OK;
        status = td__sql_run(s, err,
                             "INSERT INTO worker (pid, host, boot, started, last_seen)"
                             " VALUES (?, ?, ?, ?, ?)",
                             "issii", (int64_t)getpid(), host, s->boot, wall_ms(), wall_ms());
        s->worker = sqlite3_last_insert_rowid(s->db);
        if (status == TD_OK) taken = td__lock_take(&s->lock, s->worker, err);
    } while (taken == TD_E_STORE);
    return td__sql_end(s, status == TD_OK ? taken : status, err);
}

td_status td__store_leave(td_store *s, td_error *err) {
    if (s->worker == 0) return TD_OK;
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_run(s, err,
                         "UPDATE trial INDEXED BY trial_worker SET state = 0, lease_until = NULL,"
                         " worker = NULL, attempt = attempt - 1 WHERE worker = ? AND state = 1",
                         "i", s->worker);
    if (status == TD_OK)
        status = td__sql_run(s, err, "DELETE FROM eval_claim WHERE worker = ?", "i", s->worker);
    if (status == TD_OK)
        status = td__sql_run(s, err, "UPDATE worker SET ended = ?, last_seen = ? WHERE id = ?",
                             "iii", wall_ms(), wall_ms(), s->worker);
    status = td__sql_end(s, status, err);
    s->worker = 0;
    td__lock_close(&s->lock);
    return status;
}

bool td__store_alive(const td_store *s, int64_t worker, const char *boot) {
    if (worker == s->worker && worker != 0) return true;
    return worker > 0 && strcmp(boot, s->boot) == 0 && td__lock_held(&s->lock, worker);
}

td_status td__store_others(td_store *s, int64_t *n, td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = true;
    *n = 0;
    td_status status = open_lock(s, err);
    if (status == TD_OK)
        status = td__sql_prepare(s, &st, err,
                                 "SELECT id, boot FROM worker WHERE ended IS NULL AND id <> ?", "i",
                                 s->worker);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row)
        *n += td__store_alive(s, sqlite3_column_int64(st, 0), td__sql_text(st, 1));
    sqlite3_finalize(st);
    return status;
}

/* Active time is the union of what the workers' beats cover: from one beat to the next one, of
 * whatever worker, if it comes within a lease. */
td_status td__store_active(td_store *s, int64_t study, bool fresh, double lease_s, td_error *err) {
    int64_t now = td__store_now(), longest = fresh ? -1 : (int64_t)(lease_s * 1000);
    return td__sql_run(s, err,
                       "UPDATE study SET active = active + CASE WHEN active_boot = ?1 AND"
                       " ?2 - active_at BETWEEN 0 AND ?3 THEN ?2 - active_at ELSE 0 END,"
                       " active_at = ?2, active_boot = ?1 WHERE id = ?4",
                       "siii", s->boot, now, longest, study);
}

td_status td__store_beat(td_store *s, int64_t study, double lease_s, td_error *err) {
    int64_t until = td__store_now() + (int64_t)(lease_s * 1000);
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_run(s, err,
                         "UPDATE trial INDEXED BY trial_worker SET lease_until = ?"
                         " WHERE worker = ? AND state = 1",
                         "ii", until, s->worker);
    if (status == TD_OK)
        status = td__sql_run(s, err, "UPDATE eval_claim SET lease_until = ? WHERE worker = ?", "ii",
                             until, s->worker);
    if (status == TD_OK)
        status = td__sql_run(s, err, "UPDATE worker SET last_seen = ? WHERE id = ?", "ii",
                             wall_ms(), s->worker);
    if (status == TD_OK && study != 0) status = td__store_active(s, study, false, lease_s, err);
    return td__sql_end(s, status, err);
}

/* ---- taking back ------------------------------------------------------------------------------
 */

/* The first worker after `after` that has to give trials back: all it has (`dead`), or those of
 * leases that are over. Workers are in order of number. */
static td_status next_lost(td_store *s, int64_t study, int64_t *after, bool *found, bool *dead,
                           td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    *found = false;
    td_status status =
        td__sql_cached(s, &st, err,
                       "SELECT t.worker, coalesce(w.boot, ''), min(t.lease_until) < ?"
                       " FROM trial t INDEXED BY trial_worker LEFT JOIN worker w ON w.id = t.worker"
                       " WHERE t.study_id = ? AND t.state = 1 AND t.worker > ? GROUP BY t.worker"
                       " ORDER BY t.worker",
                       "iii", td__store_now(), study, *after);
    while (!*found && status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK &&
           row) {
        *after = sqlite3_column_int64(st, 0);
        *dead = !td__store_alive(s, *after, td__sql_text(st, 1));
        *found = *dead || (sqlite3_column_int(st, 2) != 0 && *after != s->worker);
    }
    td__sql_done(s, st);
    return status;
}

/* A trial that the reaping ended takes a revision too, or strategies never hear of it. */
static td_status revise_failed(td_store *s, int64_t study, td_error *err) {
    td_status status = TD_OK;
    for (bool row = true; status == TD_OK && row;) {
        sqlite3_stmt *st;
        int64_t id = 0;
        status = td__sql_cached(s, &st, err,
                                "SELECT id FROM trial INDEXED BY trial_rev WHERE study_id = ? AND"
                                " state = 4 AND rev = 0 ORDER BY number LIMIT 1",
                                "i", study);
        if (status == TD_OK) status = td__sql_step(s, st, &row, err);
        if (status == TD_OK && row) id = sqlite3_column_int64(st, 0);
        td__sql_done(s, st);
        if (status == TD_OK && row) status = td__store_take_rev(s, id, err);
    }
    return status;
}

static td_status take_back(td_store *s, int64_t study, int64_t worker, bool dead, int max_attempts,
                           int64_t *reaped, td_error *err) {
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_run(
        s, err,
        "UPDATE trial INDEXED BY trial_worker SET token = token + 1, lease_until = NULL,"
        " worker = NULL, state = CASE WHEN attempt >= ?1 THEN 4 ELSE 0 END,"
        " error = CASE WHEN attempt >= ?1 THEN 'lost with its worker ' || attempt || ' times' END,"
        " finished = CASE WHEN attempt >= ?1 THEN ?2 END"
        " WHERE study_id = ?3 AND state = 1 AND worker = ?4"
        " AND (?5 OR lease_until < ?6)",
        "iiiiii", (int64_t)max_attempts, wall_ms(), study, worker, (int64_t)dead, td__store_now());
    if (status == TD_OK) *reaped += sqlite3_changes(s->db);
    if (status == TD_OK) status = revise_failed(s, study, err);
    return td__sql_end(s, status, err);
}

/* Looks first, and writes only where there is something to take: a number is never given again, so
 * a worker that was dead stays so. */
td_status td__store_reap(td_store *s, int64_t study, int max_attempts, int64_t *reaped,
                         td_error *err) {
    int64_t worker = -1; /* 0: of version 1, and of handles that have not joined */
    bool found = true, dead = false;
    *reaped = 0;
    td_status status = open_lock(s, err);
    while (status == TD_OK && found) {
        status = next_lost(s, study, &worker, &found, &dead, err);
        if (status == TD_OK && found)
            status = take_back(s, study, worker, dead, max_attempts, reaped, err);
    }
    return status;
}

td_status td__store_check(td_store *s, td_error *err) {
    int moved = 0;
    const char *lost = NULL;
    if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved)
        lost = s->path;
    else if (s->lock.fd >= 0 && !td__lock_kept(&s->lock))
        lost = s->lock.path;
    if (lost == NULL) return TD_OK;
    return td_fail(err, TD_E_STORE,
                   "%s: removed or replaced while in use; put it back, or begin "
                   "anew in another folder",
                   lost);
}
