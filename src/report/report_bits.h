/* report_bits.h - what the files of this room share. */
#ifndef TANDEM_REPORT_BITS_H
#define TANDEM_REPORT_BITS_H

#include "tandem/report.h"

/* Share of a schedule's time by what limits it: the largest, and what that is. */
double td__report_limit(const td_schedule *s, const char **name);

/* A row whose design is for several networks (design.workload): a table with a line for each, why
 * the accelerator takes its time, and the list in JSON. */
void td__report_workload(const td_result_row *row, td_text *out);
void td__report_workload_why(const td_result_row *row, td_text *out);
td_node *td__report_workload_node(const td_result_row *row, td_arena *a);

/* The picture of a problem's trials: its file's name (NULL: none is drawn of three objectives and
 * more), and the drawing, where any trial is feasible; else svg stays empty. */
const char *td__report_problem_plot(const td_blackbox *b);
td_status td__report_problem_draw(const td_blackbox *b, const td_trial_row *t, int n, td_text *svg,
                                  td_error *err);

/* " 91.38 %", or a dash where it is not known: a cell of nine columns and a blank. */
void td__report_accuracy(td_text *out, double v);

/* A row in Pareto mode: the size of its front, the hypervolume, the designs of it that were chosen
 * for full trainings. */
void td__report_front(const td_result_row *row, td_text *out);
td_node *td__report_front_node(const td_result_row *row, td_arena *a);

#endif
