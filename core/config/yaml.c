/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML side: two levels of mappings with plain values, read as libyaml's events. Anything else
 * that YAML can say (lists, anchors, tags, several documents) is refused with its line. */
#include <string.h>
#include <yaml.h>

#include "base/map.h"
#include "base/near.h"
#include "config/inside.h"

struct reader {
	const struct config_section *sections, *section;
	const struct option *option;
	const char *name;
	struct map seen; /* "section" and "section.key" */
	int depth;
	struct err *err;
};

static int refuse(struct reader *reader, const yaml_mark_t *mark, const char *problem, const char *what)
{
	err_set(reader->err, ERR_INVALID, "%s:%zu: %s%s%s%s", reader->name, mark->line + 1, problem, *what ? " '" : "",
	        what, *what ? "'" : "");
	err_where(reader->err, "%s:%zu", reader->name, mark->line + 1);
	return ERR_INVALID;
}

static int refuse_unknown(struct reader *reader, const yaml_mark_t *mark, const char *what, const struct near *near)
{
	char problem[NEAR_HINT + 64], hint[NEAR_HINT];

	snprintf(problem, sizeof(problem), "unknown %s '%.40s'%s", what, near->word, near_hint(near, hint));
	return refuse(reader, mark, problem, "");
}

static int note_once(struct reader *reader, const yaml_mark_t *mark, const char *a, const char *b)
{
	char key[256];

	snprintf(key, sizeof(key), "%s.%s", a, b);
	if (map_get(&reader->seen, key))
		return refuse(reader, mark, "given twice:", *b ? b : a);
	return map_set(&reader->seen, key, reader);
}

static int on_section(struct reader *reader, const yaml_event_t *event, const char *text)
{
	reader->section = config_section(reader->sections, text);
	if (!reader->section) {
		struct near near = {.word = text};

		for (const struct config_section *s = reader->sections; s->name; s++)
			near_offer(&near, s->name);
		return refuse_unknown(reader, &event->start_mark, "section", &near);
	}
	return note_once(reader, &event->start_mark, text, "");
}

static int on_key(struct reader *reader, const yaml_event_t *event, const char *text)
{
	reader->option = option_find(reader->section->options, text);
	if (!reader->option) {
		struct near near = {.word = text};

		for (const struct option *o = reader->section->options; o->key; o++)
			near_offer(&near, o->key);
		return refuse_unknown(reader, &event->start_mark, "key", &near);
	}
	return note_once(reader, &event->start_mark, reader->section->name, text);
}

static int on_value(struct reader *reader, const yaml_event_t *event, const char *text)
{
	int r = option_set(reader->option, reader->section->target, text, reader->err);

	reader->option = NULL;
	if (!r)
		return 0;
	err_prefix(reader->err, "%s:%zu", reader->name, event->start_mark.line + 1);
	err_where(reader->err, "%s:%zu", reader->name, event->start_mark.line + 1);
	return r;
}

static int on_scalar(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;

	if (strlen(text) != event->data.scalar.length)
		return refuse(reader, &event->start_mark, "a NUL byte in a value", "");
	if (reader->depth == 0)
		return *text ? refuse(reader, &event->start_mark, "expected sections, found", text) : 0;
	if (reader->depth == 2)
		return reader->option ? on_value(reader, event, text) : on_key(reader, event, text);
	if (!reader->section)
		return on_section(reader, event, text);
	if (*text)
		return refuse(reader, &event->start_mark, "expected keys of the section, found", text);
	reader->section = NULL; /* "http:" with nothing below */
	return 0;
}

static int on_mapping(struct reader *reader, const yaml_event_t *event)
{
	if (reader->depth == 2 || (reader->depth == 1 && !reader->section))
		return refuse(reader, &event->start_mark, "expected a plain value, found a mapping", "");
	reader->depth++;
	return 0;
}

static int on_event(struct reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(reader, event);
	case YAML_MAPPING_START_EVENT:
		return on_mapping(reader, event);
	case YAML_MAPPING_END_EVENT:
		reader->depth--;
		reader->section = NULL;
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		return refuse(reader, &event->start_mark, "expected a plain value, found a list", "");
	case YAML_ALIAS_EVENT:
		return refuse(reader, &event->start_mark, "aliases are not supported", "");
	default:
		return 0;
	}
}

static int yaml_problem(struct reader *reader, const yaml_parser_t *parser)
{
	return refuse(reader, &parser->problem_mark, parser->problem ? parser->problem : "not YAML", "");
}

int config_read_text(const struct config_section *sections, const char *name, const char *text, size_t n,
                     struct err *err)
{
	struct reader reader = {.sections = sections, .name = name, .err = err};
	yaml_parser_t parser;
	int r = 0, end = 0;

	if (!yaml_parser_initialize(&parser))
		return err_set(err, ERR_NOMEM, "out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	map_init(&reader.seen);
	while (!r && !end) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			r = yaml_problem(&reader, &parser);
			break;
		}
		r = on_event(&reader, &event);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	map_done(&reader.seen);
	yaml_parser_delete(&parser);
	return r;
}
