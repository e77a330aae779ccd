/* SPDX-License-Identifier: Apache-2.0 */
#include "rejects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define RAW_MAX (64u << 10)
#define FLUSH_BYTES (8u << 20)
#define PERCENT_AFTER 1000 /* rows before which a percentage means nothing */
#define SAMPLE 10

static const struct {
	const char *name, *format;
} columns[] = {
	{"ingested_at", "tsu:UTC"}, {"task_id", "u"}, {"attempt", "i"},    {"source_uri", "u"}, {"line", "l"},
	{"byte_offset", "l"},       {"row", "l"},     {"stage", "u"},      {"code", "u"},       {"column", "u"},
	{"message", "u"},           {"raw", "z"},     {"raw_length", "l"},
};
#define N_COLUMNS ((int64_t)(sizeof(columns) / sizeof(columns[0])))

struct rejects {
	struct ArrowSchema schema;
	struct arrow_builder *builder;
	struct output *output;
	struct rejects_limits limits;
	struct json *sample;
	char task[64], first[512];
	char *uri;
	int attempt;
	int64_t count, seen;
	int failed; /* a row could not be kept: its columns differ in length */
};

int rejects_schema(struct ArrowSchema *ret, struct err *err)
{
	if (arrow_schema_make(ret, "+s", "", 0, N_COLUMNS))
		return err_set(err, ERR_NOMEM, "out of memory");
	for (int64_t i = 0; i < N_COLUMNS; i++)
		if (arrow_schema_make(ret->children[i], columns[i].format, columns[i].name, 1, 0)) {
			arrow_schema_release(ret);
			return err_set(err, ERR_NOMEM, "out of memory");
		}
	return 0;
}

int rejects_new(struct loader *loader, const char *staging, const char *task, int attempt,
                const struct rejects_limits *limits, struct rejects **ret, struct err *err)
{
	struct rejects *r = calloc(1, sizeof(*r));
	int code = r ? rejects_schema(&r->schema, err) : err_set(err, ERR_NOMEM, "out of memory");

	if (!code && !(r->builder = arrow_builder_new(&r->schema)))
		code = err_set(err, ERR_NOMEM, "out of memory");
	if (!code)
		code = output_new(loader, staging, NULL, &r->output, err);
	if (code) {
		rejects_free(r);
		return code;
	}
	r->limits = *limits;
	r->attempt = attempt;
	r->sample = json_new_array();
	str_copy(r->task, sizeof(r->task), task);
	*ret = r;
	return 0;
}

void rejects_free(struct rejects *r)
{
	if (!r)
		return;
	output_free(r->output);
	arrow_builder_free(r->builder);
	arrow_schema_release(&r->schema);
	json_free(r->sample);
	free(r->uri);
	free(r);
}

void rejects_from(struct rejects *r, const char *uri)
{
	free(r->uri);
	r->uri = strdup(uri);
}

void rejects_seen(struct rejects *r, int64_t rows)
{
	r->seen = rows;
}

int64_t rejects_count(const struct rejects *r)
{
	return r->count;
}

void rejects_set_count(struct rejects *r, int64_t count)
{
	r->count = count;
}

const char *rejects_first(const struct rejects *r)
{
	return r->first;
}

struct json *rejects_sample(const struct rejects *r)
{
	return json_copy(r->sample);
}

int rejects_over(const struct rejects *r)
{
	int64_t all = r->seen + r->count;

	if (r->limits.max >= 0 && r->count > r->limits.max)
		return 1;
	return all >= PERCENT_AFTER && r->limits.max_percent < 100 &&
	       (double)r->count * 100 > r->limits.max_percent * (double)all;
}

/* ---- one record ------------------------------------------------------------------------------------------ */

static int put_text(struct arrow_builder *b, int column, const char *p, size_t n)
{
	struct arrow_builder *child = arrow_builder_child(b, column);

	if (!utf8_valid(p, n)) {
		p = "(not UTF-8)";
		n = strlen(p);
	}
	return arrow_append_bytes(child, p, n);
}

