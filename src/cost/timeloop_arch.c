/* Timeloop's architecture section, in both of its forms (version 0.4):
 *
 *     subtree:                        what timeloop-model itself reads: a chain of subtrees, each
 *       - name: system                with its components; "PE[0..15]" counts, meshX and meshY are
 *         local: [{name: RF[1..168], class: regfile, attributes: {...}}, ...]     extents of all
 *
 *     nodes:                          what its front end reads: from the outside in; a spatial mesh
 *       - !Component {name: DRAM, class: DRAM, attributes: {...}}  of a container (or component)
 *       - !Container {name: PE, spatial: {meshX: 16}}              multiplies all that follows
 *
 * The front end makes a level of each mesh, inter_NAME_spatial, that keeps nothing; so does this
 * reader, as the steps of a fan-out count (docs/cost-model.md, "Timeloop counting"). */
#include <stdio.h>
#include <string.h>

#include "timeloop.h"

enum { MOST_OUTER = 24 };

typedef struct {
    const td__tl_shape *shape;
    td__tl_arch *arch;
    const td_node *attributes[MOST_OUTER]; /* of the containers around, inner ones last */
    int outer;
    int64_t x, y; /* extents so far (nodes form) */
    td_error *err;
} reader;

static bool contains(const char *text, const char *const *words) {
    for (; *words != NULL; words++)
        if (strstr(text, *words) != NULL) return true;
    return false;
}

static bool is_storage(const char *class) {
    static const char *const words[] = {"DRAM", "SRAM", "regfile", "smartbuffer", "storage", NULL};
    return contains(class, words);
}

static bool is_compute(const char *class) {
    static const char *const words[] = {"mac", "compute", NULL};
    return contains(class, words);
}

static bool is_network(const char *class) {
    static const char *const words[] = {"XY_NoC", "Legacy", "ReductionTree", "SimpleMulticast",
                                        NULL};
    return contains(class, words);
}

