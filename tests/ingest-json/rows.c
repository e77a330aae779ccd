/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest-json/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

static void must(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "test helper: %s\n", what);
		abort();
	}
}

/* ---- showing ------------------------------------------------------------------------------ */

static void show_schema(struct buf *ret, const struct ArrowSchema *schema)
{
	for (int64_t i = 0; i < schema->n_children; i++) {
		const struct ArrowSchema *child = schema->children[i];

		buf_printf(ret, "%s%s:%s", i ? " " : "", child->name, child->format);
		if (child->n_children) {
			buf_putc(ret, '(');
			show_schema(ret, child);
			buf_putc(ret, ')');
		}
	}
}

static void show(struct buf *ret, const struct arrow_view *view, int64_t i);

static void show_items(struct buf *ret, const struct arrow_view *view, int64_t i)
{
	struct arrow_view items;
	int64_t begin, end;

	must(!arrow_view_child(view, 0, &items), "a list without items");
	arrow_view_list(view, i, &begin, &end);
	buf_putc(ret, '[');
	for (int64_t k = begin; k < end; k++) {
		if (k > begin)
			buf_putc(ret, ' ');
		show(ret, &items, k);
	}
	buf_putc(ret, ']');
}

static void show_struct(struct buf *ret, const struct arrow_view *view, int64_t i)
{
	buf_putc(ret, '{');
	for (int64_t k = 0; k < view->schema->n_children; k++) {
		struct arrow_view child;

		must(!arrow_view_child(view, k, &child), "a struct without children");
		buf_printf(ret, "%s%s=", k ? " " : "", child.schema->name);
		show(ret, &child, i);
	}
	buf_putc(ret, '}');
}

static void show(struct buf *ret, const struct arrow_view *view, int64_t i)
{
	const void *p;
	size_t n;

	if (arrow_view_is_null(view, i)) {
		buf_puts(ret, "null");
		return;
	}
	switch (view->info.type) {
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		buf_printf(ret, "%.17g", arrow_view_double(view, i));
		break;
	case ARROW_DECIMAL128:
		p = arrow_view_bytes(view, i, &n);
		for (int k = 0; k < 8; k++)
			buf_printf(ret, "%02x", ((const uint8_t *)p)[k]);
		break;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_BINARY:
		p = arrow_view_bytes(view, i, &n);
		buf_putc(ret, '"');
		buf_add(ret, p, n);
		buf_putc(ret, '"');
		break;
	case ARROW_STRUCT:
		show_struct(ret, view, i);
		break;
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_MAP:
		show_items(ret, view, i);
		break;
	default:
		buf_printf(ret, "%lld", (long long)arrow_view_int(view, i));
	}
}

static void show_batch(struct rows *rows, const struct ArrowSchema *schema, const struct ArrowArray *batch)
{
	struct arrow_view view;
	char msg[256];

	must(!arrow_validate(schema, batch, 1, msg, sizeof(msg)), msg);
	must(!arrow_view_init(&view, schema, batch), "a batch that does not fit its schema");
	for (int64_t i = 0; i < batch->length; i++) {
		show(&rows->text, &view, i);
		buf_putc(&rows->text, '\n');
	}
	rows->rows += (uint64_t)batch->length;
}

/* ---- running ------------------------------------------------------------------------------ */

static void keep_mark(struct rows *rows, const struct rows_options *options, const struct fakehost *fake,
                      const orasi_mark *mark, const struct ArrowSchema *schema)
{
	size_t n = rows->n_marks;

	must(mark->rows_total >= rows->rows, "rows_total is too small");
	if (n >= (size_t)options->keep_marks)
		return;
	must(mark->flags & ORASI_MARK_RESUMABLE, "a mark that is not resumable");
	rows->marks = realloc(rows->marks, (n + 1) * sizeof(*rows->marks));
	rows->mark_rows = realloc(rows->mark_rows, (n + 1) * sizeof(*rows->mark_rows));
	rows->mark_rejects = realloc(rows->mark_rejects, (n + 1) * sizeof(*rows->mark_rejects));
	buf_init(&rows->marks[n], 0);
	buf_add(&rows->marks[n], mark->state.ptr, mark->state.len);
	rows->mark_rows[n] = rows->text.len;
	rows->mark_rejects[n] = fakehost_rejects(fake);
	if (options->ret_schemas)
		must(!arrow_schema_copy(&options->ret_schemas[n], schema), "memory");
	rows->n_marks++;
}

/* What is still to be fed: the bytes of the source. */
struct feeding {
	const orasi_ingest_feed *feed; /* NULL: it reads */
	orasi_source *source;
	size_t piece, n;
	int last;
};

