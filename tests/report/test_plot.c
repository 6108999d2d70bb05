/* Plots: ticks, where values stand, and that each drawing is XML whatever the text. */
#include "../../src/report/plot.h"
#include "svg_read.h"

static td_error err;

static void ticks(void **state) {
    (void)state;
    static const struct {
        double lo, hi;
        bool log;
        int most;
        const char *labels;
    } table[] = {
        {0, 10, false, 6, "0 2 4 6 8 10 "},
        {0, 10, false, 5, "0 5 10 "},
        {-0.3, 0.31, false, 8, "-0.3 -0.2 -0.1 0.0 0.1 0.2 0.3 "},
        {89.17, 91.3, false, 6, "89.5 90.0 90.5 91.0 "},
        {1999990, 2000010, false, 6, "1999990 1999995 2000000 2000005 2000010 "},
        {1, 1000, true, 12, "1 2 5 10 20 50 100 200 500 1000 "},
        {0.9, 1100, true, 6, "1 10 100 1000 "},
        {0.01, 2, true, 4, "0.01 0.1 1 "},
        {1, 1e6, true, 4, "1 100 10000 1e+06 "},
        {100, 200, true, 5, "100 150 200 "},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        td__axis a = {table[i].lo, table[i].hi, 0, 100, table[i].log};
        td__ticks t;
        char text[400] = "";
        td__axis_ticks(&a, table[i].most, &t);
        for (int k = 0; k < t.n; k++) {
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", t.label[k]);
            assert_true(t.v[k] >= a.lo - 1e-9 && t.v[k] <= a.hi + 1e-9);
        }
        assert_string_equal(text, table[i].labels);
    }
}

/* Whatever the range, there are some ticks and not too many, all within it. */
static void ticks_of_any_range(void **state) {
    (void)state;
    td_rng r = td_rng_make(4, 0, TD_RNG_TEST);
    for (int i = 0; i < 20000; i++) {
        double size = pow(10, -6 + 12 * td_rng_uniform(&r)), v[2];
        bool log = td_rng_below(&r, 2);
        v[0] = log ? size : size * (td_rng_uniform(&r) - 0.5);
        v[1] = log ? size * pow(10, 8 * td_rng_uniform(&r)) : v[0] + size * td_rng_uniform(&r);
        td__axis a = {INFINITY, -INFINITY, 100, 0, log};
        td__ticks t;
        td__axis_hold(&a, v, 2);
        td__axis_round(&a);
        assert_true(a.lo < v[0] && a.hi > v[1]);
        int most = 4 + (int)td_rng_below(&r, 10);
        td__axis_ticks(&a, most, &t);
        assert_in_range(t.n, 1, most);
        for (int k = 0; k < t.n; k++) {
            double at = td__axis_at(&a, t.v[k]);
            assert_true(at >= -1e-6 && at <= 100 + 1e-6);
            assert_true(k == 0 || at < td__axis_at(&a, t.v[k - 1]));
        }
    }
}

static void positions(void **state) {
    (void)state;
    td__axis a = {10, 20, 100, 300, false};
    assert_near(td__axis_at(&a, 10), 100, 0);
    assert_near(td__axis_at(&a, 12.5), 150, 1e-12);
    td__axis down = {1, 100, 300, 100, true};
    assert_near(td__axis_at(&down, 10), 200, 1e-9);
    assert_near(td__axis_at(&down, 100), 100, 1e-9);
    assert_near(td__axis_at(&down, 0), 400, 1e-9);     /* no place: beyond the frame */
    assert_near(td__axis_at(&a, INFINITY), 400, 1e-9); /* not any further */
    td__axis none = {INFINITY, -INFINITY, 0, 1, false}, one = none;
    static const double same[] = {5, 5}, nothing[] = {NAN, INFINITY};
    td__axis_hold(&none, nothing, 2);
    td__axis_round(&none);
    assert_true(none.lo < 0 && none.hi > 1);
    td__axis_hold(&one, same, 2);
    td__axis_round(&one);
    assert_true(one.lo < 5 && one.hi > 5);
}

