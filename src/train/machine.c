#include "machine.h"

#include <unistd.h>

int64_t td__stage_cache_bytes(void) {
    long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
    int64_t bytes = l2 > 0 ? l2 : 1 << 20;
    return bytes * 5 / 8;
}
