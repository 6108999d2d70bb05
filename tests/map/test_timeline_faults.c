/* Would the checker of timelines notice a wrong schedule or timeline? Faults as mistakes in the
 * code would make are put into schedules (before their timeline is built) and into timelines.
 * Wherever a fault changes something the checker must refuse, and it must be possible in several of
 * the random cases. Faults in the code itself: experiments/schedule_faults.sh. */
#include "common.h"
#include "timeline_case.h"

/* ---- in the schedule: true if it could be done ------------------------------------------------
 */

static bool resident_not_counted(timeline_case *c) {
    if (c->s.resident_weight_bytes < 64) return false;
    for (int i = 0; i < c->s.n; i++) c->s.interval[i].chip_bytes -= c->s.resident_weight_bytes;
    return true;
}

static bool prefetch_not_counted(timeline_case *c) {
    for (int i = 0; i < c->s.n; i++)
        if (c->s.interval[i].prefetch_bytes > 0) {
            c->s.interval[i].prefetch_bytes = 0;
            return true;
        }
    return false;
}

static void shorten(timeline_case *c, int i, double cycles) {
    c->s.latency_s -= (c->s.interval[i].cycles - cycles) / c->hw.clock_hz;
    c->s.interval[i].cycles = cycles;
}

static bool prefetch_takes_no_time(timeline_case *c) {
    for (int i = 0; i < c->s.n; i++) {
        td_interval *t = &c->s.interval[i];
        if (t->prefetch_bytes == 0 || t->dram_cycles < t->compute_cycles + 1) continue;
        shorten(c, i, t->compute_cycles);
        return true;
    }
    return false;
}

static bool transfers_take_no_time(timeline_case *c) {
    for (int i = 0; i < c->s.n; i++) {
        td_interval *t = &c->s.interval[i];
        if (t->prefetch_bytes > 0 || t->dram_cycles < t->compute_cycles + 1) continue;
        shorten(c, i, t->compute_cycles);
        return true;
    }
    return false;
}

static bool transfers_not_overlapped(timeline_case *c) {
    for (int i = 0; i < c->s.n; i++) {
        td_interval *t = &c->s.interval[i];
        if (t->dram_cycles < 2 || t->compute_cycles < 2) continue;
        shorten(c, i, t->compute_cycles + t->dram_cycles);
        return true;
    }
    return false;
}

static bool second_reader_elsewhere(timeline_case *c) {
    for (int i = 0; i < c->s.n; i++) {
        td_interval *t = &c->s.interval[i];
        const td_layer *l = td_net_layer(c->net, t->layer);
        if (l->n_inputs < 2 || l->input[0] == l->input[1]) continue;
        t->input2 = t->input2 == TD_AT_CHIP ? TD_AT_DRAM : TD_AT_CHIP;
        return true;
    }
    return false;
}

static bool wrap_forgotten(timeline_case *c) {
    if (c->s.interval[c->s.n - 1].prefetch_bytes == 0) return false; /* or a stack loads them */
    c->s.dram_bytes -= c->s.interval[c->s.n - 1].prefetch_bytes;
    c->s.interval[c->s.n - 1].prefetch_bytes = 0;
    return true;
}

static bool own_weights_twice(timeline_case *c) {
    for (int i = 0; i < c->s.n; i++)
        if (c->s.interval[i].weights == TD_AT_DRAM && c->s.interval[i].dram_bytes[TD_W] > 0) {
            c->s.dram_bytes += c->s.interval[i].dram_bytes[TD_W];
            c->s.interval[i].dram_bytes[TD_W] *= 2;
            return true;
        }
    return false;
}

static bool cold_load_missing(timeline_case *c) {
    for (int i = 0; i < c->s.n && c->s.cold; i++) {
        td_interval *t = &c->s.interval[i];
        if (t->weights != TD_AT_CHIP || t->dram_bytes[TD_W] == 0) continue;
        c->s.dram_bytes -= t->dram_bytes[TD_W];
        t->dram_bytes[TD_W] = 0;
        return true;
    }
    return false;
}

static bool output_stays(timeline_case *c) {
    td_interval *t = &c->s.interval[c->s.n - 1];
    t->output = TD_AT_CHIP;
    c->s.dram_bytes -= t->dram_bytes[TD_O];
    t->dram_bytes[TD_O] = 0;
    return true;
}

