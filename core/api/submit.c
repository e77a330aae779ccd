/* SPDX-License-Identifier: Apache-2.0 */
/* A task is checked completely before it is accepted: its kind's JSON Schema, then what a schema
 * cannot say, then the options of the format against the schema of the plugin that will read them.
 * All problems of all tasks of a request are found in one go, each with a JSON pointer.
 *
 * What is stored is the order in one canonical form: defaults are written out, sizes and durations
 * are integers, members about scheduling are moved into columns. So the same request gives the same
 * bytes, which is what an idempotency key is compared by. */
#include <string.h>

#include "api/inside.h"
#include "base/clock.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "plugin/plugin.h"

#define TASKS_MAX 10000
#define TASK_BODY_MAX (256u << 10)
#define ERRORS_MAX 100
#define LABELS_MAX 16
#define KEY_MAX 256

/* One task on its way through the checks. */
struct check {
	struct api *api;
	struct arena *arena;
	struct json *task, *errors;
	const char *prefix; /* pointer to the task within the body */
	size_t first_error; /* how many there were before this task */
};

static const char *below(struct check *c, const char *pointer)
{
	return arena_printf(c->arena, "%s%s", c->prefix, pointer);
}

static int is_fine(const struct check *c)
{
	return json_count(c->errors) == c->first_error;
}

/* ---- ingest ----------------------------------------------------------------------------- */
static void check_source(struct check *c)
{
	struct json *source = json_get_mut(c->task, "source"), *uris;
	const char *upload = json_get_str(source, "upload", NULL), *path;
	const struct json *list = json_get(source, "uris");
	int n = !!list + !!upload + !!json_get(source, "inline");

	if (n != 1)
		errors_add(c->errors, below(c, "/source"),
		           "it needs exactly one of uris, upload and inline, not %d", n);
	for (size_t i = 0; i < json_count(list); i++)
		if (!path_is_plain(json_str(json_at(list, i), "")))
			errors_add(c->errors,
			           arena_printf(c->arena, "%s/source/uris/%zu", c->prefix, i),
			           "'%.100s' is not an absolute path (without '.' and '..')",
			           json_str(json_at(list, i), ""));
	if (!upload || n != 1)
		return;
	path = upload_path(c->api, upload, c->arena);
	if (!path) {
		errors_add(c->errors, below(c, "/source/upload"),
		           "there is no upload '%.40s': it may be too old, upload it again",
		           upload);
		return;
	}
	uris = json_new_array(); /* workers know files only */
	json_push(uris, json_new_str(path));
	json_set(source, "uris", uris);
	json_del(source, "upload");
}

static void check_format(struct check *c)
{
	struct json *format = json_get_mut(c->task, "format");
	const char *name = json_get_str(format, "plugin", "auto");
	const struct json *plugin;
	struct err err = {0};

	if (!json_get(format, "options"))
		json_set(format, "options", json_new_object());
	if (!strcmp(name, "auto")) {
		if (json_count(json_get(format, "options")))
			errors_add(c->errors, below(c, "/format/options"),
			           "options belong to one plugin: name it in format.plugin");
		return;
	}
	plugin = plugin_find(c->api->env.plugins, "ingest", name, &err);
	if (!plugin)
		errors_add(c->errors, below(c, "/format/plugin"), "%s", err.text);
	else
		plugin_config_check(json_get(plugin, "config_schema"),
		                    json_get_mut(format, "options"), below(c, "/format/options"),
		                    c->errors);
}

static void check_ingest(struct check *c)
{
	if (dataset_is_reserved(json_get_str(c->task, "dataset", "")))
		errors_add(c->errors, below(c, "/dataset"),
		           "names that end in '__rejects' are made by ingest itself");
	check_source(c);
	check_format(c);
}

/* ---- the other kinds -------------------------------------------------------------------- */
static int check_known_dataset(struct check *c)
{
	const char *name = json_get_str(c->task, "dataset", "");

	if (catalog_dataset(c->api->env.catalog, name))
		return 1;
	errors_add(c->errors, below(c, "/dataset"), "there is no dataset '%s'", name);
	return 0;
}

