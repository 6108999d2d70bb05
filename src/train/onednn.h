/* onednn.h - the little that all oneDNN kernels share: engine, scratch memory, primitives with
 * their arguments. Version 2 of its C API (Debian: 2.6.3). */
#ifndef TANDEM_TRAIN_ONEDNN_H
#define TANDEM_TRAIN_ONEDNN_H

#include <dnnl.h>

#include "kernels.h"

enum { TD__STAGE_IN, TD__STAGE_D_OUT, TD__STAGE_OUT, TD__STAGES };

struct td__backend {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr; /* scratchpads are ours: one for all primitives */
    void *scratch;
    size_t scratch_bytes;
    /* Tensors that a kernel wants in another layout or number type pass through these. */
    void *stage[TD__STAGES];
    size_t stage_bytes[TD__STAGES];
    bool native_bf16;
};

/* A primitive and its descriptor. Zeroed is empty. */
typedef struct {
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    const char *name; /* implementation, "jit:avx512_core"; owned by pd */
} td__primitive;

enum { TD__STEP_ARGS = 8, TD__CALL_STEPS = 8 };

typedef enum { TD__STEP_PRIMITIVE, TD__STEP_ADD, TD__STEP_WIDEN, TD__STEP_NARROW } td__step_kind;

/* A primitive with its memory objects, or one of our own passes over `words` words: to += from in
 * fp32, to (fp32) = from (bf16), to (bf16) = from (fp32). */
typedef struct {
    td__step_kind kind;
    dnnl_primitive_t primitive;
    int n;
    dnnl_exec_arg_t arg[TD__STEP_ARGS];
    void *to;
    const void *from;
    int64_t words;
} td__step;

struct td__call {
    td__backend *be;
    int n;
    td__step step[TD__CALL_STEPS];
};

/* TD_OK, or a td_status for what oneDNN said, with `what` in the message. */
td_status td__dnnl_status(dnnl_status_t s, const char *what, td_error *err);

dnnl_data_type_t td__dnnl_type(td_number n);
/* images x channels x height x width, stored [image][row][column][channel]. */
dnnl_memory_desc_t td__dnnl_nhwc(int images, td_shape s, td_number number);

/* Makes the best implementation and notes its scratch need. */
td_status td__primitive_create(td__backend *be, const_dnnl_op_desc_t desc,
                               const_dnnl_primitive_desc_t hint, td__primitive *out, td_error *err);
td_status td__reorder_create(td__backend *be, const dnnl_memory_desc_t *from,
                             const dnnl_memory_desc_t *to, td__primitive *out, td_error *err);
void td__primitive_destroy(td__primitive *p);
/* "ref" and "simple" implementations are many times slower than the others. */
bool td__primitive_slow(const td__primitive *p);
dnnl_memory_desc_t td__primitive_md(const td__primitive *p, dnnl_query_t what);

td__call *td__call_create(td__backend *be);
void td__call_destroy(td__call *c);
td__step *td__call_add(td__call *c, const td__primitive *p, td_error *err); /* NULL: error */
td_status td__call_add_pass(td__call *c, td__step_kind kind, void *to, const void *from,
                            int64_t words, td_error *err);
td_status td__step_arg(td__backend *be, td__step *s, int arg, const dnnl_memory_desc_t *md,
                       const void *data, td_error *err);
td_status td__call_run(const td__call *c);

#endif
