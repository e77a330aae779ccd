/* SPDX-License-Identifier: Apache-2.0 */
/* Queues by name, their lanes, and whose turn it is.
 *
 * Deficit round robin (Shreedhar and Varghese, 1995) with a cost of one per task: who is first in
 * the ring takes as many tasks as its weight, then goes to the end. Once among queues, then among
 * the fairness keys of the queue. Rings hold only what has a ready task, so a turn costs the same
 * however many names exist. A tenant that had nothing ready takes some tasks more in its first turn, as
 * sparse flows do in FQ-CoDel (RFC 8290 section 4.2), but only for a tenth of a second, and once a second
 * or when the others have had several turns as long: who asks for little hardly waits for who asks for much.
 *
 * A lane without tasks is kept for a while, as the next task with its key is likely to come; the
 * longest idle ones are forgotten when there are many. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "queue/inside.h"

#define IDLE_LANES 1024
#define SEPARATOR '\x1f'
#define LANE_NAME 600 /* tenant, separator, fairness key */
#define MINUTE_MS 60000
#define HEAD_START 10 /* tasks more in its first turn, */
#define HEAD_START_MS 100
#define HEAD_START_EVERY_MS 1000
#define HEAD_START_TURNS 4 /* of as many tasks each, of all that have turns: then sooner */

static int opens_less(const struct heap_node *a, const struct heap_node *b)
{
	return list_entry(a, struct channel, opens)->opens_at < list_entry(b, struct channel, opens)->opens_at;
}

void channels_init(struct queue *queue)
{
	map_init(&queue->channels);
	map_init(&queue->tenants);
	list_init(&queue->turns);
	list_init(&queue->idle);
	heap_init(&queue->throttled, opens_less);
}

/* ---- tenants ------------------------------------------------------------------------------- */

static struct tenant *tenant_get(struct queue *queue, const char *name)
{
	struct tenant *tenant = map_get(&queue->tenants, name);

	if (tenant)
		return tenant;
	tenant = calloc(1, sizeof(*tenant));
	if (!tenant || !(tenant->name = strdup(name)) || map_set(&queue->tenants, name, tenant)) {
		if (tenant)
			free(tenant->name);
		free(tenant);
		return NULL;
	}
	return tenant;
}

static void tenant_release(struct queue *queue, struct tenant *tenant)
{
	if (tenant->n_lanes)
		return;
	map_del(&queue->tenants, tenant->name);
	free(tenant->name);
	free(tenant);
}

/* ---- channels ------------------------------------------------------------------------------ */

/* Most tasks go where the one before went. */
static int is_last(const struct queue *queue, const char *name)
{
	return queue->last_channel && !strcmp(queue->last_channel->name, name);
}

struct channel *channel_find(const struct queue *queue, const char *name)
{
	return is_last(queue, name) ? queue->last_channel : map_get(&queue->channels, name);
}

struct channel *channel_get(struct queue *queue, const char *name)
{
	struct channel *channel = channel_find(queue, name);

	if (channel)
		return queue->last_channel = channel;
	channel = calloc(1, sizeof(*channel));
	if (!channel || !(channel->name = strdup(name)) || map_set(&queue->channels, name, channel)) {
		if (channel)
			free(channel->name);
		free(channel);
		return NULL;
	}
	map_init(&channel->lanes);
	list_init(&channel->turn);
	list_init(&channel->turns);
	settings_default(&channel->settings);
	channel->is_apart = !strcmp(name, QUEUE_CALLBACKS);
	channel->aging_ms = queue->config.aging_ms;
	return channel;
}

static void channel_free(struct queue *queue, struct channel *channel)
{
	if (queue->last_channel == channel)
		queue->last_channel = NULL;
	map_del(&queue->channels, channel->name);
	map_done(&channel->lanes);
	heap_del(&queue->throttled, &channel->opens);
	list_del(&channel->turn);
	free(channel->name);
	free(channel);
}

void channel_release(struct queue *queue, struct channel *channel)
{
	if (!channel->is_set && !channel->n_live && !channel->n_coming && !channel->n_keys && !channel->lanes.len)
		channel_free(queue, channel);
}

void channel_ended(struct channel *channel, int64_t now)
{
	int64_t minute = now / MINUTE_MS;

	if (minute != channel->minute) {
		channel->ended_last_minute = minute == channel->minute + 1 ? channel->ended_in_minute : 0;
		channel->ended_in_minute = 0;
		channel->minute = minute;
	}
	channel->ended_in_minute++;
}

/* ---- lanes
 * ------------------------------------------------------------------------------------------------
 */

static struct lane *lane_new(struct queue *queue, struct channel *channel, const char *tenant, const char *name)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	if (!lane || !(lane->name = strdup(name)) || !(lane->tenant = tenant_get(queue, tenant)) ||
	    map_set(&channel->lanes, name, lane)) {
		if (lane && lane->tenant)
			tenant_release(queue, lane->tenant);
		if (lane)
			free(lane->name);
		free(lane);
		return NULL;
	}
	lane->channel = channel;
	lane->tenant->n_lanes++;
	list_init(&lane->turn);
	list_init(&lane->idle);
	order_init(&lane->order);
	return lane;
}