static int put_number(struct arrow_builder *b, int column, int64_t v)
{
	struct arrow_builder *child = arrow_builder_child(b, column);

	return v < 0 ? arrow_append_null(child) : arrow_append_int(child, v);
}

static void keep_sample(struct rejects *r, const orasi_rejected *x)
{
	struct json *entry;
	size_t n = x->raw.len < 200 ? x->raw.len : 200;

	if (!r->first[0])
		snprintf(r->first, sizeof(r->first), "%s, line %lld: %.*s", r->uri ? r->uri : "", (long long)x->line,
		         x->message.len < 300 ? (int)x->message.len : 300, x->message.ptr ? x->message.ptr : "");
	if (json_count(r->sample) >= SAMPLE)
		return;
	entry = json_new_object();
	json_set_int(entry, "line", x->line);
	json_set_int(entry, "byte_offset", x->byte_offset);
	json_set_str(entry, "code", x->code ? x->code : "unknown");
	json_set(entry, "message", json_new_strn(x->message.ptr ? x->message.ptr : "", x->message.len));
	while (n && !utf8_valid((const char *)x->raw.ptr, n))
		n--;
	json_set(entry, "raw", json_new_strn((const char *)x->raw.ptr, n));
	json_push(r->sample, entry);
}

static int add_row(struct rejects *r, const orasi_rejected *x)
{
	struct arrow_builder *b = r->builder;
	const char *uri = r->uri ? r->uri : "", *code = x->code ? x->code : "unknown";
	int bad = 0;

	bad |= put_number(b, 0, clock_wall_ms() * 1000);
	bad |= put_text(b, 1, r->task, strlen(r->task));
	bad |= put_number(b, 2, r->attempt);
	bad |= put_text(b, 3, uri, strlen(uri));
	bad |= put_number(b, 4, x->line);
	bad |= put_number(b, 5, x->byte_offset);
	bad |= put_number(b, 6, x->row);
	bad |= put_text(b, 7, "decode", 6);
	bad |= put_text(b, 8, code, strlen(code));
	bad |= put_text(b, 9, x->column.ptr ? x->column.ptr : "", x->column.len);
	bad |= put_text(b, 10, x->message.ptr ? x->message.ptr : "", x->message.len);
	bad |= arrow_append_bytes(arrow_builder_child(b, 11), x->raw.ptr, x->raw.len < RAW_MAX ? x->raw.len : RAW_MAX);
	bad |= put_number(b, 12, (int64_t)x->raw_len);
	return bad | arrow_end_struct(b);
}

/* Rows go to the file in batches, so that memory stays small however many there are. */
static int write_rows(struct rejects *r, struct err *err)
{
	struct ArrowArray batch;
	int code = 0;

	if (!arrow_builder_length(r->builder))
		return 0;
	if (!output_is_open(r->output))
		code = output_begin(r->output, &r->schema, err);
	if (!code && arrow_builder_finish(r->builder, &batch))
		code = err_set(err, ERR_NOMEM, "out of memory");
	if (!code) {
		code = output_write(r->output, &batch, err);
		arrow_array_release(&batch);
	}
	return code;
}

orasi_status rejects_add(void *ctx, const orasi_rejected *x)
{
	struct rejects *r = ctx;

	r->count++;
	keep_sample(r, x);
	r->failed =
		r->failed || add_row(r, x) || (arrow_builder_bytes(r->builder) > FLUSH_BYTES && write_rows(r, NULL));
	if (r->failed)
		return ORASI_E_IO;
	return rejects_over(r) ? ORASI_E_BUDGET : ORASI_OK;
}

int rejects_flush(struct rejects *r, struct json *files, struct err *err)
{
	int code = r->failed ? err_set(err, ERR_IO, "rejected records could not be kept: no memory, or no space")
	                     : write_rows(r, err);

	return code || !output_is_open(r->output) ? code : output_finish(r->output, files, err);
}
