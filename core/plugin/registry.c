/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: what lies in the watched folders, judged file by file.
 *
 * A file is looked at when it has been still for SETTLE_MS. One that is ours is copied under its hash, so that
 * nobody can change what is loaded, and described by a scan worker, once per content: the answers are kept in
 * registry.json. All lists for others are made from `files` when asked. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <orasi/abi.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "plugin/counts.h"
#include "plugin/inside.h"
#include "plugin/trust.h"

#define SETTLE_MS 500
#define DIRS_MAX 16
#define CRASHES_MAX 3
#define COPY_KEPT_S 3600
#define CRASH_WINDOW_MS (10 * 60 * 1000)
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

enum state {
	STATE_SETTLING,
	STATE_SCANNING,
	STATE_ACTIVE,
	STATE_PREVIOUS,
	STATE_SHADOWED,
	STATE_REFUSED,
	STATE_QUARANTINED,
	STATES
};
static const char *const state_names[] = {"settling", "scanning", "active",     "previous",
                                          "shadowed", "refused",  "quarantined"};

struct file {
	struct list link;
	char path[PATH_MAX], cas[PATH_MAX], sha[65];
	enum state state;
	char reason[512], remedy[128], warning[512];
	int64_t since; /* wall ms */
	struct plugin_note note;
	struct json *description; /* the scan's answer, plugins with their details */
	int64_t settle_at, generation, quarantined_until, quarantine_ms;
	int64_t crashes[CRASHES_MAX];
	int n_crashes, present;
};

struct plugin_registry {
	const char *const *dirs;
	char state_dir[PATH_MAX];
	int fd, watches[DIRS_MAX];
	struct list files;
	struct json *known; /* sha → description */
	plugin_scan_fn scan;
	void *ctx;
	int64_t generations;
	_Atomic int64_t active, refused, scanned, crashed;
	struct metric metrics[5 + STATES];
	struct counts counts;
	struct plugin_config config;
	struct plugin_events events;
	struct state_count {
		struct plugin_registry *registry;
		int state;
		char labels[32];
	} states[STATES];
};

/* ---- files ------------------------------------------------------------------------------------------------ */

static void file_free(struct file *file)
{
	list_del(&file->link);
	json_free(file->description);
	free(file);
}

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

static void tell_due(struct plugin_registry *reg)
{
	if (reg->events.on_due)
		reg->events.on_due(reg->events.ctx);
}

static void enter(struct file *file, enum state state, const char *reason, const char *remedy)
{
	file->state = state;
	file->since = clock_wall_ms();
	str_copy(file->reason, sizeof(file->reason), reason);
	str_copy(file->remedy, sizeof(file->remedy), remedy);
}

static void refuse(struct plugin_registry *reg, struct file *file, const char *reason)
{
	enter(file, STATE_REFUSED, reason, "mend or replace the file; 'orasi plugin rescan' judges it again");
	reg->refused++;
	log_warn("plugin.refused", LOG_STR("path", file->path), LOG_STR("reason", reason));
}

static void notice(struct plugin_registry *reg, const char *path)
{
	struct file *file = find_settling(reg, path);

	if (!str_ends(path, ".so"))
		return;
	if (!file) {
		file = calloc(1, sizeof(*file));
		if (!file)
			return;
		list_init(&file->link);
		str_copy(file->path, sizeof(file->path), path);
		file->present = 1;
		enter(file, STATE_SETTLING, "", "");
		list_add_tail(&reg->files, &file->link);
	}
	file->settle_at = clock_mono_ms() + SETTLE_MS;
}

/* ---- copies by content --------------------------------------------------------------------------------------- */

static int hash_text(const void *p, size_t n, char ret[65])
{
	unsigned char digest[32];
	unsigned len = 0;

	if (!EVP_Digest(p, n, digest, &len, EVP_sha256(), NULL) || len != 32)
		return ERR_INTERNAL;
	hex_encode(digest, 32, ret);
	return 0;
}

