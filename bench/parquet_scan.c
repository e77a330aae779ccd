/* SPDX-License-Identifier: Apache-2.0 */
/* How fast is a Parquet file read on one core, with every value looked at?
 *
 *   parquet_scan FILE [COLUMN]                  all columns, or one of them
 *   parquet_scan --threads N FILE [COLUMN]      on so many threads
 *
 * Prints processor seconds of all threads and of the calling one, seconds by the clock, and a sum as JSON: numbers are added up, of texts their lengths, of lists, maps and structs
 * what is in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <orasi/sdk/arrow.h>

#include "base/buf.h"
#include "base/file.h"
#include "lib/fakehost.h"

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double sum_text(const struct arrow_view *view)
{
	const int32_t *offsets = (const int32_t *)view->offsets + view->offset;

	return (double)(offsets[view->length] - offsets[0]);
}

/* In lanes: one sum would wait for itself at every value. */
#define LANES 8

#define SUM(name, type)                                            \
	static double name(const type *values, int64_t n)          \
	{                                                          \
		double lanes[LANES] = {0}, sum = 0;                \
		int64_t i = 0;                                     \
                                                                   \
		for (; i + LANES <= n; i += LANES)                 \
			for (int k = 0; k < LANES; k++)            \
				lanes[k] += (double)values[i + k]; \
		for (int k = 0; k < LANES; k++)                    \
			sum += lanes[k];                           \
		for (; i < n; i++)                                 \
			sum += (double)values[i];                  \
		return sum;                                        \
	}

SUM(sum_doubles, double)
SUM(sum_longs, int64_t)

static double sum_column(const struct arrow_view *view)
{
	struct arrow_view child;
	double sum = 0;

	for (int64_t i = 0; i < view->schema->n_children; i++)
		if (!arrow_view_child(view, i, &child))
			sum += sum_column(&child);
	if (view->schema->n_children)
		return sum;

	switch (view->info.type) {
	case ARROW_UTF8:
	case ARROW_BINARY:
		return sum_text(view);
	case ARROW_FLOAT64:
		return sum_doubles((const double *)view->data + view->offset, view->length);
	case ARROW_INT64:
	case ARROW_TIMESTAMP:
		return sum_longs((const int64_t *)view->data + view->offset, view->length);
	default:
		for (int64_t i = 0; i < view->length; i++)
			sum += (double)arrow_view_int(view, i);
		return sum;
	}
}

static double sum_batch(const struct ArrowSchema *schema, const struct ArrowArray *batch)
{
	struct arrow_view rows, column;
	double sum = 0;

	if (arrow_view_init(&rows, schema, batch))
		abort();
	for (int64_t i = 0; i < schema->n_children; i++)
		if (!arrow_view_child(&rows, i, &column))
			sum += sum_column(&column);
	return sum;
}

/* The schema of the one column that is wanted. */
static int project(void *self, const orasi_ingest_factory *f, orasi_ingest_open *open, const char *name,
                   struct ArrowSchema *want, orasi_error *err)
{
	struct ArrowSchema all;
	int64_t at;

	open->flags = ORASI_OPEN_INFER;
	if (f->open(self, open, &all, err))
		return -1;
	at = arrow_schema_find(&all, name, strlen(name));
	if (at < 0 || arrow_schema_make(want, "+s", "", 0, 1) ||
	    arrow_schema_copy(want->children[0], all.children[at])) {
		snprintf(err->message, sizeof(err->message), "there is no column '%s'", name);
		return -1;
	}
	arrow_schema_release(&all);
	open->flags = ORASI_OPEN_PROJECT;
	open->want = want;
	return 0;
}

static int scan(const struct buf *file, const char *column, const orasi_host *host, orasi_error *err)
{
	const orasi_ingest_factory *f = orasi_plugin_entry_v1()->get_factory(ORASI_INGEST_FACTORY);
	struct fakehost_source source;
	orasi_ingest_open open = {.struct_size = sizeof(open),
	                          .source = &source.source,
	                          .max_rows = 16384,
	                          .max_bytes = 16 << 20};
	orasi_mark mark = {.struct_size = sizeof(mark)};
	struct ArrowSchema schema, want = {0};
	struct ArrowArray batch;
	double sum = 0, cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), caller = seconds(CLOCK_THREAD_CPUTIME_ID),
	       wall = seconds(CLOCK_MONOTONIC);
	orasi_status r;
	void *self;

	fakehost_source_init(&source, file->data, file->len, 1);
	if (f->create(host, orasi_plugin_entry_v1()->describe(0)->id, NULL, &self, err) ||
	    (column && project(self, f, &open, column, &want, err)) || f->open(self, &open, &schema, err))
		return -1;
	while (!(r = f->next(self, &batch, &mark, err))) {
		sum += sum_batch(&schema, &batch);
		arrow_array_release(&batch);
	}
	arrow_schema_release(&schema);
	arrow_schema_release(&want);
	f->destroy(self);
	printf("{\"cpu\":%.6f,\"caller\":%.6f,\"wall\":%.6f,\"sum\":%.17g}\n", seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
	       seconds(CLOCK_THREAD_CPUTIME_ID) - caller, seconds(CLOCK_MONOTONIC) - wall, sum);
	return r == ORASI_END ? 0 : -1;
}

int main(int argc, char **argv)
{
	orasi_error err = ORASI_NO_ERROR;
	struct fakehost *fake = NULL;
	struct buf file;

	if (argc > 3 && !strcmp(argv[1], "--threads")) {
		fake = fakehost_new();
		fakehost_threads(fake, (uint32_t)atoi(argv[2]));
		argv += 2;
		argc -= 2;
	}
	buf_init(&file, 0);
	if (argc < 2 || file_read(argv[1], (size_t)4 << 30, &file, NULL) ||
	    scan(&file, argc > 2 ? argv[2] : NULL, fake ? fakehost_host(fake) : NULL, &err)) {
		fprintf(stderr, "%s\n", argc < 2 ? "parquet_scan [--threads N] FILE [COLUMN]" : err.message);
		return EXIT_FAILURE;
	}
	buf_done(&file);
	fakehost_free(fake);
	return EXIT_SUCCESS;
}