static void lines(void **state) {
    (void)state;
    static const double x[] = {1, 10, 100}, y[] = {-INFINITY, 2, 3},
                        low[] = {-INFINITY, -INFINITY, 2}, high[] = {1, 3, INFINITY};
    const td_plot_line line[] = {
        {.label = "a <b> & \"c\"\n", .x = x, .y = y, .low = low, .high = high, .n = 3},
        {.label = "empty"}};
    const td_plot p = {.title = "<&>", .x_label = "x", .y_label = "y", .log_x = true};
    td_text svg = {0};
    assert_ok(td_plot_lines(&p, line, 2, &svg, &err), &err);
    check_xml(svg.data);
    assert_null(strstr(svg.data, "nan"));
    assert_null(strstr(svg.data, "inf"));
    assert_non_null(strstr(svg.data, "a &lt;b&gt; &amp; &quot;c&quot; </text>"));
    assert_non_null(strstr(svg.data, "<title>&lt;&amp;&gt;</title>"));
    /* The median is one line of one step, from (10, 2) to (100, 3). */
    const char *path = strstr(svg.data, "stroke-width=\"1.8\"");
    assert_non_null(path);
    td__axis ax = {1, 100, 76, 76 + 560, true}, ay = {1, 3, 34 + 360, 34, false};
    td__axis_round(&ax);
    td__axis_round(&ay);
    char want[120];
    snprintf(want, sizeof want, "d=\"M%.2f %.2fH%.2fV%.2f\"", td__axis_at(&ax, 10),
             td__axis_at(&ay, 2), td__axis_at(&ax, 100), td__axis_at(&ay, 3));
    assert_non_null(strstr(path, want));
    assert_null(strstr(path + 1, "stroke-width=\"1.8\""));
    td_text_free(&svg);
    assert_ok(td_plot_lines(&(td_plot){0}, NULL, 0, &svg, &err), &err);
    check_xml(svg.data);
    td_text_free(&svg);
}

/* On a log scale 0 stands at the foot, which says so; of equal curves the later one has gaps. */
static void zero_on_a_log_scale(void **state) {
    (void)state;
    const double x[] = {1, 10, 100}, y[] = {3, 0.5, 0};
    const td_plot_line line[] = {{.label = "a", .x = x, .y = y, .n = 3},
                                 {.label = "b", .x = x, .y = y, .n = 3}};
    td_text svg = {0}, plain = {0};
    const td_plot p = {.log_y = true};
    assert_ok(td_plot_lines(&p, line, 2, &svg, &err), &err);
    check_xml(svg.data);
    assert_non_null(strstr(svg.data, "V393.10\"/>")); /* the frame ends at 394 */
    assert_non_null(strstr(svg.data, "y=\"398.00\" text-anchor=\"end\">0</text>"));
    assert_non_null(strstr(svg.data, "stroke-dasharray=\"none\" d="));
    assert_non_null(strstr(svg.data, "stroke-dasharray=\"7 5\" d="));
    const td_plot_line above = {.label = "a", .x = x, .y = y, .n = 2};
    assert_ok(td_plot_lines(&p, &above, 1, &plain, &err), &err);
    assert_null(strstr(plain.data, ">0</text>"));
    td_text_free(&svg);
    td_text_free(&plain);
}

static void strips(void **state) {
    (void)state;
    static const double v[] = {1, 2, -INFINITY, 2, 4};
    const td_plot_strip strip[] = {{.label = "one & two",
                                    .note = "1 of 5: none",
                                    .v = v,
                                    .n = 5,
                                    .median = 2,
                                    .low = -INFINITY,
                                    .high = 4},
                                   {.label = "none",
                                    .v = v + 2,
                                    .n = 1,
                                    .median = -INFINITY,
                                    .low = -INFINITY,
                                    .high = -INFINITY}};
    td_text svg = {0};
    assert_ok(td_plot_strips(&(td_plot){.title = "t"}, strip, 2, &svg, &err), &err);
    check_xml(svg.data);
    assert_null(strstr(svg.data, "nan"));
    assert_null(strstr(svg.data, "inf"));
    int points = 0, medians = 0;
    for (const char *s = svg.data; (s = strstr(s, "<circle")) != NULL; s++) points++;
    for (const char *s = svg.data; (s = strstr(s, "stroke-width=\"3\"")) != NULL; s++) medians++;
    assert_int_equal(points, 4);
    assert_int_equal(medians, 1);
    td_text_free(&svg);
}

/* Two decades a hundred pixels apart, so that places are known: the ridge of each roof, and points
 * that stand on its slope and on its peak. */
