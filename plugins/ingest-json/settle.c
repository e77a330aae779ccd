/* SPDX-License-Identifier: Apache-2.0 */
/* How the columns come about: a sample of records is noted, becomes a schema or adds its new keys to the one that is
 * there, and the log is told what was seen. */
#include <stdio.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "decode.h"

static struct infer_limits limits_of(const struct decoder *d)
{
	return (struct infer_limits){.timestamps = d->settings.infer_timestamps,
	                             .max_columns = (uint32_t)d->settings.max_columns,
	                             .max_depth = (uint32_t)d->settings.max_depth};
}

/* Notes a record if it is a good object; bad ones are met again while decoding. */
static int note_record(struct decoder *d, struct shape *shape, struct record *record)
{
	struct infer_limits limits = limits_of(d);
	uint8_t saved = record->text[record->len];
	struct flaw flaw;
	int r = 0;

	record->text[record->len] = 0;
	if (row_check(record->text, record->len, limits.max_depth, &flaw))
		r = shape_record(shape, scan_space(record->text), &limits);
	record->text[record->len] = saved;
	return r;
}

/* Notes the records that lie within sample_bytes from here, sample_rows at most, and comes back.
 * *ret_end is behind the last of them. ORASI_AGAIN: not all of them are there yet; it begins anew when there are an
 * eighth more, so that the work stays in proportion to the bytes. */
static orasi_status take_sample(struct decoder *d, struct shape *shape, uint64_t *ret_end, orasi_error *err)
{
	struct reader_place place;
	struct record record;
	orasi_status status = ORASI_OK;
	uint64_t limit;

	if (reader_ahead(d->reader) < d->sample_again && !reader_is_last(d->reader))
		return ORASI_AGAIN;
	reader_where(d->reader, &place);
	limit = place.offset + (uint64_t)d->settings.sample_bytes;
	*ret_end = place.offset;
	reader_hold(d->reader);
	for (int64_t i = 0; i < d->settings.sample_rows; i++) {
		status = reader_next(d->reader, &record, err);
		if (status || (record.offset + record.whole > limit && i))
			break;
		if (!record.too_long && note_record(d, shape, &record)) {
			status = decoder_no_memory(err);
			break;
		}
		*ret_end = record.offset + record.whole;
	}
	reader_rewind(d->reader);
	d->sample_again = status == ORASI_AGAIN ? reader_ahead(d->reader) * 9 / 8 + 1 : 0;
	/* What is wrong with the source shows again when decoding gets there. */
	if (status == ORASI_E_CORRUPT)
		*err = (orasi_error)ORASI_NO_ERROR;
	return status == ORASI_AGAIN || (status < 0 && status != ORASI_E_CORRUPT) ? status : ORASI_OK;
}

#define U64_TEXT 24

static orasi_kv kv_text(orasi_str key, const char *value)
{
	return (orasi_kv){key, {value, strlen(value)}};
}

static orasi_kv kv_u64(orasi_str key, uint64_t value, char buf[U64_TEXT])
{
	snprintf(buf, U64_TEXT, "%llu", (unsigned long long)value);
	return kv_text(key, buf);
}

static void tell_column(void *ctx, const char *path, const char *format, uint64_t seen, uint64_t nulls,
                        const char *example)
{
	struct decoder *d = ctx;
	char seen_text[U64_TEXT], nulls_text[U64_TEXT];
	const orasi_kv kv[] = {
		kv_text(ORASI_STR("column"), path),         kv_text(ORASI_STR("type"), format),
		kv_u64(ORASI_STR("seen"), seen, seen_text), kv_u64(ORASI_STR("nulls"), nulls, nulls_text),
		kv_text(ORASI_STR("example"), example),
	};

	d->log->log(d->host, ORASI_LOG_INFO, ORASI_STR("inferred column"), kv, 5);
}

