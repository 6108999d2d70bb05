/* Decimal text of doubles, both ways. printf and strtod follow the locale of the host program, so
 * only the digits are taken from printf, and strtod_l is used with the C locale. */
#include "real.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double td__real_parse(const char *s) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) return strtod(s, NULL);
    double v = strtod_l(s, NULL, c);
    freelocale(c);
    return v;
}

/* Digits (no point) and decimal exponent of v > 0, rounded to `count` digits; trailing zeros cut.
 */
static int split(double v, int count, char digits[24], int *exponent) {
    char s[48];
    snprintf(s, sizeof s, "%.*e", count - 1, v);
    int n = 0;
    const char *p = s;
    for (; *p != 'e' && *p != '\0'; p++)
        if (*p >= '0' && *p <= '9' && n < 23) digits[n++] = *p;
    *exponent = *p == 'e' ? atoi(p + 1) : 0;
    while (n > 1 && digits[n - 1] == '0') n--;
    digits[n] = '\0';
    return n;
}

/* Lays digits out as %g does: plain between 1e-5 and 1e17, else with an exponent. */
static int lay_out(const char *digits, int n, int exponent, bool negative, char out[32]) {
    int k = 0;
    if (negative) out[k++] = '-';
    if (exponent >= -5 && exponent < 0) {
        k += sprintf(out + k, "0.%.*s%s", -exponent - 1, "0000", digits);
    } else if (exponent >= 0 && exponent < 17) {
        for (int i = 0; i <= exponent; i++) out[k++] = i < n ? digits[i] : '0';
        k += sprintf(out + k, ".%s", n > exponent + 1 ? digits + exponent + 1 : "0");
    } else {
        k += sprintf(out + k, "%c%s%se%+d", digits[0], n > 1 ? "." : "", digits + 1, exponent);
    }
    return k;
}

int td_real_text(double v, char out[32]) {
    if (isnan(v)) return sprintf(out, "nan");
    if (isinf(v)) return sprintf(out, "%s", v < 0 ? "-inf" : "inf");
    if (v == 0) return sprintf(out, "%s", signbit(v) ? "-0.0" : "0.0");
    /* 15 digits always survive a double, so a shorter form is found by cutting zeros; numbers near
     * the smallest have fewer bits and may need fewer digits. */
    for (int count = isnormal(v) ? 15 : 1;; count++) {
        char digits[24];
        int exponent, n = split(fabs(v), count, digits, &exponent);
        int length = lay_out(digits, n, exponent, v < 0, out);
        if (count >= 17 || td__real_parse(out) == v) return length;
    }
}
