#include "blackbox.h"

#include <math.h>
#include <string.h>

/* Branin's function, shifted by a category. */
static td_outcome branin_cat(const double *x) {
    static const double dx[] = {0, 1, -2}, dy[] = {0, 2, 0}, off[] = {5, 0, 10};
    int c = (int)x[2];
    double u = x[0] + dx[c], v = x[1] + dy[c];
    double a = v - 5.1 / (4 * M_PI * M_PI) * u * u + 5 / M_PI * u - 6;
    double f = a * a + 10 * (1 - 1 / (8 * M_PI)) * cos(u) + 10 + off[c];
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {f}};
}

static td_outcome ackley(const double *x) {
    static const double s[] = {3, -5, 7, -2, 0, 4, -6, 1, -3, 5};
    double square = 0, wave = 0;
    for (int i = 0; i < 10; i++) {
        double y = 2 * (x[i] - s[i]);
        square += y * y / 10;
        wave += cos(2 * M_PI * y) / 10;
    }
    double f = -20 * exp(-0.2 * sqrt(square)) - exp(wave) + 20 + M_E;
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {f}};
}

/* Pressure vessel (Sandgren 1990): thicknesses in sixteenths of an inch, radius, length. */
static td_outcome vessel(const double *x) {
    double z1 = 0.0625 * x[0], z2 = 0.0625 * x[1], r = x[2], l = x[3];
    double f =
        0.6224 * z1 * r * l + 1.7781 * z2 * r * r + 3.1661 * z1 * z1 * l + 19.84 * z1 * z1 * r;
    return (td_outcome){.state = TD_TRIAL_DONE,
                        .nobj = 1,
                        .obj = {f},
                        .ncon = 4,
                        .con = {-z1 + 0.0193 * r, -z2 + 0.00954 * r,
                                -M_PI * r * r * l - 4.0 / 3 * M_PI * r * r * r + 1296000, l - 240}};
}

static td_outcome zdt1(const double *x, int n) {
    double g = 1;
    for (int i = 1; i < n; i++) g += 9 * x[i] / (n - 1);
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 2, .obj = {x[0], g * (1 - sqrt(x[0] / g))}};
}

static td_outcome zdt1_10(const double *x) {
    return zdt1(x, 10);
}

static td_outcome zdt1_30(const double *x) {
    return zdt1(x, 30);
}

static td_outcome dtlz2_11(const double *x) {
    double g = 0;
    for (int i = 1; i < 11; i++) g += (x[i] - 0.5) * (x[i] - 0.5);
    return (td_outcome){.state = TD_TRIAL_DONE,
                        .nobj = 2,
                        .obj = {(1 + g) * cos(x[0] * M_PI / 2), (1 + g) * sin(x[0] * M_PI / 2)}};
}

