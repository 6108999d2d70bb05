/* Timeloop's YAML to a case: finds the sections, has them read, and turns levels inside out. */
#include <stdio.h>
#include <string.h>

#include "timeloop.h"

typedef struct {
    const td_node *arch, *problem, *mapping, *ert, *constraints;
} sections;

static bool is_empty(const td_node *n) {
    return n == NULL || n->kind == TD_NULL ||
           ((n->kind == TD_MAP || n->kind == TD_LIST) && n->count == 0);
}

/* Empty sections (the front end writes `mapping: []`) are as good as none. */
static td_status take(const td_node *found, const td_node **out, td_error *err) {
    if (is_empty(found)) return TD_OK;
    if (*out != NULL)
        return td_node_fail(found, err, "a second section of this kind, the first is at %s:%d",
                            (*out)->file != NULL ? (*out)->file : "?", (*out)->line);
    *out = found;
    return TD_OK;
}

bool td_timeloop_is(const td_node *doc) {
    const td_node *problem = td_node_find(doc, "problem"), *mapping = td_node_find(doc, "mapping");
    const td_node *arch = td_node_find(doc, "architecture");
    if (arch == NULL) arch = td_node_find(doc, "arch");
    return td_node_find(arch, "subtree") != NULL || td_node_find(arch, "nodes") != NULL ||
           td_node_find(problem, "shape") != NULL || td_node_find(problem, "instance") != NULL ||
           (mapping != NULL && mapping->kind == TD_LIST) ||
           td_node_find(td_node_find(doc, "ERT"), "tables") != NULL;
}

static td_status find_sections(const td_node *const *doc, int n, sections *s, td_error *err) {
    static const char *const unsupported[] = {"sparse_optimizations", "layout", "layouts"};
    for (int i = 0; i < n; i++) {
        if (doc[i] == NULL || doc[i]->kind != TD_MAP)
            return td_node_fail(doc[i], err, "expected sections of Timeloop's YAML (a map)");
        TRY(take(td_node_find(doc[i], "architecture"), &s->arch, err));
        TRY(take(td_node_find(doc[i], "arch"), &s->arch, err));
        TRY(take(td_node_find(doc[i], "problem"), &s->problem, err));
        TRY(take(td_node_find(doc[i], "mapping"), &s->mapping, err));
        TRY(take(td_node_find(doc[i], "ERT"), &s->ert, err));
        TRY(take(td__tl_find(doc[i], "architecture_constraints"), &s->constraints, err));
        for (int k = 0; k < 3; k++) {
            const td_node *v = td__tl_find(doc[i], unsupported[k]);
            if (!is_empty(v)) return td_node_fail(v, err, "%s is not supported", unsupported[k]);
        }
    }
    if (s->arch == NULL)
        return td_node_fail(doc[0], err, "no \"architecture\" in the files that were given");
    return TD_OK;
}

/* A level of wires with as many instances as the level around it: its loops go there, inside of
 * those that stand there, and the nest is the same. */
static bool fold(td__tl_level *outer, const td__tl_level *wires) {
    if (!wires->wires || wires->keep != 0 || outer->x != wires->x || outer->y != wires->y)
        return false;
    int most = (int)(sizeof outer->loop / sizeof outer->loop[0]);
    if (outer->loops + wires->loops > most) return false;
    for (int i = 0; i < outer->loops; i++) /* time before space */
        if (outer->loop[i].axis != TD_AXIS_T && wires->loops > 0) return false;
    for (int i = 0; i < wires->loops; i++) outer->loop[outer->loops++] = wires->loop[i];
    outer->apart |= wires->apart;
    outer->no_space |= wires->no_space;
    outer->whole_space |= wires->whole_space;
    return true;
}

static void fold_wires(td__tl_arch *arch) {
    int n = arch->n > 0 ? 1 : 0;
    for (int i = 1; i < arch->n; i++)
        if (!fold(&arch->level[n - 1], &arch->level[i])) arch->level[n++] = arch->level[i];
    arch->n = n;
}

