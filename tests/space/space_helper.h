/* Enumeration and documents for the tests of spaces. */
#ifndef TANDEM_TESTS_SPACE_HELPER_H
#define TANDEM_TESTS_SPACE_HELPER_H

#include "tandem/space.h"

/* Calls visit for every canonical vector of a discrete space, by plain recursion. Returns how many.
 */
typedef void visit(void *self, const td_choices *c);
int64_t enumerate(const td_space *s, visit *fn, void *self);

/* Parses YAML text named "recipe.yaml"; the test fails where it is no document. */
const td_node *yaml(td_arena *a, const char *text);
/* The space of a recipe's map; the test fails where there is none. */
td_space *net_space(td_arena *a, const char *text);
td_space *hw_space(td_arena *a, const char *text);
/* The map is refused with TD_E_INPUT at this line, and the message has this in it. */
void refused(bool network, const char *text, int line, const char *part);

/* Sorted distinct values of v; returns their number. */
int64_t sort_distinct(uint64_t *v, int64_t n);

#endif
