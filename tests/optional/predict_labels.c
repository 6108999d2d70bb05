/* predict_labels NETWORK.yaml WEIGHTS.bin OUT [integers] - our trainer's predictions for the test
 * split of Fashion-MNIST, one byte per image, for comparison with other programs; or those of the
 * network in integers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/quant.h"

int main(int argc, char **argv) {
    td_error err = {0};
    td_dataset data = {0};
    td_net *net = NULL;
    td_weights *w = NULL;
    uint8_t *label = NULL;
    td_quantised *q = NULL;
    td_calibration c;
    td_calibration_default(&c);
    double accuracy;
    bool integers = argc == 5 && strcmp(argv[4], "integers") == 0;
    if (argc != 4 && !integers) {
        fprintf(stderr, "usage: predict_labels NETWORK.yaml WEIGHTS.bin OUT [integers]\n");
        return 2;
    }
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_status s = td_node_load(a, argv[1], &doc, &err);
    if (s == TD_OK) s = td_net_from_node(doc, &net, &err);
    if (s == TD_OK) s = td_weights_load(net, argv[2], &w, &err);
    if (s == TD_OK) s = td_dataset_load("fashion-mnist", NULL, &data, &err);
    if (s == TD_OK) label = malloc((size_t)data.n[TD_SPLIT_TEST]);
    if (s == TD_OK && label == NULL) s = td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK && integers) s = td_quantise(net, w, &data, &c, &q, &err);
    if (s == TD_OK)
        s = integers ? td_quantised_test(q, &data, TD_SPLIT_TEST, 0, &accuracy, label, &err)
                     : td_test(net, w, &data, TD_SPLIT_TEST, &accuracy, label, &err);
    if (s == TD_OK) s = td_file_write(argv[3], label, (size_t)data.n[TD_SPLIT_TEST], &err);
    if (s != TD_OK)
        fprintf(stderr, "predict_labels: %s\n", err.message);
    else
        printf("test accuracy %.4f\n", accuracy);
    free(label);
    td_quantised_destroy(q);
    td_dataset_free(&data);
    td_weights_destroy(w);
    td_net_destroy(net);
    td_arena_destroy(a);
    return td_status_exit_code(s);
}
