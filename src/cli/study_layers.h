/* study_layers.h - tandem study layers: the second level of a nested search. */
#ifndef TANDEM_STUDY_LAYERS_H
#define TANDEM_STUDY_LAYERS_H

int study_layers(int argc, char **argv);

#endif
