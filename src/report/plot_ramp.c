/* plot_ramp.c - values as colours: heat maps, and points that have a third value. */
#include <stdio.h>

#include "plot.h"

enum { LEFT = 20, TOP = 34, BOTTOM = 52, RIGHT = 16, BAR = 16 };

/* Light to dark, so that it reads in grey as well; anchors of viridis (van der Walt, Smith 2015),
 * from its end. */
static const double anchor[][3] = {
    {253, 231, 37}, {94, 201, 98}, {33, 145, 140}, {59, 82, 139}, {68, 1, 84}};
enum { N_ANCHORS = sizeof anchor / sizeof anchor[0] };

td__colour td__ramp_colour(double part) {
    double at = fmax(0, fmin(1, isnan(part) ? 0 : part)) * (N_ANCHORS - 1), c[3];
    int k = at >= N_ANCHORS - 1 ? N_ANCHORS - 2 : (int)at;
    for (int i = 0; i < 3; i++) c[i] = anchor[k][i] + (at - k) * (anchor[k + 1][i] - anchor[k][i]);
    td__colour out = {.dark = 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2] < 140};
    snprintf(out.hex, sizeof out.hex, "#%02x%02x%02x", (int)(c[0] + 0.5), (int)(c[1] + 0.5),
             (int)(c[2] + 0.5));
    return out;
}

/* Where a value stands between the ends of an axis, 0 to 1. */
static double part_of(const td__axis *a, double v) {
    if (!(a->hi > a->lo)) return 0;
    return a->log ? log(v / a->lo) / log(a->hi / a->lo) : (v - a->lo) / (a->hi - a->lo);
}

/* The colours of the values, as a bar with ticks. */
static double ramp_bar(const td__axis *a, const char *label, double x, double top, double height,
                       td_text *out) {
    enum { STEPS = 40 };
    double widest = 0;
    for (int i = 0; i < STEPS; i++)
        td_text_addf(out,
                     "<rect x=\"%.2f\" y=\"%.2f\" width=\"%d\" height=\"%.2f\" fill=\"%s\"/>\n", x,
                     top + height * (STEPS - 1 - i) / STEPS, BAR, height / STEPS + 0.5,
                     td__ramp_colour((i + 0.5) / STEPS).hex);
    td__axis y = *a;
    td__ticks t = {.n = 0};
    y.from = top + height;
    y.to = top;
    if (y.hi > y.lo) td__axis_ticks(&y, (int)(height / 40) + 1, &t);
    for (int i = 0; i < t.n; i++) {
        td__svg_text(out, x + BAR + 6, td__axis_at(&y, t.v[i]) + 4, "start", "", t.label[i]);
        widest = fmax(widest, td__text_width(t.label[i]));
    }
    td_text_addf(out, "<g transform=\"translate(%.2f %.2f) rotate(-90)\">", x + BAR + 22 + widest,
                 top + height / 2);
    td__svg_text(out, 0, 0, "middle", "", label);
    td_text_add(out, "</g>\n");
    return BAR + 34 + widest;
}

enum { BAR_ROOM = 110 }; /* for such a bar with its ticks and label */

/* ---- heat maps --------------------------------------------------------------------------------
 */

static void cell(const td_plot_heat *h, int i, const td__axis *v, double x, double y, double width,
                 double height, bool best, td_text *out) {
    double value = h->v[i];
    char text[32];
    td__colour c = td__ramp_colour(part_of(v, value));
    if (!isfinite(value)) {
        snprintf(c.hex, sizeof c.hex, "#eeeeee");
        c.dark = false;
    }
    td_text_addf(out,
                 "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\" "
                 "stroke=\"%s\" stroke-width=\"%d\"/>\n",
                 x + best, y + best, width - 2 * best, height - 2 * best, c.hex,
                 best ? "#d55e00" : "white", best ? 3 : 1);
    double size = fabs(value);
    if (!isfinite(value))
        snprintf(text, sizeof text, "-");
    else if (size >= 1e5 || (size < 0.1 && size > 0))
        snprintf(text, sizeof text, "%.2e", value);
    else
        snprintf(text, sizeof text, size < 9.995 ? "%.2f" : size < 99.95 ? "%.1f" : "%.0f", value);
    td__svg_text(out, x + width / 2, y + height / 2 + 4, "middle",
                 c.dark ? "fill=\"white\"" : "fill=\"#222\"", text);
}

