/* SPDX-License-Identifier: Apache-2.0 */
/* A task is checked completely before it is accepted: its kind's JSON Schema, then what a schema
 * cannot say, then the options of the format against the schema of the plugin that will read them.
 * All problems of all tasks of a request are found in one go, each with a JSON pointer.
 *
 * What is stored is the order in one canonical form: defaults are written out, sizes and durations
 * are integers, members about scheduling are moved into columns. So the same request gives the same
 * bytes, which is what an idempotency key is compared by. */
#include <string.h>

#include "api/access.h"
#include "api/check.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "plugin/plugin.h"

#define TASK_BODY_MAX (256u << 10)

static const char *below(struct check *c, const char *pointer)
{
	return check_below(c, pointer);
}

static int is_fine(const struct check *c)
{
	return json_count(c->errors) == c->first_error;
}

/* ---- ingest ----------------------------------------------------------------------------- */
static void check_range(struct check *c, const struct json *source)
{
	const struct json *range = json_get(source, "range");

	if (!range)
		return;
	if (json_count(json_get(source, "uris")) != 1)
		errors_add(c->errors, below(c, "/source/range"), "a range is of one file: give one uri");
	if (json_get_int(range, "begin", 0) >= json_get_int(range, "end", 0))
		errors_add(c->errors, below(c, "/source/range"), "its end is not behind its begin");
}

static void check_source(struct check *c)
{
	struct json *source = json_get_mut(c->task, "source"), *uris;
	const char *upload = json_get_str(source, "upload", NULL), *path;
	const struct json *list = json_get(source, "uris");
	int n = !!list + !!upload + !!json_get(source, "inline");

	if (n != 1)
		errors_add(c->errors, below(c, "/source"), "it needs exactly one of uris, upload and inline, not %d",
		           n);
	for (size_t i = 0; i < json_count(list); i++)
		if (!path_is_plain(json_str(json_at(list, i), "")))
			errors_add(c->errors, arena_printf(c->arena, "%s/source/uris/%zu", c->prefix, i),
			           "'%.100s' is not an absolute path (without '.' and '..')",
			           json_str(json_at(list, i), ""));
	check_range(c, source);
	if (!upload || n != 1)
		return;
	path = upload_path(c->api, upload, c->arena);
	if (!path) {
		errors_add(c->errors, below(c, "/source/upload"),
		           "there is no upload '%.40s': it may be too old, upload it again", upload);
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
			           "options belong to one plugin: name the format too");
		return;
	}
	plugin = plugin_find(c->api->env.plugins, "ingest", name, &err);
	if (!plugin)
		errors_add(c->errors, below(c, "/format/plugin"), "%s", err.text);
	else
		plugin_config_check(json_get(plugin, "config_schema"), json_get_mut(format, "options"),
		                    below(c, "/format/options"), c->errors);
}

static void check_transforms(struct check *c)
{
	const struct json *steps = json_get(c->task, "transform");

	for (size_t i = 0; i < json_count(steps); i++) {
		struct json *step = (struct json *)json_at(steps, i);
		const char *at = arena_printf(c->arena, "%s/transform/%zu", c->prefix, i);
		struct err err = {0};
		const struct json *plugin =
			plugin_find(c->api->env.plugins, "transform", json_get_str(step, "name", ""), &err);

		if (!plugin) {
			errors_add(c->errors, arena_printf(c->arena, "%s/name", at), "%s", err.text);
			continue;
		}
		if (!json_get(step, "config"))
			json_set(step, "config", json_new_object());
		plugin_config_check(json_get(plugin, "config_schema"), json_get_mut(step, "config"),
		                    arena_printf(c->arena, "%s/config", at), c->errors);
	}
}

