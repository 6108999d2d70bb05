/* A shipped template file, opened. */
#ifndef TANDEM_TESTS_EDGE_FIXTURE_H
#define TANDEM_TESTS_EDGE_FIXTURE_H

#include "common.h"

#include "tandem/hw.h"

typedef struct {
    td_arena *arena;
    const td_node *doc;
    td_edge p;
    td_tech tech;
} fixture;

static inline void open_template(fixture *f, const char *name) {
    td_error err = {0};
    const char *path;
    f->arena = td_arena_create();
    assert_non_null(f->arena);
    assert_ok(td_hw_find(f->arena, name, &path, &err), &err);
    assert_ok(td_node_load(f->arena, path, &f->doc, &err), &err);
    assert_ok(td_edge_from_node(f->doc, &f->p, &err), &err);
    assert_ok(td_tech_load(f->p.tech, &f->tech, &err), &err);
}

static inline void close_template(fixture *f) {
    td_arena_destroy(f->arena);
}

#endif
