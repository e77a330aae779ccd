/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

static orasi_status no_memory(orasi_error *err)
{
	return orasi_fail(err, ORASI_E_NOMEM, "no memory left for the columns of the table");
}

void table_done(struct table *t)
{
	sample_done(&t->sample);
	arrow_schema_release(&t->schema);
	free(t->from);
	free(t->types);
	t->schema.release = NULL;
	t->from = NULL;
	t->types = NULL;
}

/* ---- evidence ---------------------------------------------------------------------------------------------------- */

#define NUMBER_TEXT 24

static orasi_kv kv_text(orasi_str key, const char *value)
{
	return (orasi_kv){key, {value, strlen(value)}};
}

static orasi_kv kv_u64(orasi_str key, uint64_t value, char buf[NUMBER_TEXT])
{
	snprintf(buf, NUMBER_TEXT, "%llu", (unsigned long long)value);
	return kv_text(key, buf);
}

static void tell_dialect(const struct table *t)
{
	const struct dialect *d = &t->format.dialect;
	char delimiter[2] = {(char)d->delimiter}, quote[2] = {(char)d->quote};
	char numbers[3][NUMBER_TEXT];
	const orasi_kv kv[] = {
		kv_text(ORASI_STR("delimiter"), d->delimiter == '\t' ? "tab" : delimiter),
		kv_text(ORASI_STR("quote"), d->quote ? quote : "none"),
		kv_text(ORASI_STR("header"), t->sample.header ? "present" : "absent"),
		kv_text(ORASI_STR("because"), t->sample.why),
		kv_u64(ORASI_STR("columns"), t->sample.width, numbers[0]),
		kv_u64(ORASI_STR("agreeing"), t->evidence.agreeing, numbers[1]),
		kv_u64(ORASI_STR("of"), t->evidence.records, numbers[2]),
	};

	if (t->log && t->log->min_level <= ORASI_LOG_INFO)
		t->log->log(t->host, ORASI_LOG_INFO, ORASI_STR("inferred a dialect"), kv, 7);
}

static void tell_column(const struct table *t, const struct column *c, const char *type)
{
	char numbers[2][NUMBER_TEXT];
	const orasi_kv kv[] = {
		kv_text(ORASI_STR("column"), c->name),
		kv_text(ORASI_STR("type"), type),
		kv_u64(ORASI_STR("seen"), c->values, numbers[0]),
		kv_u64(ORASI_STR("nulls"), c->nulls, numbers[1]),
		kv_text(ORASI_STR("example"), c->example),
		kv_text(ORASI_STR("because"), c->turned),
	};

	if (t->log && t->log->min_level <= ORASI_LOG_INFO)
		t->log->log(t->host, ORASI_LOG_INFO, ORASI_STR("inferred column"), kv, c->turned[0] ? 6 : 5);
}

/* ---- dialect ----------------------------------------------------------------------------------------------------- */

static orasi_status check_encoding(const uint8_t *p, size_t n, orasi_error *err)
{
	if (n >= 2 && (!memcmp(p, "\xFF\xFE", 2) || !memcmp(p, "\xFE\xFF", 2) || (!p[0] && p[1]) || (p[0] && !p[1])))
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "this is UTF-16, CSV is read as UTF-8: convert it with iconv -f UTF-16");
	return ORASI_OK;
}

/* Byte order mark, declared delimiter, lines that the user says to skip. */
static orasi_status skip_front(struct table *t, struct reader *reader, orasi_error *err)
{
	struct dialect *d = &t->format.dialect;
	uint8_t declared = 0;
	const uint8_t *p;
	size_t n, skip;
	bool all;
	orasi_status status = reader_head(reader, &p, &n, &all, err);

	if (!status)
		status = check_encoding(p, n, err);
	if (status)
		return status;
	skip = n >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3) ? 3 : 0;
	reader_skip(reader, skip, 0);
	d->newline = dialect_newline(p + skip, n - skip);
	skip = dialect_declared(p + skip, n - skip, &declared);
	reader_skip(reader, skip, skip > 0);
	if (!d->delimiter)
		d->delimiter = declared;
	for (int64_t i = 0; i < t->settings->skip && !status; i++)
		status = reader_skip_line(reader, d->newline, err);
	return status;
}

