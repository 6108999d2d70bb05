/* Peak rates of DRAM interfaces: transfers per second x width. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/cost.h"

/* Rates of the standards' speed grades, widths of a usual channel (a DIMM; an LPDDR package of two
 * 16-bit channels or one of 32). */
static const td_dram_family FAMILIES[] = {
    {"ddr3", 64, 800, 2133, "JEDEC JESD79-3"},    {"ddr4", 64, 1600, 3200, "JEDEC JESD79-4"},
    {"ddr5", 64, 3200, 8800, "JEDEC JESD79-5"},   {"lpddr3", 32, 333, 2133, "JEDEC JESD209-3"},
    {"lpddr4", 32, 533, 3200, "JEDEC JESD209-4"}, {"lpddr4x", 32, 533, 4266, "JEDEC JESD209-4-1"},
    {"lpddr5", 32, 533, 6400, "JEDEC JESD209-5"}, {"lpddr5x", 32, 533, 9600, "JEDEC JESD209-5"},
};
enum { N_FAMILIES = sizeof FAMILIES / sizeof FAMILIES[0], MOST_WIDTH = 1024 };

const td_dram_family *td_dram_list(int *n) {
    if (n != NULL) *n = N_FAMILIES;
    return FAMILIES;
}

static td_status fail_text(const char *text, td_error *err) {
    td_text t = {0};
    for (int i = 0; i < N_FAMILIES; i++)
        td_text_addf(&t, "%s%s-%d..%d", i > 0 ? ", " : "", FAMILIES[i].name, FAMILIES[i].from,
                     FAMILIES[i].to);
    td_fail(
        err, TD_E_INPUT,
        "expected an interface such as ddr4-2400 or lpddr4-3200x64, or a rate such as 19.2GB/s, "
        "found \"%.40s\"; interfaces are %s (MT/s)",
        text, t.data != NULL ? t.data : "");
    td_text_free(&t);
    return TD_E_INPUT;
}

/* A whole number in [from, to]; NULL: none. */
static const char *read_whole(const char *at, int from, int to, int *out) {
    if (!isdigit((unsigned char)*at)) return NULL;
    char *end;
    long v = strtol(at, &end, 10);
    if (v < from || v > to) return NULL;
    *out = (int)v;
    return end;
}

static bool read_family(const char *text, double *bits_per_s) {
    const char *dash = strchr(text, '-');
    if (dash == NULL) return false;
    for (int i = 0; i < N_FAMILIES; i++) {
        const td_dram_family *f = &FAMILIES[i];
        size_t n = strlen(f->name);
        if ((size_t)(dash - text) != n || strncmp(text, f->name, n) != 0) continue;
        int rate, width = f->width;
        const char *end = read_whole(dash + 1, f->from, f->to, &rate);
        if (end != NULL && *end == 'x') end = read_whole(end + 1, 1, MOST_WIDTH, &width);
        if (end == NULL || *end != '\0') return false;
        *bits_per_s = 1e6 * rate * width;
        return true;
    }
    return false;
}

static bool read_rate(const char *text, double *bits_per_s) {
    static const struct {
        const char *unit;
        double bits;
    } units[] = {{"MB/s", 8e6}, {"GB/s", 8e9}, {"TB/s", 8e12}, {"Mbit/s", 1e6}, {"Gbit/s", 1e9}};
    char *end;
    if (!isdigit((unsigned char)text[0]) && text[0] != '.') return false;
    double v = strtod(text, &end);
    while (*end == ' ') end++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].unit) == 0 && v > 0 && v * units[i].bits <= 1e18) {
            *bits_per_s = v * units[i].bits;
            return true;
        }
    return false;
}

td_status td_dram_parse(const char *text, double *bits_per_s, td_error *err) {
    if (read_family(text, bits_per_s) || read_rate(text, bits_per_s)) return TD_OK;
    return fail_text(text, err);
}
