/* cli.h - what the subcommands share. Each cmd_NAME.c holds one; main.c has the table. */
#ifndef TANDEM_CLI_H
#define TANDEM_CLI_H

#include "tandem/base.h"

/* argv[0] is the subcommand's name; returns the exit code (docs/cli.md). */
typedef struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} td_command;

int cmd_compare(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_ask(int argc, char **argv);
int cmd_cost(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_explore(int argc, char **argv);
int cmd_hcm(int argc, char **argv);
int cmd_hw(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_net(int argc, char **argv);
int cmd_optimize(int argc, char **argv);
int cmd_quantise(int argc, char **argv);
int cmd_search(int argc, char **argv);
int cmd_space(int argc, char **argv);
int cmd_study(int argc, char **argv);
int cmd_tell(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_worker(int argc, char **argv);

/* Prints "tandem: message" on stderr and returns the exit code of the error. */
int cli_fail(const td_error *err);
/* Writes text to stdout; a closed or full stdout is an error (exit code of TD_E_IO). */
int cli_print(const td_text *t);
/* argp names the program by its argv[0]: makes that "tandem NAME" for usage lines. Static storage.
 */
void cli_program_name(int argc, char **argv);

/* `no WHAT "name", did you mean "X"?`, or with the n known ones; returns the status. */
td_status cli_unknown(td_error *err, td_status status, const char *what, const char *name,
                      const char *const *known, int n);
/* A file, or the name of a shipped recipe ("quickstart", "recipes/quickstart.yaml"), as the path of
 * a file; NULL if it is neither. */
const char *cli_recipe_find(const char *name, td_arena *a);
/* The same, with what is wrong where it is neither (TD_E_NOT_FOUND). */
td_status cli_recipe_path(const char *name, td_arena *a, const char **path, td_error *err);
/* Values of --set, in the order of the command line. */
enum { CLI_MOST_SET = 64 };
typedef struct {
    const char *value[CLI_MOST_SET];
    int n;
} cli_set;
#define CLI_SET_HELP "another value for a key of the recipe, before it is checked (repeatable)"
/* false: too many. */
bool cli_set_add(cli_set *s, const char *assignment);
/* Makes the folder (with parents) if it is not there, and tries that files can be made in it. */
td_status cli_folder_ready(const char *path, td_error *err);

typedef enum { CLI_TABLE, CLI_JSON, CLI_CSV } cli_format;
/* Parses "table", "json", "csv"; false if it is none of them. */
bool cli_format_parse(const char *s, cli_format *out);

#endif
