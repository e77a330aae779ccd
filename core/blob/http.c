/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "blob/lazy.h"

#define CONNECT_MS 5000
#define STALL_S 20 /* without a byte; S3_STALL_SECONDS */

/* One per thread, for as long as the process lives: it keeps connections. */
static _Thread_local CURL *handle;

void http_answer_init(struct http_answer *answer, size_t max)
{
	memset(answer, 0, sizeof(*answer));
	buf_init(&answer->body, max);
	answer->length = -1;
}

void http_answer_done(struct http_answer *answer)
{
	buf_done(&answer->body);
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_answer *answer = ctx;

	return buf_add(&answer->body, p, size * n) ? 0 : size * n;
}

/* Whole lines only. */
static void keep_header(struct buf *headers, const char *p, size_t len)
{
	while (len && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	if (!len || memchr(p, '\n', len) || headers->len + len + 1 > headers->max)
		return;
	buf_add(headers, p, len);
	buf_putc(headers, '\n');
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct http_answer *answer = ctx;
	char line[256];
	size_t len = size * n;

	snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line) - 1), p);
	line[strcspn(line, "\r\n")] = '\0';
	if (!strncasecmp(line, "etag:", 5))
		str_copy(answer->etag, sizeof(answer->etag), line + 5 + strspn(line + 5, " "));
	else if (!strncasecmp(line, "last-modified:", 14))
		answer->modified_ms = (int64_t)curl_getdate(line + 14, NULL) * 1000;
	if (answer->headers)
		keep_header(answer->headers, p, len);
	return len;
}

struct sending {
	const char *p;
	size_t left, len;
};

static size_t on_send(char *to, size_t size, size_t n, void *ctx)
{
	struct sending *sending = ctx;
	size_t len = size * n < sending->left ? size * n : sending->left;

	memcpy(to, sending->p + (sending->len - sending->left), len);
	sending->left -= len;
	return len;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct sending *sending = ctx;

	if (origin != SEEK_SET || offset < 0 || (size_t)offset > sending->len)
		return CURL_SEEKFUNC_FAIL;
	sending->left = sending->len - (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static struct curl_slist *list_headers(const struct http_call *call)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *longer;

	for (size_t i = 0; i < call->n_headers && list; i++) {
		char line[4096];

		snprintf(line, sizeof(line), "%s: %s", call->headers[i].name, call->headers[i].value);
		longer = curl_slist_append(list, line);
		if (!longer)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

static void set_body(const struct http_call *call, struct sending *sending)
{
	if (!strcmp(call->method, "HEAD")) {
		curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
	} else if (call->body || !strcmp(call->method, "PUT") || !strcmp(call->method, "POST")) {
		curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(handle, CURLOPT_READDATA, sending);
		curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(handle, CURLOPT_SEEKDATA, sending);
		curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->len);
	}
	curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_times(const struct http_call *call)
{
	const char *text = getenv("S3_STALL_SECONDS");
	int64_t stall;

	if (!text || str_to_i64(text, &stall) || stall < 1)
		stall = STALL_S;
	curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, call->connect_ms ? call->connect_ms : CONNECT_MS);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, call->total_ms);
	if (call->total_ms)
		return; /* that is the limit, however slow */
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, (long)stall);
}

static int failed(const struct http_call *call, const struct http_answer *answer, CURLcode code, const char *why,
                  struct err *err)
{
	if (answer->body.failed == ERR_LIMIT)
		return err_set(err, ERR_LIMIT, "%s %s: the answer is larger than %zu bytes", call->method, call->url,
		               answer->body.max);
	if (code == CURLE_OUT_OF_MEMORY || answer->body.failed)
		return err_set(err, ERR_NOMEM, "out of memory");
	return err_set(err, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO, "%s %s: %s", call->method,
	               call->url, *why ? why : curl_easy_strerror(code));
}

int http_do(const struct http_call *call, struct http_answer *answer, struct err *err)
{
	struct sending sending = {call->body, call->len, call->len};
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers;
	curl_off_t length = -1;
	long status = 0, connects = 0;
	CURLcode code;
	int r = lazy_libraries(err);

	if (r)
		return r;
	if (!handle && !(handle = curl_easy_init()))
		return err_set(err, ERR_NOMEM, "out of memory");
	curl_easy_reset(handle);
	headers = list_headers(call);
	if (!headers)
		return err_set(err, ERR_NOMEM, "out of memory");
	curl_easy_setopt(handle, CURLOPT_URL, call->url);
	curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(handle, CURLOPT_HEADERDATA, answer);
	set_times(call);
	set_body(call, &sending);
	code = curl_easy_perform(handle);
	curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	curl_easy_getinfo(handle, CURLINFO_NUM_CONNECTS, &connects);
	curl_slist_free_all(headers);
	answer->status = (int)status;
	answer->length = length;
	answer->is_connected_anew = connects > 0;
	return code ? failed(call, answer, code, why, err) : 0;
}
