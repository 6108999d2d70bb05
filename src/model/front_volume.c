/* The hypervolume of a front that grows point by point. What a point adds is its own box up to the
 * reference, less what the others cover of it: the volume of these, moved up to the point's
 * coordinates where they are below it (exclusive contribution by a limited set, While et al. 2012).
 */
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

struct td_front_volume {
    int d, n, room;
    double reference[4], volume;
    double *point, *limited; /* [room][d] */
};

td_status td_front_volume_create(int d, const double *reference, td_front_volume **out,
                                 td_error *err) {
    *out = NULL;
    if (d < 1 || d > 4) return td_fail(err, TD_E_USAGE, "hypervolume of %d objectives", d);
    td_front_volume *f = calloc(1, sizeof *f);
    if (f == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    f->d = d;
    memcpy(f->reference, reference, sizeof *reference * (size_t)d);
    *out = f;
    return TD_OK;
}

void td_front_volume_destroy(td_front_volume *f) {
    if (f == NULL) return;
    free(f->point);
    free(f->limited);
    free(f);
}

static double *at(const td_front_volume *f, int i) {
    return f->point + (size_t)i * (size_t)f->d;
}

static bool covers(const double *p, const double *q, int d) {
    for (int k = 0; k < d; k++)
        if (!(p[k] <= q[k])) return false;
    return true;
}

static bool make_room(td_front_volume *f) {
    if (f->n < f->room) return true;
    size_t room = f->room > 0 ? 2 * (size_t)f->room : 64;
    double *point = realloc(f->point, sizeof *point * room * (size_t)f->d);
    if (point != NULL) f->point = point;
    double *limited = realloc(f->limited, sizeof *limited * room * (size_t)f->d);
    if (limited != NULL) f->limited = limited;
    if (point == NULL || limited == NULL) return false;
    f->room = (int)room;
    return true;
}

td_status td_front_volume_add(td_front_volume *f, const double *point, double *gain,
                              td_error *err) {
    double own = 1, others = 0;
    if (gain != NULL) *gain = 0;
    for (int k = 0; k < f->d; k++) {
        if (!(point[k] < f->reference[k])) return TD_OK;
        own *= f->reference[k] - point[k];
    }
    for (int i = 0; i < f->n; i++)
        if (covers(at(f, i), point, f->d)) return TD_OK;
    if (!make_room(f)) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < f->n; i++)
        for (int k = 0; k < f->d; k++)
            f->limited[i * f->d + k] = at(f, i)[k] > point[k] ? at(f, i)[k] : point[k];
    td_status s = td_hypervolume(f->limited, f->n, f->d, f->reference, &others, err);
    if (s != TD_OK) return s;
    int n = 0;
    for (int i = 0; i < f->n; i++)
        if (!covers(point, at(f, i), f->d))
            memmove(at(f, n++), at(f, i), sizeof *point * (size_t)f->d);
    memcpy(at(f, n), point, sizeof *point * (size_t)f->d);
    f->n = n + 1;
    f->volume += own - others;
    if (gain != NULL) *gain = own - others;
    return TD_OK;
}

double td_front_volume_value(const td_front_volume *f) {
    return f->volume;
}

int td_front_volume_points(const td_front_volume *f) {
    return f->n;
}