static void check_index(struct check *c)
{
	const char *dataset = json_get_str(c->task, "dataset", ""),
	           *index = json_get_str(c->task, "index", "");

	if (check_known_dataset(c) && !catalog_index(c->api->env.catalog, dataset, index))
		errors_add(c->errors, below(c, "/index"),
		           "dataset '%s' has no index '%s': create it with POST "
		           "/v1/datasets/%s/indexes",
		           dataset, index, dataset);
}

static void check_maintain(struct check *c)
{
	check_known_dataset(c);
}

/* ---- custom and notify: for a plugin, by its schema -------------------------------------- */
static void check_plugin(struct check *c, const char *kind, const char *type)
{
	struct err err = {0};
	const struct json *plugin = plugin_find_type(c->api->env.plugins, kind,
	                                             json_get_str(c->task, "plugin", ""), type, &err);

	if (!plugin) {
		errors_add(c->errors, below(c, type ? "/type" : "/plugin"), "%s", err.text);
		return;
	}
	plugin_config_check(json_get(plugin, "config_schema"), json_get_mut(c->task, "config"),
	                    below(c, "/config"), c->errors);
	json_set_str(c->task, "plugin", json_get_str(plugin, "id", ""));
	json_del(c->task, "type");
}

static void check_custom(struct check *c)
{
	check_plugin(c, "task", json_get_str(c->task, "type", NULL));
}

static void check_notify(struct check *c)
{
	check_plugin(c, "notifier", NULL);
}

