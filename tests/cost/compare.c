#include "compare.h"

#include <math.h>
#include <stdio.h>

bool is_padded(const td_problem *p) {
    return (p->pad[0] | p->pad[1] | p->pad[2] | p->pad[3]) != 0;
}

bool is_imperfect(const td_mapping *m) {
    for (int i = 0; i < m->n; i++)
        if (m->loop[i].tail != m->loop[i].bound) return true;
    return false;
}

typedef struct {
    const td_case *c;
    bool exactly, ok;
    char *why;
    size_t size;
} comparison;

static void same(comparison *k, const char *what, int level, int tensor, double got, double want) {
    if (k->exactly ? got == want : fabs(got - want) <= 1e-9 * (1 + fabs(want))) return;
    if (k->ok)
        snprintf(k->why, k->size, "%s: %s %c %s: got %.17g, simulated %.17g", k->c->name,
                 level >= 0 ? k->c->hw.level[level].name : "",
                 tensor >= 0 ? td_tensor_letter[tensor] : ' ', what, got, want);
    k->ok = false;
}

bool agrees(const td_case *c, const td_cost *cost, const sim_result *sim, char *why, size_t size) {
    const bool padded = is_padded(&c->problem), uneven = padded || is_imperfect(&c->mapping);
    comparison k = {c, !uneven, true, why, size};
    same(&k, "MACs", -1, -1, (double)cost->macs, sim->macs);
    same(&k, "MACs used", -1, -1, cost->mac_used, sim->macs_used);
    same(&k, "compute cycles", -1, -1, (double)cost->compute_cycles, sim->compute_cycles);
    same(&k, "the same counts at all instances", -1, -1, 1, uneven || sim->even);
    for (int l = 0; l < c->hw.n; l++) {
        same(&k, "used", l, -1, cost->used[l], sim->used[l]);
        for (int t = 0; t < TD_NTENSOR; t++) {
            const td_access *a = &cost->at[l][t];
            const sim_access *b = &sim->at[l][t];
            same(&k, "reads", l, t, a->reads, b->reads);
            same(&k, "fills", l, t, a->fills, b->fills);
            same(&k, "updates", l, t, a->updates, b->updates);
            same(&k, "partition", l, t, a->partition_words, b->partition_words);
            if (!padded) same(&k, "tile", l, t, a->tile_words, b->tile_words);
            if (c->mapping.keep[l] & TD_BIT(t))
                same(&k, "bits", l, t, td_word_bits(&c->problem, &c->mapping, l, (td_tensor)t),
                     b->bits);
        }
    }
    k.exactly = false;
    for (int l = 0; l < c->hw.n; l++) same(&k, "pJ", l, -1, cost->level_pj[l], sim->level_pj[l]);
    same(&k, "pJ", -1, -1, cost->total_pj, sim->energy_pj);
    if (fabs((double)cost->cycles - sim->cycles) > 1)
        same(&k, "cycles", -1, -1, (double)cost->cycles, sim->cycles);
    return k.ok;
}
