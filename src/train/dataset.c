/* Data sets in memory. One table entry per data set; IDX is the format of the MNIST family (LeCun:
 * big-endian magic 0x08 (unsigned bytes), number of dimensions, sizes, data), gzipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tandem/train.h"

typedef struct {
    const char *name, *package, *folder;
    const char *file[4]; /* training images, labels; test images, labels */
    int classes, valid;  /* images held out of the training ones */
} entry;

static const entry entries[] = {
    {.name = "fashion-mnist",
     .package = "dataset-fashion-mnist",
     .folder = "/usr/share/datasets/fashion-mnist",
     .file = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
              "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"},
     .classes = 10,
     .valid = 10000},
};

enum { N_ENTRIES = sizeof entries / sizeof entries[0] };
static const uint64_t split_seed = 20170828; /* the validation split is the same for everybody */

/* ---- IDX ------------------------------------------------------------------------------------- */

typedef struct {
    int32_t dims[4];
    int n_dims;
    uint8_t *data;
} idx;

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Whole read, or an error that tells a short file from a damaged one. */
static td_status read_all(gzFile f, const char *path, void *data, size_t bytes, td_error *err) {
    uint8_t *at = data;
    while (bytes > 0) {
        unsigned want = bytes > 1 << 20 ? 1U << 20 : (unsigned)bytes;
        int got = gzread(f, at, want);
        if (got <= 0) {
            int code;
            const char *text = gzerror(f, &code);
            if (code != Z_OK && code != Z_BUF_ERROR && got < 0)
                return td_fail_at(err, TD_E_INPUT, path, "damaged gzip file: %s", text);
            return td_fail_at(err, TD_E_INPUT, path,
                              "file is cut short: %zu more bytes of data expected", bytes);
        }
        at += got;
        bytes -= (size_t)got;
    }
    return TD_OK;
}

static td_status read_idx(const char *path, int n_dims, idx *out, td_error *err) {
    memset(out, 0, sizeof *out);
    gzFile f = gzopen(path, "rb");
    if (f == NULL) return td_fail_at(err, TD_E_NOT_FOUND, path, "cannot be opened");
    uint8_t head[20];
    td_status st = read_all(f, path, head, 4, err);
    if (st != TD_OK) goto done;
    if (head[0] != 0 || head[1] != 0 || head[2] != 8 || head[3] != n_dims) {
        st = td_fail_at(err, TD_E_INPUT, path,
                        "not an IDX file of %d dimensions of bytes: expected magic 00 00 08 %02x, "
                        "found %02x %02x %02x %02x",
                        n_dims, n_dims, head[0], head[1], head[2], head[3]);
        goto done;
    }
    st = read_all(f, path, head + 4, 4 * (size_t)n_dims, err);
    if (st != TD_OK) goto done;
    size_t bytes = 1;
    out->n_dims = n_dims;
    for (int i = 0; i < n_dims; i++) {
        uint32_t d = big_endian(head + 4 + 4 * (size_t)i);
        if (d == 0 || d > 10000000 || bytes * d > (size_t)1 << 32) {
            st = td_fail_at(err, TD_E_INPUT, path, "dimension %d is %u: not plausible", i, d);
            goto done;
        }
        out->dims[i] = (int32_t)d;
        bytes *= d;
    }
    out->data = malloc(bytes);
    if (out->data == NULL) {
        st = td_fail(err, TD_E_MEMORY, "%s: out of memory", path);
        goto done;
    }
    st = read_all(f, path, out->data, bytes, err);
    uint8_t more;
    if (st == TD_OK && gzread(f, &more, 1) != 0)
        st = td_fail_at(err, TD_E_INPUT, path,
                        "data goes on after the last image, or its "
                        "checksum is wrong");
done:
    gzclose(f);
    if (st != TD_OK) {
        free(out->data);
        out->data = NULL;
    }
    return st;
}

/* ---- splits ---------------------------------------------------------------------------------- */