static void roofline(void **state) {
    (void)state;
    const double x[] = {1, 100, 10, -1, 5}, y[] = {10, 100, 100, 3, INFINITY};
    const td_plot_roof roof[] = {
        {.label = "a < b", .slope = 10, .peak = 100, .x = x, .y = y, .n = 5},
        {.label = "high", .slope = 10, .peak = 1000, .x = x, .y = y, .n = 1},
    };
    td_text svg = {0};
    assert_ok(td_plot_roofline(&(td_plot){.title = "t"}, roof, 2, &svg, &err), &err);
    check_xml(svg.data);
    assert_null(strstr(svg.data, "nan"));
    assert_null(strstr(svg.data, "inf"));
    int points = 0, n = 0;
    double cx[5], cy[5];
    for (const char *s = svg.data; (s = strstr(s, "<circle")) != NULL; s++, points++)
        assert_int_equal(sscanf(s, "<circle cx=\"%lf\" cy=\"%lf\"", &cx[points], &cy[points]), 2);
    assert_int_equal(points, 4); /* x of -1 and an infinite y are left out */
    const char *s = strstr(svg.data, "<path");
    double from[2], ridge[2], to[2];
    assert_non_null(s = strstr(s, "d=\"M"));
    n = sscanf(s, "d=\"M%lf %lfL%lf %lfL%lf %lf", &from[0], &from[1], &ridge[0], &ridge[1], &to[0],
               &to[1]);
    assert_int_equal(n, 6);
    /* The third point stands on the ridge; the first one on the slope, one decade away from it. */
    assert_near(cx[2], ridge[0], 0.02);
    assert_near(cy[2], ridge[1], 0.02);
    assert_near((cy[0] - ridge[1]) / (ridge[0] - cx[0]),
                (from[1] - ridge[1]) / (ridge[0] - from[0]), 0.01);
    assert_near(to[1], ridge[1], 0.02);
    assert_near(cy[1], ridge[1], 0.02);
    assert_true(from[0] < cx[0] && to[0] > cx[1]);
    td_text_free(&svg);
}

/* Widths of a bar's parts are to each other as their values, and bars share one scale. */
static void bars(void **state) {
    (void)state;
    td_text svg = {0};
    const double v[2][3] = {{1, 2, 3}, {4, 0, 8}};
    const td_plot_bar bar[] = {{"first & <last>", "6 J", v[0]}, {"second", "12 J", v[1]}};
    static const char *const part[] = {"MACs", "DRAM", "leakage"};
    const td_plot p = {.title = "bars", .x_label = "energy, J"};
    assert_ok(td_plot_bars(&p, bar, 2, part, 3, &svg, &err), &err);
    check_xml(svg.data);
    double width[16], x[16];
    int n = numbers(svg.data, "height=\"13.00\"", "fill=\"#", x, 16);
    assert_int_equal(n, 5); /* nothing is drawn of a part that is 0 */
    int k = 0;
    for (const char *s = svg.data; (s = strstr(s, "height=\"13.00\"")) != NULL; s++) {
        const char *from = s;
        while (strncmp(from, "<rect", 5) != 0) from--;
        assert_int_equal(sscanf(from, "<rect x=\"%lf\" y=\"%*f\" width=\"%lf\"", &x[k], &width[k]),
                         2);
        k++;
    }
    const double expected[] = {1, 2, 3, 4, 8};
    for (int i = 0; i < 5; i++) assert_near(width[i], width[0] * expected[i], 0.06);
    assert_near(x[1], x[0] + width[0], 0.02);
    assert_near(x[4], x[3] + width[3], 0.02);
    assert_near(x[3], x[0], 0.001);
    td_text_free(&svg);
}

