/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a task, with a bar on a terminal: what is done, how fast, how long it still takes.
 *
 * Ctrl-C ends the waiting. The agent goes on with the task, unless it is private to this command: then the task is
 * cancelled, since nobody would end it. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli.h"

#define BAR_WIDTH 30

/* What was done when it was first looked at: a rate is of what was seen happening. */
struct seen {
	int64_t at; /* 0: nothing yet */
	double done;
};

/* 0: not known. A new attempt may begin with less than the one before had. */
static double rate_of(struct seen *seen, const struct json *progress, double done)
{
	int64_t now = clock_mono_ms();

	if (json_type(progress) == JSON_OBJECT && (!seen->at || done < seen->done))
		*seen = (struct seen){now, done};
	return seen->at && now > seen->at ? (done - seen->done) * 1000 / (double)(now - seen->at) : 0;
}

static void show_bar(const struct json *task, struct seen *seen)
{
	const struct json *progress = json_get(task, "progress");
	double done = json_get_double(progress, "done", 0), total = json_get_double(progress, "total", 0);
	double rate = rate_of(seen, progress, done);
	int filled = total > 0 ? (int)(done / total * BAR_WIDTH) : 0;
	char rows[32];

	number_with_commas(json_get_int(progress, "rows", 0), rows);
	if (total <= 0 && done <= 0 && !json_get_int(progress, "rows", 0)) { /* it tells nothing, or not yet */
		fprintf(stderr, "\r%s …\033[K", json_get_str(task, "state", ""));
	} else if (total <= 0 || filled > BAR_WIDTH) {
		fprintf(stderr, "\r%s rows  %.1f MB  %.1f MB/s\033[K", rows, done / 1e6, rate / 1e6);
	} else {
		fprintf(stderr, "\r[%.*s%.*s] %3.0f%%  %s rows", filled, "##############################",
		        BAR_WIDTH - filled, "..............................", done / total * 100, rows);
		if (rate > 0)
			fprintf(stderr, "  %.1f MB/s  %.0f s left", rate / 1e6, (total - done) / rate);
		fputs("\033[K", stderr);
	}
}

int task_is_final(const struct json *task)
{
	static const char *const finals[] = {"succeeded", "failed", "cancelled", "expired"};

	for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++)
		if (!strcmp(json_get_str(task, "state", ""), finals[i]))
			return 1;
	return 0;
}

int task_verdict(const struct json *task)
{
	const char *state = json_get_str(task, "state", "");

	if (!strcmp(state, "succeeded"))
		return 0;
	return fail(CLI_FAILED, "task %s %s: %s", json_get_str(task, "id", ""), state,
	            json_str(json_pointer(task, "/error/detail"), "no reason was given"));
}

static int break_off(const struct args *args, const char *id)
{
	struct args last = *args;
	struct json *answer = NULL;
	char path[256];

	if (!args->local)
		return fail(CLI_INTERRUPTED,
		            "not waiting any longer; the task goes on: 'orasi task wait %s', or 'orasi task cancel %s'",
		            id, id);
	last.last_words = last.probing = 1;
	snprintf(path, sizeof(path), "/v1/tasks/%s:cancel", id);
	http_json(&last, "POST", path, NULL, &answer);
	json_free(answer);
	snprintf(path, sizeof(path), "/v1/tasks/%s?wait=20s", id); /* its worker gets time to stop */
	http_json(&last, "GET", path, NULL, &answer);
	json_free(answer);
	return fail(CLI_INTERRUPTED, "the task was cancelled");
}

int task_follow(const struct args *args, const char *id, struct json **ret)
{
	int shows = isatty(STDERR_FILENO) && !args->quiet && !args->json, r;
	struct seen seen = {0};
	char path[256], escaped[128];

	http_escape(id, escaped, sizeof(escaped));
	snprintf(path, sizeof(path), "/v1/tasks/%s?wait=%s", escaped, shows ? "500ms" : "20s");
	for (;;) {
		r = http_json(args, "GET", path, NULL, ret);
		if (r || task_is_final(*ret))
			break;
		if (shows)
			show_bar(*ret, &seen);
		json_free(*ret);
		*ret = NULL;
	}
	if (shows)
		fputs("\r\033[K", stderr);
	return r == CLI_INTERRUPTED ? break_off(args, id) : r;
}
