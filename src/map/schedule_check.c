/* td_schedule_check: holds a schedule to the rules of the model, from the network, the accelerator
 * and the schedule's own places, mappings and figures. It shares no code with the files that make
 * schedules (the evaluator of mappings aside), so that a mistake there shows here. */
#include <stdio.h>
#include <string.h>

#include "schedule_facts.h"

typedef struct {
    const td_net *net;
    const td_hw *hw;
    const td_schedule *s;
    const td__facts *f;
    const int *interval, *last, *end, *joined, *other; /* the facts, as td__facts has them */
    const double *weights, *value;
    int home, tiles;
    double pool;
    td_error *err;
} checker;

static const char *layer_name(const checker *c, int i) {
    return td_net_layer(c->net, c->s->interval[i].layer)->name;
}

static td_status fail(const checker *c, int i, const char *format, ...) TD_PRINTF(3, 4);
static td_status fail(const checker *c, int i, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (i < 0) return td_fail(c->err, TD_E_INPUT, "schedule: %s", text);
    return td_fail(c->err, TD_E_INPUT, "schedule: interval %d (%s): %s", i, layer_name(c, i), text);
}

static bool close_to(double a, double b) {
    double scale = fabs(a) > fabs(b) ? fabs(a) : fabs(b);
    return fabs(a - b) <= 1e-9 * scale;
}

/* ---- structure --------------------------------------------------------------------------------
 */

static double value_bits(const checker *c, int v) {
    return c->value[v];
}

/* An interval for each layer or chain, in their order. */
static td_status structure(const checker *c, const td__facts *f) {
    for (int i = 0; i < f->n; i++)
        if (i >= c->s->n || c->s->interval[i].layer != f->layer[i])
            return fail(c, -1, "layer %s has no interval in its turn",
                        td_net_layer(c->net, f->layer[i])->name);
    if (f->n != c->s->n) return fail(c, -1, "%d intervals for %d layers or chains", c->s->n, f->n);
    for (int i = 0; i < f->n; i++)
        if (c->s->interval[i].mapped != f->mapped[i])
            return fail(c, i, "mapped is %d, expected %d", c->s->interval[i].mapped, f->mapped[i]);
    for (int i = 0; i < f->n; i++)
        if (c->s->interval[i].joined != f->joined[i])
            return fail(c, i, "joined is layer %d, expected %d", c->s->interval[i].joined,
                        f->joined[i]);
    return TD_OK;
}

static td_place place_of(const checker *c, int layer) {
    return layer == 0 ? TD_AT_DRAM : c->s->interval[c->interval[layer]].output;
}

static bool stacked(const checker *c, int i) {
    return c->f->behind[i] - c->f->first[i] > 1;
}

