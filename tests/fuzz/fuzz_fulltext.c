/* SPDX-License-Identifier: Apache-2.0 */
/* A run of the full-text index, damaged in any way, and a query: a line of text, then the bytes of the run. The
 * checksum of its header is put right, so that the rest is reached. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "fuzz/fuzz.h"
#include "index-fulltext/plugin.h"
#include "index-fulltext/run.h"
#include "lib/memstore.h"

static void put_crc(struct memblob *blob)
{
	struct run_header head;

	if (blob->size < sizeof(head))
		return;
	memcpy(&head, blob->data, sizeof(head));
	head.crc = crc32c(0, &head, offsetof(struct run_header, crc));
	memcpy(blob->data, &head, sizeof(head));
}

static void ask(void *reader, const struct ArrowSchema *column, const uint8_t *text, size_t n)
{
	struct arrow_builder *b = arrow_builder_new(column);
	struct ArrowArray values;
	orasi_error error = ORASI_NO_ERROR;
	orasi_term term = {sizeof(term), ORASI_OP_MATCH, {"t", 1}, column, &values};
	const orasi_term *terms[] = {&term};
	orasi_query query = {.struct_size = sizeof(query), .flags = ORASI_QUERY_SCORE, .terms = terms, .n_terms = 1};
	uint64_t rows[64];
	float scores[64];
	orasi_hits hits = {.struct_size = sizeof(hits), .cap = 64, .row_ids = rows, .scores = scores};
	void *cursor;

	if (arrow_append_bytes(b, text, n) || arrow_builder_finish(b, &values))
		abort();
	if (!fulltext_factory.query(reader, &query, &cursor, &error)) {
		while (fulltext_factory.next(cursor, &hits, &error) == ORASI_OK)
			;
		fulltext_factory.cursor_close(cursor);
	}
	arrow_array_release(&values);
	arrow_builder_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	orasi_error error = ORASI_NO_ERROR;
	orasi_segment_info info;
	struct ArrowSchema keys;
	struct memstore store;
	void *self, *reader;

	if (!line)
		return 0;
	memstore_init(&store);
	memblob_set(memstore_blob(&store, "run.0"), line + 1, size - (size_t)(line + 1 - data));
	put_crc(memstore_blob(&store, "run.0"));
	arrow_schema_make(&keys, "+s", "", 0, 1);
	arrow_schema_make(keys.children[0], "u", "t", 1, 0);
	if (!fulltext_factory.create(NULL, FULLTEXT_ID, NULL, &keys, &self, &error)) {
		if (!fulltext_factory.open(self, &store.store, &reader, &info, &error)) {
			fulltext_factory.verify(reader, 2, &error);
			ask(reader, keys.children[0], data, (size_t)(line - data));
			fulltext_factory.close(reader);
		}
		fulltext_factory.destroy(self);
	}
	arrow_schema_release(&keys);
	memstore_done(&store);
	return 0;
}
