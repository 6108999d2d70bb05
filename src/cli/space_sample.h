/* Random points of a space: how many can be built, why not the others, how large they are. */
#ifndef TANDEM_CLI_SPACE_SAMPLE_H
#define TANDEM_CLI_SPACE_SAMPLE_H

#include "tandem/space.h"

/* Why points cannot be built, with the numbers taken out ("#"), and the first case in full. */
typedef struct {
    char *reason, *example;
    int64_t points;
} cli_refusal;

typedef struct {
    int64_t drawn, built, different;
    cli_refusal *refused;
    int n_refused, capacity;
    double *macs, *params, *area; /* of what was built, sorted */
    int64_t n_net, n_hw;          /* 0 where the space has no such side */
} cli_sample;

/* Point i is a function of (seed, i). Free with cli_sample_free in any case. */
td_status cli_sample_draw(const td_space *space, int64_t points, uint64_t seed, cli_sample *s,
                          td_error *err);
void cli_sample_free(cli_sample *s);

#endif
