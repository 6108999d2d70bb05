/* The vectors that were asked, as a set of their hashes, and which trial each was asked for. */
#ifndef TANDEM_SEARCH_ASKED_H
#define TANDEM_SEARCH_ASKED_H

#include "tandem/search.h"

typedef struct {
    uint64_t *slot; /* open addressing; 0 is empty */
    size_t n, capacity;
    uint64_t *by_number; /* [numbers], room for `room`: what was asked for each trial; 0: nothing */
    size_t numbers, room;
} td__asked;
void td__asked_free(td__asked *s);
bool td__asked_has(const td__asked *s, const td_choices *c);
/* It was asked, or known constraints refuse it. */
bool td__asked_avoids(const td__asked *s, const td_space *space, const td_choices *c);
/* False when memory is out. */
bool td__asked_add(td__asked *s, const td_choices *c);
/* The same, and c is what trial `number` >= 0 is to be. */
bool td__asked_for(td__asked *s, int64_t number, const td_choices *c);
/* Trial `number` was c. If that is not what was asked for it, c counts as asked from now on, and
 * what was asked may be asked again: nobody has looked at it. (When memory is out c may be asked
 * again, too.) */
void td__asked_told(td__asked *s, int64_t number, const td_choices *c);

#endif
