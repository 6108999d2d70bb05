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
    free(s->by_number);
    *s = (td__asked){0};
}

bool td__asked_has(const td__asked *s, const td_choices *c) {
    return s->capacity > 0 && s->slot[find(s, key_of(c))] != 0;
}

bool td__asked_avoids(const td__asked *s, const td_space *space, const td_choices *c) {
    return td__asked_has(s, c) || !td_space_allows(space, c);
}

static bool grow(td__asked *s) {
    td__asked wide = *s;
    wide.capacity = s->capacity > 0 ? 2 * s->capacity : 256;
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

bool td__asked_for(td__asked *s, int64_t number, const td_choices *c) {
    size_t at = (size_t)number;
    if (at >= s->room) {
        size_t room = at < 128 ? 256 : 2 * at;
        uint64_t *wide = realloc(s->by_number, room * sizeof *wide);
        if (wide == NULL) return false;
        s->by_number = wide;
        s->room = room;
    }
    while (s->numbers <= at) s->by_number[s->numbers++] = 0;
    s->by_number[at] = key_of(c);
    return td__asked_add(s, c);
}

/* Those behind the gap that would not be found any more move into it. */
static void take_out(td__asked *s, uint64_t key) {
    size_t mask = s->capacity - 1, gap = find(s, key);
    if (s->slot[gap] == 0) return;
    s->n--;
    for (size_t i = (gap + 1) & mask; s->slot[i] != 0; i = (i + 1) & mask) {
        size_t home = s->slot[i] & mask;
        if (((i - home) & mask) < ((i - gap) & mask)) continue;
        s->slot[gap] = s->slot[i];
        gap = i;
    }
    s->slot[gap] = 0;
}

void td__asked_told(td__asked *s, int64_t number, const td_choices *c) {
    uint64_t key = key_of(c), *asked = NULL;
    if (number >= 0 && (size_t)number < s->numbers) asked = &s->by_number[number];
    if (asked != NULL && *asked != 0 && *asked != key) {
        take_out(s, *asked);
        *asked = key;
    }
    td__asked_add(s, c);
}