static orasi_status find_dialect(struct table *t, struct reader *reader, orasi_error *err)
{
	struct dialect *d = &t->format.dialect;
	const uint8_t *p;
	uint8_t *copy;
	size_t n;
	bool all, ok;
	orasi_status status;

	d->delimiter = t->settings->delimiter;
	d->quote = t->settings->quote;
	d->escape = t->settings->escape ? t->settings->escape : t->settings->quote;
	d->comment = t->settings->comment;
	d->trim = t->settings->trim;
	status = skip_front(t, reader, err);
	if (!status)
		status = reader_head(reader, &p, &n, &all, err);
	if (status)
		return status;
	copy = malloc(n + SCAN_PAD);
	if (!copy)
		return no_memory(err);
	memcpy(copy, p, n);
	ok = dialect_guess(d, t->settings->any_quote, copy, n, all, &t->evidence);
	free(copy);
	if (!ok)
		return no_memory(err);
	reader_set(reader, d, false);
	return ORASI_OK;
}

/* ---- sample ------------------------------------------------------------------------------------------------------ */

/* Notes the records within sample_bytes, sample_rows at most. What is wrong with them shows again when they are read. */
static orasi_status take_sample(struct table *t, struct reader *reader, orasi_error *err)
{
	uint64_t limit = reader_where(reader).offset + (uint64_t)t->settings->sample_bytes;
	orasi_status status = ORASI_OK;
	struct record record;

	for (int64_t i = 0; i < t->settings->sample_rows && !status; i++) {
		status = reader_next(reader, &record, err);
		if (status || record.place.offset + record.whole > limit)
			break;
		if (!record.flaw)
			sample_note(&t->sample, &t->format, reader_fields(reader));
	}
	return status < 0 || status == ORASI_AGAIN ? status : ORASI_OK;
}

static orasi_status check_width(const struct table *t, orasi_error *err)
{
	const struct sample *s = &t->sample;

	if (s->width > t->settings->max_columns)
		return orasi_fail(err, ORASI_E_LIMIT, "the table has %u columns, max_columns allows %lld", s->width,
		                  (long long)t->settings->max_columns);
	if (t->settings->names.n && t->settings->names.n != s->width)
		return orasi_fail(err, ORASI_E_CONFIG,
		                  "the option 'names' has %u names, the first record has %u fields",
		                  t->settings->names.n, s->width);
	if (!t->settings->fill && s->misfits > 1 && s->misfits * 10 >= s->records * 9)
		return orasi_fail(
			err, ORASI_E_CORRUPT,
			"the first record has %u fields, but %llu of the %llu behind it have another number: when "
			"lines "
			"stand before the header, say how many with the option 'skip'; 'delimiter' and 'quote' can be "
			"given too",
			s->width, (unsigned long long)s->misfits, (unsigned long long)s->records);
	return ORASI_OK;
}

static orasi_status check_names(const struct table *t, orasi_error *err)
{
	for (uint32_t i = 0; i < t->sample.width; i++) {
		const struct column *c = &t->sample.columns[i];

		if (!arrow_utf8_valid(c->name, strlen(c->name)))
			return orasi_fail(
				err, ORASI_E_CORRUPT,
				"the name of column %u is not UTF-8: convert the file with iconv, or give 'names'",
				i + 1);
		if (t->sample.header && !t->settings->names.n && memchr(c->first.p, 0, c->first.len))
			return orasi_fail(err, ORASI_E_CORRUPT, "the name of column %u holds a NUL", i + 1);
	}
	return ORASI_OK;
}

/* A first record that is too long for the window of the sample is no header either. */
static orasi_status first_record(struct table *t, struct reader *reader, orasi_error *err)
{
	struct record record;
	orasi_status status = reader_next(reader, &record, err);

	if (status == READER_LONG)
		return orasi_fail(err, ORASI_E_CORRUPT, "the first record is longer than max_record (%lld bytes)",
		                  (long long)t->settings->max_record);
	if (status)
		return status;
	if (record.flaw)
		return orasi_fail(err, ORASI_E_CORRUPT, "the first record cannot be read: %s (%s)", record.what,
		                  record.flaw);
	if (sample_first(&t->sample, &t->format, reader_fields(reader), record.text, record.len))
		return no_memory(err);
	/* In a table of one column an empty line is a record without a value. */
	reader_set(reader, &t->format.dialect, t->sample.width == 1);
	return ORASI_OK;
}

