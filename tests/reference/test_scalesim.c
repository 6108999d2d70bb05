/* Cycles of systolic arrays against SCALE-Sim's: every row of its reference beside the checkout, by
 * the shipped descriptions systolic-ws, -os and -is with an array of another size, and schedules of
 * its topologies as `tandem eval` makes them. What it calls compute cycles are its total cycles, a
 * count instead of the index of the last one, without stalls. */
#include "common.h"

#include "tandem/map.h"

#define ROOT "reference/peers/scalesim/"

static td_hw array(const char *dataflow, int rows, int columns) {
    char name[32];
    td_hw hw;
    td_error err = {0};
    snprintf(name, sizeof name, "systolic-%s", dataflow);
    assert_ok(td_hw_load(name, &hw, &err), &err);
    hw.mac.instances = hw.level[0].instances = rows * columns;
    hw.mac.mesh_x = hw.level[0].mesh_x = columns;
    if (strcmp(dataflow, "os") != 0) hw.level[1].instances = hw.level[1].mesh_x = columns;
    assert_ok(td_hw_check(&hw, &err), &err);
    return hw;
}

/* A topology with the schedule of the array that was asked for last. */
typedef struct {
    td_net *net;
    td_schedule s;
    int rows, columns;
    char dataflow[4];
} scheduled;

static void schedule(scheduled *x, const char *dataflow, int rows, int columns) {
    if (x->rows == rows && x->columns == columns && strcmp(x->dataflow, dataflow) == 0) return;
    td_schedule_free(&x->s);
    x->s = (td_schedule){0};
    td_hw hw = array(dataflow, rows, columns);
    td_schedule_options o;
    td_error err = {0};
    td_schedule_options_default(&o);
    assert_ok(td_schedule_best(x->net, &hw, &o, &x->s, NULL, &err), &err);
    assert_ok(td_schedule_check(x->net, &hw, &x->s, &err), &err);
    x->rows = rows;
    x->columns = columns;
    snprintf(x->dataflow, sizeof x->dataflow, "%s", dataflow);
}

/* Cycles of the layer of this name; of one of its channels where "Channel_i" follows. */
static double cycles_of(const scheduled *x, const char *name) {
    size_t n = strcspn(name, " ");
    const char *channel = strstr(name, "Channel_");
    if (channel != NULL) n = (size_t)(channel - name);
    for (int i = 0; i < x->s.n; i++) {
        const td_layer *l = td_net_layer(x->net, x->s.interval[i].layer);
        if (strlen(l->name) != n || strncmp(l->name, name, n) != 0) continue;
        return x->s.interval[i].compute_cycles / (channel != NULL ? l->groups : 1);
    }
    fail_msg("%s: there is no layer %s", td_net_name(x->net), name);
    return 0;
}

static bool load(const char *topology, scheduled *x) {
    char file[128];
    td_error err = {0};
    *x = (scheduled){0};
    snprintf(file, sizeof file, ROOT "topologies/%s.csv", topology);
    const char *path = shared_path(file);
    if (path == NULL) return false;
    assert_ok(td_net_load(path, NULL, &x->net, &err), &err);
    return true;
}

static void unload(scheduled *x) {
    td_schedule_free(&x->s);
    td_net_destroy(x->net);
}

static double number(const td_node *row, const char *key, double otherwise) {
    const td_node *n = td_node_find(row, key);
    return n == NULL || n->kind == TD_NULL ? otherwise : n->real;
}

/* Cycles of all rows: counted by SCALE-Sim's own demand matrices where it has them (1,102 rows), by
 * its formula elsewhere. */
