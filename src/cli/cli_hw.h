/* cli_hw.h - the accelerator that the command line names, with what --set puts into it. */
#ifndef TANDEM_CLI_HW_H
#define TANDEM_CLI_HW_H

#include "cli.h"
#include "tandem/hw.h"

/* The document of a shipped name or a file, in the arena, with the changes behind the name
 * (cli_hw_split), the values of `set` (may be NULL) and then those of `more` (--what-if, may be
 * NULL) in it. Not checked yet: td_hw_from_node does. */
td_status cli_hw_doc(const char *name, const cli_set *set, const cli_set *more, td_arena *a,
                     const td_node **doc, td_error *err);
/* The area is computed from what is in the document: it is of a template that has areas. Of others
 * it is a number, or unknown. */
bool cli_hw_area_follows(const td_node *doc);
/* "edge,local_kb=1024,DRAM.bandwidth=2x": a name and what stands in the place of the file's values,
 * added to `set`. NULL: too many, or memory is out. */
const char *cli_hw_split(const char *text, td_arena *a, cli_set *set);

#endif
