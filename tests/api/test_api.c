/* SPDX-License-Identifier: Apache-2.0 */
/* The API over real sockets, with a real store, queue and catalog; workers and plugins are
 * stand-ins. Everything runs in a thread of its own, the test is the client. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/fakes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "health/health.h"
#include "http/client.h"
#include "lib/test.h"
#include "loop/loop.h"
#include "queue/queue.h"
#include "store/store.h"
#include "json/json.h"

typedef void (*todo_fn)(void);

static struct {
	struct loop *loop;
	struct loop_wake *wake, *command;
	struct store *store;
	struct queue *queue;
	struct catalog *catalog;
	struct supervise *supervise;
	struct health *health;
	struct api *api;
	struct http_server *server;
	struct store_config store_config;
	struct queue_config queue_config;
	struct http_config http_config;
	struct api_config api_config;
	pthread_t thread;
	_Atomic(todo_fn) todo;
	atomic_int done;
	struct client client;
	struct json *reply;    /* body of the last answer */
	struct json *document; /* the OpenAPI document */
} t;

/* ---- the agent -------------------------------------------------------------------------- */
static void on_wake(void *ctx)
{
	(void)ctx;
	store_drain(t.store);
}

static void wake_store(void *ctx)
{
	(void)ctx;
	if (t.wake)
		loop_wake_now(t.wake);
}

static void on_ready(void *ctx)
{
	(void)ctx;
}

static void on_cancel(void *ctx, int64_t id, int64_t fence)
{
	(void)ctx;
	(void)id;
	(void)fence;
}

static void on_event(void *ctx, const struct task_event *event)
{
	(void)ctx;
	if (t.api)
		api_on_event(t.api, event);
}

static void on_command(void *ctx)
{
	todo_fn todo = t.todo;

	(void)ctx;
	todo();
	t.done = 1;
}

static void *run(void *ctx)
{
	(void)ctx;
	loop_run(t.loop);
	return NULL;
}

static void configure(void)
{
	struct err err;

	ck_ok(options_init(store_options, &t.store_config, &err), &err);
	ck_ok(options_init(queue_options, &t.queue_config, &err), &err);
	ck_ok(options_init(http_options, &t.http_config, &err), &err);
	ck_ok(options_init(api_options, &t.api_config, &err), &err);
	ck_ok(option_set(option_find(http_options, "listen"), &t.http_config, "127.0.0.1:0", &err),
	      &err);
}

static void open_rooms(void)
{
	struct queue_events events = {NULL, on_ready, on_cancel, on_event};
	struct err err;

	ck_ok(loop_new(&t.loop, &err), &err);
	ck_ok(loop_wake_new(t.loop, on_wake, NULL, &t.wake, &err), &err);
	ck_ok(loop_wake_new(t.loop, on_command, NULL, &t.command, &err), &err);
	ck_ok(store_open(test_path("store.db"), &t.store_config, wake_store, NULL, &t.store, &err),
	      &err);
	ck_ok(catalog_open(t.store, &t.catalog, &err), &err);
	ck_ok(queue_open(t.store, &t.queue_config, &events, &t.queue, &err), &err);
	ck_ok(health_new(&t.health, &err), &err);
	t.supervise = fake_supervise_new(t.loop, t.catalog);
}

static void start(void)
{
	struct api_env env = {.config = &t.api_config, .version = "1.2.3"};
	struct err err;

	memset(&t, 0, sizeof(t));
	log_setup(LOG_TEXT, LOG_ERROR, "test");
	configure();
	open_rooms();
	env.loop = t.loop;
	env.queue = t.queue;
	env.catalog = t.catalog;
	env.supervise = t.supervise;
	env.health = t.health;
	env.data_dir = test_dir();
	ck_ok(api_new(&env, &t.api, &err), &err);
	ck_ok(http_server_new(loop_uv(t.loop), &t.http_config, api_routes(t.api), t.api, &t.server,
	                      &err),
	      &err);
	ck_assert_int_eq(pthread_create(&t.thread, NULL, run, NULL), 0);
	client_open(&t.client, http_server_port(t.server));
}

static void on_loop(todo_fn todo)
{
	t.done = 0;
	t.todo = todo;
	loop_wake_now(t.command);
	while (!t.done)
		usleep(500);
}

static void on_stopped(void *ctx)
{
	(void)ctx;
	loop_stop(t.loop);
}

static void stop_server(void)
{
	api_stop(t.api);
	http_server_stop(t.server, 5000, on_stopped, NULL);
}

static void finish(void)
{
	client_close(&t.client);
	on_loop(stop_server);
	pthread_join(t.thread, NULL);
	http_server_free(t.server);
	store_flush(t.store);
	api_free(t.api);
	store_close(t.store);
	queue_close(t.queue);
	catalog_close(t.catalog);
	health_free(t.health);
	fake_supervise_free(t.supervise);
	loop_wake_free(t.wake);
	loop_wake_free(t.command);
	loop_free(t.loop);
	json_free(t.reply);
	json_free(t.document);
	options_done(http_options, &t.http_config);
}

/* ---- does an answer have the shape that the document promises? -------------------------- */
static int fits(const struct json *schema, const struct json *value);

static int type_fits(const char *type, const struct json *value)
{
	const char *is = json_type_name(json_type(value));

	return str_eq(type, is) || (str_eq(type, "number") && str_eq(is, "integer"));
}

