/* SPDX-License-Identifier: Apache-2.0 */
#include "subject.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	uint32_t kind;
	const char *name, *factory;
	size_t at; /* in struct subject */
} kinds[] = {
	{ORASI_KIND_INGEST, "ingest", ORASI_INGEST_FACTORY, offsetof(struct subject, ingest)},
	{ORASI_KIND_INDEX, "index", ORASI_INDEX_FACTORY, offsetof(struct subject, index)},
	{ORASI_KIND_TRANSFORM, "transform", ORASI_TRANSFORM_FACTORY, offsetof(struct subject, transform)},
	{ORASI_KIND_TASK, "task", ORASI_TASK_FACTORY, offsetof(struct subject, task)},
	{ORASI_KIND_NOTIFIER, "notifier", ORASI_NOTIFIER_FACTORY, offsetof(struct subject, notifier)},
};

const char *kind_name(uint32_t kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return NULL;
}

int subject_load(struct subject *s, const char *path, struct err *err)
{
	const orasi_entry *(*entry)(void);
	char *real = realpath(path, NULL); /* dlopen searches for names without a slash */
	void *handle;
	int r;

	*s = (struct subject){.path = path, .function = "load"};
	r = plugin_note_read(path, &s->note, err);
	if (!r)
		r = plugin_version_check(&s->note, err);
	if (r) {
		free(real);
		return r;
	}
	handle = dlopen(real ? real : path, RTLD_NOW | RTLD_LOCAL);
	free(real);
	if (!handle)
		return err_set(err, ERR_PLUGIN, "it cannot be loaded: %s", dlerror());
	entry = (const orasi_entry *(*)(void))dlsym(handle, ORASI_ENTRY_SYMBOL);
	if (!entry)
		return err_set(err, ERR_PLUGIN, "it does not export " ORASI_ENTRY_SYMBOL);
	s->function = "entry";
	s->entry = entry();
	if (!s->entry)
		return err_set(err, ERR_PLUGIN, ORASI_ENTRY_SYMBOL " returned NULL");
	return 0;
}

const char *subject_flaw(const orasi_descriptor *d)
{
	const char *flaw = shape_of_descriptor(d);

	return flaw || kind_name(d->kind) ? flaw : "the descriptor's kind is unknown";
}

static int take_factory(struct subject *s, struct err *err)
{
	uint32_t flags = s->descriptor->flags;
	int r = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !r; i++) {
		const void *factory;

		if (kinds[i].kind != s->descriptor->kind)
			continue;
		factory = s->entry->get_factory(kinds[i].factory);
		memcpy((char *)s + kinds[i].at, &factory, sizeof(factory));
		r = shape_check_factory(kinds[i].factory, flags, factory, err);
	}
	if (r || !(flags & ORASI_FLAG_ENCODES))
		return r;
	s->encode = s->entry->get_factory(ORASI_ENCODE_FACTORY);
	return s->encode ? shape_check_factory(ORASI_ENCODE_FACTORY, flags, s->encode, err)
	                 : err_set(err, ERR_PLUGIN, "the descriptor says ENCODES, but get_factory does not know '%s'",
	                           ORASI_ENCODE_FACTORY);
}

int subject_choose(struct subject *s, const char *id_or_name, struct err *err)
{
	uint32_t n = s->entry->count();

	for (uint32_t i = 0; i < n; i++) {
		const orasi_descriptor *d = s->entry->describe(i);
		const char *flaw = subject_flaw(d);

		if (flaw)
			return err_set(err, ERR_PLUGIN, "plugin %u: %s", i, flaw);
		if (id_or_name && strcmp(d->id, id_or_name) && strcmp(d->name, id_or_name))
			continue;
		s->descriptor = d;
		if (json_parse(d->config_schema, strlen(d->config_schema), &s->schema, err))
			return err_prefix(err, "config_schema of '%s'", d->id);
		return take_factory(s, err);
	}
	return err_set(err, ERR_NOTFOUND, "the file has no plugin '%s'", id_or_name ? id_or_name : "");
}
