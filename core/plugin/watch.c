/* SPDX-License-Identifier: Apache-2.0 */
/* The watched folders: what is there, what is new, what has gone. */
#include "plugin/registry.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#define SETTLE_MS 500
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

static struct file *find_path(struct plugin_registry *reg, const char *path)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->present && !strcmp(file->path, path))
			return file;
	}
	return NULL;
}

/* A path may be there several times, with older contents; at most one of them waits to be judged. */
static struct file *find_settling(struct plugin_registry *reg, const char *path)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->present && file->state == STATE_SETTLING && !strcmp(file->path, path))
			return file;
	}
	return NULL;
}

static void notice(struct plugin_registry *reg, const char *path)
{
	struct file *file = find_settling(reg, path);

	if (!str_ends(path, ".so"))
		return;
	if (!file) {
		file = registry_add(reg, path);
		if (!file)
			return;
		registry_enter(file, STATE_SETTLING, "", "");
	}
	file->settle_at = clock_mono_ms() + SETTLE_MS;
}

static void scan_dir(struct plugin_registry *reg, const char *dir)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	char path[PATH_MAX];

	while (stream && (entry = readdir(stream))) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) < sizeof(path) &&
		    !find_path(reg, path))
			notice(reg, path);
	}
	if (stream)
		closedir(stream);
}

/* What was shadowed may be alone now. */
static void bring_forward(struct plugin_registry *reg)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_SHADOWED && !registry_find_rival(reg, file)) {
			registry_enter(file, STATE_SETTLING, "", "");
			file->settle_at = clock_mono_ms();
		}
	}
}

void registry_forget_missing(struct plugin_registry *reg)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->present && !access(file->path, F_OK))
			file->gone_at = 0;
		if (!file->present || !access(file->path, F_OK))
			continue;
		file->present = 0;
		if (file->state == STATE_ACTIVE)
			log_info("plugin.removed", LOG_STR("path", file->path));
		if (file->state != STATE_SCANNING)
			registry_file_free(file);
	}
	registry_count_active(reg);
	bring_forward(reg);
}

static int is_in_use(const struct file *file)
{
	return file->state == STATE_ACTIVE || file->state == STATE_PREVIOUS || file->state == STATE_HELD ||
	       file->state == STATE_QUARANTINED;
}

/* Most that replace a file remove it first: as long as a new one would settle, what it held stays in use. */
static void note_removal(struct plugin_registry *reg, const char *path)
{
	int in_use = 0;

	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (!file->present || strcmp(file->path, path) || !is_in_use(file))
			continue;
		file->gone_at = clock_mono_ms() + SETTLE_MS;
		in_use = 1;
	}
	if (!in_use)
		registry_forget_missing(reg);
}

/* The operator may have changed his mind about what is in use. */
static void check_active_again(struct plugin_registry *reg)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);
		struct err err = {0};
		struct buf bytes;

		if (file->state != STATE_ACTIVE)
			continue;
		if (registry_check_rights(reg, file, &err)) {
			registry_refuse(reg, file, err.text);
			continue;
		}
		if (reg->config.trust == TRUST_OFF)
			continue;
		buf_init(&bytes, 0);
		if (!file_read(file->cas, 1u << 30, &bytes, NULL) && registry_check_trust(reg, file, &bytes, &err))
			registry_refuse(reg, file, err.text);
		buf_done(&bytes);
	}
	registry_count_active(reg);
}

void plugin_registry_rescan(struct plugin_registry *reg)
{
	registry_forget_missing(reg);
	check_active_again(reg);
	for (int i = 0; i < DIRS_MAX && reg->dirs[i]; i++) {
		if (reg->watches[i] < 0)
			reg->watches[i] = inotify_add_watch(reg->fd, reg->dirs[i], EVENTS | IN_ONLYDIR);
		scan_dir(reg, reg->dirs[i]);
	}
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		/* What was refused may be fine now, e.g. after a missing library has come. */
		if (file->state == STATE_REFUSED) {
			registry_enter(file, STATE_SETTLING, "", "");
			file->settle_at = clock_mono_ms();
		}
	}
	registry_tell_due(reg);
}

static const char *dir_of_watch(const struct plugin_registry *reg, int watch)
{
	for (int i = 0; i < DIRS_MAX && reg->dirs[i]; i++)
		if (reg->watches[i] == watch)
			return reg->dirs[i];
	return NULL;
}

static void on_event(struct plugin_registry *reg, const struct inotify_event *event)
{
	const char *dir = dir_of_watch(reg, event->wd);
	char path[PATH_MAX];

	if (event->mask & IN_Q_OVERFLOW) {
		plugin_registry_rescan(reg);
		return;
	}
	if (!dir || !event->len || (size_t)snprintf(path, sizeof(path), "%s/%s", dir, event->name) >= sizeof(path))
		return;
	if (event->mask & (IN_DELETE | IN_MOVED_FROM))
		note_removal(reg, path);
	else
		notice(reg, path);
}

void registry_read_events(struct plugin_registry *reg)
{
	_Alignas(struct inotify_event) char events[16384];
	ssize_t n;

	while ((n = read(reg->fd, events, sizeof(events))) > 0)
		for (char *at = events; at < events + n;) {
			const struct inotify_event *event = (const struct inotify_event *)at;

			on_event(reg, event);
			at += sizeof(*event) + event->len;
		}
}