static td_status places(const checker *c) {
    int n = c->s->n;
    for (int i = 0; i < n; i++) {
        const td_interval *t = &c->s->interval[i];
        const td_layer *l = td_net_layer(c->net, t->layer);
        if (t->input != place_of(c, l->input[0]))
            return fail(c, i, "its input is not where its maker left it");
        int second = c->joined[i] >= 0 ? c->other[i] : l->n_inputs > 1 ? l->input[1] : -1;
        if (second >= 0 && t->input2 != place_of(c, second))
            return fail(c, i, "its second input is not where its maker left it");
        if (t->output != TD_AT_DRAM && t->output != TD_AT_CHIP && t->output != TD_AT_BANDS)
            return fail(c, i, "its output stands nowhere");
        if (t->bands != c->f->passes[i])
            return fail(c, i, "%d turns, expected %d", t->bands, c->f->passes[i]);
        int rows = !t->mapped ? 0 : stacked(c, i) ? t->rows : l->h;
        if (t->rows != rows) return fail(c, i, "%d rows a turn, it has %d", t->rows, rows);
        if (t->output == TD_AT_BANDS && t->prefetch_bytes != 0)
            return fail(c, i, "it prefetches, which only the last layer of a stack does");
        if (stacked(c, i) && t->weights == TD_AT_DRAM)
            return fail(c, i, "its stack brings its weights again and again");
        if (c->end[i] == td_net_output(c->net) && t->output != TD_AT_DRAM)
            return fail(c, i, "the network's output stays on chip");
        if (t->output == TD_AT_CHIP && c->home < 0)
            return fail(c, i, "values on a chip that has no storage for them");
        if (!t->mapped && t->weights != TD_AT_DRAM) return fail(c, i, "weights of a vector layer");
        const unsigned anew = c->home >= 0 ? c->hw->level[c->home].reload : 0;
        const bool value =
            t->input != TD_AT_DRAM || t->input2 != TD_AT_DRAM || t->output != TD_AT_DRAM;
        if ((t->weights != TD_AT_DRAM && anew & TD_BIT(TD_W)) || (value && anew & TD_BIT(TD_I)))
            return fail(c, i, "what is brought in anew in every step stays on chip");
        if (l->op == TD_OP_MATMUL &&
            (t->weights != TD_AT_DRAM || place_of(c, l->input[1]) != TD_AT_DRAM))
            return fail(c, i, "the second operand of a product is not streamed from DRAM");
        const td_interval *before = i > 0 || !c->s->cold ? &c->s->interval[(i + n - 1) % n] : NULL;
        double loaded = before != NULL ? before->prefetch_bytes * 8 : 0;
        bool cold_resident = c->s->cold && t->weights == TD_AT_CHIP;
        if (t->weights == TD_AT_STAGED && !(stacked(c, i) && loaded == 0) &&
            !close_to(loaded, c->weights[i]))
            return fail(c, i, "staged weights of %.0f bytes, but %.0f were prefetched",
                        c->weights[i] / 8, loaded / 8);
        if (t->weights != TD_AT_STAGED && loaded != 0 &&
            !(cold_resident && close_to(loaded, c->weights[i])))
            return fail(c, i, "%.0f bytes were prefetched that it does not use", loaded / 8);
    }
    if (c->s->cold && c->s->interval[n - 1].prefetch_bytes != 0)
        return fail(c, n - 1, "a single inference prefetches for the next one");
    return TD_OK;
}

/* ---- room -------------------------------------------------------------------------------------
 */

/* Bits of the pool that others than interval i's own tensors and tiles take during it. */
static double others(const checker *c, int i) {
    const td_schedule *s = c->s;
    const td_layer *l = td_net_layer(c->net, s->interval[i].layer);
    double bits = 0;
    for (int j = 0; j < s->n; j++)
        if (j != i && s->interval[j].weights == TD_AT_CHIP) bits += c->weights[j];
    for (int j = 0; j < i; j++) {
        if (s->interval[j].output != TD_AT_CHIP || c->last[c->end[j]] < i) continue;
        bool mine = false;
        /* What is joined to a mapped layer's results is not among its own tensors. */
        for (int k = 0; k < l->n_inputs; k++) mine = mine || l->input[k] == c->end[j];
        if (!mine) bits += value_bits(c, c->end[j]);
    }
    int next = (i + 1) % s->n;
    if (s->interval[i].prefetch_bytes > 0 && s->interval[next].weights == TD_AT_STAGED)
        bits += c->weights[next];
    return bits;
}

/* Bits of the pool that are taken throughout the stack of interval i, by whatever of its layers. */
static double throughout(const checker *c, int i) {
    const td_schedule *s = c->s;
    const int first = c->f->first[i], behind = c->f->behind[i], next = behind % s->n;
    double bits = 0;
    for (int j = 0; j < s->n; j++) {
        bool inside = j >= first && j < behind;
        if (s->interval[j].weights == TD_AT_CHIP || inside) bits += c->weights[j];
        if (inside) bits += c->f->between[j];
        if (s->interval[j].output == TD_AT_CHIP &&
            ((j < first && c->last[c->end[j]] >= first) || j == behind - 1))
            bits += value_bits(c, c->end[j]);
    }
    if (s->interval[behind - 1].prefetch_bytes > 0 && s->interval[next].weights == TD_AT_STAGED)
        bits += c->weights[next];
    return bits;
}

static td_status room(const checker *c, int i, double own, double around) {
    double said = (double)c->s->interval[i].chip_bytes * 8, used = own + around;
    if (c->home < 0) {
        if (said != 0) return fail(c, i, "bytes on a chip that has no storage for them");
        return TD_OK;
    }
    if (used > c->pool)
        return fail(c, i, "%.0f bytes on chip, %.0f are there", used / 8, c->pool / 8);
    /* Capacities are whole bytes per store, so a few may be lost to rounding. */
    double slack = 64 + 16.0 * c->hw->level[c->tiles].instances;
    if (fabs(said - used) > slack)
        return fail(c, i, "says %.0f bytes on chip, holds %.0f", said / 8, used / 8);
    return TD_OK;
}

