/* Filling, draining and shifting of fan-outs: against arrays that are stepped cycle by cycle,
 * against folds that are counted one by one, and nothing at all where nothing is said. */
#include "common.h"
#include "random_case.h"

#include "tandem/cost.h"

/* ---- an array, cycle by cycle ---------------------------------------------------------------- */

enum { MOST_SIDE = 8, MOST_STREAM = 16 };

/* Cycles of one fold of an array of rows x columns in which one operand stays: it is shifted in
 * from the top, a row a cycle; then `stream` vectors pass from left to right, row r one cycle
 * behind row r - 1, and sums from top to bottom. Numbers are computed and compared, so that an
 * operand at the wrong time at the wrong place shows. */
static int stationary_fold(int rows, int columns, int stream, td_rng *rng) {
    int w[MOST_SIDE][MOST_SIDE], x[MOST_STREAM][MOST_SIDE], y[MOST_STREAM][MOST_SIDE] = {{0}};
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) w[r][c] = (int)td_rng_below(rng, 100);
    for (int t = 0; t < stream; t++)
        for (int r = 0; r < rows; r++) x[t][r] = (int)td_rng_below(rng, 100);
    int held[MOST_SIDE][MOST_SIDE] = {{0}}, cycle = 0;
    for (int i = 0; i < rows; i++, cycle++) { /* the last row goes in first */
        for (int r = rows - 1; r > 0; r--) memcpy(held[r], held[r - 1], sizeof held[r]);
        memcpy(held[0], w[rows - 1 - i], sizeof held[0]);
    }
    /* Registers between neighbours: operands to the right, sums downwards. */
    int right[MOST_SIDE][MOST_SIDE] = {{0}}, down[MOST_SIDE][MOST_SIDE] = {{0}}, left = 0;
    int out[MOST_SIDE] = {0}; /* results that each column has given */
    for (int t = 0; left < stream * columns; t++, cycle++)
        for (int r = rows - 1; r >= 0; r--)
            for (int c = columns - 1; c >= 0; c--) {
                int at = t - r, in = c > 0                    ? right[r][c - 1]
                                     : at >= 0 && at < stream ? x[at][r]
                                                              : 0;
                int sum = (r > 0 ? down[r - 1][c] : 0) + in * held[r][c];
                right[r][c] = in;
                down[r][c] = sum;
                if (r != rows - 1 || t < rows - 1 + c || out[c] == stream) continue;
                y[out[c]++][c] = sum;
                left++;
            }
    for (int t = 0; t < stream; t++)
        for (int c = 0; c < columns; c++) {
            int want = 0;
            for (int r = 0; r < rows; r++) want += x[t][r] * w[r][c];
            assert_int_equal(y[t][c], want);
        }
    return cycle;
}

/* The same of an array in which sums stay: both operands pass, from the left and from the top. */
static int output_fold(int rows, int columns, int stream, td_rng *rng) {
    int a[MOST_SIDE][MOST_STREAM], b[MOST_STREAM][MOST_SIDE];
    for (int r = 0; r < rows; r++)
        for (int t = 0; t < stream; t++) a[r][t] = (int)td_rng_below(rng, 100);
    for (int t = 0; t < stream; t++)
        for (int c = 0; c < columns; c++) b[t][c] = (int)td_rng_below(rng, 100);
    int right[MOST_SIDE][MOST_SIDE] = {{0}}, down[MOST_SIDE][MOST_SIDE] = {{0}};
    int sum[MOST_SIDE][MOST_SIDE] = {{0}}, done[MOST_SIDE][MOST_SIDE] = {{0}}, left, cycle = 0;
    do {
        left = 0;
        for (int r = rows - 1; r >= 0; r--)
            for (int c = columns - 1; c >= 0; c--) {
                int t = cycle - r - c;
                bool here = t >= 0 && t < stream;
                int from_left = c > 0 ? right[r][c - 1] : here ? a[r][t] : 0;
                int from_top = r > 0 ? down[r - 1][c] : here ? b[t][c] : 0;
                right[r][c] = from_left;
                down[r][c] = from_top;
                sum[r][c] += from_left * from_top;
                done[r][c] += here;
                left += done[r][c] < stream;
            }
        cycle++;
    } while (left > 0);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            int want = 0;
            for (int t = 0; t < stream; t++) want += a[r][t] * b[t][c];
            assert_int_equal(sum[r][c], want);
        }
    return cycle;
}

/* ---- the same arrays as descriptions --------------------------------------------------------- */

