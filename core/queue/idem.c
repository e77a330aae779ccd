/* SPDX-License-Identifier: Apache-2.0 */
/* Idempotency keys. A row of `idem` is a request that was accepted: of one task (`id`), of a call with many
 * (`items`: their ids by place, 0 for one that was refused), or of a batch (`id`, and ITEMS_OF_BATCH). Its digest says what was asked for. The same request gets
 * the same tasks; another one with the key is refused, and so is one whose task has ended and is kept no more: the row
 * outlives it, so that a late repetition never runs again what has run. All of it on the writer thread,
 * but for who only asks whether there is a row. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/str.h"
#include "queue/inside.h"

#define ITEMS_OF_BATCH "b" /* no list of ids */

/* Who makes two of his own requests collide gets the wrong one of his own tasks. 0 is "not known". */
int64_t idem_digest(const struct task_spec *spec, struct arena *arena)
{
	struct task_spec asked = *spec;
	uint64_t hash = HASH_BEGIN;
	const char *text;

	asked.trace = NULL; /* of the request that came, not of what it asks for */
	asked.idempotency_key = NULL;
	text = spec_pack(&asked, 1, arena);
	hash = hash_bytes(hash, text, text ? strlen(text) : 0);
	hash = hash_bytes(hash, spec->depends_on, spec->n_depends_on * sizeof(*spec->depends_on));
	return (int64_t)(hash ? hash : 1);
}

static int reused(const char *key, struct err *err)
{
	return err_set(err, ERR_CONFLICT, "the idempotency key '%s' was used for another request", key);
}

/* The task is there, or it has gone and its request is over. */
static int look_for(struct store_db *db, int64_t id, const char *key, struct err *why, struct err *err)
{
	struct store_stmt *stmt;
	char name[ID_LEN];
	int r = store_begin(db, statement(END_GET), &stmt, err), state;

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	r = store_step(stmt, err);
	store_end(stmt);
	if (!r)
		r = archive_state(db, id, &state, err);
	if (r != ERR_NOTFOUND)
		return r < 0 ? r : 0;
	if (days_may_have(db, id, why))
		return 0;
	id_format('t', id, name);
	err_set(why, ERR_GONE,
	        "the idempotency key '%s' is that of task %s, which has ended and is kept no more: to run it once "
	        "more, "
	        "use another key",
	        key, name);
	return 0;
}

/* 1: there is a row; *ret_items in the arena, NULL: it is of one task. */
static int read_row(struct store_db *db, const char *tenant, const char *key, struct arena *arena, int64_t *ret_id,
                    int64_t *ret_digest, char **ret_items, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(IDEM_GET), &stmt, err);

	if (r)
		return r;
	store_bind_text(stmt, 1, tenant);
	store_bind_text(stmt, 2, key);
	r = store_step(stmt, err);
	if (r > 0) {
		*ret_id = store_int(stmt, 0);
		*ret_digest = store_int(stmt, 1);
		*ret_items = arena_str(arena, store_text(stmt, 2));
	}
	store_end(stmt);
	return r;
}

int idem_has(struct store_db *db, const char *tenant, const char *key, struct arena *arena, struct err *err)
{
	int64_t id, digest;
	char *items;

	return read_row(db, tenant ? tenant : "", key, arena, &id, &digest, &items, err);
}

/* ---- one task ------------------------------------------------------------------------------ */

int idem_find(struct store_db *db, struct insert *in, struct arena *arena, struct err *err)
{
	const char *key = in->spec->idempotency_key;
	struct err why = {0};
	int64_t digest = 0;
	char *items = NULL;
	int r = read_row(db, in->spec->tenant, key, arena, &in->result.id, &digest, &items, err);

	if (r <= 0)
		return r;
	in->result.existed = QUEUE_REPEATED;
	if (items || (digest && digest != in->digest))
		reused(key, &why);
	else if ((r = look_for(db, in->result.id, key, &why, err)))
		return r;
	if (why.code) {
		err_where(&why, "/idempotency_key");
		insert_refuse(in, why.code, arena, &why);
	}
	return 1;
}

