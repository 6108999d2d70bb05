/* Mappings of one layer on one accelerator as a space. The decisions are those of Shi et al.,
 * "Learned Hardware/Software Co-Design of Neural Accelerators" (2010.02075): how each dim is
 * factored over the places of the machine, and the order of the loops in time of each level; and
 * what a level keeps, where it has a choice. Which vectors are allowed depends on factors and keeps
 * only: orders are made within the rules. */
#include "space_mapping.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SPLITS = 1 << 20, MOST_LOGS = 1024 };

static td_status no_memory(td_error *err) {
    return td_fail(err, TD_E_MEMORY, "out of memory");
}

/* ---- what is allowed ------------------------------------------------------------------------- */

static const uint8_t dims_reduced = TD_BIT(TD_C) | TD_BIT(TD_R) | TD_BIT(TD_S);

double td__tile_words(const td__mappings *m, const int32_t e[TD_NDIM], int t) {
    const int64_t gk = (int64_t)e[TD_G] * e[TD_K];
    if (t == TD_W) return (double)(gk * e[TD_C] * e[TD_R] * e[TD_S]);
    if (t == TD_O) return (double)(gk * e[TD_N] * e[TD_P] * e[TD_Q]);
    int64_t line[2];
    for (int axis = 0; axis < 2; axis++) {
        line[axis] = (int64_t)(e[TD_P + axis] - 1) * m->p.stride[axis] +
                     (int64_t)(e[TD_R + axis] - 1) * m->p.dilation[axis] + 1;
        if (line[axis] > m->image[axis]) line[axis] = m->image[axis];
    }
    return (double)((int64_t)e[TD_N] * e[TD_G] * e[TD_C]) * (double)(line[0] * line[1]);
}

/* sum_bits and out_bits: of words of outputs with and without partial sums (td_word_bits). */
static inline bool rows_fit(const td__mappings *m, const int32_t *const row[], const uint8_t keep[],
                            int out_bits, int sum_bits) {
    const int n = m->splits;
    for (int i = 0; i < n; i++)
        if (row[i][TD__BAD]) return false;
    for (int a = 0; a < m->axes; a++) {
        int64_t product = 1;
        for (int i = 0; i < n; i++) {
            const int32_t f = row[i][TD__AXES + a];
            if (m->axis[a].single && f > 1 && product > 1) return false;
            product *= f;
        }
        if (product > m->axis[a].fan) return false;
    }
    int reduced = -1;
    for (int i = 0; i < n; i++) {
        const int r = row[i][td__reduced_at(m)];
        if (r > reduced) reduced = r;
    }
    for (int b = 0; b < m->bounded; b++) {
        const int l = m->level[b];
        int32_t e[TD_NDIM] = {1, 1, 1, 1, 1, 1, 1, 1};
        for (int i = 0; i < n; i++) e[m->split[i].dim] = row[i][td__tiles_at(m) + l];
        double bits = 0;
        if (keep[l] & TD_BIT(TD_W)) bits += td__tile_words(m, e, TD_W) * m->p.bits[TD_W];
        if (keep[l] & TD_BIT(TD_I)) bits += td__tile_words(m, e, TD_I) * m->p.bits[TD_I];
        if (keep[l] & TD_BIT(TD_O)) {
            int child = l - 1;
            while (child >= 0 && !(keep[child] & TD_BIT(TD_O))) child--;
            bits += td__tile_words(m, e, TD_O) * (reduced > child ? sum_bits : out_bits);
        }
        if (bits > m->usable[b]) return false;
    }
    return true;
}

bool td__rows_fit(const td__mappings *m, const int32_t *const row[], const uint8_t keep[]) {
    return rows_fit(m, row, keep, m->p.bits[TD_O], m->p.acc_bits);
}

static bool allows(const void *self, const td_choices *c) {
    const td__mappings *m = self;
    const int32_t *row[TD_NDIM];
    uint8_t keep[TD_MAX_LEVELS];
    for (int i = 0; i < m->splits; i++) row[i] = td__split_row(&m->split[i], c->v);
    td__keeps_of(m, c->v, keep);
    return td__rows_fit(m, row, keep);
}

