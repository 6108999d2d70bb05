/* A network of an ONNX model: the nodes in their order, each by its operator (onnx_ops.c). Those
 * that do not lead to a result of the model are left out, and so, in the end, are layers that
 * nobody reads. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx_ops.h"

static td_status no_memory(const td__onnx_reader *r) {
    return td_fail(r->err, TD_E_MEMORY, "out of memory for %s", r->file);
}

/* ---- names ------------------------------------------------------------------------------------
 */

static td_status name_value(td__onnx_reader *r, const char *name) {
    if (name[0] == '\0') return TD_OK; /* an output that is left out */
    if (!td__names_add(&r->names, name, r->n_values))
        return td__onnx_fail(r, TD_E_INPUT, "the value '%.80s' is made twice", name);
    r->value[r->n_values++] = (td__ov){.name = name, .value = -1};
    return TD_OK;
}

/* Old files list initialisers among the inputs, too. */
static bool is_initialiser(const td__onnx_reader *r, const char *name) {
    int i = td__names_find(&r->names, name);
    return i >= 0 && i < r->model->n_tensors;
}

/* Initialisers first, then inputs, then what nodes make. */
static td_status name_values(td__onnx_reader *r) {
    const td__om_model *m = r->model;
    int64_t n = (int64_t)m->n_tensors + m->n_inputs;
    for (int i = 0; i < m->n_nodes; i++) n += m->node[i].n_out;
    if (n > INT32_MAX / 4) return td__onnx_fail(r, TD_E_UNSUPPORTED, "too many values");
    r->value = TD_NEW(r->arena, td__ov, n + 1);
    r->uses = TD_NEW(r->arena, int, n + 1);
    if (r->value == NULL || r->uses == NULL || !td__names_init(&r->names, r->arena, (int)n))
        return no_memory(r);
    td_status s = TD_OK;
    for (int i = 0; i < m->n_tensors && s == TD_OK; i++) {
        if (m->tensor[i].name[0] == '\0')
            return td__onnx_fail(r, TD_E_INPUT, "an initialiser without a name");
        s = name_value(r, m->tensor[i].name);
    }
    for (int i = 0; i < m->n_inputs && s == TD_OK; i++)
        if (!is_initialiser(r, m->input[i].name)) s = name_value(r, m->input[i].name);
    for (int i = 0; i < m->n_nodes; i++)
        for (int k = 0; k < m->node[i].n_out && s == TD_OK; k++)
            s = name_value(r, m->node[i].output[k]);
    return s;
}

/* needed[i]: node i leads to a result of the model. Counts who reads which value. Names that nobody
 * has, and nodes before what they read, are faults. */
static td_status find_needed(td__onnx_reader *r, bool *needed) {
    const td__om_model *m = r->model;
    int *maker = TD_NEW(r->arena, int, r->n_values + 1); /* node, plus one */
    if (maker == NULL) return no_memory(r);
    for (int i = 0; i < m->n_nodes; i++)
        for (int k = 0; k < m->node[i].n_out; k++)
            if (m->node[i].output[k][0] != '\0')
                maker[td__names_find(&r->names, m->node[i].output[k])] = i + 1;
    if (m->n_outputs == 0) return td__onnx_fail(r, TD_E_INPUT, "the model has no output");
    for (int i = 0; i < m->n_outputs; i++) {
        int v = td__names_find(&r->names, m->output[i].name);
        if (v < 0)
            return td__onnx_fail(r, TD_E_INPUT, "no node makes the output '%.80s'",
                                 m->output[i].name);
        r->uses[v]++;
        if (maker[v] > 0) needed[maker[v] - 1] = true;
    }
    for (int i = m->n_nodes - 1; i >= 0; i--) {
        if (!needed[i]) continue;
        r->node = &m->node[i];
        for (int k = 0; k < r->node->n_in; k++) {
            if (r->node->input[k][0] == '\0') continue;
            int v = td__names_find(&r->names, r->node->input[k]);
            if (v < 0)
                return td__onnx_fail(r, TD_E_INPUT, "nothing makes its input '%.80s'",
                                     r->node->input[k]);
            if (maker[v] > i)
                return td__onnx_fail(r, TD_E_INPUT, "it stands before what it reads ('%.80s')",
                                     r->node->input[k]);
            r->uses[v]++;
            if (maker[v] > 0) needed[maker[v] - 1] = true;
        }
    }
    r->node = NULL;
    return TD_OK;
}

