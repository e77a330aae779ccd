/* SPDX-License-Identifier: Apache-2.0 */
/* What a dataset makes of columns of any type and name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "table/key.h"
#include "table/log.h"

#define NAME_MAX_LEN 256
#define NAME_ROOM 12 /* for one more character and a suffix */

/* What a dataset holds for a type that Delta lacks. NULL: as it is; "" : nothing fits. */
static const char *canonical_format(const struct arrow_type_info *info)
{
	switch (info->type) {
	case ARROW_UINT8:
		return "s";
	case ARROW_UINT16:
		return "i";
	case ARROW_UINT32:
	case ARROW_UINT64: /* the pipeline refuses what does not fit */
	case ARROW_TIME32:
	case ARROW_TIME64:
	case ARROW_DURATION:
		return "l";
	case ARROW_FLOAT16:
		return "f";
	case ARROW_NULL:
	case ARROW_LARGE_UTF8:
		return "u";
	case ARROW_LARGE_BINARY:
	case ARROW_FIXED_BINARY:
		return "z";
	case ARROW_DATE64:
		return "tdD";
	case ARROW_TIMESTAMP:
		return "tsu:UTC";
	case ARROW_LARGE_LIST:
	case ARROW_FIXED_LIST:
		return "+l";
	case ARROW_DECIMAL256:
		return "";
	default:
		return NULL;
	}
}

/* Whole numbers of up to 64 bits fit a decimal that the dataset has for them, unsigned ones too. */
static int fits_decimal(const struct arrow_type_info *info, const struct ArrowSchema *known)
{
	struct arrow_type_info have;

	return info->type >= ARROW_INT8 && info->type <= ARROW_UINT64 && known &&
	       !arrow_type_parse(known->format, &have) && have.type == ARROW_DECIMAL128 && have.precision >= 20 &&
	       !have.scale;
}

/* What is no UTF-8 would make a log that nobody can read again. Delta without column mapping allows no " ,;{}()\n\t=" in
 * names. */
static void allowed_name(const char *name, char *ret, size_t cap)
{
	size_t n = 0, left = strlen(name), len;

	for (; left && n + NAME_ROOM < cap; name += len, left -= len) {
		len = utf8_char_len(name, left);
		if (len && !strchr(" ,;{}()\n\t=", *name)) {
			memcpy(ret + n, name, len);
			n += len;
		} else {
			len = 1;
			ret[n++] = '_';
		}
	}
	ret[n] = '\0';
	if (!n)
		strcpy(ret, "_");
}

struct names {
	char (*list)[NAME_MAX_LEN]; /* empty: not chosen yet */
	int64_t n;
	const struct ArrowSchema *known; /* the struct of the dataset that they are of, or NULL */
};

/* Delta allows no two that differ in case only; and a column that is there for another key is not for this one. */
static int is_taken(const struct names *names, const char *name, const char *key)
{
	for (int64_t i = 0; i < names->n; i++)
		if (!strcasecmp(names->list[i], name))
			return 1;
	for (int64_t i = 0; names->known && i < names->known->n_children; i++) {
		const struct ArrowSchema *column = names->known->children[i];

		if (key_is_other(column) && !key_is(column, key) && !strcasecmp(column->name, name))
			return 1;
	}
	return 0;
}

static void choose_name(const struct names *names, const char *key, char ret[NAME_MAX_LEN])
{
	int suffix = 1;
	char name[NAME_MAX_LEN];
	size_t n;

	allowed_name(key, name, sizeof(name));
	n = strlen(name);
	while (is_taken(names, name, key))
		snprintf(name + n, sizeof(name) - n, "_%d", ++suffix);
	strcpy(ret, name);
}

/* The column of the dataset that a key has got before; most are where they were. */
static const struct ArrowSchema *known_column(const struct ArrowSchema *known, int64_t at, const char *key)
{
	if (!known)
		return NULL;
	if (at < known->n_children && key_is(known->children[at], key))
		return known->children[at];
	for (int64_t i = 0; i < known->n_children; i++)
		if (key_is(known->children[i], key))
			return known->children[i];
	return NULL;
}

static const char *key_at(const struct ArrowSchema *schema, int64_t i)
{
	return schema->children[i]->name ? schema->children[i]->name : "";
}

/* Keys that have a column go to it; the others get names that are free then. Room for so many extra ones. */
static int choose_names(const struct ArrowSchema *schema, int64_t extra, const struct ArrowSchema *known,
                        struct names *ret)
{
	*ret = (struct names){calloc((size_t)(schema->n_children + extra) + 1, NAME_MAX_LEN), schema->n_children,
	                      known};
	if (!ret->list)
		return -1;
	for (int64_t i = 0; i < ret->n; i++) {
		const struct ArrowSchema *column = known_column(known, i, key_at(schema, i));

		if (column)
			str_copy(ret->list[i], NAME_MAX_LEN, column->name);
	}
	for (int64_t i = 0; i < ret->n; i++)
		if (!*ret->list[i])
			choose_name(ret, key_at(schema, i), ret->list[i]);
	return 0;
}

struct spot {
	const char *name;
	int depth;
	const struct ArrowSchema *known; /* the column of the dataset there, or NULL */
};

static int canonical(const struct ArrowSchema *schema, struct spot spot, struct ArrowSchema *ret, struct err *err);

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory for the schema");
}

