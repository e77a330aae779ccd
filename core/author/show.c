/* SPDX-License-Identifier: Apache-2.0 */
/* What a file says of itself: as lines, as JSON, as a page of documentation. The plugin is loaded into this process,
 * which ends right after. */
#include <string.h>

#include "author.h"
#include "lab.h"
#include "subject.h"

static int describe(const struct typed *typed, struct subject *s, struct lab *lab)
{
	orasi_error error = ORASI_NO_ERROR;
	struct err err = {0};
	int r;

	lab_init(lab, NULL);
	r = subject_load(s, typed->words[0], &err);
	if (r)
		return author_fail(AUTHOR_FAILED, "%s: %s", typed->words[0], err.text);
	if (!s->entry->init || !s->entry->count || !s->entry->describe || !s->entry->get_factory)
		return author_fail(AUTHOR_FAILED, "%s: the entry lacks init, count, describe or get_factory",
		                   typed->words[0]);
	if (s->entry->init(&lab->host, &error))
		return author_fail(AUTHOR_FAILED, "%s: init fails: %s", typed->words[0], error.message);
	return 0;
}

static struct json *list_of(const char *const *words)
{
	struct json *list = json_new_array();

	for (int i = 0; words && words[i]; i++)
		json_push(list, json_new_str(words[i]));
	return list;
}

static struct json *flags_of(uint32_t flags)
{
	static const char *const names[] = {"deterministic", "random_access", "splittable", "pushdown",
	                                    "rows",          "encodes",       "stateless",  NULL,
	                                    "needs_net",     "needs_fs",      "needs_exec"};
	struct json *list = json_new_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags >> i & 1 && names[i])
			json_push(list, json_new_str(names[i]));
	return list;
}

static struct json *plugin_json(const orasi_descriptor *d)
{
	struct json *json = json_new_object(), *schema = NULL;

	json_set_str(json, "id", d->id);
	json_set_str(json, "name", d->name);
	json_set_str(json, "kind", kind_name(d->kind));
	json_set_str(json, "version", d->version);
	json_set_str(json, "summary", d->summary);
	json_set(json, "features", list_of(d->features));
	json_set(json, "requires", list_of(d->requires_ext));
	json_set(json, "flags", flags_of(d->flags));
	json_set_int(json, "state_version", d->state_version);
	if (!json_parse(d->config_schema, strlen(d->config_schema), &schema, NULL))
		json_set(json, "config_schema", schema);
	return json;
}

static struct json *info_json(const struct subject *s)
{
	struct json *json = json_new_object(), *plugins = json_new_array();
	char abi[32];

	snprintf(abi, sizeof(abi), "%u.%u", s->note.abi_major, s->note.target_minor);
	json_set_str(json, "bundle", s->entry->bundle_id);
	json_set_str(json, "version", s->entry->bundle_version);
	json_set_str(json, "vendor", s->entry->vendor);
	json_set_str(json, "license", s->entry->license);
	json_set_str(json, "abi", abi);
	for (uint32_t i = 0; i < s->entry->count(); i++) {
		const orasi_descriptor *d = s->entry->describe(i);

		if (!subject_flaw(d))
			json_push(plugins, plugin_json(d));
	}
	json_set(json, "plugins", plugins);
	return json;
}

static void print_words(const char *name, const struct json *list)
{
	if (!json_count(list))
		return;
	printf("    %-12s", name);
	for (size_t i = 0; i < json_count(list); i++)
		printf(" %s", json_str(json_at(list, i), ""));
	putchar('\n');
}

static void print_option(const char *key, const struct json *schema)
{
	const struct json *otherwise = json_get(schema, "default");

	printf("      %-20s %s%s%s  %s\n", key, json_get_str(schema, "type", "any"), otherwise ? " = " : "",
	       otherwise ? json_text(otherwise) : "", json_get_str(schema, "description", ""));
}

static void print_info(const struct json *info)
{
	const struct json *plugins = json_get(info, "plugins"), *schema;

	printf("%s %s, %s, %s; plugin ABI %s\n", json_get_str(info, "bundle", ""), json_get_str(info, "version", ""),
	       json_get_str(info, "vendor", ""), json_get_str(info, "license", ""), json_get_str(info, "abi", ""));
	for (size_t i = 0; i < json_count(plugins); i++) {
		const struct json *p = json_at(plugins, i);
		const char *key;
		size_t at = 0;

		printf("  %s '%s' (%s) %s: %s\n", json_get_str(p, "kind", ""), json_get_str(p, "name", ""),
		       json_get_str(p, "id", ""), json_get_str(p, "version", ""), json_get_str(p, "summary", ""));
		print_words("features", json_get(p, "features"));
		print_words("flags", json_get(p, "flags"));
		print_words("requires", json_get(p, "requires"));
		if (json_count(json_pointer(p, "/config_schema/properties")))
			puts("    options");
		while (json_each(json_pointer(p, "/config_schema/properties"), &at, &key, &schema))
			print_option(key, schema);
	}
}

