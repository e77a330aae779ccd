/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker says, message by message. What belongs to an order that is not at hand any more is passed over; what
 * breaks the protocol ends the worker. */
#include "supervise/inside.h"

#include <string.h>

#include "base/log.h"
#include "plugin/plugin.h"

/* Said once, not with every worker. */
static void note_sandbox(struct supervise *sup, const char *missing)
{
	if (*missing && !sup->said_no_sandbox)
		log_warn("worker.sandbox", LOG_STR("missing", missing),
		         LOG_STR("effect", "this kernel does not offer it: plugins are "
		                           "held by what is left (workers.sandbox)"));
	sup->said_no_sandbox |= *missing != '\0';
}

static void on_hello(struct process *process, const struct json *json)
{
	note_sandbox(process->sup, json_get_str(json, "no_sandbox", ""));
	if (process->state != PROCESS_STARTING)
		return;
	loop_timer_set(process->timer, -1);
	process->state = PROCESS_IDLE;
	pool_idle(process);
}

static void on_log(struct process *process, const struct json *json)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	const char *name = json_get_str(json, "level", "info");
	const struct json *order = process->order ? process->order->json : NULL;
	enum log_level level = LOG_INFO;

	if (!process_may_say(process))
		return;
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
		if (!strcmp(levels[i], name))
			level = (enum log_level)i;
	log_at(level, json_get_str(json, "event", "worker.log"), LOG_INT("pid", loop_child_pid(process->child)),
	       LOG_STR("task", json_get_str(order, "task", "-")), LOG_STR("trace", json_get_str(order, "trace", "-")),
	       LOG_STR("plugin", json_get_str(json, "plugin", "-")), LOG_STR("line", json_get_str(json, "line", "")));
	if (process->sup->env.on_log && order)
		process->sup->env.on_log(process->sup->env.ctx, json_get_str(order, "task", ""), name,
		                         json_get_str(json, "line", ""));
}

static void on_fail(struct process *process, const struct json *json)
{
	struct err err = {0};

	err_set(&err, err_from_name(json_get_str(json, "code", "internal")), "%s",
	        json_get_str(json, "text", "the worker gave no reason"));
	err_where(&err, "%s", json_get_str(json, "where", ""));
	if (!err.code)
		err.code = ERR_INTERNAL;
	process_finished(process, NULL, &err);
}

/* Most results are of short tasks and pass through: only who looks into one needs the tree of it. */
static int on_result(struct process *process, const struct wire_message *message, struct err *err)
{
	static const struct err fine = {0};
	struct order *order = process->order;
	const struct order_events *events = order->events;
	struct json *json = NULL;

	if (events->takes_text && events->takes_text(order->ctx, message->data, message->len)) {
		order->result = message->data;
		order->result_len = message->len;
	} else if (json_parse_own(message->data, message->len, &json, err)) {
		return ERR_CORRUPT;
	}
	process_finished(process, json, &fine);
	json_free(json);
	return 0;
}

#define USAGE_MAX (INT64_C(1) << 50)

static int64_t within(int64_t v)
{
	return v < 0 ? 0 : v > USAGE_MAX ? USAGE_MAX : v;
}

/* A leaf knows it better: it counts what the worker has started, too, and nobody can lie about it. */
static void take_usage(struct process *process, const struct wire_end *end)
{
	struct task_usage *usage = &process->order->usage;
	int64_t measured = cgroup_cpu_ms(process);

	process_note_time(process, within(end->ns));
	usage->cpu_ms = within(end->cpu_ms);
	if (measured >= 0 && process->cpu_given_ms >= 0)
		usage->cpu_ms = measured - process->cpu_given_ms;
	usage->rss_kib = within(end->rss_kib);
	process->cpu_told_ms += usage->cpu_ms;
}

static int is_current(const struct process *process, uint32_t number)
{
	return process->order && process->order->number == number;
}

static int on_message(struct process *process, const struct wire_message *message, struct err *err)
{
	const struct order *order = process->order;
	int is_end = message->type == WIRE_RESULT || message->type == WIRE_FAIL;
	uint32_t number = is_end || message->type == WIRE_DATA ? message->order
	                                                       : (uint32_t)json_get_int(message->json, "order", 0);

	if (process->killed && !is_end)
		return 0; /* what it did counts, what it wants does not */
	if (is_end && is_current(process, number))
		take_usage(process, &message->end);
	process->is_worn |= is_end && message->end.spent;
	process->spent |= process->is_worn;
	if (message->type == WIRE_HELLO)
		on_hello(process, message->json);
	else if (message->type == WIRE_LOG)
		on_log(process, message->json);
	else if (message->type == WIRE_BACK)
		process_back(process, message->json);
	else if (message->type == WIRE_METRICS && process_may_say(process))
		plugin_count(process->sup->env.plugins, message->json);
	else if (!is_current(process, number))
		return 0; /* of an order that was stopped meanwhile */
	else if (message->type == WIRE_ASK)
		fetch_ask(process, message->json);
	else if (message->type == WIRE_PROGRESS && order->events->on_progress && process_may_say(process))
		order->events->on_progress(order->ctx, message->json);
	else if (message->type == WIRE_PART && order->events->on_part)
		order->events->on_part(order->ctx, message->json);
	else if (message->type == WIRE_DATA && order->events->on_data)
		order->events->on_data(order->ctx, message->data, message->len);
	else if (message->type == WIRE_RESULT)
		return on_result(process, message, err);
	else if (message->type == WIRE_FAIL)
		on_fail(process, message->json);
	return 0;
}

static void take_messages(struct process *process)
{
	struct wire_message message;
	struct err err = {0};
	size_t at = 0;
	int r = 0, killed = process->killed; /* by what it said: no more of that */

	while (process->killed == killed && (r = wire_take(&process->in, &at, &message, &err)) > 0) {
		r = on_message(process, &message, &err);
		wire_message_done(&message);
		if (r < 0)
			break;
	}
	if (r < 0 || process->in.failed) {
		log_error("worker.protocol", LOG_INT("pid", loop_child_pid(process->child)),
		          LOG_STR("error", r < 0 ? err.text : "too much at once"));
		process->is_broken = 1;
		process_kill(process, "broke the protocol");
		buf_clear(&process->in);
		return;
	}
	buf_consume(&process->in, at);
}

void process_hear(void *ctx, const char *p, size_t n)
{
	struct process *process = ctx;

	buf_add(&process->in, p, n);
	if (!process->killed)
		take_messages(process);
}

/* What it had said when it was killed, and what it held back. Those orders are done, also when it was killed for what came
 * behind them. Part of what is in the page may have come over the socket, whole or broken off: it is all in the page. */
void process_hear_held(struct process *process)
{
	if (process->is_broken)
		return;
	take_messages(process);
	buf_clear(&process->in);
	wire_take_held(process->page, &process->in);
	take_messages(process);
}

/* The socket ends a little before a process that has died, and then its exit is what counts. One that lives on has closed
 * it: no code of ours does that. */
void process_hear_end(void *ctx, const struct err *err)
{
	struct process *process = ctx;

	(void)err;
	if (process->killed)
		return;
	process_hear_held(process);
	process_kill(process, loop_child_is_ending(process->child) ? "" : "closed its socket to the agent");
}
