/* SPDX-License-Identifier: Apache-2.0 */
/* The datasets and indexes this agent knows: names, places and what the last commit said. The truth
 * about their content is in the tables themselves; this is the list of where to look, kept in the
 * store so that the agent needs no worker to answer "what is there".
 *
 * Threading: loop thread; writes are durable when on_done is called. */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct store;
struct catalog;

struct catalog_dataset {
	const char *name;                    /* str_is_name */
	const char *location;                /* absolute path (later also s3://…) */
	int64_t created_at, updated_at;      /* wall ms */
	int64_t version, rows, bytes, files; /* as of the last commit seen; -1 = not known */
};

struct catalog_index {
	const char *dataset, *name, *plugin; /* plugin: its short name */
	const char *columns;                 /* JSON array of names */
	const char *options;                 /* JSON object */
	int64_t created_at, updated_at;
	int64_t generation, rows, bytes, segments; /* as of the last commit seen; -1 = not known */
};

typedef void (*catalog_done_fn)(void *ctx, int r, const struct err *err);

int catalog_open(struct store *store, struct catalog **ret, struct err *err);
void catalog_close(struct catalog *catalog);

/* Known ones, kept in RAM: pointers live until the loop runs again. NULL if unknown. */
const struct catalog_dataset *catalog_dataset(const struct catalog *catalog, const char *name);
const struct catalog_index *catalog_index(const struct catalog *catalog, const char *dataset, const char *name);
/* Sorted by name. `dataset` filters indexes. */
int catalog_datasets(const struct catalog *catalog, struct arena *arena, const struct catalog_dataset ***ret,
                     size_t *ret_n);
int catalog_indexes(const struct catalog *catalog, const char *dataset, struct arena *arena,
                    const struct catalog_index ***ret, size_t *ret_n);

/* ERR_INVALID with what to do, when a dataset cannot be called so: SQL does not tell names apart by case, and SQLite keeps
 * some for itself. A name that is known is fine. */
int catalog_check_name(const struct catalog *catalog, const char *name, struct err *err);
/* Adds or updates by name (and dataset). Strings are copied. */
int catalog_put_dataset(struct catalog *catalog, const struct catalog_dataset *dataset, catalog_done_fn on_done,
                        void *ctx);
int catalog_put_index(struct catalog *catalog, const struct catalog_index *index, catalog_done_fn on_done, void *ctx);
/* A dataset goes with its indexes. ERR_NOTFOUND. */
int catalog_drop_dataset(struct catalog *catalog, const char *name, catalog_done_fn on_done, void *ctx);
int catalog_drop_index(struct catalog *catalog, const char *dataset, const char *name, catalog_done_fn on_done,
                       void *ctx);

#endif