/* ---- splits ---------------------------------------------------------------------------------- */

/* Places of a dim from the inside out: the fan-out of a level is inside of its loops in time. */
static void find_places(const td_hw *hw, td__split *s) {
    static const uint8_t axes[] = {TD_AXIS_X, TD_AXIS_Y, TD_AXIS_T};
    for (int l = 0; l < hw->n; l++)
        for (int k = 0; k < TD_NAXIS; k++)
            if ((hw->rules.allowed[l][axes[k]] & TD_BIT(s->dim)) &&
                (axes[k] == TD_AXIS_T || td_hw_fanout(hw, l, axes[k]) > 1))
                s->place[s->places++] = (uint8_t)(l * TD_NAXIS + axes[k]);
}

/* Ordered factorisations over so many places: for each prime to the power e, C(e + k - 1, e). */
static double count_splits(int32_t size, int places) {
    if (places == 0) return size == 1;
    double n = 1;
    for (int32_t q = 2; size > 1; q++) {
        if (q > size / q) q = size;
        for (int e = 1; size % q == 0; e++, size /= q) n = n * (places + e - 1) / e;
    }
    return n;
}

/* All rows whose factors at the places from k on multiply to rest; those before are in `factor`.
 * Returns the end of the rows. */
static int32_t *list_splits(const td__mappings *m, const td__split *s, int k, int32_t rest,
                            int32_t factor[TD__PLACES], int32_t *row) {
    if (k == s->places - 1) {
        factor[k] = rest;
        memcpy(row + td__factors_at(m), factor, sizeof *factor * (size_t)s->places);
        return row + s->width;
    }
    for (int32_t f = 1; f <= rest; f++) {
        if (rest % f != 0) continue;
        factor[k] = f;
        row = list_splits(m, s, k + 1, rest / f, factor, row);
    }
    return row;
}

/* The fields of a row that follow from its factors. */
static void complete_row(const td__mappings *m, const td__split *s, int32_t *row) {
    const int32_t *factor = row + td__factors_at(m);
    int32_t *tile = row + td__tiles_at(m);
    int32_t extent = 1;
    row[TD__BAD] = 0;
    row[td__reduced_at(m)] = -1;
    for (int l = 0, k = 0; l < m->hw.n; l++) {
        bool on_x = false;
        for (; k < s->places && s->place[k] / TD_NAXIS == l; k++) {
            const int axis = s->place[k] % TD_NAXIS;
            if (factor[k] == 1) continue;
            extent *= factor[k];
            if (axis == TD_AXIS_X) on_x = true;
            if (axis == TD_AXIS_Y && on_x && m->hw.rules.one_axis) row[TD__BAD] = 1;
            if (dims_reduced & TD_BIT(s->dim)) row[td__reduced_at(m)] = l;
        }
        tile[l] = extent;
    }
    for (int a = 0; a < m->axes; a++) {
        row[TD__AXES + a] = 1;
        for (int k = 0; k < s->places; k++)
            if (s->place[k] == m->axis[a].level * TD_NAXIS + m->axis[a].axis)
                row[TD__AXES + a] = factor[k];
    }
}

static td_status make_split(const td__mappings *m, td_arena *a, td__split *s, td_error *err) {
    const int32_t size = m->p.dim[s->dim];
    const char letter = td_dim_letter[s->dim];
    const double n = count_splits(size, s->places);
    if (n == 0)
        return td_fail(err, TD_E_INFEASIBLE, "%s has no place for %c = %d, in time or in space",
                       m->hw.name, letter, size);
    if (n > MOST_SPLITS)
        return td_fail(err, TD_E_UNSUPPORTED,
                       "space of mappings: %c = %d has %.0f factorisations over %d places of %s, "
                       "expected at most %d",
                       letter, size, n, s->places, m->hw.name, MOST_SPLITS);
    int32_t factor[TD__PLACES];
    s->n = (int)n;
    s->width = td__factors_at(m) + s->places;
    s->row = TD_NEW(a, int32_t, (size_t)s->n * (size_t)s->width);
    if (s->row == NULL) return no_memory(err);
    list_splits(m, s, 0, size, factor, s->row);
    for (int i = 0; i < s->n; i++) complete_row(m, s, s->row + (size_t)i * (size_t)s->width);
    return TD_OK;
}