/* Dixon and Szegoe 1978. */
static td_outcome hartmann6(const double *x) {
    static const double scale[4] = {1, 1.2, 3, 3.2};
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
    static const double p[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                   {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                   {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                   {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
    double f = 0;
    for (int i = 0; i < 4; i++) {
        double sum = 0;
        for (int k = 0; k < 6; k++) sum += a[i][k] * (x[k] - p[i][k]) * (x[k] - p[i][k]);
        f -= scale[i] * exp(-sum);
    }
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {f}};
}

static td_outcome rosenbrock6(const double *x) {
    double f = 0;
    for (int i = 0; i < 5; i++) f += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {f}};
}

static td_outcome rastrigin10(const double *x) {
    double f = 100;
    for (int i = 0; i < 10; i++) f += (x[i] - 1) * (x[i] - 1) - 10 * cos(2 * M_PI * (x[i] - 1));
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {f}};
}

/* Welded beam (Ragsdell and Phillips 1976): height and length of the weld, thickness and breadth of
 * the bar, in inches. Stresses, load and deflection relative to their limits. */
static td_outcome beam(const double *x) {
    double h = x[0], l = x[1], t = x[2], b = x[3], force = 6000, length = 14, e = 30e6, g = 12e6;
    double mean = (h + t) / 2, arm = sqrt(l * l / 4 + mean * mean);
    double polar = 2 * sqrt(2) * h * l * (l * l / 12 + mean * mean);
    double direct = force / (sqrt(2) * h * l), twist = force * (length + l / 2) * arm / polar;
    double shear = sqrt(direct * direct + direct * twist * l / arm + twist * twist);
    double buckles = 4.013 * e * sqrt(t * t * pow(b, 6) / 36) / (length * length) *
                     (1 - t / (2 * length) * sqrt(e / (4 * g)));
    return (td_outcome){.state = TD_TRIAL_DONE,
                        .nobj = 1,
                        .obj = {1.10471 * h * h * l + 0.04811 * t * b * (14 + l)},
                        .ncon = 5,
                        .con = {shear / 13600 - 1, 6 * force * length / (b * t * t) / 30000 - 1,
                                h - b, 4 * force * pow(length, 3) / (e * pow(t, 3) * b) / 0.25 - 1,
                                1 - buckles / force}};
}

/* Weight of a spring (Arora 1989): wire, coil, number of active coils. */
static td_outcome spring(const double *x) {
    double w = x[0], c = x[1], n = x[2];
    return (td_outcome){.state = TD_TRIAL_DONE,
                        .nobj = 1,
                        .obj = {(n + 2) * c * w * w},
                        .ncon = 4,
                        .con = {1 - c * c * c * n / (71785 * pow(w, 4)),
                                (4 * c * c - w * c) / (12566 * (c * pow(w, 3) - pow(w, 4))) +
                                    1 / (5108 * w * w) - 1,
                                1 - 140.45 * w / (c * c * n), (c + w) / 1.5 - 1}};
}

/* Two ways, each with decisions of its own; the better one is narrow. Some points cannot be built.
 * 0 at way 1, depth 7, share 0.3. */
static td_outcome ways(const double *x) {
    if (x[0] == 1 && x[2] * x[3] > 4.5)
        return (td_outcome){.state = TD_TRIAL_INFEASIBLE, .nobj = 0};
    double f =
        x[0] == 0 ? 1 + 4 * pow(x[1] - 0.7, 2) : 0.1 * pow(x[2] - 7, 2) + 30 * pow(x[3] - 0.3, 2);
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {f + 0.3 * (x[4] != 2)}};
}

/* Five reals, two integers, three names of five: what an ask costs is measured on it. The best
 * names are C, A, E. */
static td_outcome mixed10(const double *x) {
    double f = 0;
    for (int i = 0; i < 5; i++) f += pow(x[i] - 0.1 * (i + 2), 2);
    f += pow((x[5] - 11) / 20, 2) + pow((x[6] - 40) / 64, 2) + 0.5 * (x[5] / 20) * x[0];
    f += 0.2 * fabs(x[7] - 2) + 0.3 * (x[8] != 0) + (x[9] == 4 ? 0 : 0.1 + 0.2 * x[1]);
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {f}};
}

/* Three ways, of which one is worth the tuning of its own two numbers; a decision that does not
 * matter but for a limit. 0 at way 1, rate 10^-3.3, count 37. */
static td_outcome branches(const double *x) {
    double f = x[0] == 0   ? 2 + pow(x[1] - 0.3, 2)
               : x[0] == 1 ? 0.5 * fabs(log10(x[2]) + 3.3) + pow(x[3] - 37, 2) / 1e4
                           : 1.5 + pow(2, x[4]) / 10;
    return (td_outcome){
        .state = TD_TRIAL_DONE, .nobj = 1, .obj = {f}, .ncon = 1, .con = {x[5] - 8}};
}

static td_outcome zdt3_10(const double *x) {
    double g = 1;
    for (int i = 1; i < 10; i++) g += x[i];
    double f2 = g * (1 - sqrt(x[0] / g) - x[0] / g * sin(10 * M_PI * x[0]));
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 2, .obj = {x[0], f2}};
}

static td_outcome dtlz2_3(const double *x) {
    double g = 0, a = x[0] * M_PI / 2, b = x[1] * M_PI / 2;
    for (int i = 2; i < 7; i++) g += (x[i] - 0.5) * (x[i] - 0.5);
    return (td_outcome){
        .state = TD_TRIAL_DONE,
        .nobj = 3,
        .obj = {(1 + g) * cos(a) * cos(b), (1 + g) * cos(a) * sin(b), (1 + g) * sin(a)}};
}

