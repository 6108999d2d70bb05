/* UTF-8 for the readers and writers of base, and what they do without memory. */
#ifndef TANDEM_BASE_TEXT_H
#define TANDEM_BASE_TEXT_H

#include "tandem/base.h"

/* Decodes the character at s[0..n), n > 0: its length in bytes (1 to 4) with the code point in
 * *code, or 0 if the bytes are not UTF-8 (overlong forms, surrogates and cut characters too). */
int td__utf8_decode(const char *s, size_t n, uint32_t *code);
/* Writes code (a scalar value) to out[4]; returns the length. */
int td__utf8_encode(uint32_t code, char out[4]);

/* Calls what td_memory_handler set. */
void td__memory_out(void);

#endif
