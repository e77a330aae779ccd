/* SPDX-License-Identifier: Apache-2.0 */
/* How fast do Arrow batches become Parquet, and Parquet batches, on one core?
 *
 *   parquet_encode [rows [rounds [config]]]        parquet_encode 350000 5
 * '{"compression":"snappy"}'
 *
 * The rows are those of gen_logs: 14 columns, random ids among them. Prints the best of some rounds
 * in rows and MB of Arrow data per CPU second, from memory to memory. With a 4th argument the file
 * is kept under that name. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <orasi/sdk/arrow.h>

#include "lib/fakehost.h"

#define BATCH_ROWS 8192
#define N_COLUMNS 14

static uint64_t seed = 88172645463325252;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)((next() >> 32) * n >> 32);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const struct {
	const char *name, *format;
} columns[N_COLUMNS] = {
	{"timestamp", "tsu:UTC"}, {"level", "u"},   {"service", "u"}, {"host", "u"},    {"trace_id", "u"},
	{"span_id", "u"},         {"method", "u"},  {"path", "u"},    {"status", "l"},  {"duration_ms", "g"},
	{"bytes", "l"},           {"user_id", "l"}, {"sampled", "b"}, {"message", "u"},
};
static const char *const levels[] = {"INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"};
static const char *const services[] = {"auth", "billing", "cart", "catalog", "checkout", "gateway", "mail", "orders"};
static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"};
static const char *const paths[] = {"/api/v1/users/", "/api/v1/orders/", "/api/v2/search/", "/static/img/"};
static const char *const messages[] = {"request completed", "cache miss, loaded from the database",
                                       "user session refreshed", "background job finished"};

static int add_text(struct arrow_builder *rows, int column, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int add_text(struct arrow_builder *rows, int column, const char *fmt, ...)
{
	char text[160];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return arrow_append_bytes(arrow_builder_child(rows, column), text, (size_t)n);
}

static int add_row(struct arrow_builder *rows, uint64_t i)
{
	uint32_t number = below(100000), duration = below(2000000);
	const char *path = paths[below(4)];
	int r = arrow_append_int(arrow_builder_child(rows, 0), 1772323200000000 + (int64_t)i * 37000);

	r |= add_text(rows, 1, "%s", levels[below(6)]) | add_text(rows, 2, "%s", services[below(8)]);
	r |= add_text(rows, 3, "node-%02u", below(64));
	r |= add_text(rows, 4, "%016" PRIx64 "%016" PRIx64, next(), next()) | add_text(rows, 5, "%016" PRIx64, next());
	r |= add_text(rows, 6, "%s", methods[below(7)]) | add_text(rows, 7, "%s%u", path, number);
	r |= arrow_append_int(arrow_builder_child(rows, 8), 200 + below(18) * 10);
	r |= arrow_append_double(arrow_builder_child(rows, 9), duration / 1000.0);
	r |= arrow_append_int(arrow_builder_child(rows, 10), below(1000000));
	r |= arrow_append_int(arrow_builder_child(rows, 11), below(500000));
	r |= arrow_append_bool(arrow_builder_child(rows, 12), below(10) == 0);
	r |= add_text(rows, 13, "%s in %u.%03u ms for %s%u", messages[below(4)], duration / 1000, duration % 1000, path,
	              number);
	return r | arrow_end_struct(rows);
}

/* As many batches as the rows need; NULL: out of memory. */
static struct ArrowArray *make_batches(const struct ArrowSchema *schema, uint64_t n_rows, size_t *ret_n,
                                       double *ret_bytes)
{
	size_t n = (size_t)((n_rows + BATCH_ROWS - 1) / BATCH_ROWS);
	struct ArrowArray *batches = calloc(n + 1, sizeof(*batches));
	struct arrow_builder *rows = arrow_builder_new(schema);

	*ret_bytes = 0;
	for (size_t k = 0; batches && rows && k < n; k++) {
		for (uint64_t i = k * BATCH_ROWS; i < n_rows && i < (k + 1) * BATCH_ROWS; i++)
			if (add_row(rows, i))
				return NULL;
		*ret_bytes += (double)arrow_builder_bytes(rows);
		if (arrow_builder_finish(rows, &batches[k]))
			return NULL;
	}
	arrow_builder_free(rows);
	*ret_n = n;
	return batches;
}

/* ---- both ways ------------------------------------------------------------------------------ */

