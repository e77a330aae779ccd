/* SPDX-License-Identifier: Apache-2.0 */
/* What the host promises to plugins in its headers: options, memory, scratch files, what it refuses. */
#include <pthread.h>
#include <string.h>

#include "lib/test.h"
#include "plugin/loader.h"

static struct err err;
static struct loader *loader;
static struct loader_host host;
static struct json *defaults;
static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.id = "org.orasi.test.host",
	.config_schema =
		"{\"type\":\"object\",\"required\":[\"must\"],\"properties\":{\"must\":{\"type\":\"string\"},"
		"\"size\":{\"type\":\"string\",\"format\":\"bytes\",\"default\":\"64KiB\"},"
		"\"ratio\":{\"type\":\"number\",\"default\":0.5},\"list\":{\"type\":\"array\",\"default\":[1,2]},"
		"\"on\":{\"type\":\"boolean\",\"default\":true}}}",
};
static const struct loader_plugin plugin = {.descriptor = &descriptor, .defaults = &defaults};

static orasi_status refuse_all(void *ctx, const orasi_rejected *rejected)
{
	(void)ctx;
	(void)rejected;
	return ORASI_E_BUDGET;
}

static void setup(void)
{
	ck_ok(loader_new(NULL, &loader, &err), &err);
	loader_host_init(&host, loader, test_dir(), 1, 1 << 20);
	host.on_reject = refuse_all;
	ck_ok(loader_host_for(&host, &plugin, &err), &err);
}

static void teardown(void)
{
	loader_host_done(&host);
	json_free(defaults);
	defaults = NULL;
}

static const void *ask_for(const char *id)
{
	const void *found = host.host.get_extension(&host.host, id);

	ck_assert_ptr_nonnull(found);
	return found;
}

/* ---- options -------------------------------------------------------------------------------------------------- */

static const orasi_config *options(struct loader_config *config, const char *text)
{
	struct json *json = NULL;

	ck_ok(text ? json_parse(text, strlen(text), &json, &err) : 0, &err);
	loader_config_init(config, &plugin, json);
	json_free(json);
	return &config->config;
}

START_TEST(what_is_not_given_has_its_default_whoever_asks)
{
	struct loader_config config;
	const orasi_config *c = options(&config, NULL);
	int64_t size = 0;
	int32_t on = 0;

	ck_assert_int_eq(c->get_i64(c, "/size", &size), ORASI_OK);
	ck_assert_int_eq(size, 64 << 10);
	ck_assert_int_eq(c->get_bool(c, "/on", &on), ORASI_OK);
	ck_assert_int_eq(on, 1);
	ck_assert_ptr_nonnull(strstr(c->json.ptr, "65536"));
	loader_config_done(&config);
}
END_TEST

START_TEST(what_is_given_stays_as_it_is)
{
	struct loader_config config;
	const orasi_config *c = options(&config, "{\"must\":\"x\",\"size\":7}");
	orasi_str must = ORASI_STR("");
	int64_t size = 0, item = 0;
	uint32_t n = 0;

	ck_assert_int_eq(c->get_i64(c, "/size", &size), ORASI_OK);
	ck_assert_int_eq(size, 7);
	ck_assert_int_eq(c->get_str(c, "/must", &must), ORASI_OK);
	ck_assert_uint_eq(must.len, 1);
	ck_assert_int_eq(c->count(c, "/list", &n), ORASI_OK);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(c->get_i64(c, "/list/1", &item), ORASI_OK);
	ck_assert_int_eq(item, 2);
	loader_config_done(&config);
}
END_TEST

START_TEST(something_of_another_type_is_as_good_as_nothing_and_changes_nothing)
{
	struct loader_config config;
	const orasi_config *c = options(&config, "{\"must\":\"x\"}");
	orasi_str text = ORASI_STR("kept");
	int64_t number = 41;
	double ratio = 4.5;
	int32_t on = 17;
	uint32_t n = 43;

	ck_assert_int_eq(c->get_i64(c, "/must", &number), ORASI_E_NOTFOUND);
	ck_assert_int_eq(c->get_i64(c, "/ratio", &number), ORASI_E_NOTFOUND);
	ck_assert_int_eq(c->get_f64(c, "/on", &ratio), ORASI_E_NOTFOUND);
	ck_assert_int_eq(c->get_bool(c, "/size", &on), ORASI_E_NOTFOUND);
	ck_assert_int_eq(c->get_str(c, "/size", &text), ORASI_E_NOTFOUND);
	ck_assert_int_eq(c->count(c, "/must", &n), ORASI_E_NOTFOUND);
	ck_assert_int_eq(c->count(c, "/nowhere", &n), ORASI_E_NOTFOUND);
	ck_assert(number == 41 && ratio == 4.5 && on == 17 && n == 43 && !strncmp(text.ptr, "kept", text.len));
	loader_config_done(&config);
}
END_TEST

