/* SPDX-License-Identifier: Apache-2.0 */
/* The extension http: a plugin's request becomes JSON, another process makes it, and its answer becomes memory of the
 * host. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "plugin/host.h"

#define HEADERS_MAX 64
#define BODY_MAX (1u << 20)

struct host_answer {
	struct json *json;
	orasi_kv headers[HEADERS_MAX];
	uint8_t *body;
};

void host_answer_free(struct host_answer *answer)
{
	if (!answer)
		return;
	json_free(answer->json);
	free(answer->body);
	free(answer);
}

static orasi_status refuse(orasi_error *err, orasi_status status, const char *text)
{
	if (err)
		str_copy(err->message, sizeof(err->message), text);
	return status;
}

static orasi_status status_of(int code)
{
	static const struct {
		int code;
		orasi_status status;
	} all[] = {
		{ERR_INVALID, ORASI_E_CONFIG}, {ERR_PERM, ORASI_E_CONFIG},         {ERR_NOTFOUND, ORASI_E_CONFIG},
		{ERR_LIMIT, ORASI_E_LIMIT},    {ERR_CANCELLED, ORASI_E_CANCELLED}, {ERR_NOMEM, ORASI_E_NOMEM},
		{ERR_BUSY, ORASI_E_BUSY},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].code == code)
			return all[i].status;
	return ORASI_E_IO;
}

static void set_str(struct json *json, const char *key, orasi_str value)
{
	json_set(json, key, json_new_strn(value.ptr ? value.ptr : "", value.ptr ? value.len : 0));
}

static struct json *pair_of(const orasi_kv *kv)
{
	struct json *pair = json_new_array();

	json_push(pair, json_new_strn(kv->key.ptr, kv->key.len));
	json_push(pair, json_new_strn(kv->value.ptr ? kv->value.ptr : "", kv->value.len));
	return pair;
}

static struct json *show(const orasi_http_request *request)
{
	struct json *json = json_new_object(), *headers = json_new_array();
	char *body = malloc(base64_len(request->body.len));

	if (!body) {
		json_free(json);
		json_free(headers);
		return NULL;
	}
	base64_encode(request->body.ptr, request->body.len, body);
	set_str(json, "method", request->method);
	set_str(json, "url", request->url);
	for (uint32_t i = 0; i < request->n_headers; i++)
		json_push(headers, pair_of(&request->headers[i]));
	json_set(json, "headers", headers);
	json_set_str(json, "body", body);
	json_set_int(json, "timeout_ms", request->timeout_ms);
	json_set_int(json, "max_body", request->max_body < INT64_MAX ? (int64_t)request->max_body : INT64_MAX);
	free(body);
	return json;
}

/* The answer was made by a process of ours from what a stranger sent. */
static orasi_status take(struct host_answer *answer, orasi_http_response *ret, orasi_error *err)
{
	const struct json *headers = json_get(answer->json, "headers"), *body = json_get(answer->json, "body");
	uint32_t n = 0;
	int64_t len;

	answer->body = malloc(json_str_len(body) + 1);
	if (!answer->body)
		return refuse(err, ORASI_E_NOMEM, "no memory for the answer");
	len = base64_decode(json_str(body, ""), json_str_len(body), answer->body, json_str_len(body));
	for (; n < json_count(headers) && n < HEADERS_MAX; n++) {
		const struct json *name = json_at(json_at(headers, n), 0), *value = json_at(json_at(headers, n), 1);

		answer->headers[n] = (orasi_kv){{json_str(name, ""), json_str_len(name)},
		                                {json_str(value, ""), json_str_len(value)}};
	}
	ret->status = (int32_t)json_get_int(answer->json, "status", 0);
	ret->headers = answer->headers;
	ret->n_headers = n;
	ret->body = (orasi_bytes){answer->body, len > 0 ? (size_t)len : 0};
	return ORASI_OK;
}

static orasi_status ask(const orasi_host *host, const orasi_http_request *request, orasi_http_response *ret,
                        orasi_error *err)
{
	struct loader_host *h = host_of(host);
	const struct loader_attempt *attempt = loader_attempt_of(h->loader);
	struct err why = {0};
	struct json *json;
	int r;

	host_answer_free(h->answer);
	h->answer = NULL;
	if (!ORASI_COVERS(request, max_body) || !ORASI_COVERS(ret, body))
		return refuse(err, ORASI_E_INVALID, "struct_size of a request or a response is too small");
	if (!attempt->on_ask)
		return refuse(err, ORASI_E_UNSUPPORTED, "no requests can be made now");
	if (request->body.len > BODY_MAX || (request->body.len && !request->body.ptr))
		return refuse(err, ORASI_E_CONFIG, "the body of a request has at most 1 MiB");
	if (request->n_headers > HEADERS_MAX || (request->n_headers && !request->headers))
		return refuse(err, ORASI_E_CONFIG, "a request has at most 64 headers");
	json = show(request);
	h->answer = json ? calloc(1, sizeof(*h->answer)) : NULL;
	if (!h->answer) {
		json_free(json);
		return refuse(err, ORASI_E_NOMEM, "no memory for a request");
	}
	r = attempt->on_ask(attempt->ctx, json, &h->answer->json, &why);
	json_free(json);
	return r ? refuse(err, status_of(r), why.text) : take(h->answer, ret, err);
}

const orasi_host_http host_http = {sizeof(orasi_host_http), 0, ask};
