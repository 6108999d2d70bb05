/* plot_lines.c - lines with bands, as steps. */
#include "plot.h"

enum { LEFT = 76, TOP = 34, BOTTOM = 52, RIGHT = 16 };

/* Width of a curve: half of it stands above the foot of a log axis, where 0 is drawn. */
static const double stroke = 1.8;

static bool drawn(const td__axis *a, double v) {
    return isfinite(v) && (!a->log || v > 0);
}

static double curve_at(const td__axis *y, double v) {
    return y->log && v <= 0 ? y->from - stroke / 2 : td__axis_at(y, v);
}

/* A log scale has no 0: it stands at the foot, and the foot is named so. */
static void name_zero(const td_plot_line *line, int n, const td__axis *x, const td__axis *y,
                      td_text *svg) {
    bool any = false;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < line[i].n; k++) any = any || line[i].y[k] <= 0;
    if (!y->log || !any) return;
    td__svg_text(svg, x->from - 8, y->from + 4, "end", "", "0");
}

/* Beyond the frame where a value has no place in it: infinite ends of bands, 0 on a log scale. */
static double end_at(const td__axis *y, double v) {
    if (v == -INFINITY || (y->log && v <= 0)) return y->from + 10;
    if (v == INFINITY) return y->to - 10;
    return td__axis_at(y, v);
}

static void band(const td_plot_line *l, const td__axis *x, const td__axis *y, const char *colour,
                 td_text *out) {
    int first = 0;
    while (first < l->n && !(drawn(x, l->x[first]) && !isnan(l->low[first]) &&
                             !isnan(l->high[first]) && l->high[first] != -INFINITY))
        first++;
    if (first == l->n) return;
    td_text_addf(out, "<path fill=\"%s\" fill-opacity=\"0.18\" stroke=\"none\" d=\"M", colour);
    for (int i = first; i < l->n; i++) {
        double at = end_at(y, l->high[i]);
        td_text_addf(out, "%.2f %.2f", td__axis_at(x, l->x[i]), at);
        if (i + 1 < l->n) td_text_addf(out, "L%.2f %.2fL", td__axis_at(x, l->x[i + 1]), at);
    }
    for (int i = l->n - 1; i >= first; i--) {
        double at = end_at(y, l->low[i]);
        if (i + 1 < l->n) td_text_addf(out, "L%.2f %.2f", td__axis_at(x, l->x[i + 1]), at);
        td_text_addf(out, "L%.2f %.2f", td__axis_at(x, l->x[i]), at);
    }
    td_text_add(out, "Z\"/>\n");
}

void td__svg_steps(const td_plot_line *l, const td__axis *x, const td__axis *y, int index,
                   td_text *out) {
    bool open = false;
    for (int i = 0; i < l->n; i++) {
        if (!drawn(x, l->x[i]) || !isfinite(l->y[i])) continue;
        if (!open)
            td_text_addf(out,
                         "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%g\" "
                         "stroke-dasharray=\"%s\" d=\"M",
                         td__svg_colour(index), stroke, td__svg_dashes(index));
        double px = td__axis_at(x, l->x[i]), py = curve_at(y, l->y[i]);
        if (open) td_text_addf(out, "H%.2fV%.2f", px, py);
        if (!open) td_text_addf(out, "%.2f %.2f", px, py);
        open = true;
    }
    if (open) td_text_add(out, "\"/>\n");
}

td_status td_plot_lines(const td_plot *p, const td_plot_line *line, int n, td_text *svg,
                        td_error *err) {
    double width = p->width > 0 ? p->width : 560, height = p->height > 0 ? p->height : 360;
    double legend = 0;
    td__axis x = {INFINITY, -INFINITY, LEFT, LEFT + width, p->log_x};
    td__axis y = {INFINITY, -INFINITY, TOP + height, TOP, p->log_y};
    for (int i = 0; i < n; i++) {
        td__axis_hold(&x, line[i].x, line[i].n);
        td__axis_hold(&y, line[i].y, line[i].n);
        if (line[i].low != NULL) td__axis_hold(&y, line[i].low, line[i].n);
        if (line[i].high != NULL) td__axis_hold(&y, line[i].high, line[i].n);
        legend = fmax(legend, td__text_width(line[i].label));
    }
    td__axis_round(&x);
    td__axis_round(&y);
    double right = LEFT + width + RIGHT, all = right + (n > 0 ? 36 + legend + RIGHT : 0);
    td__svg_begin(svg, all, TOP + height + BOTTOM, p->title != NULL ? p->title : "");
    td_text_addf(svg,
                 "<clipPath id=\"area\"><rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
                 "height=\"%.2f\"/></clipPath>\n",
                 x.from, y.to, width, height);
    td__svg_axes(svg, p, &x, &y, true);
    name_zero(line, n, &x, &y, svg);
    td_text_add(svg, "<g clip-path=\"url(#area)\">\n");
    for (int i = 0; i < n; i++)
        if (line[i].low != NULL && line[i].high != NULL)
            band(&line[i], &x, &y, td__svg_colour(i), svg);
    for (int i = 0; i < n; i++) td__svg_steps(&line[i], &x, &y, i, svg);
    td_text_add(svg, "</g>\n");
    for (int i = 0; i < n; i++) {
        double at = TOP + 10 + 20 * i;
        td_text_addf(svg,
                     "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"%s\" "
                     "stroke-width=\"2.5\" stroke-dasharray=\"%s\"/>\n",
                     right, at, right + 26, at, td__svg_colour(i), td__svg_dashes(i));
        td__svg_text(svg, right + 34, at + 4, "start", "", line[i].label);
    }
    td_text_add(svg, "</svg>\n");
    return svg->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
}
