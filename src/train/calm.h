/* calm.h - what the calling thread is set to while this room computes, and put back afterwards:
 * one OpenMP thread (Debian's oneDNN is built with OpenMP; the number is a property of the calling
 * thread, so other threads and the caller's own OpenMP code are not touched; spinning teams on
 * small layers are many times slower than one thread per candidate) and denormal floats taken as
 * zero (momentum decays through them, at a hundred cycles each). */
#ifndef TANDEM_TRAIN_CALM_H
#define TANDEM_TRAIN_CALM_H

typedef struct {
    int threads;
    unsigned float_mode;
} td__calm;
td__calm td__calm_begin(void);
void td__calm_end(td__calm before);

#endif
