/* Known constraints: reading and evaluating.
 *
 *     condition  = conjunction {"or" conjunction}
 *     conjunction = negation {"and" negation}
 *     negation   = "not" negation | sum [relation sum [relation sum ...]]
 *     sum        = product {("+" | "-") product}
 *     product    = sign {("*" | "/") sign}
 *     sign       = "-" sign | power
 *     power      = atom ["^" sign]
 *     atom       = number | parameter | name of a choice | function "(" sum {"," sum} ")"
 *                | "(" condition ")"
 *
 * Relations are <=, <, >=, >, ==, != and chain as in a <= b <= c. Choices that have names compare
 * with == and != only. */
#include "space_known.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64 };

typedef enum { A_NUMBER, A_CONDITION, A_NAME, A_WORD } kind; /* word: a name of a choice, yet */
typedef enum {
    NUMBER,
    PARAMETER,
    NEGATIVE,
    ADD,
    SUBTRACT,
    MULTIPLY,
    DIVIDE,
    POWER,
    ONE, /* a function of one number, */
    TWO, /* of two */
    LE,
    LT,
    GE,
    GT,
    EQ,
    NE,
    AND,
    OR,
    NOT
} op;

typedef struct term {
    op op;
    kind kind;
    double number;    /* of a word's choice: its index */
    int decision;     /* of a parameter */
    const char *word; /* as it stands */
    double (*one)(double);
    double (*two)(double, double);
    const struct term *a, *b;
} term;

typedef struct {
    const char *text;
    const term *condition;
    const int *uses; /* decisions in it, -1 at the end */
} entry;

struct td__known {
    const td_decision *d;
    entry *entry;
    int n;
};

static const struct {
    const char *name;
    double (*one)(double);
    double (*two)(double, double);
} functions[] = {{"abs", fabs, NULL}, {"sqrt", sqrt, NULL},   {"log", log, NULL},
                 {"exp", exp, NULL},  {"floor", floor, NULL}, {"ceil", ceil, NULL},
                 {"min", NULL, fmin}, {"max", NULL, fmax}};

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct {
    const td_node *node;
    const char *at;
    const td_decision *d;
    int n, depth;
    int *uses, n_uses;
    td_arena *arena;
    td_error *err;
    td_status status;
} reader;

/* The first fault counts. NULL, for returns. */
static const term *fail(reader *r, const char *expected) {
    if (r->status != TD_OK) return NULL;
    r->status = r->at[0] != '\0'
                    ? td_node_fail(r->node, r->err, "expected %s at \"%.40s\"", expected, r->at)
                    : td_node_fail(r->node, r->err, "expected %s at the end", expected);
    return NULL;
}

static const term *make(reader *r, term t) {
    if (r->status != TD_OK) return NULL;
    term *out = TD_NEW(r->arena, term, 1);
    if (out != NULL)
        *out = t;
    else
        r->status = td_fail(r->err, TD_E_MEMORY, "out of memory");
    return out;
}

static void skip_space(reader *r) {
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n') r->at++;
}

static bool take(reader *r, const char *token) {
    skip_space(r);
    size_t n = strlen(token);
    if (strncmp(r->at, token, n) != 0) return false;
    r->at += n;
    return true;
}

static bool in_word(char c, bool first) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
    return letter || (!first && ((c >= '0' && c <= '9') || c == '.'));
}

static size_t word_length(const char *at) {
    size_t n = 0;
    while (in_word(at[n], n == 0)) n++;
    return n;
}

static bool take_word(reader *r, const char *word) {
    skip_space(r);
    size_t n = strlen(word);
    if (word_length(r->at) != n || strncmp(r->at, word, n) != 0) return false;
    r->at += n;
    return true;
}

static const term *read_condition(reader *r);
static const term *read_sum(reader *r);

static const term *need_number(reader *r, const char *at, const term *t) {
    if (t == NULL || t->kind == A_NUMBER) return t;
    r->at = at;
    return fail(r, t->kind == A_CONDITION ? "a number, not a condition,"
                                          : "a number (or a parameter that is one)");
}

