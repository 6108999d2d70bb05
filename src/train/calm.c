#include "calm.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* From the OpenMP run-time library that oneDNN uses. Declared here because clang comes without
 * omp.h unless its own OpenMP is installed; names and types are fixed by the OpenMP standard. */
int omp_get_max_threads(void);
void omp_set_num_threads(int n);

td__calm td__calm_begin(void) {
    td__calm before = {.threads = omp_get_max_threads()};
    omp_set_num_threads(1);
#if defined(__x86_64__)
    before.float_mode = _mm_getcsr();
    _mm_setcsr(before.float_mode | 0x8040U); /* flush to zero, denormals are zero */
#endif
    return before;
}

void td__calm_end(td__calm before) {
    omp_set_num_threads(before.threads);
#if defined(__x86_64__)
    _mm_setcsr(before.float_mode);
#endif
}
