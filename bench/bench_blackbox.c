/* Strategies on black-box problems: the best feasible value, or the hypervolume, after so many
 * trials, mean and deviation over seeds, and what an ask and its tell cost. search.sh runs it for
 * all of them and compares.
 *
 *     bench_blackbox [--seeds N] [--first SEED] [--trials N] [--problem NAME] [--csv FILE]
 *                    [STRATEGY[:OPTIONS]...]
 *     bench_blackbox --problem branin_cat random 'gp:{initial: 8}' */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/search/blackbox.h"
#include "tandem/model.h"

enum { MOST_TRIALS = 10000, MOST_MARKS = 8, LAST = 100 };

static void die(const char *what) {
    fprintf(stderr, "bench_blackbox: %s\n", what);
    exit(2);
}

typedef struct {
    int trials, nmarks, marks[MOST_MARKS];
} plan;

static plan plan_of(const blackbox *b, int trials) {
    static const int one[] = {25, 50, 100, 200}, two[] = {100, 250, 500, 1000};
    plan p = {.trials = trials > 0 ? trials : b->nobj == 1 ? 200 : 1000};
    for (int i = 0; i < 4; i++) {
        int mark = b->nobj == 1 ? one[i] : two[i];
        if (mark < p.trials) p.marks[p.nmarks++] = mark;
    }
    p.marks[p.nmarks++] = p.trials;
    return p;
}

/* quality[i] at marks[i]; adds CPU seconds of an ask and its tell to cpu[]: of all, of the last
 * LAST. */
static void search(const blackbox *b, const td_strategy *s, const td_node *params, uint64_t seed,
                   const plan *p, double *quality, double cpu[2]) {
    static double v[BLACKBOX_MOST];
    td_front_volume *volume = NULL;
    td_space space;
    td_error err = {0};
    void *state;
    blackbox_space(b, &space);
    if (s->init(&state, &space, seed, params, &err) != TD_OK) die(err.message);
    double best = INFINITY;
    int mark = 0;
    if (b->nobj > 1 && td_front_volume_create(b->nobj, b->reference, &volume, &err) != TD_OK)
        die(err.message);
    for (int i = 0; i < p->trials; i++) {
        td_choices c = {space.n, v};
        double fidelity = 1, start = td_time_thread_s();
        if (s->ask(state, i, &c, &fidelity) != TD_OK) die("no trial");
        double spent = td_time_thread_s() - start;
        td_outcome o = b->evaluate(c.v);
        o.fidelity = 1;
        start = td_time_thread_s();
        s->tell(state, i, &c, &o);
        spent += td_time_thread_s() - start;
        cpu[0] += spent / p->trials;
        if (i >= p->trials - LAST) cpu[1] += spent / LAST;
        if (td_outcome_feasible(&o)) best = fmin(best, o.obj[0]);
        if (volume != NULL && td_outcome_feasible(&o) &&
            td_front_volume_add(volume, o.obj, NULL, &err) != TD_OK)
            die(err.message);
        if (i + 1 != p->marks[mark]) continue;
        quality[mark] = volume != NULL ? td_front_volume_value(volume) : best;
        mark++;
    }
    td_front_volume_destroy(volume);
    s->destroy(state);
}

static void run(const blackbox *b, const char *what, int first, int seeds, int trials, FILE *csv) {
    char name[64];
    size_t n = strcspn(what, ":");
    if (n >= sizeof name) die("a name is too long");
    memcpy(name, what, n);
    name[n] = 0;
    const td_strategy *s = td_strategy_find(name);
    if (s == NULL) die("no such strategy");
    if (b->nobj > 1 && !s->fronts) return;
    td_arena *a = td_arena_create();
    const td_node *params = NULL;
    td_error err = {0};
    if (what[n] == ':' &&
        td_yaml_parse(a, what + n + 1, strlen(what + n + 1), "options", &params, &err) != TD_OK)
        die(err.message);
    plan p = plan_of(b, trials);
    double *q = calloc((size_t)(seeds * MOST_MARKS), sizeof *q), cpu[2] = {0};
    for (int i = 0; i < seeds; i++)
        search(b, s, params, (uint64_t)(first + i), &p, q + i * MOST_MARKS, cpu);
    printf("%-16s %-28s", b->name, what);
    for (int m = 0; m < p.nmarks; m++) {
        double mean = 0, square = 0, last[1000];
        for (int i = 0; i < seeds; i++) mean += q[i * MOST_MARKS + m] / seeds;
        for (int i = 0; i < seeds; i++) {
            double away = q[i * MOST_MARKS + m] - mean;
            square += away * away / (seeds > 1 ? seeds - 1 : 1);
            last[i] = q[i * MOST_MARKS + m];
        }
        printf("  %d: %.6g +- %.3g", p.marks[m], mean, sqrt(square));
        if (m == p.nmarks - 1) printf(" (median %.6g)", td_quantile(last, seeds, 0.5));
    }
    printf("  %.3g ms, last %.3g\n", 1e3 * cpu[0] / seeds, 1e3 * cpu[1] / seeds);
    fflush(stdout);
    for (int i = 0; csv != NULL && i < seeds; i++)
        for (int m = 0; m < p.nmarks; m++)
            fprintf(csv, "%s,\"%s\",%d,%d,%.10g,%.3g,%.3g\n", b->name, what, first + i, p.marks[m],
                    q[i * MOST_MARKS + m], 1e3 * cpu[0] / seeds, 1e3 * cpu[1] / seeds);
    if (csv != NULL) fflush(csv);
    free(q);
    td_arena_destroy(a);
}

int main(int argc, char **argv) {
    int seeds = 10, first = 0, trials = 0, at = 1;
    const char *problem = NULL;
    FILE *csv = NULL;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        int number = atoi(argv[at + 1]);
        if (strcmp(argv[at], "--problem") == 0)
            problem = argv[at + 1];
        else if (strcmp(argv[at], "--seeds") == 0 && number > 0 && number <= 1000)
            seeds = number;
        else if (strcmp(argv[at], "--first") == 0)
            first = number;
        else if (strcmp(argv[at], "--trials") == 0 && number > 0 && number <= MOST_TRIALS)
            trials = number;
        else if (strcmp(argv[at], "--csv") == 0 && (csv = fopen(argv[at + 1], "w")) != NULL)
            fprintf(csv, "problem,strategy,seed,trials,value,ms,last_ms\n");
        else
            die("usage: see the head of the file");
    }
    static const char *const all[] = {"auto",  "tpe", "cmaes", "nsga2", "evolution",
                                      "local", "ppo", "qmc",   "random"};
    for (int i = 0; blackbox_at(i) != NULL; i++) {
        const blackbox *b = blackbox_at(i);
        if (problem != NULL && strcmp(problem, b->name) != 0) continue;
        if (at < argc)
            for (int k = at; k < argc; k++) run(b, argv[k], first, seeds, trials, csv);
        else
            for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
                run(b, all[k], first, seeds, trials, csv);
    }
    if (csv != NULL && fclose(csv) != 0) die("cannot write");
    return 0;
}