static bool value_called_elsewhere(timeline_case *c) {
    for (int i = 0; i < c->s.n; i++)
        if (c->s.interval[i].output == TD_AT_CHIP) {
            c->s.interval[i].output = TD_AT_DRAM;
            return true;
        }
    return false;
}

static bool weights_called_resident(timeline_case *c) {
    for (int i = 0; i < c->s.n; i++)
        if (c->s.interval[i].mapped && c->s.interval[i].weights == TD_AT_DRAM) {
            c->s.interval[i].weights = TD_AT_CHIP;
            return true;
        }
    return false;
}

static bool vector_layers_take_no_time(timeline_case *c) {
    bool done = false;
    for (int i = 0; i < c->s.n; i++)
        if (!c->s.interval[i].mapped) {
            c->s.latency_s -= c->s.interval[i].latency_s;
            done = true;
        }
    return done;
}

static bool peak_of_the_last_interval(timeline_case *c) {
    int64_t last = c->s.interval[c->s.n - 1].chip_bytes;
    bool done = last + 4096 < c->s.peak_chip_bytes;
    c->s.peak_chip_bytes = last;
    return done;
}

/* ---- in the timeline --------------------------------------------------------------------------
 */

static td_holding *first_held(td_timeline *t, td_hold kind) {
    for (int k = 0; k < t->n_holdings; k++)
        if (t->holding[k].kind == kind) return &t->holding[k];
    return NULL;
}

static bool freed_early(const timeline_case *c, td_timeline *t) {
    (void)c;
    for (int k = 0; k < t->n_holdings; k++) {
        td_holding *h = &t->holding[k];
        if (h->kind != TD_HOLD_VALUE) continue;
        for (int i = 0; i < t->n_slots; i++)
            if (t->slot[i].end == h->end && t->slot[i].start < h->end) h->end = t->slot[i].start;
        return true;
    }
    return false;
}

static bool kept_too_late(const timeline_case *c, td_timeline *t) {
    td_holding *h = first_held(t, TD_HOLD_VALUE);
    (void)c;
    if (h == NULL) return false;
    h->start = h->end; /* from when it is read no more */
    h->end = t->cycles;
    return true;
}

static bool batch_forgotten(const timeline_case *c, td_timeline *t) {
    td_holding *h = first_held(t, TD_HOLD_VALUE);
    if (h == NULL || c->s.batch == 1) return false;
    h->bytes /= c->s.batch;
    return true;
}

static bool stores_forgotten(const timeline_case *c, td_timeline *t) {
    td_holding *h = first_held(t, TD_HOLD_TILES);
    int stores = 1;
    for (int l = 0; l < c->hw.n; l++)
        if (c->hw.level[l].shares >= 0) stores = c->hw.level[c->hw.level[l].shares].instances;
    if (h == NULL || stores < 2 || h->bytes < 64 * stores) return false;
    h->bytes /= stores;
    return true;
}

static bool staged_when_used(const timeline_case *c, td_timeline *t) {
    (void)c;
    td_holding *h = first_held(t, TD_HOLD_STAGED);
    if (h == NULL) return false;
    h->start = (h->start + h->end) / 2;
    return true;
}

static bool tiles_outlive_their_layer(const timeline_case *c, td_timeline *t) {
    (void)c;
    td_holding *h = first_held(t, TD_HOLD_TILES);
    if (h == NULL || h->bytes < 8192 || h->end == t->cycles) return false;
    h->end = t->cycles;
    return true;
}

static bool loaded_for_another(const timeline_case *c, td_timeline *t) {
    (void)c;
    for (int k = 0; k < t->n_transfers; k++)
        if (t->transfer[k].ahead) {
            t->transfer[k].user = t->transfer[k].interval;
            return t->n_slots > 1;
        }
    return false;
}

static bool crowded(const timeline_case *c, td_timeline *t) {
    const double io = c->hw.level[c->hw.n - 1].shared_bw;
    for (int k = 0; k < t->n_transfers; k++) {
        td_transfer *x = &t->transfer[k];
        double cycles = 8 * x->bytes / io * .99;
        if (cycles >= x->end - x->start) continue;
        x->end = x->start + cycles;
        return true;
    }
    return false;
}

