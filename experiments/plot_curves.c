/* Draws lines with bands from a table.
 *
 *     build/release/experiments/plot_curves TABLE.csv OUT.svg TITLE X Y
 *
 * Columns of the table: label, x, y, low, high; a line is the rows of a label, x ascending. Both axes
 * are on a log scale. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/report.h"

enum { MOST_LINES = 16, WIDTH = 460, HEIGHT = 280 };

static void stop(const td_error *err) {
    fprintf(stderr, "plot_curves: %s\n", err->message);
    exit(td_status_exit_code(err->code));
}

static double number(const td_node *row, const char *key) {
    double v = NAN;
    td_error err;
    if (td_node_get_real(row, key, -HUGE_VAL, HUGE_VAL, &v, &err) != TD_OK) stop(&err);
    return v;
}

int main(int argc, char **argv) {
    const td_node *doc;
    td_error err = {0};
    td_plot_line line[MOST_LINES] = {0};
    td_text svg = {0};
    int n = 0;
    if (argc != 6) {
        fputs("usage: plot_curves TABLE.csv OUT.svg TITLE X Y\n", stderr);
        return 2;
    }
    td_arena *a = td_arena_create();
    if (a == NULL) return td_status_exit_code(TD_E_MEMORY);
    if (td_node_load(a, argv[1], &doc, &err) != TD_OK) stop(&err);
    const size_t room = (size_t)doc->count;
    double *x = calloc(4 * room + 1, sizeof *x), *y = x + room, *low = y + room, *high = low + room;
    if (x == NULL) return td_status_exit_code(TD_E_MEMORY);
    for (int i = 0; i < doc->count; i++) {
        const td_node *row = doc->item[i];
        const char *label;
        if (td_node_get_string(row, "label", &label, &err) != TD_OK) stop(&err);
        x[i] = number(row, "x");
        y[i] = number(row, "y");
        low[i] = number(row, "low");
        high[i] = number(row, "high");
        if (n == 0 || strcmp(line[n - 1].label, label) != 0) {
            if (n == MOST_LINES) {
                td_node_fail(row, &err, "more than %d lines", MOST_LINES);
                stop(&err);
            }
            line[n++] = (td_plot_line){label, x + i, y + i, low + i, high + i, 0};
        }
        line[n - 1].n++;
    }
    const td_plot p = {argv[3], argv[4], argv[5], true, true, WIDTH, HEIGHT};
    if (td_plot_lines(&p, line, n, &svg, &err) != TD_OK ||
        td_file_write(argv[2], svg.data, strlen(svg.data), &err) != TD_OK)
        stop(&err);
    td_text_free(&svg);
    free(x);
    td_arena_destroy(a);
    return 0;
}
