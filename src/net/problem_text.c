/* Layer problems as one line of text, both ways. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/net.h"

void td_problem_text(const td_problem *p, char *out, size_t size) {
    const int32_t *d = p->dim;
    bool window = d[TD_R] > 1 || d[TD_S] > 1 || p->stride[0] > 1 || p->stride[1] > 1 ||
                  p->dilation[0] > 1 || p->dilation[1] > 1;
    bool depthwise = d[TD_G] > 1 && d[TD_K] == 1 && d[TD_C] == 1;
    const char *kind = "conv";
    if (depthwise)
        kind = "dwconv";
    else if (!window && d[TD_Q] == 1)
        kind = d[TD_P] == 1 ? "fc" : "gemm";

    size_t used = 0;
#define ADD(...)                                                                                   \
    do {                                                                                           \
        int n_ = snprintf(out + used, size - used, __VA_ARGS__);                                   \
        if (n_ < 0 || (size_t)n_ >= size - used) return;                                           \
        used += (size_t)n_;                                                                        \
    } while (0)
    if (size == 0) return;
    ADD("%s", kind);
    if (d[TD_N] > 1) ADD(" N%d", d[TD_N]);
    if (d[TD_G] > 1) ADD(" G%d", d[TD_G]);
    if (!depthwise) ADD(" K%d C%d", d[TD_K], d[TD_C]);
    if (d[TD_P] > 1 || d[TD_Q] > 1 || window) ADD(" P%d", d[TD_P]);
    if (d[TD_Q] > 1 || window) ADD(" Q%d", d[TD_Q]);
    if (d[TD_R] > 1 || d[TD_S] > 1) ADD(" R%d S%d", d[TD_R], d[TD_S]);
    if (p->stride[0] != p->stride[1])
        ADD(" s%dx%d", p->stride[0], p->stride[1]);
    else if (p->stride[0] > 1)
        ADD(" s%d", p->stride[0]);
    if (p->dilation[0] != p->dilation[1])
        ADD(" d%dx%d", p->dilation[0], p->dilation[1]);
    else if (p->dilation[0] > 1)
        ADD(" d%d", p->dilation[0]);
#undef ADD
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A matrix product has letters of its own: M rows, N columns, K summed over. */
typedef enum { LOOPS, DEPTHWISE, MATRIX } spelling;

typedef struct {
    const char *whole;   /* the text, for messages */
    const char *letters; /* of the loops that it may have */
    spelling spelling;
    td_problem *p;
    unsigned given; /* dims, and SET_STRIDE ... */
} reading;
enum { SET_STRIDE = 1 << TD_NDIM, SET_DILATION = SET_STRIDE << 1, SET_PAD = SET_STRIDE << 2 };

static const struct {
    const char *name;
    spelling spelling;
    const char *letters;
} kinds[] = {{"conv", LOOPS, "NGKCPQRS"},
             {"dwconv", DEPTHWISE, "NGCPQRS"},
             {"dw", DEPTHWISE, "NGCPQRS"},
             {"fc", LOOPS, "NGKC"},
             {"gemm", MATRIX, "MNKG"}};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static bool has_window(const reading *r) {
    return strchr(r->letters, 'R') != NULL;
}

static td_status bad(const reading *r, td_error *err, const char *token, const char *expected) {
    return td_fail(err, TD_E_INPUT, "layer \"%.160s\": \"%.40s\": expected %s", r->whole, token,
                   expected);
}

/* The letter as a dim, or -1 if this kind of layer has none of that name. */
static int dim_of(const reading *r, char letter) {
    static const td_dim matrix[] = {TD_P, TD_K, TD_C, TD_G};
    const char *at = letter != '\0' ? strchr(r->letters, letter) : NULL;
    if (at == NULL) return -1;
    if (r->spelling == MATRIX) return (int)matrix[at - r->letters];
    if (r->spelling == DEPTHWISE && letter == 'C') return TD_G; /* its channels */
    return td_dim_from_letter(letter);
}

/* Whole numbers with "x" or "," between them, as many as there are; 0: not that. */
static int numbers(const char *s, int64_t least, int32_t out[4]) {
    for (int n = 0; n < 4; n++) {
        char *end;
        if (!isdigit((unsigned char)*s)) return 0;
        long long v = strtoll(s, &end, 10);
        if (v < least || v > INT32_MAX) return 0;
        out[n] = (int32_t)v;
        if (*end == '\0') return n + 1;
        if (*end != 'x' && *end != ',') return 0;
        s = end + 1;
    }
    return 0;
}

static td_status read_pair(reading *r, const char *token, const char *value, unsigned flag,
                           int32_t out[2], td_error *err) {
    int32_t v[4];
    int n = numbers(value, 1, v);
    if (n != 1 && n != 2)
        return bad(r, err, token,
                   "a number from 1 to 2147483647, or two (rows x columns) such as 2x1");
    if (r->given & flag) return bad(r, err, token, "it once only");
    r->given |= flag;
    out[0] = v[0];
    out[1] = v[n - 1];
    return TD_OK;
}

static td_status read_padding(reading *r, const char *token, const char *value, td_error *err) {
    int32_t v[4];
    int n = numbers(value, 0, v);
    if (n != 1 && n != 2 && n != 4)
        return bad(r, err, token,
                   "a number from 0 to 2147483647, two (rows, columns) or four (top, left, bottom, "
                   "right)");
    if (r->given & SET_PAD) return bad(r, err, token, "it once only");
    r->given |= SET_PAD;
    for (int i = 0; i < 4; i++) r->p->pad[i] = n == 4 ? v[i] : v[n == 2 ? i % 2 : 0];
    return TD_OK;
}

