/* tandem hcm - early estimates: bit operations, what fits in an area, operations per bit. */
#include "cli.h"

#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_net.h"
#include "cli_option.h"
#include "cli_plot.h"
#include "hcm_view.h"

enum { MOST_BITS = 32 };

typedef struct {
    cli_net net;
    const char *dram, *tech, *plot;
    const char *bits[MOST_BITS];
    int count;
    double mm2, pe_gops, local_bytes;
    td_pe_fit fit;
    cli_format format;
} options;

enum { OPT_AREA = 1000, OPT_BITS, OPT_DRAM, OPT_FIT, OPT_TECH, OPT_PE_GOPS, OPT_LOCAL, OPT_PLOT };

static void read_area(options *o, const char *arg, struct argp_state *state) {
    static const char *const unit[] = {"", "mm2", "um2"};
    static const double scale[] = {1, 1, 1e-6};
    if (!cli_option_amount(arg, unit, scale, 3, &o->mm2) || o->mm2 > 1e6)
        argp_error(state, "--area: expected an area up to 1e6mm2, such as 1mm2, found \"%s\"", arg);
}

static void read_local(options *o, const char *arg, struct argp_state *state) {
    static const char *const unit[] = {"B", "KB", "MB"};
    static const double scale[] = {1, 1024, 1048576};
    if (!cli_option_amount(arg, unit, scale, 3, &o->local_bytes) || o->local_bytes > 1e12)
        argp_error(state, "--local: expected a size such as 256KB or 1MB, found \"%s\"", arg);
}

static void read_bits(options *o, char *arg, struct argp_state *state) {
    for (char *at = arg; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma++ = '\0';
        if (*at == '\0') argp_error(state, "--bits: expected bits such as 8,4 or w4a8, found none");
        if (o->count == MOST_BITS) argp_error(state, "--bits: at most %d precisions", MOST_BITS);
        o->bits[o->count++] = at;
        at = comma;
    }
}

