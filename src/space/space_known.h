/* space_known.h - conditions on parameters that are known before anything is asked, as text:
 * "n1 + n2 <= 100". */
#ifndef TANDEM_SPACE_KNOWN_H
#define TANDEM_SPACE_KNOWN_H

#include "space_bits.h"

typedef struct td__known td__known;
/* A list of texts (or one) over the n decisions; all memory is the arena's, and d must stay.
 * TD_E_INPUT with the place in the text. */
td_status td__known_read(const td_node *list, const td_decision *d, int n, td_arena *a,
                         td__known **out, td_error *err);
/* The first one that does not hold, as its text; NULL: all do. One about a decision that is not
 * active holds. */
const char *td__known_missed(const td__known *k, const td_choices *c);

#endif
