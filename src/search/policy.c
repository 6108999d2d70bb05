#include "policy.h"

#include <stdlib.h>
#include <string.h>

#include "scale.h"

enum { MOST_VALUES = 64, PARTS = 32 };
static const double INIT_RANGE = 0.1; /* of W; c, b and V begin at 0 */

static bool is_split(const td_decision *d) {
    int64_t n = td__scale_count(d);
    return d->kind == TD_REAL_RANGE ? n == 0 : d->kind == TD_INTEGER && n > MOST_VALUES;
}

static int count_choices(const td_decision *d) {
    return is_split(d) ? PARTS : (int)td__scale_count(d);
}

/* Integers of part k are those from lo plus this on. On a log scale parts grow, where they are not
 * of one integer each. */
static int64_t part_begin(const td_decision *d, int k) {
    int64_t n = td__scale_count(d);
    if (!td__scale_uneven(d) || k == PARTS) return n / PARTS * k + n % PARTS * k / PARTS;
    double by_scale = ceil(d->lo * (pow((d->hi + 1) / d->lo, (double)k / PARTS) - 1));
    return (int64_t)fmax(k, by_scale);
}

static int choice_of(const td_decision *d, double v) {
    if (!is_split(d)) return (int)((int64_t)v - (d->kind == TD_INTEGER ? (int64_t)d->lo : 0));
    if (d->kind == TD_REAL_RANGE) {
        int k = (int)(td__scale_place(d, v) * PARTS);
        return k < PARTS ? k : PARTS - 1;
    }
    int64_t at = (int64_t)v - (int64_t)d->lo;
    int k = PARTS - 1;
    while (part_begin(d, k) > at) k--;
    return k;
}

static double draw_value(const td_decision *d, td_rng *r, int k) {
    if (!is_split(d)) return d->kind == TD_CATEGORICAL || d->kind == TD_ORDERED ? k : d->lo + k;
    if (d->kind == TD_REAL_RANGE) return td__scale_value(d, (k + td_rng_uniform(r)) / PARTS);
    int64_t begin = part_begin(d, k);
    uint64_t width = (uint64_t)(part_begin(d, k + 1) - begin);
    return d->lo + (double)(begin + (int64_t)td_rng_below(r, width));
}

void td__policy_free(td__policy *p) {
    free(p->first);
    free(p->theta);
    free(p->h);
    *p = (td__policy){0};
}

td_status td__policy_init(td__policy *p, const td_space *space, int hidden, uint64_t seed) {
    *p = (td__policy){.space = space, .hidden = hidden};
    size_t n = (size_t)space->n, wide = (size_t)hidden, most = 1;
    p->first = malloc(sizeof *p->first * (n + 1));
    if (p->first == NULL) return TD_E_MEMORY;
    for (int i = 0; i < space->n; i++) {
        int count = count_choices(&space->d[i]);
        p->first[i] = p->choices;
        p->choices += count;
        if ((size_t)count > most) most = (size_t)count;
    }
    p->first[n] = p->choices;
    size_t choices = (size_t)p->choices;
    p->n = wide + choices * (1 + 2 * wide);
    p->theta = calloc(p->n + 1, sizeof *p->theta);
    p->h = malloc(sizeof *p->h * (n * wide + choices + n + wide + most));
    if (p->theta == NULL || p->h == NULL) {
        td__policy_free(p);
        return TD_E_MEMORY;
    }
    p->p = p->h + n * wide;
    p->entropy = p->p + choices;
    p->sum = p->entropy + n;
    p->d_logit = p->sum + wide;
    td_rng r = td_rng_make(seed, 0, TD_RNG_INIT_WEIGHTS);
    for (size_t i = p->n - choices * wide; i < p->n; i++)
        p->theta[i] = INIT_RANGE * (2 * td_rng_uniform(&r) - 1);
    return TD_OK;
}

/* The rows of choice k in b, V and W, of the parameters or of their gradient. */
static double *bias(const td__policy *p, double *of, int k) {
    return of + p->hidden + k;
}
static double *out_row(const td__policy *p, double *of, int k) {
    return of + p->hidden + p->choices + (size_t)k * (size_t)p->hidden;
}
static double *in_row(const td__policy *p, double *of, int k) {
    return out_row(p, of, p->choices + k);
}

