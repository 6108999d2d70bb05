/* What an accelerator is made of: levels, fan-outs, rules, energies; for the edge template its area
 * by component as well.
 *
 *     cc describe_hw.c -o describe_hw $(pkg-config --cflags --libs --static tandem)
 *     ./describe_hw micro
 *     ./describe_hw my-chip.yaml
 *     ./describe_hw --levels edge > edge-levels.yaml     # the levels in full, as a file to change
 */
#include <stdio.h>
#include <string.h>

#include "tandem/hw.h"

static void print_mask(const char *letters, unsigned mask) {
    for (; *letters != 0; letters++, mask >>= 1) putchar(mask & 1 ? *letters : '-');
}

static void print_level(const td_hw *hw, int l) {
    const td_level *v = &hw->level[l];
    printf(" %-10s %5d ", v->name, v->instances);
    if (v->capacity_bits < 0)
        printf("%10s", "unbounded");
    else
        printf("%7.5g KB", (double)v->capacity_bits / 8192);
    printf("  /%-3g ", v->buffering);
    print_mask(td_tensor_letter, v->may_keep);
    printf("  %7.6g %7.6g %7.6g  %5.4g %9.6g  %3d x ", v->read_bw / 8, v->write_bw / 8,
           v->shared_bw / 8, v->block_bits / 8.0, v->read_pj, td_hw_fanout(hw, l, TD_AXIS_X));
    printf("%-3d  ", td_hw_fanout(hw, l, TD_AXIS_Y));
    print_mask(td_dim_letter, hw->rules.allowed[l][TD_AXIS_X]);
    printf("%s ", hw->rules.single[l][TD_AXIS_X] ? "1" : " ");
    print_mask(td_dim_letter, hw->rules.allowed[l][TD_AXIS_Y]);
    printf("%s\n", hw->rules.single[l][TD_AXIS_Y] ? "1" : "");
}

/* Files that hold `template: edge` know their area by component. */
static td_status print_area(const char *name, td_error *err) {
    td_arena *a = td_arena_create();
    const char *path;
    const td_node *doc;
    td_template p;
    td_tech tech;
    td_area area;
    td_status s = td_hw_find(a, name, &path, err);
    if (s == TD_OK) s = td_node_load(a, path, &doc, err);
    if (s == TD_OK && td_node_find(doc, "template") != NULL) {
        s = td_template_from_node(doc, &p, err);
        bool known = s == TD_OK && td_template_has_area(&p);
        if (known) s = td_tech_load(td_template_tech(&p), &tech, err);
        if (known && s == TD_OK) s = td_edge_area(&p.of.edge, &tech, &area, err);
        if (known && s == TD_OK)
            printf("area, mm2: mac %.4f  rf %.4f  sram %.4f  pe_lane %.4f  io %.4f  fixed %.4f  "
                   "overhead %.4f  total %.4f\n",
                   area.mac, area.rf, area.sram, area.pe_lane, area.io, area.fixed, area.overhead,
                   area.total);
    }
    td_arena_destroy(a);
    return s;
}

static void print_levels(const td_hw *hw) {
    td_arena *a = td_arena_create();
    td_text yaml = {0};
    td_node_to_yaml(td_hw_to_node(hw, a), &yaml);
    if (yaml.data != NULL) fputs(yaml.data, stdout);
    td_text_free(&yaml);
    td_arena_destroy(a);
}

int main(int argc, char **argv) {
    bool levels = argc > 1 && strcmp(argv[1], "--levels") == 0;
    const char *name = argc > 1 + levels ? argv[1 + levels] : "micro";
    td_error err = {0};
    td_hw hw;
    if (td_hw_load(name, &hw, &err) != TD_OK) {
        fprintf(stderr, "%s\n", err.message);
        return td_status_exit_code(err.code);
    }
    if (levels) {
        print_levels(&hw);
        return 0;
    }
    printf("%s: %lld MACs of %d bits, %.4g pJ each, %.4g GHz", hw.name,
           (long long)td_hw_peak_macs(&hw), hw.mac.bits, hw.mac.energy_pj, hw.clock_hz * 1e-9);
    if (hw.vec.lanes > 0)
        printf("; vector unit: %d lanes, %.4g pJ, %.6g B/cycle", hw.vec.lanes, hw.vec.energy_pj,
               hw.vec.bw / 8);
    printf("\nleakage %.4g W, clock tree %.4g of the dynamic energy on chip, dims padded: %s\n\n",
           hw.leak_w, hw.clock_tree, hw.rules.pad ? "yes" : "no");
    printf(" %-10s %5s %10s  %-4s %s  %23s  %5s %9s  %-9s  %s\n", "level", "inst.", "capacity",
           "buf.", "may", "B/cycle read write both", "block", "pJ/read", "fan-out",
           "along X  along Y");
    for (int l = 0; l < hw.n; l++) print_level(&hw, l);
    putchar('\n');
    if (print_area(name, &err) != TD_OK) {
        fprintf(stderr, "%s\n", err.message);
        return td_status_exit_code(err.code);
    }
    return 0;
}
