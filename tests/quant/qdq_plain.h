/* qdq_plain.h - a quantised network evaluated in doubles as its QDQ graph says, written for the
 * tests: reals go through every layer, and through the words around it. */
#ifndef TANDEM_TESTS_QDQ_PLAIN_H
#define TANDEM_TESTS_QDQ_PLAIN_H

#include "tandem/quant.h"

/* What words make of x. */
double plain_words(const td_quant *q, double x);

/* Values of all layers for one sample, value[i][c][h][w], malloc'ed; NULL where none is. With q its
 * network, parameters and words (net, w not used), else the reals of the network. */
double **plain_values(const td_net *net, const td_weights *w, const td_quantised *q,
                      const float *input);
void plain_free(double **value, int n);

/* Ranges of what the values of a network are on some images, the same in all bits; malloc'ed. */
td_range *plain_ranges(const td_net *net, const td_weights *w, const float *input, int images);

#endif
