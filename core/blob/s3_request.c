/* SPDX-License-Identifier: Apache-2.0 */
/* What passes: no answer at all, an answer that was cut, 5xx, 429, 408, and 409 on a conditional PUT, which means that
 * another one is under way and says nothing about who will win. Waits grow and are random, so that many who were
 * turned away do not come back together. */
#include "blob/s3_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "blob/lazy.h"
#include "blob/s3_xml.h"

#define TRIES 6
#define WAIT_MS 100
#define WAIT_MAX_MS 5000
#define HEADERS_MAX 10

/* ---- where --------------------------------------------------------------------------------------------------- */

static int is_bucket(const char *name)
{
	size_t n = strlen(name);

	return n >= 3 && n <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n && *name != '-' &&
	       *name != '.';
}

static const char *endpoint(void)
{
	static const char *const names[] = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return NULL;
}

static int choose_host(struct s3 *s3, struct err *err)
{
	const char *url = endpoint(), *host = url ? strstr(url, "://") : NULL;

	if (url && (!host || !(str_starts(url, "http://") || str_starts(url, "https://"))))
		return err_set(err, ERR_INVALID, "the endpoint '%.200s' is no http:// or https:// address", url);
	s3->bucket_in_path = url || strchr(s3->bucket, '.');
	if (url) {
		snprintf(s3->host, sizeof(s3->host), "%.*s", (int)strcspn(host + 3, "/"), host + 3);
		snprintf(s3->base, sizeof(s3->base), "%.*s%s", (int)(host + 3 - url), url, s3->host);
		return 0;
	}
	snprintf(s3->host, sizeof(s3->host), "%s%ss3.%s.amazonaws.com", s3->bucket_in_path ? "" : s3->bucket,
	         s3->bucket_in_path ? "" : ".", s3->region);
	snprintf(s3->base, sizeof(s3->base), "https://%s", s3->host);
	return 0;
}

int s3_init(struct s3 *s3, const char *location, struct err *err)
{
	const char *bucket = location + strlen("s3://"), *slash = strchr(bucket, '/');
	size_t n = slash ? (size_t)(slash - bucket) : strlen(bucket);
	int r = lazy_libraries(err);
	char *end;

	if (r)
		return r;
	snprintf(s3->bucket, sizeof(s3->bucket), "%.*s", (int)n, bucket);
	if (n >= sizeof(s3->bucket) || !is_bucket(s3->bucket))
		return err_set(err, ERR_INVALID, "'%.300s' names no bucket: write s3://bucket/prefix", location);
	s3->prefix = strdup(slash ? slash + strspn(slash, "/") : "");
	if (!s3->prefix)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (end = s3->prefix + strlen(s3->prefix); end > s3->prefix && end[-1] == '/'; end--)
		end[-1] = '\0';
	credentials_region(s3->region, sizeof(s3->region));
	return choose_host(s3, err);
}

/* ---- one try --------------------------------------------------------------------------------------------------- */

static size_t count(const struct sign_pair *pairs, size_t max)
{
	size_t n = 0;

	while (n < max && pairs[n].name)
		n++;
	return n;
}

/* Signed over exactly what is sent. */
static int try_once(struct s3 *s3, const struct s3_call *call, struct http_answer *answer, struct err *err)
{
	char hash[SIGN_HASH_LEN], now[SIGN_TIME_LEN];
	struct sign_pair headers[HEADERS_MAX + 1];
	struct sign_key key = {s3->credentials.id, s3->credentials.secret, s3->region, "s3"};
	struct sign_request request = {.method = call->method,
	                               .query = call->query,
	                               .headers = headers,
	                               .payload_hash = hash,
	                               .time = now};
	struct buf path, target, authorization;
	int r;

	buf_init(&path, 0);
	buf_init(&target, 0);
	buf_init(&authorization, 0);
	sign_hash(call->body ? call->body : "", call->len, hash);
	sign_time(clock_wall_ms() / 1000, now);
	buf_printf(&path, "/%s%s%s", s3->bucket_in_path ? s3->bucket : "", s3->bucket_in_path ? "/" : "", call->key);
	headers[request.n_headers++] = (struct sign_pair){"host", s3->host};
	headers[request.n_headers++] = (struct sign_pair){"x-amz-content-sha256", hash};
	headers[request.n_headers++] = (struct sign_pair){"x-amz-date", now};
	if (s3->credentials.token[0])
		headers[request.n_headers++] = (struct sign_pair){"x-amz-security-token", s3->credentials.token};
	if (call->is_new)
		headers[request.n_headers++] = (struct sign_pair){"if-none-match", "*"};
	for (size_t i = 0; i < count(call->headers, 4); i++)
		headers[request.n_headers++] = call->headers[i];
	request.n_query = count(call->query, 6);
	request.path = path.data;
	buf_puts(&target, s3->base);
	r = path.failed ? ERR_NOMEM : sign_request(&key, &request, &target, &authorization, err);
	headers[request.n_headers] = (struct sign_pair){"authorization", authorization.data};
	if (!r)
		r = http_do(&(struct http_call){.method = call->method,
		                                .url = target.data,
		                                .headers = headers,
		                                .n_headers = request.n_headers + 1,
		                                .body = call->body,
		                                .len = call->len},
		            answer, err);
	buf_done(&path);
	buf_done(&target);
	buf_done(&authorization);
	return r;
}