static void tell_schema(struct decoder *d, const struct shape *shape)
{
	char records[U64_TEXT];
	const orasi_kv kv[] = {
		kv_text(ORASI_STR("mode"), reader_mode_name(d->reader)),
		kv_u64(ORASI_STR("records"), shape_records(shape), records),
	};

	if (!d->log || d->log->min_level > ORASI_LOG_INFO)
		return;
	d->log->log(d->host, ORASI_LOG_INFO, ORASI_STR("inferred a schema"), kv, 2);
	shape_explain(shape, &d->schema, tell_column, d);
}

orasi_status decoder_make_columns(struct decoder *d, orasi_error *err)
{
	const struct ArrowSchema *wrong;
	struct column *root = column_new(&d->schema, &wrong);

	if (!root && wrong)
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "the column '%s' has the Arrow type '%s', JSON has no values for it", wrong->name,
		                  wrong->format);
	if (!root)
		return decoder_no_memory(err);
	column_free(d->root);
	d->root = root;
	return ORASI_OK;
}

static orasi_status grow_from(struct decoder *d, struct shape *shape, bool *ret_grown, orasi_error *err)
{
	struct infer_limits limits = limits_of(d);
	orasi_status status = take_sample(d, shape, &d->state.grow_after, err);

	if (status)
		return status;
	if (shape_grow(shape, &limits, &d->schema, ret_grown))
		return decoder_no_memory(err);
	tell_schema(d, shape);
	return ORASI_OK;
}

orasi_status decoder_grow(struct decoder *d, bool *ret_grown, orasi_error *err)
{
	struct shape *shape = shape_new();
	orasi_status status = shape ? grow_from(d, shape, ret_grown, err) : decoder_no_memory(err);

	shape_free(shape);
	return status;
}

static orasi_status infer(struct decoder *d, orasi_error *err)
{
	struct infer_limits limits = limits_of(d);
	struct shape *shape = shape_new();
	uint64_t end;
	orasi_status status = shape ? take_sample(d, shape, &end, err) : decoder_no_memory(err);

	if (!status && shape_schema(shape, &limits, &d->schema))
		status = decoder_no_memory(err);
	if (!status)
		tell_schema(d, shape);
	shape_free(shape);
	return status;
}

/* The host's columns are fixed. They grow by the sample only at the start: in the middle a resumed
 * reader must do what the first one did, which met its new keys one by one. */
orasi_status decoder_settle(struct decoder *d, const struct ArrowSchema *want, orasi_error *err)
{
	bool grown;
	orasi_status status = ORASI_OK;

	if (!want)
		return infer(d, err);
	arrow_schema_release(&d->schema); /* of a try before */
	d->schema.release = NULL;
	if (arrow_schema_copy(&d->schema, want))
		return decoder_no_memory(err);
	if (strcmp(d->schema.format, "+s"))
		return orasi_fail(err, ORASI_E_INVALID, "the wanted schema is no struct");
	if (!d->project && d->row_config.unknown == ROW_GROW && !d->resumed)
		status = decoder_grow(d, &grown, err);
	if (status)
		return status;
	return state_modes_apply(&d->state, &d->schema) ? decoder_no_memory(err) : ORASI_OK;
}

orasi_status decoder_export_schema(const struct decoder *d, struct ArrowSchema *ret, orasi_error *err)
{
	return arrow_schema_copy(ret, &d->schema) ? decoder_no_memory(err) : ORASI_OK;
}

/* Once per source, when it ends. */
void decoder_tell_duplicates(struct decoder *d)
{
	char n[U64_TEXT];
	orasi_kv kv = kv_u64(ORASI_STR("count"), d->row.duplicates, n);

	if (!d->row.duplicates || d->duplicates_told || !d->log)
		return;
	d->duplicates_told = true;
	d->log->log(d->host, ORASI_LOG_WARN, ORASI_STR("keys stood twice in their object, the last value counts"), &kv,
	            1);
}
