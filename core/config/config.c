/* SPDX-License-Identifier: Apache-2.0 */
/* Sections and keys: defaults, environment, printing. The YAML side is in yaml.c. */
#include "config/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "config/inside.h"

#define FILE_MAX (1u << 20)
#define PREFIX "ORASI_"

int config_init(const struct config_section *sections, struct err *err)
{
	int r = 0;

	for (const struct config_section *s = sections; s->name && !r; s++)
		r = options_init(s->options, s->target, err);
	return r;
}

void config_done(const struct config_section *sections)
{
	for (const struct config_section *s = sections; s->name; s++)
		options_done(s->options, s->target);
}

const struct config_section *config_section(const struct config_section *sections, const char *name)
{
	for (const struct config_section *s = sections; s->name; s++)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

int config_read_file(const struct config_section *sections, const char *path, struct err *err)
{
	struct buf text;
	int r;

	buf_init(&text, 0);
	r = file_read(path, FILE_MAX, &text, err);
	if (!r)
		r = config_read_text(sections, path, text.data ? text.data : "", text.len, err);
	buf_done(&text);
	return r;
}

/* ORASI_<SECTION>_<KEY> in capitals. */
static void variable_name(const char *section, const char *key, char *ret, size_t cap)
{
	snprintf(ret, cap, PREFIX "%s_%s", section, key);
	for (; *ret; ret++)
		*ret = (char)toupper((unsigned char)*ret);
}

static int set_variable(const struct config_section *sections, const char *name, const char *value, struct err *err)
{
	char want[128];

	for (const struct config_section *s = sections; s->name; s++)
		for (const struct option *o = s->options; o->key; o++) {
			variable_name(s->name, o->key, want, sizeof(want));
			if (strcmp(want, name))
				continue;
			if (!option_set(o, s->target, value, err))
				return 0;
			err_where(err, "%s", name);
			return err_prefix(err, "environment variable %s", name);
		}
	return err_set(err, ERR_INVALID,
	               "environment variable %s is not known: see --print-config for the keys, each as " PREFIX
	               "<SECTION>_<KEY>",
	               name);
}

static int is_listed(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (!strcmp(*names, name))
			return 1;
	return 0;
}

int config_read_environ(const struct config_section *sections, const char *const *environ, const char *const *others,
                        struct err *err)
{
	for (; *environ; environ++) {
		const char *equals = strchr(*environ, '=');
		char name[128];
		int r;

		if (!equals || !str_starts(*environ, PREFIX) || (size_t)(equals - *environ) >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(equals - *environ), *environ);
		if (is_listed(others, name))
			continue;
		r = set_variable(sections, name, equals + 1, err);
		if (r)
			return r;
	}
	return 0;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_help(const struct option *o, FILE *out)
{
	const char *line = o->help;

	while (*line) {
		size_t n = strcspn(line, "\n");

		fprintf(out, "  # %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	if (o->type == OPTION_ENUM) {
		fprintf(out, "  # one of:");
		for (int i = 0; o->words[i]; i++)
			fprintf(out, " %s", o->words[i]);
		fprintf(out, "\n");
	}
	if (o->min || o->max)
		fprintf(out, "  # from %" PRId64 " to %" PRId64 "%s\n", o->min, o->max,
		        o->type == OPTION_DURATION ? " ms" : "");
}

static void print_value(const struct option *o, const void *field, FILE *out)
{
	struct buf quoted;

	switch (o->type) {
	case OPTION_STR:
	case OPTION_ADDRESS:
		buf_init(&quoted, 0);
		buf_json_str(&quoted, *(char *const *)field, strlen(*(char *const *)field));
		fputs(quoted.data, out);
		buf_done(&quoted);
		break;
	case OPTION_INT:
		fprintf(out, "%" PRId64, *(const int64_t *)field);
		break;
	case OPTION_BOOL:
		fputs(*(const int *)field ? "true" : "false", out);
		break;
	case OPTION_BYTES:
		fprintf(out, "%" PRIu64, *(const uint64_t *)field);
		break;
	case OPTION_DURATION:
		fprintf(out, "%" PRId64 "ms", *(const int64_t *)field);
		break;
	case OPTION_ENUM:
		fputs(o->words[*(const int *)field], out);
		break;
	}
}

void config_print(const struct config_section *sections, FILE *out)
{
	for (const struct config_section *s = sections; s->name; s++) {
		fprintf(out, "%s# %s\n%s:\n", s == sections ? "" : "\n", s->help, s->name);
		for (const struct option *o = s->options; o->key; o++) {
			char variable[128];

			variable_name(s->name, o->key, variable, sizeof(variable));
			print_help(o, out);
			fprintf(out, "  # default %s, variable %s\n  %s: ", *o->value ? o->value : "empty", variable,
			        o->key);
			print_value(o, (const char *)s->target + o->offset, out);
			fputs("\n", out);
		}
	}
}
