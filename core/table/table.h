/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets: Delta Lake tables (protocol reader 1, writer 2) and the manifests of their indexes.
 * Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
 *
 * A table is a folder; its truth is _delta_log, a row of JSON files with numbers. A commit moves finished Parquet
 * files into the folder and creates the next number, which only one of many racers can. Every commit of ours names
 * who made it (txn: appId, version), so that repeating one changes nothing: "exactly once".
 *
 * Column types are those of Delta, as Arrow: b c s i l f g u z tdD tsu:UTC d:p,s +s +l +m.
 *
 * Threading: one thread per object. Objects that are returned belong to the caller. */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <orasi/sdk/arrow.h>

#include "base/err.h"
#include "blob/blob.h"
#include "json/json.h"

/* ---- checkpoints ----------------------------------------------------------------------------------------- */

/* Checkpoints are files of the format that datasets have. This room knows none: whoever has the plugin at hand lends
 * it (plugin/codec.h). NULL, where a codec is wanted: logs that begin with a checkpoint are refused. */
struct table_codec {
	void *ctx;
	/* Gives `each` all rows with these columns, null where the file lacks one; non-zero stops and is returned. */
	int (*read)(void *ctx, struct blob *blob, const char *name, const struct ArrowSchema *want,
	            int (*each)(void *to, const struct ArrowArray *rows, struct err *err), void *to, struct err *err);
	/* Appends a file of the batches that `next` makes: 1 with one, 0 behind the last. */
	int (*write)(void *ctx, const struct ArrowSchema *schema,
	             int (*next)(void *from, struct ArrowArray *ret, struct err *err), void *from, struct buf *ret,
	             struct err *err);
};

/* Writes a checkpoint of the newest version. Commits do so by themselves every 10 versions, or
 * delta.checkpointInterval. */
int table_checkpoint(struct blob *blob, const struct table_codec *codec, int64_t *ret_version, struct err *err);

/* ---- snapshot ------------------------------------------------------------------------------------------ */

struct table_file {
	const char *path;                    /* decoded, relative to the table */
	const char *raw;                     /* as the log writes it */
	const char *stats;                   /* JSON text, or NULL */
	int64_t size, modified, rows;        /* rows -1: not known */
	const struct json *partition, *tags; /* partitionValues; NULL: none */
	int has_vector;                      /* of deleted rows, which no snapshot has */
};

/* What the table is at one version. */
struct table_snapshot {
	int64_t version; /* -1: there is no table */
	struct ArrowSchema schema;
	struct ArrowSchema partitions; /* the columns of it that do not stand in files; mostly none */
	struct json *metadata;         /* the metaData action */
	struct table_file *files;      /* sorted by path */
	size_t n_files;
	int64_t rows, bytes;   /* rows -1: some file does not say */
	struct table_log *log; /* owns the rest */
};

/* Version -1 in the result when there is no table. ERR_UNSUPPORTED names the feature that is not here;
 * ERR_CORRUPT names the log entry. */
int table_snapshot(struct blob *blob, const struct table_codec *codec, struct table_snapshot *ret, struct err *err);
/* As it was at a version. ERR_NOTFOUND: it never was, or the log does not reach back there any more. */
int table_snapshot_at(struct blob *blob, const struct table_codec *codec, int64_t version, struct table_snapshot *ret,
                      struct err *err);
void table_snapshot_done(struct table_snapshot *snapshot);
/* The error of a dataset without a table, ERR_NOTFOUND. `place` is {"name","location","version"}: with a version there
 * was one, and it has gone, which is another thing than that nothing was ingested yet. */
int table_missing(const struct json *place, struct err *err);
/* Has the table gone that is known to have been there? ERR_NOTFOUND, or 0. */
int table_check_gone(const struct table_snapshot *snapshot, const struct json *place, struct err *err);
/* The live file of that path, or NULL. */
const struct table_file *table_file_at(const struct table_snapshot *snapshot, const char *path);
/* One row of the partition columns: what they are in all rows of the file. The caller's. */
int table_file_partition(const struct table_snapshot *snapshot, const struct table_file *file, struct ArrowArray *ret,
                         struct err *err);
/* A value as the log writes it, appended; 0: it is null, -1: the log has no form for it. */
int table_partition_text(const struct arrow_view *view, int64_t i, struct buf *ret);
int64_t table_txn(const struct table_snapshot *snapshot, const char *app_id); /* -1: none */
/* The version that was the newest at a moment, by what the commits say of their time. ERR_NOTFOUND. */
int table_version_at(struct blob *blob, int64_t wall_ms, int64_t *ret, struct err *err);
/* commitInfo of the newest `limit` commits, newest first, each with "version". An entry that is damaged or missing has a
 * "problem". */
struct json *table_history(struct blob *blob, size_t limit, struct err *err);

/* ---- schema -------------------------------------------------------------------------------------------- */

/* The dataset types for columns of any type: unsigned widen, times become microseconds (UTC), names lose what
 * Delta forbids. Nanoseconds are kept twice: behind the members of a struct comes, for each that has them and in
 * their order, "<name>_ns" with the number as it came. ERR_UNSUPPORTED names the column. */
int table_schema_has_nanos(const struct ArrowSchema *schema); /* a timestamp, time or duration of them */
/* `known` (may be NULL) is the dataset's: a key that has a column there goes to it, also one that had to be renamed,
 * which the column's metadata "orasi.key" tells. */