/* What constraints leave: a dim that stands whole in one place stands nowhere else. */
static void put_rules(const td__tl_arch *arch, td_hw *hw) {
    for (int i = 0; i < arch->n; i++) {
        const td__tl_level *v = &arch->level[i];
        int l = arch->n - 1 - i;
        uint8_t *allowed = hw->rules.allowed[l];
        hw->level[l].may_keep = v->keep;
        hw->level[l].must_keep = v->must & v->keep;
        allowed[TD_AXIS_T] &= (uint8_t)~v->no_time;
        allowed[TD_AXIS_X] &= (uint8_t)~v->no_space;
        allowed[TD_AXIS_Y] &= (uint8_t)~v->no_space;
        for (int j = 0; j < arch->n; j++) {
            uint8_t *other = hw->rules.allowed[arch->n - 1 - j];
            other[TD_AXIS_T] &= (uint8_t) ~(v->whole_space | (j == i ? 0 : v->whole_time));
            for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++)
                other[axis] &= (uint8_t) ~(v->whole_time | (j == i ? 0 : v->whole_space));
        }
    }
}

/* Words of one width everywhere: that of the outermost level. */
static td_status put_level(const td__tl_level *v, int unit, int64_t used, td_level *l,
                           td_error *err) {
    *l = (td_level){.may_keep = TD_ALL_TENSORS,
                    .instances = v->x * v->y,
                    .mesh_x = v->x,
                    .word_bits = unit,
                    .buffering = v->buffering,
                    .shares = -1};
    if (strlen(v->name) >= sizeof l->name)
        return td_node_fail(v->node, err, "expected a name of at most %zu bytes",
                            sizeof l->name - 1);
    snprintf(l->name, sizeof l->name, "%s", v->name);
    if (strcmp(l->name, "MAC") == 0) snprintf(l->name, sizeof l->name, "MAC_");
    l->capacity_bits = v->unbounded ? -1 : v->words * unit;
    if (v->words > (INT64_C(1) << 54) || (int64_t)v->block * unit > INT32_MAX)
        return td_node_fail(v->node, err, "the level or its block is too large");
    l->block_bits = v->block * unit;
    l->read_bw = v->read_bw * unit;
    l->write_bw = v->write_bw * unit;
    l->shared_bw = v->shared_bw * unit;
    /* Instances of a cluster are accessed together; those in use are spread over all clusters. */
    int64_t clusters = (int64_t)v->x * v->y / v->cluster;
    double together = used > clusters && clusters > 0 ? (double)used / (double)clusters : 1;
    l->read_pj = v->read_pj / together;
    l->fill_pj = v->fill_pj / together;
    l->update_pj = v->update_pj / together;
    l->multicast = (uint8_t)(TD_ALL_TENSORS & ~v->apart);
    l->reduce = (uint8_t)(TD_BIT(TD_O) & ~v->apart);
    return TD_OK;
}

static td_status check_fan(const td_node *n, int x, int y, int inner_x, int inner_y,
                           td_error *err) {
    if (inner_x % x == 0 && inner_y % y == 0) return TD_OK;
    return td_node_fail(n, err,
                        "%d x %d instances cannot feed the %d x %d inside: expected extents that "
                        "divide",
                        x, y, inner_x, inner_y);
}

static td_status put_hw(const td__tl_arch *arch, bool mapped, td_hw *hw, td_error *err) {
    memset(hw, 0, sizeof *hw);
    if (arch->n > TD_MAX_LEVELS)
        return td_node_fail(arch->level[0].node, err,
                            "%d levels, expected at most %d (levels of wires that have the "
                            "instances of the level around them do not count)",
                            arch->n, TD_MAX_LEVELS);
    const int unit = arch->level[0].word_bits;
    int64_t used = 1;
    hw->n = arch->n;
    for (int i = 0; i < arch->n; i++) {
        const td__tl_level *v = &arch->level[i];
        int l = arch->n - 1 - i;
        bool last = i + 1 == arch->n;
        TRY(put_level(v, unit, mapped ? used : (int64_t)v->x * v->y, &hw->level[l], err));
        TRY(check_fan(v->node, v->x, v->y, last ? arch->mac_x : arch->level[i + 1].x,
                      last ? arch->mac_y : arch->level[i + 1].y, err));
        for (int k = 0; k < v->loops; k++)
            if (v->loop[k].axis != TD_AXIS_T && used < INT32_MAX) used *= v->loop[k].bound;
    }
    hw->mac = (td_mac){.instances = arch->mac_x * arch->mac_y,
                       .mesh_x = arch->mac_x,
                       .energy_pj = arch->mac_pj,
                       .bits = unit};
    memset(hw->rules.allowed, 0xff, sizeof hw->rules.allowed);
    hw->clock_hz = 1e9;
    hw->area_mm2 = NAN;
    if (!mapped) put_rules(arch, hw);
    return TD_OK;
}

