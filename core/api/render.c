/* SPDX-License-Identifier: Apache-2.0 */
/* Replies, request bodies, and the things of other rooms as JSON. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/inside.h"
#include "base/clock.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "plugin/plugin.h"

/* ---- replies ---------------------------------------------------------------------------- */
void reply_json(struct http_request *req, int status, struct json *json)
{
	http_reply_json(req, status, json_text(json));
	json_free(json);
}

void reply_err(struct http_request *req, const struct err *err)
{
	http_reply_problem(req, err, NULL);
}

void reply_fail(struct http_request *req, int code, const char *fmt, ...)
{
	struct err err = {.code = code};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	http_reply_problem(req, &err, NULL);
}

void reply_invalid(struct http_request *req, const struct json *errors)
{
	struct http_problem more = {.status = 422, .errors = json_text(errors)};
	const struct json *first = json_at(errors, 0);
	const char *pointer = json_get_str(first, "pointer", "");
	const char *detail = json_get_str(first, "detail", "");
	struct err err;

	if (json_count(errors) > 1)
		err_set(&err, ERR_INVALID, "%zu problems; the first, at '%s': %s",
		        json_count(errors), pointer, detail);
	else
		err_set(&err, ERR_INVALID, "%s%s%s", pointer, *pointer ? ": " : "", detail);
	http_reply_problem(req, &err, &more);
}

void errors_add(struct json *errors, const char *pointer, const char *fmt, ...)
{
	struct json *error;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error = json_new_object();
	json_set_str(error, "pointer", pointer);
	json_set_str(error, "detail", text);
	json_push(errors, error);
}

/* ---- requests --------------------------------------------------------------------------- */
struct json *body_object(struct http_request *req)
{
	struct json *json;
	struct err err;
	size_t n;
	const char *body = http_body(req, &n);

	if (!n)
		return json_new_object();
	if (json_parse(body, n, &json, &err)) {
		err_prefix(&err, "the body is not JSON");
		reply_err(req, &err);
		return NULL;
	}
	if (json_type(json) == JSON_OBJECT)
		return json;
	reply_fail(req, ERR_INVALID, "the body must be a JSON object, not %s",
	           json_type_name(json_type(json)));
	json_free(json);
	return NULL;
}

struct json *body_checked(struct api *api, struct http_request *req, const char *component)
{
	struct json *body = body_object(req), *errors;

	if (!body)
		return NULL;
	errors = json_new_array();
	if (plugin_config_check(schema_find(api, component), body, "", errors)) {
		reply_invalid(req, errors);
		json_free(body);
		body = NULL;
	}
	json_free(errors);
	return body;
}

int64_t query_number(struct http_request *req, const char *name, int64_t otherwise, int64_t max)
{
	const char *text = http_query(req, name);
	int64_t v;

	if (!text)
		return otherwise;
	if (!str_to_i64(text, &v) && v >= 1 && v <= max)
		return v;
	reply_fail(req, ERR_INVALID, "'%s=%.40s' is not a number from 1 to %lld", name, text,
	           (long long)max);
	return -1;
}

int64_t wait_parse(const struct api *api, const char *text)
{
	int64_t ms;

	if (!str_to_i64(text, &ms) && ms >= 0)
		ms = ms > INT32_MAX ? INT32_MAX : ms * 1000;
	else if (str_to_duration_ms(text, &ms) || ms < 0)
		return -1;
	return ms > api->env.config->wait_max_ms ? api->env.config->wait_max_ms : ms;
}

/* FNV-1a: an ETag needs to change when the text does, nobody gains by a collision. */
const char *etag_of(struct http_request *req, const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return arena_printf(http_arena(req), "%016llx", (unsigned long long)hash);
}

/* ---- things ----------------------------------------------------------------------------- */
void json_set_time(struct json *object, const char *key, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_LEN];

	clock_rfc3339(wall_ms, text);
	json_set_str(object, key, wall_ms ? text : NULL);
}

static void set_known(struct json *object, const char *key, int64_t v)
{
	json_set(object, key, v < 0 ? json_new_null() : json_new_int(v));
}

struct json *stored_json(const char *text)
{
	struct json *json = NULL;

	return text && json_parse(text, strlen(text), &json, NULL) ? NULL : json;
}

