/* The edge template: shared by its files. */
#ifndef TANDEM_HW_EDGE_PARAM_H
#define TANDEM_HW_EDGE_PARAM_H

#include "template_bits.h"

/* The rules that make a design infeasible (edge_rules.c); see td_edge_build. */
extern const td__rule td__edge_rules[TD_NEDGE_RULE];

#endif
