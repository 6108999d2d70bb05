/* What the files of this room share: growing lists of decisions, lists of numbers out of documents,
 * and the makers of the kinds of spaces. */
#ifndef TANDEM_SPACE_BITS_H
#define TANDEM_SPACE_BITS_H

#include "tandem/space.h"

/* Number of choices of a discrete decision (0: a real range, which has no end of them). */
uint64_t td__decision_count(const td_decision *d);
/* Index of a choice in 0..count-1, for `when` masks. */
uint64_t td__decision_index(const td_decision *d, double v);
/* Another value than `old` (any value if old is NAN), all equally likely. */
double td__decision_draw(const td_decision *d, td_rng *r, double old);
/* Activity by the parent's choice; parents stand before, so theirs is settled already. */
bool td__decision_active(const td_space *s, const double *v, int i);

/* Decisions of a space that is being made; all memory is the arena's. */
typedef struct {
    td_arena *arena;
    td_decision *d;
    int n, capacity;
    bool failed; /* memory is out */
} td__decisions;
/* Copies d under a printed name; returns its index. */
int td__decisions_add(td__decisions *list, const td_decision *d, const char *format, ...)
    TD_PRINTF(3, 4);

/* Sorted, distinct numbers. A parameter with more than one value is a decision. */
typedef struct {
    double *v;
    int n;
    int decision; /* index of the decision, or -1: v[0] it is */
} td__values;
/* Reads map[key], a list of numbers or one number. `integer`: only whole numbers. Fails as the node
 * readers do: file, line, key, what was expected. */
td_status td__values_read(const td_node *map, const char *key, double lo, double hi, bool integer,
                          td_arena *a, td__values *out, td_error *err);
td_status td__values_from_node(const td_node *n, double lo, double hi, bool integer, td_arena *a,
                               td__values *out, td_error *err);
/* The value that a vector gives to the parameter; NAN if the vector is wrong. */
double td__values_get(const td__values *p, const td_choices *c);

/* Fills in the space (name, d, n, self, build) after a check of its decisions. */
td_status td__space_finish(const char *name, const td__decisions *list, const void *self,
                           td_status (*build)(const void *, const td_choices *, td_arena *,
                                              td_design *, td_error *),
                           td_space **out, td_error *err);

/* The file that a document names (anything with a slash or a dot): as it stands, else beside the
 * document. NULL if the name is no file's, or there is none. */
const char *td__space_file(const td_node *named, td_arena *a);

/* The accelerator's document that a node names: a file as above, or a shipped name. Absent:
 * TD_E_NOT_FOUND with the place of the node. */
td_status td__space_hw_doc(const td_node *named, td_arena *a, const td_node **doc, td_error *err);

/* What a key stands for in an accelerator's document: paths, and the numbers that are there (NAN:
 * none). Keys as of td_space_hw_set; TD_E_USAGE tells what was expected. */
typedef struct {
    const char *path[3];
    double now[3];
    int n;
    double clock_hz;  /* of the file */
    double word_bits; /* of a template that counts in words; NAN: it does not */
    double ports;     /* so many of what the file's number is of make the key's level */
    bool of_lanes;    /* which are its lanes */
} td__hw_key;
td_status td__hw_key_find(td_arena *a, const td_node *doc, const char *key, td__hw_key *out,
                          td_error *err);
/* The values of a list (or one value) with multiples ("2x") and amounts ("32GB/s") as the numbers
 * that they make; where a key stands for numbers that differ, as factors, and *multiples is true.
 */
td_status td__hw_numbers(const td_node *n, const td__hw_key *k, td_arena *a, td_node **out,
                         bool *multiples, td_error *err);
/* "2x": 2. */
bool td__hw_factor(const char *text, double *factor);
/* "32GB/s", "512KB", "1GHz" in the unit of the file's number. */
bool td__hw_amount(const char *text, const td__hw_key *k, double *out);
/* A number as YAML: whole ones without a point, so that they are read as such. */
const char *td__hw_number(td_arena *a, double v);

/* Most channels, rows of a kernel, and groups that spaces of networks take. */
enum { TD__SPACE_CHANNELS = 65536, TD__SPACE_KERNEL = 31, TD__SPACE_GROUPS = 4096 };
/* First convolution of a network: `stem: {channels, stride, kernel}`. */
typedef struct {
    int channels, stride, kernel;
} td__stem;
td_status td__stem_read(const td_node *map, td__stem *out, td_error *err);
/* `act: relu` of a map that has it. */
td_status td__act_read(const td_node *map, td_op *out, td_error *err);
/* The recipe's map with the keys that it leaves out; items keep their own places for messages.
 * NULL: memory is out. */
td_node *td__with_defaults(const td_node *n, const td_node *defaults, td_arena *a);

/* The kinds of spaces. `n` is the recipe's map; `defaults` has the keys that it leaves out. */
td_status td__space_ibn(const td_node *n, const td_node *defaults, td_arena *a, td_space **out,
                        td_error *err);
td_status td__space_blocks(const td_node *n, const td_node *defaults, td_arena *a, td_space **out,
                           td_error *err);
td_status td__space_template(const td_node *n, td_arena *a, td_space **out, td_error *err);
/* doc: an accelerator with `levels:`; recipe: the map whose keys stand beside or in place of those
 * of the document's `space:`; NULL: none. */
td_status td__space_levels(const td_node *doc, const char *name, const td_node *recipe, td_arena *a,
                           td_space **out, td_error *err);
td_status td__space_fixed_net(const td_node *n, td_arena *a, td_space **out, td_error *err);
td_status td__space_workload(const td_node *n, td_arena *a, td_space **out, td_error *err);
td_status td__space_fixed_hw(const td_node *n, td_arena *a, td_space **out, td_error *err);
/* Optional `input` of a network: [channels, rows, columns], or the side of an image with the
 * channels that *out has. */
td_status td__shape_read(const td_node *map, td_shape *out, td_error *err);

#endif
