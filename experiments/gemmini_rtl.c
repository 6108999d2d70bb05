/* Latency of ours beside cycles of Gemmini's RTL.
 *
 *     build/release/experiments/gemmini_rtl FILE.csv [--hw HW] [--known] [--rows] [--fit FOLDS]
 * [--ablate]
 *
 * FILE.csv has rows as DOSA's firesim_test.csv (tests/reference/dosa_rows.h): a layer, a mapping,
 * sizes of a Gemmini, and the cycles of a run on FPGA-accelerated RTL simulation. Each row goes
 * through td_cost_evaluate on HW (default: gemmini, as shipped) with the row's sizes.
 *
 * Rows that cannot be costed (a tile that does not fit, say) are told on standard error and left
 * out; the exit code is then that of the first of them.
 *
 * --known  HW's own sizes, and only rows of which it is known what was run (DOSA's training file,
 *          whose sizes are placeholders, and whose analytic column is that of the RTL)
 * --rows   one line a row
 * --fit    the parameters that hw/gemmini.yaml names as fitted, fitted anew: by coordinate descent
 *          on the mean of |ln(ours / RTL)|, for all rows, and in so many folds of layers, each
 *          estimated with parameters of the others (layers are dealt to folds in the order of the
 *          file)
 * --ablate with one of the parameters at a time taken back to the ideal, without fitting again
 *
 * docs/validation.md has what came out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dosa_rows.h"

static void stop(const td_error *err) {
    fprintf(stderr, "gemmini_rtl: %s\n", err->message);
    exit(td_status_exit_code(err->code));
}

/* ---- parameters ------------------------------------------------------------------------------ */

enum { N_FITTED = 3 };
static const char *const fitted_name[] = {"command, cycles", "start of a tile, cycles",
                                          "DRAM in, bits/cycle"};

static double *fitted(td_hw *hw, int i) {
    double *const at[] = {&hw->level[0].timing.command, &hw->level[2].timing.start,
                          &hw->level[3].read_bw};
    return at[i];
}

/* Where fits begin: a command of a whole block of rows, little to start a tile, the bus. */
static const double before_fit[N_FITTED] = {16, 100, 128};

static void set_fitted(td_hw *hw, const double v[N_FITTED]) {
    for (int i = 0; i < N_FITTED; i++) *fitted(hw, i) = v[i];
}

/* All that is not ideal, one by one. */
enum { NO_COMMAND, NO_START, NO_RAMP, NO_BURSTS, NO_RELOAD, N_OFF };
static const char *const off_name[] = {"no least command", "no start of a tile",
                                       "no first and last tiles", "no bursts", "no reload"};

static void take_off(td_hw *hw, int i) {
    for (int l = 0; l < hw->n; l++) {
        td_level *v = &hw->level[l];
        if (i == NO_COMMAND) v->timing.command = 0;
        if (i == NO_START) v->timing.start = 0;
        if (i == NO_RAMP) v->timing.ramp = false;
        if (i == NO_BURSTS) v->timing.burst_bits = 0;
        if (i == NO_RELOAD) v->reload = 0;
    }
}

/* ---- estimates ------------------------------------------------------------------------------- */

/* Rows that have been costed once do not fail: times change no tile. */
static double cycles_of(const dosa_row *r, const td_hw *hw) {
    td_cost cost;
    if (td_cost_evaluate(&r->problem, hw, &r->mapping, TD_COUNT_EXACT, &cost, NULL) != TD_OK)
        return NAN;
    return (double)cost.cycles;
}

/* Rows of which it is known what was run on a machine of HW's size, where arch.* are placeholders
 * (DOSA's training file): mappings that fill the array, square planes, kernels of odd size. */
