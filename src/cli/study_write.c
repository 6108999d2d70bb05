#include "study_write.h"

#include <stdio.h>
#include <sys/stat.h>

#include "search_run.h"
#include "study_problem.h"
#include "tandem/study_nested.h"

/* ---- resume ---------------------------------------------------------------------------------- */

static error_t parse_resume(int key, char *arg, struct argp_state *state) {
    cli_search *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o; return 0;
    case ARGP_KEY_ARG:
        if (o->out != NULL) argp_error(state, "one DIR at a time");
        o->out = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->out == NULL) argp_error(state, "expected a results folder");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* A problem goes on with its own program; workers and threads are one thing there. */
static int resume_problem(const cli_search *o, const td_override *changed, int n) {
    td_error err = {0};
    td_blackbox *b = NULL;
    td_text text = {0};
    td_status s = td_blackbox_stored(o->out, changed, n, &b, &err);
    if (s == TD_OK) td_blackbox_describe(b, &text);
    if (s == TD_OK && !o->quiet && text.data != NULL) fputs(text.data, stderr);
    const cli_problem run = {
        .out = o->out, .threads = o->threads, .quiet = o->quiet, .format = o->format};
    int code = s == TD_OK ? cli_problem_run(b, &run) : cli_fail(&err);
    td_text_free(&text);
    td_blackbox_destroy(b);
    return code;
}

