/* seen.h - a table from 64-bit hashes to numbers: which designs and networks were there before. */
#ifndef TANDEM_SEEN_H
#define TANDEM_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    struct td__seen_slot *slot; /* owned; td__seen_free. {0} is an empty table */
    size_t n, capacity;
} td__seen;

/* The number kept for a key, -1 if there is none. */
int64_t td__seen_get(const td__seen *s, uint64_t key);
/* Keeps a number (>= 0); the first one of a key stays. false: memory is out. */
bool td__seen_put(td__seen *s, uint64_t key, int64_t number);
void td__seen_free(td__seen *s);

#endif
