/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder, fed instead of read (orasi/ingest.h). */
#ifndef INGEST_CSV_DECODE_H
#define INGEST_CSV_DECODE_H

#include <stdbool.h>

#include <orasi/plugin.h>

struct decoder;

orasi_status decoder_open_fed(struct decoder *d, const orasi_ingest_open *open, uint64_t *ret_from,
                              struct ArrowSchema *ret_schema, orasi_error *err);
orasi_status decoder_feed(struct decoder *d, orasi_bytes bytes, bool last, orasi_error *err);
/* What it offers by that id, or NULL (feed.c). */
const void *feed_extension(const char *id);

#endif
