/* Support vectors by libsvm (Chang, Lin 2011). Its own probabilities shuffle with rand(), so that
 * they are other ones in every run; ours are Platt's, from folds that depend on nothing. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <svm.h>

#include "tandem/model.h"

enum { FOLDS = 5, NEWTON = 100 };

struct td_svm {
    int d;
    double a, b; /* chance = 1 / (1 + exp(a * value + b)) */
    struct svm_model *model;
    struct svm_node *nodes, **rows; /* of the points: the model points into them */
    double *labels;
};

/* libsvm prints by a function that all threads share. */
static void print_nothing(const char *text) {
    (void)text;
}

static void be_silent(void) {
    svm_set_print_string_function(print_nothing);
}

/* room[d + 1]: x, without what is 0, as libsvm has it. */
static void as_nodes(const double *x, int d, struct svm_node *room) {
    for (int i = 0; i < d; i++)
        if (x[i] != 0) *room++ = (struct svm_node){i + 1, x[i]};
    room->index = -1;
}

static double decide(const struct svm_model *m, const struct svm_node *x) {
    double value = 0;
    svm_predict_values(m, x, &value);
    return m->label[0] > 0 ? value : -value;
}

static struct svm_model *train(const td_svm_options *o, const struct svm_problem *p) {
    struct svm_parameter by = {.svm_type = C_SVC,
                               .kernel_type = RBF,
                               .gamma = o->gamma > 0 ? o->gamma : 1.0 / o->d,
                               .C = o->cost > 0 ? o->cost : 1,
                               .cache_size = 16,
                               .eps = 1e-3,
                               .shrinking = 1};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, be_silent);
    return svm_train(p, &by);
}

/* value[n]: of each point by the support vectors of the other folds, in which either class is dealt
 * out in turns; of its own where a class has one point only. */
static td_status cross_values(const td_svm_options *o, const td_svm *s, int n, double *value) {
    int many[2] = {0}, folds = FOLDS;
    for (int i = 0; i < n; i++) many[s->labels[i] > 0]++;
    for (int c = 0; c < 2; c++)
        if (many[c] < folds) folds = many[c];
    if (folds < 2) {
        for (int i = 0; i < n; i++) value[i] = decide(s->model, s->rows[i]);
        return TD_OK;
    }
    int *fold = malloc(sizeof *fold * (size_t)n), seen[2] = {0};
    struct svm_problem p = {.y = malloc(sizeof *p.y * (size_t)n),
                            .x = malloc(sizeof *p.x * (size_t)n)};
    bool fine = fold != NULL && p.y != NULL && p.x != NULL;
    for (int i = 0; fine && i < n; i++) fold[i] = seen[s->labels[i] > 0]++ % folds;
    for (int k = 0; fine && k < folds; k++) {
        p.l = 0;
        for (int i = 0; i < n; i++) {
            if (fold[i] == k) continue;
            p.x[p.l] = s->rows[i];
            p.y[p.l++] = s->labels[i];
        }
        struct svm_model *m = train(o, &p);
        for (int i = 0; i < n; i++)
            if (fold[i] == k) value[i] = decide(m, s->rows[i]);
        svm_free_and_destroy_model(&m);
    }
    free(fold);
    free(p.y);
    free(p.x);
    return fine ? TD_OK : TD_E_MEMORY;
}

/* Platt's sigmoid by Newton's method with backtracking (Lin, Lin, Weng 2007, "A note on Platt's
 * probabilistic outputs for support vector machines"). */
static double cross_entropy(const double *value, const double *target, int n, double a, double b) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double z = a * value[i] + b;
        sum += z >= 0 ? target[i] * z + log1p(exp(-z)) : (target[i] - 1) * z + log1p(exp(z));
    }
    return sum;
}

