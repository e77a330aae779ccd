/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest of an index, of any bytes: an error, or one whose segments make sense. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "table/table.h"

static char folder[] = "/tmp/orasi-fuzz-XXXXXX", state[128];
static struct blob *blob;

static void clean_up(void)
{
	blob_close(blob);
	dir_remove(folder, NULL);
}

static void set_up(void)
{
	char inner[100];

	if (!mkdtemp(folder))
		abort();
	snprintf(inner, sizeof(inner), "%s/_orasi/indexes/fuzz", folder);
	snprintf(state, sizeof(state), "%s/00000000000000000000.json", inner);
	if (dir_make(inner, 0755, NULL) || blob_open(folder, &blob, NULL))
		abort();
	atexit(clean_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *manifest;
	struct err err = {0};
	FILE *file;
	int64_t generation;

	if (!blob)
		set_up();
	file = fopen(state, "wb");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file))
		abort();
	if (!index_manifest_load(blob, "fuzz", &manifest, &generation, &err))
		json_free(manifest);
	else if (!err.text[0])
		abort();
	return 0;
}
