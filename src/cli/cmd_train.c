/* tandem train - trains one network and reports its accuracy. */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_net.h"
#include "cli_option.h"
#include "tandem/net.h"
#include "tandem/quant.h"
#include "tandem/train.h"

typedef struct {
    cli_net net;
    const char *data, *data_path, *out;
    td_train_options train;
    cli_format format;
    bool quiet;
} options;

enum {
    KEY_DATA = 256,
    KEY_DATA_PATH,
    KEY_EPOCHS,
    KEY_BATCH,
    KEY_RATE,
    KEY_SEED,
    KEY_NUMBER,
    KEY_WIDTH,
    KEY_WARMUP,
    KEY_SMOOTHING,
    KEY_AUGMENT,
    KEY_WITH_VALID
};

/* ---- options --------------------------------------------------------------------------------- */

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case KEY_DATA: o->data = arg; return 0;
    case KEY_DATA_PATH: o->data_path = arg; return 0;
    case KEY_EPOCHS: o->train.epochs = cli_option_real(state, "epochs", arg, 0.0001, 1e6); return 0;
    case KEY_BATCH: o->train.batch = (int)cli_option_int(state, "batch", arg, 1, 4096); return 0;
    case KEY_RATE: o->train.rate = cli_option_real(state, "rate", arg, 0, 100); return 0;
    case KEY_WARMUP:
        o->train.warmup_steps = (int)cli_option_int(state, "warmup", arg, 0, INT32_MAX);
        return 0;
    case KEY_SMOOTHING:
        o->train.label_smoothing = cli_option_real(state, "smoothing", arg, 0, 0.99);
        return 0;
    case KEY_AUGMENT: o->train.augment_shift = o->train.augment_flip = true; return 0;
    case KEY_WITH_VALID: o->train.with_valid = true; return 0;
    case KEY_SEED:
        o->train.seed = (uint64_t)cli_option_int(state, "seed", arg, 0, INT64_MAX);
        return 0;
    case KEY_NUMBER:
        if (strcmp(arg, "fp32") != 0 && strcmp(arg, "bf16") != 0)
            argp_error(state, "--number: expected fp32 or bf16, found \"%s\"", arg);
        o->train.number = strcmp(arg, "bf16") == 0 ? TD_BF16 : TD_FP32;
        return 0;
    case KEY_WIDTH:
        o->net.width = cli_option_real(state, "width", arg, 0.05, 20);
        o->net.shaped = "--width";
        return 0;
    case 'o': o->out = arg; return 0;
    case 'q': o->quiet = true; return 0;
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
            argp_error(state, "NET is missing; `tandem list networks` names some");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"data", KEY_DATA, "NAME", 0, "data set (fashion-mnist)", 0},
    {"data-path", KEY_DATA_PATH, "DIR", 0, "folder of its files, if not where it is installed", 0},
    {"epochs", KEY_EPOCHS, "N", 0, "passes over the training images, may be a fraction (5)", 0},
    {"batch", KEY_BATCH, "N", 0, "images per step (32)", 0},
    {"rate", KEY_RATE, "X", 0, "peak learning rate (0.05)", 0},
    {"warmup", KEY_WARMUP, "N", 0, "steps of linear warm-up (200)", 0},
    {"smoothing", KEY_SMOOTHING, "X", 0, "label smoothing (0)", 0},
    {"augment", KEY_AUGMENT, NULL, 0, "shift images by up to 2 pixels, and mirror them", 0},
    {"with-valid", KEY_WITH_VALID, NULL, 0, "train on the validation images too", 0},
    {"seed", KEY_SEED, "N", 0, "seed (1)", 0},
    {"number", KEY_NUMBER, "TYPE", 0, "fp32 or bf16 (fp32)", 0},
    {"width", KEY_WIDTH, "X", 0, "channels of a shipped network times X (1)", 0},
    {"out", 'o', "DIR", 0,
     "write network.onnx, network.qdq.onnx (int8), network.yaml and weights.bin", 0},
    {"format", 'f', "FORMAT", 0, "table or json (table)", 0},
    {"quiet", 'q', NULL, 0, "no progress on stderr", 0},
    {0}};

/* ---- progress -------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;
static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

typedef struct {
    bool bar, lines;
    double steps, done, start, drawn;
} progress;

static void clear_bar(progress *p) {
    if (p->bar && p->drawn > 0) fprintf(stderr, "\r\033[K");
}

/* Polled before every step. */
static bool poll_step(void *self) {
    progress *p = self;
    double now = td_time_mono_s();
    if (p->bar && now - p->drawn > 0.2) {
        double share = p->done / p->steps, left = (now - p->start) * (1 / share - 1);
        int full = (int)(share * 30);
        fprintf(stderr, "\r %3.0f %% ", 100 * share);
        for (int i = 0; i < 30; i++) fputc(i < full ? '#' : '.', stderr);
        if (p->done > 10) fprintf(stderr, " %.0f s left ", left);
        fprintf(stderr, "\033[K");
        p->drawn = now;
    }
    p->done++;
    return interrupted != 0;
}

