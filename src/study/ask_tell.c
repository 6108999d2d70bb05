/* ask_tell.c - a problem whose trials another program evaluates: each call opens the study, does
 * its work and is gone.
 *
 * Trials are told in whatever order they end: that of their revisions. Trial n is asked when the
 * strategy has been told all that was known at that moment, and how many these were stands beside
 * the trial (`seen`). So the log says which calls the strategy has had, and an ask makes them
 * again: ask 0, tell the first `seen` of trial 1, ask 1, ... Trials that were asked and are never
 * told hold up nothing: the strategy knows them as pending.
 *
 * Where trials are stopped early, a report is judged beside the trials that have ended by then, and
 * the verdict ends the trial. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "blackbox.h"
#include "enqueue.h"
#include "stop.h"

/* ---- one at a time --------------------------------------------------------------------------- */

td_status td__take_turn(const char *folder, td_arena *a, td__lock *lock, td_error *err) {
    static const struct timespec pause = {.tv_nsec = 5000000};
    const double until = td_time_mono_s() + 60;
    const char *path = td_arena_printf(a, "%s/study.lock", folder);
    td_status s =
        path != NULL ? td__lock_open(path, lock, err) : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s != TD_OK) return s;
    while ((s = td__lock_take(lock, TD__HAND_BYTE, err)) == TD_E_STORE) {
        if (td_time_mono_s() > until)
            return td_fail(err, TD_E_STORE, "%s: another process works in this folder", folder);
        nanosleep(&pause, NULL);
    }
    return s;
}

typedef struct {
    td_arena *arena;
    td__lock lock;
    td_store *store;
    td__row row;
    int64_t study;
} session;

static void close_session(session *s) {
    td_store_close(s->store);
    td__lock_close(&s->lock);
    td_arena_destroy(s->arena);
}

