/* A case as Timeloop's YAML, in the form that timeloop-model itself reads (subtrees). Three things
 * of a td_mapping have no place there and get one in levels of wires just inside, that keep
 * nothing: a dim that is looped over twice in time (with as many instances as the level itself: the
 * nest is the same), and a dim that stands twice on a fan-out (which becomes two steps; the same
 * for all counts, unless rows of the outputs and of the kernel part: inputs that they share along a
 * diagonal are found within one step only). Names are of letters, digits and '_'. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tandem/cost.h"

/* Timeloop's names, and the order of its own examples. */
static const struct {
    td_dim dim;
    char name[2];
} DIMS[] = {{TD_C, "C"}, {TD_K, "M"}, {TD_R, "R"}, {TD_S, "S"},
            {TD_N, "N"}, {TD_P, "P"}, {TD_Q, "Q"}, {TD_G, "G"}};
static const char *const SPACES[TD_NTENSOR] = {"Weights", "Inputs", "Outputs"};
static const char *const COEFFICIENTS[4] = {"Wstride", "Hstride", "Wdilation", "Hdilation"};

typedef struct {
    const td_case *c;
    td_arena *a;
    int dims; /* of DIMS: groups only where there are some */
    char name[TD_MAX_LEVELS][48];
    int width[TD_MAX_LEVELS]; /* bits of a word at the level */
} writer;

/* What a level becomes: itself, then levels of wires, outermost first. */
typedef struct {
    td_loop time[TD_NDIM], space[TD_NDIM]; /* outermost first, each dim once */
    int times, spaces;
    int64_t x, y; /* extents of its instances */
} slot;
enum { MOST_SLOTS = 64 }; /* bits of a mask of them */

static const char *dim_name(int dim) {
    for (int i = 0; i < TD_NDIM; i++)
        if ((int)DIMS[i].dim == dim) return DIMS[i].name;
    return "?";
}

/* ---- what has to fit ------------------------------------------------------------------------- */

/* A level's words have one width: that of what it keeps. */
static td_status find_widths(writer *w, td_error *err) {
    const td_case *c = w->c;
    int common = 0;
    for (int l = c->hw.n - 1; l >= 0; l--) {
        int bits[TD_NTENSOR], width = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (c->has_mapping && !(c->mapping.keep[l] & TD_BIT(t))) continue;
            bits[t] = c->has_mapping ? td_word_bits(&c->problem, &c->mapping, l, (td_tensor)t)
                                     : c->problem.bits[t];
            if (width == 0) width = bits[t];
            if (width != bits[t] || (!c->has_mapping && c->problem.acc_bits != width))
                return td_fail(err, TD_E_UNSUPPORTED,
                               "Timeloop counts in words of one width: level %s would have words "
                               "of %d and of %d bits (outputs count as sums of %d bits where sums "
                               "are not complete); `tandem convert --bits N` makes all words N "
                               "bits wide",
                               c->hw.level[l].name, width,
                               c->has_mapping ? bits[t] : (int)c->problem.acc_bits,
                               c->problem.acc_bits);
        }
        if (common == 0) common = width;
        w->width[l] = width;
    }
    if (common == 0) common = 16;
    for (int l = 0; l < c->hw.n; l++)
        if (w->width[l] == 0) w->width[l] = common;
    return TD_OK;
}

static bool is_taken(const writer *w, int l, const char *name) {
    bool taken = strcmp(name, "MAC") == 0;
    for (int i = 0; i < l; i++) taken = taken || strcmp(name, w->name[i]) == 0;
    return taken;
}

/* Names of levels of wires have a '-', which no other name has. */
static void find_names(writer *w) {
    const td_hw *hw = &w->c->hw;
    for (int l = 0; l < hw->n; l++) {
        char plain[sizeof hw->level[l].name];
        snprintf(plain, sizeof plain, "%s",
                 hw->level[l].name[0] != '\0' ? hw->level[l].name : "level");
        for (char *p = plain; *p != '\0'; p++)
            if (!isalnum((unsigned char)*p)) *p = '_';
        snprintf(w->name[l], sizeof w->name[l], "%s", plain);
        for (int k = 1; is_taken(w, l, w->name[l]); k++) /* few: one per level before */
            snprintf(w->name[l], sizeof w->name[l], "%.20s_%d", plain, k);
    }
}

