/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into a dataset and an index over it, with the real writer and an index plugin for tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "lib/test.h"
#include "pipeline/pipeline.h"
#include "plugin/loader.h"
#include "table/table.h"

static struct err err;
static struct loader *loader;
static struct json *last_part;
static int parts;

static void on_progress(void *ctx, int64_t done, int64_t total, int64_t rows, int64_t rejected)
{
	(void)ctx, (void)done, (void)total, (void)rows, (void)rejected;
}

static struct json *new_order(void)
{
	struct json *order = json_new_object(), *place = json_new_object(), *index = json_new_object();

	json_set_str(place, "location", test_path("set"));
	json_set(order, "dataset", json_copy(place));
	json_set_str(place, "location", test_path("set__rejects"));
	json_set(order, "rejects", place);
	json_set_str(index, "name", "by_id");
	json_set(order, "index", index);
	json_set_str(order, "staging", test_path("staging"));
	json_set_str(order, "app_id", "a/t");
	return order;
}

/* Commits at once, as the table worker does; twice, which must change nothing. */
static int on_part(void *ctx, const struct json *part, struct err *e)
{
	int (*commit)(const struct json *, struct json **, struct err *) = ctx;
	struct json *order = new_order(), *result;
	int r = 0;

	json_set(order, "intent", json_copy(part));
	for (int i = 0; i < 2 && !r; i++) {
		r = commit(order, &result, e);
		if (!r)
			json_free(result);
	}
	json_free(order);
	json_free(last_part);
	last_part = json_copy(part);
	parts++;
	return r;
}

static int is_cancelled(void *ctx)
{
	(void)ctx;
	return 0;
}

static struct json *run(int (*task)(struct loader *, const struct json *, const struct pipeline_events *,
                                    struct json **, struct err *),
                        void *commit, struct json *order)
{
	struct pipeline_events events = {commit, on_progress, on_part, is_cancelled, 0};
	struct json *result;

	parts = 0;
	ck_ok(task(loader, order, &events, &result, &err), &err);
	json_free(order);
	return result;
}

static int commit_rows(const struct json *order, struct json **ret, struct err *e)
{
	return pipeline_commit(loader, order, ret, e);
}

static void ingest(const char *app_id, int first, int n)
{
	struct json *order = new_order(), *spec = json_new_object(), *source = json_new_object();
	char *text = calloc(1, (size_t)n * 20 + 1), *at = text;

	for (int i = 0; i < n; i++)
		at += sprintf(at, "{\"id\":%d}\n", first + i);
	json_set_str(source, "inline", text);
	json_set(spec, "source", source);
	json_set(order, "spec", spec);
	json_set_str(order, "app_id", app_id);
	json_free(run(pipeline_ingest, commit_rows, order));
	free(text);
}

static struct json *index_task(int (*task)(struct loader *, const struct json *, const struct pipeline_events *,
                                           struct json **, struct err *),
                               int64_t segment_rows)
{
	struct json *order = new_order();

	if (segment_rows)
		json_set_int(order, "segment_rows", segment_rows);
	json_set_int(order, "level", 2);
	return run(task, pipeline_index_commit, order);
}

static struct json *manifest(void)
{
	struct blob *blob;
	struct json *json;
	int64_t generation;

	ck_ok(blob_open(test_path("set"), &blob, &err), &err);
	ck_ok(index_manifest_load(blob, "by_id", &json, &generation, &err), &err);
	blob_close(blob);
	return json;
}

static void add_plugin(struct json *list, const char *kind, const char *id, const char *name, const char *file)
{
	struct json *entry = json_new_object();
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", getenv("ORASI_BUILDDIR") ? getenv("ORASI_BUILDDIR") : ".", file);
	json_set_str(entry, "kind", kind);
	json_set_str(entry, "id", id);
	json_set_str(entry, "name", name);
	json_set_str(entry, "path", path);
	json_push(list, entry);
}

static const char by_id[] = "{\"name\":\"by_id\",\"plugin\":\"list\",\"columns\":[\"id\"],\"options\":{},"
			    "\"segments\":[]}";