/* The study of a folder, made if `make` says so. */
static td_status open_session(const td_blackbox *b, const char *folder, bool make, session *s,
                              td_error *err) {
    int state = -1;
    *s = (session){.arena = td_arena_create(), .lock = {.fd = -1}};
    if (s->arena == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (b->nested != NULL)
        return td_fail(err, TD_E_USAGE,
                       "%s: layers on accelerators are evaluated by tandem itself: `tandem search`",
                       b->path);
    td_status status = make ? td_dir_make(folder, err) : TD_OK;
    if (status == TD_OK) status = td__take_turn(folder, s->arena, &s->lock, err);
    if (status == TD_OK) status = td__blackbox_open(folder, TD__STUDY_ASK, &s->store, err);
    if (status == TD_OK) status = td__blackbox_row(b, true, s->arena, &s->row, err);
    s->row.store = s->store;
    if (status != TD_OK || make)
        return status == TD_OK ? td__row_enter(&s->row, &s->study, err) : status;
    status = td__row_find(&s->row, &s->study, &state, err);
    if (status == TD_OK && state < 0)
        status = td_fail(err, TD_E_NOT_FOUND, "%s: no trial was asked for there", folder);
    return status;
}

/* ---- the calls that a strategy has had ------------------------------------------------------- */

typedef struct {
    const td__row *row;
    void *state; /* of the strategy */
    td__trial *t;
    int n;
    int *told;    /* trials by revision: those that are finished */
    int n_told;   /* of them */
    int64_t seen; /* were told so far */
    td_choices *c;
} replay;

static td_status fail_changed(const replay *r, int64_t number, td_error *err) {
    return td_fail(err, TD_E_STORE,
                   "row \"%s\": trial %lld in the store is not the one that this program asks for; "
                   "it was made by another version, or is damaged: give another folder",
                   r->row->name, (long long)number);
}

static td_status tell_up_to(replay *r, int64_t seen, td_error *err) {
    if (seen < r->seen || seen > r->n_told) return fail_changed(r, r->n - 1, err);
    for (; r->seen < seen; r->seen++) {
        const td__trial *t = &r->t[r->told[r->seen]];
        r->row->strategy->tell(r->state, t->number, &r->c[t->number], &t->outcome);
    }
    return TD_OK;
}

/* What the strategy asks as trial n, and its JSON. TD_E_DONE: it has no more. */
static td_status ask(replay *r, int64_t n, td_arena *a, td_text *params, td_error *err) {
    double fidelity = 1;
    td_choices *c = &r->c[n];
    const td_strategy *strategy = r->row->strategy;
    td_status s = strategy->ask(r->state, n, c, &fidelity);
    if (s != TD_OK)
        return td_fail(err, s,
                       s == TD_E_DONE ? "%s has nothing left to ask: all points were given"
                                      : "strategy %s gave no trial",
                       strategy->name);
    td_node_to_json(td_choices_to_node(r->row->space, c, a), 0, params);
    return params->failed || params->data == NULL ? td_fail(err, TD_E_MEMORY, "out of memory")
                                                  : TD_OK;
}

/* The choices of trial k as they stand in the store. */
static td_status take_stored(replay *r, int k, td_arena *a, td_error *err) {
    const td_node *doc;
    const char *params = r->t[k].params;
    td_status s = td_json_parse(a, params, strlen(params), "study.db", 1, &doc, err);
    return s == TD_OK ? td_choices_from_node(r->row->space, doc, &r->c[k], err) : s;
}

/* Trial k as it stands in the store: told what it had been, then asked again. The choices of one
 * that was enqueued take the place of the answer. */
static td_status ask_again(replay *r, int k, td_arena *a, td_error *err) {
    td__trial *t = &r->t[k];
    td_text params = {0};
    bool given = t->origin == TD__ORIGIN_ENQUEUED;
    td_status s = TD_OK;
    if (t->seen < 0) { /* it was not reached before */
        t->seen = r->seen;
        s = td__store_enter(r->row->store, t->id, t->seen, err);
    }
    if (s == TD_OK) s = tell_up_to(r, t->seen, err);
    if (s == TD_OK && !given && r->row->strategy->asked != NULL) {
        s = take_stored(r, k, a, err);
        return s == TD_OK ? r->row->strategy->asked(r->state, k, &r->c[k], 1) : s;
    }
    if (s == TD_OK) s = ask(r, k, a, &params, err);
    if (given && s == TD_E_DONE) s = TD_OK;
    if (s == TD_OK && given)
        s = take_stored(r, k, a, err);
    else if (s == TD_OK && strcmp(params.data, t->params) != 0)
        s = fail_changed(r, k, err);
    td_text_free(&params);
    return s;
}

/* All calls of the log; `more`: room for further trials. */
static td_status make_calls(session *ses, int more, replay *r, td_error *err) {
    td_arena *a = ses->arena;
    const td__row *row = &ses->row;
    *r = (replay){.row = row};
    td_status s = td__store_load(ses->store, ses->study, a, &r->t, &r->n, err);
    if (s != TD_OK) return s;
    r->told = TD_NEW(a, int, r->n + 1);
    r->c = TD_NEW(a, td_choices, r->n + more);
    double *v = TD_NEW(a, double, (size_t)(r->n + more) * (size_t)row->space->n);
    if (r->told == NULL || r->c == NULL || v == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < r->n + more; i++)
        r->c[i] = (td_choices){.n = row->space->n, .v = v + (size_t)i * (size_t)row->space->n};
    for (int i = 0; i < r->n; i++) {
        r->n_told += r->t[i].rev > 0;
        if (r->t[i].state == TD_TRIAL_PRUNED)
            r->t[i].outcome.fidelity = td__stop_fidelity(row, r->t[i].steps);
    }
    for (int i = 0; i < r->n; i++) { /* revisions have no holes */
        if (r->t[i].rev > r->n_told) return fail_changed(r, i, err);
        if (r->t[i].rev > 0) r->told[r->t[i].rev - 1] = i;
    }
    s = row->strategy->init(&r->state, row->space, row->seed, row->params, err);
    for (int k = 0; s == TD_OK && k < r->n; k++) s = ask_again(r, k, a, err);
    return s;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Trial n, which nobody has asked for: it knows all that has ended. */
static td_status ask_new(session *ses, replay *r, int64_t n, td_error *err) {
    char key[32];
    td_text params = {0};
    int64_t number = -1;
    bool made = false;
    td_status s = tell_up_to(r, r->n_told, err);
    if (s == TD_OK) s = ask(r, n, ses->arena, &params, err);
    snprintf(key, sizeof key, "0:%lld", (long long)n);
    if (s == TD_OK)
        s = td__store_ask(ses->store, ses->study, key, r->seen, params.data,
                          td_choices_hash(&r->c[n]), 0, &number, &made, err);
    if (s == TD_OK && (!made || number != n)) s = fail_changed(r, n, err);
    td_text_free(&params);
    return s;
}

td_status td_blackbox_ask(const td_blackbox *b, const char *folder, int n, double lease_s,
                          td_text *out, td_error *err) {
    session ses;
    replay r = {.row = NULL};
    td_status s = open_session(b, folder, true, &ses, err);
    if (s == TD_OK) s = make_calls(&ses, n, &r, err);
    int64_t next = r.n;
    const double now = td_time_wall_s(); /* of the call: nothing is lent twice in it */
    for (int i = 0; s == TD_OK && i < n; i++) {
        int64_t number;
        const char *params = NULL;
        s = td__store_lend(ses.store, ses.study, now, lease_s, ses.arena, &number, &params, err);
        if (s == TD_OK && number < 0) {
            s = ask_new(&ses, &r, next++, err);
            if (s == TD_OK)
                s = td__store_lend(ses.store, ses.study, now, lease_s, ses.arena, &number, &params,
                                   err);
            if (s == TD_OK && number < 0) s = fail_changed(&r, next - 1, err);
        }
        if (s == TD_OK) td__trial_line(b, number, params, out);
    }
    if (r.state != NULL) ses.row.strategy->destroy(r.state);
    close_session(&ses);
    return s == TD_OK && out->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : s;
}

/* ---- telling --------------------------------------------------------------------------------- */

/* A line, and the trial that it is about. */
typedef struct {
    td__answer answer;
    int line;
    int64_t id, token;
    const char *params; /* of a new trial: its choices as the store keeps them */
    uint64_t hash;
    bool known;   /* told before, the same */
    bool stopped; /* it was to stop: who tells of it did not know, and is told once more */
} told;

static bool same(const td__finish *f, const td_outcome *o, const double *values) {
    if (f->outcome.state != o->state) return false;
    if (o->state != TD_TRIAL_DONE) return true;
    for (int i = 0; i < o->nobj; i++)
        if (f->outcome.obj[i] != o->obj[i]) return false;
    for (int i = 0; i < o->ncon; i++)
        if (f->told[i] != values[i]) return false;
    return f->outcome.nobj == o->nobj && f->outcome.ncon == o->ncon;
}

static td_status fail_told(const char *name, const told *t, td_error *err) {
    return td_fail(err, TD_E_STALE,
                   "%s:%d: trial %lld was told already, with another outcome; nothing was changed",
                   name, t->line, (long long)t->answer.trial);
}

/* The trial of a line that names one. */
static td_status find_trial(session *ses, const char *name, const told *before, int n, told *t,
                            td_error *err) {
    const td__trial *there, *all;
    td__trial *since;
    int n_since;
    const int64_t number = t->answer.trial;
    for (int i = 0; i < n; i++) {
        const td__finish *f = &before[i].answer.finish;
        if (before[i].answer.trial != number || before[i].answer.is_report) continue;
        t->known = true;
        return !t->answer.is_report && same(&t->answer.finish, &f->outcome, f->told)
                   ? TD_OK
                   : fail_told(name, t, err);
    }
    td_status s = td__store_peek(ses->store, ses->study, number, ses->arena, &there, err);
    if (s != TD_OK) return s;
    if (there == NULL || there->state == TD_TRIAL_READY)
        return td_fail(err, TD_E_NOT_FOUND, "%s:%d: trial %lld was not asked for", name, t->line,
                       (long long)number);
    t->id = there->id;
    t->token = there->token;
    t->stopped = there->state == TD_TRIAL_PRUNED && t->answer.is_report;
    t->known = there->state != TD_TRIAL_RUNNING;
    if (!t->known || t->stopped) return TD_OK;
    if (there->state == TD_TRIAL_PRUNED && t->answer.is_stopped) return TD_OK;
    if (there->state == TD_TRIAL_PRUNED)
        return td_fail(err, TD_E_STALE,
                       "%s:%d: trial %lld was stopped early and takes no other outcome; nothing "
                       "was changed",
                       name, t->line, (long long)number);
    s = td__store_since(ses->store, ses->study, there->rev - 1, ses->arena, &since, &n_since, err);
    all = since;
    if (s == TD_OK &&
        (n_since == 0 || t->answer.is_report || !same(&t->answer.finish, &all->outcome, all->told)))
        s = fail_told(name, t, err);
    return s;
}

/* A line whose trial nobody asked for. */
static td_status read_new(session *ses, const td_blackbox *b, told *t, td_error *err) {
    td__designs one = {0};
    if (t->answer.parameters == NULL || t->answer.is_report)
        return td_fail(err, TD_E_INPUT,
                       "missing key \"trial\" (or \"parameters\", of a trial that was not asked "
                       "for)");
    td_status s = td__designs_read(b->space, "", t->answer.parameters, ses->arena, &one, err);
    if (s != TD_OK) return s;
    t->params = one.params[0];
    t->hash = one.hash[0];
    return TD_OK;
}

static td_status read_line(session *ses, const td_blackbox *b, const char *name, const char *line,
                           size_t size, const told *before, int n, told *t, td_error *err) {
    td_status s =
        td__answer_parse(&b->goals, line, size, name, t->line, ses->arena, &t->answer, err);
    if (s != TD_OK) return s;
    if (t->answer.missing != NULL) /* by hand a typing error is more likely than a failure */
        return td_fail(err, TD_E_INPUT,
                       "%s:%d: missing key \"%s\"; of a trial that failed: {\"trial\": ..., "
                       "\"failed\": \"why\"}",
                       name, t->line, t->answer.missing);
    if (t->answer.trial >= 0) s = find_trial(ses, name, before, n, t, err);
    if (s == TD_OK && t->answer.is_stopped && !t->known)
        s = td_fail(err, TD_E_INPUT, "%s:%d: nothing was told to stop", name, t->line);
    if (s != TD_OK || t->answer.trial >= 0) return s;
    s = read_new(ses, b, t, err);
    return s != TD_OK && err != NULL && err->where[0] == '\0'
               ? td_error_prefix(err, "%s:%d", name, t->line)
               : s;
}

static bool is_blank(const char *line, size_t n) {
    while (n > 0 && strchr(" \t\r", line[n - 1]) != NULL) n--;
    return n == 0;
}

static td_status read_lines(session *ses, const td_blackbox *b, const char *name, const char *lines,
                            size_t size, told **out, int *n, td_error *err) {
    int room = 1, number = 0;
    for (size_t i = 0; i < size; i++) room += lines[i] == '\n';
    *out = TD_NEW(ses->arena, told, room);
    if (*out == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = TD_OK;
    for (const char *at = lines, *end; s == TD_OK && at < lines + size; at = end + 1) {
        size_t left = (size_t)(lines + size - at);
        end = memchr(at, '\n', left);
        if (end == NULL) end = at + left;
        number++;
        if (is_blank(at, (size_t)(end - at))) continue;
        told *t = &(*out)[*n];
        *t = (told){.line = number};
        s = read_line(ses, b, name, at, (size_t)(end - at), *out, *n, t, err);
        if (s == TD_OK) ++*n;
    }
    return s;
}

/* Beside the trials that have ended. */
static td_status judge(session *ses, told *t, td_verdict *verdict, td_error *err) {
    td__trial *all;
    td_curve own, *earlier;
    int n, count = 0;
    td_status s = td__store_load(ses->store, ses->study, ses->arena, &all, &n, err);
    if (s == TD_OK) s = td__store_curve(ses->store, t->id, t->answer.trial, ses->arena, &own, err);
    if (s != TD_OK) return s;
    earlier = TD_NEW(ses->arena, td_curve, n + 1);
    if (earlier == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++)
        if (all[i].rev > 0 && all[i].state != TD_TRIAL_FAILED && all[i].curve.n > 0)
            earlier[count++] = all[i].curve;
    return td__stop_judge(&ses->row, &own, earlier, count, ses->arena, &t->answer.finish, verdict,
                          err);
}

/* judged: somebody waits for a verdict. */
static td_status take_report(session *ses, told *t, bool judged, td_error *err) {
    td__answer *a = &t->answer;
    td_verdict verdict = TD_GO_ON;
    td_status s = td__store_report(ses->store, t->id, t->token, a->step, &a->finish.outcome, err);
    if (s == TD_OK && judged && td__stop_looks(&ses->row, a->step))
        s = judge(ses, t, &verdict, err);
    if (s != TD_OK || verdict != TD_PRUNE) return s;
    t->stopped = true;
    return td__store_tell(ses->store, t->id, t->token, &a->finish, err);
}

/* Its curve is there already: how far it went stands beside its outcome. */
static td_status take_outcome(session *ses, told *t, td_error *err) {
    td_curve own;
    td__answer *a = &t->answer;
    td_status s = td__store_curve(ses->store, t->id, a->trial, ses->arena, &own, err);
    if (s == TD_OK && own.n > 0) a->finish.steps = own.at[own.n - 1].step;
    return s == TD_OK ? td__store_tell(ses->store, t->id, t->token, &a->finish, err) : s;
}

/* Line i of n. */
static td_status take(session *ses, told *all, int i, int n, td_text *out, td_error *err) {
    told *t = &all[i];
    const td__answer *a = &t->answer;
    int64_t number;
    td_status s = TD_OK;
    if (a->is_report) {
        bool over = false; /* its outcome is among the lines: a verdict would be of no use */
        for (int k = i + 1; k < n; k++)
            over = over || (all[k].answer.trial == a->trial && !all[k].answer.is_report);
        if (!t->known) s = take_report(ses, t, !over, err);
        if (s == TD_OK && t->stopped) td__stop_line(a->trial, out);
        for (int k = i + 1; k < n && t->stopped; k++) /* these did not know */
            if (all[k].answer.trial == a->trial) {
                all[k].known = true;
                all[k].stopped = false;
            }
        return s;
    }
    if (t->known) return TD_OK;
    if (t->params == NULL) return take_outcome(ses, t, err);
    s = td__store_bring(ses->store, ses->study, t->params, t->hash, &a->finish, &number, err);
    if (s == TD_OK) td_text_addf(out, "%lld\n", (long long)number);
    return s;
}

td_status td_blackbox_tell(const td_blackbox *b, const char *folder, const char *name,
                           const char *lines, size_t size, int64_t *n_told, td_text *out,
                           td_error *err) {
    session ses;
    told *t = NULL;
    int n = 0;
    *n_told = 0;
    td_status s = open_session(b, folder, false, &ses, err);
    if (s == TD_OK) s = read_lines(&ses, b, name, lines, size, &t, &n, err);
    for (int i = 0; s == TD_OK && i < n; i++) {
        s = take(&ses, t, i, n, out, err);
        *n_told += s == TD_OK && !t[i].known && !t[i].answer.is_report;
    }
    close_session(&ses);
    return s;
}
