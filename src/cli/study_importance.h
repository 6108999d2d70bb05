/* study_importance.h - `tandem study importance`. argv[0] is the verb. */
#ifndef TANDEM_STUDY_IMPORTANCE_H
#define TANDEM_STUDY_IMPORTANCE_H

int study_importance(int argc, char **argv);

#endif