bool td__tl_counts(const char *class) {
    return is_storage(class) || is_compute(class);
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* The first of several names of one attribute, of the component or of a container around it. */
static const td_node *attribute(const reader *r, const td_node *own, const char *const *names) {
    for (int i = r->outer; i >= 0; i--)
        for (int k = 0; names[k] != NULL; k++) {
            const td_node *n = td__tl_find(i == r->outer ? own : r->attributes[i], names[k]);
            if (n != NULL && n->kind != TD_NULL) return n;
        }
    return NULL;
}

#define NAMES(...)                                                                                 \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }

static td_status get_count(const reader *r, const td_node *own, const char *const *names,
                           int64_t least, int64_t *out, bool *found) {
    const td_node *n = attribute(r, own, names);
    if (found != NULL) *found = n != NULL;
    if (n == NULL) return TD_OK;
    if (n->kind != TD_INT || n->integer < least || n->integer > INT32_MAX)
        return td_node_fail(n, r->err, "expected an integer of %lld to %d", (long long)least,
                            INT32_MAX);
    *out = n->integer;
    return TD_OK;
}

static td_status get_real(const reader *r, const td_node *own, const char *name, double least,
                          double most, double *out, bool *found) {
    const td_node *n = attribute(r, own, NAMES(name));
    if (found != NULL) *found = n != NULL;
    if (n == NULL) return TD_OK;
    if ((n->kind != TD_INT && n->kind != TD_REAL) || !(n->real >= least && n->real <= most))
        return td_node_fail(n, r->err, "expected a number of %g to %g", least, most);
    *out = n->real;
    return TD_OK;
}

/* "PE[0..15]" is 16 of PE; a name without brackets is one. */
static td_status split_name(const td_node *n, const char *text, char *name, size_t size,
                            int64_t *count, td_error *err) {
    size_t length = strcspn(text, "[");
    if (length == 0 || length >= size)
        return td_node_fail(n, err, "expected a name of 1 to %zu bytes", size - 1);
    snprintf(name, size, "%.*s", (int)length, text);
    *count = 1;
    if (text[length] == '\0') return TD_OK;
    long long from, to;
    char rest;
    if (sscanf(text + length, "[%9lld..%9lld%c", &from, &to, &rest) != 3 || rest != ']' ||
        from < 0 || to < from)
        return td_node_fail(n, err, "expected NAME[first..last], found \"%.60s\"", text);
    *count = to - from + 1;
    return TD_OK;
}

static td_status text_of(const td_node *map, const char *key, const char **out, td_error *err) {
    const td_node *n = td_node_find(map, key);
    *out = "";
    if (n == NULL) return TD_OK;
    if (n->kind != TD_STRING) return td_node_fail(n, err, "expected a text");
    *out = n->text;
    return TD_OK;
}

/* ---- components ------------------------------------------------------------------------------ */

static td_status new_level(reader *r, const td_node *n, const char *name, td__tl_level **out) {
    td__tl_arch *arch = r->arch;
    if (arch->n == TD__TL_LEVELS)
        return td_node_fail(n, r->err, "more than %d levels", TD__TL_LEVELS);
    for (int i = 0; i < arch->n; i++)
        if (strcmp(arch->level[i].name, name) == 0)
            return td_node_fail(n, r->err, "a second level \"%s\"", name);
    td__tl_level *l = &arch->level[arch->n++];
    *l = (td__tl_level){.node = n,
                        .word_bits = 16,
                        .block = 1,
                        .cluster = 1,
                        .buffering = 1,
                        .keep = TD_ALL_TENSORS};
    l->read_bw = l->write_bw = l->shared_bw = INFINITY;
    snprintf(l->name, sizeof l->name, "%s", name);
    *out = l;
    return TD_OK;
}

static td_status read_width(reader *r, const td_node *own, td__tl_level *l) {
    int64_t bits = 16, block = 1, cluster = 1, width = 0;
    bool has_block, has_cluster;
    TRY(get_count(r, own, NAMES("word_bits", "word_width", "datawidth"), 1, &bits, NULL));
    TRY(get_count(r, own, NAMES("block_size", "n_words"), 1, &block, &has_block));
    TRY(get_count(r, own, NAMES("cluster_size"), 1, &cluster, &has_cluster));
    TRY(get_count(r, own, NAMES("width", "memory_width", "data_storage_width"), 1, &width, NULL));
    if (width > 0) {
        int64_t known = bits * (has_block ? block : 1) * (has_cluster ? cluster : 1);
        if (width % known != 0 || (has_block && has_cluster && width != known))
            return td_node_fail(l->node, r->err,
                                "width %lld, expected datawidth x block_size x cluster_size",
                                (long long)width);
        if (!has_block) block = width / known;
        if (has_block && !has_cluster) cluster = width / known;
    }
    if (bits > 64)
        return td_node_fail(l->node, r->err, "expected words of at most 64 bits, found %lld",
                            (long long)bits);
    l->word_bits = (int32_t)bits;
    l->block = (int32_t)block;
    l->cluster = (int32_t)cluster;
    return TD_OK;
}

static td_status read_size(reader *r, const td_node *own, td__tl_level *l) {
    int64_t n = 0;
    bool found;
    TRY(get_count(r, own, NAMES("entries"), 0, &n, &found));
    if (!found) {
        TRY(get_count(r, own, NAMES("depth", "memory_depth", "data_storage_depth"), 0, &n, &found));
        n *= l->block;
    }
    if (!found) {
        TRY(get_count(r, own, NAMES("sizeKB"), 0, &n, &found));
        n = n * 1024 * 8 / l->word_bits;
    }
    l->unbounded = !found;
    l->words = n;
    return TD_OK;
}

static td_status read_bandwidths(reader *r, const td_node *own, td__tl_level *l) {
    double both = INFINITY;
    bool found;
    TRY(get_real(r, own, "bandwidth", 1e-12, 1e18, &both, &found));
    if (found) l->read_bw = l->write_bw = both / 2;
    TRY(get_real(r, own, "shared_bandwidth", 1e-12, 1e18, &l->shared_bw, NULL));
    TRY(get_real(r, own, "read_bandwidth", 1e-12, 1e18, &l->read_bw, NULL));
    TRY(get_real(r, own, "write_bandwidth", 1e-12, 1e18, &l->write_bw, NULL));
    TRY(get_real(r, own, "multiple_buffering", 1, 1e6, &l->buffering, NULL));
    return TD_OK;
}

/* Where no table of energies is given: Timeloop's built-in one, in units of one 16-bit
 * multiplication. */
static td_status builtin_energy(reader *r, const td_node *own, td__tl_level *l, bool dram) {
    td_tech pat;
    double pj = 0;
    TRY(get_real(r, own, "vector_access_energy", 0, 1e18, &pj, &l->own_energy));
    if (!l->own_energy) {
        TRY(td_tech_load("pat", &pat, r->err));
        double width = (double)l->word_bits * l->block * l->cluster;
        double height = (double)((l->words + l->block - 1) / l->block);
        if (dram)
            pj = td_tech_access_pj(&pat, TD_DRAM, -1, width);
        else if (!l->unbounded && l->words > 0)
            pj = td_tech_access_pj(&pat, TD_SRAM, height * width, width);
        pj /= l->cluster;
    }
    l->read_pj = l->fill_pj = l->update_pj = pj;
    return TD_OK;
}

/* Keep and bypass of a node's own constraints: what the mapping leaves open. */
static td_status read_constraints(reader *r, const td_node *n, td__tl_level *l) {
    const td_node *c = td_node_find(td_node_find(n, "constraints"), "dataspace");
    uint8_t keep = 0, bypass = 0;
    if (c == NULL) return TD_OK;
    TRY(td__tl_spaces(td_node_find(c, "keep"), r->shape, &keep, r->err));
    TRY(td__tl_spaces(td_node_find(c, "bypass"), r->shape, &bypass, r->err));
    l->keep = (uint8_t)((l->keep & ~bypass) | keep);
    l->must |= keep;
    return TD_OK;
}

static td_status set_extents(reader *r, const td_node *n, int64_t x, int64_t y, int32_t *out_x,
                             int32_t *out_y) {
    if (x < 1 || y < 1 || x > INT32_MAX || y > INT32_MAX || x * y > INT32_MAX)
        return td_node_fail(n, r->err, "expected at most %d instances", INT32_MAX);
    *out_x = (int32_t)x;
    *out_y = (int32_t)y;
    return TD_OK;
}

static td_status read_storage(reader *r, const td_node *n, const char *name, const char *class,
                              const td_node *own, int64_t x, int64_t y) {
    td__tl_level *l;
    const char *technology = "";
    TRY(new_level(r, n, name, &l));
    TRY(set_extents(r, n, x, y, &l->x, &l->y));
    TRY(read_width(r, own, l));
    TRY(read_size(r, own, l));
    TRY(read_bandwidths(r, own, l));
    const td_node *t = td__tl_find(own, "technology");
    if (t != NULL && t->kind == TD_STRING) technology = t->text;
    TRY(builtin_energy(r, own, l,
                       strstr(class, "DRAM") != NULL || strcmp(technology, "DRAM") == 0));
    if (strcmp(class, "dummy_storage") == 0) {
        l->wires = true;
        l->unbounded = false;
        l->words = 0;
        l->read_pj = l->fill_pj = l->update_pj = 0;
    }
    return read_constraints(r, n, l);
}

static td_status read_mac(reader *r, const td_node *n, const char *name, const td_node *own,
                          int64_t x, int64_t y) {
    td__tl_arch *arch = r->arch;
    td_tech pat;
    int64_t bits = 16;
    bool user;
    if (arch->mac_node != NULL)
        return td_node_fail(n, r->err, "a second component that computes, the first is \"%s\"",
                            arch->mac);
    arch->mac_node = n;
    snprintf(arch->mac, sizeof arch->mac, "%s", name);
    TRY(set_extents(r, n, x, y, &arch->mac_x, &arch->mac_y));
    TRY(get_count(r, own, NAMES("word_bits", "datawidth"), 1, &bits, NULL));
    arch->mac_bits = (int32_t)(bits <= 64 ? bits : 64);
    TRY(get_real(r, own, "energy", 0, 1e18, &arch->mac_pj, &user));
    if (user) return TD_OK;
    TRY(td_tech_load("pat", &pat, r->err));
    arch->mac_pj = td_tech_mac_pj(&pat, (double)bits, (double)bits);
    return TD_OK;
}

/* A component of any class; classes that neither store nor compute are passed over, as Timeloop
 * does. */
static td_status read_component(reader *r, const td_node *n, const char *name, int64_t x,
                                int64_t y) {
    const char *class;
    TRY(text_of(n, "class", &class, r->err));
    const td_node *own = td_node_find(n, "attributes");
    if (own == NULL || own->kind != TD_MAP) own = n;
    if (is_storage(class)) return read_storage(r, n, name, class, own, x, y);
    if (is_compute(class)) return read_mac(r, n, name, own, x, y);
    if (is_network(class))
        return td_node_fail(n, r->err, "networks with costs of their own are not supported");
    return TD_OK;
}

/* ---- form with subtrees ---------------------------------------------------------------------- */

static td_status read_local(reader *r, const td_node *n, int64_t multiple) {
    const char *text;
    char name[64];
    int64_t count, x = 0, y = 0, all;
    if (n->kind != TD_MAP) return td_node_fail(n, r->err, "expected a component");
    TRY(text_of(n, "name", &text, r->err));
    TRY(split_name(n, text, name, sizeof name, &count, r->err));
    const td_node *own = td_node_find(n, "attributes");
    if (own == NULL || own->kind != TD_MAP) own = n;
    all = count * multiple;
    if (all > INT32_MAX) return td_node_fail(n, r->err, "expected at most %d instances", INT32_MAX);
    TRY(get_count(r, own, NAMES("instances"), 1, &all, NULL));
    TRY(get_count(r, own, NAMES("meshX"), 1, &x, NULL));
    TRY(get_count(r, own, NAMES("meshY"), 1, &y, NULL));
    if (x == 0) x = y > 0 ? all / y : all;
    if (y == 0) y = all / x;
    if (x * y != all)
        return td_node_fail(n, r->err, "meshX x meshY is %lld, expected the %lld instances",
                            (long long)(x * y), (long long)all);
    return read_component(r, n, name, x, y);
}

static td_status read_subtrees(reader *r, const td_node *n) {
    int64_t multiple = 1;
    for (const td_node *list = td_node_find(n, "subtree"); list != NULL;
         list = td_node_find(n, "subtree")) {
        const char *text;
        char name[64];
        int64_t count;
        if (list->kind != TD_LIST || list->count != 1 || list->item[0]->kind != TD_MAP)
            return td_node_fail(list, r->err, "expected a list of one subtree");
        n = list->item[0];
        TRY(text_of(n, "name", &text, r->err));
        TRY(split_name(n, text, name, sizeof name, &count, r->err));
        multiple *= count;
        if (multiple > INT32_MAX)
            return td_node_fail(n, r->err, "expected at most %d instances", INT32_MAX);
        const td_node *local = td_node_find(n, "local");
        if (local == NULL) continue;
        if (local->kind != TD_LIST) return td_node_fail(local, r->err, "expected a list");
        for (int i = 0; i < local->count; i++) TRY(read_local(r, local->item[i], multiple));
    }
    return TD_OK;
}

/* ---- form with nodes ------------------------------------------------------------------------- */

static td_status read_mesh(reader *r, const td_node *n, const char *name) {
    const td_node *spatial = td_node_find(n, "spatial");
    int64_t x = 1, y = 1;
    if (spatial == NULL || spatial->kind == TD_NULL) return TD_OK;
    TRY(td_node_opt_int(spatial, "meshX", 1, INT32_MAX, &x, r->err));
    TRY(td_node_opt_int(spatial, "meshY", 1, INT32_MAX, &y, r->err));
    if (x * y == 1) return TD_OK;
    td__tl_level *l;
    char wires[64];
    if (snprintf(wires, sizeof wires, "inter_%.40s_spatial", name) >= (int)sizeof wires)
        return td_node_fail(n, r->err, "the name is too long");
    TRY(new_level(r, n, wires, &l));
    l->wires = true;
    l->container = n;
    l->keep = 0;
    TRY(set_extents(r, n, r->x, r->y, &l->x, &l->y));
    if (r->x > INT32_MAX / x || r->y > INT32_MAX / y)
        return td_node_fail(n, r->err, "expected at most %d instances", INT32_MAX);
    r->x *= x;
    r->y *= y;
    return TD_OK;
}

static td_status read_nodes(reader *r, const td_node *list);

/* Side by side, a tensor passes through the member that keeps it, and not through the others. */
static void share_out(td__tl_arch *arch, int first) {
    uint8_t kept = 0;
    for (int i = first; i < arch->n; i++) kept |= arch->level[i].must;
    for (int i = first; i < arch->n; i++)
        arch->level[i].keep &= (uint8_t)(~kept | arch->level[i].must);
}

static td_status read_node(reader *r, const td_node *n) {
    const char *text, *class;
    char name[64];
    int64_t count;
    if (n->kind != TD_MAP) return td_node_fail(n, r->err, "expected a node");
    const td_node *inner = td_node_find(n, "nodes");
    if (inner != NULL) { /* !Parallel, !Hierarchical, !Pipelined: members side by side */
        int64_t x = r->x, y = r->y;
        int outer = r->outer, first = r->arch->n;
        TRY(read_nodes(r, inner));
        r->outer = outer;
        if (n->tag != NULL && strcmp(n->tag, "Parallel") == 0) share_out(r->arch, first);
        if (r->x != x || r->y != y)
            return td_node_fail(n, r->err, "a spatial mesh inside of a group is not supported");
        return TD_OK;
    }
    if (n->tag != NULL && strcmp(n->tag, "Nothing") == 0) return TD_OK;
    TRY(text_of(n, "name", &text, r->err));
    TRY(split_name(n, text, name, sizeof name, &count, r->err));
    if (count != 1)
        return td_node_fail(n, r->err, "expected a name without [..] and a spatial mesh");
    TRY(read_mesh(r, n, name));
    TRY(text_of(n, "class", &class, r->err));
    if (class[0] != '\0') return read_component(r, n, name, r->x, r->y);
    const td_node *own = td_node_find(n, "attributes");
    if (own == NULL || own->kind != TD_MAP) return TD_OK;
    if (r->outer == MOST_OUTER) return td_node_fail(n, r->err, "too many containers");
    r->attributes[r->outer++] = own;
    return TD_OK;
}

static td_status read_nodes(reader *r, const td_node *list) {
    if (list->kind != TD_LIST) return td_node_fail(list, r->err, "expected a list of nodes");
    for (int i = 0; i < list->count; i++) TRY(read_node(r, list->item[i]));
    return TD_OK;
}

/* ---- section --------------------------------------------------------------------------------- */

td_status td__tl_read_arch(const td_node *section, const td__tl_shape *shape, td__tl_arch *arch,
                           td_error *err) {
    reader r = {.shape = shape, .arch = arch, .x = 1, .y = 1, .err = err};
    *arch = (td__tl_arch){.n = 0};
    const td_node *nodes = td_node_find(section, "nodes");
    if (nodes == NULL && td_node_find(section, "subtree") == NULL)
        return td_node_fail(section, err, "expected \"subtree\" or \"nodes\" (version 0.4)");
    TRY(nodes != NULL ? read_nodes(&r, nodes) : read_subtrees(&r, section));
    if (arch->mac_node == NULL)
        return td_node_fail(section, err, "no component computes (class: intmac, ...)");
    if (arch->n == 0) return td_node_fail(section, err, "no component stores");
    return TD_OK;
}

/* ---- energies -------------------------------------------------------------------------------- */

/* "system.PE.RF[1..168]" is RF. */
static bool is_component(const char *path, const char *name) {
    size_t end = strcspn(path, "[");
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '.') begin--;
    return strlen(name) == end - begin && strncmp(path + begin, name, end - begin) == 0;
}

