/* cli_net.h - the network that NET names on the command line, for `tandem eval` and `train`. */
#ifndef TANDEM_CLI_NET_H
#define TANDEM_CLI_NET_H

#include "tandem/net.h"

typedef struct {
    const char *name; /* a shipped network, a file, a results folder or its best/ */
    td_shape size;    /* of a shipped network, as of td_net_build */
    double width;
    int classes;
    const char *shaped; /* the options given that only shipped networks have; NULL: none */
} cli_net;

/* *hw (may be NULL): the accelerator's file beside a folder's network, unless it is set. The net
 * is the caller's, *hw lives in the arena. */
td_status cli_net_load(const cli_net *n, td_arena *a, td_net **net, const char **hw, td_error *err);

#endif