/* ---- as long as it may help --------------------------------------------------------------------------------------- */

static void wait_a_little(int round)
{
	uint64_t most = (uint64_t)WAIT_MS << round, ms;
	struct timespec ts;

	ms = random_u64() % ((most < WAIT_MAX_MS ? most : WAIT_MAX_MS) + 1);
	ts = (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
	nanosleep(&ts, NULL);
}

static int has_code(const struct http_answer *answer, const char *code)
{
	return answer->body.len && strstr(answer->body.data, code) != NULL;
}

/* 1: wait and try again. */
static int passes(const struct s3_call *call, const struct http_answer *answer)
{
	switch (answer->status) {
	case 408:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return 1;
	case 409: /* at the end of an upload it costs the upload: see s3_parts.c */
		return call->is_new && !strcmp(call->method, "PUT") && !has_code(answer, "BucketAlreadyOwnedByYou");
	case 400:
		return has_code(answer, "<Code>RequestTimeout</Code>");
	case 200: /* of the two requests that answer 200 before they are done */
		return has_code(answer, "<Error>") && has_code(answer, "InternalError");
	default:
		return 0;
	}
}

int s3_do(struct s3 *s3, const struct s3_call *call, struct http_answer *ret, int *ret_unsure, struct err *err)
{
	int fresh = 0, unsure = 0, r = 0;

	for (int round = 0; round < TRIES; round++) {
		if (round)
			wait_a_little(round - 1);
		if (credentials_are_stale(&s3->credentials) && (r = credentials_load(&s3->credentials, err)))
			return r;
		http_answer_init(ret, call->max);
		r = try_once(s3, call, ret, err);
		unsure = unsure || (!r && ret->is_connected_anew);
		if (!r && ret->status == 403 && has_code(ret, "Expired") && !fresh++)
			s3->credentials.id[0] = '\0';
		else if (!r && !passes(call, ret))
			break;
		else if (r && r != ERR_IO && r != ERR_TIMEOUT)
			break;
		else
			unsure = unsure || r || ret->status >= 500 || ret->status == 200;
		if (round + 1 < TRIES)
			http_answer_done(ret);
	}
	if (r)
		http_answer_done(ret);
	if (ret_unsure)
		*ret_unsure = unsure;
	return r;
}

static int code_of(int status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_PERM;
	case 404:
		return ERR_NOTFOUND;
	case 409:
	case 503:
	case 429:
		return ERR_BUSY;
	case 412:
		return ERR_EXISTS;
	case 501:
		return ERR_UNSUPPORTED;
	default:
		return status >= 500 ? ERR_IO : ERR_INVALID;
	}
}

static const char *advice(int status, const char *code)
{
	if (status / 100 == 3 && status != 304)
		return " (the bucket is elsewhere: set AWS_REGION or AWS_ENDPOINT_URL_S3)";
	return strstr(code, "RequestTimeTooSkewed") ? " (set this machine's clock)" : "";
}

int s3_refused(const struct s3 *s3, const struct s3_call *call, const struct http_answer *answer, struct err *err)
{
	const char *at = answer->body.len ? answer->body.data : NULL;
	struct buf code, message;
	int r = code_of(answer->status);

	buf_init(&code, 0);
	buf_init(&message, 0);
	xml_next(&at, "Code", &code);
	at = answer->body.len ? answer->body.data : NULL;
	xml_next(&at, "Message", &message);
	err_set(err, r, "%s s3://%s/%.200s: %d %.60s%s%.120s%s", call->method, s3->bucket, call->key, answer->status,
	        code.len ? code.data : "", message.len ? ", " : "", message.len ? message.data : "",
	        advice(answer->status, code.len ? code.data : ""));
	buf_done(&code);
	buf_done(&message);
	return r;
}
