/* The vectors that were asked, as a set of their hashes. */
#ifndef TANDEM_SEARCH_ASKED_H
#define TANDEM_SEARCH_ASKED_H

#include "tandem/search.h"

typedef struct {
    uint64_t *slot; /* open addressing; 0 is empty */
    size_t n, capacity;
} td__asked;
void td__asked_free(td__asked *s);
bool td__asked_has(const td__asked *s, const td_choices *c);
/* False when memory is out. */
bool td__asked_add(td__asked *s, const td_choices *c);

#endif
