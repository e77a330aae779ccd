/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that hold for every kind: options, errors, memory, threads. They are about instance_work. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "exam.h"

#define CANARY "s3cr3t-canary-7f1d"

/* ---- options ----------------------------------------------------------------------------------------------------- */

/* create → destroy with this configuration. `must`: it has to work; else a refusal with a reason is fine too. */
static int make(struct exam *exam, const struct json *config, int must, const char *what)
{
	orasi_error error = exam_no_error();
	void *self;
	orasi_status status = instance_create(exam, &exam->lab, NULL, config, &self, &error);

	if (!status) {
		instance_destroy(exam, self);
		return 0;
	}
	if (exam_error(exam, "create", status, &error))
		return -1;
	return must ? exam_fail(exam, "create fails with %s: %s", what, error.message) : 0;
}

/* The configuration with one property changed, through the check that the host makes at submit. */
static int make_with(struct exam *exam, const char *key, struct json *value, int must, const char *what)
{
	struct json *config = json_copy(exam->config), *errors = json_new_array();
	char text[256];
	int r = 0;

	snprintf(text, sizeof(text), "%s of option '%s' (%.100s)", what, key, json_text(value));
	json_set(config, key, value);
	if (plugin_config_check(exam->subject.schema, config, "", errors)) {
		if (must)
			r = exam_fail(exam, "the schema refuses its own %s: %s", text,
			              json_get_str(json_at(errors, 0), "detail", ""));
	} else {
		r = make(exam, config, must, text);
	}
	json_free(errors);
	json_free(config);
	return r;
}

static int try_property(struct exam *exam, const char *key, const struct json *schema)
{
	static const char *const bounds[] = {"minimum", "maximum"};
	const struct json *examples = json_get(schema, "examples"), *words = json_get(schema, "enum");
	int r = 0;

	for (size_t i = 0; i < json_count(examples) && !r; i++)
		r = make_with(exam, key, json_copy(json_at(examples, i)), 1, "the example");
	for (size_t i = 0; i < json_count(words) && !r; i++)
		r = make_with(exam, key, json_copy(json_at(words, i)), 1, "the value");
	for (size_t i = 0; i < 2 && !r; i++)
		if (json_get(schema, bounds[i]))
			r = make_with(exam, key, json_copy(json_get(schema, bounds[i])), 1, bounds[i]);
	return r;
}

static int takes_its_options(struct exam *exam)
{
	const struct json *properties = json_get(exam->subject.schema, "properties"), *schema;
	const char *key;
	size_t at = 0;
	int r = make(exam, exam->config, 1, "its defaults");

	while (!r && json_each(properties, &at, &key, &schema))
		r = try_property(exam, key, schema);
	return r;
}

