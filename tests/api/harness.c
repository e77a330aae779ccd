/* SPDX-License-Identifier: Apache-2.0 */
#include "api/harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/fakes.h"
#include "api/shape.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "health/health.h"
#include "loop/loop.h"

struct harness t;

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

static void on_stop(void *ctx, int64_t id, int64_t fence, int code, const char *why)
{
	(void)ctx;
	(void)id;
	(void)fence;
	(void)code;
	(void)why;
}

static void on_event(void *ctx, const struct task_event *event)
{
	(void)ctx;
	if (t.api)
		api_on_event(t.api, event);
}

static int check_merged(void *ctx, struct task_spec *merged, struct arena *arena, struct err *err)
{
	(void)ctx;
	return api_check_merged(t.api, merged, arena, err);
}

static void on_command(void *ctx)
{
	deed_fn deed = t.deed;

	(void)ctx;
	deed();
	t.done = 1;
}

static void *run(void *ctx)
{
	(void)ctx;
	loop_run(t.loop);
	return NULL;
}

static int64_t tenant_depth, ping_ms;

static void configure(void)
{
	struct err err;

	ck_ok(options_init(store_options, &t.store_config, &err), &err);
	ck_ok(options_init(queue_options, &t.queue_config, &err), &err);
	t.queue_config.tenant_depth = tenant_depth;
	ck_ok(options_init(http_options, &t.http_config, &err), &err);
	ck_ok(options_init(api_options, &t.api_config, &err), &err);
	if (ping_ms)
		t.api_config.ping_ms = ping_ms;
	ck_ok(option_set(option_find(http_options, "listen"), &t.http_config, "127.0.0.1:0", &err), &err);
	ck_ok(option_set(option_find(http_options, "local_socket"), &t.http_config, test_path("local"), &err), &err);
}

static void open_rooms(void)
{
	struct queue_events events = {NULL, on_ready, on_stop, on_event, NULL, check_merged};
	struct err err;

	ck_ok(loop_new(&t.loop, &err), &err);
	ck_ok(loop_wake_new(t.loop, on_wake, NULL, &t.wake, &err), &err);
	ck_ok(loop_wake_new(t.loop, on_command, NULL, &t.command, &err), &err);
	ck_ok(store_open(test_path("store.db"), &t.store_config, wake_store, NULL, &t.store, &err), &err);
	ck_ok(catalog_open(t.store, &t.catalog, &err), &err);
	ck_ok(queue_open(t.store, &t.queue_config, &events, &t.queue, &err), &err);
	ck_ok(health_new(&t.health, &err), &err);
	t.supervise = fake_supervise_new(t.loop, t.catalog);
}

void start(void)
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
	ck_ok(http_server_new(loop_uv(t.loop), &t.http_config, api_routes(t.api), t.api, &t.server, &err), &err);
	ck_assert_int_eq(pthread_create(&t.thread, NULL, run, NULL), 0);
	client_open(&t.client, http_server_port(t.server));
}

void start_with_share(int64_t depth)
{
	tenant_depth = depth;
	start();
}

void start_with_ping(int64_t ms)
{
	ping_ms = ms;
	start();
}

void on_loop(deed_fn deed)
{
	t.done = 0;
	t.deed = deed;
	loop_wake_now(t.command);
	while (!t.done)
		usleep(500);
}

static void on_stopped(void *ctx)
{
	(void)ctx;
	loop_stop(t.loop);
}

void stop_server(void)
{
	api_stop(t.api);
	http_server_stop(t.server, 5000, on_stopped, NULL);
}

void finish(void)
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

/* ---- asking ----------------------------------------------------------------------------- */
int ask_with(const char *method, const char *path, const char *headers, const char *body)
{
	static char text[1 << 20];
	struct err err;

	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\n%s%sContent-Length: %zu\r\n\r\n%s", method, path,
	         headers, body && !strstr(headers, "Content-Type") ? "Content-Type: application/json\r\n" : "",
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

int ask(const char *method, const char *path, const char *body)
{
	return ask_with(method, path, "", body);
}

const char *reply_str(const char *pointer)
{
	return json_str(json_pointer(t.reply, pointer), "");
}

const char *path_to(const char *fmt, ...)
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

void load_document(void)
{
	ck_assert_int_eq(ask("GET", "/v1/openapi.json", NULL), 200);
	t.document = json_copy(t.reply);
}

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
	ck_ok(queue_claim(t.queue, &(struct queue_claim_ask){.worker = "w"}, &arena, &task, &err), &err);
	ck_assert_ptr_nonnull(task);
	ck_assert_int_eq(queue_finish(t.queue, task->id, task->fence, &outcome, on_finished, NULL), 0);
	arena_done(&arena);
}

void work(int code)
{
	outcome_code = code;
	finished = 0;
	on_loop(work_one);
	while (!finished)
		usleep(500);
}