static double tiles_bits(const checker *c, const td_interval *t, int level, unsigned tensors) {
    double bits = 0;
    for (int k = 0; k < TD_NTENSOR; k++)
        if (t->mapping.keep[level] & tensors & TD_BIT(k))
            bits += t->cost.at[level][k].tile_words *
                    td_word_bits(&t->problem, &t->mapping, level, (td_tensor)k);
    return bits * c->hw->level[level].buffering;
}

static int outermost(const td_mapping *m, int n, int t) {
    int l = n - 1;
    while (l >= 0 && !(m->keep[l] & TD_BIT(t))) l--;
    return l;
}

static td_status mapped_room(const checker *c, int i) {
    const td_interval *t = &c->s->interval[i];
    const td_layer *l = td_net_layer(c->net, t->layer);
    const bool chip[TD_NTENSOR] = {t->weights != TD_AT_DRAM, t->input != TD_AT_DRAM,
                                   t->output != TD_AT_DRAM};
    const double value[TD_NTENSOR] = {c->weights[i], value_bits(c, l->input[0]),
                                      value_bits(c, c->end[i])};
    const bool turns = stacked(c, i);
    double own = 0, around = turns ? throughout(c, i) : others(c, i);
    td_problem turn;
    td__facts_turn(c->net, c->s, c->f, i, &turn);
    for (int k = 0; k < TD_NTENSOR; k++) {
        int expected = chip[k] ? c->home : c->hw->n - 1;
        if (outermost(&t->mapping, c->hw->n, k) != expected)
            return fail(c, i, "its mapping has %c from level %d, its place says %d",
                        td_tensor_letter[k], outermost(&t->mapping, c->hw->n, k), expected);
        if (c->home < 0) continue;
        double held = tiles_bits(c, t, c->home, TD_BIT(k));
        /* What a turn works on stands among the rows and values of the stack. */
        if (turns)
            own +=
                held - (chip[k] ? (double)td_problem_words(&turn, (td_tensor)k) * turn.bits[k] : 0);
        else
            own += chip[k] && held < value[k] ? value[k] : held;
    }
    if (c->home >= 0) {
        const td_hw *h = &t->hw;
        double given = turns ? own : (double)h->level[c->home].capacity_bits;
        if (c->tiles != c->home) {
            int stores = c->hw->level[c->tiles].instances;
            given += (double)h->level[c->tiles].capacity_bits * stores;
            own += tiles_bits(c, t, c->tiles, TD_ALL_TENSORS) * stores;
        }
        if (given + around > c->pool)
            return fail(c, i, "%.0f bytes were left to it where %.0f are left", given / 8,
                        (c->pool - around) / 8);
    }
    return room(c, i, fmax(own, 0), around);
}

static td_status vector_room(const checker *c, int i) {
    const td_interval *t = &c->s->interval[i];
    const td_layer *l = td_net_layer(c->net, t->layer);
    double own = t->output == TD_AT_CHIP ? value_bits(c, c->end[i]) : 0;
    for (int k = 0; k < l->n_inputs; k++) {
        bool again = false;
        for (int j = 0; j < k; j++) again = again || l->input[j] == l->input[k];
        if (!again && place_of(c, l->input[k]) == TD_AT_CHIP) own += value_bits(c, l->input[k]);
    }
    return room(c, i, own, others(c, i));
}

/* ---- time and energy of an interval -----------------------------------------------------------
 */

static bool same_cost(const td_cost *a, const td_cost *b, int n) {
    bool same = a->macs == b->macs && a->compute_cycles == b->compute_cycles &&
                a->cycles == b->cycles && a->mac_used == b->mac_used &&
                a->utilization == b->utilization && a->mac_pj == b->mac_pj &&
                a->total_pj == b->total_pj && a->limit == b->limit;
    for (int l = 0; l < n && same; l++) {
        same = a->level_pj[l] == b->level_pj[l] && a->level_cycles[l] == b->level_cycles[l] &&
               a->slowdown[l] == b->slowdown[l] && a->used[l] == b->used[l];
        for (int t = 0; t < TD_NTENSOR && same; t++) {
            const td_access *x = &a->at[l][t], *y = &b->at[l][t];
            same = x->tile_words == y->tile_words && x->partition_words == y->partition_words &&
                   x->reads == y->reads && x->fills == y->fills && x->updates == y->updates &&
                   x->energy_pj == y->energy_pj;
        }
    }
    return same;
}

