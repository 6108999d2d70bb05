#include "cli_net.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_option.h"

bool cli_net_option(cli_net *n, int key, const char *arg, struct argp_state *state) {
    char after;
    switch (key) {
    case CLI_NET_SIZE:
        if (sscanf(arg, "%dx%dx%d%c", &n->size.c, &n->size.h, &n->size.w, &after) != 3 ||
            n->size.c < 1 || n->size.h < 1 || n->size.w < 1)
            argp_error(state, "--size: expected CxHxW such as 3x224x224, found \"%s\"", arg);
        n->shaped = "--size";
        return true;
    case CLI_NET_WIDTH:
        n->width = cli_option_real(state, "width", arg, 1e-3, 64);
        n->shaped = "--width";
        return true;
    case CLI_NET_CLASSES:
        n->classes = (int)cli_option_int(state, "classes", arg, 1, 1000000);
        n->shaped = "--classes";
        return true;
    default: return false;
    }
}

/* A network's file, or the folder of a search's best design (best/, or the results folder around
 * it). *file NULL: not a path to anything. */
static td_status find_file(td_arena *a, const char *name, const char **file, const char **hw,
                           td_error *err) {
    static const char *const inside[] = {"", "best/"};
    struct stat st;
    *file = NULL;
    if (stat(name, &st) != 0 || !S_ISDIR(st.st_mode)) {
        if (strpbrk(name, "/.") != NULL) *file = name;
        return TD_OK;
    }
    for (int i = 0; i < 2; i++) {
        const char *net = td_arena_printf(a, "%s/%snetwork.yaml", name, inside[i]);
        const char *own = td_arena_printf(a, "%s/%saccelerator.yaml", name, inside[i]);
        if (net == NULL || own == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        if (!td_file_exists(net)) continue;
        if (hw != NULL && *hw == NULL && td_file_exists(own)) *hw = own;
        *file = net;
        return TD_OK;
    }
    return td_fail(err, TD_E_NOT_FOUND,
                   "%s: there is no network.yaml in this folder, nor in %s/best", name, name);
}

td_status cli_net_load(const cli_net *n, td_arena *a, td_net **net, const char **hw,
                       td_error *err) {
    const char *file;
    const td_node *doc;
    td_status s = find_file(a, n->name, &file, hw, err);
    if (s != TD_OK) return s;
    if (file == NULL) return td_net_build(n->name, n->size, n->width, n->classes, net, err);
    if (n->shaped != NULL)
        return td_fail(err, TD_E_USAGE, "%s is for shipped networks; %s is a file", n->shaped,
                       file);
    const char *dot = strrchr(file, '.');
    if (dot != NULL && strcmp(dot, ".onnx") == 0)
        return td_fail(
            err, TD_E_UNSUPPORTED,
            "%s: ONNX files are written, not read; expected a network file (.yaml, .json)", file);
    s = td_node_load(a, file, &doc, err);
    return s == TD_OK ? td_net_from_node(doc, net, err) : s;
}