/* Judged are the bytes that are copied, so nothing can change in between. */
static int check_trust(const struct plugin_registry *reg, struct file *file, const struct buf *bytes, struct err *err)
{
	const struct trust_subject subject = {file->path, file->sha, file->note.bundle_id, bytes->data, bytes->len};
	int r = reg->config.trust == TRUST_OFF ? 0 : trust_check(reg->config.trust_file, &subject, err);

	file->warning[0] = '\0';
	if (!r || reg->config.trust == TRUST_ENFORCE)
		return r;
	str_copy(file->warning, sizeof(file->warning), err->text);
	log_warn("plugin.untrusted", LOG_STR("path", file->path), LOG_STR("reason", err->text));
	return 0;
}

static int take_copy(struct plugin_registry *reg, struct file *file, struct err *err)
{
	char dir[PATH_MAX + 8];
	struct buf bytes;
	int r;

	buf_init(&bytes, 0);
	r = file_read(file->path, 1u << 30, &bytes, err);
	if (!r && hash_text(bytes.data, bytes.len, file->sha))
		r = err_set(err, ERR_INTERNAL, "cannot hash '%s'", file->path);
	snprintf(dir, sizeof(dir), "%s/cas", reg->state_dir);
	if (!r)
		r = dir_make(dir, 0755, err);
	if (!r && (size_t)snprintf(file->cas, sizeof(file->cas), "%s/%s.so", dir, file->sha) >= sizeof(file->cas))
		r = err_set(err, ERR_INVALID, "the path of the data folder is too long");
	if (!r)
		r = check_trust(reg, file, &bytes, err);
	if (!r && access(file->cas, R_OK))
		r = file_replace(file->cas, bytes.data, bytes.len, err);
	buf_done(&bytes);
	return r;
}

/* ---- activation ------------------------------------------------------------------------------------------------ */

static const struct json *find_in(const struct file *file, const char *kind, const char *name)
{
	const struct json *plugins = json_get(file->description, "plugins");

	for (size_t i = 0; i < json_count(plugins); i++) {
		const struct json *p = json_at(plugins, i);

		if ((!kind || !strcmp(json_get_str(p, "kind", ""), kind)) &&
		    (!strcmp(json_get_str(p, "id", ""), name) || !strcmp(json_get_str(p, "name", ""), name)))
			return p;
	}
	return NULL;
}

/* Another bundle that has one of our ids already. */
static struct file *find_rival(struct plugin_registry *reg, const struct file *mine)
{
	const struct json *plugins = json_get(mine->description, "plugins");

	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file == mine || file->state != STATE_ACTIVE || !strcmp(file->note.bundle_id, mine->note.bundle_id))
			continue;
		for (size_t i = 0; i < json_count(plugins); i++)
			if (find_in(file, NULL, json_get_str(json_at(plugins, i), "id", "")))
				return file;
	}
	return NULL;
}

static void retire_older(struct plugin_registry *reg, const struct file *newest)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file == newest || strcmp(file->note.bundle_id, newest->note.bundle_id))
			continue;
		if (file->state == STATE_PREVIOUS || (file->state == STATE_ACTIVE && !strcmp(file->sha, newest->sha))) {
			file_free(file);
		} else if (file->state == STATE_ACTIVE) {
			enter(file, STATE_PREVIOUS, "a newer generation has taken its place",
			      "it comes back when that one is quarantined");
		}
	}
}

/* Each plugin of the file gets what its users need to know about where it comes from. */
static void complete_description(struct file *file)
{
	struct json *plugins = json_get_mut(file->description, "plugins");

	for (size_t i = 0; i < json_count(plugins); i++) {
		struct json *p = (struct json *)json_at(plugins, i);

		json_set_str(p, "path", file->cas);
		json_set_str(p, "sha256", file->sha);
		json_set_str(p, "bundle", file->note.bundle_id);
	}
}

