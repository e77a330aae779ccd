/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Parquet file: rows or an error. The first byte, which a decoder does not look at,
 * chooses what is asked for: rows, a mark, small batches, terms. A build for fuzzing does not look
 * at checksums. */
#include "fuzz/fuzz.h"

#include <orasi/sdk/arrow.h>

#include "ingest-parquet/plugin.h"
#include "lib/fakehost.h"

static void choose(orasi_ingest_open *open, uint8_t options)
{
	static const uint64_t rows[] = {0, 2, 3, 70}, state[] = {1, 1};

	if (options & 1) {
		open->flags |= ORASI_OPEN_ROWS;
		open->rows = rows;
		open->n_rows = options & 8 ? 4 : 3;
	}
	if (options & 2)
		open->checkpoint = (orasi_bytes){(const uint8_t *)state, sizeof(state)};
	if (options & 4)
		open->max_rows = 2;
}

/* A condition on each of the first columns, and on one that is not there. */
#define TERMS_MAX 4

struct conditions {
	orasi_term terms[TERMS_MAX];
	const orasi_term *list[TERMS_MAX];
	struct ArrowArray values[TERMS_MAX];
	uint32_t n;
};

static int literal_make(const struct ArrowSchema *type, struct ArrowArray *ret)
{
	struct arrow_builder *b = arrow_builder_new(type);
	struct arrow_type_info info;
	int r = !b || arrow_type_parse(type->format, &info);

	if (!r && (info.type == ARROW_UTF8 || info.type == ARROW_BINARY))
		r = arrow_append_bytes(b, "b", 1);
	else if (!r && (info.type == ARROW_FLOAT32 || info.type == ARROW_FLOAT64))
		r = arrow_append_double(b, 2.5);
	else if (!r && arrow_type_width(&info) && info.type != ARROW_FIXED_BINARY)
		r = info.type == ARROW_DECIMAL128 || info.type == ARROW_FLOAT16 ? arrow_append_null(b)
		                                                                : arrow_append_int(b, 3);
	else if (!r)
		r = arrow_append_null(b);
	if (!r)
		r = arrow_builder_finish(b, ret);
	arrow_builder_free(b);
	return r;
}

static void conditions_make(struct conditions *c, const struct ArrowSchema *schema, uint8_t options)
{
	for (int64_t i = 0; i < schema->n_children && c->n < TERMS_MAX; i++) {
		const struct ArrowSchema *type = schema->children[i];
		orasi_term *term = &c->terms[c->n];

		if (type->n_children || literal_make(type, &c->values[c->n]))
			continue;
		*term = (orasi_term){.struct_size = sizeof(*term),
		                     .op = 1 + (options >> 5) + (uint32_t)i,
		                     .column = {type->name, strlen(type->name)},
		                     .type = type,
		                     .values = &c->values[c->n]};
		c->list[c->n] = term;
		c->n++;
	}
}

static void conditions_done(struct conditions *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		arrow_array_release(&c->values[i]);
}

static void read_all(void *self, const orasi_ingest_open *open, orasi_error *error)
{
	orasi_mark mark = {.struct_size = sizeof(mark)};
	struct ArrowSchema schema = {0};
	struct ArrowArray batch;
	orasi_status r = parquet_ingest_factory.open(self, open, &schema, error);

	for (int i = 0; i < 20 && !r; i++) {
		r = parquet_ingest_factory.next(self, &batch, &mark, error);
		if (!r)
			arrow_array_release(&batch);
	}
	arrow_schema_release(&schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fakehost_source source;
	orasi_ingest_open open = {.struct_size = sizeof(open), .source = &source.source, .max_rows = 100};
	orasi_error error = ORASI_NO_ERROR;
	struct ArrowSchema schema = {0};
	struct conditions conditions = {0};
	uint8_t options = size ? data[0] : 0;
	void *self;

	fakehost_source_init(&source, data, size, 1);
	if (parquet_ingest_factory.create(NULL, PARQUET_ID, NULL, &self, &error))
		return 0;
	if (options & 16) {
		open.flags = ORASI_OPEN_INFER;
		if (!parquet_ingest_factory.open(self, &open, &schema, &error))
			conditions_make(&conditions, &schema, options);
		open.flags = 0;
		open.terms = conditions.list;
		open.n_terms = conditions.n;
	}
	choose(&open, options);
	read_all(self, &open, &error);
	conditions_done(&conditions);
	arrow_schema_release(&schema);
	parquet_ingest_factory.destroy(self);
	return 0;
}
