/* SPDX-License-Identifier: Apache-2.0 */
/* A format on a file: rows on standard output, one JSON object a line; what was rejected and the schema on standard
 * error. Of standard input a format that can be fed gives rows while it comes. */
#include <stdio.h>

#include <orasi/sdk/arrow.h>

#include "run.h"

static struct json *batch_json(const struct running *run, const struct ArrowArray *batch, const struct mark *mark)
{
	struct json *json = json_new_object();
	uint64_t hash = 0;

	for (uint64_t i = mark->rows - (uint64_t)batch->length; i < mark->rows; i++)
		hash = digest_bytes(hash, &run->decode.digest.items[i], sizeof(uint64_t));
	json_set_int(json, "rows", batch->length);
	recording_hash(json, "digest", hash);
	if (mark->resumable)
		recording_hash(json, "state", digest_bytes(0, mark->state, mark->len));
	else
		json_set_str(json, "state", "");
	json_set_int(json, "rejected", (int64_t)mark->rejects);
	return json;
}

static int print_batch(struct running *run, void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch,
                       const struct mark *mark)
{
	struct arrow_view view;

	(void)ctx;
	if (arrow_view_init(&view, schema, batch))
		return run_fail(run, AUTHOR_FAILED, "a batch cannot be read by its schema");
	for (int64_t i = 0; i < batch->length; i++)
		run_print(run, &view, i);
	if (recording_wanted(&run->recording))
		recording_note(&run->recording, batch_json(run, batch, mark));
	return 0;
}

int run_format(struct running *run)
{
	run_decode(run, print_batch, NULL);
	run_tell_rejected(&run->decode.lab);
	if (!run_has_begun(run))
		return run->code;
	run_tell_schema(&run->decode.schema);
	fprintf(stderr, "%zu rows, %zu rejected, %zu batches\n", run->decode.digest.n, run->decode.lab.rejects.n,
	        run->decode.n_marks);
	return run->code;
}
