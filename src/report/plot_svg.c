/* plot_svg.c - the elements of the drawings. */
#include <string.h>

#include "plot.h"

enum { FONT = 12 };

double td__text_width(const char *s) {
    int n = 0; /* characters, not bytes of UTF-8 */
    for (; *s != '\0'; s++) n += (*s & 0xc0) != 0x80;
    return 0.58 * FONT * n;
}

/* XML has no place for control characters. */
static void add_escaped(td_text *out, const char *s) {
    for (; *s != '\0'; s++) {
        if (*s == '&')
            td_text_add(out, "&amp;");
        else if (*s == '<')
            td_text_add(out, "&lt;");
        else if (*s == '>')
            td_text_add(out, "&gt;");
        else if (*s == '"')
            td_text_add(out, "&quot;");
        else if ((unsigned char)*s < 0x20)
            td_text_add(out, " ");
        else
            td_text_add_bytes(out, s, 1);
    }
}

void td__svg_text(td_text *out, double x, double y, const char *anchor, const char *style,
                  const char *s) {
    td_text_addf(out, "<text x=\"%.2f\" y=\"%.2f\" text-anchor=\"%s\"%s%s>", x, y, anchor,
                 style[0] != '\0' ? " " : "", style);
    add_escaped(out, s);
    td_text_add(out, "</text>\n");
}

void td__svg_begin(td_text *out, double width, double height, const char *title) {
    td_text_addf(out,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                 "viewBox=\"0 0 %.0f %.0f\" font-family=\"Helvetica, Arial, sans-serif\" "
                 "font-size=\"%d\" fill=\"#222\">\n<title>",
                 width, height, width, height, FONT);
    add_escaped(out, title);
    td_text_addf(out, "</title>\n<rect width=\"%.0f\" height=\"%.0f\" fill=\"white\"/>\n", width,
                 height);
}

static void line(td_text *out, double x1, double y1, double x2, double y2, const char *colour) {
    td_text_addf(out, "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"%s\"/>\n", x1,
                 y1, x2, y2, colour);
}

static int y_ticks(const td__axis *y) {
    return (int)((y->from - y->to) / 40) + 1;
}

double td__svg_left(const td__axis *y) {
    td__ticks t;
    double widest = 0;
    td__axis_ticks(y, y_ticks(y), &t);
    for (int i = 0; i < t.n; i++) widest = fmax(widest, td__text_width(t.label[i]));
    return fmax(76, 16 + widest + FONT + 4); /* ticks, the label of the axis, the edge */
}

void td__svg_axes(td_text *out, const td_plot *p, const td__axis *x, const td__axis *y,
                  bool y_labels) {
    td__ticks t;
    double widest = 0;
    td__axis_ticks(x, (int)((x->to - x->from) / 70) + 1, &t);
    for (int i = 0; i < t.n; i++) {
        double at = td__axis_at(x, t.v[i]);
        line(out, at, y->to, at, y->from, "#e4e4e4");
        line(out, at, y->from, at, y->from + 4, "#222");
        td__svg_text(out, at, y->from + 18, "middle", "", t.label[i]);
    }
    t.n = 0;
    if (y_labels) td__axis_ticks(y, y_ticks(y), &t);
    for (int i = 0; i < t.n; i++) {
        double at = td__axis_at(y, t.v[i]);
        line(out, x->from, at, x->to, at, "#e4e4e4");
        line(out, x->from - 4, at, x->from, at, "#222");
        td__svg_text(out, x->from - 8, at + 4, "end", "", t.label[i]);
        widest = fmax(widest, td__text_width(t.label[i]));
    }
    td_text_addf(out,
                 "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"none\" "
                 "stroke=\"#222\"/>\n",
                 x->from, y->to, x->to - x->from, y->from - y->to);
    double middle = 0.5 * (x->from + x->to);
    td__svg_text(out, middle, y->from + 38, "middle", "", p->x_label != NULL ? p->x_label : "");
    td__svg_text(out, x->from, y->to - 12, "start", "font-weight=\"bold\"",
                 p->title != NULL ? p->title : "");
    if (y_labels && p->y_label != NULL) {
        td_text_addf(out, "<g transform=\"translate(%.2f %.2f) rotate(-90)\">",
                     x->from - 16 - widest, 0.5 * (y->from + y->to));
        td__svg_text(out, 0, 0, "middle", "", p->y_label);
        td_text_add(out, "</g>\n");
    }
}

static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                      "#e69f00", "#56b4e9", "#555555"};
enum { N_COLOURS = sizeof colours / sizeof colours[0] };

const char *td__svg_colour(int i) {
    return colours[i % N_COLOURS];
}

const char *td__svg_shade(int i) {
    static const char *const light[] = {"#99c7e0", "#f2b280", "#99d8c7", "#ebc9dc",
                                        "#f5d999", "#bbe1f6", "#bbbbbb"};
    return i < N_COLOURS ? colours[i] : light[(i - N_COLOURS) % N_COLOURS];
}

/* From curve to curve, so that one which lies on another shows it through its gaps: the first is
 * drawn whole, and below all others. */
const char *td__svg_dashes(int i) {
    static const char *const dashes[] = {"none", "7 5", "2 4", "10 4 2 4"};
    return dashes[i % 4];
}
