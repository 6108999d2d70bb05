/* Recipes of spaces: any text is refused with a message or makes a space whose points keep the
 * rules. The first byte chooses the side. */
#include <stdlib.h>

#include "tandem/space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

static void visit(const td_space *s, td_arena *a, uint64_t trial) {
    double *v = TD_NEW(a, double, s->n + 1), *w = TD_NEW(a, double, s->n + 1);
    td_choices c = {s->n, v}, back = {s->n, w};
    td_rng r = td_rng_make(1, trial, TD_RNG_TEST);
    td_error err = {0};
    td_space_sample(s, &r, &c);
    td_space_mutate(s, &r, &c);
    uint64_t h = td_choices_hash(&c);
    HOLDS(td_space_canonical(s, &c, NULL) == TD_OK && td_choices_hash(&c) == h);
    HOLDS(td_choices_from_node(s, td_choices_to_node(s, &c, a), &back, &err) == TD_OK);
    HOLDS(td_choices_hash(&back) == h);
    td_design d;
    td_status status = s->build(s->self, &c, a, &d, &err);
    HOLDS(status == TD_OK || err.message[0] != '\0');
    td_design_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_error err = {0};
    td_space *s;
    if (td_yaml_parse(a, (const char *)data + 1, size - 1, "fuzz", &doc, NULL) == TD_OK) {
        td_status status = (data[0] & 1) != 0 ? td_space_net_from_node(doc, a, &s, &err)
                                              : td_space_hw_from_node(doc, a, &s, &err);
        HOLDS(status == TD_OK || err.message[0] != '\0');
        td_text text = {0};
        if (status == TD_OK) {
            HOLDS(td_space_check(s, NULL) == TD_OK);
            HOLDS(td_space_size(s, &text, NULL) == TD_OK && text.size > 0);
            for (uint64_t t = 0; t < 3; t++) visit(s, a, t);
        }
        td_text_free(&text);
    }
    td_arena_destroy(a);
    return 0;
}