/* Loops of one axis, outermost first, without those of bound 1. */
static int loops_of(const td_mapping *m, int l, int axis, td_loop out[TD_MAX_LOOPS]) {
    int n = 0;
    for (int i = m->first[l]; i < m->first[l + 1]; i++)
        if (m->loop[i].axis == axis && m->loop[i].bound > 1) out[n++] = m->loop[i];
    return n;
}

/* The first loop behind `from` whose dim stands between `from` and it already. */
static int segment_end(const td_loop *loop, int from, int n) {
    unsigned seen = 0;
    int i = from;
    for (; i < n && !(seen & TD_BIT(loop[i].dim)); i++) seen |= TD_BIT(loop[i].dim);
    return i;
}

static td_status fail_fan(const writer *w, int l, const char *why, td_error *err) {
    return td_fail(err, TD_E_UNSUPPORTED,
                   "Timeloop has a dimension once on a fan-out: one stands twice below level %s, "
                   "and %s",
                   w->c->hw.level[l].name, why);
}

/* Rows of the outputs and of the kernel (or columns) in different steps? */
static bool parts_rows(const slot *v, int n) {
    for (int axis = 0; axis < 2; axis++) {
        uint64_t out = 0, tap = 0; /* the steps that have them */
        for (int k = 0; k < n; k++)
            for (int i = 0; i < v[k].spaces; i++) {
                if (v[k].space[i].dim == TD_P + axis) out |= UINT64_C(1) << k;
                if (v[k].space[i].dim == TD_R + axis) tap |= UINT64_C(1) << k;
            }
        uint64_t all = out | tap;
        if (out != 0 && tap != 0 && (all & (all - 1)) != 0) return true;
    }
    return false;
}

static bool is_imperfect(const td_mapping *m) {
    for (int i = 0; i < m->n; i++)
        if (m->loop[i].tail != m->loop[i].bound) return true;
    return false;
}

static td_status find_slots(const writer *w, int l, slot v[MOST_SLOTS], int *n, td_error *err) {
    const td_hw *hw = &w->c->hw;
    td_loop loop[TD_MAX_LOOPS];
    memset(v, 0, sizeof(slot) * MOST_SLOTS);
    int count = w->c->has_mapping ? loops_of(&w->c->mapping, l, TD_AXIS_T, loop) : 0;
    *n = 0;
    for (int at = 0, end; at < count || *n == 0; at = end, ++*n) {
        if (*n == MOST_SLOTS) return fail_fan(w, l, "there are too many loops", err);
        end = segment_end(loop, at, count);
        v[*n].times = end - at;
        memcpy(v[*n].time, loop + at, sizeof *loop * (size_t)(end - at));
    }
    int64_t x = hw->level[l].mesh_x, y = hw->level[l].instances / hw->level[l].mesh_x;
    for (int i = 0; i < *n; i++) v[i].x = x, v[i].y = y;
    if (!w->c->has_mapping) return TD_OK;

    count = loops_of(&w->c->mapping, l, TD_AXIS_X, loop);
    count += loops_of(&w->c->mapping, l, TD_AXIS_Y, loop + count);
    const int64_t in_x = l > 0 ? hw->level[l - 1].mesh_x : hw->mac.mesh_x,
                  in_y = (l > 0 ? hw->level[l - 1].instances : hw->mac.instances) / in_x;
    for (int at = 0, end; at < count; at = end) {
        end = segment_end(loop, at, count);
        if (at > 0 && *n == MOST_SLOTS) return fail_fan(w, l, "there are too many loops", err);
        if (at > 0 && is_imperfect(&w->c->mapping))
            return fail_fan(w, l, "with imperfect factors steps are averages of their own", err);
        slot *s = at > 0 ? &v[(*n)++] : &v[*n - 1];
        if (x > in_x || y > in_y || in_x % x != 0 || in_y % y != 0)
            return fail_fan(w, l, "the fan-out is no whole number of steps", err);
        s->x = x;
        s->y = y;
        s->spaces = end - at;
        memcpy(s->space, loop + at, sizeof *loop * (size_t)(end - at));
        for (int i = at; i < end; i++) *(loop[i].axis == TD_AXIS_X ? &x : &y) *= loop[i].bound;
        if (x > INT32_MAX) x = INT32_MAX; /* refused above, if a step follows */
        if (y > INT32_MAX) y = INT32_MAX;
    }
    if (parts_rows(v, *n))
        return fail_fan(w, l, "would part rows of the outputs and the kernel", err);
    return TD_OK;
}

