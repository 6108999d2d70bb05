/* Names of layers: a table for look-up, and unique names for files. */
#ifndef TANDEM_NET_NAMES_H
#define TANDEM_NET_NAMES_H

#include "tandem/net.h"

/* Open addressing; the strings belong to the caller and must outlive the table. */
typedef struct {
    const char **name;
    int32_t *value;
    int n, capacity;
} td__names;

/* Room for n names, in the arena. false: memory. */
bool td__names_init(td__names *t, td_arena *a, int n);
int td__names_find(const td__names *t, const char *name);      /* -1 if absent */
bool td__names_add(td__names *t, const char *name, int value); /* false if it is there already */

/* One name per layer, all different, none longer than a layer's name may be; layer 0 is "input".
 * Names that are unique already stay. NULL: memory. */
const char **td__net_unique_names(const td_net *net, td_arena *a);

/* The name that a layer has unless somebody names it. */
void td__layer_made_name(td_op op, int index, char *out, size_t size);

#endif
