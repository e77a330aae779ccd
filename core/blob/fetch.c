/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "blob/http.h"

/* ---- the request ------------------------------------------------------------------------------------------------- */

static int is_one_of(const char *const *words, const char *word, int (*compare)(const char *, const char *))
{
	for (; *words; words++)
		if (!compare(*words, word))
			return 1;
	return 0;
}

/* A token of RFC 9110 section 5.6.2. */
static int is_token(const char *text)
{
	static const char odd[] = "!#$%&'*+-.^_`|~";

	for (const char *p = text; *p; p++)
		if (!(*p >= '0' && *p <= '9') && !((*p | 32) >= 'a' && (*p | 32) <= 'z') && !strchr(odd, *p))
			return 0;
	return *text != '\0';
}

/* Visible characters and blanks: nothing that could end a line. */
static int is_value(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' ? *p != '\t' : *p == 0x7F)
			return 0;
	return 1;
}

static int check_header(const char *name, const char *value, struct err *err)
{
	static const char *const ours[] = {"host", "content-length", "connection", "transfer-encoding", "expect", NULL};

	if (!is_token(name) || !is_value(value))
		return err_set(err, ERR_INVALID, "the header '%.60s' holds characters that a header must not", name);
	if (is_one_of(ours, name, strcasecmp))
		return err_set(err, ERR_INVALID, "the header '%.60s' is set by the host", name);
	return 0;
}

static int read_headers(const struct json *list, struct sign_pair *ret, size_t *ret_n, struct err *err)
{
	size_t bytes = 0;

	if (json_count(list) > FETCH_HEADERS_MAX)
		return err_set(err, ERR_INVALID, "a request has at most %d headers", FETCH_HEADERS_MAX);
	for (*ret_n = 0; *ret_n < json_count(list); ++*ret_n) {
		const struct json *pair = json_at(list, *ret_n);
		const char *name = json_str(json_at(pair, 0), ""), *value = json_str(json_at(pair, 1), "");
		int r = check_header(name, value, err);

		bytes += strlen(name) + strlen(value);
		if (!r && bytes > FETCH_HEADER_BYTES)
			r = err_set(err, ERR_INVALID, "the headers of a request have at most %u bytes",
			            FETCH_HEADER_BYTES);
		if (r)
			return r;
		ret[*ret_n].name = name;
		ret[*ret_n].value = value;
	}
	return 0;
}

static int check_line(const char *method, const char *url, struct err *err)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL};

	if (!is_one_of(methods, method, strcmp))
		return err_set(err, ERR_INVALID, "the method '%.20s' is none of GET, HEAD, POST, PUT, PATCH, DELETE",
		               method);
	if ((!str_starts(url, "http://") && !str_starts(url, "https://")) || strlen(url) > FETCH_URL_MAX ||
	    !is_value(url) || strpbrk(url, " \t\\"))
		return err_set(err, ERR_INVALID, "the URL is none that can be asked for: '%.100s'", url);
	return 0;
}

/* The caller frees *ret. */
static int read_body(const struct json *text, uint8_t **ret, size_t *ret_n, struct err *err)
{
	size_t n = json_str_len(text);
	int64_t len;

	if (n / 4 * 3 > FETCH_BODY_MAX + 3)
		return err_set(err, ERR_INVALID, "the body of a request has at most %u bytes", FETCH_BODY_MAX);
	*ret = malloc(n + 1);
	if (!*ret)
		return err_set(err, ERR_NOMEM, "out of memory");
	len = base64_decode(json_str(text, ""), n, *ret, n);
	if (len < 0)
		return err_set(err, ERR_INVALID, "the body of the request is not base64");
	*ret_n = (size_t)len;
	return 0;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static struct json *show_headers(const struct buf *lines)
{
	struct json *list = json_new_array();
	const char *at = lines->data, *end = at + lines->len;

	while (at < end && json_count(list) < FETCH_HEADERS_MAX) {
		const char *line = memchr(at, '\n', (size_t)(end - at)), *colon = memchr(at, ':', (size_t)(line - at));
		struct json *pair;

		if (colon) {
			const char *value = colon + 1 + strspn(colon + 1, " \t");

			pair = json_new_array();
			json_push(pair, json_new_strn(at, (size_t)(colon - at)));
			json_push(pair, json_new_strn(value, (size_t)(line - value)));
			json_push(list, pair);
		}
		at = line + 1;
	}
	return list;
}

static int show(const struct http_answer *answer, const struct buf *headers, struct json **ret, struct err *err)
{
	char *body = malloc(base64_len(answer->body.len));

	if (!body)
		return err_set(err, ERR_NOMEM, "out of memory");
	base64_encode(answer->body.data, answer->body.len, body);
	*ret = json_new_object();
	json_set_int(*ret, "status", answer->status);
	json_set(*ret, "headers", show_headers(headers));
	json_set_str(*ret, "body", body);
	free(body);
	return 0;
}

static int64_t within(int64_t v, int64_t otherwise, int64_t most)
{
	return v <= 0 ? otherwise : v > most ? most : v;
}

static int exchange(const struct json *request, struct http_call *call, struct json **ret, struct err *err)
{
	struct http_answer answer;
	struct buf headers;
	int r;

	call->total_ms = (long)within(json_get_int(request, "timeout_ms", 0), FETCH_TIMEOUT_MS, FETCH_TIMEOUT_MAX_MS);
	http_answer_init(&answer,
	                 (size_t)within(json_get_int(request, "max_body", 0), FETCH_BODY_MAX, FETCH_ANSWER_MAX));
	buf_init(&headers, FETCH_HEADER_BYTES);
	answer.headers = &headers;
	r = http_do(call, &answer, err);
	if (!r)
		r = show(&answer, &headers, ret, err);
	buf_done(&headers);
	http_answer_done(&answer);
	return r;
}

int fetch_do(const struct json *request, struct json **ret, struct err *err)
{
	struct sign_pair headers[FETCH_HEADERS_MAX];
	uint8_t *body = NULL;
	struct http_call call = {.method = json_get_str(request, "method", ""),
	                         .url = json_get_str(request, "url", ""),
	                         .headers = headers};
	int r = check_line(call.method, call.url, err);

	if (!r)
		r = read_headers(json_get(request, "headers"), headers, &call.n_headers, err);
	if (!r)
		r = read_body(json_get(request, "body"), &body, &call.len, err);
	call.body = call.len ? body : NULL;
	if (!r)
		r = exchange(request, &call, ret, err);
	free(body);
	return r;
}
