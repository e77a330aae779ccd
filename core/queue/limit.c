/* SPDX-License-Identifier: Apache-2.0 */
/* Limits by key. A ready task whose key has no room waits at the key and not in its lane, so that
 * whoever chooses the next task never meets one that may not run: a full key costs nobody a turn.
 *
 * A concurrency key has room while fewer than settings.key_running tasks with it stand in a lane or
 * run. A rate key lets one task stand in a lane at a time, and closes itself when that one starts
 * and the allowance is used up. The rate is the generic cell rate algorithm (ITU-T I.371, as a
 * virtual schedule): a task may start while at least one unit is left, and a dear one borrows from
 * the future. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue/inside.h"

/* ---- rates --------------------------------------------------------------------------------- */

static int64_t unit_us(int64_t per, int64_t period_ms)
{
	int64_t us = period_ms * 1000 / per;

	return us > 0 ? us : 1;
}

/* Mono ms at which a task may start; not in the future = now. */
int64_t rate_opens_at(const struct rate *rate, int64_t per, int64_t period_ms, int64_t burst, int64_t now_ms)
{
	int64_t unit, at;

	if (!per)
		return now_ms;
	unit = unit_us(per, period_ms);
	at = rate->tat - (burst > 1 ? burst - 1 : 0) * unit;
	return at <= now_ms * 1000 ? now_ms : (at + 999) / 1000;
}

void rate_take(struct rate *rate, int64_t cost, int64_t per, int64_t period_ms, int64_t now_ms)
{
	if (!per)
		return;
	if (rate->tat < now_ms * 1000)
		rate->tat = now_ms * 1000;
	rate->tat += cost * unit_us(per, period_ms);
}

/* ---- keys
 * ------------------------------------------------------------------------------------------------
 */

static int waiting_less(const struct heap_node *a, const struct heap_node *b)
{
	return live_is_before(list_entry(a, struct live, node), list_entry(b, struct live, node));
}

static int opens_less(const struct heap_node *a, const struct heap_node *b)
{
	return list_entry(a, struct key, opens)->opens_at < list_entry(b, struct key, opens)->opens_at;
}

void limits_init(struct queue *queue)
{
	map_init(&queue->keys);
	list_init(&queue->opened);
	heap_init(&queue->closed, opens_less);
}

static struct key *key_get(struct queue *queue, struct channel *channel, char type, const char *name)
{
	char full[1024];
	struct key *key;

	snprintf(full, sizeof(full), "%s\x1f%c%s", channel->name, type, name);
	key = map_get(&queue->keys, full);
	if (key)
		return key;
	key = calloc(1, sizeof(*key));
	if (!key || !(key->name = strdup(full)) || map_set(&queue->keys, full, key)) {
		if (key)
			free(key->name);
		free(key);
		return NULL;
	}
	key->channel = channel;
	key->is_rate = type == 'r';
	heap_init(&key->waiting, waiting_less);
	list_init(&key->opened);
	channel->n_keys++;
	return key;
}

static void key_free(struct queue *queue, struct key *key)
{
	struct channel *channel = key->channel;

	map_del(&queue->keys, key->name);
	heap_del(&queue->closed, &key->opens);
	list_del(&key->opened);
	heap_done(&key->waiting);
	channel->n_keys--;
	free(key->name);
	free(key);
	channel_release(queue, channel);
}

static void arm(struct queue *queue, struct key *key, int64_t at)
{
	heap_del(&queue->closed, &key->opens);
	key->opens_at = at;
	heap_add(&queue->closed, &key->opens);
}

/* A rate key is remembered until its allowance is whole, or a new task would find a fresh one. */
static void key_release(struct queue *queue, struct key *key)
{
	if (--key->n_live)
		return;
	if (key->is_rate && key->rate.tat > clock_mono_ms() * 1000)
		arm(queue, key, (key->rate.tat + 999) / 1000);
	else
		key_free(queue, key);
}

static int64_t key_opens_at(const struct key *key, int64_t now)
{
	const struct queue_settings *s = &key->channel->settings;

	return rate_opens_at(&key->rate, s->key_rate, s->key_rate_period_ms, s->key_rate_burst, now);
}

static int has_room(const struct key *key)
{
	int64_t now = clock_mono_ms();

	if (!key->is_rate)
		return key->used < key->channel->settings.key_running;
	return !key->channel->settings.key_rate || (!key->used && key_opens_at(key, now) <= now);
}

static void open_later(struct queue *queue, struct key *key)
{
	if (list_empty(&key->opened))
		list_add_tail(&queue->opened, &key->opened);
}

/* ---- a task and its keys ------------------------------------------------------------------- */

int limit_attach(struct queue *queue, struct live *live, const struct task_spec *spec)
{
	struct more *more = live->more;

	if (spec->concurrency_key) {
		more->concurrency = key_get(queue, live->lane->channel, 'c', spec->concurrency_key);
		if (!more->concurrency)
			return ERR_NOMEM;
		more->concurrency->n_live++;
	}
	if (spec->rate_key) {
		more->rate = key_get(queue, live->lane->channel, 'r', spec->rate_key);
		if (!more->rate)
			return ERR_NOMEM;
		more->rate->n_live++;
	}
	return 0;
}

