/* SPDX-License-Identifier: Apache-2.0 */
/* What workers and plugins say while they work on a task, kept in a ring for GET /v1/tasks/{id}/logs. The agent's own
 * log has it too; this is for who has only the API. */
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "base/clock.h"
#include "base/str.h"

#define LINE_MAX_BYTES 1000

struct kept_line {
	int64_t task, at;
	char level[8];
	char text[];
};

void api_on_log(struct api *api, const char *task, const char *level, const char *line)
{
	struct kept_line **place = &api->lines[api->n_lines % LOGS_KEPT], *kept;
	size_t n = strnlen(line, LINE_MAX_BYTES);
	int64_t id;

	if (id_parse('t', task, &id))
		return;
	kept = malloc(sizeof(*kept) + n + 1);
	if (!kept)
		return;
	kept->task = id;
	kept->at = clock_wall_ms();
	str_copy(kept->level, sizeof(kept->level), level);
	memcpy(kept->text, line, n);
	kept->text[n] = '\0';
	free(*place);
	*place = kept;
	api->n_lines++;
}

void logs_free(struct api *api)
{
	for (size_t i = 0; i < LOGS_KEPT; i++)
		free(api->lines[i]);
}

static struct json *line_json(const struct kept_line *line)
{
	struct json *json = json_new_object();

	json_set_time(json, "time", line->at);
	json_set_str(json, "level", line->level);
	json_set_str(json, "line", line->text);
	return json;
}

void handle_task_logs(struct api *api, struct http_request *req)
{
	size_t from = api->n_lines > LOGS_KEPT ? api->n_lines - LOGS_KEPT : 0;
	struct json *json, *items;
	struct task *task;
	struct err err;
	int64_t id = 0;

	if (id_parse('t', http_param(req, "id"), &id)) {
		reply_fail(req, ERR_NOTFOUND, "'%.40s' is not the id of a task", http_param(req, "id"));
		return;
	}
	if (find_task(api, req, id, &task, &err)) {
		reply_no_task(api, req, id, &err);
		return;
	}
	json = json_new_object();
	items = json_new_array();
	for (size_t i = from; i < api->n_lines; i++)
		if (api->lines[i % LOGS_KEPT]->task == id)
			json_push(items, line_json(api->lines[i % LOGS_KEPT]));
	json_set(json, "items", items);
	reply_json(req, 200, json);
}
