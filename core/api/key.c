/* SPDX-License-Identifier: Apache-2.0 */
/* Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the store knows the keys of accepted requests; those of requests
 * that are not durable yet are in `in_flight`, and a second one meanwhile gets 409. */
#include <string.h>

#include "api/inside.h"

#define KEY_MAX 256

int key_read(struct http_request *req, const char **ret)
{
	const char *key = http_header(req, "idempotency-key");

	*ret = key;
	if (!key || (*key && strlen(key) <= KEY_MAX))
		return 0;
	reply_fail(req, ERR_INVALID, "the header Idempotency-Key has 1 to %d bytes, not %zu", KEY_MAX, strlen(key));
	return ERR_INVALID;
}

int key_take_off(struct api *api, struct http_request *req, const char *tenant, const char *key, const char **ret)
{
	struct http_problem more = {.type = "idempotency-key-in-flight", .retry_after_ms = 1000};
	const char *mark = arena_printf(http_arena(req), "%s\x1f%s", tenant ? tenant : "", key);
	struct err err;

	if (map_get(&api->in_flight, mark)) {
		err_set(&err, ERR_CONFLICT, "a request with the idempotency key '%.100s' is under way: ask again", key);
		http_reply_problem(req, &err, &more);
		return ERR_CONFLICT;
	}
	if (map_set(&api->in_flight, mark, req)) {
		reply_fail(req, ERR_NOMEM, "no memory for the request");
		return ERR_NOMEM;
	}
	*ret = mark;
	return 0;
}

void key_land(struct api *api, const char *mark)
{
	if (mark)
		map_del(&api->in_flight, mark);
}
