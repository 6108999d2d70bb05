/* Spaces of one point: a given network, a given accelerator. */
#include <string.h>

#include "space_bits.h"

/* ---- network --------------------------------------------------------------------------------- */

typedef struct {
    const char *name;   /* of a shipped network, or NULL */
    const td_node *doc; /* of a network's file */
    td_shape input;
    double width;
    int classes;
} fixed_net;

/* Spaces have no destroy, so a network (which is not the arena's) is made anew for every design. */
static td_status make_net(const fixed_net *p, td_net **net, td_error *err) {
    return p->name != NULL ? td_net_build(p->name, p->input, p->width, p->classes, net, err)
                           : td_net_from_node(p->doc, net, err);
}

static td_status build_net(const void *self, const td_choices *c, td_arena *a, td_design *d,
                           td_error *err) {
    (void)c;
    (void)a;
    *d = (td_design){0};
    td_status s = make_net(self, &d->net, err);
    if (s != TD_OK) return s;
    d->net_hash = td_net_hash(d->net);
    return TD_OK;
}

static bool is_shipped_net(const char *name) {
    int n;
    const td_net_entry *e = td_net_list(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(e[i].name, name) == 0) return true;
    return false;
}

static td_status fail_unknown(const td_node *named, td_error *err) {
    enum { MOST = 64 };
    int count;
    const char *known[MOST];
    const td_net_entry *all = td_net_list(&count);
    if (count > MOST) count = MOST;
    for (int i = 0; i < count; i++) known[i] = all[i].name;
    td_text text = {0};
    td_text_addf(&text, "there is no network \"%.64s\", nor a file of this name", named->text);
    td_text_add_known(&text, named->text, known, count);
    td_status s = td_node_fail(named, err, "%s", text.data != NULL ? text.data : "no such network");
    td_text_free(&text);
    if (err != NULL) err->code = TD_E_NOT_FOUND;
    return s == TD_E_INPUT ? TD_E_NOT_FOUND : s;
}

/* A file as the document of a network: it is read once, and not for each design. */
static td_status read_file(const td_node *n, const char *path, fixed_net *p, td_arena *a,
                           td_error *err) {
    enum { MOST = 32 };
    td_onnx_dim dim[MOST];
    td_onnx_options o = {.dim = dim};
    const td_node *dims = NULL;
    td_status s = td_node_opt_map(n, "dims", &dims, err);
    if (s == TD_OK) s = td_node_opt_bool(n, "skip_unknown", &o.skip_unknown, err);
    for (int i = 0; s == TD_OK && dims != NULL && i < dims->count; i++) {
        if (i == MOST) return td_node_fail(dims, err, "at most %d dims", MOST);
        dim[i].name = dims->item[i]->key;
        s = td_node_get_int(dims, dim[i].name, 1, INT32_MAX, &dim[i].size, err);
        o.n_dims++;
    }
    td_net *net = NULL;
    if (s == TD_OK) s = td_net_load(path, &o, &net, err);
    if (s != TD_OK) return s;
    p->doc = td_net_to_node(net, a);
    td_net_destroy(net);
    return p->doc != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* input, width and classes (0: the published ones) belong to the shipped networks; a file says all
 * itself. dims and skip_unknown belong to ONNX models. */
static td_status read_net(const td_node *n, const td_node *named, int64_t classes, fixed_net *p,
                          td_arena *a, td_error *err) {
    p->width = 1;
    const char *dot = strrchr(named->text, '.');
    const bool onnx = dot != NULL && strcmp(dot, ".onnx") == 0;
    const char *const of_onnx[] = {"dims", "skip_unknown"};
    for (int i = 0; i < 2 && !onnx; i++) {
        const td_node *extra = td_node_find(n, of_onnx[i]);
        if (extra != NULL) return td_node_fail(extra, err, "only ONNX models take this");
    }
    if (is_shipped_net(named->text)) {
        p->name = named->text;
        td_status s = td__shape_read(n, &p->input, err);
        if (s == TD_OK) s = td_node_opt_real(n, "width", 0.01, 100, &p->width, err);
        if (s == TD_OK) s = td_node_opt_int(n, "classes", 1, 1000000, &classes, err);
        p->classes = (int)classes;
        return s;
    }
    const char *path = td__space_file(named, a);
    if (path == NULL) return fail_unknown(named, err);
    const char *const others[] = {"input", "width", "classes"};
    for (int i = 0; i < 3; i++) {
        const td_node *extra = td_node_find(n, others[i]);
        if (extra != NULL)
            return td_node_fail(extra, err, "only shipped networks take this, a file has its own");
    }
    return read_file(n, path, p, a, err);
}

static td_status one_net(const td_node *n, bool given, td_arena *a, td_space **out, td_error *err) {
    static const char *const keys[] = {"space", "net",  "input",        "classes",
                                       "width", "dims", "skip_unknown", NULL};
    const char *name;
    td_status s = td_node_only(n, given ? keys + 1 : keys, err);
    if (s == TD_OK) s = td_node_get_string(n, "net", &name, err);
    if (s != TD_OK) return s;
    fixed_net *p = TD_NEW(a, fixed_net, 1);
    if (p == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    s = read_net(n, td_node_find(n, "net"), given ? 0 : 10, p, a, err);
    td_net *net = NULL;
    if (s == TD_OK) s = make_net(p, &net, err); /* faults are told now, not at the first trial */
    td_net_destroy(net);
    if (s != TD_OK) return s;
    return td__space_finish(name, &(td__decisions){.arena = a}, p, build_net, out, err);
}

td_status td__space_fixed_net(const td_node *n, td_arena *a, td_space **out, td_error *err) {
    return one_net(n, false, a, out, err);
}

td_status td_space_given_net(const td_node *n, td_arena *a, td_space **out, td_error *err) {
    return one_net(n, true, a, out, err);
}

/* ---- accelerator ----------------------------------------------------------------------------- */

typedef struct {
    td_hw hw;
    bool template; /* from its parameters: then the design is exported as these */
    td_template parameters;
} fixed_hw;

static td_status build_hw(const void *self, const td_choices *c, td_arena *a, td_design *d,
                          td_error *err) {
    (void)c;
    const fixed_hw *p = self;
    *d = (td_design){.hw = p->hw, .has_hw = true, .hw_hash = td_hw_hash(&p->hw)};
    d->hw_node = p->template ? td_template_to_node(&p->parameters, a) : td_hw_to_node(&p->hw, a);
    if (d->hw_node == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (p->template) td_node_put_string(a, d->hw_node, "name", p->hw.name);
    return TD_OK;
}

td_status td__space_fixed_hw(const td_node *n, td_arena *a, td_space **out, td_error *err) {
    static const char *const keys[] = {"space", "hw", NULL};
    const char *name;
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_get_string(n, "hw", &name, err);
    if (s != TD_OK) return s;
    fixed_hw *p = TD_NEW(a, fixed_hw, 1);
    if (p == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    const td_node *doc = NULL;
    s = td__space_hw_doc(td_node_find(n, "hw"), a, &doc, err);
    if (s == TD_OK) s = td_hw_from_node(doc, &p->hw, err);
    if (s != TD_OK) return s;
    p->template = td_node_find(doc, "template") != NULL;
    if (p->template) s = td_template_from_node(doc, &p->parameters, err);
    if (s != TD_OK) return s;
    return td__space_finish(name, &(td__decisions){.arena = a}, p, build_hw, out, err);
}
