/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/tasks: list, get, and the verbs that change one task. */
#include <stdio.h>
#include <string.h>

#include "api/access.h"
#include "base/clock.h"
#include "base/str.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000

const char *task_url(struct http_request *req, int64_t id)
{
	static const char tasks[] = "/v1/tasks/";
	char *url = arena_alloc(http_arena(req), sizeof(tasks) - 1 + ID_LEN);

	memcpy(url, tasks, sizeof(tasks) - 1);
	id_format('t', id, url + sizeof(tasks) - 1);
	return url;
}

int find_task(struct api *api, struct http_request *req, int64_t id, struct task **ret, struct err *err)
{
	int r = queue_get(api->env.queue, id, http_arena(req), ret, err);

	return r || access_sees(req, (*ret)->tenant, (*ret)->queue) ? r : queue_no_task(err, id);
}

/* Who sees some tasks only is not told which numbers were given away. */
void reply_no_task(struct api *api, struct http_request *req, int64_t id, const struct err *err)
{
	if (err->code == ERR_NOTFOUND && !access_is_narrow(req) && queue_has_passed(api->env.queue, id))
		reply_fail(req, ERR_GONE,
		           "there is no such task any more: it was deleted, or has been kept as long as its retention "
		           "says");
	else
		reply_err(req, err);
}

void reply_known_task(struct api *api, struct http_request *req, const struct task *task, int status)
{
	const char *text = task_text(req, task, TASK_FULL);

	if (status == 201 || status == 202)
		http_set_header(req, "Location", task_url(req, task->id));
	if (!text)
		reply_fail(req, ERR_NOMEM, "no memory for the answer");
	else if (!http_etag(req, etag_of(req, text)))
		http_reply_json(req, status, status == 200 ? task_text_whole(api, req, task, text) : text);
}

void reply_task(struct api *api, struct http_request *req, int64_t id, int status)
{
	struct task *task;
	struct err err;

	if (queue_get(api->env.queue, id, http_arena(req), &task, &err))
		reply_no_task(api, req, id, &err);
	else
		reply_known_task(api, req, task, status);
}

/* ---- list ------------------------------------------------------------------------------- */
static int filter_time(struct http_request *req, const char *name, int64_t *ret)
{
	const char *text = http_query(req, name);

	if (!text || !clock_from_rfc3339(text, ret))
		return 0;
	reply_fail(req, ERR_INVALID, "'%s=%.60s' is not a time such as 2026-01-31T12:00:00Z", name, text);
	return ERR_INVALID;
}

int state_parse(const char *text, int *ret)
{
	static const struct {
		const char *name;
		int set;
	} sets[] = {{"waiting", QUEUE_WAITING},
	            {"live", QUEUE_LIVE},
	            {"ended", QUEUE_ENDED},
	            {"unsuccessful", QUEUE_UNSUCCESSFUL}};
	enum task_state state;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (str_eq(sets[i].name, text)) {
			*ret = sets[i].set;
			return 0;
		}
	if (task_state_parse(text, &state))
		return ERR_INVALID;
	*ret = (int)state;
	return 0;
}

static int filter_state(struct http_request *req, int *ret)
{
	const char *text = http_query(req, "state");

	*ret = QUEUE_ANY;
	if (!text || !state_parse(text, ret))
		return 0;
	reply_fail(req, ERR_INVALID, "'state=%.40s' is not a state: " STATES_KNOWN, text);
	return ERR_INVALID;
}

static int filter_label(struct http_request *req, struct queue_filter *filter)
{
	const char *name, *value;
	size_t at = 0;

	while (http_query_next(req, &at, &name, &value)) {
		if (!str_starts(name, "label."))
			continue;
		if (filter->label_key) {
			reply_fail(req, ERR_INVALID, "only one label can be asked for at a time");
			return ERR_INVALID;
		}
		filter->label_key = name + 6;
		filter->label_value = value;
	}
	return 0;
}

static int filter_id(struct http_request *req, const char *name, char prefix, int64_t *ret)
{
	const char *text = http_query(req, name);

	if (!text || !id_parse(prefix, text, ret))
		return 0;
	reply_fail(req, ERR_INVALID, "'%s=%.40s' is not an id such as %c_0000000000001", name, text, prefix);
	return ERR_INVALID;
}

