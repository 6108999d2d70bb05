/* The hierarchy in characters: one box per level, from DRAM down to the MACs; below a box the grid
 * of children of one instance, and the dims that may be spread over it. */
#include <stdio.h>
#include <string.h>

#include "cli_cell.h"
#include "hw_view.h"

enum { WIDTH = 58, MOST_COLUMNS = 8, MOST_ROWS = 4 };

static void line(td_text *out) {
    td_text_add(out, "  +");
    for (int i = 0; i < WIDTH; i++) td_text_add(out, "-");
    td_text_add(out, "+\n");
}

static void box(const char *name, const char *what, const char *right, td_text *out) {
    line(out);
    td_text_addf(out, "  | %-22s %-22s %*s |\n", name, what, WIDTH - 2 - 46, right);
    line(out);
}

static const char *named(int instances, const char *name, char out[64]) {
    if (instances == 1) return name;
    snprintf(out, 64, "%s x %s", cli_thousands(instances).s, name);
    return out;
}

static void level_box(const td_hw *hw, int l, td_text *out) {
    const td_level *v = &hw->level[l];
    char name[64], what[64] = "unbounded", keeps[TD_NTENSOR + 1];
    for (int t = 0; t < TD_NTENSOR; t++)
        keeps[t] = v->may_keep & TD_BIT(t) ? td_tensor_letter[t] : '.';
    keeps[TD_NTENSOR] = '\0';
    if (v->shares >= 0)
        snprintf(what, sizeof what, "%s: all of %s", cli_bytes((double)v->capacity_bits / 8).s,
                 hw->level[v->shares].name);
    else if (v->capacity_bits >= 0)
        snprintf(what, sizeof what, "%s%s", cli_bytes((double)v->capacity_bits / 8).s,
                 v->instances > 1 ? " each" : "");
    box(named(v->instances, v->name, name), what, keeps, out);
}

static void spread_text(const td_map_rules *r, int l, int axis, char out[32]) {
    int n = snprintf(out, 32, "%c: %s", axis == TD_AXIS_X ? 'x' : 'y',
                     r->single[l][axis] ? "one of " : "");
    for (int d = 0; d < TD_NDIM; d++)
        if (r->allowed[l][axis] & TD_BIT(d)) out[n++] = td_dim_letter[d];
    out[n] = '\0';
    if (r->allowed[l][axis] == 0) snprintf(out + n, (size_t)(32 - n), "none");
}

/* One row of at most MOST_COLUMNS cells; what is left out is dots. */
static void add_cells(int n, bool dots, td_text *out) {
    int shown = n <= MOST_COLUMNS ? n : MOST_COLUMNS;
    for (int i = 0; i < shown; i++)
        if (dots)
            td_text_add(out, i > 0 ? "  :" : " :");
        else
            td_text_add(out, i == MOST_COLUMNS - 2 && n > shown ? "..." : "[ ]");
}

static void add_row(const char *left, int n, bool dots, const char *right, td_text *out) {
    td_text_addf(out, "      | %-12s", left);
    add_cells(n, dots, out);
    int room = n < MOST_COLUMNS ? 3 * (MOST_COLUMNS - n) : 0;
    if (right[0] != '\0') td_text_addf(out, "%*s  %s", room, "", right);
    td_text_add(out, "\n");
}

static void fan_out(const td_hw *hw, int l, td_text *out) {
    int x = td_hw_fanout(hw, l, TD_AXIS_X), y = td_hw_fanout(hw, l, TD_AXIS_Y);
    if (x * y == 1) {
        td_text_add(out, "      |\n");
        return;
    }
    char grid[32], along[2][32];
    snprintf(grid, sizeof grid, "%d x %d", x, y);
    spread_text(&hw->rules, l, TD_AXIS_X, along[0]);
    spread_text(&hw->rules, l, TD_AXIS_Y, along[1]);
    int rows = y <= MOST_ROWS ? y : MOST_ROWS;
    for (int r = 0; r < rows; r++)
        add_row(r == 0 ? grid : "", x, y > rows && r == MOST_ROWS - 2,
                r == 0 && x > 1   ? along[0]
                : r == 1 && y > 1 ? along[1]
                                  : "",
                out);
}

/* What crosses the edge of the chip. */
static void io(const td_hw *hw, td_text *out) {
    const td_level *v = &hw->level[hw->n - 1];
    const double bits = fmin(v->shared_bw, v->read_bw + v->write_bw);
    td_text_add(out, "      |");
    if (isfinite(bits))
        td_text_addf(out, " I/O %.4g GB/s, %.4g B/cycle, %s", bits / 8 * hw->clock_hz * 1e-9,
                     bits / 8, v->shared_bw <= v->read_bw + v->write_bw ? "both ways" : "in + out");
    td_text_add(out, "\n");
}

void hw_draw(const td_hw *hw, td_text *out) {
    for (int l = hw->n - 1; l >= 0; l--) {
        level_box(hw, l, out);
        if (l == hw->n - 1) io(hw, out);
        if (l < hw->n - 1 || td_hw_fanout(hw, l, TD_AXIS_X) * td_hw_fanout(hw, l, TD_AXIS_Y) > 1)
            fan_out(hw, l, out);
    }
    char name[64], bits[32];
    snprintf(bits, sizeof bits, "%d bits", hw->mac.bits);
    box(named(hw->mac.instances, "MAC", name), bits, "", out);
}
