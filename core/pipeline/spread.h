/* SPDX-License-Identifier: Apache-2.0 */
/* Staged files of a dataset, one per partition when it has any. Inside the pipeline room only.
 *
 * A partition column does not stand in the files: its value goes with each into the list, as "partition". */
#ifndef PIPELINE_SPREAD_H
#define PIPELINE_SPREAD_H

#include "base/err.h"
#include "plugin/loader.h"
#include "json/json.h"

struct spread;

/* What a task's `wishes` say about its files, as options of the plugin that writes them. To be freed. */
struct json *spread_options(const struct json *wishes);

/* `options` are those of the Parquet plugin, NULL: as it likes. `columns` are the names of the partition columns, NULL or
 * empty: none. A file ends when it has about `target` bytes; 0: never by itself. */
int spread_new(struct loader *loader, const char *staging, const struct json *options, const struct json *columns,
               uint64_t target, struct spread **ret, struct err *err);
void spread_free(struct spread *spread); /* unfinished files are deleted; NULL is fine */
/* A batch of the dataset's schema, which may only change behind spread_finish. */
int spread_write(struct spread *spread, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                 struct err *err);
/* What was written since the last spread_finish is worth a commit: a file of the target's size, or of a partitioned table
 * several for each partition, since a commit ends the files of all. */
int spread_is_due(struct spread *spread);
/* Ends and syncs all files and pushes them to `files`, as output_finish does. */
int spread_finish(struct spread *spread, struct json *files, struct err *err);

#endif
