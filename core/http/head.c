/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request: its lines taken apart and judged before anything is done for them. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/id.h"
#include "base/str.h"
#include "http/conn.h"

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s |= 0x20;
}

/* Optional white space around a value is not a part of it; the parser leaves what is behind. */
static void trim_end(char *s, char *end)
{
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
}

void request_add_header(struct http_request *req, char *name, char *value)
{
	req->headers[req->n_headers++] = (struct pair){name, value};
	req->letters |= LETTER(*name);
}

static void take_headers(struct http_request *req, char *head)
{
	struct conn *conn = req->conn;

	for (size_t i = 1; i + 1 < conn->n_marks && req->n_headers < HTTP_HEADERS_MAX; i += 2) {
		char *name = head + conn->marks[i], *value = head + conn->marks[i + 1];

		lower(name);
		trim_end(value, head + conn->marks[i + 2] - 1);
		request_add_header(req, name, value);
	}
}

static const char *single_header(const struct http_request *req, const char *name, int *ret_count)
{
	const char *value = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < req->n_headers && req->letters & LETTER(*name); i++)
		if (pair_is(&req->headers[i], name)) {
			value = req->headers[i].value;
			(*ret_count)++;
		}
	return value;
}

/* What a host and its port are made of: RFC 3986 section 3.2.2. */
static const char in_host[256] = {
	['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['-'] = 1,  ['.'] = 1, ['_'] = 1, ['~'] = 1, ['%'] = 1,
	['!'] = 1,         ['$'] = 1,         ['&'] = 1,         ['\''] = 1, ['('] = 1, [')'] = 1, ['*'] = 1, ['+'] = 1,
	[','] = 1,         [';'] = 1,         ['='] = 1,         [':'] = 1,  ['['] = 1, [']'] = 1,
};

static int host_is_valid(const char *host)
{
	while (in_host[(unsigned char)*host])
		host++;
	return !*host;
}

/* RFC 9112 section 3.2: exactly one Host in HTTP/1.1. */
static int check_host(struct http_request *req, struct err *err)
{
	int n;
	const char *host = single_header(req, "host", &n);

	if (n > 1 || (!n && !req->http_1_0) || (host && !host_is_valid(host))) {
		err_set(err, ERR_INVALID,
		        n ? "the request has no single, proper Host header" : "the request has no Host header");
		return 400;
	}
	return 0;
}

/* A page in a browser may send simple requests to any host, such as an agent on this machine.
 * Browsers tell on them by Origin, other clients do not send it. */
static int check_origin(struct http_request *req, struct err *err)
{
	int n;
	const char *origin = single_header(req, "origin", &n), *host = single_header(req, "host", &n);
	const char *at = origin ? strstr(origin, "://") : NULL;
	int reads = str_eq(req->method, "GET") || str_eq(req->method, "HEAD") || str_eq(req->method, "OPTIONS");

	if (!origin || reads || (at && host && !strcasecmp(at + 3, host)))
		return 0;
	err_set(err, ERR_PERM, "requests that change something are not taken from pages of '%.100s'", origin);
	return 403;
}

static int check_expect(struct http_request *req, struct err *err)
{
	int n;
	const char *expect = single_header(req, "expect", &n);

	if (!expect || req->http_1_0)
		return 0;
	if (n == 1 && !strcasecmp(expect, "100-continue")) {
		req->expects_continue = 1;
		return 0;
	}
	err_set(err, ERR_UNSUPPORTED, "'Expect: %.100s' is not known; 100-continue is", expect);
	return 417;
}

static int hex_run(const char *s, int n)
{
	for (int i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]) && (s[i] < 'a' || s[i] > 'f'))
			return 0;
	return 1;
}

/* version "-" trace-id "-" parent-id "-" flags, W3C Trace Context section 3.2. */
static int traceparent_is_valid(const char *s)
{
	return strlen(s) == 55 && hex_run(s, 2) && s[2] == '-' && hex_run(s + 3, 32) && s[35] == '-' &&
	       hex_run(s + 36, 16) && s[52] == '-' && hex_run(s + 53, 2) && strncmp(s, "ff", 2) &&
	       strspn(s + 3, "0") < 32 && strspn(s + 36, "0") < 16;
}

