/* SPDX-License-Identifier: Apache-2.0 */
/* What a remote worker says of its leases, many in one request: that it still works on them, with progress and
 * checkpoints, and how they ended: complete, fail or snooze. A lease is known by the fence of its attempt; a stale one
 * changes nothing and is told 409 stale-lease, item by item. */
#include "api/access.h"
#include "base/str.h"

/* What is said of each; answered when all is durable. Lives in the request's arena. */
struct round {
	struct api *api;
	struct http_request *req;
	struct json *answers; /* array */
	size_t left;
};

struct step {
	struct round *round;
	struct json *answer; /* in round->answers */
};

static void round_step(struct round *round)
{
	struct json *json;

	if (--round->left)
		return;
	json = json_new_object();
	json_set(json, "items", round->answers);
	reply_json(round->req, 200, json);
}

static void say_error(struct step *step, const struct err *err, int status, const char *type)
{
	struct http_problem more = {.type = type, .status = status};

	json_set_int(step->answer, "status", status);
	json_set(step->answer, "problem", stored_json(http_problem_text(step->round->req, err, &more)));
}

static void say(struct step *step, int code, const char *detail)
{
	struct err err;

	if (!code) {
		json_set_int(step->answer, "status", 200);
		return;
	}
	err_set(&err, code, "%s",
	        detail && *detail   ? detail
	        : code == ERR_STALE ? "the lease is over: somebody else has the task, or it has ended"
	                            : err_name(code));
	say_error(step, &err, http_status_of(code), code == ERR_STALE ? "stale-lease" : NULL);
}

/* The task and the fence of an item; 0, or it has been said what is wrong. */
static int read_lease(struct step *step, const struct json *item, int64_t *ret_id, int64_t *ret_fence)
{
	const char *task = json_get_str(item, "task", ""), *lease = json_get_str(item, "lease_id", "");

	json_set_str(step->answer, "task", task);
	if (!id_parse('t', task, ret_id) && !id_parse('l', lease, ret_fence)) {
		if (access_holds_lease(step->round->api, step->round->req, *ret_id))
			return 0;
		say(step, ERR_STALE, NULL); /* numbers can be guessed */
		return ERR_STALE;
	}
	say(step, ERR_INVALID, "task and lease_id are those of the answer to POST /v1/leases");
	return ERR_INVALID;
}

static struct round *round_new(struct api *api, struct http_request *req, size_t n)
{
	struct round *round = arena_alloc(http_arena(req), sizeof(*round));

	*round = (struct round){api, req, json_new_array(), n + 1}; /* one for ourselves */
	return round;
}

static struct step *step_new(struct round *round)
{
	struct step *step = arena_alloc(http_arena(round->req), sizeof(*step));

	step->round = round;
	step->answer = json_new_object();
	json_push(round->answers, step->answer);
	return step;
}

static void on_durable(void *ctx, int r, const struct err *err)
{
	struct step *step = ctx;

	say(step, r, err ? err->text : NULL);
	round_step(step->round);
}

/* ---- heartbeats --------------------------------------------------------------------------- */
static void note_progress(struct api *api, int64_t id, int64_t fence, const struct json *progress)
{
	if (progress)
		queue_progress(api->env.queue, id, fence, json_get_int(progress, "done", 0),
		               json_get_int(progress, "total", 0), json_get_int(progress, "rows", 0),
		               json_get_int(progress, "rejected", 0), json_get_str(progress, "note", ""));
}

static void beat(struct step *step, const struct json *item, int64_t lease_ms)
{
	struct api *api = step->round->api;
	const struct json *checkpoint = json_get(item, "checkpoint");
	int64_t id, fence;
	int r;

	if (read_lease(step, item, &id, &fence)) {
		round_step(step->round);
		return;
	}
	r = queue_heartbeat(api->env.queue, id, fence, lease_ms);
	json_set_bool(step->answer, "stop", r != 0);
	if (r != ERR_STALE)
		note_progress(api, id, fence, json_get(item, "progress"));
	if (r != ERR_STALE && checkpoint) {
		r = queue_checkpoint(api->env.queue, id, fence, json_text(checkpoint), on_durable, step);
		if (!r)
			return;
	}
	say(step, r == ERR_CANCELLED || r == ERR_TIMEOUT ? 0 : r, NULL);
	round_step(step->round);
}

