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

td_status td_plot_roofline(const td_plot *p, const td_plot_roof *roof, int n, td_text *svg,
                           td_error *err) {
    double width = p->width > 0 ? p->width : 560, height = p->height > 0 ? p->height : 360;
    double legend = 0;
    td__axis x = {INFINITY, -INFINITY, LEFT, LEFT + width, true};
    td__axis y = {INFINITY, -INFINITY, TOP + height, TOP, true};
    for (int i = 0; i < n; i++) {
        double ridge = roof[i].peak / roof[i].slope;
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
    for (int i = 0; i < n; i++) draw_roof(&roof[i], &x, &y, i, svg);
    for (int i = 0; i < n; i++) draw_points(&roof[i], &x, &y, i, svg);
    for (int i = 0; i < n; i++) {
        double at = TOP + 10 + 20 * i;
        td_text_addf(svg,
                     "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"%s\" "
                     "stroke-width=\"2.5\" stroke-dasharray=\"%s\"/>\n",
                     right, at, right + 26, at, td__svg_colour(i), td__svg_dashes(i));
        td__svg_text(svg, right + 34, at + 4, "start", "", roof[i].label);
    }
    td_text_add(svg, "</svg>\n");
    return svg->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
}
