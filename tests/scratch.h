/* A folder for a test's files, and a tiny data set in the files of Fashion-MNIST: 8x8 pixels, so
 * that whole searches take seconds. */
#ifndef TANDEM_TESTS_SCRATCH_H
#define TANDEM_TESTS_SCRATCH_H

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common.h"

/* A new folder under $TMPDIR; free with scratch_remove. */
static inline char *scratch_make(void) {
    const char *root = getenv("TMPDIR");
    char *path = malloc(1024);
    assert_non_null(path);
    snprintf(path, 1024, "%s/tandem-test-XXXXXX", root != NULL && root[0] ? root : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline int scratch_unlink(const char *path, const struct stat *st, int type,
                                 struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void scratch_remove(char *path) {
    if (path == NULL) return;
    nftw(path, scratch_unlink, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

/* "folder/name" in one of eight static buffers, in turn. */
static inline const char *scratch_path(const char *folder, const char *name) {
    static char path[8][1200];
    static int turn;
    char *out = path[turn++ & 7], text[sizeof path[0]]; /* folder may be one of the buffers */
    int n = snprintf(text, sizeof text, "%s/%s", folder, name);
    assert_in_range(n, 1, sizeof text - 1);
    return strcpy(out, text);
}

static inline void scratch_write(const char *folder, const char *name, const void *data,
                                 size_t size) {
    FILE *f = fopen(scratch_path(folder, name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline void scratch_idx(const char *folder, const char *name, int n, int side,
                               const uint8_t *data) {
    gzFile f = gzopen(scratch_path(folder, name), "wb1");
    assert_non_null(f);
    const uint8_t head[16] = {0,
                              0,
                              8,
                              side > 0 ? 3 : 1,
                              (uint8_t)(n >> 24),
                              (uint8_t)(n >> 16),
                              (uint8_t)(n >> 8),
                              (uint8_t)n,
                              0,
                              0,
                              0,
                              (uint8_t)side,
                              0,
                              0,
                              0,
                              (uint8_t)side};
    unsigned head_size = side > 0 ? 16 : 8, size = (unsigned)(n * (side > 0 ? side * side : 1));
    assert_int_equal(gzwrite(f, head, head_size), head_size);
    assert_int_equal(gzwrite(f, data, size), size);
    assert_int_equal(gzclose(f), Z_OK);
}

/* Ten classes: a bright bar at a place of its own, on noise. 10,000 images are for validation. */
static inline void scratch_data(const char *name) {
    enum { SIDE = 8, TRAIN = 10800, TEST = 300 };
    char folder[1200];
    assert_in_range(snprintf(folder, sizeof folder, "%s", name), 1, sizeof folder - 1);
    static uint8_t image[TRAIN * SIDE * SIDE], label[TRAIN];
    mkdir(folder, 0777);
    for (int part = 0; part < 2; part++) {
        int n = part == 0 ? TRAIN : TEST;
        uint32_t noise = 12345u + (uint32_t)part;
        for (int i = 0; i < n; i++) {
            label[i] = (uint8_t)(i % 10);
            for (int k = 0; k < SIDE * SIDE; k++) {
                noise = noise * 1664525u + 1013904223u;
                int at = label[i] < 5 ? k / SIDE - label[i] : k % SIDE - (label[i] - 5);
                image[i * SIDE * SIDE + k] = (uint8_t)((at == 1 ? 120 : 0) + (noise >> 25));
            }
        }
        scratch_idx(folder, part == 0 ? "train-images-idx3-ubyte.gz" : "t10k-images-idx3-ubyte.gz",
                    n, SIDE, image);
        scratch_idx(folder, part == 0 ? "train-labels-idx1-ubyte.gz" : "t10k-labels-idx1-ubyte.gz",
                    n, 0, label);
    }
}

#endif