static void setup(void)
{
	struct json *list = json_new_array(), *index;
	struct blob *blob;
	int64_t generation;

	add_plugin(list, "ingest", "org.orasi.ingest.json", "json", "plugins/ingest-json/.libs/ingest-json.so");
	add_plugin(list, "ingest", "org.orasi.ingest.parquet", "parquet",
	           "plugins/ingest-parquet/.libs/ingest-parquet.so");
	add_plugin(list, "index", "org.orasi.test.list", "list", "tests/plugins/.libs/index-list.so");
	ck_ok(loader_new(NULL, &loader, &err), &err);
	loader_set_plugins(loader, list);
	json_free(list);
	ck_ok(dir_make(test_path("staging"), 0755, &err), &err);
	ingest("a/1", 0, 100);
	ck_ok(json_parse(by_id, strlen(by_id), &index, &err), &err);
	ck_ok(blob_open(test_path("set"), &blob, &err), &err);
	ck_ok(index_manifest_create(blob, index, &generation, &err), &err);
	blob_close(blob);
	json_free(index);
}

/* Segments, rows in them, and what verification at the highest level finds. */
static void check_index(int64_t segments, int64_t rows, int64_t missing_files)
{
	struct json *result = index_task(pipeline_index_verify, 0), *m = manifest();

	ck_assert_msg(json_count(json_get(result, "problems")) == 0, "%s", json_text(json_get(result, "problems")));
	ck_assert_int_eq(json_get_int(result, "segments", -1), segments);
	ck_assert_int_eq(json_get_int(result, "rows", -1), rows);
	ck_assert_int_eq(json_get_int(result, "missing_files", -1), missing_files);
	ck_assert_uint_eq(json_count(json_get(m, "segments")), (size_t)segments);
	json_free(result);
	json_free(m);
}

START_TEST(a_build_covers_what_is_new_and_nothing_twice)
{
	check_index(0, 0, 1);
	json_free(index_task(pipeline_index_build, 1000));
	check_index(1, 100, 0);
	json_free(index_task(pipeline_index_build, 1000));
	ck_assert_int_eq(parts, 0);
	ingest("a/2", 100, 50);
	check_index(1, 100, 1);
	json_free(index_task(pipeline_index_build, 1000));
	check_index(2, 150, 0);
}
END_TEST

START_TEST(a_large_build_is_cut_into_parts_of_one_segment_each)
{
	struct json *result;

	ingest("a/2", 100, 50);
	ingest("a/3", 150, 50);
	result = index_task(pipeline_index_build, 50);
	ck_assert_int_eq(json_get_int(result, "segments", -1), 3);
	ck_assert_int_eq(parts, 3);
	ck_assert(json_get_bool(last_part, "final", 0));
	check_index(3, 200, 0);
	json_free(result);
}
END_TEST

START_TEST(optimising_makes_one_segment_of_many)
{
	ingest("a/2", 100, 50);
	json_free(index_task(pipeline_index_build, 1));
	check_index(2, 150, 0);
	json_free(index_task(pipeline_index_optimize, 1000));
	ck_assert_int_eq(parts, 1);
	check_index(1, 150, 0);
	json_free(index_task(pipeline_index_optimize, 1000));
	ck_assert_int_eq(parts, 0);
}
END_TEST

START_TEST(a_byte_that_changed_is_found)
{
	char path[4096];
	struct json *m, *result;
	FILE *file;

	json_free(index_task(pipeline_index_build, 1000));
	m = manifest();
	snprintf(path, sizeof(path), "%s/_orasi/indexes/by_id/%s/keys", test_path("set"),
	         json_get_str(json_at(json_get(m, "segments"), 0), "dir", ""));
	file = fopen(path, "r+");
	ck_assert_ptr_nonnull(file);
	fseek(file, 32, SEEK_SET);
	fputc(0x5A, file);
	fclose(file);
	result = index_task(pipeline_index_verify, 0);
	ck_assert_uint_eq(json_count(json_get(result, "problems")), 1);
	ck_assert_ptr_nonnull(strstr(json_text(result), "checksum"));
	json_free(result);
	json_free(m);
}
END_TEST

static void index_cases(Suite *suite)
{
	TCase *c = tcase_create("index");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, a_build_covers_what_is_new_and_nothing_twice);
	tcase_add_test(c, a_large_build_is_cut_into_parts_of_one_segment_each);
	tcase_add_test(c, optimising_makes_one_segment_of_many);
	tcase_add_test(c, a_byte_that_changed_is_found);
	suite_add_tcase(suite, c);
}

TEST_MAIN("index", index_cases)
