/* The data set loader: the installed data set, and files that are missing or damaged. */
#include "common.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tandem/train.h"

static const char *const files[] = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                    "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};
enum { TRAIN = 10050, TEST = 20, SIDE = 3 };

static void write_idx(const char *dir, int file, uint8_t magic, int count, int last_label) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, files[file]);
    gzFile f = gzopen(path, "wb");
    bool image = file % 2 == 0;
    uint8_t head[16] = {0, 0, magic, image ? 3 : 1};
    for (int i = 0; i < 4; i++) head[4 + i] = (uint8_t)(count >> (24 - 8 * i));
    head[11] = head[15] = SIDE;
    gzwrite(f, head, image ? 16 : 8);
    for (int i = 0; i < count; i++) {
        uint8_t px[SIDE * SIDE];
        for (int k = 0; k < SIDE * SIDE; k++) px[k] = (uint8_t)(i * 7 + k * 31);
        px[0] = (uint8_t)(i % 10); /* so that image and label can be matched after a shuffle */
        uint8_t label = (uint8_t)(i == count - 1 ? last_label : i % 10);
        gzwrite(f, image ? px : &label, image ? SIDE * SIDE : 1);
    }
    gzclose(f);
}

static char *small_dataset(void) {
    static char dir[64];
    snprintf(dir, sizeof dir, "/tmp/td_dataset_XXXXXX");
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 4; i++) write_idx(dir, i, 8, i < 2 ? TRAIN : TEST, i < 2 ? 9 : 9);
    return dir;
}

