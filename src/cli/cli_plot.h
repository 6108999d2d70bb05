/* cli_plot.h - drawings as files. */
#ifndef TANDEM_CLI_PLOT_H
#define TANDEM_CLI_PLOT_H

#include "tandem/base.h"

/* Writes an SVG drawing to a file: as it is, or, where the name ends in .png, as a picture of twice
 * as many pixels. TD_E_IO. */
td_status cli_plot_write(const td_text *svg, const char *path, td_error *err);
/* For values of which v is a typical one, in units of `si`: what they are to be multiplied by, and
 * the name of the unit then ("us"), in which v is at least 1. mm2 stay as they are. */
double cli_plot_unit(double v, const char *si, char unit[8]);
/* Both, as folder/name.svg and folder/name.png. */
td_status cli_plot_both(const td_text *svg, const char *folder, const char *name, td_error *err);

#endif
