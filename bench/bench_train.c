/* bench_train - images per CPU-second of a training step (forward, backward, update), one thread.
 *
 *     bench_train [--net A,C] [--number fp32,bf16] [--batch 128] [--seconds 3] [--repeat 3]
 *
 * Prints one JSON line per repeat, network and number type; the repeats take turns, because the
 * machine may be shared. bench/train_vs_torch.sh puts PyTorch beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/train.h"

typedef struct {
    td_trainer *trainer;
    float *input;
    uint8_t *label;
    int batch;
} job;

static void make_job(job *j, const char *name, int batch, td_number number) {
    td_error err;
    td_net *net;
    if (td_net_build(name, TD_DIM(0, 0, 0), 1, 0, &net, &err) != TD_OK ||
        td_trainer_create(net, batch, number, 1, &j->trainer, &err) != TD_OK) {
        fprintf(stderr, "bench_train: %s\n", err.message);
        exit(1);
    }
    const td_layer *in = td_net_layer(net, 0), *out = td_net_layer(net, td_net_output(net));
    size_t words = (size_t)batch * (size_t)(in->c * in->h * in->w);
    j->batch = batch;
    j->input = malloc(sizeof *j->input * words);
    j->label = malloc((size_t)batch);
    if (j->input == NULL || j->label == NULL) exit(1);
    td_rng r = td_rng_make(1, 0, TD_RNG_NOISE);
    for (size_t i = 0; i < words; i++) j->input[i] = (float)td_rng_normal(&r);
    for (int i = 0; i < batch; i++) j->label[i] = (uint8_t)td_rng_below(&r, (uint64_t)out->c);
    td_net_destroy(net);
}

/* Images per CPU-second over `seconds` of CPU time; the best step as well. */
static void measure(const job *j, double seconds, double *rate, double *best) {
    td_error err;
    double start = td_time_thread_s(), last = start, shortest = 1e30;
    int64_t images = 0;
    do {
        if (td_trainer_step(j->trainer, j->input, j->label, 0, NULL, &err) != TD_OK ||
            td_trainer_update(j->trainer, 0.01, 0.9, 1e-4, &err) != TD_OK) {
            fprintf(stderr, "bench_train: %s\n", err.message);
            exit(1);
        }
        double now = td_time_thread_s();
        if (now - last < shortest) shortest = now - last;
        last = now;
        images += j->batch;
    } while (last - start < seconds);
    *rate = (double)images / (last - start);
    *best = j->batch / shortest;
}

int main(int argc, char **argv) {
    const char *nets = "A,C", *numbers = "fp32,bf16";
    int batch = 128, repeat = 3;
    double seconds = 3;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--net") == 0)
            nets = argv[i + 1];
        else if (strcmp(argv[i], "--number") == 0)
            numbers = argv[i + 1];
        else if (strcmp(argv[i], "--batch") == 0)
            batch = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--repeat") == 0)
            repeat = atoi(argv[i + 1]);
        else {
            fprintf(stderr, "bench_train: unknown option %s\n", argv[i]);
            return 2;
        }
    }
    static const char *const names[] = {"fp32", "bf16"};
    for (int r = 0; r < repeat; r++) {
        char list[256];
        snprintf(list, sizeof list, "%s", nets);
        char *rest = list;
        for (char *net; (net = strsep(&rest, ",")) != NULL;)
            for (int n = 0; n < 2; n++) {
                if (strstr(numbers, names[n]) == NULL) continue;
                if (!td_number_trains(n == 0 ? TD_FP32 : TD_BF16)) continue;
                job j;
                make_job(&j, net, batch, n == 0 ? TD_FP32 : TD_BF16);
                double rate, best;
                measure(&j, 0.3, &rate, &best); /* caches and pages */
                measure(&j, seconds, &rate, &best);
                printf("{\"engine\": \"tandem\", \"net\": \"%s\", \"number\": \"%s\", \"batch\": "
                       "%d, \"images_per_cpu_s\": %.1f, \"best_step\": %.1f}\n",
                       net, names[n], batch, rate, best);
                fflush(stdout);
                td_trainer_destroy(j.trainer);
                free(j.input);
                free(j.label);
            }
    }
    return 0;
}
