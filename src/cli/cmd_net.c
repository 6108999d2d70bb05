/* tandem net - a network: its layers with shapes, MACs and parameters, and its distinct layer
 * problems. */
#include "cli.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_cell.h"
#include "cli_net.h"
#include "tandem/report.h"

typedef struct {
    cli_net net;
    const char *onnx; /* file to write; NULL: none */
    cli_format format;
} options;

enum { OPT_ONNX = 1000 };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    if (cli_net_option(&o->net, key, arg, state)) return 0;
    switch (key) {
    case OPT_ONNX: o->onnx = arg; return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->net.name != NULL) argp_error(state, "one NET at a time");
        o->net.name = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->net.name == NULL)
            argp_error(state, "expected a NET (a name, a file or a results folder)");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- what is told -----------------------------------------------------------------------------
 */

/* A layer problem that `count` layers have, `first` before the others. */
typedef struct {
    td_problem problem;
    int first, count;
} distinct;

typedef struct {
    const td_net *net;
    td_net_totals totals;
    distinct *problem; /* in the order of their first layers */
    int n;
    int of_op[TD_NOP];
    int longest; /* name of a layer */
} view;

static td_status look(const td_net *net, td_arena *a, view *v, td_error *err) {
    int size = td_net_size(net);
    *v = (view){.net = net, .problem = TD_NEW(a, distinct, size), .longest = 5};
    if (v->problem == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_net_count(net, &v->totals);
    for (int i = 1; i < size; i++) {
        const td_layer *l = td_net_layer(net, i);
        int length = (int)strlen(l->name);
        v->of_op[l->op]++;
        if (length > v->longest) v->longest = length;
        td_problem p;
        memset(&p, 0, sizeof p); /* compared as bytes */
        if (!td_layer_problem(net, i, 1, &p)) continue;
        int k = 0;
        while (k < v->n && memcmp(&v->problem[k].problem, &p, sizeof p) != 0) k++;
        if (k == v->n) v->problem[v->n++] = (distinct){p, i, 0};
        v->problem[k].count++;
    }
    return TD_OK;
}

static void layer_text(const td_net *net, int i, char *out, size_t size) {
    td_problem p;
    if (td_layer_problem(net, i, 1, &p))
        td_problem_text(&p, out, size);
    else
        snprintf(out, size, "%s", td_op_name(td_net_layer(net, i)->op));
}

/* ---- table, JSON, CSV -------------------------------------------------------------------------
 */

static void table(const view *v, td_text *out) {
    const td_layer *in = td_net_layer(v->net, 0);
    const td_net_totals *t = &v->totals;
    td_text_addf(out, "%s: input %dx%dx%d, %d layers on the MACs, %d on the vector unit\n",
                 td_net_name(v->net), in->c, in->h, in->w, t->layers,
                 td_net_size(v->net) - 1 - t->layers);
    td_text_addf(out, "%s MACs, %s parameters, %s of weights, %s of activations at most\n",
                 cli_count((double)t->macs).s, cli_count((double)t->params).s,
                 cli_bytes((double)t->weight_bytes).s,
                 cli_bytes((double)t->activation_bytes_peak).s);
    int wide = v->longest;
    td_text_addf(out, "\n %-*s %-36s %-14s %9s %11s\n", wide, "layer", "what", "output", "MACs",
                 "parameters");
    for (int i = 1; i < td_net_size(v->net); i++) {
        const td_layer *l = td_net_layer(v->net, i);
        char text[96], shape[48];
        layer_text(v->net, i, text, sizeof text);
        snprintf(shape, sizeof shape, "%dx%dx%d", l->c, l->h, l->w);
        int64_t macs = td_layer_macs(v->net, i), params = td_layer_params(v->net, i);
        td_text_addf(out, " %-*s %-36s %-14s %9s %11s\n", wide, l->name, text, shape,
                     macs > 0 ? cli_count((double)macs).s : "",
                     params > 0 ? cli_thousands((double)params).s : "");
    }
    td_text_addf(out, " %-*s %-36s %-14s %9s %11s\n", wide, "total", "", "",
                 cli_count((double)t->macs).s, cli_thousands((double)t->params).s);
    td_text_addf(out, "\n %d distinct layer problems\n %5s  %-42s %9s  %s\n", v->n, "times",
                 "problem", "MACs each", "first");
    for (int k = 0; k < v->n; k++) {
        const distinct *d = &v->problem[k];
        char text[96];
        td_problem_text(&d->problem, text, sizeof text);
        td_text_addf(out, " %5d  %-42s %9s  %s\n", d->count, text,
                     cli_count((double)td_problem_macs(&d->problem)).s,
                     td_net_layer(v->net, d->first)->name);
    }
    td_text_add(out, "\n on the vector unit:");
    int kinds = 0;
    for (int op = 0; op < TD_NOP; op++)
        if (v->of_op[op] > 0 && !td_op_mapped((td_op)op))
            td_text_addf(out, "%s %d %s", kinds++ > 0 ? "," : "", v->of_op[op],
                         td_op_name((td_op)op));
    td_text_add(out, kinds > 0 ? "\n" : " nothing\n");
}

static td_node *shape_node(const td_layer *l, td_arena *a) {
    td_node *list = td_node_list(a);
    td_node_push(a, list, td_node_int(a, l->c));
    td_node_push(a, list, td_node_int(a, l->h));
    td_node_push(a, list, td_node_int(a, l->w));
    return list;
}

static td_node *node(const view *v, td_arena *a) {
    const td_net_totals *t = &v->totals;
    td_node *doc = td_node_map(a);
    td_node_put_string(a, doc, "network", td_net_name(v->net));
    td_node_put(a, doc, "input", shape_node(td_net_layer(v->net, 0), a));
    td_node_put_int(a, doc, "macs", t->macs);
    td_node_put_int(a, doc, "parameters", t->params);
    td_node_put_int(a, doc, "weight_bytes", t->weight_bytes);
    td_node_put_int(a, doc, "activation_bytes_peak", t->activation_bytes_peak);
    td_node_put_int(a, doc, "mapped_layers", t->layers);
    td_node *layers = td_node_put(a, doc, "layers", td_node_list(a));
    for (int i = 1; i < td_net_size(v->net); i++) {
        const td_layer *l = td_net_layer(v->net, i);
        td_node *n = td_node_push(a, layers, td_node_map(a));
        td_node_put_string(a, n, "name", l->name);
        td_node_put_string(a, n, "op", td_op_name(l->op));
        td_node_put(a, n, "output", shape_node(l, a));
        td_node_put_int(a, n, "macs", td_layer_macs(v->net, i));
        td_node_put_int(a, n, "parameters", td_layer_params(v->net, i));
        char text[96];
        if (!td_op_mapped(l->op)) continue;
        layer_text(v->net, i, text, sizeof text);
        td_node_put_string(a, n, "problem", text);
    }
    td_node *problems = td_node_put(a, doc, "problems", td_node_list(a));
    for (int k = 0; k < v->n; k++) {
        const distinct *d = &v->problem[k];
        char text[96];
        td_problem_text(&d->problem, text, sizeof text);
        td_node *n = td_node_push(a, problems, td_node_map(a));
        td_node_put_string(a, n, "problem", text);
        td_node_put_int(a, n, "count", d->count);
        td_node_put_int(a, n, "macs", td_problem_macs(&d->problem));
        td_node_put_string(a, n, "first", td_net_layer(v->net, d->first)->name);
    }
    return doc;
}

static void csv(const view *v, td_text *out) {
    td_text_add(out, "layer,op,problem,c,h,w,macs,parameters\r\n");
    for (int i = 1; i < td_net_size(v->net); i++) {
        const td_layer *l = td_net_layer(v->net, i);
        char text[96] = "";
        if (td_op_mapped(l->op)) layer_text(v->net, i, text, sizeof text);
        td_report_csv_field(out, l->name);
        td_text_addf(out, ",%s,%s,%d,%d,%d,%lld,%lld\r\n", td_op_name(l->op), text, l->c, l->h,
                     l->w, (long long)td_layer_macs(v->net, i),
                     (long long)td_layer_params(v->net, i));
    }
}

/* The network with weights of 0: its shapes are what counts. */
static td_status write_onnx(const td_net *net, const char *path, td_error *err) {
    enum { MOST_CHANNELS = 65536 };
    float *mean = calloc(2 * (size_t)MOST_CHANNELS, sizeof *mean), *one = mean + MOST_CHANNELS;
    td_weights *w = td_weights_create(net);
    int channels = td_net_layer(net, 0)->c;
    td_status s = TD_OK;
    if (mean == NULL || w == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK && channels > MOST_CHANNELS)
        s = td_fail(err, TD_E_UNSUPPORTED, "--onnx: at most %d input channels", MOST_CHANNELS);
    for (int i = 0; s == TD_OK && i < channels; i++) one[i] = 1;
    if (s == TD_OK) s = td_onnx_write(net, w, mean, one, path, err);
    td_weights_destroy(w);
    free(mean);
    return s;
}

static td_status run(const options *o, td_arena *a, td_text *out, td_error *err) {
    td_net *net = NULL;
    view v;
    td_status s = cli_net_load(&o->net, a, &net, NULL, err);
    if (s == TD_OK && o->onnx != NULL) s = write_onnx(net, o->onnx, err);
    if (s == TD_OK) s = look(net, a, &v, err);
    if (s == TD_OK) {
        if (o->format == CLI_JSON) {
            td_node_to_json(node(&v, a), 2, out);
            td_text_add(out, "\n");
        } else if (o->format == CLI_CSV) {
            csv(&v, out);
        } else {
            table(&v, out);
        }
    }
    td_net_destroy(net);
    return s;
}

int cmd_net(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        CLI_NET_OPTIONS,
        {"onnx", OPT_ONNX, "FILE", 0, "also write it as an ONNX model, with weights of 0", 0},
        {"format", 'f', "FORMAT", 0, "table (default), json or csv", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "NET",
        "Shows a network: its layers with shapes, MACs and parameters, and how often each distinct "
        "layer problem stands in it. NET is a shipped network, a network file, an ONNX model, or "
        "the "
        "folder of a search's best design.\v"
        "Examples:\n"
        "  tandem net resnet50.onnx\n"
        "  tandem net bert.onnx --dim sequence=128\n"
        "  tandem net mobilenetv2 --size 160 --format json\n"
        "  tandem net resnet50 --onnx resnet50.onnx\n"
        "  tandem net detector.onnx --skip-unknown --format csv",
        0,
        0,
        0};
    options o = {.net.width = 1, .format = CLI_TABLE};
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
