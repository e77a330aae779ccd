/* SPDX-License-Identifier: Apache-2.0 */
/* One object for people: a line per member, in columns; lists of objects follow as tables of their own. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define COLUMNS_MAX 16
#define NAME_CAP 160

typedef void (*member_fn)(const char *name, const struct json *value, int *width);

static int is_table(const struct json *value)
{
	return json_type(value) == JSON_ARRAY && json_type(json_at(value, 0)) == JSON_OBJECT;
}

static int says_nothing(const struct json *value)
{
	return json_type(value) == JSON_NULL || (json_type(value) == JSON_ARRAY && !json_count(value));
}

/* Every member that is no object, under its whole name. */
static void walk(const struct json *object, const char *prefix, member_fn on_member, int *width)
{
	const struct json *value;
	const char *key;
	char name[NAME_CAP];
	size_t at = 0;

	while (json_each(object, &at, &key, &value)) {
		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
		if (json_type(value) == JSON_OBJECT)
			walk(value, name, on_member, width);
		else if (!says_nothing(value))
			on_member(name, value, width);
	}
}

static void measure(const char *name, const struct json *value, int *width)
{
	int n = (int)strlen(name);

	if (!is_table(value) && n > *width)
		*width = n;
}

static void print_line(const char *name, const struct json *value, int *width)
{
	char *text;

	if (is_table(value))
		return;
	text = text_for_people(json_type(value) == JSON_STRING ? json_str(value, "") : json_text(value), 0);
	printf("%-*s  %s\n", *width, name, text ? text : "");
	free(text);
}

static void print_table(const char *name, const struct json *value, int *width)
{
	const char *columns[COLUMNS_MAX + 1] = {0};
	const struct json *cell;
	size_t at = 0, n = 0;

	(void)width;
	if (!is_table(value))
		return;
	while (n < COLUMNS_MAX && json_each(json_at(value, 0), &at, &columns[n], &cell))
		n++;
	columns[n] = NULL;
	printf("\n%s:\n", name);
	table_print(value, columns);
}

void fields_print(const struct json *object)
{
	int width = 0;

	walk(object, "", measure, &width);
	walk(object, "", print_line, &width);
	walk(object, "", print_table, &width);
}