/* Binh and Korn 1997. */
static td_outcome binh(const double *x) {
    return (td_outcome){
        .state = TD_TRIAL_DONE,
        .nobj = 2,
        .obj = {4 * x[0] * x[0] + 4 * x[1] * x[1], pow(x[0] - 5, 2) + pow(x[1] - 5, 2)},
        .ncon = 2,
        .con = {pow(x[0] - 5, 2) + x[1] * x[1] - 25, 7.7 - pow(x[0] - 8, 2) - pow(x[1] + 3, 2)}};
}

#define REAL(NAME, LO, HI)                                                                         \
    { .name = NAME, .kind = TD_REAL_RANGE, .parent = -1, .lo = LO, .hi = HI }
#define WHOLE(NAME, LO, HI)                                                                        \
    { .name = NAME, .kind = TD_INTEGER, .parent = -1, .lo = LO, .hi = HI }
#define UNIT(NAME) REAL(NAME, 0, 1)
#define NAMES(NAME)                                                                                \
    { .name = NAME, .kind = TD_CATEGORICAL, .n = 5, .parent = -1, .label = categories }
#define WIDE(NAME) REAL(NAME, -3, 3)
#define SHIFTED(NAME) WHOLE(NAME, -16, 16)
#define TEN                                                                                        \
    UNIT("x0"), UNIT("x1"), UNIT("x2"), UNIT("x3"), UNIT("x4"), UNIT("x5"), UNIT("x6"),            \
        UNIT("x7"), UNIT("x8"), UNIT("x9")
#define TWENTY_MORE                                                                                \
    UNIT("x10"), UNIT("x11"), UNIT("x12"), UNIT("x13"), UNIT("x14"), UNIT("x15"), UNIT("x16"),     \
        UNIT("x17"), UNIT("x18"), UNIT("x19"), UNIT("x20"), UNIT("x21"), UNIT("x22"), UNIT("x23"), \
        UNIT("x24"), UNIT("x25"), UNIT("x26"), UNIT("x27"), UNIT("x28"), UNIT("x29")