static void read_fit(options *o, const char *arg, struct argp_state *state) {
    for (int f = 0; f < TD_NPE_FIT; f++)
        if (strcmp(arg, td_pe_fit_get((td_pe_fit)f)->name) == 0) {
            o->fit = (td_pe_fit)f;
            return;
        }
    argp_error(state, "--fit: expected bops, bits or synthesis, found \"%s\"", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    if (cli_net_option(&o->net, key, arg, state)) return 0;
    switch (key) {
    case OPT_AREA: read_area(o, arg, state); return 0;
    case OPT_BITS: read_bits(o, arg, state); return 0;
    case OPT_DRAM: o->dram = arg; return 0;
    case OPT_FIT: read_fit(o, arg, state); return 0;
    case OPT_TECH: o->tech = arg; return 0;
    case OPT_PE_GOPS: o->pe_gops = cli_option_real(state, "pe-gops", arg, 1e-6, 1e6); return 0;
    case OPT_LOCAL: read_local(o, arg, state); return 0;
    case OPT_PLOT: o->plot = arg; return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->net.name != NULL) argp_error(state, "expected one NET, found \"%s\" as well", arg);
        o->net.name = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->net.name == NULL)
            argp_error(state, "expected a NET (a name, a file or a results folder)");
        if (o->count == 0) o->bits[o->count++] = "8";
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The paper's fits are of one node; local memory is SRAM of the technology. */
static td_status make_chip(const options *o, const td_tech *tech, td_early_chip *c, td_error *err) {
    if (!td_tech_whole(tech))
        return td_fail(err, TD_E_USAGE,
                       "--tech %s: the table has energies only, expected a whole one", o->tech);
    if (o->fit != TD_PE_SYNTHESIS && strcmp(tech->node, "28nm") != 0)
        return td_fail(err, TD_E_USAGE,
                       "--fit %s is for 28nm, found --tech %s; expected --fit synthesis there",
                       td_pe_fit_get(o->fit)->name, o->tech);
    *c = (td_early_chip){.mm2 = o->mm2,
                         .fit = o->fit,
                         .gate_um2 = tech->mac_um2 / TD_MAC_UNIT_GATES,
                         .ops_per_pe = o->pe_gops * 1e9,
                         .local_bits = 8 * o->local_bytes};
    if (o->local_bytes > 0)
        c->local_mm2 =
            o->local_bytes / 1048576 * tech->sram_mm2_per_mb + tech->sram_macro_um2 * 1e-6;
    td_error fault = {0};
    if (td_dram_parse(o->dram, &c->bits_per_s, &fault) == TD_OK) return TD_OK;
    return td_fail(err, TD_E_USAGE, "--dram: %s", fault.message);
}

static td_status write_plot(const hcm_view *v, const char *path, td_arena *a, td_error *err) {
    td_text svg = {0};
    td_status s = hcm_plot(v, a, &svg, err);
    if (s == TD_OK) s = cli_plot_write(&svg, path, err);
    td_text_free(&svg);
    return s;
}

static bool ends_in(const char *name, const char *ending) {
    size_t n = strlen(name), k = strlen(ending);
    return n > k && strcmp(name + n - k, ending) == 0;
}

static td_status run(const options *o, td_arena *a, td_text *out, td_error *err) {
    if (o->plot != NULL && !ends_in(o->plot, ".svg") && !ends_in(o->plot, ".png"))
        return td_fail(err, TD_E_USAGE,
                       "--plot: expected a name that ends in .svg or .png, found "
                       "\"%s\"",
                       o->plot);
    td_net *net = NULL;
    td_tech tech;
    td_early_chip chip;
    hcm_view v;
    td_status s = td_tech_load(o->tech, &tech, err);
    if (s == TD_OK) s = make_chip(o, &tech, &chip, err);
    if (s == TD_OK) s = cli_net_load(&o->net, a, &net, NULL, err);
    if (s == TD_OK)
        s = hcm_view_make(net, o->bits, o->count, &chip, o->dram, tech.node, a, &v, err);
    td_net_destroy(net);
    if (s == TD_OK && o->plot != NULL) s = write_plot(&v, o->plot, a, err);
    if (s != TD_OK) return s;
    if (o->format == CLI_JSON) {
        td_node_to_json(hcm_node(&v, a), 2, out);
        td_text_add(out, "\n");
    } else if (o->format == CLI_CSV) {
        hcm_csv(&v, out);
    } else {
        hcm_table(&v, out);
    }
    return TD_OK;
}

int cmd_hcm(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"area", OPT_AREA, "AREA", 0, "silicon for PEs and local memory (1mm2)", 0},
        {"bits", OPT_BITS, "LIST", 0,
         "precisions: 8, w4a8, a file with bits per layer, or own: the network's (8)", 0},
        {"dram", OPT_DRAM, "DRAM", 0,
         "memory interface: ddr4-2400 (default), lpddr4-3200x64, ..., or a rate: 19.2GB/s", 0},
        {"fit", OPT_FIT, "FIT", 0,
         "area of a PE that counts: bops (default) or bits, of the paper; synthesis, ours", 0},
        {"tech", OPT_TECH, "NODE", 0, "technology (28nm, which the paper's fits are for)", 0},
        {"pe-gops", OPT_PE_GOPS, "N", 0, "1e9 operations per second of a PE (8)", 0},
        {"local", OPT_LOCAL, "SIZE", 0, "local memory for weights that stay: 256KB, 1MB (none)", 0},
        {"plot", OPT_PLOT, "FILE", 0, "also draw the roofline: a name that ends in .svg or .png",
         0},
        CLI_NET_OPTIONS,
        {"format", 'f', "FORMAT", 0, "table (default), json or csv", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "NET",
        "Early estimates of a network, before there is an accelerator: bits of accumulators, bit "
        "operations, how many processing elements fit in an area at each precision, and the "
        "roofline "
        "in operations per bit of memory traffic: which layers the memory bounds, and at which "
        "precision they turn so. NET is named as for `tandem eval`.\v"
        "Examples:\n"
        "  tandem hcm resnet18 --area 1mm2 --bits 8,4 --dram ddr4-2400\n"
        "  tandem hcm vgg16 --bits 32,16,8,4 --plot roofline.svg\n"
        "  tandem hcm mobilenetv2 --bits w4a8,mine.yaml --dram 4.3GB/s --format json\n"
        "  tandem hcm resnet18 --bits 8 --area 6mm2 --local 1MB\n"
        "  tandem hcm resnet18 --bits 8 --tech 7nm --fit synthesis",
        0,
        0,
        0};
    options o = {.net.width = 1,
                 .dram = "ddr4-2400",
                 .tech = "28nm",
                 .mm2 = 1,
                 .pe_gops = 8,
                 .format = CLI_TABLE};
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