static int any_type_fits(const struct json *type, const struct json *value)
{
	if (json_type(type) == JSON_STRING)
		return type_fits(json_str(type, ""), value);
	for (size_t i = 0; i < json_count(type); i++)
		if (type_fits(json_str(json_at(type, i), ""), value))
			return 1;
	return !type;
}

static int has_key(const struct json *object, const char *wanted)
{
	const struct json *value;
	const char *key;
	size_t at = 0;

	while (json_each(object, &at, &key, &value))
		if (str_eq(key, wanted))
			return 1;
	return 0;
}

static int members_fit(const struct json *schema, const struct json *value)
{
	const struct json *properties = json_get(schema, "properties"), *member;
	const struct json *others = json_get(schema, "additionalProperties");
	const struct json *required = json_get(schema, "required");
	const char *key;
	size_t at = 0;

	for (size_t i = 0; i < json_count(required); i++)
		if (!has_key(value, json_str(json_at(required, i), "")))
			return 0;
	while (json_each(value, &at, &key, &member)) {
		const struct json *own = json_get(properties, key);

		if (own                                ? !fits(own, member)
		    : json_type(others) == JSON_OBJECT ? !fits(others, member)
		                                       : !json_bool(others, 0)) {
			fprintf(stderr, "member '%s' does not fit\n", key);
			return 0;
		}
	}
	return 1;
}

static int one_fits(const struct json *list, const struct json *value)
{
	int n = 0;

	for (size_t i = 0; i < json_count(list); i++)
		n += fits(json_at(list, i), value);
	return n == 1;
}

static int is_listed(const struct json *list, const struct json *value)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (str_eq(json_str(json_at(list, i), ""), json_str(value, "-")))
			return 1;
	return !list;
}

static int fits(const struct json *schema, const struct json *value)
{
	const char *ref = json_get_str(schema, "$ref", NULL);

	if (ref)
		return fits(json_pointer(t.document, ref + 1), value);
	if (json_get(schema, "oneOf"))
		return one_fits(json_get(schema, "oneOf"), value);
	if (!any_type_fits(json_get(schema, "type"), value) ||
	    !is_listed(json_get(schema, "enum"), value))
		return 0;
	if (json_type(value) == JSON_OBJECT && json_get(schema, "type"))
		return members_fit(schema, value);
	for (size_t i = 0; i < json_count(value) && json_type(value) == JSON_ARRAY; i++)
		if (json_get(schema, "items") &&
		    !fits(json_get(schema, "items"), json_at(value, i)))
			return 0;
	return 1;
}

/* The pattern of the document that a path belongs to: parameters are the parts that differ. */
static int path_fits(const char *pattern, const char *path)
{
	while (*pattern && *path) {
		if (*pattern == '{') {
			pattern += strcspn(pattern, "}") + 1;
			path += strcspn(path, "/:?");
		} else if (*pattern++ != *path++) {
			return 0;
		}
	}
	return !*pattern && (!*path || *path == '?');
}

static const struct json *find_operation(const char *method, const char *path)
{
	const struct json *item, *found = NULL;
	const char *pattern;
	char lower[8];
	size_t at = 0;

	snprintf(lower, sizeof(lower), "%s", method);
	for (char *p = lower; *p; p++)
		*p |= 0x20;
	while (json_each(json_get(t.document, "paths"), &at, &pattern, &item))
		if (path_fits(pattern, path) && json_get(item, lower))
			found = json_get(item, lower);
	return found;
}

static const struct json *find_response(const struct json *operation, int status)
{
	const struct json *responses = json_get(operation, "responses"), *response;
	char key[24];

	snprintf(key, sizeof(key), "%d", status);
	response = json_get(responses, key);
	if (response)
		return response;
	snprintf(key, sizeof(key), "%dXX", status / 100);
	return json_get(responses, key) ? json_get(t.document, "components") : NULL;
}

static void check_answer(const char *method, const char *path)
{
	const struct json *operation = find_operation(method, path), *response, *media;
	char type[128];

	if (!t.document || t.client.status == 405 || !operation)
		return;
	snprintf(type, sizeof(type), "%s", client_header(&t.client, "Content-Type"));
	type[strcspn(type, ";")] = '\0';
	response = find_response(operation, t.client.status);
	ck_assert_msg(response, "%s %s: %d is not documented", method, path, t.client.status);
	if (str_eq(type, "application/problem+json")) {
		ck_assert_msg(
		        fits(json_pointer(t.document, "/components/schemas/Problem"), t.reply),
		        "%s %s: no proper problem: %s", method, path, t.client.body.data);
		return;
	}
	if (!*type)
		return;
	media = json_get(json_get(response, "content"), type);
	ck_assert_msg(media, "%s %s: %s is not documented", method, path, type);
	ck_assert_msg(!str_eq(type, "application/json") || fits(json_get(media, "schema"), t.reply),
	              "%s %s: not as documented: %s", method, path, t.client.body.data);
}

