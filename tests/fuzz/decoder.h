/* SPDX-License-Identifier: Apache-2.0 */
/* The body of the fuzz targets for decoders of text. The first two bytes choose a configuration and sizes. The rows,
 * the schema and the number of rejects must be the same whether the source comes whole or in
 * pieces, in large batches or small ones, read or fed, and when the reading goes on from a mark. */
#ifndef TESTS_FUZZ_DECODER_H
#define TESTS_FUZZ_DECODER_H

#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "ingest-json/rows.h"

#define MARKS_MAX 4

struct setup {
	const char *config, *want;
	uint32_t flags;
	int cannot_feed; /* and must say so */
};

static void run(struct rows *rows, const uint8_t *data, size_t size, struct rows_options options, size_t piece,
                size_t *ret_rejects)
{
	struct fakehost *fake = fakehost_new();
	struct fakehost_source source;

	fakehost_source_init(&source, data, size, piece % 2 == 0);
	source.max_read = piece;
	source.random = piece;
	rows_run(rows, fake, &source.source, &options);
	*ret_rejects = fakehost_rejects(fake);
	fakehost_free(fake);
}

static void same(int ok, const char *what, const struct rows *a, const struct rows *b)
{
	if (ok)
		return;
	fprintf(stderr, "%s differs:\n%d %s\n%s\n%s\n--\n%d %s\n%s\n%s\n", what, a->status, a->error.message,
	        a->schema.data, a->text.data, b->status, b->error.message, b->schema.data, b->text.data);
	abort();
}

static int text_equals(const struct buf *a, size_t skip, const struct buf *b)
{
	return a->len - skip == b->len && !memcmp(a->data + skip, b->data, b->len);
}

static void fed(const struct rows *whole, size_t rejects, const uint8_t *data, size_t size, struct rows_options options,
                size_t piece, int cannot)
{
	struct rows rows;
	size_t rejects_fed;

	options.feed_piece = piece;
	run(&rows, data, size, options, 0, &rejects_fed);
	if (cannot) {
		same(rows.status == ORASI_E_UNSUPPORTED, "status when it cannot be fed", whole, &rows);
	} else {
		same(whole->status == rows.status, "status when fed", whole, &rows);
		same(text_equals(&whole->text, 0, &rows.text), "the rows when fed", whole, &rows);
		same(text_equals(&whole->schema, 0, &rows.schema) || whole->status != ORASI_END, "the schema when fed",
		     whole, &rows);
		same(rejects == rejects_fed, "the number of rejects when fed", whole, &rows);
	}
	rows_done(&rows);
}

static int fuzz_decoder(const struct setup *setups, size_t n_setups, const uint8_t *data, size_t size)
{
	struct rows whole, pieces, rest;
	struct rows_options options = {0};
	struct ArrowSchema schemas[MARKS_MAX];
	size_t rejects, rejects_pieces, rejects_rest, setup, sizes;

	if (size < 2)
		return 0;
	setup = data[0] % n_setups;
	sizes = data[1];
	data += 2;
	size -= 2;
	options.config = setups[setup].config;
	options.want = setups[setup].want;
	options.flags = setups[setup].flags;
	run(&whole, data, size, options, 0, &rejects);
	fed(&whole, rejects, data, size, options, 1 + sizes % 29, setups[setup].cannot_feed);

	options.max_rows = 1 + sizes % 3;
	options.keep_marks = MARKS_MAX;
	options.ret_schemas = schemas;
	run(&pieces, data, size, options, 1 + sizes % 67, &rejects_pieces);
	same(whole.status == pieces.status, "status", &whole, &pieces);
	same(text_equals(&whole.text, 0, &pieces.text), "the rows", &whole, &pieces);
	same(text_equals(&whole.schema, 0, &pieces.schema), "the schema", &whole, &pieces);
	same(rejects == rejects_pieces, "the number of rejects", &whole, &pieces);

	options.keep_marks = 0;
	options.want = NULL;
	for (size_t i = 0; i < pieces.n_marks; i++) {
		if (i == sizes % MARKS_MAX) {
			options.want_schema = &schemas[i];
			options.checkpoint = (orasi_bytes){(uint8_t *)pieces.marks[i].data, pieces.marks[i].len};
			run(&rest, data, size, options, 1 + sizes % 31, &rejects_rest);
			same(whole.status == rest.status, "status after a mark", &whole, &rest);
			same(text_equals(&whole.text, pieces.mark_rows[i], &rest.text), "the rest of the rows", &whole,
			     &rest);
			same(rejects == rejects_rest + pieces.mark_rejects[i], "rejects after a mark", &whole, &rest);
			rows_done(&rest);
		}
		arrow_schema_release(&schemas[i]);
	}
	rows_done(&whole);
	rows_done(&pieces);
	return 0;
}

#endif
