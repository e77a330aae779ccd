/* SPDX-License-Identifier: Apache-2.0 */
/* Staged files: an encoder over a file in the staging folder, finished and synced. Inside the pipeline room only. */
#ifndef PIPELINE_OUTPUT_H
#define PIPELINE_OUTPUT_H

#include "base/err.h"
#include "plugin/loader.h"
#include "json/json.h"

struct output;

/* One after another file is written through it, each begun by output_begin with its schema. Of the format that datasets
 * have; `options` as below. */
int output_new(struct loader *loader, const char *staging, const struct json *options, struct output **ret,
               struct err *err);
/* The same in any format whose plugin encodes; `options` by its config_schema, or NULL. */
int output_new_as(struct loader *loader, const char *staging, const char *plugin, const struct json *options,
                  struct output **ret, struct err *err);
const char *output_ending(const struct output *output); /* of names of files in the format, ".parquet"; or "" */
void output_free(struct output *output);                /* an unfinished file is deleted */
int output_is_open(const struct output *output);
int output_begin(struct output *output, const struct ArrowSchema *schema, struct err *err);
int output_write(struct output *output, const struct ArrowArray *batch, struct err *err);
uint64_t output_size(struct output *output);
/* Ends and syncs the file; {"staged","name","size","rows","stats"} is pushed to `files`. */
int output_finish(struct output *output, struct json *files, struct err *err);

#endif
