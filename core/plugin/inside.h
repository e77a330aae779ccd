/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the plugin room only (and its tests). */
#ifndef PLUGIN_INSIDE_H
#define PLUGIN_INSIDE_H

#include "plugin/plugin.h"

/* The decision, pure: does a plugin of this major, built for this minor, fit a host? */
enum plugin_fit { PLUGIN_FITS, PLUGIN_DRAFT, PLUGIN_MAJOR_OLDER, PLUGIN_MAJOR_NEWER, PLUGIN_MINOR_NEWER };
enum plugin_fit plugin_abi_fit(unsigned major, unsigned target_minor, unsigned host_major, unsigned host_minor);
/* The same with the sentence for who does not. */
int plugin_version_judge(const struct plugin_note *note, unsigned host_major, unsigned host_minor, struct err *err);

/* Of a file that is cut too, with the error, if its note is there: so it is known whose it is. */
int plugin_note_parse(const uint8_t *p, size_t n, struct plugin_note *ret, struct err *err);

#endif
