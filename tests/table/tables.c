/* SPDX-License-Identifier: Apache-2.0 */
#include "tables.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

struct blob *open_table(const char *name)
{
	struct blob *blob;
	struct err err = {0};

	ck_ok(blob_open(test_path(name), &blob, &err), &err);
	return blob;
}

void write_file(const char *path, const char *text)
{
	struct err err = {0};

	ck_ok(file_replace(path, text, strlen(text), &err), &err);
}

/* A log entry by hand. */
void put_entry(struct blob *blob, int version, const char *text)
{
	struct err err = {0};
	char name[64];

	snprintf(name, sizeof(name), "_delta_log/%020d.json", version);
	ck_ok(blob_put(blob, name, text, strlen(text), &err), &err);
}

/* One column per format: "a:l b:u". */
void make_schema(struct ArrowSchema *ret, const char *columns)
{
	char name[32], format[32];
	int n = 1, at = 0, used;

	for (const char *p = columns; *p; p++)
		n += *p == ' ';
	ck_assert_int_eq(arrow_schema_make(ret, "+s", "", 0, n), 0);
	for (; sscanf(columns, " %31[^:]:%31s%n", name, format, &used) == 2; columns += used)
		ck_assert_int_eq(arrow_schema_make(ret->children[at++], format, name, 1, 0), 0);
}

int commit_file(struct blob *blob, const struct table_codec *codec, const char *columns, const char *name,
                const char *app, int64_t txn, struct table_commit *ret, struct err *err)
{
	char staged[PATH_MAX];
	struct table_add add = {.staged = staged, .name = name, .size = 4, .rows = ROWS, .stats = "{\"numRecords\":5}"};
	struct ArrowSchema schema;
	struct table_change change =
		{.schema = &schema, .adds = &add, .n_adds = 1, .app_id = app, .txn = txn, .operation = "WRITE"};
	int r;

	make_schema(&schema, columns);
	snprintf(staged, sizeof(staged), "%s", test_path(name));
	if (access(staged, F_OK))
		write_file(staged, "data");
	r = table_commit(blob, codec, &change, ret, err);
	arrow_schema_release(&schema);
	return r;
}

void assert_table(struct blob *blob, const struct table_codec *codec, int64_t version, size_t files)
{
	struct table_snapshot s;
	struct err err = {0};

	ck_ok(table_snapshot(blob, codec, &s, &err), &err);
	ck_assert_int_eq(s.version, version);
	ck_assert_uint_eq(s.n_files, files);
	ck_assert_int_eq(s.rows, version < 0 ? 0 : (int64_t)files * ROWS);
	for (size_t i = 0; i < s.n_files; i++) {
		int64_t size;

		ck_ok(blob_size(blob, s.files[i].path, &size, NULL, &err), &err);
		ck_assert_int_eq(size, s.files[i].size);
	}
	table_snapshot_done(&s);
}

void assert_schema(struct blob *blob, const char *columns)
{
	struct table_snapshot s;
	struct ArrowSchema wanted;
	struct err err = {0};

	make_schema(&wanted, columns);
	ck_ok(table_snapshot(blob, NULL, &s, &err), &err);
	ck_assert_int_eq(arrow_schema_equal(&s.schema, &wanted, 0), 1);
	arrow_schema_release(&wanted);
	table_snapshot_done(&s);
}
