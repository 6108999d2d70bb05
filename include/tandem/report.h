/* tandem/report.h - reports and exports: tables for people, CSV and JSON for programs.
 */
#ifndef TANDEM_REPORT_H
#define TANDEM_REPORT_H

#include "tandem/base.h"
#include "tandem/study.h"
#include "tandem/study_nested.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A field of RFC 4180: quoted where it holds a comma, a quote or a line end. */
void td_report_csv_field(td_text *t, const char *s);

/* Trials as CSV (RFC 4180), one column per decision in `names`, so that several studies stand in
 * one file: first the names of all the trials together, then one header, then the rows of each
 * study. pick: indices of the rows wanted, NULL: all n. What is unknown is an empty field. Names
 * are a list of strings from the arena, in the order that they have in trials; what not all trials
 * have stands before that which follows it there. TD_E_STORE: a trial's choices cannot be read. */
td_status td_report_decisions(const td_trial_row *t, int n, td_arena *a, td_node **names,
                              td_error *err);
void td_report_trials_header(const td_node *names, td_text *out);
td_status td_report_trials_csv(const char *study, const td_trial_row *t, int n, const int *pick,
                               int npick, const td_node *names, td_text *out, td_error *err);
td_node *td_report_trials_node(const td_trial_row *t, int n, const int *pick, int npick,
                               td_arena *a);
/* Table of trials for people. */
void td_report_trials_table(const td_trial_row *t, int n, const int *pick, int npick, td_text *out);

/* The same of a problem's trials, in its own words; CSV has a header. */
void td_report_problem_table(const td_goals *g, const td_trial_row *t, const int *pick, int npick,
                             td_text *out);
td_status td_report_problem_csv(const td_goals *g, const td_trial_row *t, int n, const int *pick,
                                int npick, td_text *out, td_error *err);
td_node *td_report_problem_node(const td_goals *g, const td_trial_row *t, const int *pick,
                                int npick, td_arena *a);
/* Parameters of a trial, one per line. */
void td_report_problem_parameters(const td_trial_row *t, td_text *out);
/* Writes trials.csv, best.json (of several objectives front.csv and front.json), problem.yaml and,
 * where any trial is feasible, a drawing beside out/study.db: of one objective history.svg, its
 * value and the best so far by trial; of two front.svg. Values beyond 1e150 are not drawn. */
td_status td_report_problem_write(const td_blackbox *b, const td_trial_row *t, int n,
                                  const char *out, td_error *err);

/* Layers of a trial of a nested problem, as td_store_inner has them: values, share of the sum, what
 * the search cost, how far from the optimum it is where that is known. */
void td_report_inner_table(const td_blackbox *b, const td_inner_row *row, int n, td_text *out);
void td_report_inner_csv(const td_blackbox *b, const td_inner_row *row, int n, td_text *out);
td_node *td_report_inner_node(const td_blackbox *b, const td_inner_row *row, int n, td_arena *a);
/* Writes what a nested search found beside the files of td_report_problem_write:
 * best/accelerator.yaml, best/mappings.jsonl (neutral cases, a layer a line), best/layers.csv.
 * best: a trial that is done, with its layers. */
td_status td_report_nested_write(const td_blackbox *b, const td_trial_row *best,
                                 const td_inner_row *row, int n, const char *out, td_error *err);

/* The result table of a run and the line that says why, for people. */
void td_report_summary(const td_recipe *r, const td_run_summary *s, td_text *out);
/* Why the best pair is good, computed from its schedule and that of the first row: what bound the
 * time of each, which parameters moved. */
void td_report_why(const td_run_summary *s, td_text *out);
td_node *td_report_summary_node(const td_recipe *r, const td_run_summary *s, td_arena *a);

/* Writes the results folder beside out/study.db: best/network.onnx, best/network.yaml,
 * best/network.qdq.onnx, best/weights.bin, best/accelerator.yaml, best/schedule.json; the same
 * files of each row's own pair in rows/NAME/ (of a workload the accelerator, and the pair of each
 * network in networks/NAME/ below it); trials.csv, pareto.csv, summary.json (with provenance),
 * recipe.yaml. Weights and ONNX are those of rows that were trained. Files of these names that an
 * earlier run left in best/ and rows/ and this one has not are removed. */
