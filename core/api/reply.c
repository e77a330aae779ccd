/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says, and how it is answered. */
#include <stdarg.h>
#include <stdio.h>

#include "api/inside.h"
#include "base/str.h"
#include "plugin/plugin.h"

/* ---- replies ---------------------------------------------------------------------------- */
void reply_json(struct http_request *req, int status, struct json *json)
{
	http_reply_json(req, status, json_text(json));
	json_free(json);
}

void reply_buf(struct http_request *req, int status, struct buf *out)
{
	if (out->failed)
		reply_fail(req, out->failed, "no memory for the answer");
	else
		http_reply(req, status, "application/json", out->data, out->len);
	buf_done(out);
}

void reply_err(struct http_request *req, const struct err *err)
{
	http_reply_problem(req, err, NULL);
}

void reply_fail(struct http_request *req, int code, const char *fmt, ...)
{
	struct err err = {.code = code};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	http_reply_problem(req, &err, NULL);
}

static void describe_errors(const struct json *errors, int status, struct http_problem *ret_more, struct err *ret_err)
{
	const struct json *first = json_at(errors, 0);
	const char *pointer = json_get_str(first, "pointer", "");
	const char *detail = json_get_str(first, "detail", "");
	int64_t line = json_get_int(first, "line", 0);
	int code = status == 403 ? ERR_PERM : ERR_INVALID;
	char at[32] = "";

	if (line)
		snprintf(at, sizeof(at), "line %lld%s", (long long)line, *pointer ? ", " : "");
	*ret_more = (struct http_problem){.status = status, .errors = json_text(errors)};
	if (json_count(errors) > 1)
		err_set(ret_err, code, "%zu problems; the first, at '%s%s': %s", json_count(errors), at, pointer,
		        detail);
	else
		err_set(ret_err, code, "%s%s%s%s", at, pointer, line || *pointer ? ": " : "", detail);
}

void reply_errors(struct http_request *req, const struct json *errors, int status)
{
	struct http_problem more;
	struct err err;

	describe_errors(errors, status, &more, &err);
	http_reply_problem(req, &err, &more);
}

void reply_invalid(struct http_request *req, const struct json *errors)
{
	reply_errors(req, errors, 422);
}

void reply_broken_lines(struct http_request *req, const struct json *errors)
{
	reply_errors(req, errors, 400);
}

const char *invalid_text(struct http_request *req, const struct json *errors, int status)
{
	struct http_problem more;
	struct err err;

	describe_errors(errors, status, &more, &err);
	return http_problem_text(req, &err, &more);
}

void errors_add(struct json *errors, const char *pointer, const char *fmt, ...)
{
	struct json *error;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error = json_new_object();
	json_set_str(error, "pointer", pointer);
	json_set_str(error, "detail", text);
	json_push(errors, error);
}

struct pending *pending_new(struct api *api, struct http_request *req)
{
	struct pending *pending = arena_alloc(http_arena(req), sizeof(*pending));

	*pending = (struct pending){api, req, 0};
	return pending;
}

void reply_gone(void *ctx, int r, const struct err *err)
{
	if (r)
		reply_err(ctx, err);
	else
		http_reply_empty(ctx, 204);
}

/* ---- requests --------------------------------------------------------------------------- */
void reply_not_json(struct http_request *req, struct err *err)
{
	struct http_problem more = {.status = 400, .type = "invalid"};

	err_prefix(err, "the body is not JSON");
	http_reply_problem(req, err, &more);
}

struct json *body_object(struct http_request *req)
{
	struct json *json;
	struct err err;
	size_t n;
	const char *body = http_body(req, &n);

	if (!n)
		return json_new_object();
	if (json_parse(body, n, &json, &err)) {
		reply_not_json(req, &err);
		return NULL;
	}
	if (json_type(json) == JSON_OBJECT)
		return json;
	reply_fail(req, ERR_INVALID, "the body must be a JSON object, not %s", json_type_name(json_type(json)));
	json_free(json);
	return NULL;
}

void reply_wrong(struct http_request *req, const char *pointer, const char *detail)
{
	struct json *errors = json_new_array();

	errors_add(errors, pointer, "%s", detail);
	reply_invalid(req, errors);
	json_free(errors);
}

struct json *body_checked(struct api *api, struct http_request *req, const char *component)
{
	struct json *body = body_object(req), *errors;

	if (!body)
		return NULL;
	errors = json_new_array();
	if (plugin_config_check(schema_find(api, component), body, "", errors)) {
		reply_invalid(req, errors);
		json_free(body);
		body = NULL;
	}
	json_free(errors);
	return body;
}

int64_t query_number(struct http_request *req, const char *name, int64_t otherwise, int64_t max)
{
	const char *text = http_query(req, name);
	int64_t v;

	if (!text)
		return otherwise;
	if (!str_to_i64(text, &v) && v >= 1 && v <= max)
		return v;
	reply_fail(req, ERR_INVALID, "'%s=%.40s' is not a number from 1 to %lld", name, text, (long long)max);
	return -1;
}

int64_t wait_parse(const struct api *api, const char *text)
{
	int64_t ms;

	if (!str_to_i64(text, &ms) && ms >= 0)
		ms = ms > INT32_MAX ? INT32_MAX : ms * 1000;
	else if (str_to_duration_ms(text, &ms) || ms < 0)
		return -1;
	return ms > api->env.config->wait_max_ms ? api->env.config->wait_max_ms : ms;
}
