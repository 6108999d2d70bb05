#include "blackbox_helper.h"

void put_file(const char *folder, const char *name, const char *text) {
    scratch_write(folder, name, text, strlen(text));
}

td_blackbox *load_problem(const char *folder, const char *text) {
    td_blackbox *b = NULL;
    td_error err = {0};
    put_file(folder, "problem.yaml", text);
    assert_ok(td_blackbox_load_with(scratch_path(folder, "problem.yaml"), NULL, 0, &b, &err), &err);
    return b;
}

static td_trial_row *all(const char *folder, td_arena *a, int *n, td_goals *g) {
    td_store *s;
    td_trial_row *t;
    const char *study;
    td_error err = {0};
    assert_ok(td_store_open(scratch_path(folder, "study.db"), false, &s, &err), &err);
    assert_ok(td_store_problem(s, a, &study, NULL, g, &err), &err);
    assert_non_null(study);
    assert_ok(td_store_trials(s, study, a, &t, n, &err), &err);
    td_store_close(s);
    return t;
}

char *trials_of(const char *folder) {
    int n;
    td_goals g;
    td_text out = {0};
    td_arena *a = td_arena_create();
    td_trial_row *t = all(folder, a, &n, &g);
    for (int i = 0; i < n; i++) {
        char text[32];
        td_text_addf(&out, "%d %d %s", (int)t[i].number, (int)t[i].state, t[i].params);
        for (int k = 0; k < t[i].outcome.nobj; k++) {
            td_real_text(t[i].outcome.obj[k], text);
            td_text_addf(&out, " %s", text);
        }
        for (int k = 0; k < t[i].outcome.ncon; k++) {
            td_real_text(t[i].told[k], text);
            td_text_addf(&out, " (%s)", text);
        }
        td_text_addf(&out, " %s\n", t[i].error != NULL ? t[i].error : "");
    }
    td_arena_destroy(a);
    assert_non_null(out.data);
    return out.data;
}

td_trial_row trial_of(const char *folder, int number, td_arena *a) {
    int n;
    td_goals g;
    td_trial_row *t = all(folder, a, &n, &g);
    assert_in_range(number, 0, n - 1);
    return t[number];
}

static bool is_stopped(void *self) {
    return ((watcher *)self)->stop;
}

static void take_warning(void *self, int level, const char *message) {
    (void)level;
    td_text_addf(&((watcher *)self)->warnings, "%s\n", message);
}

td_status run_problem(const char *folder, const char *text, watcher *w, td_error *err) {
    const td_log log = {take_warning, w};
    td_blackbox *b = load_problem(folder, text);
    td_run_options o = {
        .out = folder, .cancelled = is_stopped, .abandoned = is_stopped, .self = w, .log = &log};
    td_status s = td_blackbox_run(b, &o, err);
    td_blackbox_destroy(b);
    return s;
}
