/* SPDX-License-Identifier: Apache-2.0 */
/* Avro schemas: their JSON text as types. Source: Apache Avro 1.12 Specification, "Schema Declaration" and "Logical
 * Types". Nothing of the text is trusted: its depth, the number of its types and all numbers in it are bounded.
 *
 * A schema owns all its types. Named types are referred to, so that the types are a graph that may have circles. */
#ifndef INGEST_AVRO_SCHEMA_H
#define INGEST_AVRO_SCHEMA_H

#include <stdbool.h>

#include <orasi/plugin.h>

#define SCHEMA_DEPTH 64       /* of the JSON text's types within types */
#define SCHEMA_TYPES 20000    /* of one schema */
#define SCHEMA_MAX (16 << 20) /* bytes of its text */
#define FIXED_MAX (1 << 28)   /* bytes */
#define NAME_MOST 1024        /* bytes of a name */
#define WEIGHT_MAX (1 << 30)
#define PRECISION_MAX 2000 /* digits of a decimal; more are bytes */

enum avro_kind {
	AVRO_NULL,
	AVRO_BOOLEAN,
	AVRO_INT,
	AVRO_LONG,
	AVRO_FLOAT,
	AVRO_DOUBLE,
	AVRO_BYTES,
	AVRO_STRING,
	AVRO_RECORD,
	AVRO_ENUM,
	AVRO_ARRAY,
	AVRO_MAP,
	AVRO_UNION,
	AVRO_FIXED,
};

enum avro_logical {
	LOGICAL_NONE, /* also what the type is too narrow for, or nobody knows: "must be ignored" */
	LOGICAL_DECIMAL,
	LOGICAL_UUID,
	LOGICAL_DATE,
	LOGICAL_TIME_MILLIS,
	LOGICAL_TIME_MICROS,
	LOGICAL_TIMESTAMP_MILLIS,
	LOGICAL_TIMESTAMP_MICROS,
	LOGICAL_TIMESTAMP_NANOS,
	LOGICAL_LOCAL_MILLIS,
	LOGICAL_LOCAL_MICROS,
	LOGICAL_LOCAL_NANOS,
	LOGICAL_DURATION,
};

struct avro_type {
	enum avro_kind kind;
	enum avro_logical logical;
	int32_t precision, scale; /* LOGICAL_DECIMAL */
	uint32_t size;            /* AVRO_FIXED, bytes */
	bool sized;               /* every value has a byte at least */
	int32_t weight; /* not sized: how many values are in one, itself among them; WEIGHT_MAX: no end of them */
	const struct avro_type *in; /* the union that was last seen to have it */
	uint32_t n;
	struct avro_type **parts; /* n: fields of a record, branches of a union; one: the items of an array or a map */
	char **names;             /* n: fields of a record, symbols of an enum */
	char *name;               /* with its namespace; records, enums and fixed */
	struct avro_type *next;   /* of the schema's */
};

struct schema {
	struct avro_type *all, *root;
	uint32_t n;
	struct avro_type **named; /* by a hash of their names; a power of two, at most half of it in use */
	uint32_t n_named, cap_named;
};

/* Reads `text`. A failure names the place as a JSON pointer. */
orasi_status schema_read(struct schema *ret, const char *text, size_t len, orasi_error *err);
void schema_done(struct schema *schema);

/* "long", "record org.acme.Click": for messages. Static storage of the calling thread. */
const char *type_shown(const struct avro_type *type);

#endif
