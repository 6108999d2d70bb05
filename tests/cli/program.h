/* The program from outside: run by the shell in a scratch folder, with a recipe of seconds. */
#ifndef TANDEM_TESTS_PROGRAM_H
#define TANDEM_TESTS_PROGRAM_H

#include "scratch.h"
#include "tandem/base.h"

typedef struct {
    char *folder;
    char *out, *err; /* of the last run */
    td_arena *arena;
} fixture;

int have_program(void **state); /* of a group: 0 if it is built */
int setup(void **state);        /* *state: a fixture */
int setup_data(void **state);   /* and the tiny data set in "data" */
int teardown(void **state);

char *slurp(const char *path); /* free with free() */
bool exists(fixture *f, const char *name);

/* `before; tandem arguments` by the shell, in the scratch folder. The exit code, or -1 after a
 * signal. */
int run(fixture *f, const char *before, const char *arguments);
void expect(fixture *f, const char *arguments, int code);
/* A fault: its exit code, and one line that begins with "tandem: ". */
void expect_fault(fixture *f, const char *arguments, int code, const char *part);
const td_node *json(fixture *f); /* standard output of the last run */

/* recipe.yaml with the first `find` replaced (NULL: as it stands). */
void write_recipe(fixture *f, const char *find, const char *replace);

#endif
