/* SPDX-License-Identifier: Apache-2.0 */
/* The replayed log. Inside the table room only (and its fuzz targets). */
#ifndef TABLE_LOG_H
#define TABLE_LOG_H

#include "base/arena.h"
#include "base/map.h"
#include "table/table.h"

#define ENTRY_MAX (256u << 20)
#define CHECKPOINT_MAX (1u << 30)
#define TABLE_DEPTH_MAX 60 /* of types in types */

/* A file that was in the table: other readers may still be at it, so it is remembered for a while. */
struct table_tombstone {
	const char *raw; /* the path as the log writes it */
	int64_t size, removed_at;
	const struct json *partition;
};

struct table_txn {
	int64_t version, updated; /* updated -1: not known */
};

/* Of the files that are in. Wide, since sizes come from outside and are taken off again. */
struct table_totals {
	__int128 bytes, rows;
	size_t unknown; /* files that do not say how many rows they have */
};

struct table_log {
	struct arena arena;
	int64_t version;
	int64_t checkpoint; /* the one it was read from, or that was made of it since, -1: none */
	int64_t begun;      /* kept.c: the version it was read at, -1: it was not kept yet */
	int64_t cleanable;  /* nothing can be cleaned before the checkpoint of that time is old; ms, -1: not known */
	struct map files;   /* path → struct table_file */
	struct map removed; /* path → struct table_tombstone */
	struct map txns;    /* appId → struct table_txn */
	struct table_totals totals;
	struct json *protocol, *metadata, *schema;
	struct json *kept; /* values that files point to */
};

/* ---- actions.c: one action after the other; the newest word on each thing counts ----------------------- */

struct table_log *table_log_new(void);
void table_log_free(struct table_log *log);
void table_log_clear(struct table_log *log);
/* The lines of one entry. */
int table_log_apply(struct table_log *log, const char *text, size_t n, struct err *err);
/* Strings and values are copied; `file->path` and `file->rows` come out of `raw` and `stats`. */
int table_log_add(struct table_log *log, const struct table_file *file, struct err *err);
int table_log_remove(struct table_log *log, const struct table_tombstone *tombstone, struct err *err);
int table_log_txn(struct table_log *log, const char *app_id, const struct table_txn *txn, struct err *err);
int table_log_metadata(struct table_log *log, const struct json *action, struct err *err);
int table_log_protocol(struct table_log *log, const struct json *action, struct err *err);
/* How long files that were taken out are kept for readers: deletedFileRetentionDuration, 7 days if not set. */
int64_t table_log_retention(const struct table_log *log);
/* ERR_UNSUPPORTED names what the table asks of readers that we do not do. */
int table_log_readable(const struct table_log *log, struct err *err);
/* ERR_UNSUPPORTED names what the table asks of writers that we do not do. */
int table_log_writable(const struct table_log *log, struct err *err);
/* A text property of the table ("delta.…"), or NULL. */
const char *table_log_property(const struct table_log *log, const char *name);
/* One of the kind "interval 7 days" in ms. */
int64_t table_log_interval(const struct table_log *log, const char *name, int64_t otherwise);

/* ---- path.c: paths as the log writes them ------------------------------------------------------------------- */

/* The name of a file in the table's place: a URI reference (RFC 2396) without its percent signs, "." and empty segments,
 * so that one file has one name; a plus stays a plus. In the arena. NULL: it is missing or empty, holds a NUL, or is no
 * UTF-8, which is what all that speaks of it is. */
const char *table_path_decode(struct arena *arena, const char *raw);
/* "/a", "file:///a", "s3://b/a": not in the table's place. */
int table_path_is_absolute(const char *raw);

/* ---- log.c: which files of the log make up a version ----------------------------------------------------- */

void table_entry_name(int64_t version, char ret[64]);
/* At most up to `version` (-1: the newest). Without a codec checkpoints are not read. */
int table_log_load(struct blob *blob, const struct table_codec *codec, int64_t version, struct table_log *log,
                   struct err *err);
/* Deletes entries and checkpoints that are older than the table's logRetentionDuration, as far as a checkpoint of
 * that age stands in for them. */
int table_log_clean(struct blob *blob, struct table_log *log, struct err *err);
/* The entries that are there, ascending; free() them. */
int table_log_versions(struct blob *blob, int64_t **ret, size_t *ret_n, struct err *err);

/* ---- kept.c: states that a writer keeps between commits ---------------------------------------------------- */

/* The state of the place brought up to date, the caller's now; NULL: none is kept, or it is not believed any more. */
struct table_log *table_log_take(struct blob *blob);
void table_log_keep(struct blob *blob, struct table_log *log); /* takes it */
/* That, or read anew; the caller's. */
int table_log_newest(struct blob *blob, const struct table_codec *codec, struct table_log **ret, struct err *err);

/* ---- checkpoint.c ------------------------------------------------------------------------------------------- */

/* Applies one file of a checkpoint. */
int checkpoint_read(struct blob *blob, const struct table_codec *codec, const char *name, struct table_log *log,
                    struct err *err);
/* The version that _last_checkpoint names, or -1. It may be wrong. */
int64_t checkpoint_hint(struct blob *blob);
/* Rows of a checkpoint as batches, for the fuzz target too. */
int checkpoint_schema(int for_writing, struct ArrowSchema *ret);
int checkpoint_apply(struct table_log *log, const struct ArrowSchema *schema, const struct ArrowArray *rows,
                     struct err *err);

/* Appends a checkpoint file of the state. */
int checkpoint_write(const struct table_codec *codec, const struct table_log *log, struct buf *ret, struct err *err);
/* After a commit that made `version`, with the log before it. */
int table_checkpoint_is_due(const struct table_log *log, int64_t version);
/* Of the newest version. A failure is logged: the commit stands. */
void table_checkpoint_newest(struct blob *blob, const struct table_codec *codec);

/* The same without its list of files: for who commits, that is all. */
int table_snapshot_head(struct table_log *log, struct table_snapshot *ret, struct err *err);
/* The log as a snapshot, which owns it from now on, whatever comes out. */
int table_snapshot_of(struct table_log *log, struct table_snapshot *ret, struct err *err);

/* ---- the rest ------------------------------------------------------------------------------------------------- */

int table_partition_schema(const struct table_log *log, const struct ArrowSchema *schema, struct ArrowSchema *ret,
                           struct err *err);

/* As table_schema_to_delta, with what `old` (may be NULL) says about the columns of both. */
struct json *table_schema_to_delta_as(const struct ArrowSchema *schema, const struct json *old);

/* Deletes segments and states of indexes that are not in force and were changed before that moment. */
int index_sweep(struct blob *blob, int64_t before_ms, int64_t *removed, struct err *err);

#endif
