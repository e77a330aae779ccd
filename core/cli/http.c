/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli.h"

#define ANSWER_MAX (256u << 20)
#define PROBE_MS 5000L

struct answer {
	CURL *curl;
	const char *content_type, *key; /* of the request; NULL: JSON, no Idempotency-Key */
	const struct args *args;
	struct buf text;
	int shows;                                    /* how much was sent, on a terminal */
	FILE *out;                                    /* where a good answer goes, or NULL */
	void (*on_line)(void *ctx, const char *line); /* or here */
	void *line_ctx;
};

/* Whole lines of answer->text go out, the rest of one stays. */
static void give_lines(struct answer *answer)
{
	char *stop;

	while (answer->text.len && (stop = memchr(answer->text.data, '\n', answer->text.len))) {
		*stop = '\0';
		if (stop > answer->text.data && stop[-1] == '\r')
			stop[-1] = '\0';
		answer->on_line(answer->line_ctx, answer->text.data);
		buf_consume(&answer->text, (size_t)(stop - answer->text.data) + 1);
	}
}

static size_t on_bytes(char *p, size_t size, size_t n, void *ctx)
{
	struct answer *answer = ctx;
	long status = 0;

	curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &status);
	if (answer->out && status >= 200 && status < 300)
		return fwrite(p, size, n, answer->out);
	if (buf_add(&answer->text, p, size * n))
		return 0;
	if (answer->on_line && status >= 200 && status < 300)
		give_lines(answer);
	return size * n;
}

static size_t from_file(char *p, size_t size, size_t n, void *ctx)
{
	size_t got = fread(p, size, n, ctx);

	return ferror((FILE *)ctx) ? CURL_READFUNC_ABORT : got;
}

/* Called about once a second at least. */
static int on_progress(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
	const struct answer *answer = ctx;
	curl_off_t rate = 0;

	(void)dltotal, (void)dlnow, (void)ultotal;
	if (answer->shows && !curl_easy_getinfo(answer->curl, CURLINFO_SPEED_UPLOAD_T, &rate))
		fprintf(stderr, "\rsending: %.1f MB  %.1f MB/s\033[K", (double)ulnow / 1e6, (double)rate / 1e6);
	return cli_interrupted && !answer->args->last_words;
}

void http_escape(const char *text, char *ret, size_t cap)
{
	char *escaped = curl_easy_escape(NULL, text, 0);

	str_copy(ret, cap, escaped ? escaped : "");
	curl_free(escaped);
}

/* ---- the token ------------------------------------------------------------------------------------------ */

#define TOKEN_MAX 4096

static char *token_text; /* of --token-file, for the life of the program */

static const char *token_of_user(void)
{
	const char *token = token_text ? token_text : getenv("ORASI_TOKEN");

	return token && *token ? token : NULL;
}

/* A line end within would be a header of its own. */
int http_token_from(const char *path)
{
	struct err err;
	struct buf text;

	buf_init(&text, 0);
	if (file_read(path, TOKEN_MAX, &text, &err)) {
		buf_done(&text);
		return fail(CLI_USAGE, "--token-file: %s", err.text);
	}
	free(token_text);
	token_text = buf_steal(&text);
	if (token_text)
		token_text[strcspn(token_text, "\r\n")] = '\0';
	return token_text && *token_text ? 0
	                                 : fail(CLI_USAGE, "--token-file '%s' has no token in its first line", path);
}

static struct curl_slist *add_token(struct curl_slist *headers)
{
	const char *token = token_of_user();
	char header[TOKEN_MAX + 32];

	if (!token)
		return headers;
	snprintf(header, sizeof(header), "Authorization: Bearer %.*s", (int)strcspn(token, "\r\n"), token);
	return curl_slist_append(headers, header);
}

static void set_target(CURL *curl, const struct args *args, const char *path)
{
	char url[4096];

	if (str_starts(args->server, "unix:")) {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, args->server + 5);
		snprintf(url, sizeof(url), "http://localhost%s", path);
	} else {
		size_t n = strlen(args->server);

		while (n && args->server[n - 1] == '/')
			n--;
		snprintf(url, sizeof(url), "%.*s%s", (int)n, args->server, path);
	}
	curl_easy_setopt(curl, CURLOPT_URL, url);
}

