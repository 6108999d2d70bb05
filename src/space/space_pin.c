/* A space with all decisions made: one phase of a search holds a side fixed at what another found.
 */
#include <string.h>

#include "space_bits.h"

typedef struct {
    const td_space *of;
    td_choices at;
} pin;

static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err) {
    const pin *p = self;
    (void)c;
    return p->of->build(p->of->self, &p->at, a, d, err);
}

td_status td_space_pin(const td_space *s, const td_choices *at, td_arena *arena, td_space **out,
                       td_error *err) {
    *out = NULL;
    pin *p = TD_NEW(arena, pin, 1);
    double *v = TD_NEW(arena, double, s->n + 1);
    if (p == NULL || v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (at->n != s->n)
        return td_fail(err, TD_E_USAGE, "expected %d choices, found %d", s->n, at->n);
    if (s->n > 0) memcpy(v, at->v, sizeof *v * (size_t)s->n);
    *p = (pin){s, {s->n, v}};
    td_status status = td_space_canonical(s, &p->at, err);
    if (status != TD_OK) return status;
    td__decisions none = {.arena = arena};
    return td__space_finish(s->name, &none, p, build, out, err);
}