/* ---- asking ----------------------------------------------------------------------------- */
static int ask_with(const char *method, const char *path, const char *headers, const char *body)
{
	static char text[1 << 20];
	struct err err;

	snprintf(text, sizeof(text),
	         "%s %s HTTP/1.1\r\nHost: x\r\n%s%sContent-Length: %zu\r\n\r\n%s", method, path,
	         headers,
	         body && !strstr(headers, "Content-Type") ? "Content-Type: application/json\r\n"
	                                                  : "",
	         body ? strlen(body) : 0, body ? body : "");
	client_ask(&t.client, text);
	json_free(t.reply);
	t.reply = NULL;
	if (strstr(client_header(&t.client, "Content-Type"), "json") && t.client.body.len)
		json_parse(t.client.body.data, t.client.body.len, &t.reply, &err);
	check_answer(method, path);
	if (!strcmp(client_header(&t.client, "Connection"), "close")) {
		client_close(&t.client);
		client_open(&t.client, http_server_port(t.server));
	}
	return t.client.status;
}

static int ask(const char *method, const char *path, const char *body)
{
	return ask_with(method, path, "", body);
}

static const char *reply_str(const char *pointer)
{
	return json_str(json_pointer(t.reply, pointer), "");
}

static const char *path_to(const char *fmt, ...)
{
	static char paths[4][512];
	static int turn;
	va_list ap;

	turn = (turn + 1) % 4;
	va_start(ap, fmt);
	vsnprintf(paths[turn], sizeof(paths[turn]), fmt, ap);
	va_end(ap);
	return paths[turn];
}

static void load_document(void)
{
	ck_assert_int_eq(ask("GET", "/v1/openapi.json", NULL), 200);
	t.document = json_copy(t.reply);
}

#define INGEST "{\"kind\":\"ingest\",\"dataset\":\"web\",\"source\":{\"inline\":\"{}\"}}"

/* ---- a worker's part, played by the test ------------------------------------------------ */
static int outcome_code;
static atomic_int finished;

static void on_finished(void *ctx, int r, const struct err *err)
{
	(void)ctx;
	(void)r;
	(void)err;
	finished = 1;
}

static void work_one(void)
{
	struct queue_outcome outcome = {.code = outcome_code,
	                                .result = outcome_code ? NULL : "{\"rows\":7}",
	                                .error = outcome_code ? "it broke" : NULL};
	struct arena arena;
	struct task *task;
	struct err err;

	arena_init(&arena);
	ck_ok(queue_claim(t.queue, NULL, "w", &arena, &task, &err), &err);
	ck_assert_ptr_nonnull(task);
	ck_assert_int_eq(queue_finish(t.queue, task->id, task->fence, &outcome, on_finished, NULL),
	                 0);
	arena_done(&arena);
}

static void work(int code)
{
	outcome_code = code;
	finished = 0;
	on_loop(work_one);
	while (!finished)
		usleep(500);
}

/* ---- tasks ------------------------------------------------------------------------------ */
START_TEST(a_task_is_created_and_found)
{
	char id[32];

	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", INGEST), 201);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	ck_assert_str_eq(reply_str("/state"), "ready");
	ck_assert_str_eq(reply_str("/spec/format/plugin"), "auto");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/spec/sink/target_file_bytes"), 0),
	                 128 << 20);
	ck_assert_str_eq(client_header(&t.client, "Location"), path_to("/v1/tasks/%s", id));
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", id), NULL), 200);
	ck_assert_str_eq(reply_str("/id"), id);
	ck_assert_int_eq(ask("GET", "/v1/tasks?state=ready&kind=ingest&dataset=web", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/id"), id);
	ck_assert_int_eq(ask("GET", "/v1/tasks?state=failed", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000zzz", NULL), 404);
	ck_assert_int_eq(ask("GET", "/v1/tasks/nonsense", NULL), 404);
	finish();
}
END_TEST

START_TEST(scheduling_moves_into_the_task_and_out_of_the_order)
{
	start();
	ck_assert_int_eq(
	        ask("POST", "/v1/tasks",
	            "{\"kind\":\"query\",\"sql\":\"select "
	            "1\",\"priority\":\"high\",\"queue\":\"q\","
	            "\"run_at\":\"2999-01-01T00:00:00Z\",\"timeout\":\"1h\",\"max_attempts\":3,"
	            "\"labels\":{\"team\":\"web\"},\"unique_key\":\"u\"}"),
	        201);
	ck_assert_str_eq(reply_str("/state"), "scheduled");
	ck_assert_str_eq(reply_str("/queue"), "q");
	ck_assert_str_eq(reply_str("/labels/team"), "web");
	ck_assert_str_eq(reply_str("/run_at"), "2999-01-01T00:00:00.000Z");
	ck_assert_int_eq(json_get_int(t.reply, "priority", -1), 2);
	ck_assert_int_eq(json_get_int(t.reply, "timeout_ms", -1), 3600000);
	ck_assert_int_eq(json_get_int(t.reply, "max_attempts", -1), 3);
	ck_assert_uint_eq(json_count(json_get(t.reply, "spec")), 3);
	ck_assert_int_eq(ask("GET", "/v1/tasks?label.team=web", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 1);
	ck_assert_int_eq(ask("GET", "/v1/tasks?label.team=other", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	finish();
}
END_TEST

static const struct {
	const char *body, *pointer;
} wrong_tasks[] = {
	{"{}", "/kind"},
	{"{\"kind\":\"query\",\"sql\":\"a\\u0000b\"}", "/sql"},
	{"[]", ""},
	{"{\"kind\":\"fly\"}", "/kind"},
	{"{\"kind\":\"ingest\",\"source\":{\"inline\":\"\"}}", "/dataset"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a b\",\"source\":{\"inline\":\"\"}}", "/dataset"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a__rejects\",\"source\":{\"inline\":\"\"}}",
	 "/dataset"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{}}", "/source"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\",\"uris\":[\"/x\"]}}",
	 "/source"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"uris\":[\"/x\",\"y\"]}}",
	 "/source/uris/1"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"uris\":[\"/x/../y\"]}}",
	 "/source/uris/0"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"upload\":\"u_../../x\"}}",
	 "/source/upload"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},\"wild\":1}",
	 "/wild"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},\"sink\":{"
	 "\"compression\":\"x\"}}",
	 "/sink/compression"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},\"format\":{"
	 "\"plugin\":\"no\"}}",
	 "/format/plugin"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},"
	 "\"format\":{\"plugin\":\"json\",\"options\":{\"mode\":\"x\"}}}",
	 "/format/options/mode"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},"
	 "\"format\":{\"options\":{\"mode\":\"lines\"}}}",
	 "/format/options"},
	{"{\"kind\":\"index\",\"dataset\":\"none\",\"index\":\"i\"}", "/dataset"},
	{"{\"kind\":\"query\",\"sql\":\"\"}", "/sql"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"priority\":\"urgent\"}", "/priority"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"priority\":10}", "/priority"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"run_at\":\"tomorrow\"}", "/run_at"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"expires_at\":\"2001-01-01T00:00:00Z\"}",
	 "/expires_at"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"labels\":{\"a\":1}}", "/labels/a"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"a b\"}", "/queue"},
	{"[{\"kind\":\"query\",\"sql\":\"x\"},{\"kind\":\"query\"}]", "/1/sql"},
	{"[{\"kind\":\"query\",\"sql\":\"x\"},7]", "/1"},
};