static void begin(td__policy *p) {
    for (int m = 0; m < p->hidden; m++) p->sum[m] = p->theta[m];
}

/* Probabilities of decision i from what stands before it. */
static void look(td__policy *p, int i) {
    int n = p->first[i + 1] - p->first[i];
    double *h = p->h + (size_t)i * (size_t)p->hidden, *q = p->p + p->first[i], most = -INFINITY;
    for (int m = 0; m < p->hidden; m++) h[m] = tanh(p->sum[m]);
    for (int k = 0; k < n; k++) {
        const double *row = out_row(p, p->theta, p->first[i] + k);
        q[k] = *bias(p, p->theta, p->first[i] + k);
        for (int m = 0; m < p->hidden; m++) q[k] += row[m] * h[m];
        most = fmax(most, q[k]);
    }
    double sum = 0, mean = 0;
    for (int k = 0; k < n; k++) {
        double z = q[k] - most;
        q[k] = exp(z);
        sum += q[k];
        mean += q[k] * z;
    }
    for (int k = 0; k < n; k++) q[k] /= sum;
    p->entropy[i] = log(sum) - mean / sum;
}

/* Decision i is settled: the later ones see it. */
static void take(td__policy *p, int i, int k) {
    const double *row = in_row(p, p->theta, p->first[i] + k);
    for (int m = 0; m < p->hidden; m++) p->sum[m] += row[m];
}

/* With one choice there is nothing to settle, nor to see. */
static bool is_open(const td__policy *p, int i) {
    return p->first[i + 1] - p->first[i] > 1;
}

void td__policy_sample(td__policy *p, td_rng *r, td_choices *out) {
    out->n = p->space->n;
    begin(p);
    for (int i = 0; i < out->n; i++) {
        int k = 0, n = p->first[i + 1] - p->first[i];
        out->v[i] = NAN;
        if (!td_space_active(p->space, out, i)) continue;
        if (n > 1) {
            look(p, i);
            const double *q = p->p + p->first[i];
            double u = td_rng_uniform(r);
            while (k < n - 1 && u >= q[k]) u -= q[k++];
            take(p, i, k);
        }
        out->v[i] = draw_value(&p->space->d[i], r, k);
    }
}

double td__policy_log(td__policy *p, const td_choices *c) {
    double log_p = 0;
    begin(p);
    for (int i = 0; i < c->n; i++) {
        if (isnan(c->v[i]) || !is_open(p, i)) continue;
        int k = choice_of(&p->space->d[i], c->v[i]);
        look(p, i);
        log_p += log(fmax(p->p[p->first[i] + k], 1e-300));
        take(p, i, k);
    }
    return log_p;
}

void td__policy_gradient(td__policy *p, const td_choices *c, double weight, double entropy_weight,
                         double *gradient) {
    int wide = p->hidden;
    double *d_sum = p->sum; /* by the sum that the decisions after i see */
    for (int m = 0; m < wide; m++) d_sum[m] = 0;
    for (int i = c->n - 1; i >= 0; i--) {
        if (isnan(c->v[i]) || !is_open(p, i)) continue;
        int first = p->first[i], n = p->first[i + 1] - first;
        int taken = choice_of(&p->space->d[i], c->v[i]);
        const double *q = p->p + first, *h = p->h + (size_t)i * (size_t)wide;
        double *d_in = in_row(p, gradient, first + taken);
        for (int m = 0; m < wide; m++) d_in[m] += d_sum[m];
        for (int k = 0; k < n; k++) {
            double d = weight * ((k == taken) - q[k]);
            if (q[k] > 0) d -= entropy_weight * q[k] * (log(q[k]) + p->entropy[i]);
            p->d_logit[k] = d;
            *bias(p, gradient, first + k) += d;
            double *d_out = out_row(p, gradient, first + k);
            for (int m = 0; m < wide; m++) d_out[m] += d * h[m];
        }
        for (int k = 0; k < n; k++) {
            const double *row = out_row(p, p->theta, first + k);
            for (int m = 0; m < wide; m++) d_sum[m] += p->d_logit[k] * row[m] * (1 - h[m] * h[m]);
        }
    }
    for (int m = 0; m < wide; m++) gradient[m] += d_sum[m];
}
