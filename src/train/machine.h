/* machine.h - what the chunk size follows. */
#ifndef TANDEM_TRAIN_MACHINE_H
#define TANDEM_TRAIN_MACHINE_H

#include <stdint.h>

/* Bytes that the tensors of one command should not exceed: part of the second-level cache, the
 * rest is for weights and for what comes next. */
int64_t td__stage_cache_bytes(void);

#endif
