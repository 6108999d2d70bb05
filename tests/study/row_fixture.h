/* row_fixture.h - a folder for the stores of a test, and the trials of a search that nothing
 * disturbs. */
#ifndef TANDEM_TESTS_ROW_FIXTURE_H
#define TANDEM_TESTS_ROW_FIXTURE_H

#include "study_helper.h"

typedef struct {
    char *folder;
    td_error err;
} fixture;

static inline int setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make()};
    *state = &f;
    return 0;
}

static inline int teardown(void **state) {
    scratch_remove(((fixture *)*state)->folder);
    return 0;
}

static inline int lines(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++) n += *text == '\n';
    return n;
}

static inline int occurrences(const char *text, const char *what) {
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p++) n++;
    return n;
}

/* The trials of an undisturbed search by one thread. */
static inline char *reference(fixture *f, int64_t trials, int64_t trained, const char *strategy) {
    search s;
    search_init(&s, 1, trials);
    s.row.trained = trained;
    s.row.strategy = td_strategy_find(strategy);
    if (strcmp(strategy, "random") == 0) s.row.params = NULL;
    const char *db = scratch_path(f->folder, "reference.db");
    unlink(db);
    assert_ok(search_run(&s, db, &f->err), &f->err);
    assert_int_equal(s.fake.twice, 0);
    search_free(&s);
    return trials_text(db);
}

#endif