/* What a dim needs at least at each axis and level, over its rows that are not bad. */
static void find_least(const td__mappings *m, const td__split *s, int32_t *least) {
    const int fields = td__factors_at(m);
    for (int f = 0; f < fields; f++) least[f] = INT32_MAX;
    for (int i = 0; i < s->n; i++) {
        const int32_t *row = s->row + (size_t)i * (size_t)s->width;
        for (int f = 0; f < fields && !row[TD__BAD]; f++)
            if (row[f] < least[f]) least[f] = row[f];
    }
}

/* Bits that a word of outputs has at least. */
static int narrow_outputs(const td__mappings *m) {
    return m->p.bits[TD_O] < m->p.acc_bits ? m->p.bits[TD_O] : m->p.acc_bits;
}

/* Marks the rows that do not fit with the least that the other dims need, where levels keep what
 * they must only; returns how many are left. */
static int exclude_rows(const td__mappings *m, td__split *s, const int32_t *const least[TD_NDIM]) {
    const int narrow = narrow_outputs(m);
    const int32_t *row[TD_NDIM];
    int good = 0;
    memcpy(row, least, sizeof row);
    for (int i = 0; i < s->n; i++) {
        int32_t *own = s->row + (size_t)i * (size_t)s->width;
        row[s - m->split] = own;
        if (!rows_fit(m, row, m->fixed_keep, narrow, narrow)) own[TD__BAD] = 1;
        good += !own[TD__BAD];
    }
    return good;
}

static int compare_rows(const void *a, const void *b, void *width) {
    const int32_t *x = a, *y = b;
    for (int i = 0; i < *(const int *)width; i++)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

/* Rows that can never be part of a mapping that fits are bad; the others come first. Dims are
 * looked at by themselves, then with the others, then again: what was excluded may raise the least.
 */
static td_status sort_splits(td__mappings *m, td_error *err) {
    int32_t fields[TD_NDIM][TD__AXES + TD__PLACES + 1 + TD_MAX_LEVELS];
    const int32_t *least[TD_NDIM] = {0};
    const int narrow = narrow_outputs(m);
    for (int i = 0; i < m->splits; i++) {
        least[i] = fields[i];
        for (int f = 0; f < td__factors_at(m); f++) fields[i][f] = f != TD__BAD;
    }
    for (int pass = 0; pass < 3; pass++) {
        if (!rows_fit(m, least, m->fixed_keep, narrow, narrow))
            return td_fail(err, TD_E_INFEASIBLE,
                           "%s has no room for all dims: what each needs at least exceeds its "
                           "fan-outs or capacities together",
                           m->hw.name);
        for (int i = 0; i < m->splits; i++) {
            td__split *s = &m->split[i];
            s->good = exclude_rows(m, s, least);
            if (s->good == 0)
                return td_fail(
                    err, TD_E_INFEASIBLE,
                    "%s has no room for %c = %d: none of its %d factorisations over %d places "
                    "keeps to the fan-outs and the capacities%s",
                    m->hw.name, td_dim_letter[s->dim], m->p.dim[s->dim], s->n, s->places,
                    pass > 0 ? ", with the least that other dims need" : "");
        }
        for (int i = 0; i < m->splits; i++) find_least(m, &m->split[i], fields[i]);
    }
    for (int i = 0; i < m->splits; i++) {
        td__split *s = &m->split[i];
        qsort_r(s->row, (size_t)s->n, sizeof *s->row * (size_t)s->width, compare_rows, &s->width);
    }
    return TD_OK;
}

/* Levels have room for what must be there at any time: a word of each tensor. */
static td_status check_least(const td__mappings *m, td_error *err) {
    for (int b = 0; b < m->bounded; b++) {
        const int l = m->level[b];
        double bits = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (m->fixed_keep[l] & TD_BIT(t)) bits += t == TD_O ? narrow_outputs(m) : m->p.bits[t];
        }
        if (bits > m->usable[b])
            return td_fail(
                err, TD_E_INFEASIBLE,
                "level %s: a word of each tensor that it must keep has %.0f bits, usable "
                "are %.0f",
                m->hw.level[l].name, bits, m->usable[b]);
    }
    return TD_OK;
}

