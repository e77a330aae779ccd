/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the plugin room only (and its tests). */
#ifndef PLUGIN_INSIDE_H
#define PLUGIN_INSIDE_H

#include "plugin/plugin.h"

int plugin_note_parse(const uint8_t *p, size_t n, struct plugin_note *ret, struct err *err);

/* {"<id>":{"<name>":"<base64>"}}, or NULL when there are none. */
struct json *secrets_read(const char *folder, const char *id);

#endif
