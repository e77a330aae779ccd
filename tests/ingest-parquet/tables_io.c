/* SPDX-License-Identifier: Apache-2.0 */
/* For tests with other engines:
 *
 *   tables_io write SEED FOLDER COUNT    random tables 0.parquet … and beside each its rows, 0.json
 *   tables_io read FILE                  what our decoder reads, in the same form
 *
 * The first line is the type of a row, each further line a row. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "ingest-parquet/plugin.h"
#include "ingest-parquet/tables.h"
#include "lib/fakehost.h"

static orasi_error error = ORASI_NO_ERROR;

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, error.message);
	return 1;
}

static void put_rows(FILE *to, const struct ArrowSchema *schema, const struct ArrowArray *batch)
{
	struct arrow_view view;
	struct buf line;

	buf_init(&line, 0);
	if (arrow_view_init(&view, schema, batch))
		abort();
	for (int64_t i = 0; i < batch->length; i++) {
		line.len = 0;
		table_row_json(&line, &view, i);
		fprintf(to, "%.*s\n", (int)line.len, line.data);
	}
	buf_done(&line);
}

static void put_type(FILE *to, const struct ArrowSchema *schema)
{
	struct buf line;

	buf_init(&line, 0);
	table_type_json(&line, schema);
	fprintf(to, "%.*s\n", (int)line.len, line.data);
	buf_done(&line);
}

/* ---- write ---------------------------------------------------------------------------------- */

/* The ways to write that other readers must understand. */
static const char *const options[] = {
	"{}",
	"{\"profile\":\"compact\"}",
	"{\"compression\":\"auto\",\"profile\":\"compact\",\"row_group_rows\":1000}",
	"{\"compression\":\"snappy\",\"row_group_rows\":777}",
	"{\"compression\":\"lz4_raw\",\"page_index\":false}",
	"{\"compression\":\"gzip\",\"profile\":\"compact\"}",
	"{\"compression\":\"none\",\"bloom_columns\":[\"c0\"],\"sorted_by\":[\"c0\"]}",
};
#define N_OPTIONS (int)(sizeof(options) / sizeof(options[0]))

static int encode(const char *option, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                  struct fakehost_output *out)
{
	struct fakehost *fake = fakehost_new();
	struct fakehost_config *config = fakehost_config_new(option);
	const orasi_encode_factory *f = &parquet_encode_factory;
	orasi_encode_info info = {.struct_size = sizeof(info)};
	orasi_encode_open open = {sizeof(open), 0, &out->output, schema};
	void *self = NULL;
	orasi_status r = f->create(fakehost_host(fake), PARQUET_ID, fakehost_config(config), &self, &error);

	if (!r)
		r = f->open(self, &open, &error);
	if (!r)
		r = f->write(self, batch, &error);
	if (!r)
		r = f->finish(self, &info, &error);
	f->destroy(self);
	fakehost_config_free(config);
	fakehost_free(fake);
	return r;
}

/* The first tables have every type, flat, until each way was tried with each density; the others what the dice say. The
 * first column is of int64 in all of them: ways name it. */
static void make_table(int number, struct ArrowSchema *schema, struct ArrowArray *batch)
{
	static const int densities[] = {0, 10, 50, 100}, repetitions[] = {0, 3, 200};
	int all = number < N_OPTIONS * 4;
	int64_t n = all ? (int64_t)n_table_formats : 1 + (int64_t)table_dice(5), rows = number < 4 ? 3000 : 300;
	size_t first = 0;
	char name[16];

	while (strcmp(table_formats[first], "l") != 0)
		first++;
	if (arrow_schema_make(schema, "+s", "", 0, n))
		abort();
	for (int64_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "c%d", (int)i);
		table_field(schema->children[i], name, all || !i ? 0 : 3,
		            all || !i ? table_formats[(first + (size_t)i) % n_table_formats] : NULL);
	}
	if (!all)
		rows = (int64_t)table_dice(2500);
	table_batch(schema, rows, densities[number % 4], repetitions[table_dice(3)], batch);
}

static int write_table(const char *folder, int number)
{
	struct fakehost_output out;
	struct ArrowSchema schema;
	struct ArrowArray batch;
	char path[1024];
	FILE *file;

	make_table(number, &schema, &batch);
	fakehost_output_init(&out);
	if (encode(options[number % N_OPTIONS], &schema, &batch, &out))
		return fail("encode");
	snprintf(path, sizeof(path), "%s/%d.parquet", folder, number);
	file = fopen(path, "wb");
	if (!file || fwrite(out.buf.data, 1, out.buf.len, file) != out.buf.len || fclose(file))
		return fail(path);
	snprintf(path, sizeof(path), "%s/%d.json", folder, number);
	file = fopen(path, "w");
	if (!file)
		return fail(path);
	put_type(file, &schema);
	put_rows(file, &schema, &batch);
	fclose(file);
	fakehost_output_done(&out);
	arrow_array_release(&batch);
	arrow_schema_release(&schema);
	return 0;
}

/* ---- read ----------------------------------------------------------------------------------- */

static int read_table(const char *path)
{
	const orasi_ingest_factory *f = &parquet_ingest_factory;
	orasi_mark mark = {.struct_size = sizeof(mark)};
	struct fakehost_source source;
	struct ArrowSchema schema = {0};
	struct ArrowArray batch;
	orasi_ingest_open open = {.struct_size = sizeof(open), .source = &source.source, .max_rows = 1000};
	struct buf data;
	orasi_status r;
	void *self;

	buf_init(&data, 0);
	if (file_read(path, 1 << 30, &data, NULL))
		return fail(path);
	fakehost_source_init(&source, data.data, data.len, 1);
	r = f->create(NULL, PARQUET_ID, NULL, &self, &error);
	if (!r)
		r = f->open(self, &open, &schema, &error);
	if (!r)
		put_type(stdout, &schema);
	while (!r && !(r = f->next(self, &batch, &mark, &error))) {
		put_rows(stdout, &schema, &batch);
		arrow_array_release(&batch);
	}
	arrow_schema_release(&schema);
	f->destroy(self);
	buf_done(&data);
	return r == ORASI_END ? 0 : fail(path);
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "write")) {
		table_seed(strtoull(argv[2], NULL, 10));
		for (int i = 0; i < atoi(argv[4]); i++)
			if (write_table(argv[3], i))
				return 1;
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "read"))
		return read_table(argv[2]);
	fprintf(stderr, "tables_io write SEED FOLDER COUNT | tables_io read FILE\n");
	return 2;
}