static td_status same_layer(const checker *c, int i) {
    const td_interval *t = &c->s->interval[i];
    td_problem p;
    td_layer_problem(c->net, t->layer, c->s->batch, &p);
    if (t->macs != td_problem_macs(&p))
        return fail(c, i, "%lld MACs, the layer has %lld", (long long)t->macs,
                    (long long)td_problem_macs(&p));
    td__facts_turn(c->net, c->s, c->f, i, &p);
    td_problem layer = p;
    td_hw_problem(c->hw, &layer, &p);
    for (int d = 0; d < TD_NDIM; d++)
        if (t->problem.dim[d] < p.dim[d] || (!c->hw->rules.pad && t->problem.dim[d] != p.dim[d]))
            return fail(c, i, "its problem has %c = %d, the layer has %d", td_dim_letter[d],
                        t->problem.dim[d], p.dim[d]);
    if (memcmp(p.stride, t->problem.stride, sizeof p.stride) != 0 ||
        memcmp(p.dilation, t->problem.dilation, sizeof p.dilation) != 0 ||
        memcmp(p.bits, t->problem.bits, sizeof p.bits) != 0 || p.acc_bits != t->problem.acc_bits)
        return fail(c, i, "its problem is not the layer's");
    td_hw h = t->hw; /* the accelerator but for what the schedule may set */
    for (int l = 0; l < h.n && l < c->hw->n; l++) {
        if (l == c->home || l == c->tiles) h.level[l].capacity_bits = c->hw->level[l].capacity_bits;
        h.level[l].must_keep = c->hw->level[l].must_keep;
    }
    if (td_hw_hash(&h) != td_hw_hash(c->hw)) return fail(c, i, "it ran on another accelerator");
    td_cost cost;
    td_error inner = {0};
    if (td_cost_evaluate(&t->problem, &t->hw, &t->mapping, c->s->counting, &cost, &inner) != TD_OK)
        return fail(c, i, "its mapping is refused: %s", inner.message);
    if (!same_cost(&cost, &t->cost, c->hw->n)) return fail(c, i, "its cost is not its mapping's");
    return TD_OK;
}

typedef struct {
    double chip_cycles, read, write, pj; /* bits; pJ without leakage */
    double bits[TD_NTENSOR];             /* DRAM */
} account;

static double blocks(const td_level *l, double bits, int word) {
    double per_block = floor((double)l->block_bits / word);
    return ceil(ceil(bits / word) / (per_block > 1 ? per_block : 1));
}

static void account_mapped(const checker *c, const td_interval *t, account *a) {
    const int top = c->hw->n - 1;
    const td_cost *k = &t->cost;
    a->chip_cycles = (double)k->compute_cycles;
    for (int l = 0; l < top; l++) a->chip_cycles = fmax(a->chip_cycles, (double)k->level_cycles[l]);
    a->pj = k->mac_pj;
    for (int l = 0; l < top; l++) a->pj += k->level_pj[l];
    a->pj = t->bands * (a->pj * (1 + c->hw->clock_tree) + k->level_pj[top]);
    a->chip_cycles *= t->bands;
    for (int x = 0; x < TD_NTENSOR; x++) {
        if (!(t->mapping.keep[top] & TD_BIT(x))) continue;
        int word = td_word_bits(&t->problem, &t->mapping, top, (td_tensor)x);
        double bits = word * k->at[top][x].moved, read = t->bands * k->at[top][x].reads * bits,
               write = t->bands * (k->at[top][x].fills + k->at[top][x].updates) * bits;
        a->bits[x] = read + write;
        a->read += read;
        a->write += write;
    }
}

