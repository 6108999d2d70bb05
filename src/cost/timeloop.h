/* Reading Timeloop's YAML: what its parts hand to each other. Timeloop lists levels from the
 * outside in, and so does this header; td_case has them the other way round. */
#ifndef TANDEM_COST_TIMELOOP_H
#define TANDEM_COST_TIMELOOP_H

#include "tandem/cost.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        td_status try_ = (call);                                                                   \
        if (try_ != TD_OK) return try_;                                                            \
    } while (0)

/* Its dims and data spaces by their names, and what they are here. */
typedef struct {
    const char *dim[TD_NDIM];
    uint8_t meaning[TD_NDIM]; /* td_dim of dim[i]; TD_NDIM: a dim of bound 1 that is none */
    int n;
    const char *space[TD_NTENSOR];
} td__tl_shape;

enum { TD__TL_LEVELS = 32 };

/* One storage level; widths in words. Nodes of the front end's containers are levels that keep
 * nothing (`wires`), as they are to the program itself. */
typedef struct {
    char name[64];
    const td_node *node;
    const td_node *container; /* the node whose name is another name for the fan-out, or NULL */
    bool wires, unbounded, own_energy; /* own_energy: a table has no say */
    int64_t words;
    int32_t x, y; /* extents of all instances */
    int32_t word_bits, block, cluster;
    double buffering, read_bw, write_bw, shared_bw;
    double read_pj, fill_pj, update_pj; /* of a block, of all instances of a cluster together */
    uint8_t keep, apart;
    uint8_t must;                    /* tensors that constraints keep here */
    uint8_t no_time, no_space;       /* dims that constraints forbid in time, on the fan-out */
    uint8_t whole_time, whole_space; /* dims that stand here whole, and nowhere else */
    td_loop loop[3 * TD_NDIM];       /* as td_mapping has them */
    int loops;
} td__tl_level;

typedef struct {
    td__tl_level level[TD__TL_LEVELS]; /* outermost first */
    int n;
    char mac[64];
    const td_node *mac_node;
    int32_t mac_x, mac_y, mac_bits;
    double mac_pj;
} td__tl_arch;

/* A key with '_' may be written with '-', as older files have it. */
const td_node *td__tl_find(const td_node *map, const char *key);
/* Tensors by name, a text or a list of texts; `where` (may be NULL) stays empty then. */
td_status td__tl_spaces(const td_node *where, const td__tl_shape *shape, uint8_t *mask,
                        td_error *err);

/* Does a component of this class store or compute? Others are passed over. */
bool td__tl_counts(const char *class);

/* section: the value of `problem`; NULL shape: Timeloop's own cnn_layer. */
td_status td__tl_problem(const td_node *section, td_arena *a, td_problem *p, td__tl_shape *shape,
                         td_error *err);
td_status td__tl_read_arch(const td_node *section, const td__tl_shape *shape, td__tl_arch *arch,
                           td_error *err);
td_status td__tl_mapping(const td_node *section, const td_problem *p, const td__tl_shape *shape,
                         td__tl_arch *arch, td_error *err);
/* Constraints as rules for mappings: those of the nodes and those of a section of their own (NULL:
 * none). */
td_status td__tl_constraints(const td_node *section, const td__tl_shape *shape, td__tl_arch *arch,
                             td_error *err);
/* Dims with a factor of 1, and those with a factor of 0 (the whole dim); other factors are no
 * rules. */
td_status td__tl_fixed_factors(const td_node *factors, const td__tl_shape *shape, uint8_t *ones,
                               uint8_t *wholes, td_error *err);
/* The level of a directive; spatial: containers stand for their fan-out. NULL: none. */
td__tl_level *td__tl_target(const td_node *target, bool spatial, td__tl_arch *arch);
/* Energies: the built-in table, then those of `ert` (may be NULL). */
td_status td__tl_energies(const td_node *ert, td__tl_arch *arch, td_error *err);

#endif
