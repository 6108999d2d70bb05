/* tandem tell - outcomes of trials that were asked for, or evaluated elsewhere. */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tandem/study.h"

enum { MOST_VALUES = 64 };

typedef struct {
    const char *folder, *trial, *value[MOST_VALUES], *outside;
    int n;
    bool quiet;
} options;

enum { OPT_NEW = 1000 };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case 'q': o->quiet = true; return 0;
    case OPT_NEW:
        if (o->outside != NULL) argp_error(state, "--new: one at a time (or lines on stdin)");
        o->outside = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (o->folder == NULL) {
            o->folder = arg;
        } else if (o->trial == NULL) {
            if (arg[0] == '\0' || strspn(arg, "0123456789") != strlen(arg))
                argp_error(state, "expected the number of a trial, found \"%s\"", arg);
            o->trial = arg;
        } else {
            if (strchr(arg, '=') == NULL || arg[0] == '=')
                argp_error(state, "expected NAME=VALUE, found \"%s\"", arg);
            if (o->n == MOST_VALUES) argp_error(state, "at most %d values", MOST_VALUES);
            o->value[o->n++] = arg;
        }
        return 0;
    case ARGP_KEY_END:
        if (o->folder == NULL) argp_error(state, "expected a results folder");
        if (o->trial != NULL && o->n == 0) argp_error(state, "expected NAME=VALUE...");
        if (o->trial != NULL && o->outside != NULL)
            argp_error(state, "--new has a number of its own");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The line that NUMBER NAME=VALUE... stands for. */
static td_status make_line(const options *o, td_arena *a, td_text *out, td_error *err) {
    td_node *m = td_node_map(a);
    td_node_put(a, m, "trial", td_node_scalar(a, o->trial));
    for (int i = 0; i < o->n; i++) {
        const char *equals = strchr(o->value[i], '=');
        char *key = td_arena_printf(a, "%.*s", (int)(equals - o->value[i]), o->value[i]);
        bool words = key != NULL && (strcmp(key, "failed") == 0 || strcmp(key, "infeasible") == 0);
        if (key != NULL && td_node_find(m, key) != NULL)
            return td_fail(err, TD_E_USAGE, "%s is there twice", key);
        if (!words && equals[1] == '\0')
            return td_fail(err, TD_E_USAGE, "expected a value after \"%s\"", o->value[i]);
        if (key != NULL)
            td_node_put(a, m, key,
                        words ? td_node_string(a, equals + 1) : td_node_scalar(a, equals + 1));
    }
    td_node_to_json(m, 0, out);
    return out->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
}

static td_status read_stdin(td_text *out, td_error *err) {
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, stdin)) > 0) td_text_add_bytes(out, block, n);
    if (ferror(stdin)) return td_fail(err, TD_E_IO, "standard input: %s", strerror(errno));
    return out->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
}

int cmd_tell(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"new", OPT_NEW, "JSON", 0,
         "a trial that was evaluated elsewhere: {\"parameters\": {...}, \"cost\": 1.5}", 0},
        {"quiet", 'q', 0, 0, "say nothing", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "DIR [NUMBER NAME=VALUE...]",
        "Takes outcomes of trials that `tandem ask` gave: one on the command line, or lines of "
        "JSON on standard input, {\"trial\": 17, \"cost\": 6059.7, \"g1\": -0.1}, in any order. A "
        "trial that came to nothing is {\"trial\": 17, \"failed\": \"why\"}, one that cannot be "
        "{\"trial\": 17, \"infeasible\": \"why\"}. All lines are checked before the first one is "
        "taken; the same outcome may be told twice, another one is refused (exit code 9). Where "
        "trials are stopped early, a report on the way, {\"trial\": 17, \"report\": {\"step\": 3, "
        "\"cost\": 7.1}}, is answered with {\"trial\": 17, \"stop\": true} if the trial is over.\v"
        "Examples:\n"
        "  tandem tell results/my 17 cost=6059.7 g1=-0.1\n"
        "  tandem tell results/my 18 failed=\"no convergence\"\n"
        "  tandem tell results/my < outcomes.jsonl\n"
        "  tandem tell results/my --new '{\"parameters\": {\"x\": 1, \"n\": 2}, \"cost\": 3}'",
        0,
        0,
        0};
    options o = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    td_error err = {0};
    td_blackbox *b = NULL;
    td_text lines = {0}, out = {0};
    int64_t told = 0;
    bool typed = o.trial != NULL || o.outside != NULL;
    td_arena *a = td_arena_create();
    td_status s = a != NULL ? td_blackbox_stored(o.folder, NULL, 0, &b, &err)
                            : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK && o.trial != NULL)
        s = make_line(&o, a, &lines, &err);
    else if (s == TD_OK && o.outside != NULL)
        td_text_add(&lines, o.outside);
    else if (s == TD_OK)
        s = read_stdin(&lines, &err);
    if (s == TD_OK)
        s = td_blackbox_tell(b, o.folder, typed ? "command line" : "stdin",
                             lines.data != NULL ? lines.data : "", lines.size, &told, &out, &err);
    int code = out.size > 0 ? cli_print(&out) : 0;
    if (s != TD_OK)
        code = cli_fail(&err);
    else if (!o.quiet)
        fprintf(stderr, "%lld %s told\n", (long long)told, told == 1 ? "trial" : "trials");
    td_text_free(&out);
    td_text_free(&lines);
    td_blackbox_destroy(b);
    td_arena_destroy(a);
    return code;
}
