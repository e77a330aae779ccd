/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schemas of schemas.json, which the build turns into a C string. All of them as trees take a megabyte, of
 * which an agent needs a few parts: each is kept as text until it is first asked for. */
#include <stdlib.h>
#include <string.h>

#include "api/inside.h"
#include "base/str.h"

struct schema {
	char *text;
	struct json *tree; /* NULL: nobody has asked */
	char name[32];
};

struct schemas {
	char *common; /* members that the tasks of all kinds have */
	size_t n_kinds, n_shapes;
	struct schema *kinds, *shapes;
};

static int keep_texts(const struct json *members, struct schema **ret, size_t *ret_n)
{
	const struct json *member;
	const char *name;
	size_t at = 0;

	*ret = calloc(json_count(members), sizeof(**ret));
	while (*ret && json_each(members, &at, &name, &member)) {
		struct schema *schema = &(*ret)[(*ret_n)++];

		str_copy(schema->name, sizeof(schema->name), name);
		schema->text = strdup(json_text(member));
		if (!schema->text)
			return ERR_NOMEM;
	}
	return *ret ? 0 : ERR_NOMEM;
}

static int split(struct schemas *schemas, struct json *document)
{
	struct json *tasks = json_get_mut(document, "tasks");

	schemas->common = strdup(json_text(json_get(tasks, "common")));
	json_del(tasks, "common");
	if (!schemas->common || keep_texts(tasks, &schemas->kinds, &schemas->n_kinds) ||
	    keep_texts(json_get(document, "schemas"), &schemas->shapes, &schemas->n_shapes))
		return ERR_NOMEM;
	return 0;
}

int schemas_load(struct api *api, struct err *err)
{
	struct json *document;
	int r = json_parse(api_schemas_text, strlen(api_schemas_text), &document, err);

	if (r)
		return r;
	api->schemas = calloc(1, sizeof(*api->schemas));
	if (!api->schemas || split(api->schemas, document))
		r = err_set(err, ERR_NOMEM, "out of memory");
	json_free(document);
	return r;
}

static void forget(struct schema *schemas, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(schemas[i].text);
		json_free(schemas[i].tree);
	}
	free(schemas);
}

void schemas_free(struct api *api)
{
	if (!api->schemas)
		return;
	forget(api->schemas->kinds, api->schemas->n_kinds);
	forget(api->schemas->shapes, api->schemas->n_shapes);
	free(api->schemas->common);
	free(api->schemas);
}

static struct json *parse(const char *text)
{
	struct json *tree = NULL;

	json_parse(text, strlen(text), &tree, NULL);
	return tree;
}

static struct schema *find(struct schema *schemas, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && (schemas[i].name[0] != *name || strcmp(schemas[i].name, name)))
		i++;
	return i < n ? &schemas[i] : NULL;
}

const struct json *schema_find(const struct api *api, const char *name)
{
	struct schema *schema = find(api->schemas->shapes, api->schemas->n_shapes, name);

	if (schema && !schema->tree)
		schema->tree = parse(schema->text);
	return schema ? schema->tree : NULL;
}

static struct json *parse_kind(const char *text, const char *common_text)
{
	struct json *kind = parse(text), *common = parse(common_text);
	const struct json *member;
	const char *key;
	size_t at = 0;

	while (json_each(common, &at, &key, &member))
		json_set(json_get_mut(kind, "properties"), key, json_copy(member));
	json_free(common);
	return kind;
}

const struct json *kind_schema(const struct api *api, const char *kind)
{
	struct schema *schema = find(api->schemas->kinds, api->schemas->n_kinds, kind);

	if (schema && !schema->tree)
		schema->tree = parse_kind(schema->text, api->schemas->common);
	return schema ? schema->tree : NULL;
}

struct json *schema_of_kind(const struct api *api, const char *kind)
{
	const struct schema *schema = find(api->schemas->kinds, api->schemas->n_kinds, kind);

	return schema ? parse_kind(schema->text, api->schemas->common) : NULL;
}

struct json *schemas_of_shapes(const struct api *api)
{
	struct json *all = json_new_object();

	for (size_t i = 0; i < api->schemas->n_shapes; i++)
		json_set(all, api->schemas->shapes[i].name, parse(api->schemas->shapes[i].text));
	return all;
}
