/* SPDX-License-Identifier: Apache-2.0 */
/* The way of the data inside a worker:
 *
 *   source → decompress → format plugin → conform to the dataset's schema → Parquet plugin → staged files
 *
 * Nothing here is lasting: files are finished and synced in the attempt's staging folder, and a PART tells the
 * agent about them. A PART is an intent: {"seq","final","app_id","operation","files":[{"staged","name","size",
 * "rows","stats"}],"rejects":{"files":[…]},"schema":{Delta},"counts":{"rows_in","rows","rejected","bytes_in",
 * "files"},"state":{"units":[{"uri","size","modified","done","mark","by","transforms":[{"state","by"}]}]}}. It is noted
 * durably, committed by pipeline_commit in a table worker, and is what the next attempt resumes behind.
 *
 * Counts reconcile: rows_in = rows + rejected; with transforms, rows_in is what was decoded and rejected, rows what was
 * written.
 *
 * Threading: one order at a time, on one thread. */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include <stdint.h>

#include "base/err.h"
#include "json/json.h"

struct loader;

/* Where an order's news goes. */
struct pipeline_events {
	void *ctx;
	void (*on_progress)(void *ctx, int64_t done, int64_t total, int64_t rows, int64_t rejected);
	/* Hands the part over; returns when the one before is committed. Takes nothing. */
	int (*on_part)(void *ctx, const struct json *part, struct err *err);
	int (*is_cancelled)(void *ctx);
	unsigned rights; /* of this process: ORASI_FLAG_NEEDS_* shifted down to 1, 2, 4 */
};

/* How sources are opened where the process may not do it itself: a descriptor or -errno. NULL: open(2). Once, at the
 * start. */
void pipeline_set_opener(int (*open_file)(const char *path));

/* Orders as in worker/worker.h; results belong to the caller.
 *
 * Ingest: a source whose format is found by its content may turn out to need rights that this worker does not have. Then
 * what is done so far becomes a part that says "pauses", and the RESULT is {"again":{"unit","plugin"}}: give the order
 * again, with this as "found", to a worker that has the rights of that plugin. There only this unit is read, and no other
 * plugin is asked what a file is; when units are left the RESULT is {"again":{}}: give the order without "found". */
int pipeline_ingest(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                    struct json **ret, struct err *err);
int pipeline_commit(struct loader *loader, const struct json *order, struct json **ret, struct err *err);

/* Before a part is made true, of rows, of an index or of an export: all that the "intent" of the order names as staged
 * must lie in a folder of its "task" in the folder "staging", and be plain files there; it speaks for no other task; and
 * without "takes_out" it takes nothing out of the dataset. ERR_PLUGIN. */
int pipeline_check_staged(const struct json *order, struct err *err);

/* Small data files of a partition become fewer large ones: "spec" {"target_file_bytes","sort_by":[columns]} → a part
 * with "removes" and "rearranges" per group of files, RESULT {"files_in","files_out","rows","parts"}. With sort_by the
 * rows of each new file are in that order. A group that somebody changes meanwhile stays as they made it. */
int pipeline_optimize(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                      struct json **ret, struct err *err);
/* Reads every data file and holds it against the log: {"files","rows","bytes","problems":[{"file","problem"}]}. */
int pipeline_table_verify(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                          struct json **ret, struct err *err);

/* A version of the dataset ("spec" {"version" or "at"}, the newest without) as one file, or a folder of them, of any
 * format that encodes: "spec" {"to","overwrite","format":{"plugin","options"},"target_file_bytes"}. One part, which is
 * final: {"seq","final","app_id","operation","to","overwrite","folder","files":[{"staged","name","size"}],"counts"};
 * RESULT is its counts {"to","version","rows","files","bytes"}. Making it true is idempotent. ERR_EXISTS. */
int pipeline_export(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                    struct json **ret, struct err *err);
int pipeline_export_commit(const struct json *order, struct json **ret, struct err *err);
/* What an export that died while it was moved has left is taken away: "record" is the path that its order had. */
int pipeline_export_undo(const struct json *order, struct json **ret, struct err *err);

/* Index tasks. A part of theirs is {"seq","final","app_id","segments":[{"staged","dir","covers":[{"path","rows",
 * "base"}],"rows","entries","bytes","blobs":[{"name","size","crc32c"}],"state_version"}],"replaces":[dirs]}, one per
 * segment. "segment_rows" in the order bounds a segment. */
int pipeline_index_build(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                         struct json **ret, struct err *err);
int pipeline_index_optimize(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                            struct json **ret, struct err *err);
/* Opens and checks every segment at "level" (0 headers, 1 checksums and structure, 2 every entry), and what they
 * cover against the table: {"segments","rows","files","missing_files","problems":[{"segment","problem"}]}. */
int pipeline_index_verify(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                          struct json **ret, struct err *err);
int pipeline_index_commit(const struct json *order, struct json **ret, struct err *err);

#endif
