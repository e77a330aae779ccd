/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's bytes are those of a stranger: names and sizes are checked again here. */
#include "plugin/counts.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static int is_word(const char *word, const char *allowed, size_t max)
{
	size_t n = strlen(word);

	return n && n <= max && strspn(word, allowed) == n;
}

static double read_value(void *ctx)
{
	const struct count *count = ctx;

	return count->value;
}

static struct count *find_or_add(struct counts *counts, const char *name, const char *labels, const struct json *json)
{
	struct count *count;

	for (size_t i = 0; i < counts->n; i++)
		if (!strcmp(counts->values[i].name, name) && !strcmp(counts->values[i].labels, labels))
			return &counts->values[i];
	if (counts->n == COUNTS_MAX)
		return NULL;
	count = &counts->values[counts->n];
	str_copy(count->name, sizeof(count->name), name);
	str_copy(count->labels, sizeof(count->labels), labels);
	str_copy(count->help, sizeof(count->help), json_get_str(json, "help", ""));
	counts->rows[counts->n++][0] = (struct metric){
		.name = count->name,
		.type = strcmp(json_get_str(json, "type", ""), "gauge") ? METRIC_COUNTER : METRIC_GAUGE,
		.help = count->help,
		.labels = count->labels,
		.read = read_value,
		.ctx = count,
	};
	if (counts->on_new)
		counts->on_new(counts->ctx, counts->rows[counts->n - 1]);
	return count;
}

static void take_one(struct counts *counts, const char *plugin, const char *name, const struct json *json)
{
	char full[64], labels[80];
	double value = json_get_double(json, "value", 0);
	struct count *count;

	if (!is_word(name, "abcdefghijklmnopqrstuvwxyz0123456789_", 40) || value != value)
		return;
	snprintf(full, sizeof(full), "orasi_plugin_%s", name);
	snprintf(labels, sizeof(labels), "plugin=\"%s\"", plugin);
	count = find_or_add(counts, full, labels, json);
	if (count && !strcmp(json_get_str(json, "type", ""), "gauge"))
		count->value = value;
	else if (count && value > 0)
		count->value += value;
}

void counts_take(struct counts *counts, const struct json *json)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const struct json *own, *one;
	const char *plugin, *name;
	size_t at = 0;

	while (json_each(json, &at, &plugin, &own)) {
		size_t inner = 0;

		if (!is_word(plugin, letters, 63))
			continue;
		while (json_each(own, &inner, &name, &one))
			take_one(counts, plugin, name, one);
	}
}
