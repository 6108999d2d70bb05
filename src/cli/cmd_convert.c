/* tandem convert - a case between the neutral format and Timeloop's YAML. */
#include "cli.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli_cases.h"
#include "cli_timeloop.h"

enum { OPT_TO = 1000, OPT_NUMBER, OPT_BITS };
enum { TO_NOTHING, TO_CASE, TO_TIMELOOP, TO_LEVELS };

typedef struct {
    const char *file[CLI_MOST_FILES], *out;
    int files, to, number, bits;
} options;

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    char rest;
    switch (key) {
    case OPT_TO:
        o->to = strcmp(arg, "case") == 0       ? TO_CASE
                : strcmp(arg, "timeloop") == 0 ? TO_TIMELOOP
                : strcmp(arg, "levels") == 0   ? TO_LEVELS
                                               : TO_NOTHING;
        if (o->to == TO_NOTHING)
            argp_error(state, "--to: expected case, timeloop or levels, found \"%s\"", arg);
        return 0;
    case OPT_NUMBER:
        if (sscanf(arg, "%9d%c", &o->number, &rest) != 1 || o->number < 1)
            argp_error(state, "--number: expected a number from 1, found \"%s\"", arg);
        return 0;
    case OPT_BITS:
        if (sscanf(arg, "%9d%c", &o->bits, &rest) != 1 || o->bits < 1 || o->bits > 64)
            argp_error(state, "--bits: expected 1 to 64, found \"%s\"", arg);
        return 0;
    case 'o': o->out = arg; return 0;
    case ARGP_KEY_ARG:
        if (o->files == CLI_MOST_FILES) argp_error(state, "at most %d files", CLI_MOST_FILES);
        o->file[o->files++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->files == 0) argp_error(state, "FILE is missing (\"-\" for standard input)");
        if (o->to == TO_NOTHING) argp_error(state, "--to is missing: case, timeloop or levels");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* What the target cannot say, and the case has: one line on standard error. */
static void note(const td_case *c, int to) {
    const int32_t *pad = c->problem.pad;
    if (to == TO_TIMELOOP && (pad[0] | pad[1] | pad[2] | pad[3]))
        fprintf(stderr, "tandem: note: Timeloop knows no padding: it takes the zeros for words of "
                        "the image, as --counting timeloop does\n");
}

static td_status write_as(const td_case *c, int to, td_arena *a, td_text *t, td_error *err) {
    td_node *n = NULL;
    td_status s = TD_OK;
    switch (to) {
    case TO_CASE:
        td_node_to_json(td_case_to_node(c, a), 0, t);
        td_text_add(t, "\n");
        break;
    case TO_TIMELOOP:
        s = td_timeloop_to_node(c, a, &n, err);
        if (s == TD_OK) td_node_to_yaml(n, t);
        break;
    default:
        s = td_hw_check(&c->hw, err);
        if (s == TD_OK) td_node_to_yaml(td_hw_to_node(&c->hw, a), t);
        break;
    }
    return s == TD_OK && t->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : s;
}

static td_status load_neutral(const char *file, int number, td_case *c, td_error *err) {
    cli_cases cases;
    const td_node *doc;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = cli_cases_read(file, &cases, err);
    if (s == TD_OK && number > cases.n)
        s = td_fail(err, TD_E_NOT_FOUND, "%s: there is no case %d", cases.name, number);
    if (s == TD_OK) s = cli_cases_parse(&cases, number - 1, a, &doc, err);
    if (s == TD_OK) s = td_case_from_node(doc, c, err);
    cli_cases_free(&cases); /* after a fault it is empty */
    td_arena_destroy(a);
    return s;
}

static td_status load(const options *o, td_case *c, td_error *err) {
    for (int i = 0; i < o->files; i++)
        if (strcmp(o->file[i], "-") != 0 && !td_file_exists(o->file[i]))
            return td_fail(err, TD_E_NOT_FOUND, "%s: no such file", o->file[i]);
    if (strcmp(o->file[0], "-") != 0 && cli_is_timeloop(o->file[0])) {
        if (o->number > 1)
            return td_fail(err, TD_E_USAGE, "--number is for JSON lines, not for Timeloop's files");
        return cli_load_timeloop(o->file, o->files, c, err);
    }
    if (o->files > 1)
        return td_fail(err, TD_E_USAGE,
                       "%s: several files are sections of Timeloop's YAML, and this one is not",
                       o->file[0]);
    return load_neutral(o->file[0], o->number, c, err);
}

int cmd_convert(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"to", OPT_TO, "FORMAT", 0,
         "case (JSON), timeloop (YAML that timeloop-model reads), or levels (the accelerator "
         "alone, "
         "for --hw)",
         0},
        {"number", OPT_NUMBER, "N", 0, "the N-th case of JSON lines (default 1)", 0},
        {"bits", OPT_BITS, "N", 0,
         "first make all words N bits wide, which changes the cost: for Timeloop, whose words have "
         "one width at a level",
         0},
        {"out", 'o', "FILE", 0, "the file to write (default: standard output)", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "FILE...",
        "Converts a case (problem, accelerator, mapping) between the neutral format and Timeloop's "
        "YAML. FILE is a neutral case (JSON, JSON lines or YAML; \"-\": standard input), or one or "
        "several files with the sections of Timeloop's YAML (architecture, problem, mapping, ERT)."
        "\v"
        "Examples:\n"
        "  tandem convert examples/case.json --bits 8 --to timeloop --out case.yaml\n"
        "  tandem convert arch.yaml problem.yaml map.yaml --to case --out case.json\n"
        "  tandem convert arch.yaml problem.yaml --to levels --out my-array.yaml\n"
        "\n"
        "Exit code: 0, 2 wrong command line, 3 wrong input, 4 not found, 5 reading or writing "
        "failed, 7 what the other format cannot say (docs/formats.md).",
        0,
        0,
        0};
    options o = {.number = 1};
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_error err = {0};
    td_case c;
    td_text t = {0};
    td_arena *a = td_arena_create();
    td_status s = a == NULL ? td_fail(&err, TD_E_MEMORY, "out of memory") : load(&o, &c, &err);
    for (int i = 0; s == TD_OK && o.bits > 0 && i < TD_NTENSOR; i++)
        c.problem.bits[i] = c.problem.acc_bits = (uint8_t)o.bits;
    if (s == TD_OK) s = write_as(&c, o.to, a, &t, &err);
    if (s == TD_OK) note(&c, o.to);
    if (s == TD_OK && o.out != NULL) s = td_file_write(o.out, t.data, t.size, &err);
    int code = s != TD_OK ? cli_fail(&err) : o.out == NULL ? cli_print(&t) : 0;
    td_text_free(&t);
    td_arena_destroy(a);
    return code;
}
