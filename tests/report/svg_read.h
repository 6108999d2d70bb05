/* Drawings, read as text. */
#ifndef TANDEM_TESTS_SVG_READ_H
#define TANDEM_TESTS_SVG_READ_H

#include "common.h"
#include "tandem/base.h"

/* Elements are closed in order, attributes quoted, and < and & stand for markup only. */
void check_xml(const char *s);
/* Numbers of an attribute, in order. */
int numbers(const char *svg, const char *element, const char *attribute, double *v, int most);

#endif
