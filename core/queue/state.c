/* SPDX-License-Identifier: Apache-2.0 */
/* State that attempts leave to later ones. The values are in the store only; RAM knows when each key was changed in this
 * life of the agent (attempts of an earlier one have lost their fence), and which changes are on their way to the disk.
 * Others see a change when it is durable. An attempt that has read what is changed or about to be may not end. */
#include <stdlib.h>
#include <string.h>

#include "queue/inside.h"

#define NOTED_MAX 4096 /* keys of an owner whose changes are told apart */

struct owner {
	struct map changed; /* key → the number of its last change, in the pointer */
	int64_t changed_at; /* the number of the last change of any key */
	int64_t noted_from; /* changes before this count for every key */
	struct list under_way;
};

struct state_write {
	struct list link; /* in its owner's under_way */
	const struct queue_changes *changes;
	int64_t chars;
};

static struct owner *owner_get(struct queue *queue, const char *name)
{
	struct owner *owner = map_get(&queue->states, name);

	if (owner)
		return owner;
	owner = calloc(1, sizeof(*owner));
	if (!owner || map_set(&queue->states, name, owner)) {
		free(owner);
		return NULL;
	}
	map_init(&owner->changed);
	list_init(&owner->under_way);
	return owner;
}

static int64_t chars_of(const struct queue_state *state)
{
	return state->text ? (int64_t)(strlen(state->key) + strlen(state->text)) : 0;
}

int states_load(struct queue *queue, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(STATE_OWNERS), &stmt, err);

	if (r)
		return r;
	while ((r = store_step(stmt, err)) > 0)
		if (!owner_get(queue, store_text(stmt, 0))) {
			r = err_set(err, ERR_NOMEM, "out of memory");
			break;
		}
	store_end(stmt);
	return r;
}

