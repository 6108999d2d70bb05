/* Attributes of a Timeloop architecture that nobody knows. Timeloop and its front end pass over
 * them in silence, and so does the reader, since tables of energies may have attributes of their
 * own; but a slip of the pen ("dept: 256") would make a memory endless. */
#include <stdio.h>
#include <string.h>

#include "timeloop.h"

/* Those that are read here. */
#define READ                                                                                       \
    "word_bits", "word_width", "datawidth", "block_size", "n_words", "cluster_size", "width",      \
        "memory_width", "data_storage_width", "entries", "depth", "memory_depth",                  \
        "data_storage_depth", "sizeKB", "bandwidth", "shared_bandwidth", "read_bandwidth",         \
        "write_bandwidth", "multiple_buffering", "vector_access_energy", "energy", "technology",   \
        "instances", "meshX", "meshY"
/* Those that Timeloop, its front end and the usual plug-ins for energies have, and that change
 * nothing here: ports, banks, latencies, areas, and what is for sparse tensors. */
#define HARMLESS                                                                                   \
    "has_power_gating", "power_gated_at", "n_banks", "num_banks", "n_ports", "num_ports",          \
        "n_rdwr_ports", "n_rd_ports", "n_wr_ports", "n_rdports", "n_wrports", "n_rdwrports",       \
        "rd_ports", "wr_ports", "rdwr_ports", "reduction_supported", "min_utilization",            \
        "network_fill_latency", "network_drain_latency", "network_word_bits",                      \
        "per_dataspace_bandwidth_consumption_scale", "allow_overbooking", "metadata_block_size",   \
        "metadata_datawidth", "metadata_word_bits", "metadata_storage_width",                      \
        "metadata_storage_depth", "concordant_compressed_tile_traversal",                          \
        "tile_partition_supported", "decompression_supported", "compression_supported",            \
        "unified_data_md_storage", "addr_gen_bits", "address_generators", "addr_gen_energy",       \
        "addr_gen_cluster_size", "storage_area", "cluster_area", "area", "energy_scale",           \
        "area_scale", "leak_scale", "global_cycle_seconds", "cycle_seconds",                       \
        "action_latency_cycles", "action_latency_seconds", "n_instances", "latency", "clock",      \
        "voltage", "node", "type", "hop_energy", "wire_energy", "router_energy",                   \
        "num_pipeline_stages", "num_exponent", "num_mantissa", "exponent", "mantissa", "subclass", \
        "cache_type", "tag_size", "virtualized", "read_network_name", "fill_network_name",         \
        "drain_network_name", "update_network_name"

/* What a node has beside attributes. */
#define PARTS                                                                                      \
    "name", "class", "attributes", "spatial", "constraints", "sparse_optimizations",               \
        "required_actions", "enabled", "local", "subtree", "nodes"

static const char *const attributes[] = {READ, HARMLESS};
static const char *const own_keys[] = {READ, HARMLESS, PARTS};
static const char *const mesh_keys[] = {"meshX", "meshY", "get_fanout_X", "get_fanout_Y"};
#define COUNT(list) ((int)(sizeof(list) / sizeof(list)[0]))

static bool is_known(const char *key, const char *const *known, int n) {
    for (int i = 0; i < n; i++)
        if (strcmp(key, known[i]) == 0) return true;
    return false;
}

static void check_keys(const td_node *map, const char *name, const char *const *known, int n,
                       td_text *out) {
    for (int i = 0; map != NULL && map->kind == TD_MAP && i < map->count; i++) {
        const td_node *v = map->item[i];
        char key[64];
        snprintf(key, sizeof key, "%s", v->key);
        for (char *c = key; *c != '\0'; c++)
            if (*c == '-') *c = '_';
        if (is_known(key, known, n)) continue;
        const char *near = td_name_nearest(key, known, n);
        td_text_addf(out, "%s:%d: %s: unknown attribute \"%.60s\" is passed over",
                     v->file != NULL ? v->file : "?", v->line, name, v->key);
        if (near != NULL) td_text_addf(out, ", did you mean \"%s\"?", near);
        td_text_add(out, "\n");
    }
}

/* Classes that are passed over may have any attributes. */
static void check_component(const td_node *n, const char *name, td_text *out) {
    const td_node *class = td_node_find(n, "class"), *own = td_node_find(n, "attributes");
    bool counts = class != NULL && class->kind == TD_STRING && td__tl_counts(class->text);
    if (class != NULL && !counts) return;
    if (own != NULL && own->kind == TD_MAP)
        check_keys(own, name, attributes, COUNT(attributes), out);
    else if (counts)
        check_keys(n, name, own_keys, COUNT(own_keys), out);
    check_keys(td_node_find(n, "spatial"), name, mesh_keys, COUNT(mesh_keys), out);
}

static void walk(const td_node *n, td_text *out) {
    if (n->kind != TD_MAP && n->kind != TD_LIST) return;
    const td_node *name = td_node_find(n, "name");
    if (name != NULL && name->kind == TD_STRING) check_component(n, name->text, out);
    for (int i = 0; i < n->count; i++) {
        const char *key = n->item[i]->key;
        if (key != NULL && strcmp(key, "local") != 0 && strcmp(key, "subtree") != 0 &&
            strcmp(key, "nodes") != 0)
            continue;
        walk(n->item[i], out);
    }
}

void td_timeloop_notes(const td_node *doc, td_text *out) {
    const td_node *arch = td_node_find(doc, "architecture");
    if (arch == NULL) arch = td_node_find(doc, "arch");
    if (arch != NULL) walk(arch, out);
}
