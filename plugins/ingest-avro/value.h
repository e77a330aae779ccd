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

#define EMPTIES_FREE (16 << 20)  /* values without a byte that a file may have, */
#define EMPTIES_PER_BYTE 64      /* and so many more for each byte of its blocks */
#define RECORD_MAX (512LL << 20) /* bytes that one record may become in the columns */
#define VALUE_DEPTH 1000         /* of values of a type that contains itself */

enum taken { TAKEN, DAMAGED_VALUE, TOO_LARGE_VALUE, NO_MEMORY_VALUE, CANCELLED_VALUE };

struct values {
	const uint8_t *p, *end;
	const orasi_host_job *job; /* for its flag; or NULL */
	int64_t empties;           /* that may still come */
	int64_t cost, cost_max;    /* bytes in the columns, about: of the batch so far, and where this record ends it */
	uint32_t turns;            /* of loops over items */
	int depth;
	const char *damage; /* set with DAMAGED_VALUE and TOO_LARGE_VALUE */
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

static inline enum taken values_too_large(struct values *v, const char *what)
{
	v->damage = what;
	return TOO_LARGE_VALUE;
}

/* Before something is put into a column. */
static inline enum taken charge(struct values *v, int64_t bytes)
{
	v->cost += bytes;
	return v->cost > v->cost_max ? values_too_large(v, "it becomes larger than 512 MiB") : TAKEN;
}

/* Once in each turn of a loop over items. */
static inline enum taken values_turn(struct values *v)
{
	return ++v->turns % 64 == 0 && v->job && v->job->cancel_flag && *v->job->cancel_flag ? CANCELLED_VALUE : TAKEN;
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
/* How many items follow, 0: no more; the size of their block is read and not used. */
enum taken take_count(struct values *values, const struct avro_type *items, int64_t *ret);
/* n values of a type that has no bytes. */
enum taken values_empty(struct values *values, const struct avro_type *type, int64_t n);
enum taken take_branch(struct values *values, const struct avro_type *type, int64_t *ret);

/* The next value as JSON text, appended to values->text. */
enum taken values_spell_json(struct values *values, const struct avro_type *type);
/* How many digits a decimal in plain notation has, without zeros in front. */
int32_t count_digits(const char *text, size_t n);

#define FLAW_UTF8 "avro.utf8"
#define FLAW_SYMBOL "avro.symbol"
#define FLAW_RANGE "avro.range"
#define FLAW_DIGITS "a decimal has more digits than its precision"

#endif
