#include "spaces.h"

static const double two[] = {1, 2}, three[] = {1, 2, 3};

static const td_decision tree_decisions[] = {
    {.name = "kind", .kind = TD_CATEGORICAL, .n = 3, .parent = -1, .value = three},
    {.name = "size", .kind = TD_ORDERED, .n = 3, .parent = 0, .when = 6, .value = three},
    {.name = "fine", .kind = TD_ORDERED, .n = 2, .parent = 1, .when = 7, .value = two},
    {.name = "flag", .kind = TD_CATEGORICAL, .n = 2, .parent = 0, .when = 1, .value = two}};
const td_space space_tree = {.name = "tree", .d = tree_decisions, .n = 4};

static const td_decision two_decisions[] = {
    {.name = "x", .kind = TD_ORDERED, .n = 2, .parent = -1, .value = two}};
const td_space space_two = {.name = "two", .d = two_decisions, .n = 1};

static const td_decision point_decisions[] = {
    {.name = "x", .kind = TD_CATEGORICAL, .n = 1, .parent = -1, .value = two},
    {.name = "y", .kind = TD_REAL_RANGE, .parent = -1, .lo = .5, .hi = .5}};
const td_space space_point = {.name = "point", .d = point_decisions, .n = 2};

const td_space space_empty = {.name = "empty"};

static const double four[] = {0, 1, 2, 3};
static const td_decision small_decisions[] = {
    {.name = "a", .kind = TD_CATEGORICAL, .n = 4, .parent = -1, .value = four},
    {.name = "b", .kind = TD_ORDERED, .n = 4, .parent = -1, .value = four},
    {.name = "c", .kind = TD_INTEGER, .parent = -1, .lo = 0, .hi = 3, .costs_only = true}};
const td_space space_small = {.name = "small", .d = small_decisions, .n = 3};

static const td_decision mixed_decisions[] = {
    {.name = "rate", .kind = TD_REAL_RANGE, .parent = -1, .lo = 1e-4, .hi = 1, .log = true},
    {.name = "units", .kind = TD_INTEGER, .parent = -1, .lo = -3, .hi = 12},
    {.name = "momentum", .kind = TD_REAL_RANGE, .parent = 1, .when = 0xfff0, .lo = 0, .hi = .9}};
const td_space space_mixed = {.name = "mixed", .d = mixed_decisions, .n = 3};

#define TEN(A) A, A + 1, A + 2, A + 3, A + 4, A + 5, A + 6, A + 7, A + 8, A + 9
#define HUNDRED(A)                                                                                 \
    TEN(A), TEN(A + 10), TEN(A + 20), TEN(A + 30), TEN(A + 40), TEN(A + 50), TEN(A + 60),          \
        TEN(A + 70), TEN(A + 80), TEN(A + 90)
static const double many[] = {HUNDRED(0)};

static const td_decision wide_decisions[] = {
    {.name = "count", .kind = TD_INTEGER, .parent = -1, .lo = -1000, .hi = 1e12},
    {.name = "name", .kind = TD_CATEGORICAL, .n = 100, .parent = -1, .value = many},
    {.name = "rank", .kind = TD_ORDERED, .n = 40, .parent = -1, .value = many},
    {.name = "small", .kind = TD_REAL_RANGE, .parent = 2, .when = 0xff, .lo = -1, .hi = -.5}};
const td_space space_wide = {.name = "wide", .d = wide_decisions, .n = 4};

static const td_decision known_decisions[] = {
    {.name = "tile", .kind = TD_INTEGER, .parent = -1, .lo = 1, .hi = 64},
    {.name = "share", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 1},
    {.name = "way", .kind = TD_CATEGORICAL, .n = 3, .parent = -1, .value = three},
    {.name = "banks", .kind = TD_ORDERED, .n = 4, .parent = 2, .when = 6, .value = four}};
static bool known_allows(const void *self, const td_choices *c) {
    (void)self;
    double banks = isnan(c->v[3]) ? 0 : c->v[3];
    return c->v[0] * c->v[1] <= 2 + 2 * banks && c->v[0] + 10 * banks >= 12;
}
const td_space space_known = {
    .name = "known", .d = known_decisions, .n = 4, .allows = known_allows};

static bool rare_allows(const void *self, const td_choices *c) {
    (void)self;
    return c->v[0] > 950 && fabs(c->v[1] - 0.5) < 0.01 && c->v[2] == 1;
}
static const td_decision rare_decisions[] = {
    {.name = "tile", .kind = TD_INTEGER, .parent = -1, .lo = 1, .hi = 1000},
    {.name = "share", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 1},
    {.name = "way", .kind = TD_CATEGORICAL, .n = 3, .parent = -1, .value = three}};
const td_space space_rare = {.name = "rare", .d = rare_decisions, .n = 3, .allows = rare_allows};

#define SIX(NAME)                                                                                  \
    { .name = NAME, .kind = TD_ORDERED, .n = 6, .parent = -1, .value = many }
static const td_decision flat_decisions[] = {
    SIX("a"),
    SIX("b"),
    SIX("c"),
    SIX("d"),
    SIX("e"),
    SIX("f"),
    SIX("g"),
    SIX("h"),
    SIX("i"),
    SIX("j"),
    {.name = "k", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 5},
    {.name = "l", .kind = TD_REAL_RANGE, .parent = -1, .lo = 1, .hi = 1e5, .log = true}};
const td_space space_flat = {.name = "flat", .d = flat_decisions, .n = 12};