static bool after_epoch(void *self, double epoch, double loss, double valid) {
    progress *p = self;
    clear_bar(p);
    if (p->lines)
        fprintf(stderr, "epoch %5.4g  loss %.4f  validation %.2f %%\n", epoch, loss, 100 * valid);
    return true;
}

/* ---- results --------------------------------------------------------------------------------- */

static td_status write_files(const options *o, const td_net *net, const td_weights *w,
                             const td_quantised *q, const td_dataset *d, td_error *err) {
    char path[1200];
    td_status st = td_dir_make(o->out, err);
    snprintf(path, sizeof path, "%s/network.onnx", o->out);
    if (st == TD_OK) st = td_onnx_write(net, w, d->mean, d->std, path, err);
    snprintf(path, sizeof path, "%s/network.qdq.onnx", o->out);
    if (st == TD_OK && q != NULL) st = td_onnx_write_qdq(q, d->mean, d->std, path, err);
    if (st == TD_OK && q == NULL) unlink(path); /* of an earlier training */
    snprintf(path, sizeof path, "%s/weights.bin", o->out);
    if (st == TD_OK) st = td_weights_save(w, net, path, err);
    if (st != TD_OK) return st;
    td_arena *a = td_arena_create();
    const td_node *n = a != NULL ? td_net_to_node(net, a) : NULL;
    td_text text = {0};
    if (n != NULL) td_node_to_yaml(n, &text);
    snprintf(path, sizeof path, "%s/network.yaml", o->out);
    if (n == NULL || text.failed)
        st = td_fail(err, TD_E_MEMORY, "out of memory");
    else
        st = td_file_write(path, text.data, text.size, err);
    td_text_free(&text);
    td_arena_destroy(a);
    return st;
}

typedef struct {
    const td_net *net;
    const td_dataset *data;
    td_train_result train;
    double test, integers; /* accuracies; NAN: no network in integers, for this reason: */
    td_error refused;
} outcome;

static td_status add_json(const options *o, const outcome *r, td_text *out, td_error *err) {
    td_arena *a = td_arena_create();
    td_net_totals t;
    td_net_count(r->net, &t);
    td_node *n = a != NULL ? td_node_map(a) : NULL;
    td_node_put_string(a, n, "network", td_net_name(r->net));
    td_node_put_string(a, n, "data", r->data->name);
    td_node_put_int(a, n, "macs", t.macs);
    td_node_put_int(a, n, "params", t.params);
    td_node_put_real(a, n, "epochs", o->train.epochs);
    td_node_put_int(a, n, "batch", o->train.batch);
    td_node_put_real(a, n, "rate", o->train.rate);
    td_node_put_string(a, n, "number", o->train.number == TD_BF16 ? "bf16" : "fp32");
    td_node_put_int(a, n, "seed", (int64_t)o->train.seed);
    td_node_put_int(a, n, "steps", r->train.steps);
    td_node_put_int(a, n, "images", r->train.images);
    td_node_put_real(a, n, "train_loss", r->train.train_loss);
    td_node_put_real(a, n, "valid_accuracy", r->train.valid_accuracy);
    td_node_put_real(a, n, "test_accuracy", r->test);
    td_node_put_real(a, n, "test_accuracy_quantised", r->integers);
    td_node_put_real(a, n, "cpu_s", r->train.cpu_s);
    td_node_put_real(a, n, "wall_s", r->train.wall_s);
    td_node *last =
        td_node_put_real(a, n, "images_per_cpu_s", (double)r->train.images / r->train.cpu_s);
    td_status st = last != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK) td_node_to_json(n, 2, out);
    td_text_add(out, "\n");
    td_arena_destroy(a);
    return st;
}

static void add_table(const options *o, const outcome *r, td_text *out) {
    td_net_totals t;
    td_net_count(r->net, &t);
    td_text_addf(out, "%s on %s: %.3g M MACs, %.4g k parameters\n", td_net_name(r->net),
                 r->data->name, (double)t.macs / 1e6, (double)t.params / 1e3);
    td_text_addf(out, "%g epochs, batch %d, rate %g, %s, seed %llu: %lld steps, loss %.4f\n",
                 o->train.epochs, o->train.batch, o->train.rate,
                 o->train.number == TD_BF16 ? "bf16" : "fp32", (unsigned long long)o->train.seed,
                 (long long)r->train.steps, r->train.train_loss);
    td_text_addf(out, "validation accuracy  %.2f %%%s\ntest accuracy        %.2f %%\n",
                 100 * r->train.valid_accuracy,
                 o->train.with_valid ? " (trained on these images)" : "", 100 * r->test);
    if (isfinite(r->integers))
        td_text_addf(out, "  in integers        %.2f %%\n", 100 * r->integers);
    else
        td_text_addf(out, "  in integers        none: %s\n", r->refused.message);
    td_text_addf(out, "%.1f CPU-s with validation, %.1f s, %.0f images per CPU-s\n", r->train.cpu_s,
                 r->train.wall_s, (double)r->train.images / r->train.cpu_s);
    if (o->out != NULL)
        td_text_addf(out, "%s: network.onnx, %snetwork.yaml, weights.bin\n", o->out,
                     isfinite(r->integers) ? "network.qdq.onnx, " : "");
}