START_TEST(a_wrong_task_is_refused_with_its_place)
{
	start();
	load_document();
	for (size_t i = 0; i < sizeof(wrong_tasks) / sizeof(wrong_tasks[0]); i++) {
		int status = ask("POST", "/v1/tasks", wrong_tasks[i].body);

		ck_assert_msg(status == 422 || status == 400, "%s: %d", wrong_tasks[i].body,
		              status);
		ck_assert_msg(!strcmp(reply_str("/errors/0/pointer"), wrong_tasks[i].pointer),
		              "%s: %s", wrong_tasks[i].body, t.client.body.data);
	}
	ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	finish();
}
END_TEST

START_TEST(all_problems_are_told_at_once)
{
	start();
	ck_assert_int_eq(
	        ask("POST", "/v1/tasks",
	            "[{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"a b\",\"priority\":77},"
	            "{\"kind\":\"query\",\"sql\":1,\"more\":2}]"),
	        422);
	ck_assert_uint_eq(json_count(json_get(t.reply, "errors")), 4);
	finish();
}
END_TEST

START_TEST(broken_json_and_other_media_types_are_refused)
{
	start();
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":"), 400);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "7"), 422);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Content-Type: text/plain\r\n", INGEST),
	                 415);
	ck_assert_int_eq(ask("GET", "/v1/tasks?sate=ready", NULL), 400);
	ck_assert_int_eq(ask("GET", "/v1/tasks?state=bad", NULL), 400);
	ck_assert_int_eq(ask("GET", "/v1/tasks?limit=0", NULL), 400);
	ck_assert_int_eq(ask("GET", "/v1/tasks?created_after=x", NULL), 400);
	finish();
}
END_TEST

START_TEST(many_tasks_are_put_at_once_as_array_and_as_lines)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", "[" INGEST "," INGEST "]"), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "tasks")), 2);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Content-Type: application/x-ndjson\r\n",
	                          INGEST "\n\n" INGEST "\r\n" INGEST),
	                 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "tasks")), 3);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Content-Type: application/x-ndjson\r\n",
	                          INGEST "\n{oops}\n"),
	                 400);
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "line 2"));
	finish();
}
END_TEST

START_TEST(a_list_is_read_page_by_page)
{
	char cursor[256];
	size_t n = 0;

	start();
	ck_assert_int_eq(ask("POST", "/v1/tasks",
	                     "[" INGEST "," INGEST "," INGEST "," INGEST "," INGEST "]"),
	                 200);
	ck_assert_int_eq(ask("GET", "/v1/tasks?limit=2", NULL), 200);
	while (1) {
		n += json_count(json_get(t.reply, "items"));
		snprintf(cursor, sizeof(cursor), "%s", reply_str("/next_cursor"));
		if (!*cursor)
			break;
		ck_assert_ptr_nonnull(strstr(client_header(&t.client, "Link"), "rel=\"next\""));
		ck_assert_int_eq(ask("GET", path_to("/v1/tasks?limit=2&cursor=%s", cursor), NULL),
		                 200);
	}
	ck_assert_uint_eq(n, 5);
	finish();
}
END_TEST

START_TEST(an_idempotency_key_gives_the_first_task_again)
{
	char id[32];

	start();
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: k1\r\n", INGEST), 201);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: k1\r\n", INGEST), 200);
	ck_assert_str_eq(reply_str("/id"), id);
	ck_assert_str_eq(client_header(&t.client, "Idempotency-Replayed"), "true");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: k1\r\n",
	                          "{\"kind\":\"query\",\"sql\":\"other\"}"),
	                 409);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: k2\r\n",
	                          "{\"kind\":\"query\",\"sql\":\"x\",\"idempotency_key\":\"k3\"}"),
	                 422);
	finish();
}
END_TEST

