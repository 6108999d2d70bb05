/* Descriptions that come with the program, by name, or the user's own, by path. */
#ifndef TANDEM_HW_SHIPPED_H
#define TANDEM_HW_SHIPPED_H

#include "tandem/base.h"

/* `folder`/NAME.yaml of the shipped files, or the path itself: a text with a slash or a file ending
 * (.yaml, .yml, .json) is a path. TD_E_NOT_FOUND lists the names that are there. *path lives in a.
 */
td_status td__shipped_find(td_arena *a, const char *folder, const char *name_or_path,
                           const char **path, td_error *err);

#endif
