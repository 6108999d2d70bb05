/* Timeloop's YAML from any bytes: reading never fails but with a message, and what is read can be
 * evaluated (or refused), and written (or refused) so that it reads back to the same cost. */
#include <stdlib.h>
#include <string.h>

#include "tandem/cost.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok) {
    if (!ok) abort();
}

/* Work grows with fan-outs, not with time: keep one input below a second. */
static int small(const td_case *c) {
    double space = 1;
    for (int i = 0; i < c->mapping.n; i++)
        if (c->mapping.loop[i].axis != TD_AXIS_T) space *= c->mapping.loop[i].bound;
    return space <= 4096;
}

/* Bandwidths in words are rounded once; all else is whole. */
static int survives(const td_case *c) {
    for (int l = 0; l < c->hw.n; l++)
        if (isfinite(c->hw.level[l].read_bw) || isfinite(c->hw.level[l].write_bw) ||
            isfinite(c->hw.level[l].shared_bw))
            return 0;
    return 1;
}

/* Whatever is in the document; what tandem writes has only attributes that are known. */
static size_t notes(const td_node *doc) {
    td_text t = {0};
    td_timeloop_notes(doc, &t);
    size_t size = t.size;
    td_text_free(&t);
    return size;
}

static void write_and_read(const td_case *c, td_arena *a) {
    td_error err = {0};
    td_node *n;
    td_text t = {0};
    const td_node *doc;
    td_case d;
    td_status s = td_timeloop_to_node(c, a, &n, &err);
    if (s != TD_OK) {
        must(s == TD_E_UNSUPPORTED && err.message[0] != '\0');
        return;
    }
    td_node_to_yaml(n, &t);
    must(td_yaml_parse_tagged(a, t.data, t.size, "again", &doc, &err) == TD_OK);
    must(td_timeloop_is(doc) && notes(doc) == 0);
    s = td_timeloop_from_nodes(&doc, 1, &d, &err);
    td_text_free(&t);
    if (s != TD_OK) { /* steps of a fan-out may be levels too many */
        must(strstr(err.message, "levels, expected at most") != NULL);
        return;
    }
    for (int counting = 0; c->has_mapping && counting < 2; counting++) {
        td_cost x, y;
        s = td_cost_evaluate(&c->problem, &c->hw, &c->mapping, (td_counting)counting, &x, &err);
        must(s == td_cost_evaluate(&d.problem, &d.hw, &d.mapping, (td_counting)counting, &y, NULL));
        if (s == TD_OK && survives(c) && c->hw.n == d.hw.n) must(memcmp(&x, &y, sizeof x) == 0);
        if (s == TD_OK && survives(c)) must(x.total_pj == y.total_pj && x.cycles == y.cycles);
        if (s != TD_OK) must(err.message[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_case c;
    td_error err = {0};
    td_status s = td_yaml_parse_tagged(a, (const char *)data, size, "fuzz", &doc, &err);
    if (s == TD_OK) {
        td_timeloop_is(doc);
        notes(doc);
        s = td_timeloop_from_nodes(&doc, 1, &c, &err);
    }
    if (s != TD_OK) must(err.code == s && err.message[0] != '\0');
    if (s == TD_OK && small(&c)) write_and_read(&c, a);
    td_arena_destroy(a);
    return 0;
}
