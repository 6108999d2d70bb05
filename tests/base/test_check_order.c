/* scripts/check-order.sh passes on this tree and finds each kind of wrong include in another. */
#include "common.h"

#include <sys/wait.h>

#include "tandem/base.h"

static char tree[64] = "/tmp/td_order_XXXXXX";
static td_error err;

static void put(const char *name, const char *content) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", tree, name);
    assert_ok(td_file_write(path, content, strlen(content), &err), &err);
}

/* Runs the script on a tree; returns its exit code and what it printed. */
static int check(const char *where, char out[4096]) {
    char command[1200];
    snprintf(command, sizeof command, "'%s/scripts/check-order.sh' '%s' 2>&1", TD_TEST_SOURCE,
             where);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = fread(out, 1, 4095, p);
    out[n] = '\0';
    int code = pclose(p);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static int create(void **state) {
    (void)state;
    if (mkdtemp(tree) == NULL) return -1;
    static const char *const folders[] = {"include/tandem", "src/base", "src/net", "src/cli"};
    for (int i = 0; i < 4; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", tree, folders[i]);
        if (td_dir_make(path, &err) != TD_OK) return -1;
    }
    put("include/tandem/base.h", "#include <math.h>\n");
    put("include/tandem/net.h", "#include \"tandem/base.h\"\n");
    put("src/base/text.h", "");
    put("src/base/text.c", "#include \"text.h\"\n#include <stdio.h>\n");
    put("src/net/net.c", "#include \"tandem/net.h\"\n#include \"onnx/onnx-ml.pb-c.h\"\n");
    put("src/cli/main.c", "#include \"cli.h\"\n#include \"tandem/net.h\"");
    put("src/cli/cli.h", "");
    return 0;
}

static int destroy(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r '%s'", tree);
    return system(command);
}

static void this_tree_is_in_order(void **state) {
    (void)state;
    char out[4096];
    if (check(TD_TEST_SOURCE, out) != 0) fail_msg("%s", out);
}

static void wrong_includes_are_found(void **state) {
    (void)state;
    static const struct {
        const char *file, *content, *message;
    } cases[] = {
        {"src/base/a.c", "\n#include \"tandem/net.h\"\n",
         "src/base/a.c:2: base must not use net, which stands below it"},
        {"src/base/a.c", "#  include <tandem/net.h>\r\n", "src/base/a.c:1: base must not use net"},
        {"include/tandem/base.h", "#include \"tandem/net.h\"",
         "include/tandem/base.h:1: base must"},
        {"include/tandem/net.h", "#include \"text.h\"",
         "include/tandem/net.h:1: a public header must not include the private \"text.h\""},
        {"src/net/a.c", "#include \"text.h\"\n", "src/net/a.c:1: net has no private header"},
        {"src/net/a.c", "#include \"../base/text.h\"\n", "included by plain file name"},
        {"src/cli/a.c", "#include \"text.h\"\n", "src/cli/a.c:1: cli has no private header"},
        {"src/cli/a.c", "#include \"tandem/cli.h\"\n", "is not the header of a room"},
        {"src/net/text.c", "", "src/net/text.c: the name is taken by src/base/text.c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[4096], path[256];
        assert_int_equal(check(tree, out), 0);
        snprintf(path, sizeof path, "%s/%s", tree, cases[i].file);
        char *old = NULL;
        size_t size = 0;
        bool existed = td_file_read(path, 0, &old, &size, &err) == TD_OK;
        put(cases[i].file, cases[i].content);
        assert_int_equal(check(tree, out), 1);
        if (strstr(out, cases[i].message) == NULL) fail_msg("%s\n%s", cases[i].message, out);
        if (existed)
            put(cases[i].file, old);
        else
            remove(path);
        free(old);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_tree_is_in_order),
        cmocka_unit_test(wrong_includes_are_found),
    };
    return cmocka_run_group_tests(tests, create, destroy);
}
