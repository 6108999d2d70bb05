/* Small spaces for tests of strategies: all kinds of decisions. */
#ifndef TANDEM_TESTS_SPACES_H
#define TANDEM_TESTS_SPACES_H

#include "tandem/space.h"

/* 2 + 2 * 3 * 2 = 14 points: all that hangs on the first choice is nested two deep. */
extern const td_space space_tree;
extern const td_space space_two;   /* two points */
extern const td_space space_point; /* one: a decision with a single choice, one with lo = hi */
extern const td_space space_empty; /* no decision */
extern const td_space space_small; /* 4 x 4 x 4 points; the last decision is costs_only */
extern const td_space space_mixed; /* a logarithmic real, an integer, and a real that hangs on it */
extern const td_space space_wide;  /* ranges and lists too long to look at all values */
/* Numbers on several scales, a name and what hangs on it; one vector in 9 keeps what is known. */
extern const td_space space_known;
extern const td_space space_rare; /* one vector in 3,000 does */
/* Ten decisions of six choices and two reals; none hangs on another. */
extern const td_space space_flat;

#endif
