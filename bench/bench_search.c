/* Strategies side by side on the co-design problem of tests/search, at equal numbers of trials:
 * medians of the best accuracy that meets the targets, and what an ask and its tell cost.
 *
 *     bench_search [--seeds N] [--first SEED] [--lag N] [STRATEGY[:OPTIONS]...]
 *     bench_search random 'ppo:{policy: autoregressive, rate: 0.1}' */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/search/codesign.h"

enum { TRIALS = 2000, SHORT = 500, MOST_SEEDS = 1000 };
static const double eases[] = {1, 0.7}; /* times the targets */
enum { EASES = 2 };

static const char *const all[] = {"random",
                                  "evolution",
                                  "evolution:{selection: tournament}",
                                  "local",
                                  "local:{restart: random}",
                                  "ppo",
                                  "ppo:{policy: autoregressive}"};

static double v[TRIALS][CODESIGN_DECISIONS];
static td_outcome outcome[TRIALS];

static void die(const char *what) {
    fprintf(stderr, "bench_search: %s\n", what);
    exit(2);
}

/* Returns CPU seconds of one ask and its tell; best[]: after SHORT and after all trials; 0: none.
 */
static double search(const td_strategy *s, const td_node *params, uint64_t seed, int lag,
                     double ease, double best[2]) {
    td_error err = {0};
    void *state;
    const td_space *space = codesign_space();
    if (s->init(&state, space, seed, params, &err) != TD_OK) die(err.message);
    double cpu = 0;
    best[0] = best[1] = 0;
    for (int i = 0; i < TRIALS; i++) {
        td_choices c = {space->n, v[i]};
        double fidelity = 1, start = td_time_thread_s();
        if (i > lag)
            s->tell(state, i - lag - 1, &(td_choices){space->n, v[i - lag - 1]},
                    &outcome[i - lag - 1]);
        if (s->ask(state, i, &c, &fidelity) != TD_OK || fidelity != 1) die("no trial in full");
        cpu += td_time_thread_s() - start;
        outcome[i] = codesign_evaluate(&c, ease);
        if (!td_outcome_feasible(&outcome[i])) continue;
        if (i < SHORT) best[0] = fmax(best[0], -outcome[i].obj[0]);
        best[1] = fmax(best[1], -outcome[i].obj[0]);
    }
    s->destroy(state);
    return cpu / TRIALS;
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n) {
    qsort(x, (size_t)n, sizeof *x, compare_reals);
    return n % 2 != 0 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static void compare(const char *what, int seeds, int first, int lag) {
    td_arena *a = td_arena_create();
    const td_node *params = NULL;
    td_error err = {0};
    char name[64] = "";
    const char *options = strchr(what, ':');
    snprintf(name, sizeof name, "%.*s", options != NULL ? (int)(options - what) : 60, what);
    const td_strategy *s = td_strategy_find(name);
    if (s == NULL) die("no such strategy");
    if (options != NULL &&
        td_yaml_parse(a, options + 1, strlen(options + 1), what, &params, &err) != TD_OK)
        die(err.message);
    printf("%-44s", what);
    static double best[2][MOST_SEEDS], cost[MOST_SEEDS];
    for (int e = 0; e < EASES; e++) {
        int found[2] = {0};
        for (int i = 0; i < seeds; i++) {
            double b[2];
            cost[i] = search(s, params, (uint64_t)(first + i), lag, eases[e], b);
            for (int k = 0; k < 2; k++) {
                best[k][i] = b[k];
                found[k] += b[k] > 0;
            }
        }
        for (int k = 0; k < 2; k++) printf("  %.4f (%2d)", median(best[k], seeds), found[k]);
    }
    printf("  %7.1f\n", 1e6 * median(cost, seeds));
    fflush(stdout);
    td_arena_destroy(a);
}

int main(int argc, char **argv) {
    int seeds = 20, first = 1000, lag = 8, at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        int n = atoi(argv[at + 1]);
        if (strcmp(argv[at], "--seeds") == 0 && n >= 1 && n <= MOST_SEEDS)
            seeds = n;
        else if (strcmp(argv[at], "--first") == 0 && n >= 0)
            first = n;
        else if (strcmp(argv[at], "--lag") == 0 && n >= 0)
            lag = n;
        else
            die("wrong use");
    }
    printf("median of the best accuracy (0: none meets the targets), and how many of %d seeds have "
           "one; lag %d\n%-44s  targets x %-7g%13s  targets x %-7g%13s  us/trial\n%-44s",
           seeds, lag, "", eases[0], "", eases[1], "", "");
    for (int e = 0; e < EASES; e++) printf("  %-11d  %-11d", SHORT, TRIALS);
    printf("\n");
    if (at < argc)
        for (; at < argc; at++) compare(argv[at], seeds, first, lag);
    else
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) compare(all[i], seeds, first, lag);
    return 0;
}
