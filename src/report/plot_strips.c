/* plot_strips.c - rows of points. */
#include "plot.h"

enum { ROW = 44, TOP = 34, BOTTOM = 52, MARGIN = 16 };

/* Points are spread within the row in a fixed order, so that equal ones are seen. */
static double spread(int i) {
    double v = 0.5 + i * 0.6180339887498949; /* golden ratio: evenly, whatever the number */
    return (v - floor(v) - 0.5) * 0.5 * ROW;
}

static void row(const td_plot_strip *s, const td__axis *x, double middle, const char *colour,
                td_text *out) {
    for (int i = 0; i < s->n; i++) {
        if (!isfinite(s->v[i])) continue;
        td_text_addf(out,
                     "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"3\" fill=\"%s\" "
                     "fill-opacity=\"0.55\"/>\n",
                     td__axis_at(x, s->v[i]), middle + spread(i), colour);
    }
    if (!isnan(s->low) && isfinite(s->high)) {
        double from = isfinite(s->low) ? td__axis_at(x, s->low) : x->from;
        td_text_addf(out,
                     "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"#222\" "
                     "stroke-width=\"1.4\"/>\n",
                     from, middle, td__axis_at(x, s->high), middle);
    }
    if (isfinite(s->median)) {
        double at = td__axis_at(x, s->median);
        td_text_addf(out,
                     "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"#222\" "
                     "stroke-width=\"3\"/>\n",
                     at, middle - 0.34 * ROW, at, middle + 0.34 * ROW);
    }
}

td_status td_plot_strips(const td_plot *p, const td_plot_strip *strip, int n, td_text *svg,
                         td_error *err) {
    double width = p->width > 0 ? p->width : 560, labels = 40, notes = 0;
    td__axis x = {INFINITY, -INFINITY, 0, 0, p->log_x};
    for (int i = 0; i < n; i++) {
        td__axis_hold(&x, strip[i].v, strip[i].n);
        labels = fmax(labels, td__text_width(strip[i].label));
        if (strip[i].note != NULL) notes = fmax(notes, td__text_width(strip[i].note));
    }
    td__axis_round(&x);
    x.from = MARGIN + labels + 12;
    x.to = x.from + width;
    td__axis y = {0, 1, TOP + ROW * (double)n, TOP, false};
    td__svg_begin(svg, x.to + MARGIN + (notes > 0 ? notes + MARGIN : 0), y.from + BOTTOM,
                  p->title != NULL ? p->title : "");
    td__svg_axes(svg, p, &x, &y, false);
    for (int i = 0; i < n; i++) {
        double middle = TOP + ROW * (i + 0.5);
        row(&strip[i], &x, middle, td__svg_colour(i), svg);
        td__svg_text(svg, x.from - 8, middle + 4, "end", "", strip[i].label);
        if (strip[i].note != NULL)
            td__svg_text(svg, x.to + MARGIN / 2.0, middle + 4, "start", "", strip[i].note);
    }
    td_text_add(svg, "</svg>\n");
    return svg->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
}
