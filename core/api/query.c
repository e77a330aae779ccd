/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/query: SQL in, rows out, as they come.
 *
 * Rows flow at the speed of the client: the worker may send `window` bytes ahead and gets credit
 * for as many as the socket has room for. An error before the first byte is a problem with its
 * status; a later one cannot change the status any more, so NDJSON ends with a line {"error":{…}},
 * and in any format the stream is cut without its proper end, which every HTTP client reports. A
 * client that goes away cancels the query. */
#include <string.h>

#include "api/access.h"
#include "base/str.h"
#include "supervise/supervise.h"

#define WINDOW (1u << 20)

struct query {
	struct http_request *req;
	struct supervise_query *running;
	const char *type;
	int begun, is_ndjson, is_cut; /* cut: its token is no longer good */
	size_t owed;                  /* bytes for which the worker has no credit yet */
};

static const struct {
	const char *format, *type;
} formats[] = {
	{"ndjson", "application/x-ndjson"},
	{"json", "application/json"},
	{"csv", "text/csv; charset=utf-8"},
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static void give_credit(struct query *query)
{
	size_t n = query->owed;

	query->owed = 0;
	if (n && query->running)
		supervise_query_more(query->running, n);
}

static void on_drain(void *ctx, struct http_request *req)
{
	(void)req;
	give_credit(ctx);
}

static void begin(struct query *query)
{
	if (query->begun)
		return;
	query->begun = 1;
	http_on_drain(query->req, on_drain, query);
	http_stream_begin(query->req, 200, query->type);
}

/* on_end comes and answers. */
static void cut(struct query *query)
{
	if (!query->is_cut && query->running)
		supervise_query_cancel(query->running);
	query->is_cut = 1;
}

static void on_data(void *ctx, const void *p, size_t n)
{
	struct query *query = ctx;

	if (query->is_cut || !access_is_live(query->req)) {
		cut(query);
		return;
	}
	begin(query);
	query->owed += n;
	if (!http_stream_write(query->req, p, n))
		give_credit(query);
}

static void end_broken(struct query *query, const struct err *err)
{
	const char *problem = http_problem_text(query->req, err, NULL);
	const char *line = arena_printf(http_arena(query->req), "{\"error\":%s}\n", problem);

	if (query->is_ndjson)
		http_stream_write(query->req, line, strlen(line));
	http_stream_abort(query->req);
}

static void on_end(void *ctx, const struct json *result, const struct err *err)
{
	struct query *query = ctx;

	(void)result;
	query->running = NULL;
	http_on_gone(query->req, NULL, NULL);
	if (err && err->code && query->begun) {
		end_broken(query, err);
	} else if (err && err->code) {
		reply_err(query->req, err);
	} else {
		begin(query);
		http_stream_end(query->req);
	}
}

static void on_gone(void *ctx, struct http_request *req)
{
	struct query *query = ctx;

	(void)req;
	if (query->running)
		supervise_query_cancel(query->running); /* on_end comes and answers */
}

/* The format: as the body says, else the first that Accept allows. -1: none. */
static int choose_format(struct http_request *req, const char *wanted)
{
	for (size_t i = 0; i < FORMATS; i++) {
		const char *type = arena_strn(http_arena(req), formats[i].type, strcspn(formats[i].type, ";"));

		if (wanted ? str_eq(wanted, formats[i].format) : http_accepts(req, type))
			return (int)i;
	}
	return -1;
}

/* What is not among them is not there for the query. */
static struct json *visible_datasets(struct api *api, struct http_request *req)
{
	struct json *all = supervise_query_datasets(api->env.supervise), *some;

	if (access_has_all_datasets(req))
		return all;
	some = json_new_array();
	for (size_t i = 0; i < json_count(all); i++)
		if (access_has_dataset(req, json_get_str(json_at(all, i), "name", "")))
			json_push(some, json_copy(json_at(all, i)));
	json_free(all);
	return some;
}

static struct json *make_order(struct api *api, struct http_request *req, const struct json *body, const char *format)
{
	struct json *order = json_new_object();

	json_set_str(order, "sql", json_get_str(body, "sql", ""));
	json_set_str(order, "format", format);
	json_set_int(order, "limit", json_get_int(body, "limit", 0));
	json_set_int(order, "window", WINDOW);
	json_set(order, "datasets", visible_datasets(api, req));
	return order;
}

static void start(struct api *api, struct http_request *req, const struct json *body, int format)
{
	struct query *query = arena_alloc(http_arena(req), sizeof(*query));
	struct supervise_query_events events = {query, on_data, on_end};
	struct err err;

	query->req = req;
	query->type = formats[format].type;
	query->is_ndjson = str_eq(formats[format].format, "ndjson");
	http_on_gone(req, on_gone, query);
	if (supervise_query(api->env.supervise, make_order(api, req, body, formats[format].format), &events,
	                    &query->running, &err))
		reply_err(req, &err);
}

void handle_query(struct api *api, struct http_request *req)
{
	struct http_problem more = {.status = 406, .type = "not-acceptable"};
	struct json *body = body_checked(api, req, "Query");
	struct err err;
	int format;

	if (!body)
		return;
	format = choose_format(req, json_get_str(body, "format", NULL));
	if (format >= 0) {
		start(api, req, body, format);
	} else {
		err_set(&err, ERR_UNSUPPORTED,
		        "rows come as application/x-ndjson, application/json or text/csv, none of "
		        "which is accepted");
		http_reply_problem(req, &err, &more);
	}
	json_free(body);
}