START_TEST(a_result_comes_when_the_task_has_succeeded)
{
	char id[32];

	start();
	load_document();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s/result", id), NULL), 409);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:not-finished");
	work(0);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s/result", id), NULL), 200);
	ck_assert_str_eq(t.client.body.data, "{\"rows\":7}");
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s/attempts", id), NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/outcome"), "succeeded");
	finish();
}
END_TEST

START_TEST(a_failed_task_runs_again_when_asked)
{
	char id[32];

	start();
	load_document();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:retry", id), NULL), 409);
	work(ERR_INVALID);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", id), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "failed");
	ck_assert_str_eq(reply_str("/error/detail"), "it broke");
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:retry", id), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "ready");
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:cancel", id), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "cancelled");
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:cancel", id), NULL), 409);
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000zzz:cancel", NULL), 404);
	finish();
}
END_TEST

/* ---- waiting ---------------------------------------------------------------------------- */
static void send_get(struct client *client, const char *path, const char *headers)
{
	char text[512];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, headers);
	client_puts(client, text);
}

START_TEST(a_get_with_wait_answers_when_the_task_ends)
{
	struct client waiter;
	char id[32];

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	client_open(&waiter, http_server_port(t.server));
	send_get(&waiter, path_to("/v1/tasks/%s?wait=50s", id), "");
	work(0);
	ck_assert_int_eq(client_reply(&waiter, 0), 200);
	ck_assert_ptr_nonnull(strstr(waiter.body.data, "\"state\":\"succeeded\""));
	client_close(&waiter);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s?wait=soon", id), NULL), 400);
	finish();
}
END_TEST

START_TEST(a_post_that_prefers_to_wait_gets_the_ended_task)
{
	struct client waiter;

	start();
	client_open(&waiter, http_server_port(t.server));
	client_puts(&waiter,
	            "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	            "Prefer: wait=50\r\nContent-Length: "
	            "35\r\n\r\n{\"kind\":\"query\",\"sql\":\"select 1\"}  ");
	while (ask("GET", "/v1/tasks", NULL) == 200 && !json_count(json_get(t.reply, "items")))
		usleep(1000);
	work(0);
	ck_assert_int_eq(client_reply(&waiter, 0), 200);
	ck_assert_str_eq(client_header(&waiter, "Preference-Applied"), "wait");
	client_close(&waiter);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Prefer: wait=0.1\r\n", INGEST), 201);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Prefer: wait=100ms\r\n", INGEST), 201);
	finish();
}
END_TEST

START_TEST(an_etag_saves_sending_the_same_task_again)
{
	char id[32], header[128];

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	snprintf(header, sizeof(header), "If-None-Match: %s\r\n", client_header(&t.client, "ETag"));
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s", id), header, NULL), 304);
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s?wait=100ms", id), header, NULL),
	                 304);
	work(0);
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s?wait=50s", id), header, NULL), 200);
	finish();
}
END_TEST

START_TEST(the_events_of_a_task_stream_until_it_ends)
{
	struct client stream;
	char id[32];

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, path_to("/v1/tasks/%s/events", id), "");
	ck_assert(client_wait_for(&stream, "\"state\":\"ready\""));
	work(0);
	ck_assert_int_eq(client_reply(&stream, 0), 200);
	ck_assert_int_eq(stream.whole, 1);
	ck_assert_ptr_nonnull(strstr(stream.body.data, "event: state\n"));
	ck_assert_ptr_nonnull(strstr(stream.body.data, "\"state\":\"succeeded\""));
	client_close(&stream);
	finish();
}
END_TEST

START_TEST(a_stream_goes_on_behind_the_last_event_that_was_seen)
{
	struct client stream;
	char header[64];

	start();
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", "");
	ck_assert(client_wait_for(&stream, "retry:"));
	ask("POST", "/v1/tasks", INGEST);
	ck_assert(client_wait_for(&stream, "\"state\":\"ready\""));
	snprintf(header, sizeof(header), "Last-Event-ID: %lld\r\n",
	         atoll(strstr(stream.in.data, "id: ") + 4) - 1);
	client_close(&stream);
	work(0);
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", header);
	ck_assert(client_wait_for(&stream, "\"state\":\"ready\""));
	ck_assert(client_wait_for(&stream, "\"state\":\"succeeded\""));
	client_close(&stream);
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", "Last-Event-ID: 5\r\n");
	ck_assert(client_wait_for(&stream, "event: gap"));
	client_close(&stream);
	finish();
}
END_TEST

START_TEST(a_stream_of_an_ended_task_that_was_read_is_not_begun_again)
{
	char id[32], header[64];
	const char *last;

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	work(0);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s/events", id), NULL), 200);
	last = strstr(t.client.body.data, "id: ");
	snprintf(header, sizeof(header), "Last-Event-ID: %lld\r\n", atoll(last + 4));
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s/events", id), header, NULL), 204);
	finish();
}
END_TEST

START_TEST(stopping_ends_streams_and_answers_who_waits)
{
	struct client stream, waiter;
	char id[32];

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", "");
	ck_assert(client_wait_for(&stream, "retry:"));
	client_open(&waiter, http_server_port(t.server));
	send_get(&waiter, path_to("/v1/tasks/%s?wait=50s", id), "");
	ask("GET", "/v1/agent", NULL);
	finish();
	ck_assert_int_eq(client_reply(&stream, 0), 200);
	ck_assert_int_eq(stream.whole, 1);
	client_close(&stream);
	client_close(&waiter);
}
END_TEST