/* ---- memory --------------------------------------------------------------------------------------------------- */

#define ROUNDS 20000

static void *take_and_give_back(void *arg)
{
	const orasi_host_mem *mem = arg;

	for (int i = 0; i < ROUNDS; i++) {
		void *p = mem->alloc(&host.host, (size_t)(i % 100), 0);

		if (!mem->reserve(&host.host, i % 7))
			mem->reserve(&host.host, -(i % 7));
		mem->release(&host.host, p);
	}
	return NULL;
}

START_TEST(memory_is_counted_right_from_many_threads)
{
	const orasi_host_mem *mem = ask_for(ORASI_HOST_MEM);
	uint64_t before = mem->budget(&host.host);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give_back, (void *)mem), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(mem->budget(&host.host), before);
}
END_TEST

START_TEST(who_gives_back_more_than_was_taken_has_no_more_than_before)
{
	const orasi_host_mem *mem = ask_for(ORASI_HOST_MEM);
	uint64_t before = mem->budget(&host.host);

	ck_assert_int_eq(mem->reserve(&host.host, INT64_MIN), ORASI_OK);
	ck_assert_uint_eq(mem->budget(&host.host), before);
	ck_assert_int_eq(mem->reserve(&host.host, INT64_MAX), ORASI_E_QUOTA);
	ck_assert_uint_eq(mem->budget(&host.host), before);
}
END_TEST

/* ---- scratch files, rejects, secrets ---------------------------------------------------------------------------- */

START_TEST(sixteen_scratch_files_are_the_most_and_a_handle_that_is_none_is_said_to_be_none)
{
	const orasi_host_blob *blob = ask_for(ORASI_HOST_BLOB);
	orasi_error error = ORASI_NO_ERROR;
	uint64_t handle = 0;
	char byte;

	for (int i = 0; i < 16; i++)
		ck_assert_msg(!blob->create(&host.host, &handle, &error), "%s", error.message);
	ck_assert_int_eq(blob->create(&host.host, &handle, &error), ORASI_E_LIMIT);
	ck_assert_int_eq(blob->pread(&host.host, 3, 0, &byte, 1, &error), ORASI_E_IO);
	ck_assert_ptr_nonnull(strstr(error.message, "ends early"));
	blob->close(&host.host, 3);
	ck_assert_int_eq(blob->pread(&host.host, 3, 0, &byte, 1, &error), ORASI_E_INVALID);
	ck_assert_int_eq(blob->pwrite(&host.host, 99, 0, "x", 1, NULL), ORASI_E_INVALID);
	ck_assert_int_eq(blob->create(&host.host, &handle, &error), ORASI_OK);
}
END_TEST

START_TEST(a_rejected_record_that_is_shorter_than_in_1_0_is_not_read)
{
	const orasi_host_reject *reject = ask_for(ORASI_HOST_REJECT);
	orasi_rejected whole = {.struct_size = sizeof(whole), .code = "x"}, cut = {.struct_size = 40, .code = "x"};

	ck_assert_int_eq(reject->reject(&host.host, &whole), ORASI_E_BUDGET);
	ck_assert_int_eq(reject->reject(&host.host, &cut), ORASI_E_INVALID);
	ck_assert_int_eq(reject->reject(&host.host, NULL), ORASI_E_INVALID);
}
END_TEST

START_TEST(an_error_begins_with_nothing_known)
{
	const orasi_error error = ORASI_NO_ERROR;

	ck_assert_uint_eq(error.struct_size, sizeof(error));
	ck_assert(error.row == -1 && error.offset == -1 && !error.message[0] && !error.where[0] && !error.flags);
}
END_TEST

static void host_cases(Suite *suite)
{
	TCase *c = tcase_create("host");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, what_is_not_given_has_its_default_whoever_asks);
	tcase_add_test(c, what_is_given_stays_as_it_is);
	tcase_add_test(c, something_of_another_type_is_as_good_as_nothing_and_changes_nothing);
	tcase_add_test(c, memory_is_counted_right_from_many_threads);
	tcase_add_test(c, who_gives_back_more_than_was_taken_has_no_more_than_before);
	tcase_add_test(c, sixteen_scratch_files_are_the_most_and_a_handle_that_is_none_is_said_to_be_none);
	tcase_add_test(c, a_rejected_record_that_is_shorter_than_in_1_0_is_not_read);
	tcase_add_test(c, an_error_begins_with_nothing_known);
	suite_add_tcase(suite, c);
}

TEST_MAIN("host", host_cases)
