#include "space_sample.h"

#include <stdlib.h>
#include <string.h>

void cli_sample_free(cli_sample *s) {
    for (int i = 0; i < s->n_refused; i++) {
        free(s->refused[i].reason);
        free(s->refused[i].example);
    }
    free(s->refused);
    free(s->macs);
    free(s->params);
    free(s->area);
}

static void without_numbers(const char *in, char *out) {
    while (*in != '\0') {
        bool digit = *in >= '0' && *in <= '9';
        *out++ = digit ? '#' : *in;
        in++;
        while (digit && ((*in >= '0' && *in <= '9') || *in == '.')) in++;
    }
    *out = '\0';
}

static bool add_refusal(cli_sample *s, const char *message) {
    char reason[sizeof((td_error *)0)->message];
    without_numbers(message, reason);
    int i = 0;
    while (i < s->n_refused && strcmp(s->refused[i].reason, reason) != 0) i++;
    if (i == s->capacity) {
        int capacity = s->capacity > 0 ? 2 * s->capacity : 16;
        cli_refusal *grown = realloc(s->refused, sizeof *grown * (size_t)capacity);
        if (grown == NULL) return false;
        s->refused = grown;
        s->capacity = capacity;
    }
    if (i == s->n_refused) {
        cli_refusal r = {strdup(reason), strdup(message), 0};
        s->refused[s->n_refused++] = r;
        if (r.reason == NULL || r.example == NULL) return false;
    }
    s->refused[i].points++;
    return true;
}

static int compare_refusals(const void *a, const void *b) {
    const cli_refusal *x = a, *y = b;
    if (x->points != y->points) return x->points < y->points ? 1 : -1;
    return strcmp(x->reason, y->reason);
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_hashes(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* One point: built, or refused with a reason. Anything else is a fault. */
static td_status draw_one(const td_space *space, const td_choices *c, td_arena *a, cli_sample *s,
                          td_error *err) {
    td_design d;
    td_status status = space->build(space->self, c, a, &d, err);
    s->drawn++;
    if (status == TD_OK) {
        s->built++;
        if (d.net != NULL) {
            td_net_totals t;
            td_net_count(d.net, &t);
            s->macs[s->n_net] = (double)t.macs;
            s->params[s->n_net++] = (double)t.params;
        }
        if (d.has_hw) s->area[s->n_hw++] = d.hw.area_mm2;
    } else if (status == TD_E_INFEASIBLE) {
        bool added = add_refusal(s, err->message);
        status = added ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    }
    td_design_free(&d);
    return status;
}

td_status cli_sample_draw(const td_space *space, int64_t points, uint64_t seed, cli_sample *s,
                          td_error *err) {
    size_t n = (size_t)points;
    td_arena *a = td_arena_create();
    double *v = malloc(sizeof *v * (size_t)(space->n + 1));
    uint64_t *hash = malloc(sizeof *hash * n);
    s->macs = malloc(sizeof *s->macs * n);
    s->params = malloc(sizeof *s->params * n);
    s->area = malloc(sizeof *s->area * n);
    td_status status = TD_OK;
    if (a == NULL || v == NULL || hash == NULL || s->macs == NULL || s->params == NULL ||
        s->area == NULL)
        status = td_fail(err, TD_E_MEMORY, "out of memory");
    for (size_t i = 0; i < n && status == TD_OK; i++) {
        td_rng r = td_rng_make(seed, i, TD_RNG_SPACE_SAMPLE);
        td_choices c = {space->n, v};
        td_space_sample(space, &r, &c);
        hash[i] = td_choices_hash(&c);
        status = draw_one(space, &c, a, s, err);
        td_arena_reset(a);
    }
    if (status == TD_OK) {
        qsort(hash, n, sizeof *hash, compare_hashes);
        for (size_t i = 0; i < n; i++) s->different += i == 0 || hash[i] != hash[i - 1];
        qsort(s->macs, (size_t)s->n_net, sizeof *s->macs, compare_reals);
        qsort(s->params, (size_t)s->n_net, sizeof *s->params, compare_reals);
        qsort(s->area, (size_t)s->n_hw, sizeof *s->area, compare_reals);
        qsort(s->refused, (size_t)s->n_refused, sizeof *s->refused, compare_refusals);
    }
    td_arena_destroy(a);
    free(v);
    free(hash);
    return status;
}
