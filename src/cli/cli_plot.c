/* PNG comes from the same drawing as SVG, through librsvg and cairo. */
#include "cli_plot.h"

#include <librsvg/rsvg.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { SCALE = 2 };

/* What fontconfig keeps until the program ends is no leak of ours. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_TOLD
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LEAKS_ARE_TOLD
#endif
#ifdef LEAKS_ARE_TOLD
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libfontconfig\n";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void) {
    return "print_suppressions=0";
}
#endif

static cairo_status_t collect(void *self, const unsigned char *data, unsigned int size) {
    td_text *out = self;
    td_text_add_bytes(out, data, size);
    return out->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static bool draw(RsvgHandle *handle, td_text *png) {
    double width = 0, height = 0;
    rsvg_handle_set_dpi(handle, 96);
    if (!rsvg_handle_get_intrinsic_size_in_pixels(handle, &width, &height)) return false;
    cairo_surface_t *surface = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, (int)(SCALE * width + 0.5), (int)(SCALE * height + 0.5));
    cairo_t *cr = cairo_create(surface);
    const RsvgRectangle all = {0, 0, SCALE * width, SCALE * height};
    bool ok = rsvg_handle_render_document(handle, cr, &all, NULL) &&
              cairo_status(cr) == CAIRO_STATUS_SUCCESS &&
              cairo_surface_write_to_png_stream(surface, collect, png) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return ok;
}

static td_status to_png(const td_text *svg, td_text *png, td_error *err) {
    RsvgHandle *handle = rsvg_handle_new_from_data((const guint8 *)svg->data, svg->size, NULL);
    bool ok = handle != NULL && draw(handle, png);
    if (handle != NULL) g_object_unref(handle);
    return ok ? TD_OK : td_fail(err, TD_E_INTERNAL, "cannot draw a plot as PNG");
}

td_status cli_plot_write(const td_text *svg, const char *path, td_error *err) {
    size_t n = strlen(path);
    if (n < 4 || strcmp(path + n - 4, ".png") != 0)
        return td_file_write(path, svg->data, svg->size, err);
    td_text png = {0};
    td_status s = to_png(svg, &png, err);
    if (s == TD_OK) s = td_file_write(path, png.data, png.size, err);
    td_text_free(&png);
    return s;
}

td_status cli_plot_both(const td_text *svg, const char *folder, const char *name, td_error *err) {
    static const char *const ending[] = {"svg", "png"};
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < 2; i++) {
        char path[PATH_MAX];
        if (snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending[i]) >= (int)sizeof path)
            return td_fail(err, TD_E_USAGE, "%.40s...: the path is too long", folder);
        s = cli_plot_write(svg, path, err);
    }
    return s;
}

double cli_plot_unit(double v, const char *si, char unit[8]) {
    static const char *const prefix[] = {"", "m", "u", "n", "p"};
    double scale = 1;
    int u = 0;
    for (; strcmp(si, "mm2") != 0 && u < 4 && v * scale < 1; u++) scale *= 1000;
    snprintf(unit, 8, "%s%s", prefix[u], si);
    return scale;
}
