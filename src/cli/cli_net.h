/* cli_net.h - the network that NET names on the command line, for `tandem eval`, `net`, `train`
 * and `map`. */
#ifndef TANDEM_CLI_NET_H
#define TANDEM_CLI_NET_H

#include <argp.h>

#include "tandem/net.h"

enum { CLI_NET_MOST_DIMS = 32 };
typedef struct {
    const char *name; /* a shipped network, a file, a results folder or its best/ */
    td_shape size;    /* of a shipped network, as of td_net_build */
    double width;
    int classes;
    const char *shaped; /* the options given that only shipped networks have; NULL: none */
    td_onnx_dim dim[CLI_NET_MOST_DIMS]; /* of an ONNX model */
    int n_dims;
    bool skip_unknown;
    const char *onnx; /* the options given that only ONNX models have; NULL: none */
} cli_net;

/* --size, --width, --classes, --dim, --skip-unknown: entries of an argp table, and their parser
 * (false: another key). */
enum { CLI_NET_SIZE = 2000, CLI_NET_WIDTH, CLI_NET_CLASSES, CLI_NET_DIM, CLI_NET_SKIP };
#define CLI_NET_OPTIONS                                                                            \
    {"size", CLI_NET_SIZE, "SIDE", 0, "input of a shipped network: 160, 160x224 or 1x160x224", 0}, \
        {"width", CLI_NET_WIDTH, "W", 0, "channels times this (shipped networks)", 0},             \
        {"classes", CLI_NET_CLASSES, "N", 0, "outputs (shipped networks)", 0},                     \
        {"dim", CLI_NET_DIM, "NAME=SIZE", 0, "size of an open dim of an ONNX model (repeatable)",  \
         0},                                                                                       \
    {                                                                                              \
        "skip-unknown", CLI_NET_SKIP, 0, 0,                                                        \
            "operators of an ONNX model that are not known are data movement", 0                   \
    }
bool cli_net_option(cli_net *n, int key, char *arg, struct argp_state *state);

/* "a.onnx:0.7": the part behind the last colon is a weight if it is a number; without one 1. name
 * from the arena. TD_E_USAGE: not > 0, the message names `option`. */
td_status cli_net_weighted(const char *text, const char *option, td_arena *a, const char **name,
                           double *weight, td_error *err);

/* Where a network's file is, in full, so that a recipe that names it is read from anywhere: that of
 * a folder is within it. NULL: a shipped network. */
td_status cli_net_path(const char *name, td_arena *a, const char **path, td_error *err);
/* *hw (may be NULL): the accelerator's file beside a folder's network, unless it is set. The net
 * is the caller's, *hw lives in the arena. */
td_status cli_net_load(const cli_net *n, td_arena *a, td_net **net, const char **hw, td_error *err);

#endif
