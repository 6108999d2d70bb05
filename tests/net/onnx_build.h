/* An ONNX model in a few lines, for tests: an encoder of its own, which shares nothing with the
 * generated code or with the reader. */
#ifndef TANDEM_TESTS_ONNX_BUILD_H
#define TANDEM_TESTS_ONNX_BUILD_H

#include "tandem/net.h"

enum {
    ONNX_FLOAT = 1,
    ONNX_UINT8 = 2,
    ONNX_INT8 = 3,
    ONNX_INT32 = 6,
    ONNX_INT64 = 7,
    ONNX_BOOL = 9
};

typedef struct {
    td_text graph;
    int opset, nodes;
} onnx_build;

void onnx_begin(onnx_build *b, int opset);
/* Shapes are text: "1,3,8,8"; a name stands for a symbol ("batch,3,8,8"), "?" for nothing known;
 * "" is a scalar. */
void onnx_input(onnx_build *b, const char *name, int type, const char *shape);
void onnx_output(onnx_build *b, const char *name);
void onnx_declare(onnx_build *b, const char *name, const char *shape); /* a value_info of floats */
/* An initialiser of zeros, of words of so many bytes as its type has. */
void onnx_weight(onnx_build *b, const char *name, int type, const char *shape);
/* Initialisers with content: "2,-1,8" of int64, or one float. */
void onnx_ints(onnx_build *b, const char *name, const char *values);
void onnx_real(onnx_build *b, const char *name, float value);
void onnx_reals(onnx_build *b, const char *name, const char *values);
/* int64s that stand in another file. */
void onnx_external(onnx_build *b, const char *name, const char *shape, const char *location,
                   const char *offset, const char *length);
/* Names are separated by spaces, "-" is one that is left out. Attributes: "group:1" an integer,
 * "pads=1,1,1,1" a list, "alpha~0.5" a real, "mode'linear" text. The node is called "n<number>". */
void onnx_node(onnx_build *b, const char *op, const char *in, const char *out, const char *attrs);
void onnx_node_of(onnx_build *b, const char *domain, const char *op, const char *in,
                  const char *out);
/* The file's bytes; the builder is empty afterwards. Free with td_text_free. */
td_text onnx_end(onnx_build *b);

#endif