static void lane_free(struct queue *queue, struct lane *lane)
{
	struct channel *channel = lane->channel;

	map_del(&channel->lanes, lane->name);
	lane->tenant->n_lanes--;
	tenant_release(queue, lane->tenant);
	order_done(&lane->order);
	list_del(&lane->idle);
	free(lane->name);
	free(lane);
	channel_release(queue, channel);
}

static struct lane *lane_find_or_new(struct queue *queue, const char *name, const char *tenant, const char *key)
{
	struct channel *channel = channel_get(queue, name);
	char full[LANE_NAME];
	struct lane *lane;

	if (!channel)
		return NULL;
	str_copy(full, sizeof(full), tenant);
	full[strlen(full) + 1] = '\0';
	full[strlen(full)] = SEPARATOR;
	str_copy(full + strlen(full), sizeof(full) - strlen(full), key);
	lane = map_get(&channel->lanes, full);
	if (!lane)
		lane = lane_new(queue, channel, tenant, full);
	if (!lane)
		channel_release(queue, channel);
	return lane;
}

/* The last one to give a weight is right. */
struct lane *lane_get(struct queue *queue, const struct task_spec *spec)
{
	const char *key = spec->fairness_key ? spec->fairness_key : spec->tenant;
	struct lane *lane = lane_find_or_new(queue, spec->queue, spec->tenant, key);

	if (!lane)
		return NULL;
	if (!lane->id)
		lane->id = ++queue->last_lane;
	if (spec->weight || !lane->weight)
		lane->weight = spec->weight ? spec->weight : 1;
	if (!list_empty(&lane->idle)) {
		list_del(&lane->idle);
		queue->n_idle--;
	}
	return lane;
}

struct lane *lane_load(struct queue *queue, const char *channel, const char *tenant, const char *key, int weight,
                       int64_t id)
{
	struct lane *lane = lane_find_or_new(queue, channel, tenant, key);

	if (!lane)
		return NULL;
	lane->id = id;
	lane->weight = weight > 0 ? weight : 1;
	lane->is_stored = 1;
	if (queue->last_lane < id)
		queue->last_lane = id;
	return lane;
}

const char *lane_fairness_key(const struct lane *lane)
{
	return strchr(lane->name, SEPARATOR) + 1;
}

static int forget_write(struct store_db *db, void *arg, struct err *err)
{
	return store_run(db, err, statement(LANE_DEL), "i", (int64_t)(intptr_t)arg);
}

static void forget_oldest(struct queue *queue)
{
	struct lane *lane = list_entry(queue->idle.next, struct lane, idle);

	if (lane->is_stored && !store_is_read_only(queue->store))
		store_write(queue->store, forget_write, NULL, (void *)(intptr_t)lane->id);
	queue->n_idle--;
	lane_free(queue, lane);
}

void lane_hold(struct lane *lane)
{
	lane->n_coming++;
	lane->channel->n_coming++;
	lane->tenant->n_coming++;
}

void lane_unhold(struct queue *queue, struct lane *lane)
{
	lane->n_coming--;
	lane->channel->n_coming--;
	lane->tenant->n_coming--;
	lane_release(queue, lane);
}

void lane_release(struct queue *queue, struct lane *lane)
{
	if (lane->n_live || lane->n_coming || !list_empty(&lane->idle))
		return;
	list_add_tail(&queue->idle, &lane->idle);
	if (++queue->n_idle > IDLE_LANES)
		forget_oldest(queue);
}

/* Only where others have turns. */
static int head_start(const struct queue *queue, struct tenant *tenant, const struct channel *channel)
{
	int64_t now = clock_mono_ms();

	if (tenant->n_ready || list_empty(&channel->turns) ||
	    (now < tenant->start_at && queue->taken < tenant->start_after))
		return 0;
	tenant->start_at = now + HEAD_START_EVERY_MS;
	tenant->start_after = queue->taken + (channel->n_turns + 1) * HEAD_START * HEAD_START_TURNS;
	return HEAD_START;
}

void lane_add(struct queue *queue, struct live *live)
{
	struct lane *lane = live->lane;
	struct channel *channel = lane->channel;

	order_add(&lane->order, live);
	if (list_empty(&lane->turn)) {
		lane->credit = lane->weight + head_start(queue, lane->tenant, channel);
		list_add_tail(&channel->turns, &lane->turn);
		channel->n_turns++;
	}
	lane->tenant->n_ready++;
	channel->n_ready++;
	channel_wake(queue, channel);
}

void lane_del(struct queue *queue, struct live *live)
{
	struct lane *lane = live->lane;

	(void)queue;
	order_del(&lane->order, live);
	lane->tenant->n_ready--;
	if (!lane->order.n) {
		list_del(&lane->turn);
		lane->channel->n_turns--;
	}
	if (!--lane->channel->n_ready)
		list_del(&lane->channel->turn);
}

