/* Ways to run a layer: what the DP needs to know of a costed mapping, the list of those that are of
 * use, and the same mapping with other tensors on chip. */
#include "schedule.h"

#include <string.h>

/* ---- keeping the useful ones -------------------------------------------------------------------
 */

static bool no_worse(const td__way *a, const td__way *b) {
    return a->bits <= b->bits && a->cycles <= b->cycles && a->read <= b->read &&
           a->write <= b->write && a->pj <= b->pj;
}

static bool useful(const td__ways *list, const td__way *w) {
    for (int i = 0; i < list->n; i++)
        if (no_worse(&list->way[i], w)) return false;
    return true;
}

static void insert(td__ways *list, const td__way *w) {
    int n = 0;
    for (int i = 0; i < list->n; i++)
        if (!no_worse(w, &list->way[i])) list->way[n++] = list->way[i];
    list->n = n;
    if (list->n == TD__MAX_WAYS) return; /* many ways already; one more matters little */
    int at = list->n++;
    for (; at > 0 && list->way[at - 1].bits > w->bits; at--) list->way[at] = list->way[at - 1];
    list->way[at] = *w;
}

/* What the DP needs to know of a costed mapping; false: it does not fit the pool. */
bool td__way_of(const td__maker *b, int shape, unsigned chip, const td_problem *p,
                const td_mapping *m, const td_cost *c, td__way *out) {
    const td__home *h = b->home;
    double bits[TD_NTENSOR];
    int limit;
    *out = (td__way){.problem = p, .mapping = m};
    td__need need = td__home_need(b->hw, h, p, m, c, chip, b->value[shape]);
    out->bits = need.home + need.beyond + need.tiles * h->stores;
    out->home = need.home;
    out->tiles = need.tiles;
    td__dram_traffic(b->hw, p, m, c, bits, &out->read, &out->write);
    td__home_traffic(h, p, m, c, &out->home_read, &out->home_write);
    out->dram = td__dram_cycles(b->hw, out->read, out->write);
    out->cycles = td__chip_cycles(c, h->top, &limit);
    out->pj = td__mapped_pj(b->hw, c);
    return h->home < 0 || out->bits <= h->pool;
}

td_status td__way_add(td__maker *b, int shape, unsigned chip, const td_problem *p,
                      const td_mapping *m, const td_cost *c) {
    td__way w;
    if (!td__way_of(b, shape, chip, p, m, c, &w)) return TD_OK;
    td__ways *list = &b->table->of[shape][chip];
    if (!useful(list, &w)) return TD_OK;
    if (list->way == NULL) list->way = TD_NEW(b->arena, td__way, TD__MAX_WAYS);
    if (list->way == NULL) return TD_E_MEMORY;
    td_problem *own_p = TD_NEW(b->arena, td_problem, 1);
    td_mapping *own_m = TD_NEW(b->arena, td_mapping, 1);
    if (own_p == NULL || own_m == NULL) return TD_E_MEMORY;
    *own_p = *p;
    *own_m = *m;
    w.problem = own_p;
    w.mapping = own_m;
    insert(list, &w);
    return TD_OK;
}

/* ---- results where their sums end ---------------------------------------------------------------
 */

td_status td__way_finish(td__maker *b, int shape, unsigned chip, const td_problem *p,
                         const td_mapping *from) {
    int outer = b->hw->n - 1;
    while (outer > 0 && !(from->keep[outer] & TD_BIT(TD_O))) outer--;
    if (p->acc_bits <= p->bits[TD_O] || td_word_bits(p, from, outer, TD_O) == p->bits[TD_O])
        return TD_OK;
    td_hw hw;
    td__home_layer_hw(b->hw, b->home, chip, b->home->pool,
                      b->home->home >= 0 ? b->home->pool / b->home->stores : 0, &hw);
    bool apart = b->home->tiles != b->home->home; /* at such a home only what stays on chip */
    for (int l = outer - 1; l >= 0 && !(from->keep[l] & TD_BIT(TD_O)); l--) {
        if (!(hw.level[l].may_keep & TD_BIT(TD_O)) || (apart && l == b->home->home)) continue;
        td_mapping m = *from;
        td_cost cost;
        m.keep[l] |= TD_BIT(TD_O);
        if (td_word_bits(p, &m, outer, TD_O) != p->bits[TD_O]) break; /* sums go on outside of l */
        b->table->evaluations++;
        if (td_cost_evaluate(p, &hw, &m, b->o->counting, &cost, NULL) != TD_OK) continue;
        td_status s = td__way_add(b, shape, chip, p, &m, &cost);
        if (s != TD_OK) return s;
    }
    return TD_OK;
}

/* ---- the same loops with other tensors on chip -------------------------------------------------
 */

/* The mapping with exactly the tensors `chip` at home. Loops outside of home move to it: what DRAM
 * sends and gets stays the same. False: the machine's rules forbid it. */
static bool retarget(const td_hw *hw, const td__home *h, const td_mapping *m, unsigned chip,
                     td_mapping *out) {
    int home = h->home;
    td_mapping t = *m;
    int n = 0;
    if (chip != 0) {
        for (int l = hw->n - 1; l > home; l--)
            for (int k = m->first[l]; k < m->first[l + 1]; k++) {
                if (m->loop[k].bound == 1) continue;
                if (m->loop[k].axis != TD_AXIS_T) return false;
                if (!(hw->rules.allowed[home][TD_AXIS_T] & TD_BIT(m->loop[k].dim))) return false;
                t.loop[m->first[home] + n++] = m->loop[k];
            }
        int own = m->first[home + 1] - m->first[home];
        memcpy(&t.loop[m->first[home] + n], &m->loop[m->first[home]],
               sizeof t.loop[0] * (size_t)own);
        t.n = (uint8_t)(m->first[home] + n + own);
        for (int l = home + 1; l <= hw->n; l++) t.first[l] = t.n;
    }
    t.keep[home] = (uint8_t)(chip | hw->level[home].must_keep);
    for (int l = home + 1; l < hw->n; l++) t.keep[l] = (uint8_t)(hw->level[l].must_keep & ~chip);
    t.keep[h->top] = (uint8_t)(TD_ALL_TENSORS & ~chip);
    *out = t;
    return true;
}

td_status td__way_spread(td__maker *b, int shape, const td_problem *p, const td_mapping *from,
                         unsigned to) {
    td_mapping m;
    td_hw hw;
    td_cost cost;
    if (!retarget(b->hw, b->home, from, to, &m)) return TD_OK;
    td__home_layer_hw(b->hw, b->home, to, b->home->pool, b->home->pool / b->home->stores, &hw);
    b->table->evaluations++;
    if (td_cost_evaluate(p, &hw, &m, b->o->counting, &cost, NULL) != TD_OK) return TD_OK;
    td_status s = td__way_add(b, shape, to, p, &m, &cost);
    return s == TD_OK ? td__way_finish(b, shape, to, p, &m) : s;
}
