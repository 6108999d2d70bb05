/* Where on the chip things can stay, and what traffic, time and energy an interval has. These rules
 * are used by the DP's table and by the final figures alike; schedule_check.c has its own. */
#include "schedule.h"

#include <string.h>

/* Unbounded storage on the chip counts as this many bits: sums of sizes stay far from overflow. */
#define UNBOUNDED (INT64_C(1) << 56)

void td__home_find(const td_hw *hw, td__home *out) {
    *out = (td__home){.top = hw->n - 1, .home = -1, .tiles = -1};
    for (int l = hw->n - 2; l >= 0; l--) {
        const td_level *v = &hw->level[l];
        if (v->may_keep == 0) continue; /* a fan-out only */
        if (v->shares < 0 && v->capacity_bits < 0 && v->instances != 1) continue;
        /* Several instances would each hold a part of a value, cut as one layer's loops cut it; the
         * next layer wants another cut. Only storage that all share can hand values on. */
        if (v->instances != 1) return;
        out->home = l;
        out->tiles = v->shares >= 0 ? v->shares : l;
        break;
    }
    if (out->home < 0) return;
    const td_level *tiles = &hw->level[out->tiles];
    out->stores = tiles->instances;
    out->pool = tiles->capacity_bits < 0 || tiles->capacity_bits > UNBOUNDED / tiles->instances
                    ? UNBOUNDED
                    : tiles->capacity_bits * tiles->instances;
    /* What is brought in anew each time does not stay. */
    out->may = hw->level[out->home].may_keep & ~hw->level[out->home].reload & TD_ALL_TENSORS;
}

void td__home_layer_hw(const td_hw *hw, const td__home *h, unsigned chip, int64_t home_bits,
                       int64_t tile_bits, td_hw *out) {
    *out = *hw;
    if (h->home < 0) return;
    if (h->tiles != h->home) {
        out->level[h->home].capacity_bits = home_bits;
        out->level[h->tiles].capacity_bits = tile_bits;
    } else {
        out->level[h->home].capacity_bits = home_bits + tile_bits;
    }
    for (int l = h->home + 1; l < hw->n; l++)
        out->level[l].must_keep = (uint8_t)(out->level[l].must_keep & ~chip);
}

/* Smallest capacity that passes the evaluator's test bits <= floor(capacity / buffering). */
static int64_t buffered(double bits, double buffering) {
    if (bits <= 0) return 0;
    int64_t need = (int64_t)ceil(bits * (buffering > 1 ? buffering : 1));
    if (floor((double)need / buffering) < bits) need++; /* rounding of the quotient */
    return (need + 7) / 8 * 8;
}

td__need td__home_need(const td_hw *hw, const td__home *h, const td_problem *p, const td_mapping *m,
                       const td_cost *c, unsigned chip, const int64_t value[TD_NTENSOR]) {
    td__need need = {0, 0, 0};
    if (h->home < 0) return need;
    double sum[2] = {0, 0};
    const int level[2] = {h->home, h->tiles};
    for (int k = 0; k < (h->tiles == h->home ? 1 : 2); k++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (!(m->keep[level[k]] & TD_BIT(t))) continue;
            double bits =
                c->at[level[k]][t].tile_words * td_word_bits(p, m, level[k], (td_tensor)t);
            sum[k] += bits;
            int64_t held = buffered(bits, hw->level[level[k]].buffering);
            if (k == 0 && (chip & TD_BIT(t)) && value[t] > held) need.beyond += value[t] - held;
        }
    need.home = buffered(sum[0], hw->level[h->home].buffering);
    need.tiles = buffered(sum[1], hw->level[h->tiles].buffering);
    return need;
}

int64_t td__home_tiles(const td_hw *hw, const td__home *h, const td_problem *band,
                       const td_problem *p, const td_mapping *m, const td_cost *c, unsigned chip) {
    const int64_t none[TD_NTENSOR] = {0};
    td__need need = td__home_need(hw, h, p, m, c, chip, none);
    int64_t bits = need.home + need.tiles * h->stores;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (chip & TD_BIT(t)) bits -= td_problem_words(band, (td_tensor)t) * band->bits[t];
    return bits > 0 ? bits : 0;
}

static void level_traffic(const td_problem *p, const td_mapping *m, const td_cost *c, int level,
                          double bits[TD_NTENSOR], double *read, double *write) {
    *read = *write = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        bits[t] = 0;
        if (!(m->keep[level] & TD_BIT(t))) continue;
        const td_access *a = &c->at[level][t];
        double word = (double)td_word_bits(p, m, level, (td_tensor)t) * c->used[level] * a->moved;
        double in = a->reads * word, out = (a->fills + a->updates) * word;
        bits[t] = in + out;
        *read += in;
        *write += out;
    }
}

