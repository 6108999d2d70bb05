/* cli_cases.h - neutral cases of a file, for `tandem cost` and `map`: one YAML or JSON document, or
 * JSON lines. */
#ifndef TANDEM_CLI_CASES_H
#define TANDEM_CLI_CASES_H

#include "tandem/base.h"

typedef struct {
    const char *text; /* within data */
    size_t size;
    int line; /* of the file, 1-based */
} cli_case_text;

typedef struct {
    const char *name; /* for messages */
    bool yaml;
    char *data;
    cli_case_text *item;
    int n;
} cli_cases;

/* Splits a file ("-": standard input, JSON) into its cases; they are not parsed. A file without
 * lines of JSON is one case, whatever it holds. */
td_status cli_cases_read(const char *file, cli_cases *out, td_error *err);
void cli_cases_free(cli_cases *c); /* {0} is fine */
td_status cli_cases_parse(const cli_cases *c, int i, td_arena *a, const td_node **doc,
                          td_error *err);

#endif
