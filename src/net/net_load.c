/* A network from a file, whatever its format. */
#include "tandem/net.h"

#include <stdlib.h>
#include <string.h>

static bool ends_in(const char *path, const char *ending) {
    size_t n = strlen(path), m = strlen(ending);
    return n > m && strcmp(path + n - m, ending) == 0;
}

static td_status load_topology(const char *path, td_net **net, td_error *err) {
    char *text;
    size_t size;
    td_status s = td_file_read(path, 0, &text, &size, err);
    if (s != TD_OK) return s;
    s = td_net_from_scalesim(text, size, path, net, err);
    free(text);
    return s;
}

td_status td_net_load(const char *path, const td_onnx_options *o, td_net **net, td_error *err) {
    *net = NULL;
    if (ends_in(path, ".onnx")) return td_onnx_read(path, o, net, err);
    if (ends_in(path, ".csv")) return load_topology(path, net, err);
    td_arena *a = td_arena_create();
    const td_node *doc = NULL;
    td_status s = a != NULL ? td_node_load(a, path, &doc, err)
                            : td_fail(err, TD_E_MEMORY, "out of memory for %s", path);
    if (s == TD_OK && doc->kind == TD_LIST) {
        const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
        const char *dot = strrchr(name, '.');
        name =
            td_arena_printf(a, "%.*s", (int)(dot != NULL ? dot - name : (int)strlen(name)), name);
        s = td_net_from_zigzag(doc, name, net, err);
    } else if (s == TD_OK) {
        s = td_net_from_node(doc, net, err);
    }
    td_arena_destroy(a);
    return s;
}