/* ---- problem --------------------------------------------------------------------------------- */

static td_node *term(writer *w, td_node *rank, const char *dim, const char *coefficient) {
    td_node *t = td_node_push(w->a, rank, td_node_list(w->a));
    td_node_push(w->a, t, td_node_string(w->a, dim));
    if (coefficient != NULL) td_node_push(w->a, t, td_node_string(w->a, coefficient));
    return t;
}

/* One rank for each letter; '+' stands for the sums of rows and of columns. */
static td_node *data_space(writer *w, const char *name, const char *ranks, bool read_write) {
    td_node *s = td_node_map(w->a);
    td_node_put_string(w->a, s, "name", name);
    td_node *list = td_node_put(w->a, s, "projection", td_node_list(w->a));
    for (const char *r = ranks; *r != '\0'; r++) {
        if (*r == 'G' && w->dims < TD_NDIM) continue;
        const char letter[2] = {*r, '\0'};
        if (*r != '+') {
            term(w, td_node_push(w->a, list, td_node_list(w->a)), letter, NULL);
            continue;
        }
        for (int axis = 0; axis < 2; axis++) {
            td_node *rank = td_node_push(w->a, list, td_node_list(w->a));
            term(w, rank, axis == 0 ? "R" : "S", COEFFICIENTS[2 + axis]);
            term(w, rank, axis == 0 ? "P" : "Q", COEFFICIENTS[axis]);
        }
    }
    if (read_write) td_node_put_bool(w->a, s, "read_write", true);
    return s;
}

static td_node *problem_node(writer *w) {
    const td_problem *p = &w->c->problem;
    td_node *n = td_node_map(w->a);
    td_node_put_real(w->a, n, "version", 0.4);
    td_node *shape = td_node_put(w->a, n, "shape", td_node_map(w->a));
    td_node_put_string(w->a, shape, "name", "layer");
    td_node *list = td_node_put(w->a, shape, "dimensions", td_node_list(w->a));
    for (int i = 0; i < w->dims; i++) td_node_push(w->a, list, td_node_string(w->a, DIMS[i].name));
    list = td_node_put(w->a, shape, "coefficients", td_node_list(w->a));
    for (int i = 0; i < 4; i++) {
        td_node *c = td_node_push(w->a, list, td_node_map(w->a));
        td_node_put_string(w->a, c, "name", COEFFICIENTS[i]);
        td_node_put_int(w->a, c, "default", 1);
    }
    list = td_node_put(w->a, shape, "data_spaces", td_node_list(w->a));
    td_node_push(w->a, list, data_space(w, SPACES[TD_W], "GCMRS", false));
    td_node_push(w->a, list, data_space(w, SPACES[TD_I], "NGC+", false));
    td_node_push(w->a, list, data_space(w, SPACES[TD_O], "NGMQP", true));
    td_node *instance = td_node_put(w->a, n, "instance", td_node_map(w->a));
    for (int i = 0; i < w->dims; i++)
        td_node_put_int(w->a, instance, DIMS[i].name, p->dim[DIMS[i].dim]);
    for (int i = 0; i < 2; i++) {
        td_node_put_int(w->a, instance, COEFFICIENTS[i], p->stride[i]);
        td_node_put_int(w->a, instance, COEFFICIENTS[2 + i], p->dilation[i]);
    }
    return n;
}

