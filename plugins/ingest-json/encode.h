/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder, shared by the files that make it up: encode.c and form.c. */
#ifndef INGEST_JSON_ENCODE_H
#define INGEST_JSON_ENCODE_H

#include <locale.h>

#include <orasi/ingest.h>

#include "column.h"

#define FLUSH_AT (256 << 10)

/* One column: how it is called in the text, and where its values of this batch are. */
struct field {
	uint8_t *key; /* "name": with quotes and colon */
	size_t key_len;
	enum column_mode mode;
	struct field *children;
	int64_t n_children;
	struct arrow_view view;
};

struct encoder {
	orasi_output *output;
	struct ArrowSchema schema;
	struct field root;
	locale_t c_locale;
	uint8_t *buf;
	size_t len, cap;
	uint8_t *scratch; /* JSON text that is checked */
	size_t scratch_cap;
	uint64_t rows, written;
	char stats[64];
	bool failed; /* out of memory while a row was written */
};

/* form.c: row i of the batch as a line behind what is written; e->failed when there is no memory for it. */
void encoder_put_row(struct encoder *e, int64_t i);

#endif
