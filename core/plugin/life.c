/* SPDX-License-Identifier: Apache-2.0 */
/* Which generation of a bundle is used: the newest that nothing speaks against, until it crashes too often. */
#include "plugin/registry.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define COPY_KEPT_S 3600
#define CRASH_WINDOW_MS (10 * 60 * 1000)

/* ---- activation ------------------------------------------------------------------------------------------------ */

const struct json *registry_find_in(const struct file *file, const char *kind, const char *name)
{
	for (size_t i = 0; i < file->n_offers; i++) {
		const struct offer *o = &file->offers[i];

		if ((!strcmp(o->id, name) || !strcmp(o->name, name)) && (!kind || !strcmp(o->kind, kind)))
			return o->plugin;
	}
	return NULL;
}

/* What came with the agent keeps its ids also in quarantine. */
static int holds_its_ids(const struct file *file, const struct file *against)
{
	return file->state == STATE_ACTIVE || (file->state == STATE_QUARANTINED && file->is_own && !against->is_own);
}

struct file *registry_find_rival(struct plugin_registry *reg, const struct file *mine)
{
	const struct json *plugins = json_get(mine->description, "plugins");

	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file == mine || !holds_its_ids(file, mine) ||
		    (file->is_own == mine->is_own && !strcmp(file->note.bundle_id, mine->note.bundle_id)))
			continue;
		for (size_t i = 0; i < json_count(plugins); i++)
			if (registry_find_in(file, NULL, json_get_str(json_at(plugins, i), "id", "")))
				return file;
	}
	return NULL;
}

static int is_pinned(const struct plugin_registry *reg, const struct file *file)
{
	return !strcmp(json_get_str(json_get(reg->pins, file->note.bundle_id), "sha256", ""), file->sha);
}

/* The list is in the order in which files came: what stands behind one that is pinned is newer, and waits. */
static void retire_others(struct plugin_registry *reg, const struct file *chosen)
{
	int behind = 0;

	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		behind |= file == chosen;
		if (file == chosen || file->is_own != chosen->is_own ||
		    strcmp(file->note.bundle_id, chosen->note.bundle_id))
			continue;
		if (file->state == STATE_PREVIOUS || (file->state == STATE_ACTIVE && !strcmp(file->sha, chosen->sha)))
			registry_file_free(file);
		else if (file->state == STATE_ACTIVE && behind && is_pinned(reg, chosen))
			registry_enter(file, STATE_HELD, "the operator has pinned an older generation",
			               "orasi plugin unpin");
		else if (file->state == STATE_ACTIVE)
			registry_enter(file, STATE_PREVIOUS, "a newer generation has taken its place",
			               "it comes back when that one is quarantined");
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

void registry_count_active(struct plugin_registry *reg)
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

int registry_check_rights(const struct plugin_registry *reg, const struct file *file, struct err *err)
{
	unsigned wanted = wanted_rights(file),
		 lacking = wanted ? wanted & ~trust_rights(reg->config.trust_file, file->note.bundle_id) : 0;

	if (!lacking)
		return 0;
	return err_set(err, ERR_PERM,
	               "it needs the rights %s, which are not granted: add {\"bundle\":\"%s\",\"rights\":"
	               "[…]} to \"rights\" of '%.200s'",
	               trust_rights_text(lacking), file->note.bundle_id, reg->config.trust_file);
}

static int is_referenced(struct plugin_registry *reg, const char *sha, size_t n)
{
	list_each (item, &reg->files)
		if (!strncmp(list_entry(item, struct file, link)->sha, sha, n))
			return 1;
	return 0;
}

/* What nobody needs any more: the description of a generation that is gone at once, its copy after a while, because an
 * attempt may still be about to load it. Not while files are judged, which may be the ones that need it. */
static void sweep_copies(struct plugin_registry *reg)
{
	char folder[PATH_MAX + 8], path[PATH_MAX + NAME_MAX + 16], sha[65];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	if (plugin_registry_busy(reg))
		return;
	snprintf(folder, sizeof(folder), "%s/cas", reg->state_dir);
	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (strlen(entry->d_name) != 67 || !str_ends(entry->d_name, ".so") ||
		    is_referenced(reg, entry->d_name, 64))
			continue;
		memcpy(sha, entry->d_name, 64);
		sha[64] = '\0';
		json_del(reg->known, sha);
		if (!stat(path, &st) && clock_wall_ms() / 1000 - st.st_mtime >= COPY_KEPT_S)
			unlink(path);
	}
	if (dir)
		closedir(dir);
}

