/* Protocol buffers' wire format, read where it stands: nothing is copied, and bytes that nobody
 * asks for (weights) are stepped over without being touched. */
#ifndef TANDEM_NET_ONNX_WIRE_H
#define TANDEM_NET_ONNX_WIRE_H

#include "tandem/base.h"

typedef struct {
    const uint8_t *at, *end;
} td__wire;

typedef enum {
    TD__WIRE_VARINT = 0,
    TD__WIRE_64 = 1,
    TD__WIRE_BYTES = 2,
    TD__WIRE_32 = 5
} td__wire_type;

typedef struct {
    int number;
    td__wire_type type;
    uint64_t value; /* all types but bytes */
    td__wire bytes; /* strings, messages, packed lists */
} td__wire_field;

/* Takes the next field off the message: 1, or 0 at its end, or -1 if it is damaged. */
int td__wire_next(td__wire *m, td__wire_field *f);

/* Takes one number off a packed list of varints; false at its end or if it is damaged. */
bool td__wire_varint(td__wire *m, uint64_t *v);

/* A string in the arena, up to its first NUL; NULL: memory. */
const char *td__wire_text(td__wire bytes, td_arena *a);

static inline size_t td__wire_size(td__wire m) {
    return (size_t)(m.end - m.at);
}

#endif