static void on_longer(void *ctx, int r, const struct err *err)
{
	struct round *round = ctx;

	for (size_t i = 0; r && i < json_count(round->answers); i++) {
		struct step step = {round, (struct json *)json_at(round->answers, i)};

		say(&step, r, err->text);
	}
	round_step(round);
}

/* One that asked for more time has it when that is on disk. */
static void answer_when_kept(struct round *round)
{
	struct err err = {0};
	int r = queue_leases_kept(round->api->env.queue, on_longer, round);

	if (r < 0)
		err_set(&err, r, "no memory");
	if (r)
		on_longer(round, r < 0 ? r : 0, &err);
}

void handle_leases_heartbeat(struct api *api, struct http_request *req)
{
	struct json *body = body_checked(api, req, "Heartbeats");
	const struct json *items = json_get(body, "leases");
	struct round *round;

	if (!body || lease_check_length(req, body)) {
		json_free(body);
		return;
	}
	round = round_new(api, req, json_count(items));
	for (size_t i = 0; i < json_count(items); i++)
		beat(step_new(round), json_at(items, i), json_get_int(body, "lease", 0));
	json_free(body);
	answer_when_kept(round);
}

/* ---- settling ----------------------------------------------------------------------------- */
static int error_code(const struct json *error)
{
	const char *name = json_get_str(error, "code", NULL);

	if (name)
		return err_from_name(name);
	return json_get_bool(error, "retryable", 0) ? ERR_BUSY : ERR_PLUGIN;
}

/* 0, or it has been said: what stands here decides whether the task is tried again. */
static int check_code(struct step *step, const struct json *error)
{
	const char *name = json_get_str(error, "code", NULL);
	struct err err;

	if (!name || err_is_name(name))
		return 0;
	err_set(&err, ERR_INVALID, "'%s' is no error code; leave it out and say retryable, or give one of: %s", name,
	        err_all_names());
	err_where(&err, "/error/code");
	say_error(step, &err, 422, NULL);
	return ERR_INVALID;
}

static void settle(struct step *step, const struct json *item)
{
	const char *outcome = json_get_str(item, "outcome", "");
	const struct json *error = json_get(item, "error"), *result = json_get(item, "result");
	struct queue_outcome end = {.retry_after_ms = json_get_int(item, "retry_after", 0)};
	int64_t id, fence;
	int r;

	if (read_lease(step, item, &id, &fence) || check_code(step, error)) {
		round_step(step->round);
		return;
	}
	if (str_eq(outcome, "complete")) {
		end.result = result ? json_text(result) : "null";
	} else {
		end.snooze = str_eq(outcome, "snooze");
		end.code = end.snooze ? ERR_BUSY : error_code(error);
		end.error = json_get_str(error, "detail", end.snooze ? "snoozed" : "the worker gave no reason");
	}
	r = queue_finish(step->round->api->env.queue, id, fence, &end, on_durable, step);
	if (!r)
		return;
	say(step, r, r == ERR_LIMIT ? "a result has at most 1 MiB: put data into a dataset" : NULL);
	round_step(step->round);
}

void handle_leases_settle(struct api *api, struct http_request *req)
{
	struct json *body = body_checked(api, req, "Settlements");
	const struct json *items = json_get(body, "leases");
	struct round *round;

	if (!body)
		return;
	round = round_new(api, req, json_count(items));
	for (size_t i = 0; i < json_count(items); i++)
		settle(step_new(round), json_at(items, i));
	json_free(body);
	round_step(round);
}
