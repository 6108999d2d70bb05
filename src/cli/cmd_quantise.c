/* tandem quantise - a trained network in integers: its accuracy beside that of fp32, and QDQ ONNX.
 */
#include "cli.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_bits.h"
#include "cli_cell.h"
#include "cli_net.h"
#include "cli_option.h"
#include "tandem/quant.h"

typedef struct {
    cli_net net;
    const char *weights, *data, *data_path, *bits, *out;
    td_calibration calibration;
    bool percentile; /* was given */
    bool layers;
    int threads;
    cli_format format;
} options;

enum {
    KEY_DATA = 256,
    KEY_DATA_PATH,
    KEY_WEIGHTS,
    KEY_BITS,
    KEY_CALIBRATION,
    KEY_PERCENTILE,
    KEY_IMAGES,
    KEY_THREADS,
    KEY_LAYERS,
    KEY_WIDTH
};

/* ---- options --------------------------------------------------------------------------------- */

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case KEY_WEIGHTS: o->weights = arg; return 0;
    case KEY_DATA: o->data = arg; return 0;
    case KEY_DATA_PATH: o->data_path = arg; return 0;
    case KEY_BITS: o->bits = arg; return 0;
    case KEY_CALIBRATION:
        if (!td_range_rule_parse(arg, &o->calibration.rule))
            argp_error(state, "--calibration: expected minmax, percentile or mse, found \"%s\"",
                       arg);
        return 0;
    case KEY_PERCENTILE:
        o->calibration.percentile = cli_option_real(state, "percentile", arg, 90, 100);
        o->percentile = true;
        return 0;
    case KEY_IMAGES:
        o->calibration.images = (int)cli_option_int(state, "images", arg, 1, INT32_MAX);
        return 0;
    case KEY_THREADS: o->threads = (int)cli_option_int(state, "threads", arg, 1, 4096); return 0;
    case KEY_WIDTH:
        o->net.width = cli_option_real(state, "width", arg, 0.05, 20);
        o->net.shaped = "--width";
        return 0;
    case KEY_LAYERS: o->layers = true; return 0;
    case 'o': o->out = arg; return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format) || o->format == CLI_CSV)
            argp_error(state, "--format: expected table or json, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->net.name != NULL) argp_error(state, "one NET at a time");
        o->net.name = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->net.name == NULL)
            argp_error(state, "NET is missing: the folder of a trained network, such as "
                              "results/quickstart/best");
        if (o->percentile && o->calibration.rule != TD_RANGE_PERCENTILE)
            argp_error(state, "--percentile: expected --calibration percentile beside it");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"weights", KEY_WEIGHTS, "FILE", 0, "weights, if not the weights.bin beside the network", 0},
    {"data", KEY_DATA, "NAME", 0, "data set (fashion-mnist)", 0},
    {"data-path", KEY_DATA_PATH, "DIR", 0, "folder of its files, if not where it is installed", 0},
    {"bits", KEY_BITS, "BITS", 0,
     "8, w4a8, w4a8p24, or a file with bits per layer (the network's own); words of 2 to 8 bits",
     0},
    {"calibration", KEY_CALIBRATION, "RULE", 0,
     "ranges of values: minmax, percentile or mse (mse: of least squared error)", 0},
    {"percentile", KEY_PERCENTILE, "P", 0, "of the words stay in range (99.99)", 0},
    {"images", KEY_IMAGES, "N", 0, "training images to calibrate on (1000)", 0},
    {"layers", KEY_LAYERS, NULL, 0, "range and signal-to-noise ratio of each layer's values", 0},
    {"threads", KEY_THREADS, "N", 0, "threads (all cores)", 0},
    {"width", KEY_WIDTH, "X", 0, "channels of a shipped network times X (1)", 0},
    {"out", 'o', "DIR", 0, "write network.qdq.onnx", 0},
    {"format", 'f', "FORMAT", 0, "table or json (table)", 0},
    {0}};

/* ---- results --------------------------------------------------------------------------------- */

enum { VALID, TEST, SPLITS };
static const int split_of[SPLITS] = {TD_SPLIT_VALID, TD_SPLIT_TEST};

