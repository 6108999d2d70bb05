/* Neutral cases from any bytes: reading never fails but with a message, and what is read can be
 * evaluated (or refused), printed and written, and reads back to the same cost. */
#include <stdlib.h>
#include <string.h>

#include "tandem/cost.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok) {
    if (!ok) abort();
}

/* Work grows with fan-outs and borders, and with time only for imperfect factors of layers with
 * strides and dilations: keep one input below a second. */
static int small(const td_case *c) {
    const td_problem *p = &c->problem;
    double space = 1, rows = 1;
    bool imperfect = false;
    for (int i = 0; i < c->mapping.n; i++) {
        const td_loop *o = &c->mapping.loop[i];
        if (o->axis != TD_AXIS_T) space *= o->bound;
        imperfect |= o->tail != o->bound;
    }
    for (int i = 0; i < 2; i++)
        if (p->stride[i] > 1 && p->dilation[i] > 1)
            rows *= (double)p->dim[TD_P + i] * p->dim[TD_R + i];
    if (imperfect && rows > 10000) return 0;
    for (int i = 0; i < 4; i++)
        if (c->problem.pad[i] > 1000) return 0;
    return space <= 4096;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_case c, d;
    td_error err = {0};
    td_status s = td_json_parse(a, (const char *)data, size, "fuzz", 1, &doc, &err);
    if (s == TD_OK) s = td_case_from_node(doc, &c, &err);
    if (s != TD_OK) must(err.code == s && err.message[0] != '\0');
    if (s == TD_OK && small(&c)) {
        td_text t = {0};
        td_node_to_json(td_case_to_node(&c, a), 0, &t);
        must(td_json_parse(a, t.data, t.size, "again", 1, &doc, &err) == TD_OK);
        must(td_case_from_node(doc, &d, &err) == TD_OK);
        for (int counting = 0; c.has_mapping && counting < 2; counting++) {
            td_cost x, y;
            s = td_cost_evaluate(&c.problem, &c.hw, &c.mapping, (td_counting)counting, &x, &err);
            must(s ==
                 td_cost_evaluate(&d.problem, &d.hw, &d.mapping, (td_counting)counting, &y, NULL));
            if (s != TD_OK) {
                must(err.code == s && err.message[0] != '\0');
                continue;
            }
            must(memcmp(&x, &y, sizeof x) == 0);
            must(x.cycles >= x.compute_cycles && x.total_pj >= 0);
            td_node_to_json(td_cost_to_node(&c, (td_counting)counting, &x, a), 0, &t);
        }
        if (c.has_mapping) td_mapping_print(&c.problem, &c.hw, &c.mapping, &t);
        must(!t.failed && td_roofline_cycles(&c.problem, &c.hw) >= 0);
        td_text_free(&t);
    }
    td_arena_destroy(a);
    return 0;
}
