#include "feature.h"

#include "scale.h"

int td__feature_count(const td_space *space) {
    int n = space->n_features;
    for (int i = 0; space->n_features == 0 && i < space->n; i++) {
        const td_decision *d = &space->d[i];
        n += (d->kind == TD_CATEGORICAL ? d->n : 1) + (d->parent >= 0);
    }
    return n > 0 ? n : 1;
}

void td__features(const td_space *space, const td_choices *c, double *out) {
    out[0] = 0;
    if (space->n_features > 0) {
        space->features(space->self, c, out);
        return;
    }
    for (int i = 0; i < space->n; i++) {
        const td_decision *d = &space->d[i];
        bool active = !isnan(c->v[i]);
        if (d->kind != TD_CATEGORICAL) *out++ = active ? td__scale_coordinate(d, c->v[i]) : 0;
        for (int k = 0; d->kind == TD_CATEGORICAL && k < d->n; k++) *out++ = c->v[i] == k;
        if (d->parent >= 0) *out++ = active;
    }
}
