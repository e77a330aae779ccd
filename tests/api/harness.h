/* SPDX-License-Identifier: Apache-2.0 */
/* The API over real sockets, with a real store, queue and catalog; workers and plugins are stand-ins
 * (fakes.h). Everything runs in a thread of its own, the test is the client. */
#ifndef TESTS_API_HARNESS_H
#define TESTS_API_HARNESS_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "http/client.h"
#include "lib/test.h"
#include "queue/queue.h"
#include "store/store.h"
#include "json/json.h"

typedef void (*deed_fn)(void);

struct harness {
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
	_Atomic(deed_fn) deed;
	atomic_int done;
	struct client client;
	struct json *reply;    /* body of the last answer */
	struct json *document; /* the OpenAPI document */
};
extern struct harness t;

void start(void);
void start_with_share(int64_t depth); /* of each tenant */
void start_with_ping(int64_t ms);
void finish(void);
void on_loop(deed_fn deed); /* calls it on the agent's thread, and waits for its end */
void stop_server(void);     /* for on_loop; before finish */

/* Asks; the status. The answer is in t.reply, and held against the document once that is loaded. */
int ask(const char *method, const char *path, const char *body);
int ask_with(const char *method, const char *path, const char *headers, const char *body);
void load_document(void);
const struct json *find_operation(const char *method, const char *path);
const char *reply_str(const char *pointer);
const char *path_to(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* static storage, 4 turns */

#define INGEST "{\"kind\":\"ingest\",\"dataset\":\"web\",\"source\":{\"inline\":\"{}\"}}"

/* A worker claims the next task and ends it: 0 with a result, else with this code. */
void work(int code);

/* One function per story adds its cases. */
void tasks_cases(Suite *suite);
void submit_cases(Suite *suite);
void queues_cases(Suite *suite);
void waiting_cases(Suite *suite);
void data_cases(Suite *suite);
void datasets_cases(Suite *suite);
void members_cases(Suite *suite);
void hostile_cases(Suite *suite);
void rest_cases(Suite *suite);
void bulk_cases(Suite *suite);

#endif
