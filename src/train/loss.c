#include "loss.h"

#include "rows.h"

double td__loss(td_number number, const void *score, const uint8_t *label, int n, int32_t classes,
                double smoothing, double scale, void *d_score, float *buffer) {
    int64_t step = classes * (number == TD_BF16 ? 2 : 4);
    double total = 0, spread = smoothing / classes;
    for (int i = 0; i < n; i++) {
        float *z = buffer;
        td__rows_to_float(number, z, (const char *)score + i * step, classes);
        double top = (double)z[0], sum = 0, mean = 0;
        for (int32_t c = 1; c < classes; c++)
            if ((double)z[c] > top) top = (double)z[c];
        for (int32_t c = 0; c < classes; c++) {
            sum += exp((double)z[c] - top);
            mean += (double)z[c];
        }
        mean /= classes;
        double log_sum = log(sum) + top, target = (double)z[label[i]];
        total += log_sum - (1 - smoothing) * target - smoothing * mean;
        for (int32_t c = 0; c < classes; c++) {
            double g = exp((double)z[c] - log_sum) - spread;
            if (c == label[i]) g -= 1 - smoothing;
            z[c] = (float)(scale * g);
        }
        td__rows_from_float(number, (char *)d_score + i * step, z, classes);
    }
    return total;
}