int author_info(const struct typed *typed)
{
	struct subject s;
	struct json *info;
	struct lab lab;
	int r = describe(typed, &s, &lab);

	if (r)
		return r;
	info = info_json(&s);
	if (typed_has(typed, "json"))
		puts(json_text_pretty(info));
	else
		print_info(info);
	json_free(info);
	lab_done(&lab);
	return AUTHOR_OK;
}

/* ---- documentation ------------------------------------------------------------------------------------------------- */

static void print_limits(const struct json *schema)
{
	static const struct {
		const char *keyword, *text;
	} limits[] = {{"minimum", "at least"},
	              {"maximum", "at most"},
	              {"exclusiveMinimum", "more than"},
	              {"exclusiveMaximum", "less than"},
	              {"minLength", "characters, at least"},
	              {"maxLength", "characters, at most"},
	              {"minItems", "items, at least"},
	              {"maxItems", "items, at most"},
	              {"const", "always"}};
	const struct json *words = json_get(schema, "enum");
	const char *comma = "";

	for (size_t i = 0; i < json_count(words); i++, comma = ", ")
		printf("%s`%s`", i ? ", " : "one of ", json_str(json_at(words, i), json_text(json_at(words, i))));
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (json_get(schema, limits[i].keyword)) {
			printf("%s%s %s", comma, limits[i].text, json_text(json_get(schema, limits[i].keyword)));
			comma = ", ";
		}
}

/* A cell of a table: no line ends, no bars. */
static void print_cell(const char *text)
{
	for (; *text; text++)
		if (*text == '|')
			fputs("\\|", stdout);
		else
			putchar(*text == '\n' ? ' ' : *text);
}

static void print_options(const struct json *schema, const char *prefix)
{
	const struct json *properties = json_get(schema, "properties"), *one;
	const char *key, *format;
	char below[256];
	size_t at = 0;

	while (json_each(properties, &at, &key, &one)) {
		format = json_get_str(one, "format", NULL);
		printf("| `%s%s` | %s%s%s%s | ", prefix, key, json_get_str(one, "type", "any"), format ? " (" : "",
		       format ? format : "", format ? ")" : "");
		if (json_get(one, "default"))
			printf("`%s`", json_text(json_get(one, "default")));
		fputs(" | ", stdout);
		print_cell(json_get_str(one, "description", json_get_str(one, "title", "")));
		if (json_get_bool(one, "x-secret", 0))
			fputs(" (secret)", stdout);
		fputs(" | ", stdout);
		print_limits(one);
		puts(" |");
		snprintf(below, sizeof(below), "%.120s%.120s.", prefix, key);
		print_options(one, below);
	}
}

static void print_plugin_page(const struct json *p)
{
	const struct json *features = json_get(p, "features"), *schema = json_get(p, "config_schema");

	printf("\n## %s\n\n%s.\n\n", json_get_str(p, "name", ""), json_get_str(p, "summary", ""));
	printf("Kind `%s`, id `%s`, version %s.", json_get_str(p, "kind", ""), json_get_str(p, "id", ""),
	       json_get_str(p, "version", ""));
	for (size_t i = 0; i < json_count(features); i++)
		printf("%s`%s`", i ? ", " : " Features: ", json_str(json_at(features, i), ""));
	puts(json_count(features) ? "." : "");
	if (!json_count(json_get(schema, "properties"))) {
		puts("\nIt has no options.");
		return;
	}
	puts("\n| option | type | default | meaning | limits |\n|---|---|---|---|---|");
	print_options(schema, "");
}

int author_docs(const struct typed *typed)
{
	const struct json *plugins;
	struct subject s;
	struct json *info;
	struct lab lab;
	int r = describe(typed, &s, &lab);

	if (r)
		return r;
	info = info_json(&s);
	plugins = json_get(info, "plugins");
	printf("# %s\n\nVersion %s, by %s, licence %s.\n", json_get_str(info, "bundle", ""),
	       json_get_str(info, "version", ""), json_get_str(info, "vendor", ""), json_get_str(info, "license", ""));
	for (size_t i = 0; i < json_count(plugins); i++)
		print_plugin_page(json_at(plugins, i));
	json_free(info);
	lab_done(&lab);
	return AUTHOR_OK;
}
