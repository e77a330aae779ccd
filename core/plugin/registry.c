/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: what lies in the watched folders, judged file by file.
 *
 * A file is looked at when it has been still for SETTLE_MS. One that is ours is copied under its hash, so that
 * nobody can change what is loaded, and described by a scan worker, once per content: the answers are kept in
 * registry.json. All lists for others are made from `files` when asked. */
#include "plugin/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

const char *const registry_states[STATES] = {"settling", "scanning", "active",  "previous",
                                             "held",     "shadowed", "refused", "quarantined"};

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int is_own(const struct plugin_registry *reg, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	for (size_t i = 0; i < reg->config.n_own && reg->dirs[i]; i++)
		if (strlen(reg->dirs[i]) == n && !strncmp(reg->dirs[i], path, n))
			return 1;
	return 0;
}

void registry_change(struct plugin_registry *reg)
{
	reg->changes++;
}

struct file *registry_add(struct plugin_registry *reg, const char *path)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	list_init(&file->link);
	file->registry = reg;
	str_copy(file->path, sizeof(file->path), path);
	file->present = 1;
	file->is_own = is_own(reg, path);
	list_add_tail(&reg->files, &file->link);
	return file;
}

void registry_describe(struct file *file, struct json *description)
{
	const struct json *plugins = json_get(description, "plugins");

	registry_change(file->registry);
	json_free(file->description);
	free(file->offers);
	file->description = description;
	file->offers = calloc(json_count(plugins) + 1, sizeof(*file->offers));
	file->n_offers = file->offers ? json_count(plugins) : 0;
	for (size_t i = 0; i < file->n_offers; i++) {
		const struct json *p = json_at(plugins, i);

		file->offers[i] = (struct offer){json_get_str(p, "id", ""), json_get_str(p, "name", ""),
		                                 json_get_str(p, "kind", ""), p};
	}
}

void registry_file_free(struct file *file)
{
	registry_change(file->registry);
	list_del(&file->link);
	json_free(file->description);
	free(file->offers);
	free(file);
}

void registry_tell_due(struct plugin_registry *reg)
{
	if (reg->events.on_due)
		reg->events.on_due(reg->events.ctx);
}

void registry_enter(struct file *file, enum state state, const char *reason, const char *remedy)
{
	registry_change(file->registry);
	file->state = state;
	file->since = clock_wall_ms();
	str_copy(file->reason, sizeof(file->reason), reason);
	str_copy(file->remedy, sizeof(file->remedy), remedy);
}

void registry_refuse(struct plugin_registry *reg, struct file *file, const char *reason)
{
	registry_enter(file, STATE_REFUSED, reason, "mend or replace the file; 'orasi plugin rescan' judges it again");
	reg->refused++;
	log_warn("plugin.refused", LOG_STR("path", file->path), LOG_STR("reason", reason));
}

/* ---- what is due ------------------------------------------------------------------------------------------------- */

/* One file at a time: judging it may free others of the list. */
static int step_one(struct plugin_registry *reg, int64_t now)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_SETTLING && file->settle_at <= now) {
			registry_judge(reg, file);
			return 1;
		}
		if (file->gone_at && file->gone_at <= now) {
			registry_forget_missing(reg);
			return 1;
		}
		if (file->state == STATE_QUARANTINED && file->quarantined_until <= now) {
			registry_activate(reg, file);
			return 1;
		}
	}
	return 0;
}

void plugin_registry_step(struct plugin_registry *reg)
{
	int64_t now = clock_mono_ms();

	registry_read_events(reg);
	while (step_one(reg, now))
		;
}

int64_t plugin_registry_due_in(const struct plugin_registry *reg)
{
	int64_t best = -1, now = clock_mono_ms();

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);
		int64_t at = file->state == STATE_SETTLING      ? file->settle_at
		             : file->state == STATE_QUARANTINED ? file->quarantined_until
		                                                : -1;

		if (file->gone_at && (at < 0 || file->gone_at < at))
			at = file->gone_at;
		if (at >= 0 && (best < 0 || at < best))
			best = at;
	}
	return best < 0 ? -1 : best > now ? best - now : 0;
}

int plugin_registry_fd(const struct plugin_registry *reg)
{
	return reg->fd;
}

