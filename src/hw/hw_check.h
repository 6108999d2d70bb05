/* The rules of td_hw_check, for who has a place to name the fault at. */
#ifndef TD_HW_HW_CHECK_H
#define TD_HW_HW_CHECK_H

#include "tandem/hw.h"

enum { TD__AT_MAC = -1, TD__AT_VECTOR = -2, TD__AT_CHIP = -3 };
/* As td_hw_check, but the message does not say who is meant: it begins with the key ("mesh_x:
 * expected ..."). *at: the level of the fault, or one of the above; meaningless without a fault. */
td_status td__hw_check(const td_hw *hw, int *at, td_error *err);

#endif
