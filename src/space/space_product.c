/* The product of two spaces, and what a design owns. */
#include <string.h>

#include "space_bits.h"

typedef struct {
    const td_space *a, *b;
} product;

void td_design_free(td_design *d) {
    if (d == NULL) return;
    td_net_destroy(d->net);
    for (int i = 0; d->workload != NULL && i < d->workload->n; i++)
        td_net_destroy(d->workload->net[i]);
    *d = (td_design){0};
}

int td_design_net_count(const td_design *d) {
    return d->workload != NULL ? d->workload->n : d->net != NULL;
}

const td_net *td_design_net(const td_design *d, int i) {
    return d->workload != NULL ? d->workload->net[i] : d->net;
}

static td_status merge(td_design *d, const td_design *part, td_error *err) {
    bool nets = td_design_net_count(d) > 0 && td_design_net_count(part) > 0;
    if (nets || (d->has_hw && part->has_hw))
        return td_fail(err, TD_E_USAGE, "a product of two spaces of the same side");
    if (td_design_net_count(part) > 0) {
        d->net = part->net;
        d->workload = part->workload;
        d->net_hash = part->net_hash;
    }
    if (part->has_hw) {
        d->hw = part->hw;
        d->has_hw = true;
        d->hw_hash = part->hw_hash;
    }
    if (part->hw_node != NULL) d->hw_node = part->hw_node;
    return TD_OK;
}

/* Builds both halves even if the first cannot be built, so that the caller has all that there is:
 * the network of a point whose accelerator breaks a rule. The first fault is the result. */
static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err) {
    const product *p = self;
    *d = (td_design){0};
    if (c->n != p->a->n + p->b->n)
        return td_fail(err, TD_E_USAGE, "expected %d choices, found %d", p->a->n + p->b->n, c->n);
    td_choices first = {p->a->n, c->v}, second = {p->b->n, c->v + p->a->n};
    td_status s = p->a->build(p->a->self, &first, a, d, err);
    if (s != TD_OK && s != TD_E_INFEASIBLE) return s;
    td_design other = {0};
    td_error why = {0};
    td_status t = p->b->build(p->b->self, &second, a, &other, &why);
    td_status m = merge(d, &other, err);
    if (m != TD_OK) {
        td_design_free(&other);
        td_design_free(d);
        return m;
    }
    if (t == TD_OK || (s != TD_OK && t == TD_E_INFEASIBLE)) return s;
    if (err != NULL) *err = why;
    return t;
}

static bool allows(const void *self, const td_choices *c) {
    const product *p = self;
    td_choices first = {p->a->n, c->v}, second = {p->b->n, c->v + p->a->n};
    return td_space_allows(p->a, &first) && td_space_allows(p->b, &second);
}

td_status td_space_product(const td_space *a, const td_space *b, td_arena *arena, td_space **out,
                           td_error *err) {
    *out = NULL;
    product *p = TD_NEW(arena, product, 1);
    td_decision *d = TD_NEW(arena, td_decision, a->n + b->n + 1);
    const char *name = td_arena_printf(arena, "%s x %s", a->name, b->name);
    if (p == NULL || d == NULL || name == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *p = (product){a, b};
    if (a->n > 0) memcpy(d, a->d, sizeof *d * (size_t)a->n);
    if (b->n > 0) memcpy(d + a->n, b->d, sizeof *d * (size_t)b->n);
    for (int i = a->n; i < a->n + b->n; i++)
        if (d[i].parent >= 0) d[i].parent += a->n;
    td__decisions all = {.arena = arena, .d = d, .n = a->n + b->n};
    td_status s = td__space_finish(name, &all, p, build, out, err);
    if (s == TD_OK && (a->allows != NULL || b->allows != NULL)) (*out)->allows = allows;
    return s;
}
