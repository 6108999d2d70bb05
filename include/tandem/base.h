/* tandem/base.h - what every other room stands on: status and error, arena, text buffer, document
 * tree (YAML and JSON), hash, counter-based random numbers, thread pool, time, log.
 *
 * The library never prints, exits or keeps global state. A function that can fail returns td_status
 * and fills a caller-owned td_error (which may be NULL). All functions are re-entrant; objects are
 * not shared between threads unless their comment says so.
 *
 *     td_error err = {0};
 *     td_arena *a = td_arena_create();
 *     const td_node *doc;
 *     if (td_node_load(a, "recipe.yaml", &doc, &err) != TD_OK) fprintf(stderr, "%s\n",
 * err.message); double t; td_node_get_real(doc, "latency_s", 0, INFINITY, &t, &err);
 *     td_arena_destroy(a);
 */
#ifndef TANDEM_BASE_H
#define TANDEM_BASE_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TD_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define TD_PRINTF(f, a)
#endif

/* ---- status and error ---------------------------------------------------------------------- */

/* X(enumerator, exit code of the program, text). The exit codes are documented in docs/cli.md. */
#define TD_STATUS_MAP(X)                                                                           \
    X(TD_OK, 0, "ok")                                                                              \
    X(TD_E_MEMORY, 70, "out of memory")                                                            \
    X(TD_E_USAGE, 2, "wrong use")           /* command line, or an argument out of range */        \
    X(TD_E_INPUT, 3, "wrong input")         /* a file's content: syntax, key, type, range */       \
    X(TD_E_NOT_FOUND, 4, "not found")       /* file, data set, study, named thing */               \
    X(TD_E_IO, 5, "input or output failed") /* disk full, permission, short read */                \
    X(TD_E_INFEASIBLE, 6, "cannot be built or mapped") /* a result, with a reason */               \
    X(TD_E_UNSUPPORTED, 7, "not supported")                                                        \
    X(TD_E_STORE, 8, "store is damaged or busy")                                                   \
    X(TD_E_STALE, 9, "lease lost") /* fenced: somebody else owns the trial now */                  \
    X(TD_E_DONE, 10, "budget is used up")                                                          \
    X(TD_E_INTERRUPTED, 130, "interrupted")                                                        \
    X(TD_E_INTERNAL, 71, "internal error")

typedef enum {
#define TD_X(name, code, text) name,
    TD_STATUS_MAP(TD_X)
#undef TD_X
} td_status;

typedef struct {
    td_status code;
    char message[512]; /* one line, names file, line, key and what was expected */
    char where[160];   /* "file:line" or "" */
} td_error;

const char *td_status_name(td_status s); /* "TD_E_INPUT" */
const char *td_status_text(td_status s); /* "wrong input" */
int td_status_exit_code(td_status s);

/* Fills err (if not NULL) and returns code, so that `return td_fail(err, TD_E_INPUT, ...)` works.
 */
td_status td_fail(td_error *err, td_status code, const char *format, ...) TD_PRINTF(3, 4);
/* The same with err->where set and put before the message: "file:line: ..." . */
td_status td_fail_at(td_error *err, td_status code, const char *where, const char *format, ...)
    TD_PRINTF(4, 5);
/* Puts "prefix: " before the message already in err; returns err->code. */
td_status td_error_prefix(td_error *err, const char *format, ...) TD_PRINTF(2, 3);

/* ---- arena --------------------------------------------------------------------------------- */

/* Memory that lives and dies together (one design, one document). Allocations are zeroed and
 * aligned to 16 bytes; NULL only when memory is out. Not thread-safe. */
typedef struct td_arena td_arena;
td_arena *td_arena_create(void);
void td_arena_destroy(td_arena *a); /* NULL is fine */
void td_arena_reset(td_arena *a);   /* keeps the blocks, frees nothing to the system */
void *td_arena_alloc(td_arena *a, size_t bytes);
/* Whether an allocation has failed since it was made or reset: for those who did without. */
bool td_arena_failed(const td_arena *a);
/* What is called when memory is out for an arena or a text, which then fail; NULL, as at first:
 * nothing. A program that has nothing to save may end there. */
void td_memory_handler(void (*out_of_memory)(void));
char *td_arena_strdup(td_arena *a, const char *s);
char *td_arena_printf(td_arena *a, const char *format, ...) TD_PRINTF(2, 3);
#define TD_NEW(arena, type, count) ((type *)td_arena_alloc((arena), sizeof(type) * (size_t)(count)))

