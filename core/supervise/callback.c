/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks: the end of a task told to a URL. The telling is a task of its own, so that it is durable, tried again with
 * backoff, listed and redriven like any other, and never holds up the end that it tells.
 *
 * The message is an event of CloudEvents 1.0 in its JSON format, signed as Standard Webhooks has it. Its id is that of
 * the callback task and so the same in every attempt: a receiver that has seen it may drop it. It is signed and sent by
 * a worker that runs no plugin (fetch.c); redirects are not followed.
 *
 * Only hosts of callbacks.allow are asked. They are checked when the task is submitted, for a clear answer, and before
 * each attempt, for what has changed since. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "plugin/plugin.h"
#include "supervise/kind.h"

#define SECRETS "callbacks"      /* the folder of them, beside those of plugins */
#define RESULT_TOLD (256u << 10) /* a larger result is to be fetched */
#define ANSWER_READ (64 << 10)   /* nobody reads it: only its size is bounded */
#define RETRY_AFTER_MAX_S (3600 * 24)

/* ---- where to --------------------------------------------------------------------------------------------------- */

static int is_allowed(const char *hosts, const struct fetch_target *target)
{
	char pattern[300];

	for (size_t n; *(hosts += strspn(hosts, " \t\n,")); hosts += n) {
		n = strcspn(hosts, " \t\n,");
		snprintf(pattern, sizeof(pattern), "%.*s", n < sizeof(pattern) ? (int)n : 0, hosts);
		if (plugin_host_fits(pattern, target->host, target->port))
			return 1;
	}
	return 0;
}

int supervise_check_callback(const struct supervise *sup, const char *url, struct err *err)
{
	struct fetch_target target;
	int r = fetch_target(url, &target, err);

	if (r || is_allowed(sup->config->callback_hosts, &target))
		return r;
	return err_set(err, ERR_PERM, "callbacks may not go to '%.200s' port %u: add it to callbacks.allow",
	               target.host, target.port);
}

/* ---- what is told ----------------------------------------------------------------------------------------------- */

static void set_text(struct json *json, const char *key, const char *text)
{
	struct json *value = NULL;

	if (text && !json_parse_own(text, strlen(text), &value, NULL))
		json_set(json, key, value);
	else
		json_set(json, key, json_new_null());
}

static struct json *data_of(const struct task *task, const char *id)
{
	struct json *json = json_new_object(), *error;
	int told = !task->result || strlen(task->result) <= RESULT_TOLD;

	json_set_str(json, "id", id);
	json_set_str(json, "kind", task->kind);
	json_set_str(json, "state", task_state_name(task->state));
	json_set_str(json, "queue", task->queue);
	json_set_str(json, "tenant", task->tenant);
	json_set_str(json, "dataset", task->dataset);
	json_set_int(json, "attempt", task->attempt);
	json_set_time(json, "created_at", task->created_at);
	json_set_time(json, "started_at", task->started_at);
	json_set_time(json, "finished_at", task->finished_at);
	set_text(json, "labels", task->labels ? task->labels : "{}");
	if (task->error_code) {
		error = json_new_object();
		json_set_str(error, "code", err_name(task->error_code));
		json_set_str(error, "detail", task->error);
		json_set(json, "error", error);
	}
	set_text(json, "result", told ? task->result : NULL);
	if (!told)
		json_set_bool(json, "result_omitted", 1);
	return json;
}

static struct json *event_of(const struct supervise *sup, const struct task *task, const char *id, const char *callback)
{
	struct json *json = json_new_object();
	char type[64];

	snprintf(type, sizeof(type), "orasi.task.%s", task_state_name(task->state));
	json_set_str(json, "specversion", "1.0");
	json_set_str(json, "id", callback);
	json_set_str(json, "source", sup->env.agent_id);
	json_set_str(json, "type", type);
	json_set_str(json, "subject", id);
	json_set_time(json, "time", task->finished_at);
	json_set_str(json, "datacontenttype", "application/json");
	json_set(json, "data", data_of(task, id));
	return json;
}

/* ---- the order -------------------------------------------------------------------------------------------------- */

static struct json *request_of(const struct supervise *sup, const struct json *body, const struct json *event)
{
	struct json *request = json_new_object(), *headers = json_new_array(), *pair = json_new_array();
	const char *text = json_text(event);
	char *base64 = malloc(base64_len(strlen(text)));

