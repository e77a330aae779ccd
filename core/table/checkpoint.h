/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a checkpoint, one struct an action. Shared by the files that read and write them. */
#ifndef TABLE_CHECKPOINT_H
#define TABLE_CHECKPOINT_H

#include "table/log.h"

enum { TXN, ADD, REMOVE, METADATA, PROTOCOL, ACTIONS };
enum { TXN_APP, TXN_VERSION, TXN_UPDATED };
enum { ADD_PATH, ADD_PARTITION, ADD_SIZE, ADD_MODIFIED, ADD_CHANGE, ADD_STATS, ADD_TAGS, ADD_VECTOR, ADD_PARSED };
enum { REMOVE_PATH, REMOVE_AT, REMOVE_CHANGE, REMOVE_EXTENDED, REMOVE_PARTITION, REMOVE_SIZE };
enum { META_ID, META_NAME, META_DESCRIPTION, META_FORMAT, META_SCHEMA, META_COLUMNS, META_CREATED, META_CONFIGURATION };
enum { PROTOCOL_READER, PROTOCOL_WRITER, PROTOCOL_READER_FEATURES, PROTOCOL_WRITER_FEATURES };

/* What a checkpoint says of itself beside its rows. */
struct checkpoint_counts {
	int64_t rows, files;
};
/* Appends the file. Tombstones are left out when nobody needs them any more. */
int checkpoint_rows(const struct table_codec *codec, const struct table_log *log, struct buf *ret,
                    struct checkpoint_counts *ret_counts, struct err *err);

#endif
