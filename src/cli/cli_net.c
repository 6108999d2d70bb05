#include "cli_net.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_option.h"

/* "160", "160x224", "1x160x224". */
static bool read_size(const char *text, td_shape *out) {
    int v[3] = {0}, n = 0, end = 0;
    for (const char *at = text;; at += end + 1) {
        if (n == 3 || *at < '0' || *at > '9' || sscanf(at, "%d%n", &v[n], &end) != 1) return false;
        if (v[n++] < 1) return false;
        if (at[end] == '\0') break;
        if (at[end] != 'x') return false;
    }
    *out = n == 1   ? TD_DIM(0, v[0], v[0])
           : n == 2 ? TD_DIM(0, v[0], v[1])
                    : TD_DIM(v[0], v[1], v[2]);
    return true;
}

bool cli_net_option(cli_net *n, int key, char *arg, struct argp_state *state) {
    switch (key) {
    case CLI_NET_SIZE:
        if (!read_size(arg, &n->size))
            argp_error(state,
                       "--size: expected a side such as 160, or HxW or CxHxW such as 3x160x224, "
                       "found \"%s\"",
                       arg);
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
    case CLI_NET_DIM: {
        char *equals = strchr(arg, '='), *end = NULL;
        long long size = equals != NULL ? strtoll(equals + 1, &end, 10) : 0;
        if (equals == NULL || equals == arg || end == equals + 1 || *end != '\0' || size < 1)
            argp_error(state, "--dim: expected NAME=SIZE such as batch=1, found \"%s\"", arg);
        if (n->n_dims == CLI_NET_MOST_DIMS)
            argp_error(state, "--dim: at most %d", CLI_NET_MOST_DIMS);
        *equals = '\0'; /* argv is the program's own */
        n->dim[n->n_dims++] = (td_onnx_dim){arg, size};
        n->onnx = "--dim";
        return true;
    }
    case CLI_NET_SKIP:
        n->skip_unknown = true;
        n->onnx = "--skip-unknown";
        return true;
    default: return false;
    }
}

td_status cli_net_weighted(const char *text, const char *option, td_arena *a, const char **name,
                           double *weight, td_error *err) {
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    double v = colon != NULL ? strtod(colon + 1, &end) : 1;
    bool weighted = colon != NULL && end != colon + 1 && *end == '\0';
    *weight = weighted ? v : 1;
    if (!(*weight > 0 && *weight < INFINITY))
        return td_fail(err, TD_E_USAGE, "%s %s: expected a weight > 0", option, text);
    *name = weighted ? td_arena_printf(a, "%.*s", (int)(colon - text), text) : text;
    return *name != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* Of a workload's best design each network has a folder. */
static td_status fail_workload(const char *networks, td_arena *a, td_error *err) {
    td_text t = {0};
    struct dirent **e = NULL;
    int n = scandir(networks, &e, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (e[i]->d_name[0] != '.')
            td_text_addf(&t, "%s%s/%s", t.size > 0 ? ", " : "", networks, e[i]->d_name);
        free(e[i]);
    }
    free(e);
    const char *list = t.data != NULL ? td_arena_strdup(a, t.data) : NULL;
    td_text_free(&t);
    return td_fail(err, TD_E_NOT_FOUND,
                   "%s: the best accelerator of a workload has several networks; expected one of "
                   "them: %.600s",
                   networks, list != NULL ? list : "NAME");
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
    for (int i = 0; i < 2; i++) {
        const char *networks = td_arena_printf(a, "%s/%snetworks", name, inside[i]);
        if (networks != NULL && td_file_exists(networks)) return fail_workload(networks, a, err);
    }
    return td_fail(err, TD_E_NOT_FOUND,
                   "%s: there is no network.yaml in this folder, nor in %s/best", name, name);
}

td_status cli_net_path(const char *name, td_arena *a, const char **path, td_error *err) {
    char whole[PATH_MAX];
    const char *file;
    *path = NULL;
    td_status s = find_file(a, name, &file, NULL, err);
    if (s != TD_OK || file == NULL) return s;
    if (realpath(file, whole) == NULL)
        return td_fail(err, TD_E_NOT_FOUND, "%s: no such file", file);
    *path = td_arena_strdup(a, whole);
    return *path != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* What is skipped is told on stderr. */
static td_status load(const cli_net *n, const char *file, td_net **net, td_error *err) {
    td_text told = {0};
    td_onnx_options o = {n->dim, n->n_dims, n->skip_unknown, &told};
    td_status s = td_net_load(file, &o, net, err);
    if (told.data != NULL) fputs(told.data, stderr);
    td_text_free(&told);
    return s;
}

td_status cli_net_load(const cli_net *n, td_arena *a, td_net **net, const char **hw,
                       td_error *err) {
    const char *file;
    td_status s = find_file(a, n->name, &file, hw, err);
    if (s != TD_OK) return s;
    if (file == NULL && n->onnx != NULL)
        return td_fail(err, TD_E_USAGE, "%s is for ONNX models; %s is a shipped network", n->onnx,
                       n->name);
    if (file == NULL) return td_net_build(n->name, n->size, n->width, n->classes, net, err);
    if (n->shaped != NULL)
        return td_fail(err, TD_E_USAGE, "%s is for shipped networks; %s is a file", n->shaped,
                       file);
    const char *dot = strrchr(file, '.');
    if (n->onnx != NULL && (dot == NULL || strcmp(dot, ".onnx") != 0))
        return td_fail(err, TD_E_USAGE, "%s is for ONNX models; %s is none", n->onnx, file);
    return load(n, file, net, err);
}
