/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder, fed: what stands behind the table of feed.c, which alone looks at names of a later minor of the ABI, so
 * that the file fits hosts of 1.0 too.
 *
 * Threading: one call at a time per decoder. */
#ifndef INGEST_JSON_DECODE_H
#define INGEST_JSON_DECODE_H

#include <stdbool.h>

#include <orasi/plugin.h>

struct decoder;

/* As orasi_ingest_feed says. */
orasi_status decoder_open_fed(struct decoder *decoder, const orasi_ingest_open *open, uint64_t *ret_from,
                              struct ArrowSchema *ret_schema, orasi_error *err);
orasi_status decoder_feed(struct decoder *decoder, orasi_bytes bytes, bool last, orasi_error *err);

/* What a decoder offers besides, static; NULL when the id is none of it. */
const void *feed_extension(const char *id);

#endif
