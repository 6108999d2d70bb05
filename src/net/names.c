#include "names.h"

#include "graph.h"

#include <stdio.h>
#include <string.h>

bool td__names_init(td__names *t, td_arena *a, int n) {
    int capacity = 16;
    while (capacity < 2 * n) capacity *= 2;
    t->n = 0;
    t->capacity = capacity;
    t->name = TD_NEW(a, const char *, capacity);
    t->value = TD_NEW(a, int32_t, capacity);
    return t->name != NULL && t->value != NULL;
}

/* Where the name stands or would stand. */
static int slot_of(const td__names *t, const char *name) {
    uint64_t mask = (uint64_t)t->capacity - 1;
    uint64_t i = td_hash_text(name, 0) & mask;
    while (t->name[i] != NULL && strcmp(t->name[i], name) != 0) i = (i + 1) & mask;
    return (int)i;
}

int td__names_find(const td__names *t, const char *name) {
    int i = slot_of(t, name);
    return t->name[i] != NULL ? t->value[i] : -1;
}

bool td__names_add(td__names *t, const char *name, int value) {
    int i = slot_of(t, name);
    if (t->name[i] != NULL) return false;
    t->name[i] = name;
    t->value[i] = value;
    t->n++;
    return true;
}

void td__layer_made_name(td_op op, int index, char *out, size_t size) {
    if (op == TD_OP_INPUT)
        snprintf(out, size, "input");
    else
        snprintf(out, size, "%s%d", td_op_name(op), index);
}

/* Bytes of the name that leave room for a suffix, cut at a character's start. */
static int short_length(const char *name, int room) {
    int n = (int)strlen(name);
    if (n <= room) return n;
    n = room;
    while (n > 0 && ((unsigned char)name[n] & 0xC0) == 0x80) n--;
    return n;
}

const char **td__net_unique_names(const td_net *net, td_arena *a) {
    enum { LONGEST = sizeof(((td_layer *)0)->name) - 1, SUFFIX = 16 };
    const char **names = TD_NEW(a, const char *, net->n > 0 ? net->n : 1);
    int32_t *again = TD_NEW(a, int32_t, net->n > 0 ? net->n : 1);
    td__names table;
    if (names == NULL || again == NULL || !td__names_init(&table, a, net->n)) return NULL;
    int n_again = 0;
    for (int i = 0; i < net->n; i++) {
        const char *name = i == 0 ? "input" : net->layer[i].name;
        if (name[0] != '\0' && td__names_add(&table, name, i))
            names[i] = name;
        else
            again[n_again++] = i;
    }
    /* The first bearer keeps the name; the others get their number, and a count if even that is
     * taken. */
    for (int k = 0; k < n_again; k++) {
        int i = again[k];
        const char *name = net->layer[i].name;
        int length = short_length(name, LONGEST - SUFFIX);
        for (int attempt = 0;; attempt++) {
            const char *other = attempt == 0
                                    ? td_arena_printf(a, "%.*s_%d", length, name, i)
                                    : td_arena_printf(a, "%.*s_%d_%d", length, name, i, attempt);
            if (other == NULL) return NULL;
            if (td__names_add(&table, other, i)) {
                names[i] = other;
                break;
            }
        }
    }
    return names;
}
