#include "codesign.h"

#include <string.h>

#define VALUES(...)                                                                                \
    (const double[]) {                                                                             \
        __VA_ARGS__                                                                                \
    }
#define CHOICE(NAME, COUNT, ...)                                                                   \
    {                                                                                              \
        .name = NAME, .kind = TD_ORDERED, .n = COUNT, .parent = -1, .value = (const double[]) {    \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
/* Of the accelerator. */
#define COST(NAME, COUNT, ...)                                                                     \
    {                                                                                              \
        .name = NAME, .kind = TD_ORDERED, .n = COUNT, .parent = -1, .costs_only = true,            \
        .value = (const double[]) {                                                                \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define UNDER(PARENT, WHEN, NAME, COUNT, ...)                                                      \
    {                                                                                              \
        .name = NAME, .kind = TD_ORDERED, .n = COUNT, .parent = PARENT, .when = WHEN,              \
        .value = (const double[]) {                                                                \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
/* depth, width, then kernel and expansion of three blocks; blocks 2 and 3 hang on the depth. */
#define STAGE(AT, S)                                                                               \
    CHOICE(S ".depth", 3, 1, 2, 3), CHOICE(S ".width", 4, .5, .75, 1, 1.25),                       \
        CHOICE(S ".b1.kernel", 3, 3, 5, 7), CHOICE(S ".b1.expansion", 2, 3, 6),                    \
        UNDER(AT, 6, S ".b2.kernel", 3, 3, 5, 7), UNDER(AT, 6, S ".b2.expansion", 2, 3, 6),        \
        UNDER(AT, 4, S ".b3.kernel", 3, 3, 5, 7), UNDER(AT, 4, S ".b3.expansion", 2, 3, 6)
enum { STAGES = 3, PER_STAGE = 8, HW = STAGES * PER_STAGE };

static const td_decision decisions[] = {STAGE(0, "s1"),
                                        STAGE(8, "s2"),
                                        STAGE(16, "s3"),
                                        COST("pe_x", 4, 1, 2, 3, 4),
                                        COST("pe_y", 4, 1, 2, 3, 4),
                                        COST("simd", 4, 4, 8, 16, 32),
                                        COST("lanes", 3, 1, 2, 4),
                                        COST("local_kb", 5, 16, 32, 64, 128, 256),
                                        COST("io_gbps", 6, .1, .2, .4, .8, 1.6, 3.2)};
_Static_assert(sizeof decisions / sizeof decisions[0] == CODESIGN_DECISIONS, "as the header says");

const td_space *codesign_space(void) {
    static const td_space space = {.name = "codesign", .d = decisions, .n = CODESIGN_DECISIONS};
    return &space;
}

static double value(const td_choices *c, int i) {
    return decisions[i].value[(int)c->v[i]];
}

typedef struct {
    double macs, weight_bytes, depthwise_macs, capacity;
} network;

static network measure(const td_choices *c) {
    static const double base[STAGES] = {24, 32, 64}, pixels[STAGES] = {196, 49, 49};
    network n = {0};
    double in_c = 16;
    for (int s = 0; s < STAGES; s++) {
        int at = s * PER_STAGE, depth = (int)value(c, at);
        double out_c = 8 * floor(base[s] * value(c, at + 1) / 8 + .5);
        for (int b = 0; b < depth; b++) {
            double k = value(c, at + 2 + 2 * b), e = value(c, at + 3 + 2 * b), wide = e * in_c;
            double pointwise = wide * (in_c + out_c), depthwise = wide * k * k;
            n.macs += pixels[s] * pointwise;
            n.depthwise_macs += pixels[s] * depthwise;
            n.weight_bytes += pointwise + depthwise;
            /* Larger kernels help where maps are large, with less and less to gain. */
            n.capacity += log2(wide * out_c) * (1 + .04 * (s == 0 ? k - 3 : 0)) / (1 + .3 * b);
            in_c = out_c;
        }
    }
    return n;
}

td_outcome codesign_evaluate(const td_choices *c, double ease) {
    double pes = value(c, HW) * value(c, HW + 1), simd = value(c, HW + 2), lanes = value(c, HW + 3);
    double local = value(c, HW + 4), io = value(c, HW + 5), per_cycle = pes * simd * lanes * 4;
    if (lanes * simd > 64 || pes * local < 64 || 4 * lanes * simd * 48 > local * 1024)
        return (td_outcome){.state = TD_TRIAL_INFEASIBLE};
    network n = measure(c);
    /* What does not fit on chip is streamed for every image. */
    double kept = fmin(n.weight_bytes, .75 * pes * local * 1024);
    double streamed = n.weight_bytes - kept + 784;
    double compute_s = (n.macs / (.7 * per_cycle) + n.depthwise_macs / (pes * lanes * 8)) / 4e8;
    double latency_us = 1e6 * fmax(compute_s, streamed / (io * 1e9));
    double area = .05 + per_cycle * 225e-6 + pes * local / 1024 * 1.4 + .15 * io;
    td_outcome o = {.nobj = 1, .ncon = 2};
    o.con[0] = latency_us / (ease * 30) - 1;
    o.con[1] = area / (ease * .4) - 1;
    o.state = o.con[0] <= 0 && o.con[1] <= 0 ? TD_TRIAL_DONE : TD_TRIAL_INFEASIBLE;
    /* The noise of a training, the same at every visit of a network. */
    td_choices net = {HW, c->v};
    td_rng r = td_rng_make(td_choices_hash(&net), 0, TD_RNG_NOISE);
    o.obj[0] = -(.93 - .3 * exp(-n.capacity / 30) + .002 * td_rng_normal(&r));
    o.fidelity = 1;
    return o;
}
