/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/schedules: a task again and again. The task is checked when the schedule is set, like any that is
 * submitted; times of it count from each firing. */
#include <string.h>

#include "api/access.h"
#include "api/check.h"
#include "base/clock.h"
#include "base/str.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000
#define NEXT_TIMES 5

/* A change that waits for the store. Lives in the request's arena. */
struct change {
	struct api *api;
	struct http_request *req;
	const char *name;
	int status;
};

static struct change *change_new(struct api *api, struct http_request *req, const char *name, int status)
{
	struct change *change = arena_alloc(http_arena(req), sizeof(*change));

	*change = (struct change){api, req, name, status};
	return change;
}

/* ---- as JSON ------------------------------------------------------------------------------ */
static struct json *task_part(const struct task_spec *spec)
{
	struct json *task = stored_json(spec->body);

	if (!task)
		task = json_new_object();
	json_set_str(task, "queue", spec->queue);
	if (spec->priority >= 0)
		json_set_int(task, "priority", spec->priority);
	if (spec->labels)
		json_set(task, "labels", stored_json(spec->labels));
	return task;
}

static struct json *next_times(const struct queue_schedule *schedule)
{
	int64_t times[NEXT_TIMES];
	struct json *list = json_new_array();
	char text[CLOCK_RFC3339_LEN];
	size_t n = 0;

	if (!schedule->paused &&
	    queue_schedule_times(schedule->cron, schedule->zone, clock_wall_ms(), times, NEXT_TIMES, &n, NULL))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		clock_rfc3339(times[i], text);
		json_push(list, json_new_str(text));
	}
	return list;
}

static struct json *schedule_json(const struct queue_schedule *schedule)
{
	struct json *json = json_new_object();
	char id[ID_LEN];

	id_format('t', schedule->last_task, id);
	json_set_str(json, "name", schedule->name);
	json_set_str(json, "cron", schedule->cron);
	json_set_str(json, "zone", schedule->zone ? schedule->zone : "UTC");
	json_set_str(json, "overlap", queue_overlap_names[schedule->overlap]);
	json_set_int(json, "catchup_ms", schedule->catchup_ms);
	json_set_bool(json, "paused", schedule->paused);
	json_set_int(json, "start_after_ms", schedule->spec->run_at);
	json_set_int(json, "expires_after_ms", schedule->spec->expires_at);
	json_set_int(json, "deadline_after_ms", schedule->spec->deadline);
	json_set(json, "task", task_part(schedule->spec));
	json_set_time(json, "created_at", schedule->created_at);
	json_set_time(json, "next_at", schedule->next_at);
	json_set(json, "next", next_times(schedule));
	json_set_time(json, "last_at", schedule->last_at);
	json_set_str(json, "last_task", schedule->last_task ? id : NULL);
	json_set_int(json, "fired", schedule->fired);
	json_set_int(json, "skipped", schedule->skipped);
	json_set_int(json, "missed", schedule->missed);
	return json;
}

/* One whose tasks are not his is not there. */
static int find_schedule(struct api *api, struct http_request *req, const char *name, struct queue_schedule *ret)
{
	int r = queue_schedule_get(api->env.queue, name, http_arena(req), ret);

	return r || access_sees(req, ret->spec->tenant, ret->spec->queue) ? r : ERR_NOTFOUND;
}

static void reply_schedule(struct api *api, struct http_request *req, const char *name, int status)
{
	struct queue_schedule schedule;

	if (find_schedule(api, req, name, &schedule))
		reply_fail(req, ERR_NOTFOUND, "there is no schedule '%.100s'", name);
	else
		reply_json(req, status, schedule_json(&schedule));
}

/* ---- set ---------------------------------------------------------------------------------- */
static void on_set(void *ctx, int r, const struct err *err)
{
	struct change *change = ctx;

	if (r)
		reply_err(change->req, err);
	else if (change->status == 204)
		http_reply_empty(change->req, 204);
	else
		reply_schedule(change->api, change->req, change->name, change->status);
}

static void refuse_times(struct check *c, const struct task_spec *spec)
{
	const struct {
		int64_t at;
		const char *pointer, *instead;
	} times[] = {{spec->run_at, "/run_at", "start_after"},
	             {spec->expires_at, "/expires_at", "expires_after"},
	             {spec->deadline, "/deadline", "deadline_after"}};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i].at)
			errors_add(c->errors, check_below(c, times[i].pointer),
			           "each firing has a time of its own: give %s to the schedule", times[i].instead);
}

/* One that would end before it could start. */
static void refuse_ends(struct check *c, const struct json *body)
{
	static const char *const ends[] = {"expires_after", "deadline_after"};
	int64_t start = json_get_int(body, "start_after", 0);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (json_get(body, ends[i]) && json_get_int(body, ends[i], 0) <= start)
			errors_add(c->errors, arena_printf(c->arena, "/%s", ends[i]),
			           "it is not longer than start_after: the task would end before it could start");
}