void states_free(struct queue *queue)
{
	struct owner *owner;
	const char *name;
	size_t at = 0;

	while (map_next(&queue->states, &at, &name, (void **)&owner)) {
		map_done(&owner->changed);
		free(owner);
	}
	map_done(&queue->states);
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

int queue_state_get(struct queue *queue, const char *owner, struct arena *arena, struct queue_state **ret,
                    size_t *ret_n, int64_t *ret_seen, struct err *err)
{
	struct queue_state *all = NULL;
	struct store_stmt *stmt;
	size_t n = 0, cap = 0;
	int r;

	*ret_seen = queue->state_changes;
	*ret = NULL;
	*ret_n = 0;
	if (!map_get(&queue->states, owner))
		return 0;
	r = store_begin(store_reader(queue->store), statement(STATE_GET), &stmt, err);
	if (r)
		return r;
	store_bind_text(stmt, 1, owner);
	while ((r = store_step(stmt, err)) > 0) {
		if (n == cap) {
			struct queue_state *grown = arena_alloc(arena, (cap ? 2 * cap : 16) * sizeof(*grown));

			if (n)
				memcpy(grown, all, n * sizeof(*grown));
			all = grown;
			cap = cap ? 2 * cap : 16;
		}
		all[n++] = (struct queue_state){arena_str(arena, store_text(stmt, 0)),
		                                arena_str(arena, store_text(stmt, 1))};
	}
	store_end(stmt);
	*ret = all;
	*ret_n = n;
	return r;
}

/* ---- may it end? ------------------------------------------------------------------------------------------------------ */

static int has(const struct queue_changes *changes, const char *key)
{
	for (size_t i = 0; i < changes->n_puts; i++)
		if (!strcmp(changes->puts[i].key, key))
			return 1;
	return 0;
}

static int has_changed(const struct owner *owner, const char *key, int64_t seen)
{
	if (owner->noted_from > seen || (intptr_t)map_get(&owner->changed, key) > seen)
		return 1;
	list_each (item, (struct list *)&owner->under_way)
		if (has(list_entry(item, struct state_write, link)->changes, key))
			return 1;
	return 0;
}

static int check_reads(const struct owner *owner, const struct queue_changes *changes, struct err *err)
{
	if (changes->reads_all && (owner->changed_at > changes->seen || !list_empty(&owner->under_way)))
		return err_set(err, ERR_BUSY, "another task has changed the state of '%.100s' since this one read it",
		               changes->owner);
	for (size_t i = 0; i < changes->n_reads; i++)
		if (has_changed(owner, changes->reads[i], changes->seen))
			return err_set(
				err, ERR_BUSY,
				"another task has changed '%.100s' in the state of '%.100s' since this one read it",
				changes->reads[i], changes->owner);
	return 0;
}

/* What others are about to write counts in full, though it may replace something. */
static int check_size(struct queue *queue, const struct owner *owner, const struct queue_changes *changes,
                      struct err *err)
{
	struct queue_state *stored;
	int64_t seen, chars = 0;
	struct arena arena;
	size_t n;
	int r;

	arena_init(&arena);
	r = queue_state_get(queue, changes->owner, &arena, &stored, &n, &seen, err);
	for (size_t i = 0; i < n; i++)
		chars += has(changes, stored[i].key) ? 0 : chars_of(&stored[i]);
	arena_done(&arena);
	if (r)
		return r;
	for (size_t i = 0; i < changes->n_puts; i++)
		chars += chars_of(&changes->puts[i]);
	list_each (item, (struct list *)&owner->under_way)
		chars += list_entry(item, struct state_write, link)->chars;
	if (chars <= QUEUE_STATE_MAX)
		return 0;
	return err_set(err, list_empty(&owner->under_way) ? ERR_LIMIT : ERR_BUSY,
	               "the state of '%.100s' would be larger than 64 KiB with what other tasks have left there",
	               changes->owner);
}

int queue_state_check(struct queue *queue, const struct queue_changes *changes, struct err *err)
{
	struct owner *owner = owner_get(queue, changes->owner);
	int r;

	if (!owner)
		return err_set(err, ERR_NOMEM, "out of memory");
	r = check_reads(owner, changes, err);
	return r || !changes->n_puts ? r : check_size(queue, owner, changes, err);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------ */

static const struct queue_changes *copy(struct arena *arena, const struct queue_changes *changes)
{
	struct queue_changes *c = arena_dup(arena, changes, sizeof(*changes));
	struct queue_state *puts = arena_alloc(arena, (changes->n_puts + 1) * sizeof(*puts));

	for (size_t i = 0; i < changes->n_puts; i++)
		puts[i] = (struct queue_state){arena_str(arena, changes->puts[i].key),
		                               arena_str(arena, changes->puts[i].text)};
	c->owner = arena_str(arena, changes->owner);
	c->puts = puts;
	c->reads = NULL; /* looked at already */
	c->n_reads = 0;
	return c;
}

int state_begin(struct queue *queue, struct arena *arena, const struct queue_changes *changes, struct state_write **ret)
{
	struct owner *owner = owner_get(queue, changes->owner);
	struct state_write *write = arena_alloc(arena, sizeof(*write));

	if (!owner)
		return ERR_NOMEM;
	write->changes = copy(arena, changes);
	for (size_t i = 0; i < changes->n_puts; i++)
		write->chars += chars_of(&changes->puts[i]);
	list_add_tail(&owner->under_way, &write->link);
	*ret = write;
	return 0;
}

int state_write(struct store_db *db, const struct state_write *write, struct err *err)
{
	const struct queue_changes *c = write->changes;
	int r = 0;

	for (size_t i = 0; i < c->n_puts && !r; i++)
		r = c->puts[i].text
		            ? store_run(db, err, statement(STATE_PUT), "sss", c->owner, c->puts[i].key, c->puts[i].text)
		            : store_run(db, err, statement(STATE_DEL), "ss", c->owner, c->puts[i].key);
	return r;
}

void state_end(struct queue *queue, struct state_write *write, int r)
{
	struct owner *owner = map_get(&queue->states, write->changes->owner);

	list_del(&write->link);
	if (r || !owner)
		return;
	owner->changed_at = ++queue->state_changes;
	for (size_t i = 0; i < write->changes->n_puts; i++)
		if (owner->changed.len >= NOTED_MAX ||
		    map_set(&owner->changed, write->changes->puts[i].key, (void *)(intptr_t)owner->changed_at)) {
			map_done(&owner->changed);
			map_init(&owner->changed);
			owner->noted_from = owner->changed_at;
		}
}
