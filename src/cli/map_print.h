/* map_print.h - what the mapper answered, for people and for programs. */
#ifndef TANDEM_CLI_MAP_PRINT_H
#define TANDEM_CLI_MAP_PRINT_H

#include "map_ask.h"

typedef struct {
    td_map_result r;
    double seconds; /* thread CPU time of the mapper */
} map_answer;

/* value / bound - 1; infinite where nothing is proven. */
double map_gap(double value, double bound);

/* The neutral case of the mapping, and beside it what was asked and answered: one line. */
td_status map_json(const map_options *o, const map_question *q, const map_answer *x, td_arena *a,
                   td_text *out, td_error *err);
/* The loop nest with its costs. */
void map_block(const map_question *q, const map_answer *x, td_text *out);

/* A table of several: its head, a row, and the totals of rows (times their counts). */
typedef struct {
    int asked, mapped, proved; /* distinct problems */
    int layers;
    double macs, cycles, pj, value, bound, seconds, worst; /* worst: largest gap */
} map_totals;
void map_head(const map_source *s, td_text *out);
/* x NULL: no mapping */
void map_row(const map_source *s, const map_question *q, const map_answer *x, td_text *out);
void map_add(map_totals *t, const map_question *q, const map_answer *x);
void map_foot(const map_source *s, const map_totals *t, td_text *out);

#endif
