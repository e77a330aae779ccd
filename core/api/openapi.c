/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI 3.1 description, built from the tables of routes.c and the schemas of the task kinds.
 * The schemas are of our subset (plugin/plugin.h), in which an object has no other members than its
 * own unless it says so and a size or duration may be a number; OpenAPI has it the other way round,
 * so both are written out here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "base/str.h"

#define NDJSON "application/x-ndjson"

static struct json *parsed(const char *text)
{
	struct json *json = NULL;
	struct err err;

	if (json_parse(text, strlen(text), &json, &err))
		abort(); /* a constant of ours */
	return json;
}

static struct json *ref_to(const char *component)
{
	struct json *ref = json_new_object();

	json_set(ref, "$ref", json_new_str(component));
	return ref;
}

/* ---- schemas ---------------------------------------------------------------------------- */
static void spell_out(struct json *schema);

static void spell_out_members(struct json *properties)
{
	const struct json *member;
	const char *key;
	size_t at = 0;

	while (json_each(properties, &at, &key, &member))
		spell_out((struct json *)member);
}

static void spell_out(struct json *schema)
{
	const char *format = json_get_str(schema, "format", "");

	if (str_eq(json_get_str(schema, "type", ""), "object") && !json_get(schema, "additionalProperties"))
		json_set_bool(schema, "additionalProperties", 0);
	if (str_eq(format, "bytes") || str_eq(format, "duration"))
		json_set(schema, "type", parsed("[\"string\",\"integer\"]"));
	if (str_eq(format, "timestamp"))
		json_set_str(schema, "format", "date-time");
	spell_out_members(json_get_mut(schema, "properties"));
	if (json_get(schema, "items"))
		spell_out(json_get_mut(schema, "items"));
}

static struct json *make_schemas(const struct api *api)
{
	static const struct {
		const char *kind, *component;
	} tasks[] = {{"ingest", "IngestTask"}, {"index", "IndexTask"},  {"maintain", "MaintainTask"},
	             {"export", "ExportTask"}, {"query", "QueryTask"},  {"custom", "CustomTask"},
	             {"notify", "NotifyTask"}, {"remote", "RemoteTask"}};
	struct json *schemas = schemas_of_shapes(api);

	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		json_set(schemas, tasks[i].component, schema_of_kind(api, tasks[i].kind));
	spell_out_members(schemas);
	return schemas;
}

/* ---- operations ------------------------------------------------------------------------- */
static struct json *make_content(const char *type, struct json *schema)
{
	struct json *content = json_new_object(), *media = json_new_object();

	json_set(media, "schema", schema);
	json_set(content, type, media);
	return content;
}

/* `what` is a component, or a media type of text. */
static void add_content(struct json *content, const char *what)
{
	struct json *media = json_new_object();
	char ref[96];

	str_copy(ref, sizeof(ref), "#/components/schemas/");
	str_copy(ref + strlen(ref), sizeof(ref) - strlen(ref), what);
	if (!strchr(what, '/')) {
		json_set(media, "schema", ref_to(ref));
		json_set(content, "application/json", media);
	} else {
		json_set(media, "schema", parsed("{\"type\":\"string\"}"));
		json_set(content, what, media);
	}
}

static const char *status_meaning(const char *status)
{
	static const struct {
		const char *status, *meaning;
	} meanings[] = {
		{"200", "Done."},
		{"201", "Created, and durable."},
		{"202", "Accepted, and durable."},
		{"204", "Done; there is nothing to say."},
		{"304", "Not changed."},
		{"503", "Not now."},
	};

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (str_eq(meanings[i].status, status))
			return meanings[i].meaning;
	return "Answer.";
}

static struct json *response_at(struct json *responses, const char *status)
{
	struct json *response = json_get_mut(responses, status);

	if (response)
		return response;
	response = json_new_object();
	json_set_str(response, "description", status_meaning(status));
	json_set(responses, status, response);
	return response;
}

