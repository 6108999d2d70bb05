/* Fixed orders of loops, as text. */
#include <string.h>

#include "tandem/hw.h"

td_status td_map_order_set(td_map_rules *r, int level, const char *dims, td_error *err) {
    static const char usual[] = "NGKCPQRS";
    char all[2 * TD_NDIM + 1] = "";
    const size_t n = strlen(dims);
    for (size_t i = 0; i < n; i++) {
        if (strchr(usual, dims[i]) == NULL || strchr(dims + i + 1, dims[i]) != NULL)
            return td_fail(err, TD_E_INPUT,
                           "order: expected different letters of NKCPQRSG, outermost first, found "
                           "\"%.20s\"",
                           dims);
    }
    memset(r->place[level], 0, sizeof r->place[level]);
    if (n == 0) return TD_OK;
    size_t k = 0;
    for (const char *u = usual; *u != '\0'; u++)
        if (strchr(dims, *u) == NULL) all[k++] = *u;
    memcpy(all + k, dims, n + 1);
    for (int i = 0; i < TD_NDIM; i++)
        r->place[level][strchr(td_dim_letter, all[i]) - td_dim_letter] = (uint8_t)(TD_NDIM - i);
    return TD_OK;
}

const char *td_map_order_text(const td_map_rules *r, int level, char out[TD_NDIM + 1]) {
    memset(out, 0, TD_NDIM + 1);
    for (int d = 0; d < TD_NDIM; d++)
        if (r->place[level][d] > 0) out[TD_NDIM - r->place[level][d]] = td_dim_letter[d];
    return out;
}
