/* simd.h - vectors of 16 floats in portable C (GCC and Clang vector types), and how one body is
 * compiled for several instruction sets: a <name>_body.h is included between TD__SIMD_BEGIN_x and
 * TD__SIMD_END with TD__NAME() and TD__ELEM set; the variant is chosen when an object is created.
 */
#ifndef TANDEM_TRAIN_SIMD_H
#define TANDEM_TRAIN_SIMD_H

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Vectors are passed between inlined functions of one file only, so their ABI does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"

enum { TD__LANES = 16 };
typedef float td__vf __attribute__((vector_size(64)));
typedef int32_t td__vi __attribute__((vector_size(64)));
typedef uint32_t td__vu __attribute__((vector_size(64)));
typedef uint16_t td__vh __attribute__((vector_size(32)));
/* For memory: any alignment, any type. */
typedef float td__vf_any __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t td__vh_any __attribute__((vector_size(32), aligned(2), may_alias));

#define TD__INLINE static inline __attribute__((always_inline, unused))

/* bfloat16 is the upper half of a float; rounding to nearest, ties to even. NaNs stay NaN as long
 * as their payload has an upper bit, which all that the processor makes have. */
static inline uint16_t td__bf16_from(float f) {
    union {
        float f;
        uint32_t u;
    } v = {f};
    return (uint16_t)((v.u + 0x7fffU + ((v.u >> 16) & 1U)) >> 16);
}
static inline float td__bf16_to(uint16_t h) {
    union {
        uint32_t u;
        float f;
    } v = {(uint32_t)h << 16};
    return v.f;
}

/* 0 any processor, 1 AVX2, 2 AVX-512 (F, BW, DQ, VL). */
static inline int td__simd_level(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 2;
    if (__builtin_cpu_supports("avx2")) return 1;
#endif
    return 0;
}

#if defined(__x86_64__)
#define TD__SIMD_LEVELS 3
#if defined(__clang__)
#define TD__PRAGMA(text) _Pragma(#text)
#define TD__SIMD_BEGIN_1                                                                           \
    TD__PRAGMA(clang attribute push(__attribute__((target("avx2"))), apply_to = function))
/* clang-format off: this must stay one string */
#define TD__SIMD_BEGIN_2                                                                           \
    TD__PRAGMA(clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), \
                                    apply_to = function))
/* clang-format on */
#define TD__SIMD_END _Pragma("clang attribute pop")
#define TD__UNROLL _Pragma("unroll")
#else
#define TD__SIMD_BEGIN_1 _Pragma("GCC push_options") _Pragma("GCC target(\"avx2\")")
#define TD__SIMD_BEGIN_2                                                                           \
    _Pragma("GCC push_options")                                                                    \
        _Pragma("GCC target(\"avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512\")")
#define TD__SIMD_END _Pragma("GCC pop_options")
#define TD__UNROLL _Pragma("GCC unroll 32")
#endif
#else
#define TD__SIMD_LEVELS 1
#endif

#endif
