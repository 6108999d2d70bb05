/* Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
 * ICLR 2015, table 1, column D. The first fc sees all positions of the last pool, so its parameters
 * grow with the image. */
#include "zoo.h"

const td__recipe td__vgg16 = {.input = {3, 224, 224},
                              .classes = 1000,
                              .rows = (const td__row[]){{TD__PLAIN, 3, 1, 64, 2, 1},
                                                        {TD__PLAIN, 3, 1, 128, 2, 1},
                                                        {TD__PLAIN, 3, 1, 256, 3, 1},
                                                        {TD__PLAIN, 3, 1, 512, 3, 1},
                                                        {TD__PLAIN, 3, 1, 512, 3, 1},
                                                        {0}},
                              .act = TD_OP_RELU,
                              .dense_c = 4096,
                              .dense_n = 2};
