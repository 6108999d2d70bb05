/* Random documents and their comparison. */
#include "random_node.h"

#include <stdio.h>
#include <string.h>

/* Characters that writers tend to get wrong, beside letters. */
static void random_text(td_rng *r, char *out, size_t size) {
    static const char *const parts[] = {"a",
                                        "Z",
                                        " ",
                                        "true",
                                        "null",
                                        "~",
                                        "- ",
                                        ": ",
                                        " #",
                                        "\"",
                                        "\\",
                                        "/",
                                        "'",
                                        "\n",
                                        "\t",
                                        "\r",
                                        "\x01",
                                        "\x7f",
                                        "é",
                                        "\xc2\x85",
                                        "€",
                                        "\u2028",
                                        "\ufeff",
                                        "\U0001f600",
                                        "0x1f",
                                        "1e5",
                                        "-7",
                                        ".5",
                                        ".inf",
                                        "yes",
                                        "{",
                                        "[",
                                        "}",
                                        "]",
                                        ",",
                                        "&x",
                                        "*x",
                                        "!t",
                                        "|",
                                        ">",
                                        "%",
                                        "@",
                                        "`",
                                        "---",
                                        "...",
                                        "?",
                                        "<<",
                                        "=",
                                        "word",
                                        "_",
                                        "2024-01-01",
                                        "1:30",
                                        "\xef\xbf\xbd",
                                        "\b\f"};
    size_t used = 0;
    out[0] = '\0';
    for (uint64_t n = td_rng_below(r, 6); n > 0; n--) {
        const char *p = parts[td_rng_below(r, sizeof parts / sizeof parts[0])];
        if (used + strlen(p) + 1 > size) return;
        memcpy(out + used, p, strlen(p) + 1);
        used += strlen(p);
    }
    if (td_rng_below(r, 60) == 0 && size > 1500) { /* long enough to be refused as a simple key */
        memset(out + used, 'x', 1200);
        out[used + 1200] = '\0';
    }
}

static double random_real(td_rng *r, bool finite) {
    static const double special[] = {
        0, -0.0, 1, -3, 1e20, 5e-324, 1.7976931348623157e308, 0.1, 1e16, INFINITY, -INFINITY, NAN};
    if (td_rng_below(r, 2) == 0) return special[td_rng_below(r, finite ? 9 : 12)];
    for (;;) {
        uint64_t bits = td_rng_u64(r);
        double v;
        memcpy(&v, &bits, 8);
        if (isfinite(v)) return v;
    }
}

static int64_t random_int(td_rng *r) {
    static const int64_t special[] = {0, 1, -1, INT64_MIN, INT64_MAX, 1LL << 53};
    if (td_rng_below(r, 3) == 0) return special[td_rng_below(r, 6)];
    return (int64_t)(td_rng_u64(r) >> td_rng_below(r, 64));
}

td_node *random_node(td_arena *a, td_rng *r, int depth, bool finite) {
    char text[2000], key[2000];
    switch (td_rng_below(r, depth > 0 ? 9 : 5)) {
    case 0: return td_node_null(a);
    case 1: return td_node_bool(a, td_rng_below(r, 2) == 0);
    case 2: return td_node_int(a, random_int(r));
    case 3: return td_node_real(a, random_real(r, finite));
    case 4: random_text(r, text, sizeof text); return td_node_string(a, text);
    case 5:
    case 6: {
        td_node *list = td_node_list(a);
        uint64_t n = td_rng_below(r, td_rng_below(r, 10) == 0 ? 60 : 6);
        bool flat = td_rng_below(r, 2) == 0;
        for (; n > 0; n--) td_node_push(a, list, random_node(a, r, flat ? 0 : depth - 1, finite));
        return list;
    }
    default: {
        td_node *map = td_node_map(a);
        uint64_t n = td_rng_below(r, td_rng_below(r, 10) == 0 ? 60 : 6);
        for (; n > 0; n--) {
            random_text(r, key, sizeof key);
            td_node_put(a, map, key, random_node(a, r, depth - 1, finite));
        }
        return map;
    }
    }
}

static bool same_real(double a, double b) {
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

bool same_node(const td_node *a, const td_node *b) {
    if (a->kind != b->kind || a->count != b->count) return false;
    switch (a->kind) {
    case TD_NULL: return true;
    case TD_BOOL: return a->boolean == b->boolean;
    case TD_INT: return a->integer == b->integer;
    case TD_REAL: return same_real(a->real, b->real);
    case TD_STRING: return strcmp(a->text, b->text) == 0;
    default: break;
    }
    for (int i = 0; i < a->count; i++) {
        if (a->kind == TD_MAP && strcmp(a->item[i]->key, b->item[i]->key) != 0) return false;
        if (!same_node(a->item[i], b->item[i])) return false;
    }
    return true;
}
