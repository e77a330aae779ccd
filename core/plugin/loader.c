/* SPDX-License-Identifier: Apache-2.0 */
/* Loading. libltdl's own loader binds lazily and turns every reason into "file not found", so it gets one of
 * ours: dlopen with RTLD_NOW and RTLD_LOCAL, and dlerror's words kept. */
#include <dlfcn.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "plugin/host.h"
#include "plugin/plugin.h"
#include "plugin/shape.h"
#include "wire/wire.h"

#define PLUGINS_MAX 256

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

/* What an order may call, as far as it is looked for by that. */
struct listed {
	const char *kind, *id, *name, *path;
	int64_t stranger;
};

struct loader {
	struct wire_page *page;
	struct json *list, *strangers;
	struct listed *listed; /* in `list` */
	size_t n_listed;
	int is_stale;
	struct loaded *files[PLUGINS_MAX];
	size_t n_files;
	struct loader_host init_host;
	struct loader_attempt attempt;
	struct log_budget log_budget;
	struct host_counts *counts;
	int64_t memory, deadline_ns;
};

/* ---- our loader for libltdl ------------------------------------------------------------------------------ */

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

int loader_new(struct wire_page *page, struct loader **ret, struct err *err)
{
	struct loader *loader = calloc(1, sizeof(*loader));

	if (!loader)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (lt_dlinit() || lt_dlloader_add(&vtable)) {
		free(loader);
		return err_set(err, ERR_INTERNAL, "cannot start libltdl: %s", lt_dlerror());
	}
	lt_dlloader_remove((char *)"lt_dlopen");
	loader->page = page;
	loader_host_init(&loader->init_host, loader, NULL, 0, INT64_MAX);
	*ret = loader;
	return 0;
}

const volatile int32_t *loader_cancel_flag(const struct loader *loader)
{
	return loader->page ? &loader->page->cancel : NULL;
}

static int is_listed(const struct loader *loader, const char *path)
{
	for (size_t i = 0; i < loader->n_listed; i++)
		if (!strcmp(loader->listed[i].path, path))
			return 1;
	return 0;
}

static int has_unlisted(const struct loader *loader)
{
	for (size_t i = 0; i < loader->n_files; i++)
		if (!is_listed(loader, loader->files[i]->path))
			return 1;
	return 0;
}

void loader_set_plugins(struct loader *loader, const struct json *plugins)
{
	json_free(loader->list);
	free(loader->listed);
	loader->list = json_copy(plugins);
	loader->listed = calloc(json_count(plugins) + 1, sizeof(*loader->listed));
	loader->n_listed = loader->listed ? json_count(plugins) : 0;
	for (size_t i = 0; i < loader->n_listed; i++) {
		const struct json *entry = json_at(loader->list, i);

		loader->listed[i] = (struct listed){json_get_str(entry, "kind", ""), json_get_str(entry, "id", ""),
		                                    json_get_str(entry, "name", ""), json_get_str(entry, "path", ""),
		                                    json_get_int(entry, "stranger", 0)};
	}
	loader->is_stale = has_unlisted(loader);
}

void loader_set_strangers(struct loader *loader, const struct json *strangers)
{
	json_free(loader->strangers);
	loader->strangers = json_share(strangers);
}

void loader_set_attempt(struct loader *loader, const struct loader_attempt *attempt)
{
	loader->attempt = attempt ? *attempt : (struct loader_attempt){0};
}

void loader_set_limits(struct loader *loader, int64_t memory, int64_t deadline_ns)
{
	loader->memory = memory;
	loader->deadline_ns = deadline_ns;
}

int64_t loader_memory(const struct loader *loader)
{
	return loader->memory > 0 ? loader->memory : INT64_MAX;
}

int64_t loader_deadline(const struct loader *loader)
{
	return loader->deadline_ns;
}

const struct loader_attempt *loader_attempt_of(const struct loader *loader)
{
	return &loader->attempt;
}

struct log_budget *loader_log_budget(struct loader *loader)
{
	return &loader->log_budget;
}