/* ---- operators that are not known --------------------------------------------------------------
 */

static bool is_known(const td__om_node *n) {
    bool standard = n->domain[0] == '\0' || strcmp(n->domain, "ai.onnx") == 0;
    return standard && td__onnx_entry_find(n->op) != NULL;
}

/* All of them, each with the first nodes that have it. */
static td_status refuse_unknown(const td__onnx_reader *r, const bool *needed) {
    enum { MOST = 64, NAMED = 2 };
    const td__om_model *m = r->model;
    const td__om_node *kind[MOST];
    int n = 0;
    td_text t = {0};
    for (int i = 0; i < m->n_nodes; i++) {
        const td__om_node *u = &m->node[i];
        if (!needed[i] || is_known(u)) continue;
        int k = 0;
        while (k < n &&
               (strcmp(kind[k]->op, u->op) != 0 || strcmp(kind[k]->domain, u->domain) != 0))
            k++;
        if (k < n || n == MOST) continue;
        kind[n++] = u;
        td_text_addf(&t, "%s%.48s%s%.48s (", n > 1 ? ", " : "", u->domain,
                     u->domain[0] != '\0' ? "." : "", u->op);
        int count = 0;
        for (int j = i; j < m->n_nodes; j++) {
            const td__om_node *v = &m->node[j];
            if (!needed[j] || strcmp(v->op, u->op) != 0 || strcmp(v->domain, u->domain) != 0)
                continue;
            if (count < NAMED)
                td_text_addf(&t, "%s%.60s", count > 0 ? ", " : "",
                             v->name[0] != '\0' ? v->name
                             : v->n_out > 0     ? v->output[0]
                                                : "?");
            count++;
        }
        if (count > NAMED) td_text_addf(&t, " and %d more", count - NAMED);
        td_text_add(&t, ")");
    }
    td_status s = TD_OK;
    if (n > 0)
        s = td_fail(r->err, TD_E_UNSUPPORTED,
                    "%s: unknown operator%s: %.380s; --skip-unknown takes them as data movement",
                    r->file, n > 1 ? "s" : "", t.data != NULL ? t.data : "?");
    td_text_free(&t);
    return s;
}

static const td__om_info *declared(const td__om_model *m, const char *name) {
    for (int i = 0; i < m->n_infos; i++)
        if (strcmp(m->info[i].name, name) == 0) return &m->info[i];
    for (int i = 0; i < m->n_outputs; i++)
        if (strcmp(m->output[i].name, name) == 0) return &m->output[i];
    return NULL;
}

/* Size of a dim that the file leaves open. */
static int64_t given(const td__onnx_reader *r, const char *name) {
    for (int i = 0; name != NULL && i < r->options->n_dims; i++)
        if (strcmp(r->options->dim[i].name, name) == 0) return r->options->dim[i].size;
    return -1;
}

static td_status skip_unknown(td__onnx_reader *r) {
    const td__om_node *n = r->node;
    const td__ov *first = NULL;
    for (int k = 0; k < n->n_in && (first == NULL || first->constant); k++)
        if (td__onnx_in(r, k) != NULL) first = td__onnx_in(r, k);
    td_status s = TD_OK;
    for (int k = 0; k < n->n_out && s == TD_OK; k++) {
        td__ov *out = td__onnx_out(r, k);
        if (out == NULL || r->uses[out - r->value] == 0) continue;
        const td__om_info *info = declared(r->model, out->name);
        int64_t dim[TD__OM_MAX_RANK];
        int rank = -1;
        if (info != NULL && info->rank >= 0) {
            rank = info->rank;
            for (int i = 0; i < rank; i++) {
                dim[i] = info->dim[i] >= 0 ? info->dim[i] : given(r, info->symbol[i]);
                if (dim[i] < 0 && i == 0) dim[i] = 1;
                if (dim[i] < 0) rank = -1;
            }
        }
        if (rank < 0 && first != NULL) {
            rank = first->rank;
            memcpy(dim, first->dim, sizeof dim);
        }
        if (rank < 0)
            return td__onnx_fail(r, TD_E_UNSUPPORTED, "the shape of '%.80s' is not declared",
                                 out->name);
        s = td__onnx_shape(r, out, rank, dim);
        out->type = info != NULL ? info->type : 0;
        if (s != TD_OK) return s;
        s = td__onnx_all_constant(r) ? td__onnx_constant(r, k, out->type, rank, dim, NULL)
                                     : td__onnx_move(r, k, 0);
        if (r->options->told != NULL)
            td_text_addf(r->options->told,
                         "%s: node %.80s: unknown operator %.48s, taken as data movement\n",
                         r->file, n->name[0] != '\0' ? n->name : out->name, n->op);
    }
    return s;
}