void td__dram_traffic(const td_hw *hw, const td_problem *p, const td_mapping *m, const td_cost *c,
                      double bits[TD_NTENSOR], double *read, double *write) {
    level_traffic(p, m, c, hw->n - 1, bits, read, write);
}

void td__home_traffic(const td__home *h, const td_problem *p, const td_mapping *m, const td_cost *c,
                      double *read, double *write) {
    double bits[TD_NTENSOR];
    *read = *write = 0;
    if (h->home >= 0) level_traffic(p, m, c, h->home, bits, read, write);
}

double td__dram_cycles(const td_hw *hw, double read, double write) {
    const td_level *top = &hw->level[hw->n - 1];
    double cycles = read / top->read_bw;
    if (write / top->write_bw > cycles) cycles = write / top->write_bw;
    if ((read + write) / top->shared_bw > cycles) cycles = (read + write) / top->shared_bw;
    /* Whole cycles; a quotient that is whole but for its rounding is not one more. */
    return ceil(cycles * (1 - 0x1p-50));
}

double td__chip_cycles(const td_cost *c, int top, int *limit) {
    int64_t cycles = c->compute_cycles;
    *limit = -1;
    for (int l = 0; l < top; l++)
        if (c->level_cycles[l] > cycles) {
            cycles = c->level_cycles[l];
            *limit = l;
        }
    return (double)cycles;
}

double td__mapped_pj(const td_hw *hw, const td_cost *c) {
    double dram = c->level_pj[hw->n - 1];
    return c->total_pj + hw->clock_tree * (c->total_pj - dram);
}

static double accesses_pj(const td_level *l, double bits, int word_bits, double pj) {
    if (bits <= 0) return 0;
    double words = ceil(bits / word_bits);
    int block = l->block_bits / word_bits;
    return ceil(words / (block > 1 ? block : 1)) * pj;
}

double td__prefetch_pj(const td_hw *hw, const td__home *h, int64_t words, int bits) {
    if (h->home < 0) return 0;
    const td_level *top = &hw->level[h->top], *home = &hw->level[h->home];
    double all = (double)words * bits;
    return accesses_pj(top, all, bits, top->read_pj) +
           accesses_pj(home, all, bits, home->fill_pj) * (1 + hw->clock_tree);
}

double td__load_pj(const td__sched_plan *p, const td_hw *hw, const td__home *h, int s) {
    const td_problem *q = &p->shape[p->step[s].shape];
    return td__prefetch_pj(hw, h, td_problem_words(q, TD_W), q->bits[TD_W]);
}

double td__vector_cycles(const td_hw *hw, const td__home *h, const td__vector_work *w, int *limit) {
    double cycles = ceil(w->ops / hw->vec.lanes), both = w->chip_read + w->chip_write;
    if (limit != NULL) *limit = TD__VECTOR_LANES;
    if (h->home >= 0) {
        const td_level *l = &hw->level[h->home];
        double moved = fmax(w->chip_read / l->read_bw, w->chip_write / l->write_bw);
        moved = ceil(fmax(moved, both / l->shared_bw));
        if (moved > cycles && limit != NULL) *limit = h->home;
        cycles = fmax(cycles, moved);
    }
    double port = ceil(both / hw->vec.bw);
    if (port > cycles && limit != NULL) *limit = TD__VECTOR_PORT;
    return fmax(cycles, port);
}

double td__joined_cycles(const td_hw *hw, const td__home *h, const td__way *way,
                         const td__vector_work *w, int *limit) {
    double cycles = way->cycles, lanes = ceil(w->ops / hw->vec.lanes);
    if (h->home >= 0 && w->chip_read > 0) {
        const td_level *l = &hw->level[h->home];
        double read = way->home_read + w->chip_read, write = way->home_write;
        double moved = fmax(read / l->read_bw, write / l->write_bw);
        moved = ceil(fmax(moved, (read + write) / l->shared_bw));
        if (moved > cycles && limit != NULL) *limit = h->home;
        cycles = fmax(cycles, moved);
    }
    double port = ceil(w->chip_read / hw->vec.bw);
    if (port > cycles && limit != NULL) *limit = TD__VECTOR_PORT;
    cycles = fmax(cycles, port);
    if (lanes > cycles && limit != NULL) *limit = TD__VECTOR_LANES;
    return fmax(cycles, lanes);
}

double td__vector_pj(const td_hw *hw, const td__home *h, const td__vector_work *w) {
    const td_level *top = &hw->level[hw->n - 1];
    double chip = w->ops * hw->vec.energy_pj;
    if (h->home >= 0) {
        const td_level *home = &hw->level[h->home];
        chip += accesses_pj(home, w->chip_read, w->word_bits, home->read_pj) +
                accesses_pj(home, w->chip_write, w->word_bits, home->update_pj);
    }
    return chip * (1 + hw->clock_tree) +
           accesses_pj(top, w->dram_read, w->word_bits, top->read_pj) +
           accesses_pj(top, w->dram_write, w->word_bits, top->update_pj);
}
