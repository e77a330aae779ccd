/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Parquet file: rows or an error. The first byte, which a decoder does not look at,
 * chooses what is asked for. A build for fuzzing does not look at checksums. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fakehost_source source;
	orasi_ingest_open open = {
	        .struct_size = sizeof(open), .source = &source.source, .max_rows = 100};
	orasi_error error = {.struct_size = sizeof(error)};
	orasi_mark mark = {.struct_size = sizeof(mark)};
	struct ArrowSchema schema = {0};
	struct ArrowArray batch;
	orasi_status r;
	void *self;

	fakehost_source_init(&source, data, size, 1);
	choose(&open, size ? data[0] : 0);
	if (parquet_ingest_factory.create(NULL, PARQUET_ID, NULL, &self, &error))
		return 0;
	r = parquet_ingest_factory.open(self, &open, &schema, &error);
	for (int i = 0; i < 20 && !r; i++) {
		r = parquet_ingest_factory.next(self, &batch, &mark, &error);
		if (!r)
			arrow_array_release(&batch);
	}
	arrow_schema_release(&schema);
	parquet_ingest_factory.destroy(self);
	return 0;
}