static void check_ingest(struct check *c)
{
	const char *dataset = json_get_str(c->task, "dataset", "");
	struct err err = {0};

	if (dataset_is_reserved(dataset))
		errors_add(c->errors, below(c, "/dataset"), "names that end in '__rejects' are made by ingest itself");
	else if (catalog_check_name(c->api->env.catalog, dataset, &err))
		errors_add(c->errors, below(c, "/dataset"), "%s", err.text);
	check_source(c);
	check_format(c);
	check_transforms(c);
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
	const char *dataset = json_get_str(c->task, "dataset", ""), *index = json_get_str(c->task, "index", "");

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

/* ---- export -------------------------------------------------------------------------------- */

static int is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return n && str_starts(path, folder) && (path[n] == '/' || !path[n]);
}

/* What the agent keeps is not to be written over, nor mixed with files of others. */
static const char *owner_of(struct check *c, const char *to)
{
	const struct catalog_dataset **datasets;
	size_t n = 0;

	if (is_below(to, c->api->env.data_dir))
		return "the agent's data folder";
	if (!catalog_datasets(c->api->env.catalog, c->arena, &datasets, &n))
		for (size_t i = 0; i < n; i++)
			if (is_below(to, datasets[i]->location))
				return arena_printf(c->arena, "the dataset '%s'", datasets[i]->name);
	return NULL;
}

static void check_place(struct check *c)
{
	const char *to = json_get_str(c->task, "to", ""), *owner;
	const char *name = str_starts(to, "s3://") ? strchr(to + strlen("s3://"), '/') : to;
	int is_far = location_is_far(to) && name > to + strlen("s3://");

	if (!path_is_plain(to) && !is_far) {
		errors_add(c->errors, below(c, "/to"),
		           "'%.200s' is neither an absolute path (without '.' and '..') nor s3://bucket/key", to);
		return;
	}
	if (!name || !name[strspn(name, "/")])
		errors_add(c->errors, below(c, "/to"), "'%.200s' names no file or folder", to);
	owner = owner_of(c, to);
	if (owner)
		errors_add(c->errors, below(c, "/to"), "'%.200s' lies in %s: export to another place", to, owner);
	if (str_ends(to, "/") && json_get_bool(c->task, "overwrite", 0))
		errors_add(c->errors, below(c, "/overwrite"), "only a file is overwritten, not a folder");
}

/* Nothing in the name of a folder says what is wanted: it gets Parquet, as a table is made of. */
static const char *encoder_of(const struct json *format, const char *to)
{
	const char *name = json_get_str(format, "plugin", "auto");

	return !strcmp(name, "auto") && str_ends(to, "/") ? "parquet" : name;
}

static void check_encoder(struct check *c)
{
	struct json *format = json_get_mut(c->task, "format");
	const char *to = json_get_str(c->task, "to", "");
	struct err err = {0};
	const struct json *plugin = plugin_find_encoder(c->api->env.plugins, encoder_of(format, to), to, &err);

	if (!plugin) {
		errors_add(c->errors, below(c, "/format/plugin"), "%s", err.text);
		return;
	}
	if (!json_get(format, "options"))
		json_set(format, "options", json_new_object());
	plugin_config_check(json_get(plugin, "config_schema"), json_get_mut(format, "options"),
	                    below(c, "/format/options"), c->errors);
	json_set_str(format, "plugin", json_get_str(plugin, "id", ""));
}

static void check_export(struct check *c)
{
	check_known_dataset(c);
	check_place(c);
	check_encoder(c);
	if (json_get(c->task, "version") && json_get(c->task, "at"))
		errors_add(c->errors, below(c, "/at"), "either a version or a time");
}

