/* The exact number of canonical vectors.
 *
 * Decisions are a forest by `parent`. With f(d) the number of ways to settle d and all that hangs
 * on it while d is active,
 *
 *     f(d) = sum over choices k of d of the product of f(c) over the children c whose `when` has k,
 *
 * and the size is the product of f over the roots. Big numbers are digits to the base 1e9. */
#include <inttypes.h>
#include <string.h>

#include "space_bits.h"

enum { BASE = 1000000000 };

typedef struct {
    uint32_t *digit; /* least first */
    int n;           /* 0 digits: zero */
} big;

static big big_make(td_arena *a, uint64_t v) {
    big b = {TD_NEW(a, uint32_t, 3), 0};
    if (b.digit == NULL) return b;
    for (; v > 0; v /= BASE) b.digit[b.n++] = (uint32_t)(v % BASE);
    return b;
}

/* A result whose digits are NULL: memory is out. */
static big big_add(td_arena *a, big x, big y) {
    int n = (x.n > y.n ? x.n : y.n) + 1;
    big s = {TD_NEW(a, uint32_t, n), 0};
    if (s.digit == NULL || x.digit == NULL || y.digit == NULL) return (big){0};
    uint32_t carry = 0;
    for (int i = 0; i < n; i++) {
        uint32_t v = carry + (i < x.n ? x.digit[i] : 0) + (i < y.n ? y.digit[i] : 0);
        s.digit[i] = v % BASE;
        carry = v / BASE;
        if (s.digit[i] != 0) s.n = i + 1;
    }
    return s;
}

static big big_multiply(td_arena *a, big x, big y) {
    int n = x.n + y.n + 1;
    big p = {TD_NEW(a, uint32_t, n), 0};
    if (p.digit == NULL || x.digit == NULL || y.digit == NULL) return (big){0};
    for (int i = 0; i < x.n; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < y.n || carry > 0; j++) {
            uint64_t v = p.digit[i + j] + carry;
            if (j < y.n) v += (uint64_t)x.digit[i] * y.digit[j];
            p.digit[i + j] = (uint32_t)(v % BASE);
            carry = v / BASE;
        }
    }
    for (int i = 0; i < n; i++)
        if (p.digit[i] != 0) p.n = i + 1;
    return p;
}

static void big_text(big x, td_text *out) {
    if (x.n == 0) td_text_add(out, "0");
    for (int i = x.n - 1; i >= 0; i--)
        td_text_addf(out, i == x.n - 1 ? "%" PRIu32 : "%09" PRIu32, x.digit[i]);
}

/* f(i), with f of all later decisions known. first[] and next[] are the lists of children. */
static big count_ways(const td_space *s, int i, const int *first, const int *next, const big *f,
                      td_arena *a) {
    uint64_t n = td__decision_count(&s->d[i]);
    if (first[i] < 0) return big_make(a, n);
    big sum = big_make(a, 0);
    for (uint64_t k = 0; k < n; k++) {
        big ways = big_make(a, 1);
        for (int c = first[i]; c >= 0; c = next[c])
            if ((s->d[c].when >> k & 1) != 0) ways = big_multiply(a, ways, f[c]);
        sum = big_add(a, sum, ways);
    }
    return sum;
}

td_status td_space_size(const td_space *s, td_text *out, td_error *err) {
    for (int i = 0; i < s->n; i++) {
        if (td__decision_count(&s->d[i]) == 0) {
            td_text_add(out, "inf");
            return TD_OK;
        }
    }
    td_arena *a = td_arena_create();
    big *f = a != NULL ? TD_NEW(a, big, s->n + 1) : NULL;
    int *first = a != NULL ? TD_NEW(a, int, s->n + 1) : NULL;
    int *next = a != NULL ? TD_NEW(a, int, s->n + 1) : NULL;
    big total = {0};
    if (f != NULL && first != NULL && next != NULL) {
        for (int i = 0; i < s->n; i++) first[i] = next[i] = -1;
        for (int i = s->n - 1; i >= 0; i--) {
            int p = s->d[i].parent;
            if (p < 0) continue;
            next[i] = first[p];
            first[p] = i;
        }
        total = big_make(a, 1);
        for (int i = s->n - 1; i >= 0; i--) {
            f[i] = count_ways(s, i, first, next, f, a);
            if (s->d[i].parent < 0) total = big_multiply(a, total, f[i]);
        }
    }
    if (total.digit != NULL) big_text(total, out);
    td_arena_destroy(a);
    if (total.digit == NULL || out->failed) return td_fail(err, TD_E_MEMORY, "out of memory");
    return TD_OK;
}
