/* simd_variants.h - compiles the body named by TD__BODY for every instruction set and number type.
 * Functions of the body are called TD__NAME(f): f_f32_0 ... f_bf16_2. No include guard.
 * With TD__AVX512_ONLY: f_f32_2 and f_bf16_2 only. */
#ifndef TD__AVX512_ONLY
#define TD__LEVEL 0
#define TD__NAME(f) f##_f32_0
#define TD__ELEM float
#define TD__BF16 0
#include "vector_body.h"
#include TD__BODY
#undef TD__NAME
#undef TD__LEVEL
#undef TD__ELEM
#undef TD__BF16
#define TD__LEVEL 0
#define TD__NAME(f) f##_bf16_0
#define TD__ELEM uint16_t
#define TD__BF16 1
#include "vector_body.h"
#include TD__BODY
#undef TD__NAME
#undef TD__LEVEL
#undef TD__ELEM
#undef TD__BF16

#endif

#if TD__SIMD_LEVELS > 1
#ifndef TD__AVX512_ONLY
TD__SIMD_BEGIN_1
#define TD__LEVEL 1
#define TD__NAME(f) f##_f32_1
#define TD__ELEM float
#define TD__BF16 0
#include "vector_body.h"
#include TD__BODY
#undef TD__NAME
#undef TD__LEVEL
#undef TD__ELEM
#undef TD__BF16
#define TD__LEVEL 1
#define TD__NAME(f) f##_bf16_1
#define TD__ELEM uint16_t
#define TD__BF16 1
#include "vector_body.h"
#include TD__BODY
#undef TD__NAME
#undef TD__LEVEL
#undef TD__ELEM
#undef TD__BF16
TD__SIMD_END
#endif

TD__SIMD_BEGIN_2
#define TD__LEVEL 2
#define TD__NAME(f) f##_f32_2
#define TD__ELEM float
#define TD__BF16 0
#include "vector_body.h"
#include TD__BODY
#undef TD__NAME
#undef TD__LEVEL
#undef TD__ELEM
#undef TD__BF16
#define TD__LEVEL 2
#define TD__NAME(f) f##_bf16_2
#define TD__ELEM uint16_t
#define TD__BF16 1
#include "vector_body.h"
#include TD__BODY
#undef TD__NAME
#undef TD__LEVEL
#undef TD__ELEM
#undef TD__BF16
TD__SIMD_END
#endif
