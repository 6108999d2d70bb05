/* What the readers, builders and writers of documents share. */
#ifndef TANDEM_BASE_NODE_H
#define TANDEM_BASE_NODE_H

#include "tandem/base.h"

enum { TD__NODE_DEPTH = 64 }; /* deepest nesting that is read */

td_node *td__node_new(td_arena *a, td_node_kind kind);
/* Adds value to a list or map (value->key is set by the caller); false when memory is out. */
bool td__node_append(td_arena *a, td_node *parent, td_node *value);
/* TD_E_INPUT at the later of two items of a map with the same key; O(n log n) for large maps. */
td_status td__node_unique(const td_node *map, td_error *err);
/* td_node_fail with the file and line of `at`. */
td_status td__node_fail_line(const td_node *n, const td_node *at, td_error *err,
                             const char *message);
/* "expected <expected>, found <what n is>". */
td_status td__node_fail_kind(const td_node *n, const char *expected, td_error *err);
/* A plain YAML scalar by the core schema of YAML 1.2: sets kind and value from n->text. False if
 * a number is beyond the doubles. */
bool td__yaml_resolve(td_node *n);

#endif
