/* SPDX-License-Identifier: Apache-2.0 */
/* Requests over HTTP. A worker with a plugin asks the agent for one; a worker of the role fetch, which runs no plugin
 * and alone has sockets, makes it. */
#include "blob/fetch.h"
#include "custom.h"

int worker_ask(void *ctx, const struct json *request, struct json **ret, struct err *err)
{
	struct worker *worker = ctx;
	struct json *ask = json_new_object(), *answer = NULL;
	int r;

	json_set_int(ask, "order", worker->order);
	json_set_int(ask, "ask", ++worker->asked);
	json_set(ask, "request", json_copy(request));
	r = link_ask(worker->link, ask, worker->asked, &answer, err);
	json_free(ask);
	if (r)
		return r;
	if (json_get(answer, "code"))
		r = err_set(err, err_from_name(json_get_str(answer, "code", "")), "%s",
		            json_get_str(answer, "text", "the request failed"));
	else
		*ret = json_copy(json_get(answer, "answer"));
	json_free(answer);
	return r;
}

int op_fetch(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	const struct json *webhook = json_get(order, "webhook");
	struct json *request;
	int r;

	(void)worker;
	if (!webhook)
		return fetch_do(json_get(order, "request"), ret, err);
	request = json_copy(json_get(order, "request"));
	r = fetch_sign(request, webhook, err);
	if (!r)
		r = fetch_do(request, ret, err);
	json_free(request);
	return r;
}