/* ---- values from outside -----------------------------------------------------------------------
 */

static td_status input_shape(td__onnx_reader *r, const td__om_info *in, td__ov *v) {
    int64_t dim[TD__OM_MAX_RANK];
    if (in->rank < 0)
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "input '%.80s' has no shape", in->name);
    for (int i = 0; i < in->rank; i++) {
        char place[128];
        snprintf(place, sizeof place, "%.100s.%d", in->name, i);
        dim[i] = given(r, place);
        r->resized = r->resized || (dim[i] >= 0 && in->dim[i] >= 0 && dim[i] != in->dim[i]);
        if (dim[i] < 0) dim[i] = in->dim[i];
        if (dim[i] < 0) dim[i] = given(r, in->symbol[i]);
        if (dim[i] < 0 && i == 0) dim[i] = 1;
        if (dim[i] < 0)
            return td__onnx_fail(
                r, TD_E_INPUT, "dim %d of input '%.60s' is open: expected --dim %.60s=SIZE", i,
                in->name,
                in->symbol[i] != NULL && in->symbol[i][0] != '\0' ? in->symbol[i] : place);
    }
    td_status s = td__onnx_shape(r, v, in->rank, dim);
    if (s == TD_OK && v->words == 0)
        s = td__onnx_fail(r, TD_E_INPUT, "input '%.80s' has no words", in->name);
    v->type = in->type;
    v->value = 0;
    return s;
}

/* Several inputs are parts of one value. */
static td_status make_inputs(td__onnx_reader *r, const char *name) {
    const td__om_model *m = r->model;
    int64_t words = 0;
    int n = 0;
    td_shape shape = TD_DIM(1, 1, 1);
    for (int i = 0; i < m->n_inputs; i++) {
        int k = td__names_find(&r->names, m->input[i].name);
        if (k < 0 || is_initialiser(r, m->input[i].name) || r->uses[k] == 0) continue;
        td_status s = input_shape(r, &m->input[i], &r->value[k]);
        if (s != TD_OK) return s;
        words += r->value[k].words;
        shape = td__onnx_plain(&r->value[k]);
        n++;
    }
    if (words > TD__MAX_VALUE_WORDS)
        return td__onnx_fail(r, TD_E_INPUT, "its inputs are too large");
    if (n > 1) shape = td__shape_of_words(words);
    if (n == 0) return td__onnx_fail(r, TD_E_UNSUPPORTED, "a model whose result has no input");
    r->net = td_net_create(name, shape);
    if (r->net == NULL || td__onnx_trace_of(r, 0) == NULL) return no_memory(r);
    return TD_OK;
}

