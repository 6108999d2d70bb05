/* store_report.c - what trials report on their way: curves, in the table trial_report. `idx` tells
 * what a value is, for ever (docs/store.md): objectives, constraints, the accuracy. */
#include <string.h>

#include "store_sql.h"

enum { IDX_OBJECTIVE = 0, IDX_CONSTRAINT = 16, IDX_ACCURACY = 35 };

static td_status put(td_store *s, int64_t trial, int64_t step, int idx, double v, td_error *err) {
    return td__sql_run(s, err,
                       "INSERT INTO trial_report (trial_id, step, idx, value, code)"
                       " VALUES (?, ?, ?, ?, ?)",
                       "iiidi", trial, step, (int64_t)idx, v, (int64_t)td__sql_code(v));
}

static td_status put_point(td_store *s, int64_t trial, int64_t step, const td_outcome *o,
                           td_error *err) {
    td_status status = TD_OK;
    for (int k = 0; status == TD_OK && k < o->nobj; k++)
        status = put(s, trial, step, IDX_OBJECTIVE + k, o->obj[k], err);
    for (int k = 0; status == TD_OK && k < o->ncon; k++)
        status = put(s, trial, step, IDX_CONSTRAINT + k, o->con[k], err);
    return status;
}

td_status td__store_put_curve(td_store *s, int64_t trial, const td__finish *f, td_error *err) {
    td_status status = TD_OK;
    for (int i = 0; status == TD_OK && i < f->curve.n; i++) {
        const td_curve_point *p = &f->curve.at[i];
        status = put_point(s, trial, p->step, &p->value, err);
        if (status == TD_OK && f->curve_accuracy != NULL)
            status = put(s, trial, p->step, IDX_ACCURACY, f->curve_accuracy[i], err);
    }
    return status;
}

td_status td__store_own(td_store *s, int64_t id, int64_t token, td_error *err) {
    sqlite3_stmt *st;
    bool mine = false;
    td_status status =
        td__sql_cached(s, &st, err, "SELECT 1 FROM trial WHERE id = ? AND token = ? AND state = 1",
                       "ii", id, token);
    if (status == TD_OK) status = td__sql_step(s, st, &mine, err);
    td__sql_done(s, st);
    return status == TD_OK && !mine
               ? td_fail(err, TD_E_STALE, "the trial was given to somebody else")
               : status;
}

static td_status put_report(td_store *s, int64_t id, int64_t token, int64_t step,
                            const td_outcome *value, td_error *err) {
    td_status status = td__store_own(s, id, token, err);
    if (status == TD_OK)
        status = td__sql_run(s, err, "DELETE FROM trial_report WHERE trial_id = ? AND step >= ?",
                             "ii", id, step);
    return status == TD_OK ? put_point(s, id, step, value, err) : status;
}

td_status td__store_report(td_store *s, int64_t id, int64_t token, int64_t step,
                           const td_outcome *value, td_error *err) {
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    return td__sql_end(s, put_report(s, id, token, step, value, err), err);
}

/* The points of one trial while they are read. */
typedef struct {
    td_curve_point *at;
    int n, room;
} points;

static td_status add_value(points *p, int64_t step, int idx, double v, td_arena *a, td_error *err) {
    if (p->n == 0 || p->at[p->n - 1].step != step) {
        if (p->n == p->room) {
            p->room = p->room > 0 ? 2 * p->room : 8;
            td_curve_point *wide = TD_NEW(a, td_curve_point, p->room);
            if (wide == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
            if (p->n > 0) memcpy(wide, p->at, sizeof *wide * (size_t)p->n);
            p->at = wide;
        }
        p->at[p->n++] =
            (td_curve_point){.step = step, .value = {.state = TD_TRIAL_DONE, .fidelity = 1}};
    }
    td_outcome *o = &p->at[p->n - 1].value;
    const int obj = idx - IDX_OBJECTIVE, con = idx - IDX_CONSTRAINT;
    if (obj >= 0 && obj < (int)(sizeof o->obj / sizeof o->obj[0])) {
        o->obj[obj] = v;
        o->nobj = obj + 1;
    } else if (con >= 0 && con < (int)(sizeof o->con / sizeof o->con[0])) {
        o->con[con] = v;
        o->ncon = con + 1;
    }
    return TD_OK;
}

td_status td__store_load_curves(td_store *s, int64_t study, int64_t rev, td_arena *a, td__trial *t,
                                int n, td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    int at = 0;
    points p = {0};
    td_status status = td__sql_cached(
        s, &st, err,
        rev < 0 ? "SELECT t.number, r.step, r.idx, r.value, r.code FROM trial t JOIN trial_report r"
                  " ON r.trial_id = t.id WHERE t.study_id = ? AND +t.rev > ?"
                  " ORDER BY t.number, r.step, r.idx"
                : "SELECT t.number, r.step, r.idx, r.value, r.code FROM trial t INDEXED BY"
                  " trial_rev JOIN trial_report r ON r.trial_id = t.id WHERE t.study_id = ? AND"
                  " t.rev > ? ORDER BY t.rev, r.step, r.idx",
        "ii", study, rev);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        int64_t number = sqlite3_column_int64(st, 0);
        for (; at < n && t[at].number != number; at++) p = (points){0};
        if (at == n) break;
        status = add_value(&p, sqlite3_column_int64(st, 1), sqlite3_column_int(st, 2),
                           td__sql_value(st, 3, 4), a, err);
        t[at].curve = (td_curve){.number = number, .at = p.at, .n = p.n};
    }
    td__sql_done(s, st);
    return status;
}

td_status td__store_curve(td_store *s, int64_t id, int64_t number, td_arena *a, td_curve *out,
                          td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    points p = {0};
    td_status status = td__sql_cached(s, &st, err,
                                      "SELECT step, idx, value, code FROM trial_report WHERE"
                                      " trial_id = ? ORDER BY step, idx",
                                      "i", id);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row)
        status = add_value(&p, sqlite3_column_int64(st, 0), sqlite3_column_int(st, 1),
                           td__sql_value(st, 2, 3), a, err);
    td__sql_done(s, st);
    *out = (td_curve){.number = number, .at = p.at, .n = p.n};
    return status;
}
