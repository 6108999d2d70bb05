/* Pictures of a problem's trials: where each trial, the best so far and the front stand. */
#include "scratch.h"
#include "svg_read.h"
#include "tandem/report.h"

static td_error err;
enum { MOST = 16 };

typedef struct {
    td_trial_row t[MOST];
    int n;
} trials;

/* As answered; ncon 1: a constraint that is met at 0 and below. */
static void add(trials *all, const td_goals *g, td_state state, double a, double b, double con) {
    td_trial_row *t = &all->t[all->n];
    *t = (td_trial_row){.number = all->n++, .state = state, .params = "{}"};
    t->outcome = (td_outcome){.state = state, .nobj = g->nobj, .ncon = g->ncon};
    const double v[] = {a, b, 1, 1};
    for (int i = 0; i < g->nobj; i++) t->outcome.obj[i] = td_goals_value(g, i, v[i]);
    t->outcome.con[0] = t->told[0] = con;
    t->feasible = state == TD_TRIAL_DONE && con <= 0;
}

static td_blackbox *load(const char *objectives) {
    char text[400], *folder = scratch_make();
    td_blackbox *b = NULL;
    int n = snprintf(text, sizeof text,
                     "name: odd\nparameters: {x: {real: [0, 1]}}\nobjectives: [%s]\n"
                     "constraints: [leak]\nbudget: {trials: 9}\ncommand: ['true']\n",
                     objectives);
    scratch_write(folder, "p.yaml", text, (size_t)n);
    assert_ok(td_blackbox_load_with(scratch_path(folder, "p.yaml"), NULL, 0, &b, &err), &err);
    scratch_remove(folder);
    return b;
}

/* The drawing of this name; NULL: there is none. Free with free(). */
static char *drawing(const char *folder, const char *name) {
    FILE *f = fopen(scratch_path(folder, name), "r");
    if (f == NULL) return NULL;
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    assert_in_range(fread(text, 1, 1 << 16, f), 100, (1 << 16) - 1);
    fclose(f);
    check_xml(text);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    return text;
}

/* What is written of the trials; name NULL: no drawing. */
static char *draw(const td_blackbox *b, const trials *all, const char *name) {
    char *folder = scratch_make();
    assert_ok(td_report_problem_write(b, all->t, all->n, folder, &err), &err);
    char *text = name != NULL ? drawing(folder, name) : NULL;
    for (int i = 0; i < 2 && text == NULL; i++)
        assert_false(td_file_exists(scratch_path(folder, i ? "front.svg" : "history.svg")));
    scratch_remove(folder);
    return text;
}

/* Coordinates along the step line: M x y, then H x V y. */
static int steps(const char *svg, double *x, double *y) {
    const char *s = strstr(svg, "stroke-width=\"1.8\"");
    assert_non_null(s);
    s = strstr(s, " d=\"M");
    int n = 0, used = 0;
    assert_int_equal(sscanf(s, " d=\"M%lf %lf%n", &x[0], &y[0], &used), 2);
    for (n = 1; n < MOST; n++) {
        s += used;
        if (sscanf(s, "H%lfV%lf%n", &x[n], &y[n], &used) != 2) break;
    }
    assert_true(*s == '"');
    return n;
}

/* Four decades, so a log scale; what is infeasible, failed, stopped early or runs has no dot. */
static void history(void **state) {
    (void)state;
    double cx[MOST], cy[MOST], r[MOST], x[MOST], y[MOST];
    td_blackbox *b = load("'R&D cost'");
    const td_goals *g = td_blackbox_goals(b);
    trials all = {.n = 0};
    add(&all, g, TD_TRIAL_DONE, 1e-9, 0, 1);
    add(&all, g, TD_TRIAL_DONE, 1000, 0, 0);
    add(&all, g, TD_TRIAL_PRUNED, 1e-9, 0, 0);
    add(&all, g, TD_TRIAL_DONE, 10000, 0, -1);
    add(&all, g, TD_TRIAL_DONE, 10, 0, 0);
    add(&all, g, TD_TRIAL_FAILED, NAN, 0, 0);
    add(&all, g, TD_TRIAL_DONE, 10, 0, 0);
    add(&all, g, TD_TRIAL_RUNNING, NAN, 0, 0);
    char *svg = draw(b, &all, "history.svg");
    assert_non_null(svg);
    assert_non_null(strstr(svg, "odd: R&amp;D cost of feasible trials, the least so far"));
    assert_int_equal(numbers(svg, "<circle", " cx=\"", cx, MOST), 4);
    numbers(svg, "<circle", " cy=\"", cy, MOST);
    numbers(svg, "<circle", " r=\"", r, MOST);
    /* Those that are no better (3, 6) first and small, then those that are (1, 4). */
    assert_true(r[0] == r[1] && r[2] == r[3] && r[0] < r[2]);
    assert_near(cx[1] - cx[0], cx[3] - cx[2], 0.02);
    assert_near(cx[0] - cx[2], 2 * (cx[3] - cx[2]) / 3, 0.02);
    assert_near(cy[1], cy[3], 0);
    assert_near(cy[3] - cy[2], 2 * (cy[2] - cy[0]), 0.03); /* two decades and one */
    assert_int_equal(steps(svg, x, y), 3);
    assert_true(x[0] == cx[2] && y[0] == cy[2] && x[1] == cx[3] && y[1] == cy[3]);
    assert_true(y[2] == y[1]);
    assert_near(x[2] - x[1], cx[3] - cx[2], 0.02); /* to trial 7 */
    free(svg);
    td_blackbox_destroy(b);
}