/* The energy of the first of several names of one action that the table has; entries that bear one
 * name (other arguments): the largest, as Timeloop takes it. */
static td_status action_energy(const td_node *actions, const char *const *names, double *out,
                               td_error *err) {
    for (; *names != NULL; names++) {
        double most = -1;
        for (int i = 0; i < actions->count; i++) {
            const char *name;
            double pj;
            TRY(td_node_get_string(actions->item[i], "name", &name, err));
            if (strcmp(name, *names) != 0) continue;
            TRY(td_node_get_real(actions->item[i], "energy", 0, 1e18, &pj, err));
            if (pj > most) most = pj;
        }
        if (most >= 0) {
            *out = most;
            return TD_OK;
        }
    }
    return TD_OK;
}

td_status td__tl_energies(const td_node *ert, td__tl_arch *arch, td_error *err) {
    const td_node *tables;
    if (ert == NULL) return TD_OK;
    TRY(td_node_get_list(ert, "tables", &tables, err));
    for (int i = 0; i < tables->count; i++) {
        const char *path;
        const td_node *actions;
        TRY(td_node_get_string(tables->item[i], "name", &path, err));
        TRY(td_node_get_list(tables->item[i], "actions", &actions, err));
        if (is_component(path, arch->mac)) {
            TRY(action_energy(actions, NAMES("mac_random", "mult_random", "mac", "mult", "compute"),
                              &arch->mac_pj, err));
            continue;
        }
        for (int l = 0; l < arch->n; l++) {
            td__tl_level *v = &arch->level[l];
            if (v->own_energy || !is_component(path, v->name)) continue;
            TRY(action_energy(actions, NAMES("random_read", "read"), &v->read_pj, err));
            TRY(action_energy(actions, NAMES("random_fill", "random_write", "fill", "write"),
                              &v->fill_pj, err));
            TRY(action_energy(actions, NAMES("random_update", "random_write", "update", "write"),
                              &v->update_pj, err));
        }
    }
    return TD_OK;
}
