/* Cases from files and standard input: for the commands that take them. */
#ifndef TANDEM_CLI_CASE_H
#define TANDEM_CLI_CASE_H

#include "tandem/cost.h"

bool cli_is_yaml(const char *name); /* by its ending */
/* A file, or standard input for "-", into malloc'ed memory (NULL if there is nothing). */
td_status cli_read(const char *file, char **data, size_t *size, td_error *err);
bool cli_is_blank(const char *s, size_t n);
/* JSON lines: the first line is a whole object, or the second one starts an object of its own (so
 * that a broken first line does not hide the others). */
bool cli_is_lines(const char *data, size_t size);

/* Is the file YAML with sections of Timeloop's? False also if it cannot be read. */
bool cli_is_timeloop(const char *file);
/* All files are sections of one case, named after the first. */
td_status cli_load_timeloop(const char *const *files, int n, td_case *out, td_error *err);
/* Case `number` (1: first) of a neutral file, one case or JSON lines; `file` "-": standard input.
 */
td_status cli_load_case(const char *file, int number, td_case *out, td_error *err);

#endif
