/* study_write.h - verbs of `tandem study` that change a folder. argv[0] is the verb. */
#ifndef TANDEM_STUDY_WRITE_H
#define TANDEM_STUDY_WRITE_H

int study_resume(int argc, char **argv);
int study_enqueue(int argc, char **argv);
int study_reap(int argc, char **argv);

#endif
