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

/* Built by gcc with a sanitizer, which makes a test about five times slower. It looks for faults of
 * the code and not of numbers: an eighth of the cases will do. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TEST_SANITIZED = 1 };
#else
enum { TEST_SANITIZED = 0 };
#endif

/* Cases of a property test: $TANDEM_CASES if set, else the usual number (with a sanitizer an
 * eighth of it). */
static inline int random_cases(int usual) {
    const char *s = getenv("TANDEM_CASES");
    if (s != NULL && atoi(s) > 0) return atoi(s);
    return TEST_SANITIZED ? (usual + 7) / 8 : usual;
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