/* One of two words; *ret: whether it is the second, `otherwise` when it is absent. */
static int read_choice(struct http_request *req, const char *name, const char *first, const char *second, int otherwise,
                       int *ret)
{
	const char *text = http_query(req, name);

	*ret = text ? str_eq(text, second) : otherwise;
	if (!text || *ret || str_eq(text, first))
		return 0;
	reply_fail(req, ERR_INVALID, "'%s=%.40s' is neither %s nor %s", name, text, first, second);
	return ERR_INVALID;
}

static int read_filter(struct http_request *req, struct queue_filter *filter)
{
	int64_t limit = query_number(req, "limit", LIST_DEFAULT, LIST_MAX);

	if (limit < 0)
		return ERR_INVALID;
	filter->limit = (size_t)limit;
	filter->kind = http_query(req, "kind");
	filter->queue = http_query(req, "queue");
	filter->dataset = http_query(req, "dataset");
	filter->tenant = http_query(req, "tenant");
	filter->cursor = http_query(req, "cursor");
	return filter_state(req, &filter->state) || filter_label(req, filter) ||
	                       read_choice(req, "order", "newest", "oldest", 0, &filter->oldest_first) ||
	                       filter_id(req, "parent", 't', &filter->parent) ||
	                       filter_id(req, "batch", 'b', &filter->batch) ||
	                       filter_time(req, "created_after", &filter->created_after) ||
	                       filter_time(req, "created_before", &filter->created_before)
	               ? ERR_INVALID
	               : 0;
}

/* The same query with the next cursor (RFC 8288). */
static void set_next_link(struct http_request *req, const char *cursor)
{
	const char *name, *value;
	struct buf link;
	size_t at = 0;

	buf_init(&link, 0);
	buf_printf(&link, "<%s?", http_path(req));
	while (http_query_next(req, &at, &name, &value)) {
		if (!strcmp(name, "cursor"))
			continue;
		for (const char *p = arena_printf(http_arena(req), "%s=%s&", name, value); *p; p++)
			buf_printf(&link, strchr(" %<>\"+#", *p) ? "%%%02X" : "%c", (unsigned char)*p);
	}
	buf_printf(&link, "cursor=%s>; rel=\"next\"", cursor);
	if (!link.failed)
		http_set_header(req, "Link", link.data);
	buf_done(&link);
}

/* ---- some members only (fields=) */

/* Of the shape Task in schemas.json. */
static const char *const task_members[] = {
	"id",           "kind",       "state",      "queue",      "dataset",    "priority",    "attempt",
	"max_attempts", "tenant",     "timeout_ms", "batch",      "unique_key", "lease_until", "cancel_requested",
	"deadline",     "created_at", "run_at",     "expires_at", "started_at", "finished_at", "parent",
	"labels",       "trace",      "worker",     "progress",   "error",      "callback",    "spec",
	"result",       NULL,
};

/* The names that are asked for, in the arena, NULL-ended; *ret NULL: all. */
static int read_fields(struct http_request *req, const char *const **ret)
{
	const char *text = http_query(req, "fields");
	size_t n = 0, most = sizeof(task_members) / sizeof(task_members[0]);
	const char **names;
	char *rest, *name;

	*ret = NULL;
	if (!text)
		return 0;
	names = arena_alloc(http_arena(req), (most + 1) * sizeof(*names));
	rest = arena_str(http_arena(req), text);
	while ((name = strsep(&rest, ","))) {
		size_t i = 0;

		while (task_members[i] && strcmp(task_members[i], name))
			i++;
		if (!task_members[i] || n >= most) {
			reply_fail(req, ERR_INVALID, "'fields=…%.40s…' is not a member of a task, or comes too often",
			           name);
			return ERR_INVALID;
		}
		names[n++] = task_members[i];
	}
	names[n] = NULL;
	*ret = names;
	return 0;
}

static int has_field(const char *const *fields, const char *name)
{
	while (*fields && strcmp(*fields, name))
		fields++;
	return *fields != NULL;
}

