/* Models that tests build, read as networks and compared as text: a layer a line, layer problem or
 * op, output, parameters. */
#ifndef TANDEM_TESTS_ONNX_EXPECT_H
#define TANDEM_TESTS_ONNX_EXPECT_H

#include "onnx_build.h"

/* The builder is empty afterwards. o may be NULL. */
td_net *onnx_read_built(onnx_build *b, const td_onnx_options *o);
/* Frees the network. */
void onnx_expect_net(td_net *net, const char *wanted);
void onnx_expect(onnx_build *b, const char *wanted);
/* The message has this part, and names the file, which is "model.onnx". */
void onnx_expect_error(onnx_build *b, const td_onnx_options *o, td_status code, const char *part);
/* A model of input "x" and output "y". */
onnx_build onnx_one(int opset, const char *shape);

#endif
