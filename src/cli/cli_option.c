#include "cli_option.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double cli_option_real(struct argp_state *state, const char *name, const char *arg, double lo,
                       double hi) {
    char *end;
    errno = 0;
    double v = strtod(arg, &end);
    if (end == arg || *end != '\0' || errno != 0 || !(v >= lo && v <= hi))
        argp_error(state, "--%s: expected a number from %.10g to %.10g, found \"%s\"", name, lo, hi,
                   arg);
    return v;
}

int64_t cli_option_int(struct argp_state *state, const char *name, const char *arg, int64_t lo,
                       int64_t hi) {
    char *end;
    errno = 0;
    long long v = strtoll(arg, &end, 10);
    if (end == arg || *end != '\0' || errno != 0 || v < lo || v > hi)
        argp_error(state, "--%s: expected a whole number from %lld to %lld, found \"%s\"", name,
                   (long long)lo, (long long)hi, arg);
    return v;
}

bool cli_option_amount(const char *arg, const char *const *unit, const double *scale, int n,
                       double *out) {
    char *end;
    double v = strtod(arg, &end);
    for (int i = 0; end != arg && i < n; i++)
        if (strcmp(end, unit[i]) == 0 && v > 0 && isfinite(v * scale[i])) {
            *out = v * scale[i];
            return true;
        }
    return false;
}
