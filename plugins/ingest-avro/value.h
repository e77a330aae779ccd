/* SPDX-License-Identifier: Apache-2.0 */
/* Values in Avro's binary encoding: into columns, or stepped over. Source: Apache Avro 1.12 Specification, "Binary
 * Encoding".
 *
 * What is wrong with a value is of two sorts. A flaw: its end is known, so that the reading goes on behind it (text that
 * is no UTF-8, a symbol that the enum does not have). Damage: where the next value begins is not known any more. */
#ifndef INGEST_AVRO_VALUE_H
#define INGEST_AVRO_VALUE_H

#include "codec.h"
#include "shape.h"
#include "varint.h"

#define EMPTIES_MAX (16 << 20) /* values without a byte, in a block */
#define VALUE_DEPTH 1000       /* of values of a type that contains itself */
#define DECIMAL_BYTES 1024     /* of one that becomes text */

enum taken { TAKEN, DAMAGED_VALUE, NO_MEMORY_VALUE };

struct values {
	const uint8_t *p, *end;
	int64_t empties; /* that may still come */
	int depth;
	const char *damage; /* set with DAMAGED_VALUE */
	const char *flaw;   /* the code of the first flaw of the record, NULL: none */
	const char *what;   /* about it */
	int32_t column;     /* the part of the root that it is in */
	int32_t now;        /* that is being read */
	struct buffer text; /* to put values together in */
};

/* The next record into the builders of the shape. With a flaw they hold something for it all the same, so that the row can
 * be taken back; after another result than TAKEN they may hold half a row. */
enum taken values_take(struct values *values, const struct shape *shape);
/* Steps over the next value. */
enum taken values_skip(struct values *values, const struct avro_type *type);

/* ---- inside ------------------------------------------------------------------------------------------------------ */

static inline enum taken values_damaged(struct values *v, const char *what)
{
	v->damage = what;
	return DAMAGED_VALUE;
}

void values_flawed(struct values *values, const char *code, const char *what);

static inline enum taken take_long(struct values *v, int64_t *ret)
{
	int r = varint_read(&v->p, v->end, ret);

	return !r        ? TAKEN
	       : r == -1 ? values_damaged(v, "the block ends within a number")
	                 : values_damaged(v, "a number has more than 64 bits");
}

/* n bytes, which lie in the block. */
static inline enum taken take_raw(struct values *v, size_t n, const uint8_t **ret)
{
	if ((size_t)(v->end - v->p) < n)
		return values_damaged(v, "the block ends within a value");
	*ret = v->p;
	v->p += n;
	return TAKEN;
}

/* Bytes with their length in front. */
static inline enum taken take_bytes(struct values *v, const uint8_t **ret, size_t *ret_n)
{
	int64_t n;
	enum taken taken = take_long(v, &n);

	if (taken)
		return taken;
	if (n < 0 || n > v->end - v->p)
		return values_damaged(v, "a value is longer than its block");
	*ret_n = (size_t)n;
	return take_raw(v, (size_t)n, ret);
}

/* A decimal's bytes. */
enum taken take_unscaled(struct values *values, const struct avro_type *type, const uint8_t **ret, size_t *ret_n);
/* How many items follow, 0: no more; the size of the block is read and not used. */
enum taken take_count(struct values *values, const struct avro_type *items, int64_t *ret);
enum taken take_branch(struct values *values, const struct avro_type *type, int64_t *ret);

/* The next value as JSON text, appended to values->text. */
enum taken values_spell_json(struct values *values, const struct avro_type *type);
/* A decimal in plain notation, a UUID (RFC 9562), a duration (ISO 8601), appended to the buffer; -1: no memory. */
int spell_decimal(struct buffer *to, const uint8_t *p, size_t n, int32_t scale);
int spell_uuid(struct buffer *to, const uint8_t p[16]);
int spell_duration(struct buffer *to, const uint8_t p[12]);

#endif
