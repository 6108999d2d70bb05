"""Our Gaussian processes beside scikit-learn's: likelihood, its gradient, means and deviations of
random ones, to 1e-6. The program is build/release/tests/gp_figures."""
import subprocess
import sys

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Matern, WhiteKernel

MATERN, LINEAR, SE = 1, 2, 4
KERNELS = [MATERN, LINEAR, MATERN | LINEAR, SE, SE | LINEAR]
CHOICES = 4  # of a nominal coordinate


def ours(program, kernel, nominal, theta, x, y, at):
    numbers = [kernel, x.shape[1], len(x), len(at), *nominal, *theta, *x.ravel(), *y, *at.ravel()]
    text = " ".join(repr(float(v)) for v in numbers)
    lines = subprocess.run([program], input=text, capture_output=True, text=True, check=True).stdout
    likelihood, gradient, mean, sd = [np.array(l.split(), float) for l in lines.splitlines()]
    return likelihood[0], gradient, mean, sd


def columns(x, nominal, length):
    """Numeric coordinates over their lengths; nominal ones as one-hot blocks over theirs, whose
    squared distances are 2 / l^2: exp(-d^2 / 2) is then exp(-1 / l^2)."""
    numeric = [x[:, [i]] / length[i] for i in range(len(nominal)) if not nominal[i]]
    hot = [np.eye(CHOICES)[x[:, i].astype(int)] / length[i] for i in range(len(nominal)) if nominal[i]]
    none = np.zeros((len(x), 0))
    return np.hstack(numeric or [none]), np.hstack(hot or [none])


def covariance(kernel, theta, nominal, a, b):
    d = len(nominal)
    length, signal, linear = np.exp(theta[:d]), np.exp(theta[d]), np.exp(theta[d + 1])
    (na, ha), (nb, hb) = columns(a, nominal, length), columns(b, nominal, length)
    k = np.zeros((len(a), len(b)))
    if kernel & (MATERN | SE):
        part = signal * np.ones_like(k)
        if na.shape[1]:
            part = part * (RBF(1.0) if kernel & SE else Matern(1.0, nu=2.5))(na, nb)
        if ha.shape[1]:
            part = part * RBF(1.0)(ha, hb)
        k += part
    if kernel & LINEAR:
        k += linear * DotProduct(1.0)(np.hstack([na, ha]), np.hstack([nb, hb]))
    return k


def by_regressor(kernel, theta, x, y, at):
    """Matern or RBF with a length per coordinate, all of it scikit-learn's own."""
    d = x.shape[1]
    length = np.exp(theta[:d])
    near = RBF(length) if kernel & SE else Matern(length, nu=2.5)
    whole = ConstantKernel(np.exp(theta[d])) * near + WhiteKernel(np.exp(theta[d + 2]))
    gp = GaussianProcessRegressor(whole, alpha=0.0, optimizer=None).fit(x, y)
    value, slope = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)
    mean, sd = gp.predict(at, return_std=True)
    gradient = np.zeros(d + 3)
    gradient[d], gradient[:d], gradient[d + 2] = slope[0], slope[1 : d + 1], slope[d + 1]
    # predict() adds the white noise to the variance
    return value, gradient, mean, np.sqrt(np.maximum(sd**2 - np.exp(theta[d + 2]), 0))


def by_kernels(kernel, theta, nominal, x, y, at):
    """Mixtures: covariances of scikit-learn's kernels, solved by NumPy."""
    noise = np.exp(theta[-1])
    k = covariance(kernel, theta, nominal, x, x) + noise * np.eye(len(x))
    cross = covariance(kernel, theta, nominal, at, x)
    sign, determinant = np.linalg.slogdet(k)
    value = -0.5 * y @ np.linalg.solve(k, y) - 0.5 * determinant - len(x) / 2 * np.log(2 * np.pi)
    mean = cross @ np.linalg.solve(k, y)
    prior = np.diag(covariance(kernel, theta, nominal, at, at))
    variance = prior - np.sum(cross * np.linalg.solve(k, cross.T).T, axis=1)
    return value, None, mean, np.sqrt(np.maximum(variance, 0))


def main():
    program, worst, cases = sys.argv[1], 0.0, 0
    random = np.random.default_rng(1)
    for case in range(60):
        d, n, m = int(random.integers(1, 8)), int(random.integers(5, 120)), 20
        plain = case % 2 == 0
        nominal = np.zeros(d, int) if plain else random.integers(0, 2, d)
        kernel = int(random.choice([MATERN, SE] if plain else KERNELS))
        theta = np.concatenate([random.uniform(-1, 1, d), random.uniform(-1, 1, 2), random.uniform(-6, -1, 1)])

        def draw(count):
            names = random.integers(0, CHOICES, (count, d))
            return np.where(nominal == 1, names, random.uniform(0, 1, (count, d))).astype(float)

        x, at, y = draw(n), draw(m), random.normal(size=n)
        theirs = by_regressor(kernel, theta, x, y, at) if plain else by_kernels(kernel, theta, nominal, x, y, at)
        for a, b in zip(ours(program, kernel, nominal, theta, x, y, at), theirs):
            if b is None:
                continue
            worst = max(worst, float(np.max(np.abs(a - b) / np.maximum(1, np.abs(b)))))
        cases += 1
    print(f"{cases} Gaussian processes: largest difference {worst:.2g}")
    return 0 if worst < 1e-6 else 1


sys.exit(main())
