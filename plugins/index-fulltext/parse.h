/* SPDX-License-Identifier: Apache-2.0 */
/* The query language of MATCH:
 *
 *   or     := and { OR and }
 *   and    := factor { [AND] factor }
 *   factor := NOT factor | ( or ) | "words in this order" | word | begin*
 *
 * OR, AND and NOT are written in capitals. A word that is several terms ("/api/orders", "日本") is a phrase. What has no
 * letter in it is left out. */
#ifndef FULLTEXT_PARSE_H
#define FULLTEXT_PARSE_H

#include <orasi/abi.h>

#include "text.h"

#define QUERY_MAX 65536
#define QUERY_NODES_MAX 256
#define QUERY_DEPTH_MAX 64

enum node_kind { NODE_WORDS, NODE_PREFIX, NODE_AND, NODE_OR, NODE_NOT };

struct node {
	enum node_kind kind;
	struct node *left, *right; /* NOT has only left */
	struct term_text {
		uint8_t bytes[TERM_MAX];
		size_t n;
	} * terms; /* of WORDS one or more, a phrase; of PREFIX the words before and the begin */
	size_t n_terms;
};

/* ORASI_E_INVALID with the place. Free with query_free. */
orasi_status query_parse(const char *text, size_t n, struct node **ret, orasi_error *err);
void query_free(struct node *node); /* NULL is fine */

#endif