/* Pieces of 1, 2, … bytes up to the longest, and again; the last one may be empty. */
static orasi_status feed_more(struct feeding *f, void *self, orasi_error *err)
{
	uint8_t *bytes;
	size_t n = 0;
	orasi_status status;

	must(!f->last, "ORASI_AGAIN behind ORASI_FEED_LAST");
	f->n = f->n % f->piece + 1;
	bytes = malloc(f->n); /* of its own, so that nobody keeps a pointer into it */
	must(bytes && !f->source->read(f->source, bytes, f->n, &n, err), "the source");
	f->last = !n;
	status = f->feed->feed(self, (orasi_bytes){bytes, n}, f->last ? ORASI_FEED_LAST : 0, err);
	free(bytes);
	return status;
}

static orasi_status run_open(struct rows *rows, const orasi_ingest_factory *factory, void *self, struct fakehost *fake,
                             const struct rows_options *options, struct feeding *feeding, struct ArrowSchema *schema)
{
	orasi_status status;

	for (;;) {
		struct ArrowArray batch;
		orasi_mark mark = {.struct_size = sizeof(mark)};

		status = factory->next(self, &batch, &mark, &rows->error);
		if (status == ORASI_AGAIN && feeding->feed) {
			status = feed_more(feeding, self, &rows->error);
			if (status)
				return status;
			continue;
		}
		if (status == ORASI_SCHEMA) {
			arrow_schema_release(schema);
			must(!factory->schema(self, schema, &rows->error), "schema after ORASI_SCHEMA");
			rows->schemas++;
			continue;
		}
		if (status)
			return status;
		must(batch.length > 0, "an empty batch");
		show_batch(rows, schema, &batch);
		rows->batches++;
		keep_mark(rows, options, fake, &mark, schema);
		arrow_array_release(&batch);
	}
}

/* An empty buffer compares like a string too. */
static void terminate(struct buf *buf)
{
	must(!buf_reserve(buf, 1), "memory");
	buf->data[buf->len] = 0;
}

void rows_run(struct rows *rows, struct fakehost *fake, orasi_source *source, const struct rows_options *options)
{
	const orasi_entry *entry = orasi_plugin_entry_v1();
	const orasi_ingest_factory *factory = entry->get_factory(ORASI_INGEST_FACTORY);
	struct fakehost_config *config = fakehost_config_new(options->config);
	struct ArrowSchema schema = {0}, want = {0};
	orasi_ingest_open open = {.struct_size = sizeof(open),
	                          .flags = options->flags,
	                          .source = source,
	                          .range_begin = options->range_begin,
	                          .range_end = options->range_end,
	                          .checkpoint = options->checkpoint,
	                          .want = options->want_schema,
	                          .max_rows = options->max_rows ? options->max_rows : 65536,
	                          .max_bytes = options->max_bytes ? options->max_bytes : 64 << 20};
	struct feeding feeding = {.source = source, .piece = options->feed_piece};
	uint64_t from = 0;
	void *self = NULL;

	memset(rows, 0, sizeof(*rows));
	rows->error.struct_size = sizeof(rows->error);
	entry->init(fakehost_host(fake), &rows->error);
	if (options->want) {
		schema_make(&want, options->want);
		open.want = &want;
	}
	rows->status = factory->create(fakehost_host(fake), entry->describe(0)->id, fakehost_config(config), &self,
	                               &rows->error);
	if (!rows->status && feeding.piece) {
		feeding.feed = factory->get_extension(self, ORASI_INGEST_FEED);
		rows->status = feeding.feed->open(self, &open, &from, &schema, &rows->error);
		must(rows->status || !from, "it wants to be fed from elsewhere");
	} else if (!rows->status) {
		rows->status = factory->open(self, &open, &schema, &rows->error);
	}
	if (!rows->status) {
		rows->status = run_open(rows, factory, self, fake, options, &feeding, &schema);
		show_schema(&rows->schema, &schema);
		factory->close(self, &rows->error);
	}
	arrow_schema_release(&schema);
	arrow_schema_release(&want);
	factory->destroy(self);
	fakehost_config_free(config);
	terminate(&rows->text);
	terminate(&rows->schema);
}

void rows_done(struct rows *rows)
{
	buf_done(&rows->text);
	buf_done(&rows->schema);
	for (size_t i = 0; i < rows->n_marks; i++)
		buf_done(&rows->marks[i]);
	free(rows->marks);
	free(rows->mark_rows);
	free(rows->mark_rejects);
}

void schema_make(struct ArrowSchema *ret, const char *text)
{
	must(!arrow_schema_make(ret, "+s", "", 0, 0), "memory");
	while (*text) {
		char name[64], format[64];
		struct ArrowSchema field;
		int n = 0;

		must(sscanf(text, "%63[^:]:%63s%n", name, format, &n) == 2, text);
		must(!arrow_schema_make(&field, format, name, 1, 0), "memory");
		must(!arrow_schema_append(ret, &field), "memory");
		text += n + strspn(text + n, " ");
	}
}