static td_status check_pair(const idx *image, const idx *label, int classes, const char *path,
                            td_error *err) {
    if (image->dims[0] != label->dims[0])
        return td_fail_at(err, TD_E_INPUT, path, "%d labels for %d images", label->dims[0],
                          image->dims[0]);
    for (int32_t i = 0; i < label->dims[0]; i++)
        if (label->data[i] >= classes)
            return td_fail_at(err, TD_E_INPUT, path,
                              "label %d of image %d is out of range: expected 0 to %d",
                              label->data[i], i, classes - 1);
    return TD_OK;
}

/* Training images after a shuffle: the last `valid` are the validation split. */
static td_status split_train(td_dataset *d, const idx *image, const idx *label, int valid,
                             td_error *err) {
    int n = image->dims[0];
    size_t bytes = (size_t)d->shape.c * (size_t)d->shape.h * (size_t)d->shape.w;
    int32_t *order = malloc(sizeof *order * (size_t)n);
    if (order == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) order[i] = i;
    td_rng r = td_rng_make(split_seed, 0, TD_RNG_SPLIT);
    td_rng_shuffle(&r, order, n);
    int count[2] = {n - valid, valid}, next = 0;
    for (int s = 0; s < 2; s++) {
        d->n[s] = count[s];
        d->image[s] = malloc(bytes * (size_t)count[s] + 1);
        d->label[s] = malloc((size_t)count[s] + 1);
        if (d->image[s] == NULL || d->label[s] == NULL) {
            free(order);
            return td_fail(err, TD_E_MEMORY, "out of memory");
        }
        for (int i = 0; i < count[s]; i++, next++) {
            memcpy(d->image[s] + bytes * (size_t)i, image->data + bytes * (size_t)order[next],
                   bytes);
            d->label[s][i] = label->data[order[next]];
        }
    }
    free(order);
    return TD_OK;
}

/* Sums of bytes are exact, so the moments do not depend on the order. */
static void find_moments(td_dataset *d) {
    size_t plane = (size_t)d->shape.h * (size_t)d->shape.w, c_count = (size_t)d->shape.c;
    for (size_t c = 0; c < c_count; c++) {
        uint64_t sum = 0, squares = 0;
        for (size_t i = 0; i < (size_t)d->n[TD_SPLIT_TRAIN]; i++) {
            const uint8_t *p = d->image[TD_SPLIT_TRAIN] + (i * c_count + c) * plane;
            for (size_t k = 0; k < plane; k++) {
                sum += p[k];
                squares += (uint64_t)p[k] * p[k];
            }
        }
        double n = (double)plane * d->n[TD_SPLIT_TRAIN], mean = (double)sum / n;
        double var = (double)squares / n - mean * mean;
        d->mean[c] = (float)(mean / 255);
        d->std[c] = (float)((var > 0 ? sqrt(var) : 1) / 255);
    }
}

static uint64_t hash_dataset(const td_dataset *d) {
    size_t bytes = (size_t)d->shape.c * (size_t)d->shape.h * (size_t)d->shape.w;
    uint64_t h = td_hash_text(d->name, 0);
    h = td_hash(&d->shape, sizeof d->shape, h);
    h = td_hash(&d->classes, sizeof d->classes, h);
    for (int s = 0; s < TD_NSPLIT; s++) {
        h = td_hash(d->image[s], bytes * (size_t)d->n[s], h);
        h = td_hash(d->label[s], (size_t)d->n[s], h);
    }
    h = td_hash(d->mean, sizeof d->mean, h);
    return td_hash(d->std, sizeof d->std, h);
}

/* ---- loading --------------------------------------------------------------------------------- */