typedef struct {
    const td_net *net;
    const td_dataset *data;
    double reals[SPLITS], integers[SPLITS], same[SPLITS]; /* fractions */
    double seconds;                                       /* of the integers, all splits */
    int64_t weight_bytes, layers;
    int least, most; /* bits of weights */
    const td_quantised *q;
    double *snr_db; /* of the values; NULL: not asked */
} outcome;

/* Bits of weights, "8", or of several precisions "4 to 8". */
static void count(const td_net *folded, outcome *r) {
    td_net_totals t;
    td_net_count(folded, &t);
    r->weight_bytes = t.weight_bytes;
    r->layers = t.layers;
    r->least = 64;
    for (int i = 0; i < td_net_size(r->net); i++) {
        const td_layer *l = td_net_layer(r->net, i);
        if (!td_op_mapped(l->op)) continue;
        if (l->bits[TD_W] < r->least) r->least = l->bits[TD_W];
        if (l->bits[TD_W] > r->most) r->most = l->bits[TD_W];
    }
}

/* Bounds of what the words of a value stand for. */
static void bounds(const td_quant *q, double *lo, double *hi) {
    *lo = (double)q->scale * (-(1 << (q->bits - 1)) - q->zero);
    *hi = (double)q->scale * ((1 << (q->bits - 1)) - 1 - q->zero);
}

static void add_layers(const outcome *r, td_text *out) {
    td_text_addf(out, "\n%-24s %-16s %7s %6s %11s %11s %8s\n", "value of", "op", "weights",
                 "values", "from", "to", "SNR");
    for (int i = 0; i < td_net_size(r->q->net); i++) {
        const td_layer *l = td_net_layer(r->q->net, i);
        const td_quant *q = &r->q->layer[i].out;
        char weights[8] = "";
        if (td_op_mapped(l->op)) snprintf(weights, sizeof weights, "%d", l->bits[TD_W]);
        td_text_addf(out, "%-24s %-16s %7s", l->name, td_op_name(l->op), weights);
        if (q->bits > 0) {
            double lo, hi;
            bounds(q, &lo, &hi);
            td_text_addf(out, " %6d %11.4g %11.4g", q->bits, lo, hi);
        }
        if (q->bits > 0 && !isnan(r->snr_db[i])) td_text_addf(out, " %5.1f dB", r->snr_db[i]);
        td_text_add(out, "\n");
    }
}

static td_node *layers_node(const outcome *r, td_arena *a) {
    td_node *list = td_node_list(a);
    for (int i = 0; i < td_net_size(r->q->net); i++) {
        const td_layer *l = td_net_layer(r->q->net, i);
        const td_quant *q = &r->q->layer[i].out;
        td_node *n = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, n, "layer", l->name);
        td_node_put_string(a, n, "op", td_op_name(l->op));
        if (td_op_mapped(l->op)) td_node_put_int(a, n, "weight_bits", l->bits[TD_W]);
        if (q->bits == 0) continue; /* a part of the activation behind it */
        td_node_put_int(a, n, "bits", q->bits);
        td_node_put_real(a, n, "scale", (double)q->scale);
        td_node_put_int(a, n, "zero_point", q->zero);
        td_node_put_real(a, n, "snr_db", r->snr_db[i]);
    }
    return list;
}

static void add_table(const options *o, const outcome *r, td_text *out) {
    const td_calibration *c = &o->calibration;
    td_text_addf(out, "%s on %s: %lld layers in words of ", td_net_name(r->net), r->data->name,
                 (long long)r->layers);
    td_text_addf(out, r->least == r->most ? "%d bits" : "%d to %d bits", r->least, r->most);
    td_text_addf(out, ", %s of parameters\n", cli_bytes((double)r->weight_bytes).s);
    td_text_addf(out, "ranges by %s", td_range_rule_name(c->rule));
    if (c->rule == TD_RANGE_PERCENTILE) td_text_addf(out, " %g", c->percentile);
    td_text_addf(out, " on %d training images\n\n", c->images);
    td_text_addf(out, "%-12s %9s %9s %12s\n", "split", "fp32", "integers", "same labels");
    for (int k = 0; k < SPLITS; k++)
        td_text_addf(out, "%-12s %7.2f %% %7.2f %% %10.2f %%\n", k == VALID ? "validation" : "test",
                     100 * r->reals[k], 100 * r->integers[k], 100 * r->same[k]);
    if (r->snr_db != NULL) add_layers(r, out);
    if (o->out != NULL) td_text_addf(out, "\n%s: network.qdq.onnx\n", o->out);
}

