#include <string.h>

#include "tandem/train.h"

void td_train_options_default(td_train_options *o) {
    *o = (td_train_options){.batch = 32,
                            .epochs = 5,
                            .rate = 0.05,
                            .warmup_steps = 200,
                            .momentum = 0.9,
                            .weight_decay = 1e-4,
                            .number = TD_FP32,
                            .seed = 1};
}

td_status td_train_options_from_node(const td_node *n, td_train_options *o, td_error *err) {
    static const char *const keys[] = {"batch",         "epochs",
                                       "train_images",  "rate",
                                       "warmup_steps",  "momentum",
                                       "weight_decay",  "label_smoothing",
                                       "augment_shift", "augment_flip",
                                       "number",        "seed",
                                       "with_valid",    NULL};
    td_status st = td_node_only(n, keys, err);
    int64_t batch = o->batch, images = o->train_images, warmup = o->warmup_steps;
    int64_t seed = (int64_t)o->seed;
    const char *number = o->number == TD_BF16 ? "bf16" : "fp32";
    if (st == TD_OK) st = td_node_opt_int(n, "batch", 1, 4096, &batch, err);
    if (st == TD_OK) st = td_node_opt_real(n, "epochs", 1e-6, 1e6, &o->epochs, err);
    if (st == TD_OK) st = td_node_opt_int(n, "train_images", 0, INT32_MAX, &images, err);
    if (st == TD_OK) st = td_node_opt_real(n, "rate", 0, 100, &o->rate, err);
    if (st == TD_OK) st = td_node_opt_int(n, "warmup_steps", 0, INT32_MAX, &warmup, err);
    if (st == TD_OK) st = td_node_opt_real(n, "momentum", 0, 0.9999, &o->momentum, err);
    if (st == TD_OK) st = td_node_opt_real(n, "weight_decay", 0, 1, &o->weight_decay, err);
    if (st == TD_OK) st = td_node_opt_real(n, "label_smoothing", 0, 0.99, &o->label_smoothing, err);
    if (st == TD_OK) st = td_node_opt_bool(n, "augment_shift", &o->augment_shift, err);
    if (st == TD_OK) st = td_node_opt_bool(n, "augment_flip", &o->augment_flip, err);
    if (st == TD_OK) st = td_node_opt_string(n, "number", &number, err);
    if (st == TD_OK) st = td_node_opt_int(n, "seed", 0, INT64_MAX, &seed, err);
    if (st == TD_OK) st = td_node_opt_bool(n, "with_valid", &o->with_valid, err);
    if (st != TD_OK) return st;
    if (strcmp(number, "fp32") != 0 && strcmp(number, "bf16") != 0)
        return td_node_fail(td_node_find(n, "number"), err, "expected fp32 or bf16, found \"%s\"",
                            number);
    o->number = strcmp(number, "bf16") == 0 ? TD_BF16 : TD_FP32;
    o->batch = (int)batch;
    o->train_images = (int)images;
    o->warmup_steps = (int)warmup;
    o->seed = (uint64_t)seed;
    return TD_OK;
}

uint64_t td_train_options_hash(const td_train_options *o) {
    /* Field by field: padding between fields is not part of the value. */
    const int64_t whole[] = {o->batch,         o->train_images, o->warmup_steps,
                             o->augment_shift, o->augment_flip, (int64_t)o->number,
                             (int64_t)o->seed, o->with_valid};
    const double real[] = {o->epochs, o->rate, o->momentum, o->weight_decay, o->label_smoothing};
    return td_hash(real, sizeof real, td_hash(whole, sizeof whole, 0));
}
