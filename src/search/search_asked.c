#include "search_asked.h"

#include <stdlib.h>

/* 64-bit hashes stand for the vectors: among a million of them two agree with probability 3e-8, and
 * then a vector is drawn again that need not have been. */
static uint64_t key_of(const td_choices *c) {
    uint64_t h = td_choices_hash(c);
    return h != 0 ? h : 1;
}

static size_t find(const td__asked *s, uint64_t key) {
    size_t i = key & (s->capacity - 1);
    while (s->slot[i] != 0 && s->slot[i] != key) i = (i + 1) & (s->capacity - 1);
    return i;
}

void td__asked_free(td__asked *s) {
    free(s->slot);
    *s = (td__asked){0};
}

bool td__asked_has(const td__asked *s, const td_choices *c) {
    return s->capacity > 0 && s->slot[find(s, key_of(c))] != 0;
}

static bool grow(td__asked *s) {
    td__asked wide = {.n = s->n, .capacity = s->capacity > 0 ? 2 * s->capacity : 256};
    wide.slot = calloc(wide.capacity, sizeof *wide.slot);
    if (wide.slot == NULL) return false;
    for (size_t i = 0; i < s->capacity; i++)
        if (s->slot[i] != 0) wide.slot[find(&wide, s->slot[i])] = s->slot[i];
    free(s->slot);
    *s = wide;
    return true;
}

bool td__asked_add(td__asked *s, const td_choices *c) {
    if (2 * (s->n + 1) > s->capacity && !grow(s)) return false;
    uint64_t key = key_of(c);
    size_t i = find(s, key);
    if (s->slot[i] == 0) {
        s->slot[i] = key;
        s->n++;
    }
    return true;
}