static td_status put_mapping(const td__tl_arch *arch, td_mapping *m, td_error *err) {
    memset(m, 0, sizeof *m);
    for (int l = 0; l < arch->n; l++) {
        const td__tl_level *v = &arch->level[arch->n - 1 - l];
        m->first[l] = m->n;
        m->keep[l] = v->keep;
        for (int axis = 0; axis < TD_NAXIS; axis++)
            for (int i = 0; i < v->loops; i++) {
                if (v->loop[i].axis != axis) continue;
                if (m->n == TD_MAX_LOOPS)
                    return td_node_fail(v->node, err, "more than %d loops", TD_MAX_LOOPS);
                m->loop[m->n++] = v->loop[i];
            }
    }
    m->first[arch->n] = m->n;
    return TD_OK;
}

/* An architecture alone: its constraints speak of a convolution by the usual names. */
static void no_problem(td_problem *p, td__tl_shape *shape) {
    static const td__tl_shape usual = {{"N", "M", "C", "P", "Q", "R", "S", "G"},
                                       {TD_N, TD_K, TD_C, TD_P, TD_Q, TD_R, TD_S, TD_G},
                                       TD_NDIM,
                                       {"Weights", "Inputs", "Outputs"}};
    *shape = usual;
    *p = (td_problem){.stride = {1, 1}, .dilation = {1, 1}};
    for (int d = 0; d < TD_NDIM; d++) p->dim[d] = 1;
}

static td_status read_case(const td_node *const *doc, int n, td_arena *a, td__tl_arch *arch,
                           td_case *out, td_error *err) {
    sections s = {.arch = NULL};
    td__tl_shape shape;
    td_error fault;
    TRY(find_sections(doc, n, &s, err));
    if (s.problem == NULL && s.mapping != NULL)
        return td_node_fail(s.mapping, err, "no \"problem\" in the files that were given");
    if (s.problem != NULL)
        TRY(td__tl_problem(s.problem, a, &out->problem, &shape, err));
    else
        no_problem(&out->problem, &shape);
    TRY(td__tl_read_arch(s.arch, &shape, arch, err));
    const int unit = arch->level[0].word_bits;
    for (int t = 0; t < TD_NTENSOR; t++) out->problem.bits[t] = (uint8_t)unit;
    out->problem.acc_bits = (uint8_t)unit;
    if (td_problem_check(&out->problem, &fault) != TD_OK)
        return td_node_fail(s.problem, err, "%s", fault.message);
    if (s.mapping == NULL) TRY(td__tl_constraints(s.constraints, &shape, arch, err));
    if (s.mapping != NULL) TRY(td__tl_mapping(s.mapping, &out->problem, &shape, arch, err));
    TRY(td__tl_energies(s.ert, arch, err));
    fold_wires(arch);
    out->has_mapping = s.mapping != NULL;
    TRY(put_hw(arch, out->has_mapping, &out->hw, err));
    return out->has_mapping ? put_mapping(arch, &out->mapping, err) : TD_OK;
}

td_status td_timeloop_from_nodes(const td_node *const *doc, int n, td_case *out, td_error *err) {
    memset(out, 0, sizeof *out);
    td_arena *a = td_arena_create();
    td__tl_arch *arch = a != NULL ? TD_NEW(a, td__tl_arch, 1) : NULL;
    td_status s = arch == NULL ? td_fail(err, TD_E_MEMORY, "out of memory")
                               : read_case(doc, n, a, arch, out, err);
    td_arena_destroy(a);
    return s;
}