/* ---- uploads ---------------------------------------------------------------------------- */
START_TEST(an_upload_becomes_the_source_of_a_task)
{
	char body[256];
	struct buf file;
	struct err err;

	start();
	load_document();
	client_puts(&t.client,
	            "POST /v1/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++)
		client_puts(&t.client, "5\r\nhello\r\n");
	client_puts(&t.client, "0\r\n\r\n");
	ck_assert_int_eq(client_reply(&t.client, 0), 201);
	json_free(t.reply);
	ck_ok(json_parse(t.client.body.data, t.client.body.len, &t.reply, &err), &err);
	ck_assert_int_eq(json_get_int(t.reply, "bytes", 0), 500);
	buf_init(&file, 0);
	ck_ok(file_read(path_to("%s/uploads/%s", test_dir(), reply_str("/id")), 1000, &file, &err),
	      &err);
	ck_assert_uint_eq(file.len, 500);
	buf_done(&file);
	snprintf(body, sizeof(body),
	         "{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"upload\":\"%s\"}}",
	         reply_str("/id"));
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 201);
	ck_assert(str_starts(reply_str("/spec/source/uris/0"), test_dir()));
	finish();
}
END_TEST

static int count_uploads(void)
{
	FILE *out = popen(path_to("ls -A '%s/uploads' | wc -l", test_dir()), "r");
	int n = -1;

	ck_assert_int_eq(fscanf(out, "%d", &n), 1);
	pclose(out);
	return n;
}

START_TEST(an_upload_that_breaks_off_leaves_nothing)
{
	struct client client;

	start();
	client_open(&client, http_server_port(t.server));
	client_puts(&client,
	            "POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello");
	while (!count_uploads())
		usleep(1000);
	client_close(&client);
	while (count_uploads())
		usleep(1000);
	finish();
}
END_TEST

START_TEST(a_large_upload_arrives_whole)
{
	static char block[1 << 16];
	char size[64];

	start();
	memset(block, 'x', sizeof(block));
	snprintf(size, sizeof(size), "Content-Length: %d\r\n\r\n", 300 << 16);
	client_puts(&t.client, "POST /v1/uploads HTTP/1.1\r\nHost: x\r\n");
	client_puts(&t.client, size);
	for (int i = 0; i < 300; i++)
		client_send(&t.client, block, sizeof(block));
	ck_assert_int_eq(client_reply(&t.client, 0), 201);
	ck_assert_ptr_nonnull(strstr(t.client.body.data, "\"bytes\":19660800"));
	finish();
}
END_TEST

/* ---- queries ---------------------------------------------------------------------------- */
START_TEST(rows_stream_in_the_format_that_is_asked_for)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"rows 3\"}"), 200);
	ck_assert_str_eq(client_header(&t.client, "Content-Type"), "application/x-ndjson");
	ck_assert_uint_eq(t.client.body.len, 3 * 48);
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"rows 0\",\"format\":\"csv\"}"), 200);
	ck_assert_str_eq(client_header(&t.client, "Content-Type"), "text/csv; charset=utf-8");
	ck_assert_int_eq(ask_with("POST", "/v1/query", "Accept: text/csv;q=0.5, image/png\r\n",
	                          "{\"sql\":\"rows 1\"}"),
	                 200);
	ck_assert_str_eq(client_header(&t.client, "Content-Type"), "text/csv; charset=utf-8");
	ck_assert_int_eq(
	        ask_with("POST", "/v1/query", "Accept: image/png\r\n", "{\"sql\":\"rows 1\"}"),
	        406);
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"rows 1\",\"format\":\"xml\"}"), 422);
	ck_assert_int_eq(ask("POST", "/v1/query", "{}"), 422);
	finish();
}
END_TEST

START_TEST(a_query_that_fails_at_once_is_a_problem)
{
	start();
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"fail\"}"), 400);
	ck_assert_str_eq(reply_str("/detail"), "no such column: x");
	finish();
}
END_TEST

START_TEST(a_query_that_fails_later_ends_with_an_error_line_and_a_cut)
{
	start();
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"break\"}"), 200);
	ck_assert_int_eq(t.client.whole, 0);
	ck_assert_ptr_nonnull(strstr(t.client.body.data,
	                             "}\n{\"error\":{\"type\":\"urn:orasi:problem:corrupt\""));
	finish();
}
END_TEST

