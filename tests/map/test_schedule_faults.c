/* Faults that are put into schedules are found by the independent checker. */
#include "schedule_solve.h"

typedef struct {
    const char *name;
    /* Puts the fault in at interval i; false: it cannot be there. */
    bool (*make)(td_schedule *s, int i, const td_hw *hw);
} fault;

static bool f_cycles(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    s->interval[i].cycles -= 1;
    return true;
}
static bool f_latency(td_schedule *s, int i, const td_hw *hw) {
    (void)i, (void)hw;
    s->latency_s *= 0.99;
    return true;
}
static bool f_energy(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    s->interval[i].energy_j *= 1.001;
    s->energy_j += s->interval[i].energy_j / 1001;
    return true;
}
static bool f_dram(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    double *b = &s->interval[i].dram_bytes[TD_I];
    if (*b < 2) return false;
    *b -= 1;
    s->dram_bytes -= 1;
    return true;
}
static bool f_input(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    s->interval[i].input = s->interval[i].input == TD_AT_CHIP ? TD_AT_DRAM : TD_AT_CHIP;
    return true;
}
static bool f_output(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    s->interval[i].output = s->interval[i].output == TD_AT_CHIP ? TD_AT_DRAM : TD_AT_CHIP;
    return true;
}
static bool f_weights(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    if (s->interval[i].weights != TD_AT_DRAM || !s->interval[i].mapped) return false;
    s->interval[i].weights = TD_AT_CHIP;
    return true;
}
static bool f_staged(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    if (s->interval[i].weights != TD_AT_CHIP) return false;
    s->interval[i].weights = TD_AT_STAGED; /* nobody loads them */
    return true;
}
static bool f_prefetch(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    if (s->interval[i].prefetch_bytes == 0) return false;
    s->dram_bytes -= s->interval[i].prefetch_bytes;
    s->interval[i].prefetch_bytes = 0;
    return true;
}
static bool f_needless(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    if (s->interval[i].prefetch_bytes != 0) return false;
    s->interval[i].prefetch_bytes = 64;
    s->dram_bytes += 64;
    return true;
}
static bool f_chip_bytes(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    s->interval[i].chip_bytes += 4096;
    if (s->interval[i].chip_bytes > s->peak_chip_bytes)
        s->peak_chip_bytes = s->interval[i].chip_bytes;
    return true;
}
static bool f_capacity(td_schedule *s, int i, const td_hw *hw) {
    if (!s->interval[i].mapped) return false;
    s->interval[i].hw.level[2].capacity_bits += hw->level[1].capacity_bits * hw->level[1].instances;
    return true;
}
static bool f_mapping(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    td_mapping *m = &s->interval[i].mapping;
    if (!s->interval[i].mapped) return false;
    for (int k = 0; k < m->n; k++) {
        if (m->loop[k].bound % 2 != 0) continue;
        m->loop[k].bound /= 2;
        m->loop[k].tail /= 2;
        return true;
    }
    return false;
}
static bool f_cost(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    if (!s->interval[i].mapped) return false;
    s->interval[i].cost.at[0][TD_W].reads += 1;
    return true;
}
static bool f_faster_hw(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    if (!s->interval[i].mapped) return false;
    s->interval[i].hw.level[3].shared_bw *= 2;
    return true;
}
static bool f_problem(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    if (!s->interval[i].mapped) return false;
    s->interval[i].problem.bits[TD_W] = 4;
    return true;
}
static bool f_macs(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    if (!s->interval[i].mapped) return false;
    s->interval[i].macs++;
    return true;
}
static bool f_layer(td_schedule *s, int i, const td_hw *hw) {
    (void)hw;
    s->interval[i].layer++;
    return true;
}
static bool f_dropped(td_schedule *s, int i, const td_hw *hw) {
    (void)i, (void)hw;
    s->n--;
    return true;
}
static bool f_resident(td_schedule *s, int i, const td_hw *hw) {
    (void)i, (void)hw;
    s->resident_weight_bytes += 16;
    return true;
}
static bool f_bound(td_schedule *s, int i, const td_hw *hw) {
    (void)i, (void)hw;
    s->bound_latency_s = s->latency_s * 1.01;
    return true;
}

static const fault faults[] = {
    {"an interval too short", f_cycles},
    {"a sum too small", f_latency},
    {"energy from nowhere", f_energy},
    {"bytes not counted", f_dram},
    {"an input that is elsewhere", f_input},
    {"an output that is elsewhere", f_output},
    {"streamed weights called resident", f_weights},
    {"staged weights that nobody loaded", f_staged},
    {"a prefetch left out", f_prefetch},
    {"a prefetch for nobody", f_needless},
    {"bytes on chip that are not there", f_chip_bytes},
    {"more capacity than there is", f_capacity},
    {"a mapping of half the layer", f_mapping},
    {"a cost that is not the mapping's", f_cost},
    {"a faster accelerator", f_faster_hw},
    {"another layer's problem", f_problem},
    {"a MAC more", f_macs},
    {"another layer", f_layer},
    {"an interval less", f_dropped},
    {"more resident bytes", f_resident},
    {"a bound above the latency", f_bound},
};
enum { N_FAULTS = sizeof faults / sizeof faults[0] };

static void checker_finds_faults(void **state) {
    (void)state;
    td_map_cache *cache = td_map_cache_create(0);
    int made[N_FAULTS] = {0};
    for (uint64_t seed = 300; seed < 306; seed++) {
        td_rng r = td_rng_make(seed, 1, TD_RNG_TEST);
        td_net *net = random_schedule_net(&r, 7);
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        e.local_bytes = 1024 * pick(&r, 3, 8);
        e.pe_x = e.pe_y = 2;
        build_micro(&e, &hw);
        td_schedule_options o = options(cache);
        td_schedule s;
        solve(net, &hw, &o, &s);
        td_interval *copy = malloc(sizeof *copy * (size_t)s.n);
        assert_non_null(copy);
        for (int f = 0; f < N_FAULTS; f++) {
            for (int i = 0; i < s.n; i++) {
                td_schedule bad = s;
                memcpy(copy, s.interval, sizeof *copy * (size_t)s.n);
                bad.interval = copy;
                if (!faults[f].make(&bad, i, &hw)) continue;
                made[f]++;
                td_error err = {0};
                if (td_schedule_check(net, &hw, &bad, &err) == TD_OK)
                    fail_msg("not found: %s (seed %d, interval %d)", faults[f].name, (int)seed, i);
                assert_true(err.message[0] != '\0');
            }
        }
        free(copy);
        td_schedule_free(&s);
        td_net_destroy(net);
    }
    for (int f = 0; f < N_FAULTS; f++)
        if (made[f] == 0) fail_msg("never put in: %s", faults[f].name);
    td_map_cache_destroy(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checker_finds_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
