/* SPDX-License-Identifier: Apache-2.0 */
/* The things of other rooms as JSON. */
#include <stdlib.h>
#include <string.h>

#include "api/inside.h"
#include "base/buf.h"
#include "base/clock.h"
#include "catalog/catalog.h"

#define TASK_USUAL 1024 /* bytes of a task as JSON, without its body */

/* As FNV-1a does it, with eight bytes at a time: an ETag needs to change when the text does, nobody gains by a collision. */
const char *etag_of(struct http_request *req, const char *text)
{
	uint64_t hash = 0xcbf29ce484222325, eight;
	size_t n = strlen(text);

	for (; n >= sizeof(eight); n -= sizeof(eight), text += sizeof(eight)) {
		memcpy(&eight, text, sizeof(eight));
		hash = (hash ^ eight) * 0x100000001b3;
		hash ^= hash >> 32;
	}
	for (; n; n--, text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return arena_printf(http_arena(req), "%016llx", (unsigned long long)hash);
}

/* ---- things ----------------------------------------------------------------------------- */
static void set_known(struct json *object, const char *key, int64_t v)
{
	json_set(object, key, v < 0 ? json_new_null() : json_new_int(v));
}

struct json *stored_json(const char *text)
{
	struct json *json = NULL;

	return text && json_parse(text, strlen(text), &json, NULL) ? NULL : json;
}

/* ---- tasks: written at once, since every submit and every event has one -------------------- */
static void put_key(struct buf *out, const char *key)
{
	char last = out->len ? out->data[out->len - 1] : '{';

	if (last != '{' && last != '[')
		buf_putc(out, ',');
	buf_putc(out, '"');
	buf_puts(out, key);
	buf_add(out, "\":", 2);
}

static void put_raw(struct buf *out, const char *key, const char *json)
{
	put_key(out, key);
	buf_puts(out, json ? json : "null");
}

static void put_str(struct buf *out, const char *key, const char *s)
{
	put_key(out, key);
	if (s)
		buf_json_str(out, s, strlen(s));
	else
		buf_add(out, "null", 4);
}

static void put_int(struct buf *out, const char *key, int64_t v)
{
	put_key(out, key);
	buf_int(out, v);
}

static void put_bool(struct buf *out, const char *key, int v)
{
	put_raw(out, key, v ? "true" : "false");
}

static void put_time(struct buf *out, const char *key, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_LEN];

	clock_rfc3339(wall_ms, text);
	put_str(out, key, wall_ms ? text : NULL);
}

static void put_id(struct buf *out, const char *key, char prefix, int64_t id)
{
	char text[ID_LEN];

	id_format(prefix, id, text);
	put_str(out, key, id ? text : NULL);
}

static void put_error(struct buf *out, const struct task *task)
{
	if (!task->error_code) {
		put_raw(out, "error", NULL);
		return;
	}
	put_raw(out, "error", "{");
	put_str(out, "code", err_name(task->error_code));
	put_str(out, "detail", task->error);
	put_str(out, "where", task->error_where);
	put_bool(out, "retryable", err_is_transient(task->error_code));
	buf_putc(out, '}');
}

static void put_progress(struct buf *out, const struct task *task)
{
	if (task->state != TASK_RUNNING) {
		put_raw(out, "progress", NULL);
		return;
	}
	put_raw(out, "progress", "{");
	put_int(out, "done", task->progress_done);
	put_int(out, "total", task->progress_total);
	put_int(out, "rows", task->progress_rows);
	put_int(out, "rejected", task->progress_rejected);
	put_str(out, "note", task->progress_note);
	buf_putc(out, '}');
}

static void put_ms(struct buf *out, const char *key, int64_t ms)
{
	if (ms)
		put_int(out, key, ms);
	else
		put_raw(out, key, NULL);
}

/* "12 13" as ids. */
static void put_dependencies(struct buf *out, const char *text)
{
	char id[ID_LEN];
	char *end;

	put_raw(out, "depends_on", "[");
	for (; text && *text; text = *end ? end + 1 : end) {
		id_format('t', strtoll(text, &end, 10), id);
		if (end == text)
			break;
		buf_printf(out, "%s\"%s\"", out->data[out->len - 1] == '[' ? "" : ",", id);
	}
	buf_putc(out, ']');
}

static void put_retry(struct buf *out, const struct task_spec *p)
{
	put_raw(out, "retry", "{");
	put_ms(out, "initial_ms", p->retry_initial_ms);
	put_ms(out, "max_ms", p->retry_max_ms);
	put_ms(out, "factor_percent", p->retry_factor_percent);
	put_str(out, "jitter", task_jitter_names[p->retry_jitter]);
	buf_putc(out, '}');
}