static td_status add_json(const options *o, const outcome *r, td_text *out, td_error *err) {
    static const char *const split[SPLITS] = {"valid", "test"};
    const td_calibration *c = &o->calibration;
    td_arena *a = td_arena_create();
    td_node *n = a != NULL ? td_node_map(a) : NULL;
    td_node_put_string(a, n, "network", td_net_name(r->net));
    td_node_put_string(a, n, "data", r->data->name);
    td_node_put_int(a, n, "weight_bits_least", r->least);
    td_node_put_int(a, n, "weight_bits_most", r->most);
    td_node_put_int(a, n, "parameter_bytes", r->weight_bytes);
    td_node_put_string(a, n, "calibration", td_range_rule_name(c->rule));
    if (c->rule == TD_RANGE_PERCENTILE) td_node_put_real(a, n, "percentile", c->percentile);
    td_node_put_int(a, n, "calibration_images", c->images);
    for (int k = 0; k < SPLITS && a != NULL; k++) {
        td_node_put_real(a, n, td_arena_printf(a, "%s_accuracy", split[k]), r->reals[k]);
        td_node_put_real(a, n, td_arena_printf(a, "%s_accuracy_quantised", split[k]),
                         r->integers[k]);
        td_node_put_real(a, n, td_arena_printf(a, "%s_same_labels", split[k]), r->same[k]);
    }
    if (r->snr_db != NULL) td_node_put(a, n, "layers", layers_node(r, a));
    td_node *last = td_node_put_real(a, n, "seconds", r->seconds);
    td_status st = last != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK) td_node_to_json(n, 2, out);
    td_text_add(out, "\n");
    td_arena_destroy(a);
    return st;
}

/* ---- run ------------------------------------------------------------------------------------- */

/* weights.bin in the folder that NET is, or in its best/, or beside the file that it is. */
static td_status find_weights(const options *o, td_arena *a, const char **path, td_error *err) {
    const char *name = o->net.name, *slash = strrchr(name, '/');
    struct stat st;
    *path = o->weights;
    if (*path != NULL) return TD_OK;
    const char *ending = strrchr(name, '.');
    if (ending != NULL && strcmp(ending, ".onnx") == 0)
        return td_fail(err, TD_E_UNSUPPORTED,
                       "%s: of an ONNX model the shapes are read, not the weights; expected a "
                       "folder with network.yaml and weights.bin (of `tandem train --out`)",
                       name);
    if (slash != NULL && !td_file_exists(name))
        return td_fail(err, TD_E_NOT_FOUND, "%s: no such file or folder", name);
    bool folder = stat(name, &st) == 0 && S_ISDIR(st.st_mode);
    const char *const place[] = {
        folder ? td_arena_printf(a, "%s/weights.bin", name)
               : td_arena_printf(a, "%.*sweights.bin", slash ? (int)(slash - name + 1) : 0, name),
        folder ? td_arena_printf(a, "%s/best/weights.bin", name) : NULL};
    for (int i = 0; i < 2; i++)
        if (place[i] != NULL && td_file_exists(place[i])) {
            *path = place[i];
            return TD_OK;
        }
    return td_fail(err, TD_E_NOT_FOUND,
                   "%s: there are no weights (%s); `tandem train NET --out DIR` makes some, "
                   "--weights names others",
                   name, place[0] != NULL ? place[0] : "weights.bin");
}