struct host_counts **loader_counts(struct loader *loader)
{
	return &loader->counts;
}

struct json *loader_take_metrics(struct loader *loader)
{
	return host_counts_take(loader->counts);
}

/* ---- the crash page ----------------------------------------------------------------------------------------- */

static void note(struct loader *loader, const char *plugin, const char *function, struct loader_frame *ret_before)
{
	struct wire_page *page = loader->page;

	if (!page)
		return;
	memcpy(ret_before->plugin, page->plugin, sizeof(page->plugin));
	memcpy(ret_before->function, page->function, sizeof(page->function));
	str_copy(page->function, sizeof(page->function), function);
	str_copy(page->plugin, sizeof(page->plugin), plugin);
	page->calls++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void loader_enter(struct loader *loader, const struct loader_plugin *plugin, const char *function,
                  struct loader_frame *ret_before)
{
	note(loader, plugin->descriptor->id, function, ret_before);
}

void loader_leave(struct loader *loader, const struct loader_frame *before)
{
	struct wire_page *page = loader->page;

	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (!page)
		return;
	memcpy(page->last_plugin, page->plugin, sizeof(page->plugin));
	memcpy(page->last_function, page->function, sizeof(page->function));
	memcpy(page->plugin, before->plugin, sizeof(page->plugin));
	memcpy(page->function, before->function, sizeof(page->function));
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

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

static int fill(struct loader *loader, struct loaded *file, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	struct loader_frame before;
	orasi_status status;
	int r = 0;

	note(loader, file->entry.bundle_id, "init", &before);
	status = file->entry.init(&loader->init_host.host, &error);
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

static int open_file(struct loader *loader, struct loaded *file, struct err *err)
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
	note(loader, noted.bundle_id, "load", &before);
	handle = lt_dlopen(file->path);
	loader_leave(loader, &before);
	if (!handle)
		return err_set(err, ERR_PLUGIN, "it cannot be loaded: %s", last_error);
	entry = (const orasi_entry *(*)(void))lt_dlsym(handle, ORASI_ENTRY_SYMBOL);
	if (!entry)
		return err_set(err, ERR_PLUGIN, "it does not export " ORASI_ENTRY_SYMBOL);
	r = take_entry(file, entry(), &noted, err);
	return r ? r : fill(loader, file, err);
}

static int load(struct loader *loader, const char *path, struct loaded **ret, struct err *err)
{
	struct loaded *file;
	int r;

	for (size_t i = 0; i < loader->n_files; i++)
		if (!strcmp(loader->files[i]->path, path)) {
			*ret = loader->files[i];
			return 0;
		}
	if (loader->n_files == PLUGINS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d plugin files in one worker", PLUGINS_MAX);
	file = calloc(1, sizeof(*file));
	if (!file)
		return err_set(err, ERR_NOMEM, "out of memory");
	str_copy(file->path, sizeof(file->path), path);
	r = open_file(loader, file, err);
	if (r) {
		err_prefix(err, "plugin file '%s'", path);
		free(file);
		return r;
	}
	loader->files[loader->n_files++] = file;
	*ret = file;
	return 0;
}

/* ---- finding -------------------------------------------------------------------------------------------------------- */

static const struct loader_plugin *find_in(const struct loaded *file, const char *kind, const char *id_or_name)
{
	for (uint32_t i = 0; i < file->n; i++) {
		const orasi_descriptor *d = file->plugins[i].descriptor;

		if (!strcmp(kind_name(d), kind) && (!strcmp(d->id, id_or_name) || !strcmp(d->name, id_or_name)))
			return &file->plugins[i];
	}
	return NULL;
}

static int may_load(const struct loader *loader, const struct listed *entry)
{
	for (size_t i = 0; entry->stranger && i < json_count(loader->strangers); i++)
		if (json_int(json_at(loader->strangers, i), 0) == entry->stranger)
			return 1;
	return !entry->stranger;
}

int loader_find(struct loader *loader, const char *kind, const char *id_or_name, const struct loader_plugin **ret,
                struct err *err)
{
	for (size_t i = 0; i < loader->n_listed; i++) {
		const struct listed *entry = &loader->listed[i];
		struct loaded *file;
		int r;

		if (strcmp(entry->kind, kind) || (strcmp(entry->id, id_or_name) && strcmp(entry->name, id_or_name)))
			continue;
		if (!may_load(loader, entry))
			return err_set(err, ERR_NOTFOUND, "the %s plugin '%s' is not one that this task may load", kind,
			               id_or_name);
		r = load(loader, entry->path, &file, err);
		if (r)
			return r;
		*ret = find_in(file, kind, id_or_name);
		if (*ret)
			return 0;
	}
	return err_set(err, ERR_NOTFOUND, "there is no %s plugin '%s': see 'orasi plugin list'", kind, id_or_name);
}

int loader_is_stale(const struct loader *loader)
{
	return loader->is_stale;
}

size_t loader_all(struct loader *loader, const char *kind, const struct loader_plugin **ret, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < loader->n_listed && n < cap; i++)
		if (!strcmp(loader->listed[i].kind, kind) &&
		    !loader_find(loader, kind, loader->listed[i].id, &ret[n], NULL))
			n++;
	return n;
}

int loader_result_schema(const struct loader_plugin *plugin, const struct json **ret, struct err *err)
{
	const char *id = plugin->descriptor->id;
	const char *text = plugin->task->result_schema ? plugin->task->result_schema(id) : NULL;

	*ret = NULL;
	if (text && !*plugin->result_schema && json_parse(text, strlen(text), plugin->result_schema, err))
		return err_prefix(err, "the result_schema of plugin '%s'", id);
	*ret = text ? *plugin->result_schema : NULL;
	return 0;
}

/* ---- describing -------------------------------------------------------------------------------------------------------- */

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

int loader_describe(struct loader *loader, const char *path, struct json **ret, struct err *err)
{
	struct json *json, *plugins, *one = NULL;
	struct loaded *file;
	int r = load(loader, path, &file, err);

	if (r)
		return r;
	json = json_new_object();
	plugins = json_new_array();
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

/* ---- failures -------------------------------------------------------------------------------------------------------------- */

int loader_fail(const struct loader_plugin *plugin, const char *function, orasi_status status, const orasi_error *error,
                struct err *err)
{
	static const struct {
		orasi_status status;
		int code;
	} codes[] = {
		{ORASI_E_INVALID, ERR_INVALID},     {ORASI_E_CONFIG, ERR_INVALID},
		{ORASI_E_CORRUPT, ERR_CORRUPT},     {ORASI_E_UNSUPPORTED, ERR_UNSUPPORTED},
		{ORASI_E_STATE, ERR_CORRUPT},       {ORASI_E_NOTFOUND, ERR_NOTFOUND},
		{ORASI_E_LIMIT, ERR_LIMIT},         {ORASI_E_IO, ERR_IO},
		{ORASI_E_NOMEM, ERR_NOMEM},         {ORASI_E_BUSY, ERR_BUSY},
		{ORASI_E_CANCELLED, ERR_CANCELLED}, {ORASI_E_DEADLINE, ERR_TIMEOUT},
		{ORASI_E_QUOTA, ERR_LIMIT},         {ORASI_E_BUDGET, ERR_INVALID},
	};
	int code = status <= -100 && status > -200 ? ERR_IO : ERR_PLUGIN;

	if (status >= 0)
		return err_set(err, ERR_PLUGIN, "plugin '%s' misbehaves: '%s' returned %d, which does not belong there",
		               plugin->descriptor->id, function, status);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].status == status)
			code = codes[i].code;
	if (!error->message[0])
		return err_set(err, code, "plugin '%s' failed in '%s' with status %d and gave no reason",
		               plugin->descriptor->id, function, status);
	err_set(err, code, "%.*s (plugin '%.60s', function '%s')", (int)strnlen(error->message, 380), error->message,
	        plugin->descriptor->name, function);
	err_where(err, "%.*s", (int)strnlen(error->where, 100), error->where);
	return code;
}