/* What was asked for besides the order itself. null is what the queue or the agent says. */
static void put_policy(struct buf *out, const struct task *task)
{
	const struct task_spec *p = task->policy;

	put_raw(out, "policy", "{");
	put_str(out, "idempotency_key", p->idempotency_key);
	put_str(out, "unique_scope", task->unique_key ? task_scope_names[p->unique_scope] : NULL);
	put_str(out, "fairness_key", p->fairness_key);
	put_int(out, "weight", p->weight ? p->weight : 1);
	put_str(out, "concurrency_key", p->concurrency_key);
	put_str(out, "rate_key", p->rate_key);
	put_int(out, "cost", p->cost ? p->cost : 1);
	put_int(out, "slots", p->slots ? p->slots : 1);
	put_ms(out, "heartbeat_ms", p->heartbeat_ms);
	put_retry(out, p);
	put_str(out, "retry_rules", p->retry_rules);
	put_str(out, "on_crash", p->crash_is_final ? "fail" : "retry");
	put_ms(out, "retain_ok_ms", p->retain_ok_ms);
	put_ms(out, "retain_failed_ms", p->retain_failed_ms);
	put_dependencies(out, p->depended_on);
	put_str(out, "on_dep_failure", task_dep_failure_names[p->on_dep_failure]);
	buf_putc(out, '}');
}

void task_write(struct buf *out, const struct task *task, int how)
{
	buf_putc(out, '{');
	put_id(out, "id", 't', task->id);
	put_str(out, "kind", task->kind);
	put_str(out, "state", task_state_name(task->state));
	put_str(out, "queue", task->queue);
	put_str(out, "dataset", task->dataset);
	put_int(out, "priority", task->priority);
	put_int(out, "attempt", task->attempt);
	put_int(out, "max_attempts", task->max_attempts);
	put_int(out, "timeout_ms", task->timeout_ms);
	put_str(out, "tenant", task->tenant);
	put_id(out, "batch", 'b', task->batch);
	put_str(out, "unique_key", task->unique_key);
	put_time(out, "lease_until", task->lease_until);
	put_time(out, "deadline", task->policy->deadline);
	put_bool(out, "cancel_requested", task->cancel_requested);
	put_time(out, "created_at", task->created_at);
	put_time(out, "run_at", task->run_at);
	put_time(out, "expires_at", task->expires_at);
	put_time(out, "started_at", task->started_at);
	put_time(out, "finished_at", task->finished_at);
	put_id(out, "parent", 't', task->parent);
	put_raw(out, "labels", task->labels ? task->labels : "{}");
	put_str(out, "trace", task->trace);
	put_str(out, "worker", task->worker);
	put_progress(out, task);
	put_error(out, task);
	if (how == TASK_FULL && task->policy->callback)
		put_raw(out, "callback", task->policy->callback);
	if (how == TASK_FULL) {
		put_raw(out, "spec", task->body);
		put_raw(out, "result", task->result);
	}
	buf_putc(out, '}');
}

const char *task_text(struct http_request *req, const struct task *task, int how)
{
	const char *text;
	struct buf out;

	buf_init(&out, 0);
	buf_reserve(&out, TASK_USUAL + (task->body ? strlen(task->body) : 0));
	task_write(&out, task, how);
	text = out.failed ? NULL : arena_strn(http_arena(req), out.data, out.len);
	buf_done(&out);
	return text;
}

static void put_reasons(struct api *api, struct http_request *req, struct buf *out, const struct task *task)
{
	struct queue_reason *reasons;
	size_t n;

	if (task->state >= TASK_RUNNING || queue_why(api->env.queue, task, http_arena(req), &reasons, &n, NULL) || !n)
		return;
	put_raw(out, "waiting_for", "[");
	for (size_t i = 0; i < n; i++) {
		buf_puts(out, i ? ",{" : "{");
		put_str(out, "type", reasons[i].type);
		put_str(out, "detail", reasons[i].detail);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

const char *task_text_whole(struct api *api, struct http_request *req, const struct task *task, const char *text)
{
	const char *whole;
	struct buf out;

	buf_init(&out, 0);
	buf_add(&out, text, strlen(text) - 1);
	put_policy(&out, task);
	put_reasons(api, req, &out, task);
	buf_putc(&out, '}');
	whole = out.failed ? text : arena_strn(http_arena(req), out.data, out.len);
	buf_done(&out);
	return whole;
}

/* ---- other things ----------------------------------------------------------------------- */
static void set_if(struct json *object, const char *key, int64_t v)
{
	json_set(object, key, v > 0 ? json_new_int(v) : json_new_null());
}

struct json *attempt_json(const struct task_attempt *attempt)
{
	struct json *json = json_new_object();

	json_set_int(json, "attempt", attempt->attempt);
	json_set_str(json, "worker", attempt->worker);
	json_set_str(json, "outcome", attempt->outcome);
	json_set_time(json, "started_at", attempt->started_at);
	json_set_time(json, "finished_at", attempt->finished_at);
	json_set_str(json, "error_code", attempt->error_code ? err_name(attempt->error_code) : NULL);
	json_set_str(json, "error", attempt->error);
	set_if(json, "exit_signal", attempt->usage.exit);
	set_if(json, "exit_code", -attempt->usage.exit);
	json_set_int(json, "cpu_ms", attempt->usage.cpu_ms);
	set_if(json, "max_rss_kib", attempt->usage.rss_kib);
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
