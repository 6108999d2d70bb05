/* explore_ask.h - the question of `tandem explore` as a recipe: networks with weights, an
 * accelerator and what of it varies, limits. */
#ifndef TANDEM_CLI_EXPLORE_ASK_H
#define TANDEM_CLI_EXPLORE_ASK_H

#include "cli.h"
#include "cli_limit.h"
#include "cli_net.h"
#include "search_run.h"

enum { EXPLORE_MOST_VARY = 32, EXPLORE_MOST_HEAT = 8 };
typedef struct {
    cli_net net; /* options of all networks; the name is of no account */
    const char *nets[TD_MAX_WORKLOAD], *vary[EXPLORE_MOST_VARY], *heat[EXPLORE_MOST_HEAT];
    int n_nets, n_vary, n_heat;
    const char *hw, *combine;
    cli_set set;
    cli_limits limits;
    bool energy, dry_run; /* schedules minimise energy */
    int batch;            /* 0: one */
    cli_search search;
} explore_ask;

/* A checked recipe for it, of the shipped "explore". search.out gets its default, which differs
 * from question to question. *doc: the accelerator's document; *space: what varies. */
td_status explore_recipe(explore_ask *q, td_arena *a, td_recipe **r, const td_node **doc,
                         td_space **space, td_error *err);

#endif
