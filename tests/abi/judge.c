/* SPDX-License-Identifier: Apache-2.0 */
/* judge FILE MAJOR MINOR: would an agent with this ABI take the file? "fits", or the sentence that refuses it. */
#include <stdio.h>
#include <stdlib.h>

#include "plugin/inside.h"

int main(int argc, char **argv)
{
	struct plugin_note note;
	struct err err = {0};

	if (argc != 4)
		return 2;
	if (!plugin_note_read(argv[1], &note, &err))
		plugin_version_judge(&note, (unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), &err);
	puts(err.code ? err.text : "fits");
	return 0;
}