static const double powers[] = {1, 2, 4, 8};
static const char *const categories[] = {"A", "B", "C", "D", "E"};
static const blackbox problems[] = {
    {.name = "branin_cat",
     .n = 3,
     .decision = {REAL("x1", -5, 10),
                  REAL("x2", 0, 15),
                  {.name = "c", .kind = TD_CATEGORICAL, .n = 3, .parent = -1, .label = categories}},
     .nobj = 1,
     .optimum = 0.39788735772973816,
     .evaluate = branin_cat},
    {.name = "ackley10_int",
     .n = 10,
     .decision = {SHIFTED("k0"), SHIFTED("k1"), SHIFTED("k2"), SHIFTED("k3"), SHIFTED("k4"),
                  SHIFTED("k5"), SHIFTED("k6"), SHIFTED("k7"), SHIFTED("k8"), SHIFTED("k9")},
     .nobj = 1,
     .optimum = 0,
     .evaluate = ackley},
    {.name = "pressure_vessel",
     .n = 4,
     .decision = {WHOLE("n1", 1, 99), WHOLE("n2", 1, 99), REAL("R", 10, 200), REAL("L", 10, 200)},
     .nobj = 1,
     .optimum = 6059.714335048436,
     .evaluate = vessel},
    {.name = "zdt1_30",
     .n = 30,
     .decision = {TEN, TWENTY_MORE},
     .nobj = 2,
     .reference = {11, 11},
     .evaluate = zdt1_30},
    {.name = "zdt1_10",
     .n = 10,
     .decision = {TEN},
     .nobj = 2,
     .reference = {1.1, 1.1},
     .evaluate = zdt1_10},
    {.name = "dtlz2_11",
     .n = 11,
     .decision = {TEN, UNIT("x10")},
     .nobj = 2,
     .reference = {1.1, 1.1},
     .evaluate = dtlz2_11},
    {.name = "hartmann6",
     .n = 6,
     .decision = {UNIT("x0"), UNIT("x1"), UNIT("x2"), UNIT("x3"), UNIT("x4"), UNIT("x5")},
     .nobj = 1,
     .optimum = -3.32236801,
     .evaluate = hartmann6},
    {.name = "rosenbrock6",
     .n = 6,
     .decision = {WIDE("x0"), WIDE("x1"), WIDE("x2"), WIDE("x3"), WIDE("x4"), WIDE("x5")},
     .nobj = 1,
     .optimum = 0,
     .evaluate = rosenbrock6},
    {.name = "rastrigin10",
     .n = 10,
     .decision = {WIDE("x0"), WIDE("x1"), WIDE("x2"), WIDE("x3"), WIDE("x4"), WIDE("x5"),
                  WIDE("x6"), WIDE("x7"), WIDE("x8"), WIDE("x9")},
     .nobj = 1,
     .optimum = 0,
     .evaluate = rastrigin10},
    {.name = "welded_beam",
     .n = 4,
     .decision = {REAL("h", 0.1, 2), REAL("l", 0.1, 10), REAL("t", 0.1, 10), REAL("b", 0.1, 2)},
     .nobj = 1,
     .optimum = 1.724852,
     .evaluate = beam},
    {.name = "spring",
     .n = 3,
     .decision = {REAL("wire", 0.05, 2), REAL("coil", 0.25, 1.3), REAL("coils", 2, 15)},
     .nobj = 1,
     .optimum = 0.012665,
     .evaluate = spring},
    {.name = "ways",
     .n = 5,
     .decision =
         {{.name = "way", .kind = TD_CATEGORICAL, .n = 2, .parent = -1},
          {.name = "x", .kind = TD_REAL_RANGE, .parent = 0, .when = 1, .lo = 0, .hi = 1},
          {.name = "depth", .kind = TD_INTEGER, .parent = 0, .when = 2, .lo = 1, .hi = 20},
          {.name = "share", .kind = TD_REAL_RANGE, .parent = 0, .when = 2, .lo = 0, .hi = 1},
          {.name = "c", .kind = TD_CATEGORICAL, .n = 5, .parent = -1, .label = categories}},
     .nobj = 1,
     .optimum = 0,
     .evaluate = ways},
    {.name = "branches",
     .n = 6,
     .decision =
         {{.name = "way", .kind = TD_CATEGORICAL, .n = 3, .parent = -1, .label = categories},
          {.name = "u", .kind = TD_REAL_RANGE, .parent = 0, .when = 1, .lo = 0, .hi = 1},
          {.name = "rate",
           .kind = TD_REAL_RANGE,
           .parent = 0,
           .when = 2,
           .lo = 1e-6,
           .hi = 1,
           .log = true},
          {.name = "count",
           .kind = TD_INTEGER,
           .parent = 0,
           .when = 2,
           .lo = 1,
           .hi = 4096,
           .log = true},
          {.name = "q", .kind = TD_ORDERED, .n = 4, .parent = 0, .when = 4, .value = powers},
          WHOLE("z", 0, 10)},
     .nobj = 1,
     .optimum = 0,
     .evaluate = branches},
    {.name = "mixed10",
     .n = 10,
     .decision = {UNIT("x0"), UNIT("x1"), UNIT("x2"), UNIT("x3"), UNIT("x4"), WHOLE("k", 1, 20),
                  WHOLE("m", 1, 64), NAMES("a"), NAMES("b"), NAMES("c")},
     .nobj = 1,
     .evaluate = mixed10},
    {.name = "zdt3_10",
     .n = 10,
     .decision = {TEN},
     .nobj = 2,
     .reference = {1.1, 1.1},
     .evaluate = zdt3_10},
    {.name = "dtlz2_3",
     .n = 7,
     .decision = {UNIT("x0"), UNIT("x1"), UNIT("x2"), UNIT("x3"), UNIT("x4"), UNIT("x5"),
                  UNIT("x6")},
     .nobj = 3,
     .reference = {1.1, 1.1, 1.1},
     .evaluate = dtlz2_3},
    {.name = "binh",
     .n = 2,
     .decision = {REAL("x", 0, 5), REAL("y", 0, 3)},
     .nobj = 2,
     .reference = {140, 50},
     .evaluate = binh},
};

const blackbox *blackbox_at(int i) {
    return i < (int)(sizeof problems / sizeof problems[0]) ? &problems[i] : NULL;
}

const blackbox *blackbox_find(const char *name) {
    for (int i = 0; blackbox_at(i) != NULL; i++)
        if (strcmp(problems[i].name, name) == 0) return &problems[i];
    return NULL;
}

static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err) {
    (void)self, (void)c, (void)a, (void)d;
    return td_fail(err, TD_E_USAGE, "a function has no design");
}

void blackbox_space(const blackbox *b, td_space *s) {
    *s = (td_space){.name = b->name, .d = b->decision, .n = b->n, .self = b, .build = build};
}
