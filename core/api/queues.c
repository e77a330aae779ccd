/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/queues: what is in them, and their settings. A queue comes into being with its first task or its first
 * setting. Settings are the rows of queue_settings_options, named in JSON as there. */
#include <string.h>

#include "api/access.h"
#include "base/str.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000

/* A change that waits for the store. Lives in the request's arena. */
struct setting {
	struct api *api;
	struct http_request *req;
	const char *name;
	int status;
};

/* ---- as JSON ---------------------------------------------------------------------------- */
static int64_t value_of(const struct option *option, const struct queue_settings *settings)
{
	const char *at = (const char *)settings + option->offset;

	return option->type == OPTION_BOOL ? *(const int *)at : *(const int64_t *)at;
}

static struct json *settings_json(const struct queue_settings *settings)
{
	struct json *json = json_new_object();

	for (const struct option *o = queue_settings_options; o->key; o++) {
		int64_t v = value_of(o, settings);

		json_set(json, o->key, o->type == OPTION_BOOL ? json_new_bool((int)v) : json_new_int(v));
	}
	return json;
}

static struct json *counts_json(const struct queue_info *info)
{
	struct json *json = json_new_object(), *counts = json_new_object();

	json_set_str(json, "name", info->name);
	for (int state = 0; state <= TASK_RUNNING; state++)
		json_set_int(counts, task_state_name((enum task_state)state), info->counts[state]);
	json_set(json, "tasks", counts);
	json_set_int(json, "finished_per_minute", info->finished_per_minute);
	return json;
}

static struct json *info_json(const struct queue_info *info)
{
	struct json *json = counts_json(info);

	json_set(json, "settings", settings_json(&info->settings));
	return json;
}

/* Null where there is no quota. */
static void set_left(struct json *json, const char *name, const struct queue_room *room)
{
	json_set(json, name, room->quota ? json_new_int(room->left) : json_new_null());
}

static struct json *stats_json(struct api *api, const struct queue_info *info)
{
	struct json *json = counts_json(info);
	struct queue_room rooms[QUEUE_ROOMS];
	int64_t depth = 0;

	for (int state = 0; state <= TASK_RUNNING; state++)
		depth += info->counts[state];
	queue_room(api->env.queue, info->name, NULL, rooms);
	json_set_int(json, "depth", depth);
	set_left(json, "left", &rooms[QUEUE_ROOM_QUEUE]);
	set_left(json, "left_of_agent", &rooms[QUEUE_ROOM_AGENT]);
	json_set_int(json, "longest_wait_ms", queue_longest_wait_ms(api->env.queue, info->name));
	json_set_bool(json, "paused", info->settings.paused);
	json_set_bool(json, "draining", info->settings.draining);
	return json;
}

/* ---- requests --------------------------------------------------------------------------- */
/* The name in the path, or NULL: it has answered. */
static const char *path_queue(struct http_request *req)
{
	const char *name = http_param(req, "queue");

	if (str_is_name(name))
		return name;
	reply_fail(req, ERR_NOTFOUND, "'%.100s' is no name of a queue: letters, digits, '_', '.', '-'", name);
	return NULL;
}

static const char *settings_etag(struct http_request *req, const struct queue_settings *settings)
{
	struct json *json = settings_json(settings);
	const char *etag = etag_of(req, json_text(json));

	json_free(json);
	return etag;
}

/* 0, or it has answered. */
static int find_queue(struct api *api, struct http_request *req, const char *name, struct queue_info *ret)
{
	if (!queue_info(api->env.queue, name, http_arena(req), ret))
		return 0;
	reply_fail(req, ERR_NOTFOUND, "there is no queue '%s': it comes with its first task or setting", name);
	return ERR_NOTFOUND;
}

static void reply_queue(struct api *api, struct http_request *req, const char *name, int status)
{
	struct queue_info info;

	if (find_queue(api, req, name, &info))
		return;
	if (!http_etag(req, settings_etag(req, &info.settings)))
		reply_json(req, status, info_json(&info));
}

static size_t keep_visible(struct http_request *req, struct queue_info *infos, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (access_has_queue(req, infos[i].name))
			infos[kept++] = infos[i];
	return kept;
}

