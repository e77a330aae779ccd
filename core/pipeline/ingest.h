/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest, inside: what the files of the task have in common.
 *
 *   ingest.c          the task: its units one after the other, from the dataset's schema to the result
 *   ingest_decoder.c  the plugin of the unit at hand, from its choice to its end
 *   ingest_batches.c  what it gives: schemas that grow, and batches through the transforms into files
 *   ingest_parts.c    what is done: units, counts, and the PARTs that carry them to the agent
 *
 * One thread, one task. Functions that can fail return 0 or a code and fill err. */
#ifndef PIPELINE_INGEST_H
#define PIPELINE_INGEST_H

#include "conform.h"
#include "feed.h"
#include "pipeline.h"
#include "plugin/codec.h"
#include "rejects.h"
#include "source.h"
#include "spread.h"
#include "transform.h"

struct ingest {
	struct loader *loader;
	const struct json *order, *spec;
	const struct pipeline_events *events;
	const char *staging, *task;
	int dry_run, overwrites;
	struct ArrowSchema target; /* of the dataset, as far as known; release NULL = nothing is known */
	struct json *partition_by;
	struct spread *output;
	struct rejects *rejects;
	struct json *files, *reject_files; /* of the part at hand */
	struct json *units;                /* state */
	size_t unit, n_done;               /* n_done: units of this order */
	const char *lacking;               /* the plugin of the unit at hand that needs another worker, or NULL */
	int64_t seq, rows, rows_decoded, bytes_done, bytes_total, n_files;
	uint64_t target_bytes;
	/* the unit at hand */
	struct source *source;
	const struct loader_plugin *plugin;
	struct loader_host host;
	void *self;
	struct feed feed; /* of a source that comes as a stream */
	int opened;
	int marked;                    /* it gave the mark of the unit */
	int grown;                     /* how often the schema did, since the last row */
	struct ArrowSchema schema;     /* the plugin's */
	struct transforms *transforms; /* NULL: none */
	struct conform *conform;
	orasi_mark mark;
};

/* ---- ingest_parts.c */

/* The unit at hand: {"uri","done","size","modified","mark","by","transforms"}. */
struct json *ingest_unit(const struct ingest *in);
void ingest_make_units(struct ingest *in);
/* Units and counts as the attempt before left them in its checkpoint. */
void ingest_resume(struct ingest *in, const struct json *checkpoint);
/* Of the caller: {"rows_in","rows","rejected","bytes_in","files"}. */
struct json *ingest_counts(const struct ingest *in);
/* The files that are being written end here. */
int ingest_finish_file(struct ingest *in, struct err *err);
/* final: the task is done; pauses: the order is, and another one goes on behind this part */
int ingest_send_part(struct ingest *in, int final, int pauses, struct err *err);

/* ---- ingest_decoder.c */

/* Sets in->plugin, or in->lacking and fails where this worker lacks the rights. */
int ingest_choose_plugin(struct ingest *in, const char *uri, struct err *err);
int ingest_make_decoder(struct ingest *in, struct err *err);
/* At the unit's mark, within its range; in->schema is what the plugin has to say of the columns. */
int ingest_open_decoder(struct ingest *in, struct err *err);
/* What the source has next, to a decoder that waits for it. */
int ingest_feed(struct ingest *in, struct err *err);
/* The error of a call into the plugin; that it had rejected too many is told as that. Always fails. */
int ingest_plugin_failed(struct ingest *in, const char *function, orasi_status status, const orasi_error *error,
                         struct err *err);
/* Whatever of the unit is open ends, source included; harmless when nothing is. */
void ingest_close_decoder(struct ingest *in);

/* ---- ingest_batches.c */

/* The dataset's schema gains what comes out of the transforms. `states`: where those go on, NULL: at their beginning. */
int ingest_shape(struct ingest *in, const struct json *states, struct err *err);
/* For transforms: takes the batch over. ctx: the struct ingest. */
int ingest_write_batch(void *ctx, struct ArrowArray *batch, struct err *err);
/* To the end of the unit, or of a preview. */
int ingest_read_batches(struct ingest *in, struct err *err);

#endif
