/* SPDX-License-Identifier: Apache-2.0 */
/* The server over real sockets: it runs in a thread of its own, the test is the client. */
#ifndef TESTS_HTTP_HARNESS_H
#define TESTS_HTTP_HARNESS_H

#include <pthread.h>
#include <stdatomic.h>

#include "http/client.h"
#include "http/http.h"
#include "lib/test.h"

#define BIG (8u << 20)       /* bytes of the answer of /big */
#define SINK_MAX (64u << 20) /* that /upload takes */
#define HOST "Host: x\r\n"

typedef void (*deed_fn)(void);

struct harness {
	uv_loop_t loop;
	uv_async_t command;
	pthread_t thread;
	struct http_server *server;
	struct http_config config;
	_Atomic(deed_fn) deed;
	atomic_int stopped, gone, drained, most_queued, upload_ended;
	struct http_request *_Atomic held;
};
extern struct harness s;
extern const struct http_route routes[];

void start(void); /* sets s.config; change it, then go */
void go(void);
void finish(void);
void command(deed_fn deed); /* runs it on the server's thread, soon */
void stop_now(void);
void stop_gently(void);
void join(void); /* after stop_…: waits for the end */
struct client connected(void);

/* One function per story adds its cases. */
void reading_cases(Suite *suite);
void limits_cases(Suite *suite);
void flow_cases(Suite *suite);
void ending_cases(Suite *suite);
void lines_cases(Suite *suite);

#endif