static const term *read_function(reader *r, size_t k) {
    bool two = functions[k].two != NULL;
    const char *at = r->at;
    const term *a = need_number(r, at, read_sum(r)), *b = NULL;
    if (two && r->status == TD_OK && !take(r, ",")) return fail(r, "\",\"");
    at = r->at;
    if (two) b = need_number(r, at, read_sum(r));
    if (r->status == TD_OK && !take(r, ")")) return fail(r, "\")\"");
    return make(r, (term){.op = two ? TWO : ONE,
                          .one = functions[k].one,
                          .two = functions[k].two,
                          .a = a,
                          .b = b});
}

/* A parameter, a function, or else a name of a choice. */
static const term *read_word(reader *r) {
    size_t n = word_length(r->at);
    const char *word = td_arena_printf(r->arena, "%.*s", (int)n, r->at);
    if (word == NULL) {
        r->status = td_fail(r->err, TD_E_MEMORY, "out of memory");
        return NULL;
    }
    for (int i = 0; i < r->n; i++) {
        if (strcmp(r->d[i].name, word) != 0) continue;
        r->at += n;
        r->uses[r->n_uses++] = i;
        return make(r, (term){.op = PARAMETER,
                              .kind = r->d[i].label != NULL ? A_NAME : A_NUMBER,
                              .decision = i});
    }
    r->at += n;
    for (size_t k = 0; k < sizeof functions / sizeof functions[0]; k++)
        if (strcmp(functions[k].name, word) == 0 && take(r, "(")) return read_function(r, k);
    return make(r, (term){.op = NUMBER, .kind = A_WORD, .word = word});
}

static const term *read_atom(reader *r) {
    skip_space(r);
    if (take(r, "(")) {
        const term *t = read_condition(r);
        return r->status == TD_OK && !take(r, ")") ? fail(r, "\")\"") : t;
    }
    if (*r->at == '\'' || *r->at == '"') {
        const char *end = strchr(r->at + 1, *r->at);
        if (end == NULL) return fail(r, "the other quote of the name");
        const char *word = td_arena_printf(r->arena, "%.*s", (int)(end - r->at - 1), r->at + 1);
        r->at = end + 1;
        return make(r, (term){.op = NUMBER, .kind = A_WORD, .word = word != NULL ? word : ""});
    }
    if (in_word(*r->at, true)) return read_word(r);
    if ((*r->at >= '0' && *r->at <= '9') || *r->at == '.') {
        char *end;
        double v = strtod(r->at, &end);
        if (end != r->at && isfinite(v) && !in_word(*end, true)) {
            r->at = end;
            return make(r, (term){.op = NUMBER, .number = v});
        }
    }
    return fail(r, "a number, a parameter or \"(\"");
}

static const term *read_sign(reader *r);

static const term *read_power(reader *r) {
    const char *at = r->at;
    const term *a = read_atom(r);
    if (r->status != TD_OK || !take(r, "^")) return a;
    a = need_number(r, at, a);
    at = r->at;
    return make(r, (term){.op = POWER, .a = a, .b = need_number(r, at, read_sign(r))});
}

static const term *read_sign(reader *r) {
    if (++r->depth > DEEPEST) return fail(r, "less nesting");
    const term *t;
    if (take(r, "-")) {
        const char *at = r->at;
        t = make(r, (term){.op = NEGATIVE, .a = need_number(r, at, read_sign(r))});
    } else {
        t = read_power(r);
    }
    r->depth--;
    return t;
}

static const term *read_product(reader *r) {
    skip_space(r);
    const char *at = r->at;
    const term *t = read_sign(r);
    for (bool times; r->status == TD_OK && ((times = take(r, "*")) || take(r, "/"));) {
        t = need_number(r, at, t);
        const char *from = r->at;
        t = make(r, (term){.op = times ? MULTIPLY : DIVIDE,
                           .a = t,
                           .b = need_number(r, from, read_sign(r))});
    }
    return t;
}