static void remove_dataset(const char *dir) {
    for (int i = 0; i < 4; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void expect_fault(const char *dir, td_status code, const char *part) {
    td_error err = {0};
    td_dataset d;
    td_status st = td_dataset_load("fashion-mnist", dir, &d, &err);
    assert_int_equal(st, code);
    if (strstr(err.message, part) == NULL)
        fail_msg("message \"%s\" does not say \"%s\"", err.message, part);
    assert_null(d.image[0]);
    td_dataset_free(&d);
}

static void test_installed(void **state) {
    (void)state;
    td_error err = {0};
    td_dataset d, again;
    assert_ok(td_dataset_load("fashion-mnist", NULL, &d, &err), &err);
    assert_int_equal(d.n[TD_SPLIT_TRAIN], 50000);
    assert_int_equal(d.n[TD_SPLIT_VALID], 10000);
    assert_int_equal(d.n[TD_SPLIT_TEST], 10000);
    assert_int_equal(d.classes, 10);
    assert_int_equal(d.shape.c, 1);
    assert_int_equal(d.shape.h, 28);
    assert_int_equal(d.shape.w, 28);
    int count[TD_NSPLIT][10] = {0};
    for (int s = 0; s < TD_NSPLIT; s++)
        for (int i = 0; i < d.n[s]; i++) count[s][d.label[s][i]]++;
    for (int c = 0; c < 10; c++) { /* published: 6,000 and 1,000 of each class */
        assert_int_equal(count[TD_SPLIT_TRAIN][c] + count[TD_SPLIT_VALID][c], 6000);
        assert_int_equal(count[TD_SPLIT_TEST][c], 1000);
        assert_true(count[TD_SPLIT_VALID][c] > 850 && count[TD_SPLIT_VALID][c] < 1150);
    }
    /* Moments of all 60,000 images as commonly quoted: 0.2860, 0.3530. */
    assert_near(d.mean[0], 0.2860, 0.001);
    assert_near(d.std[0], 0.3530, 0.001);
    assert_ok(td_dataset_load("fashion-mnist", NULL, &again, &err), &err);
    assert_true(d.hash == again.hash);
    assert_memory_equal(d.image[0], again.image[0], 50000 * 784);
    td_dataset_free(&d);
    td_dataset_free(&again);
}

static void test_small_keeps_labels(void **state) {
    (void)state;
    td_error err = {0};
    char *dir = small_dataset();
    td_dataset d;
    assert_ok(td_dataset_load("fashion-mnist", dir, &d, &err), &err);
    assert_int_equal(d.n[TD_SPLIT_TRAIN], TRAIN - 10000);
    int wrong = 0, last = 0;
    for (int s = 0; s < TD_NSPLIT; s++)
        for (int i = 0; i < d.n[s]; i++) {
            wrong += d.image[s][i * SIDE * SIDE] != d.label[s][i];
            last += d.label[s][i] == 9;
        }
    assert_int_equal(wrong, 0);
    assert_int_equal(last, (TRAIN + TEST) / 10);
    uint64_t hash = d.hash;
    td_dataset_free(&d);
    setenv("TANDEM_DATASETS", "/nowhere", 1);
    assert_ok(td_dataset_load("fashion-mnist", dir, &d, &err), &err); /* path goes first */
    assert_true(hash == d.hash);
    td_dataset_free(&d);
    td_dataset_free(&d);
    expect_fault(NULL, TD_E_NOT_FOUND, "/nowhere/fashion-mnist");
    unsetenv("TANDEM_DATASETS");
    remove_dataset(dir);
}

static void test_missing(void **state) {
    (void)state;
    expect_fault("/nowhere", TD_E_NOT_FOUND, "dataset-fashion-mnist");
    char *dir = small_dataset(), path[300];
    snprintf(path, sizeof path, "%s/%s", dir, files[3]);
    unlink(path);
    expect_fault(dir, TD_E_NOT_FOUND, files[3]);
    remove_dataset(dir);
    td_error err = {0};
    td_dataset d;
    assert_int_equal(td_dataset_load("imagenet", NULL, &d, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "fashion-mnist"));
}

static void test_truncated(void **state) {
    (void)state;
    char *dir = small_dataset(), path[300];
    snprintf(path, sizeof path, "%s/%s", dir, files[0]);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
    expect_fault(dir, TD_E_INPUT, "cut short");
    assert_int_equal(truncate(path, 6), 0);
    expect_fault(dir, TD_E_INPUT, files[0]);
    assert_int_equal(truncate(path, 0), 0);
    expect_fault(dir, TD_E_INPUT, files[0]);
    remove_dataset(dir);
}

static void test_flipped_bits(void **state) {
    (void)state;
    char *dir = small_dataset(), path[300];
    snprintf(path, sizeof path, "%s/%s", dir, files[0]);
    FILE *f = fopen(path, "r+b");
    fseek(f, 2000, SEEK_SET);
    int c = fgetc(f);
    fseek(f, 2000, SEEK_SET);
    fputc(c ^ 0x55, f);
    fclose(f);
    expect_fault(dir, TD_E_INPUT, files[0]);
    remove_dataset(dir);
}

static void test_wrong_content(void **state) {
    (void)state;
    char *dir = small_dataset();
    write_idx(dir, 0, 9, TRAIN, 0);
    expect_fault(dir, TD_E_INPUT, "magic");
    write_idx(dir, 0, 8, TRAIN, 0);
    write_idx(dir, 1, 8, TRAIN, 10);
    expect_fault(dir, TD_E_INPUT, "label 10 of image 10049 is out of range");
    write_idx(dir, 1, 8, TRAIN - 1, 9);
    expect_fault(dir, TD_E_INPUT, "10049 labels for 10050 images");
    write_idx(dir, 0, 8, 100, 9);
    write_idx(dir, 1, 8, 100, 9);
    expect_fault(dir, TD_E_INPUT, "held out");
    char path[300]; /* images where labels are expected */
    snprintf(path, sizeof path, "%s/%s", dir, files[1]);
    unlink(path);
    char from[300];
    snprintf(from, sizeof from, "%s/%s", dir, files[0]);
    assert_int_equal(link(from, path), 0);
    expect_fault(dir, TD_E_INPUT, "magic");
    /* Not gzipped at all: plain files are read as they are, so the magic decides. */
    FILE *f = fopen(from, "wb");
    fputs("P5 28 28 255\n", f);
    fclose(f);
    expect_fault(dir, TD_E_INPUT, "magic");
    remove_dataset(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_installed),    cmocka_unit_test(test_small_keeps_labels),
        cmocka_unit_test(test_missing),      cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_wrong_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
