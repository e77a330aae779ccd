/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that plugins define, and events that plugins deliver. Both are small: an instance, one
 * call, an answer. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "custom.h"
#include "plugin/kv.h"
#include "plugin/plugin.h"

#define RESULT_MAX (1u << 20)
#define EVENTS_MAX 1000

struct instance {
	struct worker *worker;
	const struct loader_plugin *plugin;
	struct loader_host host;
	struct loader_config config;
	void *self;
};

/* ---- state that outlives the attempt
 * ------------------------------------------------------------------------ */

static struct json *encode_state(const void *p, size_t n)
{
	char *text = malloc(base64_len(n));
	struct json *json;

	if (!text)
		return json_new_null();
	base64_encode(p, n, text);
	json = json_new_str(text);
	free(text);
	return json;
}

/* The caller frees *ret. */
static int decode_state(const struct json *text, uint8_t **ret, size_t *ret_n, struct err *err)
{
	size_t n = json_str_len(text);
	int64_t len;

	*ret = malloc(n + 1);
	if (!*ret)
		return err_set(err, ERR_NOMEM, "out of memory");
	len = base64_decode(json_str(text, ""), n, *ret, n);
	if (len < 0)
		return err_set(err, ERR_CORRUPT, "the checkpoint is damaged");
	*ret_n = (size_t)len;
	return 0;
}

/* Comes back when the agent has it on disk. `by`: the plugin whose state it is; NULL: none's. */
static int send_state(struct worker *worker, struct json *state, struct json *by, struct err *err)
{
	struct json *part = json_new_object();

	json_set_int(part, "order", worker->order);
	json_set_int(part, "seq", ++worker->part);
	json_set(part, "state", state);
	if (by)
		json_set(part, "by", by);
	link_send(worker->link, WIRE_PART, part);
	json_free(part);
	return link_wait_part(worker->link, worker->part, err);
}

static int on_checkpoint(void *ctx, const struct loader_plugin *plugin, orasi_bytes state, struct err *err)
{
	return send_state(ctx, encode_state(state.ptr, state.len), plugin ? loader_sign_state(plugin) : NULL, err);
}

/* ---- an instance
 * ------------------------------------------------------------------------------------------------
 */

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	worker_progress(ctx, (int64_t)done, (int64_t)total, 0, 0);
}

static int instance_open(struct instance *x, const char *kind, const struct json *order, struct err *err)
{
	const struct json *spec = json_get(order, "spec");
	int r = loader_find(x->worker->loader, kind, json_get_str(spec, "plugin", ""), &x->plugin, err);

	if (r)
		return r;
	loader_host_init(&x->host, x->worker->loader, x->worker->staging, (int)json_get_int(order, "attempt", 1),
	                 INT64_MAX);
	x->host.ctx = x->worker;
	x->host.on_progress = on_progress;
	r = loader_host_for(&x->host, x->plugin, err);
	if (!r)
		loader_config_init(&x->config, x->plugin, json_get(spec, "config"));
	return r;
}

static void instance_close(struct instance *x, void (*destroy)(void *self))
{
	if (x->self && destroy)
		loader_call_void(x->worker->loader, x->plugin, "destroy", destroy(x->self));
	loader_config_done(&x->config);
	loader_host_done(&x->host);
}

/* An order without "kv" is for a plugin without state. */
static int open_kv(const struct json *order, struct loader_attempt *attempt, struct err *err)
{
	const struct json *stored = json_get(order, "kv");

	return stored ? kv_new(stored, &attempt->kv, err) : 0;
}

/* ---- custom
 * -------------------------------------------------------------------------------------------------------
 */

static int run_task(struct instance *x, const struct json *order, orasi_str *ret, struct err *err)
{
	const orasi_task_factory *factory = x->plugin->task;
	const struct json *checkpoint = json_get(order, "checkpoint");
	const char *id = x->plugin->descriptor->id, *task = json_get_str(order, "task", "");
	orasi_error error = ORASI_NO_ERROR;
	uint8_t *state = NULL;
	orasi_task_run run = {
		.struct_size = sizeof(run),
		.attempt = (uint32_t)json_get_int(order, "attempt", 1),
		.task_id = {task, strlen(task)},
	};
	orasi_status status;
	int r = decode_state(json_get(checkpoint, "state"), &state, &run.checkpoint.len, err);

	if (!r && run.checkpoint.len)
		r = loader_check_state(x->plugin, json_get(checkpoint, "by"), err);
	if (r)
		goto out;
	run.checkpoint.ptr = state;
	x->worker->part = json_get_int(checkpoint, "seq", 0);
	status = loader_call(x->worker->loader, x->plugin, "create",
	                     factory->create(&x->host.host, id, &x->config.config, &x->self, &error));
	if (status) {
		r = loader_fail(x->plugin, "create", status, &error, err);
		goto out;
	}
	status = loader_call(x->worker->loader, x->plugin, "run", factory->run(x->self, &run, ret, &error));
	if (status)
		r = loader_fail(x->plugin, "run", status, &error, err);
out:
	free(state);
	return r;
}