/* Members of the API by what they are called on the command line; the longer of two with one beginning comes first. */
static const struct {
	const char *pointer, *option;
} spoken[] = {
	{"/format/plugin", "format"},
	{"/format/options", "option"},
	{"/errors/max_rejected_percent", "max-rejected-percent"},
	{"/errors/max_rejected", "max-rejected"},
	{"/source/compression", "compression"},
	{"/dataset", "dataset"},
	{"/priority", "priority"},
	{"/labels", "label"},
	{"/run_at", "run-at"},
	{"/expires_at", "expires-at"},
	{"/timeout", "timeout"},
	{"/deadline", "deadline"},
	{"/max_attempts", "max-attempts"},
	{"/callback/url", "callback"},
	{"/callback/secret", "callback-secret"},
	{"/to", "out"},
	{"/at", "at"},
	{"/version", "version"},
	{"/overwrite", "overwrite"},
	{"/target_file_bytes", "target-bytes"},
	{"/sort_by", "sort-by"},
	{"/bloom_columns", "bloom"},
	{"/older_than_ms", "older-than"},
	{"/where", "where"},
};

/* "/format/plugin: …" as "--format: …", where the command was given that option; else as it came. */
static void speak(const struct args *args, const char *text, char *ret, size_t cap)
{
	for (size_t i = 0; i < sizeof(spoken) / sizeof(spoken[0]); i++) {
		const char *rest = text + strlen(spoken[i].pointer);

		if (!str_starts(text, spoken[i].pointer) || (*rest != ':' && *rest != '/') ||
		    !args_has(args, spoken[i].option))
			continue;
		snprintf(ret, cap, "--%s%s%s", spoken[i].option, *rest == '/' ? " " : "", rest + (*rest == '/'));
		return;
	}
	str_copy(ret, cap, text);
}

/* "line 3, " of an error in one of many lines. */
static const char *place_of(const struct json *error, char text[32])
{
	int64_t line = json_get_int(error, "line", 0);

	*text = '\0';
	if (line)
		snprintf(text, 32, "line %lld, ", (long long)line);
	return text;
}

/* A problem document as one line, with its pointers. */
static int say_problem(const struct answer *answer, long status)
{
	const struct json *errors;
	struct json *problem = NULL;
	char more[2048] = "", text[1024], said[1024], place[32];

	if (!answer->text.len || json_parse(answer->text.data, answer->text.len, &problem, NULL))
		return fail(CLI_FAILED, "the agent answered %ld: %.300s", status,
		            answer->text.len ? answer->text.data : "");
	errors = json_get(problem, "errors");
	for (size_t i = 0; i < json_count(errors); i++) {
		size_t n = strlen(more);

		snprintf(text, sizeof(text), "%s%s: %s", place_of(json_at(errors, i), place),
		         json_get_str(json_at(errors, i), "pointer", ""),
		         json_get_str(json_at(errors, i), "detail", ""));
		speak(answer->args, text, said, sizeof(said));
		snprintf(more + n, sizeof(more) - n, "\n  %s", said);
	}
	speak(answer->args, json_get_str(problem, "detail", "the request failed"), said, sizeof(said));
	fail(CLI_FAILED, "%s%s", said, json_count(errors) > 1 ? more : "");
	json_free(problem);
	return CLI_FAILED;
}

static long last_status;

long http_last_status(void)
{
	return last_status;
}

static int perform(const struct args *args, struct answer *answer)
{
	CURLcode r = curl_easy_perform(answer->curl);
	long status = 0;

	last_status = 0;
	curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &last_status);
	if (answer->shows)
		fputs("\r\033[K", stderr);
	if (cli_interrupted && r)
		return CLI_INTERRUPTED;
	if (args->probing)
		return r || curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &status) || status / 100 != 2
		               ? CLI_FAILED
		               : 0;
	if (r == CURLE_COULDNT_CONNECT || r == CURLE_COULDNT_RESOLVE_HOST)
		return fail(CLI_UNREACHABLE,
		            "no agent answers at %s: start one with 'orasi-agent', or name it with --server",
		            args->server);
	if (r)
		return fail(CLI_FAILED, "%s: %s", args->server, curl_easy_strerror(r));
	curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300 ? 0 : say_problem(answer, status);
}

static struct curl_slist *add_header(struct curl_slist *headers, const char *name, const char *value)
{
	char header[512];

	snprintf(header, sizeof(header), "%s: %.*s", name, (int)strcspn(value, "\r\n"), value);
	return curl_slist_append(headers, header);
}

/* `streams`: the body is read from somewhere, and nobody knows its length. */
static struct curl_slist *make_headers(const struct answer *answer, int streams)
{
	struct curl_slist *headers = add_header(NULL, "Content-Type",
	                                        streams                ? "application/octet-stream"
	                                        : answer->content_type ? answer->content_type
	                                                               : "application/json");

