#include "cli_cell.h"

#include <math.h>
#include <stdio.h>

/* Commas between groups of three of the first `digits` characters. */
static cli_cell group(const char *plain, int n, int digits) {
    cli_cell c;
    int k = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && i < digits && (digits - i) % 3 == 0 && plain[i - 1] != '-') c.s[k++] = ',';
        c.s[k++] = plain[i];
    }
    c.s[k] = '\0';
    return c;
}

static cli_cell number(double v, int decimals) {
    char plain[40];
    int n = snprintf(plain, sizeof plain, "%.*f", decimals, v);
    if (n <= 28) return group(plain, n, decimals > 0 ? n - decimals - 1 : n);
    cli_cell c;
    snprintf(c.s, sizeof c.s, "%.6g", v);
    return c;
}

cli_cell cli_thousands(double v) {
    return number(v, 0);
}

cli_cell cli_words(double v) {
    return number(v, v == floor(v) ? 0 : 1);
}

cli_cell cli_count(double v) {
    static const char *const unit[] = {"", " K", " M", " G", " T"};
    int u = 0;
    for (; v >= 999.5 && u < 4; u++) v /= 1000;
    cli_cell c;
    snprintf(c.s, sizeof c.s,
             u == 0      ? "%.0f%s"
             : v < 9.995 ? "%.2f%s"
             : v < 99.95 ? "%.1f%s"
                         : "%.0f%s",
             v, unit[u]);
    return c;
}

cli_cell cli_small(double v, const char *unit) {
    static const char *const prefix[] = {"", "m", "u", "n", "p"};
    int u = 0;
    for (; v != 0 && fabs(v) < 0.9995 && u < 4; u++) v *= 1000;
    cli_cell c;
    snprintf(c.s, sizeof c.s,
             v < 9.995   ? "%.2f %s%s"
             : v < 99.95 ? "%.1f %s%s"
                         : "%.0f %s%s",
             v, v == 0 ? "" : prefix[u], unit);
    return c;
}

cli_cell cli_bytes(double v) {
    cli_cell c;
    if (v >= 1024 * 1024)
        snprintf(c.s, sizeof c.s, "%.4g MB", v / 1024 / 1024);
    else if (v >= 1024)
        snprintf(c.s, sizeof c.s, "%.4g KB", v / 1024);
    else
        snprintf(c.s, sizeof c.s, "%.0f B", v);
    return c;
}

cli_cell cli_change(double then, double now) {
    cli_cell c = {"-"};
    double v = 100 * (then / now - 1);
    if (isfinite(v) && fabs(v) < 0.05)
        snprintf(c.s, sizeof c.s, "0 %%");
    else if (isfinite(v))
        snprintf(c.s, sizeof c.s, fabs(v) < 9.95 ? "%+.1f %%" : "%+.0f %%", v);
    return c;
}
