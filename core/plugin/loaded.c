/* SPDX-License-Identifier: Apache-2.0 */
/* A file on its way into the process: note, version, dlopen, entry, init, and of each plugin descriptor and
 * factories. Whatever is wrong with it is one sentence, which refuses it (docs/PLUGINS.md section 9).
 *
 * libltdl's own loader binds lazily and turns every reason into "file not found", so it gets one of ours: dlopen with
 * RTLD_NOW and RTLD_LOCAL, and dlerror's words kept. */
#include "plugin/loaded.h"

#include <dlfcn.h>
#include <ltdl.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "plugin/host.h"
#include "plugin/plugin.h"
#include "plugin/shape.h"

#define PLUGINS_IN_FILE 8

/* Copies of what a plugin shows, as long as our structs are (see shape.h). */
struct shown {
	orasi_descriptor descriptor;
	union {
		orasi_ingest_factory ingest;
		orasi_index_factory index;
		orasi_transform_factory transform;
		orasi_task_factory task;
		orasi_notifier_factory notifier;
	} factory;
	orasi_encode_factory encode;
	struct json *defaults, *result_schema; /* when they were asked for */
};

struct loaded {
	char path[4096];
	orasi_entry entry;
	struct shown shown[PLUGINS_IN_FILE];
	struct loader_plugin plugins[PLUGINS_IN_FILE];
	uint32_t n;
};

/* ---- our loader for libltdl ------------------------------------------------------------------------------------- */

static char last_error[512];

static lt_module module_open(lt_user_data data, const char *name, lt_dladvise advise)
{
	void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	const char *reason = handle ? NULL : dlerror();

	(void)data;
	(void)advise;
	if (reason)
		str_copy(last_error, sizeof(last_error), reason);
	return handle;
}

static int module_close(lt_user_data data, lt_module module)
{
	(void)data;
	(void)module;
	return 0; /* never unloaded */
}

static void *find_symbol(lt_user_data data, lt_module module, const char *symbol)
{
	(void)data;
	return dlsym(module, symbol);
}

static const lt_dlvtable vtable = {
	.name = "orasi",
	.module_open = module_open,
	.module_close = module_close,
	.find_sym = find_symbol,
	.priority = LT_DLLOADER_PREPEND,
};

int loaded_start(struct err *err)
{
	if (lt_dlinit() || lt_dlloader_add(&vtable))
		return err_set(err, ERR_INTERNAL, "cannot start libltdl: %s", lt_dlerror());
	lt_dlloader_remove((char *)"lt_dlopen");
	return 0;
}

/* ---- what is in it ---------------------------------------------------------------------------------------------- */

#define ROW(kind, since, name, factory, member)                                     \
	{                                                                           \
		kind, since, name, factory, offsetof(struct loader_plugin, member), \
			sizeof(*((struct loader_plugin *)0)->member)                \
	}