/* Not all zero, as the format wants it. */
static const char *new_trace(struct http_request *req)
{
	uint64_t ids[3] = {random_u64() | 1, random_u64(), random_u64() | 1};
	char *text = arena_alloc(&req->arena, HTTP_TRACEPARENT_LEN);

	memcpy(text, "00-", 3);
	hex_encode(ids, 16, text + 3);
	text[35] = '-';
	hex_encode(ids + 2, 8, text + 36);
	memcpy(text + 52, "-01", 4);
	return text;
}

void request_take_trace(struct http_request *req)
{
	int n;
	const char *sent = single_header(req, "traceparent", &n);

	if (n == 1 && traceparent_is_valid(sent))
		req->trace = sent;
	else
		req->trace = new_trace(req);
}

/* The target may be the whole URI, as sent to proxies (RFC 9112 section 3.2.2). */
static char *strip_authority(char *url)
{
	char *at = strstr(url, "://");

	if (*url == '/' || !at)
		return url;
	at = strchr(at + 3, '/');
	return at ? at : strcpy(url, "/");
}

static int take_query(struct http_request *req, char *text, struct err *err)
{
	size_t n = 1;

	for (const char *p = text; *p; p++)
		n += *p == '&';
	req->query = arena_alloc(&req->arena, n * sizeof(*req->query));
	for (char *item, *rest = text; (item = strsep(&rest, "&"));) {
		struct pair *pair = &req->query[req->n_query];
		char *equals = strchr(item, '=');

		if (!*item)
			continue;
		if (equals)
			*equals++ = '\0';
		pair->name = item;
		pair->value = equals ? equals : arena_str(&req->arena, "");
		if (percent_decode(pair->name, 1) || percent_decode(pair->value, 1)) {
			err_set(err, ERR_INVALID, "the query of the URL has a broken %%-escape");
			return 400;
		}
		req->n_query++;
	}
	return 0;
}

int request_take_url(struct http_request *req, char *url, struct err *err)
{
	char *mark;

	url = strip_authority(url);
	mark = strchr(url, '?');
	if (mark)
		*mark++ = '\0';
	req->path = url;
	return mark ? take_query(req, mark, err) : 0;
}

/* A body that says its length may be refused before it is sent. */
int request_check_length(struct http_request *req, struct err *err)
{
	const llhttp_t *parser = &req->conn->parser;
	int has = parser->flags & (F_CHUNKED | F_CONTENT_LENGTH);
	uint64_t length = parser->flags & F_CONTENT_LENGTH ? parser->content_length : 0;

	if (!has || length <= req->route->body_max)
		return 0;
	err_set(err, ERR_LIMIT, "the body has %llu bytes; %s %s takes %llu at most", (unsigned long long)length,
	        req->method, req->route->pattern, (unsigned long long)req->route->body_max);
	return 413;
}

int request_check(struct http_request *req, char *head, struct err *err)
{
	llhttp_t *parser = &req->conn->parser;
	int status;

	req->method = llhttp_method_name(parser->method);
	req->http_1_0 = parser->http_major == 1 && parser->http_minor == 0;
	req->head_only = parser->method == HTTP_HEAD;
	take_headers(req, head);
	request_take_trace(req);
	status = request_take_url(req, head, err);
	if (!status)
		status = check_host(req, err);
	if (!status && (parser->http_major != 1 || parser->http_minor > 1)) {
		err_set(err, ERR_UNSUPPORTED, "HTTP/%d.%d is not served; HTTP/1.1 is", parser->http_major,
		        parser->http_minor);
		status = 505;
	}
	if (!status)
		status = check_origin(req, err);
	if (!status)
		status = check_expect(req, err);
	if (!status)
		status = route_find(req, err);
	return status;
}
