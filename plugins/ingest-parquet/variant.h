/* SPDX-License-Identifier: Apache-2.0 */
/* VARIANT columns: values of any kind, each as two binaries, its names and itself, and perhaps with parts of it in
 * columns of their own (shredded). They are read as JSON text.
 * Source: parquet-format, VariantEncoding.md and VariantShredding.md, both of version 1. */
#ifndef PARQUET_VARIANT_H
#define PARQUET_VARIANT_H

#include <orasi/sdk/json.h>

#include "node.h"

/* ---- variant.c: the columns ------------------------------------------------------------------------------------ */

/* Is the group what the specification allows? E_UNSUPPORTED names the column and what is wrong with it. */
orasi_status variant_check(const struct node *group, orasi_error *err);
/* The group's columns as a struct: what is read. -1: out of memory. */
int variant_schema(const struct node *group, struct ArrowSchema *ret);
/* Structs of that schema → as many texts, null where the struct is. */
orasi_status variant_to_text(const struct node *group, const struct ArrowSchema *schema,
                             const struct ArrowArray *structs, struct ArrowArray *ret, orasi_error *err);

/* ---- variant_value.c: the binaries ----------------------------------------------------------------------------- */

enum variant_flaw { VARIANT_FINE, VARIANT_DAMAGED, VARIANT_UNKNOWN, VARIANT_DEEP, VARIANT_LONG };

#define VARIANT_DEPTH_MAX 100

/* Names of members, which values refer to by number. */
struct variant_names {
	const uint8_t *offsets, *text;
	uint32_t n, width; /* of an offset */
	size_t len;
};

struct variant_bytes {
	const uint8_t *ptr;
	size_t len;
};

enum variant_flaw variant_names_open(struct variant_names *ret, struct variant_bytes metadata);
/* Appends a value. */
enum variant_flaw variant_put(struct jsonw *out, const struct variant_names *names, struct variant_bytes value,
                              int depth);
/* Appends the members of an object to one that is open in `out`, but those that `is_other` knows. */
enum variant_flaw variant_put_members(struct jsonw *out, const struct variant_names *names, struct variant_bytes value,
                                      int depth, int (*is_other)(const void *ctx, const uint8_t *name, size_t n),
                                      const void *ctx);
/* Values of other kinds, in the form that both ways of storing them share. `unit` of `v`. */
void variant_put_decimal(struct jsonw *out, __int128 v, int scale);
void variant_put_double(struct jsonw *out, double v);
void variant_put_date(struct jsonw *out, int64_t days);
void variant_put_time(struct jsonw *out, int64_t us);
void variant_put_timestamp(struct jsonw *out, int64_t v, enum arrow_unit unit, int utc);
void variant_put_binary(struct jsonw *out, const uint8_t *p, size_t n);
/* More text is not made of one value. */
int variant_is_long(const struct jsonw *out);

#endif
