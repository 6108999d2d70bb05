#include "common.h"

#include "onnx_expect.h"

td_net *onnx_read_built(onnx_build *b, const td_onnx_options *o) {
    td_error err = {0};
    td_net *net = NULL;
    td_text m = onnx_end(b);
    td_status s = td_onnx_parse(m.data, m.size, "folder/model.onnx", o, &net, &err);
    td_text_free(&m);
    assert_ok(s, &err);
    return net;
}

/* "conv K4 ... 4x8x8 +112" per layer. */
static void describe(const td_net *net, td_text *t) {
    for (int i = 1; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        td_problem p;
        char text[96];
        if (td_layer_problem(net, i, 1, &p))
            td_problem_text(&p, text, sizeof text);
        else
            snprintf(text, sizeof text, "%s", td_op_name(l->op));
        td_text_addf(t, "%s -> %dx%dx%d", text, l->c, l->h, l->w);
        if (td_layer_params(net, i) > 0)
            td_text_addf(t, " +%lld", (long long)td_layer_params(net, i));
        td_text_add(t, "\n");
    }
}

void onnx_expect_net(td_net *net, const char *wanted) {
    td_text t = {0};
    describe(net, &t);
    if (strcmp(t.data != NULL ? t.data : "", wanted) != 0)
        fail_msg("expected:\n%sfound:\n%s", wanted, t.data);
    td_text_free(&t);
    td_net_destroy(net);
}

void onnx_expect(onnx_build *b, const char *wanted) {
    onnx_expect_net(onnx_read_built(b, NULL), wanted);
}

void onnx_expect_error(onnx_build *b, const td_onnx_options *o, td_status code, const char *part) {
    td_error err = {0};
    td_net *net = NULL;
    td_text m = onnx_end(b);
    td_status s = td_onnx_parse(m.data, m.size, "model.onnx", o, &net, &err);
    td_text_free(&m);
    if (s != code || strstr(err.message, part) == NULL)
        fail_msg("expected '%s', found %s: '%s'", part, td_status_name(s), err.message);
    assert_null(net);
    assert_non_null(strstr(err.message, "model.onnx"));
}

onnx_build onnx_one(int opset, const char *shape) {
    onnx_build b;
    onnx_begin(&b, opset);
    onnx_input(&b, "x", ONNX_FLOAT, shape);
    onnx_output(&b, "y");
    return b;
}
