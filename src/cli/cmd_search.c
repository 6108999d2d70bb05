/* tandem search - runs a recipe: progress on stderr, the result table on stdout, the results
 * folder. */
#include "cli.h"

#include <stdio.h>

#include "search_run.h"

typedef struct {
    const char *recipe;
    bool dry_run;
    cli_search search;
} options;

enum { OPT_DRY_RUN = 1000 };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->search; return 0;
    case 'o': o->search.out = arg; return 0;
    case OPT_DRY_RUN: o->dry_run = true; return 0;
    case ARGP_KEY_ARG:
        if (o->recipe != NULL) argp_error(state, "one RECIPE at a time");
        o->recipe = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->recipe == NULL) argp_error(state, "expected a RECIPE (a file, or a shipped name)");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cmd_search(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"out", 'o', "DIR", 0, "results folder (default results/NAME); resumes what is there", 0},
        {"dry-run", OPT_DRY_RUN, 0, 0, "check the recipe and say what it would do", 0},
        {0}};
    static const struct argp_child children[] = {{&cli_search_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "RECIPE",
        "Searches networks and accelerators together, as the recipe says, trains the best and "
        "writes the results folder. Ctrl-C stops after the running trials, a second one at once; "
        "the same command goes on where it stopped. Other processes can join the search at any "
        "time with `tandem worker`; the trials are the same whatever the number of workers.\v"
        "Examples:\n"
        "  tandem search recipes/quickstart.yaml --out results/quickstart\n"
        "  tandem search my.yaml --workers 4\n"
        "  tandem search my.yaml --dry-run",
        children,
        0,
        0};
    options o = {.search = {.format = CLI_TABLE, .workers = 1}};
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_error err = {0};
    td_recipe *r = NULL;
    td_text text = {0};
    const char *path = NULL;
    int code = 0;
    td_arena *a = td_arena_create();
    td_status s = a != NULL ? cli_recipe_path(o.recipe, a, &path, &err)
                            : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_recipe_load(path, &r, &err);
    if (s == TD_OK) s = td_recipe_describe(r, &text, &err);
    if (s == TD_OK && o.search.out == NULL)
        o.search.out = td_arena_printf(a, "results/%s", td_recipe_name(r));
    if (s == TD_OK && o.search.out == NULL) s = td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s != TD_OK) {
        code = cli_fail(&err);
    } else if (o.dry_run) {
        code = cli_print(&text);
    } else {
        if (!o.search.quiet && text.data != NULL) fputs(text.data, stderr);
        code = cli_search_run(r, &o.search);
    }
    td_text_free(&text);
    td_recipe_destroy(r);
    td_arena_destroy(a);
    return code;
}
