/* blackbox_eval.c - one trial of somebody's problem: a line to the program, lines back.
 *
 * Each thread has a program of its own, which is started with its first trial and kept. One that
 * ends by itself after an answer (exit status 0) is started again for the next trial; that may be
 * noticed only after the next line was sent. Whatever else goes wrong is the trial's own outcome,
 * failed with a reason, after as many retries as the problem allows. */
#include "blackbox_eval.h"

#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "stop.h"

enum {
    MOST_FAULTS = 5,   /* of programs, before anything was answered: then it is no use */
    MOST_WARNINGS = 20 /* all reasons stand in the store */
};
static const double grace_s = 2, stop_s = 3; /* for an end, and for an answer to a stop */
static const double hush_s = 2e-3;           /* for a line too many */

struct td__asker {
    const td_blackbox *b;
    const td_run_options *run;
    int threads;
    td__program **program; /* of each thread; NULL: none runs */
    int faults, warnings;  /* under the loop's lock */
    bool blind;            /* it was told that the rule of early stopping saw nothing */
    bool unasked;          /* it was told of a line that nobody had asked for */
    td__evaluator evaluator;
};

static bool is_abandoned(void *self) {
    td__loop *l = self;
    pthread_mutex_lock(&l->lock);
    bool failed = l->status != TD_OK;
    pthread_mutex_unlock(&l->lock);
    return failed || td__loop_abandoned(l);
}

static void end(td__asker *e, int thread, double grace, bool *clean, char how[48]) {
    td__program_end(e->program[thread], grace, clean, how);
    e->program[thread] = NULL;
}

/* What has come of one go: an answer, a fault of the program (*fault: which), or neither: once more
 * with a fresh one. */
typedef enum { ANSWERED, FAULT, AGAIN } result;

enum { MOST_QUOTED = 200 };

/* The first characters of a line, those that can be shown. */
static void quote(const char *line, size_t n, char text[MOST_QUOTED + 1]) {
    size_t k = 0;
    for (; k < n && k < MOST_QUOTED; k++)
        text[k] = line[k] >= ' ' && line[k] <= '~' ? line[k] : '?';
    text[k] = '\0';
}

/* What is no answer, and why. */
static const char *quoted(const char *line, size_t n, const td_error *why, td_arena *a) {
    char text[MOST_QUOTED + 1];
    quote(line, n, text);
    return td_arena_printf(a, "no answer but \"%s%s\" (%.160s)", text, n > MOST_QUOTED ? "..." : "",
                           why->message);
}

/* Nothing yet. */
static td__finish unanswered(td_state state, const char *reason) {
    td__finish f = {.accuracy = NAN,
                    .reward = NAN,
                    .violation = NAN,
                    .of_problem = true,
                    .outcome = {.state = state, .fidelity = 1},
                    .reason = reason};
    for (int m = 0; m < TD_NMETRIC; m++) f.metric[m] = NAN;
    return f;
}

/* What came of it, beside what was reported on the way. */
static void conclude(td__finish *f, const td__finish *end) {
    const td_curve curve = f->curve;
    const int64_t steps = f->steps;
    *f = *end;
    f->curve = curve;
    f->steps = steps;
}

static bool is_blank(const char *line, size_t n) {
    while (n > 0 && strchr(" \t\r", line[n - 1]) != NULL) n--;
    return n == 0;
}

/* What follows an answer at once; false: nothing. An answer that does not say whose it is has to be
 * the last line: what comes after the next question would be taken for the next trial's. */
static bool hear_more(td__program *p, const char **line, size_t *n) {
    const td__patience w = {.until = td_time_mono_s() + hush_s};
    while (td__program_hear(p, &w, line, n) == TD__HEARD_LINE)
        if (!is_blank(*line, *n)) return true;
    /* Nor is the beginning of one that is not finished. */
    return td__program_rest(p, line, n) && !is_blank(*line, *n);
}

/* What a line means: the trial goes on, is over, or is to be stopped. */
typedef enum { MORE, LAST, STOP } meaning;

