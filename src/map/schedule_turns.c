/* Ways of the layers of stacks: each turn of a layer is asked for once, with what is on chip. */
#include "schedule.h"

/* One turn that was asked for. */
typedef struct turn {
    struct turn *next; /* of the same layer problem */
    int rows;
    unsigned chip;
    td_problem problem;
    td__ways *ways; /* by mask */
} turn;

struct td__turns {
    td__maker maker;
    td__table table; /* of one turn */
    turn **of;       /* by the shape of the whole layer */
};

td__turns *td__turns_create(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                            const td_schedule_options *o, td__memory memory, td_arena *a) {
    /* What stands on chip is the stack's, not the turn's: no values. */
    static const int64_t none[1][TD_NTENSOR];
    td__turns *t = TD_NEW(a, td__turns, 1);
    if (t == NULL || (t->of = TD_NEW(a, turn *, p->n_shape)) == NULL) return NULL;
    t->maker = (td__maker){.plan = p,
                           .value = none,
                           .hw = hw,
                           .home = h,
                           .o = o,
                           .arena = a,
                           .table = &t->table,
                           .turn = true,
                           .memory = memory};
    return t;
}

static const td__ways *known(const td__turns *t, const td__stack *s, int at, unsigned chip) {
    const turn *k = t->of[t->maker.plan->step[s->first + at].shape];
    while (k != NULL && (k->rows != s->rows[at] || k->chip != chip)) k = k->next;
    return k != NULL ? &k->ways[chip] : NULL;
}

static td_status ask(td__turns *t, const td__stack *s, int at, unsigned chip) {
    turn **to = &t->of[t->maker.plan->step[s->first + at].shape];
    turn *k = TD_NEW(t->maker.arena, turn, 1);
    if (k == NULL) return TD_E_MEMORY;
    *k = (turn){.next = *to, .rows = s->rows[at], .chip = chip};
    k->problem = td__stack_turn(t->maker.plan, s, at);
    t->maker.shape = &k->problem;
    t->maker.asked = UINT64_C(1) << chip;
    t->table.of = &k->ways;
    td_status st = td__table_shape(&t->maker, 0, NULL, NULL);
    if (st == TD_OK) *to = k;
    return st;
}

td__way td__turns_way(const td_hw *hw, const td_problem *band, unsigned chip, int passes,
                      const td__way *one) {
    int64_t own = 0;
    for (int i = 0; i < TD_NTENSOR; i++)
        if (chip & TD_BIT(i)) own += td_problem_words(band, (td_tensor)i) * band->bits[i];
    td__way w = *one;
    w.bits = w.bits > own ? w.bits - own : 0;
    w.cycles *= passes;
    w.read *= passes;
    w.write *= passes;
    w.home_read *= passes;
    w.home_write *= passes;
    w.pj *= passes;
    w.dram = td__dram_cycles(hw, w.read, w.write);
    return w;
}

static td_status together(const td__turns *t, const td__ways *one, int passes,
                          const td_problem *band, unsigned chip, td__ways *out) {
    out->n = one->n;
    out->way = TD_NEW(t->maker.arena, td__way, one->n > 0 ? one->n : 1);
    if (out->way == NULL) return TD_E_MEMORY;
    for (int k = 0; k < one->n; k++)
        out->way[k] = td__turns_way(t->maker.hw, band, chip, passes, &one->way[k]);
    return TD_OK;
}

td_status td__turns_find(td__turns *t, td__stack *s, const uint8_t *sides) {
    for (int k = 0; k < s->n; k++)
        for (int side = 0; side < TD__STACK_SIDES; side++) {
            const unsigned chip = td__stack_chip(s, k, side);
            if (s->found[k][side]) continue;
            const td__ways *one = known(t, s, k, chip);
            if (one == NULL && (sides == NULL || !(sides[k] >> side & 1))) continue;
            td_status st = one == NULL ? ask(t, s, k, chip) : TD_OK;
            if (st != TD_OK) return st;
            const td_problem q = td__stack_turn(t->maker.plan, s, k);
            one = known(t, s, k, chip);
            st = together(t, one, s->passes[k], &q, chip, &s->ways[k][side]);
            if (st != TD_OK) return st;
            s->found[k][side] = true;
        }
    return TD_OK;
}