static void select_known(const td_hw *hw, dosa_row *rows, int *n) {
    int kept = 0;
    for (int i = 0; i < *n; i++) {
        const td_problem *p = &rows[i].problem;
        const td_mapping *m = &rows[i].mapping;
        int64_t used[TD_NAXIS] = {1, 1, 1};
        for (int k = 0; k < m->n; k++) used[m->loop[k].axis] *= m->loop[k].bound;
        if (used[TD_AXIS_X] != hw->mac.mesh_x ||
            used[TD_AXIS_Y] != hw->mac.instances / hw->mac.mesh_x || p->dim[TD_P] != p->dim[TD_Q] ||
            p->dim[TD_P] == 1 || p->dim[TD_R] != p->dim[TD_S] || p->dim[TD_R] % 2 == 0)
            continue;
        rows[kept] = rows[i];
        rows[kept++].hw = *hw;
    }
    *n = kept;
}

/* Tells of rows that cannot be costed, and leaves them out. Returns the first one's exit code. */
static int leave_out(const char *file, dosa_row *rows, int *n) {
    int kept = 0, code = 0;
    for (int i = 0; i < *n; i++) {
        td_cost cost;
        td_error err = {0};
        if (td_cost_evaluate(&rows[i].problem, &rows[i].hw, &rows[i].mapping, TD_COUNT_EXACT, &cost,
                             &err) == TD_OK) {
            rows[kept++] = rows[i];
            continue;
        }
        fprintf(stderr, "gemmini_rtl: %s:%d: left out: %s\n", file, rows[i].line, err.message);
        if (code == 0) code = td_status_exit_code(err.code);
    }
    *n = kept;
    return code;
}

static void estimate(const dosa_row *rows, int n, double *out) {
    for (int i = 0; i < n; i++) out[i] = cycles_of(&rows[i], &rows[i].hw);
}

/* Mean of |ln(ours / RTL)| over the rows whose layers are not of the fold (-1: of all rows). */
static double loss(const dosa_row *rows, int n, const double v[N_FITTED], int fold, int folds) {
    double sum = 0;
    int of = 0;
    for (int i = 0; i < n; i++) {
        if (fold >= 0 && rows[i].layer % folds == fold) continue;
        td_hw hw = rows[i].hw;
        set_fitted(&hw, v);
        sum += fabs(log(cycles_of(&rows[i], &hw) / rows[i].rtl));
        of++;
    }
    return of > 0 ? sum / of : 0;
}

/* Steps up and down by factors that shrink, one parameter after the other. */
static void fit(const dosa_row *rows, int n, int fold, int folds, double v[N_FITTED]) {
    double best = loss(rows, n, v, fold, folds);
    for (double step = 1.3; step > 1.002; step = sqrt(step))
        for (bool better = true; better;) {
            better = false;
            for (int i = 0; i < N_FITTED; i++)
                for (int up = 0; up < 2; up++) {
                    const double old = v[i];
                    v[i] = up ? old * step : old / step;
                    const double got = loss(rows, n, v, fold, folds);
                    if (got < best - 1e-9) {
                        best = got;
                        better = true;
                    } else {
                        v[i] = old;
                    }
                }
        }
}

static void show(const char *name, dosa_fit f) {
    printf("%-34s %9.4f %8.4f %9.1f %% %7.1f %% %8.3f %7.2f\n", name, f.spearman, f.kendall,
           100 * f.median_error, 100 * f.error_90, f.median_ratio, f.worst_ratio);
}

static void cross_validate(td_arena *a, const dosa_row *rows, int n, int folds, double *out) {
    double all[N_FITTED], v[N_FITTED], low[N_FITTED], high[N_FITTED];
    td_hw hw;
    memcpy(all, before_fit, sizeof all);
    fit(rows, n, -1, folds, all);
    for (int k = 0; k < folds; k++) {
        memcpy(v, before_fit, sizeof v);
        fit(rows, n, k, folds, v);
        for (int i = 0; i < N_FITTED; i++) {
            if (k == 0 || v[i] < low[i]) low[i] = v[i];
            if (k == 0 || v[i] > high[i]) high[i] = v[i];
        }
        for (int i = 0; i < n; i++) {
            if (rows[i].layer % folds != k) continue;
            hw = rows[i].hw;
            set_fitted(&hw, v);
            out[i] = cycles_of(&rows[i], &hw);
        }
    }
    char name[64];
    snprintf(name, sizeof name, "held out, %d folds of layers", folds);
    show(name, dosa_compare(a, rows, out, n));
    for (int i = 0; i < n; i++) {
        hw = rows[i].hw;
        set_fitted(&hw, all);
        out[i] = cycles_of(&rows[i], &hw);
    }
    show("fitted to all rows", dosa_compare(a, rows, out, n));
    printf("\n%-34s %9s %9s %9s\n", "parameter", "all rows", "least", "most");
    for (int i = 0; i < N_FITTED; i++)
        printf("%-34s %9.3f %9.3f %9.3f\n", fitted_name[i], all[i], low[i], high[i]);
}