int idem_put(struct store_db *db, const struct insert *in, struct err *err)
{
	return store_run(db, err, statement(IDEM_PUT), "ssiiis", in->spec->tenant, in->spec->idempotency_key, in->id,
	                 in->now, in->digest, (const char *)NULL);
}

/* ---- a call with many ---------------------------------------------------------------------- */

/* "12 13 0 14", as many as the call has. */
static int read_items(const char *text, int64_t *ids, size_t n)
{
	size_t i = 0;
	char *end;

	for (; *text; text = *end ? end + 1 : end) {
		int64_t id = strtoll(text, &end, 10);

		if (end == text || i == n)
			return ERR_CONFLICT;
		ids[i++] = id;
	}
	return i == n ? 0 : ERR_CONFLICT;
}

int idem_call_find(struct store_db *db, struct idem_call *call, struct arena *arena, struct err *err)
{
	int64_t id, digest = 0;
	char *items = NULL;
	int r;

	call->is_new = 1;
	memset(call->ids, 0, call->n * sizeof(*call->ids)); /* a write may be called again */
	r = read_row(db, call->tenant, call->key, arena, &id, &digest, &items, err);
	if (r <= 0)
		return r;
	call->is_new = 0;
	if (!items || digest != call->digest || read_items(items, call->ids, call->n))
		return reused(call->key, err);
	return 0;
}

int idem_call_meet(struct store_db *db, const struct idem_call *call, struct insert *in, size_t place,
                   struct arena *arena, struct err *err)
{
	struct err why = {0};
	int r;

	if (!call->ids[place])
		return 0;
	in->result = (struct queue_put_result){.id = call->ids[place], .existed = QUEUE_REPEATED};
	r = look_for(db, call->ids[place], call->key, &why, err);
	if (r)
		return r;
	if (why.code)
		insert_refuse(in, why.code, arena, &why);
	return 1;
}

int idem_call_put(struct store_db *db, const struct idem_call *call, int64_t now, struct err *err)
{
	struct buf items;
	int r;

	buf_init(&items, 0);
	for (size_t i = 0; i < call->n; i++) {
		if (i)
			buf_putc(&items, ' ');
		buf_int(&items, call->ids[i]);
	}
	r = items.failed;
	if (!r)
		r = store_run(db, err, statement(IDEM_PUT), "ssiiis", call->tenant, call->key, (int64_t)0, now,
		              call->digest, items.data);
	buf_done(&items);
	return r;
}

/* ---- a batch -------------------------------------------------------------------------------- */

int64_t idem_batch_digest(const struct queue_batch_spec *spec, struct arena *arena)
{
	const char *name = spec->name ? spec->name : "";
	int64_t follower = spec->on_complete ? idem_digest(spec->on_complete, arena) : 0;
	uint64_t hash = hash_bytes(HASH_BEGIN, name, strlen(name) + 1);

	hash = hash_bytes(hash, &follower, sizeof(follower));
	return (int64_t)(hash ? hash : 1);
}

static int is_batch(struct store_db *db, int64_t id, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(BATCH_GET), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	r = store_step(stmt, err);
	store_end(stmt);
	return r;
}

int idem_batch_find(struct store_db *db, const struct idem_batch *batch, struct arena *arena, int64_t *ret,
                    struct err *err)
{
	int64_t digest;
	char *items, name[ID_LEN];
	int r = read_row(db, batch->tenant, batch->key, arena, ret, &digest, &items, err);

	if (r <= 0)
		return r;
	if (!str_eq(items, ITEMS_OF_BATCH) || digest != batch->digest)
		return reused(batch->key, err);
	r = is_batch(db, *ret, err);
	if (r)
		return r;
	id_format('b', *ret, name);
	return err_set(
		err, ERR_GONE,
		"the idempotency key '%s' is that of batch %s, which is complete and is kept no more: for another "
		"batch, use another key",
		batch->key, name);
}

int idem_batch_put(struct store_db *db, const struct idem_batch *batch, int64_t id, int64_t now, struct err *err)
{
	return store_run(db, err, statement(IDEM_PUT), "ssiiis", batch->tenant, batch->key, id, now, batch->digest,
	                 ITEMS_OF_BATCH);
}