orasi_status table_open(struct table *t, struct reader *reader, orasi_error *err)
{
	struct place behind;
	orasi_status status;

	t->format.decimal = t->settings->decimal;
	t->format.thousands = t->settings->thousands;
	t->format.stamps = t->settings->infer_timestamps;
	t->format.nulls = (const char *const *)t->settings->nulls.at;
	t->format.n_nulls = t->settings->nulls.n;
	status = find_dialect(t, reader, err);
	reader_hold(reader);
	if (!status)
		status = first_record(t, reader, err);
	behind = reader_where(reader);
	if (!status)
		status = take_sample(t, reader, err);
	reader_rewind(reader);
	if (status)
		return status == ORASI_END ? ORASI_OK : status;
	sample_settle(&t->sample, &t->format, t->settings->header);
	status = check_width(t, err);
	if (!status &&
	    sample_name(&t->sample, &t->format, (const char *const *)t->settings->names.at, t->settings->names.n))
		return no_memory(err);
	if (!status)
		status = check_names(t, err);
	if (status)
		return status;
	tell_dialect(t);
	return t->sample.header ? reader_go(reader, &behind, err) : ORASI_OK;
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

static const char *type_of(const struct table *t, const struct column *c)
{
	return t->settings->infer_types ? value_type(c->kinds) : "u";
}

static orasi_status add_column(struct table *t, const struct column *c, orasi_error *err)
{
	struct ArrowSchema field;

	if (arrow_schema_make(&field, type_of(t, c), c->name, 1, 0))
		return no_memory(err);
	if (arrow_schema_append(&t->schema, &field)) {
		arrow_schema_release(&field);
		return no_memory(err);
	}
	tell_column(t, c, type_of(t, c));
	return ORASI_OK;
}

/* What the text has besides. */
static orasi_status add_unknown(struct table *t, orasi_error *err)
{
	int64_t known = t->schema.n_children;
	orasi_status status = ORASI_OK;

	for (uint32_t i = 0; i < t->sample.width && !status; i++) {
		const struct column *c = &t->sample.columns[i];

		if (known && arrow_schema_find(&t->schema, c->name, strlen(c->name)) >= 0)
			continue;
		if (known && t->settings->unknown_columns == UNKNOWN_REJECT)
			return orasi_fail(err, ORASI_E_CONFIG,
			                  "the dataset has no column '%s', and unknown_columns is reject", c->name);
		if (!known || t->settings->unknown_columns == UNKNOWN_EVOLVE)
			status = add_column(t, c, err);
	}
	return status;
}

static orasi_status map_column(struct table *t, int64_t i, orasi_error *err)
{
	const struct ArrowSchema *field = t->schema.children[i];

	t->from[i] = -1;
	for (uint32_t k = 0; k < t->sample.width; k++)
		if (!strcmp(t->sample.columns[k].name, field->name))
			t->from[i] = k;
	if (arrow_type_parse(field->format, &t->types[i]))
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "the column '%s' has the unknown Arrow type '%s'",
		                  field->name, field->format);
	if (t->from[i] >= 0 && (field->dictionary || !value_can(&t->types[i])))
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "the column '%s' has the Arrow type '%s', CSV has no values for it", field->name,
		                  field->format);
	return ORASI_OK;
}

orasi_status table_columns(struct table *t, const struct ArrowSchema *want, bool project, orasi_error *err)
{
	orasi_status status = ORASI_OK;

	if (want ? arrow_schema_copy(&t->schema, want) : arrow_schema_make(&t->schema, "+s", "", 0, 0)) {
		t->schema.release = NULL;
		return no_memory(err);
	}
	if (strcmp(t->schema.format, "+s"))
		return orasi_fail(err, ORASI_E_INVALID, "the wanted schema is no struct");
	if (!project)
		status = add_unknown(t, err);
	t->from = calloc((size_t)t->schema.n_children + 1, sizeof(*t->from));
	t->types = calloc((size_t)t->schema.n_children + 1, sizeof(*t->types));
	if (!status && (!t->from || !t->types))
		return no_memory(err);
	for (int64_t i = 0; i < t->schema.n_children && !status; i++)
		status = map_column(t, i, err);
	return status;
}