int plugin_registry_busy(const struct plugin_registry *reg)
{
	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_SETTLING || file->state == STATE_SCANNING)
			return 1;
	}
	return 0;
}

/* ---- new and free ------------------------------------------------------------------------------------------------------ */

static void load_known(struct plugin_registry *reg)
{
	char path[PATH_MAX + 32];
	struct buf text;

	snprintf(path, sizeof(path), "%s/registry.json", reg->state_dir);
	buf_init(&text, 0);
	if (file_read(path, 64u << 20, &text, NULL) || json_parse(text.data, text.len, &reg->known, NULL))
		reg->known = json_new_object();
	buf_done(&text);
}

static double count_state(void *ctx)
{
	const struct state_count *count = ctx;
	int64_t n = 0;

	list_each (item, &count->registry->files)
		n += (int)list_entry(item, struct file, link)->state == count->state;
	return (double)n;
}

static void fill_metrics(struct plugin_registry *reg)
{
	struct metric *m = reg->metrics;

	*m++ = metric_gauge("orasi_plugins_active", "Plugin bundles in use.", &reg->active);
	*m++ = metric_counter("orasi_plugins_refused_total", "Plugin files refused.", &reg->refused);
	*m++ = metric_counter("orasi_plugin_scans_total", "Plugin files described by a scan worker.", &reg->scanned);
	*m++ = metric_counter("orasi_plugin_crashes_total", "Workers that died inside a plugin.", &reg->crashed);
	for (int i = 0; i < STATES; i++) {
		struct state_count *count = &reg->states[i];

		count->registry = reg;
		count->state = i;
		snprintf(count->labels, sizeof(count->labels), "state=\"%s\"", registry_states[i]);
		*m++ = (struct metric){.name = "orasi_plugin_files",
		                       .type = METRIC_GAUGE,
		                       .help = "Plugin files by state.",
		                       .labels = count->labels,
		                       .read = count_state,
		                       .ctx = count};
	}
}

int plugin_registry_new(const char *const *dirs, const char *state_dir, plugin_scan_fn scan, void *ctx,
                        struct plugin_registry **ret, struct err *err)
{
	struct plugin_registry *reg = calloc(1, sizeof(*reg));

	if (reg)
		reg->answers = calloc(1, sizeof(*reg->answers));
	if (!reg || !reg->answers) {
		free(reg);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	reg->changes = 1;
	reg->dirs = dirs;
	reg->config = (struct plugin_config){TRUST_OFF, "", "", 0};
	str_copy(reg->state_dir, sizeof(reg->state_dir), state_dir);
	reg->scan = scan;
	reg->ctx = ctx;
	list_init(&reg->files);
	for (int i = 0; i < DIRS_MAX; i++)
		reg->watches[i] = -1;
	reg->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (reg->fd < 0) {
		int r = err_errno(err, errno, "cannot watch the plugin folders");

		free(reg->answers);
		free(reg);
		return r;
	}
	load_known(reg);
	registry_load_pins(reg);
	fill_metrics(reg);
	plugin_registry_rescan(reg);
	/* What lies there at the start has settled long ago. */
	list_each (item, &reg->files)
		list_entry(item, struct file, link)->settle_at = clock_mono_ms();
	*ret = reg;
	return 0;
}

void plugin_registry_free(struct plugin_registry *reg)
{
	if (!reg)
		return;
	list_each (item, &reg->files)
		registry_file_free(list_entry(item, struct file, link));
	json_free(reg->known);
	json_free(reg->pins);
	close(reg->fd);
	free(reg->answers);
	free(reg);
}

const struct metric *plugin_metrics(struct plugin_registry *reg)
{
	return reg->metrics;
}

void plugin_count(struct plugin_registry *reg, const struct json *counts)
{
	counts_take(&reg->counts, counts);
}

void plugin_on_count(struct plugin_registry *reg, void (*on_new)(void *ctx, const struct metric *row), void *ctx)
{
	reg->counts.on_new = on_new;
	reg->counts.ctx = ctx;
}

void plugin_configure(struct plugin_registry *reg, const struct plugin_config *config)
{
	reg->config = *config;
	registry_change(reg);
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		file->is_own = is_own(reg, file->path);
	}
}

void plugin_on_events(struct plugin_registry *reg, const struct plugin_events *events)
{
	reg->events = *events;
}
