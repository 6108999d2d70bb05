/* dosa_rows.h - rows of DOSA's CSV of Gemmini runs (Hong et al., MICRO 2023; repository
 * ucb-bar/dosa) as problems, mappings and accelerators of ours.
 *
 * A row has a layer (prob.*), the sizes of the array and its memories (arch.*), a mapping
 * ("L3[WIO] K48 - L2[WI] N1 K16X - L1[O] C48 P16 C16X - L0[W] P8": loops outer to inner, X spatial)
 * and cycles. What was run is told by gemmini-data-collection in ucb-bar/gemmini-rocc-tests (branch
 * dosa): the sizes of a tile (L0 to L2 together) and the order of the loops at L3. Within a tile
 * the hardware has its own order of loops, which is the accelerator's `order` here. Planes are
 * padded so that they have stride x output positions. Memories have room for two tiles of the row's
 * sizes.
 */
#ifndef TANDEM_TESTS_DOSA_ROWS_H
#define TANDEM_TESTS_DOSA_ROWS_H

#include "tandem/cost.h"

typedef struct {
    td_problem problem;
    td_hw hw;
    td_mapping mapping;
    int line, layer; /* of the file; rows of one layer have the same number */
    double rtl;      /* cycles, target.gemmini_cycle */
    double analytic; /* cycles, target.cycle */
} dosa_row;

/* Reads all rows of a file; `gemmini` has levels WeightReg, Accumulator, Scratchpad and DRAM, of
 * which the first three get the row's sizes. Memory from the arena. TD_E_INPUT with file, line and
 * column. */
td_status dosa_rows_read(td_arena *a, const char *path, const td_hw *gemmini, dosa_row **rows,
                         int *n, td_error *err);

/* How estimates[n] of cycles stand to the rows' RTL cycles. */
typedef struct {
    double spearman, kendall;
    double median_error, error_90; /* |estimate - RTL| / RTL: median, 90 % quantile */
    double median_ratio;           /* RTL / estimate */
    double worst_ratio;            /* the larger of RTL / estimate and its inverse, at most */
} dosa_fit;
dosa_fit dosa_compare(td_arena *a, const dosa_row *rows, const double *estimate, int n);

#endif