typedef enum { WEIGHTS, INPUTS, OUTPUTS } stays;

/* Registers of one word in an array of rows x columns, a buffer, DRAM. */
static void array(stays what, int rows, int columns, td_case *c) {
    static const unsigned keeps[] = {TD_BIT(TD_W), TD_BIT(TD_I), TD_BIT(TD_O)};
    memset(c, 0, sizeof *c);
    c->hw =
        (td_hw){.n = 3, .clock_hz = 1e9, .mac = {.instances = rows * columns, .mesh_x = columns}};
    memset(c->hw.rules.allowed, 0xff, sizeof c->hw.rules.allowed);
    for (int l = 0; l < 3; l++) {
        c->hw.level[l] = (td_level){.may_keep = TD_ALL_TENSORS,
                                    .multicast = TD_ALL_TENSORS,
                                    .reduce = TD_BIT(TD_O),
                                    .capacity_bits = -1,
                                    .instances = l == 0 ? rows * columns : 1,
                                    .mesh_x = l == 0 ? columns : 1,
                                    .word_bits = 8,
                                    .block_bits = 8,
                                    .buffering = 1,
                                    .read_bw = INFINITY,
                                    .write_bw = INFINITY,
                                    .shared_bw = INFINITY,
                                    .shares = -1};
        c->mapping.keep[l] = (uint8_t)(l == 0 ? keeps[what] : TD_ALL_TENSORS);
    }
    c->hw.level[0].may_keep = c->hw.level[0].must_keep = (uint8_t)keeps[what];
    c->hw.level[1].timing = (td_level_timing){
        .hop_x = 1, .hop_y = 1, .shift_y = what != OUTPUTS, .fold = (uint8_t)keeps[what]};
}

/* Loops of level 1: in time, outermost first, then along X and Y. */
static void loops(td_case *c, const td_loop *loop, int n) {
    memcpy(c->mapping.loop, loop, sizeof *loop * (size_t)n);
    c->mapping.n = (uint8_t)n;
    c->mapping.first[1] = 0;
    c->mapping.first[2] = c->mapping.first[3] = (uint8_t)n;
}

#define TIME(d, b)                                                                                 \
    { d, TD_AXIS_T, b, b }