/* ---- run ------------------------------------------------------------------------------------- */

/* As an accelerator runs it; networks of other bits than td_quantise knows have none. */
static td_status quantise(const td_net *net, const td_weights *w, outcome *r, td_quantised **q,
                          td_error *err) {
    td_calibration c;
    td_calibration_default(&c);
    td_status s = td_quantise(net, w, r->data, &c, q, err);
    r->integers = NAN;
    if (s == TD_E_UNSUPPORTED || s == TD_E_INFEASIBLE) {
        r->refused = *err;
        return TD_OK;
    }
    if (s != TD_OK) return s;
    return td_quantised_test(*q, r->data, TD_SPLIT_TEST, 1, &r->integers, NULL, err);
}

static td_status train(options *o, const td_net *net, const td_dataset *d, td_text *out,
                       td_error *err) {
    int images = d->n[TD_SPLIT_TRAIN] + (o->train.with_valid ? d->n[TD_SPLIT_VALID] : 0);
    progress p = {.bar = !o->quiet && isatty(STDERR_FILENO),
                  .lines = !o->quiet,
                  .steps = o->train.epochs * (double)(images / o->train.batch) + 1,
                  .start = td_time_mono_s()};
    o->train.self = &p;
    o->train.cancelled = poll_step;
    o->train.progress = o->quiet ? NULL : after_epoch;
    struct sigaction now = {.sa_handler = on_interrupt}, before;
    sigaction(SIGINT, &now, &before);
    outcome r = {.net = net, .data = d};
    td_weights *w = NULL;
    td_quantised *q = NULL;
    td_status st = td_train(net, d, &o->train, &w, &r.train, err);
    clear_bar(&p);
    sigaction(SIGINT, &before, NULL);
    if (st == TD_OK) st = td_test(net, w, d, TD_SPLIT_TEST, &r.test, NULL, err);
    if (st == TD_OK) st = quantise(net, w, &r, &q, err);
    if (st == TD_OK && o->out != NULL) st = write_files(o, net, w, q, d, err);
    if (st == TD_OK) {
        if (o->format == CLI_JSON)
            st = add_json(o, &r, out, err);
        else
            add_table(o, &r, out);
    }
    td_quantised_destroy(q);
    td_weights_destroy(w);
    return st;
}

int cmd_train(int argc, char **argv) {
    static const char doc[] =
        "Train NET and report its accuracy: a shipped network (`tandem list networks`), a network "
        "file (.yaml, .json), or the folder of a search's best design.\v"
        "Runs on one thread; the same options give the same weights on one machine. Ctrl-C stops "
        "between two steps.\n\n"
        "Examples:\n"
        "  tandem train C                                # five epochs of Fashion-MNIST\n"
        "  tandem train A --epochs 10 --augment --out results/a\n"
        "  tandem train handmade --width 0.5 --seed 2 --format json\n"
        "  tandem train results/quickstart/best --epochs 20 --with-valid\n";
    static const struct argp argp = {argp_options, parse, "NET", doc, NULL, NULL, NULL};
    options o = {.data = "fashion-mnist", .net.width = 1};
    td_train_options_default(&o.train);
    if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0) return td_status_exit_code(TD_E_USAGE);
    td_error err = {0};
    td_dataset d = {0};
    td_net *net = NULL;
    td_text out = {0};
    td_arena *a = td_arena_create();
    td_status st = a != NULL ? td_dataset_load(o.data, o.data_path, &d, &err)
                             : td_fail(&err, TD_E_MEMORY, "out of memory");
    o.net.size = d.shape;
    o.net.classes = d.classes;
    if (st == TD_OK) st = cli_net_load(&o.net, a, &net, NULL, &err);
    /* Before the hours of training, not after them. */
    if (st == TD_OK && o.out != NULL) st = cli_folder_ready(o.out, &err);
    if (st == TD_OK) st = train(&o, net, &d, &out, &err);
    int code = st == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_net_destroy(net);
    td_dataset_free(&d);
    td_arena_destroy(a);
    return code;
}
