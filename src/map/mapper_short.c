/* Is there a mapping at all, and if not, which level is short of how much.
 *
 * A configuration says what every level keeps, how the fans are used that matter, and inside which
 * level all loops over C, R and S stand (so that further out outputs arrive finished and narrow).
 * Fans matter outside of a level whose tiles hold all of a dim: one of a resident tensor, or one
 * that the rules keep from looping further out. Within one configuration all tiles are least
 * together: when every loop stands as far out as it may. So a mapping exists if and only if some
 * configuration fits everywhere, and what a level of an unfitting one needs is exact. */
#include "mapper_plan.h"

#include <string.h>

typedef struct {
    const td__space *z;
    const td__plan *plan;
    td__shortage *out;
    const td__fan *fan[TD_MAX_LEVELS];
    int resident; /* fans of levels above it matter: in a tile of this level or inside stands all of
                   * a dim; -1: of all levels, since only they can reduce inside some keeper of O */
    int count;    /* levels that do not fit in the best configuration so far */
    double total; /* bits that are missing there, all levels together */
} checker;

static const td__fan no_fan = {{1, 1, 1, 1, 1, 1, 1, 1},
                               {1, 1, 1, 1, 1, 1, 1, 1},
                               {1, 1, 1, 1, 1, 1, 1, 1},
                               1,
                               false,
                               {1, 1, 1}};

/* Loops over C, R and S at `inside` and further in, or nowhere in particular (z->n - 1). */
static void check(checker *c, const uint8_t *keep, int inside) {
    const td__space *z = c->z;
    td__root *r = &c->out->root;
    bool wasted;
    for (int l = 0; l < z->n; l++) r->fan[l] = *c->fan[l];
    if (!td__root_fans(z, r->fan, TD__AS_IS, &r->p, r->time, &wasted)) return;
    memcpy(r->keep, keep, sizeof r->keep);

    int32_t bound[TD_MAX_LEVELS][TD_NDIM];
    for (int l = 0; l < z->n; l++)
        for (int d = 0; d < TD_NDIM; d++) bound[l][d] = 1;
    for (int d = 0; d < TD_NDIM; d++) {
        if (r->time[d] == 1) continue;
        int l = TD__REDUCED & TD_BIT(d) ? inside : z->n - 1;
        while (l >= 0 && !(z->time[l] & TD_BIT(d))) l--;
        if (l < 0) return;
        bound[l][d] = r->time[d];
    }
    int32_t tile[TD_NDIM] = {1, 1, 1, 1, 1, 1, 1, 1};
    int outermost = -1, child = -1; /* level with a reduction; keeper of O inside */
    for (int l = 0; l < z->n; l++)
        for (int d = TD_C; d <= TD_S; d++) {
            if (!(TD__REDUCED & TD_BIT(d))) continue;
            if (bound[l][d] > 1 || c->fan[l]->f[d] > 1) outermost = l;
        }
    int count = 0, worst = -1;
    double total = 0, need[TD_MAX_LEVELS];
    for (int l = 0; l < z->n; l++) {
        need[l] = 0;
        for (int d = 0; d < TD_NDIM; d++) tile[d] *= bound[l][d] * c->fan[l]->f[d];
        for (int t = 0; t < TD_NTENSOR; t++)
            if (keep[l] & TD_BIT(t)) need[l] += td__tile_bits(z, &r->p, tile, t, outermost > child);
        if (keep[l] & TD_BIT(TD_O)) child = l;
        if (need[l] <= z->usable[l]) continue;
        count++;
        total += need[l] - z->usable[l];
        if (worst < 0) worst = l;
    }
    if (c->out->known && (count != c->count ? count > c->count : total >= c->total)) return;
    c->out->known = true;
    c->count = count;
    c->total = total;
    c->out->level = worst;
    if (worst >= 0) c->out->need_bits = need[worst];
    memcpy(c->out->keep, keep, sizeof c->out->keep);
    memcpy(c->out->bound, bound, sizeof bound);
    for (int l = 0; l < z->n; l++) c->out->fan[l] = *c->fan[l];
    c->out->problem = r->p;
}

static void use_fans(checker *c, int l) {
    const td__space *z = c->z;
    if (c->out->known && c->count == 0) return;
    if (l <= c->resident) {
        for (int i = 0; i < c->plan->n_all && !(c->out->known && c->count == 0); i++) {
            const uint8_t *keep = c->plan->keep[i];
            for (int inside = z->n - 1; inside >= 0; inside--)
                if (inside == z->n - 1 || (keep[inside] & TD_BIT(TD_O))) check(c, keep, inside);
        }
        return;
    }
    for (int i = z->n_fan[l] - 1; i >= 0; i--) {
        c->fan[l] = &z->fan[l][i];
        use_fans(c, l - 1);
    }
}

void td__space_shortage(const td__space *z, const td__plan *plan, td__shortage *out) {
    checker c = {.z = z, .plan = plan, .out = out, .resident = z->n - 1};
    out->known = false;
    for (int l = 0; l < z->n; l++) c.fan[l] = &no_fan;
    unsigned active = 0, within = 0; /* dims that may loop at a level or inside of it */
    for (int i = 0; i < z->n_active; i++) active |= TD_BIT(z->active[i]);
    for (int l = z->n - 1; l >= 0; l--)
        if (z->inward[l] & active) c.resident = l;
    for (int l = 0; l < z->n; l++) {
        within |= z->time[l];
        if ((z->may[l] & TD_BIT(TD_O)) && (TD__REDUCED & active & ~within)) c.resident = -1;
    }
    if (active & ~within) c.resident = -1;
    use_fans(&c, z->n - 1);
}

/* A dim that no level may step through and that is larger than the fan-outs it may stand on. */
static td_status fail_no_place(const td__space *z, td_error *err) {
    for (int i = 0; i < z->n_active; i++) {
        int d = z->active[i], times = 0;
        double room = 1;
        for (int l = 0; l < z->n; l++) {
            times += (z->time[l] & TD_BIT(d)) != 0;
            for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++)
                if (z->space[l][axis] & TD_BIT(d)) room *= td_hw_fanout(z->hw, l, axis);
        }
        if (times > 0 || z->p.dim[d] <= room) continue;
        return td_fail(err, TD_E_INFEASIBLE,
                       "no mapping: %c = %lld has no place: no level may step through it, and the "
                       "fan-outs where it may stand take %.0f",
                       td_dim_letter[d], (long long)z->p.dim[d], room);
    }
    return td_fail(err, TD_E_INFEASIBLE,
                   "no mapping: the map rules leave some dimension of the layer no place");
}

td_status td__shortage_fail(const td__space *z, const td__shortage *s, int64_t *missing_bytes,
                            td_error *err) {
    if (!s->known) return fail_no_place(z, err);
    const td_level *v = &z->hw->level[s->level];
    double buffering = v->buffering > 0 ? v->buffering : 1;
    double need = ceil(s->need_bits * buffering), missing = need - (double)v->capacity_bits;
    while (floor(((double)v->capacity_bits + missing) / buffering) < s->need_bits) missing++;
    int64_t bytes = missing < 0x1p62 ? ((int64_t)missing + 7) / 8 : INT64_C(1) << 59;
    if (missing_bytes != NULL) *missing_bytes = bytes;
    return td_fail(
        err, TD_E_INFEASIBLE,
        "needs at least %.0f bytes of %s per instance%s, has %.0f: %lld bytes are missing",
        ceil(need / 8), v->name, buffering > 1 ? " (with room for the next tile)" : "",
        floor((double)v->capacity_bits / 8), (long long)bytes);
}