/* ---- custom and notify: for a plugin, by its schema -------------------------------------- */
static void check_plugin(struct check *c, const char *kind, const char *type)
{
	struct err err;
	const struct json *plugin =
		plugin_find_type(c->api->env.plugins, kind, json_get_str(c->task, "plugin", ""), type, &err);
	const char *name;

	if (!plugin) {
		errors_add(c->errors, below(c, type ? "/type" : "/plugin"), "%s", err.text);
		return;
	}
	plugin_config_check(json_get(plugin, "config_schema"), json_get_mut(c->task, "config"), below(c, "/config"),
	                    c->errors);
	name = json_get_str(plugin, "id", "");
	if (!str_eq(json_get_str(c->task, "plugin", NULL), name))
		json_set_str(c->task, "plugin", name);
	if (type)
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

/* ---- remote: for workers that lease their tasks -------------------------------------------- */
/* They get nothing else, and nobody else gets what is theirs. */
static void check_queue(struct check *c, int is_remote)
{
	const char *queue = json_get_str(c->task, "queue", "default");
	struct queue_settings settings;

	queue_settings_get(c->api->env.queue, queue, &settings);
	if (settings.remote && !is_remote)
		errors_add(c->errors, below(c, "/queue"),
		           "the queue '%.100s' is for remote workers, whose tasks are of the kind remote: name another",
		           queue);
	else if (!settings.remote && is_remote)
		errors_add(
			c->errors, below(c, "/queue"),
			"the queue '%.100s' is not for remote workers: PATCH /v1/queues/%.100s with {\"remote\":true}",
			queue, queue);
}

/* ---- kinds ------------------------------------------------------------------------------ */
static const struct {
	const char *name;
	const char *parents[4]; /* objects that are there even when not sent, so that defaults apply; ends with NULL */
	void (*check)(struct check *c);
} kinds[] = {
	{"ingest", {"format", "sink", "errors"}, check_ingest},
	{"index", {NULL}, check_index},
	{"maintain", {NULL}, check_maintain},
	{"export", {"format"}, check_export},
	{"query", {NULL}, NULL},
	{"custom", {"config"}, check_custom},
	{"notify", {"config"}, check_notify},
	{"remote", {NULL}, NULL},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void add_parents(struct json *task, const char *const *names)
{
	for (; *names; names++)
		if (!json_get(task, *names))
			json_set(task, *names, json_new_object());
}

/* Its name; NULL: it is none, so nobody knows what belongs to it. */
static const char *check_kind(struct check *c)
{
	const struct json *kind = json_get(c->task, "kind");
	const char *name = json_str(kind, "");
	int is_text = json_type(kind) == JSON_STRING;
	size_t i = 0;

	while (i < KINDS && (kinds[i].name[0] != *name || strcmp(kinds[i].name, name)))
		i++;
	if (i == KINDS) {
		errors_add(c->errors, below(c, "/kind"),
		           is_text ? "'%.40s' is not a kind of task: ingest, index, maintain, export, query, custom, "
		                     "notify or remote is"
		                   : "it is %s: ingest, index, maintain, export, query, custom, notify or remote",
		           is_text ? name
		           : kind  ? json_type_name(json_type(kind))
		                   : "missing");
		return NULL;
	}
	add_parents(c->task, kinds[i].parents);
	plugin_config_check(kind_schema(c->api, name), c->task, c->prefix, c->errors);
	if (is_fine(c) && json_get(c->task, "dataset") && !str_is_name(json_get_str(c->task, "dataset", "")))
		errors_add(c->errors, below(c, "/dataset"), "'%.100s' is not a name: letters, digits, '_', '.' and '-'",
		           json_get_str(c->task, "dataset", ""));
	if (is_fine(c))
		check_queue(c, !strcmp(name, "remote"));
	if (is_fine(c) && kinds[i].check)
		kinds[i].check(c);
	return kinds[i].name;
}

/* Of a task that is refused: members in which something is wrong have been told, and go. */
static void leave_out_wrong(struct check *c)
{
	for (size_t i = c->first_error; i < json_count(c->errors); i++) {
		const char *at = json_get_str(json_at(c->errors, i), "pointer", "") + strlen(c->prefix);

		if (*at == '/')
			json_del(c->task, arena_printf(c->arena, "%.*s", (int)strcspn(at + 1, "/"), at + 1));
	}
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

static void check_strings(struct check *c, const struct submission *s)
{
	const char *found = s && s->has_no_nul ? NULL : find_nul(c, c->task);

	if (found)
		errors_add(c->errors, below(c, found), "a text cannot have a NUL character");
}

static void check_size(struct check *c, const char *body)
{
	if (strlen(body) > TASK_BODY_MAX)
		errors_add(c->errors, c->prefix, "the task has %zu bytes, more than %u: use an upload for data",
		           strlen(body), TASK_BODY_MAX);
}

/* What the queue would say, with the place of the member. */
static void check_spec(struct check *c, const struct task_spec *spec)
{
	struct err err;

	if (queue_check_spec(spec, &err))
		errors_add(c->errors, below(c, err.where), "%s", err.text);
}

void check_task(struct check *c, struct http_request *req, const struct submission *s, size_t i, struct task_spec *spec)
{
	c->first_error = json_count(c->errors);
	if (json_type(c->task) != JSON_OBJECT) {
		errors_add(c->errors, c->prefix, "a task is a JSON object, not %s", json_type_name(json_type(c->task)));
		return;
	}
	check_strings(c, s);
	if (is_fine(c))
		access_take(c);
	spec->kind = is_fine(c) ? check_kind(c) : NULL;
	if (!spec->kind)
		return;
	if (!is_fine(c))
		leave_out_wrong(c); /* what else is wrong is told, too */
	policy_take(c, s, i, spec);
	if (!is_fine(c))
		return;
	access_check_links(c, spec);
	if (req)
		policy_take_key(c, req, s, i, spec);
	spec->trace = req ? http_traceparent(req) : NULL;
	spec->dataset = arena_str(c->arena, json_get_str(c->task, "dataset", NULL));
	spec->body = json_text_in(c->task, c->arena);
	check_size(c, spec->body);
	if (is_fine(c))
		check_spec(c, spec);
}

int api_check_tasks(struct api *api, struct json *bodies, struct arena *arena, struct task_spec **ret, struct err *err)
{
	size_t n = json_count(bodies);
	struct json *errors = json_new_array();
	const struct json *first;
	struct submission alone = {.trees = bodies}; /* no "#N": there is no list of accepted ones */
	int r = 0;

	*ret = arena_alloc(arena, (n + 1) * sizeof(**ret));
	for (size_t i = 0; i < n; i++) {
		struct check c = {
			api,  arena, (struct json *)json_at(bodies, i), errors, arena_printf(arena, "/%zu", i), 0,
			NULL, 0};

		check_task(&c, NULL, &alone, i, &(*ret)[i]);
	}
	first = json_at(errors, 0);
	if (first)
		r = err_set(err, ERR_INVALID, "a submitted task is refused: at '%s': %s",
		            json_get_str(first, "pointer", ""), json_get_str(first, "detail", ""));
	json_free(errors);
	return r;
}

/* Its members about scheduling are not in the body; of them only the queue says what may be in it. */
static int check_body(struct api *api, struct json *task, struct task_spec *merged, struct arena *arena,
                      struct err *err)
{
	struct json *errors = json_new_array();
	struct check c = {api, arena, task, errors, "", 0, NULL, 0};
	const struct json *first;
	int r = 0;

	json_set_str(task, "queue", merged->queue);
	check_strings(&c, NULL);
	if (is_fine(&c))
		check_kind(&c);
	json_del(task, "queue");
	merged->body = json_text_in(task, arena);
	check_size(&c, merged->body);
	first = json_at(errors, 0);
	if (first) {
		r = err_set(err, ERR_INVALID, "%s", json_get_str(first, "detail", ""));
		err_where(err, "%s", json_get_str(first, "pointer", ""));
	}
	json_free(errors);
	return r;
}

int api_check_merged(struct api *api, struct task_spec *merged, struct arena *arena, struct err *err)
{
	struct json *task;
	int r = json_parse(merged->body, strlen(merged->body), &task, err);

	if (r)
		return r;
	r = json_type(task) == JSON_OBJECT ? check_body(api, task, merged, arena, err)
	                                   : err_set(err, ERR_INVALID, "it is not a JSON object");
	json_free(task);
	return r;
}
