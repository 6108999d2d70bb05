/* Fixed orders of loops, as text. */
#include <string.h>

#include "tandem/hw.h"

td_status td_map_order_set(td_map_rules *r, int level, const char *dims, td_error *err) {
    const size_t n = strlen(dims);
    for (size_t i = 0; i < n; i++) {
        if (strchr(td_dim_letter, dims[i]) == NULL || strchr(dims + i + 1, dims[i]) != NULL)
            return td_fail(err, TD_E_INPUT,
                           "order: expected different letters of NKCPQRSG, outermost first, found "
                           "\"%.20s\"",
                           dims);
    }
    memset(r->place[level], n > 0 ? (int)n + 1 : 0, sizeof r->place[level]);
    for (size_t i = 0; i < n; i++)
        r->place[level][strchr(td_dim_letter, dims[i]) - td_dim_letter] = (uint8_t)(n - i);
    return TD_OK;
}

const char *td_map_order_text(const td_map_rules *r, int level, char out[TD_NDIM + 1]) {
    int n = 0;
    memset(out, 0, TD_NDIM + 1);
    for (int place = TD_NDIM; place > 0; place--) {
        int there = 0, dim = 0;
        for (int d = 0; d < TD_NDIM; d++)
            if (r->place[level][d] == place) {
                there++;
                dim = d;
            }
        if (there == 1) out[n++] = td_dim_letter[dim];
    }
    return out;
}

void td_map_order_sort(const uint8_t place[TD_NDIM], uint8_t dims[TD_NDIM]) {
    for (int i = 1; i < TD_NDIM; i++)
        for (int j = i; j > 0 && place[dims[j]] < place[dims[j - 1]]; j--) {
            uint8_t d = dims[j];
            dims[j] = dims[j - 1];
            dims[j - 1] = d;
        }
}