/* ---- turns
 * ------------------------------------------------------------------------------------------------
 */

void channel_wake(struct queue *queue, struct channel *channel)
{
	if (!channel->n_ready || channel->settings.paused || channel->settings.remote || channel->is_apart ||
	    channel->opens.pos || !list_empty(&channel->turn))
		return;
	channel->credit = channel->settings.weight;
	list_add_tail(&queue->turns, &channel->turn);
}

/* Who may not run leaves the ring; channel_wake brings it back when the reason is over. */
static int may_run(struct queue *queue, struct channel *channel)
{
	const struct queue_settings *s = &channel->settings;
	int64_t now = clock_mono_ms(), at;

	if (!channel->n_ready || s->paused || (s->max_running && channel->counts[TASK_RUNNING] >= s->max_running))
		return 0;
	at = rate_opens_at(&channel->rate, s->rate, s->rate_period_ms, s->rate_burst, now);
	if (at <= now)
		return 1;
	if (!channel->opens.pos) {
		channel->opens_at = at;
		heap_add(&queue->throttled, &channel->opens);
	}
	return 0;
}

/* The first of the lane whose turn it is; those whose end came before the tick that would have told
 * are ended here. */
static struct live *first_of(struct queue *queue, struct channel *channel)
{
	int64_t now = clock_wall_ms();

	while (!list_empty(&channel->turns)) {
		struct lane *lane = list_entry(channel->turns.next, struct lane, turn);
		struct live *live = order_first(&lane->order);

		if (!live_expires_at(live) || live_expires_at(live) > now)
			return live;
		expire(queue, live);
	}
	return NULL;
}

static struct live *pick_named(struct queue *queue, const char *const *names)
{
	size_t n = 0;
	struct live *live;

	while (names[n])
		n++;
	for (size_t i = 0; i < n; i++) {
		struct channel *channel = channel_find(queue, names[(queue->named_turn + i) % n]);

		if (channel && may_run(queue, channel) && (live = first_of(queue, channel))) {
			queue->named_turn += i + 1;
			return live;
		}
	}
	return NULL;
}

struct live *turn_pick(struct queue *queue, const struct queue_claim_ask *ask)
{
	struct live *live;

	limits_settle(queue);
	if (ask->queues)
		return pick_named(queue, ask->queues);
	while (!list_empty(&queue->turns)) {
		struct channel *channel = list_entry(queue->turns.next, struct channel, turn);

		if (may_run(queue, channel) && (live = first_of(queue, channel)))
			return live;
		list_del(&channel->turn);
	}
	return NULL;
}

static void to_the_end(struct list *ring, struct list *item)
{
	list_del(item);
	list_add_tail(ring, item);
}

/* What is left of it by then is lost: tasks that take long are no head start, but all of the way. */
static int head_start_is_over(const struct lane *lane)
{
	int64_t began_at = lane->tenant->start_at - HEAD_START_EVERY_MS;

	return lane->credit >= lane->weight && clock_mono_ms() - began_at > HEAD_START_MS;
}

/* Called while the task still stands in its lane. */
void turn_taken(struct queue *queue, struct live *live)
{
	struct lane *lane = live->lane;
	struct channel *channel = lane->channel;

	queue->taken++;
	if (--lane->credit <= 0 || head_start_is_over(lane)) {
		lane->credit = lane->weight;
		to_the_end(&channel->turns, &lane->turn);
	}
	if (list_empty(&channel->turn) || --channel->credit > 0)
		return;
	channel->credit = channel->settings.weight;
	to_the_end(&queue->turns, &channel->turn);
}

void channel_reorder(struct channel *channel)
{
	const char *name;
	void *value;
	size_t at = 0;

	while (map_next(&channel->lanes, &at, &name, &value))
		heap_rebuild(&((struct lane *)value)->order.heap);
}

void channels_tick(struct queue *queue, int64_t now)
{
	struct heap_node *top;

	while ((top = heap_top(&queue->throttled)) && list_entry(top, struct channel, opens)->opens_at <= now) {
		struct channel *channel = list_entry(top, struct channel, opens);

		heap_del(&queue->throttled, top);
		channel_wake(queue, channel);
	}
}

static void lanes_free(struct channel *channel)
{
	const char *name;
	void *value;
	size_t at = 0;

	while (map_next(&channel->lanes, &at, &name, &value)) {
		struct lane *lane = value;

		order_done(&lane->order);
		free(lane->name);
		free(lane);
	}
	map_done(&channel->lanes);
}

void channels_free(struct queue *queue)
{
	const char *name;
	void *value;
	size_t at = 0;

	while (map_next(&queue->channels, &at, &name, &value)) {
		struct channel *channel = value;

		lanes_free(channel);
		free(channel->name);
		free(channel);
	}
	map_done(&queue->channels);
	for (at = 0; map_next(&queue->tenants, &at, &name, &value);) {
		free(((struct tenant *)value)->name);
		free(value);
	}
	map_done(&queue->tenants);
	heap_done(&queue->throttled);
}