static double count_state(void *ctx)
{
	const struct state_count *count = ctx;
	int64_t n = 0;

	list_each (item, &count->registry->files)
		n += (int)list_entry(item, struct file, link)->state == count->state;
	return (double)n;
}

static void count_active(struct plugin_registry *reg)
{
	int64_t n = 0;

	list_each (item, &reg->files)
		n += list_entry(item, struct file, link)->state == STATE_ACTIVE;
	reg->active = n;
}

/* Rights that its plugins ask for. */
static unsigned wanted_rights(const struct file *file)
{
	const struct json *plugins = json_get(file->description, "plugins");
	unsigned rights = 0;

	for (size_t i = 0; i < json_count(plugins); i++)
		rights |= (unsigned)(json_get_int(json_at(plugins, i), "flags", 0) / ORASI_FLAG_NEEDS_NET) & 7u;
	return rights;
}

static int is_referenced(struct plugin_registry *reg, const char *sha, size_t n)
{
	list_each (item, &reg->files)
		if (!strncmp(list_entry(item, struct file, link)->sha, sha, n))
			return 1;
	return 0;
}

/* Copies that nobody needs any more go after a while: an attempt may still be about to load one. */
static void sweep_copies(struct plugin_registry *reg)
{
	char folder[PATH_MAX + 8], path[PATH_MAX + NAME_MAX + 16], sha[65];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/cas", reg->state_dir);
	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (strlen(entry->d_name) != 67 || !str_ends(entry->d_name, ".so") ||
		    is_referenced(reg, entry->d_name, 64) || stat(path, &st) ||
		    clock_wall_ms() / 1000 - st.st_mtime < COPY_KEPT_S)
			continue;
		memcpy(sha, entry->d_name, 64);
		sha[64] = '\0';
		json_del(reg->known, sha);
		unlink(path);
	}
	if (dir)
		closedir(dir);
}

static void activate(struct plugin_registry *reg, struct file *file)
{
	struct file *rival = find_rival(reg, file);
	unsigned wanted = wanted_rights(file),
		 lacking = wanted ? wanted & ~trust_rights(reg->config.trust_file, file->note.bundle_id) : 0;
	char reason[sizeof(file->reason)];

	complete_description(file);
	if (rival) {
		snprintf(reason, sizeof(reason), "bundle '%s' from '%.200s' offers the same plugin id",
		         rival->note.bundle_id, rival->path);
		enter(file, STATE_SHADOWED, reason, "remove one of the two");
		log_warn("plugin.shadowed", LOG_STR("path", file->path), LOG_STR("reason", file->reason));
		return;
	}
	if (lacking) {
		snprintf(reason, sizeof(reason),
		         "it needs the rights %s, which are not granted: add {\"bundle\":\"%s\",\"rights\":"
		         "[…]} to \"rights\" of '%.200s'",
		         trust_rights_text(lacking), file->note.bundle_id, reg->config.trust_file);
		refuse(reg, file, reason);
		return;
	}
	retire_older(reg, file);
	enter(file, STATE_ACTIVE, file->warning, *file->warning ? "see plugins.trust" : "");
	file->generation = ++reg->generations;
	count_active(reg);
	log_info("plugin.active", LOG_STR("bundle", file->note.bundle_id),
	         LOG_STR("version", file->note.bundle_version), LOG_STR("path", file->path));
	sweep_copies(reg);
	if (reg->events.on_active)
		reg->events.on_active(reg->events.ctx);
}

/* ---- judging ------------------------------------------------------------------------------------------------------ */