#define ALONG(d, axis, b)                                                                          \
    { d, TD_AXIS_##axis, b, b }

static td_cost cost_of(const td_case *c) {
    td_cost cost;
    td_error err = {0};
    assert_ok(td_cost_evaluate(&c->problem, &c->hw, &c->mapping, TD_COUNT_EXACT, &cost, &err),
              &err);
    return cost;
}

/* Folds one after the other take what the array takes for one, times their number; parts of an
 * array that stand idle do not shorten the way through it. */
static void arrays_step_by_step(void **state) {
    (void)state;
    enum { M = 4, N = 3 }; /* folds of the two outer loops */
    td_rng rng = td_rng_make(1, 1, TD_RNG_TEST);
    for (int rows = 1; rows <= MOST_SIDE; rows += 1 + rows / 3)
        for (int columns = 1; columns <= MOST_SIDE; columns += 1 + columns / 3)
            for (int stream = 1; stream <= MOST_STREAM; stream += 5)
                for (stays what = WEIGHTS; what <= OUTPUTS; what++) {
                    const int32_t used = rows > 1 ? rows - 1 : 1; /* of the rows */
                    const uint8_t row = what == OUTPUTS ? TD_P : TD_C;
                    const uint8_t column = what == INPUTS ? TD_P : TD_K;
                    const uint8_t passes = what == WEIGHTS ? TD_P : what == INPUTS ? TD_K : TD_C;
                    const td_loop nest[] = {TIME(column, N), TIME(row, M), TIME(passes, stream),
                                            ALONG(column, X, columns), ALONG(row, Y, used)};
                    td_case c;
                    array(what, rows, columns, &c);
                    c.problem = (td_problem){
                        .stride = {1, 1}, .dilation = {1, 1}, .bits = {8, 8, 8}, .acc_bits = 32};
                    for (int d = 0; d < TD_NDIM; d++) c.problem.dim[d] = 1;
                    for (int i = 0; i < 5; i++) c.problem.dim[nest[i].dim] *= nest[i].bound;
                    loops(&c, nest, 5);
                    td_cost cost = cost_of(&c);
                    int once = what == OUTPUTS ? output_fold(rows, columns, stream, &rng)
                                               : stationary_fold(rows, columns, stream, &rng);
                    assert_int_equal(cost.compute_cycles, M * N * once);
                    assert_int_equal(cost.skew_cycles, M * N * (once - stream));
                    assert_int_equal(cost.cycles, cost.compute_cycles);
                    assert_int_equal(cost.limit, -1);
                    /* Without a gap between folds: once in all, at the beginning and the end. */
                    c.hw.level[1].timing.fold = 0;
                    c.hw.level[1].timing.shift_y = 0;
                    assert_int_equal(cost_of(&c).skew_cycles, rows + columns - 2);
                }
}

/* A bandwidth has the whole time of the array, filling and draining included: three words in 8 x 4
 * cycles hide behind it, those in 32 folds do not. */
static void bandwidths_overlap(void **state) {
    (void)state;
    const td_loop nest[] = {TIME(TD_K, 4), TIME(TD_P, 5), ALONG(TD_C, Y, 3)};
    td_case c;
    array(WEIGHTS, 3, 2, &c);
    c.problem = (td_problem){.dim = {1, 4, 3, 5, 1, 1, 1, 1},
                             .stride = {1, 1},
                             .dilation = {1, 1},
                             .bits = {8, 8, 8},
                             .acc_bits = 32};
    loops(&c, nest, 3);
    assert_int_equal(cost_of(&c).compute_cycles, 4 * (5 + 3 + 2 + 1));
    c.hw.level[2].read_bw = 8; /* 12 weights and 15 inputs: 27 cycles */
    assert_int_equal(cost_of(&c).cycles, 44);
    c.hw.level[2].read_bw = 4; /* 54 */
    td_cost cost = cost_of(&c);
    assert_int_equal(cost.cycles, 54);
    assert_int_equal(cost.limit, 2);
    /* Two words in each register take two shifts, in half as many folds. */
    td_loop held = TIME(TD_K, 2), outer[] = {TIME(TD_K, 2), TIME(TD_P, 5), ALONG(TD_C, Y, 3)};
    loops(&c, outer, 3);
    memmove(c.mapping.loop + 1, c.mapping.loop, sizeof outer);
    c.mapping.loop[0] = held;
    c.mapping.n = 4;
    c.mapping.first[1] = 1;
    c.mapping.first[2] = c.mapping.first[3] = 4;
    c.hw.level[2].read_bw = INFINITY;
    assert_int_equal(cost_of(&c).compute_cycles, 2 * (10 + 2 * 3 + 2 + 1));
}

/* ---- folds counted one by one ---------------------------------------------------------------- */

/* Index of every loop in time, innermost last; false after the last combination. */
static bool next(const td_mapping *m, int at[TD_MAX_LOOPS]) {
    for (int l = 0; l < TD_MAX_LEVELS; l++)
        for (int i = m->first[l + 1] - 1; i >= m->first[l]; i--) {
            if (m->loop[i].axis != TD_AXIS_T) continue;
            if (++at[i] < m->loop[i].bound) return true;
            at[i] = 0;
            if (l == TD_MAX_LEVELS - 1) return false;
        }
    return false;
}

/* Does any MAC work: spatial loops stand where most is left to do, at their first index. A loop
 * runs `tail` iterations if all of its dim outside of it are in their last ones. */
static bool any_works(const td_hw *hw, const td_mapping *m, const int at[TD_MAX_LOOPS]) {
    bool last[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) last[d] = true;
    for (int l = hw->n - 1; l >= 0; l--)
        for (int i = m->first[l]; i < m->first[l + 1]; i++) {
            bool *in_last = &last[m->loop[i].dim];
            const int index = m->loop[i].axis == TD_AXIS_T ? at[i] : 0;
            if (*in_last && index >= m->loop[i].tail) return false;
            *in_last = *in_last && index == m->loop[i].tail - 1;
        }
    return true;
}

/* Steps in which the indices outside of the keeper that the tensor depends on, or that stand
 * outside of one of those, are others than before. */
static int64_t count_folds(const td_case *c, int keeper, int t) {
    const td_mapping *m = &c->mapping;
    static const char *const depends[] = {"GKCRS", "NGCPQRS", "NGKPQ"};
    int at[TD_MAX_LOOPS] = {0}, before[TD_MAX_LOOPS];
    int64_t n = 0;
    /* The innermost loop that moves the tile; all outside of it start it anew. */
    bool counts[TD_MAX_LOOPS] = {false}, outside = keeper < 0;
    for (int l = keeper + 1; l < c->hw.n; l++)
        for (int i = m->first[l + 1] - 1; i >= m->first[l]; i--) {
            if (m->loop[i].axis != TD_AXIS_T || m->loop[i].bound == 1) continue;
            outside |= strchr(depends[t], td_dim_letter[m->loop[i].dim]) != NULL;
            counts[i] = outside;
        }
    do {
        if (!any_works(&c->hw, m, at)) continue;
        bool same = n > 0;
        for (int i = 0; i < m->n; i++) same = same && (!counts[i] || at[i] == before[i]);
        if (same) continue;
        memcpy(before, at, sizeof at);
        n++;
    } while (next(m, at));
    return n;
}

static void folds_one_by_one(void **state) {
    (void)state;
    int seen = 0, imperfect = 0, several = 0;
    for (uint64_t seed = 0; seed < 4000; seed++) {
        td_rng r = td_rng_make(seed, 5, TD_RNG_TEST);
        td_case c;
        random_case(5, seed, (random_limits){.max_macs = 600, .imperfect = seed % 2 == 0}, &c);
        for (int l = c.hw.n + 1; l <= TD_MAX_LEVELS; l++) c.mapping.first[l] = c.mapping.n;
        const int l = (int)td_rng_below(&r, (uint64_t)c.hw.n),
                  t = (int)td_rng_below(&r, TD_NTENSOR);
        td_cost plain, cost;
        if (td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &plain, NULL) != TD_OK)
            continue;
        assert_int_equal(plain.skew_cycles, 0);
        int keeper = l - 1;
        while (keeper >= 0 && !(c.mapping.keep[keeper] & TD_BIT(t))) keeper--;
        c.hw.level[l].timing =
            (td_level_timing){.hop_x = 3, .hop_y = 2, .shift_x = 5, .fold = (uint8_t)TD_BIT(t)};
        const int x = td_hw_fanout(&c.hw, l, TD_AXIS_X), y = td_hw_fanout(&c.hw, l, TD_AXIS_Y);
        const double words = keeper >= 0 ? plain.at[keeper][t].tile_words : 1;
        const int64_t n = count_folds(&c, keeper, t);
        cost = cost_of(&c);
        assert_near(cost.skew_cycles, (double)n * (3 * (x - 1) + 2 * (y - 1) + 5 * x * words), 0);
        assert_int_equal(cost.compute_cycles, plain.compute_cycles + cost.skew_cycles);
        /* All that is not time stays. */
        assert_near(cost.total_pj, plain.total_pj, 0);
        assert_memory_equal(cost.at, plain.at, sizeof cost.at);
        seen++;
        several += n > 1 && n < plain.compute_cycles;
        for (int i = 0; i < c.mapping.n; i++)
            if (c.mapping.loop[i].tail != c.mapping.loop[i].bound) {
                imperfect++;
                break;
            }
    }
    assert_true(seen > 3000 && imperfect > 500 && several > 500);
}