int table_schema_canonical(const struct ArrowSchema *schema, const struct ArrowSchema *known, struct ArrowSchema *ret,
                           struct err *err);
/* The dataset's columns by the keys that they have at their source: what a decoder is told to want. */
int table_schema_at_source(const struct ArrowSchema *schema, struct ArrowSchema *ret, struct err *err);
/* `have` with the columns of `more` that it lacks, nullable, appended in place (inside structs too). A column of
 * both must have the same type: ERR_CONFLICT names it and both types. `have` may be NULL. */
int table_schema_merge(const struct ArrowSchema *have, const struct ArrowSchema *more, struct ArrowSchema *ret,
                       struct err *err);
struct json *table_schema_to_delta(const struct ArrowSchema *schema);
int table_schema_from_delta(const struct json *delta, struct ArrowSchema *ret, struct err *err);

/* ---- commit -------------------------------------------------------------------------------------------- */

struct table_add {
	const char *staged; /* absolute path of the finished file, NULL: it is in place */
	const char *name;   /* its name in the table */
	int64_t size, rows;
	const char *stats;            /* JSON text */
	const struct json *partition; /* a text per partition column (table_partition_text); NULL: there are none */
};

struct table_change {
	const struct ArrowSchema *schema; /* NULL: as it is */
	const struct table_add *adds;
	size_t n_adds;
	const char *app_id; /* NULL: no txn */
	int64_t txn;
	const char *operation;         /* "WRITE" */
	const struct json *parameters; /* of the operation, for the history; texts, or NULL */
	const char *const *removes;    /* paths of files that are taken out; ERR_CONFLICT when one is not in any more */
	size_t n_removes;
	int replaces;   /* takes all files out that are in */
	int rearranges; /* the same rows in other files: nobody who follows the table needs to look */
	/* Of a new table, else without effect: */
	const struct json *partition_by, *properties;
	int creates; /* ERR_CONFLICT if there is one */
};

struct table_commit {
	int64_t version, rows, bytes, files; /* after it */
	int already;                         /* the txn was there: nothing has changed */
};

/* Creates the table when there is none. Safe against any number of other writers. ERR_UNSUPPORTED when the table
 * asks of writers what we do not do (partitions, constraints, writer features). */
int table_commit(struct blob *blob, const struct table_codec *codec, const struct table_change *change,
                 struct table_commit *ret, struct err *err);

/* What a vacuum found, or took. */
struct table_vacuum {
	int64_t files, bytes;
};
/* Deletes data files that are not in the table and were taken out, or written and never named, longer ago than that.
 * Less than the table's deletedFileRetentionDuration is ERR_INVALID unless `force`: readers of older versions may
 * need them. `dry_run` only counts. */
int table_vacuum(struct blob *blob, const struct table_codec *codec, int64_t older_than_ms, int force, int dry_run,
                 struct table_vacuum *ret, struct err *err);
/* Files of one partition, or all (`where` NULL), go out of the table in a commit of its own: {"column":"text"} in
 * partition columns only. *ret_files of them. */
int table_delete(struct blob *blob, const struct table_codec *codec, const struct json *where, struct table_commit *ret,
                 int64_t *ret_files, struct err *err);

/* Deletes data files ("part-….parquet") and index segments that nothing has ever named, and what crashes left
 * half-written, if older than that. The age counts from the move into the table: let it be longer than a commit can
 * take. Does nothing where there is no table. */
int table_sweep(struct blob *blob, const struct table_codec *codec, int64_t older_than_ms, int64_t *ret_removed,
                struct err *err);

/* ---- index manifests ------------------------------------------------------------------------------------ */

/* _orasi/indexes/<name>/<number>.json, the highest number is in force:
 * {"name","plugin","version","columns":[],"options":{},"created","segments":[{"dir","covers":[{"path","rows",
 * "base"}],"rows","entries","bytes","blobs":[{"name","size","crc32c"}],"state_version"}]}.
 * Segments lie beside it in the folder `dir`. ERR_NOTFOUND. */
int index_manifest_load(struct blob *blob, const char *name, struct json **ret, int64_t *ret_generation,
                        struct err *err);
/* {"name": {manifest}} of all indexes of the table. */
struct json *index_manifest_all(struct blob *blob, struct err *err);
/* Makes an index; the same again is fine, another one of that name is ERR_CONFLICT. */
int index_manifest_create(struct blob *blob, const struct json *manifest, int64_t *ret_generation, struct err *err);
/* Takes new segments in (each with "staged": the local folder) and those named in `replaces` out. Idempotent:
 * segments that are in already stay. No file is covered twice: segments whose files others have covered meanwhile are left
 * out (*ret_already is 1 when nothing is to be taken out either), and ERR_CONFLICT is returned when that holds for some
 * of these files only. */
int index_manifest_commit(struct blob *blob, const char *name, const struct json *segments, const struct json *replaces,
                          struct json **ret, int64_t *ret_generation, int *ret_already, struct err *err);
int index_manifest_drop(struct blob *blob, const char *name, struct err *err);
/* The relative path of a blob of a segment. */
void index_segment_path(const char *index, const char *dir, const char *blob, char *ret, size_t cap);

#endif