static orasi_status encode(const orasi_encode_factory *factory, void *self, struct fakehost_output *out,
                           const struct ArrowSchema *schema, const struct ArrowArray *batches, size_t n,
                           orasi_error *err)
{
	orasi_encode_info info = {.struct_size = sizeof(info)};
	orasi_status status =
		factory->open(self, &(orasi_encode_open){sizeof(orasi_encode_open), 0, &out->output, schema}, err);

	for (size_t i = 0; i < n && !status; i++)
		status = factory->write(self, &batches[i], err);
	return status ? status : factory->finish(self, &info, err);
}

static orasi_status decode(const orasi_ingest_factory *factory, void *self, const struct buf *file, orasi_error *err)
{
	struct fakehost_source source;
	const orasi_ingest_open open = {.struct_size = sizeof(open),
	                                .source = &source.source,
	                                .max_rows = 16384,
	                                .max_bytes = 16 << 20};
	orasi_mark mark = {.struct_size = sizeof(mark)};
	struct ArrowSchema schema;
	struct ArrowArray batch;
	orasi_status status;

	fakehost_source_init(&source, file->data, file->len, 1);
	status = factory->open(self, &open, &schema, err);
	if (status)
		return status;
	arrow_schema_release(&schema);
	while (!(status = factory->next(self, &batch, &mark, err)))
		arrow_array_release(&batch);
	return status == ORASI_END ? factory->close(self, err) : status;
}

static void report(const char *what, double best, uint64_t rows, double bytes)
{
	printf("%s %.3f CPU s, %.2f M rows/s, %.0f MB/s\n", what, best, (double)rows / best / 1e6, bytes / best / 1e6);
}

static void keep(const char *path, const struct buf *file)
{
	FILE *f = path ? fopen(path, "wb") : NULL;

	if (f) {
		fwrite(file->data, 1, file->len, f);
		fclose(f);
	}
}

static orasi_status bench(const struct ArrowSchema *schema, uint64_t rows, int rounds, const char *options,
                          const char *path, orasi_error *err)
{
	const orasi_entry *entry = orasi_plugin_entry_v1();
	const orasi_encode_factory *encoder = entry->get_factory(ORASI_ENCODE_FACTORY);
	const orasi_ingest_factory *decoder = entry->get_factory(ORASI_INGEST_FACTORY);
	struct fakehost *fake = fakehost_new();
	struct fakehost_config *config = fakehost_config_new(options);
	const orasi_host *host = fakehost_host(fake);
	double best[2] = {1e9, 1e9}, bytes = 0;
	struct fakehost_output out;
	void *writer = NULL, *reader = NULL;
	const char *id = entry->describe(0)->id;
	size_t n = 0;
	struct ArrowArray *batches = make_batches(schema, rows, &n, &bytes);
	orasi_status status = encoder->create(host, id, fakehost_config(config), &writer, err);

	if (!status)
		status = decoder->create(host, id, fakehost_config(config), &reader, err);
	for (int i = 0; i < rounds && !status; i++) {
		double start = cpu_seconds(), middle, end;

		fakehost_output_init(&out);
		status = encode(encoder, writer, &out, schema, batches, n, err);
		middle = cpu_seconds();
		if (!status)
			status = decode(decoder, reader, &out.buf, err);
		end = cpu_seconds();
		best[0] = middle - start < best[0] ? middle - start : best[0];
		best[1] = end - middle < best[1] ? end - middle : best[1];
		if (i == rounds - 1) {
			printf("%" PRIu64 " rows, %.1f MB of Arrow, %.1f MB of Parquet\n", rows, bytes / 1e6,
			       (double)out.buf.len / 1e6);
			keep(path, &out.buf);
		}
		fakehost_output_done(&out);
	}
	if (!status) {
		report("encode", best[0], rows, bytes);
		report("decode", best[1], rows, bytes);
	}
	for (size_t i = 0; i < n; i++)
		arrow_array_release(&batches[i]);
	free(batches);
	encoder->destroy(writer);
	decoder->destroy(reader);
	fakehost_config_free(config);
	fakehost_free(fake);
	return status;
}

int main(int argc, char **argv)
{
	struct ArrowSchema schema;
	orasi_error err = ORASI_NO_ERROR;
	orasi_status status;

	if (arrow_schema_make(&schema, "+s", "", 0, N_COLUMNS))
		return EXIT_FAILURE;
	for (int i = 0; i < N_COLUMNS; i++)
		if (arrow_schema_make(schema.children[i], columns[i].format, columns[i].name, 1, 0))
			return EXIT_FAILURE;
	status = bench(&schema, argc > 1 ? strtoull(argv[1], NULL, 10) : 350000, argc > 2 ? atoi(argv[2]) : 5,
	               argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL, &err);
	if (status)
		fprintf(stderr, "%s\n", err.message);
	arrow_schema_release(&schema);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
