/* Eigenvalues by Jacobi's rotations (Golub, Van Loan, "Matrix computations", 4th edition, section
 * 8.5): cyclic sweeps, each rotation makes one element 0. Slower than what goes by a tridiagonal
 * matrix, but small eigenvalues keep their relative accuracy, and the order of all sums is fixed.
 */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

enum { SWEEPS = 60 };

/* Of rows p and q: what a rotation by (c, s) makes of them. */
static void rotate(double *restrict p, double *restrict q, int n, double c, double s) {
    for (int k = 0; k < n; k++) {
        double x = p[k], y = q[k];
        p[k] = c * x - s * y;
        q[k] = s * x + c * y;
    }
}

td_status td_eigen_symmetric(const double *matrix, int n, double *values, double *vectors,
                             td_error *err) {
    if (n < 1) return td_fail(err, TD_E_USAGE, "a matrix of %d rows", n);
    size_t d = (size_t)n;
    double *a = malloc(sizeof *a * d * d);
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    memcpy(a, matrix, sizeof *a * d * d);
    memset(vectors, 0, sizeof *vectors * d * d);
    for (size_t i = 0; i < d; i++) vectors[i * d + i] = 1;
    bool changed = true;
    for (int sweep = 0; sweep < SWEEPS && changed; sweep++) {
        changed = false;
        for (size_t p = 0; p + 1 < d; p++) {
            for (size_t q = p + 1; q < d; q++) {
                double off = a[p * d + q], x = a[p * d + p], y = a[q * d + q];
                if (!(fabs(off) > DBL_EPSILON * sqrt(fabs(x) * fabs(y)) && off != 0)) continue;
                changed = true;
                double theta = (y - x) / (2 * off);
                double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
                double c = 1 / sqrt(t * t + 1), s = t * c;
                rotate(a + p * d, a + q * d, n, c, s);
                a[p * d + p] = x - t * off;
                a[q * d + q] = y + t * off;
                a[p * d + q] = a[q * d + p] = 0;
                for (size_t k = 0; k < d; k++) { /* the columns are the rows */
                    if (k == p || k == q) continue;
                    a[k * d + p] = a[p * d + k];
                    a[k * d + q] = a[q * d + k];
                }
                rotate(vectors + p * d, vectors + q * d, n, c, s);
            }
        }
    }
    for (size_t i = 0; i < d; i++) values[i] = a[i * d + i];
    free(a);
    return changed ? td_fail(err, TD_E_USAGE, "no eigenvalues of a matrix of %d rows", n) : TD_OK;
}