static void write_fields(struct buf *out, struct http_request *req, const struct task *task, const char *const *fields)
{
	int is_full = has_field(fields, "spec") || has_field(fields, "result") || has_field(fields, "callback");
	const char *text = task_text(req, task, is_full ? TASK_FULL : TASK_BRIEF);
	struct json *all = stored_json(text), *some = json_new_object();

	for (; *fields; fields++)
		json_set(some, *fields, json_copy(json_get(all, *fields)));
	buf_puts(out, json_text(some));
	json_free(all);
	json_free(some);
}

void handle_tasks_get(struct api *api, struct http_request *req)
{
	const char *const *fields;
	struct queue_filter filter = {0};
	const char *cursor = NULL;
	struct task **tasks;
	struct buf out;
	struct err err;
	size_t n;

	if (read_filter(req, &filter) || read_fields(req, &fields))
		return;
	access_narrow(req, &filter);
	if (queue_list(api->env.queue, &filter, http_arena(req), &tasks, &n, &cursor, &err)) {
		reply_err(req, &err);
		return;
	}
	buf_init(&out, 0);
	buf_puts(&out, "{\"items\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(&out, ',');
		if (fields)
			write_fields(&out, req, tasks[i], fields);
		else
			task_write(&out, tasks[i], TASK_BRIEF);
	}
	buf_puts(&out, "],\"next_cursor\":");
	buf_printf(&out, cursor ? "\"%s\"}" : "null}", cursor);
	if (cursor)
		set_next_link(req, cursor);
	reply_buf(req, 200, &out);
}

/* ---- one task --------------------------------------------------------------------------- */
static int path_task(struct http_request *req, int64_t *ret)
{
	if (!id_parse('t', http_param(req, "id"), ret))
		return 0;
	reply_fail(req, ERR_NOTFOUND, "'%.40s' is not the id of a task", http_param(req, "id"));
	return ERR_NOTFOUND;
}

/* The task that the path names, or NULL: it has answered. */
static struct task *path_get(struct api *api, struct http_request *req)
{
	struct task *task;
	struct err err;
	int64_t id;

	if (path_task(req, &id))
		return NULL;
	if (!find_task(api, req, id, &task, &err))
		return task;
	reply_no_task(api, req, id, &err);
	return NULL;
}

/* What it is to differ from when any change is waited for: what the client has, or how it is now. */
static const char *etag_now(struct api *api, struct http_request *req, int64_t id)
{
	const char *known = http_header(req, "if-none-match"), *text;
	struct task *task;

	if (known || queue_get(api->env.queue, id, http_arena(req), &task, NULL))
		return known;
	text = task_text(req, task, TASK_FULL);
	return text ? etag_of(req, text) : NULL;
}

void handle_task_get(struct api *api, struct http_request *req)
{
	const char *wait = http_query(req, "wait");
	int64_t ms = wait ? wait_parse(api, wait) : 0, id = 0;
	int any_change;

	if (ms < 0)
		reply_fail(req, ERR_INVALID, "'wait=%.40s' is not a time such as 30s", wait);
	else if (!read_choice(req, "until", "terminal", "change", http_header(req, "if-none-match") != NULL,
	                      &any_change) &&
	         !path_task(req, &id) && (!access_is_narrow(req) || path_get(api, req)))
		api_watch_task(api, req, id, ms, ms && any_change ? etag_now(api, req, id) : NULL, 200);
}

void handle_task_attempts(struct api *api, struct http_request *req)
{
	struct task *task = path_get(api, req);
	struct task_attempt *attempts;
	struct json *json, *items;
	struct err err;
	size_t n;

	if (!task)
		return;
	if (queue_attempts(api->env.queue, task->id, http_arena(req), &attempts, &n, &err)) {
		reply_err(req, &err);
		return;
	}
	json = json_new_object();
	items = json_new_array();
	for (size_t i = 0; i < n; i++)
		json_push(items, attempt_json(&attempts[i]));
	json_set(json, "items", items);
	reply_json(req, 200, json);
}