static void judge(struct plugin_registry *reg, struct file *file)
{
	struct err err = {0};
	const struct json *known;
	int r = plugin_note_read(file->path, &file->note, &err);

	if (r == ERR_NOTFOUND) { /* somebody's library, or gone again */
		file_free(file);
		return;
	}
	if (!r)
		r = plugin_version_check(&file->note, &err);
	if (!r)
		r = take_copy(reg, file, &err);
	if (r) {
		refuse(reg, file, err.text);
		return;
	}
	known = json_get(reg->known, file->sha);
	if (known) {
		file->description = json_copy(known);
		activate(reg, file);
		return;
	}
	enter(file, STATE_SCANNING, "", "");
	reg->scan(reg->ctx, file->cas);
}

static void save_known(struct plugin_registry *reg)
{
	const char *text = json_text(reg->known);
	char path[PATH_MAX + 32];
	struct err err;

	snprintf(path, sizeof(path), "%s/registry.json", reg->state_dir);
	if (file_replace(path, text, strlen(text), &err))
		log_warn("plugin.registry", LOG_STR("error", err.text));
}

static int check_description(const struct file *file, const struct json *description, struct err *err)
{
	const struct json *plugins = json_get(description, "plugins");

	if (strcmp(json_get_str(description, "bundle", ""), file->note.bundle_id))
		return err_set(err, ERR_PLUGIN, "its note says bundle '%s', its entry '%s'", file->note.bundle_id,
		               json_get_str(description, "bundle", ""));
	if (!json_count(plugins))
		return err_set(err, ERR_PLUGIN, "it describes no plugins");
	for (size_t i = 0; i < json_count(plugins); i++)
		if (plugin_config_schema_check(json_get(json_at(plugins, i), "config_schema"), err))
			return err_prefix(err, "plugin '%s'", json_get_str(json_at(plugins, i), "id", ""));
	return 0;
}

static void take_description(struct plugin_registry *reg, struct file *file, const struct json *description,
                             const struct err *err)
{
	struct err bad = {0};

	reg->scanned++;
	if (!file->present) {
		file_free(file);
	} else if (err->code) {
		refuse(reg, file, err->text);
	} else if (check_description(file, description, &bad)) {
		refuse(reg, file, bad.text);
	} else {
		json_set(reg->known, file->sha, json_copy(description));
		save_known(reg);
		file->description = json_copy(description);
		activate(reg, file);
	}
}

static struct file *find_scanning(struct plugin_registry *reg, const char *cas_path)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_SCANNING && !strcmp(file->cas, cas_path))
			return file;
	}
	return NULL;
}

void plugin_registry_scanned(struct plugin_registry *reg, const char *cas_path, const struct json *description,
                             const struct err *err)
{
	struct file *file;

	while ((file = find_scanning(reg, cas_path)))
		take_description(reg, file, description, err);
}

/* ---- watching ------------------------------------------------------------------------------------------------------ */

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

		if (file->state == STATE_SHADOWED && !find_rival(reg, file)) {
			enter(file, STATE_SETTLING, "", "");
			file->settle_at = clock_mono_ms();
		}
	}
}

static void forget_missing(struct plugin_registry *reg)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (!file->present || !access(file->path, F_OK))
			continue;
		file->present = 0;
		if (file->state == STATE_ACTIVE)
			log_info("plugin.removed", LOG_STR("path", file->path));
		if (file->state != STATE_SCANNING)
			file_free(file);
	}
	count_active(reg);
	bring_forward(reg);
}

/* The operator may have changed his mind about what is in use. */
static void check_active_again(struct plugin_registry *reg)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);
		struct err err = {0};
		struct buf bytes;

		if (file->state != STATE_ACTIVE || reg->config.trust == TRUST_OFF)
			continue;
		buf_init(&bytes, 0);
		if (!file_read(file->cas, 1u << 30, &bytes, NULL) && check_trust(reg, file, &bytes, &err))
			refuse(reg, file, err.text);
		buf_done(&bytes);
	}
	count_active(reg);
}

void plugin_registry_rescan(struct plugin_registry *reg)
{
	forget_missing(reg);
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
			enter(file, STATE_SETTLING, "", "");
			file->settle_at = clock_mono_ms();
		}
	}
	tell_due(reg);
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
		forget_missing(reg);
	else
		notice(reg, path);
}

