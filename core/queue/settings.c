/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of queues by name: kept as "key=value" lines, so that a field more needs no other table.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "queue/inside.h"

#define RATE_MAX 1000000
#define DAY_MS 86400000
#define SETTING(name) offsetof(struct queue_settings, name)

const struct option queue_settings_options[] = {
	{"paused", OPTION_BOOL, SETTING(paused), "false", 0, 0, NULL, "Nothing of it is started; tasks are accepted."},
	{"draining", OPTION_BOOL, SETTING(draining), "false", 0, 0, NULL,
         "No task is accepted; what is there runs to its end."},
	{"remote", OPTION_BOOL, SETTING(remote), "false", 0, 0, NULL,
         "Its tasks are for remote workers that name it, not for the agent's own."},
	{"weight", OPTION_INT, SETTING(weight), "1", 1, 1000, NULL,
         "How many tasks it may start in its turn, when other queues wait too."},
	{"max_running", OPTION_INT, SETTING(max_running), "0", 0, 1000000, NULL,
         "How many of its tasks run at the same time; 0 = any number."},
	{"max_depth", OPTION_INT, SETTING(max_depth), "0", 0, 1000000000, NULL,
         "How many of its tasks may wait or run; 0 = any number."},
	{"aging_ms", OPTION_INT, SETTING(aging_ms), "-1", -1, DAY_MS, NULL,
         "One step of priority is worth so much waiting; -1 = what the agent has."},
	{"rate", OPTION_INT, SETTING(rate), "0", 0, RATE_MAX, NULL, "Cost that may start per rate_period_ms; 0 = any."},
	{"rate_period_ms", OPTION_INT, SETTING(rate_period_ms), "1000", 1000, DAY_MS, NULL, "The period of rate."},
	{"rate_burst", OPTION_INT, SETTING(rate_burst), "1", 1, RATE_MAX, NULL,
         "Cost that may start at once after a rest."},
	{"key_running", OPTION_INT, SETTING(key_running), "1", 1, 1000000, NULL,
         "How many tasks with the same concurrency_key run at the same time."},
	{"key_rate", OPTION_INT, SETTING(key_rate), "0", 0, RATE_MAX, NULL,
         "Cost that may start per key_rate_period_ms and rate_key; 0 = any."},
	{"key_rate_period_ms", OPTION_INT, SETTING(key_rate_period_ms), "1000", 1000, DAY_MS, NULL,
         "The period of key_rate."},
	{"key_rate_burst", OPTION_INT, SETTING(key_rate_burst), "1", 1, RATE_MAX, NULL,
         "Cost per rate_key that may start at once after a rest."},
	{"retain_ok_ms", OPTION_INT, SETTING(retain_ok_ms), "0", 0, TASK_DURATION_MAX_MS, NULL,
         "How long its tasks that succeeded are kept; 0 = as long as the agent keeps them."},
	{"retain_failed_ms", OPTION_INT, SETTING(retain_failed_ms), "0", 0, TASK_DURATION_MAX_MS, NULL,
         "How long its other ended tasks are kept; 0 = as long as the agent keeps them."},
	OPTION_END,
};

void settings_default(struct queue_settings *ret)
{
	memset(ret, 0, sizeof(*ret));
	options_init(queue_settings_options, ret, NULL);
}

static int64_t value_of(const struct option *option, const struct queue_settings *settings)
{
	const char *at = (const char *)settings + option->offset;

	return option->type == OPTION_BOOL ? *(const int *)at : *(const int64_t *)at;
}

static int check_settings(const struct queue_settings *settings, struct err *err)
{
	for (const struct option *o = queue_settings_options; o->key; o++) {
		int64_t v = value_of(o, settings);

		if (o->type == OPTION_INT && (v < o->min || v > o->max))
			return err_set(err, ERR_INVALID,
			               "%s %" PRId64 " is out of range: allowed is %" PRId64 " to %" PRId64, o->key, v,
			               o->min, o->max);
	}
	return 0;
}

static void apply(struct queue *queue, struct channel *channel, const struct queue_settings *settings)
{
	int64_t aging = settings->aging_ms < 0 ? queue->config.aging_ms : settings->aging_ms;

	channel->settings = *settings;
	channel->is_set = 1;
	heap_del(&queue->throttled, &channel->opens);
	list_del(&channel->turn);
	if (channel->aging_ms != aging) {
		channel->aging_ms = aging;
		channel_reorder(channel);
	}
	limits_changed(queue, channel);
	channel_wake(queue, channel);
}

/* ---- set
 * ------------------------------------------------------------------------------------------------------
 */

struct set {
	struct queue *queue;
	char *name, *text;
	struct queue_settings settings;
	queue_done_fn on_done;
	void *ctx;
};

static int set_write(struct store_db *db, void *arg, struct err *err)
{
	struct set *set = arg;

	return store_run(db, err, statement(SETTINGS_PUT), "ss", set->name, set->text);
}

static void set_free(struct set *set)
{
	free(set->name);
	free(set->text);
	free(set);
}