START_TEST(rows_flow_at_the_speed_of_the_client)
{
	start();
	fake_most_ahead = 0;
	client_puts(&t.client,
	            "POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	            "Content-Length: 20\r\n\r\n{\"sql\":\"rows 60000\"}");
	usleep(100000);
	ck_assert_int_eq(client_reply(&t.client, 0), 200);
	ck_assert_uint_eq(t.client.body.len, 60000 * 48);
	ck_assert_int_lt(fake_most_ahead, 100);
	finish();
}
END_TEST

START_TEST(a_client_that_goes_away_cancels_its_query)
{
	struct client client;

	start();
	fake_cancelled = 0;
	client_open(&client, http_server_port(t.server));
	client_puts(&client,
	            "POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	            "Content-Length: 14\r\n\r\n{\"sql\":\"hang\"}");
	usleep(20000);
	client_close(&client);
	while (!fake_cancelled)
		usleep(1000);
	finish();
}
END_TEST

/* ---- datasets and indexes --------------------------------------------------------------- */
START_TEST(a_dataset_is_created_described_and_dropped)
{
	start();
	load_document();
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 404);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/web", NULL), 201);
	ck_assert(str_ends(reply_str("/location"), "/datasets/web"));
	ck_assert_int_eq(ask("PUT", "/v1/datasets/web", "{}"), 200);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/web", "{\"location\":\"/elsewhere\"}"), 409);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/x__rejects", NULL), 422);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/a%20b", NULL), 422);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/y", "{\"location\":\"../x\"}"), 422);
	ck_assert_int_eq(ask("GET", "/v1/datasets", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/name"), "web");
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 200);
	ck_assert_int_eq(json_get_int(t.reply, "rows", -1), 10);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/schema", NULL), 200);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/files?limit=5", NULL), 200);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/history", NULL), 200);
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web", NULL), 204);
	ck_assert_str_eq(fake_last_op, "table.drop");
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web", NULL), 404);
	finish();
}
END_TEST

START_TEST(a_dataset_can_be_forgotten_without_its_data)
{
	start();
	ask("PUT", "/v1/datasets/web", NULL);
	strcpy(fake_last_op, "");
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web?keep_data=true", NULL), 204);
	ck_assert_str_eq(fake_last_op, "");
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 404);
	finish();
}
END_TEST

START_TEST(what_the_table_worker_cannot_do_is_told)
{
	start();
	ask("PUT", "/v1/datasets/web", NULL);
	fake_call_error = "the disk makes noises";
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 503);
	ck_assert_str_eq(reply_str("/detail"), "the disk makes noises");
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web", NULL), 503);
	fake_call_error = NULL;
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 200);
	finish();
}
END_TEST

#define INDEX "{\"name\":\"by_a\",\"plugin\":\"btree\",\"columns\":[\"a\"]}"

START_TEST(an_index_is_created_with_a_task_that_builds_it)
{
	start();
	load_document();
	ask("PUT", "/v1/datasets/web", NULL);
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes", INDEX), 201);
	ck_assert_ptr_nonnull(strstr(reply_str("/task"), "t_"));
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes", INDEX), 200);
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes",
	                     "{\"name\":\"by_a\",\"plugin\":\"btree\",\"columns\":[\"b\"]}"),
	                 409);
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes",
	                     "{\"name\":\"a b\",\"plugin\":\"none\",\"columns\":[\"b\"]}"),
	                 422);
	ck_assert_uint_eq(json_count(json_get(t.reply, "errors")), 2);
	ck_assert_int_eq(ask("POST", "/v1/datasets/none/indexes", INDEX), 404);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/indexes", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/name"), "by_a");
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/indexes/by_a", NULL), 200);
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes/by_a:verify", NULL), 202);
	ck_assert_str_eq(reply_str("/spec/op"), "verify");
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes/by_a:optimize", NULL), 202);
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes/by_a:build", NULL), 202);
	ck_assert_int_eq(ask("POST", "/v1/tasks",
	                     "{\"kind\":\"index\",\"dataset\":\"web\",\"index\":\"by_a\"}"),
	                 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks",
	                     "{\"kind\":\"index\",\"dataset\":\"web\",\"index\":\"no\"}"),
	                 422);
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web/indexes/by_a", NULL), 204);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/indexes/by_a", NULL), 404);
	finish();
}
END_TEST

