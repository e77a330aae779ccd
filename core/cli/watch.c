/* SPDX-License-Identifier: Apache-2.0 */
/* orasi task watch: what happens, as it happens. One task: its bar and then how it ended. All tasks: on a terminal a
 * picture of what runs and waits, painted anew twice a second; else a line per event. Ctrl-C ends it. */
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define BAR_WIDTH 20
#define RUNNING_SHOWN 30

void pause_ms(int ms)
{
	struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&time, NULL); /* a signal ends it early, as it should */
}

/* ---- a picture ------------------------------------------------------------------------------------------------ */

static size_t columns(void)
{
	struct winsize size;

	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 80;
}

/* A line of the picture, cut where the terminal ends: one that wraps would push others off it. */
static void print_line(char *line)
{
	size_t width = columns();

	if (strlen(line) > width)
		line[width] = '\0';
	printf("%s\033[K\n", line);
}

static void print_running(const struct json *task)
{
	const struct json *progress = json_get(task, "progress");
	double done = json_get_double(progress, "done", 0), total = json_get_double(progress, "total", 0);
	int filled = total > 0 && done <= total ? (int)(done / total * BAR_WIDTH) : 0;
	long long attempt = json_get_int(task, "attempt", 0);
	char rows[32], line[256];
	size_t n;

	number_with_commas(json_get_int(progress, "rows", 0), rows);
	n = (size_t)snprintf(line, sizeof(line), "%-15.20s %-6.8s %-12.12s [%.*s%.*s] %3.0f%%  %s rows",
	                     json_get_str(task, "id", ""), json_get_str(task, "kind", ""),
	                     json_get_str(task, "dataset", json_get_str(task, "queue", "")), filled,
	                     "####################", BAR_WIDTH - filled, "....................",
	                     total > 0 ? done / total * 100 : 0, rows);
	if (attempt > 1)
		snprintf(line + n, sizeof(line) - n, "  attempt %lld", attempt);
	print_line(line);
}

static void print_counts(const struct json *status)
{
	const struct json *value;
	const char *state;
	char line[256] = "";
	size_t at = 0, n = 0;

	while (json_each(json_get(status, "tasks"), &at, &state, &value))
		if (json_int(value, 0) && n < sizeof(line))
			n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%lld %s", n ? "  " : "",
			                      (long long)json_int(value, 0), state);
	if (!n)
		snprintf(line, sizeof(line), "no tasks yet");
	print_line(line);
	printf("\033[K\n");
}

static int paint(const struct args *args)
{
	struct json *status = NULL, *running = NULL;
	const struct json *items;
	int r = http_json(args, "GET", "/v1/status", NULL, &status);

	if (!r)
		r = http_json(args, "GET", "/v1/tasks?state=running&limit=1000", NULL, &running);
	if (!r) {
		items = json_get(running, "items");
		printf("\033[H");
		print_counts(status);
		for (size_t i = 0; i < json_count(items) && i < RUNNING_SHOWN; i++)
			print_running(json_at(items, i));
		if (json_count(items) > RUNNING_SHOWN)
			printf("… and %zu more\033[K\n", json_count(items) - RUNNING_SHOWN);
		printf("\033[J");
		fflush(stdout);
	}
	json_free(status);
	json_free(running);
	return r;
}

static int watch_picture(const struct args *args)
{
	int r = 0;

	printf("\033[2J");
	while (!r && !cli_interrupted) {
		r = paint(args);
		if (!r)
			pause_ms(500);
	}
	return cli_interrupted ? CLI_INTERRUPTED : r;
}

/* ---- a line per event ------------------------------------------------------------------------------------------- */

static void print_event(const struct args *args, const char *data)
{
	struct json *task = NULL;

	if (json_parse_own(data, strlen(data), &task, NULL))
		return;
	if (args->json)
		printf("%s\n", json_text(task));
	else
		printf("%s  %-8s  %-10s  %s\n", json_get_str(task, "id", ""), json_get_str(task, "kind", ""),
		       json_get_str(task, "state", ""), json_str(json_pointer(task, "/error/detail"), ""));
	fflush(stdout);
	json_free(task);
}

static void on_line(void *ctx, const char *line)
{
	const struct args *args = ctx;

	if (!strncmp(line, "data: ", 6))
		print_event(args, line + 6);
}

static int watch_events(const struct args *args, const char *path)
{
	return http_lines(args, path, on_line, (void *)args);
}

/* The events end with the task; the exit code is that of how it ended. */
static int watch_one(const struct args *args)
{
	struct json *task = NULL;
	int r = watch_events(args, path_of("/v1/tasks/", args->words[0], "/events"));

	if (!r)
		r = http_json(args, "GET", path_of("/v1/tasks/", args->words[0], ""), NULL, &task);
	if (!r)
		r = task_verdict(task);
	json_free(task);
	return r;
}

int cmd_task_watch(const struct args *args)
{
	if (args->n_words && isatty(STDERR_FILENO) && !args->json)
		return cmd_task_wait(args);
	if (args->n_words)
		return watch_one(args);
	if (isatty(STDOUT_FILENO) && !args->json)
		return watch_picture(args);
	return watch_events(args, "/v1/events");
}