	if (answer->key)
		headers = add_header(headers, "Idempotency-Key", answer->key);
	headers = curl_slist_append(headers, "Expect:"); /* no round trip to ask whether the body is wanted */
	headers = add_token(headers);
	return streams ? curl_slist_append(headers, "Transfer-Encoding: chunked") : headers;
}

static void set_body(CURL *curl, const char *body, FILE *in)
{
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	if (!in)
		return;
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, from_file);
	curl_easy_setopt(curl, CURLOPT_READDATA, in);
}

static void set_ears(struct answer *answer)
{
	CURL *curl = answer->curl;

	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, answer);
}

static int request(const struct args *args, const char *method, const char *path, const char *body, FILE *in,
                   struct answer *answer)
{
	struct curl_slist *headers;
	int r;

	answer->args = args;
	answer->shows = in && isatty(STDERR_FILENO) && !args->quiet && !args->json;
	answer->curl = curl_easy_init();
	if (!answer->curl)
		return fail(CLI_FAILED, "cannot start the HTTP client");
	headers = make_headers(answer, in != NULL);
	set_target(answer->curl, args, path);
	curl_easy_setopt(answer->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(answer->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(answer->curl, CURLOPT_NOSIGNAL, 1L);
	set_ears(answer);
	set_body(answer->curl, body, in);
	if (args->probing && !args->last_words)
		curl_easy_setopt(answer->curl, CURLOPT_TIMEOUT_MS, PROBE_MS);
	r = perform(args, answer);
	curl_slist_free_all(headers);
	curl_easy_cleanup(answer->curl);
	return r;
}

static int parse_answer(struct answer *answer, int r, struct json **ret)
{
	struct err err;

	*ret = NULL;
	if (!r && answer->text.len && json_parse_own(answer->text.data, answer->text.len, ret, &err))
		r = fail(CLI_FAILED, "the answer is not JSON: %s", err.text);
	buf_done(&answer->text);
	return r;
}

int http_json(const struct args *args, const char *method, const char *path, const struct json *body, struct json **ret)
{
	struct answer answer = {0};

	buf_init(&answer.text, ANSWER_MAX);
	return parse_answer(&answer, request(args, method, path, body ? json_text(body) : NULL, NULL, &answer), ret);
}

/* The arguments of a request that is not broken off once it has begun: an answer that nobody has read would leave a task of
 * which nobody knows. -1: we were interrupted before. */
static int to_the_end(const struct args *args, struct args *ret)
{
	*ret = *args;
	ret->last_words = 1;
	return cli_interrupted ? -1 : 0;
}

int http_submit(const struct args *args, const char *path, const struct json *body, struct json **ret)
{
	struct args whole;

	*ret = NULL;
	return to_the_end(args, &whole) ? CLI_INTERRUPTED : http_json(&whole, "POST", path, body, ret);
}

int http_many(const struct args *args, const char *path, const char *text, int is_lines, const char *key,
              struct json **ret)
{
	struct answer answer = {.content_type = is_lines ? "application/x-ndjson" : NULL, .key = key};
	struct args whole;
	struct err err;
	int r;

	*ret = NULL;
	if (to_the_end(args, &whole))
		return CLI_INTERRUPTED;
	buf_init(&answer.text, ANSWER_MAX);
	r = request(&whole, "POST", path, text, NULL, &answer);
	if (!r && is_lines && str_starts(path, "/v1/tasks:batch")) {
		r = json_parse_lines(answer.text.data, answer.text.len, ret, &err);
		buf_done(&answer.text);
		return r ? fail(CLI_FAILED, "the answer is not JSON: %s", err.text) : 0;
	}
	return parse_answer(&answer, r, ret);
}

int http_upload(const struct args *args, const char *path, FILE *in, struct json **ret)
{
	struct answer answer = {0};

	buf_init(&answer.text, ANSWER_MAX);
	return parse_answer(&answer, request(args, "POST", path, NULL, in, &answer), ret);
}

int http_stream(const struct args *args, const char *method, const char *path, const struct json *body, FILE *out)
{
	struct answer answer = {.out = out};
	int r;

	buf_init(&answer.text, ANSWER_MAX);
	r = request(args, method, path, body ? json_text(body) : NULL, NULL, &answer);
	buf_done(&answer.text);
	return r;
}

int http_lines(const struct args *args, const char *path, void (*on_line)(void *ctx, const char *line), void *ctx)
{
	struct answer answer = {.on_line = on_line, .line_ctx = ctx};
	int r;

	buf_init(&answer.text, ANSWER_MAX);
	r = request(args, "GET", path, NULL, NULL, &answer);
	buf_done(&answer.text);
	return r;
}
