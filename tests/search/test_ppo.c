/* ppo against the same method written down once more, plainly: two independent softmaxes, every
 * trial kept, no ring, no policy.h. What both hold for the probability of a choice is compared
 * through how often ppo asks it. */
#include "common.h"

#include "tandem/search.h"

enum { PARTS = 32, TRIALS = 60, LOOKS = 6000 };

/* One bit that matters, and a real so that no vector is drawn twice. */
static const td_decision decisions[] = {
    {.name = "bit", .kind = TD_CATEGORICAL, .n = 2, .parent = -1},
    {.name = "real", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 1}};
static const td_space space = {.name = "bit", .d = decisions, .n = 2};

typedef struct {
    const char *text;
    int batch, epochs, baseline; /* 0 none, 1 the batch's mean, 2 moving average */
    double clip, rate, entropy, decay;
    bool normalise;
    int lag, other; /* lag: 3 at most until trial 24; other: every so many-th trial is told with the
                       other bit, 0: none */
} setting;

static const setting settings[] = {
    {"{batch: 4, epochs: 1, rate: .3, clip: .2, entropy: 0}", 4, 1, 1, .2, .3, 0, 0, true, 0, 0},
    {"{batch: 4, epochs: 1, rate: .3, clip: .2, entropy: 0}", 4, 1, 1, .2, .3, 0, 0, true, 30, 0},
    {"{batch: 5, epochs: 3, rate: .1, clip: .1, entropy: .2}", 5, 3, 1, .1, .1, .2, 0, true, 3, 0},
    {"{batch: 7, epochs: 4, rate: .05, clip: .3, entropy: .05, baseline: ema, decay: .7,"
     " normalise: false}",
     7, 4, 2, .3, .05, .05, .7, false, 8, 0},
    {"{batch: 3, epochs: 2, rate: .02, clip: .3, entropy: 0, baseline: none}", 3, 2, 0, .3, .02, 0,
     0, true, 5, 0},
    {"{batch: 4, epochs: 3, rate: .1, clip: .2, entropy: .01}", 4, 3, 1, .2, .1, .01, 0, true, 6,
     3},
};

/* ---- the plain one --------------------------------------------------------------------------- */

typedef struct {
    double theta[2][PARTS], m[2][PARTS], s[2][PARTS];
    double average;
    int steps, updates;
} model;

typedef struct {
    int choice[2];
    double asked; /* log P when it was asked */
    double reward;
} trial;

static int choices_of(int i) {
    return i == 0 ? 2 : PARTS;
}

static void softmax(const model *m, int i, double *p) {
    double sum = 0;
    for (int k = 0; k < choices_of(i); k++) sum += p[k] = exp(m->theta[i][k]);
    for (int k = 0; k < choices_of(i); k++) p[k] /= sum;
}

static double log_probability(const model *m, const int choice[2]) {
    double p[2][PARTS];
    for (int i = 0; i < 2; i++) softmax(m, i, p[i]);
    return log(p[0][choice[0]] * p[1][choice[1]]);
}

