#include "parzen.h"

#include <stdlib.h>
#include <string.h>

#include "scale.h"

static const double root_half = 0.70710678118654752440, log_root_2pi = 0.91893853320467274178;
static const double least_of_cell = 1.0 / 3; /* of a width: 13 % go to the neighbours */
static const double least_mass = 1e-300;     /* so that there is a logarithm */

static double *row(const td__parzen *p, double *matrix, int i) {
    return matrix + (size_t)i * (size_t)p->most;
}

void td__parzen_free(td__parzen *p) {
    for (int i = 0; p->table != NULL && i < p->space->n; i++) free(p->table[i]);
    free(p->table);
    free(p->weight);
    free(p->log_weight);
    free(p->sum);
    free(p->width);
    free(p->centre);
    free(p->inverse);
    free(p->mass);
    *p = (td__parzen){0};
}

static bool by_table(const td_decision *d) {
    int64_t count = td__scale_count(d);
    return d->kind == TD_CATEGORICAL ||
           (count > 0 && count <= TD_PARZEN_CELLS && !td__scale_uneven(d));
}

td_status td__parzen_init(td__parzen *p, int most, td_error *err) {
    size_t n = (size_t)most + 1, d = (size_t)p->space->n + 1;
    p->most = most;
    p->table = calloc(d, sizeof *p->table);
    p->weight = malloc(n * sizeof *p->weight);
    p->log_weight = malloc(n * sizeof *p->log_weight);
    p->sum = malloc(n * sizeof *p->sum);
    p->width = malloc(d * sizeof *p->width);
    p->centre = malloc(n * d * sizeof *p->centre);
    p->inverse = malloc(n * d * sizeof *p->inverse);
    p->mass = malloc(n * d * sizeof *p->mass);
    bool ok = p->table != NULL && p->weight != NULL && p->log_weight != NULL && p->sum != NULL &&
              p->width != NULL && p->centre != NULL && p->inverse != NULL && p->mass != NULL;
    for (int i = 0; ok && i < p->space->n; i++) {
        if (!by_table(&p->space->d[i])) continue;
        p->table[i] = malloc((size_t)td__scale_count(&p->space->d[i]) * sizeof **p->table);
        ok = p->table[i] != NULL;
    }
    return ok ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* ---- places ---------------------------------------------------------------------------------- */

static double low_of(const td_decision *d) {
    return d->kind == TD_INTEGER || d->kind == TD_REAL_RANGE ? d->lo : 0;
}

/* Mass of the normal distribution between a < b, also far out on either side. */
static double normal_mass(double a, double b) {
    return a > 0 ? 0.5 * (erfc(a * root_half) - erfc(b * root_half))
                 : 0.5 * (erfc(-b * root_half) - erfc(-a * root_half));
}

/* ---- fitting --------------------------------------------------------------------------------- */

/* Scott's rule, within its bounds. */
static double width_of(const td__parzen *p, int i, double dimensions, double floor) {
    const double *centre = row(p, p->centre, i), *inverse = row(p, p->inverse, i);
    int64_t count = td__scale_count(&p->space->d[i]);
    double all = 0, mean = 0, square = 0, m = 0;
    for (int k = 0; k < p->n; k++) {
        if (inverse[k] == 0) continue;
        m++;
        all += p->weight[k];
        mean += p->weight[k] * centre[k];
    }
    if (m == 0) return 1;
    mean /= all;
    for (int k = 0; k < p->n; k++)
        if (inverse[k] > 0) square += p->weight[k] * (centre[k] - mean) * (centre[k] - mean);
    double width = p->factor * sqrt(square / all) * pow(m, -1 / (dimensions + 4));
    if (count > 0) floor = fmax(floor, least_of_cell / (double)count);
    return fmin(fmax(width, floor), 1);
}

static void fit_numeric(td__parzen *p, int i, const double *const *v, double dimensions,
                        double floor) {
    const td_decision *d = &p->space->d[i];
    double *centre = row(p, p->centre, i), *inverse = row(p, p->inverse, i);
    double *mass = row(p, p->mass, i), *table = p->table[i];
    int64_t count = td__scale_count(d);
    for (int k = 0; k < p->n; k++) {
        inverse[k] = !isnan(v[k][i]);
        centre[k] = inverse[k] > 0 ? td__scale_unit(d, v[k][i]) : 0;
    }
    double width = p->width[i] = width_of(p, i, dimensions, floor);
    /* Of uneven cells the mean: what a cell is wider by is the same in all densities. */
    double cell = count > 0 ? 1 / (double)count : 1, scale = log(width) + log_root_2pi;
    for (int k = 0; k < p->n; k++) {
        mass[k] = table == NULL ? -log(cell) : 0;
        if (inverse[k] == 0) continue;
        inverse[k] = 1 / width;
        mass[k] += log(normal_mass(-centre[k] / width, (1 - centre[k]) / width));
        if (table == NULL)
            mass[k] += scale;
        else
            centre[k] = v[k][i] - low_of(d);
    }
    double beyond = 0.5 * erfc(-0.5 * cell / width * root_half);
    for (int64_t k = 0; table != NULL && k < count; k++) {
        double inner = beyond;
        if (inner > 0) beyond = 0.5 * erfc(((double)k + 0.5) * cell / width * root_half);
        table[k] = log(fmax(inner - beyond, least_mass));
    }
}

static void fit_names(td__parzen *p, int i, const double *const *v) {
    const td_decision *d = &p->space->d[i];
    double *centre = row(p, p->centre, i), *inverse = row(p, p->inverse, i);
    double *mass = row(p, p->mass, i), m = 0;
    for (int k = 0; k < p->n; k++) {
        centre[k] = v[k][i];
        inverse[k] = !isnan(centre[k]);
        mass[k] = 0;
        m += inverse[k];
    }
    double width = p->width[i] = (d->n - 1) / (d->n + m);
    p->table[i][0] = log(1 - width);
    for (int k = 1; k < d->n; k++) p->table[i][k] = log(width / (d->n - 1));
}

void td__parzen_fit(td__parzen *p, const double *const *v, const double *weight, int n,
                    double floor) {
    double sum = 0, dimensions = 0;
    p->n = n;
    for (int k = 0; k < n; k++) sum += p->weight[k] = weight != NULL ? weight[k] : 1;
    p->weight[n] = n > 0 ? p->prior * sum / n : 1;
    sum += p->weight[n];
    for (int k = 0; k <= n; k++) {
        p->weight[k] /= sum;
        p->log_weight[k] = log(p->weight[k]);
    }
    for (int i = 0; i < p->space->n; i++) dimensions += td__scale_count(&p->space->d[i]) != 1;
    for (int i = 0; i < p->space->n; i++) {
        if (p->space->d[i].kind == TD_CATEGORICAL)
            fit_names(p, i, v);
        else
            fit_numeric(p, i, v, p->joint ? dimensions : 1, floor);
    }
}

/* ---- densities ------------------------------------------------------------------------------- */

/* Adds to sum[n + 1] the log density of decision i at v in each kernel and in the prior. */
static void add_logs(const td__parzen *p, int i, double v, double *sum) {
    const td_decision *d = &p->space->d[i];
    const double *centre = row(p, p->centre, i), *inverse = row(p, p->inverse, i);
    const double *mass = row(p, p->mass, i), *table = p->table[i];
    int64_t count = td__scale_count(d);
    if (count == 1) return;
    double prior = count > 0 ? -log((double)count) : 0;
    sum[p->n] += prior;
    if (table == NULL) {
        double place = td__scale_unit(d, v);
        for (int k = 0; k < p->n; k++) {
            double z = (place - centre[k]) * inverse[k];
            sum[k] -= 0.5 * z * z + mass[k];
        }
        return;
    }
    double at = v - low_of(d);
    for (int k = 0; k < p->n; k++)
        sum[k] += inverse[k] > 0 ? table[(int)fabs(at - centre[k])] - mass[k] : prior;
}

static double log_sum(const double *v, int n) {
    double most = v[0], sum = 0;
    for (int k = 1; k < n; k++) most = fmax(most, v[k]);
    for (int k = 0; k < n; k++) sum += exp(v[k] - most);
    return most + log(sum);
}

double td__parzen_log_of(td__parzen *p, int i, double v) {
    memcpy(p->sum, p->log_weight, sizeof *p->sum * (size_t)(p->n + 1));
    add_logs(p, i, v, p->sum);
    return log_sum(p->sum, p->n + 1);
}

double td__parzen_log(td__parzen *p, const double *v) {
    double independent = 0;
    memcpy(p->sum, p->log_weight, sizeof *p->sum * (size_t)(p->n + 1));
    for (int i = 0; i < p->space->n; i++) {
        if (isnan(v[i])) continue;
        if (p->joint)
            add_logs(p, i, v[i], p->sum);
        else
            independent += td__parzen_log_of(p, i, v[i]);
    }
    return p->joint ? log_sum(p->sum, p->n + 1) : independent;
}

/* ---- samples --------------------------------------------------------------------------------- */

static int draw_kernel(const td__parzen *p, td_rng *r) {
    double u = td_rng_uniform(r);
    int k = 0;
    while (k < p->n && u >= p->weight[k]) u -= p->weight[k++];
    return k;
}

static double draw(const td__parzen *p, td_rng *r, int i, int k) {
    const td_decision *d = &p->space->d[i];
    int64_t count = td__scale_count(d);
    if (count == 1) return low_of(d);
    if (k == p->n || row(p, p->inverse, i)[k] == 0)
        return td__scale_from_unit(d, td_rng_uniform(r));
    double centre = row(p, p->centre, i)[k], place;
    if (d->kind == TD_CATEGORICAL) {
        if (td_rng_uniform(r) >= p->width[i]) return centre;
        double other = (double)td_rng_below(r, (uint64_t)count - 1);
        return other >= centre ? other + 1 : other;
    }
    if (p->table[i] != NULL) centre = (centre + 0.5) / (double)count;
    do place = centre + p->width[i] * td_rng_normal(r); /* at least a third of them fall inside */
    while (place < 0 || place >= 1);
    return td__scale_from_unit(d, place);
}

double td__parzen_sample_of(const td__parzen *p, td_rng *r, int i) {
    return draw(p, r, i, draw_kernel(p, r));
}

void td__parzen_sample(const td__parzen *p, td_rng *r, td_choices *out) {
    int k = p->joint ? draw_kernel(p, r) : 0;
    out->n = p->space->n;
    for (int i = 0; i < out->n; i++) {
        out->v[i] = NAN;
        if (!td_space_active(p->space, out, i)) continue;
        out->v[i] = p->joint ? draw(p, r, i, k) : td__parzen_sample_of(p, r, i);
    }
}
