/* SPDX-License-Identifier: Apache-2.0 */
/* The little XML that S3 answers with: texts between tags. Inside the blob room only. */
#ifndef BLOB_S3_XML_H
#define BLOB_S3_XML_H

#include "base/buf.h"

/* The text of the next <tag> at or behind *at, decoded and appended; *at moves behind it. 0, or -1: there is none. */
int xml_next(const char **at, const char *tag, struct buf *ret);

struct xml_entry {
	int is_folder; /* a common prefix */
	struct buf key;
};
/* The next <Contents> or <CommonPrefixes>, in the order of the text. 0, or -1. */
int xml_next_entry(const char **at, struct xml_entry *ret);

#endif
