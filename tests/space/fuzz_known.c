/* Known constraints: any text is refused with a message or can be asked of any point. */
#include <stdlib.h>
#include <string.h>

#include "tandem/space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char text[] = "a: {int: [1, 9]}\nR: {real: [0, 1]}\nt: {ordered: [8, 4]}\n"
                               "s: {choice: [A, B]}\nw: {choice: [3, 5], when: {s: A}}\n";
    const td_node *doc;
    td_space *s;
    td_error err = {0};
    td_arena *a = td_arena_create();
    char *known = td_arena_printf(a, "%.*s", (int)size, (const char *)data);
    check(td_yaml_parse(a, text, strlen(text), "p", &doc, NULL) == TD_OK);
    td_status status = td_space_parameters(doc, td_node_string(a, known), a, &s, &err);
    if (status != TD_OK) {
        check(err.code == status && err.message[0] != '\0');
    } else {
        double v[5];
        td_choices c = {5, v};
        for (uint64_t i = 0; i < 4; i++) {
            td_design d;
            td_rng r = td_rng_make(1, i, TD_RNG_TEST);
            td_space_sample(s, &r, &c);
            check((s->build(s->self, &c, a, &d, NULL) == TD_OK) == td_space_allows(s, &c));
        }
    }
    td_arena_destroy(a);
    return 0;
}