/* Only the newest waits. */
static void forget_held(struct plugin_registry *reg, const char *bundle)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_HELD && !strcmp(file->note.bundle_id, bundle))
			registry_file_free(file);
	}
}

static void shadow(struct file *file, const struct file *rival)
{
	char reason[sizeof(file->reason)];

	snprintf(reason, sizeof(reason), "bundle '%s' from '%.200s' offers the same plugin id%s", rival->note.bundle_id,
	         rival->path, rival->is_own && !file->is_own ? ", and came with the agent" : "");
	registry_enter(file, STATE_SHADOWED, reason, "remove one of the two");
	log_warn("plugin.shadowed", LOG_STR("path", file->path), LOG_STR("reason", file->reason));
}

/* The one that stays before it, or NULL. A stranger gives way to what came with the agent, whoever was first. */
static const struct file *push_aside(struct plugin_registry *reg, struct file *file)
{
	struct file *rival;

	while ((rival = registry_find_rival(reg, file)) && file->is_own && !rival->is_own)
		shadow(rival, file);
	return rival;
}

void registry_activate(struct plugin_registry *reg, struct file *file)
{
	const struct file *rival = push_aside(reg, file);
	const struct file *pinned;
	char reason[sizeof(file->reason)];
	struct err err = {0};

	complete_description(file);
	if (rival) {
		shadow(file, rival);
		return;
	}
	if (registry_check_rights(reg, file, &err)) {
		registry_refuse(reg, file, err.text);
		return;
	}
	pinned = registry_pinned(reg, file->note.bundle_id);
	if (pinned && strcmp(pinned->sha, file->sha)) {
		snprintf(reason, sizeof(reason), "the bundle is pinned to version %s (sha256 %.12s…)",
		         pinned->note.bundle_version, pinned->sha);
		forget_held(reg, file->note.bundle_id);
		registry_enter(file, STATE_HELD, reason, "orasi plugin unpin");
		log_info("plugin.held", LOG_STR("path", file->path), LOG_STR("reason", file->reason));
		return;
	}
	retire_others(reg, file);
	file->generation = ++reg->generations;
	registry_enter(file, STATE_ACTIVE, file->warning, *file->warning ? "see plugins.trust" : "");
	registry_count_active(reg);
	log_info("plugin.active", LOG_STR("bundle", file->note.bundle_id),
	         LOG_STR("version", file->note.bundle_version), LOG_STR("path", file->path));
	sweep_copies(reg);
	if (reg->events.on_active)
		reg->events.on_active(reg->events.ctx);
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
	registry_enter(file, STATE_QUARANTINED, reason, "replace the file, or 'orasi plugin clear'");
	registry_count_active(reg);
	log_error("plugin.quarantined", LOG_STR("bundle", file->note.bundle_id), LOG_STR("reason", file->reason));
	if (previous)
		registry_activate(reg, previous);
	registry_tell_due(reg);
}

void plugin_crashed(struct plugin_registry *reg, const char *id, const char *path, const char *function, int signal)
{
	int64_t now = clock_mono_ms();

	reg->crashed++;
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		/* while a file is loaded the page has the bundle's id */
		if (file->state != STATE_ACTIVE || (path && strcmp(file->cas, path)) ||
		    (!registry_find_in(file, NULL, id) && strcmp(file->note.bundle_id, id)))
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
		           (file->description && registry_find_in(file, NULL, bundle_or_id));

		if (!ours || (file->state != STATE_QUARANTINED && file->state != STATE_REFUSED))
			continue;
		file->quarantine_ms = 0;
		if (file->state == STATE_QUARANTINED) {
			registry_activate(reg, file);
		} else {
			registry_enter(file, STATE_SETTLING, "", "");
			file->settle_at = clock_mono_ms();
			registry_tell_due(reg);
		}
		return 0;
	}
	return err_set(err, ERR_NOTFOUND, "no plugin '%s' is quarantined or refused", bundle_or_id);
}
