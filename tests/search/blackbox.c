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

#define REAL(NAME, LO, HI)                                                                         \
    { .name = NAME, .kind = TD_REAL_RANGE, .parent = -1, .lo = LO, .hi = HI }
#define WHOLE(NAME, LO, HI)                                                                        \
    { .name = NAME, .kind = TD_INTEGER, .parent = -1, .lo = LO, .hi = HI }
#define UNIT(NAME) REAL(NAME, 0, 1)
#define SHIFTED(NAME) WHOLE(NAME, -16, 16)
#define TEN                                                                                        \
    UNIT("x0"), UNIT("x1"), UNIT("x2"), UNIT("x3"), UNIT("x4"), UNIT("x5"), UNIT("x6"),            \
        UNIT("x7"), UNIT("x8"), UNIT("x9")
#define TWENTY_MORE                                                                                \
    UNIT("x10"), UNIT("x11"), UNIT("x12"), UNIT("x13"), UNIT("x14"), UNIT("x15"), UNIT("x16"),     \
        UNIT("x17"), UNIT("x18"), UNIT("x19"), UNIT("x20"), UNIT("x21"), UNIT("x22"), UNIT("x23"), \
        UNIT("x24"), UNIT("x25"), UNIT("x26"), UNIT("x27"), UNIT("x28"), UNIT("x29")

static const char *const categories[] = {"A", "B", "C"};
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
