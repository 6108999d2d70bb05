/* cli_cell.h - numbers for people, in tables. */
#ifndef TANDEM_CLI_CELL_H
#define TANDEM_CLI_CELL_H

/* By value, so that several stand in one call. */
typedef struct {
    char s[40];
} cli_cell;

cli_cell cli_thousands(double v);               /* rounded: "41,472" */
cli_cell cli_words(double v);                   /* the same; averages with one decimal: "7.5" */
cli_cell cli_count(double v);                   /* "118 M", "4.09 G" */
cli_cell cli_small(double v, const char *unit); /* 1.23e-5, "J": "12.3 uJ" */
cli_cell cli_bytes(double v);                   /* "13.5 KB" */

/* then / now - 1 in percent: "-31 %", "+0.2 %", "0 %"; "-" if it is not known. */
cli_cell cli_change(double then, double now);

#endif
