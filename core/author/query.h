/* SPDX-License-Identifier: Apache-2.0 */
/* What --query says: "COLUMN OP VALUE" into a term for an index. OP is =, <, <=, >, >=, IN (values with commas between),
 * PREFIX, MATCH, IS NULL or IS NOT NULL; a name with spaces stands in "…", a value may stand in '…'. */
#ifndef AUTHOR_QUERY_H
#define AUTHOR_QUERY_H

#include <orasi/abi.h>

#include "base/err.h"

#define TERMS_MAX 8

/* Terms that all must hold. */
struct query {
	uint32_t n, ops; /* ops: bitmap of 1u << ORASI_OP_* */
	orasi_term terms[TERMS_MAX];
	const orasi_term *list[TERMS_MAX];
	struct ArrowSchema types[TERMS_MAX];
	struct ArrowArray values[TERMS_MAX];
};

/* `keys`: a struct with the columns that there are. */
int query_add(struct query *query, const char *text, const struct ArrowSchema *keys, struct err *err);
void query_done(struct query *query);
const char *query_op_name(uint32_t op);

#endif