int study_resume(int argc, char **argv) {
    static const struct argp_child children[] = {{&cli_search_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        NULL,
        parse_resume,
        "resume DIR",
        "Goes on with the search of a results folder, as `tandem search` with its recipe does, or "
        "`tandem optimize` with its problem; it is that which the folder was last searched with. "
        "Files that it names are looked for beside the place where it stood.\v"
        "Example:\n"
        "  tandem study resume results/quickstart --workers 2",
        children,
        0,
        0};
    cli_search o = {.format = CLI_TABLE, .workers = 1};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    td_error err = {0};
    td_recipe *r = NULL;
    td_text text = {0};
    td_override changed[CLI_SEARCH_OVERRIDES];
    td_arena *a = td_arena_create();
    bool asked;
    if (a != NULL && cli_problem_folder(o.out, &asked)) {
        int code = resume_problem(&o, changed, cli_search_overrides(&o, a, changed));
        td_arena_destroy(a);
        return code;
    }
    td_status s =
        a != NULL ? td_recipe_stored(o.out, changed, cli_search_overrides(&o, a, changed), &r, &err)
                  : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_recipe_describe(r, &text, &err);
    if (s == TD_OK && !o.quiet && text.data != NULL) fputs(text.data, stderr);
    int code = s == TD_OK ? cli_search_run(r, &o) : cli_fail(&err);
    td_text_free(&text);
    td_recipe_destroy(r);
    td_arena_destroy(a);
    return code;
}

/* ---- enqueue --------------------------------------------------------------------------------- */

enum { OPT_ROW = 1000, MOST_FILES = 1000 };

typedef struct {
    const char *where, *out, *row, *file[MOST_FILES];
    int n;
} enqueue_options;

static error_t parse_enqueue(int key, char *arg, struct argp_state *state) {
    enqueue_options *o = state->input;
    switch (key) {
    case 'o': o->out = arg; return 0;
    case OPT_ROW: o->row = arg; return 0;
    case ARGP_KEY_ARG:
        if (o->n == MOST_FILES) argp_error(state, "at most %d files", MOST_FILES);
        if (o->where == NULL)
            o->where = arg;
        else
            o->file[o->n++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->where == NULL) argp_error(state, "expected a results folder or a RECIPE");
        if (o->n == 0) argp_error(state, "expected a FILE with designs");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* A folder that was searched in, or a recipe, whose folder may have to be made. */
static td_status find_recipe(enqueue_options *o, td_arena *a, td_recipe **r, td_blackbox **b,
                             td_error *err) {
    struct stat sb;
    const char *path = NULL;
    bool asked;
    if (stat(o->where, &sb) == 0 && S_ISDIR(sb.st_mode)) {
        if (o->out != NULL)
            return td_fail(err, TD_E_USAGE, "--out goes with a RECIPE; %s is a folder", o->where);
        o->out = o->where;
        if (cli_problem_folder(o->where, &asked))
            return td_blackbox_stored(o->where, NULL, 0, b, err);
        return td_recipe_stored(o->where, NULL, 0, r, err);
    }
    td_status s = cli_recipe_path(o->where, a, &path, err);
    const td_node *doc;
    if (s == TD_OK && td_node_load(a, path, &doc, NULL) == TD_OK &&
        (td_node_find(doc, "parameters") != NULL || td_nested_file(path))) {
        s = td_blackbox_load_with(path, NULL, 0, b, err);
        if (s == TD_OK && o->out == NULL)
            o->out = td_arena_printf(a, "results/%s", td_blackbox_name(*b));
        return s;
    }
    if (s == TD_OK) s = td_recipe_load(path, r, err);
    if (s == TD_OK && o->out == NULL) o->out = td_arena_printf(a, "results/%s", td_recipe_name(*r));
    return s == TD_OK && o->out == NULL ? td_fail(err, TD_E_MEMORY, "out of memory") : s;
}

int study_enqueue(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"row", OPT_ROW, "NAME", 0, "row of the recipe (default: joint); a problem has one", 0},
        {"out", 'o', "DIR", 0, "results folder of a RECIPE (default results/NAME)", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse_enqueue,
        "enqueue DIR|RECIPE|PROBLEM FILE...",
        "Gives designs, known good ones mostly, the next free trial numbers of a search, before it "
        "begins or while it runs. They count in its budget of trials; the strategy learns from "
        "them. A FILE (JSON or YAML) holds the choices of a design (of a problem its parameters), "
        "a trial as `tandem study --format json` prints it, or a list of these.\v"
        "Example:\n"
        "  tandem study best results/a --row joint --format json > good.json\n"
        "  tandem study enqueue my.yaml good.json --out results/b",
        0,
        0,
        0};
    enqueue_options o = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    td_error err = {0};
    td_recipe *r = NULL;
    td_text text = {0};
    int64_t first = 0;
    int count = 0;
    td_arena *a = td_arena_create();
    td_blackbox *b = NULL;
    td_status s =
        a != NULL ? find_recipe(&o, a, &r, &b, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    td_node *list = td_node_list(a);
    for (int i = 0; s == TD_OK && i < o.n; i++) td_node_push(a, list, td_node_string(a, o.file[i]));
    if (s == TD_OK && b != NULL)
        s = td_blackbox_enqueue(b, o.out, list, &first, &count, &err);
    else if (s == TD_OK)
        s = td_recipe_enqueue(r, o.out, o.row, list, &first, &count, &err);
    if (count == 1)
        td_text_addf(&text, "trial %lld of %s\n", (long long)first, o.out);
    else if (count > 1)
        td_text_addf(&text, "%d trials of %s, from %lld on\n", count, o.out, (long long)first);
    int code = count > 0 ? cli_print(&text) : 0;
    if (s != TD_OK) code = cli_fail(&err);
    td_text_free(&text);
    td_blackbox_destroy(b);
    td_recipe_destroy(r);
    td_arena_destroy(a);
    return code;
}

/* ---- reap ------------------------------------------------------------------------------------ */

static error_t parse_reap(int key, char *arg, struct argp_state *state) {
    const char **folder = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (*folder != NULL) argp_error(state, "one DIR at a time");
        *folder = arg;
        return 0;
    case ARGP_KEY_END:
        if (*folder == NULL) argp_error(state, "expected a results folder");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int study_reap(int argc, char **argv) {
    static const struct argp argp = {
        NULL,
        parse_reap,
        "reap DIR",
        "Takes trials back from workers that died or hang, and says how many. Searches do so by "
        "themselves; this is for a look at a folder where none runs.",
        0,
        0,
        0};
    const char *folder = NULL;
    argp_parse(&argp, argc, argv, 0, NULL, &folder);
    td_error err = {0};
    td_text text = {0};
    td_reaped *row = NULL;
    int64_t workers = 0;
    int n = 0;
    td_arena *a = td_arena_create();
    td_status s = a != NULL ? td_study_reap(folder, a, &row, &n, &workers, &err)
                            : td_fail(&err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < n; i++)
        td_text_addf(&text, "%-14s %lld %s taken back\n", row[i].row, (long long)row[i].reaped,
                     row[i].reaped == 1 ? "trial" : "trials");
    td_text_addf(&text, "%lld %s alive\n", (long long)workers,
                 workers == 1 ? "worker is" : "workers are");
    int code = s == TD_OK ? cli_print(&text) : cli_fail(&err);
    td_text_free(&text);
    td_arena_destroy(a);
    return code;
}