/* "201:Task 204" → responses, and a problem for everything that goes wrong. */
static struct json *make_responses(const char *answers)
{
	struct json *responses = json_new_object();
	char *copy = strdup(answers), *rest = copy;

	for (char *item; (item = strsep(&rest, " "));) {
		char *what = strchr(item, ':');
		struct json *response;

		if (what)
			*what++ = '\0';
		response = response_at(responses, item);
		if (what && !json_get(response, "content"))
			json_set(response, "content", json_new_object());
		if (what)
			add_content(json_get_mut(response, "content"), what);
	}
	free(copy);
	json_set(responses, "4XX", ref_to("#/components/responses/Problem"));
	json_set(responses, "5XX", ref_to("#/components/responses/Problem"));
	return responses;
}

static struct json *make_param(const char *in, const char *name, const char *schema, const char *help)
{
	struct json *param = json_new_object();

	json_set_str(param, "name", name);
	json_set_str(param, "in", in);
	if (help)
		json_set_str(param, "description", help);
	if (str_eq(in, "path"))
		json_set_bool(param, "required", 1);
	json_set(param, "schema", parsed(schema));
	return param;
}

static void add_path_params(struct json *params, const char *pattern)
{
	const char *open = strchr(pattern, '{'), *close = open ? strchr(open, '}') : NULL;
	char name[64];

	if (!close)
		return;
	str_copy(name, sizeof(name), open + 1);
	name[close - open - 1] = '\0';
	json_push(params, make_param("path", name, "{\"type\":\"string\"}", NULL));
	add_path_params(params, close);
}

static void add_query_param(struct json *params, const char *name)
{
	for (const struct api_param *param = api_params; param->name; param++)
		if (str_eq(param->name, name))
			json_push(params, make_param("query", name, param->schema, param->help));
}

static struct json *make_params(const struct api_route *route)
{
	struct json *params = json_new_array();
	char *copy = strdup(route->query ? route->query : ""), *rest = copy;

	add_path_params(params, route->pattern);
	for (char *name; (name = strsep(&rest, " "));)
		add_query_param(params, name);
	if (takes_lines(route) || str_eq(route->operation, "openBatch"))
		json_push(params, make_param("header", "Idempotency-Key", "{\"type\":\"string\"}",
		                             "The same key within 24 hours gives the first answer again."));
	if (takes_lines(route)) {
		json_push(params, make_param("header", "Prefer", "{\"type\":\"string\"}",
		                             "wait=N: answer when the task has ended, but after N "
		                             "seconds at most; return=minimal: the id alone."));
	}
	free(copy);
	return params;
}

static struct json *make_body(const struct api_route *route)
{
	struct json *body = json_new_object(), *content = json_new_object();

	if (str_eq(route->body, "application/octet-stream"))
		json_set(content, route->body, parsed("{\"schema\":{\"type\":\"string\"}}"));
	else
		add_content(content, route->body);
	if (takes_lines(route))
		json_set(content, NDJSON,
		         parsed("{\"schema\":{\"type\":\"string\",\"description\":\"One task a "
		                "line.\"}}"));
	json_set_bool(body, "required", !str_eq(route->method, "PUT"));
	json_set(body, "content", content);
	return body;
}

/* "/v1/tasks/{id}" belongs to "tasks", "/health" to "agent". */
static const char *tag_of(const struct api_route *route)
{
	static const struct {
		const char *prefix, *tag;
	} tags[] = {{"/v1/tasks", "tasks"},     {"/v1/events", "tasks"},      {"/v1/batches", "tasks"},
	            {"/v1/queues", "queues"},   {"/v1/leases", "workers"},    {"/v1/workers", "workers"},
	            {"/v1/schedules", "tasks"}, {"/v1/operations", "tasks"},  {"/v1/uploads", "data"},
	            {"/v1/query", "data"},      {"/v1/datasets", "datasets"}, {"/v1/plugins", "plugins"}};

	if (strstr(route->pattern, "/indexes"))
		return "indexes";
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (str_starts(route->pattern, tags[i].prefix))
			return tags[i].tag;
	return "agent";
}