td_status td_report_write(const td_recipe *r, const td_run_summary *s, const char *out,
                          td_error *err);

/* ---- plots ----------------------------------------------------------------------------------- */

/* SVG drawings for white paper; all text is escaped. Values that are not finite are not drawn. */
typedef struct {
    const char *title, *x_label, *y_label;
    bool log_x, log_y;    /* values <= 0 are not drawn on x, and stand below the frame on y */
    double width, height; /* of the area within the axes, in pixels; 0: 560 x 360 */
} td_plot;
/* A line through n points with x ascending, as steps: each y holds until the next x. low, high: a
 * band around it; NULL: none. An infinite end of the band is that of the drawing. */
typedef struct {
    const char *label;
    const double *x, *y, *low, *high;
    int n;
} td_plot_line;
td_status td_plot_lines(const td_plot *p, const td_plot_line *line, int n, td_text *svg,
                        td_error *err);
/* A row of points along x, a thick mark at the median, and a line from low to high. */
typedef struct {
    const char *label;
    const char *note; /* at the right; may be NULL */
    const double *v;
    int n;
    double median, low, high;
} td_plot_strip;
/* Rows from the top. y_label and the height are not used. */
td_status td_plot_strips(const td_plot *p, const td_plot_strip *strip, int n, td_text *svg,
                         td_error *err);

/* A roofline on two log scales: y = slope x up to the peak, and points that stand below it. */
typedef struct {
    const char *label;
    double slope, peak; /* > 0; peak 0: points without a roof */
    const double *x, *y;
    int n;
    const char *const *name; /* of points, where there is room beside them, the first ones first;
                                NULL: none, also within */
} td_plot_roof;
/* The axes hold all points, and the ridge of each roof. log_x and log_y are not used. */
td_status td_plot_roofline(const td_plot *p, const td_plot_roof *roof, int n, td_text *svg,
                           td_error *err);

/* A stacked bar: part k is v[k] >= 0. note: at the right; may be NULL. */
typedef struct {
    const char *label, *note;
    const double *v;
} td_plot_bar;
/* Bars from the top, along x from 0; the parts have names. y_label and the height are not used. */
td_status td_plot_bars(const td_plot *p, const td_plot_bar *bar, int n, const char *const *part,
                       int n_parts, td_text *svg, td_error *err);

/* Cells v[y * nx + x], the first row below, with their values (a log scale of colours where they
 * span more than a factor of 4) and the least one framed. */
typedef struct {
    const char *const *x_tick, *const *y_tick;
    int nx, ny;
    const double *v;   /* not finite: there is none */
    const char *label; /* of the values */
} td_plot_heat;
td_status td_plot_heat_map(const td_plot *p, const td_plot_heat *h, td_text *svg, td_error *err);

/* Points, those of a front larger and in the colour of their z (NULL: one colour), and a line
 * through some of them (NULL: none): x may go either way, label and band are not used. */
typedef struct {
    const double *x, *y, *z;
    const bool *front;
    int n;
    const char *z_label;
    const td_plot_line *line;
} td_plot_cloud;
td_status td_plot_points(const td_plot *p, const td_plot_cloud *c, td_text *svg, td_error *err);

/* ---- comparisons ----------------------------------------------------------------------------- */

/* Tables for people: for each set of targets and budget the methods, and the trials to reach
 * qualities. */
td_status td_report_comparison(const td_comparison *c, td_text *out, td_error *err);
td_status td_report_comparison_node(const td_comparison *c, td_arena *a, td_node **out,
                                    td_error *err);
/* One row per run and budget; one row per step of a run's best design so far. */
void td_report_comparison_runs(const td_comparison *c, td_text *csv);
void td_report_comparison_curves(const td_comparison *c, td_text *csv);
/* Writes comparison.json, runs.csv, curves.csv and, for each set of targets, the best so far
 * (or, with a known optimum, the regret) against trials and, where networks were trained, against
 * trained networks, and the qualities in the end: curves.svg, trained.svg, quality.svg in OUT, or
 * in the folder of the targets. */
td_status td_report_comparison_write(const td_comparison *c, const char *out, td_error *err);

#ifdef __cplusplus
}
#endif
#endif