static void learn(model *m, const setting *o, const trial *t) {
    double mean = 0, square = 0, advantage[16];
    for (int k = 0; k < o->batch; k++) mean += t[k].reward / o->batch;
    double baseline = o->baseline == 0                      ? 0
                      : o->baseline == 1 || m->updates == 0 ? mean
                                                            : m->average;
    m->average = m->updates++ == 0 ? mean : o->decay * m->average + (1 - o->decay) * mean;
    for (int k = 0; k < o->batch; k++) {
        advantage[k] = t[k].reward - baseline;
        square += advantage[k] * advantage[k] / o->batch;
    }
    for (int epoch = 0; epoch < o->epochs; epoch++) {
        double p[2][PARTS], g[2][PARTS] = {{0}}, entropy[2] = {0};
        m->steps++;
        for (int i = 0; i < 2; i++) {
            softmax(m, i, p[i]);
            for (int k = 0; k < choices_of(i); k++) entropy[i] -= p[i][k] * log(p[i][k]);
        }
        for (int k = 0; k < o->batch; k++) {
            double a = o->normalise ? advantage[k] / sqrt(square) : advantage[k];
            if (square == 0) a = 0;
            double ratio = exp(log_probability(m, t[k].choice) - t[k].asked);
            /* The smaller of ratio a and clip(ratio) a: has it a slope? */
            bool flat = fmin(fmax(ratio, 1 - o->clip), 1 + o->clip) * a < ratio * a;
            for (int i = 0; i < 2; i++)
                for (int c = 0; c < choices_of(i); c++) {
                    if (!flat) g[i][c] += a * ratio * ((t[k].choice[i] == c) - p[i][c]) / o->batch;
                    g[i][c] -= o->entropy * p[i][c] * (log(p[i][c]) + entropy[i]) / o->batch;
                }
        }
        for (int i = 0; i < 2; i++)
            for (int c = 0; c < choices_of(i); c++) {
                m->m[i][c] = .9 * m->m[i][c] + .1 * g[i][c];
                m->s[i][c] = .999 * m->s[i][c] + .001 * g[i][c] * g[i][c];
                m->theta[i][c] += o->rate * m->m[i][c] / (1 - pow(.9, m->steps)) /
                                  (sqrt(m->s[i][c] / (1 - pow(.999, m->steps))) + 1e-8);
            }
    }
}

/* ---- both ------------------------------------------------------------------------------------ */

static void *start(const char *options) {
    td_arena *a = td_arena_create();
    const td_node *params;
    td_error err = {0};
    void *state;
    assert_ok(td_yaml_parse(a, options, strlen(options), "recipe.yaml", &params, &err), &err);
    assert_ok(td_strategy_find("ppo")->init(&state, &space, 12, params, &err), &err);
    td_arena_destroy(a);
    return state;
}

static void test_against_plain(void **unused) {
    (void)unused;
    const td_strategy *ppo = td_strategy_find("ppo");
    for (size_t n = 0; n < sizeof settings / sizeof settings[0]; n++) {
        const setting *o = &settings[n];
        void *state = start(o->text);
        model m = {0};
        trial batch[16];
        int told = 0, waiting = 0;
        double v[TRIALS + LOOKS][2], asked[TRIALS];
        for (int i = 0; i < TRIALS + LOOKS; i++) {
            for (; told < TRIALS && told < i - (i < 24 && o->lag > 3 ? 3 : o->lag); told++) {
                /* Bit 1 is better by as much as the real is small. */
                bool other = o->other > 0 && told % o->other == 0;
                if (other) v[told][0] = 1 - v[told][0];
                double value = v[told][0] * (v[told][1] - 1.2);
                ppo->tell(state, told, &(td_choices){2, v[told]},
                          &(td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {value}});
                trial *t = &batch[waiting++];
                *t = (trial){{(int)v[told][0], (int)(v[told][1] * PARTS)}, asked[told], -value};
                if (other) t->asked = log_probability(&m, t->choice);
                if (waiting < o->batch) continue;
                learn(&m, o, batch);
                waiting = 0;
            }
            double fidelity = 1;
            td_choices c = {2, v[i]};
            assert_int_equal(ppo->ask(state, i, &c, &fidelity), TD_OK);
            if (i < TRIALS)
                asked[i] = log_probability(&m, (int[]){(int)v[i][0], (int)(v[i][1] * PARTS)});
        }
        ppo->destroy(state);
        double p[2], part[PARTS], low = 0;
        int ones = 0, lows = 0;
        softmax(&m, 0, p);
        softmax(&m, 1, part);
        for (int k = 0; k < 8; k++) low += part[k];
        for (int i = TRIALS + o->lag; i < TRIALS + LOOKS; i++) {
            ones += v[i][0] == 1;
            lows += v[i][1] < .25;
        }
        double looks = LOOKS - o->lag;
        printf("    setting %zu: P(1) = %.4f, asked %.4f; P(low) = %.4f, asked %.4f\n", n, p[1],
               ones / looks, low, lows / looks);
        assert_near(ones / looks, p[1], 4 * sqrt(p[0] * p[1] / looks) + 1e-3);
        assert_near(lows / looks, low, 4 * sqrt(low * (1 - low) / looks) + 1e-3);
        if (o->baseline == 1) assert_true(p[1] > .6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_plain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