/* ---- the rest --------------------------------------------------------------------------- */
START_TEST(plugins_are_listed_and_explained)
{
	start();
	load_document();
	ck_assert_int_eq(ask("GET", "/v1/plugins", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/state"), "active");
	ck_assert_int_eq(ask("GET", "/v1/plugins/org.orasi.json", NULL), 200);
	ck_assert_str_eq(reply_str("/options/0/name"), "mode");
	ck_assert_str_eq(reply_str("/options/0/default"), "lines");
	ck_assert_int_eq(ask("GET", "/v1/plugins/none", NULL), 404);
	ck_assert_int_eq(ask("POST", "/v1/plugins:rescan", NULL), 202);
	ck_assert_int_eq(ask("POST", "/v1/plugins/json:clear", NULL), 204);
	ck_assert_int_eq(ask("POST", "/v1/plugins/none:clear", NULL), 404);
	finish();
}
END_TEST

static void get_ready(void)
{
	health_set_ready(t.health, 1);
}

START_TEST(the_agent_tells_how_it_is)
{
	start();
	load_document();
	ck_assert_int_eq(ask("GET", "/v1/agent", NULL), 200);
	ck_assert_str_eq(reply_str("/version"), "1.2.3");
	ck_assert_int_eq(ask("GET", "/v1/status", NULL), 200);
	ck_assert_str_eq(reply_str("/workers/0/role"), "task");
	ck_assert_int_eq(ask("GET", "/health", NULL), 200);
	ck_assert_int_eq(ask("GET", "/health/live", NULL), 200);
	ck_assert_int_eq(ask("GET", "/health/ready", NULL), 503);
	on_loop(get_ready);
	ck_assert_int_eq(ask("GET", "/health/ready", NULL), 200);
	ck_assert_int_eq(ask("GET", "/v1/metrics", NULL), 200);
	ck_assert_int_eq(ask("GET", "/metrics", NULL), 200);
	ck_assert_ptr_nonnull(strstr(t.client.body.data, "# TYPE process_open_fds gauge"));
	finish();
}
END_TEST

static const char *with_none(const char *pattern)
{
	static char path[256];
	char *out = path;

	for (; *pattern; pattern++)
		if (*pattern == '{') {
			out += sprintf(out, "none");
			pattern += strcspn(pattern, "}");
		} else {
			*out++ = *pattern;
		}
	*out = '\0';
	return path;
}

START_TEST(every_route_answers_for_what_is_not_there)
{
	start();
	load_document();
	for (const struct http_route *route = api_routes(t.api); route->method; route++) {
		if (str_eq(route->pattern, "/v1/events"))
			continue;
		ask(route->method, with_none(route->pattern), NULL);
		ck_assert_msg(!strchr(route->pattern, '{') || str_eq(route->method, "PUT") ||
		                      t.client.status == 404,
		              "%s %s: %d", route->method, route->pattern, t.client.status);
		if (str_eq(route->method, "PUT"))
			ask("DELETE", "/v1/datasets/none", NULL);
	}
	finish();
}
END_TEST

/* With ORASI_OPENAPI_OUT the document is also written there, for test_openapi.sh. */
START_TEST(every_route_is_documented_and_every_reference_leads_somewhere)
{
	const char *out = getenv("ORASI_OPENAPI_OUT"), *at;
	struct err err;
	size_t n = 0;

	start();
	load_document();
	for (const struct http_route *route = api_routes(t.api); route->method; route++, n++)
		ck_assert_msg(find_operation(route->method, route->pattern), "%s %s", route->method,
		              route->pattern);
	ck_assert_uint_gt(n, 30);
	for (at = t.client.body.data; (at = strstr(at, "\"$ref\":\"#")); at++) {
		char pointer[128];

		snprintf(pointer, sizeof(pointer), "%.*s", (int)strcspn(at + 9, "\""), at + 9);
		ck_assert_msg(json_pointer(t.document, pointer), "%s", pointer);
	}
	if (out)
		ck_ok(file_replace(out, t.client.body.data, t.client.body.len, &err), &err);
	finish();
}
END_TEST

static void api_cases(Suite *suite)
{
	TCase *tasks = tcase_create("tasks"), *waiting = tcase_create("waiting"),
	      *data = tcase_create("data"), *rest = tcase_create("rest");

	suite_add_tcase(suite, tasks);
	tcase_add_test(tasks, a_task_is_created_and_found);
	tcase_add_test(tasks, scheduling_moves_into_the_task_and_out_of_the_order);
	tcase_add_test(tasks, a_wrong_task_is_refused_with_its_place);
	tcase_add_test(tasks, all_problems_are_told_at_once);
	tcase_add_test(tasks, broken_json_and_other_media_types_are_refused);
	tcase_add_test(tasks, many_tasks_are_put_at_once_as_array_and_as_lines);
	tcase_add_test(tasks, a_list_is_read_page_by_page);
	tcase_add_test(tasks, an_idempotency_key_gives_the_first_task_again);
	tcase_add_test(tasks, a_result_comes_when_the_task_has_succeeded);
	tcase_add_test(tasks, a_failed_task_runs_again_when_asked);
	suite_add_tcase(suite, waiting);
	tcase_add_test(waiting, a_get_with_wait_answers_when_the_task_ends);
	tcase_add_test(waiting, a_post_that_prefers_to_wait_gets_the_ended_task);
	tcase_add_test(waiting, an_etag_saves_sending_the_same_task_again);
	tcase_add_test(waiting, the_events_of_a_task_stream_until_it_ends);
	tcase_add_test(waiting, a_stream_goes_on_behind_the_last_event_that_was_seen);
	tcase_add_test(waiting, a_stream_of_an_ended_task_that_was_read_is_not_begun_again);
	tcase_add_test(waiting, stopping_ends_streams_and_answers_who_waits);
	suite_add_tcase(suite, data);
	tcase_add_test(data, an_upload_becomes_the_source_of_a_task);
	tcase_add_test(data, an_upload_that_breaks_off_leaves_nothing);
	tcase_add_test(data, a_large_upload_arrives_whole);
	tcase_add_test(data, rows_stream_in_the_format_that_is_asked_for);
	tcase_add_test(data, a_query_that_fails_at_once_is_a_problem);
	tcase_add_test(data, a_query_that_fails_later_ends_with_an_error_line_and_a_cut);
	tcase_add_test(data, rows_flow_at_the_speed_of_the_client);
	tcase_add_test(data, a_client_that_goes_away_cancels_its_query);
	tcase_add_test(data, a_dataset_is_created_described_and_dropped);
	tcase_add_test(data, a_dataset_can_be_forgotten_without_its_data);
	tcase_add_test(data, what_the_table_worker_cannot_do_is_told);
	tcase_add_test(data, an_index_is_created_with_a_task_that_builds_it);
	suite_add_tcase(suite, rest);
	tcase_add_test(rest, plugins_are_listed_and_explained);
	tcase_add_test(rest, the_agent_tells_how_it_is);
	tcase_add_test(rest, every_route_answers_for_what_is_not_there);
	tcase_add_test(rest, every_route_is_documented_and_every_reference_leads_somewhere);
}

TEST_MAIN("api", api_cases)
