/* The rows of a file of accuracies as networks. Each row is built once, so that the table is keyed
 * by networks and not by vectors of choices: vectors that make one network have one value, whatever
 * is asked first. Rows of one network are its repeats; twins that tell the same figures (the same
 * training, entered under each of its names) count once. */
#include "table_rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
    uint64_t net, choices;
    int index, line, valid, n_valid, test, n_test;
} row;

/* Choices that words stood for: a table has few distinct words and many rows. */
enum { MEMO = 64 };
typedef struct {
    const char *text[MEMO];
    double v[MEMO];
    int n;
} memo;

typedef struct {
    const td__table_options *o;
    const td_space *nets;
    td_arena *arena, *scratch; /* scratch: of one row */
    memo *known;               /* per decision */
    double *v;                 /* choices of a row */
    row *row;
    double *value;
    int n, capacity, n_values, values_capacity;
    td_error *err;
} reader;

static td_status fail_memory(const reader *r) {
    return td_fail(r->err, TD_E_MEMORY, "out of memory");
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* Text of a scalar, however it was quoted; NULL: it is none, or nothing is there. */
static const char *text_of(const td_node *n) {
    if (n->kind == TD_BOOL) return n->boolean ? "true" : "false";
    return n->kind == TD_INT || n->kind == TD_REAL || n->kind == TD_STRING ? n->text : NULL;
}

/* The field of a record; the key of its map entry is its field "key". NULL with the fault told. */
static const td_node *field_of(const reader *r, const td_node *record, const char *column) {
    if (record->key != NULL && strcmp(column, "key") == 0) {
        td_node *key = td_node_string(r->scratch, record->key);
        if (key == NULL) {
            fail_memory(r);
            return NULL;
        }
        key->file = record->file; /* in messages it stands where the record does */
        key->line = record->line;
        key->key = record->key;
        key->parent = record->parent;
        return key;
    }
    const td_node *n = td_node_find(record, column);
    if (n != NULL) return n;
    enum { MOST = 64 };
    const char *known[MOST];
    int count = 0;
    if (record->key != NULL) known[count++] = "key";
    for (int i = 0; record->kind == TD_MAP && i < record->count && count < MOST; i++)
        known[count++] = record->item[i]->key;
    td_text text = {0};
    td_text_addf(&text, "there is no column \"%.80s\"", column);
    td_text_add_known(&text, column, known, count);
    td_node_fail(record, r->err, "%s", text.data != NULL ? text.data : "no such column");
    td_text_free(&text);
    return NULL;
}

/* One part of a text: between separators without the spaces around it, or one character. The text
 * has to have as many as the column has decisions. */
static td_status take_part(const reader *r, const td_node *at, const char *text,
                           const td__table_link *l, const char **out) {
    const char *separator = r->o->separator;
    int parts = 0;
    *out = NULL;
    for (const char *p = text; separator != NULL || *p != '\0';) {
        size_t size = separator != NULL ? strcspn(p, separator) : 1, blank = strspn(p, " ");
        size_t end = size;
        while (separator != NULL && end > blank && p[end - 1] == ' ') end--;
        size_t begin = separator != NULL && blank < end ? blank : 0;
        if (parts++ == l->part)
            *out = td_arena_printf(r->scratch, "%.*s", (int)(end - begin), p + begin);
        p += size;
        if (separator != NULL && *p++ == '\0') break;
    }
    if (parts != l->parts)
        return td_node_fail(at, r->err, "expected %d %s, found %d in \"%.60s\"", l->parts,
                            separator != NULL ? "words" : "characters", parts, text);
    return *out != NULL ? TD_OK : fail_memory(r);
}

/* ---- choices --------------------------------------------------------------------------------- */

/* What `values` says of a word of a column; NULL: nothing, it stands for itself. */
static const td_node *translated(const reader *r, const char *column, const char *word) {
    const td_node *own = td_node_find(r->o->values, column), *n = NULL;
    if (own != NULL && own->kind == TD_MAP) n = td_node_find(own, word);
    if (n == NULL) n = td_node_find(r->o->values, word);
    return n != NULL && n->kind != TD_MAP ? n : NULL;
}

/* TD_E_NOT_FOUND: no choice, and such rows are to be skipped. */
static td_status choice_of(const reader *r, int i, const td_node *at, const char *word, double *v) {
    memo *m = &r->known[i];
    for (int k = 0; k < m->n; k++) {
        if (strcmp(m->text[k], word) != 0) continue;
        *v = m->v[k];
        return TD_OK;
    }
    const td_node *to = translated(r, r->o->link[i].column, word);
    td_node *plain = td_node_scalar(r->scratch, to != NULL ? text_of(to) : word);
    td_error why = {0};
    if (plain == NULL) return fail_memory(r);
    if (td_choice_from_node(&r->nets->d[i], plain, v, &why) != TD_OK) {
        if (to == NULL && r->o->skip) return TD_E_NOT_FOUND;
        return td_node_fail(to != NULL ? to : at, r->err, "decision %s: %s, found \"%.40s\"",
                            r->nets->d[i].name, why.message, text_of(plain) ? text_of(plain) : "");
    }
    if (m->n == MEMO) return TD_OK;
    m->v[m->n] = *v;
    m->text[m->n] = td_arena_strdup(r->arena, word);
    return m->text[m->n++] != NULL ? TD_OK : fail_memory(r);
}

/* Fields of inactive decisions say nothing, whatever they hold. */
static td_status read_choices(const reader *r, const td_node *record, td_choices *c) {
    for (int i = 0; i < r->nets->n; i++) {
        const td__table_link *l = &r->o->link[i];
        c->v[i] = NAN;
        if (!td_space_active(r->nets, c, i)) continue;
        const td_node *n = field_of(r, record, l->column);
        if (n == NULL) return r->err->code;
        const char *word = text_of(n);
        if (word == NULL)
            return td_node_fail(n, r->err, "expected the choice of decision %s",
                                r->nets->d[i].name);
        td_status s = l->parts > 0 ? take_part(r, n, word, l, &word) : TD_OK;
        if (s == TD_OK) s = choice_of(r, i, n, word, &c->v[i]);
        if (s != TD_OK) return s;
    }
    return td_space_canonical(r->nets, c, r->err);
}

/* ---- accuracies ------------------------------------------------------------------------------ */

/* One number; what is empty was not measured. */
static td_status read_value(reader *r, const td_node *n, int *count) {
    const char *text = text_of(n);
    if (n->kind == TD_NULL || (text != NULL && (text[0] == '\0' || strcasecmp(text, "nan") == 0)))
        return TD_OK;
    const td_node *x = text != NULL ? td_node_scalar(r->scratch, text) : n;
    if (x == NULL) return fail_memory(r);
    if (x->kind != TD_INT && x->kind != TD_REAL)
        return td_node_fail(n, r->err, "expected an accuracy, found %s%.40s%s",
                            text != NULL ? "\"" : "", text != NULL ? text : "no number",
                            text != NULL ? "\"" : "");
    double hi = r->o->percent ? 100 : 1;
    if (!(x->real >= 0 && x->real <= hi))
        return td_node_fail(n, r->err, "expected an accuracy in [0, %g], found %.12g%s", hi,
                            x->real, !r->o->percent && x->real > 1 ? " (scale: percent?)" : "");
    if (r->n_values == r->values_capacity) {
        int capacity = r->values_capacity > 0 ? 2 * r->values_capacity : 1024;
        double *wide = realloc(r->value, sizeof *wide * (size_t)capacity);
        if (wide == NULL) return fail_memory(r);
        r->value = wide;
        r->values_capacity = capacity;
    }
    r->value[r->n_values++] = x->real / hi;
    (*count)++;
    return TD_OK;
}

static td_status read_values(reader *r, const td_node *n, int *count) {
    if (n->kind != TD_LIST) return read_value(r, n, count);
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < n->count; i++) s = read_value(r, n->item[i], count);
    return s;
}

