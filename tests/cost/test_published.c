/* Published figures of Timeloop's Eyeriss-like example (repository
 * Accelergy-Project/timeloop-accelergy-exercises, eyeriss_like, the first layer of MobileNet):
 * counts and dynamic energies of every component.
 *
 * Scalars have 8 bits and are packed: 8 in a word of DRAM and of the buffer, 2 in one of the
 * scratch pads for inputs and weights, 1 in the scratch pad for sums. The case has no problem.bits,
 * so that words are scalars at every level and block_words says how many an access moves. The array
 * is fed in two steps, columns and then the rows of a column: in one step the inputs that a
 * diagonal shares would be one read.
 *
 * The figures are of 2024. They load all 16 tiles of inputs whole. The rules of 2025, which this
 * library follows, fetch no word of the tile just before when the box moves for the first time: of
 * the two tiles along Q of each of 8 rows the second lacks one column of 29 rows and 3 channels.
 */
#include "common.h"

#include "tandem/cost.h"

static const char text[] =
    "{\"problem\": {\"dims\": {\"C\": 3, \"K\": 32, \"R\": 3, \"S\": 3, \"P\": 112, \"Q\": 112},"
    "  \"stride\": [2, 2]},"
    " \"arch\": {\"mac\": {\"instances\": 168, \"mesh_x\": 14, \"energy_pj\": 0.207692}, "
    "\"levels\": ["
    "  {\"name\": \"Psum\", \"word_bits\": 8, \"capacity_words\": 16, \"instances\": 168, "
    "\"mesh_x\": 14,"
    "   \"read_pj\": 0.2513, \"fill_pj\": 0.2191, \"update_pj\": 0.2191},"
    "  {\"name\": \"Weights\", \"word_bits\": 8, \"capacity_words\": 384, \"instances\": 168, "
    "\"mesh_x\": 14,"
    "   \"block_words\": 2, \"read_pj\": 1.976602, \"fill_pj\": 1.881657, \"update_pj\": 1.881657},"
    "  {\"name\": \"Inputs\", \"word_bits\": 8, \"capacity_words\": 24, \"instances\": 168, "
    "\"mesh_x\": 14,"
    "   \"block_words\": 2, \"read_pj\": 0.202442, \"fill_pj\": 0.176713, \"update_pj\": 0.176713},"
    "  {\"name\": \"Column\", \"word_bits\": 8, \"capacity_words\": 0, \"instances\": 14, "
    "\"mesh_x\": 14,"
    "   \"read_pj\": 0, \"fill_pj\": 0, \"update_pj\": 0},"
    "  {\"name\": \"GLB\", \"word_bits\": 8, \"capacity_words\": 131072, \"instances\": 1,"
    "   \"block_words\": 8, \"read_pj\": 18.183829, \"fill_pj\": 14.137929, \"update_pj\": "
    "14.137929},"
    "  {\"name\": \"DRAM\", \"word_bits\": 8, \"capacity_words\": null, \"instances\": 1,"
    "   \"block_words\": 8, \"read_pj\": 512, \"fill_pj\": 512, \"update_pj\": 512}]},"
    " \"mapping\": {\"levels\": ["
    "  {\"level\": \"Psum\", \"keep\": [\"O\"], \"temporal\": [[\"K\", 8]]},"
    "  {\"level\": \"Weights\", \"keep\": [\"W\"], \"temporal\": [[\"R\", 3]]},"
    "  {\"level\": \"Inputs\", \"keep\": [\"I\"]},"
    "  {\"level\": \"Column\", \"keep\": [], \"spatial_y\": [[\"C\", 3], [\"S\", 3]]},"
    "  {\"level\": \"GLB\", \"keep\": [\"I\", \"O\"], \"temporal\": [[\"P\", 14], [\"Q\", 4]],"
    "   \"spatial_x\": [[\"Q\", 14]]},"
    "  {\"level\": \"DRAM\", \"keep\": [\"W\", \"I\", \"O\"], \"temporal\": [[\"P\", 8], [\"Q\", "
    "2], "
    "[\"K\", 4]]}]}}";

enum { PSUM, WEIGHTS, INPUTS, COLUMN, GLB, DRAM };
enum { OVERLAP = 8 * 3 * 29 * 1 }; /* words */

static void eyeriss_like(void **state) {
    (void)state;
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_case c;
    td_cost x;
    assert_ok(td_json_parse(a, text, sizeof text - 1, "eyeriss_like", 1, &doc, &err), &err);
    assert_ok(td_case_from_node(doc, &c, &err), &err);
    assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &x, &err), &err);
    td_arena_destroy(a);

    assert_int_equal(x.macs, 10838016);
    assert_int_equal(x.cycles, 86016);
    assert_int_equal(x.mac_used, 126);
    assert_near(x.utilization, .75, 1e-15);

    assert_near(x.at[PSUM][TD_O].updates, 86016, 0);
    assert_near(x.at[PSUM][TD_O].reads, 57344, 0);
    assert_near(x.at[PSUM][TD_O].fills, 0, 0);
    assert_near(x.at[WEIGHTS][TD_W].reads, 86016, 0);
    assert_near(x.at[WEIGHTS][TD_W].fills, 1536, 0);
    assert_near(x.at[INPUTS][TD_I].reads, 86016, 0);
    assert_near(x.at[INPUTS][TD_I].fills, 10752, 0);
    assert_near(x.at[GLB][TD_I].reads, 1354752, 0);
    assert_near(x.at[GLB][TD_I].fills + OVERLAP, 157296, 0);
    assert_near(x.at[GLB][TD_O].updates, 401408, 0);
    assert_near(x.at[DRAM][TD_W].reads, 13824, 0);
    assert_near(x.at[DRAM][TD_I].reads + OVERLAP, 157296, 0);
    assert_near(x.at[DRAM][TD_O].updates, 401408, 0);

    assert_near(x.mac_pj, 2250969.22, .01);
    assert_near(x.level_pj[PSUM], 4190338.25, .01);
    assert_near(x.level_pj[WEIGHTS], 10893306.24, .01);
    assert_near(x.level_pj[INPUTS], 1216735.96, .01);
    assert_near(x.at[GLB][TD_I].energy_pj + OVERLAP / 8 * 14.137929, 3357302.30, .01);
    assert_near(x.at[GLB][TD_O].energy_pj, 709384.73, .01);
    assert_near(x.at[DRAM][TD_W].energy_pj, 884736, .01);
    assert_near(x.at[DRAM][TD_I].energy_pj + OVERLAP / 8 * 512, 10066944, .01);
    assert_near(x.at[DRAM][TD_O].energy_pj, 25690112, .01);
    assert_near(x.total_pj + OVERLAP / 8 * (14.137929 + 512), 59259828.7, .05);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eyeriss_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