static struct json *task_error(const struct task *task)
{
	struct json *error;

	if (!task->error_code)
		return json_new_null();
	error = json_new_object();
	json_set_str(error, "code", err_name(task->error_code));
	json_set_str(error, "detail", task->error);
	json_set_str(error, "where", task->error_where);
	json_set_bool(error, "retryable", err_is_transient(task->error_code));
	return error;
}

static struct json *task_progress(const struct task *task)
{
	struct json *progress = json_new_object();

	json_set_int(progress, "done", task->progress_done);
	json_set_int(progress, "total", task->progress_total);
	json_set_int(progress, "rows", task->progress_rows);
	json_set_int(progress, "rejected", task->progress_rejected);
	json_set_str(progress, "note", task->progress_note);
	return progress;
}

static void set_id(struct json *object, const char *key, int64_t id)
{
	char text[ID_LEN];

	id_format('t', id, text);
	json_set_str(object, key, id ? text : NULL);
}

static void task_times(struct json *json, const struct task *task)
{
	json_set_time(json, "created_at", task->created_at);
	json_set_time(json, "run_at", task->run_at);
	json_set_time(json, "expires_at", task->expires_at);
	json_set_time(json, "started_at", task->started_at);
	json_set_time(json, "finished_at", task->finished_at);
}

struct json *task_json(const struct task *task, int how)
{
	struct json *json = json_new_object(), *labels = stored_json(task->labels);

	set_id(json, "id", task->id);
	json_set_str(json, "kind", task->kind);
	json_set_str(json, "state", task_state_name(task->state));
	json_set_str(json, "queue", task->queue);
	json_set_str(json, "dataset", task->dataset);
	json_set_int(json, "priority", task->priority);
	json_set_int(json, "attempt", task->attempt);
	json_set_int(json, "max_attempts", task->max_attempts);
	json_set_int(json, "timeout_ms", task->timeout_ms);
	json_set_bool(json, "cancel_requested", task->cancel_requested);
	task_times(json, task);
	set_id(json, "parent", task->parent);
	json_set(json, "labels", labels ? labels : json_new_object());
	json_set_str(json, "trace", task->trace);
	json_set_str(json, "worker", task->worker);
	json_set(json, "progress",
	         task->state == TASK_RUNNING ? task_progress(task) : json_new_null());
	json_set(json, "error", task_error(task));
	if (how == TASK_FULL) {
		json_set(json, "spec", stored_json(task->body));
		json_set(json, "result", stored_json(task->result));
	}
	return json;
}

struct json *attempt_json(const struct task_attempt *attempt)
{
	struct json *json = json_new_object();

	json_set_int(json, "attempt", attempt->attempt);
	json_set_str(json, "worker", attempt->worker);
	json_set_str(json, "outcome", attempt->outcome);
	json_set_time(json, "started_at", attempt->started_at);
	json_set_time(json, "finished_at", attempt->finished_at);
	json_set_str(json, "error_code",
	             attempt->error_code ? err_name(attempt->error_code) : NULL);
	json_set_str(json, "error", attempt->error);
	return json;
}

struct json *dataset_json(const struct catalog_dataset *dataset)
{
	struct json *json = json_new_object();

	json_set_str(json, "name", dataset->name);
	json_set_str(json, "location", dataset->location);
	json_set_time(json, "created_at", dataset->created_at);
	json_set_time(json, "updated_at", dataset->updated_at);
	set_known(json, "version", dataset->version);
	set_known(json, "rows", dataset->rows);
	set_known(json, "bytes", dataset->bytes);
	set_known(json, "files", dataset->files);
	return json;
}

struct json *index_json(const struct catalog_index *index)
{
	struct json *json = json_new_object();

	json_set_str(json, "dataset", index->dataset);
	json_set_str(json, "name", index->name);
	json_set_str(json, "plugin", index->plugin);
	json_set(json, "columns", stored_json(index->columns));
	json_set(json, "options", stored_json(index->options));
	json_set_time(json, "created_at", index->created_at);
	json_set_time(json, "updated_at", index->updated_at);
	set_known(json, "generation", index->generation);
	set_known(json, "rows", index->rows);
	set_known(json, "bytes", index->bytes);
	set_known(json, "segments", index->segments);
	return json;
}
