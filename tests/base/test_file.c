/* Files: reading, replacing atomically, errors a person can act on, shipped data. */
#include "common.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tandem/base.h"

static char folder[256];

static const char *in_folder(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/td_file_XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

/* Removes the folder with its files; returns how many files there were. */
static int empty_folder(const char *path) {
    int n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char name[1024];
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (unlink(name) != 0) empty_folder(name);
        n++;
    }
    if (d != NULL) closedir(d);
    rmdir(path);
    return n;
}

static int remove_folder(void **state) {
    (void)state;
    empty_folder(folder);
    return 0;
}

static int count_files(void) {
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void write_then_read(void **state) {
    (void)state;
    td_error err = {0};
    char data[70000], *back;
    size_t size;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 31 >> 3);
    const size_t sizes[] = {sizeof data, 1, 0, 4096};
    for (int i = 0; i < 4; i++) { /* the same name: each replaces the last */
        assert_ok(td_file_write(in_folder("a.bin"), data, sizes[i], &err), &err);
        assert_ok(td_file_read(in_folder("a.bin"), 0, &back, &size, &err), &err);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(back, data, size);
        assert_int_equal(back[size], 0);
        free(back);
    }
    assert_int_equal(count_files(), 1);
    assert_ok(td_file_read(in_folder("a.bin"), 4096, &back, &size, &err), &err);
    free(back);
    assert_int_equal(td_file_read(in_folder("a.bin"), 4095, &back, &size, &err), TD_E_INPUT);
    assert_null(back);
    assert_non_null(strstr(err.message, "larger than the limit"));
    assert_int_equal(td_file_read("/dev/zero", 1000, &back, &size, &err), TD_E_INPUT);
}

static void mode_and_links(void **state) {
    (void)state;
    td_error err = {0};
    struct stat st;
    mode_t mask = umask(027);
    assert_ok(td_file_write(in_folder("new"), "1", 1, &err), &err);
    umask(mask);
    stat(in_folder("new"), &st);
    assert_int_equal(st.st_mode & 0777, 0640);
    chmod(in_folder("new"), 0604); /* a replaced file keeps its mode */
    assert_int_equal(symlink("new", in_folder("link")), 0);
    assert_ok(td_file_write(in_folder("link"), "22", 2, &err), &err);
    lstat(in_folder("link"), &st);
    assert_true(S_ISLNK(st.st_mode));
    stat(in_folder("new"), &st);
    assert_int_equal(st.st_size, 2);
    assert_int_equal(st.st_mode & 0777, 0604);
    unlink(in_folder("link"));
    unlink(in_folder("new"));
}

static void errors_say_why(void **state) {
    (void)state;
    td_error err = {0};
    char *data;
    size_t size;
    assert_int_equal(td_file_read(in_folder("none"), 0, &data, &size, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "none: cannot open: no such file or folder"));
    assert_int_equal(td_file_read(folder, 0, &data, &size, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "found a folder"));
    assert_int_equal(td_file_write(folder, "", 0, &err), TD_E_IO);
    assert_int_equal(td_file_write(in_folder("no/such/f"), "", 0, &err), TD_E_IO);
    char longest[6000];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(td_file_write(longest, "", 0, &err), TD_E_IO);
    assert_int_equal(td_file_write("/dev/full", "abc", 3, &err), TD_E_IO);
    assert_string_equal(err.message, "/dev/full: cannot write: no space left on device");
    assert_ok(td_file_write("/dev/null", "abc", 3, &err), &err);
}

/* A write that fails half-way leaves the old file and no temporary. */
static void failed_write_changes_nothing(void **state) {
    (void)state;
    td_error err = {0};
    static char big[200000];
    assert_ok(td_file_write(in_folder("a.bin"), "old", 3, &err), &err);
    int before = count_files();
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 65536;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    td_status s = td_file_write(in_folder("a.bin"), big, sizeof big, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(s, TD_E_IO);
    assert_int_equal(count_files(), before);
    char *data;
    size_t size;
    assert_ok(td_file_read(in_folder("a.bin"), 0, &data, &size, &err), &err);
    assert_string_equal(data, "old");
    free(data);
}

static void folders(void **state) {
    (void)state;
    td_error err = {0};
    char path[600];
    snprintf(path, sizeof path, "%s", in_folder("p/q//r/"));
    assert_ok(td_dir_make(path, &err), &err);
    assert_ok(td_dir_make(path, &err), &err);
    assert_true(td_file_exists(in_folder("p/q/r")));
    assert_false(td_file_exists(in_folder("p/q/s")));
    assert_ok(td_dir_make("/", &err), &err);
    assert_int_equal(td_dir_make("", &err), TD_E_USAGE);
    assert_ok(td_file_write(in_folder("f"), "", 0, &err), &err);
    snprintf(path, sizeof path, "%s", in_folder("f/g"));
    assert_int_equal(td_dir_make(path, &err), TD_E_IO);
    assert_non_null(strstr(err.message, "/f: cannot make folder: a file has this name"));
}

static void shipped_data(void **state) {
    (void)state;
    td_error err = {0};
    td_arena *a = td_arena_create();
    const char *path;
    unsetenv("TANDEM_DATA");
    assert_ok(td_data_find(a, "include/tandem/base.h", &path, &err), &err); /* the source tree */
    assert_true(td_file_exists(path));
    assert_ok(td_data_dir(a, "include", &path, &err), &err);
    assert_int_equal(td_data_find(a, "include", &path, &err), TD_E_NOT_FOUND); /* not a file */
    assert_int_equal(td_data_dir(a, "LICENSE", &path, &err), TD_E_NOT_FOUND);
    assert_int_equal(td_data_find(a, "hw/none.yaml", &path, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "\"hw/none.yaml\""));
    assert_non_null(strstr(err.message, "$TANDEM_DATA (not set)"));

    setenv("TANDEM_DATA", folder, 1);
    assert_ok(td_dir_make(in_folder("include/tandem"), &err), &err);
    assert_ok(td_file_write(in_folder("include/tandem/base.h"), "x", 1, &err), &err);
    assert_ok(td_data_find(a, "include/tandem/base.h", &path, &err), &err);
    assert_string_equal(path, in_folder("include/tandem/base.h"));
    assert_ok(td_data_find(a, "include/tandem/model.h", &path, &err), &err); /* goes on */
    unsetenv("TANDEM_DATA");
    td_arena_destroy(a);
}

/* What a document names: as it stands, then beside it. */
static void beside_a_document(void **state) {
    (void)state;
    td_error err = {0};
    td_arena *a = td_arena_create();
    char document[512], there[512];
    assert_ok(td_dir_make(in_folder("docs"), &err), &err);
    snprintf(document, sizeof document, "%s", in_folder("docs/a.yaml"));
    snprintf(there, sizeof there, "%s", in_folder("docs/b.yaml"));
    assert_ok(td_file_write(there, "x", 1, &err), &err);
    assert_string_equal(td_file_beside(a, document, "b.yaml"), there);
    assert_string_equal(td_file_beside(a, document, there), there);
    assert_string_equal(td_file_beside(a, document, "no.yaml"), "no.yaml");
    assert_string_equal(td_file_beside(a, NULL, "b.yaml"), "b.yaml");
    assert_string_equal(td_file_beside(a, "a.yaml", "b.yaml"), "b.yaml");
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_then_read),   cmocka_unit_test(mode_and_links),
        cmocka_unit_test(errors_say_why),    cmocka_unit_test(failed_write_changes_nothing),
        cmocka_unit_test(folders),           cmocka_unit_test(shipped_data),
        cmocka_unit_test(beside_a_document),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