void handle_queues_get(struct api *api, struct http_request *req)
{
	int64_t limit = query_number(req, "limit", LIST_DEFAULT, LIST_MAX);
	struct queue_info *infos;
	struct json *json, *items;
	size_t n = 0;

	if (limit < 0)
		return;
	if (queue_infos(api->env.queue, http_query(req, "cursor"), access_is_narrow(req) ? SIZE_MAX : (size_t)limit + 1,
	                http_arena(req), &infos, &n)) {
		reply_fail(req, ERR_NOMEM, "no memory for the list");
		return;
	}
	if (access_is_narrow(req))
		n = keep_visible(req, infos, n);
	json = json_new_object();
	items = json_new_array();
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		json_push(items, info_json(&infos[i]));
	json_set(json, "items", items);
	json_set_str(json, "next_cursor", n > (size_t)limit ? infos[limit - 1].name : NULL);
	reply_json(req, 200, json);
}

void handle_queue_get(struct api *api, struct http_request *req)
{
	const char *name = path_queue(req);

	if (name)
		reply_queue(api, req, name, 200);
}

void handle_queue_stats(struct api *api, struct http_request *req)
{
	const char *name = path_queue(req);
	struct queue_info info;

	if (name && !find_queue(api, req, name, &info))
		reply_json(req, 200, stats_json(api, &info));
}

/* ---- changes ---------------------------------------------------------------------------- */
static void on_set(void *ctx, int r, const struct err *err)
{
	struct setting *setting = ctx;

	if (r)
		reply_err(setting->req, err);
	else
		reply_queue(setting->api, setting->req, setting->name, setting->status);
}

static int is_guarded(struct http_request *req, const struct queue_settings *settings)
{
	struct http_problem more = {.status = 412, .type = "changed"};
	const char *match = http_header(req, "if-match");
	struct err err;

	if (!match || !strcmp(match, "*") || strstr(match, settings_etag(req, settings)))
		return 0;
	err_set(&err, ERR_CONFLICT, "the settings have changed since: read them again");
	http_reply_problem(req, &err, &more);
	return 1;
}

static void set(struct api *api, struct http_request *req, const char *name, const struct queue_settings *settings,
                int status)
{
	struct setting *setting = arena_alloc(http_arena(req), sizeof(*setting));
	struct err err = {0};
	int r;

	*setting = (struct setting){api, req, name, status};
	r = queue_settings_set(api->env.queue, name, settings, on_set, setting, &err);
	if (r)
		reply_err(req, &err);
}

/* The schema has checked types and ranges. */
static void merge(struct queue_settings *settings, const struct json *body)
{
	for (const struct option *o = queue_settings_options; o->key; o++) {
		const struct json *value = json_get(body, o->key);
		char *at = (char *)settings + o->offset;

		if (value && o->type == OPTION_BOOL)
			*(int *)at = json_bool(value, 0);
		else if (value)
			*(int64_t *)at = json_int(value, 0);
	}
}

static int exists(struct api *api, struct http_request *req, const char *name)
{
	struct queue_info info;

	return !queue_info(api->env.queue, name, http_arena(req), &info);
}

static void change(struct api *api, struct http_request *req, int whole)
{
	const char *name = path_queue(req);
	struct json *body = name ? body_checked(api, req, "QueueSettings") : NULL;
	struct queue_settings settings;

	if (!body)
		return;
	queue_settings_get(api->env.queue, name, &settings);
	if (!is_guarded(req, &settings)) {
		if (whole)
			options_init(queue_settings_options, &settings, NULL);
		merge(&settings, body);
		set(api, req, name, &settings, whole && !exists(api, req, name) ? 201 : 200);
	}
	json_free(body);
}

void handle_queue_put(struct api *api, struct http_request *req)
{
	change(api, req, 1);
}

void handle_queue_patch(struct api *api, struct http_request *req)
{
	change(api, req, 0);
}

static void flag(struct api *api, struct http_request *req, int paused, int draining)
{
	const char *name = path_queue(req);
	struct queue_settings settings;

	if (!name)
		return;
	if (!exists(api, req, name)) {
		reply_queue(api, req, name, 200);
		return;
	}
	queue_settings_get(api->env.queue, name, &settings);
	settings.paused = paused < 0 ? settings.paused : paused;
	settings.draining = draining < 0 ? settings.draining : draining;
	set(api, req, name, &settings, 200);
}

void handle_queue_pause(struct api *api, struct http_request *req)
{
	flag(api, req, 1, -1);
}

/* Ends pausing and draining. */
void handle_queue_resume(struct api *api, struct http_request *req)
{
	flag(api, req, 0, 0);
}

void handle_queue_drain(struct api *api, struct http_request *req)
{
	flag(api, req, -1, 1);
}