static const term *read_sum(reader *r) {
    skip_space(r);
    const char *at = r->at;
    const term *t = read_product(r);
    for (bool plus; r->status == TD_OK && ((plus = take(r, "+")) || take(r, "-"));) {
        t = need_number(r, at, t);
        const char *from = r->at;
        t = make(r, (term){.op = plus ? ADD : SUBTRACT,
                           .a = t,
                           .b = need_number(r, from, read_product(r))});
    }
    return t;
}

/* The name of a choice, as the index in the parameter that it is compared with. */
static const term *settle_word(reader *r, const term *name, const term *word) {
    const td_decision *d = &r->d[name->decision];
    for (int k = 0; k < d->n; k++)
        if (strcmp(d->label[k], word->word) == 0)
            return make(r, (term){.op = NUMBER, .kind = A_NAME, .number = k});
    if (r->status == TD_OK)
        r->status =
            td_node_fail(r->node, r->err, "%s has no choice \"%.60s\"", d->name, word->word);
    return NULL;
}

static const term *relate(reader *r, op o, const char *at, const term *a, const term *b) {
    if (a == NULL || b == NULL) return NULL;
    if (a->kind == A_WORD && b->kind == A_NAME) a = settle_word(r, b, a);
    if (a != NULL && b->kind == A_WORD && a->kind == A_NAME) b = settle_word(r, a, b);
    if (r->status != TD_OK) return NULL;
    const term *word = a->kind == A_WORD ? a : b->kind == A_WORD ? b : NULL;
    if (word != NULL) {
        r->status = td_node_fail(r->node, r->err, "there is no parameter \"%.60s\"", word->word);
        return NULL;
    }
    bool names = a->kind == A_NAME && b->kind == A_NAME && (o == EQ || o == NE);
    /* Two parameters that have names: their lists may differ. */
    if (names && a->op == PARAMETER && b->op == PARAMETER) names = false;
    if (!names && (a->kind != A_NUMBER || b->kind != A_NUMBER)) {
        r->at = at;
        return fail(r, "two numbers, or a choice == (or !=) one of its names,");
    }
    return make(r, (term){.op = o, .kind = A_CONDITION, .a = a, .b = b});
}

static bool take_relation(reader *r, op *o) {
    static const struct {
        const char *token;
        op op;
    } relations[] = {{"<=", LE}, {">=", GE}, {"==", EQ}, {"!=", NE}, {"<", LT}, {">", GT}};
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++)
        if (take(r, relations[i].token)) {
            *o = relations[i].op;
            return true;
        }
    return false;
}

static const term *read_negation(reader *r) {
    op o;
    if (++r->depth > DEEPEST) return fail(r, "less nesting");
    skip_space(r);
    const char *at = r->at;
    const term *t, *all = NULL;
    if (take_word(r, "not")) {
        at = r->at;
        t = read_negation(r);
        if (t != NULL && t->kind != A_CONDITION) {
            r->at = at;
            return fail(r, "a condition");
        }
        r->depth--;
        return make(r, (term){.op = NOT, .kind = A_CONDITION, .a = t});
    }
    t = read_sum(r);
    while (r->status == TD_OK && take_relation(r, &o)) {
        const term *next = read_sum(r), *one = relate(r, o, at, t, next);
        all =
            all == NULL ? one : make(r, (term){.op = AND, .kind = A_CONDITION, .a = all, .b = one});
        t = next;
    }
    r->depth--;
    return all != NULL ? all : t;
}

static const term *read_chain(reader *r, const char *word, op o, const term *(*part)(reader *)) {
    skip_space(r);
    const char *at = r->at;
    const term *t = part(r);
    while (r->status == TD_OK && take_word(r, word)) {
        const char *from = r->at;
        const term *b = part(r);
        bool first = t->kind == A_CONDITION;
        if (r->status == TD_OK && (!first || b->kind != A_CONDITION)) {
            r->at = first ? from : at;
            return fail(r, "a condition");
        }
        t = make(r, (term){.op = o, .kind = A_CONDITION, .a = t, .b = b});
    }
    return t;
}