static void set_done(void *arg, int r, const struct err *err)
{
	struct set *set = arg;
	struct queue *queue = set->queue;
	struct channel *channel = r ? NULL : channel_get(queue, set->name);

	if (channel)
		apply(queue, channel, &set->settings);
	if (set->on_done)
		set->on_done(set->ctx, r, err);
	if (channel)
		queue->events.on_ready(queue->events.ctx);
	set_free(set);
}

static char *to_text(const struct queue_settings *settings)
{
	struct buf buf;

	buf_init(&buf, 0);
	for (const struct option *o = queue_settings_options; o->key; o++)
		buf_printf(&buf, "%s=%" PRId64 "\n", o->key, value_of(o, settings));
	return buf_steal(&buf);
}

int queue_settings_set(struct queue *queue, const char *name, const struct queue_settings *settings,
                       queue_done_fn on_done, void *ctx, struct err *err)
{
	int r = str_is_name(name) ? check_settings(settings, err)
	                          : err_set(err, ERR_INVALID, "'%.100s' is no name of a queue", name);
	struct set *set = r ? NULL : calloc(1, sizeof(*set));

	if (!set)
		return r ? r : err_set(err, ERR_NOMEM, "out of memory");
	*set = (struct set){queue, strdup(name), to_text(settings), *settings, on_done, ctx};
	if (set->name && set->text && !store_write(queue->store, set_write, set_done, set))
		return 0;
	set_free(set);
	return err_set(err, ERR_NOMEM, "out of memory");
}

/* ---- load and read
 * ------------------------------------------------------------------------------------------------
 */

static void set_value(struct queue_settings *settings, const char *key, size_t n, int64_t v)
{
	for (const struct option *o = queue_settings_options; o->key; o++) {
		char *at = (char *)settings + o->offset;

		if (strncmp(o->key, key, n) || o->key[n])
			continue;
		if (o->type == OPTION_BOOL)
			*(int *)at = v != 0;
		else if (v >= o->min && v <= o->max)
			*(int64_t *)at = v;
	}
}

void settings_from_text(struct queue_settings *settings, const char *text)
{
	settings_default(settings);
	while (text && *text) {
		const char *equals = strchr(text, '='), *end = strchr(text, '\n');

		if (!equals || !end)
			return;
		set_value(settings, text, (size_t)(equals - text), strtoll(equals + 1, NULL, 10));
		text = end + 1;
	}
}

int settings_load(struct queue *queue, struct err *err)
{
	struct queue_settings settings;
	struct channel *channel;
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(SETTINGS_ALL), &stmt, err);

	if (r)
		return r;
	while ((r = store_step(stmt, err)) > 0) {
		channel = channel_get(queue, store_text(stmt, 0));
		if (!channel) {
			r = err_set(err, ERR_NOMEM, "out of memory");
			break;
		}
		settings_from_text(&settings, store_text(stmt, 1));
		apply(queue, channel, &settings);
	}
	store_end(stmt);
	return r;
}

void queue_settings_get(const struct queue *queue, const char *name, struct queue_settings *ret)
{
	const struct channel *channel = channel_find(queue, name);

	if (channel)
		*ret = channel->settings;
	else
		settings_default(ret);
}

static void fill_info(const struct channel *channel, struct arena *arena, struct queue_info *ret)
{
	*ret = (struct queue_info){arena_str(arena, channel->name),
	                           channel->settings,
	                           {0},
	                           channel->ended_last_minute > channel->ended_in_minute ? channel->ended_last_minute
	                                                                                 : channel->ended_in_minute};
	memcpy(ret->counts, channel->counts, sizeof(ret->counts));
}

int queue_info(struct queue *queue, const char *name, struct arena *arena, struct queue_info *ret)
{
	const struct channel *channel = channel_find(queue, name);

	if (!channel)
		return ERR_NOTFOUND;
	fill_info(channel, arena, ret);
	return 0;
}

int64_t queue_longest_wait_ms(const struct queue *queue, const char *name)
{
	const struct channel *channel = channel_find(queue, name);
	int64_t now = clock_wall_ms(), longest = 0;
	size_t at = 0;
	void *lane;
	const char *key;

	while (channel && map_next(&channel->lanes, &at, &key, &lane)) {
		const struct live *first = order_first(&((struct lane *)lane)->order);

		if (first && now - first->due > longest)
			longest = now - first->due;
	}
	return longest;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct queue_info *)a)->name, ((const struct queue_info *)b)->name);
}

int queue_infos(struct queue *queue, const char *after, size_t limit, struct arena *arena, struct queue_info **ret,
                size_t *ret_n)
{
	struct queue_info *all = arena_alloc(arena, (queue->channels.len + 1) * sizeof(*all));
	const char *name;
	size_t n = 0, at = 0;
	void *value;

	while (map_next(&queue->channels, &at, &name, &value))
		if (!after || strcmp(name, after) > 0)
			fill_info(value, arena, &all[n++]);
	if (n)
		qsort(all, n, sizeof(*all), by_name);
	*ret = all;
	*ret_n = n < limit ? n : limit;
	return 0;
}