static const struct {
	uint32_t kind;
	unsigned since; /* minor of the ABI */
	const char *name, *factory;
	size_t at;   /* in struct loader_plugin */
	size_t size; /* of our struct */
} kinds[] = {
	ROW(ORASI_KIND_INGEST, 0, "ingest", ORASI_INGEST_FACTORY, ingest),
	ROW(ORASI_KIND_INDEX, 0, "index", ORASI_INDEX_FACTORY, index),
	ROW(ORASI_KIND_TRANSFORM, 0, "transform", ORASI_TRANSFORM_FACTORY, transform),
	ROW(ORASI_KIND_TASK, 0, "task", ORASI_TASK_FACTORY, task),
	ROW(ORASI_KIND_NOTIFIER, 0, "notifier", ORASI_NOTIFIER_FACTORY, notifier),
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Index in kinds, KINDS if the host does not offer it. */
static size_t kind_of(const orasi_descriptor *d)
{
	size_t i = 0;

	while (i < KINDS && (kinds[i].kind != d->kind || kinds[i].since > plugin_abi_minor()))
		i++;
	return i;
}

static const char *kind_name(const orasi_descriptor *d)
{
	return kinds[kind_of(d)].name;
}

static int take_descriptor(struct loaded *file, uint32_t i, struct err *err)
{
	const orasi_descriptor *theirs = file->entry.describe(i), *d = &file->shown[i].descriptor;
	const char *flaw = shape_of_descriptor(theirs);

	if (flaw)
		return err_set(err, ERR_PLUGIN, "plugin %u of bundle '%s' is not complete: %s", i,
		               file->entry.bundle_id, flaw);
	shape_take(&file->shown[i].descriptor, sizeof(*d), theirs);
	file->plugins[i] = (struct loader_plugin){.descriptor = d,
	                                          .entry = &file->entry,
	                                          .defaults = &file->shown[i].defaults,
	                                          .result_schema = &file->shown[i].result_schema};
	if (kind_of(d) == KINDS)
		return err_set(err, ERR_UNSUPPORTED,
		               "plugin '%s' is of kind %u, which this agent does not offer: upgrade the agent", d->id,
		               d->kind);
	return 0;
}

static int take_factory(struct loaded *file, uint32_t i, const char *id, void *ours, size_t size, struct err *err)
{
	const orasi_descriptor *d = file->plugins[i].descriptor;
	const void *theirs = file->entry.get_factory(id);

	if (shape_check_factory(id, d->flags, theirs, err)) {
		err_prefix(err, "plugin '%s' does not offer the factory of its kind", d->id);
		return ERR_PLUGIN;
	}
	shape_take(ours, size, theirs);
	return 0;
}

static int take_factories(struct loaded *file, uint32_t i, struct err *err)
{
	size_t kind = kind_of(file->plugins[i].descriptor);
	struct shown *shown = &file->shown[i];
	const void *factory = &shown->factory;
	int r = take_factory(file, i, kinds[kind].factory, &shown->factory, kinds[kind].size, err);

	memcpy((char *)&file->plugins[i] + kinds[kind].at, &factory, sizeof(factory));
	if (r || !(shown->descriptor.flags & ORASI_FLAG_ENCODES))
		return r;
	file->plugins[i].encode = &shown->encode;
	return take_factory(file, i, ORASI_ENCODE_FACTORY, &shown->encode, sizeof(shown->encode), err);
}

static int take_entry(struct loaded *file, const orasi_entry *theirs, const struct plugin_note *noted, struct err *err)
{
	const char *flaw = shape_of_entry(theirs);

	if (flaw)
		return err_set(err, ERR_PLUGIN, "its entry is not complete: %s", flaw);
	shape_take(&file->entry, sizeof(file->entry), theirs);
	if (theirs->abi_major != noted->abi_major || theirs->abi_target_minor != noted->target_minor ||
	    strcmp(theirs->bundle_id, noted->bundle_id))
		return err_set(err, ERR_PLUGIN, "its note and its entry do not agree");
	return 0;
}

static int fill(struct loader *loader, const orasi_host *host, struct loaded *file, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	struct loader_frame before;
	orasi_status status;
	int r = 0;

	loader_note(loader, file->entry.bundle_id, "init", &before);
	status = file->entry.init(host, &error);
	loader_leave(loader, &before);
	if (status)
		return err_set(err, ERR_PLUGIN, "its init failed: %.*s", (int)strnlen(error.message, 300),
		               error.message);
	file->n = file->entry.count();
	if (file->n > PLUGINS_IN_FILE)
		return err_set(err, ERR_PLUGIN, "it has more than %d plugins", PLUGINS_IN_FILE);
	for (uint32_t i = 0; i < file->n && !r; i++) {
		r = take_descriptor(file, i, err);
		if (!r)
			r = take_factories(file, i, err);
	}
	return r;
}

static int open_file(struct loader *loader, const orasi_host *host, struct loaded *file, struct err *err)
{
	const orasi_entry *(*entry)(void);
	struct loader_frame before;
	struct plugin_note noted;
	lt_dlhandle handle;
	int r = plugin_note_read(file->path, &noted, err);

	if (!r)
		r = plugin_version_check(&noted, err);
	if (r)
		return r;
	loader_note(loader, noted.bundle_id, "load", &before);
	handle = lt_dlopen(file->path);
	loader_leave(loader, &before);
	if (!handle)
		return err_set(err, ERR_PLUGIN, "it cannot be loaded: %s", last_error);
	entry = (const orasi_entry *(*)(void))lt_dlsym(handle, ORASI_ENTRY_SYMBOL);
	if (!entry)
		return err_set(err, ERR_PLUGIN, "it does not export " ORASI_ENTRY_SYMBOL);
	r = take_entry(file, entry(), &noted, err);
	return r ? r : fill(loader, host, file, err);
}

int loaded_open(struct loader *loader, const orasi_host *host, const char *path, struct loaded **ret, struct err *err)
{
	struct loaded *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return err_set(err, ERR_NOMEM, "out of memory");
	str_copy(file->path, sizeof(file->path), path);
	r = open_file(loader, host, file, err);
	if (r) {
		err_prefix(err, "plugin file '%s'", path);
		free(file);
		return r;
	}
	*ret = file;
	return 0;
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

const char *loaded_path(const struct loaded *file)
{
	return file->path;
}

const struct loader_plugin *loaded_find(const struct loaded *file, const char *kind, const char *id_or_name)
{
	for (uint32_t i = 0; i < file->n; i++) {
		const orasi_descriptor *d = file->plugins[i].descriptor;

		if (!strcmp(kind_name(d), kind) && (!strcmp(d->id, id_or_name) || !strcmp(d->name, id_or_name)))
			return &file->plugins[i];
	}
	return NULL;
}

static int describe_one(const struct loader_plugin *p, struct json **ret, struct err *err)
{
	const orasi_descriptor *d = p->descriptor;
	struct json *json = json_new_object(), *features = json_new_array(), *schema;

	for (int i = 0; d->features[i]; i++)
		json_push(features, json_new_str(d->features[i]));
	json_set_str(json, "id", d->id);
	json_set_str(json, "name", d->name);
	json_set_str(json, "kind", kind_name(d));
	json_set_str(json, "version", d->version);
	json_set_str(json, "summary", d->summary);
	json_set(json, "features", features);
	json_set_int(json, "flags", d->flags);
	json_set_int(json, "state_version", d->state_version);
	if (json_parse(d->config_schema, strlen(d->config_schema), &schema, err)) {
		json_free(json);
		return err_prefix(err, "config_schema of plugin '%s'", d->id);
	}
	json_set(json, "config_schema", schema);
	*ret = json;
	return 0;
}

int loaded_describe(const struct loaded *file, struct json **ret, struct err *err)
{
	struct json *json = json_new_object(), *plugins = json_new_array(), *one = NULL;
	int r = 0;

	for (uint32_t i = 0; i < file->n && !r; i++) {
		r = describe_one(&file->plugins[i], &one, err);
		if (!r)
			json_push(plugins, one);
	}
	json_set_str(json, "bundle", file->entry.bundle_id);
	json_set_str(json, "version", file->entry.bundle_version);
	json_set_str(json, "vendor", file->entry.vendor);
	json_set_str(json, "license", file->entry.license);
	json_set(json, "plugins", plugins);
	if (r)
		json_free(json);
	else
		*ret = json;
	return r;
}
