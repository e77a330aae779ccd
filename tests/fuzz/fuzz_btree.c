/* SPDX-License-Identifier: Apache-2.0 */
/* A segment of the B-tree, damaged in any way: the first byte says whether its keys are numbers or text. Checksums
 * of the header are put right, so that the rest is reached. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "fuzz/fuzz.h"
#include "index-btree/plugin.h"
#include "index-btree/segment.h"
#include "lib/memstore.h"

static void put_crc(struct memblob *blob)
{
	struct segment_header head;

	if (blob->size < sizeof(head))
		return;
	memcpy(&head, blob->data, sizeof(head));
	head.crc = crc32c(0, &head, offsetof(struct segment_header, crc));
	memcpy(blob->data, &head, sizeof(head));
}

static void ask(void *reader, const struct ArrowSchema *column, uint32_t op)
{
	struct arrow_builder *b = arrow_builder_new(column);
	struct ArrowArray values;
	orasi_error error = ORASI_NO_ERROR;
	orasi_term term = {sizeof(term), op, {"k", 1}, column, &values};
	const orasi_term *terms[] = {&term};
	orasi_query query = {.struct_size = sizeof(query), .terms = terms, .n_terms = 1};
	uint64_t rows[64];
	orasi_hits hits = {.struct_size = sizeof(hits), .cap = 64, .row_ids = rows};
	void *cursor;

	if (*column->format == 'u')
		arrow_append_bytes(b, "ab", 2);
	else
		arrow_append_int(b, 7);
	if (arrow_builder_finish(b, &values))
		abort();
	if (!btree_factory.query(reader, &query, &cursor, &error)) {
		while (btree_factory.next(cursor, &hits, &error) == ORASI_OK)
			;
		btree_factory.cursor_close(cursor);
	}
	arrow_array_release(&values);
	arrow_builder_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_segment_info info;
	struct ArrowSchema keys;
	struct memstore store;
	void *self, *reader;

	if (!size)
		return 0;
	memstore_init(&store);
	memblob_set(memstore_blob(&store, SEGMENT_BLOB), data + 1, size - 1);
	put_crc(memstore_blob(&store, SEGMENT_BLOB));
	arrow_schema_make(&keys, "+s", "", 0, 1);
	arrow_schema_make(keys.children[0], data[0] & 1 ? "u" : "l", "k", 1, 0);
	if (!btree_factory.create(NULL, BTREE_ID, NULL, &keys, &self, &error)) {
		if (!btree_factory.open(self, &store.store, &reader, &info, &error)) {
			btree_factory.verify(reader, 2, &error);
			for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_NOT_NULL; op++)
				if (op != ORASI_OP_PREFIX || data[0] & 1)
					ask(reader, keys.children[0], op);
			btree_factory.close(reader);
		}
		btree_factory.destroy(self);
	}
	arrow_schema_release(&keys);
	memstore_done(&store);
	return 0;
}
