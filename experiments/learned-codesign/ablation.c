/* Inner search alone, and what each part of the constrained Bayesian optimisation of Shi et al.
 * 2020 (arXiv 2010.02075) is worth.
 *
 *     build/release/experiments/learned_codesign_ablation PART OUT SEEDS WORKLOAD[,KEY=VALUE...]...
 *
 * PART: inner (mappings of each layer on Eyeriss), outer (accelerators, the proved mapping of each
 * layer inside), feasibility (shares of what is feasible; classifiers). KEY=VALUE: budgets of
 * hw/eyeriss.yaml, "pes=256,mesh_x=16,buffer_kb=128". Tables go to standard output (Markdown), rows
 * and plots to the folder OUT, one process at a time. What OUT has already is not run again: take
 * another folder after a change of the program. ablation.sh runs all parts;
 * docs/learned-codesign.md has what came out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ablation.h"
#include "tandem/hw.h"

void stop(const td_error *err) {
    fprintf(stderr, "learned_codesign_ablation: %s\n", err->message);
    exit(td_status_exit_code(err->code));
}

static void no_memory(void) {
    td_error err;
    td_fail(&err, TD_E_MEMORY, "out of memory");
    stop(&err);
}

double cpu_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- workloads ------------------------------------------------------------------------------- */

static void name_of(const char *path, size_t size, char *out, size_t room) {
    const char *at = path, *end = path + size;
    for (const char *p = path; p < end; p++)
        if (*p == '/') at = p + 1;
    const char *dot = at;
    while (dot < end && *dot != '.') dot++;
    snprintf(out, room, "%.*s", (int)(dot - at), at);
}

/* hw/eyeriss.yaml with budgets, as a point and as a space, in which what the file varies stays
 * free. */
static void accelerators(workload *w, const char *budgets, td_error *err) {
    td_arena *a = w->arena;
    const char *path;
    const td_node *doc, *space;
    td_status s = td_hw_find(a, "eyeriss", &path, err);
    if (s == TD_OK) s = td_node_load(a, path, &doc, err);
    const td_node *varies = s == TD_OK ? td_node_find(doc, "space") : NULL;
    td_text recipe = {0};
    td_text_add(&recipe, "{space: eyeriss");
    char *list = td_arena_strdup(a, budgets), *rest = list;
    for (char *one; s == TD_OK && (one = strsep(&rest, ",")) != NULL;) {
        if (*one == '\0') continue;
        s = td_node_override(a, (td_node *)doc, "budget", one, err);
        char *value = strchr(one, '=');
        if (s != TD_OK) break;
        const char *key = td_arena_printf(a, "%.*s", (int)(value - one), one);
        if (varies == NULL || td_node_find(varies, key) == NULL)
            td_text_addf(&recipe, ", %s: %s", key, value + 1);
    }
    td_text_add(&recipe, "}");
    if (s == TD_OK) s = td_hw_from_node(doc, &w->eyeriss, err);
    const char *text = td_arena_strdup(a, recipe.data);
    td_text_free(&recipe);
    if (s == TD_OK) s = td_yaml_parse(a, text, strlen(text), "budgets", &space, err);
    if (s == TD_OK) s = td_space_hw_from_node(space, a, &w->space, err);
    if (s != TD_OK) stop(err);
}

void workload_open(const char *arg, workload *w) {
    td_error err = {0};
    const char *recipe;
    *w = (workload){.arena = td_arena_create(), .memo = calloc(MEMO, sizeof *w->memo)};
    if (w->arena == NULL || w->memo == NULL) no_memory();
    size_t size = strcspn(arg, ",");
    name_of(arg, size, w->name, sizeof w->name);
    const char *file = td_arena_printf(w->arena, "workload=%.*s", (int)size, arg);
    const td_override set = {NULL, file, "workload"};
    td_status s = td_data_find(w->arena, "recipes/learned-codesign.yaml", &recipe, &err);
    if (s == TD_OK) s = td_blackbox_load_with(recipe, &set, 1, &w->problem, &err);
    if (s != TD_OK) stop(&err);
    w->layer = td_blackbox_layers(w->problem, &w->n);
    if (w->n < 1 || w->n > MOST_LAYERS) {
        td_fail(&err, TD_E_USAGE, "%s: 1 to %d layers, not %d", arg, MOST_LAYERS, w->n);
        stop(&err);
    }
    accelerators(w, arg + size, &err);
}

void workload_close(workload *w) {
    td_blackbox_destroy(w->problem);
    td_arena_destroy(w->arena);
    free(w->memo);
}

td_problem workload_problem(const workload *w, int layer, const td_hw *hw) {
    td_problem p = w->layer[layer].problem;
    td_hw_layer_bits(hw, &p);
    return p;
}

const td_params *params_of(td_arena *a, const char *yaml) {
    td_error err = {0};
    const td_node *n = NULL;
    if (yaml != NULL && td_yaml_parse(a, yaml, strlen(yaml), "options", &n, &err) != TD_OK)
        stop(&err);
    return n;
}

