/* plot_bars.c - stacked bars, one row each. */
#include "plot.h"

enum { ROW = 18, TOP = 34, BOTTOM = 52, MARGIN = 16, KEY = 22 };

/* The keys of the parts, in lines below the axis. Returns the height that they take. */
static double keys(const char *const *part, int n, double left, double right, double y,
                   td_text *out) {
    double x = left, line = 0;
    for (int k = 0; k < n; k++) {
        double width = 18 + td__text_width(part[k]) + 18;
        if (x > left && x + width > right) {
            x = left;
            line++;
        }
        if (out != NULL) {
            double at = y + KEY * line;
            td_text_addf(out,
                         "<rect x=\"%.2f\" y=\"%.2f\" width=\"12\" height=\"12\" fill=\"%s\"/>\n",
                         x, at - 10, td__svg_shade(k));
            td__svg_text(out, x + 18, at, "start", "", part[k]);
        }
        x += width;
    }
    return KEY * (line + 1);
}

static void stack(const td_plot_bar *b, int n_parts, const td__axis *x, double top, td_text *out) {
    double sum = 0;
    for (int k = 0; k < n_parts; k++) {
        double v = b->v[k];
        if (!(v > 0) || !isfinite(v)) continue;
        double from = td__axis_at(x, sum), to = td__axis_at(x, sum + v);
        sum += v;
        td_text_addf(out,
                     "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n",
                     from, top, to - from, ROW - 5.0, td__svg_shade(k));
    }
}

td_status td_plot_bars(const td_plot *p, const td_plot_bar *bar, int n, const char *const *part,
                       int n_parts, td_text *svg, td_error *err) {
    double width = p->width > 0 ? p->width : 640, labels = 40, notes = 0, most = 0;
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < n_parts; k++)
            if (bar[i].v[k] > 0 && isfinite(bar[i].v[k])) sum += bar[i].v[k];
        most = fmax(most, sum);
        labels = fmax(labels, td__text_width(bar[i].label));
        if (bar[i].note != NULL) notes = fmax(notes, td__text_width(bar[i].note));
    }
    td__axis x = {0, most > 0 ? 1.02 * most : 1, MARGIN + labels + 10, 0, false};
    x.to = x.from + width;
    td__axis y = {0, 1, TOP + ROW * (double)n + 6, TOP, false};
    double right = x.to + MARGIN + (notes > 0 ? notes + MARGIN : 0);
    double below = keys(part, n_parts, x.from, right, 0, NULL);
    td__svg_begin(svg, right, y.from + BOTTOM + below, p->title != NULL ? p->title : "");
    td__svg_axes(svg, p, &x, &y, false);
    for (int i = 0; i < n; i++) {
        double top = TOP + ROW * (double)i + 5.5;
        stack(&bar[i], n_parts, &x, top, svg);
        td__svg_text(svg, x.from - 8, top + 10.5, "end", "", bar[i].label);
        if (bar[i].note != NULL)
            td__svg_text(svg, x.to + MARGIN / 2.0, top + 10.5, "start", "", bar[i].note);
    }
    keys(part, n_parts, x.from, right, y.from + BOTTOM + 10, svg);
    td_text_add(svg, "</svg>\n");
    return svg->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
}
