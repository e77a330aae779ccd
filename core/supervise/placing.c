/* SPDX-License-Identifier: Apache-2.0 */
/* Exports are moved to their place by a worker, which notes in <data>/placing what it is about, and takes the record away
 * when all of it is there or nothing is (core/pipeline/export_commit.c). One that stays is of a worker, or of a machine, that
 * died. While its task may be tried again nothing needs to be done: the next attempt begins with taking away. When the
 * task is over, however it ended, nobody else would: we look after each failed attempt, at the start, and now and then
 * as long as there are records.
 *
 * What is taken away is asked of the worker that moves, one order after the other: a task that is run once more by hand
 * comes behind it. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "supervise/inside.h"

#define LOOK_EVERY_MS 60000
#define ENDING ".json"

static void record_path(const struct supervise *sup, const char *task, char *ret, size_t cap)
{
	snprintf(ret, cap, "%s/placing/%.15s%s", sup->env.data_dir, task, ENDING);
}

void placing_fill(struct supervise *sup, const char *task, const struct json *body, struct json *order)
{
	char path[PATH_MAX];

	record_path(sup, task, path, sizeof(path));
	json_set_str(order, "record", path);
	json_set(order, "spec", json_copy(body));
	loop_timer_set(sup->placing_timer, LOOK_EVERY_MS);
}

int placing_has(const struct supervise *sup, const char *task_folder)
{
	char path[PATH_MAX];

	record_path(sup, task_folder, path, sizeof(path));
	return !access(path, F_OK);
}

/* ---- taking away ------------------------------------------------------------------------------------ */

/* The staged files were kept for this. */
static void on_undone(void *ctx, const struct json *result, const struct err *err)
{
	struct supervise *sup = ctx;

	(void)result;
	if (err->code) {
		log_warn("export.undo", LOG_STR("error", err->text),
		         LOG_STR("effect", "what a failed export has left stays for now"));
		return;
	}
	log_info("export.undo", LOG_STR("effect", "what a failed export has left is taken away"));
	staging_sweep(sup);
}

static void undo(struct supervise *sup, const char *task)
{
	struct json *order = json_new_object();
	char path[PATH_MAX];
	struct err err = {0};

	record_path(sup, task, path, sizeof(path));
	json_set_str(order, "record", path);
	if (supervise_call(sup, "place.undo", order, on_undone, sup, &err))
		log_warn("export.undo", LOG_STR("error", err.text));
}

void placing_look(struct supervise *sup)
{
	char folder[PATH_MAX];
	struct dirent *entry;
	int left = 0;
	DIR *dir;

	if (sup->stopping || !sup->queue)
		return;
	snprintf(folder, sizeof(folder), "%s/placing", sup->env.data_dir);
	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		if (!str_ends(entry->d_name, ENDING) || entry->d_name[0] == '.')
			continue;
		left = 1;
		if (supervise_is_over(sup, entry->d_name))
			undo(sup, entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (left)
		loop_timer_set(sup->placing_timer, LOOK_EVERY_MS);
}

static void on_time(void *ctx)
{
	placing_look(ctx);
}

int placing_init(struct supervise *sup, struct err *err)
{
	return loop_timer_new(sup->env.loop, on_time, sup, &sup->placing_timer, err);
}

void placing_done(struct supervise *sup)
{
	loop_timer_free(sup->placing_timer);
}
