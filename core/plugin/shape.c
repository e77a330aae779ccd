/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/shape.h"

#include <string.h>

/* All that the headers name. What else is set was meant for a later agent, or for none. */
#define FLAGS                                                                                                       \
	(ORASI_FLAG_DETERMINISTIC | ORASI_FLAG_RANDOM_ACCESS | ORASI_FLAG_SPLITTABLE | ORASI_FLAG_PUSHDOWN |        \
	 ORASI_FLAG_ROWS | ORASI_FLAG_ENCODES | ORASI_FLAG_STATELESS | ORASI_FLAG_NEEDS_NET | ORASI_FLAG_NEEDS_FS | \
	 ORASI_FLAG_NEEDS_EXEC | ORASI_FLAG_NEEDS_HTTP)

const char *shape_of_entry(const orasi_entry *e)
{
	if (!e)
		return ORASI_ENTRY_SYMBOL " returned NULL";
	if (!ORASI_COVERS(e, get_extension))
		return "the entry's struct_size is too small";
	if (!e->bundle_id || !e->bundle_version || !e->vendor || !e->license)
		return "the entry lacks bundle_id, bundle_version, vendor or license";
	return e->init && e->count && e->describe && e->get_factory
	               ? NULL
	               : "the entry lacks init, count, describe or get_factory";
}

const char *shape_of_descriptor(const orasi_descriptor *d)
{
	if (!d)
		return "describe returned NULL for a plugin that count promised";
	if (!ORASI_COVERS(d, requires_ext))
		return "the descriptor's struct_size is too small";
	if (d->reserved || d->flags & ~FLAGS)
		return "the descriptor has flags, or a reserved member, that no header names: leave them 0";
	if (!d->id || !*d->id || strlen(d->id) > 63 || !d->name || !*d->name || !d->version || !d->summary)
		return "the descriptor lacks id (at most 63 bytes), name, version or summary";
	if (!d->config_schema)
		return "the descriptor has no config_schema ({\"type\":\"object\"} at least)";
	return d->features && d->requires_ext ? NULL : "features and requires_ext must be lists that end with NULL";
}

/* ---- tables of functions ------------------------------------------------------------------------------------ */

struct member {
	const char *name;
	size_t at;
	uint32_t unless; /* a flag of the descriptor without which it must be there */
};
#define MUST(kind, name)                                         \
	{                                                        \
#name, offsetof(orasi_##kind##_factory, name), 0 \
	}
#define UNLESS(flag, kind, name)                                    \
	{                                                           \
#name, offsetof(orasi_##kind##_factory, name), flag \
	}

static const struct member ingest[] = {MUST(ingest, create), MUST(ingest, destroy), MUST(ingest, open),
                                       MUST(ingest, next),   MUST(ingest, close),   {0}};
static const struct member encode[] = {MUST(encode, create),
                                       MUST(encode, destroy),
                                       MUST(encode, open),
                                       MUST(encode, write),
                                       MUST(encode, finish),
                                       MUST(encode, size_estimate),
                                       {0}};
static const struct member indexing[] = {MUST(index, caps),        MUST(index, create),    MUST(index, destroy),
                                         MUST(index, build_begin), MUST(index, build_add), MUST(index, build_finish),
                                         MUST(index, build_abort), MUST(index, open),      MUST(index, close),
                                         MUST(index, query),       MUST(index, next),      MUST(index, cursor_close),
                                         MUST(index, estimate),    MUST(index, verify),    {0}};
static const struct member transform[] = {MUST(transform, create),
                                          MUST(transform, destroy),
                                          MUST(transform, bind),
                                          MUST(transform, process),
                                          UNLESS(ORASI_FLAG_STATELESS, transform, flush),
                                          UNLESS(ORASI_FLAG_STATELESS, transform, save),
                                          {0}};
static const struct member task[] = {MUST(task, create), MUST(task, destroy), MUST(task, run), {0}};
static const struct member notifier[] = {MUST(notifier, create), MUST(notifier, destroy), MUST(notifier, deliver), {0}};

#define ROW(id, kind, members)                                                                \
	{                                                                                     \
		id, offsetof(orasi_##kind##_factory, get_extension) + sizeof(void *), members \
	}
static const struct {
	const char *id;
	size_t least; /* its size in 1.0 */
	const struct member *members;
} factories[] = {
	ROW(ORASI_INGEST_FACTORY, ingest, ingest), ROW(ORASI_ENCODE_FACTORY, encode, encode),
	ROW(ORASI_INDEX_FACTORY, index, indexing), ROW(ORASI_TRANSFORM_FACTORY, transform, transform),
	ROW(ORASI_TASK_FACTORY, task, task),       ROW(ORASI_NOTIFIER_FACTORY, notifier, notifier),
};

/* All tables begin with these. */
struct head {
	uint32_t struct_size, reserved;
};

static int check_members(const char *id, const struct member *m, uint32_t flags, const char *table, struct err *err)
{
	for (; m->name; m++) {
		void (*function)(void);

		memcpy(&function, table + m->at, sizeof(function));
		if (!function && !(flags & m->unless))
			return err_set(err, ERR_PLUGIN, "the factory '%s' has no function '%s'", id, m->name);
	}
	return 0;
}

int shape_check_factory(const char *id, uint32_t flags, const void *factory, struct err *err)
{
	struct head head;
	size_t i = 0;

	if (!factory)
		return err_set(err, ERR_PLUGIN, "get_factory does not know '%s'", id);
	memcpy(&head, factory, sizeof(head));
	while (strcmp(factories[i].id, id))
		i++;
	if (head.struct_size < factories[i].least)
		return err_set(err, ERR_PLUGIN, "the factory '%s' has a struct_size of %u: %zu at least", id,
		               head.struct_size, factories[i].least);
	if (head.reserved)
		return err_set(err, ERR_PLUGIN, "the factory '%s' has a reserved member that is not 0", id);
	return check_members(id, factories[i].members, flags, factory, err);
}

void shape_take(void *ours, size_t size, const void *theirs)
{
	struct head head;

	memcpy(&head, theirs, sizeof(head));
	memset(ours, 0, size);
	memcpy(ours, theirs, head.struct_size < size ? head.struct_size : size);
}
