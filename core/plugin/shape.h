/* SPDX-License-Identifier: Apache-2.0 */
/* What the structs of a plugin must have, whatever minor it was built for: looked at once, when a file is loaded.
 *
 * Threading: none of its own. */
#ifndef PLUGIN_SHAPE_H
#define PLUGIN_SHAPE_H

#include <orasi/plugin.h>

#include "base/err.h"

/* What is wrong, in words, or NULL. */
const char *shape_of_entry(const orasi_entry *entry);
const char *shape_of_descriptor(const orasi_descriptor *descriptor);
/* `factory` is what get_factory gave for `id`, NULL included; `flags` are the descriptor's. */
int shape_check_factory(const char *id, uint32_t flags, const void *factory, struct err *err);
/* A copy as long as our struct is: zeroes where theirs is of an older minor, cut where it is of a newer one. */
void shape_take(void *ours, size_t size, const void *theirs);

#endif
