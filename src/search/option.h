/* Options that strategies read besides those that base/ can. */
#ifndef TANDEM_OPTION_H
#define TANDEM_OPTION_H

#include "tandem/search.h"

/* One of n words; *out, its index, stays as it is where the key is absent. */
td_status td__option_word(const td_params *params, const char *key, const char *const *words, int n,
                          int *out, td_error *err);
/* TD_E_INPUT if the key is there: it has an effect with `with` only. */
td_status td__option_idle(const td_params *params, const char *key, const char *with,
                          td_error *err);

#endif
