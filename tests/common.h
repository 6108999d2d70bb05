/* Common to all tests: cmocka with its required headers, and where the reference material is. */
#ifndef TANDEM_TESTS_COMMON_H
#define TANDEM_TESTS_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Path of the reference material beside the checkout ("../shared/<relative>"), or NULL when the
 * checkout stands alone: then a test that needs it calls skip(). $TANDEM_SHARED overrides. */
static inline const char *shared_path(const char *relative) {
    static char path[1024];
    const char *root = getenv("TANDEM_SHARED");
    if (root != NULL)
        snprintf(path, sizeof path, "%s/%s", root, relative);
    else
        snprintf(path, sizeof path, "%s/../shared/%s", TD_TEST_SOURCE, relative);
    FILE *f = fopen(path, "r");
    if (f == NULL) return NULL;
    fclose(f);
    return path;
}

/* Status is OK, or the test fails with the error's message. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        td_status s_ = (call);                                                                     \
        if (s_ != TD_OK) fail_msg("%s: %s", #call, (err)->message);                                \
    } while (0)

#define assert_near(a, b, tolerance)                                                               \
    do {                                                                                           \
        double a_ = (double)(a), b_ = (double)(b), t_ = (double)(tolerance);                       \
        if (!(a_ - b_ <= t_ && b_ - a_ <= t_))                                                     \
            fail_msg("%s = %.17g, %s = %.17g, apart by more than %g", #a, a_, #b, b_, t_);         \
    } while (0)

#endif