/* ---- orders ---------------------------------------------------------------------------------- */

/* All permutations of the dims at from .. n - 1 whose places do not fall from the inside out (and
 * so do not rise from the outside in). */
static uint8_t *list_orders(const uint8_t place[TD_NDIM], uint8_t *dims, int from, int n,
                            uint8_t *to) {
    if (from == n) {
        memcpy(to, dims, (size_t)n);
        return to + n;
    }
    unsigned outermost = 0;
    for (int i = from; i < n; i++)
        if (place[dims[i]] > outermost) outermost = place[dims[i]];
    uint8_t left[TD_NDIM];
    memcpy(left, dims, TD_NDIM);
    for (int i = from; i < n; i++) { /* the others keep their order: permutations come sorted */
        if (place[left[i]] != outermost) continue;
        dims[from] = left[i];
        for (int k = from, at = from + 1; k < n; k++)
            if (k != i) dims[at++] = left[k];
        to = list_orders(place, dims, from + 1, n, to);
    }
    memcpy(dims, left, TD_NDIM);
    return to;
}

static td_status make_order(const td__mappings *m, td_arena *a, td__order *o, td_error *err) {
    const uint8_t *place = m->hw.rules.place[o->level];
    uint8_t dims[TD_NDIM] = {0};
    for (int d = 0; d < TD_NDIM; d++)
        if ((m->hw.rules.allowed[o->level][TD_AXIS_T] & TD_BIT(d)) && m->p.dim[d] > 1)
            dims[o->dims++] = (uint8_t)d;
    o->n = 1;
    for (int i = 0; i < o->dims; i++) { /* the factorials of the numbers of dims of one place */
        int alike = 1;
        for (int k = 0; k < i; k++) alike += place[dims[k]] == place[dims[i]];
        o->n *= alike;
    }
    o->order = TD_NEW(a, uint8_t, o->n * o->dims + 1);
    if (o->order == NULL) return no_memory(err);
    list_orders(place, dims, 0, o->dims, o->order);
    return TD_OK;
}

/* ---- decisions ------------------------------------------------------------------------------- */

static char *put_number(char *to, int32_t v) {
    char digit[12];
    int n = 0;
    do digit[n++] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    while (n > 0) *to++ = digit[--n];
    return to;
}

/* n labels of at most `longest` characters with their ends; the first at *text. */
static const char **new_labels(td_arena *a, int n, size_t longest, char **text) {
    *text = td_arena_alloc(a, (size_t)n * longest);
    const char **label = TD_NEW(a, const char *, n);
    return *text != NULL ? label : NULL;
}

/* A decision for n > 1 values; without one its index is -1. Labels that are NULL: memory is out. */
static int add_decision(td__decisions *list, int n, const char **label, const char *what,
                        const char *name) {
    list->failed |= label == NULL;
    const td_decision d = {.kind = TD_CATEGORICAL, .n = n, .parent = -1, .label = label};
    return td__decisions_add(list, &d, "%s%s", what, name);
}

static void decide_split(td__decisions *list, const td__mappings *m, td__split *s) {
    s->decision = -1;
    if (s->n == 1) return;
    char *to;
    const char **label = new_labels(list->arena, s->n, 11 * (size_t)s->places, &to);
    for (int i = 0; label != NULL && i < s->n; i++) {
        const int32_t *f = s->row + (size_t)i * (size_t)s->width + td__factors_at(m);
        label[i] = to;
        for (int k = 0; k < s->places; k++) {
            to = put_number(to, f[k]);
            *to++ = k < s->places - 1 ? 'x' : '\0';
        }
    }
    s->decision = add_decision(list, s->n, label, "", (const char[]){td_dim_letter[s->dim], '\0'});
}

