/* hcm_view.h - what `tandem hcm` shows: early estimates of a network at several precisions,
 * gathered once, then told as tables, as a document, as CSV and as a plot. */
#ifndef TANDEM_CLI_HCM_VIEW_H
#define TANDEM_CLI_HCM_VIEW_H

#include "tandem/cost.h"

/* One of --bits. */
typedef struct {
    const char *bits;   /* as given */
    td_problem *p;      /* of the layers with MACs */
    td_early_layer *of; /* of each of them */
    td_early e;
} hcm_precision;

/* Memory in the arena. */
typedef struct {
    const char *network, *dram, *node;
    int n;             /* layers with MACs */
    const char **name; /* theirs */
    int *turning;      /* as of td_early_turning */
    double params;
    td_early_chip chip;
    double gate_um2[TD_NPE_FIT]; /* NAN: the fit is not of this node */
    hcm_precision *at;
    int count;
} hcm_view;

/* bits: texts or files as of cli_bits_apply, or "own": as the network has them. The chip is set. */
td_status hcm_view_make(const td_net *net, const char *const *bits, int count,
                        const td_early_chip *chip, const char *dram, const char *node, td_arena *a,
                        hcm_view *out, td_error *err);

void hcm_table(const hcm_view *v, td_text *out);
td_node *hcm_node(const hcm_view *v, td_arena *a); /* NULL: memory */
void hcm_csv(const hcm_view *v, td_text *out);     /* a row per precision and layer */
/* The roofline as SVG: a roof and the layers of each precision. */
td_status hcm_plot(const hcm_view *v, td_arena *a, td_text *svg, td_error *err);

#endif