void handle_task_result(struct api *api, struct http_request *req)
{
	struct http_problem more = {.type = "not-finished", .retry_after_ms = 1000};
	struct task *task = path_get(api, req);
	struct err err;

	if (!task)
		return;
	if (task->state == TASK_SUCCEEDED) {
		http_reply_json(req, 200, task->result ? task->result : "null");
		return;
	}
	err_set(&err, ERR_CONFLICT, "the task is %s and has no result", task_state_name(task->state));
	http_reply_problem(req, &err, task_state_is_final(task->state) ? NULL : &more);
}

static void on_changed(void *ctx, int r, const struct err *err)
{
	struct pending *pending = ctx;

	if (r)
		reply_err(pending->req, err);
	else
		reply_task(pending->api, pending->req, pending->id, 200);
}

/* The task that the path names if the request may change it, or NULL: it has answered. If-Match guards
 * against changes since the client looked (RFC 9110 section 13.1.1). */
static struct task *path_change(struct api *api, struct http_request *req)
{
	struct http_problem more = {.status = 412, .type = "changed"};
	const char *match = http_header(req, "if-match"), *text;
	struct task *task = path_get(api, req);
	struct err err;

	if (!task || !match || !strcmp(match, "*"))
		return task;
	text = task_text(req, task, TASK_FULL);
	if (text && strstr(match, etag_of(req, text)))
		return task;
	err_set(&err, ERR_CONFLICT, "the task has changed: it is %s now", task_state_name(task->state));
	http_reply_problem(req, &err, &more);
	return NULL;
}

static void change_failed(struct http_request *req, const struct task *task, int r, const char *what)
{
	if (r == ERR_CONFLICT)
		reply_fail(req, r, "the task is %s: it cannot be %s", task_state_name(task->state), what);
	else
		reply_fail(req, r, "the task cannot be %s: %s", what, err_name(r));
}

typedef int (*change_fn)(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx);

static void change(struct api *api, struct http_request *req, change_fn fn, const char *what)
{
	struct task *task = path_change(api, req);
	struct pending *pending;
	int r;

	if (!task)
		return;
	pending = pending_new(api, req);
	pending->id = task->id;
	r = fn(api->env.queue, task->id, on_changed, pending);
	if (r)
		change_failed(req, task, r, what);
}

void handle_task_cancel(struct api *api, struct http_request *req)
{
	change(api, req, queue_cancel, "cancelled");
}

void handle_task_retry(struct api *api, struct http_request *req)
{
	change(api, req, queue_retry, "tried again");
}

static void reschedule(struct api *api, struct http_request *req, const struct task *task, int64_t run_at, int priority)
{
	struct pending *pending = pending_new(api, req);
	int r;

	pending->id = task->id;
	r = queue_reschedule(api->env.queue, task->id, run_at, priority, on_changed, pending);
	if (r)
		change_failed(req, task, r, "moved");
}

/* {"run_at", "priority"}: what is absent stays. */
void handle_task_reschedule(struct api *api, struct http_request *req)
{
	struct json *body = body_checked(api, req, "Reschedule");
	struct task *task = body ? path_change(api, req) : NULL;
	int64_t run_at = 0; /* as it was */
	int priority = -1;

	if (task && read_priority(json_get(body, "priority"), http_arena(req), &priority)) {
		reply_wrong(req, "/priority", PRIORITY_WRONG);
	} else if (task) {
		clock_from_rfc3339(json_get_str(body, "run_at", ""), &run_at); /* the schema has checked it */
		if (task->expires_at && run_at >= task->expires_at)
			reply_wrong(req, "/run_at",
			            "it is not before expires_at: the task would end before it could start");
		else
			reschedule(api, req, task, run_at, priority);
	}
	json_free(body);
}

/* Now, and before all others. */
void handle_task_promote(struct api *api, struct http_request *req)
{
	struct task *task = path_change(api, req);

	if (task)
		reschedule(api, req, task, clock_wall_ms(), 0);
}

void handle_task_delete(struct api *api, struct http_request *req)
{
	struct task *task = path_change(api, req);
	int r = task ? queue_delete(api->env.queue, task->id, reply_gone, req) : 0;

	if (r)
		change_failed(req, task, r, "deleted");
}