static void every_row(void **state) {
    (void)state;
    static const char *const names[][2] = {{"mini", "mini"},
                                           {"vit_s", "vit_s"},
                                           {"alexnet", "alexnet"},
                                           {"resnet18_padded", "resnet18_padded"},
                                           {"Resnet18", "Resnet18"},
                                           {"mobilenet", "mobilenet"},
                                           {"mobilenetv2_dp", "mobilenetv2_dp_unique"}};
    int own = 0, all = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        scheduled x;
        char file[128];
        td_arena *a = td_arena_create();
        const td_node *doc;
        td_error err = {0};
        if (!load(names[i][0], &x)) skip();
        snprintf(file, sizeof file, ROOT "compute_only/%s.csv", names[i][1]);
        assert_ok(td_node_load(a, shared_path(file), &doc, &err), &err);
        /* One array at a time, for all layers. */
        for (int of = 0; of < 12; of++)
            for (int k = 0; k < doc->count; k++) {
                static const int side[] = {8, 16, 32, 128};
                static const char *const flow[] = {"ws", "os", "is"};
                const td_node *row = doc->item[k];
                const char *dataflow = td_node_find(row, "dataflow")->text;
                const char *name = td_node_find(row, "layer")->text;
                int rows = (int)number(row, "rows", 0), columns = (int)number(row, "cols", 0);
                if (rows != side[of / 3] || strcmp(dataflow, flow[of % 3]) != 0) continue;
                schedule(&x, dataflow, rows, columns);
                double formula = number(row, "cycles_formula", NAN);
                double want = number(row, "cycles_scalesim_demand_rows", formula);
                double got = cycles_of(&x, name) / number(row, "repeat", 1);
                if (got != want)
                    fail_msg("%s %s on %d x %d %s: %.0f cycles, SCALE-Sim %.0f", names[i][1], name,
                             rows, columns, dataflow, got, want);
                own += td_node_find(row, "cycles_scalesim_demand_rows")->kind != TD_NULL;
                all++;
            }
        td_arena_destroy(a);
        unload(&x);
    }
    printf("%d rows, %d of them counted by SCALE-Sim's demand matrices\n", all, own);
    assert_true(all == 1704 && own == 1102);
}

/* COMPUTE_REPORT.csv of a full run: layer, cycles with prefetch, index of the last cycle, stalls.
 */
static int full_run(scheduled *x, const char *folder, const char *dataflow, int side) {
    char file[160], line[512];
    snprintf(file, sizeof file, ROOT "full/%s/COMPUTE_REPORT.csv", folder);
    const char *path = shared_path(file);
    if (path == NULL) return 0;
    FILE *f = fopen(path, "r");
    int n = 0, channel = 0, layer = 1;
    schedule(x, dataflow, side, side);
    while (fgets(line, sizeof line, f) != NULL) {
        double prefetched, last, stalls;
        int id;
        if (sscanf(line, "%d, %lf, %lf, %lf", &id, &prefetched, &last, &stalls) != 4) continue;
        assert_int_equal(id, n);
        /* Depthwise layers are run channel by channel. */
        const td_layer *l = td_net_layer(x->net, layer);
        double got = x->s.interval[layer - 1].compute_cycles / l->groups;
        if (got != last + 1 - stalls)
            fail_msg("%s %s: %.0f cycles, SCALE-Sim %.0f", folder, l->name, got, last + 1 - stalls);
        if (++channel == l->groups) {
            channel = 0;
            layer++;
        }
        n++;
    }
    fclose(f);
    assert_int_equal(layer, td_net_size(x->net));
    return n;
}

static void full_runs(void **state) {
    (void)state;
    static const int side[] = {8, 16, 32, 128};
    static const char *const flow[] = {"ws", "os", "is"}, *const bandwidth[] = {"calc", "user"};
    scheduled mini, alexnet;
    if (!load("mini", &mini) || !load("alexnet", &alexnet)) skip();
    int rows = 0;
    for (int i = 0; i < 24; i++) {
        char folder[64];
        snprintf(folder, sizeof folder, "mini/a%d_%s_%s", side[i / 6], flow[i / 2 % 3],
                 bandwidth[i % 2]);
        rows += full_run(&mini, folder, flow[i / 2 % 3], side[i / 6]);
    }
    rows += full_run(&alexnet, "alexnet/a32_ws_calc", "ws", 32);
    unload(&mini);
    unload(&alexnet);
    assert_int_equal(rows, 24 * 10 + 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row), cmocka_unit_test(full_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