/* A case with timing gives the same cost when it is read back; Timeloop has no words for it. */
static void cases_keep_it(void **state) {
    (void)state;
    const td_loop nest[] = {TIME(TD_K, 4), TIME(TD_P, 5), ALONG(TD_C, Y, 3)};
    td_case c, back;
    array(WEIGHTS, 3, 2, &c);
    for (int l = 0; l < 3; l++) snprintf(c.hw.level[l].name, sizeof c.hw.level[l].name, "L%d", l);
    c.problem = (td_problem){.dim = {1, 4, 3, 5, 1, 1, 1, 1},
                             .stride = {1, 1},
                             .dilation = {1, 1},
                             .bits = {8, 8, 8},
                             .acc_bits = 32};
    c.has_mapping = true;
    loops(&c, nest, 3);
    td_arena *a = td_arena_create();
    td_error err = {0};
    assert_ok(td_case_from_node(td_case_to_node(&c, a), &back, &err), &err);
    assert_memory_equal(&back.hw.level[1].timing, &c.hw.level[1].timing, sizeof(td_level_timing));
    assert_int_equal(cost_of(&back).cycles, 44);
    td_node *n;
    c.problem.acc_bits = 8; /* as words are, there */
    assert_int_equal(td_timeloop_to_node(&c, a, &n, &err), TD_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "level L1 takes time to fill and drain"));
    c.hw.level[1].timing = (td_level_timing){.fold = 0};
    assert_ok(td_timeloop_to_node(&c, a, &n, &err), &err);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_step_by_step), cmocka_unit_test(bandwidths_overlap),
        cmocka_unit_test(folds_one_by_one), cmocka_unit_test(cases_keep_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