static void print_rows(const dosa_row *rows, int n, const double *ours) {
    printf("line,layer,rtl,ours,analytic,rtl/ours,rtl/analytic\n");
    for (int i = 0; i < n; i++) {
        char text[160];
        td_problem_text(&rows[i].problem, text, sizeof text);
        printf("%d,\"%s\",%.0f,%.0f,%.0f,%.3f,%.3f\n", rows[i].line, text, rows[i].rtl, ours[i],
               rows[i].analytic, rows[i].rtl / ours[i], rows[i].rtl / rows[i].analytic);
    }
    printf("\n");
}

int main(int argc, char **argv) {
    const char *file = NULL, *name = "gemmini";
    bool each = false, ablate = false, known = false, wrong = false;
    int folds = 0, n;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rows") == 0)
            each = true;
        else if (strcmp(argv[i], "--ablate") == 0)
            ablate = true;
        else if (strcmp(argv[i], "--known") == 0)
            known = true;
        else if (strcmp(argv[i], "--hw") == 0 && i + 1 < argc)
            name = argv[++i];
        else if (strcmp(argv[i], "--fit") == 0 && i + 1 < argc)
            wrong |= (folds = atoi(argv[++i])) < 2;
        else if (argv[i][0] != '-' && file == NULL)
            file = argv[i];
        else
            wrong = true;
    }
    if (file == NULL || wrong) {
        fprintf(
            stderr,
            "usage: gemmini_rtl FILE.csv [--hw HW] [--known] [--rows] [--fit FOLDS] [--ablate]\n"
            "(FOLDS >= 2)\n");
        return 2;
    }
    td_error err = {0};
    td_hw hw;
    dosa_row *rows;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_status_exit_code(TD_E_MEMORY);
    if (td_hw_load(name, &hw, &err) != TD_OK ||
        dosa_rows_read(a, file, &hw, &rows, &n, &err) != TD_OK)
        stop(&err);
    if (known) select_known(&hw, rows, &n);
    const int code = leave_out(file, rows, &n);
    if (n == 0) {
        td_fail(&err, TD_E_INPUT, "%s: no rows", file);
        stop(&err);
    }
    double *ours = td_arena_alloc(a, sizeof *ours * (size_t)n);
    double *other = td_arena_alloc(a, sizeof *other * (size_t)n);
    if (ours == NULL || other == NULL) return td_status_exit_code(TD_E_MEMORY);
    estimate(rows, n, ours);
    if (each) print_rows(rows, n, ours);
    printf("%d rows\n", n);
    printf("%-34s %9s %8s %11s %9s %8s %7s\n", "cycles against RTL's", "Spearman", "Kendall",
           "median err", "90 % err", "ratio", "worst");
    for (int i = 0; i < n; i++) other[i] = rows[i].analytic;
    show("analytic, of the file", dosa_compare(a, rows, other, n));
    for (int i = 0; i < n; i++) {
        td_hw ideal = rows[i].hw;
        for (int k = 0; k < N_OFF; k++) take_off(&ideal, k);
        other[i] = cycles_of(&rows[i], &ideal);
    }
    show("ours, ideal", dosa_compare(a, rows, other, n));
    for (int k = 0; k < N_OFF && ablate; k++) {
        for (int i = 0; i < n; i++) {
            td_hw without = rows[i].hw;
            take_off(&without, k);
            other[i] = cycles_of(&rows[i], &without);
        }
        show(off_name[k], dosa_compare(a, rows, other, n));
    }
    show("ours", dosa_compare(a, rows, ours, n));
    if (folds > 0) cross_validate(a, rows, n, folds, other);
    td_arena_destroy(a);
    return code;
}
