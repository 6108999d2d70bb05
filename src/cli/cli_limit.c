#include "cli_limit.h"

#include <stdio.h>

#include "cli_cell.h"
#include "cli_option.h"

static const struct {
    const char *option, *example, *unit[4]; /* each a thousandth of the one before */
} known[TD_NMETRIC] = {
    [TD_METRIC_LATENCY] = {"max-latency", "10ms", {"s", "ms", "us", "ns"}},
    [TD_METRIC_ENERGY] = {"max-energy", "2mJ", {"J", "mJ", "uJ", "nJ"}},
    [TD_METRIC_AREA] = {"max-area", "20mm2", {"mm2"}},
    [TD_METRIC_POWER] = {"max-power", "300mW", {"W", "mW", "uW"}},
};

void cli_limits_init(cli_limits *l) {
    for (int m = 0; m < TD_NMETRIC; m++) l->most[m] = INFINITY;
}

bool cli_limits_any(const cli_limits *l) {
    bool any = false;
    for (int m = 0; m < TD_NMETRIC; m++) any = any || isfinite(l->most[m]);
    return any;
}

bool cli_limit_option(cli_limits *l, int key, const char *arg, struct argp_state *state) {
    static const double scale[] = {1, 1e-3, 1e-6, 1e-9};
    int m = key - CLI_LIMIT_LATENCY, n = 0; /* in the order of the metrics */
    if (m < 0 || m >= TD_NMETRIC) return false;
    while (n < 4 && known[m].unit[n] != NULL) n++;
    static const char *const plain[] = {""}; /* areas have but one unit */
    if (!cli_option_amount(arg, known[m].unit, scale, n, &l->most[m]) &&
        !(n == 1 && cli_option_amount(arg, plain, scale, 1, &l->most[m])))
        argp_error(state, "--%s: expected an amount such as %s, found \"%s\"", known[m].option,
                   known[m].example, arg);
    return true;
}

cli_metric_text cli_metric(int metric, double v) {
    cli_metric_text t;
    if (!isfinite(v))
        snprintf(t.s, sizeof t.s, "-");
    else if (metric == TD_METRIC_AREA)
        snprintf(t.s, sizeof t.s, v < 9.995 ? "%.2f mm2" : v < 99.95 ? "%.1f mm2" : "%.0f mm2", v);
    else
        snprintf(t.s, sizeof t.s, "%s", cli_small(v, known[metric].unit[0]).s);
    return t;
}