/* ---- architecture ---------------------------------------------------------------------------- */

static td_node *component(writer *w, td_node *local, const char *name, const char *class,
                          int instances, int x) {
    td_node *n = td_node_push(w->a, local, td_node_map(w->a));
    td_node_put_string(w->a, n, "name", td_arena_printf(w->a, "%s[1..%d]", name, instances));
    td_node_put_string(w->a, n, "class", class);
    td_node *attributes = td_node_put(w->a, n, "attributes", td_node_map(w->a));
    td_node_put_int(w->a, attributes, "meshX", x);
    td_node_put_int(w->a, attributes, "meshY", instances / x);
    return attributes;
}

/* A number of words that gives these bits when it is multiplied by the width again. */
static double words_of(double bits, int width) {
    double q = bits / width, up = nextafter(q, INFINITY), down = nextafter(q, 0);
    return q * width == bits ? q : up * width == bits ? up : down * width == bits ? down : q;
}

static void put_bandwidth(writer *w, td_node *n, const char *key, double bits, int width) {
    if (isfinite(bits)) td_node_put_real(w->a, n, key, words_of(bits, width));
}

static const char *slot_name(writer *w, int l, int i) {
    return i == 0 ? w->name[l] : td_arena_printf(w->a, "%s-wires-%d", w->name[l], i);
}

static td_status put_storage(writer *w, td_node *local, int l, td_error *err) {
    const td_level *v = &w->c->hw.level[l];
    const int width = w->width[l];
    const bool unbounded = v->capacity_bits < 0;
    td_node *n = component(w, local, w->name[l],
                           unbounded           ? "DRAM"
                           : v->instances == 1 ? "SRAM"
                                               : "regfile",
                           v->instances, v->mesh_x);
    int64_t block = v->block_bits > width ? v->block_bits / width : 1;
    int64_t entries = unbounded ? 0 : v->capacity_bits / width;
    td_node_put_int(w->a, n, "datawidth", width);
    td_node_put_int(w->a, n, "block_size", block);
    if (!unbounded) {
        bool whole = entries % block == 0 && entries > 0;
        if ((whole ? entries / block : entries) > INT32_MAX || block * width > INT32_MAX)
            return td_fail(err, TD_E_UNSUPPORTED, "level %s is too large for Timeloop's numbers",
                           v->name);
        if (whole) {
            td_node_put_int(w->a, n, "depth", entries / block);
            td_node_put_int(w->a, n, "width", block * width);
        } else {
            td_node_put_int(w->a, n, "entries", entries);
        }
    }
    if (v->buffering != 1) td_node_put_real(w->a, n, "multiple_buffering", v->buffering);
    put_bandwidth(w, n, "read_bandwidth", v->read_bw, width);
    put_bandwidth(w, n, "write_bandwidth", v->write_bw, width);
    put_bandwidth(w, n, "shared_bandwidth", v->shared_bw, width);
    slot slots[MOST_SLOTS];
    int count;
    td_status s = find_slots(w, l, slots, &count, err);
    for (int i = 1; s == TD_OK && i < count; i++) {
        n = component(w, local, slot_name(w, l, i), "dummy_storage", (int)(slots[i].x * slots[i].y),
                      (int)slots[i].x);
        td_node_put_int(w->a, n, "datawidth", width);
        td_node_put_int(w->a, n, "entries", 0);
    }
    return s;
}