static void account_vector(const checker *c, int i, account *a) {
    const td_interval *t = &c->s->interval[i];
    const td_layer *l = td_net_layer(c->net, t->layer);
    const td_level *top = &c->hw->level[c->hw->n - 1];
    double batch = c->s->batch, out = (double)l->c * l->h * l->w * batch, ops = out;
    const td_shape x = td_layer_input(c->net, t->layer, 0);
    if (l->op == TD_OP_MAX_POOL || l->op == TD_OP_AVG_POOL) ops = out * l->kernel[0] * l->kernel[1];
    if (l->op == TD_OP_GLOBAL_POOL || l->op == TD_OP_REDUCE) ops = (double)x.c * x.h * x.w * batch;
    if (l->op == TD_OP_LAYER_NORM || l->op == TD_OP_SOFTMAX) ops = 5 * out;
    if (l->op == TD_OP_ELEMENTWISE && l->n_inputs > 1) ops = out * (l->n_inputs - 1);
    if (l->op == TD_OP_ADD || l->op == TD_OP_MUL) ops = out * (l->n_inputs - 1);
    if (l->op == TD_OP_RESIZE)
        ops = out * (x.h == l->h || x.h == 1 ? 1 : 2) * (x.w == l->w || x.w == 1 ? 1 : 2);
    for (int j = t->layer + 1; j <= c->end[i]; j++) /* what is fused works on every element once */
        if (c->interval[j] == i) ops += out;
    double from[2] = {0, 0}, to[2] = {0, 0}; /* by place: DRAM, chip */
    for (int k = 0; k < l->n_inputs; k++)
        from[place_of(c, l->input[k]) == TD_AT_CHIP] +=
            value_bits(c, l->input[k]) * td_layer_input_share(c->net, t->layer, k);
    to[t->output == TD_AT_CHIP] = value_bits(c, c->end[i]);
    int word = l->bits[TD_O];
    a->chip_cycles = fmax(ceil(ops / c->hw->vec.lanes), ceil((from[1] + to[1]) / c->hw->vec.bw));
    if (c->home >= 0) {
        const td_level *h = &c->hw->level[c->home];
        a->chip_cycles = fmax(a->chip_cycles, ceil(from[1] / h->read_bw));
        a->chip_cycles = fmax(a->chip_cycles, ceil(to[1] / h->write_bw));
        a->chip_cycles = fmax(a->chip_cycles, ceil((from[1] + to[1]) / h->shared_bw));
    }
    a->read = a->bits[TD_I] = from[0];
    a->write = a->bits[TD_O] = to[0];
    double chip = ops * c->hw->vec.energy_pj;
    if (c->home >= 0) {
        const td_level *h = &c->hw->level[c->home];
        chip += blocks(h, from[1], word) * h->read_pj + blocks(h, to[1], word) * h->update_pj;
    }
    a->pj = chip * (1 + c->hw->clock_tree) + blocks(top, from[0], word) * top->read_pj +
            blocks(top, to[0], word) * top->update_pj;
}

/* The layer joined to a mapped one: its other operand is read, results are in the drain. */
static void account_joined(const checker *c, int i, account *a) {
    const td_interval *t = &c->s->interval[i];
    const td_layer *l = td_net_layer(c->net, c->joined[i]);
    const td_level *top = &c->hw->level[c->hw->n - 1];
    double out = (double)l->c * l->h * l->w * c->s->batch, ops = 0;
    for (int j = c->joined[i]; j <= c->end[i]; j++) ops += c->interval[j] == i ? out : 0;
    double from[2] = {0, 0};
    from[place_of(c, c->other[i]) == TD_AT_CHIP] = value_bits(c, c->other[i]);
    int word = td_net_layer(c->net, t->layer)->bits[TD_O];
    a->chip_cycles = fmax(a->chip_cycles, ceil(ops / c->hw->vec.lanes));
    a->chip_cycles = fmax(a->chip_cycles, ceil(from[1] / c->hw->vec.bw));
    double chip = ops * c->hw->vec.energy_pj;
    if (c->home >= 0 && from[1] > 0) {
        const td_level *h = &c->hw->level[c->home];
        double read = from[1], write = 0;
        for (int x = 0; x < TD_NTENSOR; x++) {
            if (!(t->mapping.keep[c->home] & TD_BIT(x))) continue;
            int bits = td_word_bits(&t->problem, &t->mapping, c->home, (td_tensor)x);
            read += t->bands * t->cost.at[c->home][x].reads * bits;
            write +=
                t->bands * (t->cost.at[c->home][x].fills + t->cost.at[c->home][x].updates) * bits;
        }
        a->chip_cycles = fmax(a->chip_cycles, ceil(read / h->read_bw));
        a->chip_cycles = fmax(a->chip_cycles, ceil(write / h->write_bw));
        a->chip_cycles = fmax(a->chip_cycles, ceil((read + write) / h->shared_bw));
        chip += blocks(h, from[1], word) * h->read_pj;
    }
    a->read += from[0];
    a->bits[TD_I] += from[0];
    a->pj += chip * (1 + c->hw->clock_tree) + blocks(top, from[0], word) * top->read_pj;
}

