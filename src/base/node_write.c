/* Documents to JSON and YAML. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "node.h"
#include "text.h"

enum {
    LINE_WIDTH = 96, /* lists of scalars that fit stay on one line */
    PLAIN_KEY = 512  /* longer YAML keys take the explicit form: parsers refuse them otherwise */
};

/* Quoted text that JSON and YAML read alike. Beyond what JSON asks for, characters that YAML
 * streams may not hold or that are line breaks there are escaped; bytes that are not UTF-8 become
 * U+FFFD. */
static void add_quoted(const char *s, td_text *out) {
    td_text_add(out, "\"");
    for (size_t left = strlen(s); left > 0;) {
        uint32_t code;
        int n = td__utf8_decode(s, left, &code);
        if (n == 0) {
            td_text_add(out, "\xef\xbf\xbd");
            n = 1;
        } else if (code == '"' || code == '\\') {
            td_text_addf(out, "\\%c", (char)code);
        } else if (code == '\n') {
            td_text_add(out, "\\n");
        } else if (code == '\t') {
            td_text_add(out, "\\t");
        } else if (code == '\r') {
            td_text_add(out, "\\r");
        } else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
                   code == 0x2029 || code == 0xfeff || code == 0xfffe || code == 0xffff) {
            td_text_addf(out, "\\u%04x", code);
        } else {
            td_text_add_bytes(out, s, (size_t)n);
        }
        s += n;
        left -= (size_t)n;
    }
    td_text_add(out, "\"");
}

/* ---- JSON ---- */

static void json_scalar(const td_node *n, td_text *out) {
    char text[32];
    switch (n->kind) {
    case TD_BOOL: td_text_add(out, n->boolean ? "true" : "false"); return;
    case TD_INT: td_text_addf(out, "%" PRId64, n->integer); return;
    case TD_REAL:
        if (isfinite(n->real)) {
            td_real_text(n->real, text);
            td_text_add(out, text);
            return;
        }
        break;
    case TD_STRING: add_quoted(n->text, out); return;
    default: break;
    }
    td_text_add(out, "null");
}

static bool only_scalars(const td_node *list) {
    for (int i = 0; i < list->count; i++)
        if (list->item[i]->kind == TD_LIST || list->item[i]->kind == TD_MAP) return false;
    return true;
}

static void json_line(const td_node *n, td_text *out) {
    if (n->kind != TD_LIST && n->kind != TD_MAP) {
        json_scalar(n, out);
        return;
    }
    td_text_add(out, n->kind == TD_LIST ? "[" : "{");
    for (int i = 0; i < n->count && !out->failed; i++) {
        if (i > 0) td_text_add(out, ", ");
        if (n->kind == TD_MAP) {
            add_quoted(n->item[i]->key, out);
            td_text_add(out, ": ");
        }
        json_line(n->item[i], out);
    }
    td_text_add(out, n->kind == TD_LIST ? "]" : "}");
}

static void add_spaces(int n, td_text *out) {
    td_text_addf(out, "%*s", n, "");
}

static void json_block(const td_node *n, int step, int indent, td_text *out) {
    bool list = n->kind == TD_LIST;
    if ((!list && n->kind != TD_MAP) || n->count == 0) {
        json_line(n, out);
        return;
    }
    if (list && only_scalars(n)) {
        size_t start = out->size;
        json_line(n, out);
        if (out->failed || out->size - start + (size_t)indent <= LINE_WIDTH) return;
        out->size = start;
        out->data[start] = '\0';
    }
    td_text_add(out, list ? "[\n" : "{\n");
    for (int i = 0; i < n->count && !out->failed; i++) {
        add_spaces(indent + step, out);
        if (!list) {
            add_quoted(n->item[i]->key, out);
            td_text_add(out, ": ");
        }
        json_block(n->item[i], step, indent + step, out);
        td_text_add(out, i + 1 < n->count ? ",\n" : "\n");
    }
    add_spaces(indent, out);
    td_text_add(out, list ? "]" : "}");
}

void td_node_to_json(const td_node *n, int indent, td_text *out) {
    if (n == NULL)
        out->failed = true;
    else if (indent <= 0)
        json_line(n, out);
    else
        json_block(n, indent, 0, out);
}

/* ---- YAML ---- */

