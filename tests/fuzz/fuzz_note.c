/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF note of a file in a plugin folder, which the agent reads before anybody has trusted it. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/inside.h"
#include "plugin/plugin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plugin_note note;
	struct err err = {0};

	if (plugin_note_parse(data, size, &note, &err)) {
		if (!err.text[0])
			abort();
		return 0;
	}
	if (strnlen(note.bundle_id, sizeof(note.bundle_id)) == sizeof(note.bundle_id) ||
	    strnlen(note.bundle_version, sizeof(note.bundle_version)) == sizeof(note.bundle_version))
		abort();
	plugin_version_check(&note, &err);
	return 0;
}
