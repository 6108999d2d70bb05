/* SCALE-Sim's topologies: CSV with one layer a line, which know nothing of each other. Each sees a
 * part of the one input, which is as large as the largest of theirs. */
#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 8 };

typedef struct {
    const char *file;
    int line;
    td_error *err;
} place;

static td_status fail(const place *p, const char *what) {
    char where[160];
    snprintf(where, sizeof where, "%.120s:%d", p->file, p->line);
    return td_fail_at(p->err, TD_E_INPUT, where, "%s", what);
}

/* Fields of a line without the spaces around them; those beyond the eighth are left. */
static int split(const char *at, const char *end, char field[MOST_FIELDS][64]) {
    int n = 0;
    while (n < MOST_FIELDS && at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        const char *from = at, *to = stop;
        while (from < to && (*from == ' ' || *from == '\t')) from++;
        while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r')) to--;
        snprintf(field[n++], 64, "%.*s", (int)(to - from > 63 ? 63 : to - from), from);
        at = comma != NULL ? comma + 1 : end;
    }
    return n;
}

static bool whole(const char *text, int64_t hi, int32_t *out) {
    char *end;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || v < 1 || v > hi) return false;
    *out = (int32_t)v;
    return true;
}

static void set_name(td_layer *l, const char *name) {
    int n = 0;
    for (; name[n] != '\0' && n < (int)sizeof l->name - 1; n++)
        l->name[n] = name[n] > ' ' && name[n] < 0x7F ? name[n] : '_';
    l->name[n] = '\0';
}

/* name, IFMAP height and width, filter height and width, channels, filters, stride */
static td_status convolution(const place *p, char field[][64], int n, td_layer *l) {
    int32_t v[7], out[2];
    for (int i = 0; i < 7; i++)
        if (i + 1 >= n || !whole(field[i + 1], i < 4 ? TD__MAX_SIDE : TD__MAX_CHANNELS, &v[i]))
            return fail(p,
                        "expected a name and seven numbers: rows and columns of the input, of the "
                        "filter, channels, filters, stride");
    bool depthwise = strstr(field[0], "DP") != NULL;
    if (v[2] > v[0] || v[3] > v[1]) return fail(p, "the filter is larger than the input");
    if (depthwise && (int64_t)v[4] * v[5] > TD__MAX_CHANNELS) return fail(p, "too many channels");
    l->view[0] = TD_DIM(v[4], v[0], v[1]);
    l->groups = depthwise ? v[4] : 1;
    l->c = depthwise ? v[4] * v[5] : v[5];
    for (int i = 0; i < 2; i++) {
        l->kernel[i] = v[2 + i];
        l->stride[i] = v[6];
        out[i] = (int32_t)(((int64_t)v[i] - v[2 + i] + 2 * (int64_t)v[6] - 1) / v[6]);
        int64_t beyond = ((int64_t)out[i] - 1) * v[6] + v[2 + i] - v[i];
        l->pad[i + 2] = beyond > 0 ? (int32_t)beyond : 0;
    }
    return TD_OK;
}

/* name, M, N, K: M x K by K x N */
static td_status product(const place *p, char field[][64], int n, td_layer *l) {
    int32_t v[3];
    for (int i = 0; i < 3; i++)
        if (i + 1 >= n || !whole(field[i + 1], i == 0 ? TD__MAX_SIDE : TD__MAX_CHANNELS, &v[i]))
            return fail(p, "expected a name and three numbers: M, N, K");
    l->view[0] = TD_DIM(v[2], v[0], 1);
    l->c = v[1];
    return TD_OK;
}

static bool is_empty(char field[][64], int n) {
    for (int i = 0; i < n; i++)
        if (field[i][0] != '\0') return false;
    return true;
}

/* Every line to *l, or none (n 0): calls back are not worth it for two passes. */
static td_status read_layers(const char *text, size_t size, place *p, td_layer **layers, int *n,
                             int64_t *largest) {
    const char *at = text, *end = text + size;
    bool head = true, products = false;
    int room = 0;
    for (p->line = 1; at < end; p->line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        char field[MOST_FIELDS][64];
        int count = split(at, stop, field);
        at = stop < end ? stop + 1 : end;
        if (is_empty(field, count)) continue;
        if (head) { /* names of the columns */
            int32_t number;
            if (count < 4 || whole(field[1], INT32_MAX, &number))
                return fail(p, "expected the names of a topology's columns");
            products = strcmp(field[1], "M") == 0 && strcmp(field[2], "N") == 0;
            head = false;
            continue;
        }
        if (*n == room) {
            room = 2 * room + 32;
            td_layer *grown = realloc(*layers, (size_t)room * sizeof *grown);
            if (grown == NULL) return td_fail(p->err, TD_E_MEMORY, "out of memory for %s", p->file);
            *layers = grown;
        }
        td_layer l = td__layer_make(TD_OP_CONV);
        set_name(&l, field[0]);
        td_status s = products ? product(p, field, count, &l) : convolution(p, field, count, &l);
        if (s != TD_OK) return s;
        if (td__shape_words(l.view[0]) > *largest) *largest = td__shape_words(l.view[0]);
        if (*largest > TD__MAX_VALUE_WORDS || *n >= TD__MAX_LAYERS)
            return fail(p, "more than can be counted");
        l.n_inputs = 1;
        (*layers)[(*n)++] = l;
    }
    if (*n == 0) return fail(p, "there is no layer");
    return TD_OK;
}

td_status td_net_from_scalesim(const char *text, size_t size, const char *file, td_net **net,
                               td_error *err) {
    *net = NULL;
    td_layer *layers = NULL;
    int n = 0;
    int64_t largest = 0;
    place p = {.file = file, .err = err};
    td_status s = read_layers(text, size, &p, &layers, &n, &largest);
    td_net *made = NULL;
    if (s == TD_OK) {
        const char *slash = strrchr(file, '/'), *name = slash != NULL ? slash + 1 : file;
        char base[96];
        snprintf(base, sizeof base, "%.*s", (int)strcspn(name, "."), name);
        made = td_net_create(base, td__shape_of_words(largest));
        for (int i = 0; i < n; i++) td__net_add_layer(made, &layers[i]);
        td_error own = {0};
        s = td_net_check(made, &own);
        if (s != TD_OK)
            s = td_fail(err, s == TD_E_USAGE ? TD_E_INPUT : s, "%s: %s", file, own.message);
    }
    free(layers);
    if (s == TD_OK)
        *net = made;
    else
        td_net_destroy(made);
    return s;
}
