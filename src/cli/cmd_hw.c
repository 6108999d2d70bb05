/* tandem hw - an accelerator: levels, peak, power, area, technology, space, and a drawing. */
#include "cli.h"

#include <argp.h>
#include <string.h>

#include "cli_hw.h"
#include "hw_view.h"

typedef struct {
    const char *name;
    cli_set set;
    cli_format format;
} options;

enum { OPT_SET = 1000 };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case OPT_SET:
        if (!cli_set_add(&o->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format) || o->format == CLI_CSV)
            argp_error(state, "--format: expected table or json, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->name != NULL) argp_error(state, "one NAME or FILE at a time");
        o->name = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->name == NULL)
            argp_error(state, "expected a NAME or a FILE (`tandem list accelerators`)");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static td_status run(const options *o, td_arena *a, td_text *out, td_error *err) {
    const td_node *doc;
    hw_view v;
    td_status s = cli_hw_doc(o->name, &o->set, NULL, a, &doc, err);
    if (s == TD_OK) s = hw_view_make(doc, a, &v, err);
    if (s == TD_E_INFEASIBLE) td_error_prefix(err, "%s: cannot be built", o->name);
    if (s != TD_OK) return s;
    if (o->format == CLI_JSON) {
        td_node_to_json(hw_view_node(&v, a), 2, out);
        td_text_add(out, "\n");
    } else {
        hw_view_table(&v, out);
    }
    return TD_OK;
}

int cmd_hw(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"set", OPT_SET, "KEY=VALUE", 0, "another value for a key of the file (repeatable)", 0},
        {"format", 'f', "FORMAT", 0, "table (default) or json", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "NAME|FILE",
        "Shows an accelerator: a drawing of its levels, their capacities, bandwidths and energies, "
        "peak TOPS, peak power and TOPS/W, area by component, the technology's figures with how "
        "sure they are, and of a template with a space how many of its designs can be built, and "
        "why the others cannot.\v"
        "Examples:\n"
        "  tandem hw edge\n"
        "  tandem hw edge --set tech=7nm --set io_gbps=25\n"
        "  tandem hw my-chip.yaml --format json\n"
        "  tandem hw systolic-ws --set 'levels[2].capacity_kb=1024'",
        0,
        0,
        0};
    options o = {.format = CLI_TABLE};
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_arena *a = td_arena_create();
    td_text out = {0};
    td_error err = {0};
    td_status s = a != NULL ? run(&o, a, &out, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    int code = s == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_arena_destroy(a);
    return code;
}
