/* plot_roofline.c - rooflines with points below them. */
#include "plot.h"

enum { LEFT = 76, TOP = 34, BOTTOM = 52, RIGHT = 16 };

/* The slope from the left edge, then the peak to the right edge. */
static void draw_roof(const td_plot_roof *r, const td__axis *x, const td__axis *y, int index,
                      td_text *out) {
    double ridge = r->peak / r->slope, from = x->lo;
    td_text_addf(out,
                 "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\" "
                 "d=\"M",
                 td__svg_colour(index), td__svg_dashes(index));
    if (ridge > from) { /* from the foot of the frame, where that is further right */
        double foot = y->lo / r->slope;
        if (foot > from) from = foot;
        td_text_addf(out, "%.2f %.2fL", td__axis_at(x, from), td__axis_at(y, r->slope * from));
        from = ridge;
    }
    double at = td__axis_at(y, r->peak);
    td_text_addf(out, "%.2f %.2fL%.2f %.2f\"/>\n", td__axis_at(x, from), at, x->to, at);
}

static void draw_points(const td_plot_roof *r, const td__axis *x, const td__axis *y, int index,
                        td_text *out) {
    for (int i = 0; i < r->n; i++) {
        if (!isfinite(r->x[i]) || !isfinite(r->y[i]) || r->x[i] <= 0 || r->y[i] <= 0) continue;
        td_text_addf(out,
                     "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"3.5\" fill=\"%s\" "
                     "fill-opacity=\"0.6\"/>\n",
                     td__axis_at(x, r->x[i]), td__axis_at(y, r->y[i]), td__svg_colour(index));
    }
}

/* Boxes of text that is there already; names that would stand on one are left out. */
enum { MOST_NAMES = 24 };
typedef struct {
    double x[MOST_NAMES], y[MOST_NAMES], width[MOST_NAMES];
    int n;
} names;

/* No other name is there, and no point. */
static bool is_free(double at, double foot, double width, const names *there,
                    const td_plot_roof *roof, int n, const td__axis *x, const td__axis *y) {
    if (at < x->from + 3 || at + width > x->to - 3 || foot > y->from - 3) return false;
    for (int k = 0; k < there->n; k++)
        if (at <= there->x[k] + there->width[k] + 4 && at + width + 4 >= there->x[k] &&
            fabs(foot - there->y[k]) < 12)
            return false;
    for (int g = 0; g < n; g++) { /* nor a roof, at an end of the name or between them */
        double above[2] = {0, 0};
        for (int end = 0; end < 2 && roof[g].peak > 0; end++) {
            double part = (at + end * width - x->from) / (x->to - x->from);
            double value = roof[g].slope * x->lo * pow(x->hi / x->lo, part);
            double line = td__axis_at(y, fmin(value, roof[g].peak));
            above[end] = line - (foot - 4);
            if (fabs(above[end]) < 7) return false;
        }
        if (above[0] * above[1] < 0) return false;
        for (int i = 0; i < roof[g].n; i++) {
            if (!(roof[g].x[i] > 0) || !(roof[g].y[i] > 0)) continue;
            double px = td__axis_at(x, roof[g].x[i]), py = td__axis_at(y, roof[g].y[i]);
            if (px > at - 4 && px < at + width + 4 && fabs(py - (foot - 4)) < 8) return false;
        }
    }
    return true;
}

/* Names of a group's points, at their right or left, where there is room. */
static void draw_names(const td_plot_roof *roof, int n, int group, const td__axis *x,
                       const td__axis *y, names *there, td_text *out) {
    const td_plot_roof *r = &roof[group];
    for (int i = 0; r->name != NULL && i < r->n && there->n < MOST_NAMES; i++) {
        if (r->name[i] == NULL || !(r->x[i] > 0) || !(r->y[i] > 0) || !isfinite(r->x[i])) continue;
        double width = 10.0 / 12 * td__text_width(r->name[i]); /* of a smaller font */
        double right = 7, left = -7 - width, side[] = {right, left, right, left};
        static const double down[] = {4, 4, 14, -6}; /* clear of a slope, too */
        for (int k = 0; k < 4; k++) {
            double at = td__axis_at(x, r->x[i]) + side[k];
            double foot = td__axis_at(y, r->y[i]) + down[k];
            if (!is_free(at, foot, width, there, roof, n, x, y)) continue;
            there->x[there->n] = at;
            there->y[there->n] = foot;
            there->width[there->n++] = width;
            td__svg_text(out, at, foot, "start", "font-size=\"10\"", r->name[i]);
            break;
        }
    }
}

td_status td_plot_roofline(const td_plot *p, const td_plot_roof *roof, int n, td_text *svg,
                           td_error *err) {
    double width = p->width > 0 ? p->width : 560, height = p->height > 0 ? p->height : 360;
    double legend = 0;
    td__axis x = {INFINITY, -INFINITY, LEFT, LEFT + width, true};
    td__axis y = {INFINITY, -INFINITY, TOP + height, TOP, true};
    for (int i = 0; i < n; i++) {
        double ridge = roof[i].peak > 0 ? roof[i].peak / roof[i].slope : 0; /* 0 holds nothing */
        td__axis_hold(&x, &ridge, 1);
        td__axis_hold(&y, &roof[i].peak, 1);
        td__axis_hold(&x, roof[i].x, roof[i].n);
        td__axis_hold(&y, roof[i].y, roof[i].n);
        legend = fmax(legend, td__text_width(roof[i].label));
    }
    td__axis_round(&x);
    td__axis_round(&y);
    double right = LEFT + width + RIGHT, all = right + (n > 0 ? 36 + legend + RIGHT : 0);
    td_plot log = *p;
    log.log_x = log.log_y = true;
    td__svg_begin(svg, all, TOP + height + BOTTOM, p->title != NULL ? p->title : "");
    td__svg_axes(svg, &log, &x, &y, true);
    for (int i = 0; i < n; i++)
        if (roof[i].peak > 0) draw_roof(&roof[i], &x, &y, i, svg);
    for (int i = 0; i < n; i++) draw_points(&roof[i], &x, &y, i, svg);
    names there = {.n = 0};
    for (int i = 0; i < n; i++) draw_names(roof, n, i, &x, &y, &there, svg);
    for (int i = 0; i < n; i++) {
        double at = TOP + 10 + 20 * i;
        if (!(roof[i].peak > 0)) {
            td_text_addf(svg,
                         "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"3.5\" fill=\"%s\" "
                         "fill-opacity=\"0.6\"/>\n",
                         right + 13, at, td__svg_colour(i));
            td__svg_text(svg, right + 34, at + 4, "start", "", roof[i].label);
            continue;
        }
        td_text_addf(svg,
                     "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"%s\" "
                     "stroke-width=\"2.5\" stroke-dasharray=\"%s\"/>\n",
                     right, at, right + 26, at, td__svg_colour(i), td__svg_dashes(i));
        td__svg_text(svg, right + 34, at + 4, "start", "", roof[i].label);
    }
    td_text_add(svg, "</svg>\n");
    return svg->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
}