static td_status find_entry(const char *name, const entry **out, td_error *err) {
    const char *known[N_ENTRIES];
    for (int i = 0; i < N_ENTRIES; i++) {
        known[i] = entries[i].name;
        if (strcmp(name, entries[i].name) == 0) {
            *out = &entries[i];
            return TD_OK;
        }
    }
    td_text text = {0};
    td_text_addf(&text, "unknown data set \"%.64s\"", name);
    td_text_add_known(&text, name, known, N_ENTRIES);
    td_fail(err, TD_E_NOT_FOUND, "%s", text.data != NULL ? text.data : "unknown data set");
    td_text_free(&text);
    return TD_E_NOT_FOUND;
}

td_status td_dataset_known(const char *name, td_error *err) {
    const entry *e;
    return find_entry(name, &e, err);
}

static td_status find_folder(const entry *e, const char *path, char *out, size_t size,
                             td_error *err) {
    const char *root = getenv("TANDEM_DATASETS");
    if (path != NULL)
        snprintf(out, size, "%s", path);
    else if (root != NULL && root[0] != '\0')
        snprintf(out, size, "%s/%s", root, e->name);
    else
        snprintf(out, size, "%s", e->folder);
    for (int i = 0; i < 4; i++) {
        char file[1200];
        snprintf(file, sizeof file, "%s/%s", out, e->file[i]);
        if (!td_file_exists(file))
            return td_fail(err, TD_E_NOT_FOUND,
                           "data set %s: no file %s; install Debian's package %s (apt-get install "
                           "%s), or set TANDEM_DATASETS to the folder that holds %s/",
                           e->name, file, e->package, e->package, e->name);
    }
    return TD_OK;
}

td_status td_dataset_load(const char *name, const char *path, td_dataset *out, td_error *err) {
    memset(out, 0, sizeof *out);
    const entry *e;
    td_status st = find_entry(name, &e, err);
    if (st != TD_OK) return st;
    char folder[1024], file[4][1200];
    st = find_folder(e, path, folder, sizeof folder, err);
    if (st != TD_OK) return st;
    idx part[4] = {0};
    for (int i = 0; i < 4 && st == TD_OK; i++) {
        snprintf(file[i], sizeof file[i], "%s/%s", folder, e->file[i]);
        st = read_idx(file[i], i % 2 == 0 ? 3 : 1, &part[i], err);
    }
    for (int i = 0; i < 4 && st == TD_OK; i += 2)
        st = check_pair(&part[i], &part[i + 1], e->classes, file[i + 1], err);
    if (st == TD_OK && (part[0].dims[1] != part[2].dims[1] || part[0].dims[2] != part[2].dims[2]))
        st =
            td_fail_at(err, TD_E_INPUT, file[2], "test images are %d x %d, training images %d x %d",
                       part[2].dims[1], part[2].dims[2], part[0].dims[1], part[0].dims[2]);
    if (st == TD_OK && part[0].dims[0] <= e->valid)
        st = td_fail_at(err, TD_E_INPUT, file[0],
                        "%d training images: expected more than the %d that are held out for "
                        "validation",
                        part[0].dims[0], e->valid);
    if (st == TD_OK) {
        snprintf(out->name, sizeof out->name, "%s", e->name);
        out->shape = TD_DIM(1, part[0].dims[1], part[0].dims[2]);
        out->classes = e->classes;
        st = split_train(out, &part[0], &part[1], e->valid, err);
    }
    if (st == TD_OK) {
        out->n[TD_SPLIT_TEST] = part[2].dims[0];
        out->image[TD_SPLIT_TEST] = part[2].data;
        out->label[TD_SPLIT_TEST] = part[3].data;
        part[2].data = part[3].data = NULL;
        find_moments(out);
        out->hash = hash_dataset(out);
    }
    for (int i = 0; i < 4; i++) free(part[i].data);
    if (st != TD_OK) td_dataset_free(out);
    return st;
}

void td_dataset_free(td_dataset *d) {
    if (d == NULL) return;
    for (int s = 0; s < TD_NSPLIT; s++) {
        free(d->image[s]);
        free(d->label[s]);
    }
    memset(d, 0, sizeof *d);
}
