/* table_rows.h - a file of accuracies as networks with their repeats: which column says what, and
 * the rows. */
#ifndef TANDEM_TABLE_ROWS_H
#define TANDEM_TABLE_ROWS_H

#include "tandem/space.h"

/* Where a decision stands in a record: a whole field, or one part of it. */
typedef struct {
    const char *column;
    int part, parts; /* parts 0: the whole field */
} td__table_link;

typedef struct {
    const char *file, *separator; /* between the parts of a field; NULL: each is one character */
    td__table_link *link;         /* one per decision of the space */
    const td_node *values;        /* words of the file -> choices, or NULL */
    const char **valid, **test;   /* columns with accuracies; NULL-terminated */
    bool valid_given, percent, pool, skip;
} td__table_options;

/* Reads all of the map's keys that say how a file is read; the others are the caller's. */
td_status td__table_options_read(const td_node *n, const td_space *nets, td_arena *a,
                                 td__table_options *out, td_error *err);

/* Accuracies (fractions) of one network: value[valid], value[valid + 1], ..., and of the test
 * split. */
typedef struct {
    uint64_t hash; /* td_design.net_hash */
    int valid, n_valid, test, n_test;
} td__table_net;
typedef struct {
    td__table_net *net; /* by hash */
    double *value;
    int n, n_values;
} td__table;

/* The networks of a document (a list of records, or a map of them by the text of their choices).
 * Faults have the file and line of the record. Free with td__table_free. */
td_status td__table_read(const td_node *doc, const td__table_options *o, const td_space *nets,
                         td__table *out, td_error *err);
void td__table_free(td__table *t);
/* NULL: not there. */
const td__table_net *td__table_find(const td__table *t, uint64_t hash);

#endif
