/* Loop nests for people: one line per temporal loop or group of spatial loops, indented by depth,
 * with the level and what it keeps beside its first loop. "-" is a level that keeps something and
 * has no loops in time.
 *
 *     for k in 0..4                         DRAM      W I O
 *       for p in 0..56                      GLB       I O     27.0 / 108 KB
 *         par q in 0..14 (X)  par c in 0..4 (Y)
 *           for c in 0..16                  RF        W       48 / 192 B
 *
 * Imperfect factors have the bound of their last pass: for q in 0..4 (last 0..2).
 */
#include <stdio.h>
#include <string.h>

#include "cost_nest.h"

enum { LEVEL_COLUMN = 40 };

/* Bytes in a unit that leaves few digits. */
static int unit_of(double bytes) {
    return bytes >= 10240 * 1024.0 ? 2 : bytes >= 10240 ? 1 : 0;
}

static const char *const unit_name[] = {"B", "KB", "MB"};
static const double unit_bytes[] = {1, 1024, 1024 * 1024};

/* "27.0 / 108 KB"; what would be 0.0 in the capacity's unit has its own. */
static void add_bytes(double used, double capacity, td_text *out) {
    int unit = unit_of(capacity < 0 ? used : capacity), own = unit;
    if (own > 0 && used < 0.05 * unit_bytes[own]) own = unit_of(used);
    td_text_addf(out, own > 0 ? "  %.1f" : "  %.0f", used / unit_bytes[own]);
    if (capacity < 0 || own != unit) td_text_addf(out, " %s", unit_name[own]);
    if (capacity >= 0)
        td_text_addf(out, " / %.4g %s", capacity / unit_bytes[unit], unit_name[unit]);
}

static void add_level(const td__nest *z, int l, int column, td_text *out) {
    const td_level *v = &z->hw->level[l];
    char keep[8] = "";
    double bits = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        bool kept = z->m->keep[l] & TD_BIT(t);
        keep[2 * t] = kept ? td_tensor_letter[t] : ' ';
        keep[2 * t + 1] = ' ';
        if (kept) bits += z->words[l][t] * td__word_bits(z, l, t);
    }
    keep[2 * TD_NTENSOR - 1] = '\0';
    td_text_addf(out, "%*s", column < LEVEL_COLUMN ? LEVEL_COLUMN - column : 0, "");
    if (z->m->keep[l] != 0)
        td_text_addf(out, "  %-10s %s", v->name, keep);
    else
        td_text_addf(out, "  %s", v->name);
    if (bits > 0)
        add_bytes(ceil(bits / 8),
                  v->capacity_bits < 0 ? -1 : (double)v->capacity_bits / v->buffering / 8, out);
    td_text_add(out, "\n");
}

static int add_indent(int depth, td_text *out) {
    td_text_addf(out, "%*s", 2 * depth, "");
    return 2 * depth;
}

/* "q in 0..4 (last 0..2)": its bound, and that of its last pass if it is another one. */
static int add_range(const td_loop *o, td_text *out) {
    char text[64];
    const char dim = (char)(td_dim_letter[o->dim] - 'A' + 'a');
    int n = o->tail == o->bound
                ? snprintf(text, sizeof text, "%c in 0..%d", dim, o->bound)
                : snprintf(text, sizeof text, "%c in 0..%d (last 0..%d)", dim, o->bound, o->tail);
    td_text_add(out, text);
    return n;
}

void td_mapping_print(const td_problem *p, const td_hw *hw, const td_mapping *m, td_text *out) {
    td__nest z;
    td_error err;
    /* Tiles as exact counting has them (padding is not stored); what only Timeloop's rules accept
     * is shown by those. */
    if (td__nest_build(p, hw, m, true, &z, &err) != TD_OK &&
        td__nest_build(p, hw, m, false, &z, &err) != TD_OK) {
        td_text_addf(out, "%s\n", err.message);
        return;
    }
    int depth = 0;
    for (int l = hw->n - 1; l >= 0; l--) {
        bool named = false;
        int spatial[TD_NAXIS] = {0, 0, 0};
        for (int i = m->first[l]; i < m->first[l + 1]; i++) {
            const td_loop *o = &m->loop[i];
            if (o->bound == 1) continue;
            if (o->axis != TD_AXIS_T) {
                spatial[o->axis]++;
                continue;
            }
            int column = add_indent(depth++, out);
            td_text_add(out, "for ");
            column += 4 + add_range(o, out);
            if (named)
                td_text_add(out, "\n");
            else
                add_level(&z, l, column, out);
            named = true;
        }
        if (!named && m->keep[l] != 0) {
            int column = add_indent(depth, out);
            td_text_add(out, "-");
            add_level(&z, l, column + 1, out);
            named = true;
        }
        if (spatial[TD_AXIS_X] + spatial[TD_AXIS_Y] == 0) continue;
        size_t line = out->size;
        add_indent(depth++, out);
        for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++) {
            if (spatial[axis] == 0) continue;
            if (axis == TD_AXIS_Y && spatial[TD_AXIS_X] > 0) td_text_add(out, "  ");
            const char *before = "par ";
            for (int i = m->first[l]; i < m->first[l + 1]; i++) {
                const td_loop *o = &m->loop[i];
                if (o->axis != axis || o->bound == 1) continue;
                td_text_add(out, before);
                add_range(o, out);
                before = ", ";
            }
            td_text_addf(out, " (%c)", axis == TD_AXIS_X ? 'X' : 'Y');
        }
        if (named)
            td_text_add(out, "\n");
        else
            add_level(&z, l, (int)(out->size - line), out);
    }
}
