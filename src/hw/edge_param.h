/* Parameters of the edge template: shared by its files. */
#ifndef TANDEM_HW_EDGE_PARAM_H
#define TANDEM_HW_EDGE_PARAM_H

#include "tandem/hw.h"

/* Every parameter within its range, and the products that follow from them within the integers. The
 * first fault is TD_E_USAGE. */
td_status td__edge_check(const td_edge *p, td_error *err);
/* The rules that make a design infeasible (edge_rules.c); see td_edge_build. */
td_status td__edge_rules(const td_edge *p, int64_t *missing_bytes, td_error *err);

#endif