static void decide_order(td__decisions *list, const td__mappings *m, td__order *o) {
    o->decision = -1;
    if (o->n == 1) return;
    char *to;
    const char **label = new_labels(list->arena, o->n, (size_t)o->dims + 1, &to);
    for (int i = 0; label != NULL && i < o->n; i++) {
        label[i] = to;
        for (int k = 0; k < o->dims; k++) *to++ = td_dim_letter[o->order[i * o->dims + k]];
        *to++ = '\0';
    }
    o->decision = add_decision(list, o->n, label, "order ", m->hw.level[o->level].name);
}

static void decide_keep(td__decisions *list, const td__mappings *m, td__keep *k) {
    char *to;
    const char **label = new_labels(list->arena, k->n, TD_NTENSOR + 1, &to);
    for (int i = 0; label != NULL && i < k->n; i++) {
        label[i] = to;
        for (int t = 0; t < TD_NTENSOR; t++)
            if (k->mask[i] & TD_BIT(t)) *to++ = td_tensor_letter[t];
        if (k->mask[i] == 0) *to++ = '-';
        *to++ = '\0';
    }
    k->decision = add_decision(list, k->n, label, "keep ", m->hw.level[k->level].name);
}

/* ---- making ---------------------------------------------------------------------------------- */

/* What the outermost level keeps is everything: a layer by itself comes from there. */
static void find_keeps(td__mappings *m) {
    for (int l = 0; l < m->hw.n; l++) {
        const td_level *v = &m->hw.level[l];
        const unsigned must = l == m->hw.n - 1 ? TD_ALL_TENSORS : v->must_keep & TD_ALL_TENSORS;
        m->fixed_keep[l] = (uint8_t)must;
        td__keep k = {.level = l};
        for (unsigned mask = 0; mask <= TD_ALL_TENSORS; mask++)
            if ((mask & must) == must && (mask & ~(unsigned)v->may_keep) == 0)
                k.mask[k.n++] = (uint8_t)mask;
        if (k.n > 1) m->keep[m->keeps++] = k;
    }
}

/* Those in space first. */
static void find_axes(td__mappings *m) {
    for (int l = 0; l < m->hw.n; l++)
        for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++)
            if (td_hw_fanout(&m->hw, l, axis) > 1)
                m->axis[m->axes++] = (td__axis){l, axis, td_hw_fanout(&m->hw, l, axis),
                                                m->hw.rules.single[l][axis] != 0};
    for (int l = 0; l < m->hw.n; l++)
        if (m->hw.rules.single[l][TD_AXIS_T])
            m->axis[m->axes++] = (td__axis){l, TD_AXIS_T, INT32_MAX, true};
}

static void find_capacities(td__mappings *m) {
    for (int axis = 0; axis < 2; axis++) {
        const int64_t image = (int64_t)(m->p.dim[TD_P + axis] - 1) * m->p.stride[axis] +
                              (int64_t)(m->p.dim[TD_R + axis] - 1) * m->p.dilation[axis] + 1 -
                              m->p.pad[axis] - m->p.pad[axis + 2];
        m->image[axis] = image > 0 ? (int32_t)image : 0;
    }
    for (int l = 0; l < m->hw.n; l++) {
        const td_level *v = &m->hw.level[l];
        if (v->capacity_bits < 0) continue;
        m->level[m->bounded] = (uint8_t)l;
        m->usable[m->bounded++] = v->buffering > 1 ? floor((double)v->capacity_bits / v->buffering)
                                                   : (double)v->capacity_bits;
    }
}

static bool make_logs(td__mappings *m, td_arena *a) {
    m->logs = 1;
    for (int d = 0; d < TD_NDIM; d++)
        if (m->p.dim[d] >= m->logs) m->logs = m->p.dim[d] + 1;
    if (m->logs > MOST_LOGS) m->logs = MOST_LOGS;
    m->log = TD_NEW(a, double, m->logs);
    for (int k = 1; m->log != NULL && k < m->logs; k++) m->log[k] = log2(k);
    return m->log != NULL;
}

static td_status no_design(const void *self, const td_choices *c, td_arena *a, td_design *d,
                           td_error *err) {
    (void)self, (void)c, (void)a;
    memset(d, 0, sizeof *d);
    return td_fail(err, TD_E_USAGE, "a mapping is no design");
}

