/* SPDX-License-Identifier: Apache-2.0 */
/* orasi queue and orasi schedule: where tasks wait and by which rules, and which come again and again. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* ---- queues ------------------------------------------------------------------------------------------------- */

/* Counts and the settings that matter most, in one row per queue. */
static struct json *queue_row(const struct json *queue)
{
	static const char *const counts[] = {"ready", "running", "scheduled", "blocked"};
	struct json *row = json_new_object();
	const struct json *settings = json_get(queue, "settings");
	const char *state = json_get_bool(settings, "paused", 0)     ? "paused"
	                    : json_get_bool(settings, "draining", 0) ? "draining"
	                    : json_get_bool(settings, "remote", 0)   ? "remote"
	                                                             : "";

	json_set_str(row, "name", json_get_str(queue, "name", ""));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_set_int(row, counts[i], json_get_int(json_get(queue, "tasks"), counts[i], 0));
	json_set_int(row, "per_minute", json_get_int(queue, "finished_per_minute", 0));
	json_set_int(row, "weight", json_get_int(settings, "weight", 1));
	json_set_str(row, "state", state);
	return row;
}

int cmd_queue_list(const struct args *args)
{
	static const char *const columns[] = {"name",       "ready",  "running", "scheduled", "blocked",
	                                      "per_minute", "weight", "state",   NULL};
	struct json *answer, *rows;
	int r = http_json(args, "GET", "/v1/queues?limit=1000", NULL, &answer);

	if (r)
		return r;
	if (args->json) {
		printf("%s\n", json_text_pretty(answer));
	} else {
		rows = json_new_array();
		for (size_t i = 0; i < json_count(json_get(answer, "items")); i++)
			json_push(rows, queue_row(json_at(json_get(answer, "items"), i)));
		table_print(rows, columns);
		json_free(rows);
	}
	json_free(answer);
	return CLI_OK;
}

int cmd_queue_get(const struct args *args)
{
	return show_one(args, "GET", path_of("/v1/queues/", args->words[0], ""));
}

int cmd_queue_stats(const struct args *args)
{
	return show_one(args, "GET", path_of("/v1/queues/", args->words[0], "/stats"));
}

/* KEY=VALUE behind the name. */
int cmd_queue_set(const struct args *args)
{
	struct json *body = json_new_object();
	int r = 0;

	for (int i = 1; i < args->n_words && !r; i++) {
		const char *equals = strchr(args->words[i], '=');
		char key[128];

		if (!equals) {
			r = fail(CLI_USAGE, "%s: write settings as KEY=VALUE, such as weight=5 or paused=true",
			         args->words[i]);
			continue;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(equals - args->words[i]), args->words[i]);
		json_set(body, key, typed_value(equals + 1));
	}
	if (!r)
		r = show_sent(args, "PATCH", path_of("/v1/queues/", args->words[0], ""), body);
	json_free(body);
	return r;
}

int cmd_queue_pause(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/queues/", args->words[0], ":pause"));
}

int cmd_queue_resume(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/queues/", args->words[0], ":resume"));
}

int cmd_queue_drain(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/queues/", args->words[0], ":drain"));
}

int cmd_queue_purge(const struct args *args)
{
	if (!confirmed(args, "Cancel all tasks that wait in queue '%s'?", args->words[0]))
		return fail(CLI_FAILED, "nothing was cancelled");
	return operate(args, path_of("/v1/queues/", args->words[0], ":purge"), NULL);
}

/* ---- operations on many tasks ------------------------------------------------------------------------------------ */

int confirmed(const struct args *args, const char *question, const char *name)
{
	char line[16] = "";

	if (args_has(args, "yes"))
		return 1;
	fprintf(stderr, question, name);
	fputs(" Type yes: ", stderr);
	return fgets(line, sizeof(line), stdin) && !strcmp(line, "yes\n");
}

/* Follows an operation to its end. */
int operate(const struct args *args, const char *path, const struct json *body)
{
	struct json *answer = NULL;
	int r = http_json(args, "POST", path, body, &answer);
	char id[64];

	while (!r && !strcmp(json_get_str(answer, "state", ""), "running")) {
		snprintf(id, sizeof(id), "%s", json_get_str(answer, "id", ""));
		json_free(answer);
		answer = NULL;
		pause_ms(50);
		r = http_json(args, "GET", path_of("/v1/operations/", id, ""), NULL, &answer);
	}
	if (!r && args->json)
		printf("%s\n", json_text_pretty(answer));
	else if (!r && !args->quiet)
		printf("%lld matched, %lld done, %lld refused%s\n", (long long)json_get_int(answer, "matched", 0),
		       (long long)json_get_int(answer, "done", 0), (long long)json_get_int(answer, "refused", 0),
		       json_get_bool(answer, "dry_run", 0) ? " (dry run: nothing was changed)" : "");
	if (!r && json_get_str(answer, "error", NULL))
		r = fail(CLI_FAILED, "%s", json_get_str(answer, "error", ""));
	json_free(answer);
	return r;
}

/* ---- schedules ------------------------------------------------------------------------------------------------------ */

int cmd_schedule_list(const struct args *args)
{
	static const char *const columns[] = {"name",    "cron",  "zone",   "paused", "next_at",
	                                      "last_at", "fired", "missed", NULL};

	return show_list(args, "/v1/schedules?limit=1000", columns);
}

int cmd_schedule_get(const struct args *args)
{
	return show_one(args, "GET", path_of("/v1/schedules/", args->words[0], ""));
}

/* NAME CRON TASK: the task as for 'orasi task submit'. */
int cmd_schedule_set(const struct args *args)
{
	static const char *const members[] = {"zone",        "overlap",       "catchup",
	                                      "start-after", "expires-after", "deadline-after"};
	struct json *body = json_new_object(), *task = NULL;
	const char *value;
	char key[32];
	int r = read_order(args->words[2], &task);

	json_set_str(body, "cron", args->words[1]);
	if (task)
		json_set(body, "task", task);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		snprintf(key, sizeof(key), "%s", members[i]);
		for (char *p = key; *p; p++)
			*p = *p == '-' ? '_' : *p;
		if ((value = args_get(args, members[i], NULL)))
			json_set_str(body, key, value);
	}
	if (!r)
		r = show_sent(args, "PUT", path_of("/v1/schedules/", args->words[0], ""), body);
	json_free(body);
	return r;
}

int cmd_schedule_pause(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/schedules/", args->words[0], ":pause"));
}

int cmd_schedule_resume(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/schedules/", args->words[0], ":resume"));
}

int cmd_schedule_delete(const struct args *args)
{
	return show_one(args, "DELETE", path_of("/v1/schedules/", args->words[0], ""));
}