/* The host checks before; a plugin that trusts it must still not crash on what gets through. */
static int survives_wrong_options(struct exam *exam)
{
	static const char *const values[] = {
		"null",
		"true",
		"-1",
		"9223372036854775807",
		"-9223372036854775807",
		"1.5e300",
		"\"\"",
		"\"\\u0000\"",
		"[]",
		"{}",
		"[[1],{\"a\":null}]",
		"\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""};
	const struct json *properties = json_get(exam->subject.schema, "properties"), *schema;
	const char *key;
	size_t at = 0;
	int r = 0;

	while (!r && json_each(properties, &at, &key, &schema))
		for (size_t i = 0; i <= sizeof(values) / sizeof(values[0]) && !r; i++) {
			struct json *config = json_copy(exam->config), *value;

			if (i == sizeof(values) / sizeof(values[0]))
				json_del(config, key);
			else if (!json_parse(values[i], strlen(values[i]), &value, NULL))
				json_set(config, key, value);
			r = make(exam, config, 0, "");
			json_free(config);
		}
	return r;
}

static int defaults_are_true(struct exam *exam)
{
	struct digest with = {0}, without = {0};
	struct json *none = json_new_object();
	uint64_t random = exam->random;
	int r = instance_work(exam, &exam->lab, exam->config, &with);

	if (json_count(json_get(exam->subject.schema, "required")) || typed_has(exam->typed, "option"))
		r = r ? r : exam_skip(exam, "options are required or were given");
	exam->random = random;
	if (!r)
		r = instance_work(exam, &exam->lab, none, &without);
	if (!r && (with.n != without.n || (with.n && memcmp(with.items, without.items, with.n * sizeof(*with.items)))))
		r = exam_fail(exam, "the defaults of the schema give other results than no options");
	json_free(none);
	digest_done(&with);
	digest_done(&without);
	return r;
}

static int keeps_secrets(struct exam *exam)
{
	const struct json *properties = json_get(exam->subject.schema, "properties"), *schema;
	struct json *config = json_copy(exam->config);
	const char *key;
	size_t at = 0;
	int n = 0, r;

	while (json_each(properties, &at, &key, &schema))
		if (json_get_bool(schema, "x-secret", 0)) {
			json_set_str(config, key, CANARY);
			n++;
		}
	if (!n) {
		json_free(config);
		return exam_skip(exam, "no option is marked x-secret");
	}
	r = instance_work(exam, &exam->lab, config, NULL);
	json_free(config);
	if (!r && exam->lab.said.len && memmem(exam->lab.said.data, exam->lab.said.len, CANARY, strlen(CANARY)))
		r = exam_fail(exam, "a secret option is in a log line, an error, a rejected record or a checkpoint");
	return r;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* In a fork: the page tells the parent whether there were as many allocations. */
static int work_without_nth(struct exam *exam, void *ctx)
{
	guard_fail_alloc(*(const int64_t *)ctx);
	if (instance_work(exam, &exam->lab, exam->config, NULL))
		return -1;
	if (!guard_has_failed())
		exam_note(exam, "%lld allocations, each has failed once", (long long)*(const int64_t *)ctx - 1);
	return 0;
}

/* Rust's own allocator ends the process; no plugin in it can do better. */
static int is_rust_abort(struct exam *exam)
{
	struct buf bytes;
	int r;

	if (!strstr(exam->page->sentence, "died of signal 6 "))
		return 0;
	buf_init(&bytes, 0);
	r = !file_read(exam->file, 1u << 30, &bytes, NULL) && memmem(bytes.data, bytes.len, "/rustc/", 7);
	buf_done(&bytes);
	return r;
}

static int survives_no_memory(struct exam *exam)
{
	int64_t most = exam->level == LEVEL_BASIC ? 60 : 400;

	if (!guard_counts())
		return exam_skip(exam, "allocations cannot be made to fail in a build with sanitizers");
	for (int64_t n = 1; n <= most; n++) {
		if (exam_fork(exam, work_without_nth, &n)) {
			size_t len = strlen(exam->page->sentence);

			if (is_rust_abort(exam)) {
				exam->page->outcome = OUTCOME_NONE;
				return exam_skip(
					exam, "Rust ends the process when there is no memory: that costs an attempt");
			}
			snprintf(exam->page->sentence + len, sizeof(exam->page->sentence) - len,
			         " (when allocation %lld fails)", (long long)n);
			return -1;
		}
		if (exam->page->note[0])
			return 0;
	}
	exam_note(exam, "the first %lld allocations", (long long)most);
	return 0;
}

/* What one run leaves behind may be a cache; what every further run leaves behind is a leak. */
static int gives_memory_back(struct exam *exam)
{
	int64_t before, after;
	int runs = 20;

	if (!guard_counts())
		return exam_skip(exam, "allocations are not counted in a build with sanitizers");
	for (int i = 0; i < 3; i++)
		if (instance_work(exam, &exam->lab, exam->config, NULL))
			return -1;
	before = guard_blocks();
	for (int i = 0; i < runs; i++)
		if (instance_work(exam, &exam->lab, exam->config, NULL))
			return -1;
	after = guard_blocks();
	if (exam->lab.blocks)
		return exam_fail(exam, "%lld blocks of host memory are not released by destroy",
		                 (long long)exam->lab.blocks);
	if (after - before >= runs)
		return exam_fail(exam, "it leaks: %lld blocks more after %d runs from create to destroy",
		                 (long long)(after - before), runs);
	return 0;
}

static int destroys_nothing(struct exam *exam)
{
	instance_destroy(exam, NULL);
	return 0;
}

/* ---- order, threads ---------------------------------------------------------------------------------------------- */

static int same(struct exam *exam, const struct digest *a, const struct digest *b, const char *what)
{
	if (a->n != b->n || (a->n && memcmp(a->items, b->items, a->n * sizeof(*a->items))))
		return exam_fail(exam, "%s", what);
	return 0;
}

static int does_the_same_twice(struct exam *exam)
{
	struct digest a = {0}, b = {0};
	uint64_t random = exam->random;
	int r;

	if (!(exam->subject.descriptor->flags & ORASI_FLAG_DETERMINISTIC))
		return exam_skip(exam, "it does not say DETERMINISTIC");
	r = instance_work(exam, &exam->lab, exam->config, &a);
	exam->random = random;
	if (!r)
		r = instance_work(exam, &exam->lab, exam->config, &b);
	if (!r)
		r = same(exam, &a, &b, "it says DETERMINISTIC, but gives another result the second time");
	digest_done(&a);
	digest_done(&b);
	return r;
}

struct worker {
	struct exam exam; /* a copy: its own random numbers and host */
	struct digest digest;
	int r;
};

static void *work_on_thread(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 3 && !w->r; i++) {
		w->exam.random = w->exam.seed;
		digest_done(&w->digest);
		w->r = instance_work(&w->exam, &w->exam.lab, w->exam.config, &w->digest);
	}
	return NULL;
}

static int works_beside_itself(struct exam *exam)
{
	struct worker workers[3] = {0};
	pthread_t threads[3];
	int r = 0;

	for (int i = 0; i < 3; i++) {
		workers[i].exam = *exam;
		lab_init(&workers[i].exam.lab, exam->subject.descriptor);
		workers[i].exam.config = json_copy(exam->config);
		json_text(workers[i].exam.config);
		if (pthread_create(&threads[i], NULL, work_on_thread, &workers[i]))
			return exam_fail(exam, "cannot start a thread");
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 3 && !r; i++)
		r = workers[i].r;
	for (int i = 1; i < 3 && !r && exam->subject.descriptor->flags & ORASI_FLAG_DETERMINISTIC; i++)
		r = same(exam, &workers[0].digest, &workers[i].digest,
		         "instances on several threads at once give other results: are there globals?");
	return r;
}

static int makes_many(struct exam *exam)
{
	for (int i = 0; i < 1000; i++)
		if (make(exam, exam->config, 1, "its defaults, again and again"))
			return -1;
	return 0;
}

const struct test tests_any[] = {
	{"config.values", "create takes the defaults, examples, words and bounds of its schema", 0, 0,
         takes_its_options},
	{"config.wrong", "values that the host would refuse, and options that are not there, do not crash it", 0, 0,
         survives_wrong_options},
	{"config.defaults", "the defaults of the schema are those of the code", 0, 0, defaults_are_true},
	{"config.secrets", "what is x-secret appears nowhere", 0, 0, keeps_secrets},
	{"error.memory", "each allocation that fails becomes an error with a reason", 0, 0, survives_no_memory},
	{"own.leak", "destroy gives everything back", 0, 0, gives_memory_back},
	{"own.null", "destroy of NULL is fine", 0, 0, destroys_nothing},
	{"own.many", "a thousand instances one after the other", 0, TEST_FULL, makes_many},
	{"work.twice", "the same input gives the same result", 0, 0, does_the_same_twice},
	{"threads.instances", "several instances at once on several threads", 0, 0, works_beside_itself},
	{0},
};