/* ---- growing text -------------------------------------------------------------------------- */

typedef struct {
    char *data; /* always NUL-terminated once something was added; owned */
    size_t size, capacity;
    bool failed; /* memory ran out: content is truncated */
} td_text;
void td_text_free(td_text *t);
void td_text_add(td_text *t, const char *s);
void td_text_add_bytes(td_text *t, const void *bytes, size_t n);
void td_text_addf(td_text *t, const char *format, ...) TD_PRINTF(2, 3);

/* Digits in groups of three: "23040" as "23,040"; anything but a whole number as it is. */
void td_text_add_grouped(td_text *t, const char *digits);
/* For messages about a name that is none of the n known ones: adds `, did you mean "X"?` if one of
 * them is a few letters away, else `, known are: A, B`. */
void td_text_add_known(td_text *t, const char *name, const char *const *known, int n);
/* The one of the n known names that is a few letters away, or NULL. */
const char *td_name_nearest(const char *name, const char *const *known, int n);

/* ---- files --------------------------------------------------------------------------------- */

/* Whole file into malloc'ed memory (NUL added after *size bytes), caller frees. Directories, and
 * files beyond `max_bytes` (0: 1 GiB) are TD_E_INPUT. */
td_status td_file_read(const char *path, size_t max_bytes, char **data, size_t *size,
                       td_error *err);
/* Writes to a temporary beside `path`, fsyncs and renames: readers see the old or the new file.
 * TD_E_IO also if the folder is not there. */
td_status td_file_write(const char *path, const void *data, size_t size, td_error *err);
td_status td_dir_make(const char *path, td_error *err); /* with parents; existing is fine */
bool td_file_exists(const char *path);
/* A file or folder that a document names: the name as it stands if it is there, or absolute, or if
 * document is NULL; otherwise beside the document if it is there. If it is in neither place, the
 * name: whoever opens it tells. From the arena, or one of the arguments; NULL: memory is out. */
const char *td_file_beside(td_arena *a, const char *document, const char *name);
/* Finds a shipped file (hw/edge.yaml, tech/22nm.yaml, recipes/...): $TANDEM_DATA, then the source
 * tree it was built from, then the installed share directory. TD_E_NOT_FOUND names the places. */
td_status td_data_find(td_arena *a, const char *relative, const char **path, td_error *err);
/* Where shipped files of a folder are ("hw"): same order. */
td_status td_data_dir(td_arena *a, const char *folder, const char **path, td_error *err);
/* Names of a folder's YAML files without their ending, in order: at most `most`; 0 if the folder
 * cannot be read. Strings live in the arena. */
int td_data_names(td_arena *a, const char *folder, const char *name[], int most);

/* ---- documents: one tree for YAML and JSON, reading and writing ------------------------------ */

typedef enum { TD_NULL, TD_BOOL, TD_INT, TD_REAL, TD_STRING, TD_LIST, TD_MAP } td_node_kind;

/* A node lives in the arena of its document. Fields are for reading. YAML 1.1 core scalars; ".inf"
 * and ".nan" are reals; plain `yes`/`no` stay strings. Duplicate keys are an error. */
typedef struct td_node {
    td_node_kind kind;
    int line;         /* 1-based; 0 for nodes that were built, not read */
    const char *file; /* name given to the parser; NULL for built nodes */
    const char *key;  /* key in the parent map; NULL elsewhere */
    const char *tag;  /* "Component" for !Component, by td_yaml_parse_tagged only; else NULL */
    const struct td_node *parent;
    bool boolean;
    int64_t integer;
    double real;      /* also set for TD_INT */
    const char *text; /* TD_STRING value; for scalars that were read, the text as written */
    int count;        /* items of a list or map */
    struct td_node **item;
    int capacity;
    const struct td_node *whole; /* a map that was made of another one: that one; else NULL */
    const char *const *taken;    /* and the keys that are gone (td_node_without) */
} td_node;

/* Parses text; `name` stands in messages. Aliases and anchors are refused (no expansion bombs),
 * nesting deeper than 64 too. */
td_status td_yaml_parse(td_arena *a, const char *text, size_t size, const char *name,
                        const td_node **doc, td_error *err);
/* The same for the formats of others that have tags: values may carry local ones (!Name). */
td_status td_yaml_parse_tagged(td_arena *a, const char *text, size_t size, const char *name,
                               const td_node **doc, td_error *err);