td_status td_space_mapping(const td_problem *p, const td_hw *hw, td_arena *a, td_space **out,
                           td_error *err) {
    *out = NULL;
    td_status s = td_problem_check(p, err);
    if (s != TD_OK) return s;
    td__mappings *m = TD_NEW(a, td__mappings, 1);
    if (m == NULL) return no_memory(err);
    td__decisions list = {.arena = a};
    m->hw = *hw;
    for (int l = 0; l < hw->n; l++) /* views: as in td_map_query_default */
        if (hw->level[l].shares >= 0) m->hw.level[l].may_keep = hw->level[l].must_keep;
    td_hw_problem(hw, p, &m->p);
    find_keeps(m);
    find_axes(m);
    find_capacities(m);
    if (!make_logs(m, a)) return no_memory(err);
    if ((s = check_least(m, err)) != TD_OK) return s;
    for (int d = 0; d < TD_NDIM; d++) {
        if (m->p.dim[d] == 1) continue;
        td__split *split = &m->split[m->splits++];
        split->dim = d;
        find_places(hw, split);
        if ((s = make_split(m, a, split, err)) != TD_OK) return s;
    }
    if ((s = sort_splits(m, err)) != TD_OK) return s;
    for (int i = 0; i < m->splits; i++) decide_split(&list, m, &m->split[i]);
    for (int l = 0; l < hw->n; l++) {
        td__order *o = &m->order[m->orders++];
        o->level = l;
        if ((s = make_order(m, a, o, err)) != TD_OK) return s;
        decide_order(&list, m, o);
    }
    for (int k = 0; k < m->keeps; k++) decide_keep(&list, m, &m->keep[k]);
    if ((s = td__spread_make(m, a, &m->spread, err)) != TD_OK) return s;
    if ((s = td__space_finish("mapping", &list, m, no_design, out, err)) != TD_OK) return s;
    (*out)->allows = allows;
    (*out)->draw = td__mapping_draw;
    td__mapping_set_features(*out, true);
    return TD_OK;
}

void td_space_mapping_plain(td_space *s) {
    if (s->build == no_design) td__mapping_set_features(s, false);
}

td_status td_space_mapping_of(const td_space *s, const td_choices *c, td_mapping *out,
                              td_error *err) {
    if (s->build != no_design) return td_fail(err, TD_E_USAGE, "%s: no space of mappings", s->name);
    const td__mappings *m = s->self;
    double v[TD_NDIM + 2 * TD_MAX_LEVELS + 1];
    td_choices copy = {c->n, v};
    if (c->n == s->n) memcpy(v, c->v, sizeof *v * (size_t)c->n);
    td_status status = td_space_canonical(s, &copy, err);
    if (status != TD_OK) return status;
    /* Factors by place and dim; 0: none. */
    int32_t factor[TD__PLACES][TD_NDIM] = {0};
    for (int i = 0; i < m->splits; i++) {
        const td__split *split = &m->split[i];
        const int32_t *f = td__split_row(split, v) + td__factors_at(m);
        for (int k = 0; k < split->places; k++) factor[split->place[k]][split->dim] = f[k];
    }
    memset(out, 0, sizeof *out);
    td__keeps_of(m, v, out->keep);
    for (int l = 0; l < m->hw.n; l++) {
        const td__order *o = &m->order[l];
        const uint8_t *order = o->order + (o->decision < 0 ? 0 : (int)v[o->decision] * o->dims);
        out->first[l] = out->n;
        for (int axis = TD_AXIS_T; axis <= TD_AXIS_Y; axis++)
            for (int i = 0; i < (axis == TD_AXIS_T ? o->dims : TD_NDIM); i++) {
                const int d = axis == TD_AXIS_T ? order[i] : i;
                const int32_t b = factor[l * TD_NAXIS + axis][d];
                if (b > 1) out->loop[out->n++] = (td_loop){(uint8_t)d, (uint8_t)axis, b, b};
            }
    }
    out->first[m->hw.n] = out->n;
    return TD_OK;
}
