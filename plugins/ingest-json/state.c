/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "plugin.h"

#define HEAD 64
#define PATH_CAP 4096

void state_clear(struct state *state)
{
	free(state->modes);
	*state = (struct state){0};
}

static uint64_t get(const uint8_t *p, int n)
{
	uint64_t v = 0;

	memcpy(&v, p, (size_t)n);
	return v;
}

static void put(uint8_t *p, uint64_t v, int n)
{
	memcpy(p, &v, (size_t)n);
}

orasi_status state_read(struct state *state, orasi_bytes bytes, orasi_error *err)
{
	const uint8_t *p = bytes.ptr;

	if (bytes.len < HEAD || bytes.len > STATE_MAX || memcmp(p, "OJ", 2) || p[2] != PLUGIN_STATE_VERSION ||
	    p[3] < READER_LINES || p[3] > READER_ARRAY || p[4] > READER_DONE)
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint is not one of this plugin's version");
	if (get(p + 40, 8) != state->range_begin || get(p + 48, 8) != state->range_end)
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint belongs to another range of the source");
	state->place =
		(struct reader_place){get(p + 8, 8), (int64_t)get(p + 16, 8), p[3], p[4], (uint16_t)get(p + 6, 2)};
	state->rows = get(p + 24, 8);
	state->rejected = get(p + 32, 8);
	state->grow_after = get(p + 56, 8);
	state->modes_len = bytes.len - HEAD;
	state->modes = malloc(state->modes_len + 1);
	if (!state->modes)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a checkpoint");
	memcpy(state->modes, p + HEAD, state->modes_len);
	return ORASI_OK;
}

/* ---- modes -------------------------------------------------------------------------------- */

struct writer {
	uint8_t *at, *end;
	bool full;
};

/* "/name" behind the path; its new length, 0 if it is too long. */
static size_t path_add(char *path, size_t len, const char *name)
{
	path[len++] = '/';
	for (; *name && len + 3 < PATH_CAP; name++) {
		if (*name == '~' || *name == '/') {
			path[len++] = '~';
			path[len++] = *name == '~' ? '0' : '1';
		} else {
			path[len++] = *name;
		}
	}
	return *name ? 0 : len;
}

static void write_modes(struct writer *w, const struct ArrowSchema *schema, char *path, size_t len)
{
	enum column_mode mode = column_mode_of(schema);

	if (mode != COLUMN_PLAIN && (size_t)(w->end - w->at) < len + 3) {
		w->full = true;
	} else if (mode != COLUMN_PLAIN) {
		*w->at = (uint8_t)mode;
		put(w->at + 1, len, 2);
		memcpy(w->at + 3, path, len);
		w->at += 3 + len;
	}
	for (int64_t i = 0; i < schema->n_children && !w->full; i++) {
		size_t longer = path_add(path, len, schema->children[i]->name);

		if (!longer)
			w->full = true;
		else
			write_modes(w, schema->children[i], path, longer);
	}
}

size_t state_write(const struct state *state, const struct ArrowSchema *schema, uint8_t *ret)
{
	struct writer w = {ret + HEAD, ret + STATE_MAX, false};
	char path[PATH_CAP];

	memcpy(ret, "OJ", 2);
	ret[2] = PLUGIN_STATE_VERSION;
	ret[3] = state->place.mode;
	ret[4] = state->place.phase;
	ret[5] = 0;
	put(ret + 6, state->place.levels, 2);
	put(ret + 8, state->place.offset, 8);
	put(ret + 16, (uint64_t)state->place.line, 8);
	put(ret + 24, state->rows, 8);
	put(ret + 32, state->rejected, 8);
	put(ret + 40, state->range_begin, 8);
	put(ret + 48, state->range_end, 8);
	put(ret + 56, state->grow_after, 8);
	write_modes(&w, schema, path, 0);
	return w.full ? 0 : (size_t)(w.at - ret);
}

/* The field at a path; NULL if the schema has none. */
static struct ArrowSchema *field_at(struct ArrowSchema *schema, const char *path, size_t path_len)
{
	char name[PATH_CAP];
	size_t at = 0;

	while (schema && at < path_len && path[at] == '/') {
		size_t n = 0;
		int64_t i;

		for (at++; at < path_len && path[at] != '/' && n < sizeof(name); at++) {
			if (path[at] == '~' && at + 1 < path_len)
				name[n++] = path[++at] == '0' ? '~' : '/';
			else
				name[n++] = path[at];
		}
		i = arrow_schema_find(schema, name, n);
		schema = i < 0 ? NULL : schema->children[i];
	}
	return schema;
}

int state_modes_apply(const struct state *state, struct ArrowSchema *schema)
{
	size_t at = 0;

	while (state->modes_len - at >= 3) {
		const uint8_t *p = state->modes + at;
		size_t len = get(p + 1, 2);
		struct ArrowSchema *field;

		if (len > state->modes_len - at - 3 || *p > COLUMN_JSON)
			break;
		field = field_at(schema, (const char *)p + 3, len);
		if (field && !strcmp(field->format, "u") && column_mode_of(field) == COLUMN_PLAIN &&
		    column_mode_set(field, *p))
			return -1;
		at += 3 + len;
	}
	return 0;
}
