/* Bits per layer: what a person writes, and what follows from it for the values between layers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

enum { MOST_OPERAND = 32, MOST_SUM = 64 };

/* "w" and digits; a number in [1, most]. NULL: something else. */
static const char *read_bits(const char *at, char letter, int most, uint8_t *out) {
    if (letter != '\0' && *at++ != letter) return NULL;
    int v = 0, digits = 0;
    for (; *at >= '0' && *at <= '9' && digits < 3; at++, digits++) v = 10 * v + (*at - '0');
    if (digits == 0 || v < 1 || v > most) return NULL;
    *out = (uint8_t)v;
    return at;
}

td_status td_precision_parse(const char *text, td_precision *out, td_error *err) {
    td_precision x = {0};
    const char *at = read_bits(text, '\0', MOST_OPERAND, &x.w);
    if (at != NULL) {
        x.a = x.w;
    } else {
        at = read_bits(text, 'w', MOST_OPERAND, &x.w);
        if (at != NULL) at = read_bits(at, 'a', MOST_OPERAND, &x.a);
        if (at != NULL && *at != '\0') at = read_bits(at, 'p', MOST_SUM, &x.p);
    }
    if (at == NULL || *at != '\0')
        return td_fail(err, TD_E_INPUT,
                       "expected bits such as 8, w4a8 or w4a8p24 (weights and activations of 1 to "
                       "%d, partial sums of 1 to %d), found \"%.40s\"",
                       MOST_OPERAND, MOST_SUM, text);
    if (x.p > 0 && (x.p < x.w || x.p < x.a))
        return td_fail(err, TD_E_INPUT,
                       "%s: partial sums of %d bits are narrower than what they are sums of", text,
                       x.p);
    *out = x;
    return TD_OK;
}

double td_sum_bits(double w, double a, double terms) {
    return w + a + log2(terms);
}

/* ---- from a file ---- */

static td_status read_precision(const td_node *n, td_precision *out, td_error *err) {
    char number[24];
    const char *text = n->kind == TD_STRING ? n->text : number;
    if (n->kind == TD_INT)
        snprintf(number, sizeof number, "%.0f", n->real);
    else if (n->kind != TD_STRING)
        return td_node_fail(n, err, "expected bits such as 8, w4a8 or w4a8p24");
    td_error fault = {0};
    if (td_precision_parse(text, out, &fault) == TD_OK) return TD_OK;
    return td_node_fail(n, err, "%s", fault.message);
}

static td_status read_layers(const td_node *map, const td_net *net, td_precision *of,
                             td_error *err) {
    const char **name = calloc((size_t)net->n + 1, sizeof *name);
    if (name == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0, n = 0; i < net->n; i++)
        if (td_op_mapped(net->layer[i].op)) name[n++] = net->layer[i].name;
    td_status s = td_node_only(map, name, err);
    free(name);
    for (int i = 0; s == TD_OK && i < net->n; i++) {
        const td_node *n =
            td_op_mapped(net->layer[i].op) ? td_node_find(map, net->layer[i].name) : NULL;
        if (n != NULL) s = read_precision(n, &of[i], err);
    }
    return s;
}

td_status td_precision_from_node(const td_node *doc, const td_net *net, td_precision *of,
                                 td_error *err) {
    static const char *const keys[] = {"default", "layers", NULL};
    td_precision usual = {.w = 8, .a = 8};
    const td_node *layers = NULL;
    if (doc->kind != TD_MAP) return td_node_fail(doc, err, "expected a map of bits per layer");
    td_status s = td_node_only(doc, keys, err);
    const td_node *n = td_node_find(doc, "default");
    if (s == TD_OK && n != NULL) s = read_precision(n, &usual, err);
    if (s == TD_OK) s = td_node_opt_map(doc, "layers", &layers, err);
    for (int i = 0; i < net->n; i++) of[i] = usual;
    return s == TD_OK && layers != NULL ? read_layers(layers, net, of, err) : s;
}

/* ---- into the network ---- */

static double terms_of(const td_net *net, const td_layer *l) {
    td_shape x = td__layer_input(net, l, 0);
    if (l->op == TD_OP_FC) return (double)td__shape_words(x);
    if (l->op == TD_OP_MATMUL) return x.w;
    return (double)(x.c / l->groups) * l->kernel[0] * l->kernel[1];
}

static td_status check(const td_layer *l, const td_precision *x, td_error *err) {
    if (x->w >= 1 && x->w <= MOST_OPERAND && x->a >= 1 && x->a <= MOST_OPERAND && x->p <= MOST_SUM)
        return TD_OK;
    return td_fail(err, TD_E_USAGE,
                   "layer %s: weights of %d, activations of %d, sums of %d bits; expected 1 to %d, "
                   "and 1 to %d or 0",
                   l->name, x->w, x->a, x->p, MOST_OPERAND, MOST_SUM);
}

static uint8_t sums_of(const td_net *net, const td_layer *l, const td_precision *x) {
    if (x->p > 0) return x->p;
    int w = l->op == TD_OP_MATMUL ? x->a : x->w; /* a value takes the place of weights */
    double need = ceil(td_sum_bits(w, x->a, terms_of(net, l)));
    return (uint8_t)fmax(32, fmin(need, MOST_SUM));
}

td_status td_net_set_precision(td_net *net, const td_precision *of, td_error *err) {
    int n = net->n;
    uint8_t *made = calloc((size_t)n, sizeof *made); /* bits of values */
    uint8_t *from = calloc((size_t)n, sizeof *from); /* activation bits of the layer behind them */
    td_status s = made != NULL && from != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < n; i++) {
        const td_layer *l = &net->layer[i];
        if (td_op_mapped(l->op)) s = check(l, &of[i], err);
        from[i] = td_op_mapped(l->op) ? of[i].a : l->n_inputs > 0 ? from[l->input[0]] : 8;
    }
    for (int i = n - 1; s == TD_OK && i >= 0; i--) {
        const td_layer *l = &net->layer[i];
        if (made[i] == 0) made[i] = from[i];
        uint8_t wants = td_op_mapped(l->op) ? of[i].a : made[i];
        for (int k = 0; k < l->n_inputs; k++)
            if (made[l->input[k]] < wants) made[l->input[k]] = wants;
    }
    for (int i = 0; s == TD_OK && i < n; i++) {
        td_layer *l = &net->layer[i];
        bool own = td_op_mapped(l->op);
        if (own) l->bits[TD_W] = of[i].w; /* of a batch norm: scale and shift, as they are */
        if (l->op == TD_OP_MATMUL) l->bits[TD_W] = of[i].a;
        l->bits[TD_I] = own ? of[i].a : made[i];
        l->bits[TD_O] = made[i];
        l->acc_bits = own ? sums_of(net, l, &of[i]) : 32;
    }
    free(made);
    free(from);
    return s;
}