static td_status measure(const options *o, const td_quantised *q, const td_weights *w, outcome *r,
                         td_error *err) {
    const td_dataset *d = r->data;
    td_status s = TD_OK;
    for (int k = 0; s == TD_OK && k < SPLITS; k++) {
        int n = d->n[split_of[k]], same = 0;
        uint8_t *label = malloc(2 * (size_t)n + 1);
        if (label == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        s = td_test(r->net, w, d, split_of[k], &r->reals[k], label, err);
        double start = td_time_mono_s();
        if (s == TD_OK)
            s = td_quantised_test(q, d, split_of[k], o->threads, &r->integers[k], label + n, err);
        r->seconds += td_time_mono_s() - start;
        for (int i = 0; s == TD_OK && i < n; i++) same += label[i] == label[n + i];
        r->same[k] = n > 0 ? (double)same / n : 1;
        free(label);
    }
    return s;
}

static td_status run(const options *o, const td_net *net, const td_weights *w, const td_dataset *d,
                     td_text *out, td_error *err) {
    outcome r = {.net = net, .data = d};
    td_quantised *q = NULL;
    td_status s = td_quantise(net, w, d, &o->calibration, &q, err);
    if (s == TD_OK) s = measure(o, q, w, &r, err);
    if (s == TD_OK && o->out != NULL) {
        char path[1200];
        snprintf(path, sizeof path, "%s/network.qdq.onnx", o->out);
        s = td_onnx_write_qdq(q, d->mean, d->std, path, err);
    }
    r.q = q;
    if (s == TD_OK) count(q->net, &r);
    if (s == TD_OK && o->layers) {
        enum { NOISE_IMAGES = 100 };
        r.snr_db = calloc((size_t)td_net_size(q->net), sizeof *r.snr_db);
        s = r.snr_db != NULL ? td_quantised_noise(q, d, NOISE_IMAGES, r.snr_db, err)
                             : td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (s == TD_OK && o->format == CLI_JSON) s = add_json(o, &r, out, err);
    if (s == TD_OK && o->format != CLI_JSON) add_table(o, &r, out);
    td_quantised_destroy(q);
    free(r.snr_db);
    return s;
}

int cmd_quantise(int argc, char **argv) {
    static const char doc[] =
        "Accuracy of a trained network as an accelerator runs it: in integers, with per-channel "
        "weights and per-tensor values, calibrated on training images. NET is a folder with "
        "network.yaml and weights.bin (of `tandem train --out` or of a search's design), or a "
        "network with --weights.\v"
        "Bits are the network's own (8 unless its file says others), or --bits.\n\n"
        "Examples:\n"
        "  tandem quantise results/quickstart/best\n"
        "  tandem quantise results/handmade --out results/handmade   # network.qdq.onnx\n"
        "  tandem quantise results/handmade --bits w4a8 --layers     # which layer loses\n";
    static const struct argp argp = {argp_options, parse, "NET", doc, NULL, NULL, NULL};
    options o = {.data = "fashion-mnist", .net.width = 1};
    td_calibration_default(&o.calibration);
    if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0) return td_status_exit_code(TD_E_USAGE);
    td_error err = {0};
    td_dataset d = {0};
    td_net *net = NULL;
    td_weights *w = NULL;
    td_text out = {0};
    const char *weights = NULL;
    td_arena *a = td_arena_create();
    td_status s = a != NULL ? find_weights(&o, a, &weights, &err)
                            : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_dataset_load(o.data, o.data_path, &d, &err);
    o.net.size = d.shape;
    o.net.classes = d.classes;
    if (o.calibration.images > d.n[TD_SPLIT_TRAIN]) o.calibration.images = d.n[TD_SPLIT_TRAIN];
    if (s == TD_OK) s = cli_net_load(&o.net, a, &net, NULL, &err);
    if (s == TD_OK && o.out != NULL) s = cli_folder_ready(o.out, &err);
    /* Before other bits: the weights are those of a network, and bits are a part of it. */
    if (s == TD_OK) s = td_weights_load(net, weights, &w, &err);
    if (s == TD_OK && o.bits != NULL) s = cli_bits_apply(o.bits, a, net, &err);
    if (s == TD_OK) s = run(&o, net, w, &d, &out, &err);
    td_weights_destroy(w);
    int code = s == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_net_destroy(net);
    td_dataset_free(&d);
    td_arena_destroy(a);
    return code;
}