static const struct ArrowSchema *known_child(const struct ArrowSchema *known, const char *format, int64_t i)
{
	return known && !strcmp(known->format, format) && i < known->n_children ? known->children[i] : NULL;
}

/* The parts of a map have the names that Delta and Parquet give them, else they would not merge. */
static int canonical_map(const struct ArrowSchema *schema, struct spot spot, struct ArrowSchema *ret, struct err *err)
{
	const struct ArrowSchema *from = schema->n_children == 1 ? schema->children[0] : NULL;
	const struct ArrowSchema *known = known_child(spot.known, "+m", 0);
	struct ArrowSchema *entries;
	int r = 0;

	if (!from || from->n_children != 2)
		return err_set(err, ERR_UNSUPPORTED, "column '%s' is a map without keys and values", spot.name);
	if (arrow_schema_make(ret, "+m", spot.name, 1, 1))
		return no_memory(err);
	entries = ret->children[0];
	if (arrow_schema_make(entries, "+s", "key_value", 0, 2))
		r = no_memory(err);
	for (int64_t i = 0; i < 2 && !r; i++)
		r = canonical(from->children[i],
		              (struct spot){i ? "value" : "key", spot.depth + 2, known_child(known, "+s", i)},
		              entries->children[i], err);
	if (r)
		arrow_schema_release(ret);
	else
		entries->children[0]->flags &= ~ARROW_FLAG_NULLABLE;
	return r;
}

static int64_t count_nanos(const struct ArrowSchema *schema)
{
	int64_t n = 0;

	for (int64_t i = 0; i < schema->n_children; i++)
		n += table_schema_has_nanos(schema->children[i]);
	return n;
}

/* Behind the members of a struct: what its nanoseconds are kept in as they came. */
static int canonical_nanos(const struct ArrowSchema *schema, struct names *names, struct ArrowSchema *ret,
                           struct err *err)
{
	char full[NAME_MAX_LEN + 4];

	for (int64_t i = 0; i < schema->n_children; i++) {
		int64_t at = names->n;

		if (!table_schema_has_nanos(schema->children[i]))
			continue;
		snprintf(full, sizeof(full), "%.200s_ns", ret->children[i]->name);
		choose_name(names, full, names->list[at]);
		names->n++;
		if (arrow_schema_make(ret->children[at], "l", names->list[at], 1, 0))
			return no_memory(err);
	}
	return 0;
}

static int canonical_members(const struct ArrowSchema *schema, struct spot spot, int64_t extra, struct ArrowSchema *ret,
                             struct err *err)
{
	const struct ArrowSchema *known = known_child(spot.known, "+s", 0) ? spot.known : NULL;
	struct names names;
	int r = choose_names(schema, extra, known, &names) ? no_memory(err) : 0;

	for (int64_t i = 0; i < schema->n_children && !r; i++) {
		const char *key = key_at(schema, i);
		struct spot below = {names.list[i], spot.depth + 1, known_column(known, i, key)};

		r = canonical(schema->children[i], below, ret->children[i], err);
		if (!r && strcmp(key, names.list[i]) && utf8_valid(key, strlen(key)) && key_set(ret->children[i], key))
			r = no_memory(err);
	}
	if (!r && extra)
		r = canonical_nanos(schema, &names, ret, err);
	free(names.list);
	return r;
}

static int canonical(const struct ArrowSchema *schema, struct spot spot, struct ArrowSchema *ret, struct err *err)
{
	struct arrow_type_info info;
	const char *format;
	int64_t extra;
	int r = 0;

	if (spot.depth > TABLE_DEPTH_MAX || arrow_type_parse(schema->format, &info))
		return err_set(err, ERR_UNSUPPORTED, "column '%s' has the type '%s', which is not supported", spot.name,
		               schema->format);
	if (info.type == ARROW_MAP)
		return canonical_map(schema, spot, ret, err);
	format = fits_decimal(&info, spot.known) ? spot.known->format : canonical_format(&info);
	if (format && !*format)
		return err_set(err, ERR_UNSUPPORTED, "column '%s' has more digits than a dataset can hold (38)",
		               spot.name);
	/* Columns of a dataset may always be null: a later file may lack them. */
	extra = info.type == ARROW_STRUCT ? count_nanos(schema) : 0;
	if (arrow_schema_make(ret, format ? format : schema->format, spot.name, spot.depth > 0,
	                      schema->n_children + extra))
		return no_memory(err);
	if (info.type == ARROW_STRUCT)
		r = canonical_members(schema, spot, extra, ret, err);
	for (int64_t i = 0; info.type != ARROW_STRUCT && i < schema->n_children && !r; i++)
		r = canonical(schema->children[i],
		              (struct spot){"element", spot.depth + 1, known_child(spot.known, "+l", i)},
		              ret->children[i], err);
	if (r)
		arrow_schema_release(ret);
	return r;
}

int table_schema_has_nanos(const struct ArrowSchema *schema)
{
	struct arrow_type_info info;

	return !arrow_type_parse(schema->format, &info) && info.unit == ARROW_NANO &&
	       (info.type == ARROW_TIMESTAMP || info.type == ARROW_TIME64 || info.type == ARROW_DURATION);
}

int table_schema_canonical(const struct ArrowSchema *schema, const struct ArrowSchema *known, struct ArrowSchema *ret,
                           struct err *err)
{
	return canonical(schema, (struct spot){"", 0, known}, ret, err);
}