static bool transfer_outside(const timeline_case *c, td_timeline *t) {
    (void)c;
    if (t->n_transfers == 0 || t->n_slots < 2) return false;
    t->transfer[0].end = t->slot[1].end;
    return true;
}

static bool transfer_lost(const timeline_case *c, td_timeline *t) {
    (void)c;
    if (t->n_transfers == 0) return false;
    t->n_transfers--;
    return true;
}

static bool gap(const timeline_case *c, td_timeline *t) {
    (void)c;
    t->slot[t->n_slots - 1].start += 1;
    return t->n_slots > 1;
}

static bool order_changed(const timeline_case *c, td_timeline *t) {
    (void)c;
    if (t->n_slots < 2) return false;
    int layer = t->slot[0].layer;
    t->slot[0].layer = t->slot[1].layer;
    t->slot[1].layer = layer;
    return true;
}

/* ---- */

typedef struct {
    const char *name;
    bool (*schedule)(timeline_case *c);
    bool (*timeline)(const timeline_case *c, td_timeline *t);
} fault;

static const fault faults[] = {
    {"resident weights are not counted", resident_not_counted, NULL},
    {"weights loaded ahead are not counted", prefetch_not_counted, NULL},
    {"loading ahead takes no time", prefetch_takes_no_time, NULL},
    {"own transfers take no time", transfers_take_no_time, NULL},
    {"transfers wait for the computing", transfers_not_overlapped, NULL},
    {"a second operand is looked for elsewhere", second_reader_elsewhere, NULL},
    {"the last interval does not load for the first", wrap_forgotten, NULL},
    {"own weights count twice", own_weights_twice, NULL},
    {"resident weights are never loaded", cold_load_missing, NULL},
    {"the network's output stays on chip", output_stays, NULL},
    {"a value on chip is said to be in DRAM", value_called_elsewhere, NULL},
    {"streamed weights are said to be resident", weights_called_resident, NULL},
    {"layers of the vector unit take no time", vector_layers_take_no_time, NULL},
    {"the most on chip is that of the last interval", peak_of_the_last_interval, NULL},
    {"a value is freed one interval early", NULL, freed_early},
    {"a value comes on chip when it is read no more", NULL, kept_too_late},
    {"the batch is forgotten in the size of a value", NULL, batch_forgotten},
    {"tiles count in one store only", NULL, stores_forgotten},
    {"staged weights have a place only when they are used", NULL, staged_when_used},
    {"tiles outlive their layer", NULL, tiles_outlive_their_layer},
    {"weights are loaded for another interval", NULL, loaded_for_another},
    {"a transfer is faster than the I/O", NULL, crowded},
    {"a transfer leaves its interval", NULL, transfer_outside},
    {"a transfer is lost", NULL, transfer_lost},
    {"a gap between two intervals", NULL, gap},
    {"two layers change places", NULL, order_changed},
};
enum { FAULTS = sizeof faults / sizeof faults[0], CASES = 200 };

static bool refused(const fault *f, int number, td_map_cache *cache, bool *done, td_error *err) {
    timeline_case c;
    td_timeline t;
    timeline_case_make(number, cache, &c);
    *done = f->schedule != NULL && f->schedule(&c);
    assert_ok(td_timeline_build(c.net, &c.hw, &c.s, &t, err), err);
    if (f->timeline != NULL) *done = f->timeline(&c, &t);
    bool no = td_timeline_check(c.net, &c.hw, &c.s, &t, err) == TD_E_INPUT;
    td_timeline_free(&t);
    timeline_case_free(&c);
    return no;
}

static void faults_are_noticed(void **state) {
    (void)state;
    td_map_cache *cache = td_map_cache_create(0);
    for (int k = 0; k < FAULTS; k++) {
        int done = 0;
        char first[512] = "";
        for (int i = 0; i < CASES && done < 3; i++) {
            td_error err = {0};
            bool possible;
            bool no = refused(&faults[k], i, cache, &possible, &err);
            if (!possible) continue;
            if (!no) fail_msg("not noticed in case %d: %s", i, faults[k].name);
            if (done++ == 0) snprintf(first, sizeof first, "%s", err.message);
        }
        print_message("%s: %d of %d; %s\n", faults[k].name, done, done, first);
        if (done < 2) fail_msg("hardly ever possible: %s", faults[k].name);
    }
    td_map_cache_destroy(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(faults_are_noticed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
