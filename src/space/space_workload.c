/* Several given networks with weights: one point, for searches of the accelerator that runs them
 * all. */
#include <string.h>

#include "space_bits.h"

typedef struct {
    int n;
    td_combine combine;
    td_space **net; /* of one point each */
    const char **name;
    double *weight;
} workload;

double td_workload_combine(const td_workload *w, const double *metric) {
    double sum = 0, worst = 0;
    for (int i = 0; i < w->n; i++) {
        double v = w->weight[i] * metric[i];
        sum += v;
        /* What is not known of one network is not known of them all. */
        worst = isnan(worst) || isnan(v) ? NAN : fmax(worst, v);
    }
    return w->combine == TD_COMBINE_SUM ? sum : worst;
}

static uint64_t hash_of(const td_workload *w, const uint64_t *net_hash) {
    uint64_t h = td_hash_text(w->combine == TD_COMBINE_SUM ? "workload sum" : "workload worst", 0);
    h = td_hash(w->weight, sizeof *w->weight * (size_t)w->n, h);
    return td_hash(net_hash, sizeof *net_hash * (size_t)w->n, h);
}

static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err) {
    const workload *p = self;
    *d = (td_design){0};
    td_workload *w = TD_NEW(a, td_workload, 1);
    uint64_t *hash = TD_NEW(a, uint64_t, p->n);
    if (w != NULL) w->net = TD_NEW(a, td_net *, p->n);
    if (w == NULL || hash == NULL || w->net == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    *w = (td_workload){
        .n = p->n, .combine = p->combine, .net = w->net, .name = p->name, .weight = p->weight};
    d->workload = w;
    for (int i = 0; i < p->n; i++) {
        td_design one = {0};
        td_status s = p->net[i]->build(p->net[i]->self, c, a, &one, err);
        w->net[i] = one.net;
        hash[i] = one.net_hash;
        if (s != TD_OK) return s;
    }
    d->net_hash = hash_of(w, hash);
    return TD_OK;
}

/* The entry as a map of a space of one network: without what only workloads have. */
static td_status read_net(const td_node *n, td_arena *a, td_space **out, td_error *err) {
    static const char *const own[] = {"weight", "name", NULL};
    td_node *rest;
    td_status s = td_node_without(a, n, own, &rest, err);
    return s == TD_OK ? td_space_given_net(rest, a, out, err) : s;
}

/* A name of its own is checked as it stands; a network's is made fit: it may be any text. */
static td_status read_name(const td_node *n, const td_space *net, td_arena *a, const char **out,
                           td_error *err) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const char *given = NULL;
    td_status s = td_node_opt_string(n, "name", &given, err);
    if (s != TD_OK) return s;
    size_t size = given != NULL ? strlen(given) : 0;
    if (given != NULL &&
        (size == 0 || size > 80 || given[0] == '.' || strspn(given, allowed) != size))
        return td_node_fail(td_node_find(n, "name"), err,
                            "expected up to 80 letters, digits, \"-\", \"_\" and \".\", found "
                            "\"%.100s\"",
                            given);
    *out = given;
    if (given != NULL) return TD_OK;
    td_design d = {0};
    s = net->build(net->self, &(td_choices){0}, a, &d, err);
    char *made = s == TD_OK ? td_arena_printf(a, "%.80s", td_net_name(d.net)) : NULL;
    td_design_free(&d);
    if (s == TD_OK && made == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; made != NULL && made[i] != '\0'; i++)
        if (strchr(allowed, made[i]) == NULL || (i == 0 && made[i] == '.')) made[i] = '_';
    *out = made != NULL && made[0] == '\0' ? "network" : made;
    return s;
}

static td_status read_entry(const td_node *n, int i, workload *p, td_arena *a, td_error *err) {
    if (n->kind != TD_MAP)
        return td_node_fail(n, err, "expected a map {net: NAME or FILE, weight: W}");
    p->weight[i] = 1;
    td_status s = td_node_opt_real(n, "weight", 1e-9, 1e9, &p->weight[i], err);
    if (s == TD_OK) s = read_net(n, a, &p->net[i], err);
    if (s == TD_OK) s = read_name(n, p->net[i], a, &p->name[i], err);
    for (int k = 0; s == TD_OK && k < i; k++)
        if (strcmp(p->name[k], p->name[i]) == 0)
            s = td_node_fail(n, err, "two networks are named \"%s\": give one a `name`",
                             p->name[i]);
    return s;
}

static td_status read_combine(const td_node *n, td_combine *out, td_error *err) {
    const char *combine = "sum";
    td_status s = td_node_opt_string(n, "combine", &combine, err);
    *out = strcmp(combine, "worst") == 0 ? TD_COMBINE_WORST : TD_COMBINE_SUM;
    if (s == TD_OK && *out == TD_COMBINE_SUM && strcmp(combine, "sum") != 0)
        s = td_node_fail(td_node_find(n, "combine"), err, "expected sum or worst, found \"%s\"",
                         combine);
    return s;
}

/* sum: to a sum of 1; worst: to a largest one of 1. */
static void normalise(workload *p) {
    double sum = 0, most = 0;
    for (int i = 0; i < p->n; i++) {
        sum += p->weight[i];
        most = fmax(most, p->weight[i]);
    }
    for (int i = 0; i < p->n; i++) p->weight[i] /= p->combine == TD_COMBINE_SUM ? sum : most;
}

td_status td__space_workload(const td_node *n, td_arena *a, td_space **out, td_error *err) {
    static const char *const keys[] = {"space", "networks", "combine", NULL};
    const td_node *list = NULL;
    workload *p = TD_NEW(a, workload, 1);
    if (p == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = read_combine(n, &p->combine, err);
    if (s == TD_OK) s = td_node_get_list(n, "networks", &list, err);
    if (s != TD_OK) return s;
    if (list->count < 1 || list->count > TD_MAX_WORKLOAD)
        return td_node_fail(list, err, "expected 1 to %d networks, found %d", TD_MAX_WORKLOAD,
                            list->count);
    p->net = TD_NEW(a, td_space *, list->count);
    p->name = TD_NEW(a, const char *, list->count);
    p->weight = TD_NEW(a, double, list->count);
    if (p->net == NULL || p->name == NULL || p->weight == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    for (; s == TD_OK && p->n < list->count; p->n++)
        s = read_entry(list->item[p->n], p->n, p, a, err);
    if (s != TD_OK) return s;
    normalise(p);
    return td__space_finish("workload", &(td__decisions){.arena = a}, p, build, out, err);
}
