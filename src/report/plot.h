/* plot.h - parts of the plots: axes and SVG elements. Coordinates are pixels from the top left. */
#ifndef TANDEM_PLOT_H
#define TANDEM_PLOT_H

#include "tandem/report.h"

/* One direction of a plot: values lo..hi stand at pixels from..to. */
typedef struct {
    double lo, hi, from, to;
    bool log;
} td__axis;

enum { TD__MAX_TICKS = 24 };
typedef struct {
    double v[TD__MAX_TICKS];
    char label[TD__MAX_TICKS][24];
    int n;
} td__ticks;

/* Widens lo..hi to hold the finite values (those > 0 on a log scale). Start with INFINITY,
 * -INFINITY. */
void td__axis_hold(td__axis *a, const double *v, int n);
/* Room around what it holds, so that nothing stands on the frame; never empty. */
void td__axis_round(td__axis *a);
/* Pixels of a value, within a little more than the frame. */
double td__axis_at(const td__axis *a, double v);
/* Round values with 1, 2 or 5 as first digit, in the range; at most `most` (<= TD__MAX_TICKS). */
void td__axis_ticks(const td__axis *a, int most, td__ticks *t);

/* Text with a rough width: fonts differ. */
double td__text_width(const char *s);
/* anchor: "start", "middle", "end". */
void td__svg_text(td_text *out, double x, double y, const char *anchor, const char *style,
                  const char *s);
void td__svg_begin(td_text *out, double width, double height, const char *title);
/* Frame, ticks with grid lines, labels. y->from is the lower end. y_labels: ticks of y too. */
void td__svg_axes(td_text *out, const td_plot *p, const td__axis *x, const td__axis *y,
                  bool y_labels);
/* Room at the left of y: its labels and ticks, at least that of common ones. */
double td__svg_left(const td__axis *y);
/* The line of a curve as steps, in the colour and dashes of its index; y <= 0 stands below the foot
 * of a log axis. */
void td__svg_steps(const td_plot_line *l, const td__axis *x, const td__axis *y, int index,
                   td_text *out);
/* Colours that people with any colour vision tell apart (Okabe, Ito 2008), then again dashed. */
const char *td__svg_colour(int i);
const char *td__svg_dashes(int i);
/* Colours of areas that touch: the same, then lighter ones. */
const char *td__svg_shade(int i);
/* 0: light, 1: dark. `dark`: text on it is white. */
typedef struct {
    char hex[8];
    bool dark;
} td__colour;
td__colour td__ramp_colour(double part);

#endif
