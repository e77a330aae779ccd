/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sample_done(struct sample *s)
{
	for (uint32_t i = 0; i < s->width; i++)
		free(s->columns[i].name);
	free(s->columns);
	free(s->text);
	*s = (struct sample){0};
}

/* ---- noting ------------------------------------------------------------------------------------------------------ */

/* Blank fields tell nothing: they are null in a column of numbers and empty texts in one of texts. */
static bool is_blank(const struct field *field)
{
	for (size_t i = 0; i < field->len; i++)
		if (field->p[i] != ' ' && field->p[i] != '\t')
			return false;
	return true;
}

/* A short piece for people; characters stay whole, control bytes out. */
static void keep(char *ret, const struct field *field)
{
	size_t n = field->len;

	if (n > EXAMPLE_MAX)
		for (n = EXAMPLE_MAX; n && (field->p[n] & 0xC0) == 0x80; n--)
			;
	memcpy(ret, field->p, n);
	ret[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)ret[i] < 0x20)
			ret[i] = ' ';
}

static void note(struct column *c, const struct format *format, const struct field *field)
{
	unsigned kind;

	if (value_is_null(format, field) || is_blank(field)) {
		c->nulls++;
		return;
	}
	kind = c->kinds & VALUE_TEXT ? VALUE_TEXT : value_kind(format, field);
	if (!c->values++)
		keep(c->example, field);
	else if (strcmp(value_type(c->kinds), value_type(c->kinds | kind)))
		keep(c->turned, field);
	c->kinds |= kind;
}

int sample_first(struct sample *s, const struct format *format, const struct fields *fields, const uint8_t *text,
                 size_t len)
{
	s->columns = calloc(fields->n, sizeof(*s->columns));
	s->text = calloc(1, len + SCAN_PAD);
	if (!s->columns || !s->text)
		return -1;
	memcpy(s->text, text, len);
	for (s->width = 0; s->width < fields->n; s->width++) {
		struct column *c = &s->columns[s->width];

		c->first = fields->at[s->width];
		c->first.p = s->text + (c->first.p - text);
		if (value_is_null(format, &c->first) || is_blank(&c->first))
			continue;
		c->first_kind = value_kind(format, &c->first);
		c->first_like_value = c->first_kind != VALUE_TEXT || strchr("0123456789+-", *c->first.p);
	}
	return 0;
}

void sample_note(struct sample *s, const struct format *format, const struct fields *fields)
{
	s->records++;
	s->misfits += !fields_fit(fields, s->width);
	for (uint32_t i = 0; i < s->width && fields_fit(fields, s->width); i++)
		note(&s->columns[i], format, &fields->at[i]);
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

static bool texts_above_values(const struct sample *s)
{
	for (uint32_t i = 0; i < s->width; i++) {
		const struct column *c = &s->columns[i];

		if (c->first_kind == VALUE_TEXT && !c->first_like_value && c->kinds && !(c->kinds & VALUE_TEXT))
			return true;
	}
	return false;
}

static bool has_values(const struct sample *s)
{
	for (uint32_t i = 0; i < s->width; i++)
		if (s->columns[i].first_like_value)
			return true;
	return false;
}

static int compare_fields(const void *a, const void *b)
{
	const struct field *x = *(const struct field *const *)a, *y = *(const struct field *const *)b;
	size_t n = x->len < y->len ? x->len : y->len;
	int r = n ? memcmp(x->p, y->p, n) : 0;

	return r ? r : (x->len > y->len) - (x->len < y->len);
}

static bool names_differ(const struct sample *s)
{
	const struct field **order = calloc(s->width + 1, sizeof(*order));
	bool differ = order != NULL;

	for (uint32_t i = 0; order && i < s->width; i++)
		order[i] = &s->columns[i].first;
	if (order)
		qsort(order, s->width, sizeof(*order), compare_fields);
	for (uint32_t i = 1; differ && i < s->width; i++)
		differ = compare_fields(&order[i - 1], &order[i]) != 0;
	free(order);
	return differ;
}

static bool guess_header(struct sample *s)
{
	if (texts_above_values(s)) {
		s->why = "text above a column of other values";
		return true;
	}
	if (has_values(s)) {
		s->why = "the first record holds values";
		return false;
	}
	if (names_differ(s)) {
		s->why = "the first record holds texts that all differ";
		return true;
	}
	s->why = "the first record has the same text twice";
	return false;
}

void sample_settle(struct sample *s, const struct format *format, enum header header)
{
	s->why = "the option says so";
	s->header = header == HEADER_AUTO ? guess_header(s) : header == HEADER_PRESENT;
	if (s->header)
		return;
	for (uint32_t i = 0; i < s->width; i++)
		note(&s->columns[i], format, &s->columns[i].first);
	s->records++;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static char *name_of(const struct sample *s, const struct format *format, uint32_t i)
{
	const struct field *first = &s->columns[i].first;
	char *name = malloc(first->len + 24);

	if (!name)
		return NULL;
	if (!s->header || !first->len) {
		snprintf(name, 24, "column%u", i + 1);
		return name;
	}
	if (first->escaped) {
		name[scan_unescape(&format->dialect, (uint8_t *)name, first->p, first->len)] = '\0';
	} else {
		memcpy(name, first->p, first->len);
		name[first->len] = '\0';
	}
	return name;
}

static int64_t find_name(const struct sample *s, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(s->columns[i].name, name))
			return i;
	return -1;
}

/* The second "x" becomes "x_2", or "x_3" when that is a name too. */
static int number_equal(struct sample *s)
{
	for (uint32_t i = 1; i < s->width; i++) {
		const char *same = s->columns[i].name;
		int64_t first = find_name(s, i, same);
		size_t cap = strlen(same) + 16;
		char *name;

		if (first < 0)
			continue;
		name = malloc(cap);
		if (!name)
			return -1;
		do {
			snprintf(name, cap, "%s_%u", same, 2 + s->columns[first].copies++);
		} while (find_name(s, s->width, name) >= 0);
		free(s->columns[i].name);
		s->columns[i].name = name;
	}
	return 0;
}

int sample_name(struct sample *s, const struct format *format, const char *const *given, uint32_t n_given)
{
	for (uint32_t i = 0; i < s->width; i++) {
		free(s->columns[i].name);
		s->columns[i].name = given && i < n_given ? strdup(given[i]) : name_of(s, format, i);
		if (!s->columns[i].name)
			return -1;
	}
	return number_equal(s);
}