/* Strict JSON (RFC 8259); `first_line` is the number of the text's first line (JSON lines). */
td_status td_json_parse(td_arena *a, const char *text, size_t size, const char *name,
                        int first_line, const td_node **doc, td_error *err);
/* CSV (RFC 4180) as a list of records, maps by the names in the first line. Fields are separated by
 * commas; by semicolons or tabs if the first line has no comma. Plain fields are scalars as in YAML
 * (an empty one is null) without the spaces around them, quoted ones are text. Lines end in LF,
 * CRLF or CR; empty ones are skipped. Records with more or fewer fields than the first line, names
 * that stand twice or are empty are TD_E_INPUT. */
td_status td_csv_parse(td_arena *a, const char *text, size_t size, const char *name,
                       const td_node **doc, td_error *err);
/* Reads a file, JSON if its name ends in .json, CSV if in .csv or .tsv, YAML otherwise. */
td_status td_node_load(td_arena *a, const char *path, const td_node **doc, td_error *err);

/* Looks a key up in a map; NULL if absent or not a map. */
const td_node *td_node_find(const td_node *map, const char *key);
/* "objective.latency_ms", "levels[2].name": the path from the root, for messages. */
void td_node_path(const td_node *n, char *out, size_t size);
/* TD_E_INPUT "file:line: path: <message>". */
td_status td_node_fail(const td_node *n, td_error *err, const char *format, ...) TD_PRINTF(3, 4);

/* Puts the place of a node before the message in err (not NULL), whose code stays: for what n names
 * and is not there. */
td_status td_node_place(const td_node *n, td_error *err);

/* Required values: absent keys, wrong kinds and values outside [lo, hi] are TD_E_INPUT with
 * "expected ..., found ...". Reals accept integers. Strings live as long as the document. */
td_status td_node_get_real(const td_node *map, const char *key, double lo, double hi, double *out,
                           td_error *err);
td_status td_node_get_int(const td_node *map, const char *key, int64_t lo, int64_t hi, int64_t *out,
                          td_error *err);
td_status td_node_get_bool(const td_node *map, const char *key, bool *out, td_error *err);
td_status td_node_get_string(const td_node *map, const char *key, const char **out, td_error *err);
td_status td_node_get_list(const td_node *map, const char *key, const td_node **out, td_error *err);
td_status td_node_get_map(const td_node *map, const char *key, const td_node **out, td_error *err);
/* The same, but an absent (or null) key leaves *out as it is. */
td_status td_node_opt_real(const td_node *map, const char *key, double lo, double hi, double *out,
                           td_error *err);
td_status td_node_opt_int(const td_node *map, const char *key, int64_t lo, int64_t hi, int64_t *out,
                          td_error *err);
td_status td_node_opt_bool(const td_node *map, const char *key, bool *out, td_error *err);
td_status td_node_opt_string(const td_node *map, const char *key, const char **out, td_error *err);
td_status td_node_opt_list(const td_node *map, const char *key, const td_node **out, td_error *err);
td_status td_node_opt_map(const td_node *map, const char *key, const td_node **out, td_error *err);
/* Unknown keys are errors: `keys` is a NULL-terminated list of what a map may hold. The message
 * names the unknown key and the nearest known one. */
td_status td_node_only(const td_node *map, const char *const *keys, td_error *err);
/* The rest of a map (NULL: an empty one) without keys that were read, for a reader that knows the
 * others only. Messages of td_node_only name the taken ones among the known: `keys`,
 * NULL-terminated, has to outlive the map. TD_E_MEMORY. */
td_status td_node_without(td_arena *a, const td_node *map, const char *const *keys, td_node **out,
                          td_error *err);

/* Puts the value of "PATH=VALUE" in the place of what doc, a map, has there: "budget.trials=20",
 * "network.layers[1].channels=[8]"; VALUE is YAML. Maps that are missing on the way are made.
 * Messages about the value name `option` ("--set") in the place of a file. TD_E_USAGE: no such
 * form, or the path leads through a scalar or beyond a list; TD_E_INPUT: the value is no YAML. */
td_status td_node_override(td_arena *a, td_node *doc, const char *option, const char *assignment,
                           td_error *err);

/* Building. Nodes and copies of strings live in the arena; a NULL return means memory is out, and
 * every function accepts NULL and passes it on, so that only the end needs a test. */
