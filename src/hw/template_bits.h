/* What makes a template: a table of its parameters, a table of its rules, and what becomes of them.
 * One table drives YAML in, YAML out, set, get and the check of ranges: a new parameter is one
 * field in hw.h and one line; a new template is a file and a line in hw_template.c. */
#ifndef TANDEM_HW_TEMPLATE_BITS_H
#define TANDEM_HW_TEMPLATE_BITS_H

#include "tandem/hw.h"

typedef enum { TD__I32, TD__I64, TD__REAL } td__field;

/* lo, hi and start are in the key's unit; a field holds value * scale. Parameters without a start
 * (NAN) must be given. */
typedef struct {
    const char *key;
    size_t offset;
    td__field type;
    double scale, lo, hi, start;
} td__parameter;

/* A rule that makes a design infeasible: TD_OK, or TD_E_INFEASIBLE with what is missing. The
 * parameters are in range. */
typedef struct {
    const char *name;
    td_status (*test)(const void *p, int64_t *missing_bytes, td_error *err);
} td__rule;

typedef struct {
    const char *name;
    size_t size, tech; /* of the struct; offset of its char tech[TD_TECH_NAME] */
    const td__parameter *parameter;
    int n;
    td_status (*check)(const void *p, td_error *err); /* products stay integers; NULL: they do */
    const td__rule *rule;
    int n_rules; /* at most TD_MAX_RULES */
    td_status (*build)(const void *p, const td_tech *tech, td_hw *hw, int64_t *missing_bytes,
                       td_error *err);
    /* Searches draw designs that keep the rules only. */
    bool known;
    int n_features; /* at most TD_MAX_FEATURES */
    void (*features)(const void *p, double *out);
} td__template;
extern const td__template td__edge_template, td__array_template;

/* What td_edge_init, _set, _get, _from_node and _to_node do, for the struct of any template. */
void td__template_init(const td__template *t, void *p);
td_status td__template_set(const td__template *t, void *p, const char *key, double value,
                           td_error *err);
double td__template_get(const td__template *t, const void *p, const char *key);
td_status td__template_read(const td__template *t, const td_node *doc, void *out, td_error *err);
td_node *td__template_write(const td__template *t, const void *p, td_arena *a);

/* Every parameter within its range, and the products that follow from them within the integers. The
 * first fault is TD_E_USAGE. */
td_status td__template_check(const td__template *t, const void *p, td_error *err);
/* The first rule that is broken, by name; all of them as TD_BIT(index). */
td_status td__template_rules(const td__template *t, const void *p, int64_t *missing_bytes,
                             td_error *err);
unsigned td__template_broken(const td__template *t, const void *p);
/* TD_E_INFEASIBLE with the text. */
td_status td__rule_broken(td_error *err, const char *format, ...) TD_PRINTF(2, 3);

/* Letters of dims to a mask. */
uint8_t td__dims(const char *letters);

#endif
