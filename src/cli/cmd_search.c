/* tandem search - runs a recipe: progress on stderr, the result table on stdout, the results
 * folder. */
#include "cli.h"

#include <stdio.h>

#include "cli_progress.h"
#include "search_run.h"
#include "search_workload.h"
#include "study_problem.h"
#include "tandem/study_nested.h"

typedef struct {
    const char *recipe;
    bool dry_run;
    cli_search search;
    search_workload workload;
    cli_set set;
} options;

enum { OPT_DRY_RUN = 1000, OPT_SET, OPT_WORKLOAD, OPT_COMBINE };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->search; return 0;
    case 'o': o->search.out = arg; return 0;
    case OPT_DRY_RUN: o->dry_run = true; return 0;
    case OPT_SET:
        if (!cli_set_add(&o->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case OPT_WORKLOAD:
        if (o->workload.n == TD_MAX_WORKLOAD)
            argp_error(state, "--workload: at most %d networks", TD_MAX_WORKLOAD);
        o->workload.net[o->workload.n++] = arg;
        return 0;
    case OPT_COMBINE: o->workload.combine = arg; return 0;
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

/* A nested recipe (docs/recipes.md): layers on accelerators, which is a problem to the library. */
static int search_nested(const options *o, const char *path, td_arena *a) {
    td_override changed[CLI_MOST_SET + CLI_SEARCH_OVERRIDES];
    int n = 0, code;
    td_error err = {0};
    td_blackbox *b = NULL;
    td_text text = {0};
    for (int i = 0; i < o->set.n; i++) changed[n++] = (td_override){NULL, o->set.value[i], "--set"};
    n += cli_search_overrides(&o->search, a, changed + n);
    cli_problem run = {o->search.out, o->search.threads, o->search.quiet, o->search.format};
    td_status s = td_blackbox_load_with(path, changed, n, &b, &err);
    if (s == TD_OK && (o->workload.n > 0 || o->workload.combine != NULL))
        s = td_fail(&err, TD_E_USAGE,
                    "--workload, --combine: %s has its layers in the key workload; --set "
                    "workload=FILE gives others",
                    o->recipe);
    if (s == TD_OK && o->search.workers > 1)
        s = td_fail(&err, TD_E_USAGE,
                    "--workers: a nested search is joined by others with `tandem worker`");
    if (s == TD_OK) td_blackbox_describe(b, &text);
    if (s == TD_OK && run.out == NULL)
        run.out = td_arena_printf(a, "results/%s", td_blackbox_name(b));
    if (s == TD_OK && run.out == NULL) s = td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s != TD_OK)
        code = cli_fail(&err);
    else if (o->dry_run)
        code = cli_print(&text);
    else {
        if (!run.quiet && text.data != NULL) fputs(text.data, stderr);
        code = cli_problem_run(b, &run);
    }
    td_text_free(&text);
    td_blackbox_destroy(b);
    return code;
}

static td_status load_recipe(const options *o, td_arena *a, td_recipe **r, td_error *err) {
    enum { MOST = CLI_MOST_SET + SEARCH_WORKLOAD_OVERRIDES + CLI_SEARCH_OVERRIDES };
    td_override changed[MOST];
    int n = 0;
    const char *path;
    td_status s = cli_recipe_path(o->recipe, a, &path, err);
    if (s == TD_OK) s = search_workload_overrides(&o->workload, a, changed, &n, err);
    for (int i = 0; i < o->set.n; i++) changed[n++] = (td_override){NULL, o->set.value[i], "--set"};
    n += cli_search_overrides(&o->search, a, changed + n);
    return s == TD_OK ? td_recipe_load_with(path, changed, n, r, err) : s;
}

int cmd_search(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"out", 'o', "DIR", 0, "results folder (default results/NAME); resumes what is there", 0},
        {"set", OPT_SET, "KEY=VALUE", 0, CLI_SET_HELP, 0},
        {"workload", OPT_WORKLOAD, "NET[:WEIGHT]", 0,
         "search the accelerator for this network, and for those of further --workload options "
         "(file or name; weight 1), in place of the recipe's networks",
         0},
        {"combine", OPT_COMBINE, "HOW", 0, "sum (mean by the weights) or worst, of a workload", 0},
        {"dry-run", OPT_DRY_RUN, 0, 0, "check the recipe, say what it would do and about how long",
         0},
        {0}};
    static const struct argp_child children[] = {{&cli_search_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "RECIPE",
        "Searches networks and accelerators together, as the recipe says, trains the best and "
        "writes the results folder. Ctrl-C stops after the running trials, a second one at once; "
        "the same command goes on where it stopped. Other processes can join the search at any "
        "time with `tandem worker`; the trials are the same whatever the number of workers. A "
        "recipe with "
        "`mapping` and `workload` searches accelerators, and for each of them a mapping of every "
        "layer.\v"
        "Examples:\n"
        "  tandem search recipes/quickstart.yaml --out results/quickstart\n"
        "  tandem search my.yaml --workers 4\n"
        "  tandem search my.yaml --dry-run\n"
        "  tandem search my.yaml --set seed=2 --set objective.targets.latency_us=50 --out seed-2\n"
        "  tandem search my.yaml --workload a.json:0.7 --workload b.json:0.3\n"
        "  tandem search learned-codesign --set 'mapping={strategy: mapper}'   # docs/nested.md",
        children,
        0,
        0};
    options o = {.search = {.format = CLI_TABLE, .workers = 1}};
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_error err = {0};
    td_recipe *r = NULL;
    td_text text = {0};
    int code = 0;
    td_arena *a = td_arena_create();
    const char *path = a != NULL ? cli_recipe_find(o.recipe, a) : NULL;
    if (path != NULL && td_nested_file(path)) {
        code = search_nested(&o, path, a);
        td_arena_destroy(a);
        return code;
    }
    td_status s =
        a != NULL ? load_recipe(&o, a, &r, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_recipe_describe(r, &text, &err);
    if (s == TD_OK && o.search.out == NULL)
        o.search.out = td_arena_printf(a, "results/%s", td_recipe_name(r));
    if (s == TD_OK && o.search.out == NULL) s = td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s != TD_OK) {
        code = cli_fail(&err);
    } else if (o.dry_run) {
        td_work work = td_recipe_work(r, o.search.threads * o.search.workers, 0);
        s = cli_add_estimate(r, &work, &text, &err);
        code = cli_print(&text); /* what it would do, even if it could not */
        if (s != TD_OK) code = cli_fail(&err);
    } else {
        if (!o.search.quiet && text.data != NULL) fputs(text.data, stderr);
        code = cli_search_run(r, &o.search);
    }
    td_text_free(&text);
    td_recipe_destroy(r);
    td_arena_destroy(a);
    return code;
}
