/* For gp_sklearn.py: reads a Gaussian process as numbers from stdin, and writes its figures.
 *
 *     kernel d n m   nominal[d]   theta[d + 3]   x[n][d] y[n]   at[m][d]
 *     -> likelihood   gradient[d + 3]   mean[m]   sd[m] */
#include <stdio.h>
#include <stdlib.h>

#include "tandem/model.h"

static double number(void) {
    double v;
    if (scanf("%lf", &v) != 1) {
        fprintf(stderr, "gp_figures: a number is missing\n");
        exit(2);
    }
    return v;
}

static double *numbers(int n) {
    double *v = malloc(sizeof *v * (size_t)(n + 1));
    if (v == NULL) exit(2);
    for (int i = 0; i < n; i++) v[i] = number();
    return v;
}

static void print(const double *v, int n) {
    for (int i = 0; i < n; i++) printf("%.17g%c", v[i], i == n - 1 ? '\n' : ' ');
}

int main(void) {
    int kernel = (int)number(), d = (int)number(), n = (int)number(), m = (int)number();
    double *flags = numbers(d), *theta = numbers(d + 3), *x = numbers(n * d), *y = numbers(n);
    double *at = numbers(m * d), *out = malloc(sizeof *out * (size_t)(2 * m + d + 3));
    uint8_t *nominal = calloc((size_t)d + 1, 1);
    td_gp *gp;
    td_error err = {0};
    if (out == NULL || nominal == NULL) return 2;
    for (int i = 0; i < d; i++) nominal[i] = flags[i] != 0;
    td_status s = td_gp_create(&(td_gp_options){d, nominal, kernel}, &gp, &err);
    if (s == TD_OK) td_gp_set_theta(gp, theta);
    if (s == TD_OK) s = td_gp_set(gp, x, y, n, &err);
    if (s == TD_OK) {
        double likelihood = td_gp_likelihood(gp, out, &err);
        print(&likelihood, 1);
        print(out, d + 3);
        s = td_gp_predict(gp, at, m, out, out + m, &err);
    }
    if (s == TD_OK) {
        print(out, m);
        print(out + m, m);
    } else {
        fprintf(stderr, "gp_figures: %s\n", err.message);
    }
    td_gp_destroy(gp);
    free(flags), free(theta), free(x), free(y), free(at), free(out), free(nominal);
    return s == TD_OK ? 0 : 1;
}
