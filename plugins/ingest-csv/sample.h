/* SPDX-License-Identifier: Apache-2.0 */
/* What the first records of a text tell about its columns: names, types, and why. */
#ifndef INGEST_CSV_SAMPLE_H
#define INGEST_CSV_SAMPLE_H

#include "value.h"

#define EXAMPLE_MAX 64

enum header { HEADER_AUTO, HEADER_PRESENT, HEADER_ABSENT };

struct column {
	char *name;
	unsigned copies; /* columns that were called the same */
	unsigned kinds;  /* of the values below the first record */
	uint64_t values, nulls;
	char example[EXAMPLE_MAX + 1];
	char turned[EXAMPLE_MAX + 1]; /* the value that made the type what it is, if not the first */
	/* Of the first record. */
	unsigned first_kind; /* 0: empty */
	bool first_like_value;
	struct field first; /* lent by `text` */
};

struct sample {
	struct column *columns;
	uint32_t width;
	uint64_t records, misfits; /* behind the first; with another number of fields */
	uint8_t *text;             /* of the first record, SCAN_PAD behind it */
	bool header;
	const char *why; /* the header is there or not */
};

/* Functions that return int: 0, or -1 when out of memory. */
int sample_first(struct sample *sample, const struct format *format, const struct fields *fields, const uint8_t *text,
                 size_t len);
void sample_note(struct sample *sample, const struct format *format, const struct fields *fields);
/* Is the first record a header? When it is none, it is noted like the others. */
void sample_settle(struct sample *sample, const struct format *format, enum header header);
/* Names of the columns: of the header, or "column1", …; equal ones get a number, "x_2". `given` has `n_given` of them or
 * is NULL. */
int sample_name(struct sample *sample, const struct format *format, const char *const *given, uint32_t n_given);
void sample_done(struct sample *sample);

/* Do the fields fit columns of this number? One more at the end that is empty does. */
static inline bool fields_fit(const struct fields *fields, uint32_t width)
{
	return fields->n == width || (fields->n == width + 1 && !fields->at[width].len && !fields->at[width].quoted);
}

#endif
