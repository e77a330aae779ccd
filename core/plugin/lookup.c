/* SPDX-License-Identifier: Apache-2.0 */
/* What others ask of the registry. */
#include "plugin/registry.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

static const char *time_text(int64_t wall_ms, char *ret)
{
	clock_rfc3339(wall_ms, ret);
	return ret;
}

/* ---- by name ----------------------------------------------------------------------------------------------------- */

static struct found *place_of(const struct plugin_registry *reg, const char *kind, const char *name)
{
	size_t n = strlen(name), of_kind = strlen(kind);

	if (n >= sizeof(reg->answers->odd.name) || of_kind >= sizeof(reg->answers->odd.kind))
		return &reg->answers->odd;
	return &reg->answers->found[(hash_bytes(HASH_BEGIN, name, n) + of_kind) % FOUND_KEPT];
}

/* The first in use that has it; a short name may be had by several, and what came with the agent comes first. Workers look
 * in the same order. `kind`: NULL is any. */
static void search(const struct plugin_registry *reg, const char *kind, const char *name, struct found *ret)
{
	*ret = (struct found){0};
	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);
		const struct json *p = file->description ? registry_find_in(file, kind, name) : NULL;
		int is_bundle = !strcmp(file->note.bundle_id, name);

		if (p && file->state == STATE_ACTIVE && (!ret->file || (file->is_own && !ret->file->is_own))) {
			ret->file = file;
			ret->plugin = p;
		}
		if (is_bundle && file->state == STATE_ACTIVE && !ret->of_bundle)
			ret->of_bundle = file;
		if (p || is_bundle)
			ret->other = file;
	}
	ret->flags = json_get_int(ret->plugin, "flags", 0);
}

static int is_answer(const struct plugin_registry *reg, const struct found *found, const char *kind, const char *name)
{
	return found && found->change == reg->changes && !strcmp(found->name, name) && !strcmp(found->kind, kind);
}

/* Lives until the next question. */
static const struct found *find(const struct plugin_registry *reg, const char *kind_or_any, const char *name)
{
	const char *kind = kind_or_any ? kind_or_any : "";
	struct found *found = reg->answers->last;

	if (is_answer(reg, found, kind, name))
		return found;
	found = place_of(reg, kind, name);
	if (is_answer(reg, found, kind, name))
		return reg->answers->last = found;
	search(reg, kind_or_any, name, found);
	if (found != &reg->answers->odd) {
		found->change = reg->changes;
		str_copy(found->kind, sizeof(found->kind), kind);
		str_copy(found->name, sizeof(found->name), name);
	}
	return found;
}

const struct json *plugin_find(const struct plugin_registry *reg, const char *kind, const char *id_or_name,
                               struct err *err)
{
	const struct found *found = find(reg, kind, id_or_name);

	if (found->file)
		return found->plugin;
	if (found->other && found->other->reason[0])
		err_set(err, ERR_NOTFOUND, "the plugin '%s' is %s: %s", id_or_name,
		        registry_states[found->other->state], found->other->reason);
	else
		err_set(err, ERR_NOTFOUND, "there is no %s%splugin '%s': see 'orasi plugin list'", kind ? kind : "",
		        kind ? " " : "", id_or_name);
	return NULL;
}

static int is_type(const struct json *p, const char *kind, const char *type)
{
	return !strcmp(json_get_str(p, "kind", ""), kind) && (!type || !strcmp(json_get_str(p, "name", ""), type));
}

static const struct json *find_type_in(const struct file *file, const char *kind, const char *type, struct err *err)
{
	const struct json *plugins = json_get(file->description, "plugins"), *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < json_count(plugins); i++)
		if (is_type(json_at(plugins, i), kind, type)) {
			found = json_at(plugins, i);
			n++;
		}
	if (n == 1)
		return found;
	if (n)
		err_set(err, ERR_INVALID, "bundle '%s' has %zu task types: name one with 'type'", file->note.bundle_id,
		        n);
	else
		err_set(err, ERR_NOTFOUND, "bundle '%s' has no %s%s%s%s", file->note.bundle_id, kind, type ? " '" : "",
		        type ? type : "", type ? "'" : "");
	return NULL;
}