static td_status read_dim(reading *r, const char *token, td_error *err) {
    int dim = dim_of(r, token[0]);
    int32_t v[4];
    if (dim >= 0 && numbers(token + 1, 1, v) != 1) {
        char expected[64];
        snprintf(expected, sizeof expected, "%c with its size, from 1 to %d", token[0], INT32_MAX);
        return bad(r, err, token, expected);
    }
    if (dim < 0) {
        char list[32] = "", expected[160];
        for (const char *c = r->letters; *c != '\0'; c++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%c",
                     c == r->letters ? "" : ", ", *c);
        snprintf(expected, sizeof expected, "one of %s with its size, such as %c64%s", list,
                 r->letters[r->spelling == MATRIX ? 0 : 2],
                 has_window(r) ? "; or s2 (stride), d2 (dilation), pad=1" : "");
        return bad(r, err, token, expected);
    }
    if (r->given & (1u << dim)) return bad(r, err, token, "each loop once only");
    r->given |= 1u << dim;
    r->p->dim[dim] = v[0];
    return TD_OK;
}

static td_status read_token(reading *r, const char *token, td_error *err) {
    static const struct {
        const char *key;
        unsigned flag;
    } keys[] = {{"stride=", SET_STRIDE},
                {"dilation=", SET_DILATION},
                {"pad=", SET_PAD},
                {"s", SET_STRIDE},
                {"d", SET_DILATION}};
    for (size_t i = 0; has_window(r) && i < sizeof keys / sizeof keys[0]; i++) {
        size_t n = strlen(keys[i].key);
        if (strncmp(token, keys[i].key, n) != 0) continue;
        if (n == 1 && !isdigit((unsigned char)token[1])) continue;
        if (keys[i].flag == SET_PAD) return read_padding(r, token, token + n, err);
        return read_pair(r, token, token + n, keys[i].flag,
                         keys[i].flag == SET_STRIDE ? r->p->stride : r->p->dilation, err);
    }
    return read_dim(r, token, err);
}

/* The next word, in *s and behind; false at the end. */
static bool next_word(const char **s, char *out, size_t size) {
    while (isspace((unsigned char)**s)) (*s)++;
    size_t n = 0;
    for (; **s != '\0' && !isspace((unsigned char)**s); (*s)++)
        if (n + 1 < size) out[n++] = **s;
    out[n] = '\0';
    return n > 0;
}

/* Has a word that begins with one of the letters; the first of them in word. */
static bool has_letter(const char *s, const char *letters, char *word, size_t size) {
    while (next_word(&s, word, size))
        if (strchr(letters, word[0]) != NULL) return true;
    return false;
}

/* A gemm in the letters of a matrix product, unless it has one of the loops' own; not in both. */
static td_status read_spelling(reading *r, const char *s, td_error *err) {
    char own[64], matrix[64];
    if (!has_letter(s, "CP", own, sizeof own)) return TD_OK;
    if (has_letter(s, "M", matrix, sizeof matrix))
        return bad(r, err, own,
                   "the letters of a matrix product (M, N, K, G) or those of its loops (P, K, C, "
                   "N, G), found both");
    r->letters = "NGKCP";
    r->spelling = LOOPS;
    return TD_OK;
}

td_status td_problem_parse(const char *text, td_problem *out, td_error *err) {
    td_problem p = {.stride = {1, 1}, .dilation = {1, 1}, .bits = {8, 8, 8}, .acc_bits = 32};
    for (int d = 0; d < TD_NDIM; d++) p.dim[d] = 1;
    reading r = {.whole = text, .p = &p};
    char word[64];
    const char *s = text, *names[N_KINDS];
    int kind = -1;
    if (!next_word(&s, word, sizeof word))
        return td_fail(err, TD_E_INPUT, "expected a layer such as \"conv K64 C64 P56 Q56 R3 S3\"");
    for (int i = 0; i < N_KINDS; i++) {
        names[i] = kinds[i].name;
        if (strcmp(word, kinds[i].name) == 0) kind = i;
    }
    if (kind < 0) {
        td_text t = {0};
        td_text_add_known(&t, word, names, N_KINDS);
        td_fail(err, TD_E_INPUT, "layer \"%.160s\": no kind \"%.40s\"%s", text, word,
                t.data != NULL ? t.data : "");
        td_text_free(&t);
        return TD_E_INPUT;
    }
    r.letters = kinds[kind].letters;
    r.spelling = kinds[kind].spelling;
    td_status st = r.spelling == MATRIX ? read_spelling(&r, s, err) : TD_OK;
    while (st == TD_OK && next_word(&s, word, sizeof word)) st = read_token(&r, word, err);
    if (st != TD_OK) return st;
    if ((r.given & (SET_STRIDE - 1)) == 0)
        return td_fail(err, TD_E_INPUT,
                       "layer \"%.160s\": expected sizes of its loops, such as K64", text);
    td_error fault;
    if (td_problem_check(&p, &fault) != TD_OK)
        return td_fail(err, TD_E_INPUT, "layer \"%.160s\": %s", text, fault.message);
    *out = p;
    return TD_OK;
}