static void read_events(struct plugin_registry *reg)
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

/* One file at a time: judging it may free others of the list. */
static int step_one(struct plugin_registry *reg, int64_t now)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_SETTLING && file->settle_at <= now) {
			judge(reg, file);
			return 1;
		}
		if (file->state == STATE_QUARANTINED && file->quarantined_until <= now) {
			activate(reg, file);
			return 1;
		}
	}
	return 0;
}

void plugin_registry_step(struct plugin_registry *reg)
{
	int64_t now = clock_mono_ms();

	read_events(reg);
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

static void fill_metrics(struct plugin_registry *reg)
{
	struct metric *m = reg->metrics;

	*m++ = (struct metric){
		"orasi_plugins_active", METRIC_GAUGE, "Plugin bundles in use.", NULL, &reg->active, NULL, NULL, NULL};
	*m++ = (struct metric){"orasi_plugins_refused_total",
	                       METRIC_COUNTER,
	                       "Plugin files refused.",
	                       NULL,
	                       &reg->refused,
	                       NULL,
	                       NULL,
	                       NULL};
	*m++ = (struct metric){"orasi_plugin_scans_total",
	                       METRIC_COUNTER,
	                       "Plugin files described by a scan worker.",
	                       NULL,
	                       &reg->scanned,
	                       NULL,
	                       NULL,
	                       NULL};
	*m++ = (struct metric){"orasi_plugin_crashes_total",
	                       METRIC_COUNTER,
	                       "Workers that died inside a plugin.",
	                       NULL,
	                       &reg->crashed,
	                       NULL,
	                       NULL,
	                       NULL};
	for (int i = 0; i < STATES; i++) {
		struct state_count *count = &reg->states[i];

		count->registry = reg;
		count->state = i;
		snprintf(count->labels, sizeof(count->labels), "state=\"%s\"", state_names[i]);
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

	if (!reg)
		return err_set(err, ERR_NOMEM, "out of memory");
	reg->dirs = dirs;
	reg->config = (struct plugin_config){TRUST_OFF, "", ""};
	str_copy(reg->state_dir, sizeof(reg->state_dir), state_dir);
	reg->scan = scan;
	reg->ctx = ctx;
	list_init(&reg->files);
	for (int i = 0; i < DIRS_MAX; i++)
		reg->watches[i] = -1;
	reg->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (reg->fd < 0) {
		int r = err_errno(err, errno, "cannot watch the plugin folders");

		free(reg);
		return r;
	}
	load_known(reg);
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
		file_free(list_entry(item, struct file, link));
	json_free(reg->known);
	close(reg->fd);
	free(reg);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------- */

static const char *time_text(int64_t wall_ms, char *ret)
{
	clock_rfc3339(wall_ms, ret);
	return ret;
}

const struct json *plugin_find(const struct plugin_registry *reg, const char *kind, const char *id_or_name,
                               struct err *err)
{
	const struct file *other = NULL;

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);
		const struct json *p = file->description ? find_in(file, kind, id_or_name) : NULL;

		if (p && file->state == STATE_ACTIVE)
			return p;
		if (p || !strcmp(file->note.bundle_id, id_or_name))
			other = file;
	}
	if (other && other->reason[0])
		err_set(err, ERR_NOTFOUND, "the plugin '%s' is %s: %s", id_or_name, state_names[other->state],
		        other->reason);
	else
		err_set(err, ERR_NOTFOUND, "there is no %s%splugin '%s': see 'orasi plugin list'", kind ? kind : "",
		        kind ? " " : "", id_or_name);
	return NULL;
}

static int is_type(const struct json *p, const char *kind, const char *type)
{
	return !strcmp(json_get_str(p, "kind", ""), kind) && (!type || !strcmp(json_get_str(p, "name", ""), type));
}

const struct json *plugin_find_type(const struct plugin_registry *reg, const char *kind, const char *plugin,
                                    const char *type, struct err *err)
{
	const struct json *found = NULL;

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);
		const struct json *plugins = json_get(file->description, "plugins");
		size_t n = 0;

		if (file->state != STATE_ACTIVE || strcmp(file->note.bundle_id, plugin))
			continue;
		for (size_t i = 0; i < json_count(plugins); i++)
			if (is_type(json_at(plugins, i), kind, type)) {
				found = json_at(plugins, i);
				n++;
			}
		if (n == 1)
			return found;
		if (n)
			err_set(err, ERR_INVALID, "bundle '%s' has %zu task types: name one with 'type'", plugin, n);
		else
			err_set(err, ERR_NOTFOUND, "bundle '%s' has no %s%s%s%s", plugin, kind, type ? " '" : "",
			        type ? type : "", type ? "'" : "");
		return NULL;
	}
	found = plugin_find(reg, kind, plugin, err);
	if (!found || is_type(found, kind, type))
		return found;
	err_set(err, ERR_NOTFOUND, "plugin '%s' is the task type '%s', not '%s'", plugin,
	        json_get_str(found, "name", ""), type);
	return NULL;
}

