/* cli_limit.h - what the command line allows of latency, energy, area and power: --max-area 20mm2.
 */
#ifndef TANDEM_CLI_LIMIT_H
#define TANDEM_CLI_LIMIT_H

#include <argp.h>

#include "tandem/study.h"

/* By td_metric, in SI units (mm2 for areas); INFINITY: no limit. */
typedef struct {
    double most[TD_NMETRIC];
} cli_limits;
void cli_limits_init(cli_limits *l);
bool cli_limits_any(const cli_limits *l);

/* Entries of an argp table, and their parser (false: another key). */
enum { CLI_LIMIT_LATENCY = 3000, CLI_LIMIT_ENERGY, CLI_LIMIT_AREA, CLI_LIMIT_POWER };
#define CLI_LIMIT_OPTIONS                                                                          \
    {"max-latency", CLI_LIMIT_LATENCY, "TIME", 0, "of an inference: 10ms, 50us", 0},               \
        {"max-energy", CLI_LIMIT_ENERGY, "ENERGY", 0, "of an inference: 2mJ, 800uJ", 0},           \
        {"max-area", CLI_LIMIT_AREA, "AREA", 0, "of the accelerator: 20mm2", 0}, {                 \
        "max-power", CLI_LIMIT_POWER, "POWER", 0, "average of back-to-back inferences: 2W, 300mW", \
            0                                                                                      \
    }
bool cli_limit_option(cli_limits *l, int key, const char *arg, struct argp_state *state);

/* A metric of SI value v in a unit for people: "3.30 mm2", "815 uJ"; "-" if it is not known. */
typedef struct {
    char s[40];
} cli_metric_text;
cli_metric_text cli_metric(int metric, double v);

#endif
