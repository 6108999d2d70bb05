#include "cli_bits.h"

#include <string.h>

td_status cli_bits_apply(const char *bits, td_arena *a, td_net *net, td_error *err) {
    int n = td_net_size(net);
    td_precision *of = TD_NEW(a, td_precision, n), one;
    if (of == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (strpbrk(bits, "/.") != NULL) {
        const td_node *doc;
        td_status s = td_node_load(a, bits, &doc, err);
        if (s == TD_OK) s = td_precision_from_node(doc, net, of, err);
        if (s == TD_OK) s = td_net_set_precision(net, of, err);
        if (s == TD_E_USAGE) td_error_prefix(err, "%s", bits);
        return s;
    }
    td_error fault = {0};
    if (td_precision_parse(bits, &one, &fault) != TD_OK)
        return td_fail(err, TD_E_USAGE, "--bits: %s", fault.message);
    for (int i = 0; i < n; i++) of[i] = one;
    td_status s = td_net_set_precision(net, of, err);
    if (s == TD_E_USAGE) td_error_prefix(err, "--bits %s", bits);
    return s;
}