/* Weights of interval `of` come on chip ahead of their use. */
static void account_load(const checker *c, int of, account *a) {
    const td_level *top = &c->hw->level[c->hw->n - 1], *home = &c->hw->level[c->home];
    td_problem p;
    td_layer_problem(c->net, c->s->interval[of].layer, c->s->batch, &p);
    double bits = (double)td_problem_words(&p, TD_W) * p.bits[TD_W];
    a->read += c->weights[of];
    a->pj += blocks(top, bits, p.bits[TD_W]) * top->read_pj +
             blocks(home, bits, p.bits[TD_W]) * home->fill_pj * (1 + c->hw->clock_tree);
}

static td_status figures(const checker *c, int i, double *pj) {
    const td_interval *t = &c->s->interval[i];
    if ((!t->mapped || t->joined >= 0) && c->hw->vec.lanes < 1)
        return fail(c, i, "it needs the vector unit, there is none");
    const td_level *top = &c->hw->level[c->hw->n - 1];
    account a = {0};
    if (t->mapped)
        account_mapped(c, t, &a);
    else
        account_vector(c, i, &a);
    if (t->joined >= 0) account_joined(c, i, &a);
    int n = c->s->n;
    bool ahead = i > 0 && c->s->interval[i - 1].prefetch_bytes > 0;
    bool wraps = i == 0 && !c->s->cold && c->s->interval[n - 1].prefetch_bytes > 0;
    bool by_stack = stacked(c, i) && t->weights == TD_AT_STAGED && !wraps;
    double late = 0; /* all turns but the first come after the weights of a stack's layer */
    if (((c->s->cold && t->weights == TD_AT_CHIP) || by_stack) && !ahead) {
        account_load(c, i, &a);
        a.bits[TD_W] += c->weights[i];
        if (stacked(c, i))
            late = c->weights[i] / fmin(top->read_bw, top->shared_bw) +
                   a.chip_cycles * (t->bands - 1) / t->bands;
    }
    if (t->prefetch_bytes != 0) account_load(c, (i + 1) % n, &a);
    for (int k = 0; k < TD_NTENSOR; k++)
        if (!close_to(t->dram_bytes[k], a.bits[k] / 8))
            return fail(c, i, "%.1f bytes of %c over the I/O, its mapping and places move %.1f",
                        t->dram_bytes[k], td_tensor_letter[k], a.bits[k] / 8);
    if (!close_to(t->compute_cycles, a.chip_cycles))
        return fail(c, i, "%.0f cycles on chip, expected %.0f", t->compute_cycles, a.chip_cycles);
    double need = fmax(fmax(a.read / top->read_bw, a.write / top->write_bw),
                       (a.read + a.write) / top->shared_bw);
    if (t->dram_cycles * (1 + 1e-12) < need)
        return fail(c, i, "%.0f bytes do not pass the I/O in %.0f cycles", (a.read + a.write) / 8,
                    t->dram_cycles);
    if (t->dram_cycles * (1 + 1e-12) < late)
        return fail(c, i, "turns begin before their weights are there: %.0f cycles, expected %.0f",
                    t->dram_cycles, ceil(late));
    need = fmax(need, late);
    if (t->dram_cycles >= need + 2.5) /* two parts, rounded up to whole cycles each */
        return fail(c, i, "%.0f cycles of I/O, expected %.0f", t->dram_cycles, ceil(need));
    if (t->cycles != fmax(t->compute_cycles, t->dram_cycles))
        return fail(c, i, "%.0f cycles, expected %.0f", t->cycles,
                    fmax(t->compute_cycles, t->dram_cycles));
    if (!close_to(t->latency_s, t->cycles / c->hw->clock_hz))
        return fail(c, i, "%g s for %.0f cycles", t->latency_s, t->cycles);
    double energy = a.pj * 1e-12 + c->hw->leak_w * t->latency_s;
    if (!close_to(t->energy_j, energy))
        return fail(c, i, "%.6g J, its parts add up to %.6g J", t->energy_j, energy);
    double peak = (double)td_hw_peak_macs(c->hw);
    if (!close_to(t->utilization, t->cycles > 0 ? (double)t->macs / peak / t->cycles : 0))
        return fail(c, i, "utilisation %g", t->utilization);
    *pj += a.pj;
    return TD_OK;
}