/* ---- kinds ------------------------------------------------------------------------------ */
static const struct {
	const char *name;
	const char *parents; /* objects that are there even when not sent, so that defaults apply */
	void (*check)(struct check *c);
} kinds[] = {
	{"ingest", "format sink errors", check_ingest},
	{"index", "", check_index},
	{"maintain", "", check_maintain},
	{"query", "", NULL},
	{"custom", "config", check_custom},
	{"notify", "config", check_notify},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void add_parents(struct json *task, const char *names, struct arena *arena)
{
	char *rest = arena_str(arena, names);

	for (char *name; (name = strsep(&rest, " "));)
		if (*name && !json_get(task, name))
			json_set(task, name, json_new_object());
}

static void check_kind(struct check *c)
{
	const char *name = json_get_str(c->task, "kind", "");
	size_t i = 0;

	while (i < KINDS && strcmp(kinds[i].name, name))
		i++;
	if (i == KINDS) {
		errors_add(
		        c->errors, below(c, "/kind"),
		        *name ? "'%.40s' is not a kind of task: ingest, index, maintain, query, custom "
		                "or notify is"
		              : "%sit is missing: ingest, index, maintain, query, custom or notify",
		        name);
		return;
	}
	add_parents(c->task, kinds[i].parents, c->arena);
	plugin_config_check(kind_schema(c->api, name), c->task, c->prefix, c->errors);
	if (is_fine(c) && json_get(c->task, "dataset") &&
	    !str_is_name(json_get_str(c->task, "dataset", "")))
		errors_add(c->errors, below(c, "/dataset"),
		           "'%.100s' is not a name: letters, digits, '_', '.' and '-'",
		           json_get_str(c->task, "dataset", ""));
	if (is_fine(c) && kinds[i].check)
		kinds[i].check(c);
}

/* ---- members about scheduling ----------------------------------------------------------- */
static int64_t take_time(struct check *c, const char *key, const char *pointer)
{
	const char *text = json_get_str(c->task, key, NULL);
	int64_t wall_ms = 0;

	if (text && clock_from_rfc3339(text, &wall_ms))
		errors_add(c->errors, below(c, pointer),
		           "'%.60s' is not a time such as 2026-01-31T12:00:00Z", text);
	json_del(c->task, key);
	return wall_ms;
}

static int take_priority(struct check *c)
{
	const struct json *value = json_get(c->task, "priority");
	const char *text = json_type(value) == JSON_INT
	                           ? arena_printf(c->arena, "%lld", (long long)json_int(value, -1))
	                           : json_str(value, "");
	int priority = -1;

	if (value && task_priority_parse(text, &priority))
		errors_add(c->errors, below(c, "/priority"),
		           "it is critical, high, normal, low, or a number from 0 to 9");
	json_del(c->task, "priority");
	return priority;
}

static const char *take_str(struct check *c, const char *key)
{
	const char *text = arena_str(c->arena, json_get_str(c->task, key, NULL));

	json_del(c->task, key);
	return text;
}

static const char *take_labels(struct check *c)
{
	const struct json *labels = json_get(c->task, "labels"), *value;
	const char *key, *text = NULL;
	size_t at = 0;

	if (json_count(labels) > LABELS_MAX)
		errors_add(c->errors, below(c, "/labels"), "%zu labels are more than %d",
		           json_count(labels), LABELS_MAX);
	while (json_each(labels, &at, &key, &value))
		if (!str_is_name(key) || json_type(value) != JSON_STRING ||
		    json_str_len(value) > KEY_MAX)
			errors_add(c->errors,
			           arena_printf(c->arena, "%s/labels/%.100s", c->prefix, key),
			           "a label is a name (letters, digits, '_', '.', '-') with a text "
			           "of at most %d bytes",
			           KEY_MAX);
	if (json_count(labels))
		text = arena_str(c->arena, json_text(labels));
	json_del(c->task, "labels");
	return text;
}

static void take_schedule(struct check *c, struct task_spec *spec)
{
	spec->queue = take_str(c, "queue");
	if (spec->queue && !str_is_name(spec->queue))
		errors_add(c->errors, below(c, "/queue"), "'%.100s' is not a name", spec->queue);
	spec->priority = take_priority(c);
	spec->run_at = take_time(c, "run_at", "/run_at");
	spec->expires_at = take_time(c, "expires_at", "/expires_at");
	if (spec->expires_at && spec->expires_at <= clock_wall_ms())
		errors_add(c->errors, below(c, "/expires_at"), "it is in the past");
	spec->timeout_ms = json_get_int(c->task, "timeout", 0);
	spec->max_attempts = (int)json_get_int(c->task, "max_attempts", 0);
	json_del(c->task, "timeout");
	json_del(c->task, "max_attempts");
	spec->labels = take_labels(c);
	spec->unique_key = take_str(c, "unique_key");
	spec->idempotency_key = take_str(c, "idempotency_key");
}

/* The header's key is for the whole request: with a list each task gets its own of it. */
static void take_header_key(struct check *c, struct http_request *req, const struct submission *s,
                            size_t i, struct task_spec *spec)
{
	const char *key = http_header(req, "idempotency-key");

	if (!key)
		return;
	if (!*key || strlen(key) > KEY_MAX - 8)
		errors_add(c->errors, c->prefix,
		           "the Idempotency-Key header must have 1 to %d bytes", KEY_MAX - 8);
	if (spec->idempotency_key && strcmp(spec->idempotency_key, key))
		errors_add(c->errors, below(c, "/idempotency_key"),
		           "it differs from the Idempotency-Key header");
	spec->idempotency_key =
	        s->is_list ? arena_printf(c->arena, "%s#%zu", key, i) : arena_str(c->arena, key);
}

/* Texts go on as C strings: one with a NUL would be checked by its beginning only. Where it is, is spelled
 * out on the way back from one that was found. NULL: all are fine. */
static const char *find_nul(struct check *c, const struct json *value)
{
	const struct json *member;
	const char *key, *found;
	size_t at = 0;

	if (json_type(value) == JSON_STRING)
		return strlen(json_str(value, "")) == json_str_len(value) ? NULL : "";
	while (json_type(value) == JSON_OBJECT && json_each(value, &at, &key, &member)) {
		found = find_nul(c, member);
		if (found)
			return arena_printf(c->arena, "/%s%s", key, found);
	}
	for (size_t i = 0; json_type(value) == JSON_ARRAY && i < json_count(value); i++) {
		found = find_nul(c, json_at(value, i));
		if (found)
			return arena_printf(c->arena, "/%zu%s", i, found);
	}
	return NULL;
}

static void check_strings(struct check *c)
{
	const char *found = find_nul(c, c->task);

	if (found)
		errors_add(c->errors, below(c, found), "a text cannot have a NUL character");
}

static void check_task(struct check *c, struct http_request *req, const struct submission *s,
                       size_t i, struct task_spec *spec)
{
	c->first_error = json_count(c->errors);
	if (json_type(c->task) != JSON_OBJECT) {
		errors_add(c->errors, c->prefix, "a task is a JSON object, not %s",
		           json_type_name(json_type(c->task)));
		return;
	}
	check_strings(c);
	if (is_fine(c))
		check_kind(c);
	if (!is_fine(c))
		return;
	take_schedule(c, spec);
	take_header_key(c, req, s, i, spec);
	spec->trace = http_traceparent(req);
	spec->kind = json_get_str(c->task, "kind", "");
	spec->dataset = json_get_str(c->task, "dataset", NULL);
	spec->body = json_text(c->task);
	if (strlen(spec->body) > TASK_BODY_MAX)
		errors_add(c->errors, c->prefix,
		           "the task has %zu bytes, more than %u: use an upload for data",
		           strlen(spec->body), TASK_BODY_MAX);
}

/* ---- the request's body ----------------------------------------------------------------- */
static int read_lines(const char *body, size_t n, struct json *trees, struct err *err)
{
	const char *at = body, *end = body + n;

	for (size_t line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);
		struct json *tree;

		if (strspn(at, " \t\r") < len) {
			if (json_parse(at, len, &tree, err)) {
				err_prefix(err, "line %zu", line);
				return err->code;
			}
			json_push(trees, tree);
		}
		at += len + 1;
	}
	return 0;
}