static int check_result(const struct instance *x, struct json *result, struct err *err)
{
	const struct json *schema;
	struct json *errors;
	int r = loader_result_schema(x->plugin, &schema, err);

	if (r || !schema)
		return r;
	errors = json_new_array();
	if (plugin_config_check(schema, result, "", errors)) {
		const struct json *first = json_at(errors, 0);

		r = err_set(err, ERR_PLUGIN,
		            "plugin '%s' gave a result that breaks its own result_schema in 'run': "
		            "at '%s': %s",
		            x->plugin->descriptor->id, json_get_str(first, "pointer", ""),
		            json_get_str(first, "detail", ""));
		err_where(err, "%s", json_get_str(first, "pointer", ""));
	}
	json_free(errors);
	return r;
}

static int take_result(const struct instance *x, orasi_str text, struct json **ret, struct err *err)
{
	const char *id = x->plugin->descriptor->id;
	struct json *result = NULL;
	int r;

	if (text.len > RESULT_MAX || (text.len && !text.ptr))
		return err_set(err, ERR_PLUGIN,
		               "plugin '%s' gave a result of %zu bytes in 'run': at most 1 MiB is kept", id, text.len);
	if (!text.len) {
		result = json_new_object();
	} else if (json_parse(text.ptr, text.len, &result, err)) {
		err_prefix(err, "plugin '%s' gave a result in 'run' that is not JSON", id);
		return err->code = ERR_PLUGIN;
	}
	r = json_type(result) == JSON_OBJECT
	            ? check_result(x, result, err)
	            : err_set(err, ERR_PLUGIN, "plugin '%s' gave a result in 'run' that is no JSON object", id);
	if (r) {
		json_free(result);
		return r;
	}
	*ret = result;
	return 0;
}

int op_custom(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct json *next = json_new_array(), *output = NULL;
	struct loader_attempt attempt = {
		.trace = json_get_str(order, "trace", ""),
		.secrets = json_get(order, "secrets"),
		.next = next,
		.on_checkpoint = on_checkpoint,
		.on_ask = json_get_bool(order, "http", 0) ? worker_ask : NULL,
		.ctx = worker,
	};
	struct instance x = {.worker = worker};
	struct json *report = NULL;
	orasi_str text = {NULL, 0};
	int r = open_kv(order, &attempt, err);

	link_reset(worker->link, 0);
	loader_set_attempt(worker->loader, &attempt);
	if (!r)
		r = instance_open(&x, "task", order, err);
	if (!r)
		r = run_task(&x, order, &text, err);
	if (!r)
		r = take_result(&x, text, &output, err);
	if (!r && attempt.kv)
		r = kv_report(attempt.kv, &report, err);
	instance_close(&x, x.plugin ? x.plugin->task->destroy : NULL);
	loader_set_attempt(worker->loader, NULL);
	kv_free(attempt.kv);
	if (r) {
		json_free(next);
		json_free(output);
		return r;
	}
	*ret = json_new_object();
	json_set(*ret, "output", output);
	if (json_count(next))
		json_set(*ret, "next", next);
	else
		json_free(next);
	if (report)
		json_set(*ret, "kv", report);
	return 0;
}

/* ---- notify
 * ---------------------------------------------------------------------------------------------------------
 */

struct delivery {
	const struct json *all; /* of the task */
	uint32_t n;             /* that are still to be delivered */
	orasi_event *events;
	const orasi_event **pointers;
	orasi_status *each;
	size_t *places; /* of the events in `all` */
};

static uint32_t severity_of(const char *word)
{
	return !strcmp(word, "critical")  ? ORASI_SEVERITY_CRITICAL
	       : !strcmp(word, "warning") ? ORASI_SEVERITY_WARNING
	                                  : ORASI_SEVERITY_INFO;
}

static orasi_str str_of(const struct json *object, const char *key)
{
	const char *text = json_get_str(object, key, "");

	return (orasi_str){text, strlen(text)};
}

static orasi_event event_of(const struct json *json)
{
	const char *text = json_text(json);
	int64_t ms = 0;

	clock_from_rfc3339(json_get_str(json, "time", ""), &ms);
	return (orasi_event){
		.struct_size = sizeof(orasi_event),
		.severity = severity_of(json_get_str(json, "severity", "info")),
		.time_unix_ns = ms * 1000000,
		.id = str_of(json, "id"),
		.type = str_of(json, "type"),
		.json = {text, strlen(text)},
	};
}

