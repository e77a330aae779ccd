/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the row of the route table that a request belongs to. Rows are few and patterns share no
 * values, so a walk is all it takes. */
#include "http/conn.h"

#include <string.h>

#include "base/str.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int percent_decode(char *s, int plus_is_space)
{
	char *out = s, *begin = s;

	for (; *s; s++) {
		if (*s == '%') {
			int high = hex_value(s[1]), low = high < 0 ? -1 : hex_value(s[2]);

			if (low < 0 || high + low == 0)
				return ERR_INVALID;
			*out++ = (char)(high << 4 | low);
			s += 2;
		} else {
			*out++ = *s == '+' && plus_is_space ? ' ' : *s;
		}
	}
	*out = '\0';
	return utf8_valid(begin, (size_t)(out - begin)) ? 0 : ERR_INVALID;
}

/* One segment against its pattern; a parameter is noted undecoded in req->params. */
static int segment_matches(struct http_request *req, const char *pattern, size_t pn, const char *s, size_t n)
{
	const char *close = memchr(pattern, '}', pn);
	size_t tail = close ? pn - (size_t)(close - pattern) - 1 : 0;
	struct pair *pair = &req->params[req->n_params];

	if (pattern[0] != '{' || !close)
		return pn == n && !memcmp(pattern, s, n);
	if (n <= tail || memcmp(close + 1, s + n - tail, tail) || memchr(s, ':', n - tail) ||
	    req->n_params == HTTP_PARAMS_MAX)
		return 0;
	pair->name = arena_strn(&req->arena, pattern + 1, (size_t)(close - pattern) - 1);
	pair->value = arena_strn(&req->arena, s, n - tail);
	req->n_params++;
	return 1;
}

static int path_matches(struct http_request *req, const char *pattern)
{
	const char *path = req->path;

	req->n_params = 0;
	while (*pattern == '/' && *path == '/') {
		size_t pn = strcspn(++pattern, "/"), n = strcspn(++path, "/");

		if (!segment_matches(req, pattern, pn, path, n))
			return 0;
		pattern += pn;
		path += n;
	}
	return !*pattern && !*path;
}

static int method_matches(const struct http_request *req, const struct http_route *route)
{
	return !strcmp(route->method, req->method) ||
	       (req->head_only && !strcmp(route->method, "GET") && !(route->flags & HTTP_REPLY_STREAM));
}

static void allow(struct buf *list, const struct http_route *route)
{
	buf_printf(list, "%s%s", list->len ? ", " : "", route->method);
	if (!strcmp(route->method, "GET") && !(route->flags & HTTP_REPLY_STREAM))
		buf_puts(list, ", HEAD");
}

static int decode_params(struct http_request *req, struct err *err)
{
	for (size_t i = 0; i < req->n_params; i++)
		if (percent_decode(req->params[i].value, 0)) {
			err_set(err, ERR_INVALID, "the path has a broken %%-escape");
			return 400;
		}
	return 0;
}

int route_find(struct http_request *req, struct err *err)
{
	int options = !strcmp(req->method, "OPTIONS"), status = 404;
	struct buf allowed;

	if (options && !strcmp(req->path, "*"))
		return 0;
	buf_init(&allowed, 0);
	for (const struct http_route *route = req->server->routes; route->method; route++) {
		if (!path_matches(req, route->pattern))
			continue;
		if (method_matches(req, route)) {
			req->route = route;
			buf_done(&allowed);
			return decode_params(req, err);
		}
		allow(&allowed, route);
	}
	req->n_params = 0;
	if (allowed.len) {
		buf_puts(&allowed, ", OPTIONS");
		http_set_header(req, "Allow", allowed.data);
		status = options ? 0 : 405;
		err_set(err, ERR_UNSUPPORTED, "%s does not take %s but %s", req->path, req->method, allowed.data);
	} else {
		err_set(err, ERR_NOTFOUND, "there is nothing at '%.200s'", req->path);
	}
	buf_done(&allowed);
	return status;
}
