/* tandem list - what there is to name in recipes and on the command line. */
#include "cli.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "tandem/accuracy.h"
#include "tandem/net.h"
#include "tandem/search.h"
#include "tandem/space.h"

typedef struct {
    cli_format format;
    const char *kind;
} options;

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case 'f':
        if (!cli_format_parse(arg, &o->format) || o->format == CLI_CSV)
            argp_error(state, "--format: expected table or json, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->kind != NULL) argp_error(state, "one KIND at most");
        o->kind = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static td_node *put_entry(td_arena *a, td_node *list, const char *name, const char *about) {
    td_node *e = td_node_push(a, list, td_node_map(a));
    td_node_put_string(a, e, "name", name);
    td_node_put_string(a, e, "about", about);
    return e;
}

/* Shipped YAML files of a folder: the name, and the first comment line as text. */
static void put_files(td_arena *a, td_node *list, const char *folder) {
    enum { MOST = 256 };
    const char *dir, *name[MOST];
    if (td_data_dir(a, folder, &dir, NULL) != TD_OK) return;
    int n = td_data_names(a, folder, name, MOST);
    for (int i = 0; i < n; i++) {
        char about[160] = "";
        FILE *f = fopen(td_arena_printf(a, "%s/%s.yaml", dir, name[i]), "r");
        if (f != NULL) {
            char line[160];
            if (fgets(line, sizeof line, f) != NULL && line[0] == '#') {
                const char *text = line + 1;
                while (*text == ' ') text++;
                snprintf(about, sizeof about, "%s", text);
                about[strcspn(about, "\n")] = '\0';
            }
            fclose(f);
        }
        put_entry(a, list, name[i], about);
    }
}

/* With the exact number of its points. */
static void put_space(td_arena *a, td_node *list, const td_space_entry *space) {
    td_node *e = put_entry(a, list, space->name, space->about);
    td_space *s;
    td_text size = {0};
    if (td_space_by_name(space->name, a, &s, NULL) == TD_OK &&
        td_space_size(s, &size, NULL) == TD_OK)
        td_node_put_string(a, e, "points", size.data);
    td_text_free(&size);
}

static void collect(td_arena *a, td_node *root) {
    int n;
    td_node *list = td_node_put(a, root, "networks", td_node_list(a));
    const td_net_entry *nets = td_net_list(&n);
    for (int i = 0; i < n; i++) put_entry(a, list, nets[i].name, nets[i].about);
    put_files(a, td_node_put(a, root, "accelerators", td_node_list(a)), "hw");
    put_files(a, td_node_put(a, root, "technologies", td_node_list(a)), "tech");
    list = td_node_put(a, root, "spaces", td_node_list(a));
    const td_space_entry *spaces = td_space_list(&n);
    for (int i = 0; i < n; i++) put_space(a, list, &spaces[i]);
    list = td_node_put(a, root, "strategies", td_node_list(a));
    const td_strategy *const *strategies = td_strategy_list(&n);
    for (int i = 0; i < n; i++) put_entry(a, list, strategies[i]->name, strategies[i]->about);
    list = td_node_put(a, root, "stoppers", td_node_list(a));
    const td_stopper *const *stoppers = td_stopper_list(&n);
    for (int i = 0; i < n; i++) put_entry(a, list, stoppers[i]->name, stoppers[i]->about);
    list = td_node_put(a, root, "accuracy", td_node_list(a));
    const td_accuracy_entry *sources = td_accuracy_list(&n);
    for (int i = 0; i < n; i++) put_entry(a, list, sources[i].name, sources[i].about);
    put_files(a, td_node_put(a, root, "recipes", td_node_list(a)), "recipes");
}

static void print_kind(const td_node *list, td_text *t) {
    td_text_addf(t, "%s\n", list->key);
    int width = 18;
    for (int i = 0; i < list->count; i++) {
        int length = (int)strlen(td_node_find(list->item[i], "name")->text);
        if (length > width) width = length;
    }
    for (int i = 0; i < list->count; i++) {
        const td_node *points = td_node_find(list->item[i], "points");
        td_text_addf(t, "  %-*s %s", width, td_node_find(list->item[i], "name")->text,
                     td_node_find(list->item[i], "about")->text);
        if (points != NULL) td_text_add(t, "; ");
        if (points != NULL) td_text_add_grouped(t, points->text);
        td_text_add(t, points != NULL ? " points\n" : "\n");
    }
}

int cmd_list(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"format", 'f', "FORMAT", 0, "table (default) or json", 0}, {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "[KIND]",
        "Lists what can be named in recipes and on the command line: networks, accelerators, "
        "technologies, spaces, strategies, stoppers (rules of early stopping), accuracy (its "
        "sources), recipes.\v"
        "Examples:\n  tandem list\n  tandem list accelerators --format json",
        0,
        0,
        0};
    options o = {.format = CLI_TABLE};
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_arena *a = td_arena_create();
    td_node *root = td_node_map(a);
    td_error err = {0};
    td_text t = {0};
    int code;
    if (a == NULL || root == NULL) {
        td_fail(&err, TD_E_MEMORY, "out of memory");
        code = cli_fail(&err);
        goto end;
    }
    collect(a, root);
    const td_node *one = o.kind ? td_node_find(root, o.kind) : NULL;
    if (o.kind != NULL && one == NULL) {
        enum { MOST = 16 };
        const char *known[MOST];
        for (int i = 0; i < root->count && i < MOST; i++) known[i] = root->item[i]->key;
        cli_unknown(&err, TD_E_USAGE, "kind", o.kind, known, root->count);
        code = cli_fail(&err);
        goto end;
    }
    if (o.format == CLI_JSON) {
        td_node_to_json(one ? one : root, 2, &t);
        td_text_add(&t, "\n");
    } else if (one != NULL) {
        print_kind(one, &t);
    } else {
        for (int i = 0; i < root->count; i++) print_kind(root->item[i], &t);
    }
    code = cli_print(&t);
end:
    td_text_free(&t);
    td_arena_destroy(a);
    return code;
}
