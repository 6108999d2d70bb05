/* cli_bits.h - BITS of `--bits`, for `tandem eval` and `tandem hcm`. */
#ifndef TANDEM_CLI_BITS_H
#define TANDEM_CLI_BITS_H

#include "tandem/hw.h"

/* Sets the precision of all layers: "8", "w4a8", "w4a8p24", or a file (a name with a slash or an
 * ending) with bits per layer (td_precision_from_node). TD_E_USAGE: neither, or out of range. */
td_status cli_bits_apply(const char *bits, td_arena *a, td_net *net, td_error *err);

#endif
