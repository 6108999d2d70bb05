/* cli_option.h - values of options; a wrong one ends the program with a usage message (argp). */
#ifndef TANDEM_CLI_OPTION_H
#define TANDEM_CLI_OPTION_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

double cli_option_real(struct argp_state *state, const char *name, const char *arg, double lo,
                       double hi);
int64_t cli_option_int(struct argp_state *state, const char *name, const char *arg, int64_t lo,
                       int64_t hi);
/* A number > 0 with one of n units ("" for none), times the scale of it; false: it is none. */
bool cli_option_amount(const char *arg, const char *const *unit, const double *scale, int n,
                       double *out);

#endif
