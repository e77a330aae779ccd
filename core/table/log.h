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
	struct map files; /* path → struct table_file */
	struct map txns;  /* appId → int64_t */
	struct json *metadata, *schema;
	struct json *kept; /* values that files point to */
};

struct table_log *table_log_new(void);
void table_log_free(struct table_log *log);
int table_log_apply(struct table_log *log, const char *text, size_t n, struct err *err);
int table_log_load(struct blob *blob, struct table_log *log, struct err *err);
void table_entry_name(int64_t version, char ret[64]);

#endif
