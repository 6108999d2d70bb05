/* A store of its own for each test, and the calls by which trials are asked, claimed and told. */
#ifndef STORE_HELPER_H
#define STORE_HELPER_H

#include "../../src/study/store.h"
#include "scratch.h"

typedef struct {
    char *folder;
    const char *path;
    td_store *store; /* joined */
    td_error err;
} fixture;

int store_setup(void **state);
int store_teardown(void **state);

/* A query with one integer as answer, past the library. */
int64_t number_of(const fixture *f, const char *sql);

td__study study(const char *name, uint64_t hash, uint64_t seed, int64_t budget);
int64_t make_study(fixture *f, const char *name, int64_t budget);

td_status try_ask(td_store *s, int64_t id, const char *key, int64_t *number, td_error *err);
int64_t ask(fixture *f, int64_t id, const char *key);
void claim(fixture *f, int64_t s, int64_t number, double lease_s, int64_t *id, int64_t *token);
/* What a trial ends with; the same but for its objective. */
td__finish done(double objective);
td_status tell(td_store *s, int64_t id, int64_t token, double objective, td_error *err);
td__trial *load(fixture *f, int64_t id, td_arena *a, int *n);

#endif