/* Reports are kept as they come, and judged. */
static td_status take_line(td__asker *e, td__loop *l, const td__task *t, const char *line, size_t n,
                           td_arena *a, td__finish *f, const char **fault, meaning *m,
                           td_error *err) {
    td__answer answer;
    td_error why = {0};
    td_verdict verdict;
    *m = LAST;
    td_status s = td__answer_parse(&e->b->goals, line, n, "answer", 1, a, &answer, &why);
    if (s == TD_E_MEMORY) return td_fail(err, s, "out of memory");
    if (s == TD_OK && answer.trial >= 0 && answer.trial != t->number)
        s = td_fail(&why, TD_E_INPUT, "expected trial %lld, found %lld", (long long)t->number,
                    (long long)answer.trial);
    if (s == TD_OK && answer.is_stopped) s = td_fail(&why, TD_E_INPUT, "it was not told to stop");
    /* A program that speaks of other names will do so for every trial. */
    if (s == TD_OK && answer.missing != NULL)
        s = td_fail(&why, TD_E_INPUT, "%s", answer.finish.reason);
    if (s == TD_OK && answer.trial < 0 && !answer.is_report &&
        hear_more(e->program[t->thread], &line, &n))
        s = td_fail(&why, TD_E_INPUT, "a second line for one trial");
    if (s != TD_OK) {
        *fault = quoted(line, n, &why, a);
        return *fault != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (!answer.is_report) {
        conclude(f, &answer.finish);
        return TD_OK;
    }
    s = td__stop_report(l, t->number, answer.step, &answer.finish.outcome, a, f, &verdict, err);
    *m = s == TD_OK && verdict == TD_PRUNE ? STOP : MORE;
    if (*m == STOP) {
        memcpy(f->told, answer.finish.told, sizeof f->told);
        f->violation = answer.finish.violation;
    }
    return s;
}

/* The trial is over; what its program still has to say is not. One that does not say that it has
 * stopped may take the line for a trial: another one is started. */
static void stop_program(td__asker *e, td__loop *l, const td__task *t, td_arena *a) {
    td__program *p = e->program[t->thread];
    const td__patience w = {td_time_mono_s() + stop_s, is_abandoned, l};
    td_text text = {0};
    td__stop_line(t->number, &text);
    td__heard h = text.failed ? TD__HEARD_END : td__program_send(p, text.data, text.size, &w);
    bool kept = false, last = false;
    while (h == TD__HEARD_LINE && !last && td_time_mono_s() < w.until) {
        const char *line;
        size_t n;
        td__answer answer;
        h = td__program_hear(p, &w, &line, &n);
        if (h != TD__HEARD_LINE || is_blank(line, n)) continue;
        td_status s = td__answer_parse(&e->b->goals, line, n, "answer", 1, a, &answer, NULL);
        last = s != TD_OK || !answer.is_report;
        kept = s == TD_OK && answer.is_stopped && (answer.trial < 0 || answer.trial == t->number);
    }
    if (!kept) end(e, t->thread, last ? grace_s : 0, NULL, NULL);
    td_text_free(&text);
}

static td_status fail_fault(const char *text, const char **fault, result *r, td_error *err) {
    *fault = text;
    *r = FAULT;
    return text != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* Asks a program, a fresh one or one that has answered before. */
static td_status ask(td__asker *e, td__loop *l, const td__task *t, const td_text *question,
                     bool fresh, td_arena *a, td__finish *f, const char **fault, result *r,
                     td_error *err) {
    td__program *p = e->program[t->thread];
    const td__patience w = {td_time_mono_s() + e->b->timeout_s, is_abandoned, l};
    const char *line;
    size_t n;
    bool clean = false, silent = true;
    char how[48];
    *fault = NULL;
    td__heard h = td__program_send(p, question->data, question->size, &w);
    if (h == TD__HEARD_END && !fresh) { /* it had ended before */
        end(e, t->thread, grace_s, NULL, NULL);
        *r = AGAIN;
        return TD_OK;
    }
    while (h == TD__HEARD_LINE || h == TD__HEARD_END) {
        /* One that reads nothing may answer all the same. */
        h = td__program_hear(p, &w, &line, &n);
        if (h != TD__HEARD_LINE) break;
        /* One that goes on and on is stopped here: it is never waited for. */
        if (td_time_mono_s() > w.until) h = TD__HEARD_LATE;
        if (is_abandoned(l)) h = TD__HEARD_STOP;
        if (is_blank(line, n)) continue;
        silent = false;
        meaning m;
        td_status s = take_line(e, l, t, line, n, a, f, fault, &m, err);
        if (s != TD_OK) {
            end(e, t->thread, 0, NULL, NULL);
            return s;
        }
        if (*fault != NULL) end(e, t->thread, 0, NULL, NULL);
        if (m == STOP) stop_program(e, l, t, a);
        *r = *fault != NULL ? FAULT : ANSWERED;
        if (m != MORE) return TD_OK;
    }
    switch (h) {
    case TD__HEARD_STOP:
        end(e, t->thread, 0, NULL, NULL);
        return td_fail(err, TD_E_INTERRUPTED, "interrupted");
    case TD__HEARD_LATE:
        end(e, t->thread, 0, NULL, NULL);
        return fail_fault(td_arena_printf(a, "no answer within %g s", e->b->timeout_s), fault, r,
                          err);
    case TD__HEARD_LONG:
        end(e, t->thread, 0, NULL, NULL);
        return fail_fault("a line of more than a million bytes", fault, r, err);
    case TD__HEARD_LINE:
    case TD__HEARD_END: break;
    }
    end(e, t->thread, grace_s, &clean, how);
    if (!fresh && silent && clean) {
        *r = AGAIN;
        return TD_OK;
    }
    return fail_fault(td_arena_printf(a, "the program ended before an answer: %s", how), fault, r,
                      err);
}

static void warn(td__asker *e, td__loop *l, int64_t trial, const char *fault, bool again) {
    pthread_mutex_lock(&l->lock);
    int n = ++e->warnings;
    pthread_mutex_unlock(&l->lock);
    if (n > MOST_WARNINGS) return;
    td_log_write(e->run->log, 1, "trial %lld: %s%s%s", (long long)trial, fault,
                 again ? "; once more" : "",
                 n == MOST_WARNINGS ? " (further ones: `tandem study show`)" : "");
}

/* A line too many that comes after the next question, and has no "trial", is taken for its answer:
 * told once. */
static void warn_unasked(td__asker *e, td__loop *l, int64_t trial, const char *line, size_t n) {
    char text[MOST_QUOTED + 1];
    pthread_mutex_lock(&l->lock);
    bool told = e->unasked;
    e->unasked = true;
    pthread_mutex_unlock(&l->lock);
    if (told) return;
    quote(line, n, text);
    td_log_write(e->run->log, 1,
                 "before trial %lld the program wrote \"%s\" without being asked, and is started "
                 "again: one line per trial is expected. Answers without \"trial\" may have been "
                 "taken for those of other trials",
                 (long long)trial, text);
}

/* One go, with a program that runs if there is one that has not ended. */
static td_status try(td__asker *e, td__loop *l, const td__task *t, const td_text *question,
                     td_arena *a, td__finish *f, const char **fault, td_error *err) {
    td__program **p = &e->program[t->thread];
    td_status s = TD_OK;
    result r = AGAIN;
    /* What it says without being asked is no answer to this trial. */
    while (*p != NULL && td__program_stirs(*p)) {
        const td__patience now = {.until = 0};
        const char *line;
        size_t n;
        bool heard = td__program_hear(*p, &now, &line, &n) == TD__HEARD_LINE;
        if (heard && is_blank(line, n)) continue;
        if (heard) warn_unasked(e, l, t->number, line, n);
        end(e, t->thread, grace_s, NULL, NULL);
    }
    while (s == TD_OK && r == AGAIN) {
        *f = unanswered(TD_TRIAL_FAILED, NULL);
        bool fresh = *p == NULL;
        if (fresh) s = td__program_start(e->b->command, e->b->folder, p, err);
        if (s == TD_OK) s = ask(e, l, t, question, fresh, a, f, fault, &r, err);
    }
    return s;
}

/* Steps that a program does not report at are not looked at: told once. */
static void warn_blind(td__asker *e, td__loop *l, int64_t trial, const td__finish *f) {
    bool seen = l->row->stopping == NULL || f->outcome.state == TD_TRIAL_FAILED ||
                f->outcome.state == TD_TRIAL_INFEASIBLE;
    for (int i = 0; i < f->curve.n && !seen; i++)
        seen = td__stop_looks(l->row, f->curve.at[i].step);
    pthread_mutex_lock(&l->lock);
    seen = seen || e->blind;
    e->blind = e->blind || !seen;
    pthread_mutex_unlock(&l->lock);
    if (seen) return;
    td_text rule = {0};
    td__stop_describe(l->row->stopping, &rule);
    td_log_write(e->run->log, 1, "early stopping (%s): trial %lld reported nothing there",
                 rule.data != NULL ? rule.data : "?", (long long)trial);
    td_text_free(&rule);
}

/* Nothing but faults from the start: the trial is given back. */
static td_status count_fault(td__asker *e, td__loop *l, const char *fault, td_error *err) {
    pthread_mutex_lock(&l->lock);
    bool answered = l->count[TD_RESULT_MEETS] + l->count[TD_RESULT_MISSES] +
                        l->count[TD_RESULT_UNBUILT] + l->count[TD_RESULT_STOPPED] >
                    0;
    int faults = ++e->faults;
    pthread_mutex_unlock(&l->lock);
    if (answered || faults < MOST_FAULTS) return TD_OK;
    return td_fail(err, TD_E_IO,
                   "the program has answered nothing %d times: %.250s; mend it and begin in "
                   "another folder, or go on in this one, where these trials stay failed",
                   faults, fault);
}

static td_status evaluate(void *self, td__loop *l, const td__task *t, td_arena *a, td__finish *f,
                          td_error *err) {
    td__asker *e = self;
    td_text question = {0}, params = {0};
    const char *fault = NULL;
    td_design none = {0};
    td_error why = {0};
    if (l->row->space->build(l->row->space->self, t->c, a, &none, &why) == TD_E_INFEASIBLE) {
        *f = unanswered(TD_TRIAL_INFEASIBLE, td_arena_strdup(a, why.message));
        return f->reason != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    }
    td_node_to_json(td_choices_to_node(l->row->space, t->c, a), 0, &params);
    if (params.data != NULL) td__trial_line(e->b, t->number, params.data, &question);
    td_status s = params.failed || question.failed || question.data == NULL
                      ? td_fail(err, TD_E_MEMORY, "out of memory")
                      : TD_OK;
    for (int64_t i = 0; s == TD_OK && i <= e->b->retries; i++) {
        s = try(e, l, t, &question, a, f, &fault, err);
        if (s != TD_OK || fault == NULL) break;
        warn(e, l, t->number, fault, i < e->b->retries);
    }
    if (s == TD_OK && fault != NULL) {
        s = count_fault(e, l, fault, err);
        const td__finish failed = unanswered(TD_TRIAL_FAILED, fault);
        conclude(f, &failed);
    }
    if (s == TD_OK && fault == NULL) warn_blind(e, l, t->number, f);
    td_text_free(&question);
    td_text_free(&params);
    return s;
}

static void leave(void *self, int thread) {
    end(self, thread, grace_s, NULL, NULL);
}

static bool better(const td_trial_row *a, const td_trial_row *b) {
    return td_outcome_compare(&a->outcome, &b->outcome) < 0;
}

td_status td__asker_create(const td_blackbox *b, int threads, const td_run_options *run,
                           td__asker **out, td_error *err) {
    td__asker *e = calloc(1, sizeof *e);
    *out = e;
    if (e != NULL) e->program = calloc((size_t)threads, sizeof(td__program *));
    if (e == NULL || e->program == NULL) {
        td__asker_destroy(e);
        *out = NULL;
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    e->b = b;
    e->run = run;
    e->threads = threads;
    e->evaluator = (td__evaluator){.evaluate = evaluate,
                                   .better = b->goals.nobj == 1 ? better : NULL,
                                   .leave = leave,
                                   .goals = &b->goals,
                                   .self = e};
    return TD_OK;
}

void td__asker_destroy(td__asker *e) {
    if (e == NULL) return;
    for (int i = 0; e->program != NULL && i < e->threads; i++)
        td__program_end(e->program[i], 0, NULL, NULL);
    free(e->program);
    free(e);
}

const td__evaluator *td__asker_evaluator(const td__asker *e) {
    return &e->evaluator;
}
