/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of a query, kept beyond open and turned so that statistics, pages, bloom filters and
 * values can be held against them. All answers are careful: what cannot be judged may match. */
#ifndef PARQUET_PREDICATE_H
#define PARQUET_PREDICATE_H

#include "leaf.h"

/* What values and literals are compared as. DOMAIN_NONE: not at all, only nulls tell. */
enum domain { DOMAIN_NONE, DOMAIN_INT, DOMAIN_FLOAT, DOMAIN_BYTES };

struct literal {
	__int128 i;
	double d;
	struct slice bytes;
};

struct predicate {
	const struct node *node; /* a column without nesting; NULL: the file does not have it */
	uint32_t op;
	enum domain domain;
	struct arrow_type_info want; /* of the literals */
	struct literal *literals;    /* nulls are left out */
	uint32_t n_literals;
};

struct predicates {
	struct pool pool;
	struct predicate *list;
	uint32_t n;
};

orasi_status predicates_make(struct predicates *ret, const struct tree *tree, const orasi_term *const *terms,
                             uint32_t n_terms, orasi_error *err);
void predicates_free(struct predicates *predicates);

/* Can one of the values that the statistics describe match? `only_nulls`: there are none. */
int predicate_may_match(const struct predicate *p, const struct pq_file *file, const struct pq_stats *stats,
                        int only_nulls);
/* The hash that a bloom filter has for a literal; 0: it has none. */
int predicate_hash(const struct predicate *p, const struct literal *literal, uint64_t *ret);
int predicate_takes_null(const struct predicate *p);
int predicate_takes_value(const struct predicate *p, struct slice value);

#endif