const struct json *plugin_find_type(const struct plugin_registry *reg, const char *kind, const char *plugin,
                                    const char *type, struct err *err)
{
	const struct file *bundle = find(reg, kind, plugin)->of_bundle;
	const struct json *found = bundle ? find_type_in(bundle, kind, type, err) : plugin_find(reg, kind, plugin, err);

	if (bundle || !found || is_type(found, kind, type))
		return found;
	err_set(err, ERR_NOTFOUND, "plugin '%s' is the task type '%s', not '%s'", plugin,
	        json_get_str(found, "name", ""), type);
	return NULL;
}

/* ---- what it may ------------------------------------------------------------------------------------------------- */

static int64_t flags_of(const struct plugin_registry *reg, const char *kind, const char *id_or_name)
{
	return *id_or_name ? find(reg, kind, id_or_name)->flags : 0;
}

unsigned plugin_rights(const struct plugin_registry *reg, const char *kind, const char *id_or_name)
{
	return (unsigned)(flags_of(reg, kind, id_or_name) / ORASI_FLAG_NEEDS_NET) & 7u;
}

int64_t plugin_stranger(const struct plugin_registry *reg, const char *kind, const char *id_or_name)
{
	const struct found *found = *id_or_name ? find(reg, kind, id_or_name) : NULL;
	const struct file *file = found ? found->file : NULL;

	if (!file && found && found->other && found->other->state == STATE_ACTIVE)
		file = found->other;
	return file && !file->is_own ? file->generation : 0;
}

static int has_kind(const struct file *file, const char *kind)
{
	for (size_t i = 0; i < file->n_offers; i++)
		if (!strcmp(file->offers[i].kind, kind))
			return 1;
	return 0;
}

size_t plugin_strangers(const struct plugin_registry *reg, const char *kind, int64_t *ret, size_t cap)
{
	size_t n = 0;

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_ACTIVE && !file->is_own && has_kind(file, kind) && n++ < cap)
			ret[n - 1] = file->generation;
	}
	return n;
}

int plugin_asks(const struct plugin_registry *reg, const char *id_or_name)
{
	return (flags_of(reg, NULL, id_or_name) & ORASI_FLAG_NEEDS_HTTP) != 0;
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

static void add_orders(const struct file *file, struct json *list)
{
	static const char *const members[] = {"id", "name", "kind", "path", "features", NULL};
	const struct json *plugins = json_get(file->description, "plugins");

	for (size_t i = 0; file->state == STATE_ACTIVE && i < json_count(plugins); i++) {
		struct json *entry = json_new_object();

		for (int k = 0; members[k]; k++)
			json_set(entry, members[k], json_copy(json_get(json_at(plugins, i), members[k])));
		if (!file->is_own)
			json_set_int(entry, "stranger", file->generation);
		json_push(list, entry);
	}
}

struct json *plugin_orders(const struct plugin_registry *reg, int own_only)
{
	struct json *list = json_new_array();

	for (int own = 1; own >= own_only; own--)
		list_each (item, (struct list *)&reg->files) {
			const struct file *file = list_entry(item, struct file, link);

			if (file->is_own == own)
				add_orders(file, list);
		}
	return list;
}

/* A generation is of one description, and is never given twice. */
static uint64_t mark_of(const struct plugin_registry *reg)
{
	uint64_t mark = 14695981039346656037u; /* FNV-1a, a generation at a time */

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_ACTIVE)
			mark = (mark ^ (uint64_t)file->generation) * 1099511628211u;
	}
	return mark;
}

uint64_t plugin_orders_mark(const struct plugin_registry *reg)
{
	struct answers *answers = reg->answers;

	if (answers->mark_change != reg->changes) {
		answers->mark = mark_of(reg);
		answers->mark_change = reg->changes;
	}
	return answers->mark;
}

struct json *plugin_list(const struct plugin_registry *reg)
{
	struct json *list = json_new_array();
	char since[CLOCK_RFC3339_LEN];

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);
		struct json *entry = json_new_object();

		json_set_str(entry, "path", file->path);
		json_set_str(entry, "state", registry_states[file->state]);
		json_set_str(entry, "since", time_text(file->since, since));
		json_set_str(entry, "reason", file->reason);
		json_set_str(entry, "remedy", file->remedy);
		json_set_str(entry, "bundle", file->note.bundle_id);
		json_set_str(entry, "version", file->note.bundle_version);
		json_set_str(entry, "sha256", file->sha);
		json_set_int(entry, "generation", file->generation);
		json_set_bool(entry, "pinned", registry_pinned(reg, file->note.bundle_id) == file);
		json_set(entry, "plugins",
		         file->description ? json_copy(json_get(file->description, "plugins")) : json_new_array());
		json_push(list, entry);
	}
	return list;
}