void limit_detach(struct queue *queue, struct live *live)
{
	struct more *more = live->more;

	if (more && more->concurrency)
		key_release(queue, more->concurrency);
	if (more && more->rate)
		key_release(queue, more->rate);
}

static int wait_at(struct queue *queue, struct key *key, struct live *live, enum live_place place)
{
	live->node.pos = 0;
	live->place = (uint8_t)place;
	if (heap_add(&key->waiting, &live->node))
		live->place = PLACE_NONE; /* no memory: it stays durable and comes back with the
		                             next start */
	if (key->is_rate && !key->used)
		open_later(queue, key); /* closed by time alone: somebody must set the timer */
	return 0;
}

int limit_enter(struct queue *queue, struct live *live)
{
	struct more *more = live->more;

	if (!more)
		return 1;
	if (more->concurrency && !has_room(more->concurrency))
		return wait_at(queue, more->concurrency, live, PLACE_CONCURRENCY);
	if (more->rate && !has_room(more->rate))
		return wait_at(queue, more->rate, live, PLACE_RATE);
	if (more->concurrency) {
		more->concurrency->used++;
		more->holds_concurrency = 1;
	}
	if (more->rate) {
		more->rate->used++;
		more->holds_rate = 1;
	}
	return 1;
}

static void let_go(struct queue *queue, struct key *key, uint8_t *holds)
{
	if (!*holds)
		return;
	*holds = 0;
	key->used--;
	open_later(queue, key);
}

void limit_leave(struct queue *queue, struct live *live)
{
	struct more *more = live->more;

	if (!more)
		return;
	if (live->place == PLACE_CONCURRENCY)
		heap_del(&more->concurrency->waiting, &live->node);
	else if (live->place == PLACE_RATE)
		heap_del(&more->rate->waiting, &live->node);
	live->place = PLACE_NONE;
	let_go(queue, more->concurrency, &more->holds_concurrency);
	let_go(queue, more->rate, &more->holds_rate);
}

void limit_started(struct queue *queue, struct live *live, int64_t now)
{
	struct channel *channel = live->lane->channel;
	const struct queue_settings *s = &channel->settings;
	struct more *more = live->more;
	int64_t cost = more && more->cost ? more->cost : 1;

	rate_take(&channel->rate, cost, s->rate, s->rate_period_ms, now);
	if (!more || !more->rate)
		return;
	rate_take(&more->rate->rate, cost, s->key_rate, s->key_rate_period_ms, now);
	let_go(queue, more->rate, &more->holds_rate);
}

void limit_resumed(struct live *live)
{
	if (!live->more || !live->more->concurrency)
		return;
	live->more->concurrency->used++;
	live->more->holds_concurrency = 1;
}

void limit_ended(struct queue *queue, struct live *live)
{
	if (live->more)
		let_go(queue, live->more->concurrency, &live->more->holds_concurrency);
}

/* ---- keys that have room again ------------------------------------------------------------- */

static void let_in(struct queue *queue, struct key *key)
{
	struct heap_node *top;

	while (has_room(key) && (top = heap_top(&key->waiting))) {
		struct live *live = list_entry(top, struct live, node);

		heap_del(&key->waiting, top);
		live->place = PLACE_NONE;
		if (limit_enter(queue, live))
			lane_add(queue, live);
	}
	if (key->is_rate && !key->used && heap_top(&key->waiting) && !key->opens.pos)
		arm(queue, key, key_opens_at(key, clock_mono_ms()));
}

void limits_settle(struct queue *queue)
{
	while (!list_empty(&queue->opened)) {
		struct key *key = list_entry(queue->opened.next, struct key, opened);

		list_del(&key->opened);
		let_in(queue, key);
	}
}

void limits_tick(struct queue *queue, int64_t now)
{
	struct heap_node *top;

	while ((top = heap_top(&queue->closed)) && list_entry(top, struct key, opens)->opens_at <= now) {
		struct key *key = list_entry(top, struct key, opens);

		heap_del(&queue->closed, top);
		if (key->n_live)
			open_later(queue, key);
		else
			key_free(queue, key);
	}
	limits_settle(queue);
}

/* The limits of a queue are others now; also the order may be. */
void limits_changed(struct queue *queue, struct channel *channel)
{
	const char *name;
	void *value;
	size_t at = 0;

	while (map_next(&queue->keys, &at, &name, &value)) {
		struct key *key = value;

		if (key->channel != channel || !key->n_live)
			continue;
		heap_rebuild(&key->waiting);
		heap_del(&queue->closed, &key->opens);
		open_later(queue, key);
	}
	limits_settle(queue);
}

void limits_free(struct queue *queue)
{
	const char *name;
	void *value;
	size_t at = 0;

	while (map_next(&queue->keys, &at, &name, &value)) {
		struct key *key = value;

		heap_done(&key->waiting);
		free(key->name);
		free(key);
	}
	map_done(&queue->keys);
	heap_done(&queue->closed);
}