/* 0, or it has answered. */
static int read_task(struct api *api, struct http_request *req, struct json *body, struct task_spec *spec)
{
	struct json *errors = json_new_array();
	struct check c = {api, http_arena(req), json_get_mut(body, "task"), errors, "/task", 0, req, 0};
	struct submission alone = {0};
	int r = 0;

	check_task(&c, NULL, &alone, 0, spec);
	refuse_times(&c, spec);
	refuse_ends(&c, body);
	if (json_count(errors)) {
		reply_refused(req, errors, c.denied);
		r = ERR_INVALID;
	}
	json_free(errors);
	spec->run_at = json_get_int(body, "start_after", 0);
	spec->expires_at = json_get_int(body, "expires_after", 0);
	spec->deadline = json_get_int(body, "deadline_after", 0);
	return r;
}

static int overlap_of(const struct json *body)
{
	const char *text = json_get_str(body, "overlap", "skip");
	int i = 0;

	while (queue_overlap_names[i] && !str_eq(queue_overlap_names[i], text))
		i++;
	return i;
}

static void set(struct api *api, struct http_request *req, const struct queue_schedule *schedule)
{
	struct queue_schedule old;
	int is_new = queue_schedule_get(api->env.queue, schedule->name, http_arena(req), &old);
	struct http_problem more = {.status = 422};
	struct err err = {0};
	int r;

	if (!is_new && find_schedule(api, req, schedule->name, &old)) {
		reply_fail(req, ERR_EXISTS, "the name '%.100s' is taken: choose another", schedule->name);
		return;
	}
	r = queue_schedule_set(api->env.queue, schedule, on_set,
	                       change_new(api, req, schedule->name, is_new ? 201 : 200), &err);

	if (r) /* what is wrong or missing is in the body */
		http_reply_problem(req, &err, r == ERR_INVALID || r == ERR_NOTFOUND ? &more : NULL);
}

void handle_schedule_put(struct api *api, struct http_request *req)
{
	const char *name = http_param(req, "name");
	struct json *body = body_checked(api, req, "SchedulePut");
	struct task_spec spec = {0};

	if (!body)
		return;
	if (!str_is_name(name)) {
		reply_fail(req, ERR_INVALID, "'%.100s' is not a name: letters, digits, '_', '.' and '-'", name);
	} else if (!read_task(api, req, body, &spec)) {
		struct queue_schedule schedule = {
			.name = name,
			.cron = json_get_str(body, "cron", ""),
			.zone = json_get_str(body, "zone", NULL),
			.overlap = overlap_of(body),
			.paused = json_get_bool(body, "paused", 0),
			.catchup_ms = json_get_int(body, "catchup", 0),
			.spec = &spec,
		};

		set(api, req, &schedule);
	}
	json_free(body);
}

static void set_paused(struct api *api, struct http_request *req, int paused)
{
	const char *name = http_param(req, "name");
	struct queue_schedule schedule;

	if (find_schedule(api, req, name, &schedule)) {
		reply_schedule(api, req, name, 200);
		return;
	}
	schedule.paused = paused;
	set(api, req, &schedule);
}

void handle_schedule_pause(struct api *api, struct http_request *req)
{
	set_paused(api, req, 1);
}

void handle_schedule_resume(struct api *api, struct http_request *req)
{
	set_paused(api, req, 0);
}

/* ---- the others ---------------------------------------------------------------------------- */
void handle_schedule_get(struct api *api, struct http_request *req)
{
	reply_schedule(api, req, http_param(req, "name"), 200);
}

void handle_schedule_delete(struct api *api, struct http_request *req)
{
	const char *name = http_param(req, "name");
	struct queue_schedule schedule;

	if (find_schedule(api, req, name, &schedule) ||
	    queue_schedule_delete(api->env.queue, name, on_set, change_new(api, req, name, 204)))
		reply_schedule(api, req, name, 204);
}

static size_t keep_visible(struct http_request *req, struct queue_schedule *schedules, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (access_sees(req, schedules[i].spec->tenant, schedules[i].spec->queue))
			schedules[kept++] = schedules[i];
	return kept;
}

void handle_schedules_get(struct api *api, struct http_request *req)
{
	int64_t limit = query_number(req, "limit", LIST_DEFAULT, LIST_MAX);
	struct queue_schedule *schedules;
	struct json *json, *items;
	size_t n = 0;

	if (limit < 0)
		return;
	/* Of others not even a cursor tells: who sees some only has them chosen from all. */
	if (queue_schedules(api->env.queue, http_query(req, "cursor"),
	                    access_is_narrow(req) ? SIZE_MAX : (size_t)limit + 1, http_arena(req), &schedules, &n)) {
		reply_fail(req, ERR_NOMEM, "no memory for the list");
		return;
	}
	if (access_is_narrow(req))
		n = keep_visible(req, schedules, n);
	json = json_new_object();
	items = json_new_array();
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		json_push(items, schedule_json(&schedules[i]));
	json_set(json, "items", items);
	json_set_str(json, "next_cursor", n > (size_t)limit ? schedules[limit - 1].name : NULL);
	reply_json(req, 200, json);
}