/* Each cell has its value; the least is framed, and what is not known is no colour. */
static void heat_map(void **state) {
    (void)state;
    td_text svg = {0};
    static const char *const tick[] = {"1x", "2x", "4x"};
    const double v[] = {3, 2.5, NAN, 8, 1.25, 70};
    const td_plot p = {.title = "map", .x_label = "x", .y_label = "y"};
    const td_plot_heat h = {tick, tick, 3, 2, v, "latency, us"};
    assert_ok(td_plot_heat_map(&p, &h, &svg, &err), &err);
    check_xml(svg.data);
    static const char *const texts[] = {">3.00<", ">2.50<", ">-<", ">8.00<", ">1.25<", ">70.0<"};
    for (int i = 0; i < 6; i++) assert_non_null(strstr(svg.data, texts[i]));
    const char *frame = strstr(svg.data, "stroke=\"#d55e00\"");
    assert_non_null(frame);
    assert_null(strstr(frame + 1, "stroke=\"#d55e00\""));
    assert_non_null(strstr(frame, ">1.25<")); /* the text of the framed one comes last */
    assert_null(strstr(frame, ">70.0<"));
    td_text_free(&svg);
    /* Nothing is known: still a drawing. */
    const double none[] = {NAN, NAN, NAN, NAN, NAN, NAN};
    const td_plot_heat empty = {tick, tick, 3, 2, none, "latency, us"};
    assert_ok(td_plot_heat_map(&p, &empty, &svg, &err), &err);
    check_xml(svg.data);
    td_text_free(&svg);
}

static void ramp(void **state) {
    (void)state;
    assert_string_equal(td__ramp_colour(0).hex, "#fde725");
    assert_string_equal(td__ramp_colour(1).hex, "#440154");
    assert_string_equal(td__ramp_colour(0.5).hex, "#21918c");
    assert_string_equal(td__ramp_colour(NAN).hex, "#fde725");
    assert_false(td__ramp_colour(0).dark);
    assert_true(td__ramp_colour(1).dark);
}

static void points(void **state) {
    (void)state;
    td_text svg = {0};
    const double x[] = {1, 10, 100, NAN}, y[] = {5, 6, 7, 8}, z[] = {1, 2, 3, 4};
    const bool front[] = {true, true, false, true};
    const td_plot p = {.title = "front", .x_label = "x", .y_label = "y", .log_x = true};
    const td_plot_cloud c = {
        .x = x, .y = y, .z = z, .front = front, .n = 4, .z_label = "area, mm2"};
    assert_ok(td_plot_points(&p, &c, &svg, &err), &err);
    check_xml(svg.data);
    double cx[8], radius[8];
    assert_int_equal(numbers(svg.data, "<circle", " cx=\"", cx, 8), 3);
    assert_int_equal(numbers(svg.data, "<circle", " r=\"", radius, 8), 3);
    assert_true(radius[0] < radius[1]); /* the one beside the front first, below the others */
    assert_near(cx[0] - cx[2], cx[2] - cx[1], 0.02);
    td_text_free(&svg);
}

/* Names stand where there is room: never on a point or on each other. Points without a roof have a
 * dot in the legend. */
static void roofline_names(void **state) {
    (void)state;
    td_text svg = {0};
    const double x[] = {1, 1.001, 100}, y[] = {2, 2.001, 50}, far = 100, low = 5;
    static const char *const name[] = {"first", "second", "third"}, *const own[] = {"own"};
    const td_plot_roof roof[] = {{"roof", 10, 100, x, y, 3, name},
                                 {"others", 0, 0, &far, &low, 1, own}};
    const td_plot p = {.title = "t", .x_label = "x", .y_label = "y"};
    assert_ok(td_plot_roofline(&p, roof, 2, &svg, &err), &err);
    check_xml(svg.data);
    double at[8], foot[8];
    int n = numbers(svg.data, "<text", " x=\"", at, 0);
    for (const char *s = svg.data; (s = strstr(s, "font-size=\"10\"")) != NULL; s++) {
        const char *from = s;
        while (strncmp(from, "<text", 5) != 0) from--;
        assert_int_equal(sscanf(from, "<text x=\"%lf\" y=\"%lf\"", &at[n], &foot[n]), 2);
        n++;
    }
    assert_true(n >= 3);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            assert_true(fabs(foot[i] - foot[k]) >= 12 || fabs(at[i] - at[k]) > 25);
    double cx[8];
    assert_int_equal(numbers(svg.data, "<circle", " cx=\"", cx, 8), 5); /* and the legend's */
    td_text_free(&svg);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars),           cmocka_unit_test(heat_map),
        cmocka_unit_test(ramp),           cmocka_unit_test(points),
        cmocka_unit_test(roofline_names), cmocka_unit_test(roofline),
        cmocka_unit_test(ticks),          cmocka_unit_test(ticks_of_any_range),
        cmocka_unit_test(positions),      cmocka_unit_test(lines),
        cmocka_unit_test(strips),         cmocka_unit_test(zero_on_a_log_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