static td_status read_split(reader *r, const td_node *record, const char *const *column, int *first,
                            int *count) {
    *first = r->n_values;
    *count = 0;
    /* {"0012": [0.91, 0.92]}: the entry is the accuracy */
    if (column == r->o->valid && !r->o->valid_given && record->kind != TD_MAP)
        return read_values(r, record, count);
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && column[i] != NULL; i++) {
        const td_node *n = field_of(r, record, column[i]);
        s = n != NULL ? read_values(r, n, count) : r->err->code;
    }
    return s;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static td_status read_record(reader *r, const td_node *record) {
    row x = {.line = record->line, .index = r->n};
    td_choices c = {.n = r->nets->n, .v = r->v};
    td_design d = {0};
    if (record->kind != TD_MAP && record->key == NULL)
        return td_node_fail(record, r->err, "expected a record (a map)");
    td_status s = read_choices(r, record, &c);
    if (s == TD_E_NOT_FOUND) return TD_OK;
    if (s == TD_OK) s = read_split(r, record, r->o->valid, &x.valid, &x.n_valid);
    if (s == TD_OK) s = read_split(r, record, r->o->test, &x.test, &x.n_test);
    if (s != TD_OK || x.n_valid == 0) return s; /* not measured: not in the table */
    x.choices = td_choices_hash(&c);
    s = r->nets->build(r->nets->self, &c, r->scratch, &d, r->err);
    x.net = d.net_hash;
    td_design_free(&d);
    if (s == TD_E_INFEASIBLE) return TD_OK; /* nobody will ask for it */
    if (s != TD_OK) return td_node_place(record, r->err);
    if (r->n == r->capacity) {
        int capacity = r->capacity > 0 ? 2 * r->capacity : 1024;
        row *wide = realloc(r->row, sizeof *wide * (size_t)capacity);
        if (wide == NULL) return fail_memory(r);
        r->row = wide;
        r->capacity = capacity;
    }
    r->row[r->n++] = x;
    return TD_OK;
}

