/* SPDX-License-Identifier: Apache-2.0 */
/* How many durable commits of 1,000 rows a second, each rows → Parquet file → log, against what the disk gives for the
 * same writes and syncs without a table and with a file that is ready, turn by turn; and how long it takes to open a table
 * of many: with our checkpoints, and by its log alone. Runs in a build folder, or with ORASI_BUILDDIR.
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
#define ROWS 1000
#define TURN 50

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

static const struct {
	const char *name, *format;
} columns[] = {{"id", "l"}, {"time", "tsu:UTC"}, {"duration_ms", "g"}, {"message", "u"}};
#define N_COLUMNS (int)(sizeof(columns) / sizeof(columns[0]))

struct rows {
	const struct ArrowSchema *schema;
	int from, given;
};

static int add_row(struct arrow_builder *rows, int id)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "request %d completed in %d ms", id, id % 977);

	return arrow_append_int(arrow_builder_child(rows, 0), id) |
	       arrow_append_int(arrow_builder_child(rows, 1), 1772323200000000 + (int64_t)id * 37000) |
	       arrow_append_double(arrow_builder_child(rows, 2), id % 977) |
	       arrow_append_bytes(arrow_builder_child(rows, 3), text, (size_t)n) | arrow_end_struct(rows);
}

static int next_rows(void *from, struct ArrowArray *ret, struct err *e)
{
	struct rows *rows = from;
	struct arrow_builder *builder;

	if (rows->given++)
		return 0;
	builder = arrow_builder_new(rows->schema);
	for (int i = 0; i < ROWS; i++)
		if (!builder || add_row(builder, rows->from + i))
			return err_set(e, ERR_NOMEM, "out of memory");
	if (arrow_builder_finish(builder, ret))
		return err_set(e, ERR_NOMEM, "out of memory");
	arrow_builder_free(builder);
	return 1;
}

static void encode(struct loader *loader, const struct ArrowSchema *schema, int i, struct buf *ret)
{
	struct rows rows = {schema, i * ROWS, 0};

	ret->len = 0;
	if (codec_write(loader, schema, next_rows, &rows, ret, &err))
		die();
}

static void commit(struct blob *blob, const struct table_codec *codec, const struct ArrowSchema *schema,
                   const char *folder, const struct buf *file, int i)
{
	static const char stats[] =
		"{\"numRecords\":1000,\"minValues\":{\"id\":1},\"maxValues\":{\"id\":1000},\"nullCount\":{\"id\":0}}";
	char name[64], staged[PATH_MAX];
	struct table_add add = {.staged = staged,
	                        .name = name,
	                        .size = (int64_t)file->len,
	                        .rows = ROWS,
	                        .stats = stats};
	struct table_change change =
		{.schema = schema, .adds = &add, .n_adds = 1, .app_id = "bench", .txn = i, .operation = "WRITE"};
	struct table_commit done;

	snprintf(name, sizeof(name), "part-%d.parquet", i);
	snprintf(staged, sizeof(staged), "%s/staged-%d", folder, i);
	if (file_replace(staged, file->data, file->len, &err) || table_commit(blob, codec, &change, &done, &err))
		die();
}

/* The same files, renames and syncs as a commit needs, and nothing else. */
static void bare(const char *folder, const struct buf *file, int i)
{
	static const char entry[700];
	char staged[PATH_MAX], data[PATH_MAX], log[PATH_MAX];

	snprintf(staged, sizeof(staged), "%s/staged-%d", folder, i);
	snprintf(data, sizeof(data), "%s/bare/part-%d.parquet", folder, i);
	snprintf(log, sizeof(log), "%s/bare/log/%020d.json", folder, i);
	if (file_replace(staged, file->data, file->len, &err) || file_rename_new(staged, data, &err))
		die();
	*strrchr(data, '/') = '\0';
	if (dir_sync(data, &err) || file_create(log, entry, sizeof(entry), &err))
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
	struct loader *loader = open_loader();
	struct table_codec codec = CODEC(loader);
	struct ArrowSchema schema;
	struct buf file;
	double with, without;
	struct blob *blob;
	int64_t start, ours = 0, alone = 0;

	if (!mkdtemp(folder) || arrow_schema_make(&schema, "+s", "", 0, N_COLUMNS))
		return 1;
	for (int k = 0; k < N_COLUMNS; k++)
		if (arrow_schema_make(schema.children[k], columns[k].format, columns[k].name, 1, 0))
			return 1;
	buf_init(&file, 0);
	snprintf(place, sizeof(place), "%s/table", folder);
	if (blob_open(place, &blob, &err))
		die();
	snprintf(place, sizeof(place), "%s/bare/log", folder);
	if (dir_make(place, 0755, &err))
		die();
	for (int at = 0; at < commits; at += TURN) {
		int end = at + TURN < commits ? at + TURN : commits;

		start = clock_mono_ns();
		for (int i = at; i < end; i++) {
			encode(loader, &schema, i, &file);
			commit(blob, &codec, &schema, folder, &file, i);
		}
		ours += clock_mono_ns() - start;
		start = clock_mono_ns();
		for (int i = at; i < end; i++)
			bare(folder, &file, i);
		alone += clock_mono_ns() - start;
	}
	printf("%d durable commits of %d rows: %.0f a second; the disk alone: %.0f a second: %.2fx\n", commits, ROWS,
	       commits / ((double)ours / 1e9), commits / ((double)alone / 1e9), (double)alone / (double)ours);
	with = open_time(blob, &codec, (size_t)commits);
	without = open_time(blob, NULL, (size_t)commits);
	printf("opening it: %.1f ms with checkpoints, %.1f ms by its log: %.1fx\n", with, without, without / with);
	arrow_schema_release(&schema);
	buf_done(&file);
	blob_close(blob);
	return dir_remove(folder, &err);
}
