/* SPDX-License-Identifier: Apache-2.0 */
/* The door, and what happens to every request before its handler: it must have no query parameter
 * that the route does not know, and a body of the media type that the route takes. */
#include "api/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "loop/loop.h"

const struct option api_options[] = {
	{"upload_max", OPTION_BYTES, offsetof(struct api_config, upload_max), "64GiB", 1, INT64_MAX, NULL,
         "Largest upload."},
	{"upload_age", OPTION_DURATION, offsetof(struct api_config, upload_age_ms), "24h", 1000, INT64_MAX, NULL,
         "Uploads older than this are removed."},
	{"wait_max", OPTION_DURATION, offsetof(struct api_config, wait_max_ms), "60s", 1, 3600000, NULL,
         "Longest time that a request may wait for a task."},
	{"ping", OPTION_DURATION, offsetof(struct api_config, ping_ms), "15s", 10, 3600000, NULL,
         "How often a stream of events has a comment, so that no proxy takes it for dead."},
	OPTION_END,
};

/* Is `name` one of the words of `list`? "label.*" stands for every name with that beginning. */
static int word_listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (list && *list) {
		size_t len = strcspn(list, " ");

		if ((len == n && !memcmp(list, name, n)) ||
		    (list[len - 1] == '*' && n >= len && !memcmp(list, name, len - 1)))
			return 1;
		list += len;
		list += strspn(list, " ");
	}
	return 0;
}

static int check_query(const struct api_route *route, struct http_request *req)
{
	const char *name, *value;
	size_t at = 0;

	while (http_query_next(req, &at, &name, &value))
		if (!word_listed(route->query, name)) {
			reply_fail(req, ERR_INVALID, "'%s' does not know the query parameter '%.100s'%s%s",
			           route->pattern, name, route->query ? "; it knows: " : "",
			           route->query ? route->query : "");
			return -1;
		}
	return 0;
}

int takes_lines(const struct api_route *route)
{
	return str_eq(route->body, "TaskSubmit") || str_eq(route->body, "TaskBatch");
}

static int check_media_type(const struct api_route *route, struct http_request *req)
{
	struct http_problem more = {.status = 415, .type = "unsupported-media-type"};
	struct err err;
	size_t n;

	http_body(req, &n);
	if (!route->body || !n || strchr(route->body, '/') || http_content_is(req, "application/json") ||
	    (takes_lines(route) && http_content_is(req, "application/x-ndjson")))
		return 0;
	err_set(&err, ERR_UNSUPPORTED, "the body must be JSON: send 'Content-Type: application/json'");
	http_reply_problem(req, &err, &more);
	return -1;
}

static void dispatch(struct http_request *req, void *ctx)
{
	struct api *api = ctx;
	const struct api_route *route = &api_table[http_route_of(req) - api->routes];

	if (!check_query(route, req) && !check_media_type(route, req))
		route->handler(api, req);
}

static int make_routes(struct api *api)
{
	size_t n = 0;

	while (api_table[n].method)
		n++;
	api->routes = calloc(n + 1, sizeof(*api->routes));
	for (size_t i = 0; api->routes && i < n; i++) {
		const struct api_route *row = &api_table[i];
		int is_upload = row->flags & HTTP_BODY_STREAM;

		api->routes[i] = (struct http_route){
			.method = row->method,
			.pattern = row->pattern,
			.handler = dispatch,
			.body_max = is_upload ? api->env.config->upload_max : row->body_max,
			.flags = row->flags,
			.help = row->help,
			.admit = api->env.auth ? access_admit : NULL,
		};
	}
	return api->routes ? 0 : ERR_NOMEM;
}

static int make_uploads(struct api *api, struct err *err)
{
	struct arena arena;
	int r;

	arena_init(&arena);
	r = dir_make(arena_printf(&arena, "%s/uploads", api->env.data_dir), 0700, err);
	arena_done(&arena);
	if (!r)
		uploads_sweep(api);
	return r;
}

int api_new(const struct api_env *env, struct api **ret, struct err *err)
{
	struct api *api = calloc(1, sizeof(*api));
	int r;

	if (!api)
		return err_set(err, ERR_NOMEM, "out of memory");
	api->env = *env;
	if (make_routes(api)) {
		free(api);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	api->started_at = clock_wall_ms();
	api->first_seq = api->started_at * 1000; /* so that numbers grow over restarts too */
	api->last_seq = api->first_seq - 1;
	api_watch_init(api);
	list_init(&api->wishes);
	api->last_operation = api->started_at * 1000; /* so that ids grow over restarts too */
	map_init(&api->in_flight);
	r = schemas_load(api, err);
	if (!r)
		r = loop_timer_new(env->loop, api_watch_tick, api, &api->timer, err);
	if (!r)
		r = loop_timer_new(env->loop, uploads_sweep, api, &api->hourly, err);
	if (!r)
		r = api_leases_init(api, err);
	if (!r)
		r = make_uploads(api, err);
	if (r) {
		api_free(api);
		return r;
	}
	*ret = api;
	return 0;
}

void api_on_auth(struct api *api)
{
	api_watch_sweep(api);
	api_leases_sweep(api);
}

void api_stop(struct api *api)
{
	api->stopping = 1;
	api_watch_stop(api);
	api_leases_stop(api);
}

void api_free(struct api *api)
{
	if (!api)
		return;
	loop_timer_free(api->timer);
	loop_timer_free(api->hourly);
	api_leases_done(api);
	operations_free(api);
	logs_free(api);
	schemas_free(api);
	events_free(api);
	api_watch_done(api);
	map_done(&api->in_flight);
	json_free(api->no_errors);
	free(api->openapi);
	free(api->routes);
	free(api);
}

const struct http_route *api_routes(const struct api *api)
{
	return api->routes;
}

void handle_openapi(struct api *api, struct http_request *req)
{
	if (!api->openapi)
		api->openapi = openapi_text(api);
	if (!http_etag(req, etag_of(req, api->openapi)))
		http_reply_json(req, 200, api->openapi);
}
