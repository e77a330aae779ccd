/* SPDX-License-Identifier: Apache-2.0 */
/* Requests over HTTP of plugins. A worker that runs a plugin has no sockets: it asks, the agent looks whether the
 * plugin may reach that host, and a worker of the role fetch makes the request. The worker that asks may be in the
 * plugin's hands, so nothing that it says is believed but the request, and that is hostile. */
#include "supervise/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "plugin/plugin.h"

struct ask {
	struct list link; /* in sup->asks */
	struct process *process;
	uint32_t order; /* that the worker is at */
	int64_t number; /* its own */
};

/* ---- where to ---------------------------------------------------------------------------------------------------- */

/* Only the plainest form of a URL, so that no two readers of it see different hosts. */
int fetch_target(const char *url, struct fetch_target *ret, struct err *err)
{
	int secure = str_starts(url, "https://");
	const char *host = url + (secure ? 8 : 7), *end;
	uint64_t port = secure ? 443 : 80;
	char number[8] = "";
	size_t n;

	if (!secure && !str_starts(url, "http://"))
		return err_set(err, ERR_INVALID, "a request goes to http:// or https://, not to '%.100s'", url);
	n = *host == '[' ? strspn(host + 1, "0123456789abcdefABCDEF:.") + 2 : 0;
	if (n && host[n - 1] != ']')
		n = 0;
	if (*host != '[')
		n = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
	end = host + n;
	if (*end == ':' && strspn(end + 1, "0123456789") < sizeof(number)) {
		memcpy(number, end + 1, strspn(end + 1, "0123456789"));
		end += 1 + strlen(number);
	}
	if (!n || n >= sizeof(ret->host) || (*end && !strchr("/?", *end)) ||
	    (*number && (str_to_u64(number, &port) || !port || port > 65535)))
		return err_set(err, ERR_INVALID, "the URL '%.100s' has no plain host and port", url);
	memcpy(ret->host, host, n);
	ret->host[n] = '\0';
	ret->port = (unsigned)port;
	return 0;
}

static int may_ask(const struct process *process, const struct json *request, struct err *err)
{
	const struct plugin_registry *plugins = process->sup->env.plugins;
	const char *plugin = json_str(json_pointer(process->order->json, "/spec/plugin"), "");
	struct fetch_target target;
	int r = fetch_target(json_get_str(request, "url", ""), &target, err);

	if (r)
		return r;
	if (!plugin_asks(plugins, plugin))
		return err_set(err, ERR_PERM, "the plugin '%.60s' makes no requests: its descriptor does not say so",
		               plugin);
	return plugin_may_ask(plugins, plugin, target.host, target.port, err);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static void answer(struct process *process, uint32_t order, int64_t number, const struct json *result,
                   const struct err *err)
{
	struct json *json = json_new_object();

	json_set_int(json, "order", order);
	json_set_int(json, "ask", number);
	if (err->code) {
		json_set_str(json, "code", err_name(err->code));
		json_set_str(json, "text", err->text);
	} else {
		json_set(json, "answer", json_copy(result));
	}
	process_send(process, WIRE_ANSWER, json);
	json_free(json);
}

static void ask_free(struct ask *ask)
{
	list_del(&ask->link);
	if (ask->process)
		ask->process->ask = NULL;
	free(ask);
}

static void on_end(void *ctx, const struct json *result, const struct err *err)
{
	struct ask *ask = ctx;

	if (ask->process && !ask->process->killed)
		answer(ask->process, ask->order, ask->number, result, err);
	ask_free(ask);
}

static const struct order_events fetch_events = {.on_end = on_end};

static int start(struct process *process, const struct json *message, struct err *err)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	struct json *json = json_new_object();
	struct order *order;
	int r;

	if (!ask) {
		json_free(json);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	*ask = (struct ask){.process = process,
	                    .order = process->order->number,
	                    .number = json_get_int(message, "ask", 0)};
	list_add_tail(&process->sup->asks, &ask->link);
	json_set(json, "request", json_copy(json_get(message, "request")));
	process->ask = ask;
	r = order_new(process->sup, "fetch", json, &fetch_events, ask, &order, err);
	if (r)
		ask_free(ask);
	return r;
}

void fetch_ask(struct process *process, const struct json *message)
{
	struct err err = {0};
	int r = 0;

	if (process->ask && process->ask->order == process->order->number)
		r = err_set(&err, ERR_BUSY, "one request at a time");
	else
		fetch_forget(process);
	if (!r)
		r = may_ask(process, json_get(message, "request"), &err);
	if (!r)
		r = start(process, message, &err);
	if (r)
		answer(process, process->order->number, json_get_int(message, "ask", 0), NULL, &err);
}

void fetch_forget(struct process *process)
{
	if (process->ask)
		process->ask->process = NULL;
	process->ask = NULL;
}

void fetch_done(struct supervise *sup)
{
	list_each (item, &sup->asks)
		ask_free(list_entry(item, struct ask, link));
}
