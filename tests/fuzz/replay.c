/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the seeds of a fuzz target once, as TAP: `fuzz_json` replays tests/fuzz/seeds/json. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(1 << 24);
	size_t n;

	if (!file || !data) {
		if (file)
			fclose(file);
		free(data);
		return -1;
	}
	n = fread(data, 1, 1 << 24, file);
	fclose(file);
	data = realloc(data, n ? n : 1); /* exact size, so that ASan sees one byte too many */
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 0;
}

static int replay_dir(const char *folder, int *count)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX];

	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (!replay_file(path))
			printf("ok %d - %s\n", ++*count, entry->d_name);
	}
	closedir(dir);
	return 0;
}

int main(int argc, char **argv)
{
	const char *src = getenv("ORASI_SRCDIR"), *name = strrchr(argv[0], '/');
	char folder[PATH_MAX];
	int count = 0;

	name = name ? name + 1 : argv[0];
	if (!strncmp(name, "lt-", 3))
		name += 3;
	if (!strncmp(name, "fuzz_", 5))
		name += 5;
	if (argc > 1)
		for (int i = 1; i < argc; i++)
			replay_dir(argv[i], &count);
	else {
		snprintf(folder, sizeof(folder), "%s/tests/fuzz/seeds/%s", src ? src : ".", name);
		if (replay_dir(folder, &count)) {
			printf("1..1\nnot ok 1 - no seeds in %s\n", folder);
			return 1;
		}
	}
	printf("1..%d\n", count);
	return 0;
}
