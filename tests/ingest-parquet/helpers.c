/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest-parquet/helpers.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct fakehost *fake;
orasi_error error;
char stats[65536];
uint64_t seed;

void helpers_set_up(void)
{
	const char *given = getenv("TEST_SEED");

	fake = fakehost_new();
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	table_seed(seed);
	memset(&error, 0, sizeof(error));
	error.struct_size = sizeof(error);
}

void helpers_tear_down(void)
{
	fakehost_free(fake);
}

void helpers_threads(int lent)
{
	fakehost_free(fake);
	fake = fakehost_new();
	if (!lent)
		fakehost_hide(fake, ORASI_HOST_POOL);
}

uint64_t helpers_threads_used(void)
{
	return fakehost_pooled(fake);
}

void make(struct ArrowSchema *s, const char *format, const char *name, int nullable, int64_t n)
{
	ck_assert_int_eq(arrow_schema_make(s, format, name, nullable, n), 0);
}

/* ---- values as text ------------------------------------------------------------------------- */

static void show(struct buf *out, const struct arrow_view *view, int64_t i)
{
	int64_t begin, end;
	struct arrow_view child;
	const uint8_t *p;
	size_t n;

	if (arrow_view_is_null(view, i)) {
		buf_puts(out, "null");
		return;
	}
	switch (view->info.type) {
	case ARROW_STRUCT:
		buf_puts(out, "{");
		for (int64_t k = 0; k < view->schema->n_children; k++) {
			ck_assert_int_eq(arrow_view_child(view, k, &child), 0);
			buf_printf(out, "%s%s=", k ? " " : "", view->schema->children[k]->name);
			show(out, &child, i);
		}
		buf_puts(out, "}");
		break;
	case ARROW_LIST:
	case ARROW_MAP:
		ck_assert_int_eq(arrow_view_child(view, 0, &child), 0);
		arrow_view_list(view, i, &begin, &end);
		buf_puts(out, "[");
		for (int64_t k = begin; k < end; k++) {
			buf_puts(out, k > begin ? " " : "");
			show(out, &child, k);
		}
		buf_puts(out, "]");
		break;
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		buf_printf(out, "%.17g", arrow_view_double(view, i));
		break;
	case ARROW_UTF8:
	case ARROW_BINARY:
	case ARROW_FIXED_BINARY:
	case ARROW_DECIMAL128:
	case ARROW_FLOAT16:
		p = view->info.type == ARROW_FLOAT16 ? (const uint8_t *)view->data + (view->offset + i) * 2
		                                     : arrow_view_bytes(view, i, &n);
		n = view->info.type == ARROW_FLOAT16 ? 2 : n;
		for (size_t k = 0; k < n; k++)
			buf_printf(out, "%02x", p[k]);
		break;
	default:
		buf_printf(out, "%lld", (long long)arrow_view_int(view, i));
	}
}

void show_rows(struct buf *out, const struct ArrowSchema *schema, const struct ArrowArray *array)
{
	struct arrow_view view;

	ck_assert_int_eq(arrow_view_init(&view, schema, array), 0);
	for (int64_t i = 0; i < array->length; i++) {
		show(out, &view, i);
		buf_puts(out, "\n");
	}
}

/* ---- writing and reading -------------------------------------------------------------------- */