static td_status put_arch(writer *w, td_node *root, td_error *err) {
    const td_hw *hw = &w->c->hw;
    td_node *n = td_node_put(w->a, root, "architecture", td_node_map(w->a));
    td_node_put_real(w->a, n, "version", 0.4);
    td_node *list = td_node_put(w->a, n, "subtree", td_node_list(w->a));
    td_node *tree = td_node_push(w->a, list, td_node_map(w->a));
    td_node_put_string(w->a, tree, "name", "system");
    td_node *local = td_node_put(w->a, tree, "local", td_node_list(w->a));
    for (int l = hw->n - 1; l >= 0; l--) {
        td_status s = put_storage(w, local, l, err);
        if (s != TD_OK) return s;
    }
    n = component(w, local, "MAC", "intmac", hw->mac.instances, hw->mac.mesh_x);
    td_node_put_int(w->a, n, "datawidth", w->width[0]);
    return TD_OK;
}

/* ---- energies -------------------------------------------------------------------------------- */

static void put_action(writer *w, td_node *list, const char *name, double pj) {
    td_node *n = td_node_push(w->a, list, td_node_map(w->a));
    td_node_put_string(w->a, n, "name", name);
    td_node_put_real(w->a, n, "energy", pj);
}

static td_node *table(writer *w, td_node *tables, const char *name, int instances) {
    td_node *n = td_node_push(w->a, tables, td_node_map(w->a));
    td_node_put_string(w->a, n, "name", td_arena_printf(w->a, "system.%s[1..%d]", name, instances));
    return td_node_put(w->a, n, "actions", td_node_list(w->a));
}

static void put_energies(writer *w, td_node *root) {
    const td_hw *hw = &w->c->hw;
    td_node *n = td_node_put(w->a, root, "ERT", td_node_map(w->a));
    td_node_put_real(w->a, n, "version", 0.4);
    td_node *tables = td_node_put(w->a, n, "tables", td_node_list(w->a));
    for (int l = hw->n - 1; l >= 0; l--) {
        const td_level *v = &hw->level[l];
        td_node *actions = table(w, tables, w->name[l], v->instances);
        put_action(w, actions, "read", v->read_pj);
        put_action(w, actions, "write", v->fill_pj);
        put_action(w, actions, "update", v->update_pj);
    }
    put_action(w, table(w, tables, "MAC", hw->mac.instances), "compute",
               td_mac_pj(&hw->mac, &w->c->problem));
}

/* ---- mapping --------------------------------------------------------------------------------- */

static void put_spaces(writer *w, td_node *n, const char *key, unsigned mask) {
    td_node *list = td_node_put(w->a, n, key, td_node_list(w->a));
    for (int t = 0; t < TD_NTENSOR; t++)
        if (mask & TD_BIT(t)) td_node_push(w->a, list, td_node_string(w->a, SPACES[t]));
}

static td_node *directive(writer *w, td_node *list, const char *target, const char *type) {
    td_node *n = td_node_push(w->a, list, td_node_map(w->a));
    td_node_put_string(w->a, n, "target", target);
    td_node_put_string(w->a, n, "type", type);
    return n;
}

/* Factors of all dims, and a permutation, innermost first: first the loops from the last to the
 * first, then the dims that have none. */
static void put_loops(writer *w, td_node *n, const td_loop *loop, int count) {
    char factors[512] = "", order[TD_NDIM + 1] = "";
    size_t used = 0, k = 0;
    for (int i = 0; i < w->dims; i++) {
        int bound = 1, tail = 1;
        for (int j = 0; j < count; j++)
            if (loop[j].dim == DIMS[i].dim) bound = loop[j].bound, tail = loop[j].tail;
        used += (size_t)snprintf(factors + used, sizeof factors - used, "%s%s=%d", i > 0 ? " " : "",
                                 DIMS[i].name, bound);
        if (tail != bound)
            used += (size_t)snprintf(factors + used, sizeof factors - used, ",%d", tail);
    }
    for (int j = count - 1; j >= 0; j--) order[k++] = dim_name(loop[j].dim)[0];
    for (int i = 0; i < w->dims; i++)
        if (strchr(order, DIMS[i].name[0]) == NULL) order[k++] = DIMS[i].name[0];
    td_node_put_string(w->a, n, "factors", factors);
    td_node_put_string(w->a, n, "permutation", order);
}

