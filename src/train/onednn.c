#include "onednn.h"

#include <stdlib.h>
#include <string.h>

#include "rows.h"

td_status td__dnnl_status(dnnl_status_t s, const char *what, td_error *err) {
    switch (s) {
    case dnnl_success: return TD_OK;
    case dnnl_out_of_memory: return td_fail(err, TD_E_MEMORY, "%s: out of memory", what);
    case dnnl_unimplemented:
        return td_fail(err, TD_E_UNSUPPORTED, "%s: oneDNN has no implementation on this processor",
                       what);
    default: return td_fail(err, TD_E_INTERNAL, "%s: oneDNN refuses with status %d", what, (int)s);
    }
}

dnnl_data_type_t td__dnnl_type(td_number n) {
    return n == TD_BF16 ? dnnl_bf16 : dnnl_f32;
}

bool td_number_trains(td_number n) {
    const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    return n != TD_BF16 || (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
}

dnnl_memory_desc_t td__dnnl_nhwc(int images, td_shape s, td_number number) {
    dnnl_memory_desc_t md;
    memset(&md, 0, sizeof md);
    dnnl_dims_t dims = {images, s.c, s.h, s.w};
    dnnl_memory_desc_init_by_tag(&md, 4, dims, td__dnnl_type(number), dnnl_nhwc);
    return md;
}

td_status td__backend_create(td__backend **out, td_error *err) {
    *out = NULL;
    td__backend *be = calloc(1, sizeof *be);
    if (be == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td__dnnl_status(dnnl_engine_create(&be->engine, dnnl_cpu, 0), "engine", err);
    if (s == TD_OK)
        s = td__dnnl_status(dnnl_stream_create(&be->stream, be->engine, dnnl_stream_default_flags),
                            "stream", err);
    if (s == TD_OK) s = td__dnnl_status(dnnl_primitive_attr_create(&be->attr), "attributes", err);
    if (s == TD_OK)
        s = td__dnnl_status(
            dnnl_primitive_attr_set_scratchpad_mode(be->attr, dnnl_scratchpad_mode_user),
            "scratchpad", err);
    if (s != TD_OK) {
        td__backend_destroy(be);
        return s;
    }
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    be->native_bf16 = isa == dnnl_cpu_isa_avx512_core_bf16 || isa == dnnl_cpu_isa_avx512_core_amx;
    *out = be;
    return TD_OK;
}

void td__backend_destroy(td__backend *be) {
    if (be == NULL) return;
    if (be->attr != NULL) dnnl_primitive_attr_destroy(be->attr);
    if (be->stream != NULL) dnnl_stream_destroy(be->stream);
    if (be->engine != NULL) dnnl_engine_destroy(be->engine);
    free(be->scratch);
    for (int i = 0; i < TD__STAGES; i++) free(be->stage[i]);
    free(be);
}

static void *pages(size_t bytes) {
    return aligned_alloc(4096, (bytes + 4096) & ~(size_t)4095);
}

td_status td__backend_ready(td__backend *be, td_error *err) {
    be->scratch = pages(be->scratch_bytes);
    if (be->scratch == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < TD__STAGES; i++) {
        be->stage[i] = pages(be->stage_bytes[i]);
        if (be->stage[i] == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    return TD_OK;
}

/* ---- primitives ------------------------------------------------------------------------------ */

static td_status finish_primitive(td__backend *be, td__primitive *p, td_error *err) {
    td_status s = td__dnnl_status(dnnl_primitive_create(&p->primitive, p->pd), "primitive", err);
    if (s != TD_OK) return s;
    dnnl_primitive_desc_query(p->pd, dnnl_query_impl_info_str, 0, &p->name);
    dnnl_memory_desc_t scratch = td__primitive_md(p, dnnl_query_scratchpad_md);
    size_t bytes = dnnl_memory_desc_get_size(&scratch);
    if (bytes > be->scratch_bytes) be->scratch_bytes = bytes;
    return TD_OK;
}

td_status td__primitive_create(td__backend *be, const_dnnl_op_desc_t desc,
                               const_dnnl_primitive_desc_t hint, td__primitive *out,
                               td_error *err) {
    memset(out, 0, sizeof *out);
    td_status s =
        td__dnnl_status(dnnl_primitive_desc_create(&out->pd, desc, be->attr, be->engine, hint),
                        "primitive descriptor", err);
    if (s == TD_OK) s = finish_primitive(be, out, err);
    if (s != TD_OK) td__primitive_destroy(out);
    return s;
}

td_status td__reorder_create(td__backend *be, const dnnl_memory_desc_t *from,
                             const dnnl_memory_desc_t *to, td__primitive *out, td_error *err) {
    memset(out, 0, sizeof *out);
    td_status s = td__dnnl_status(
        dnnl_reorder_primitive_desc_create(&out->pd, from, be->engine, to, be->engine, be->attr),
        "reorder", err);
    if (s == TD_OK) s = finish_primitive(be, out, err);
    if (s != TD_OK) td__primitive_destroy(out);
    return s;
}

void td__primitive_destroy(td__primitive *p) {
    if (p->primitive != NULL) dnnl_primitive_destroy(p->primitive);
    if (p->pd != NULL) dnnl_primitive_desc_destroy(p->pd);
    memset(p, 0, sizeof *p);
}

bool td__primitive_slow(const td__primitive *p) {
    return p->name == NULL || strncmp(p->name, "ref", 3) == 0 || strncmp(p->name, "simple", 6) == 0;
}

dnnl_memory_desc_t td__primitive_md(const td__primitive *p, dnnl_query_t what) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(p->pd, what, 0);
    dnnl_memory_desc_t none;
    memset(&none, 0, sizeof none);
    return md != NULL ? *md : none;
}

/* ---- calls ----------------------------------------------------------------------------------- */

td__call *td__call_create(td__backend *be) {
    td__call *c = calloc(1, sizeof *c);
    if (c != NULL) c->be = be;
    return c;
}

void td__call_destroy(td__call *c) {
    if (c == NULL) return;
    for (int i = 0; i < c->n; i++)
        for (int k = 0; k < c->step[i].n; k++) dnnl_memory_destroy(c->step[i].arg[k].memory);
    free(c);
}

td__step *td__call_add(td__call *c, const td__primitive *p, td_error *err) {
    if (c->n == TD__CALL_STEPS) {
        td_fail(err, TD_E_INTERNAL, "too many steps in a call");
        return NULL;
    }
    td__step *s = &c->step[c->n++];
    s->primitive = p->primitive;
    dnnl_memory_desc_t md = td__primitive_md(p, dnnl_query_scratchpad_md);
    if (dnnl_memory_desc_get_size(&md) > 0 &&
        td__step_arg(c->be, s, DNNL_ARG_SCRATCHPAD, &md, c->be->scratch, err) != TD_OK)
        return NULL;
    return s;
}

td_status td__call_add_pass(td__call *c, td__step_kind kind, void *to, const void *from,
                            int64_t words, td_error *err) {
    if (c->n == TD__CALL_STEPS) return td_fail(err, TD_E_INTERNAL, "too many steps in a call");
    c->step[c->n++] = (td__step){.kind = kind, .to = to, .from = from, .words = words};
    return TD_OK;
}

td_status td__step_arg(td__backend *be, td__step *s, int arg, const dnnl_memory_desc_t *md,
                       const void *data, td_error *err) {
    if (s->n == TD__STEP_ARGS) return td_fail(err, TD_E_INTERNAL, "too many arguments in a call");
    /* oneDNN takes one pointer type for what it reads and writes. */
    void *handle = (void *)(uintptr_t)data;
    dnnl_memory_t m;
    td_status st = td__dnnl_status(dnnl_memory_create(&m, md, be->engine, handle), "memory", err);
    if (st != TD_OK) return st;
    s->arg[s->n++] = (dnnl_exec_arg_t){arg, m};
    return TD_OK;
}

td_status td__call_run(const td__call *c) {
    for (int i = 0; i < c->n; i++) {
        const td__step *s = &c->step[i];
        switch (s->kind) {
        case TD__STEP_PRIMITIVE:
            if (dnnl_primitive_execute(s->primitive, c->be->stream, s->n, s->arg) != dnnl_success)
                return TD_E_INTERNAL;
            break;
        case TD__STEP_ADD: td__rows_add_to(TD_FP32, s->to, s->from, s->words); break;
        case TD__STEP_WIDEN: td__rows_to_float(TD_BF16, s->to, s->from, s->words); break;
        case TD__STEP_NARROW: td__rows_from_float(TD_BF16, s->to, s->from, s->words); break;
        }
    }
    return TD_OK;
}

td_status td__kernel_create(td__backend *be, const td__kernel_spec *s, td__kernel **out,
                            td_error *err) {
    const td__kernel_class *class;
    switch (s->layer->op) {
    case TD_OP_CONV:
    case TD_OP_FC: class = td__depthwise_fits(s) ? &td__kernel_depthwise : &td__kernel_conv; break;
    case TD_OP_MAX_POOL:
    case TD_OP_AVG_POOL:
    case TD_OP_GLOBAL_POOL: class = &td__kernel_pool; break;
    case TD_OP_ADD:
    case TD_OP_MUL:
    case TD_OP_CONCAT: class = &td__kernel_combine; break;
    case TD_OP_HSIGMOID: class = &td__kernel_hsigmoid; break;
    default: class = &td__kernel_act; break;
    }
    td_status st = class->create(be, s, out, err);
    if (st != TD_OK) return td_error_prefix(err, "layer %s", s->layer->name), st;
    return TD_OK;
}