/* Names of dims that were given and that no input has would go unnoticed. */
static td_status check_dims(const td__onnx_reader *r) {
    const td__om_model *m = r->model;
    for (int d = 0; d < r->options->n_dims; d++) {
        const char *name = r->options->dim[d].name;
        bool found = false;
        td_text known = {0};
        for (int i = 0; i < m->n_inputs; i++)
            for (int k = 0; k < m->input[i].rank; k++) {
                char place[128];
                const char *symbol = m->input[i].symbol[k];
                snprintf(place, sizeof place, "%.100s.%d", m->input[i].name, k);
                found = found || strcmp(place, name) == 0 ||
                        (symbol != NULL && strcmp(symbol, name) == 0);
                if (symbol != NULL && symbol[0] != '\0')
                    td_text_addf(&known, "%s%.60s", known.size > 0 ? ", " : "", symbol);
            }
        td_status s = TD_OK;
        if (!found)
            s = td_fail(r->err, TD_E_USAGE, "%s: no input has a dim '%.60s'; open are: %.200s",
                        r->file, name, known.data != NULL ? known.data : "none");
        td_text_free(&known);
        if (s != TD_OK) return s;
        if (r->options->dim[d].size < 1)
            return td_fail(r->err, TD_E_USAGE, "%s: dim '%.60s' is %lld, expected 1 or more",
                           r->file, name, (long long)r->options->dim[d].size);
    }
    return TD_OK;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

/* Sizes that the file declares. */
static td_status check_declared(const td__onnx_reader *r, const td__names *infos) {
    if (r->resized) return TD_OK;
    for (int k = 0; k < r->node->n_out; k++) {
        int at = td__names_find(&r->names, r->node->output[k]);
        int i = td__names_find(infos, r->node->output[k]);
        if (at < 0 || i < 0 || !r->value[at].made) continue;
        const td__ov *v = &r->value[at];
        const td__om_info *info =
            i < r->model->n_infos ? &r->model->info[i] : &r->model->output[i - r->model->n_infos];
        if (info->rank < 0) continue;
        bool same = info->rank == v->rank;
        for (int d = 0; same && d < v->rank; d++)
            same = info->dim[d] < 0 || info->dim[d] == v->dim[d];
        if (same) continue;
        td_text t = {0};
        for (int d = 0; d < info->rank; d++)
            td_text_addf(&t, "%s%lld", d > 0 ? "x" : "", (long long)info->dim[d]);
        td_text_add(&t, " is declared, its inputs make ");
        for (int d = 0; d < v->rank; d++)
            td_text_addf(&t, "%s%lld", d > 0 ? "x" : "", (long long)v->dim[d]);
        td_status s = td__onnx_fail(r, TD_E_INPUT, "for '%.80s' %.160s", v->name,
                                    t.data != NULL ? t.data : "?");
        td_text_free(&t);
        return s;
    }
    return TD_OK;
}

static td_status name_infos(td__onnx_reader *r, td__names *infos) {
    const td__om_model *m = r->model;
    if (!td__names_init(infos, r->arena, m->n_infos + m->n_outputs)) return no_memory(r);
    for (int i = 0; i < m->n_infos; i++) td__names_add(infos, m->info[i].name, i);
    for (int i = 0; i < m->n_outputs; i++) td__names_add(infos, m->output[i].name, m->n_infos + i);
    return TD_OK;
}

static td_status make_nodes(td__onnx_reader *r, const bool *needed) {
    td__names infos;
    td_status s = name_infos(r, &infos);
    for (int i = 0; i < r->model->n_nodes && s == TD_OK; i++) {
        if (!needed[i]) continue;
        r->node = &r->model->node[i];
        const td__onnx_entry *e = is_known(r->node) ? td__onnx_entry_find(r->node->op) : NULL;
        s = e != NULL ? e->make(r, e->variant) : skip_unknown(r);
        if (s == TD_OK) s = check_declared(r, &infos);
    }
    r->node = NULL;
    return s;
}

/* ---- the network ------------------------------------------------------------------------------
 */

/* A result of the model that its layers read as well has to leave the chip all the same: a move,
 * whose result nobody reads. */
static void hand_out(td_net *net, int value, const char *name) {
    const td_layer *made = td_net_layer(net, value);
    td_layer l = td__layer_make(TD_OP_MOVE);
    l.n_inputs = 1;
    l.input[0] = value;
    l.c = made->c;
    l.h = made->h;
    l.w = made->w;
    for (int t = 0; t < TD_NTENSOR; t++) l.bits[t] = made->bits[TD_O];
    snprintf(l.name, sizeof l.name, "%.43s_out", name);
    td__net_add_layer(net, &l);
}

static bool is_read(const td_net *net, const bool *keep, int value) {
    for (int i = value + 1; i < net->n; i++)
        for (int k = 0; keep[i] && k < net->layer[i].n_inputs; k++)
            if (net->layer[i].input[k] == value) return true;
    return false;
}

/* Layers that lead to a result, in their order, as a network of their own. */
static td_status sweep(td__onnx_reader *r, td_net **out) {
    const td__om_model *m = r->model;
    td_net *net = r->net;
    bool *keep = TD_NEW(r->arena, bool, net->n), *result = TD_NEW(r->arena, bool, net->n);
    int *now = TD_NEW(r->arena, int, net->n);
    if (keep == NULL || result == NULL || now == NULL) return no_memory(r);
    int layers = 0;
    for (int i = 0; i < m->n_outputs; i++) {
        const td__ov *v = &r->value[td__names_find(&r->names, m->output[i].name)];
        if (v->made && !v->constant) keep[v->value] = result[v->value] = true;
    }
    for (int i = net->n - 1; i > 0; i--)
        for (int k = 0; keep[i] && k < net->layer[i].n_inputs; k++)
            keep[net->layer[i].input[k]] = true;
    const td_layer *in = &net->layer[0];
    td_net *made = td_net_create(net->name, TD_DIM(in->c, in->h, in->w));
    if (made == NULL) return no_memory(r);
    made->layer[0] = *in;
    for (int i = 1; i < net->n; i++) {
        if (!keep[i]) continue;
        td_layer l = net->layer[i];
        for (int k = 0; k < l.n_inputs; k++) l.input[k] = now[l.input[k]];
        now[i] = td__net_add_layer(made, &l);
        layers++;
        if (result[i] && is_read(net, keep, i)) hand_out(made, now[i], l.name);
    }
    td_error e = {0};
    td_status s = td_net_check(made, &e);
    if (s != TD_OK) s = td_fail(r->err, s, "%s: %s", r->file, e.message);
    if (s == TD_OK && layers == 0)
        s = td__onnx_fail(r, TD_E_UNSUPPORTED, "its nodes compute nothing of its input");
    if (s == TD_OK)
        *out = made;
    else
        td_net_destroy(made);
    return s;
}

static td_status read_model(td__onnx_reader *r, td__wire bytes, const char *name,
                            const char *folder, td_net **out) {
    td__om_model m;
    td_status s = td__om_parse(bytes, r->arena, &m, r->err);
    if (s != TD_OK) return td_error_prefix(r->err, "%s", r->file), s;
    m.folder = folder;
    r->model = &m;
    s = name_values(r);
    if (s != TD_OK) return s;
    bool *needed = TD_NEW(r->arena, bool, m.n_nodes + 1);
    if (needed == NULL) return no_memory(r);
    s = find_needed(r, needed);
    if (s == TD_OK) s = check_dims(r);
    if (s == TD_OK && !r->options->skip_unknown) s = refuse_unknown(r, needed);
    for (int i = 0; i < m.n_tensors && s == TD_OK; i++)
        s = td__onnx_of_tensor(r, &r->value[i], &m.tensor[i]);
    if (s == TD_OK) s = make_inputs(r, name);
    if (s == TD_OK) s = make_nodes(r, needed);
    return s == TD_OK ? sweep(r, out) : s;
}

/* "a/b/net.onnx": "net". */
static const char *base_name(td_arena *a, const char *file) {
    const char *slash = strrchr(file, '/');
    if (slash != NULL) file = slash + 1;
    size_t n = strlen(file);
    bool ends = n > 5 && strcmp(file + n - 5, ".onnx") == 0;
    return td_arena_printf(a, "%.*s", (int)(ends ? n - 5 : n), file);
}

static td_status parse(td__wire bytes, const char *file, const char *folder,
                       const td_onnx_options *o, td_net **net, td_error *err) {
    static const td_onnx_options none = {0};
    *net = NULL;
    td_arena *a = td_arena_create();
    const char *name = a != NULL ? base_name(a, file) : NULL;
    if (name == NULL) {
        td_arena_destroy(a);
        return td_fail(err, TD_E_MEMORY, "out of memory for %s", file);
    }
    td_error own;
    td__onnx_reader r = {.arena = a,
                         .err = err != NULL ? err : &own,
                         .options = o != NULL ? o : &none,
                         .file = file};
    td_status s = read_model(&r, bytes, name, folder, net);
    td_net_destroy(r.net);
    td_arena_destroy(a);
    return s;
}

td_status td_onnx_parse(const void *bytes, size_t size, const char *file, const td_onnx_options *o,
                        td_net **net, td_error *err) {
    const uint8_t *at = bytes;
    return parse((td__wire){at, at + size}, file, NULL, o, net, err);
}

td_status td_onnx_read(const char *path, const td_onnx_options *o, td_net **net, td_error *err) {
    *net = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0) return td_fail(err, TD_E_NOT_FOUND, "%s: no such file, or it cannot be read", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        close(fd);
        return td_fail(err, TD_E_INPUT, "%s: empty, or no file", path);
    }
    size_t size = (size_t)st.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) return td_fail(err, TD_E_IO, "%s: cannot be mapped", path);
    const uint8_t *at = bytes;
    const char *slash = strrchr(path, '/');
    char folder[4096];
    int n = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    bool fits = n < (int)sizeof folder;
    snprintf(folder, sizeof folder, "%.*s", fits ? n : 0, slash == NULL ? "." : path);
    td_status s = parse((td__wire){at, at + size}, path, fits ? folder : NULL, o, net, err);
    munmap(bytes, size);
    return s;
}
