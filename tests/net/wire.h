/* A reader of protocol buffers' wire format that knows no schema: what tests check ONNX files with,
 * independently of the generated code that writes them. */
#ifndef TANDEM_TESTS_WIRE_H
#define TANDEM_TESTS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data;
    size_t size;
} wire_bytes;

typedef struct {
    int number, type; /* type: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes */
    uint64_t value;   /* types 0, 1, 5 */
    wire_bytes bytes; /* type 2 */
} wire_field;

/* Takes the next field off the message; false at its end or if it is damaged (*damaged is set). */
bool wire_next(wire_bytes *message, wire_field *field, bool *damaged);

/* Occurrence `index` of a field; false if there is none. */
bool wire_find(wire_bytes message, int number, int index, wire_field *field);
int wire_count(wire_bytes message, int number);

/* Convenience: the first occurrence; 0, empty if absent. */
uint64_t wire_varint(wire_bytes message, int number);
float wire_float(wire_bytes message, int number);
wire_bytes wire_message(wire_bytes message, int number, int index);
bool wire_is_text(wire_bytes b, const char *text);

/* Elements of a repeated integer, packed or not; at most max of them. Returns how many there are.
 */
int wire_ints(wire_bytes message, int number, int64_t *out, int max);

#endif