const td_strategy *strategy_of(const char *name) {
    const td_strategy *s = td_strategy_find(name);
    td_error err;
    if (s == NULL) {
        td_fail(&err, TD_E_USAGE, "no strategy %s", name);
        stop(&err);
    }
    return s;
}

/* ---- results --------------------------------------------------------------------------------- */

static char *keep(table *t, const char *row) {
    if (t->n == t->room) {
        t->room = t->room > 0 ? 2 * t->room : 256;
        t->row = realloc(t->row, sizeof *t->row * (size_t)t->room);
    }
    char *copy = td_arena_strdup(t->arena, row);
    if (t->row == NULL || copy == NULL) no_memory();
    return t->row[t->n++] = copy;
}

/* The whole rows of a file, without its header, and nothing else. */
static void read_rows(table *t, const char *path, const char *header) {
    td_error err = {0};
    char *data;
    size_t size;
    if (!td_file_exists(path)) return;
    if (td_file_read(path, 0, &data, &size, &err) != TD_OK) stop(&err);
    char *rest = data;
    for (char *end, *row = rest; (end = strchr(row, '\n')) != NULL; row = end + 1) {
        *end = '\0';
        if (row != data) {
            keep(t, row);
        } else if (strcmp(row, header) != 0) {
            td_fail(&err, TD_E_USAGE, "%s: of another version; take another folder", path);
            stop(&err);
        }
    }
    free(data);
}

void table_open(const char *folder, const char *name, const char *header, table *t) {
    td_error err = {0};
    *t = (table){.arena = td_arena_create()};
    if (t->arena == NULL) no_memory();
    if (td_dir_make(folder, &err) != TD_OK) stop(&err);
    const char *path = td_arena_printf(t->arena, "%s/%s", folder, name);
    read_rows(t, path, header);
    td_text all = {0};
    td_text_addf(&all, "%s\n", header);
    for (int i = 0; i < t->n; i++) td_text_addf(&all, "%s\n", t->row[i]);
    if (td_file_write(path, all.data, all.size, &err) != TD_OK) stop(&err);
    td_text_free(&all);
    t->file = fopen(path, "a");
    if (t->file == NULL) {
        td_fail(&err, TD_E_IO, "%s: cannot be written", path);
        stop(&err);
    }
}

void table_close(table *t) {
    fclose(t->file);
    free(t->row);
    td_arena_destroy(t->arena);
}

const char *table_find(const table *t, const char *key) {
    const size_t n = strlen(key);
    for (int i = 0; i < t->n; i++)
        if (strncmp(t->row[i], key, n) == 0 && t->row[i][n] == ';') return t->row[i] + n + 1;
    return NULL;
}

const char *table_add(table *t, const char *key, const char *rest) {
    td_text row = {0};
    td_text_addf(&row, "%s;%s", key, rest);
    const char *kept = keep(t, row.data);
    fprintf(t->file, "%s\n", kept);
    fflush(t->file);
    td_text_free(&row);
    return kept + strlen(key) + 1;
}

void median_add(td_text *t, const char *format, const double *v, int n) {
    td_median m;
    td_error err = {0};
    char number[3][32];
    if (td_median_interval(v, n, 0.95, &m, &err) != TD_OK) stop(&err);
    const double of[3] = {m.median, m.low, m.high};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    for (int i = 0; i < 3; i++) snprintf(number[i], sizeof number[i], format, of[i]);
#pragma GCC diagnostic pop
    td_text_addf(t, "%s (%s-%s)", number[0], number[1], number[2]);
}

double geometric_mean(const double *v, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += log(v[i]);
    return exp(sum / n);
}

void write_text(const char *folder, const char *name, td_text *t) {
    td_error err = {0};
    td_text path = {0};
    td_text_addf(&path, "%s/%s", folder, name);
    for (char *p = path.data + strlen(folder) + 1; *p != '\0'; p++)
        if (*p == ' ' || *p == '/') *p = '-';
    if (td_file_write(path.data, t->data, t->size, &err) != TD_OK) stop(&err);
    td_text_free(&path);
    td_text_free(t);
}

/* ---- the program ----------------------------------------------------------------------------- */

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(const char *out, const workload *w, int n, int seeds);
    } part[] = {{"inner", inner_search}, {"outer", outer_search}, {"feasibility", feasibility}};
    int which = -1, seeds = argc > 3 ? atoi(argv[3]) : 0, n = argc - 4;
    for (int i = 0; i < 3; i++)
        if (argc > 4 && strcmp(argv[1], part[i].name) == 0) which = i;
    if (which < 0 || seeds < 2 || seeds > MOST_SEEDS) {
        fprintf(stderr, "usage: learned_codesign_ablation inner|outer|feasibility OUT SEEDS "
                        "WORKLOAD[,KEY=VALUE...]...   (2 to 100 seeds)\n");
        return 2;
    }
    workload *w = calloc((size_t)n, sizeof *w);
    if (w == NULL) no_memory();
    for (int i = 0; i < n; i++) workload_open(argv[4 + i], &w[i]);
    part[which].run(argv[2], w, n, seeds);
    for (int i = 0; i < n; i++) workload_close(&w[i]);
    free(w);
    return 0;
}