	if (base64)
		base64_encode(text, strlen(text), base64);
	json_push(pair, json_new_str("content-type"));
	json_push(pair, json_new_str("application/cloudevents+json"));
	json_push(headers, pair);
	json_set_str(request, "method", "POST");
	json_set_str(request, "url", json_get_str(body, "url", ""));
	json_set(request, "headers", headers);
	json_set_str(request, "body", base64);
	json_set_int(request, "timeout_ms", sup->config->callback_timeout_ms);
	json_set_int(request, "max_body", ANSWER_READ);
	free(base64);
	return request;
}

/* The secret that the task names, read anew for every attempt so that changing it is enough. */
static int add_keys(const struct supervise *sup, const struct json *body, struct json *webhook, struct err *err)
{
	const char *name = json_get_str(body, "secret", NULL), *key;
	struct json *secrets, *keys = json_new_array();

	json_set(webhook, "keys", keys);
	if (!name)
		return 0;
	secrets = plugin_secrets(sup->env.plugins, SECRETS);
	key = json_get_str(json_get(secrets, SECRETS), name, NULL);
	if (key)
		json_push(keys, json_new_str(key));
	json_free(secrets);
	if (key)
		return 0;
	return err_set(err, ERR_NOTFOUND,
	               "there is no secret '%.100s': put it into the folder '" SECRETS
	               "' of plugins.secrets, a file of mode 0600",
	               name);
}

static int read_ended(const struct supervise *sup, const struct task *task, struct arena *arena, struct task **ret,
                      struct err *err)
{
	int r = task->parent ? queue_get(sup->queue, task->parent, arena, ret, err)
	                     : err_set(err, ERR_INVALID, "a callback without a task");

	if (r == ERR_NOTFOUND)
		err_set(err, r, "the task whose end is to be told is not kept any more");
	else if (!r && !task_state_is_final((*ret)->state))
		r = err_set(err, ERR_CONFLICT, "the task whose end is to be told runs again");
	return r;
}

static int fill(struct supervise *sup, const struct task *task, const struct json *body, struct arena *arena,
                struct json *order, struct err *err)
{
	struct json *event, *webhook;
	char id[ID_LEN], parent[ID_LEN];
	struct task *ended;
	int r = supervise_check_callback(sup, json_get_str(body, "url", ""), err);

	if (!r)
		r = read_ended(sup, task, arena, &ended, err);
	if (r)
		return r;
	id_format('t', task->id, id);
	id_format('t', ended->id, parent);
	event = event_of(sup, ended, parent, id);
	json_set(order, "request", request_of(sup, body, event));
	json_free(event);
	webhook = json_new_object();
	json_set_str(webhook, "id", id);
	json_set_int(webhook, "timestamp", clock_wall_ms() / 1000);
	json_set(order, "webhook", webhook);
	return add_keys(sup, body, webhook, err);
}

const char *callback_fill(struct supervise *sup, const struct task *task, const struct json *body, struct json *order,
                          struct err *err)
{
	struct arena arena;
	int r;

	arena_init(&arena);
	r = fill(sup, task, body, &arena, order, err);
	arena_done(&arena);
	return r ? NULL : "fetch";
}

/* ---- the answer ------------------------------------------------------------------------------------------------- */

/* Retry-After in seconds (RFC 9110 section 10.2.3); a date is not looked at, the backoff does. */
static int64_t retry_after(const struct json *headers)
{
	uint64_t s;

	for (size_t i = 0; i < json_count(headers); i++) {
		const struct json *pair = json_at(headers, i);

		if (!strcasecmp(json_str(json_at(pair, 0), ""), "retry-after") &&
		    !str_to_u64(json_str(json_at(pair, 1), ""), &s))
			return (int64_t)(s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : s) * 1000;
	}
	return 0;
}

/* 2xx is success, 410 says that nobody is interested any more; all else may be better later. */
struct json *callback_judge(const struct json *answer, int64_t *ret_retry_after_ms, struct err *err)
{
	int64_t status = json_get_int(answer, "status", 0);
	struct json *result = json_new_object();

	json_set_int(result, "status", status);
	if (status >= 200 && status < 300)
		return result;
	json_free(result);
	if (status == 410) {
		err_set(err, ERR_NOTFOUND, "the receiver answered 410: it wants no more of it");
		return NULL;
	}
	*ret_retry_after_ms = retry_after(json_get(answer, "headers"));
	err_set(err, ERR_IO, "the receiver answered %lld%s", (long long)status,
	        status >= 300 && status < 400 ? ": redirects are not followed" : "");
	return NULL;
}
