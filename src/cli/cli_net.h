/* cli_net.h - the network that NET names on the command line, for `tandem eval`, `train` and `map`.
 */
#ifndef TANDEM_CLI_NET_H
#define TANDEM_CLI_NET_H

#include <argp.h>

#include "tandem/net.h"

typedef struct {
    const char *name; /* a shipped network, a file, a results folder or its best/ */
    td_shape size;    /* of a shipped network, as of td_net_build */
    double width;
    int classes;
    const char *shaped; /* the options given that only shipped networks have; NULL: none */
} cli_net;

/* --size, --width, --classes: entries of an argp table, and their parser (false: another key). */
enum { CLI_NET_SIZE = 2000, CLI_NET_WIDTH, CLI_NET_CLASSES };
#define CLI_NET_OPTIONS                                                                            \
    {"size", CLI_NET_SIZE, "SIDE", 0, "input of a shipped network: 160, 160x224 or 1x160x224", 0}, \
        {"width", CLI_NET_WIDTH, "W", 0, "channels times this (shipped networks)", 0}, {           \
        "classes", CLI_NET_CLASSES, "N", 0, "outputs (shipped networks)", 0                        \
    }
bool cli_net_option(cli_net *n, int key, const char *arg, struct argp_state *state);

/* *hw (may be NULL): the accelerator's file beside a folder's network, unless it is set. The net
 * is the caller's, *hw lives in the arena. */
td_status cli_net_load(const cli_net *n, td_arena *a, td_net **net, const char **hw, td_error *err);

#endif
