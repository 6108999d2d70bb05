#include "compare_helper.h"

int compare_setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make()};
    scratch_data(scratch_path(f.folder, "data"));
    *state = &f;
    return 0;
}

int compare_teardown(void **state) {
    scratch_remove(((fixture *)*state)->folder);
    return 0;
}

const char recipe[] =
    "name: tiny\nseed: 3\nlag: 2\nschedule: {max_nodes: 300}\n"
    "network:\n"
    "  space: ibn\n  input: [1, 8, 8]\n  classes: 10\n  stem: {channels: 8, stride: 2}\n"
    "  stages: [{channels: 8, stride: 1, depth: [1, 2]}]\n"
    "  kernel: [3, 5]\n  expansion: [1, 2]\n  width: 1\n  head: 0\n"
    "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8], lanes: 1,\n"
    "  local_kb: [16, 64], rf_kb: 1, io_gbps: 0.8}\n"
    "accuracy: {path: data, epochs: 1, train_images: 200, batch: 50, rate: 0.05,"
    " warmup_steps: 2}\n"
    "final: {epochs: 1}\n"
    "objective: {targets: {latency_us: 5000, area_mm2: 5}}\n"
    "strategy: {name: evolution, population: 4, mutations: 2}\n"
    "budget: {trials: 12, trained: 6}\n";

const char *write_recipe(fixture *f, const char *more) {
    td_text t = {0};
    td_text_addf(&t, "%s%s", recipe, more);
    scratch_write(f->folder, "recipe.yaml", t.data, t.size);
    td_text_free(&t);
    return scratch_path(f->folder, "recipe.yaml");
}

td_comparison *plan(fixture *f, td_compare_spec spec, const char *out) {
    td_comparison *c;
    if (spec.seeds == 0) spec.seeds = 2;
    assert_ok(td_compare_plan(scratch_path(f->folder, "recipe.yaml"), &spec,
                              scratch_path(f->folder, out), &c, &f->err),
              &f->err);
    return c;
}
