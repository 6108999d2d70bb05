/* seen.c - open addressing, at most half full; a slot's number is kept plus one, so that 0 is free.
 */
#include "seen.h"

#include <stdlib.h>

struct td__seen_slot {
    uint64_t key;
    int64_t number;
};

static struct td__seen_slot *find(const td__seen *s, uint64_t key) {
    /* Keys are hashes, but a caller may mix them badly: spread once more. */
    size_t i = (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (s->capacity - 1);
    while (s->slot[i].number != 0 && s->slot[i].key != key) i = (i + 1) & (s->capacity - 1);
    return &s->slot[i];
}

int64_t td__seen_get(const td__seen *s, uint64_t key) {
    return s->capacity > 0 ? find(s, key)->number - 1 : -1;
}

bool td__seen_put(td__seen *s, uint64_t key, int64_t number) {
    if (2 * (s->n + 1) > s->capacity) {
        td__seen wide = {.n = s->n, .capacity = s->capacity > 0 ? 2 * s->capacity : 64};
        wide.slot = calloc(wide.capacity, sizeof *wide.slot);
        if (wide.slot == NULL) return false;
        for (size_t i = 0; i < s->capacity; i++)
            if (s->slot[i].number != 0) *find(&wide, s->slot[i].key) = s->slot[i];
        free(s->slot);
        *s = wide;
    }
    struct td__seen_slot *slot = find(s, key);
    if (slot->number != 0) return true;
    *slot = (struct td__seen_slot){key, number + 1};
    s->n++;
    return true;
}

void td__seen_free(td__seen *s) {
    free(s->slot);
    *s = (td__seen){0};
}