/* `settled` has what became of each in earlier attempts: a status, or null. */
static int delivery_open(struct delivery *d, const struct json *events, const struct json *settled, struct err *err)
{
	size_t n = json_count(events);

	d->all = events;
	d->events = calloc(n + 1, sizeof(*d->events));
	d->pointers = calloc(n + 1, sizeof(*d->pointers));
	d->each = calloc(n + 1, sizeof(*d->each));
	d->places = calloc(n + 1, sizeof(*d->places));
	if (!d->events || !d->pointers || !d->each || !d->places)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n && d->n < EVENTS_MAX; i++) {
		if (json_type(json_at(settled, i)) == JSON_INT)
			continue;
		d->events[d->n] = event_of(json_at(events, i));
		d->pointers[d->n] = &d->events[d->n];
		d->each[d->n] = ORASI_E_IO;
		d->places[d->n++] = i;
	}
	return 0;
}

static void delivery_done(struct delivery *d)
{
	free(d->events);
	free(d->pointers);
	free(d->each);
	free(d->places);
}

static int is_settled(orasi_status status)
{
	return status == ORASI_OK || (status < 0 && status > -100);
}

/* What is settled now, in the order of the task's events. */
static struct json *settle(const struct delivery *d, const struct json *before)
{
	struct json *now = json_new_array();
	uint32_t k = 0;

	for (size_t i = 0; i < json_count(d->all); i++) {
		if (k < d->n && d->places[k] == i) {
			json_push(now, is_settled(d->each[k]) ? json_new_int(d->each[k]) : json_new_null());
			k++;
		} else {
			json_push(now, json_copy(json_at(before, i)));
		}
	}
	return now;
}

static int deliver(struct instance *x, struct delivery *d, struct err *err)
{
	const orasi_notifier_factory *factory = x->plugin->notifier;
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status = loader_call(
		x->worker->loader, x->plugin, "create",
		factory->create(&x->host.host, x->plugin->descriptor->id, &x->config.config, &x->self, &error));

	if (status)
		return loader_fail(x->plugin, "create", status, &error, err);
	if (d->n)
		status = loader_call(x->worker->loader, x->plugin, "deliver",
		                     factory->deliver(x->self, d->pointers, d->n, d->each, &error));
	return status ? loader_fail(x->plugin, "deliver", status, &error, err) : 0;
}

/* {"delivered","given_up","statuses":[…]}; an error while an event is neither delivered nor given
 * up. */
static int sum_up(const struct delivery *d, const struct json *settled, struct json **ret, struct err *err)
{
	int64_t delivered = 0, waiting = 0;

	for (size_t i = 0; i < json_count(settled); i++) {
		delivered += json_type(json_at(settled, i)) == JSON_INT && !json_int(json_at(settled, i), -1);
		waiting += json_type(json_at(settled, i)) != JSON_INT;
	}
	if (waiting)
		return err_set(err, ERR_IO, "%lld of %zu events are not delivered yet", (long long)waiting,
		               json_count(d->all));
	*ret = json_new_object();
	json_set_int(*ret, "delivered", delivered);
	json_set_int(*ret, "given_up", (int64_t)json_count(settled) - delivered);
	json_set(*ret, "statuses", json_copy(settled));
	return 0;
}

int op_notify(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	const struct json *before = json_pointer(order, "/checkpoint/state");
	struct loader_attempt attempt = {.trace = json_get_str(order, "trace", ""),
	                                 .secrets = json_get(order, "secrets"),
	                                 .on_ask = json_get_bool(order, "http", 0) ? worker_ask : NULL,
	                                 .ctx = worker};
	struct instance x = {.worker = worker};
	struct delivery d = {0};
	struct json *settled = NULL, *report = NULL;
	int r = open_kv(order, &attempt, err), failed = 0;

	link_reset(worker->link, 0);
	worker->part = json_int(json_pointer(order, "/checkpoint/seq"), 0);
	loader_set_attempt(worker->loader, &attempt);
	if (!r)
		r = delivery_open(&d, json_pointer(order, "/spec/events"), before, err);
	if (!r)
		r = instance_open(&x, "notifier", order, err);
	if (!r)
		failed = deliver(&x, &d, err);
	if (!r) {
		settled = settle(&d, before);
		r = send_state(worker, json_copy(settled), NULL, failed ? NULL : err);
	}
	if (!r)
		r = failed;
	if (!r && attempt.kv)
		r = kv_report(attempt.kv, &report, err);
	if (!r)
		r = sum_up(&d, settled, ret, err);
	if (!r && report)
		json_set(*ret, "kv", report);
	else
		json_free(report);
	instance_close(&x, x.plugin ? x.plugin->notifier->destroy : NULL);
	loader_set_attempt(worker->loader, NULL);
	kv_free(attempt.kv);
	json_free(settled);
	delivery_done(&d);
	return r;
}