static const term *read_conjunction(reader *r) {
    return read_chain(r, "and", AND, read_negation);
}

static const term *read_condition(reader *r) {
    return read_chain(r, "or", OR, read_conjunction);
}

static td_status read_entry(const td_node *n, td__known *k, int n_decisions, td_arena *a,
                            entry *out, td_error *err) {
    if (n->kind != TD_STRING || n->text[0] == '\0')
        return td_node_fail(n, err, "expected a condition as text, \"a + b <= 10\"");
    reader r = {.node = n, .at = n->text, .d = k->d, .n = n_decisions, .arena = a, .err = err};
    /* A parameter takes a byte of the text at least. */
    r.uses = TD_NEW(a, int, strlen(n->text) + 1);
    if (r.uses == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    const term *t = read_condition(&r);
    skip_space(&r);
    if (r.status == TD_OK && *r.at != '\0') fail(&r, "a relation (<=, >=, ==, ...), and, or, or *");
    if (r.status == TD_OK && t->kind != A_CONDITION) fail(&r, "a relation (<=, >=, ==, ...)");
    if (r.status == TD_OK && r.n_uses == 0)
        r.status = td_node_fail(n, err, "expected a condition on some parameter");
    r.uses[r.n_uses] = -1;
    *out = (entry){.text = n->text, .condition = t, .uses = r.uses};
    return r.status;
}

td_status td__known_read(const td_node *list, const td_decision *d, int n, td_arena *a,
                         td__known **out, td_error *err) {
    bool one = list->kind != TD_LIST;
    td__known *k = TD_NEW(a, td__known, 1);
    *out = k;
    if (k != NULL) k->entry = TD_NEW(a, entry, one ? 1 : list->count + 1);
    if (k == NULL || k->entry == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    k->d = d;
    td_status s = TD_OK;
    for (; s == TD_OK && k->n < (one ? 1 : list->count); k->n++)
        s = read_entry(one ? list : list->item[k->n], k, n, a, &k->entry[k->n], err);
    return s;
}

/* ---- evaluating ------------------------------------------------------------------------------ */

static double value_of(const td_decision *d, double v) {
    bool listed = d->kind == TD_CATEGORICAL || d->kind == TD_ORDERED;
    return listed && d->label == NULL ? d->value[(int)v] : v;
}

/* Conditions are 1 and 0. */
static double evaluate(const td__known *k, const term *t, const td_choices *c) {
    if (t->op == NUMBER) return t->number;
    if (t->op == PARAMETER) return value_of(&k->d[t->decision], c->v[t->decision]);
    double a = evaluate(k, t->a, c);
    if (t->op == AND && a == 0) return 0;
    if (t->op == OR && a != 0) return 1;
    double b = t->b != NULL ? evaluate(k, t->b, c) : 0;
    switch (t->op) {
    case NEGATIVE: return -a;
    case ADD: return a + b;
    case SUBTRACT: return a - b;
    case MULTIPLY: return a * b;
    case DIVIDE: return a / b;
    case POWER: return pow(a, b);
    case ONE: return t->one(a);
    case TWO: return t->two(a, b);
    case LE: return a <= b;
    case LT: return a < b;
    case GE: return a >= b;
    case GT: return a > b;
    case EQ: return a == b;
    case NE: return a != b;
    case NOT: return a == 0;
    case NUMBER:
    case PARAMETER:
    case AND:
    case OR: break;
    }
    return b;
}

const char *td__known_missed(const td__known *k, const td_choices *c) {
    for (int i = 0; i < k->n; i++) {
        const int *use = k->entry[i].uses;
        while (*use >= 0 && !isnan(c->v[*use])) use++;
        if (*use < 0 && evaluate(k, k->entry[i].condition, c) == 0) return k->entry[i].text;
    }
    return NULL;
}