static int read_trees(struct http_request *req, struct submission *s, struct err *err)
{
	struct json *tree;
	size_t n;
	const char *body = http_body(req, &n);
	int r;

	s->is_list = 1;
	if (http_content_is(req, "application/x-ndjson")) {
		s->trees = json_new_array();
		return read_lines(body, n, s->trees, err);
	}
	r = json_parse(body, n, &tree, err);
	if (r)
		return r;
	if (json_type(tree) == JSON_ARRAY) {
		s->trees = tree;
		return 0;
	}
	s->is_list = 0;
	s->trees = json_new_array();
	json_push(s->trees, tree);
	return 0;
}

static int check_count(struct http_request *req, const struct submission *s)
{
	if (s->n >= 1 && s->n <= TASKS_MAX)
		return 0;
	reply_fail(req, s->n ? ERR_LIMIT : ERR_INVALID, "a request has 1 to %d tasks, not %zu",
	           TASKS_MAX, s->n);
	return ERR_INVALID;
}

static int check_all(struct api *api, struct http_request *req, struct submission *s)
{
	struct json *errors = json_new_array();
	int r = 0;

	for (size_t i = 0; i < s->n && json_count(errors) < ERRORS_MAX; i++) {
		struct check c = {api,
		                  http_arena(req),
		                  (struct json *)json_at(s->trees, i),
		                  errors,
		                  s->is_list ? arena_printf(http_arena(req), "/%zu", i) : "",
		                  0};

		check_task(&c, req, s, i, &s->specs[i]);
	}
	if (json_count(errors)) {
		reply_invalid(req, errors);
		r = ERR_INVALID;
	}
	json_free(errors);
	return r;
}

int submission_read(struct api *api, struct http_request *req, struct submission *ret)
{
	struct submission s = {0};
	struct err err;
	int r = read_trees(req, &s, &err);

	if (r) {
		err_prefix(&err, "the body is not JSON");
		reply_err(req, &err);
		json_free(s.trees);
		return r;
	}
	s.n = json_count(s.trees);
	s.specs = arena_alloc(http_arena(req), (s.n + 1) * sizeof(*s.specs));
	r = check_count(req, &s);
	if (!r)
		r = check_all(api, req, &s);
	if (r)
		json_free(s.trees);
	else
		*ret = s;
	return r;
}

void submission_done(struct submission *submission)
{
	json_free(submission->trees);
}
