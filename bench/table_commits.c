/* SPDX-License-Identifier: Apache-2.0 */
/* How many durable commits a second, and how long it takes to open a table of many: with our checkpoints, and by its
 * log alone.
 *   table_commits [commits]        table_commits 5000 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "plugin/codec.h"
#include "table/table.h"

#define OPENS 5

static struct err err;

static void die(void)
{
	fprintf(stderr, "table_commits: %s\n", err.text);
	exit(1);
}

static struct loader *open_loader(void)
{
	struct json *list = json_new_array(), *plugin = json_new_object();
	const char *build = getenv("ORASI_BUILDDIR");
	struct loader *loader;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/plugins/ingest-parquet/.libs/ingest-parquet.so", build ? build : ".");
	json_set_str(plugin, "kind", "ingest");
	json_set_str(plugin, "id", "org.orasi.ingest.parquet");
	json_set_str(plugin, "name", "parquet");
	json_set_str(plugin, "path", path);
	json_push(list, plugin);
	if (loader_new(NULL, &loader, &err))
		die();
	loader_set_plugins(loader, list);
	json_free(list);
	return loader;
}

static void commit(struct blob *blob, const struct table_codec *codec, const struct ArrowSchema *schema,
                   const char *folder, int i)
{
	static const char stats[] =
		"{\"numRecords\":1000,\"minValues\":{\"id\":1},\"maxValues\":{\"id\":1000},\"nullCount\":{\"id\":0}}";
	char name[64], staged[PATH_MAX];
	struct table_add add = {.staged = staged, .name = name, .size = 4, .rows = 1000, .stats = stats};
	struct table_change change =
		{.schema = schema, .adds = &add, .n_adds = 1, .app_id = "bench", .txn = i, .operation = "WRITE"};
	struct table_commit done;

	snprintf(name, sizeof(name), "part-%d.parquet", i);
	snprintf(staged, sizeof(staged), "%s/staged-%d", folder, i);
	if (file_replace(staged, "data", 4, &err) || table_commit(blob, codec, &change, &done, &err))
		die();
}

/* The best of a few, in ms. */
static double open_time(struct blob *blob, const struct table_codec *codec, size_t files)
{
	double best = 1e9;

	for (int i = 0; i < OPENS; i++) {
		int64_t start = clock_mono_ns();
		struct table_snapshot s;
		double ms;

		if (table_snapshot(blob, codec, &s, &err))
			die();
		ms = (double)(clock_mono_ns() - start) / 1e6;
		best = ms < best ? ms : best;
		if (s.n_files != files)
			exit(1);
		table_snapshot_done(&s);
	}
	return best;
}

int main(int argc, char **argv)
{
	int commits = argc > 1 ? atoi(argv[1]) : 5000;
	char folder[] = "/var/tmp/orasi-bench-XXXXXX", place[PATH_MAX];
	struct table_codec codec = CODEC(open_loader());
	struct ArrowSchema schema;
	double with, without;
	struct blob *blob;
	int64_t start, tail = 0;

	if (!mkdtemp(folder) || arrow_schema_make(&schema, "+s", "", 0, 1) ||
	    arrow_schema_make(schema.children[0], "l", "id", 1, 0))
		return 1;
	snprintf(place, sizeof(place), "%s/table", folder);
	if (blob_open(place, &blob, &err))
		die();
	start = clock_mono_ns();
	for (int i = 0; i < commits; i++) {
		if (i == commits - commits / 10)
			tail = clock_mono_ns();
		commit(blob, &codec, &schema, folder, i);
	}
	printf("%d durable commits: %.0f a second, the last tenth %.0f a second\n", commits,
	       commits / ((double)(clock_mono_ns() - start) / 1e9),
	       commits / 10 / ((double)(clock_mono_ns() - tail) / 1e9));
	with = open_time(blob, &codec, (size_t)commits);
	without = open_time(blob, NULL, (size_t)commits);
	printf("opening it: %.1f ms with checkpoints, %.1f ms by its log: %.1fx\n", with, without, without / with);
	arrow_schema_release(&schema);
	blob_close(blob);
	return dir_remove(folder, &err);
}