/* What a token must be for, where the agent asks for one. */
static void add_security(struct json *operation, unsigned needs)
{
	char text[128] = "Needs a token.";

	if (needs & AUTH_OPEN) {
		json_set(operation, "security", json_new_array());
		return;
	}
	for (unsigned i = 0; auth_verb_names[i]; i++)
		if (needs & 1u << i)
			snprintf(text, sizeof(text), "Needs the verb %s%s.", auth_verb_names[i],
			         needs & AUTH_WHOLE ? " and the tenant *" : "");
	json_set_str(operation, "description", text);
}

static struct json *make_security(void)
{
	return parsed("{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"Where auth.mode is token; "
	              "none is needed over the Unix sockets.\"}}");
}

static struct json *make_operation(const struct api_route *route)
{
	struct json *operation = json_new_object(), *tags = json_new_array(), *params = make_params(route);

	json_push(tags, json_new_str(tag_of(route)));
	json_set(operation, "tags", tags);
	json_set_str(operation, "operationId", route->operation);
	json_set_str(operation, "summary", route->help);
	add_security(operation, route->needs);
	if (json_count(params))
		json_set(operation, "parameters", params);
	else
		json_free(params);
	if (route->body)
		json_set(operation, "requestBody", make_body(route));
	json_set(operation, "responses", make_responses(route->answers));
	return operation;
}

static struct json *make_paths(void)
{
	struct json *paths = json_new_object();

	for (const struct api_route *route = api_table; route->method; route++) {
		char method[8];

		str_copy(method, sizeof(method), route->method);
		for (char *p = method; *p; p++)
			*p |= 0x20;
		if (!json_get(paths, route->pattern))
			json_set(paths, route->pattern, json_new_object());
		json_set(json_get_mut(paths, route->pattern), method, make_operation(route));
	}
	return paths;
}

char *openapi_text(const struct api *api)
{
	static const char frame[] = "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Orasi agent\",\"description\":"
				    "\"Turns files into typed Delta Lake datasets, indexes them and answers SQL.\","
				    "\"license\":{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}},"
				    "\"servers\":[{\"url\":\"/\",\"description\":\"This "
				    "agent.\"}],\"security\":[{\"token\":[]},{}],\"tags\":["
				    "{\"name\":\"tasks\",\"description\":\"Work to be done, durably.\"},"
				    "{\"name\":\"queues\",\"description\":\"Where tasks wait, and by which rules.\"},"
				    "{\"name\":\"workers\",\"description\":\"Who does them.\"},"
				    "{\"name\":\"data\",\"description\":\"Bytes in, rows out.\"},"
				    "{\"name\":\"datasets\",\"description\":\"Tables that any engine can read.\"},"
				    "{\"name\":\"indexes\",\"description\":\"What makes queries fast.\"},"
				    "{\"name\":\"plugins\",\"description\":\"Formats and kinds of indexes.\"},"
				    "{\"name\":\"agent\",\"description\":\"How it is.\"}]}";
	struct json *document = parsed(frame), *components = json_new_object(), *problem = json_new_object();
	struct json *responses = json_new_object();
	char *text;

	json_set_str(json_get_mut(document, "info"), "version", api->env.version);
	json_set(document, "paths", make_paths());
	json_set_str(problem, "description", "A problem (RFC 9457).");
	json_set(problem, "content", make_content("application/problem+json", ref_to("#/components/schemas/Problem")));
	json_set(responses, "Problem", problem);
	json_set(components, "responses", responses);
	json_set(components, "securitySchemes", make_security());
	json_set(components, "schemas", make_schemas(api));
	json_set(document, "components", components);
	text = strdup(json_text(document));
	json_free(document);
	return text;
}
