/* tandem ask - the next trials of a problem, for another program to evaluate. */
#include "cli.h"

#include <argp.h>
#include <sys/stat.h>

#include "cli_option.h"
#include "cli_progress.h"
#include "tandem/study.h"

typedef struct {
    const char *where, *out;
    int n;
    double lease_h;
    cli_set set;
} options;

enum { OPT_LEASE = 1000, OPT_SET };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case 'n': o->n = (int)cli_option_int(state, "number", arg, 1, 100000); return 0;
    case 'o': o->out = arg; return 0;
    case OPT_LEASE: o->lease_h = cli_option_real(state, "lease", arg, 0, 1e6); return 0;
    case OPT_SET:
        if (!cli_set_add(&o->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case ARGP_KEY_ARG:
        if (o->where != NULL) argp_error(state, "one PROBLEM or DIR at a time");
        o->where = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->where == NULL) argp_error(state, "expected a PROBLEM (a YAML file), or a DIR");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* A folder that was asked in, or a problem, whose folder may have to be made. */
static td_status find(options *o, td_arena *a, td_blackbox **b, td_error *err) {
    struct stat sb;
    td_override changed[CLI_MOST_SET];
    if (stat(o->where, &sb) == 0 && S_ISDIR(sb.st_mode)) {
        if (o->out != NULL || o->set.n > 0)
            return td_fail(err, TD_E_USAGE, "--out and --set go with a PROBLEM; %s is a folder",
                           o->where);
        o->out = o->where;
        return td_blackbox_stored(o->where, NULL, 0, b, err);
    }
    for (int i = 0; i < o->set.n; i++) changed[i] = (td_override){NULL, o->set.value[i], "--set"};
    td_status s = td_blackbox_load_with(o->where, changed, o->set.n, b, err);
    if (s == TD_OK && o->out == NULL)
        o->out = td_arena_printf(a, "results/%s", td_blackbox_name(*b));
    return s == TD_OK && o->out == NULL ? td_fail(err, TD_E_MEMORY, "out of memory") : s;
}

int cmd_ask(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"number", 'n', "N", 0, "so many trials (1)", 0},
        {"out", 'o', "DIR", 0, "results folder of a PROBLEM (default results/NAME)", 0},
        {"lease", OPT_LEASE, "HOURS", 0,
         "a trial that is not told after so long is given again (24)", 0},
        {"set", OPT_SET, "KEY=VALUE", 0,
         "another value for a key of the PROBLEM, before it is checked (repeatable)", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "PROBLEM|DIR",
        "Prints the next trials of a problem as lines of JSON, {\"trial\": 0, \"parameters\": "
        "{...}, \"seed\": 1}, for another program to evaluate; `tandem tell` takes the outcomes, "
        "in any order. The first call makes the results folder. Each trial is chosen with all "
        "that was told by then; trials that are not told hold up nothing.\v"
        "Examples:\n"
        "  tandem ask my.yaml -n 4 --out results/my\n"
        "  tandem ask results/my | my-program | tandem tell results/my\n"
        "  tandem tell results/my 17 cost=6059.7 g1=-0.1",
        0,
        0,
        0};
    options o = {.n = 1, .lease_h = 24};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    td_error err = {0};
    td_blackbox *b = NULL;
    td_text out = {0};
    td_arena *a = td_arena_create();
    td_status s = a != NULL ? find(&o, a, &b, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_blackbox_ask(b, o.out, o.n, 3600 * o.lease_h, &out, &err);
    int code = out.size > 0 ? cli_print(&out) : 0; /* those that were lent before a fault, too */
    if (s == TD_E_DONE && out.size > 0) /* the last ones are there: the next call finds none */
        td_log_write(&cli_warnings, 1, "%s: fewer than %lld trials", err.message, (long long)o.n);
    else if (s != TD_OK)
        code = cli_fail(&err);
    td_text_free(&out);
    td_blackbox_destroy(b);
    td_arena_destroy(a);
    return code;
}