static void fit_sigmoid(td_svm *s, const double *value, double *target, int n) {
    double many[2] = {0};
    for (int i = 0; i < n; i++) many[s->labels[i] > 0]++;
    for (int i = 0; i < n; i++)
        target[i] = s->labels[i] > 0 ? (many[1] + 1) / (many[1] + 2) : 1 / (many[0] + 2);
    s->a = 0;
    s->b = log((many[0] + 1) / (many[1] + 1));
    double reached = cross_entropy(value, target, n, s->a, s->b);
    for (int step = 0; step < NEWTON; step++) {
        double aa = 1e-12, bb = 1e-12, ab = 0, ga = 0, gb = 0;
        for (int i = 0; i < n; i++) {
            double z = s->a * value[i] + s->b,
                   p = z >= 0 ? exp(-z) / (1 + exp(-z)) : 1 / (1 + exp(z));
            double w = p * (1 - p), miss = target[i] - p;
            aa += value[i] * value[i] * w;
            ab += value[i] * w;
            bb += w;
            ga += value[i] * miss;
            gb += miss;
        }
        if (fabs(ga) < 1e-5 && fabs(gb) < 1e-5) break;
        double determinant = aa * bb - ab * ab;
        double da = -(bb * ga - ab * gb) / determinant, db = -(aa * gb - ab * ga) / determinant;
        double slope = ga * da + gb * db, size = 1;
        for (; size > 1e-10; size /= 2) {
            double now = cross_entropy(value, target, n, s->a + size * da, s->b + size * db);
            if (now >= reached + 1e-4 * size * slope) continue;
            s->a += size * da;
            s->b += size * db;
            reached = now;
            break;
        }
        if (size <= 1e-10) break;
    }
}

td_status td_svm_fit(const td_svm_options *o, const double *x, const uint8_t *label, int n,
                     td_svm **out, td_error *err) {
    *out = NULL;
    bool both[2] = {false};
    for (int i = 0; i < n; i++) both[label[i] != 0] = true;
    if (o->d < 1 || !both[0] || !both[1])
        return td_fail(err, TD_E_USAGE, "%d points of %d coordinates are not of two classes", n,
                       o->d);
    for (size_t i = 0; i < (size_t)n * (size_t)o->d; i++)
        if (!isfinite(x[i])) return td_fail(err, TD_E_USAGE, "a point is not finite");
    size_t many = (size_t)n, d = (size_t)o->d;
    td_svm *s = calloc(1, sizeof *s);
    double *work = malloc(sizeof *work * 2 * many);
    if (s != NULL) {
        s->d = o->d;
        s->nodes = calloc(many * (d + 1), sizeof *s->nodes);
        s->rows = calloc(many, sizeof(struct svm_node *));
        s->labels = calloc(many, sizeof *s->labels);
    }
    td_status status = TD_E_MEMORY;
    if (s != NULL && work != NULL && s->nodes != NULL && s->rows != NULL && s->labels != NULL) {
        for (size_t i = 0; i < many; i++) {
            s->rows[i] = s->nodes + i * (d + 1);
            as_nodes(x + i * d, o->d, s->rows[i]);
            s->labels[i] = label[i] != 0 ? 1 : -1;
        }
        const struct svm_problem p = {n, s->labels, s->rows};
        s->model = train(o, &p);
        status = cross_values(o, s, n, work);
        if (status == TD_OK) fit_sigmoid(s, work, work + many, n);
    }
    free(work);
    if (status != TD_OK) {
        td_svm_destroy(s);
        return td_fail(err, status, "out of memory");
    }
    *out = s;
    return TD_OK;
}

void td_svm_destroy(td_svm *s) {
    if (s == NULL) return;
    if (s->model != NULL) svm_free_and_destroy_model(&s->model);
    free(s->nodes);
    free(s->rows);
    free(s->labels);
    free(s);
}

td_status td_svm_predict(const td_svm *s, const double *x, int m, double *chance, double *value,
                         td_error *err) {
    struct svm_node *at = malloc(sizeof *at * ((size_t)s->d + 1));
    if (at == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int p = 0; p < m; p++) {
        as_nodes(x + (size_t)p * (size_t)s->d, s->d, at);
        double v = decide(s->model, at);
        chance[p] = 1 / (1 + exp(s->a * v + s->b));
        if (value != NULL) value[p] = v;
    }
    free(at);
    return TD_OK;
}