td_node *td_node_map(td_arena *a);
td_node *td_node_list(td_arena *a);
td_node *td_node_null(td_arena *a);
td_node *td_node_bool(td_arena *a, bool v);
td_node *td_node_int(td_arena *a, int64_t v);
td_node *td_node_real(td_arena *a, double v);
td_node *td_node_string(td_arena *a, const char *v);
/* What plain text is in YAML: a number, true or false, null, or a string. */
td_node *td_node_scalar(td_arena *a, const char *text);
td_node *td_node_put(td_arena *a, td_node *map, const char *key, td_node *value); /* -> value */
td_node *td_node_push(td_arena *a, td_node *list, td_node *value);                /* -> value */
#define td_node_put_int(a, m, k, v) td_node_put((a), (m), (k), td_node_int((a), (v)))
#define td_node_put_real(a, m, k, v) td_node_put((a), (m), (k), td_node_real((a), (v)))
#define td_node_put_string(a, m, k, v) td_node_put((a), (m), (k), td_node_string((a), (v)))
#define td_node_put_bool(a, m, k, v) td_node_put((a), (m), (k), td_node_bool((a), (v)))

/* Writing. Reals are written so that reading gives the same bits (shortest form that does); JSON
 * has no infinities, so they become null there. indent 0: one line. A NULL
 * node is what memory ran out for: the text fails. */
void td_node_to_json(const td_node *n, int indent, td_text *out);
void td_node_to_yaml(const td_node *n, td_text *out);

/* Shortest decimal text that reads back to the same double. Returns its length. */
int td_real_text(double v, char out[32]);

/* ---- hash ---------------------------------------------------------------------------------- */

/* 64-bit non-cryptographic hash (own mixing, stable across machines and releases: store keys hold
 * it). Chain by passing the previous value as seed. */
uint64_t td_hash(const void *data, size_t n, uint64_t seed);
uint64_t td_hash_text(const char *s, uint64_t seed);

/* ---- random numbers ------------------------------------------------------------------------ */

/* Counter-based generator (Philox 4x32-10, Salmon et al. 2011): value i of a stream is a function
 * of (seed, trial, purpose, i) only, whatever the number of threads and after a resume. */
typedef struct {
    uint64_t seed, trial, counter;
    uint32_t purpose, have;
    uint32_t buffer[4];
} td_rng;
td_rng td_rng_make(uint64_t seed, uint64_t trial, uint32_t purpose);
uint32_t td_rng_u32(td_rng *r);
uint64_t td_rng_u64(td_rng *r);
double td_rng_uniform(td_rng *r);             /* [0, 1), 53 bits */
uint64_t td_rng_below(td_rng *r, uint64_t n); /* [0, n), unbiased; n > 0 */
double td_rng_normal(td_rng *r);              /* mean 0, deviation 1 */
void td_rng_shuffle(td_rng *r, int32_t *v, int n);
/* Purposes: one list, so that no two uses share a stream. */
enum {
    TD_RNG_ASK = 1,
    TD_RNG_INIT_WEIGHTS,
    TD_RNG_EPOCH_ORDER,
    TD_RNG_AUGMENT,
    TD_RNG_SPLIT,
    TD_RNG_SPACE_SAMPLE,
    TD_RNG_NOISE,
    TD_RNG_MAP_SAMPLE,
    TD_RNG_BOOTSTRAP,
    TD_RNG_SCALARISE,
    TD_RNG_TEST = 1000
};

/* ---- threads ------------------------------------------------------------------------------- */

/* Calls fn(self, i) for i in [0, n) on at most `threads` threads (0: one per core, honouring the
 * affinity mask), each index once, in any order. Returns when all are done. fn must not throw away
 * errors: it stores them by index. threads == 1 runs in the caller. */
td_status td_parallel_for(int threads, int n, void (*fn)(void *self, int i), void *self);
int td_cpu_count(void);

/* ---- time, machine and log ----------------------------------------------------------------- */

double td_time_wall_s(void);   /* seconds since the epoch */
double td_time_mono_s(void);   /* monotonic */
double td_time_thread_s(void); /* CPU time of this thread */
/* One line about the machine ("2 x Intel Xeon ..., 23.4 GiB, Linux 6.1"). */
void td_machine_text(char *out, size_t size);

/* Log sink: NULL means silence. Level 0 error, 1 warning, 2 info, 3 debug. */
typedef struct {
    void (*write)(void *self, int level, const char *message);
    void *self;
} td_log;
void td_log_write(const td_log *log, int level, const char *format, ...) TD_PRINTF(3, 4);

const char *td_version(void); /* "0.1.0" */

#ifdef __cplusplus
}
#endif
#endif
