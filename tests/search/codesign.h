/* A co-design problem in miniature, for tests of strategies: three stages of blocks with
 * conditional decisions, seven accelerator parameters, physical rules that make a third of the
 * points unbuildable, and two targets that one in some thousand random points meets. Costs are a
 * roofline, the accuracy is a saturating function of what the blocks compute with a repeatable
 * noise. */
#ifndef TANDEM_TESTS_CODESIGN_H
#define TANDEM_TESTS_CODESIGN_H

#include "tandem/search.h"

enum { CODESIGN_DECISIONS = 30 };
/* The space needs no build(): strategies see decisions only. */
const td_space *codesign_space(void);
/* ease: multiplies the targets; 1 is tight. obj[0] = -accuracy. */
td_outcome codesign_evaluate(const td_choices *c, double ease);

#endif