/* Text that every YAML reader takes for this very string without quotes. Words that are booleans or
 * null in any version of YAML are quoted. */
static bool is_plain(const char *s) {
    static const char *const words[] = {"y",   "n",    "yes",   "no",   "on",
                                        "off", "true", "false", "null", NULL};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_-./+ ()";
    size_t n = strlen(s);
    if (n == 0 || n > 200 || strchr(letters, s[0]) == NULL || s[strspn(s, rest)] != '\0' ||
        s[n - 1] == ' ')
        return false;
    for (int i = 0; words[i] != NULL; i++)
        if (strcasecmp(s, words[i]) == 0) return false;
    return true;
}

static void yaml_string(const char *s, td_text *out) {
    if (is_plain(s))
        td_text_add(out, s);
    else
        add_quoted(s, out);
}

static void yaml_real(double v, td_text *out) {
    char text[32];
    if (!isfinite(v)) {
        td_text_add(out, isnan(v) ? ".nan" : v < 0 ? "-.inf" : ".inf");
        return;
    }
    td_real_text(v, text);
    /* YAML 1.1 readers take 1e+20 for text and 1.0e+20 for a number. */
    char *e = strchr(text, 'e');
    if (e != NULL && strchr(text, '.') == NULL)
        td_text_addf(out, "%.*s.0%s", (int)(e - text), text, e);
    else
        td_text_add(out, text);
}

static void yaml_scalar(const td_node *n, td_text *out) {
    if (n->kind == TD_STRING)
        yaml_string(n->text, out);
    else if (n->kind == TD_REAL)
        yaml_real(n->real, out);
    else
        json_scalar(n, out);
}

/* Scalars, empty containers and short lists of scalars, on the current line; false if n is none of
 * these. */
static bool yaml_line(const td_node *n, int indent, td_text *out) {
    if (n->kind != TD_LIST && n->kind != TD_MAP) {
        yaml_scalar(n, out);
        return true;
    }
    if (n->count == 0) {
        td_text_add(out, n->kind == TD_LIST ? "[]" : "{}");
        return true;
    }
    if (n->kind == TD_MAP || !only_scalars(n)) return false;
    td_text line = {0};
    td_text_add(&line, "[");
    for (int i = 0; i < n->count && line.size + (size_t)indent <= LINE_WIDTH; i++) {
        if (i > 0) td_text_add(&line, ", ");
        yaml_scalar(n->item[i], &line);
    }
    td_text_add(&line, "]");
    bool fits = line.size + (size_t)indent <= LINE_WIDTH;
    if (fits) td_text_add_bytes(out, line.data, line.size);
    if (line.failed) out->failed = true;
    td_text_free(&line);
    return fits;
}

/* A container that does not fit a line. `inside`: the cursor stands behind "- ", where the first
 * entry goes. */
static void yaml_block(const td_node *n, int indent, bool inside, td_text *out) {
    for (int i = 0; i < n->count && !out->failed; i++) {
        const td_node *item = n->item[i];
        if (i > 0 || !inside) add_spaces(indent, out);
        if (n->kind == TD_LIST) {
            td_text_add(out, "- ");
            if (yaml_line(item, indent + 2, out))
                td_text_add(out, "\n");
            else
                yaml_block(item, indent + 2, true, out);
            continue;
        }
        bool explicit_key = strlen(item->key) > PLAIN_KEY;
        if (explicit_key) td_text_add(out, "? ");
        size_t start = out->size;
        yaml_string(item->key, out);
        int used = indent + (int)(out->size - start) + 2;
        if (explicit_key) {
            td_text_add(out, "\n");
            add_spaces(indent, out);
            used = indent + 2;
        }
        td_text_add(out, ":");
        start = out->size;
        td_text_add(out, " ");
        if (yaml_line(item, used, out)) {
            td_text_add(out, "\n");
            continue;
        }
        if (out->failed) return;
        out->size = start; /* no space at the end of the line */
        td_text_add(out, "\n");
        yaml_block(item, indent + 2, false, out);
    }
}

void td_node_to_yaml(const td_node *n, td_text *out) {
    if (n == NULL)
        out->failed = true;
    else if (yaml_line(n, 0, out))
        td_text_add(out, "\n");
    else
        yaml_block(n, 0, false, out);
}
