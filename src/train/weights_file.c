/* Weights in a file, little-endian:
 *
 *     "TDWEIGHT"  u32 version  u32 layers  u64 hash of the network  u64 words  f32 bn_eps  u32 0
 *     words x f32 (the order of td_weights: layer by layer weight, bias, scale, shift, mean, var)
 *     u64 checksum of all before it
 */
#include <stdlib.h>
#include <string.h>

#include "tandem/train.h"

enum { HEAD = 40, VERSION = 1 };
static const char magic[8] = {'T', 'D', 'W', 'E', 'I', 'G', 'H', 'T'};

static void put(uint8_t *p, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *p, int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static uint32_t float_bits(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static float bits_float(uint32_t u) {
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

td_status td_weights_save(const td_weights *w, const td_net *net, const char *path, td_error *err) {
    if (w->n != td_net_size(net))
        return td_fail(err, TD_E_USAGE, "weights are not of network %s", td_net_name(net));
    size_t words = (size_t)w->count, size = HEAD + 4 * words + 8;
    uint8_t *data = malloc(size);
    if (data == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    memcpy(data, magic, 8);
    put(data + 8, VERSION, 4);
    put(data + 12, (uint64_t)w->n, 4);
    put(data + 16, td_net_hash(net), 8);
    put(data + 24, words, 8);
    put(data + 32, float_bits(w->bn_eps), 4);
    put(data + 36, 0, 4);
    for (size_t i = 0; i < words; i++) put(data + HEAD + 4 * i, float_bits(w->data[i]), 4);
    put(data + HEAD + 4 * words, td_hash(data, HEAD + 4 * words, VERSION), 8);
    td_status st = td_file_write(path, data, size, err);
    free(data);
    return st;
}

td_status td_weights_load(const td_net *net, const char *path, td_weights **w, td_error *err) {
    *w = NULL;
    td_status st = td_net_check(net, err);
    if (st != TD_OK) return st;
    char *text;
    size_t size;
    st = td_file_read(path, 0, &text, &size, err);
    if (st != TD_OK) return st;
    const uint8_t *data = (const uint8_t *)text;
    td_weights *out = td_weights_create(net);
    size_t words = out != NULL ? (size_t)out->count : 0;
    if (out == NULL)
        st = td_fail(err, TD_E_MEMORY, "out of memory");
    else if (size < HEAD + 8 || memcmp(data, magic, 8) != 0)
        st = td_fail_at(err, TD_E_INPUT, path, "not a file of tandem weights");
    else if (get(data + 8, 4) != VERSION)
        st = td_fail_at(err, TD_E_INPUT, path, "version %llu of the format: expected %d",
                        (unsigned long long)get(data + 8, 4), VERSION);
    else if (get(data + size - 8, 8) != td_hash(data, size - 8, VERSION))
        st = td_fail_at(err, TD_E_INPUT, path, "damaged: the checksum does not agree");
    else if (get(data + 16, 8) != td_net_hash(net) || get(data + 24, 8) != words ||
             get(data + 12, 4) != (uint64_t)out->n || size != HEAD + 4 * words + 8)
        st = td_fail_at(err, TD_E_INPUT, path, "weights of another network than %s",
                        td_net_name(net));
    if (st == TD_OK) {
        out->bn_eps = bits_float((uint32_t)get(data + 32, 4));
        for (size_t i = 0; i < words; i++)
            out->data[i] = bits_float((uint32_t)get(data + HEAD + 4 * i, 4));
        *w = out;
    } else {
        td_weights_destroy(out);
    }
    free(text);
    return st;
}