/* Timeloop has the dims of X first in the permutation, innermost of all. Which of the axes is the
 * inner one is of no account for any count. */
static void put_spatial(writer *w, td_node *list, const char *target, int l, const slot *s) {
    const td_level *v = &w->c->hw.level[l];
    td_loop both[TD_NDIM];
    int n = 0, nx = 0;
    for (int axis = TD_AXIS_Y; axis >= TD_AXIS_X; axis--)
        for (int i = 0; i < s->spaces; i++) {
            if (s->space[i].axis != axis) continue;
            both[n++] = s->space[i];
            nx += axis == TD_AXIS_X;
        }
    td_node *d = directive(w, list, target, "spatial");
    put_loops(w, d, both, n);
    td_node_put_int(w->a, d, "split", nx);
    unsigned shared = (v->multicast & (TD_BIT(TD_W) | TD_BIT(TD_I))) | (v->reduce & TD_BIT(TD_O));
    if (shared != TD_ALL_TENSORS) put_spaces(w, d, "no_reuse", TD_ALL_TENSORS & ~shared);
}

/* Extents of what stands inside of slot i. */
static bool has_fan(const writer *w, int l, const slot *v, int i, int n) {
    const td_hw *hw = &w->c->hw;
    int64_t inner = i + 1 < n ? v[i + 1].x * v[i + 1].y
                    : l > 0   ? hw->level[l - 1].instances
                              : hw->mac.instances;
    return inner != v[i].x * v[i].y;
}

static td_status put_mapping(writer *w, td_node *root, td_error *err) {
    const td_case *c = w->c;
    td_node *list = td_node_put(w->a, root, "mapping", td_node_list(w->a));
    for (int l = c->hw.n - 1; l >= 0; l--) {
        slot v[MOST_SLOTS];
        int n;
        td_status s = find_slots(w, l, v, &n, err);
        if (s != TD_OK) return s;
        for (int i = 0; i < n; i++) {
            const char *target = slot_name(w, l, i);
            unsigned keep = i == 0 ? c->mapping.keep[l] : 0;
            td_node *d = directive(w, list, target, "datatype");
            put_spaces(w, d, "keep", keep);
            put_spaces(w, d, "bypass", TD_ALL_TENSORS & ~keep);
            put_loops(w, directive(w, list, target, "temporal"), v[i].time, v[i].times);
            /* Timeloop takes spatial directives only where there is a fan-out; a mapping that
             * spreads elsewhere is wrong, and stays so. */
            if (v[i].spaces > 0 || has_fan(w, l, v, i, n)) put_spatial(w, list, target, l, &v[i]);
        }
    }
    return TD_OK;
}

td_status td_timeloop_to_node(const td_case *c, td_arena *a, td_node **out, td_error *err) {
    writer w = {.c = c, .a = a, .dims = c->problem.dim[TD_G] > 1 ? TD_NDIM : TD_NDIM - 1};
    *out = NULL;
    for (int l = 0; l < c->hw.n; l++) {
        const td_level *v = &c->hw.level[l];
        if (!td_timing_ideal(&v->timing) || v->reload != 0)
            return td_fail(err, TD_E_UNSUPPORTED, "level %s %s, which Timeloop does not have",
                           v->name,
                           v->reload != 0 ? "brings in anew what it holds (reload)"
                                          : "takes time to fill and drain, or waits (timing)");
    }
    td_status s = find_widths(&w, err);
    if (s != TD_OK) return s;
    find_names(&w);
    td_node *root = td_node_map(a);
    s = put_arch(&w, root, err);
    if (s != TD_OK) return s;
    td_node_put(a, root, "problem", problem_node(&w));
    if (c->has_mapping) s = put_mapping(&w, root, err);
    if (s != TD_OK) return s;
    put_energies(&w, root);
    *out = root;
    return root != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}