uint64_t encode(struct fakehost_output *out, const char *options, const struct ArrowSchema *schema,
                const struct ArrowArray *batch, int pieces)
{
	struct fakehost_config *config = fakehost_config_new(options);
	orasi_encode_info info = {.struct_size = sizeof(info)};
	orasi_encode_open open = {sizeof(open), 0, &out->output, schema};
	struct ArrowArray slice = *batch;
	uint64_t estimate = 0;
	void *self;

	fakehost_output_init(out);
	ck_assert_msg(
		!parquet_encode_factory.create(fakehost_host(fake), PARQUET_ID, fakehost_config(config), &self, &error),
		"%s", error.message);
	ck_assert_msg(!parquet_encode_factory.open(self, &open, &error), "%s", error.message);
	for (int i = 0; i < pieces; i++) {
		slice.offset = batch->length * i / pieces;
		slice.length = batch->length * (i + 1) / pieces - slice.offset;
		ck_assert_msg(!parquet_encode_factory.write(self, &slice, &error), "%s", error.message);
		estimate = parquet_encode_factory.size_estimate(self);
	}
	ck_assert_msg(!parquet_encode_factory.finish(self, &info, &error), "%s", error.message);
	ck_assert_uint_eq(info.rows, (uint64_t)batch->length);
	ck_assert_uint_eq(info.bytes, out->buf.len);
	snprintf(stats, sizeof(stats), "%.*s", (int)info.stats_json.len, info.stats_json.ptr);
	parquet_encode_factory.destroy(self);
	fakehost_config_free(config);
	return estimate;
}

orasi_status decode_each(const void *data, size_t len, orasi_ingest_open *open, on_batch *fn, void *ctx,
                         uint64_t *ret_rows)
{
	struct fakehost_source source;
	struct ArrowSchema schema = {0};
	struct ArrowArray batch;
	orasi_mark mark = {.struct_size = sizeof(mark)};
	orasi_status r;
	void *self;
	char msg[256];

	fakehost_source_init(&source, data, len, 1);
	open->struct_size = sizeof(*open);
	open->source = &source.source;
	if (!open->max_rows)
		open->max_rows = 1000;
	ck_assert_int_eq(parquet_ingest_factory.create(fakehost_host(fake), PARQUET_ID, NULL, &self, &error), 0);
	r = parquet_ingest_factory.open(self, open, &schema, &error);
	*ret_rows = 0;
	while (!r && !(r = parquet_ingest_factory.next(self, &batch, &mark, &error))) {
		ck_assert_msg(!arrow_validate(&schema, &batch, 0, msg, sizeof(msg)), "%s", msg);
		*ret_rows += (uint64_t)batch.length;
		if (fn)
			fn(ctx, &schema, &batch, &mark);
		arrow_array_release(&batch);
	}
	arrow_schema_release(&schema);
	parquet_ingest_factory.destroy(self);
	return r;
}

static void add_text(void *ctx, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                     const orasi_mark *mark)
{
	(void)mark;
	show_rows(ctx, schema, batch);
}

orasi_status decode(const void *data, size_t len, orasi_ingest_open *open, struct buf *out, uint64_t *ret_rows)
{
	return decode_each(data, len, open, out ? add_text : NULL, out, ret_rows);
}

void numbers(struct fakehost_output *out, int64_t rows, struct ArrowSchema *schema)
{
	struct arrow_builder *b;
	struct ArrowArray batch;
	char text[32];

	make(schema, "+s", "", 0, 2);
	make(schema->children[0], "l", "n", 0, 0);
	make(schema->children[1], "u", "t", 1, 0);
	b = arrow_builder_new(schema);
	for (int64_t i = 0; i < rows; i++) {
		snprintf(text, sizeof(text), "t%lld", (long long)i);
		arrow_append_int(arrow_builder_child(b, 0), i);
		arrow_append_bytes(arrow_builder_child(b, 1), text, strlen(text));
		arrow_end_struct(b);
	}
	ck_assert_int_eq(arrow_builder_finish(b, &batch), 0);
	encode(out, "{\"row_group_rows\":30000}", schema, &batch, 1);
	arrow_array_release(&batch);
	arrow_builder_free(b);
}

void add_json(void *ctx, const struct ArrowSchema *schema, const struct ArrowArray *batch, const orasi_mark *mark)
{
	struct arrow_view view;

	(void)mark;
	ck_assert_int_eq(arrow_view_init(&view, schema, batch), 0);
	for (int64_t i = 0; i < batch->length; i++) {
		table_row_json(ctx, &view, i);
		buf_puts(ctx, "\n");
	}
}
