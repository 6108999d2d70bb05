/* Changes of vectors whose size can be chosen: for searches that close in on something. */
#ifndef TANDEM_SEARCH_VARY_H
#define TANDEM_SEARCH_VARY_H

#include "tandem/search.h"

typedef struct {
    double changes; /* so many active decisions change on average; one does in any case */
    double scale;   /* numeric ones by a normal draw of so many of their ranges; >= one step */
    const double *centre; /* NULL, or a vector that numeric ones stay near to, */
    double region;        /* within half of this share of their ranges */
} td__variation;

/* out: `from` changed, canonical; decisions that become active are drawn. raw[space->n]: to work
 * on. Categorical decisions change to any other value. */
void td__vary(const td_space *space, const td_choices *from, const td__variation *by, td_rng *r,
              double *raw, td_choices *out);

/* raw[space->n], which came of changing `from`, into out: canonical, decisions that become active
 * are drawn. Where known constraints refuse it (and `from` they do not), numbers go halfway back
 * again and again, and names all the way, in raw, too. It may be refused still. */
void td__settle(const td_space *space, const td_choices *from, td_rng *r, double *raw,
                td_choices *out);

#endif