/* ---- sums -------------------------------------------------------------------------------------
 */

static td_status sum_is(const checker *c, const char *what, double said, double sum) {
    if (close_to(said, sum)) return TD_OK;
    return fail(c, -1, "%s is %.12g, its intervals add up to %.12g", what, said, sum);
}

static td_status sums(const checker *c, double pj) {
    const td_schedule *s = c->s;
    double latency = 0, energy = 0, bytes = 0, resident = 0, macs = 0, cycles = 0;
    int64_t peak = 0;
    for (int i = 0; i < s->n; i++) {
        const td_interval *t = &s->interval[i];
        latency += t->latency_s;
        energy += t->energy_j;
        cycles += t->cycles;
        macs += (double)t->macs;
        bytes += t->dram_bytes[0] + t->dram_bytes[1] + t->dram_bytes[2] + t->prefetch_bytes;
        if (t->weights == TD_AT_CHIP) resident += c->weights[i] / 8;
        if (t->chip_bytes > peak) peak = t->chip_bytes;
    }
    double rate = macs / (double)td_hw_peak_macs(c->hw) / (cycles > 0 ? cycles : 1);
    td_status st = sum_is(c, "latency_s", s->latency_s, latency);
    if (st == TD_OK) st = sum_is(c, "energy_j", s->energy_j, energy);
    if (st == TD_OK) st = sum_is(c, "dynamic_j", s->dynamic_j, pj * 1e-12);
    if (st == TD_OK) st = sum_is(c, "leak_j", s->leak_j, c->hw->leak_w * latency);
    if (st == TD_OK) st = sum_is(c, "dram_bytes", s->dram_bytes, bytes);
    if (st == TD_OK)
        st = sum_is(c, "resident_weight_bytes", (double)s->resident_weight_bytes, resident);
    if (st == TD_OK) st = sum_is(c, "peak_chip_bytes", (double)s->peak_chip_bytes, (double)peak);
    if (st == TD_OK) st = sum_is(c, "utilization", s->utilization, rate);
    if (st == TD_OK && latency > 0) st = sum_is(c, "power_w", s->power_w, energy / latency);
    if (st == TD_OK && s->latency_s * (1 + 1e-9) < s->bound_latency_s)
        st = fail(c, -1, "latency %g s is below its bound %g s", s->latency_s, s->bound_latency_s);
    return st;
}

td_status td_schedule_check(const td_net *net, const td_hw *hw, const td_schedule *s,
                            td_error *err) {
    td_status st = td_net_check(net, err);
    if (st == TD_OK) st = td_hw_check(hw, err);
    if (st != TD_OK) return st;
    if (s->n < 1 || s->interval == NULL || s->batch < 1)
        return td_fail(err, TD_E_INPUT, "schedule: it is empty");
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the check");
    td__facts f;
    st = td__facts_of(net, hw, s->batch, a, &f, err);
    checker c = {.f = &f,
                 .net = net,
                 .hw = hw,
                 .s = s,
                 .interval = f.interval,
                 .last = f.last,
                 .end = f.end,
                 .joined = f.joined,
                 .other = f.other,
                 .weights = f.weights,
                 .value = f.value,
                 .home = f.home,
                 .tiles = f.tiles,
                 .pool = f.pool,
                 .err = err};
    double pj = 0;
    if (st == TD_OK) st = structure(&c, &f);
    if (st == TD_OK) {
        st = td__facts_stacks(net, s, &f, err);
        if (st != TD_OK) td_error_prefix(err, "schedule");
    }
    if (st == TD_OK) st = places(&c);
    for (int i = 0; i < s->n && st == TD_OK; i++) {
        if (s->interval[i].mapped) st = same_layer(&c, i);
        if (st == TD_OK) st = s->interval[i].mapped ? mapped_room(&c, i) : vector_room(&c, i);
        if (st == TD_OK) st = figures(&c, i, &pj);
    }
    if (st == TD_OK) st = sums(&c, pj);
    td_arena_destroy(a);
    return st;
}