td_status td_plot_heat_map(const td_plot *p, const td_plot_heat *h, td_text *svg, td_error *err) {
    double labels = 0, widest = 48;
    td__axis v = {INFINITY, -INFINITY, 0, 0, true};
    int n = h->nx * h->ny, best = -1;
    td__axis_hold(&v, h->v, n);
    if (v.hi < 4 * v.lo) v.log = false;
    for (int i = 0; i < n; i++)
        if (isfinite(h->v[i]) && (best < 0 || h->v[i] < h->v[best])) best = i;
    for (int i = 0; i < h->ny; i++) labels = fmax(labels, td__text_width(h->y_tick[i]));
    for (int i = 0; i < h->nx; i++) widest = fmax(widest, td__text_width(h->x_tick[i]) + 10);
    double width = fmax(widest, fmin(72, 480.0 / h->nx)), height = fmax(26, 260.0 / h->ny);
    if (height > 44) height = 44;
    double left = LEFT + 26 + labels, right = left + width * h->nx, foot = TOP + height * h->ny;
    double title = p->title != NULL ? left + td__text_width(p->title) * 1.1 + RIGHT : 0;
    td__svg_begin(svg, fmax(right + 24 + BAR_ROOM, title), foot + BOTTOM,
                  p->title != NULL ? p->title : "");
    td__svg_text(svg, left, TOP - 12, "start", "font-weight=\"bold\"",
                 p->title != NULL ? p->title : "");
    for (int y = 0; y < h->ny; y++) { /* the first row below */
        double top = foot - height * (y + 1);
        for (int x = 0; x < h->nx; x++)
            if (y * h->nx + x != best)
                cell(h, y * h->nx + x, &v, left + width * x, top, width, height, false, svg);
        td__svg_text(svg, left - 8, top + height / 2 + 4, "end", "", h->y_tick[y]);
    }
    if (best >= 0)
        cell(h, best, &v, left + width * (best % h->nx), foot - height * (best / h->nx + 1), width,
             height, true, svg);
    for (int x = 0; x < h->nx; x++)
        td__svg_text(svg, left + width * (x + 0.5), foot + 18, "middle", "", h->x_tick[x]);
    td__svg_text(svg, 0.5 * (left + right), foot + 40, "middle", "",
                 p->x_label != NULL ? p->x_label : "");
    td_text_addf(svg, "<g transform=\"translate(%.2f %.2f) rotate(-90)\">", left - 18 - labels,
                 0.5 * (TOP + foot));
    td__svg_text(svg, 0, 0, "middle", "", p->y_label != NULL ? p->y_label : "");
    td_text_add(svg, "</g>\n");
    if (best >= 0) ramp_bar(&v, h->label, right + 24, TOP, foot - TOP, svg);
    td_text_add(svg, "</svg>\n");
    return svg->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
}

/* ---- points -----------------------------------------------------------------------------------
 */

td_status td_plot_points(const td_plot *p, const td_plot_cloud *c, td_text *svg, td_error *err) {
    double width = p->width > 0 ? p->width : 560, height = p->height > 0 ? p->height : 360;
    td__axis x = {INFINITY, -INFINITY, 0, 0, p->log_x};
    td__axis y = {INFINITY, -INFINITY, TOP + height, TOP, p->log_y};
    td__axis z = {INFINITY, -INFINITY, 0, 0, true};
    for (int i = 0; i < c->n; i++) {
        td__axis_hold(&x, &c->x[i], 1);
        td__axis_hold(&y, &c->y[i], 1);
        if (c->z != NULL && c->front[i]) td__axis_hold(&z, &c->z[i], 1);
    }
    /* Short ranges have no use for a log scale. */
    if (x.hi < 4 * x.lo) x.log = false;
    if (y.hi < 4 * y.lo) y.log = false;
    if (z.hi < 4 * z.lo) z.log = false;
    td__axis_round(&x);
    td__axis_round(&y);
    x.from = td__svg_left(&y);
    x.to = x.from + width;
    bool coloured = c->z != NULL && z.lo <= z.hi;
    double right = x.to + (coloured ? 24 + BAR_ROOM : RIGHT);
    double title = p->title != NULL ? x.from + td__text_width(p->title) * 1.1 + RIGHT : 0;
    td__svg_begin(svg, fmax(right, title), TOP + height + BOTTOM, p->title != NULL ? p->title : "");
    td__svg_axes(svg, p, &x, &y, true);
    for (int of_front = 0; of_front < 2; of_front++) { /* the front above the others */
        if (of_front == 1 && c->line != NULL) td__svg_steps(c->line, &x, &y, 0, svg);
        for (int i = 0; i < c->n; i++) {
            if (c->front[i] != (of_front == 1) || !isfinite(c->x[i]) || !isfinite(c->y[i]))
                continue;
            const char *fill = of_front == 0 ? "#bbbbbb" : coloured ? NULL : td__svg_colour(0);
            td__colour own = td__ramp_colour(coloured ? part_of(&z, c->z[i]) : 0);
            td_text_addf(svg,
                         "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"%.1f\" fill=\"%s\" "
                         "stroke=\"#222\" stroke-width=\"%.1f\"/>\n",
                         td__axis_at(&x, c->x[i]), td__axis_at(&y, c->y[i]),
                         of_front == 1 ? 4.5 : 2.0, fill != NULL ? fill : own.hex,
                         of_front == 1 ? 0.8 : 0.0);
        }
    }
    if (coloured) ramp_bar(&z, c->z_label, x.to + 24, TOP, height, svg);
    td_text_add(svg, "</svg>\n");
    return svg->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
}
