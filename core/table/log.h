/* SPDX-License-Identifier: Apache-2.0 */
/* The replayed log. Inside the table room only (and its fuzz target). */
#ifndef TABLE_LOG_H
#define TABLE_LOG_H

#include "base/arena.h"
#include "base/map.h"
#include "table/table.h"

struct table_log {
	struct arena arena;
	int64_t version;
	struct map files;   /* path → struct table_file */
	struct map removed; /* paths that were in the table once */
	struct map txns;    /* appId → int64_t */
	struct json *protocol, *metadata, *schema;
	struct json *kept; /* values that files point to */
};

struct table_log *table_log_new(void);
void table_log_free(struct table_log *log);
int table_log_apply(struct table_log *log, const char *text, size_t n, struct err *err);
int table_log_load(struct blob *blob, struct table_log *log, struct err *err);
void table_entry_name(int64_t version, char ret[64]);
/* ERR_UNSUPPORTED names what the table asks of writers that we do not do. */
int table_log_writable(const struct table_log *log, struct err *err);

/* As table_schema_to_delta, with what `old` (may be NULL) says about the columns of both. */
struct json *table_schema_to_delta_as(const struct ArrowSchema *schema, const struct json *old);

/* Deletes segments and states of indexes that are not in force and were changed before that moment. */
int index_sweep(struct blob *blob, int64_t before_ms, int64_t *removed, struct err *err);

#endif