/* By network, then by vector, then as they stand in the file. */
static int compare_rows(const void *a, const void *b) {
    const row *x = a, *y = b;
    if (x->net != y->net) return x->net < y->net ? -1 : 1;
    if (x->choices != y->choices) return x->choices < y->choices ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool same_figures(const reader *r, const row *x, const row *y) {
    return x->n_valid == y->n_valid && x->n_test == y->n_test &&
           memcmp(r->value + x->valid, r->value + y->valid,
                  sizeof *r->value * (size_t)x->n_valid) == 0 &&
           memcmp(r->value + x->test, r->value + y->test, sizeof *r->value * (size_t)x->n_test) ==
               0;
}

/* A row that another vector of the same network has told already. */
static bool is_twin(const reader *r, int first, int i) {
    for (int k = first; k < i; k++)
        if (r->row[k].choices != r->row[i].choices && same_figures(r, &r->row[k], &r->row[i]))
            return true;
    return false;
}

static td_status refuse_duplicates(const reader *r, const td_node *doc) {
    for (int i = 1; i < r->n; i++) {
        const row *x = &r->row[i - 1], *y = &r->row[i];
        if (x->net != y->net || x->choices != y->choices) continue;
        td_node at = {.file = doc->file, .line = y->line};
        return td_node_fail(&at, r->err,
                            "the same choices as in line %d (duplicates: repeats takes both as "
                            "repeats)",
                            x->line);
    }
    return TD_OK;
}

/* The values of rows [first, last), which are one network's, after one another. */
static void gather(const reader *r, int first, int last, bool test, td__table *t, int *at, int *n) {
    *at = t->n_values;
    *n = 0;
    for (int i = first; i < last; i++) {
        const row *x = &r->row[i];
        int from = test ? x->test : x->valid, count = test ? x->n_test : x->n_valid;
        if (is_twin(r, first, i)) continue;
        memcpy(t->value + t->n_values, r->value + from, sizeof *t->value * (size_t)count);
        t->n_values += count;
        *n += count;
    }
}

static td_status group(reader *r, const td_node *doc, td__table *out) {
    if (r->n == 0) return td_node_fail(doc, r->err, "no row is a measured network of the space");
    qsort(r->row, (size_t)r->n, sizeof *r->row, compare_rows);
    td_status s = r->o->pool ? TD_OK : refuse_duplicates(r, doc);
    if (s != TD_OK) return s;
    out->net = malloc(sizeof *out->net * (size_t)r->n);
    out->value = malloc(sizeof *out->value * (size_t)r->n_values);
    if (out->net == NULL || out->value == NULL) return fail_memory(r);
    for (int first = 0, last; first < r->n; first = last) {
        td__table_net *net = &out->net[out->n++];
        for (last = first + 1; last < r->n && r->row[last].net == r->row[first].net;) last++;
        net->hash = r->row[first].net;
        gather(r, first, last, false, out, &net->valid, &net->n_valid);
        gather(r, first, last, true, out, &net->test, &net->n_test);
    }
    return TD_OK;
}

td_status td__table_read(const td_node *doc, const td__table_options *o, const td_space *nets,
                         td__table *out, td_error *err) {
    td_error own = {0};
    reader r = {.o = o,
                .nets = nets,
                .arena = td_arena_create(),
                .scratch = td_arena_create(),
                .err = err != NULL ? err : &own};
    *out = (td__table){0};
    td_status s = TD_OK;
    if (r.arena != NULL) {
        r.known = TD_NEW(r.arena, memo, nets->n + 1);
        r.v = TD_NEW(r.arena, double, nets->n + 1);
    }
    if (r.scratch == NULL || r.known == NULL || r.v == NULL) s = fail_memory(&r);
    if (s == TD_OK && doc->kind != TD_LIST && doc->kind != TD_MAP)
        s = td_node_fail(doc, r.err, "expected a list of records, or a map of them");
    for (int i = 0; s == TD_OK && i < doc->count; i++) {
        s = read_record(&r, doc->item[i]);
        td_arena_reset(r.scratch);
    }
    if (s == TD_OK) s = group(&r, doc, out);
    free(r.row);
    free(r.value);
    td_arena_destroy(r.arena);
    td_arena_destroy(r.scratch);
    if (s != TD_OK) td__table_free(out);
    return s;
}

void td__table_free(td__table *t) {
    free(t->net);
    free(t->value);
    *t = (td__table){0};
}

const td__table_net *td__table_find(const td__table *t, uint64_t hash) {
    int lo = 0, hi = t->n;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (t->net[mid].hash < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < t->n && t->net[lo].hash == hash ? &t->net[lo] : NULL;
}
