/* vector_body.h - loads, stores and activations, for batch_norm_body.h and rows_body.h. No include
 * guard: compiled once per instruction set and number type. */

#if TD__BF16
TD__INLINE td__vf TD__NAME(load)(const uint16_t *p) {
    td__vu u = __builtin_convertvector(*(const td__vh_any *)p, td__vu) << 16;
    return (td__vf)u;
}
TD__INLINE void TD__NAME(store)(uint16_t *p, td__vf v) {
    td__vu u = (td__vu)v;
    u = (u + 0x7fffU + ((u >> 16) & 1U)) >> 16;
    *(td__vh_any *)p = __builtin_convertvector(u, td__vh);
}
TD__INLINE float TD__NAME(get)(const uint16_t *p) {
    return td__bf16_to(*p);
}
TD__INLINE void TD__NAME(put)(uint16_t *p, float v) {
    *p = td__bf16_from(v);
}
#else
TD__INLINE td__vf TD__NAME(load)(const float *p) {
    return *(const td__vf_any *)p;
}
TD__INLINE void TD__NAME(store)(float *p, td__vf v) {
    *(td__vf_any *)p = v;
}
TD__INLINE float TD__NAME(get)(const float *p) {
    return *p;
}
TD__INLINE void TD__NAME(put)(float *p, float v) {
    *p = v;
}
#endif
TD__INLINE td__vf TD__NAME(loadf)(const float *p) {
    return *(const td__vf_any *)p;
}
TD__INLINE void TD__NAME(storef)(float *p, td__vf v) {
    *(td__vf_any *)p = v;
}
TD__INLINE td__vf TD__NAME(where)(td__vi m, td__vf yes, td__vf no) {
    return (td__vf)(((td__vi)yes & m) | ((td__vi)no & ~m));
}

/* a * b + c; in one operation, and one rounding, where there is one for 16 words. */
TD__INLINE td__vf TD__NAME(fma)(td__vf a, td__vf b, td__vf c) {
#if TD__LEVEL == 2
    return (td__vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#else
    return a * b + c;
#endif
}