unsigned plugin_rights(const struct plugin_registry *reg, const char *id_or_name)
{
	const struct json *p = *id_or_name ? plugin_find(reg, NULL, id_or_name, NULL) : NULL;

	return (unsigned)(json_get_int(p, "flags", 0) / ORASI_FLAG_NEEDS_NET) & 7u;
}

int plugin_asks(const struct plugin_registry *reg, const char *id_or_name)
{
	const struct json *p = *id_or_name ? plugin_find(reg, NULL, id_or_name, NULL) : NULL;

	return (json_get_int(p, "flags", 0) & ORASI_FLAG_NEEDS_HTTP) != 0;
}

int plugin_may_ask(const struct plugin_registry *reg, const char *id_or_name, const char *host, unsigned port,
                   struct err *err)
{
	const struct json *p = plugin_find(reg, NULL, id_or_name, err);
	const char *bundle = json_get_str(p, "bundle", "");

	if (!p)
		return err->code;
	if (trust_host(reg->config.trust_file, bundle, host, port))
		return 0;
	return err_set(err, ERR_PERM,
	               "the bundle '%s' may not reach '%.200s' port %u: add {\"bundle\":\"%s\",\"hosts\":[\"%.200s\"]} "
	               "to \"rights\" of "
	               "'%.200s'",
	               bundle, host, port, bundle, host, reg->config.trust_file);
}

struct json *plugin_orders(const struct plugin_registry *reg)
{
	static const char *const members[] = {"id", "name", "kind", "path", "features", NULL};
	struct json *list = json_new_array();

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);
		const struct json *plugins = json_get(file->description, "plugins");

		for (size_t i = 0; file->state == STATE_ACTIVE && i < json_count(plugins); i++) {
			struct json *entry = json_new_object();

			for (int k = 0; members[k]; k++)
				json_set(entry, members[k], json_copy(json_get(json_at(plugins, i), members[k])));
			json_push(list, entry);
		}
	}
	return list;
}

/* A generation is of one description, and is never given twice. */
uint64_t plugin_orders_mark(const struct plugin_registry *reg)
{
	uint64_t mark = 14695981039346656037u; /* FNV-1a, a generation at a time */

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_ACTIVE)
			mark = (mark ^ (uint64_t)file->generation) * 1099511628211u;
	}
	return mark;
}

