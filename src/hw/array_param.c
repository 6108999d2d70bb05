/* Parameters and rules of the template spatial-array. */
#include "array.h"

#define F(name) offsetof(td_array, name)
static const td__parameter PARAMETERS[] = {
    {"pes", F(pes), TD__I32, 1, 1, 1 << 20, NAN},
    {"mesh_x", F(mesh_x), TD__I32, 1, 1, 1 << 20, NAN},
    {"pe_words", F(pe_words), TD__I32, 1, 1, 1 << 24, NAN},
    {"input_words", F(input_words), TD__I32, 1, 1, 1 << 24, NAN},
    {"weight_words", F(weight_words), TD__I32, 1, 1, 1 << 24, NAN},
    {"buffer_kb", F(buffer_bytes), TD__I64, 1024, 1. / 1024, 1 << 22, NAN},
    {"buffer_x", F(buffer_x), TD__I32, 1, 1, 1 << 20, 1},
    {"buffer_y", F(buffer_y), TD__I32, 1, 1, 1 << 20, 1},
    {"block", F(block), TD__I32, 1, 1, 4096, 1},
    {"cluster", F(cluster), TD__I32, 1, 1, 1 << 20, 1},
    {"filter_width", F(filter_width), TD__I32, 1, 1, 2, 1},
    {"filter_height", F(filter_height), TD__I32, 1, 1, 2, 1},
    {"buffer_bw", F(buffer_words_per_cycle), TD__REAL, 1, 1e-6, 65536, NAN},
    {"dram_bw", F(dram_words_per_cycle), TD__REAL, 1, 0, 1e9, NAN},
    {"clock_ghz", F(clock_hz), TD__REAL, 1e9, 1e-6, 1e3, NAN},
    {"word_bits", F(word_bits), TD__I32, 1, 1, 64, 16},
    {"row_stationary", F(row_stationary), TD__I32, 1, 0, 1, 0},
};
enum { N_PARAMETERS = sizeof PARAMETERS / sizeof PARAMETERS[0] };

static td_status build(const void *p, const td_tech *tech, td_hw *hw, int64_t *missing_bytes,
                       td_error *err) {
    return td_array_build(p, tech, hw, missing_bytes, err);
}

const td__template td__array_template = {.name = "spatial-array",
                                         .size = sizeof(td_array),
                                         .tech = F(tech),
                                         .parameter = PARAMETERS,
                                         .n = N_PARAMETERS,
                                         .rule = td__array_rules,
                                         .n_rules = TD__ARRAY_RULES,
                                         .build = build,
                                         .known = true,
                                         .n_features = TD__ARRAY_FEATURES,
                                         .features = td__array_features};

void td_array_init(td_array *p) {
    td__template_init(&td__array_template, p);
}

/* ---- rules: what is built of parts that have to fit each other --------------------------------
 */

/* Of budgets that do not divide, what is left over stays unused. */
int64_t td__array_buffer_words(const td_array *p) {
    return p->buffer_bytes * 8 / p->word_bits / ((int64_t)p->buffer_x * p->buffer_y);
}

static int64_t bytes(const td_array *p, int64_t words) {
    return (words * p->word_bits + 7) / 8;
}

static bool meshed(const td_array *p) {
    return p->pes % p->mesh_x == 0;
}

static td_status pe_mesh(const void *self, int64_t *missing, td_error *err) {
    const td_array *p = self;
    (void)missing;
    if (meshed(p)) return TD_OK;
    return td__rule_broken(err, "%d columns (mesh_x) do not divide %d PEs: %d left over", p->mesh_x,
                           p->pes, p->pes % p->mesh_x);
}

static td_status register_files(const void *self, int64_t *missing, td_error *err) {
    const td_array *p = self;
    int64_t need = (int64_t)p->input_words + p->weight_words + 1;
    if (p->pe_words >= need) return TD_OK;
    *missing = bytes(p, need - p->pe_words);
    return td__rule_broken(err,
                           "level PsumRF needs a word beside %d of inputs and %d of weights, a PE "
                           "has %d: %lld words missing",
                           p->input_words, p->weight_words, p->pe_words,
                           (long long)(need - p->pe_words));
}

static td_status buffer_mesh(const void *self, int64_t *missing, td_error *err) {
    const td_array *p = self;
    (void)missing;
    if (p->mesh_x % p->buffer_x != 0)
        return td__rule_broken(err,
                               "level Buffer has %d instances along X (buffer_x), which do not "
                               "divide %d columns of PEs: %d left over",
                               p->buffer_x, p->mesh_x, p->mesh_x % p->buffer_x);
    if (!meshed(p)) return TD_OK; /* there are no rows: pe_mesh tells */
    int32_t rows = p->pes / p->mesh_x;
    if (rows % p->buffer_y == 0) return TD_OK;
    return td__rule_broken(err,
                           "level Buffer has %d instances along Y (buffer_y), which do not divide "
                           "%d rows of PEs: %d left over",
                           p->buffer_y, rows, rows % p->buffer_y);
}

static td_status buffer_share(const void *self, int64_t *missing, td_error *err) {
    const td_array *p = self;
    int64_t words = td__array_buffer_words(p);
    if (words >= p->block) return TD_OK;
    *missing = bytes(p, p->block - words);
    return td__rule_broken(err,
                           "level Buffer needs a block of %d words in each of %lld instances, has "
                           "%lld words: %lld words missing",
                           p->block, (long long)p->buffer_x * p->buffer_y, (long long)words,
                           (long long)(p->block - words));
}

static td_status buffer_cluster(const void *self, int64_t *missing, td_error *err) {
    const td_array *p = self;
    (void)missing;
    int64_t instances = (int64_t)p->buffer_x * p->buffer_y;
    if (instances % p->cluster == 0) return TD_OK;
    return td__rule_broken(err,
                           "level Buffer has %lld instances, which memories of %d (cluster) do not "
                           "divide: %lld left over",
                           (long long)instances, p->cluster, (long long)(instances % p->cluster));
}

/* Without a second row a spread dim would have no place at all. */
static td_status filter_spread(const void *self, int64_t *missing, td_error *err) {
    const td_array *p = self;
    (void)missing;
    if (p->filter_width == 1 && p->filter_height == 1) return TD_OK;
    if (!meshed(p) || p->pes / p->mesh_x / p->buffer_y >= 2) return TD_OK;
    return td__rule_broken(err,
                           "level Buffer has %d rows of PEs below %d instances along Y (buffer_y): "
                           "a filter that stands along Y needs 2 rows below each",
                           p->pes / p->mesh_x, p->buffer_y);
}

const td__rule td__array_rules[TD__ARRAY_RULES] = {
    {"pe_mesh", pe_mesh},
    {"register_files", register_files},
    {"buffer_mesh", buffer_mesh},
    {"buffer_share", buffer_share},
    {"buffer_cluster", buffer_cluster},
    {"filter_spread", filter_spread},
};