/* Maximised ones as they were answered, on a linear scale; what no axis can hold is left out. */
static void a_maximised_one(void **state) {
    (void)state;
    double cx[MOST], cy[MOST], x[MOST], y[MOST];
    td_blackbox *b = load("{name: gain, goal: maximise}");
    trials all = {.n = 0};
    const double v[] = {-5, -1e300, 3, -1, 1.7e308, 3};
    for (int i = 0; i < 6; i++) add(&all, td_blackbox_goals(b), TD_TRIAL_DONE, v[i], 0, 0);
    char *svg = draw(b, &all, "history.svg");
    assert_non_null(svg);
    assert_non_null(strstr(svg, ": gain of feasible trials, the greatest so far"));
    assert_int_equal(numbers(svg, "<circle", " cx=\"", cx, MOST), 4);
    numbers(svg, "<circle", " cy=\"", cy, MOST);
    assert_int_equal(steps(svg, x, y), 3);
    assert_true(x[0] == cx[2] && y[0] == cy[2]); /* -5, the lowest */
    assert_true(y[1] < y[0] && y[1] == cy[3] && y[2] == y[1]);
    assert_near(cy[2] - cy[0], (cy[2] - cy[3]) / 2, 0.02); /* -1 halfway from -5 to 3 */
    free(svg);
    td_blackbox_destroy(b);
}

/* Every end of the line is a trial of the front, in their order, whichever way the axes go, and no
 * corner of it is beaten by a trial: the line bounds what is reached. */
static void front(void **state) {
    (void)state;
    static const char *const goal[] = {"minimise", "maximise"};
    for (int way = 0; way < 4; way++) {
        char text[120];
        bool up[] = {way & 1, way >> 1};
        double cx[MOST], cy[MOST], r[MOST], x[MOST], y[MOST],
            sign[] = {up[0] ? -1 : 1, up[1] ? -1 : 1};
        snprintf(text, sizeof text, "{name: mass, goal: %s}, {name: time, goal: %s}", goal[up[0]],
                 goal[up[1]]);
        td_blackbox *b = load(text);
        const double v[][2] = {{4, 4}, {6, 2}, {7, 7}, {1, 8}, {6, 5}, {2, 6}};
        trials all = {.n = 0};
        for (int i = 0; i < 6; i++)
            add(&all, td_blackbox_goals(b), TD_TRIAL_DONE, sign[0] * v[i][0], sign[1] * v[i][1], 0);
        add(&all, td_blackbox_goals(b), TD_TRIAL_DONE, 0, 0, 1); /* misses the constraint */
        char *svg = draw(b, &all, "front.svg");
        assert_non_null(svg);
        assert_non_null(strstr(svg, up[0] ? ">mass (maximised)<" : ">mass (minimised)<"));
        assert_int_equal(numbers(svg, "<circle", " cx=\"", cx, MOST), 6);
        numbers(svg, "<circle", " cy=\"", cy, MOST);
        numbers(svg, "<circle", " r=\"", r, MOST);
        assert_true(r[1] < r[2]);                   /* (7, 7) and (6, 5) are beaten */
        static const int in_order[] = {4, 5, 2, 3}; /* circles of (1, 8), (2, 6), (4, 4), (6, 2) */
        assert_int_equal(steps(svg, x, y), 4);
        for (int k = 0; k < 4; k++) assert_true(x[k] == cx[in_order[k]] && y[k] == cy[in_order[k]]);
        assert_true(up[0] ? x[0] > x[3] : x[0] < x[3]);
        assert_true(up[1] ? y[0] > y[3] : y[0] < y[3]); /* pixels go down */
        free(svg);
        td_blackbox_destroy(b);
    }
}

static void nothing_to_draw(void **state) {
    (void)state;
    static const char *const objectives[] = {"a", "a, b", "a, b, c"};
    for (int k = 0; k < 3; k++) {
        td_blackbox *b = load(objectives[k]);
        trials all = {.n = 0};
        assert_null(draw(b, &all, NULL)); /* no trial at all */
        add(&all, td_blackbox_goals(b), TD_TRIAL_DONE, 1, 1, 1);
        add(&all, td_blackbox_goals(b), TD_TRIAL_FAILED, NAN, NAN, NAN);
        if (k == 2) add(&all, td_blackbox_goals(b), TD_TRIAL_DONE, 1, 1, 0); /* a front of three */
        assert_null(draw(b, &all, NULL));
        td_blackbox_destroy(b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history),
        cmocka_unit_test(a_maximised_one),
        cmocka_unit_test(front),
        cmocka_unit_test(nothing_to_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
