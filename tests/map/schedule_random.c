#include "schedule_random.h"

#include "common.h"

static int pick(td_rng *r, int lo, int hi) {
    return lo + (int)td_rng_below(r, (uint64_t)(hi - lo + 1));
}

static int random_conv(td_net *net, td_rng *r, int x) {
    const td_layer *l = td_net_layer(net, x);
    int c = l->c, out = 4 * pick(r, 1, 12), kernel = 2 * pick(r, 0, 2) + 1, stride = 1, groups = 1;
    if (l->h >= 4 && pick(r, 0, 3) == 0) stride = 2;
    if (pick(r, 0, 3) == 0) { /* depthwise */
        out = groups = c;
    } else if (pick(r, 0, 7) == 0 && c % 4 == 0) {
        groups = 4;
    }
    int y = td_net_conv(net, x, out, kernel, stride, groups, 1);
    if (pick(r, 0, 1)) y = td_net_bn(net, y);
    if (pick(r, 0, 1)) y = td_net_act(net, y, TD_OP_RELU);
    return y;
}

/* An earlier value of x's shape, x itself in the worst case. */
static int twin(const td_net *net, td_rng *r, int x) {
    const td_layer *l = td_net_layer(net, x);
    int n = td_net_size(net), start = pick(r, 0, n - 1);
    for (int k = 0; k < n; k++) {
        int i = (start + k) % n;
        const td_layer *m = td_net_layer(net, i);
        if (i != x && m->h == l->h && m->w == l->w && m->c == l->c) return i;
    }
    return x;
}

td_net *random_schedule_net(td_rng *r, int steps) {
    int side = 2 * pick(r, 2, 10);
    td_net *net = td_net_create("random", TD_DIM(pick(r, 1, 8), side, side));
    int x = random_conv(net, r, 0);
    for (int i = 1; i < steps; i++) {
        const td_layer *l = td_net_layer(net, x);
        switch (pick(r, 0, 12)) {
        case 0: x = td_net_add(net, x, twin(net, r, x)); break;
        case 1:
            if (l->h < 4) break;
            x = td_net_pool(net, x, pick(r, 0, 1) ? TD_OP_MAX_POOL : TD_OP_AVG_POOL, 3, 2);
            break;
        case 2: { /* gate */
            int gate = td_net_global_pool(net, x);
            gate = td_net_act(net, td_net_conv(net, gate, l->c, 1, 1, 1, 1), TD_OP_SIGMOID);
            x = td_net_mul(net, x, gate);
            break;
        }
        case 3: {
            int y = td_net_conv(net, x, 8, 1, 1, 1, 1);
            x = td_net_concat(net, (int[]){x, y, x}, pick(r, 2, 3));
            break;
        }
        case 4: { /* a value with two readers, one of them a lone activation */
            int y = td_net_act(net, x, TD_OP_RELU6);
            x = td_net_add(net, x, y);
            break;
        }
        case 5: { /* residual block */
            int y = td_net_conv(net, x, 2 * l->c, 1, 1, 1, 1);
            y = td_net_conv(net, y, 2 * l->c, 3, 1, 2 * l->c, 1);
            y = td_net_conv(net, y, l->c, 1, 1, 1, 1);
            x = td_net_add(net, x, y);
            break;
        }
        case 6: { /* down and up again, as segmentation does */
            int y = td_net_conv(net, x, l->c, 3, 2, 1, 1);
            x = td_net_add(net, x, td_net_resize(net, y, l->h, l->w));
            break;
        }
        default: x = random_conv(net, r, x);
        }
    }
    if (pick(r, 0, 1)) td_net_fc(net, td_net_global_pool(net, x), 10);
    td_error err;
    if (td_net_check(net, &err) != TD_OK) fail_msg("random network: %s", err.message);
    return net;
}

td_net *random_chain(td_rng *r, int steps) {
    td_net *net = td_net_create("chain", TD_DIM(4, 8, 8));
    int x = 0;
    for (int i = 0; i < steps; i++) {
        if (x > 1 && pick(r, 0, 2) == 0) /* any earlier value but the image: some pass layers by */
            x = td_net_add(net, x, pick(r, 1, x - 1));
        else
            x = td_net_conv(net, x, 4, 2 * pick(r, 0, 1) + 1, 1, 1, 1);
    }
    td_error err;
    if (td_net_check(net, &err) != TD_OK) fail_msg("random chain: %s", err.message);
    return net;
}

td_net *random_crowd(td_rng *r) {
    const int side = 4 * pick(r, 4, 12);
    td_net *net = td_net_create("crowd", TD_DIM(pick(r, 1, 4), side, side));
    int x = td_net_conv(net, 0, 4 * pick(r, 1, 4), 3, 1, 1, 1);
    for (int k = pick(r, 1, 3); k > 0; k--) {
        const td_layer *l = td_net_layer(net, x);
        int c = l->c, wide = c * pick(r, 1, 6), stride = l->h >= 16 ? pick(r, 1, 2) : 1;
        int y = td_net_conv(net, x, wide, pick(r, 0, 3) == 0 ? 3 : 1, 1, 1, 1);
        if (pick(r, 0, 1)) y = td_net_act(net, y, TD_OP_RELU6);
        if (pick(r, 0, 3)) y = td_net_conv(net, y, wide, 2 * pick(r, 0, 2) + 1, stride, wide, 1);
        y = td_net_conv(net, y, c, 1, 1, 1, 1);
        bool same = td_net_layer(net, y)->h == l->h;
        x = same && pick(r, 0, 1) ? td_net_add(net, y, x) : y;
    }
    if (pick(r, 0, 1)) td_net_fc(net, td_net_global_pool(net, x), 10);
    td_error err;
    if (td_net_check(net, &err) != TD_OK) fail_msg("crowd: %s", err.message);
    return net;
}

void micro_defaults(td_edge *e, td_tech *tech) {
    td_error err;
    const td_node *doc;
    td_arena *a = td_arena_create();
    assert_ok(td_node_load(a, TD_TEST_SOURCE "/hw/micro.yaml", &doc, &err), &err);
    assert_ok(td_edge_from_node(doc, e, &err), &err);
    assert_ok(td_tech_load(TD_TEST_SOURCE "/tech/22nm.yaml", tech, &err), &err);
    td_arena_destroy(a);
}

void random_micro(td_rng *r, td_edge *e, td_hw *hw) {
    static const int simd[] = {4, 8, 16, 32}, lanes[] = {1, 2, 4};
    td_tech tech;
    micro_defaults(e, &tech);
    do {
        e->pe_x = pick(r, 1, 4);
        e->pe_y = pick(r, 1, 4);
        e->simd = simd[pick(r, 0, 3)];
        e->lanes = lanes[pick(r, 0, 2)];
        e->local_bytes = 16384 << pick(r, 0, 4);
        e->rf_bytes = 512 << pick(r, 0, 3);
        e->io_bytes_per_s = 0.1e9 * (1 << pick(r, 0, 5));
    } while (td_edge_build(e, &tech, hw, NULL, NULL) != TD_OK);
}

void build_micro(const td_edge *e, td_hw *hw) {
    td_error err;
    td_edge any, own = *e;
    td_tech tech;
    micro_defaults(&any, &tech);
    own.min_total_bytes = 0;
    own.max_rf_share = 0;
    own.max_lane_width = own.min_macs = own.max_macs = 0;
    assert_ok(td_edge_build(&own, &tech, hw, NULL, &err), &err);
}