struct json *plugin_list(const struct plugin_registry *reg)
{
	struct json *list = json_new_array();
	char since[CLOCK_RFC3339_LEN];

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);
		struct json *entry = json_new_object();

		json_set_str(entry, "path", file->path);
		json_set_str(entry, "state", state_names[file->state]);
		json_set_str(entry, "since", time_text(file->since, since));
		json_set_str(entry, "reason", file->reason);
		json_set_str(entry, "remedy", file->remedy);
		json_set_str(entry, "bundle", file->note.bundle_id);
		json_set_str(entry, "version", file->note.bundle_version);
		json_set_str(entry, "sha256", file->sha);
		json_set_int(entry, "generation", file->generation);
		json_set(entry, "plugins",
		         file->description ? json_copy(json_get(file->description, "plugins")) : json_new_array());
		json_push(list, entry);
	}
	return list;
}

/* ---- crashes ---------------------------------------------------------------------------------------------------------------- */

static struct file *find_previous(struct plugin_registry *reg, const char *bundle)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_PREVIOUS && !strcmp(file->note.bundle_id, bundle))
			return file;
	}
	return NULL;
}

static void quarantine(struct plugin_registry *reg, struct file *file, const char *function)
{
	struct file *previous = find_previous(reg, file->note.bundle_id);
	char reason[sizeof(file->reason)];

	file->quarantine_ms = file->quarantine_ms ? file->quarantine_ms * 2 : CRASH_WINDOW_MS;
	file->quarantined_until = clock_mono_ms() + file->quarantine_ms;
	file->n_crashes = 0;
	snprintf(reason, sizeof(reason),
	         "it crashed %d times within 10 minutes, last in '%s': tried again in "
	         "%lld minutes, or after 'orasi plugin clear'",
	         CRASHES_MAX, function, (long long)(file->quarantine_ms / 60000));
	enter(file, STATE_QUARANTINED, reason, "replace the file, or 'orasi plugin clear'");
	count_active(reg);
	log_error("plugin.quarantined", LOG_STR("bundle", file->note.bundle_id), LOG_STR("reason", file->reason));
	if (previous)
		activate(reg, previous);
	tell_due(reg);
}

void plugin_crashed(struct plugin_registry *reg, const char *id, const char *path, const char *function, int signal)
{
	int64_t now = clock_mono_ms();

	reg->crashed++;
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		/* while a file is loaded the page has the bundle's id */
		if (file->state != STATE_ACTIVE || (path && strcmp(file->cas, path)) ||
		    (!find_in(file, NULL, id) && strcmp(file->note.bundle_id, id)))
			continue;
		log_warn("plugin.crashed", LOG_STR("plugin", id), LOG_STR("function", function),
		         LOG_INT("signal", signal));
		memmove(file->crashes + 1, file->crashes, (CRASHES_MAX - 1) * sizeof(file->crashes[0]));
		file->crashes[0] = now;
		file->n_crashes++;
		if (file->n_crashes >= CRASHES_MAX && now - file->crashes[CRASHES_MAX - 1] < CRASH_WINDOW_MS)
			quarantine(reg, file, function);
		return;
	}
}

int plugin_clear(struct plugin_registry *reg, const char *bundle_or_id, struct err *err)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);
		int ours = !strcmp(file->note.bundle_id, bundle_or_id) ||
		           (file->description && find_in(file, NULL, bundle_or_id));

		if (!ours || (file->state != STATE_QUARANTINED && file->state != STATE_REFUSED))
			continue;
		file->quarantine_ms = 0;
		if (file->state == STATE_QUARANTINED) {
			activate(reg, file);
		} else {
			enter(file, STATE_SETTLING, "", "");
			file->settle_at = clock_mono_ms();
			tell_due(reg);
		}
		return 0;
	}
	return err_set(err, ERR_NOTFOUND, "no plugin '%s' is quarantined or refused", bundle_or_id);
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
}

void plugin_on_events(struct plugin_registry *reg, const struct plugin_events *events)
{
	reg->events = *events;
}

struct json *plugin_secrets(const struct plugin_registry *reg, const char *id)
{
	return reg->config.secrets ? secrets_read(reg->config.secrets, id) : NULL;
}
