/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins of a worker: which an order may call, where they are found, and the watch over every call. How a file
 * comes into the process is told in loaded.c. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "plugin/host.h"
#include "plugin/loaded.h"
#include "wire/wire.h"

#define PLUGINS_MAX 256

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

int loader_new(struct wire_page *page, struct loader **ret, struct err *err)
{
	struct loader *loader = calloc(1, sizeof(*loader));
	int r = loader ? loaded_start(err) : err_set(err, ERR_NOMEM, "out of memory");

	if (r) {
		free(loader);
		return r;
	}
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
		if (!is_listed(loader, loaded_path(loader->files[i])))
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

/* ---- the crash page ---------------------------------------------------------------------------------------------- */

void loader_note(struct loader *loader, const char *plugin, const char *function, struct loader_frame *ret_before)
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
	loader_note(loader, plugin->descriptor->id, function, ret_before);
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

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int load(struct loader *loader, const char *path, struct loaded **ret, struct err *err)
{
	int r;

	for (size_t i = 0; i < loader->n_files; i++)
		if (!strcmp(loaded_path(loader->files[i]), path)) {
			*ret = loader->files[i];
			return 0;
		}
	if (loader->n_files == PLUGINS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d plugin files in one worker", PLUGINS_MAX);
	r = loaded_open(loader, &loader->init_host.host, path, ret, err);
	if (!r)
		loader->files[loader->n_files++] = *ret;
	return r;
}

int loader_describe(struct loader *loader, const char *path, struct json **ret, struct err *err)
{
	struct loaded *file;
	int r = load(loader, path, &file, err);

	return r ? r : loaded_describe(file, ret, err);
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

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
		*ret = loaded_find(file, kind, id_or_name);
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

/* ---- failures ---------------------------------------------------------------------------------------------------- */

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
